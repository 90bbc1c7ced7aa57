//! What kernels count explains only losses meanwhile, and no more of them than nothing else explains.

use super::*;
use crate::net::wire::icmp::Kind;

const A: HostId = HostId(1);
const B: HostId = HostId(2);

fn ip(last: u8, port: u16) -> SocketAddr {
    ([10, 0, 0, last], port).into()
}

/// Two hosts and a link between them.
fn lab() -> LossReport {
    let account = LossReport::default();
    account.has_host(1, A, "a", &[ip(1, 0).ip()]);
    account.has_host(1, B, "b", &[ip(2, 0).ip()]);
    account.has_link(&"a-b".into(), A, B);
    account
}

/// Host b's kernel has this count at `ms`.
fn read(account: &LossReport, ms: u64, name: &str, count: u64) {
    let place = KERNEL_CAUSES.iter().position(|cause| cause.name == name).expect("a name");
    account.counted([at(ms), at(ms)], &[(B, vec![(place, count)])]);
}

fn of(socket: u64, protocol: &'static str) -> PingerRun {
    PingerRun { socket, schedule: None, protocol, ends: Ends::seen_by(A, ip(1, 9), ip(2, 7)) }
}

/// A ping that is in flight from `sent` on for 10 ms is lost.
fn lose(account: &LossReport, pinging: &PingerRun, number: u64, sent: u64) {
    account.settled(pinging, 2 * number, Settled::TimedOut);
    let content = Content::of(format!("ping {number}").as_bytes());
    account.lost(pinging, number, content, [at(sent), at(sent + 10)], None);
}

const SUMS: &str = "UdpInCsumErrors";

#[test]
fn what_a_count_rose_by_before_or_after_explains_nothing() {
    let account = lab();
    read(&account, 1, SUMS, 0);
    read(&account, 10, SUMS, 5);
    lose(&account, &of(1, "UDP"), 1, 11);
    read(&account, 30, SUMS, 5);
    read(&account, 40, SUMS, 9);
    assert!(text_of(&account).ends_with("\n  1 unexplained: seq 1"), "{}", text_of(&account));
}

#[test]
fn what_was_counted_before_anybody_looked_explains_nothing() {
    let account = lab();
    read(&account, 10, SUMS, 5);
    lose(&account, &of(1, "UDP"), 1, 11);
    read(&account, 30, SUMS, 5);
    assert!(text_of(&account).ends_with("\n  1 unexplained: seq 1"), "{}", text_of(&account));
}

#[test]
fn as_many_losses_as_a_count_rose_by_are_explained_and_more_or_less_are_perhaps() {
    for (rose, said) in [
        (
            2,
            "\n  seq 1, 2: a wrong checksum was found by b (its kernel counted UdpInCsumErrors 2 meanwhile)\n  0 unexpl",
        ),
        (
            1,
            "\n  seq 1: perhaps a wrong checksum was found by b (its kernel counted UdpInCsumErrors 1 meanwhile); which of 2 pings is not known\n  1 unexpl",
        ),
        (
            7,
            "\n  seq 1, 2: perhaps a wrong checksum was found by b (its kernel counted UdpInCsumErrors 7 meanwhile)\n  0 unexpl",
        ),
    ] {
        let account = lab();
        read(&account, 10, SUMS, 5);
        lose(&account, &of(1, "UDP"), 1, 11);
        lose(&account, &of(1, "UDP"), 2, 12);
        read(&account, 30, SUMS, 5 + rose);
        assert!(text_of(&account).contains(said), "{}", text_of(&account));
    }
}

#[test]
fn packets_that_a_link_damaged_are_the_ones_with_wrong_checksums() {
    let account = lab();
    read(&account, 10, SUMS, 0);
    for number in 0..3 {
        let other = Ends::seen_by(A, ip(1, 5), ip(2, 6));
        decide(
            &account,
            11 + number,
            other,
            Content::of(b"x"),
            &decided(Action::Corrupt, &[]),
            &Site::Link("a-b".into()),
        );
    }
    lose(&account, &of(1, "UDP"), 1, 11);
    lose(&account, &of(2, "ICMP"), 1, 11);
    read(&account, 30, SUMS, 3);
    assert_eq!(text_of(&account).matches("\n  1 unexplained: seq 1").count(), 2, "{}", text_of(&account));
    read(&account, 40, SUMS, 4);
    // Still in flight when it rose once more.
    lose(&account, &of(1, "UDP"), 2, 29);
    let text = text_of(&account);
    assert!(text.contains("seq 2: a wrong checksum was found by b (its"), "{text}");
    assert_eq!(text.matches(" unexplained: seq 1").count(), 2, "{text}");
}

#[test]
fn a_ping_that_met_an_error_is_the_one_without_a_route() {
    let account = lab();
    let pinger = of(1, "UDP");
    read(&account, 10, "IpOutNoRoutes", 0);
    account.settled(&pinger, 0, Settled::Errored);
    account.errored(&pinger, 0, Content::of(b"ping 0"), [at(11), at(11)], error(None, "Net Unreachable from 10.0.0.2"));
    lose(&account, &pinger, 1, 11);
    read(&account, 30, "IpOutNoRoutes", 1);
    assert!(text_of(&account).ends_with("\n  1 unexplained: seq 1"), "{}", text_of(&account));
    read(&account, 40, "IpOutNoRoutes", 2);
    lose(&account, &pinger, 2, 35);
    assert!(text_of(&account).contains("\n  seq 2: no route was found by b"), "{}", text_of(&account));
}

#[test]
fn a_count_explains_losses_only_as_far_back_as_verdicts_are_remembered() {
    let account = lab();
    for number in 0..REMEMBERED as u64 + 20 {
        let content = Content::of(format!("{number}").as_bytes());
        decide(&account, number, ends(), content, &decided(Action::Drop, &[]), &site());
    }
    lose(&account, &of(1, "UDP"), 1, 5);
    lose(&account, &of(1, "UDP"), 2, 100);
    account.kernel_drops(B, ip(2, 7), 1);
    read(&account, 110, "UdpRcvbufErrors", 1);
    let text = text_of(&account);
    let cause = "\n  seq 2: perhaps lost in the full receive buffer of 10.0.0.2:7 in b (the kernel counted 1)";
    let others = "; which of 2 pings is not known";
    assert!(
        text.contains(&format!("{cause}{others}\n  1 earlier one is no longer remembered\n  0 unexplained")),
        "{text}"
    );
}

#[test]
fn a_full_buffer_is_not_counted_twice_and_not_before_its_time() {
    let account = lab();
    account.kernel_drops(B, ip(2, 7), 4);
    read(&account, 10, "UdpRcvbufErrors", 4);
    lose(&account, &of(1, "UDP"), 1, 11);
    lose(&account, &of(1, "UDP"), 2, 11);
    account.kernel_drops(B, ip(2, 7), 1);
    read(&account, 30, "UdpRcvbufErrors", 5);
    let text = text_of(&account);
    let said = "seq 1: perhaps lost in the full receive buffer of 10.0.0.2:7 in b (the kernel counted 1)";
    assert!(text.ends_with(&format!("{said}; which of 2 pings is not known\n  1 unexplained: seq 2")), "{text}");
}

#[test]
fn two_pingers_at_once_share_what_a_count_rose_by() {
    let account = lab();
    read(&account, 10, "IcmpOutRateLimitHost", 0);
    for (socket, number) in [(1, 1), (2, 1), (1, 2), (2, 2)] {
        lose(&account, &of(socket, "UDP"), number, 11);
    }
    read(&account, 30, "IcmpOutRateLimitHost", 3);
    let text = text_of(&account);
    assert!(text.contains("\n  seq 1, 2: perhaps an ICMP error was held back"), "{text}");
    assert!(text.contains("\n  seq 1: perhaps an ICMP error was held back"), "{text}");
    assert_eq!(text.matches("3 meanwhile); which of 4 pings is not known\n").count(), 2, "{text}");
    assert!(text.ends_with("\n  1 unexplained: seq 2"), "{text}");
}

#[test]
fn readings_that_would_take_too_much_of_the_time_are_left_out_and_that_makes_causes_perhaps() {
    let account = lab();
    let mut rises = Rises::default();
    let none = || std::iter::empty::<(Counter, u64)>();
    assert!(rises.is_due(at(0), CountReading::Begin));
    rises.read([at(0), at(1000)], none());
    assert!(!rises.is_due(at(1100), CountReading::Lost) && rises.is_due(at(21_000), CountReading::Between));
    assert!(!rises.is_due(at(1100), CountReading::Begin));
    account.lock().rises = rises;
    account.kernel_drops(B, ip(2, 7), 1);
    lose(&account, &of(1, "UDP"), 1, 1200);
    assert!(text_of(&account).contains("seq 1: perhaps lost in the full"), "{}", text_of(&account));
}

#[test]
fn the_pingers_of_one_socket_are_distinguished() {
    let account = LossReport::default();
    account.lock().servers.at((HERE, addr(7)));
    let run =
        |socket, port, schedule| PingerRun { socket, schedule, ..pinging(Ends::seen_by(HERE, addr(port), addr(7))) };
    // Two pingers and two pings of their own on one socket, and a pinger on another.
    for (pinger, number) in [
        (run(1, 9, Some(4)), 1),
        (run(1, 9, Some(4)), 2),
        (run(1, 9, None), 1),
        (run(1, 9, None), 2),
        (run(1, 9, Some(6)), 2),
        (run(1, 9, Some(6)), 3),
        (run(2, 11, Some(5)), 1),
        (run(2, 11, Some(5)), 2),
    ] {
        account.settled(&pinger, 2 * number, Settled::TimedOut);
        account.lost(&pinger, number, Content::of(format!("ping {number}").as_bytes()), [at(1), at(2)], None);
    }
    let text = text_of(&account);
    for (who, unexplained) in [
        ("from port 9, pinger 1", "1, 2"),
        ("from port 9, single pings", "1, 2"),
        ("from port 9, pinger 2", "2, 3"),
        ("from port 11", "1, 2"),
    ] {
        let part = format!(
            "Lost 2 of 2 pings over UDP to 127.0.0.1:7 ({who}): 100.0% (95%: 34.2% to 100.0%)\n  2 unexplained: seq {unexplained}"
        );
        assert!(text.contains(&part), "{who}\n{text}");
    }
}

#[test]
fn a_socket_counts_damaged_datagrams_too_and_those_filled_no_buffer() {
    let account = lab();
    read(&account, 10, SUMS, 0);
    let other = Ends::seen_by(A, ip(1, 5), ip(2, 6));
    decide(&account, 11, other, Content::of(b"x"), &decided(Action::Corrupt, &[]), &Site::Link("a-b".into()));
    lose(&account, &of(1, "UDP"), 1, 12);
    account.kernel_drops(B, ip(2, 7), 1);
    read(&account, 30, SUMS, 1);
    assert!(text_of(&account).ends_with("\n  1 unexplained: seq 1"), "{}", text_of(&account));
}

#[test]
fn an_error_that_no_missing_route_causes_is_no_packet_of_the_count() {
    let account = lab();
    let pinger = of(1, "UDP");
    read(&account, 10, "IpOutNoRoutes", 0);
    let refused = Kind::from_keyword(Family::V4, "port-unreachable").map(RejectReply::Icmp);
    account.settled(&pinger, 0, Settled::Errored);
    account.errored(&pinger, 0, Content::of(b"ping 0"), [at(11), at(11)], error(refused, "Port Unreachable"));
    lose(&account, &pinger, 1, 11);
    read(&account, 30, "IpOutNoRoutes", 1);
    assert!(text_of(&account).contains("\n  seq 1: no route was found by b"), "{}", text_of(&account));
}
