//! What is forgotten, what is not, and that memory stays flat.

use super::super::peers::IDLE_REMEMBERED;
use super::*;

/// Sends and replies to `count` probes to `host`, numbered from `from`.
fn settle_many(ledger: &mut Ledger, host: u8, from: u64, count: u64) {
    for number in from..from + count {
        send(ledger, 0, host, number);
        assert!(matches!(reply(ledger, 1, host, number), Arrival::Reply { .. }));
    }
}

#[test]
fn the_oldest_settled_records_are_forgotten() {
    let mut ledger = Ledger::new();
    let remembered = REMEMBERED as u64;
    settle_many(&mut ledger, 1, 100, remembered);
    let first = ProbeId::from_number(1);
    assert_eq!(ledger.state(first), Some(State::Replied));
    assert_eq!(reply(&mut ledger, 2, 1, 100), Arrival::Duplicate { id: first });
    settle_many(&mut ledger, 1, 100 + remembered, 1);
    assert_eq!(ledger.state(first), None);
    assert_eq!(ledger.find(peer(1), Key::Number(100)), None);
    assert_eq!(reply(&mut ledger, 2, 1, 100), Arrival::Late { id: None, timed_out: false });
    assert_eq!(ledger.reply_to(at(2), first), Arrival::Late { id: Some(first), timed_out: false });
    assert_eq!(ledger.error(at(2), Blame::Named(first)), ErrorArrival::Stray { timed_out: false });
    settle_many(&mut ledger, 1, 101 + remembered, 1);
    assert_eq!(reply(&mut ledger, 2, 1, 100), Arrival::Late { id: None, timed_out: false });
    // The next is remembered, and numbers never sent are no less foreign.
    assert_eq!(reply(&mut ledger, 2, 1, 102), Arrival::Duplicate { id: ProbeId::from_number(3) });
    for number in [0, 99, 102 + remembered, u64::MAX] {
        assert_eq!(reply(&mut ledger, 2, 1, number), Arrival::Foreign, "{number}");
    }
    assert_eq!(reply(&mut ledger, 2, 2, 100), Arrival::Foreign, "another peer");
    let sent = remembered + 2;
    assert_eq!(
        counts(&ledger),
        Counts { sent, replied: sent, late: 3, duplicate: 2, foreign: 5, stray_errors: 1, ..NONE }
    );
}

#[test]
fn pending_probes_are_never_forgotten() {
    let mut ledger = Ledger::new();
    let first = ledger.send(at(0), peer(1), Key::Number(5), MESSAGE, Duration::MAX, ms(0));
    settle_many(&mut ledger, 1, 10, 3 * REMEMBERED as u64);
    assert_eq!(ledger.oldest_pending(peer(1)), Some(first));
    assert_eq!(reply(&mut ledger, 9, 1, 5), Arrival::Reply { id: first, rtt: ms(9), reordered: true });
}

#[test]
fn a_content_whose_record_is_forgotten_is_foreign() {
    let mut ledger = Ledger::new();
    let id = ledger.send(at(0), peer(1), Key::Content(77), MESSAGE, ms(1), ms(0));
    assert_eq!(ledger.expire(at(1)), [id]);
    settle_many(&mut ledger, 1, 1, REMEMBERED as u64);
    assert_eq!(ledger.reply(at(2), peer(1), Key::Content(77), MESSAGE), Arrival::Foreign);
    assert_eq!(
        ledger.reply(at(2), peer(1), Key::Number(77), MESSAGE),
        Arrival::Duplicate { id: ProbeId::from_number(78) }
    );
}

#[test]
fn a_peer_without_records_still_has_late_replies() {
    let mut ledger = Ledger::new();
    settle_many(&mut ledger, 1, 7, 1);
    settle_many(&mut ledger, 2, 1, REMEMBERED as u64);
    assert_eq!(reply(&mut ledger, 2, 1, 7), Arrival::Late { id: None, timed_out: false });
    assert_eq!(reply(&mut ledger, 2, 1, 8), Arrival::Foreign);
    // Sent to again, it is the same peer.
    settle_many(&mut ledger, 1, 9, 1);
    assert_eq!(reply(&mut ledger, 2, 1, 7), Arrival::Late { id: None, timed_out: false });
    assert_eq!(reply(&mut ledger, 2, 1, 9), Arrival::Duplicate { id: ProbeId::from_number(REMEMBERED as u64 + 2) });
}

#[test]
fn sixteen_bit_numbers_come_round() {
    let mut ledger = Ledger::new();
    let number = |probe: u64| probe % 65_536;
    for probe in 1..=200_000 {
        let id = send(&mut ledger, probe as i64, 1, number(probe));
        assert_eq!(id.number(), probe);
        if probe > 64 && probe % 5 != 0 {
            let awaited = ProbeId::from_number(probe - 64);
            let arrival = reply(&mut ledger, probe as i64, 1, number(probe - 64));
            assert_eq!(arrival, Arrival::Reply { id: awaited, rtt: ms(64), reordered: false });
        }
        ledger.expire(at(probe as i64));
    }
    ledger.expire(at(i64::MAX / 1_000_000));
    let counts = counts(&ledger);
    assert_eq!((counts.sent, counts.replied, counts.timed_out), (200_000, 159_948, 40_052));
    assert_eq!((counts.late, counts.duplicate, counts.reordered), (0, 0, 0));
}

/// Three million probes in all, in two tests so that they run side by side.
#[test]
fn memory_stays_flat_with_one_in_flight() {
    send_many(1_500_000, 1);
}

#[test]
fn memory_stays_flat_with_64_in_flight() {
    send_many(1_500_000, 64);
}

fn send_many(probes: u64, in_flight: u64) {
    let mut ledger = Ledger::new();
    for probe in 1..=probes {
        ledger.send(at(probe as i64), peer(1), Key::Number(probe), MESSAGE, ms(1000), ms(500));
        if probe >= in_flight {
            ledger.reply(at(probe as i64), peer(1), Key::Number(probe + 1 - in_flight), MESSAGE);
        }
    }
    assert_eq!(counts(&ledger), Counts { sent: probes, replied: probes + 1 - in_flight, ..NONE });
    let all = REMEMBERED + in_flight as usize;
    let [slots, ids, keys, lists, settled, peers] = ledger.store.sizes();
    // One place and one list more may be in use between the making of a probe and the forgetting of another.
    assert!(slots <= all + 1 && lists <= all + 1, "{slots} {lists}");
    assert_eq!([ids, keys, settled, peers], [all - 1, all - 1, REMEMBERED, 1]);
    assert_eq!(ledger.expiry.len() as u64, in_flight - 1);
}

#[test]
fn memory_stays_flat_over_a_sweep() {
    let mut ledger = Ledger::new();
    let hosts = 200_000_u32;
    let address = |host: u32| SocketAddr::from((host.to_be_bytes(), 0));
    for host in 1..=hosts {
        ledger.send(at(0), address(host), Key::Number(1), MESSAGE, ms(1), ms(0));
        ledger.expire(at(1));
    }
    let [slots, ids, keys, lists, settled, peers] = ledger.store.sizes();
    assert_eq!([ids, keys, settled], [REMEMBERED; 3]);
    assert!(slots <= REMEMBERED + 1 && lists <= REMEMBERED + 1, "{slots} {lists}");
    assert!(peers <= REMEMBERED + IDLE_REMEMBERED + 1, "{peers}");
    let mut reply = |host| ledger.reply(at(2), address(host), Key::Number(1), MESSAGE);
    let (oldest, oldest_idle) = (hosts - REMEMBERED as u32 + 1, hosts - (REMEMBERED + IDLE_REMEMBERED) as u32 + 1);
    assert_eq!(reply(oldest), Arrival::Late { id: Some(ProbeId::from_number(oldest.into())), timed_out: false });
    assert_eq!(reply(oldest - 1), Arrival::Late { id: None, timed_out: false });
    assert_eq!(reply(oldest_idle), Arrival::Late { id: None, timed_out: false });
    assert_eq!(reply(oldest_idle - 1), Arrival::Foreign, "a peer forgotten as well");
}
