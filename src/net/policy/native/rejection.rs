//! Rejections: which ICMP error, or TCP reset, is sent for a packet that a policy refuses.
//!
//! An error is named by the keyword of its kind, by a name that `iptables --reject-with` or `ip6tables --reject-with`
//! knows, or by its numbers. A name serves both versions of IP where the other has an error of the same meaning
//! (RFC 7915, section 4.2 and 5.2); numbers are taken as they are, in ICMP for IPv4 packets, in ICMPv6 for IPv6 ones.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use crate::nearest::nearest;
use crate::net::error::{Error, Result};
use crate::net::wire::Family;
use crate::net::wire::icmp::{Kind, Message};

/// How a packet is refused. `Display` is the call that makes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejection {
    /// The arguments that name the error.
    named: String,
    means: Means,
    details: Details,
}

/// What the error says beside its kind, and who says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Who reports the error; `None` for the host that the packet was on its way to.
    pub from: Option<IpAddr>,
    /// The MTU of the next hop in octets, of "fragmentation needed" and "packet too big".
    pub mtu: Option<u32>,
    /// The octet in error, of a parameter problem.
    pub pointer: Option<u32>,
    /// The router to use instead, of a redirect.
    pub gateway: Option<Ipv4Addr>,
}

/// What is sent for a packet of one version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectReply {
    /// A TCP segment with RST.
    Reset,
    /// An ICMP error.
    Icmp(Kind),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    Reset,
    Icmp { v4: Option<Kind>, v6: Option<Kind> },
}

/// Errors of one meaning in ICMP and ICMPv6, by keyword. Of an error that stands here more than once the first is its twin.
const TWINS: &[(&str, &str)] = &[
    ("net-unreachable", "no-route"),
    ("host-unreachable", "address-unreachable"),
    ("protocol-unreachable", "unknown-next-header"),
    ("port-unreachable", "port-unreachable"),
    ("fragmentation-needed", "packet-too-big"),
    ("source-route-failed", "source-route-error"),
    ("admin-prohibited", "admin-prohibited"),
    ("ttl-exceeded", "hop-limit-exceeded"),
    ("reassembly-time-exceeded", "reassembly-time-exceeded"),
    ("header-error", "header-error"),
    // The nearest meaning, which is that of another one.
    ("net-prohibited", "admin-prohibited"),
    ("host-prohibited", "admin-prohibited"),
    ("host-unreachable", "beyond-scope"),
    ("admin-prohibited", "policy-failed"),
    ("admin-prohibited", "reject-route"),
];

/// The names of iptables and ip6tables, and short forms, with the keyword they stand for.
const NAMES: &[(&str, &str)] = &[
    ("icmp-net-unreachable", "net-unreachable"),
    ("icmp-host-unreachable", "host-unreachable"),
    ("icmp-port-unreachable", "port-unreachable"),
    ("icmp-proto-unreachable", "protocol-unreachable"),
    ("icmp-net-prohibited", "net-prohibited"),
    ("icmp-host-prohibited", "host-prohibited"),
    ("icmp-admin-prohibited", "admin-prohibited"),
    ("icmp6-no-route", "no-route"),
    ("icmp6-adm-prohibited", "admin-prohibited"),
    ("icmp6-addr-unreachable", "address-unreachable"),
    ("icmp6-port-unreachable", "port-unreachable"),
    ("icmp6-policy-fail", "policy-failed"),
    ("icmp6-reject-route", "reject-route"),
    ("net-unreach", "net-unreachable"),
    ("host-unreach", "host-unreachable"),
    ("port-unreach", "port-unreachable"),
    ("proto-unreach", "protocol-unreachable"),
    ("net-prohib", "net-prohibited"),
    ("host-prohib", "host-prohibited"),
    ("admin-prohib", "admin-prohibited"),
    ("adm-prohibited", "admin-prohibited"),
    ("addr-unreach", "address-unreachable"),
    ("policy-fail", "policy-failed"),
    ("frag-needed", "fragmentation-needed"),
    ("ttl-zero-during-transit", "ttl-exceeded"),
];

/// The names of a TCP reset.
const RESET: [&str; 2] = ["tcp-reset", "tcp-rst"];

impl Rejection {
    /// The rejection called `name`.
    ///
    /// # Errors
    /// `invalid`: no error has that name, or it has no room for a detail.
    pub fn named(name: &str, details: Details) -> Result<Self> {
        let named = format!("\"{name}\"");
        if RESET.contains(&name) {
            return Self { named, means: Means::Reset, details }.checked();
        }
        let keyword = NAMES.iter().find(|(known, _)| *known == name).map_or(name, |(_, keyword)| keyword);
        let known = |family| Kind::from_keyword(family, keyword).filter(|kind| kind.is_quoting());
        let (v4, v6) = (known(Family::V4), known(Family::V6));
        if v4.is_none() && v6.is_none() {
            return Err(unknown(name));
        }
        let means = Means::Icmp { v4: v4.or_else(|| v6.and_then(twin)), v6: v6.or_else(|| v4.and_then(twin)) };
        Self { named, means, details }.checked()
    }

    /// The rejection by the error with this type and code, in ICMP or ICMPv6 as the packet is IPv4 or IPv6.
    ///
    /// # Errors
    /// `invalid`: a number does not fit its field, no error or advice has this type, or the error has no room for a detail.
    pub fn numbered(type_: i64, code: i64, details: Details) -> Result<Self> {
        let field = |name: &str, value: i64| {
            u8::try_from(value).map_err(|_| Error::invalid("reject", format!("the {name} is 0 to 255, not {value}")))
        };
        let (type_, code) = (field("type", type_)?, field("code", code)?);
        // A request or a reply would be answered in turn, or taken for what it is.
        let of_error = |kind: Kind| (kind.is_error() || kind.is_advisory()).then_some(kind);
        let kinds = [Kind::v4(type_, code), Kind::v6(type_, code)];
        let [v4, v6] = kinds.map(of_error);
        let [taken_by_v4, known_to_v6] = kinds.map(|kind| kind.type_name().is_some());
        if v4.is_none() && (v6.is_none() || (taken_by_v4 && !known_to_v6)) {
            let what = kinds.iter().find_map(|kind| kind.type_name()).map_or(String::new(), |name| format!(": {name}"));
            let error = Error::invalid("reject", format!("messages of type {type_} are no ICMP errors{what}"));
            return Err(error.with_hint(
                "errors are types 3, 4, 5, 11 and 12 of ICMP and those below 128 of ICMPv6, such as reject(3, 13)",
            ));
        }
        let means = Means::Icmp { v4, v6 };
        Self { named: format!("{type_}, {code}"), means, details }.checked()
    }

    /// What is sent for a packet of `family`; `None` if that has no such error.
    pub const fn reply(&self, family: Family) -> Option<RejectReply> {
        let kind = match (self.means, family) {
            (Means::Reset, _) => return Some(RejectReply::Reset),
            (Means::Icmp { v4, .. }, Family::V4) => v4,
            (Means::Icmp { v6, .. }, Family::V6) => v6,
        };
        match kind {
            Some(kind) => Some(RejectReply::Icmp(kind)),
            None => None,
        }
    }

    /// What the error says beside its kind.
    pub const fn details(&self) -> &Details {
        &self.details
    }

    /// The message of `kind` that quotes `packet`, with those details that it has room for; the checksum is zero.
    pub fn message<'a>(&self, kind: Kind, packet: &'a [u8]) -> Message<'a> {
        let Details { mtu, pointer, gateway, .. } = self.details;
        let message = Message::error(kind, packet);
        let mtu = mtu.unwrap_or_else(|| smaller_mtu(kind.family, packet.len()));
        let message = message.with_next_hop_mtu(mtu).unwrap_or(message);
        let message = pointer.and_then(|octet| message.with_pointer(octet)).unwrap_or(message);
        gateway.and_then(|gateway| message.with_gateway(gateway)).unwrap_or(message)
    }

    /// Checks that each detail has its place in the error.
    fn checked(self) -> Result<Self> {
        let Details { mtu, pointer, gateway, .. } = self.details;
        let kinds: Vec<Kind> = match self.means {
            Means::Reset => Vec::new(),
            Means::Icmp { v4, v6 } => v4.into_iter().chain(v6).collect(),
        };
        let holds = |kind: &Kind, place: &dyn Fn(Message<'static>) -> bool| place(Message::error(*kind, &[]));
        let fits = |place: &dyn Fn(Message<'static>) -> bool| kinds.iter().any(|kind| holds(kind, place));
        let wrong = |what: &str, where_: &str| {
            let error = Error::invalid("reject", format!("reject({}) has no room for {what}", self.named));
            Err(error.with_hint(format!("{where_} has")))
        };
        if let Some(mtu) = mtu {
            let mut with_mtu =
                kinds.iter().filter(|kind| holds(kind, &|message| message.with_next_hop_mtu(0).is_some())).peekable();
            let has_room = |kind: &Kind| holds(kind, &|message| message.with_next_hop_mtu(mtu).is_some());
            if with_mtu.peek().is_none() || !with_mtu.all(has_room) {
                return wrong(&format!("an mtu of {mtu}"), "\"frag-needed\", up to 65535 for IPv4,");
            }
        }
        if let Some(octet) = pointer
            && !fits(&|message| message.with_pointer(octet).is_some())
        {
            return wrong(&format!("a pointer of {octet}"), "\"header-error\", up to 255 for IPv4,");
        }
        if let Some(gateway) = gateway
            && !fits(&|message| message.with_gateway(gateway).is_some())
        {
            return wrong("a gateway", "\"redirect-host\"");
        }
        Ok(self)
    }
}

/// The next usual MTU below the length of a packet that is too big (RFC 1191, section 7); of IPv6, at least 1280 (RFC 8200,
/// section 5). A router that reports an MTU of 0 is older than 1990.
fn smaller_mtu(family: Family, len: usize) -> u32 {
    const USUAL: [u32; 11] = [65_535, 32_000, 17_914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68];
    let below = USUAL.into_iter().find(|mtu| (*mtu as usize) < len).unwrap_or(68);
    if family == Family::V6 { below.max(1280) } else { below }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details { from, mtu, pointer, gateway } = self.details;
        let said = [
            mtu.map(|mtu| format!("mtu: {mtu}")),
            pointer.map(|octet| format!("pointer: {octet}")),
            gateway.map(|gateway| format!("gateway: \"{gateway}\"")),
            from.map(|from| format!("from: \"{from}\"")),
        ];
        match said.into_iter().flatten().collect::<Vec<_>>().as_slice() {
            [] => write!(f, "reject({})", self.named),
            said => write!(f, "reject({}, #{{ {} }})", self.named, said.join(", ")),
        }
    }
}

/// The error of the same, or the nearest, meaning in the other version.
fn twin(kind: Kind) -> Option<Kind> {
    let keyword = kind.keyword()?;
    match kind.family {
        Family::V4 => {
            TWINS.iter().find(|(v4, _)| *v4 == keyword).and_then(|(_, v6)| Kind::from_keyword(Family::V6, v6))
        }
        Family::V6 => {
            TWINS.iter().find(|(_, v6)| *v6 == keyword).and_then(|(v4, _)| Kind::from_keyword(Family::V4, v4))
        }
    }
}

fn unknown(name: &str) -> Error {
    let quoting = [Family::V4, Family::V6].into_iter().flat_map(Kind::all).filter(|kind| kind.is_quoting());
    let all = quoting.filter_map(Kind::keyword).chain(NAMES.iter().map(|(name, _)| *name)).chain(RESET);
    let start = match nearest(name, all).as_slice() {
        [] => format!("the names are {}, … ", COMMON.join(", ")),
        near => format!("did you mean \"{}\"? ", near.join("\" or \"")),
    };
    Error::invalid("reject", format!("no ICMP error is called \"{name}\""))
        .with_hint(format!("{start}(`help(\"reject\")` lists them all; or give type and code: reject(3, 13))"))
}

/// The names that are shown where none is near: the errors that are met most.
const COMMON: [&str; 12] = [
    "port-unreachable",
    "host-unreachable",
    "net-unreachable",
    "protocol-unreachable",
    "admin-prohibited",
    "fragmentation-needed",
    "packet-too-big",
    "ttl-exceeded",
    "header-error",
    "no-route",
    "icmp-admin-prohibited",
    "tcp-reset",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(name: &str) -> [Option<(u8, u8)>; 2] {
        let rejection = Rejection::named(name, Details::default()).unwrap();
        let numbers = |family| match rejection.reply(family) {
            Some(RejectReply::Icmp(kind)) => {
                assert_eq!(kind.family, family);
                Some((kind.type_, kind.code))
            }
            _ => None,
        };
        [numbers(Family::V4), numbers(Family::V6)]
    }

    #[test]
    fn names_of_iptables_are_known() {
        for (name, v4, v6) in [
            ("icmp-net-unreachable", (3, 0), (1, 0)),
            ("icmp-host-unreachable", (3, 1), (1, 3)),
            ("icmp-proto-unreachable", (3, 2), (4, 1)),
            ("icmp-port-unreachable", (3, 3), (1, 4)),
            ("icmp-net-prohibited", (3, 9), (1, 1)),
            ("icmp-host-prohibited", (3, 10), (1, 1)),
            ("icmp-admin-prohibited", (3, 13), (1, 1)),
            ("icmp6-no-route", (3, 0), (1, 0)),
            ("icmp6-adm-prohibited", (3, 13), (1, 1)),
            ("icmp6-addr-unreachable", (3, 1), (1, 3)),
            ("icmp6-port-unreachable", (3, 3), (1, 4)),
            ("frag-needed", (3, 4), (2, 0)),
            ("ttl-exceeded", (11, 0), (3, 0)),
        ] {
            assert_eq!(kinds(name), [Some(v4), Some(v6)], "{name}");
        }
        let reset = Rejection::named("tcp-reset", Details::default()).unwrap();
        assert_eq!(reset.reply(Family::V6), Some(RejectReply::Reset));
    }

    #[test]
    fn every_error_has_a_rejection_by_its_keyword() {
        for family in [Family::V4, Family::V6] {
            for kind in Kind::all(family).filter(|kind| kind.is_quoting()) {
                let rejection = Rejection::named(kind.keyword().unwrap(), Details::default()).unwrap();
                assert_eq!(rejection.reply(family), Some(RejectReply::Icmp(kind)), "{kind}");
            }
        }
        assert_eq!(kinds("source-host-isolated"), [Some((3, 8)), None], "ICMPv6 has no such error");
    }

    #[test]
    fn numbers_mean_errors_and_advice_of_their_version() {
        for (type_, v4, v6) in [
            (1, false, true),
            (3, true, true),
            (5, true, true),
            (137, false, true),
            (161, false, true),
            (12, true, true),
        ] {
            let rejection = Rejection::numbered(type_, 0, Details::default()).unwrap();
            let replies = [Family::V4, Family::V6].map(|family| rejection.reply(family).is_some());
            assert_eq!(replies, [v4, v6], "{type_}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_what_is_right() {
        let error = Rejection::named("port-unreachible", Details::default()).unwrap_err();
        assert!(error.hint.starts_with("did you mean \"port-unreachable\""));
        let error = Rejection::named("foo", Details::default()).unwrap_err();
        assert!(error.hint.starts_with("the names are port-unreachable, host-unreachable, "), "{}", error.hint);
        assert!(
            error
                .hint
                .ends_with("tcp-reset, … (`help(\"reject\")` lists them all; or give type and code: reject(3, 13))")
        );
        assert!(COMMON.iter().all(|name| Rejection::named(name, Details::default()).is_ok()));
        assert!(Rejection::named("echo-reply", Details::default()).is_err(), "no error");
        let hint = Rejection::numbered(256, 0, Details::default()).unwrap_err();
        assert_eq!(hint.message, "the type is 0 to 255, not 256");
        for (type_, what) in [(8, ": Echo Request"), (128, ": Echo Request"), (0, ": Echo Reply"), (250, "")] {
            let error = Rejection::numbered(type_, 0, Details::default()).unwrap_err();
            assert_eq!(error.message, format!("messages of type {type_} are no ICMP errors{what}"));
        }
        let mtu = Details { mtu: Some(1280), ..Details::default() };
        assert!(Rejection::named("port-unreachable", mtu).is_err());
        let far = Details { mtu: Some(70_000), ..Details::default() };
        assert!(Rejection::numbered(3, 4, far).is_err(), "16 bits do not hold it");
        assert!(Rejection::named("frag-needed", far).is_err(), "of IPv4 they do not, of IPv6 there are 32");
        assert!(Rejection::numbered(2, 0, far).is_ok(), "ICMPv6 alone");
    }

    #[test]
    fn a_packet_too_big_names_a_smaller_mtu_that_a_path_can_have() {
        let (v4, v6) = (
            Rejection::named("frag-needed", Details::default()),
            Rejection::named("packet-too-big", Details::default()),
        );
        for (len, of_v4, of_v6) in
            [(1500, 1492, 1492), (1492, 1006, 1280), (100, 68, 1280), (20, 68, 1280), (9000, 8166, 8166)]
        {
            let packet = vec![0; len];
            let mtu =
                |rejection: &Result<Rejection>, kind| rejection.as_ref().unwrap().message(kind, &packet).next_hop_mtu();
            assert_eq!((mtu(&v4, Kind::v4(3, 4)), mtu(&v6, Kind::v6(2, 0))), (Some(of_v4), Some(of_v6)), "{len}");
        }
        let other = Rejection::numbered(3, 3, Details::default()).unwrap();
        assert_eq!(other.message(Kind::v4(3, 3), &[0; 100]).rest, [0; 4]);
    }

    #[test]
    fn it_shows_as_its_call() {
        let details = Details { mtu: Some(1280), from: Some([10, 0, 0, 77].into()), ..Details::default() };
        let rejection = Rejection::named("frag-needed", details).unwrap();
        assert_eq!(rejection.to_string(), "reject(\"frag-needed\", #{ mtu: 1280, from: \"10.0.0.77\" })");
        assert_eq!(rejection.message(Kind::v4(3, 4), b"x").next_hop_mtu(), Some(1280));
        assert_eq!(rejection.message(Kind::v6(2, 0), b"x").next_hop_mtu(), Some(1280));
        let numbered = Rejection::numbered(3, 13, Details::default()).unwrap();
        assert_eq!(numbered.to_string(), "reject(3, 13)");
    }
}
