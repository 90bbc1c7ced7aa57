use std::net::{Ipv6Addr, SocketAddrV6};

use super::*;
use crate::net::policy::neighbours::Neighbours;

mod bounded;
mod model;

const fn ms(ms: i64) -> Duration {
    Duration::from_millis(ms)
}

/// `ms` milliseconds after the clock's start.
const fn at(ms: i64) -> Instant {
    Instant::from_nanos(ms * 1_000_000)
}

fn peer(host: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, host], 11000))
}

const MESSAGE: Content = Content { hash: 0xABCD, len: 16 };

/// Sends at `now` ms, a reply being due within 1000 ms and an error within 500 more.
fn send(ledger: &mut Ledger, now: i64, host: u8, number: u64) -> ProbeId {
    ledger.send(at(now), peer(host), Key::Number(number), MESSAGE, ms(1000), ms(500))
}

fn reply(ledger: &mut Ledger, now: i64, host: u8, number: u64) -> Arrival {
    ledger.reply(at(now), peer(host), Key::Number(number), MESSAGE)
}

/// The counts of probes and packets, without the neighbours.
fn counts(ledger: &Ledger) -> Counts {
    Counts { neighbours: NONE.neighbours, ..ledger.counts() }
}

const NONE: Counts = Counts {
    sent: 0,
    replied: 0,
    errored: 0,
    timed_out: 0,
    late: 0,
    duplicate: 0,
    reordered: 0,
    reorder_extent: 0,
    foreign: 0,
    truncated: 0,
    corrupt: 0,
    unmatched: 0,
    advisory: 0,
    stray_errors: 0,
    missed_slots: 0,
    neighbours: Neighbours { pairs: 0, both_lost: 0, one_lost: 0, longest_run: 0 },
};

#[test]
fn nothing_sent() {
    let mut ledger = Ledger::new();
    assert_eq!(counts(&ledger), NONE);
    assert_eq!(ledger.next_expiry(), None);
    assert_eq!(ledger.expire(at(i64::MAX / 1_000_000)), []);
    assert_eq!(ledger.find(peer(1), Key::Number(1)), None);
    assert_eq!(ledger.oldest_pending(peer(1)), None);
    for id in [0, 1, u64::MAX].map(ProbeId::from_number) {
        assert_eq!(ledger.state(id), None);
    }
}

#[test]
fn a_reply_settles_its_probe() {
    let mut ledger = Ledger::new();
    let id = send(&mut ledger, 10, 1, 7);
    assert_eq!(id.number(), 1);
    assert_eq!(ledger.state(id), Some(State::Pending));
    assert_eq!(counts(&ledger).pending(), 1);
    assert_eq!(reply(&mut ledger, 13, 1, 7), Arrival::Reply { id, rtt: ms(3), reordered: false });
    assert_eq!(ledger.state(id), Some(State::Replied));
    assert_eq!(counts(&ledger), Counts { sent: 1, replied: 1, ..NONE });
    assert_eq!(ledger.next_expiry(), None);
    assert_eq!(ledger.expire(at(9999)), []);
}

#[test]
fn the_record_has_what_was_sent() {
    let mut ledger = Ledger::new();
    let id = send(&mut ledger, 10, 3, 7);
    let expected = Record {
        id,
        to: peer(3),
        key: Key::Number(7),
        content: MESSAGE,
        sent: at(10),
        reply_by: at(1010),
        settle_by: at(1510),
        state: State::Pending,
        has_reply: false,
        assumed: false,
    };
    assert_eq!(ledger.record(id), Some(expected));
    reply(&mut ledger, 11, 3, 7);
    assert_eq!(ledger.record(id), Some(Record { state: State::Replied, has_reply: true, ..expected }));
}

#[test]
fn lateness_is_judged_by_the_stamp() {
    for (arrived, in_time) in [(1000, true), (1001, false), (1500, false), (99_999, false)] {
        let mut ledger = Ledger::new();
        let id = send(&mut ledger, 0, 1, 7);
        let arrival = reply(&mut ledger, arrived, 1, 7);
        if in_time {
            assert_eq!(arrival, Arrival::Reply { id, rtt: ms(arrived), reordered: false });
            assert_eq!(counts(&ledger), Counts { sent: 1, replied: 1, ..NONE });
        } else {
            assert_eq!(arrival, Arrival::Late { id: Some(id), timed_out: true }, "{arrived}");
            assert_eq!(counts(&ledger), Counts { sent: 1, timed_out: 1, late: 1, ..NONE });
            assert_eq!(ledger.state(id), Some(State::TimedOut));
            assert_eq!(ledger.record(id).map(|r| r.has_reply), Some(true));
            assert_eq!(ledger.expire(at(99_999)), [], "reported once");
        }
    }
}

#[test]
fn what_was_told_stands() {
    let mut ledger = Ledger::new();
    let id = send(&mut ledger, 0, 1, 7);
    assert_eq!(ledger.expire(at(1500)), [id]);
    assert_eq!(reply(&mut ledger, 3, 1, 7), Arrival::Late { id: Some(id), timed_out: false });
    assert_eq!(counts(&ledger), Counts { sent: 1, timed_out: 1, late: 1, ..NONE });
}

#[test]
fn a_second_reply_is_a_duplicate() {
    let mut ledger = Ledger::new();
    let (replied, late) = (send(&mut ledger, 0, 1, 7), send(&mut ledger, 0, 1, 8));
    reply(&mut ledger, 1, 1, 7);
    assert_eq!(reply(&mut ledger, 2, 1, 7), Arrival::Duplicate { id: replied });
    assert_eq!(reply(&mut ledger, 2000, 1, 7), Arrival::Duplicate { id: replied }, "however late");
    assert_eq!(reply(&mut ledger, 2000, 1, 8), Arrival::Late { id: Some(late), timed_out: true });
    assert_eq!(reply(&mut ledger, 2001, 1, 8), Arrival::Duplicate { id: late });
    assert_eq!(counts(&ledger), Counts { sent: 2, replied: 1, timed_out: 1, late: 1, duplicate: 3, ..NONE });
}

#[test]
fn other_senders_and_numbers_are_foreign() {
    let mut ledger = Ledger::new();
    let id = send(&mut ledger, 0, 1, 7);
    send(&mut ledger, 0, 2, 9);
    let other_port = SocketAddr::from(([192, 0, 2, 1], 11001));
    assert_eq!(ledger.reply(at(1), other_port, Key::Number(7), MESSAGE), Arrival::Foreign);
    for (host, number) in [(3, 7), (2, 7), (1, 9), (1, 6), (1, 8), (1, 0)] {
        assert_eq!(reply(&mut ledger, 1, host, number), Arrival::Foreign, "{host} {number}");
    }
    assert_eq!(ledger.reply(at(1), peer(1), Key::Content(7), MESSAGE), Arrival::Foreign, "another kind of key");
    assert_eq!(ledger.state(id), Some(State::Pending));
    assert_eq!(counts(&ledger), Counts { sent: 2, foreign: 8, ..NONE });
}

#[test]
fn ipv6_peers_differ_by_scope_and_not_by_flow() {
    const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    let v6 = |flow, scope| SocketAddr::V6(SocketAddrV6::new(LINK_LOCAL, 7, flow, scope));
    let mut ledger = Ledger::new();
    let id = ledger.send(at(0), v6(5, 1), Key::Number(1), MESSAGE, ms(1), ms(0));
    assert_eq!(ledger.reply(at(1), v6(0, 2), Key::Number(1), MESSAGE), Arrival::Foreign);
    assert_eq!(
        ledger.reply(at(1), v6(0, 1), Key::Number(1), MESSAGE),
        Arrival::Reply { id, rtt: ms(1), reordered: false }
    );
}

#[test]
fn damaged_replies_leave_the_probe_pending() {
    let mut ledger = Ledger::new();
    let id = send(&mut ledger, 0, 1, 7);
    let mut with = |hash, len| ledger.reply(at(1), peer(1), Key::Number(7), Content { hash, len });
    assert_eq!(with(1, 15), Arrival::Truncated { id });
    assert_eq!(with(MESSAGE.hash, 0), Arrival::Truncated { id });
    assert_eq!(with(1, 16), Arrival::Corrupt { id });
    assert_eq!(with(MESSAGE.hash, 17), Arrival::Corrupt { id });
    assert_eq!(ledger.state(id), Some(State::Pending));
    assert_eq!(counts(&ledger), Counts { sent: 1, truncated: 2, corrupt: 2, ..NONE });
    assert!(matches!(reply(&mut ledger, 2, 1, 7), Arrival::Reply { .. }));
    let damaged = Content { hash: 1, len: 16 };
    assert_eq!(ledger.reply(at(9), peer(1), Key::Number(7), damaged), Arrival::Corrupt { id }, "not a duplicate");
    assert_eq!(counts(&ledger), Counts { sent: 1, replied: 1, truncated: 2, corrupt: 3, ..NONE });
}

#[test]
fn reordered_is_by_peer_and_counts_as_replied() {
    let mut ledger = Ledger::new();
    for number in 1..=5 {
        send(&mut ledger, 0, 1, number);
    }
    send(&mut ledger, 0, 2, 1);
    let mut reordered = |now, host, number| match reply(&mut ledger, now, host, number) {
        Arrival::Reply { reordered, .. } => reordered,
        other => panic!("{other:?}"),
    };
    assert!(!reordered(1, 2, 1), "the newest probe of all, but to another peer");
    assert!(!reordered(2, 1, 2));
    assert!(reordered(3, 1, 1));
    assert!(!reordered(4, 1, 5));
    assert!(reordered(5, 1, 3));
    assert!(reordered(6, 1, 4), "later than the last, but not than all");
    assert_eq!(counts(&ledger), Counts { sent: 6, replied: 6, reordered: 3, reorder_extent: 2, ..NONE });
}

#[test]
fn a_late_reply_makes_no_later_one_reordered() {
    let mut ledger = Ledger::new();
    let first = ledger.send(at(0), peer(1), Key::Number(1), MESSAGE, ms(5000), ms(0));
    send(&mut ledger, 0, 1, 2);
    reply(&mut ledger, 1001, 1, 2);
    assert_eq!(reply(&mut ledger, 1002, 1, 1), Arrival::Reply { id: first, rtt: ms(1002), reordered: false });
}

#[test]
fn replies_matched_by_the_caller() {
    let mut ledger = Ledger::new();
    let (first, second) = (send(&mut ledger, 0, 1, 7), send(&mut ledger, 0, 1, 7));
    assert_eq!(ledger.reply_to(at(1), first), Arrival::Reply { id: first, rtt: ms(1), reordered: false });
    assert_eq!(ledger.reply_to(at(2), first), Arrival::Duplicate { id: first });
    assert_eq!(ledger.reply_to(at(1001), second), Arrival::Late { id: Some(second), timed_out: true });
    assert_eq!(ledger.reply_to(at(1002), second), Arrival::Duplicate { id: second });
    for never_sent in [0, 3, u64::MAX] {
        assert_eq!(ledger.reply_to(at(1), ProbeId::from_number(never_sent)), Arrival::Foreign);
    }
    let expected = Counts { sent: 2, replied: 1, timed_out: 1, late: 1, duplicate: 2, foreign: 3, ..NONE };
    assert_eq!(counts(&ledger), expected);
}

#[test]
fn packets_counted_for_the_caller() {
    let mut ledger = Ledger::new();
    send(&mut ledger, 0, 1, 7);
    let kinds =
        [(Stray::Foreign, 1), (Stray::Truncated, 2), (Stray::Corrupt, 3), (Stray::Late, 4), (Stray::Duplicate, 5)];
    for (kind, times) in kinds {
        (0..times).for_each(|_| ledger.stray(kind));
    }
    (0..6).for_each(|_| ledger.advisory());
    ledger.miss(3);
    ledger.miss(4);
    let expected = Counts {
        sent: 1,
        foreign: 1,
        truncated: 2,
        corrupt: 3,
        late: 4,
        duplicate: 5,
        advisory: 6,
        missed_slots: 7,
        ..NONE
    };
    assert_eq!(counts(&ledger), expected);
    assert_eq!(counts(&ledger).pending(), 1);
}

#[test]
fn an_error_settles_a_pending_probe() {
    let mut ledger = Ledger::new();
    let (named, assumed) = (send(&mut ledger, 0, 1, 7), send(&mut ledger, 0, 1, 8));
    assert_eq!(ledger.error(at(2), Blame::Named(named)), ErrorArrival::Settled { id: named, after: ms(2) });
    // Between the two deadlines errors are still awaited, and the second deadline is in time.
    assert_eq!(ledger.error(at(1500), Blame::Assumed(assumed)), ErrorArrival::Settled { id: assumed, after: ms(1500) });
    assert_eq!(ledger.record(named).map(|r| (r.state, r.assumed)), Some((State::Errored, false)));
    assert_eq!(ledger.record(assumed).map(|r| (r.state, r.assumed)), Some((State::Errored, true)));
    assert_eq!(counts(&ledger), Counts { sent: 2, errored: 2, ..NONE });
    assert_eq!(counts(&ledger).loss(), Some(1.0));
    assert_eq!(ledger.expire(at(9999)), []);
}

#[test]
fn a_reply_after_an_error_is_late() {
    let mut ledger = Ledger::new();
    let id = send(&mut ledger, 0, 1, 7);
    ledger.error(at(2), Blame::Named(id));
    assert_eq!(reply(&mut ledger, 3, 1, 7), Arrival::Late { id: Some(id), timed_out: false });
    assert_eq!(reply(&mut ledger, 4, 1, 7), Arrival::Duplicate { id });
    assert_eq!(ledger.state(id), Some(State::Errored));
    assert_eq!(counts(&ledger), Counts { sent: 1, errored: 1, late: 1, duplicate: 1, ..NONE });
}

#[test]
fn errors_that_settle_nothing_are_stray() {
    let mut ledger = Ledger::new();
    let ids = [7, 8, 9].map(|number| send(&mut ledger, 0, 1, number));
    reply(&mut ledger, 1, 1, 7);
    ledger.error(at(1), Blame::Named(ids[1]));
    ledger.expire(at(1500));
    let before = ids.map(|id| ledger.record(id));
    for id in ids {
        assert_eq!(ledger.error(at(2), Blame::Named(id)), ErrorArrival::Stray { timed_out: false });
        assert_eq!(ledger.error(at(2), Blame::Assumed(id)), ErrorArrival::Stray { timed_out: false });
    }
    assert_eq!(ids.map(|id| ledger.record(id)), before);
    for blame in [Blame::Unknown, Blame::Named(ProbeId::from_number(4))] {
        assert_eq!(ledger.error(at(2), blame), ErrorArrival::Stray { timed_out: false });
    }
    assert_eq!(counts(&ledger), Counts { sent: 3, replied: 1, errored: 1, timed_out: 1, stray_errors: 8, ..NONE });
}

#[test]
fn an_error_after_the_last_deadline_finds_the_probe_timed_out() {
    let mut ledger = Ledger::new();
    let id = send(&mut ledger, 0, 1, 7);
    assert_eq!(ledger.error(at(1501), Blame::Assumed(id)), ErrorArrival::Stray { timed_out: true });
    assert_eq!(ledger.record(id).map(|r| (r.state, r.assumed)), Some((State::TimedOut, false)));
    assert_eq!(counts(&ledger), Counts { sent: 1, timed_out: 1, stray_errors: 1, ..NONE });
    assert_eq!(ledger.expire(at(9999)), []);
}

#[test]
fn time_outs_come_in_the_order_of_their_deadlines() {
    let mut ledger = Ledger::new();
    let mut with = |timeout| ledger.send(at(0), peer(1), Key::Number(1), MESSAGE, ms(timeout), ms(10));
    let [slow, fast, middle, forever] = [300, 100, 200, i64::MAX / 1_000_000].map(&mut with);
    assert_eq!(ledger.next_expiry(), Some(at(110)));
    assert_eq!(ledger.expire(at(109)), []);
    assert_eq!(ledger.expire(at(110)), [fast]);
    assert_eq!(ledger.next_expiry(), Some(at(210)));
    assert_eq!(ledger.expire(at(310)), [middle, slow]);
    assert_eq!(ledger.state(forever), Some(State::Pending));
    assert_eq!(counts(&ledger), Counts { sent: 4, timed_out: 3, ..NONE });
}

#[test]
fn odd_deadlines_do_no_harm() {
    let mut ledger = Ledger::new();
    let forever = ledger.send(at(5), peer(1), Key::Number(1), MESSAGE, Duration::MAX, Duration::MAX);
    assert_eq!(ledger.next_expiry(), Some(Instant::from_nanos(i64::MAX)));
    let never = ledger.send(at(5), peer(1), Key::Number(2), MESSAGE, ms(-100), ms(-100));
    assert_eq!(ledger.record(never).map(|r| (r.reply_by, r.settle_by)), Some((at(5), at(5))));
    assert_eq!(ledger.expire(at(5)), [never]);
    assert_eq!(ledger.state(forever), Some(State::Pending));
}

#[test]
fn a_key_used_again_goes_to_the_newest_pending_probe() {
    let mut ledger = Ledger::new();
    let [a, b, c] = [0, 0, 0].map(|now| send(&mut ledger, now, 1, 7));
    assert_eq!(ledger.find(peer(1), Key::Number(7)), Some(c));
    assert!(matches!(reply(&mut ledger, 1, 1, 7), Arrival::Reply { id, .. } if id == c));
    ledger.error(at(1), Blame::Named(b));
    assert_eq!(ledger.find(peer(1), Key::Number(7)), Some(a), "the one still pending");
    assert!(matches!(reply(&mut ledger, 2, 1, 7), Arrival::Reply { id, .. } if id == a));
    assert_eq!(ledger.find(peer(1), Key::Number(7)), Some(b), "the one without a reply");
    assert_eq!(reply(&mut ledger, 3, 1, 7), Arrival::Late { id: Some(b), timed_out: false });
    assert_eq!(reply(&mut ledger, 4, 1, 7), Arrival::Duplicate { id: b }, "the last with a reply");
    let d = send(&mut ledger, 5, 1, 7);
    assert!(matches!(reply(&mut ledger, 6, 1, 7), Arrival::Reply { id, .. } if id == d));
}

#[test]
fn the_pending_probes_of_a_peer() {
    let mut ledger = Ledger::new();
    let ids = [1, 2, 3, 4, 5].map(|number| send(&mut ledger, 0, 1, number));
    let elsewhere = send(&mut ledger, 0, 2, 1);
    let pending = |ledger: &Ledger, host| ledger.pending(peer(host)).collect::<Vec<_>>();
    assert_eq!(pending(&ledger, 1), ids);
    assert_eq!(pending(&ledger, 2), [elsewhere]);
    assert_eq!(pending(&ledger, 3), []);
    reply(&mut ledger, 1, 1, 3);
    assert_eq!(pending(&ledger, 1), [ids[0], ids[1], ids[3], ids[4]]);
    ledger.error(at(1), Blame::Named(ids[0]));
    assert_eq!(ledger.oldest_pending(peer(1)), Some(ids[1]));
    reply(&mut ledger, 1, 1, 5);
    assert_eq!(pending(&ledger, 1), [ids[1], ids[3]]);
    let last = send(&mut ledger, 2, 1, 6);
    assert_eq!(pending(&ledger, 1), [ids[1], ids[3], last]);
    ledger.expire(at(1500));
    assert_eq!(pending(&ledger, 1), [last]);
    ledger.expire(at(1502));
    assert_eq!(pending(&ledger, 1), []);
    assert_eq!(ledger.oldest_pending(peer(1)), None);
}
