use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::net::wire::compose::Header;
use crate::net::wire::ip::Protocol;

fn at(ms: i64) -> Instant {
    Instant::from_nanos(1_000_000_000 + ms * 1_000_000)
}

fn ms(since: Instant) -> i64 {
    (since - at(0)).as_nanos() / 1_000_000
}

/// A segment with these numbers, flags and window, and so many octets.
fn segment(sequence: u32, acknowledged: u32, flags: u8, window: u16, len: usize) -> Vec<u8> {
    let [a, b] = [sequence, acknowledged].map(u32::to_be_bytes);
    let fields = [&[0, 9, 0, 7][..], &a, &b, &[0x50, flags], &window.to_be_bytes(), &[0; 4], &vec![5; len]].concat();
    let (source, destination): (IpAddr, IpAddr) = (Ipv4Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into());
    let header =
        Header { source, destination, protocol: Protocol::TCP, ttl: 9, tos: 0, dont_fragment: true, identification: 0 };
    header.packet(&fields)
}

impl Retransmission {
    fn sends(&mut self, sequence: u32, flags: u8, len: usize, at: Instant) {
        let bytes = segment(sequence, 1, flags, 9, len);
        assert!(self.sent(&Packet::parse(&bytes).expect("a packet"), &bytes, at));
    }

    fn receives(&mut self, acknowledged: u32, window: u16, at: Instant) {
        let bytes = segment(1, acknowledged, 0x10, window, 0);
        self.received(&Packet::parse(&bytes).expect("a packet"), at);
    }
}

/// One whose handshake took 10 ms; the next number is 0, behind the last there is.
fn established() -> Retransmission {
    let mut again = Retransmission::default();
    again.sends(u32::MAX, 0x02, 0, at(0));
    again.receives(0, 9, at(10));
    again
}

#[test]
fn a_time_out_is_the_round_trip_and_200_ms_at_the_least_and_doubles() {
    let mut again = established();
    assert_eq!((again.due(true), again.info().rtt, again.info().retransmits), (None, 10_000, 0));
    again.sends(0, 0x18, 4, at(100));
    assert_eq!(again.due(true).map(ms), Some(310));
    assert!(matches!(again.expire(at(310)), Expired::Probe(packet) if packet.ends_with(&[5; 4])));
    again.sends(0, 0x18, 4, at(310));
    for (now, next) in [(520, 940), (940, 1_780)] {
        assert_eq!(again.due(true).map(ms), Some(now));
        assert_eq!(again.expire(at(now)), Expired::Timeout);
        again.sends(0, 0x18, 4, at(now));
        assert_eq!(again.due(true).map(ms), Some(next));
    }
    assert_eq!((again.info().retransmits, again.info().backoff, again.info().unacked), (3, 2, 1));
    again.receives(4, 9, at(950));
    assert_eq!((again.due(true), again.info().backoff, again.info().unacked), (None, 0, 0));
}

#[test]
fn several_on_their_way_are_not_probed_and_progress_begins_the_time_out_again() {
    let mut again = established();
    again.sends(0, 0x10, 100, at(100));
    again.sends(100, 0x18, 100, at(101));
    assert_eq!(again.due(true).map(ms), Some(310));
    again.receives(100, 9, at(110));
    assert!(again.due(true).is_some_and(|due| ms(due) > 310));
    assert!(again.is_on_way(100) && !again.is_on_way(99) && !again.is_on_way(201));
}

#[test]
fn a_closed_window_is_probed_while_something_waits() {
    let mut again = established();
    again.sends(0, 0x18, 4, at(100));
    again.receives(4, 0, at(110));
    assert_eq!((again.due(false), again.due(true).map(ms)), (None, Some(320)));
    assert_eq!(again.expire(at(320)), Expired::Timeout);
    again.sends(4, 0x18, 1, at(320));
    assert_eq!((again.due(true).map(ms), again.info().retransmits, again.info().unacked), (Some(740), 0, 0));
    again.receives(4, 9, at(400));
    assert_eq!(again.due(true), None, "it is open again");
}
