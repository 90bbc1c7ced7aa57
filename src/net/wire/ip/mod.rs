//! IP packets, whole or cut short, down to the transport header and the payload.
//!
//! One decoder serves captured packets and those that ICMP errors quote. Of a quote only the IP header and
//! eight octets are sure (RFC 792), so the fixed IP header must be whole and all that follows is optional.
//! Offsets come from the packet's own header lengths; a claimed length is a claim, not a bound to read to.

mod chain;
mod malformed;
mod transport;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use etherparse::Ipv6HeaderSlice;

use self::chain::Chain;
pub use self::transport::{IcmpHeader, TcpFlags, TcpHeader, TransportHeader, UdpHeader};
use super::checksum::{Sum, checksum};
use super::icmp::Message;
use super::{Family, WireError, from, u8_at};

/// An IP packet that borrows its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The version, from the first four bits.
    pub family: Family,
    /// The source address.
    pub source: IpAddr,
    /// The destination address, as in the IP header: on the way through a source route it is the next stop.
    pub destination: IpAddr,
    /// What the packet carries after all extension headers; where the headers are cut short, the last one known.
    pub protocol: Protocol,
    /// Time to live or hop limit; in a quote, as it was at the router.
    pub ttl: u8,
    /// Type of service or traffic class, all eight bits.
    pub traffic_class: u8,
    /// The identification field of IPv4 or of an IPv6 fragment header; `None` if an IPv6 packet has none.
    pub identification: Option<u32>,
    /// The Don't Fragment bit; `None` for IPv6.
    pub dont_fragment: Option<bool>,
    /// The place of a fragment; `None` if the packet is whole.
    pub fragment: Option<Fragment>,
    /// Octets from the start of the packet to the transport header, present or not.
    pub header_len: usize,
    /// Octets the packet claims to have; senders that offload work may leave it too small.
    pub total_len: usize,
    /// Octets there are, padding included.
    pub present_len: usize,
    /// Whether the IPv4 header checksum is right; `None` for IPv6, or if options are cut off.
    pub header_checksum_ok: Option<bool>,
    /// The transport header.
    pub transport: TransportHeader,
    /// The octets present after the IP headers: transport header and payload.
    pub segment: &'a [u8],
    /// The octets present after the transport header, within its own claim of length.
    pub payload: &'a [u8],
}

/// A number of the IP protocol field. `Display` prints the name of those decoded here, the number of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Protocol(pub u8);

/// The place of a fragment in its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fragment {
    /// Octets of the datagram's payload before this fragment, a multiple of eight.
    pub offset: u16,
    /// Whether fragments follow.
    pub more: bool,
}

impl<'a> Packet<'a> {
    /// Reads an IP packet of either version from its header on.
    ///
    /// # Errors
    /// [`WireError::Version`] if the version is neither 4 nor 6; otherwise as [`Packet::parse_as`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        match u8_at(bytes, 0).map(|first| first >> 4) {
            Some(4) => Self::parse_v4(bytes),
            Some(6) => Self::parse_v6(bytes),
            Some(found) => Err(WireError::Version { found }),
            None => Err(WireError::Short { what: "IP header", needed: 20, had: 0 }),
        }
    }

    /// Reads an IP packet that must be of `family`, such as the one an ICMP error of that family quotes.
    ///
    /// # Errors
    /// [`WireError::Short`] for less than the fixed header (20 or 40 octets), [`WireError::Version`] for another
    /// version, [`WireError::HeaderLength`] for an impossible IPv4 header length.
    pub fn parse_as(family: Family, bytes: &'a [u8]) -> Result<Self, WireError> {
        match family {
            Family::V4 => Self::parse_v4(bytes),
            Family::V6 => Self::parse_v6(bytes),
        }
    }

    fn parse_v4(bytes: &'a [u8]) -> Result<Self, WireError> {
        let first = check_fixed(bytes, "IPv4 header", 20, 4)?;
        let words = first & 0x0f;
        // RFC 791, section 3.1. A quote may end within the options, which are not read here.
        let fixed: [u8; 20] = *bytes.first_chunk().filter(|_| words >= 5).ok_or(WireError::HeaderLength { words })?;
        let [_, traffic_class, len_a, len_b, id_a, id_b, place_a, place_b, ttl, protocol, _, _, addrs @ ..] = fixed;
        let [s1, s2, s3, s4, d1, d2, d3, d4] = addrs;
        let header_len = usize::from(words) * 4;
        let total_len = usize::from(u16::from_be_bytes([len_a, len_b]));
        let end = if total_len < header_len { bytes.len() } else { total_len };
        let place = u16::from_be_bytes([place_a, place_b]);
        let fragment = Fragment { offset: (place & 0x1fff) << 3, more: place & 0x2000 != 0 };
        let start = Chain {
            protocol: Protocol(protocol),
            at: header_len,
            fragment: (fragment.more || fragment.offset > 0).then_some(fragment),
            identification: Some(u16::from_be_bytes([id_a, id_b]).into()),
        };
        let packet = Self {
            family: Family::V4,
            source: [s1, s2, s3, s4].into(),
            destination: [d1, d2, d3, d4].into(),
            protocol: start.protocol,
            ttl,
            traffic_class,
            identification: None,
            dont_fragment: Some(place & 0x4000 != 0),
            fragment: None,
            header_len,
            total_len,
            present_len: bytes.len(),
            header_checksum_ok: bytes.get(..header_len).map(|head| checksum(head) == 0),
            transport: TransportHeader::Other,
            segment: &[],
            payload: &[],
        };
        Ok(packet.with_chain(start, bytes.get(..end).unwrap_or(bytes)))
    }

    fn parse_v6(bytes: &'a [u8]) -> Result<Self, WireError> {
        let first = check_fixed(bytes, "IPv6 header", 40, 6)?;
        let Ok(header) = Ipv6HeaderSlice::from_slice(bytes) else {
            return Err(WireError::Version { found: first >> 4 });
        };
        let claimed = usize::from(header.payload_length());
        let end = if claimed == 0 { bytes.len() } else { 40 + claimed };
        let start = Chain { protocol: Protocol(header.next_header().0), at: 40, fragment: None, identification: None };
        let packet = Self {
            family: Family::V6,
            source: IpAddr::V6(header.source_addr()),
            destination: IpAddr::V6(header.destination_addr()),
            protocol: start.protocol,
            ttl: header.hop_limit(),
            traffic_class: header.traffic_class(),
            identification: None,
            dont_fragment: None,
            fragment: None,
            header_len: 40,
            total_len: 40 + claimed,
            present_len: bytes.len(),
            header_checksum_ok: None,
            transport: TransportHeader::Other,
            segment: &[],
            payload: &[],
        };
        Ok(packet.with_chain(start, bytes.get(..end).unwrap_or(bytes)))
    }

    /// Completes the packet: what `bytes`, its claimed part, hold from the chain's start on.
    fn with_chain(self, start: Chain, bytes: &'a [u8]) -> Self {
        let Chain { protocol, at, fragment, identification } = start.walk(self.family, bytes);
        let segment = from(bytes, at);
        let first = fragment.is_none_or(|fragment| fragment.offset == 0);
        let (transport, payload) =
            if first { TransportHeader::parse(protocol, segment) } else { (TransportHeader::Other, segment) };
        Self { protocol, fragment, identification, header_len: at, transport, segment, payload, ..self }
    }

    /// Whether fewer octets are present than the packet claims to have.
    pub fn is_truncated(&self) -> bool {
        self.present_len < self.total_len
    }

    /// The source port of UDP or TCP; `None` for other protocols or if it is cut off.
    pub fn source_port(&self) -> Option<u16> {
        self.transport.ports().0
    }

    /// The destination port of UDP or TCP; `None` for other protocols or if it is cut off.
    pub fn destination_port(&self) -> Option<u16> {
        self.transport.ports().1
    }

    /// Source address and port; `None` as for [`Packet::source_port`].
    pub fn source_socket(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.source, self.source_port()?))
    }

    /// Destination address and port; `None` as for [`Packet::destination_port`].
    pub fn destination_socket(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.destination, self.destination_port()?))
    }

    /// The ICMP message the packet carries; `None` for another protocol, for a fragment after the first, or if less
    /// than eight octets of it are present.
    pub fn icmp_message(&self) -> Option<Message<'a>> {
        let TransportHeader::Icmp(header) = self.transport else {
            return None;
        };
        Message::parse(header.family, self.segment).ok()
    }

    /// Whether the checksum of UDP, TCP, ICMP or ICMPv6 is right; `None` for other protocols, for fragments and
    /// packets cut short, and for UDP sent without one.
    pub fn transport_checksum_ok(&self) -> Option<bool> {
        if self.is_truncated() || self.fragment.is_some() {
            return None;
        }
        let pseudo = Sum::pseudo(self.source, self.destination, self.protocol.0, self.segment.len());
        let sum = match self.transport {
            TransportHeader::Udp(UdpHeader { checksum: None | Some(0), .. }) => return None,
            TransportHeader::Udp(_) | TransportHeader::Tcp(_) => pseudo?,
            TransportHeader::Icmp(IcmpHeader { family: Family::V6, .. }) => pseudo?,
            TransportHeader::Icmp(_) => Sum::new(),
            TransportHeader::Other => return None,
        };
        Some(sum.join(self.segment).finish() == 0)
    }
}

/// One line: protocol, addresses with ports, what the transport says, ttl and length.
impl fmt::Display for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.protocol)?;
        write_end(f, self.source, self.source_port())?;
        f.write_str(" > ")?;
        write_end(f, self.destination, self.destination_port())?;
        write!(f, "{} ttl {} length {}", self.transport, self.ttl, self.total_len)?;
        if let Some(Fragment { offset, more }) = self.fragment {
            write!(f, " fragment at {offset}{}", if more { " with more" } else { "" })?;
        }
        if self.is_truncated() {
            write!(f, " ({} present)", self.present_len)?;
        }
        Ok(())
    }
}

fn write_end(f: &mut fmt::Formatter<'_>, address: IpAddr, port: Option<u16>) -> fmt::Result {
    match port {
        Some(port) => write!(f, "{}", SocketAddr::new(address, port)),
        None => write!(f, "{address}"),
    }
}

impl Protocol {
    /// ICMP for IPv4.
    pub const ICMP: Self = Self(1);
    /// Who belongs to which multicast group, for IPv4.
    pub const IGMP: Self = Self(2);
    /// TCP.
    pub const TCP: Self = Self(6);
    /// UDP.
    pub const UDP: Self = Self(17);
    /// ICMP for IPv6.
    pub const ICMPV6: Self = Self(58);
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ICMP => f.write_str("ICMP"),
            Self::TCP => f.write_str("TCP"),
            Self::UDP => f.write_str("UDP"),
            Self::ICMPV6 => f.write_str("ICMPv6"),
            Self(number) => write!(f, "protocol {number}"),
        }
    }
}

/// The first octet, once `needed` octets are there and the version is `version`.
fn check_fixed(bytes: &[u8], what: &'static str, needed: usize, version: u8) -> Result<u8, WireError> {
    match bytes.first() {
        Some(first) if first >> 4 != version => Err(WireError::Version { found: first >> 4 }),
        Some(first) if bytes.len() >= needed => Ok(*first),
        _ => Err(WireError::Short { what, needed, had: bytes.len() }),
    }
}

#[cfg(test)]
mod tests;
