//! The kind of an ICMP message: its family, type and code, and what the tables of `kinds.txt` say of them.
//!
//! Every pair of numbers is a valid kind; those without a row in a table have a name made of the numbers.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use super::super::Family;
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
            Family::V4 => Self::v4(8, 0),
            Family::V6 => Self::v6(128, 0),
        }
    }

    /// The echo reply of `family`.
    pub const fn echo_reply(family: Family) -> Self {
        match family {
            Family::V4 => Self::v4(0, 0),
            Family::V6 => Self::v6(129, 0),
        }
    }

    /// Whether the message is an echo request or reply, which carry an identifier and a sequence number.
    pub fn is_echo(self) -> bool {
        self == Self::echo_request(self.family) || self == Self::echo_reply(self.family)
    }

    /// Every kind the table of `family` names, by type and code.
    pub fn all(family: Family) -> impl Iterator<Item = Self> {
        table(family).kinds.iter().map(move |row| Self { family, type_: row.type_, code: row.code })
    }

    /// The kind of `family` with this keyword (`port-unreachable`); `None` if there is none.
    pub fn from_keyword(family: Family, keyword: &str) -> Option<Self> {
        let row = table(family).kinds.iter().find(|row| row.keyword == keyword)?;
        Some(Self { family, type_: row.type_, code: row.code })
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
        let named = table(self.family).types.iter().find(|(type_, _)| *type_ == self.type_).map(|(_, name)| *name);
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
        self.is_error() || (self.family == Family::V4 && matches!(self.type_, 4 | 5))
    }

    /// What is likely behind a message of this kind, and what to try; `None` if no table knows it.
    pub fn advice(self) -> Option<(&'static str, &'static str)> {
        self.row().map(|row| (row.cause, row.remedy))
    }

    fn row(self) -> Option<&'static KindRow> {
        table(self.family).kinds.iter().find(|row| row.type_ == self.type_ && row.code == self.code)
    }

    fn row_of_type(self) -> Option<&'static KindRow> {
        table(self.family).kinds.iter().find(|row| row.type_ == self.type_)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name())
    }
}

/// A row of a table.
struct KindRow {
    type_: u8,
    code: u8,
    role: Role,
    keyword: &'static str,
    name: &'static str,
    rfc: &'static str,
    cause: &'static str,
    remedy: &'static str,
}

/// What is known of a family: the kinds by type and code, and names of the types whose codes have names of their own.
struct KindTable {
    kinds: Vec<KindRow>,
    types: Vec<(u8, &'static str)>,
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

fn kind_row(row: &TextRow) -> KindRow {
    let (&[type_, code, role, keyword], &[name, rfc, cause, remedy]) = (&row.keys[..], &row.lines[..]) else {
        panic!("kinds.txt: {row:?}")
    };
    let role = match role {
        "error" => Role::Error,
        "advisory" => Role::Advisory,
        _ => Role::Informational,
    };
    KindRow { type_: number(type_), code: number(code), role, keyword, name, rfc, cause, remedy }
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
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// The error messages a pinger must report apart, in their exact wording.
    const REQUIRED: [(u8, u8, &str); 32] = [
        (3, 0, "Net Unreachable"),
        (3, 1, "Host Unreachable"),
        (3, 2, "Protocol Unreachable"),
        (3, 3, "Port Unreachable"),
        (3, 4, "Fragmentation Needed and Don't Fragment was Set"),
        (3, 5, "Source Route Failed"),
        (3, 6, "Destination Network Unknown"),
        (3, 7, "Destination Host Unknown"),
        (3, 8, "Source Host Isolated"),
        (3, 9, "Communication with Destination Network is Administratively Prohibited"),
        (3, 10, "Communication with Destination Host is Administratively Prohibited"),
        (3, 11, "Destination Network Unreachable for Type of Service"),
        (3, 12, "Destination Host Unreachable for Type of Service"),
        (3, 13, "Communication Administratively Prohibited"),
        (3, 14, "Host Precedence Violation"),
        (3, 15, "Precedence cutoff in effect"),
        (4, 0, "Source Quench"),
        (11, 0, "Time to Live exceeded in Transit"),
        (11, 1, "Fragment Reassembly Time Exceeded"),
        (12, 0, "Pointer indicates the error"),
        (12, 1, "Missing a Required Option"),
        (12, 2, "Bad Length"),
        (40, 0, "Bad SPI"),
        (40, 1, "Authentication Failed"),
        (40, 2, "Decompression Failed"),
        (40, 3, "Decryption Failed"),
        (40, 4, "Need Authentication"),
        (40, 5, "Need Authorization"),
        (43, 1, "Malformed Query"),
        (43, 2, "No Such Interface"),
        (43, 3, "No Such Table Entry"),
        (43, 4, "Multiple Interfaces Satisfy Query"),
    ];

    #[test]
    fn required_names_are_verbatim() {
        for (type_, code, name) in REQUIRED {
            assert_eq!(Kind::v4(type_, code).name(), name);
            assert_eq!(Kind::v4(type_, code).to_string(), name);
        }
    }

    #[test]
    fn tables_are_sorted_without_duplicates() {
        for family in [Family::V4, Family::V6] {
            let kinds: Vec<Kind> = Kind::all(family).collect();
            assert!(kinds.is_sorted_by(|a, b| a < b), "{family}");
        }
    }

    #[test]
    fn keywords_are_unique_kebab_case_and_lead_back() {
        for family in [Family::V4, Family::V6] {
            let mut seen = HashSet::new();
            for kind in Kind::all(family) {
                let keyword = kind.keyword().unwrap();
                assert!(seen.insert(keyword), "{family} {keyword} twice");
                assert_eq!(Kind::from_keyword(family, keyword), Some(kind));
                let parts = keyword
                    .split('-')
                    .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
                assert!(parts, "{keyword}");
            }
            assert_eq!(Kind::from_keyword(family, "no-such-word"), None);
        }
    }

    #[test]
    fn names_and_sources_are_well_formed() {
        for kind in Kind::all(Family::V4).chain(Kind::all(Family::V6)) {
            let name = kind.name();
            assert!(name.starts_with(|c: char| c.is_ascii_uppercase()), "{name}");
            assert_eq!(name.trim(), name);
            let rfc = kind.rfc().unwrap();
            let number = rfc.strip_prefix("RFC ").map(str::parse::<u16>);
            assert!(rfc == "IANA" || matches!(number, Some(Ok(_))), "{rfc}");
            assert!(kind.type_name().is_some());
        }
    }

    #[test]
    fn every_assigned_type_is_there() {
        let types = |family| Kind::all(family).map(|kind| kind.type_).collect::<HashSet<_>>();
        let v4: HashSet<u8> = [0].into_iter().chain(3..=6).chain(8..=43).chain(253..=254).collect();
        assert_eq!(types(Family::V4), v4);
        let v6: HashSet<u8> = (1..=4).chain([100, 101, 127]).chain(128..=161).chain([200, 201, 255]).collect();
        assert_eq!(types(Family::V6), v6);
    }

    #[test]
    fn roles() {
        for (type_, code, _) in REQUIRED {
            let kind = Kind::v4(type_, code);
            let advice = matches!(type_, 4 | 43);
            assert_eq!(kind.is_error(), !advice, "{kind}");
            assert_eq!(kind.is_advisory(), advice, "{kind}");
        }
        for kind in [Kind::v4(5, 1), Kind::v6(137, 0), Kind::v6(161, 2)] {
            assert!(kind.is_advisory() && !kind.is_error(), "{kind}");
        }
        for kind in Kind::all(Family::V6) {
            assert_eq!(kind.is_error(), kind.type_ < 128, "{kind}");
        }
        for family in [Family::V4, Family::V6] {
            assert_eq!(Kind::echo_request(family).role(), Role::Informational);
            assert_eq!(Kind::echo_reply(family).role(), Role::Informational);
        }
        assert!(Kind::v4(3, 99).is_error() && Kind::v6(57, 0).is_error());
        assert!(!Kind::v4(57, 0).is_error() && !Kind::v6(199, 0).is_error());
        assert!(Kind::v4(5, 0).is_quoting() && !Kind::v6(137, 0).is_quoting());
    }

    #[test]
    fn the_unknown_keeps_its_numbers() {
        let kind = Kind::v4(3, 99);
        assert_eq!(kind.name(), "ICMP type 3 code 99");
        assert_eq!(kind.type_name(), Some("Destination Unreachable"));
        assert_eq!((kind.keyword(), kind.rfc()), (None, None));
        assert_eq!(Kind::v6(99, 1).name(), "ICMPv6 type 99 code 1");
        assert_eq!(Kind::v6(99, 1).type_name(), None);
    }

    #[test]
    fn one_keyword_means_the_same_in_both_families() {
        for keyword in ["port-unreachable", "admin-prohibited", "reassembly-time-exceeded"] {
            assert!(Kind::from_keyword(Family::V4, keyword).unwrap().is_error());
            assert!(Kind::from_keyword(Family::V6, keyword).unwrap().is_error());
        }
        for family in [Family::V4, Family::V6] {
            let request = Kind::from_keyword(family, "echo-request");
            assert_eq!(request, Some(Kind::echo_request(family)));
            let reply = Kind::from_keyword(family, "echo-reply");
            assert_eq!(reply, Some(Kind::echo_reply(family)));
        }
    }
}
