//! The account explains each loss.

use std::sync::Arc;

use super::*;
use crate::net::host::ThisMachine;
use crate::net::host::stop::Stop;
use crate::net::policy::attached::Policy;
use crate::net::policy::datagram::Datagram;
use crate::net::policy::decided::Decided;
use crate::net::policy::input::{PacketView, PolicyInput};
use crate::net::policy::{Action, Place, RejectReply, Verdict};
use crate::net::probe::ledger::Fault;
use crate::net::random::RandomStream;
use crate::net::socket::session::Session;
use crate::net::socket::udp::UdpSocket;

mod alike;
mod copies;
mod counted;
mod delays;

fn addr(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

const HERE: HostId = HostId(0);

fn site() -> Site {
    Site::Server(HERE, addr(7))
}

fn ends() -> Ends {
    Ends::seen_by(HERE, addr(9), addr(7))
}

fn at(ms: u64) -> Instant {
    Instant::from_nanos(ms as i64 * 1_000_000)
}

fn decided(action: Action, draws: &[f64]) -> Decided {
    let place = Place { flow: 0, number: 1, draws: RandomStream::of_seed(0) };
    Decided { verdict: Verdict::new(action, "a.rhai:3"), place, draws: draws.into() }
}

fn decide(account: &LossReport, ms: u64, ends: Ends, content: Content, decided: &Decided, site: &Site) {
    account.note(at(ms), ends, content, site, Incident::Decided(decided));
}

fn pinging(ends: Ends) -> PingerRun {
    PingerRun { socket: 0, schedule: None, protocol: "UDP", ends }
}

fn error(by: Option<RejectReply>, text: &str) -> PingError {
    PingError { by, text: text.to_string() }
}

/// Settles so many pings by a reply, by an error and by a time-out, far apart, so that none has neighbours.
fn settle(account: &LossReport, ends: Ends, counts: [usize; 3]) {
    let ends_of = [Settled::Replied, Settled::Errored, Settled::TimedOut].into_iter().zip(counts);
    for (number, how) in ends_of.flat_map(|(how, count)| std::iter::repeat_n(how, count)).enumerate() {
        account.settled(&pinging(ends), 2 * number as u64, how);
    }
}

fn text_of(account: &LossReport) -> String {
    account.explain().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn account(losses: &[(u64, bool)], drops: &[u64]) -> LossReport {
    let account = LossReport::default();
    account.lock().servers.at((HERE, addr(7)));
    settle(&account, ends(), [8 - losses.len(), 0, losses.len()]);
    for &number in drops {
        let content = Content::of(format!("ping {number}").as_bytes());
        decide(&account, number, ends(), content, &decided(Action::Drop, &[0.125]), &site());
    }
    for &(number, late) in losses {
        account.lost(
            &pinging(ends()),
            number,
            Content::of(format!("PING {number}").as_bytes()),
            [at(number), at(number)],
            late.then_some(Fault::Late),
        );
    }
    account
}

#[test]
fn each_loss_has_its_cause() {
    let account = account(&[(2, false), (3, true), (5, false), (6, false)], &[1, 2, 5]);
    assert_eq!(
        text_of(&account),
        "Lost 4 of 8 pings: 50.0% (95%: 21.5% to 78.5%)\n  \
         seq 2 (draw 0.125), 5 (draw 0.125): dropped by a.rhai:3\n  \
         seq 3: the reply came too late\n  1 unexplained: seq 6"
    );
}

#[test]
fn without_losses_it_says_so_and_without_a_server_nothing() {
    let text = text_of(&account(&[], &[]));
    assert_eq!(text, "Lost 0 of 8 pings: 0.0% (95%: 0.0% to 32.4%)\n  0 unexplained");
    assert_eq!(LossReport::default().explain(), []);
}

#[test]
fn a_loss_on_the_way_to_a_stranger_is_not_ours_to_explain() {
    let account = account(&[], &[]);
    let ends = Ends::seen_by(HERE, addr(9), addr(8));
    settle(&account, ends, [0, 1, 1]);
    account.lost(&pinging(ends), 1, Content::of(b"ping 1"), [at(1), at(1)], None);
    account.errored(&pinging(ends), 2, Content::of(b"ping 2"), [at(2), at(2)], error(None, "Port Unreachable"));
    assert_eq!(
        text_of(&account),
        "Lost 0 of 8 pings over UDP to 127.0.0.1:7: 0.0% (95%: 0.0% to 32.4%)\n  0 unexplained\n\
         Lost 2 of 2 pings over UDP to 127.0.0.1:8: 100.0% (95%: 34.2% to 100.0%)\n  seq 2: Port Unreachable\n  \
         1 on the way to servers outside of this process\n  0 unexplained"
    );
}

#[test]
fn every_kind_of_count_is_summed_over_sockets() {
    let account = LossReport::default();
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
        decide(&account, number, ends(), content, &decided(Action::Drop, &[]), &site());
        account.lost(&pinging(ends()), number, content, [at(number), at(number)], None);
    }
    let inner = account.lock();
    assert_eq!((inner.causes.len(), inner.losses.len()), (REMEMBERED, REMEMBERED));
    assert_eq!(inner.pingers.get(0).forgotten, REMEMBERED as u64);
}

#[test]
fn what_was_replied_to_takes_no_place_of_a_verdict() {
    let account = account(&[], &[1]);
    for number in 2..2 * REMEMBERED as u64 + 10 {
        let content = Content::of(format!("ping {number}").as_bytes());
        account.note(at(number), ends(), content, &site(), Incident::HandedOut);
        account.replied(ends(), || content, None);
    }
    let (content, number) = (Content::of(b"ping 1"), 1);
    account.lost(&pinging(ends()), number, content, [at(number), at(number)], None);
    let text = text_of(&account);
    assert!(text.ends_with("\n  seq 1 (draw 0.125): dropped by a.rhai:3\n  0 unexplained"), "{text}");
    let inner = account.lock();
    assert!(inner.causes.len() == 1 && inner.causes.places() <= 2 * REMEMBERED + 1);
}

#[test]
fn a_loss_whose_verdict_gave_way_to_later_ones_is_not_unexplained() {
    let account = account(&[], &[1, 2]);
    for number in 10..10 + REMEMBERED as u64 - 1 {
        let content = Content::of(format!("ping {number}").as_bytes());
        decide(&account, number, ends(), content, &decided(Action::Drop, &[]), &site());
    }
    for number in [1, 2, 5] {
        let content = Content::of(format!("ping {number}").as_bytes());
        account.settled(&pinging(ends()), 2 * number, Settled::TimedOut);
        account.lost(&pinging(ends()), number, content, [at(number), at(number)], None);
    }
    let text = text_of(&account);
    assert!(text.contains("\n  seq 2 (draw 0.125): dropped by a.rhai:3\n"), "{text}");
    assert!(text.ends_with("\n  1 earlier one is no longer remembered\n  1 unexplained: seq 5"), "{text}");
}

#[test]
fn every_verdict_that_can_lose_a_reply_is_a_cause() {
    let losses: Vec<(u64, bool)> = (1..=6).map(|number| (number, number == 1)).collect();
    let account = account(&losses, &[]);
    let actions = [
        Action::Delay(Duration::from_millis(400)),
        Action::Corrupt,
        Action::Replace((*b"x").into()),
        Action::Duplicate(2),
        Action::Drop,
        Action::Delay(Duration::from_millis(20)),
    ];
    for (number, action) in (1..).zip(actions) {
        let content = Content::of(format!("ping {number}").as_bytes());
        decide(&account, number, ends(), content, &decided(action, &[]), &site());
    }
    account.not_kept(ends(), Content::of(b"ping 6"));
    assert_eq!(
        text_of(&account),
        "Lost 6 of 8 pings: 75.0% (95%: 40.9% to 92.9%)\n  \
         seq 1: delayed 400ms by a.rhai:3\n  seq 2: corrupted by a.rhai:3\n  seq 3: replaced by a.rhai:3\n  \
         seq 5: dropped by a.rhai:3\n  seq 6: to be delayed 20ms by a.rhai:3, but did not fit\n  \
         1 unexplained: seq 4"
    );
}

#[test]
fn a_verdict_explains_one_loss_and_none_of_a_probe_sent_later() {
    let account = account(&[], &[]);
    settle(&account, ends(), [1, 0, 4]);
    let hello = Content::of(b"hello");
    decide(&account, 1, ends(), hello, &decided(Action::Drop, &[]), &site());
    // Replied to all the same, and so no cause of what was under way with it.
    decide(&account, 10, ends(), hello, &decided(Action::Delay(Duration::from_millis(1)), &[]), &site());
    account.got_reply(ends(), b"hello", at(9));
    decide(&account, 20, ends(), hello, &decided(Action::Drop, &[]), &site());
    for (number, sent) in [(1, 0), (2, 1), (3, 8), (4, 21)] {
        account.lost(&pinging(ends()), number, hello, [at(sent), at(sent)], None);
    }
    let text = text_of(&account);
    assert!(text.ends_with("\n  seq 1, 2: dropped by a.rhai:3\n  2 unexplained: seq 3, 4"), "{text}");
}

#[test]
fn policies_that_are_gone_are_kept_as_sums() {
    let (session, local) = (Session::new(Stop::root().expect("a stop")), ([127, 0, 0, 1], 0).into());
    let socket =
        UdpSocket::bind(Arc::new(ThisMachine), Arc::new(session), local, Default::default()).expect("a socket");
    let request = Datagram { data: (*b"x").into(), from: addr(9), to: None, stamp: None, ttl: None, decided: None };
    let account = LossReport::default();
    let mut last = None;
    for _ in 0..1000 {
        let policy =
            AttachedPolicy::new(Policy::Chain(Vec::new()), RandomStream::of_seed(0), &site()).expect("a policy");
        account.attach_policy(site(), &policy, "chain([])".to_string());
        let verdict = policy
            .decide(
                &mut policy.lock_flows(),
                &PolicyInput::Request(PacketView { local: socket.local(), datagram: &request, receiver: &socket }),
            )
            .verdict;
        assert_eq!(verdict.action, Action::Pass);
        last = Some(policy);
    }
    for idle in 0..1000 {
        let policy =
            AttachedPolicy::new(Policy::Chain(Vec::new()), RandomStream::of_seed(0), &site()).expect("a policy");
        account.attach_policy(site(), &policy, idle.to_string());
    }
    let report = account.policies();
    assert_eq!(report.len(), 1);
    assert_eq!((report[0].packets, report[0].chosen, report[0].failed), (1000, 0, 0));
    assert!(account.lock().policies.len() < 200, "those that did nothing are forgotten");
    drop(last);
    assert_eq!(account.policies(), report);
}

#[test]
fn servers_of_one_address_are_one() {
    let account = LossReport::default();
    for drops in 1..=1000 {
        account.kernel_drops(HERE, addr(7), drops);
    }
    assert_eq!(account.drops(), [Drops { at: addr(7), host: None, count: 500_500 }]);
}

#[test]
fn hosts_that_use_one_port_are_distinguished_and_links_explain_losses_both_ways() {
    let account = account(&[], &[]);
    let ip = |last: u8| SocketAddr::from(([10, 0, 0, last], 9));
    for last in 1..=3u8 {
        account.has_host(1, HostId(last.into()), ["a", "b", "c"][usize::from(last) - 1], &[ip(last).ip()]);
    }
    let (hello, link) = (Content::of(b"hello"), Site::Link("b-c".into()));
    // From b's port 9 to c, seen on the link; the reply to a's probe from the same port, seen there too.
    decide(&account, 1, Ends::seen_by(HostId(2), ip(2), ip(3)), hello, &decided(Action::Drop, &[0.25]), &link);
    decide(&account, 2, Ends::seen_by(HostId(3), ip(3), ip(1)), hello, &decided(Action::Drop, &[0.5]), &link);
    account.note(at(3), Ends::seen_by(HostId(1), ip(1), ip(3)), hello, &link, Incident::Lost("queue full"));
    let any = SocketAddr::from(([0, 0, 0, 0], 9));
    for (number, host, sent) in [(1, 1, 0), (2, 2, 0), (3, 1, 2), (4, 2, 0)] {
        let pinging = pinging(Ends::seen_by(HostId(host), any, ip(3)));
        account.settled(&PingerRun { socket: host.into(), ..pinging }, 2 * number, Settled::TimedOut);
        account.lost(&PingerRun { socket: host.into(), ..pinging }, number, hello, [at(sent), at(sent + 2)], None);
    }
    let text = text_of(&account);
    let expected = "Lost 2 of 2 pings over UDP from a to 10.0.0.3:9: 100.0% (95%: 34.2% to 100.0%)\n  \
                    seq 1 (draw 0.500): dropped by a.rhai:3 on b-c\n  \
                    seq 3: dropped on b-c: queue full\n  0 unexplained\n\
                    Lost 2 of 2 pings over UDP from b to 10.0.0.3:9: 100.0% (95%: 34.2% to 100.0%)\n  \
                    seq 2 (draw 0.250): dropped by a.rhai:3 on b-c\n  1 unexplained: seq 4";
    assert!(text.ends_with(expected), "{text}");
    assert_eq!(account.lock().hosts.owner(HostId(1), ip(3).ip()), HostId(3));
    assert_eq!(account.lock().hosts.owner(HostId(1), [127, 0, 0, 1].into()), HostId(1), "its own");
    assert_eq!(account.lock().hosts.owner(HERE, ip(3).ip()), HERE, "no lab's address is seen from here");
}

#[test]
fn what_was_delayed_on_a_link_and_dropped_in_the_server_was_dropped() {
    let account = account(&[(1, false)], &[]);
    let (content, link) = (Content::of(b"ping 1"), Site::Link("a-b".into()));
    decide(&account, 2, ends(), content, &decided(Action::Delay(Duration::from_millis(1)), &[]), &link);
    decide(&account, 3, ends(), content, &decided(Action::Drop, &[]), &site());
    let text = text_of(&account);
    assert!(text.contains("seq 1: dropped by a.rhai:3\n"), "{text}");
}

#[test]
fn a_full_receive_buffer_or_link_explains_losses_of_what_was_sent_there_alone() {
    let account = LossReport::default();
    let (busy, calm) = (addr(7), addr(8));
    for (socket, to) in [(1, busy), (2, calm)] {
        account.kernel_drops(HERE, to, u64::from(to == busy));
        let pinging = PingerRun { socket, ..pinging(Ends::seen_by(HERE, addr(9), to)) };
        account.settled(&pinging, 1, Settled::TimedOut);
        account.lost(&pinging, 1, Content::of(b"ping 1"), [at(1), at(1)], None);
    }
    let text = text_of(&account);
    let [first, second] = [&account.explain()[0], &account.explain()[1]];
    assert!(first.to_string().contains("seq 1: lost in the full receive buffer of 127.0.0.1:7"), "{text}");
    assert!(second.to_string().ends_with("\n  1 unexplained: seq 1"), "{text}");
}

#[test]
fn an_overrun_of_a_link_explains_losses_of_pings_that_pass_it_alone() {
    let account = LossReport::default();
    let ip = |last: u8| SocketAddr::from(([10, 0, 0, last], 9));
    for last in 1..=4u8 {
        account.has_host(1, HostId(last.into()), &last.to_string(), &[ip(last).ip()]);
    }
    // 1 - 2 - 3, and 4 beside 2.
    for (name, one, other) in [("1-2", 1, 2), ("2-3", 2, 3), ("2-4", 2, 4)] {
        account.has_link(&name.into(), HostId(one), HostId(other));
    }
    account.overrun(&"2-3".into(), 1, at(2));
    for (socket, to) in [(1, ip(3)), (2, ip(4))] {
        let pinging = PingerRun { socket, ..pinging(Ends::seen_by(HostId(1), ip(1), to)) };
        account.settled(&pinging, 1, Settled::TimedOut);
        account.lost(&pinging, 1, Content::of(b"ping 1"), [at(1), at(1)], None);
    }
    let text: Vec<String> = account.explain().iter().map(ToString::to_string).collect();
    assert!(text[0].contains("seq 1: came faster than 2-3 carries"), "{text:?}");
    assert!(text[1].ends_with("\n  1 unexplained: seq 1"), "{text:?}");
}

#[test]
fn many_pingers_of_one_target_are_reported_together() {
    let account = LossReport::default();
    account.lock().servers.at((HERE, addr(7)));
    for socket in 0..20 {
        let pinging = PingerRun { socket, ..pinging(ends()) };
        account.settled(&pinging, 1, if socket == 3 { Settled::TimedOut } else { Settled::Replied });
        if socket == 3 {
            account.lost(&pinging, 1, Content::of(b"ping 1"), [at(1), at(1)], None);
        }
    }
    assert_eq!(text_of(&account), "Lost 1 of 20 pings: 5.0% (95%: 0.9% to 23.6%)\n  1 unexplained");
}

#[test]
fn pings_that_are_left_pending_are_not_counted_and_said() {
    let account = LossReport::default();
    account.lock().servers.at((HERE, addr(7)));
    account.left_pending(&pinging(ends()));
    assert_eq!(text_of(&account), "");
    settle(&account, ends(), [3, 0, 0]);
    let text = text_of(&account);
    assert!(text.contains("Lost 0 of 3 pings: 0.0% (95%"), "{text}");
    assert!(
        text.ends_with("\n  1 still pending, not counted: 25.0% if all of them are lost\n  0 unexplained"),
        "{text}"
    );
}

#[test]
fn a_reply_put_down_to_a_ping_that_was_dropped_is_one_to_another() {
    let account = LossReport::default();
    account.lock().servers.at((HERE, addr(7)));
    settle(&account, ends(), [0, 0, 2]);
    decide(&account, 1, ends(), Content::of(b"ping 1"), &decided(Action::Drop, &[]), &site());
    for (number, instead) in [(1, Some(Fault::Unmatched)), (2, None)] {
        let content = Content::of(format!("ping {number}").as_bytes());
        account.lost(&pinging(ends()), number, content, [at(number), at(number)], instead);
    }
    let text = text_of(&account);
    let expected = "seq 1: dropped by a.rhai:3\n  seq 2: the reply did not repeat the message\n  0 unexplained";
    assert!(text.ends_with(expected), "{text}");
}
