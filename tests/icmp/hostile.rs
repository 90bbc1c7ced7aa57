//! Answers that are none, or not right: each is counted under its name, and none becomes a reply or a round-trip time.

use super::*;
use std::net::{IpAddr, Ipv4Addr};

const V4: &str = "127.0.0.1";
const BOTH: &[&str] = &[V4, "::1"];

/// Runs `script` beside a host that answers with `answer`, by both kinds of socket, to each of `targets`.
fn run(
    script: &str,
    answer: impl FnMut(&Asked) -> Vec<Said> + Send + Clone + 'static,
    groups: &[&str],
    targets: &[&str],
) {
    if !require_root_or_skip("hostile answers to echo requests") {
        return;
    }
    for (groups, target) in groups.iter().flat_map(|groups| targets.iter().map(move |target| (groups, target))) {
        let _host = EchoHost::start(groups, answer.clone());
        let run = pingscript(&["-e", &format!("let target = \"{target}\"; {script}")]).run();
        assert_eq!((run.code, run.stderr.contains("error")), (Some(0), false), "{groups} {target}\n{run:?}");
    }
}

/// Pings once and again; the first may time out, the second is answered.
const TWO: &str = "
    let sock = icmp::open(target);
    let first = sock.ping(target, #{ timeout: 700.ms, icmp_wait: 0.s, size: 16 });
    let second = sock.ping(target, #{ timeout: 60.s, size: 16 });
    let counts = sock.counts;
    expect(second.kind, \"reply\");
    expect(second.seq, 2);
";

/// The first request is answered by `wrong` alone, the second as it should be.
fn wrong_first(check: &str, wrong: fn(&Asked) -> Vec<Said>, groups: &[&str], targets: &[&str]) {
    let answer = move |asked: &Asked| if asked.seq == 1 { wrong(asked) } else { vec![asked.reply()] };
    run(&format!("{TWO} expect(first.kind, \"timeout\"); {check}"), answer, groups, targets);
}

#[test]
fn a_wrong_sequence_number_is_unmatched() {
    let wrong = |asked: &Asked| vec![asked.reply_with(|reply| reply[7] ^= 0x40)];
    let words = "expect(`${first}`, `seq 1: the reply from ${target} has number 65 instead of 1`);";
    wrong_first(&format!("expect(counts.unmatched, 1); {words}"), wrong, &[NONE, ALL], BOTH);
}

#[test]
fn a_wrong_identifier_is_foreign_where_it_arrives() {
    let wrong = |asked: &Asked| vec![asked.reply_with(|reply| reply[5] ^= 0x40)];
    wrong_first("expect(counts.foreign, 1);", wrong, &[NONE], BOTH);
    // The kernel does not deliver it to a ping socket.
    wrong_first("expect(counts.foreign, 0);", wrong, &[ALL], BOTH);
}

#[test]
fn a_wrong_nonce_is_unmatched() {
    let wrong = |asked: &Asked| vec![asked.reply_with(|reply| reply[8] ^= 1)];
    let words = "expect(`${first}`, `seq 1: the reply from ${target} did not repeat the message`);";
    wrong_first(&format!("expect(counts.unmatched, 1); {words}"), wrong, &[NONE, ALL], BOTH);
}

#[test]
fn a_changed_payload_is_corrupt() {
    let wrong = |asked: &Asked| vec![asked.reply_with(|reply| reply[20] ^= 0x20)];
    wrong_first("expect(counts.corrupt, 1);", wrong, &[NONE, ALL], BOTH);
}

#[test]
fn a_wrong_checksum_is_corrupt_where_it_arrives() {
    let wrong = |asked: &Asked| {
        let mut said = asked.reply();
        said.message[2] ^= 1;
        vec![said]
    };
    wrong_first("expect(counts.corrupt, 1);", wrong, &[NONE], &[V4]);
    // The kernel drops it before it reaches a ping socket.
    wrong_first("expect(counts.corrupt, 0);", wrong, &[ALL], &[V4]);
}

#[test]
fn a_cut_reply_is_truncated() {
    let wrong = |asked: &Asked| vec![asked.reply_with(|reply| reply.truncate(20))];
    wrong_first("expect(counts.truncated, 1);", wrong, &[NONE, ALL], BOTH);
}

#[test]
fn a_reply_from_elsewhere_is_foreign() {
    let wrong = |asked: &Asked| vec![Said { from: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9)), ..asked.reply() }];
    let words = "expect(`${first}`, `seq 1: the reply came from 127.0.0.9, not from ${target}`);";
    wrong_first(&format!("expect(counts.foreign, 1); {words}"), wrong, &[NONE, ALL], &[V4]);
}

#[test]
fn ones_own_request_is_no_reply() {
    wrong_first("expect(counts.foreign + counts.corrupt, 0);", |_| Vec::new(), &[NONE, ALL], BOTH);
}

#[test]
fn a_late_reply_and_duplicates_change_nothing_but_their_counts() {
    let mut kept: Option<Said> = None;
    let answer = move |asked: &Asked| match asked.seq {
        1 => {
            kept = Some(asked.reply());
            Vec::new()
        }
        _ => kept.clone().into_iter().chain([asked.reply(), asked.reply(), asked.reply()]).collect(),
    };
    let check = "
        expect(first.kind, \"timeout\");
        sock.ping(target, 60.s); // what followed the second reply is received by now
        let counts = sock.counts;
        expect(counts.late, 1);
        expect(counts.duplicate >= 2, true);
        expect(counts.replied, 2);
        expect(counts.sent, counts.replied + counts.timed_out);
    ";
    run(&format!("{TWO} {check}"), answer, &[NONE, ALL], BOTH);
}

#[test]
fn a_reply_that_is_three_seconds_late_is_late() {
    // The host takes the second request only after that.
    let answer = |asked: &Asked| {
        if asked.seq == 1 {
            std::thread::sleep(std::time::Duration::from_secs(3));
        }
        vec![asked.reply()]
    };
    let check = "
        expect([first.kind, first.rtt], [\"timeout\", ()]);
        expect([counts.late, counts.replied, counts.timed_out], [1, 1, 1]);
        let rtts = stats();
        rtts.add(first); rtts.add(second);
        expect([rtts.received, rtts.lost], [1, 1]);
        expect([rtts.min, rtts.max], [second.rtt, second.rtt]);
    ";
    run(&format!("{TWO} {check}"), answer, &[NONE, ALL], BOTH);
}

#[test]
fn errors_about_others_settle_nothing() {
    let wrong = |asked: &Asked| {
        let other_id = |at: usize| {
            let mut said = asked.error(if asked.is_v6 { 1 } else { 3 }, 1, [0; 4], 548);
            said.message[at] ^= 0x40;
            Said { message: common::echo::sealed(said.message), ..said }
        };
        // Of the quoted packet, after the error's header and that of IP: the identifier, the sequence number, the nonce.
        let start = 8 + if asked.is_v6 { 40 } else { 20 };
        vec![other_id(start + 5), other_id(start + 7), other_id(start + 8)]
    };
    wrong_first("expect(counts.errored, 0);", wrong, &[NONE, ALL], BOTH);
}

#[test]
fn a_quote_of_eight_bytes_names_the_ping() {
    let answer = |asked: &Asked| match asked.seq {
        1 => Vec::new(),
        4 => vec![asked.reply()],
        _ => vec![asked.error(if asked.is_v6 { 3 } else { 11 }, 0, [0; 4], 8)],
    };
    let script = "
        let sock = icmp::open(target);
        let kinds = [];
        for ping in pinger(sock, target, #{ count: 4, interval: 1.ms, timeout: 700.ms, icmp_wait: 0.s }) {
            kinds.push(`${ping.seq} ${ping.kind} ${ping.assumed}`);
        }
        kinds.sort();
        expect(kinds, [\"1 timeout false\", \"2 icmp false\", \"3 icmp false\", \"4 reply false\"]);
    ";
    run(script, answer, &[NONE, ALL], BOTH);
}

#[test]
fn numbers_come_round_without_confusion() {
    // Each reply is sent twice: at once, and again when the same sequence number comes round.
    let mut kept: Vec<Option<Said>> = vec![None; 65_536];
    let answer = move |asked: &Asked| {
        let before = kept[usize::from(asked.seq)].replace(asked.reply());
        before.into_iter().chain([asked.reply()]).collect()
    };
    let script = "
        let sock = icmp::open(target);
        let replies = 0;
        for ping in pinger(sock, target, #{ count: 70_000, interval: 0.s, window: 32, timeout: 60.s, size: 8 }) {
            if ping.kind == \"reply\" { replies += 1; }
        }
        expect(replies, 70_000);
        let counts = sock.counts;
        // What a full receive buffer lost is missing; the rest are known for what they are.
        expect(counts.duplicate + counts.late <= 70_000 - 65_536 && counts.duplicate + counts.late > 0, true);
        expect(counts.foreign + counts.corrupt + counts.truncated, 0);
    ";
    run(script, answer, &[NONE, ALL], BOTH);
}
