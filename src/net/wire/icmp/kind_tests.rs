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
fn no_row_of_the_tables_has_the_numbers_of_another() {
    for section in read(include_str!("kinds.txt")) {
        let rows = section.rows.len();
        let known = match section.name {
            "ICMP" => Kind::all(Family::V4).count(),
            "ICMPv6" => Kind::all(Family::V6).count(),
            _ => section.rows.iter().map(|row| row.keys[0]).collect::<HashSet<_>>().len(),
        };
        assert_eq!(known, rows, "{}", section.name);
    }
}

#[test]
fn errors_of_one_meaning_in_both_families() {
    for family in [Family::V4, Family::V6] {
        let of =
            |is: fn(Kind) -> bool| Kind::all(family).filter(move |kind| is(*kind)).map(|kind| kind.keyword().unwrap());
        let too_big = if family == Family::V4 { "fragmentation-needed" } else { "packet-too-big" };
        assert_eq!(of(Kind::is_too_big).collect::<Vec<_>>(), [too_big]);
        let hops = if family == Family::V4 { "ttl-exceeded" } else { "hop-limit-exceeded" };
        assert_eq!(of(Kind::is_hop_limit_exceeded).collect::<Vec<_>>(), [hops]);
        assert_eq!(of(Kind::is_time_exceeded).collect::<Vec<_>>(), [hops, "reassembly-time-exceeded"]);
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
