//! The kind of an ICMP message: its family, type and code, and what the tables of `kinds.txt` say of them.
//!
//! Every pair of numbers is a valid kind; those without a row in a table have a name made of the numbers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use super::super::Family;
use super::{v4, v6};
use crate::text_rows::{TextRow, TextSection, read};

/// Family, type and code of an ICMP message. `Display` prints the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind {
    /// ICMP or ICMPv6.
    pub family: Family,
    /// The type field.
    pub type_: u8,
    /// The code field.
    pub code: u8,
}

/// The code of Destination Unreachable that says that the packet is too large (RFC 792).
const FRAGMENTATION_NEEDED: u8 = 4;

/// The code of Time Exceeded that says that the TTL, or the hop limit, was used up (RFC 792, RFC 4443).
const HOP_LIMIT_EXCEEDED: u8 = 0;

/// What a message means for a probe that is still waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The packet was not delivered: the probe it quotes is settled.
    Error,
    /// Advice about a path or an interface: worth noting, but the probe may still be replied to.
    Advisory,
    /// A request, a reply, or another message that is not about a packet of ours.
    Informational,
}

impl Kind {
    /// The ICMP kind of this type and code.
    pub const fn v4(type_: u8, code: u8) -> Self {
        Self { family: Family::V4, type_, code }
    }

    /// The ICMPv6 kind of this type and code.
    pub const fn v6(type_: u8, code: u8) -> Self {
        Self { family: Family::V6, type_, code }
    }

    /// The echo request of `family`.
    pub const fn echo_request(family: Family) -> Self {
        match family {
            Family::V4 => Self::v4(v4::ECHO_REQUEST, 0),
            Family::V6 => Self::v6(v6::ECHO_REQUEST, 0),
        }
    }

    /// The echo reply of `family`.
    pub const fn echo_reply(family: Family) -> Self {
        match family {
            Family::V4 => Self::v4(v4::ECHO_REPLY, 0),
            Family::V6 => Self::v6(v6::ECHO_REPLY, 0),
        }
    }

    /// Whether the message is an echo request or reply, which carry an identifier and a sequence number.
    pub fn is_echo(self) -> bool {
        self == Self::echo_request(self.family) || self == Self::echo_reply(self.family)
    }

    /// Every kind the table of `family` names, by type and code.
    pub fn all(family: Family) -> impl Iterator<Item = Self> {
        table(family).kinds.keys().map(move |&(type_, code)| Self { family, type_, code })
    }

    /// The kind of `family` with this keyword (`port-unreachable`); `None` if there is none.
    pub fn from_keyword(family: Family, keyword: &str) -> Option<Self> {
        Self::all(family).find(|kind| kind.keyword() == Some(keyword))
    }

    /// The name for people, such as `Port Unreachable`; for a kind no table knows its numbers, such as
    /// `ICMP type 3 code 99`.
    pub fn name(self) -> Cow<'static, str> {
        match self.row() {
            Some(row) => Cow::Borrowed(row.name),
            None => {
                let Self { family, type_, code } = self;
                Cow::Owned(format!("{} type {type_} code {code}", family.icmp_name()))
            }
        }
    }

    /// The name of the type whatever the code, such as `Destination Unreachable`; `None` if no table knows it.
    pub fn type_name(self) -> Option<&'static str> {
        let named = table(self.family).types.get(&self.type_).copied();
        named.or_else(|| self.row_of_type().map(|row| row.name))
    }

    /// The name for programs, such as `port-unreachable`, unique in its family; `None` if no table knows the
    /// kind.
    pub fn keyword(self) -> Option<&'static str> {
        self.row().map(|row| row.keyword)
    }

    /// The name of the type for programs, whatever the code, such as `destination-unreachable`; `None` if no table knows it.
    pub fn type_keyword(self) -> Option<String> {
        let word = |name: &str| {
            let parts = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
            parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
        };
        self.type_name().map(word)
    }

    /// The document that defines the kind, such as `RFC 792`, or `IANA` where only the registry of numbers
    /// does; `None` if no table knows the kind.
    pub fn rfc(self) -> Option<&'static str> {
        self.row().map(|row| row.rfc)
    }

    /// The part the message plays. Code numbers no table knows play that of their type; ICMPv6 types no table
    /// knows are errors below 128 (RFC 4443, section 2.1), other unknown types informational.
    pub fn role(self) -> Role {
        match self.row().or_else(|| self.row_of_type()) {
            Some(row) => row.role,
            None if self.family == Family::V6 && self.type_ < 128 => Role::Error,
            None => Role::Informational,
        }
    }

    /// Whether the message says that a packet was not delivered, which settles a probe.
    pub fn is_error(self) -> bool {
        self.role() == Role::Error
    }

    /// Whether the message is advice only (source quench, redirect, extended echo reply): noted, it settles no
    /// probe.
    pub fn is_advisory(self) -> bool {
        self.role() == Role::Advisory
    }

    /// Whether the message quotes the packet it is about, from its ninth octet on: every error, source quench
    /// and IPv4 redirect. An IPv6 redirect quotes in an option instead (RFC 4861, section 4.5).
    pub fn is_quoting(self) -> bool {
        self.is_error() || (self.family == Family::V4 && matches!(self.type_, v4::SOURCE_QUENCH | v4::REDIRECT))
    }

    /// Whether the error says that the packet is larger than the next link carries; it says what that carries.
    pub const fn is_too_big(self) -> bool {
        match self.family {
            Family::V4 => self.type_ == v4::DESTINATION_UNREACHABLE && self.code == FRAGMENTATION_NEEDED,
            Family::V6 => self.type_ == v6::PACKET_TOO_BIG,
        }
    }

    /// Whether the error says that a packet was on its way for too long: too many hops, or too long in parts.
    pub const fn is_time_exceeded(self) -> bool {
        self.type_
            == match self.family {
                Family::V4 => v4::TIME_EXCEEDED,
                Family::V6 => v6::TIME_EXCEEDED,
            }
    }

    /// Whether the error says that the packet had passed as many hops as it may, as those of a traceroute do.
    pub const fn is_hop_limit_exceeded(self) -> bool {
        self.is_time_exceeded() && self.code == HOP_LIMIT_EXCEEDED
    }

    /// What is likely behind a message of this kind, and what to try; `None` if no table knows it.
    pub fn advice(self) -> Option<(&'static str, &'static str)> {
        self.row().map(|row| (row.cause, row.remedy))
    }

    fn row(self) -> Option<&'static KindRow> {
        table(self.family).kinds.get(&(self.type_, self.code))
    }

    fn row_of_type(self) -> Option<&'static KindRow> {
        table(self.family).kinds.range((self.type_, 0)..=(self.type_, u8::MAX)).next().map(|(_, row)| row)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name())
    }
}

/// A row of a table.
struct KindRow {
    role: Role,
    keyword: &'static str,
    name: &'static str,
    rfc: &'static str,
    cause: &'static str,
    remedy: &'static str,
}

/// What is known of a family: the kinds by type and code, and names of the types whose codes have names of their own.
struct KindTable {
    kinds: BTreeMap<(u8, u8), KindRow>,
    types: BTreeMap<u8, &'static str>,
}

impl KindTable {
    fn of(family: Family, sections: &[TextSection]) -> Self {
        let rows = |name: &str| sections.iter().find(|section| section.name == name).map_or(&[][..], |it| &it.rows);
        let of_type = |row: &TextRow| (number(row.keys[0]), row.lines[0]);
        let name = family.icmp_name();
        Self {
            kinds: rows(name).iter().map(kind_row).collect(),
            types: rows(&format!("{name} types")).iter().map(of_type).collect(),
        }
    }
}

fn kind_row(row: &TextRow) -> ((u8, u8), KindRow) {
    let (&[type_, code, role, keyword], &[name, rfc, cause, remedy]) = (&row.keys[..], &row.lines[..]) else {
        panic!("kinds.txt: {row:?}")
    };
    let role = match role {
        "error" => Role::Error,
        "advisory" => Role::Advisory,
        _ => Role::Informational,
    };
    ((number(type_), number(code)), KindRow { role, keyword, name, rfc, cause, remedy })
}

fn number(text: &str) -> u8 {
    text.parse().expect("the tables have numbers of one octet")
}

fn table(family: Family) -> &'static KindTable {
    static TABLES: LazyLock<[KindTable; 2]> = LazyLock::new(|| {
        let sections = read(include_str!("kinds.txt"));
        [Family::V4, Family::V6].map(|family| KindTable::of(family, &sections))
    });
    &TABLES[usize::from(family == Family::V6)]
}

#[cfg(test)]
#[path = "kind_tests.rs"]
mod tests;
