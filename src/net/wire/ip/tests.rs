use etherparse::{LaxSlicedPacket, TransportSlice};

use super::super::golden::*;
use super::super::icmp::{Echo, Kind};
use super::super::{Family, WireError, each_damage};
use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_whole_packet_with_an_icmp_error() {
    let packet = Packet::parse(&V4_PORT_UNREACHABLE).unwrap();
    assert_eq!(packet.family, Family::V4);
    assert_eq!((packet.source, packet.destination), (address("127.0.0.1"), address("127.0.0.1")));
    assert_eq!((packet.protocol, packet.ttl, packet.traffic_class), (Protocol::ICMP, 64, 0xc0));
    assert_eq!((packet.header_len, packet.total_len, packet.present_len), (20, 70, 70));
    assert_eq!((packet.identification, packet.dont_fragment), (Some(0xf950), Some(false)));
    assert_eq!((packet.fragment, packet.is_truncated()), (None, false));
    assert_eq!(packet.header_checksum_ok, Some(true));
    assert_eq!(packet.transport_checksum_ok(), Some(true));
    assert_eq!(packet.transport.icmp().unwrap().kind, Some(Kind::v4(3, 3)));
    assert_eq!(packet.to_string(), "ICMP 127.0.0.1 > 127.0.0.1 Port Unreachable ttl 64 length 70");

    let message = packet.icmp_message().unwrap();
    let quoted = message.quoted().unwrap();
    assert_eq!((quoted.protocol, quoted.ttl), (Protocol::UDP, 64));
    assert_eq!((quoted.identification, quoted.dont_fragment), (Some(0xc2c7), Some(true)));
    let udp =
        UdpHeader { source_port: Some(40_000), destination_port: Some(9), length: Some(22), checksum: Some(0xfe29) };
    assert_eq!(quoted.transport.udp(), Some(&udp));
    assert_eq!(quoted.payload, b"ping 1 1714.25");
    assert_eq!(quoted.transport_checksum_ok(), Some(false), "partial on loopback");
    assert_eq!(quoted.to_string(), "UDP 127.0.0.1:40000 > 127.0.0.1:9 ttl 64 length 42");
}

#[test]
fn a_minimal_quote() {
    let quoted = Packet::parse_as(Family::V4, &TTL_EXCEEDED[8..]).unwrap();
    assert_eq!((quoted.source_port(), quoted.destination_port()), (Some(33_434), Some(33_435)));
    assert_eq!((quoted.total_len, quoted.present_len), (60, 28));
    assert_eq!(quoted.transport.udp().unwrap().length, Some(40));
    assert_eq!((quoted.payload, quoted.transport_checksum_ok()), (&[][..], None));
    assert_eq!(quoted.to_string(), "UDP 10.0.0.2:33434 > 192.0.2.9:33435 ttl 1 length 60 (28 present)");
}

#[test]
fn less_than_a_minimal_quote_keeps_what_there_is() {
    let whole = &TTL_EXCEEDED[8..];
    let parse = |len| Packet::parse_as(Family::V4, &whole[..len]).unwrap();
    let udp = |len| *parse(len).transport.udp().unwrap();
    assert_eq!(udp(27), UdpHeader { checksum: None, ..udp(28) });
    assert_eq!((udp(23).source_port, udp(23).destination_port), (Some(33_434), None));
    assert_eq!(udp(20).source_port, None);
    assert_eq!((parse(20).destination, parse(20).ttl), (address("192.0.2.9"), 1));
    assert_eq!(parse(20).source_socket(), None);
    let short = Packet::parse_as(Family::V4, &whole[..19]);
    assert_eq!(short, Err(WireError::Short { what: "IPv4 header", needed: 20, had: 19 }));
}

#[test]
fn options_move_the_transport() {
    let packet = Packet::parse(&TCP_PACKET).unwrap();
    assert_eq!((packet.header_len, packet.header_checksum_ok), (24, Some(true)));
    assert_eq!(packet.transport_checksum_ok(), Some(true));
    let tcp = packet.transport.tcp().unwrap();
    assert_eq!((tcp.sequence, tcp.acknowledgement), (Some(0x1122_3344), Some(0)));
    assert_eq!((tcp.header_len, tcp.window), (Some(20), Some(64_240)));
    assert_eq!(tcp.flags, Some(TcpFlags::SYN));
    assert_eq!(packet.to_string(), "TCP 10.0.0.2:51000 > 192.0.2.9:443 SYN seq 287454020 ttl 60 length 44");

    let quoted = Packet::parse_as(Family::V4, &ADMIN_PROHIBITED[8..]).unwrap();
    let tcp = quoted.transport.tcp().unwrap();
    assert_eq!((tcp.source_port, tcp.destination_port), (Some(51_000), Some(443)));
    assert_eq!((tcp.sequence, tcp.acknowledgement), (Some(0x1122_3344), None));
    assert_eq!((tcp.header_len, tcp.flags, quoted.payload), (None, None, &[][..]));

    // Cut within the options: addresses and protocol remain.
    let cut = Packet::parse(&TCP_PACKET[..22]).unwrap();
    assert_eq!((cut.protocol, cut.header_len, cut.header_checksum_ok), (Protocol::TCP, 24, None));
    assert_eq!((cut.destination, cut.source_port()), (address("192.0.2.9"), None));
}

#[test]
fn a_quoted_echo_request() {
    let quoted = Packet::parse_as(Family::V4, &FRAGMENTATION_NEEDED[8..]).unwrap();
    let icmp = quoted.transport.icmp().unwrap();
    assert_eq!(icmp.kind, Some(Kind::v4(8, 0)));
    assert_eq!(icmp.echo, Some(Echo { id: 0x1234, seq: 7 }));
    assert_eq!(quoted.icmp_message().unwrap().echo(), icmp.echo);
    let cut = Packet::parse_as(Family::V4, &FRAGMENTATION_NEEDED[8..34]).unwrap();
    let icmp = cut.transport.icmp().unwrap();
    assert_eq!((icmp.kind, icmp.echo), (Some(Kind::v4(8, 0)), None));
}

#[test]
fn ipv6_extension_headers_are_walked() {
    let quoted = Packet::parse_as(Family::V6, &V6_PORT_UNREACHABLE_CHAIN[8..]).unwrap();
    assert_eq!((quoted.source, quoted.ttl), (address("2001:db8::1"), 63));
    assert_eq!((quoted.protocol, quoted.header_len), (Protocol::UDP, 56));
    assert_eq!(quoted.identification, Some(0xdead_beef));
    assert_eq!(quoted.fragment, Some(Fragment { offset: 0, more: true }));
    assert_eq!((quoted.source_port(), quoted.destination_port()), (Some(40_001), Some(7)));
    assert_eq!(quoted.payload, b"ping 2 99.5");
    assert_eq!((quoted.total_len, quoted.is_truncated()), (75, false));
    assert_eq!(quoted.transport_checksum_ok(), None);

    let mut whole = V6_PORT_UNREACHABLE_CHAIN[8..].to_vec();
    whole[51] = 0;
    let packet = Packet::parse(&whole).unwrap();
    assert_eq!((packet.fragment, packet.identification), (None, Some(0xdead_beef)));
    assert_eq!(packet.transport_checksum_ok(), Some(true));

    let mut later = whole;
    later[50] = 1;
    let packet = Packet::parse(&later).unwrap();
    assert_eq!(packet.fragment, Some(Fragment { offset: 256, more: false }));
    assert_eq!((packet.protocol, packet.transport), (Protocol::UDP, TransportHeader::Other));
    assert_eq!((packet.source_port(), packet.payload.len()), (None, 19));
}

#[test]
fn a_chain_cut_short_keeps_the_last_header_known() {
    let cut = Packet::parse_as(Family::V6, &V6_TOO_BIG[8..]).unwrap();
    assert_eq!((cut.protocol, cut.header_len), (Protocol(44), 48));
    assert_eq!((cut.transport, cut.fragment), (TransportHeader::Other, None));
    assert_eq!(cut.to_string(), "protocol 44 2001:db8::1 > 2001:db8::2 ttl 63 length 75 (48 present)");
}

#[test]
fn authentication_headers_are_walked_in_both_versions() {
    let mut packet = TCP_PACKET[..24].to_vec();
    packet[9] = 51;
    packet.extend_from_slice(&[6, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
    packet.extend_from_slice(&[0; 12]);
    packet.extend_from_slice(&TCP_PACKET[24..]);
    packet[2..4].copy_from_slice(&68_u16.to_be_bytes());
    let parsed = Packet::parse(&packet).unwrap();
    assert_eq!((parsed.protocol, parsed.header_len), (Protocol::TCP, 48));
    assert_eq!(parsed.destination_port(), Some(443));
}

#[test]
fn padding_is_not_payload() {
    let mut padded = V4_PORT_UNREACHABLE[28..].to_vec();
    padded.resize(128, 0);
    let packet = Packet::parse(&padded).unwrap();
    assert_eq!((packet.payload, packet.present_len), (&b"ping 1 1714.25"[..], 128));
    // A length left at zero for the hardware to fill in bounds nothing; UDP's own does.
    padded[2..4].fill(0);
    assert_eq!(Packet::parse(&padded).unwrap().payload, b"ping 1 1714.25");
}

#[test]
fn impossible_headers_are_errors() {
    assert_eq!(Packet::parse(&[0x50; 60]), Err(WireError::Version { found: 5 }));
    let words = Packet::parse(&[0x44; 60]);
    assert_eq!(words, Err(WireError::HeaderLength { words: 4 }));
    let short = WireError::Short { what: "IP header", needed: 20, had: 0 };
    assert_eq!(Packet::parse(&[]), Err(short));
    let mixed = Packet::parse_as(Family::V6, &TCP_PACKET);
    assert_eq!(mixed, Err(WireError::Version { found: 4 }));
}

#[test]
fn flags_print_their_names() {
    assert_eq!(TcpFlags(0x12).to_string(), "SYN ACK");
    assert_eq!(TcpFlags(0).to_string(), "no flags");
    assert!(TcpFlags(0x14).contains(TcpFlags::RST) && !TcpFlags(0x14).contains(TcpFlags::SYN));
    assert_eq!(Protocol(47).to_string(), "protocol 47");
}

fn packets() -> [&'static [u8]; 8] {
    [
        &V4_PORT_UNREACHABLE,
        &V4_PORT_UNREACHABLE[28..],
        &V6_PORT_UNREACHABLE[8..],
        &TTL_EXCEEDED[8..],
        &TCP_PACKET,
        &FRAGMENTATION_NEEDED[8..],
        &V6_PORT_UNREACHABLE_CHAIN[8..],
        &V6_TOO_BIG[8..],
    ]
}

/// What must hold of any packet that decodes.
fn check(bytes: &[u8]) {
    let Ok(packet) = Packet::parse(bytes) else {
        return;
    };
    assert_eq!(packet.present_len, bytes.len());
    assert!(bytes.len() < packet.header_len || bytes[packet.header_len..].starts_with(packet.segment));
    assert!(packet.segment.len() >= packet.payload.len());
    assert_eq!(Packet::parse_as(packet.family, bytes), Ok(packet));
    let _ = (packet.to_string(), packet.transport_checksum_ok(), packet.icmp_message());
}

#[test]
fn damage_is_harmless() {
    for packet in packets() {
        each_damage(packet, check);
    }
}

/// Two damages at a time, drawn from a fixed sequence.
#[test]
fn repeated_damage_is_harmless() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as usize % below
    };
    for _ in 0..20_000 {
        let mut bytes = packets()[draw(8)].to_vec();
        for _ in 0..4 {
            let at = draw(bytes.len());
            bytes[at] = draw(256) as u8;
        }
        bytes.truncate(draw(bytes.len() + 1));
        check(&bytes);
    }
}

/// Where another decoder reads a whole UDP or TCP header, it reads the same.
#[test]
fn agrees_with_etherparse() {
    let mut compared = 0;
    for packet in packets() {
        each_damage(packet, |bytes| {
            let (Ok(ours), Ok(theirs)) = (Packet::parse(bytes), LaxSlicedPacket::from_ip(bytes)) else {
                return;
            };
            let (ports, payload) = match &theirs.transport {
                Some(TransportSlice::Udp(udp)) => ((udp.source_port(), udp.destination_port()), udp.payload()),
                Some(TransportSlice::Tcp(tcp)) => ((tcp.source_port(), tcp.destination_port()), tcp.payload()),
                _ => return,
            };
            compared += 1;
            let (source, destination) = (ours.source_port(), ours.destination_port());
            assert_eq!((source, destination), (Some(ports.0), Some(ports.1)), "{bytes:02x?}");
            assert_eq!(ours.payload, payload, "{bytes:02x?}");
        });
    }
    assert!(compared > 10_000, "{compared}");
}
