//! Transport headers as far as they are present.
//!
//! A quote may end anywhere, so every field is optional: `None` means that its octets are not there.

use std::fmt;

use super::super::icmp::{Echo, Kind};
use super::super::{Family, from, u8_at, u16_at, u32_at};
use super::Protocol;

/// The transport header of an IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportHeader {
    /// UDP.
    Udp(UdpHeader),
    /// TCP.
    Tcp(TcpHeader),
    /// ICMP or ICMPv6.
    Icmp(IcmpHeader),
    /// Another protocol, or a fragment after the first, which has no transport header.
    Other,
}

/// The fields of a UDP header (RFC 768).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpHeader {
    /// The source port.
    pub source_port: Option<u16>,
    /// The destination port.
    pub destination_port: Option<u16>,
    /// Octets of header and data, as claimed.
    pub length: Option<u16>,
    /// The checksum; zero if the sender computed none.
    pub checksum: Option<u16>,
}

/// The fields of a TCP header (RFC 9293). A minimal quote holds ports and sequence number only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpHeader {
    /// The source port.
    pub source_port: Option<u16>,
    /// The destination port.
    pub destination_port: Option<u16>,
    /// The sequence number.
    pub sequence: Option<u32>,
    /// The acknowledgement number, meaningful only with the ACK flag.
    pub acknowledgement: Option<u32>,
    /// Octets of header, options included, as claimed.
    pub header_len: Option<usize>,
    /// The control bits.
    pub flags: Option<TcpFlags>,
    /// The window field, unscaled.
    pub window: Option<u16>,
    /// The checksum.
    pub checksum: Option<u16>,
}

/// The control bits of TCP. `Display` prints the names of those set: `SYN ACK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TcpFlags(pub u8);

/// The fields of an ICMP or ICMPv6 header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpHeader {
    /// ICMP or ICMPv6, by protocol number.
    pub family: Family,
    /// Family, type and code.
    pub kind: Option<Kind>,
    /// The checksum.
    pub checksum: Option<u16>,
    /// Identifier and sequence number; `None` also if the message is no echo.
    pub echo: Option<Echo>,
}

impl TransportHeader {
    /// The header at the start of `bytes`, and the payload after it.
    pub(super) fn parse(protocol: Protocol, bytes: &[u8]) -> (Self, &[u8]) {
        match protocol {
            Protocol::UDP => {
                let header = UdpHeader::parse(bytes);
                // A length below 8 cannot be meant: zero is a jumbogram (RFC 2675).
                let end = header.length.map(usize::from).filter(|length| *length >= 8);
                let claimed = end.and_then(|end| bytes.get(..end)).unwrap_or(bytes);
                (Self::Udp(header), from(claimed, 8))
            }
            Protocol::TCP => {
                let header = TcpHeader::parse(bytes);
                let start = header.header_len.map_or(bytes.len(), |len| len.max(20));
                (Self::Tcp(header), from(bytes, start))
            }
            Protocol::ICMP => (Self::Icmp(IcmpHeader::parse(Family::V4, bytes)), from(bytes, 8)),
            Protocol::ICMPV6 => (Self::Icmp(IcmpHeader::parse(Family::V6, bytes)), from(bytes, 8)),
            _ => (Self::Other, bytes),
        }
    }

    /// Source and destination port.
    pub(super) fn ports(&self) -> (Option<u16>, Option<u16>) {
        match self {
            Self::Udp(udp) => (udp.source_port, udp.destination_port),
            Self::Tcp(tcp) => (tcp.source_port, tcp.destination_port),
            Self::Icmp(_) | Self::Other => (None, None),
        }
    }

    /// The UDP header; `None` for another transport.
    pub fn udp(&self) -> Option<&UdpHeader> {
        match self {
            Self::Udp(udp) => Some(udp),
            _ => None,
        }
    }

    /// The TCP header; `None` for another transport.
    pub fn tcp(&self) -> Option<&TcpHeader> {
        match self {
            Self::Tcp(tcp) => Some(tcp),
            _ => None,
        }
    }

    /// The ICMP or ICMPv6 header; `None` for another transport.
    pub fn icmp(&self) -> Option<&IcmpHeader> {
        match self {
            Self::Icmp(icmp) => Some(icmp),
            _ => None,
        }
    }
}

/// What the header says besides ports, each part after a space: ` SYN seq 7`, ` Echo Request id 1 seq 2`.
impl fmt::Display for TransportHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(tcp) => {
                if let Some(flags) = tcp.flags {
                    write!(f, " {flags}")?;
                }
                tcp.sequence.map_or(Ok(()), |sequence| write!(f, " seq {sequence}"))
            }
            Self::Icmp(icmp) => {
                if let Some(kind) = icmp.kind {
                    write!(f, " {kind}")?;
                }
                icmp.echo.map_or(Ok(()), |Echo { id, seq }| write!(f, " id {id} seq {seq}"))
            }
            Self::Udp(_) | Self::Other => Ok(()),
        }
    }
}

impl UdpHeader {
    fn parse(bytes: &[u8]) -> Self {
        Self {
            source_port: u16_at(bytes, 0),
            destination_port: u16_at(bytes, 2),
            length: u16_at(bytes, 4),
            checksum: u16_at(bytes, 6),
        }
    }
}

impl TcpHeader {
    fn parse(bytes: &[u8]) -> Self {
        Self {
            source_port: u16_at(bytes, 0),
            destination_port: u16_at(bytes, 2),
            sequence: u32_at(bytes, 4),
            acknowledgement: u32_at(bytes, 8),
            header_len: u8_at(bytes, 12).map(|octet| usize::from(octet >> 4) * 4),
            flags: u8_at(bytes, 13).map(TcpFlags),
            window: u16_at(bytes, 14),
            checksum: u16_at(bytes, 16),
        }
    }
}

impl TcpFlags {
    /// The sender has finished.
    pub const FIN: Self = Self(0x01);
    /// Synchronise sequence numbers: a connection opens.
    pub const SYN: Self = Self(0x02);
    /// Reset the connection.
    pub const RST: Self = Self(0x04);
    /// Deliver at once.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgement number counts.
    pub const ACK: Self = Self(0x10);
    /// The urgent pointer counts.
    pub const URG: Self = Self(0x20);
    /// ECN echo (RFC 3168).
    pub const ECE: Self = Self(0x40);
    /// Congestion window reduced (RFC 3168).
    pub const CWR: Self = Self(0x80);

    /// All of them, in the order in which they are written.
    pub const NAMES: [(Self, &str); 8] = [
        (Self::FIN, "FIN"),
        (Self::SYN, "SYN"),
        (Self::RST, "RST"),
        (Self::PSH, "PSH"),
        (Self::ACK, "ACK"),
        (Self::URG, "URG"),
        (Self::ECE, "ECE"),
        (Self::CWR, "CWR"),
    ];

    /// Whether every flag of `flags` is set.
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

impl fmt::Display for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = Self::NAMES.iter().filter(|(flag, _)| self.contains(*flag)).map(|(_, name)| *name);
        match set.collect::<Vec<_>>().as_slice() {
            [] => f.write_str("no flags"),
            names => f.write_str(&names.join(" ")),
        }
    }
}

impl IcmpHeader {
    fn parse(family: Family, bytes: &[u8]) -> Self {
        let kind = match bytes {
            [type_, code, ..] => Some(Kind { family, type_: *type_, code: *code }),
            _ => None,
        };
        let echo = match (u16_at(bytes, 4), u16_at(bytes, 6)) {
            (Some(id), Some(seq)) => Some(Echo { id, seq }),
            _ => None,
        };
        Self { family, kind, checksum: u16_at(bytes, 2), echo: echo.filter(|_| kind.is_some_and(Kind::is_echo)) }
    }
}
