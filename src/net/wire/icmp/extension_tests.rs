use super::super::super::each_damage;
use super::*;

/// Two MPLS labels: 16001 (tc 0, ttl 1) and 24005 (tc 5, bottom, ttl 254), with their checksum.
const MPLS: [u8; 16] = [0x20, 0x00, 0x69, 0x2f, 0x00, 0x0c, 0x01, 0x01, 0x03, 0xe8, 0x10, 0x01, 0x05, 0xdc, 0x5b, 0xfe];

fn structure(objects: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x20, 0, 0, 0];
    bytes.extend_from_slice(objects);
    let sum = checksum(&bytes);
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    bytes
}

fn only(objects: &[u8]) -> ObjectContent {
    let bytes = structure(objects);
    let found = Extensions::parse(&bytes).expect("a structure");
    assert_eq!(found.checksum_ok, Some(true));
    let all: Vec<Object<'_>> = found.objects().collect();
    assert_eq!(all.len(), 1);
    all[0].content()
}

#[test]
fn label_stacks_are_read() {
    let found = Extensions::parse(&MPLS).expect("a structure");
    assert_eq!(found.checksum_ok, Some(true));
    let labels: Vec<String> = found.mpls().iter().map(ToString::to_string).collect();
    assert_eq!(labels, ["label 16001 tc 0 ttl 1", "label 24005 tc 5 ttl 254 bottom"]);
}

#[test]
fn interfaces_are_read() {
    // Incoming, with index, IPv4 address, name and MTU.
    let object = [
        &[0, 32, 2, 0b0000_1111, 0, 0, 0, 7, 0, 1, 0, 0, 192, 0, 2, 1][..],
        &[8, b'e', b't', b'h', b'0', 0, 0, 0, 0, 0, 0x05, 0xdc],
    ]
    .concat();
    let object = [&[0, object.len() as u8][..], &object[2..]].concat();
    let ObjectContent::Interface(found) = only(&object) else { panic!("no interface") };
    let expected = Interface {
        role: 0,
        index: Some(7),
        address: Some(Ipv4Addr::new(192, 0, 2, 1).into()),
        name: Some("eth0".to_string()),
        mtu: Some(1500),
    };
    assert_eq!(found, expected);
    let ObjectContent::Interface(found) = only(&[0, 8, 2, 0b1000_1000, 0, 0, 0, 9]) else { panic!("no interface") };
    assert_eq!((found.role, found.index, found.name), (2, Some(9), None));
}

#[test]
fn what_is_asked_about_is_read() {
    assert_eq!(only(&[0, 8, 3, 1, b'l', b'o', 0, 0]), ObjectContent::InterfaceName("lo".to_string()));
    assert_eq!(only(&[0, 8, 3, 2, 0, 0, 0, 3]), ObjectContent::InterfaceIndex(3));
    let address = only(&[0, 12, 3, 3, 0, 1, 4, 0, 127, 0, 0, 1]);
    assert_eq!(address, ObjectContent::InterfaceAddress(Ipv4Addr::LOCALHOST.into()));
}

#[test]
fn what_no_table_knows_is_kept() {
    let bytes = structure(&[0, 6, 0xf7, 9, 1, 2, 0, 4, 5, 0]);
    let all: Vec<Object<'_>> = Extensions::parse(&bytes).expect("a structure").objects().collect();
    assert_eq!(all, [Object { class: 0xf7, c_type: 9, data: &[1, 2] }, Object { class: 5, c_type: 0, data: &[] }]);
    assert_eq!(all[0].content(), ObjectContent::Unknown);
    assert_eq!(only(&[0, 7, 1, 1, 1, 2, 3]), ObjectContent::Unknown, "no whole label");
}

#[test]
fn a_quote_is_split_where_it_says_or_at_128_if_the_checksum_is_right() {
    let kind = Kind::v4(11, 0);
    let mut body = vec![7; 128];
    body.extend_from_slice(&MPLS);
    assert_eq!(split_quote(kind, &body, Some(128), 0), (&body[..128], &MPLS[..]));
    assert_eq!(split_quote(kind, &body, None, 0), (&body[..128], &MPLS[..]));
    assert_eq!(split_quote(kind, &body[28..], None, 28), (&body[28..128], &MPLS[..]));
    assert_eq!(split_quote(Kind::v4(3, 3), &body[..128], Some(128), 0), (&body[..128], &[][..]));
    fn whole(kind: Kind, body: &[u8], announced: Option<usize>) {
        assert_eq!(split_quote(kind, body, announced, 0), (body, &[][..]));
    }
    whole(Kind::v4(4, 0), &body, None);
    whole(kind, &body[..127], None);
    whole(kind, &body, Some(64));
    body[140] ^= 1;
    whole(kind, &body, None);
    assert_eq!(split_quote(kind, &body, Some(128), 0).1.len(), MPLS.len(), "announced, with a wrong checksum");
}

#[test]
fn damage_is_harmless() {
    let interface = structure(&[0, 20, 2, 0b0000_1011, 0, 0, 0, 7, 8, b'e', b't', b'h', b'0', 0, 0, 0, 0, 0, 5, 0xdc]);
    for bytes in [&MPLS[..], &interface] {
        each_damage(bytes, |bytes| {
            for object in Extensions::parse(bytes).into_iter().flat_map(|found| found.objects()) {
                object.content();
            }
        });
    }
}
