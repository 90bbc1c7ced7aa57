//! One ICMP message: the eight octets every kind has, and the body after them.
//!
//! Reading and writing are inverse: the fields hold every bit of the message, the methods say what the
//! bits mean for its kind. Building does not compute the checksum; [`Message::sealed`] and
//! [`Message::for_raw_socket`] do.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::checksum::Sum;
use super::super::ip::{Packet, Protocol};
use super::super::{Family, WireError, u16_at};
use super::extension::length_unit;
use super::{Extensions, Kind, split_quote, v4, v6};

/// Octets before the body: type, code, checksum and four whose meaning the kind decides.
const HEADER_LEN: usize = 8;

/// An ICMP message that borrows its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Family, type and code.
    pub kind: Kind,
    /// The checksum as it stands in the message, right or wrong.
    pub checksum: u16,
    /// The fifth to eighth octets.
    pub rest: [u8; 4],
    /// Everything after the eighth octet: data of an echo, the packet an error quotes.
    pub body: &'a [u8],
}

/// The numbers that tie an echo reply to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Echo {
    /// The identifier of the sender.
    pub id: u16,
    /// The sequence number of the request, modulo 65 536.
    pub seq: u16,
}

impl<'a> Message<'a> {
    /// Reads a message that starts with its type, after any IP header.
    ///
    /// # Errors
    /// [`WireError::Short`] for less than eight octets.
    pub fn parse(family: Family, bytes: &'a [u8]) -> Result<Self, WireError> {
        let Some((&[type_, code, high, low, ref rest @ ..], body)) = bytes.split_first_chunk::<HEADER_LEN>() else {
            let what = match family {
                Family::V4 => "ICMP message",
                Family::V6 => "ICMPv6 message",
            };
            return Err(WireError::Short { what, needed: HEADER_LEN, had: bytes.len() });
        };
        let kind = Kind { family, type_, code };
        Ok(Self { kind, checksum: u16::from_be_bytes([high, low]), rest: *rest, body })
    }

    /// An echo request with `data`; its checksum is zero.
    pub fn echo_request(family: Family, echo: Echo, data: &'a [u8]) -> Self {
        Self::echo_of(Kind::echo_request(family), echo, data)
    }

    /// An echo reply with `data`; its checksum is zero.
    pub fn echo_reply(family: Family, echo: Echo, data: &'a [u8]) -> Self {
        Self::echo_of(Kind::echo_reply(family), echo, data)
    }

    fn echo_of(kind: Kind, echo: Echo, data: &'a [u8]) -> Self {
        let ([a, b], [c, d]) = (echo.id.to_be_bytes(), echo.seq.to_be_bytes());
        Self { kind, checksum: 0, rest: [a, b, c, d], body: data }
    }

    /// A message of `kind` about `packet`, an IP packet from its header on; checksum and the fifth to eighth
    /// octets are zero. The quote is cut so that the whole error, in an IP header without options, takes at most
    /// 576 octets for IPv4 (RFC 1812, section 4.3.2.3) and 1280 for IPv6 (RFC 4443, section 2.4).
    pub fn error(kind: Kind, packet: &'a [u8]) -> Self {
        let limit = match kind.family {
            Family::V4 => 576 - 20 - HEADER_LEN,
            Family::V6 => 1280 - 40 - HEADER_LEN,
        };
        let body = packet.get(..limit).unwrap_or(packet);
        Self { kind, checksum: 0, rest: [0; 4], body }
    }

    /// The message with the MTU of the next hop; `None` if its kind carries none or 16 bits do not hold it in
    /// an IPv4 message.
    pub fn with_next_hop_mtu(self, mtu: u32) -> Option<Self> {
        let rest = match self.kind.family {
            _ if !self.kind.is_too_big() => return None,
            Family::V4 => u32::from(u16::try_from(mtu).ok()?).to_be_bytes(),
            Family::V6 => mtu.to_be_bytes(),
        };
        Some(Self { rest, ..self })
    }

    /// The message with a pointer to the octet in error; `None` if its kind carries none or eight bits do not
    /// hold it in an IPv4 parameter problem.
    pub fn with_pointer(self, octet: u32) -> Option<Self> {
        let rest = match (self.kind.family, self.kind.type_) {
            (Family::V4, v4::PARAMETER_PROBLEM) => [u8::try_from(octet).ok()?, 0, 0, 0],
            (Family::V4, v4::DATAGRAM_CONVERSION_ERROR) | (Family::V6, v6::PARAMETER_PROBLEM) => octet.to_be_bytes(),
            (Family::V4, v4::PHOTURIS) => u32::from(u16::try_from(octet).ok()?).to_be_bytes(),
            _ => return None,
        };
        Some(Self { rest, ..self })
    }

    /// The message with the gateway to use instead; `None` if it is not an IPv4 redirect.
    pub fn with_gateway(self, gateway: Ipv4Addr) -> Option<Self> {
        let redirect = (self.kind.family, self.kind.type_) == (Family::V4, v4::REDIRECT);
        redirect.then_some(Self { rest: gateway.octets(), ..self })
    }

    /// The message with the right checksum for its way from `source` to `destination`, whose addresses ICMPv6 covers; `None`: it is
    /// of ICMPv6, and they are not of IPv6.
    pub fn sealed(self, source: IpAddr, destination: IpAddr) -> Option<Self> {
        let ends = match (source, destination) {
            (IpAddr::V6(source), IpAddr::V6(destination)) => Some((source, destination)),
            _ => None,
        };
        let blank = Self { checksum: 0, ..self };
        blank.sum(ends).map(|sum| Self { checksum: sum.finish(), ..self })
    }

    /// The message as raw sockets take it: with the right checksum, but that of ICMPv6 is zero, since the kernel, which knows the
    /// addresses, fills it in.
    #[must_use]
    pub fn for_raw_socket(self) -> Self {
        let blank = Self { checksum: 0, ..self };
        Self { checksum: blank.sum(None).map_or(0, Sum::finish), ..self }
    }

    /// Whether the checksum is right. ICMPv6 covers the addresses of the packet, `ends` being source and
    /// destination; `None` if they are needed and not given.
    pub fn checksum_ok(&self, ends: Option<(Ipv6Addr, Ipv6Addr)>) -> Option<bool> {
        self.sum(ends).map(|sum| sum.finish() == 0)
    }

    /// Octets the message takes on the wire.
    pub fn wire_len(&self) -> usize {
        HEADER_LEN + self.body.len()
    }

    /// The message as bytes, with the checksum it holds.
    pub fn emit(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.wire_len());
        self.emit_into(&mut bytes);
        bytes
    }

    /// Appends the message as bytes, with the checksum it holds.
    pub fn emit_into(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.header());
        bytes.extend_from_slice(self.body);
    }

    /// Identifier and sequence number; `None` if the message is no echo.
    pub fn echo(&self) -> Option<Echo> {
        let [a, b, c, d] = self.rest;
        let echo = Echo { id: u16::from_be_bytes([a, b]), seq: u16::from_be_bytes([c, d]) };
        self.kind.is_echo().then_some(echo)
    }

    /// The MTU of the next hop in octets, from Fragmentation Needed (RFC 1191) or Packet Too Big; `None` for
    /// other kinds, and where the router left it zero.
    pub fn next_hop_mtu(&self) -> Option<u32> {
        let mtu = match self.kind.family {
            _ if !self.kind.is_too_big() => 0,
            Family::V4 => u32::from(u16_at(&self.rest, 2)?),
            Family::V6 => u32::from_be_bytes(self.rest),
        };
        (mtu != 0).then_some(mtu)
    }

    /// The offset of the octet in error within the quoted packet; `None` for kinds without a pointer. In the
    /// IPv4 message Missing a Required Option it is the type of that option (RFC 1108).
    pub fn pointer(&self) -> Option<u32> {
        match (self.kind.family, self.kind.type_) {
            (Family::V4, v4::PARAMETER_PROBLEM) => Some(u32::from(self.rest[0])),
            (Family::V4, v4::DATAGRAM_CONVERSION_ERROR) | (Family::V6, v6::PARAMETER_PROBLEM) => {
                Some(u32::from_be_bytes(self.rest))
            }
            (Family::V4, v4::PHOTURIS) => u16_at(&self.rest, 2).map(u32::from),
            _ => None,
        }
    }

    /// The router a redirect says to use; `None` for other kinds, or if an IPv6 redirect is cut short.
    pub fn gateway(&self) -> Option<IpAddr> {
        match (self.kind.family, self.kind.type_) {
            (Family::V4, v4::REDIRECT) => Some(IpAddr::from(self.rest)),
            (Family::V6, v6::REDIRECT_MESSAGE) => self.body.first_chunk::<16>().map(|octets| IpAddr::from(*octets)),
            _ => None,
        }
    }

    /// The bytes of the packet the message is about, as far as it quotes them, without the extensions that may
    /// follow (RFC 4884); zero padding may follow the packet. `None` if the kind quotes none.
    pub fn quote(&self) -> Option<&'a [u8]> {
        self.kind.is_quoting().then(|| self.split_extensions().0)
    }

    /// The packet the message is about, decoded from [`Message::quote`]; `None` if it quotes none, or not even
    /// a whole fixed IP header.
    pub fn quoted(&self) -> Option<Packet<'a>> {
        Packet::parse_as(self.kind.family, self.quote()?).ok()
    }

    /// The bytes of the RFC 4884 extension structure, from its header on; `None` if the message announces none.
    pub fn extensions(&self) -> Option<&'a [u8]> {
        self.kind.is_quoting().then(|| self.split_extensions().1)?
    }

    /// The extensions after the quote, decoded; `None` if there are none.
    pub fn extension_structure(&self) -> Option<Extensions<'a>> {
        self.extensions().and_then(Extensions::parse)
    }

    /// Cuts the body where the length field of RFC 4884 says. Older routers leave other things in that field:
    /// it counts only if the body reaches that far and continues, if at all, with an extension header.
    fn split_extensions(&self) -> (&'a [u8], Option<&'a [u8]>) {
        let units = if self.kind.family == Family::V4 { self.rest[1] } else { self.rest[0] };
        let len = length_unit(self.kind).map_or(0, |unit| usize::from(units) * unit);
        let (quote, extensions) = split_quote(self.kind, self.body, (len > 0).then_some(len), 0);
        (quote, (!extensions.is_empty()).then_some(extensions))
    }

    fn header(&self) -> [u8; HEADER_LEN] {
        let ([high, low], [a, b, c, d]) = (self.checksum.to_be_bytes(), self.rest);
        [self.kind.type_, self.kind.code, high, low, a, b, c, d]
    }

    /// The sum over the message and, for ICMPv6, its pseudo-header.
    fn sum(&self, ends: Option<(Ipv6Addr, Ipv6Addr)>) -> Option<Sum> {
        let start = match self.kind.family {
            Family::V4 => Sum::new(),
            Family::V6 => {
                let ((source, destination), length) = (ends?, u32::try_from(self.wire_len()).ok()?);
                Sum::pseudo_v6(source, destination, Protocol::ICMPV6.0, length)
            }
        };
        Some(start.join(&self.header()).join(self.body))
    }
}

/// The name of the kind and what the four octets say: `Echo Reply id 7 seq 3`.
impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if let Some(Echo { id, seq }) = self.echo() {
            write!(f, " id {id} seq {seq}")?;
        }
        if let Some(mtu) = self.next_hop_mtu() {
            write!(f, " (next-hop MTU {mtu})")?;
        }
        if let Some(octet) = self.pointer() {
            write!(f, " (pointer {octet})")?;
        }
        if let Some(gateway) = self.gateway() {
            write!(f, " (gateway {gateway})")?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
