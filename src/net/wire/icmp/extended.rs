//! Extended echo, known as PROBE (RFC 8335): a host is asked about one of its interfaces, or about a neighbour of it.
//!
//! The request says in an extension structure what it asks about; the reply says it in one octet, and need not repeat
//! anything else.

use std::fmt;
use std::net::IpAddr;

use super::super::Family;
use super::super::checksum::checksum;
use super::super::ip::Packet;
use super::{Kind, Message, v4, v6};

/// What an extended echo request asks about. `Display` prints it as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AskedInterface {
    /// The interface of this name.
    Name(String),
    /// The interface of this index (ifIndex) at the host that is asked.
    Index(u32),
    /// The interface with this address.
    Address(IpAddr),
    /// The neighbour with this address: not the host's own, but one in its table of those on its links (ARP, neighbour
    /// discovery).
    Neighbour(IpAddr),
}

/// The numbers that tie an extended echo reply to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExtendedEcho {
    /// The identifier of the sender.
    pub id: u16,
    /// The sequence number of the request, modulo 256.
    pub seq: u8,
}

/// What an extended echo reply says. `Display` prints it in words: `active, IPv4, IPv6`, or the name of its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probed {
    /// Family, type and code; code 0: what was asked about exists.
    pub kind: Kind,
    /// The state of a neighbour, three bits: 0 for what is none.
    pub state: u8,
    /// Whether the interface is active.
    pub active: bool,
    /// Whether it runs IPv4.
    pub ipv4: bool,
    /// Whether it runs IPv6.
    pub ipv6: bool,
}

/// The bit of a request that says that it is about the host's own interface.
const LOCAL: u8 = 1;

impl Kind {
    /// The extended echo request of `family`.
    pub const fn extended_echo_request(family: Family) -> Self {
        match family {
            Family::V4 => Self::v4(v4::EXTENDED_ECHO_REQUEST, 0),
            Family::V6 => Self::v6(v6::EXTENDED_ECHO_REQUEST, 0),
        }
    }

    /// Whether the message is an extended echo request.
    pub fn is_extended_request(self) -> bool {
        self.type_ == Self::extended_echo_request(self.family).type_
    }

    /// Whether the message is an extended echo reply, whatever its code.
    pub fn is_extended_reply(self) -> bool {
        self.type_
            == match self.family {
                Family::V4 => v4::EXTENDED_ECHO_REPLY,
                Family::V6 => v6::EXTENDED_ECHO_REPLY,
            }
    }
}

impl AskedInterface {
    /// The extension structure of a request, sealed: one interface identification object (RFC 8335, section 2.1).
    pub fn structure(&self) -> Vec<u8> {
        let (c_type, data) = match self {
            Self::Name(name) => {
                let mut data = name.clone().into_bytes();
                data.resize(data.len().next_multiple_of(4), 0);
                (1, data)
            }
            Self::Index(index) => (2, index.to_be_bytes().to_vec()),
            Self::Address(ip) | Self::Neighbour(ip) => (3, address(*ip)),
        };
        let mut bytes = vec![2 << 4, 0, 0, 0];
        bytes.extend_from_slice(&((4 + data.len()) as u16).to_be_bytes());
        bytes.extend_from_slice(&[3, c_type]);
        bytes.extend_from_slice(&data);
        let sum = checksum(&bytes);
        bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        bytes
    }
}

/// An address with its family and its length before it.
fn address(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => [&[0, 1, 4, 0][..], &ip.octets()].concat(),
        IpAddr::V6(ip) => [&[0, 2, 16, 0][..], &ip.octets()].concat(),
    }
}

impl<'a> Message<'a> {
    /// A request about `subject`, of which `structure` is what [`AskedInterface::structure`] gave; its checksum is zero.
    pub fn extended_request(family: Family, echo: ExtendedEcho, subject: &AskedInterface, structure: &'a [u8]) -> Self {
        let [a, b] = echo.id.to_be_bytes();
        let local = if matches!(subject, AskedInterface::Neighbour(_)) { 0 } else { LOCAL };
        let rest = [a, b, echo.seq, local];
        Self { kind: Kind::extended_echo_request(family), checksum: 0, rest, body: structure }
    }

    /// Identifier and sequence number; `None` if the message is no extended echo.
    pub fn extended_echo(&self) -> Option<ExtendedEcho> {
        let [a, b, seq, _] = self.rest;
        let is_extended = self.kind.is_extended_request() || self.kind.is_extended_reply();
        is_extended.then(|| ExtendedEcho { id: u16::from_be_bytes([a, b]), seq })
    }

    /// What an extended echo reply says; `None` for other kinds.
    pub fn probed(&self) -> Option<Probed> {
        let octet = self.rest[3];
        let flag = |bit: u8| octet & bit != 0;
        let found = Probed { kind: self.kind, state: octet >> 5, active: flag(4), ipv4: flag(2), ipv6: flag(1) };
        self.kind.is_extended_reply().then_some(found)
    }

    /// The packet that the message is about, whether or not its kind has to quote one: what an error quotes, what a
    /// redirect of IPv6 quotes in an option (RFC 4861, section 4.6.3), and what else begins with an IP header of the
    /// message's own version.
    pub fn about(&self) -> Option<Packet<'a>> {
        if self.kind.is_quoting() {
            return self.quoted();
        }
        let packet = |bytes| Packet::parse_as(self.kind.family, bytes).ok();
        match self.kind {
            Kind { family: Family::V6, type_: v6::REDIRECT_MESSAGE, .. } => {
                redirected(self.body).and_then(packet).or_else(|| packet(self.body))
            }
            kind if kind.is_advisory() => packet(self.body),
            _ => None,
        }
    }
}

/// What the Redirected Header option of a redirect holds, from the quoted packet on.
fn redirected(body: &[u8]) -> Option<&[u8]> {
    const OPTION: u8 = 4;
    // After the target and the destination come options: type, length in units of eight octets.
    let mut rest = body.get(32..)?;
    loop {
        let [kind, units, ..] = *rest else { return None };
        let len = usize::from(units) * 8;
        match kind {
            OPTION => return rest.get(8..len.min(rest.len())),
            _ => rest = rest.get(len..).filter(|_| len > 0)?,
        }
    }
}

impl Probed {
    /// Whether what was asked about exists.
    pub fn found(&self) -> bool {
        self.kind.code == 0
    }

    /// The state of a neighbour in words; `None` for what is none.
    pub fn state_name(&self) -> Option<&'static str> {
        state_name(self.state)
    }
}

/// The state of a neighbour in words (RFC 8335, section 3); `None` for what is none.
pub(super) fn state_name(state: u8) -> Option<&'static str> {
    match state {
        1 => Some("incomplete"),
        2 => Some("reachable"),
        3 => Some("stale"),
        4 => Some("delay"),
        5 => Some("probe"),
        6 => Some("failed"),
        0 => None,
        _ => Some("unassigned"),
    }
}

impl fmt::Display for AskedInterface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{name}"),
            Self::Index(index) => write!(f, "interface {index}"),
            Self::Address(ip) => write!(f, "{ip}"),
            Self::Neighbour(ip) => write!(f, "neighbour {ip}"),
        }
    }
}

impl fmt::Display for Probed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.found() {
            return write!(f, "{}", self.kind);
        }
        let neighbour = self.state_name().map(|name| format!("neighbour {name}"));
        let active = Some(if self.active { "active" } else { "not active" }.to_string());
        let runs = [(self.ipv4, "IPv4"), (self.ipv6, "IPv6")].map(|(runs, name)| runs.then(|| name.to_string()));
        let parts: Vec<String> = [neighbour.or(active)].into_iter().chain(runs).flatten().collect();
        write!(f, "{}", parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::each_damage;
    use super::super::{Extensions, ObjectContent};
    use super::*;

    const ECHO: ExtendedEcho = ExtendedEcho { id: 0x1234, seq: 7 };

    #[test]
    fn requests_say_what_they_ask_about() {
        let (v4, v6) = (IpAddr::from([10, 0, 0, 2]), IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, 2]));
        for (subject, content, local) in [
            (AskedInterface::Name("eth0".into()), ObjectContent::InterfaceName("eth0".into()), 1),
            (AskedInterface::Name("wlan0".into()), ObjectContent::InterfaceName("wlan0".into()), 1),
            (AskedInterface::Index(3), ObjectContent::InterfaceIndex(3), 1),
            (AskedInterface::Address(v4), ObjectContent::InterfaceAddress(v4), 1),
            (AskedInterface::Address(v6), ObjectContent::InterfaceAddress(v6), 1),
            (AskedInterface::Neighbour(v6), ObjectContent::InterfaceAddress(v6), 0),
        ] {
            let structure = subject.structure();
            for family in [Family::V4, Family::V6] {
                let bytes = Message::extended_request(family, ECHO, &subject, &structure).for_raw_socket().emit();
                let message = Message::parse(family, &bytes).unwrap();
                assert_eq!((message.extended_echo(), message.rest[3]), (Some(ECHO), local), "{subject}");
                let found = Extensions::parse(message.body).unwrap();
                assert_eq!(found.checksum_ok, Some(true), "{subject}");
                let objects: Vec<_> = found.objects().collect();
                assert_eq!(objects.len(), 1, "{subject}");
                assert_eq!(objects[0].content(), content);
                assert_eq!(structure.len() % 4, 0);
            }
        }
        // As Linux takes it: type 42, checksum, identifier, sequence number, the bit of the host itself, and one object.
        let structure = AskedInterface::Name("eth0".into()).structure();
        let request = Message::extended_request(Family::V4, ECHO, &AskedInterface::Name("eth0".into()), &structure);
        let expected = [42, 0, 0xbc, 0xca, 0x12, 0x34, 7, 1, 0x20, 0, 0x0f, 0x52, 0, 8, 3, 1, b'e', b't', b'h', b'0'];
        assert_eq!(request.for_raw_socket().emit(), expected);
    }

    #[test]
    fn replies_are_read_bit_by_bit() {
        let probed = |family, type_: u8, code: u8, octet: u8| {
            let bytes = [type_, code, 0, 0, 0x12, 0x34, 7, octet];
            let message = Message::parse(family, &bytes).unwrap();
            assert_eq!(message.extended_echo(), Some(ECHO));
            message.probed().unwrap()
        };
        for (octet, words) in [
            (0b111, "active, IPv4, IPv6"),
            (0b110, "active, IPv4"),
            (0b101, "active, IPv6"),
            (0b000, "not active"),
            (2 << 5, "neighbour reachable"),
            (6 << 5, "neighbour failed"),
        ] {
            assert_eq!(probed(Family::V4, 43, 0, octet).to_string(), words);
            assert_eq!(probed(Family::V6, 161, 0, octet).to_string(), words);
        }
        for (code, words) in [
            (1, "Malformed Query"),
            (2, "No Such Interface"),
            (3, "No Such Table Entry"),
            (4, "Multiple Interfaces Satisfy Query"),
        ] {
            let found = probed(Family::V4, 43, code, 0);
            assert_eq!((found.to_string().as_str(), found.found()), (words, false));
            assert_eq!(probed(Family::V6, 161, code, 0).to_string(), words);
        }
        let other = Message::parse(Family::V4, &[8, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        assert_eq!((other.probed(), other.extended_echo()), (None, None));
    }

    #[test]
    fn a_redirect_of_ipv6_is_about_what_stands_in_its_option() {
        let packet = [&[0x60, 0, 0, 0, 0, 8, 58, 64][..], &[0xfd; 32], &[128, 0, 0, 0, 0, 1, 0, 2]].concat();
        let mut redirect = vec![137, 0, 0, 0, 0, 0, 0, 0];
        redirect.extend_from_slice(&[0xfe; 32]);
        // The link-layer address of the target, then the packet.
        redirect.extend_from_slice(&[2, 1, 1, 2, 3, 4, 5, 6]);
        redirect.extend_from_slice(&[4, 7, 0, 0, 0, 0, 0, 0]);
        redirect.extend_from_slice(&packet);
        let message = Message::parse(Family::V6, &redirect).unwrap();
        assert_eq!(message.about().unwrap().transport.icmp().unwrap().echo.unwrap().seq, 2);
        each_damage(&redirect, |bytes| {
            for family in [Family::V4, Family::V6] {
                let message = Message::parse(family, bytes).ok();
                let _ = message.map(|message| (message.about().is_some(), message.probed(), message.extended_echo()));
            }
        });
        // An option of no length ends the search.
        redirect[40] = 9;
        redirect[41] = 0;
        assert!(Message::parse(Family::V6, &redirect).unwrap().about().is_none());
    }
}
