//! The account explains each loss.

use super::*;

fn addr(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn account(losses: &[(u64, bool)], drops: &[u64]) -> Account {
    let account = Account::default();
    account.lock().servers.push(Server { addr: addr(7), socket: None, drops: 0 });
    let timed_out = losses.len() as u64;
    let counts = Counts { sent: 9, replied: 8 - timed_out, timed_out, ..Counts::default() };
    account.count(Counts::default(), counts);
    for &number in drops {
        let content = Content::of(format!("ping {number}").as_bytes());
        account.dropped(addr(9), addr(7), content, &"a.rhai:3".into(), &[0.125]);
    }
    for &(number, late) in losses {
        account.lost(number, addr(9), addr(7), Content::of(format!("PING {number}").as_bytes()), late);
    }
    account
}

#[test]
fn each_loss_has_its_cause() {
    let account = account(&[(2, false), (3, true), (5, false), (6, false)], &[1, 2, 5]);
    assert_eq!(
        account.explain().expect("there are losses").to_string(),
        "Lost 4 of 8 pings: 50.0% (95%: 21.5% to 78.5%)\n  \
         seq 2 (draw 0.125), 5 (draw 0.125): dropped by a.rhai:3\n  \
         seq 3: answered, but too late\n  1 unexplained: seq 6"
    );
}

#[test]
fn without_losses_it_says_so_and_without_a_server_nothing() {
    let text = account(&[], &[]).explain().map(|explanation| explanation.to_string());
    assert_eq!(text.as_deref(), Some("Lost 0 of 8 pings: 0.0% (95%: 0.0% to 32.4%)\n  0 unexplained"));
    assert_eq!(Account::default().explain(), None);
}

#[test]
fn a_loss_on_the_way_to_a_stranger_is_not_ours_to_explain() {
    let account = account(&[], &[]);
    account.count(Counts::default(), Counts { sent: 2, errored: 1, timed_out: 1, ..Counts::default() });
    account.lost(1, addr(9), addr(8), Content::of(b"ping 1"), false);
    assert_eq!(
        account.explain().expect("probes were settled").to_string(),
        "Lost 2 of 10 pings: 20.0% (95%: 5.7% to 51.0%)\n  1 settled by an error\n  \
         1 on the way to servers outside of this process\n  0 unexplained"
    );
}

#[test]
fn every_kind_of_count_is_summed_over_sockets() {
    let account = Account::default();
    let counts = Counts { sent: 3, replied: 1, duplicate: 4, corrupt: 5, missed_slots: 6, ..Counts::default() };
    account.count(Counts::default(), counts);
    account.count(counts, counts + counts);
    assert_eq!(account.probes(), counts + counts);
}

#[test]
fn memory_is_bounded() {
    let account = account(&[], &[]);
    for number in 0..2 * REMEMBERED as u64 {
        let content = Content::of(format!("ping {number}").as_bytes());
        account.dropped(addr(9), addr(7), content, &"x".into(), &[]);
        account.lost(number, addr(9), addr(7), content, false);
    }
    let inner = account.lock();
    assert_eq!((inner.drops.len(), inner.losses.len()), (REMEMBERED, REMEMBERED));
    assert_eq!(inner.forgotten, REMEMBERED as u64);
}
