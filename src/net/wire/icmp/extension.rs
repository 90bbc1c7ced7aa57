//! The extension structure that may follow the packet an ICMP error quotes (RFC 4884): MPLS label stacks (RFC 4950),
//! interfaces (RFC 5837), what an extended echo request asks about (RFC 8335).
//!
//! Objects of other classes are kept as bytes; a structure cut short yields the objects that are whole.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::checksum::checksum;
use super::super::{Family, from, u8_at, u16_at, u32_at};
use super::{Kind, v4, v6};

/// An extension structure that borrows its objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extensions<'a> {
    /// The version: 2 (RFC 4884, section 7).
    pub version: u8,
    /// The checksum as it stands in the structure; zero if its sender computed none.
    pub checksum: u16,
    /// Whether the checksum is right; `None` if its sender computed none.
    pub checksum_ok: Option<bool>,
    /// What follows the header: objects.
    body: &'a [u8],
}

/// One object of an extension structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object<'a> {
    /// What it is about, by the IANA registry.
    pub class: u8,
    /// What kind of that.
    pub c_type: u8,
    /// What follows its header.
    pub data: &'a [u8],
}

/// One entry of an MPLS label stack (RFC 3032). `Display` prints it as `label 17 tc 0 ttl 1`, `bottom` at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MplsLabel {
    /// The label, 20 bits.
    pub label: u32,
    /// The traffic class, three bits, once called experimental.
    pub traffic_class: u8,
    /// Whether it is the last of the stack.
    pub bottom: bool,
    /// The time to live.
    pub ttl: u8,
}

/// An interface (RFC 5837).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its part in what happened to the packet: 0 incoming, 1 sub-IP of the incoming, 2 outgoing, 3 the next hop.
    pub role: u8,
    /// The index (ifIndex) at the router.
    pub index: Option<u32>,
    /// An address.
    pub address: Option<IpAddr>,
    /// The name.
    pub name: Option<String>,
    /// The MTU in octets.
    pub mtu: Option<u32>,
}

/// What an object says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectContent {
    /// The label stack that the packet came with (class 1).
    Mpls(Vec<MplsLabel>),
    /// An interface (class 2).
    Interface(Interface),
    /// The interface that is asked about, by name (class 3).
    InterfaceName(String),
    /// The interface that is asked about, by index (class 3).
    InterfaceIndex(u32),
    /// The interface that is asked about, by address (class 3).
    InterfaceAddress(IpAddr),
    /// Something else, or an object whose data has not the form of its class.
    Unknown,
}

impl<'a> Extensions<'a> {
    /// Octets of the structure's header, and of that of each object.
    pub const HEADER_LEN: usize = 4;

    /// Reads a structure from its header on; `None` if the header is not all there, or of another version than 2.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (version, sum) = (u8_at(bytes, 0)? >> 4, u16_at(bytes, 2)?);
        let checksum_ok = (sum != 0).then(|| checksum(bytes) == 0);
        (version == 2).then_some(Self { version, checksum: sum, checksum_ok, body: from(bytes, Self::HEADER_LEN) })
    }

    /// The objects, as far as they are whole.
    pub fn objects(&self) -> impl Iterator<Item = Object<'a>> + use<'a> {
        let mut rest = self.body;
        std::iter::from_fn(move || {
            let len = usize::from(u16_at(rest, 0)?);
            let (class, c_type) = (u8_at(rest, 2)?, u8_at(rest, 3)?);
            let data = rest.get(Self::HEADER_LEN..len)?;
            rest = from(rest, len);
            Some(Object { class, c_type, data })
        })
    }

    /// The entries of all MPLS label stacks, the outermost first.
    pub fn mpls(&self) -> Vec<MplsLabel> {
        let stack = |object: Object<'_>| match object.content() {
            ObjectContent::Mpls(labels) => labels,
            _ => Vec::new(),
        };
        self.objects().flat_map(stack).collect()
    }
}

impl Object<'_> {
    /// What the object says.
    pub fn content(&self) -> ObjectContent {
        let found = match (self.class, self.c_type) {
            (1, 1) => mpls(self.data),
            (2, role) => interface(role, self.data),
            (3, 1) => Some(ObjectContent::InterfaceName(name(self.data))),
            (3, 2) => u32_at(self.data, 0).map(ObjectContent::InterfaceIndex),
            (3, 3) => address(self.data).map(|(address, _)| ObjectContent::InterfaceAddress(address)),
            _ => None,
        };
        found.unwrap_or(ObjectContent::Unknown)
    }
}

fn mpls(data: &[u8]) -> Option<ObjectContent> {
    let (words, rest) = data.as_chunks::<4>();
    let label = |word: &[u8; 4]| {
        let bits = u32::from_be_bytes(*word);
        MplsLabel {
            label: bits >> 12,
            traffic_class: (bits >> 9 & 7) as u8,
            bottom: bits >> 8 & 1 == 1,
            ttl: bits as u8,
        }
    };
    rest.is_empty().then(|| ObjectContent::Mpls(words.iter().map(label).collect()))
}

/// The C-Type holds the role in its two upper bits and says in the four lowest which parts follow, in this order.
fn interface(c_type: u8, data: &[u8]) -> Option<ObjectContent> {
    let has = |bit: u8| c_type & bit != 0;
    let mut rest = data;
    let mut found = Interface { role: c_type >> 6, index: None, address: None, name: None, mtu: None };
    if has(8) {
        found.index = Some(u32_at(rest, 0)?);
        rest = from(rest, 4);
    }
    if has(4) {
        let (ip, len) = address(rest)?;
        found.address = Some(ip);
        rest = from(rest, len);
    }
    if has(2) {
        // The first octet is the length of the whole, itself and the padding included.
        let len = usize::from(u8_at(rest, 0)?);
        found.name = Some(name(rest.get(1..len)?));
        rest = from(rest, len);
    }
    if has(1) {
        found.mtu = Some(u32_at(rest, 0)?);
    }
    Some(ObjectContent::Interface(found))
}

/// A name without the zeros that pad it.
fn name(data: &[u8]) -> String {
    String::from_utf8_lossy(data).trim_end_matches('\0').to_string()
}

/// An address with its family before it (RFC 5837, section 4.2), and the octets both take.
fn address(data: &[u8]) -> Option<(IpAddr, usize)> {
    let octets = from(data, 4);
    match u16_at(data, 0)? {
        1 => Some((Ipv4Addr::from(*octets.first_chunk::<4>()?).into(), 8)),
        2 => Some((Ipv6Addr::from(*octets.first_chunk::<16>()?).into(), 20)),
        _ => None,
    }
}

/// Where extensions may begin in an error that does not announce them: its quote is padded to so many octets (RFC 4884,
/// section 5.5).
const COMPAT_OFFSET: usize = 128;

/// The octets that a unit stands for of the length that an error of `kind` gives of its quote; `None`: no extensions may follow it
/// (RFC 4884, section 4).
pub(super) const fn length_unit(kind: Kind) -> Option<usize> {
    match (kind.family, kind.type_) {
        (Family::V4, v4::DESTINATION_UNREACHABLE | v4::TIME_EXCEEDED | v4::PARAMETER_PROBLEM) => Some(4),
        (Family::V6, v6::DESTINATION_UNREACHABLE | v6::TIME_EXCEEDED) => Some(8),
        _ => None,
    }
}

/// Cuts what an error of `kind` quotes in two: the packet, and the extension structure after it, which may be empty. Of the
/// packet `headers` octets were taken off before. `announced` is the offset in `body` that the error gives.
///
/// An error that announces none may have them all the same, from routers older than RFC 4884: what stands at their place
/// counts if it has the right version and a right checksum.
pub fn split_quote(kind: Kind, body: &[u8], announced: Option<usize>, headers: usize) -> (&[u8], &[u8]) {
    let may = length_unit(kind).is_some();
    let offset = announced.or(COMPAT_OFFSET.checked_sub(headers));
    let split = offset.filter(|_| may).and_then(|offset| body.split_at_checked(offset));
    let Some((quote, more)) = split else { return (body, &[]) };
    match Extensions::parse(more) {
        Some(found) if announced.is_some() || found.checksum_ok == Some(true) => (quote, more),
        _ if announced.is_some() && more.is_empty() => (quote, more),
        _ => (body, &[]),
    }
}

impl fmt::Display for MplsLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { label, traffic_class, bottom, ttl } = self;
        write!(f, "label {label} tc {traffic_class} ttl {ttl}{}", if *bottom { " bottom" } else { "" })
    }
}

impl Interface {
    /// The role in words.
    pub fn role_name(&self) -> &'static str {
        match self.role {
            0 => "the interface it came in by",
            1 => "the part of that interface below IP",
            2 => "the interface it would have left by",
            _ => "the next hop's interface",
        }
    }
}

#[cfg(test)]
#[path = "extension_tests.rs"]
mod tests;
