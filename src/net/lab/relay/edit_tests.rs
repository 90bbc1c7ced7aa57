use super::*;
use crate::net::policy::Details;
use crate::net::wire::checksum::checksum;
use crate::net::wire::ip::{Packet, TransportHeader};

fn ether(v4: bool, packet: Vec<u8>) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    bytes.extend(if v4 { [0x08, 0x00] } else { [0x86, 0xdd] });
    bytes.extend(packet);
    bytes
}

fn builder(v4: bool) -> etherparse::PacketBuilderStep<etherparse::IpHeaders> {
    match v4 {
        true => etherparse::PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64),
        false => {
            let ip = |last| [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
            etherparse::PacketBuilder::ipv6(ip(1), ip(2), 64)
        }
    }
}

fn udp(v4: bool, data: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    builder(v4).udp(9, 7).write(&mut packet, data).unwrap();
    ether(v4, packet)
}

fn tcp(v4: bool, syn: bool, data: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    let step = builder(v4).tcp(9, 7, 1000, 512);
    let step = if syn { step.syn() } else { step.ack(77) };
    step.write(&mut packet, data).unwrap();
    ether(v4, packet)
}

fn offender(v4: bool) -> IpAddr {
    if v4 { [10, 0, 0, 77].into() } else { "fd00::77".parse().unwrap() }
}

fn reply_to(bytes: &[u8], rejection: &Rejection, v4: bool) -> EditError {
    rejected(bytes, &Frame::parse(bytes).unwrap(), rejection, offender(v4))
}

fn named(name: &str) -> Rejection {
    Rejection::named(name, Details::default()).unwrap()
}

#[test]
fn a_replaced_payload_has_right_lengths_and_checksums() {
    for v4 in [true, false] {
        for bytes in [udp(v4, b"hello"), tcp(v4, false, b"hello")] {
            for data in [&b""[..], b"x", b"a longer text than before", &[0; 1000]] {
                let new = replaced(&bytes, &Frame::parse(&bytes).unwrap(), data).unwrap();
                let packet = Packet::parse(&new[14..]).unwrap();
                assert_eq!(packet.payload, data);
                assert_eq!(packet.transport_checksum_ok(), Some(true));
                assert_ne!(packet.header_checksum_ok, Some(false));
                assert_eq!((packet.total_len, packet.is_truncated()), (new.len() - 14, false));
            }
            let too_long = vec![0; 65_536];
            assert_eq!(replaced(&bytes, &Frame::parse(&bytes).unwrap(), &too_long), None);
        }
    }
}

#[test]
fn every_error_is_well_formed_and_quotes_the_packet() {
    for v4 in [true, false] {
        let family = if v4 { Family::V4 } else { Family::V6 };
        let large = udp(v4, &[b'x'; 1400]);
        for kind in Kind::all(family).filter(|kind| kind.is_quoting()) {
            let EditError::With(bytes) = reply_to(&large, &named(kind.keyword().unwrap()), v4) else {
                panic!("no reply: {kind}");
            };
            assert_eq!(bytes[..6], large[6..12], "to where it came from");
            let packet = Packet::parse(&bytes[14..]).unwrap();
            assert_eq!((packet.source, packet.header_checksum_ok), (offender(v4), v4.then_some(true)));
            assert_eq!(packet.transport_checksum_ok(), Some(true), "{kind}");
            let message = packet.icmp_message().unwrap();
            assert_eq!(message.kind, kind);
            let quoted = message.quoted().unwrap();
            assert_eq!((quoted.source_port(), quoted.destination_port()), (Some(9), Some(7)));
            assert_eq!(bytes.len(), 14 + if v4 { 576 } else { 1280 }, "as much as fits");
        }
    }
}

#[test]
fn details_are_in_the_message() {
    let details = Details { mtu: Some(1280), ..Details::default() };
    for v4 in [true, false] {
        let EditError::With(bytes) = reply_to(&udp(v4, b"x"), &Rejection::named("frag-needed", details).unwrap(), v4)
        else {
            panic!("no reply");
        };
        let packet = Packet::parse(&bytes[14..]).unwrap();
        assert_eq!(packet.icmp_message().unwrap().next_hop_mtu(), Some(1280));
        assert_eq!(packet.transport_checksum_ok(), Some(true));
    }
}

#[test]
fn a_reset_acknowledges_what_it_refuses() {
    for v4 in [true, false] {
        for (syn, seq, ack, flags) in [(true, 0, 1001, "RST ACK"), (false, 77, 0, "RST")] {
            let data: &[u8] = if syn { b"" } else { b"hello" };
            let EditError::With(bytes) = reply_to(&tcp(v4, syn, data), &named("tcp-reset"), v4) else {
                panic!("no reply");
            };
            let packet = Packet::parse(&bytes[14..]).unwrap();
            let TransportHeader::Tcp(tcp) = packet.transport else { panic!("{packet}") };
            assert_eq!((tcp.source_port, tcp.destination_port), (Some(7), Some(9)));
            assert_eq!((tcp.sequence, tcp.acknowledgement), (Some(seq), Some(ack)));
            assert_eq!(tcp.flags.unwrap().to_string(), flags);
            assert_eq!(packet.transport_checksum_ok(), Some(true));
            assert_eq!(reply_to(&bytes, &named("tcp-reset"), v4), EditError::Silently, "no reset replies to a reset");
        }
        assert!(matches!(reply_to(&udp(v4, b"x"), &named("tcp-reset"), v4), EditError::Not(_)));
    }
}

#[test]
fn what_may_cause_no_error_does_not() {
    for v4 in [true, false] {
        let EditError::With(error) = reply_to(&udp(v4, b"x"), &named("port-unreachable"), v4) else {
            panic!("no reply")
        };
        assert_eq!(reply_to(&error, &named("host-unreachable"), v4), EditError::Silently, "an error");
        let mut to_all = udp(v4, b"x");
        to_all[0] |= 1;
        assert_eq!(reply_to(&to_all, &named("port-unreachable"), v4), EditError::Silently, "a broadcast");
    }
    let mut later = udp(true, b"x");
    later[14 + 6..14 + 8].copy_from_slice(&[0, 8]);
    put(&mut later, 14 + 10, 0);
    let sum = checksum(&later[14..34]);
    put(&mut later, 14 + 10, sum);
    assert_eq!(reply_to(&later, &named("port-unreachable"), true), EditError::Silently, "a later fragment");
    let nobodys = |from: [u8; 4]| {
        let mut packet = Vec::new();
        etherparse::PacketBuilder::ipv4(from, [10, 0, 0, 2], 64).udp(9, 7).write(&mut packet, b"x").unwrap();
        ether(true, packet)
    };
    for from in [[0, 0, 0, 0], [127, 0, 0, 1], [224, 0, 0, 1], [240, 0, 0, 1], [255, 255, 255, 255]] {
        assert_eq!(reply_to(&nobodys(from), &named("port-unreachable"), true), EditError::Silently, "{from:?}");
    }
    assert!(matches!(reply_to(&nobodys([10, 0, 0, 1]), &named("port-unreachable"), true), EditError::With(_)));
    // Of ICMP that ends before its type it is not known whether it is an error.
    for v4 in [true, false] {
        let mut packet = Vec::new();
        let protocol = if v4 { Protocol::ICMP } else { Protocol::ICMPV6 };
        builder(v4).write(&mut packet, protocol.0.into(), &[]).unwrap();
        assert_eq!(reply_to(&ether(v4, packet), &named("port-unreachable"), v4), EditError::Silently);
    }
    let arp = [&[2; 12][..], &[0x08, 0x06], &[0; 28]].concat();
    assert!(matches!(reply_to(&arp, &named("port-unreachable"), true), EditError::Not(_)), "resolving goes on");
    let only_v4 = reply_to(&udp(false, b"x"), &named("source-host-isolated"), false);
    assert_eq!(only_v4, EditError::Not("ICMPv6 has no error of that meaning"));
}

#[test]
fn no_frame_is_too_strange_to_be_rejected_or_replaced() {
    for bytes in [udp(true, b"hello"), udp(false, b"hello"), tcp(true, true, b"")] {
        let mut bytes = bytes;
        for at in 0..bytes.len() {
            for value in [0, 1, 0x3f, 0x80, 0xff] {
                let before = std::mem::replace(&mut bytes[at], value);
                for len in [at, bytes.len()] {
                    let Some(frame) = Frame::parse(&bytes[..len]) else { continue };
                    let _ = replaced(&bytes[..len], &frame, b"other");
                    for name in ["tcp-reset", "port-unreachable"] {
                        let v4 = frame.ip.is_none_or(|ip| ip.source.is_ipv4());
                        let _ = rejected(&bytes[..len], &frame, &named(name), offender(v4));
                    }
                }
                bytes[at] = before;
            }
        }
    }
}

#[test]
fn what_does_not_quote_behind_its_header_has_its_own_form() {
    use crate::net::wire::icmp::{AskedInterface, ExtendedEcho};

    // A redirect of IPv6: the destination is on the link, and the packet stands in an option.
    let rejection = Rejection::numbered(137, 0, Details::default()).unwrap();
    for data in [&b"hello"[..], &[7; 1400]] {
        let EditError::With(bytes) = reply_to(&udp(false, data), &rejection, false) else { panic!("no reply") };
        let packet = Packet::parse(&bytes[14..]).unwrap();
        assert_eq!((packet.transport_checksum_ok(), packet.total_len), (Some(true), bytes.len() - 14));
        assert!(packet.total_len <= 1280);
        let message = Message::parse(Family::V6, packet.segment).unwrap();
        assert_eq!(message.gateway(), Some("fd00::2".parse().unwrap()));
        assert_eq!(message.about().unwrap().destination_socket(), Some("[fd00::2]:7".parse().unwrap()));
    }
    // An extended echo reply repeats the numbers of its request and no more; another packet it quotes as an error does.
    for (v4, family, type_) in [(true, Family::V4, 43u8), (false, Family::V6, 161)] {
        let echo = ExtendedEcho { id: 0x1234, seq: 7 };
        let (subject, mut packet) = (AskedInterface::Name("eth0".into()), Vec::new());
        let structure = subject.structure();
        let request = Message::extended_request(family, echo, &subject, &structure).emit();
        let next = if v4 { etherparse::IpNumber::ICMP } else { etherparse::IpNumber::IPV6_ICMP };
        builder(v4).write(&mut packet, next, &request).unwrap();
        let rejection = Rejection::numbered(type_.into(), 2, Details::default()).unwrap();
        for (bytes, own) in [(ether(v4, packet), true), (udp(v4, b"hello"), false)] {
            let EditError::With(bytes) = reply_to(&bytes, &rejection, v4) else { panic!("no reply") };
            let packet = Packet::parse(&bytes[14..]).unwrap();
            assert_eq!(packet.transport_checksum_ok(), Some(true));
            let message = Message::parse(family, packet.segment).unwrap();
            assert_eq!((message.extended_echo() == Some(echo), message.body.is_empty()), (own, own));
            assert_eq!(message.about().is_some(), !own);
            assert_eq!(message.kind, Kind { family, type_, code: 2 });
        }
    }
}
