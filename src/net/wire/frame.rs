//! Ethernet frames (IEEE 802.3 with type field): what they carry, from whom to whom.
//!
//! A [`Frame`] is a summary of numbers and offsets made once, small enough to copy and free of the bytes it was made
//! from. Bytes that make no sense are no error: what can be read is, and the frame says that it is malformed.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use super::icmp::{Echo, Kind, v6};
use super::ip::{Fragment, Packet, Protocol, TcpFlags};
use super::{Family, u16_at};

/// Octets of two addresses and the type field.
pub const HEADER_LEN: usize = 14;

/// The type field of IPv4, ARP and IPv6, and of the tags of virtual LANs (IEEE 802.1Q, 802.1ad).
const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
const IPV6: u16 = 0x86dd;
const TAGS: [u16; 2] = [0x8100, 0x88a8];

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The type field, behind any tags of virtual LANs.
    pub ether_type: u16,
    /// Octets from the start of the frame to what it carries.
    pub start: usize,
    /// Octets of the whole frame.
    pub len: usize,
    /// The IP packet it carries; `None` if it carries something else, or its IP header makes no sense.
    pub ip: Option<Ip>,
    /// Whether it carries IP by its type field, and the packet is cut short or its headers contradict each other: a wrong
    /// version, length, offset or sum of the IP header. The checksum of the transport is not looked at.
    pub malformed: bool,
}

/// An IP packet in a frame; offsets count from the start of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ip {
    /// The source address.
    pub source: IpAddr,
    /// The destination address.
    pub destination: IpAddr,
    /// What the packet carries after all extension headers.
    pub protocol: Protocol,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// Source and destination port of UDP or TCP.
    pub ports: Option<(u16, u16)>,
    /// The control bits of TCP.
    pub flags: Option<TcpFlags>,
    /// Sequence number, acknowledgement number and window of TCP, as they stand in the header.
    pub numbers: Option<TcpNumbers>,
    /// The Don't Fragment bit; `None` for IPv6.
    pub dont_fragment: Option<bool>,
    /// The kind of an ICMP message.
    pub icmp: Option<Kind>,
    /// Identifier and sequence number of an echo.
    pub echo: Option<Echo>,
    /// The place of a fragment; `None` if the packet is whole.
    pub fragment: Option<Fragment>,
    /// What a fragment has in common with the others of its datagram.
    pub identification: Option<u32>,
    /// Where the transport header begins and the packet ends, padding left out.
    segment: (usize, usize),
    /// Where the transport's payload begins and ends.
    payload: (usize, usize),
}

/// What a TCP header counts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TcpNumbers {
    /// The sequence number.
    pub sequence: u32,
    /// The acknowledgement number, which counts only with the flag ACK.
    pub acknowledgement: u32,
    /// The window field, unscaled.
    pub window: u16,
    /// Octets of payload by the packet's own claim, also where fewer are there.
    pub len: u32,
}

impl Frame {
    /// Reads a frame; `None` if it is shorter than its header.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (mut at, mut ether_type) = (12, u16_at(bytes, 12)?);
        while TAGS.contains(&ether_type) && at < 20 {
            match u16_at(bytes, at + 4) {
                Some(inner) => (at, ether_type) = (at + 4, inner),
                None => break,
            }
        }
        let start = at + 2;
        let family = match ether_type {
            IPV4 => Some(Family::V4),
            IPV6 => Some(Family::V6),
            _ => None,
        };
        let packet = family.map(|family| Packet::parse_as(family, &bytes[start..]));
        let (ip, malformed) = match packet {
            None => (None, false),
            Some(Err(_)) => (None, true),
            Some(Ok(packet)) => {
                let malformed = packet.is_malformed(&bytes[start..]);
                (Some(Ip::of(&packet, start, bytes)), malformed)
            }
        };
        Some(Self { ether_type, start, len: bytes.len(), ip, malformed })
    }

    /// What the frame carries, in a word: `udp`, `tcp`, `icmp`, `icmp6`, `arp`, the number of another protocol of IP, or
    /// `0x88cc` for another type field.
    pub fn protocol(&self) -> String {
        match (&self.ip, self.ether_type) {
            (Some(ip), _) => match ip.protocol {
                Protocol::UDP => "udp".into(),
                Protocol::TCP => "tcp".into(),
                Protocol::ICMP => "icmp".into(),
                Protocol::ICMPV6 => "icmp6".into(),
                Protocol(number) => number.to_string(),
            },
            (None, ARP) => "arp".into(),
            (None, IPV4 | IPV6) => "malformed".into(),
            (None, other) => format!("{other:#06x}"),
        }
    }

    /// Whether it is of what a kernel sends by itself, when it likes: address resolution (ARP, neighbour discovery), router
    /// discovery, redirects, and who belongs to which multicast group (IGMP, MLD).
    pub fn is_of_kernel(&self) -> bool {
        match self.ip {
            None => self.ether_type == ARP,
            Some(Ip { protocol: Protocol::ICMPV6, icmp: Some(kind), .. }) => matches!(
                kind.type_,
                v6::MULTICAST_LISTENER_QUERY..=v6::REDIRECT_MESSAGE | v6::VERSION_2_MULTICAST_LISTENER_REPORT
            ),
            Some(ip) => ip.protocol == Protocol::IGMP,
        }
    }

    /// Where the payload is: of UDP, TCP or ICMP; of another protocol, all behind the IP header; without IP, all behind
    /// the frame's own.
    pub fn payload(&self) -> Range<usize> {
        self.ip.map_or(self.start..self.len, |ip| ip.payload.0..ip.payload.1)
    }
}

impl Ip {
    fn of(packet: &Packet<'_>, start: usize, bytes: &[u8]) -> Self {
        // Both parts borrow from the frame, unless they are empty.
        let begin = (start + packet.header_len).min(bytes.len());
        let segment = (begin, begin + packet.segment.len());
        let offset = (packet.payload.as_ptr() as usize).wrapping_sub(bytes.as_ptr() as usize);
        let payload = match packet.payload.len() {
            0 => (segment.1, segment.1),
            len => (offset, offset + len),
        };
        let (icmp, echo) = packet.transport.icmp().map_or((None, None), |icmp| (icmp.kind, icmp.echo));
        Self {
            source: packet.source,
            destination: packet.destination,
            protocol: packet.protocol,
            ttl: packet.ttl,
            ports: packet.source_port().zip(packet.destination_port()),
            flags: packet.transport.tcp().and_then(|tcp| tcp.flags),
            numbers: TcpNumbers::of(packet),
            dont_fragment: packet.dont_fragment,
            icmp,
            echo,
            fragment: packet.fragment,
            identification: packet.identification,
            segment,
            payload,
        }
    }

    /// Source address and port; the port is 0 where there is none.
    pub fn from(&self) -> SocketAddr {
        SocketAddr::new(self.source, self.ports.map_or(0, |ports| ports.0))
    }

    /// Destination address and port; the port is 0 where there is none.
    pub fn to(&self) -> SocketAddr {
        SocketAddr::new(self.destination, self.ports.map_or(0, |ports| ports.1))
    }

    /// Where the transport header begins and the packet ends.
    pub fn segment(&self) -> Range<usize> {
        self.segment.0..self.segment.1
    }
}

impl TcpNumbers {
    fn of(packet: &Packet<'_>) -> Option<Self> {
        let tcp = packet.transport.tcp()?;
        let headers = packet.header_len + tcp.header_len?.max(20);
        let len = packet.total_len.saturating_sub(headers).max(packet.payload.len());
        let (sequence, acknowledgement, window) = (tcp.sequence?, tcp.acknowledgement?, tcp.window?);
        Some(Self { sequence, acknowledgement, window, len: u32::try_from(len).unwrap_or(u32::MAX) })
    }
}

/// What it carries and from whom to whom: `udp 10.0.0.1:9 > 10.0.0.2:7`.
impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.protocol())?;
        match &self.ip {
            Some(ip) if ip.ports.is_some() => write!(f, " {} > {}", ip.from(), ip.to()),
            Some(ip) => write!(f, " {} > {}", ip.source, ip.destination),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{each_damage, golden};
    use super::*;

    /// A frame of this type field around `carried`.
    fn frame(ether_type: u16, carried: &[u8]) -> Vec<u8> {
        let mut bytes = vec![2; 12];
        bytes.extend(ether_type.to_be_bytes());
        bytes.extend(carried);
        bytes
    }

    /// A UDP datagram over IPv4 with the payload "hello", and three octets of padding.
    fn udp() -> Vec<u8> {
        let builder = etherparse::PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).udp(9, 7);
        let mut packet = Vec::new();
        builder.write(&mut packet, b"hello").unwrap();
        packet.extend([0; 3]);
        packet
    }

    #[test]
    fn what_a_kernel_sends_by_itself_is_distinguished_from_pings_and_errors() {
        let v6 = |message: &[u8]| {
            let mut packet = [&[0x60, 0, 0, 0, 0, 8 + message.len() as u8, 0, 1][..], &[0; 32]].concat();
            // MLD has the option of RFC 2711 before it.
            packet.extend([58, 0, 5, 2, 0, 0, 1, 0]);
            packet.extend(message);
            Frame::parse(&frame(IPV6, &packet)).unwrap()
        };
        for kind in [130, 131, 132, 133, 134, 135, 136, 137, 143] {
            assert!(v6(&[kind, 0, 0, 0, 0, 0, 0, 0]).is_of_kernel(), "{kind}");
        }
        for kind in [1, 2, 3, 4, 128, 129, 138, 142, 144] {
            assert!(!v6(&[kind, 0, 0, 0, 0, 0, 0, 0]).is_of_kernel(), "{kind}");
        }
        let v4 = |protocol| {
            let mut packet = udp();
            packet[9] = protocol;
            Frame::parse(&frame(IPV4, &packet)).unwrap().is_of_kernel()
        };
        assert_eq!([v4(2), v4(17), v4(1), v4(6)], [true, false, false, false]);
        assert!(Frame::parse(&frame(ARP, &[0; 28])).unwrap().is_of_kernel());
        assert!(!Frame::parse(&frame(0x88cc, &[0; 28])).unwrap().is_of_kernel());
    }

    #[test]
    fn a_datagram_is_found_with_and_without_tags() {
        for (tags, start) in [(vec![], 14), (vec![0x81, 0, 0, 1], 18), (vec![0x88, 0xa8, 0, 1, 0x81, 0, 0, 2], 22)] {
            let plain = frame(IPV4, &udp());
            let bytes = [&plain[..12], &tags, &plain[12..]].concat();
            let frame = Frame::parse(&bytes).unwrap();
            let ip = frame.ip.unwrap();
            assert_eq!(frame.to_string(), "udp 10.0.0.1:9 > 10.0.0.2:7");
            assert_eq!((frame.start, frame.malformed, ip.ttl), (start, false, 64));
            assert_eq!(&bytes[frame.payload()], b"hello", "without the padding");
            assert_eq!(ip.segment().len(), 13);
        }
    }

    #[test]
    fn what_is_no_ip_has_a_name_and_a_payload() {
        let arp = Frame::parse(&frame(ARP, &[1, 2, 3])).unwrap();
        assert_eq!((arp.to_string().as_str(), arp.payload(), arp.malformed), ("arp", 14..17, false));
        assert_eq!(Frame::parse(&frame(0x88cc, &[])).unwrap().to_string(), "0x88cc");
        assert_eq!(Frame::parse(&[0; 13]), None);
    }

    #[test]
    fn what_is_cut_short_or_damaged_is_malformed() {
        let whole = frame(IPV4, &udp());
        assert!(Frame::parse(&whole[..40]).unwrap().malformed, "cut short");
        assert!(Frame::parse(&frame(IPV6, &udp())).unwrap().malformed, "another version");
        let mut damaged = whole;
        damaged[14 + 8] ^= 1;
        assert!(Frame::parse(&damaged).unwrap().malformed, "a wrong checksum of the header");
    }

    #[test]
    fn no_bytes_are_read_out_of_bounds() {
        for packet in [&udp()[..], &golden::V4_PORT_UNREACHABLE] {
            each_damage(&frame(IPV4, packet), |bytes| {
                if let Some(frame) = Frame::parse(bytes) {
                    let _ = (&bytes[frame.payload()], frame.ip.map(|ip| &bytes[ip.segment()]), frame.to_string());
                }
            });
        }
        each_damage(&frame(IPV6, &[0x60; 60]), |bytes| {
            let _ = Frame::parse(bytes).map(|frame| bytes[frame.payload()].len());
        });
    }
}
