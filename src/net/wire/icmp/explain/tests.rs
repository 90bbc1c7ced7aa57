use std::collections::HashSet;

use super::super::super::each_damage;
use super::super::super::golden::*;
use super::*;

#[test]
fn each_row_of_the_tables_has_a_text_of_its_own() {
    let mut both = HashSet::new();
    for family in [Family::V4, Family::V6] {
        let (mut causes, mut remedies) = (HashSet::new(), HashSet::new());
        for kind in Kind::all(family) {
            let (cause, remedy) = kind.advice().unwrap_or_else(|| panic!("{family} {kind} has no advice"));
            assert!(causes.insert(cause), "{family} {kind} has the cause of another");
            assert!(remedies.insert(remedy), "{family} {kind} has the remedy of another");
            assert!(both.insert((cause, remedy)), "{family} {kind} says what its twin says");
            for text in [cause, remedy] {
                assert!(text.ends_with('.') && text.len() > 30, "{family} {kind}: {text}");
            }
        }
        assert_eq!(causes.len(), Kind::all(family).count());
    }
}

#[test]
fn the_explanations_of_all_rows_differ_in_more_than_their_numbers() {
    let mut seen = HashSet::new();
    for kind in Kind::all(Family::V4).chain(Kind::all(Family::V6)) {
        let text = explain(&[kind.type_, kind.code, 0, 0, 0, 0, 0, 0], Some(kind.family));
        let (Some(cause), Some(remedy)) = (text.find("Likely cause: "), text.find("What to try: ")) else {
            panic!("{kind}: {text}")
        };
        assert!(cause < remedy && seen.insert(text[cause..].to_string()), "{kind}: {text}");
    }
}

#[test]
fn a_whole_packet_is_explained() {
    let text = explain(&V4_PORT_UNREACHABLE, None);
    for part in [
        "ICMP: Port Unreachable, type 3 code 3 (RFC 792)",
        "about UDP 127.0.0.1:40000 > 127.0.0.1:9",
        "    0  45                       version 4, 5 words of header: 20 bytes",
        "   10  82 a4                    header checksum, right",
        "   20  03                       type 3: Destination Unreachable",
        "   50  00 09                    destination port 9",
        "complement: a5ab, as in the message: right",
        "Likely cause: Nothing is listening",
        "What to try: Start the service",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
}

#[test]
fn the_sum_is_right_and_a_wrong_one_is_seen() {
    let text = explain(&TTL_EXCEEDED, None);
    assert!(text.contains("complement: 48cc, as in the message: right"), "{text}");
    let mut damaged = TTL_EXCEEDED;
    damaged[30] ^= 1;
    let text = explain(&damaged, Some(Family::V4));
    assert!(text.contains("but 48cc is in the message: wrong"), "{text}");
    // Of odd length, with the addresses it covers.
    let header = [
        &[0x60, 0, 0, 0, 0, 11, 58, 64][..],
        &std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).octets(),
        &std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2).octets(),
    ]
    .concat();
    let text = explain(&[&header[..], &V6_ECHO_REQUEST].concat(), None);
    assert!(text.contains("complement: 91ed, as in the message: right"), "{text}");
    assert!(text.contains("padded with 00"), "{text}");
    assert!(explain(&V6_ECHO_REQUEST, None).contains("cannot be checked"));
}

#[test]
fn messages_by_themselves_are_of_the_version_they_fit() {
    for (bytes, family) in [
        (&TTL_EXCEEDED[..], Family::V4),
        (&FRAGMENTATION_NEEDED, Family::V4),
        (&ADMIN_PROHIBITED, Family::V4),
        (&V6_PORT_UNREACHABLE, Family::V6),
        (&V6_ECHO_REQUEST, Family::V6),
        (&V6_TOO_BIG, Family::V6),
    ] {
        assert_eq!(identify(bytes, None).family, family);
    }
    assert_eq!(identify(&V4_PORT_UNREACHABLE, None).message.len(), 50);
}

#[test]
fn each_field_of_what_quotes_no_packet_is_shown() {
    let explained = |parts: &[&[u8]], family| explain(&parts.concat(), Some(family));
    let timestamps: &[&[u8]] = &[&[14, 0, 0, 0, 0, 7, 0, 1], &[2, 0xb3, 0x2b, 0x15, 0, 0, 0, 1], &[0x80, 0, 0, 0]];
    let text = explained(timestamps, Family::V4);
    for part in [
        "    8  02 b3 2b 15              originate timestamp: 45296405 ms since midnight, 12:34:56.405 UT\n",
        "   12  00 00 00 01              receive timestamp: 1 ms since midnight, 00:00:00.001 UT\n",
        "   16  80 00 00 00              transmit timestamp: 80000000, which is not in",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    let prefix = [&[3, 4, 64, 0xc0][..], &[0xff; 4], &[0, 0, 14, 16], &[0; 4], &[0xfd, 0], &[0; 14]].concat();
    let advertised: &[&[u8]] = &[
        &[134, 0, 0, 0, 64, 0x40, 7, 8, 0, 0, 0, 9, 0, 0, 3, 232],
        &[1, 1, 2, 0, 0, 0, 0, 3],
        &prefix,
        &[5, 1, 0, 0, 0, 0, 5, 220],
    ];
    let text = explained(advertised, Family::V6);
    for part in [
        "hop limit for hosts: 64\n",
        "not managed addresses, other configuration\n",
        "router lifetime 1800 s\n",
        "reachable time 9 ms\n",
        "retransmission timer 1000 ms\n",
        "address 02:00:00:00:00:03\n",
        "prefix of 64 bits\n",
        "on link, for autoconfiguration\n",
        "valid lifetime without end\n",
        "preferred lifetime 3600 s\n",
        "prefix fd00::\n",
        "   60  00 00 05 dc              MTU 1500\n",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    let routers: &[&[u8]] = &[&[9, 0, 0, 0, 1, 2, 7, 8], &[10, 0, 0, 1], &[0xff, 0xff, 0xff, 0xff]];
    let text = explained(routers, Family::V4);
    assert!(text.contains("router 10.0.0.1\n") && text.contains("preference -1\n"), "{text}");
    // Damage at any place is harmless.
    for (parts, family) in [(timestamps, Family::V4), (advertised, Family::V6), (routers, Family::V4)] {
        let mut bytes = parts.concat();
        (0..bytes.len()).for_each(|len| drop(explain(&bytes[..len], Some(family))));
        for at in 0..bytes.len() {
            let before = std::mem::replace(&mut bytes[at], 0xff);
            explain(&bytes, Some(family));
            bytes[at] = before;
        }
        for type_ in [130, 133, 135, 136, 137, 143] {
            bytes[0] = type_;
            (0..bytes.len()).for_each(|len| drop(explain(&bytes[..len], Some(Family::V6))));
        }
    }
}

#[test]
fn other_packets_and_no_packets_are_explained_too() {
    assert!(explain(&TCP_PACKET, None).contains("header of 20 bytes, SYN"));
    assert!(explain(&[3, 1, 2], None).contains("ICMP message too short"));
    assert!(explain(&[], None).contains("too short"));
    let unknown = explain(&[99, 1, 0, 0, 0, 0, 0, 0], None);
    assert!(unknown.contains("(no table knows it)") && unknown.contains("must ignore it"), "{unknown}");
}

#[test]
fn damage_is_harmless() {
    for bytes in [&V4_PORT_UNREACHABLE[..], &V6_PORT_UNREACHABLE_CHAIN, &ADMIN_PROHIBITED] {
        // Every byte at a few values: a text for each takes its time.
        for len in 0..bytes.len() {
            explain(&bytes[..len], None);
        }
        let mut damaged = bytes.to_vec();
        for at in 0..bytes.len() {
            for value in [0, 1, 5, 0x45, 0x60, 0x7f, 0x80, 0xff] {
                damaged[at] = value;
                explain(&damaged, None);
                explain(&damaged, Some(Family::V6));
            }
            damaged[at] = bytes[at];
        }
    }
    each_damage(&TTL_EXCEEDED[..12], |bytes| drop(explain(bytes, None)));
}
