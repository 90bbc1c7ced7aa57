use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::super::golden::*;
use super::super::super::{Family, WireError, each_damage};
use super::super::Kind;
use super::*;

const A: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const B: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
const LOOP: (Ipv6Addr, Ipv6Addr) = (Ipv6Addr::LOCALHOST, Ipv6Addr::LOCALHOST);

/// A golden message and the ends its checksum covers.
struct Golden(Family, &'static [u8], Option<(Ipv6Addr, Ipv6Addr)>);

fn messages() -> [Golden; 7] {
    [
        Golden(Family::V4, &V4_PORT_UNREACHABLE[20..], None),
        Golden(Family::V4, &TTL_EXCEEDED, None),
        Golden(Family::V4, &ADMIN_PROHIBITED, None),
        Golden(Family::V4, &FRAGMENTATION_NEEDED, None),
        Golden(Family::V6, &V6_PORT_UNREACHABLE, Some(LOOP)),
        Golden(Family::V6, &V6_PORT_UNREACHABLE_CHAIN, Some((B, A))),
        Golden(Family::V6, &V6_ECHO_REQUEST, Some((A, B))),
    ]
}

#[test]
fn reading_and_writing_are_inverse() {
    for Golden(family, bytes, ends) in messages() {
        let message = Message::parse(family, bytes).unwrap();
        assert_eq!(message.emit(), bytes);
        assert_eq!(message.wire_len(), bytes.len());
        assert_eq!(message.checksum_ok(ends), Some(true));
        let (from, to): (IpAddr, IpAddr) =
            ends.map_or((HERE.into(), HERE.into()), |(from, to)| (from.into(), to.into()));
        assert_eq!(message.sealed(from, to), Some(message));
        assert_eq!(Message { checksum: 0, ..message }.sealed(from, to), Some(message));
    }
}

#[test]
fn any_change_of_one_octet_breaks_the_checksum() {
    for Golden(family, bytes, ends) in messages() {
        for at in 0..bytes.len() {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= 0x10;
            let message = Message::parse(family, &damaged).unwrap();
            assert_eq!(message.checksum_ok(ends), Some(false), "octet {at}");
        }
    }
}

#[test]
fn icmpv6_needs_its_addresses() {
    let message = Message::parse(Family::V6, &V6_ECHO_REQUEST).unwrap();
    assert_eq!(message.checksum_ok(None), None);
    assert_eq!(message.checksum_ok(Some(LOOP)), Some(false));
    assert_eq!(message.sealed(HERE.into(), A.into()), None);
    assert_eq!(message.sealed(HERE.into(), HERE.into()), None);
    assert_eq!(message.for_raw_socket().checksum, 0, "the kernel's to fill in");
}

#[test]
fn linux_port_unreachable() {
    let message = Message::parse(Family::V4, &V4_PORT_UNREACHABLE[20..]).unwrap();
    assert_eq!(message.kind, Kind::v4(3, 3));
    assert_eq!(message.checksum, 0xa5ab);
    assert_eq!(message.to_string(), "Port Unreachable");
    assert_eq!(message.quote().unwrap(), &V4_PORT_UNREACHABLE[28..]);
    let quoted = message.quoted().unwrap();
    assert_eq!(quoted.destination_socket(), Some("127.0.0.1:9".parse().unwrap()));
    assert_eq!(quoted.payload, b"ping 1 1714.25");

    let message = Message::parse(Family::V6, &V6_PORT_UNREACHABLE).unwrap();
    assert_eq!(message.kind, Kind::v6(1, 4));
    let quoted = message.quoted().unwrap();
    assert_eq!(quoted.source_socket(), Some("[::1]:40000".parse().unwrap()));
    assert_eq!(quoted.payload, b"ping 1 1714.25");
}

#[test]
fn the_fifth_to_eighth_octets_by_kind() {
    let needed = Message::parse(Family::V4, &FRAGMENTATION_NEEDED).unwrap();
    assert_eq!(needed.next_hop_mtu(), Some(1280));
    assert_eq!(needed.to_string(), "Fragmentation Needed and Don't Fragment was Set (next-hop MTU 1280)");
    let big = Message::parse(Family::V6, &V6_TOO_BIG).unwrap();
    assert_eq!(big.next_hop_mtu(), Some(1280));
    assert_eq!((big.pointer(), big.gateway(), big.echo()), (None, None, None));

    let echo = Message::parse(Family::V6, &V6_ECHO_REQUEST).unwrap();
    assert_eq!(echo.echo(), Some(Echo { id: 0xbeef, seq: 3 }));
    assert_eq!((echo.body, echo.quote(), echo.quoted()), (&b"odd"[..], None, None));
    assert_eq!(echo.to_string(), "Echo Request id 48879 seq 3");

    let silent = Message::error(Kind::v4(3, 4), &[]);
    assert_eq!(silent.next_hop_mtu(), None);
}

#[test]
fn built_fields_read_back() {
    let mtu = Message::error(Kind::v4(3, 4), b"q").with_next_hop_mtu(1400).unwrap();
    assert_eq!((mtu.next_hop_mtu(), mtu.rest), (Some(1400), [0, 0, 5, 120]));
    assert_eq!(mtu.with_next_hop_mtu(65_536), None);
    let big = Message::error(Kind::v6(2, 0), b"q").with_next_hop_mtu(70_000).unwrap();
    assert_eq!(big.next_hop_mtu(), Some(70_000));

    for (kind, octet) in
        [(Kind::v4(12, 0), 20), (Kind::v4(31, 0), 70_000), (Kind::v4(40, 0), 300), (Kind::v6(4, 1), 70_000)]
    {
        let message = Message::error(kind, b"q").with_pointer(octet).unwrap();
        assert_eq!(message.pointer(), Some(octet), "{kind}");
    }
    assert_eq!(Message::error(Kind::v4(12, 0), b"q").with_pointer(256), None);

    let gateway = Ipv4Addr::new(10, 0, 0, 254);
    let redirect = Message::error(Kind::v4(5, 1), b"q").with_gateway(gateway).unwrap();
    assert_eq!(redirect.gateway(), Some(IpAddr::V4(gateway)));
    assert_eq!(redirect.to_string(), "Redirect Datagram for the Host (gateway 10.0.0.254)");

    let plain = Message::error(Kind::v4(3, 3), b"q");
    assert_eq!(plain.with_next_hop_mtu(1400), None);
    assert_eq!(plain.with_pointer(1), None);
    assert_eq!(plain.with_gateway(gateway), None);
}

#[test]
fn an_ipv6_redirect_names_its_target() {
    let mut body = [0; 32];
    body[..16].copy_from_slice(&A.octets());
    let redirect = Message { kind: Kind::v6(137, 0), checksum: 0, rest: [0; 4], body: &body };
    assert_eq!(redirect.gateway(), Some(IpAddr::V6(A)));
    assert_eq!(Message { body: &body[..15], ..redirect }.gateway(), None);
    assert_eq!(redirect.quote(), None);
}

#[test]
fn echoes_are_built_for_both_families() {
    let echo = Echo { id: 0x1234, seq: 0xfffe };
    let request = Message::echo_request(Family::V4, echo, b"abc").for_raw_socket();
    assert_eq!(request.emit(), [8, 0, 0x21, 0x6a, 0x12, 0x34, 0xff, 0xfe, b'a', b'b', b'c']);
    for family in [Family::V4, Family::V6] {
        for message in [Message::echo_request(family, echo, b"abc"), Message::echo_reply(family, echo, b"abc")] {
            let bytes = message.sealed(A.into(), B.into()).unwrap().emit();
            let back = Message::parse(family, &bytes).unwrap();
            assert_eq!((back.kind, back.echo(), back.body), (message.kind, Some(echo), message.body));
            assert_eq!(back.checksum_ok(Some((A, B))), Some(true));
        }
    }
}

#[test]
fn a_quote_is_cut_to_what_routers_send() {
    let packet = [0x45; 2000];
    assert_eq!(Message::error(Kind::v4(3, 3), &packet).wire_len(), 576 - 20);
    assert_eq!(Message::error(Kind::v6(1, 4), &packet).wire_len(), 1280 - 40);
    assert_eq!(Message::error(Kind::v4(3, 3), &packet[..28]).body.len(), 28);
}

#[test]
fn extensions_end_the_quote() {
    let mut body = vec![0; 128];
    body[..40].copy_from_slice(&TCP_PACKET[..40]);
    let extension = [0x20, 0, 0, 0, 0, 8, 1, 1, 0, 1, 0xf1, 0x01];
    body.extend_from_slice(&extension);

    let plain = Message::error(Kind::v4(11, 0), &body);
    let message = Message { rest: [0, 32, 0, 0], ..plain };
    assert_eq!(message.quote().map(<[u8]>::len), Some(128));
    assert_eq!(message.extensions(), Some(&extension[..]));
    // Without the announcement, or with one that cannot be, all is quote.
    for rest in [[0; 4], [0, 255, 0, 0], [0, 31, 0, 0]] {
        let message = Message { rest, ..plain };
        assert_eq!(message.quote(), Some(&body[..]));
        assert_eq!(message.extensions(), None);
    }
    // IPv6 counts in units of eight octets, in another octet.
    let message = Message { kind: Kind::v6(3, 0), rest: [16, 0, 0, 0], ..plain };
    assert_eq!(message.extensions(), Some(&extension[..]));
}

#[test]
fn less_than_a_header_is_an_error() {
    let short = Message::parse(Family::V4, &TTL_EXCEEDED[..7]);
    assert_eq!(short, Err(WireError::Short { what: "ICMP message", needed: 8, had: 7 }));
    let empty = Message::parse(Family::V6, &[]).unwrap_err();
    assert_eq!(empty.to_string(), "ICMPv6 message too short: 0 of 8 bytes");
    assert!(Message::parse(Family::V4, &TTL_EXCEEDED[..8]).unwrap().quoted().is_none());
}

#[test]
fn damage_is_harmless() {
    for Golden(family, bytes, ends) in messages() {
        each_damage(bytes, |bytes| {
            let Ok(message) = Message::parse(family, bytes) else {
                return assert!(bytes.len() < 8);
            };
            assert_eq!(message.emit(), bytes);
            let _ = (message.to_string(), message.quoted(), message.extensions());
            let _ = message.checksum_ok(ends);
        });
    }
}
