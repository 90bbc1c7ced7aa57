//! Frames with every field of every header at its edges: none stops the relay, and each that contradicts itself is counted.

use etherparse::{IpNumber, PacketBuilder, SlicedPacket};

use super::edit::{rejected, replaced};
use super::tests::Net;
use super::*;
use crate::net::policy::attached::{AttachedPolicy, Decide, Policy};
use crate::net::policy::input::PolicyInput;
use crate::net::policy::{Action, Details, Native, Place, Rejection, Verdict};
use crate::net::random::Draws;
use crate::net::wire::checksum::checksum;
use crate::net::wire::frame::Frame;

const V4: ([u8; 4], [u8; 4]) = ([10, 0, 0, 1], [10, 0, 0, 2]);

/// Where the IP header begins, and where its checksum is.
const IP: usize = 14;
const SUM: usize = IP + 10;

fn ether(ether_type: u16, packet: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1][..], &ether_type.to_be_bytes(), packet].concat()
}

fn v4(protocol: u8, options: &[u8], segment: &[u8]) -> Vec<u8> {
    let total = (20 + options.len() + segment.len()) as u16;
    let mut packet = vec![0x40 | (5 + options.len() / 4) as u8, 0, 0, 0, 0, 7, 0, 0, 64, protocol, 0, 0];
    packet[2..4].copy_from_slice(&total.to_be_bytes());
    packet.extend([V4.0, V4.1].concat());
    packet.extend([options, segment].concat());
    with_sum(ether(0x0800, &packet))
}

fn v6(next: u8, rest: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0, 0, 0, next, 64];
    packet[4..6].copy_from_slice(&(rest.len() as u16).to_be_bytes());
    for last in [1, 2] {
        packet.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    packet.extend(rest);
    ether(0x86dd, &packet)
}

/// The frame with the right checksum in its IPv4 header, as far as that is there.
fn with_sum(mut frame: Vec<u8>) -> Vec<u8> {
    let end = IP + usize::from(frame.get(IP).unwrap_or(&0) & 0x0f) * 4;
    if frame.get(12..14) == Some(&[8, 0]) && frame.len() >= end.max(SUM + 2) {
        frame[SUM..SUM + 2].fill(0);
        let sum = checksum(&frame[IP..end]);
        frame[SUM..SUM + 2].copy_from_slice(&sum.to_be_bytes());
    }
    frame
}

/// A frame of each kind, all of them right.
fn golden() -> Vec<Vec<u8>> {
    let udp = [0, 9, 0, 7, 0, 13, 0, 0, b'h', b'e', b'l', b'l', b'o'];
    let mut tcp = vec![0, 9, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 0x60, 0x18, 1, 0, 0, 0, 0, 0, 2, 4, 5, 0xb4];
    tcp.extend(b"hello");
    let echo = [8, 0, 0, 0, 0, 1, 0, 2, b'h', b'i'];
    let echo6 = [128, 0, 0, 0, 0, 1, 0, 2, b'h', b'i'];
    let mut error = vec![3, 3, 0, 0, 0, 0, 0, 0];
    error.extend_from_slice(&v4(17, &[], &udp)[IP..]);
    let first = |next: u8, len: u8| [&[next, len][..], &[1, 4, 0, 0, 0, 0], &vec![0; usize::from(len) * 8]].concat();
    let fragment = [17, 0, 0, 1, 0, 0, 0, 9];
    let authenticated = |next: u8| [&[next, 4][..], &[0; 22]].concat();
    vec![
        v4(17, &[], &udp),
        v4(6, &[], &tcp),
        v4(1, &[], &echo),
        v4(1, &[], &error),
        v4(17, &[0x94, 4, 0, 0], &udp),
        v4(51, &[], &[&authenticated(17)[..], &udp].concat()),
        v6(17, &udp),
        v6(6, &tcp),
        v6(58, &echo6),
        v6(0, &[&first(17, 0)[..], &udp].concat()),
        v6(43, &[&first(60, 1)[..], &first(6, 0), &tcp].concat()),
        v6(44, &[&fragment[..], &[0; 16]].concat()),
        v6(51, &[&authenticated(58)[..], &echo6].concat()),
        v6(59, &[]),
        ether(0x0806, &[0; 28]),
        [&ether(0x8100, &[0, 5])[..], &v4(17, &[], &udp)[12..]].concat(),
    ]
}

/// Gives `check` every frame of [`golden`], and what becomes of it with its fields at their edges.
fn each_mutant(mut check: impl FnMut(&[u8])) {
    const BYTES: [u8; 21] =
        [0, 1, 2, 4, 5, 6, 0x0f, 0x11, 0x2c, 0x33, 0x3a, 0x3f, 0x45, 0x46, 0x4e, 0x4f, 0x50, 0x60, 0x7f, 0xf0, 0xff];
    const WORDS: [u16; 12] = [0, 1, 7, 8, 9, 19, 20, 21, 40, 44, 0x1fff, 0xffff];
    for whole in golden() {
        let mut both = |frame: Vec<u8>| {
            let summed = with_sum(frame.clone());
            check(&frame);
            if summed != frame {
                check(&summed);
            }
        };
        (0..=whole.len()).for_each(|len| both(whole[..len].to_vec()));
        both([&whole[..], &[0; 18]].concat());
        let with = |at: usize, bytes: &[u8]| {
            let mut frame = whole.clone();
            frame[at..at + bytes.len()].copy_from_slice(bytes);
            frame
        };
        for at in 12..whole.len() {
            for value in BYTES.into_iter().chain([whole[at] ^ 1, whole[at] ^ 0x80, whole[at].wrapping_sub(1)]) {
                let frame = with(at, &[value]);
                both(frame.clone());
                both(frame[..frame.len() - 1].to_vec());
                // What the lengths say depends on each other.
                for other in (IP..whole.len().min(IP + 64)).step_by(2).filter(|other| other / 4 != at / 4) {
                    let mut frame = frame.clone();
                    frame[other] = if other % 4 == 0 { 0xff } else { 44 };
                    both(frame);
                }
            }
            let near = [whole.len() - IP, whole.len() - IP - 20].map(|len| len as u16);
            let near = near.into_iter().flat_map(|len| [len.wrapping_sub(1), len, len + 1]);
            for value in WORDS.into_iter().chain(near).filter(|_| at + 2 <= whole.len()) {
                both(with(at, &value.to_be_bytes()));
            }
        }
    }
}

#[test]
fn every_frame_of_a_kind_is_well_formed_before_it_is_changed() {
    for frame in golden() {
        assert!(!Frame::parse(&frame).unwrap().malformed, "{frame:02x?}");
    }
}

#[test]
fn a_frame_that_another_decoder_refuses_is_malformed_and_none_is_too_strange_to_be_changed() {
    let rejections = ["tcp-reset", "port-unreachable", "frag-needed"]
        .map(|name| Rejection::named(name, Details::default()).unwrap());
    let mut refused = 0;
    each_mutant(|bytes| {
        let Some(frame) = Frame::parse(bytes) else { return };
        let _ = (frame.to_string(), &bytes[frame.payload()], frame.ip.map(|ip| &bytes[ip.segment()]));
        for data in [&b""[..], b"x", &[7; 1400]] {
            if let Some(new) = replaced(bytes, &frame, data) {
                let new = Frame::parse(&new).unwrap();
                assert_eq!((new.malformed, new.payload().len()), (false, data.len()), "{bytes:02x?}");
            }
        }
        let offender = frame.ip.map_or(V4.1.into(), |ip| ip.destination);
        rejections.iter().for_each(|rejection| drop(rejected(bytes, &frame, rejection, offender)));
        // It looks for headers in later fragments too, which have none, and reads IGMP.
        let is_other = frame.ip.is_some_and(|ip| ip.protocol.0 == 2 || ip.fragment.is_some_and(|part| part.offset > 0));
        let is_ip = [0x0800, 0x86dd].contains(&frame.ether_type);
        if is_ip && !is_other && SlicedPacket::from_ethernet(bytes).is_err() {
            refused += 1;
            assert!(frame.malformed, "{bytes:02x?}");
        }
    });
    assert!(refused > 10_000, "{refused}");
}

#[test]
fn the_lengths_that_make_a_frame_malformed() {
    let [udp, tcp, echo]: [Vec<u8>; 3] = golden()[..3].to_vec().try_into().unwrap();
    let changed = |frame: &[u8], at: usize, value: u8| {
        let mut frame = frame.to_vec();
        frame[at] = value;
        with_sum(frame)
    };
    let of_v6 = golden()[9].clone();
    for (what, frame) in [
        ("a header longer than the packet", changed(&tcp, IP, 0x4e)),
        ("a header shorter than any", changed(&udp, IP, 0x44)),
        ("a total length below the header's", changed(&udp, IP + 3, 19)),
        ("a total length beyond the frame", changed(&udp, IP + 3, 60)),
        ("a datagram longer than its packet", changed(&udp, IP + 25, 14)),
        ("a datagram shorter than its header", changed(&udp, IP + 25, 7)),
        ("a TCP header longer than its packet", changed(&tcp, IP + 32, 0xf0)),
        ("a TCP header shorter than any", changed(&tcp, IP + 32, 0x40)),
        ("a TCP option without an end", changed(&tcp, IP + 41, 5)),
        ("a TCP option of no length", changed(&tcp, IP + 41, 0)),
        ("an ICMP message without its header", with_sum(changed(&echo, IP + 3, 27))),
        ("an IP option without an end", changed(&golden()[4], IP + 21, 5)),
        ("an extension header beyond the packet", changed(&of_v6, IP + 41, 9)),
        ("a chain that ends with an extension header", changed(&of_v6, IP + 5, 0)),
        ("fragments beyond any datagram", changed(&changed(&golden()[11], IP + 42, 0xff), IP + 43, 0xf9)),
        ("a fragment of an odd length before others", changed(&golden()[11], IP + 5, 23)),
    ] {
        assert!(Frame::parse(&frame).unwrap().malformed, "{what}");
    }
}

#[test]
fn frames_behind_every_mutant_are_carried_and_the_malformed_ones_counted() {
    let mut net = Net::new(LinkOptions::default());
    net.policy(Direction::Both, Native::always(Action::Replace((*b"x").into())));
    let (mut malformed, mut count) = (0, 0u32);
    // One in some: those that differ in the second change alone.
    each_mutant(|bytes| {
        count += 1;
        if count % 16 > 0 {
            return;
        }
        net.send(0, bytes);
        // What is no frame of Ethernet does not come out.
        let frame = Frame::parse(bytes);
        malformed += u64::from(frame.is_some_and(|frame| frame.malformed));
        assert_eq!(net.next(1).is_some(), frame.is_some());
    });
    let counts = net.link.counts(0);
    assert_eq!((counts.malformed, counts.frames), (malformed, counts.passed + counts.unusable));
    assert!(malformed > 1000, "{malformed}");
}

/// A policy with a bug.
#[derive(Debug)]
struct Broken;

impl Decide for Broken {
    fn decide(&self, subject: &PolicyInput<'_>, _: &Place, _: &mut Draws) -> Option<Verdict> {
        let PolicyInput::Frame(carried) = subject else { return None };
        assert!(!carried.payload().starts_with(b"bug"), "a bug of a test");
        Some(Verdict::new(Action::Pass, "broken"))
    }
}

#[test]
fn a_bug_that_one_frame_meets_costs_that_frame_alone() {
    let mut net = Net::new(LinkOptions::default());
    let broken =
        AttachedPolicy::new(Policy::Other(Box::new(Broken)), RandomStream::of_seed(1), &Site::Link("a-b".into()))
            .unwrap();
    net.link.set_policy(Direction::From(0), broken, "broken".to_string());
    let frame = |data: &[u8]| {
        let mut packet = Vec::new();
        let builder = PacketBuilder::ipv4(V4.0, V4.1, 64);
        builder.udp(9, 7).write(&mut packet, data).unwrap();
        ether(0x0800, &packet)
    };
    for data in [&b"before"[..], b"bug", b"bug again", b"after"] {
        net.send(0, &frame(data));
    }
    for data in [&b"before"[..], b"after"] {
        assert_eq!(net.receive(1), frame(data));
    }
    let counts = net.link.counts(0);
    assert_eq!((counts.frames, counts.passed, counts.unusable), (4, 2, 2));
    let other = v4(IpNumber::ICMP.0, &[], &[0; 8]);
    net.send(1, &other);
    assert_eq!(net.receive(0), other, "the other direction is carried too");
}
