//! Floods: as many pings as a host answers, from sockets that are made for speed.

use super::*;

#[test]
fn each_ping_of_a_flood_is_accounted_for() {
    if !require_root_or_skip("floods by both kinds of socket") {
        return;
    }
    for groups in [NONE, ALL] {
        let _host = EchoHost::start(groups, |asked: &Asked| vec![asked.reply()]);
        for (window, threads, size) in [("1", "1", "56"), ("64", "1", "0"), ("8", "3", "56"), ("8", "2", "3000")] {
            let how = ["--window", window, "--threads", threads, "--size", size, "--count", "300"];
            let args = [&["icmp_flood", "127.0.0.1", "--timeout", LONG], &how[..]].concat();
            let run = pingscript(&args).run().expect_code(0);
            let all = 300 * threads.parse::<u32>().expect("a number");
            for part in [format!("Packets Sent: {all}\n"), format!("Packets Received: {all}\n")] {
                assert!(run.stdout.contains(&part), "{groups} {how:?}: no {part:?} in\n{}", run.stdout);
            }
            assert!(!run.stdout.contains("Foreign"), "{groups} {how:?}:\n{}", run.stdout);
        }
    }
}

#[test]
fn the_pings_of_others_crowd_out_no_reply() {
    if !require_root_or_skip("a flood beside raw sockets that nobody reads from meanwhile") {
        return;
    }
    // Far more replies than fit into the receive buffer of a socket.
    let script = "
        let other = icmp::open(\"127.0.0.1\", #{ fast: true });
        let flood = || {
            for ping in pinger(other, \"127.0.0.1\", #{ interval: 0.s, count: 3000, size: 1000, timeout: 60.s }) { }
        };
        let socks = [icmp::open(\"127.0.0.1\"), icmp::open(\"127.0.0.1\", #{ fast: true })];
        // From the beginning.
        flood.call();
        for sock in socks { expect(sock.ping(\"127.0.0.1\", 60.s).kind, \"reply\"); }
        // And again, with the filter.
        flood.call();
        for sock in socks { expect(sock.ping(\"127.0.0.1\", 60.s).kind, \"reply\"); }
        // One that has received no others before.
        let late = icmp::open(\"127.0.0.1\");
        expect(late.ping(\"127.0.0.1\", 60.s).kind, \"reply\");
        flood.call();
        expect(late.ping(\"127.0.0.1\", 60.s).kind, \"reply\");
    ";
    let _host = EchoHost::start(NONE, |asked: &Asked| vec![asked.reply()]);
    let run = pingscript(&["-e", script]).run();
    assert_eq!(run.code, Some(0), "{run:?}");
}

#[test]
fn a_lost_ping_does_not_hold_up_a_flood() {
    if !require_root_or_skip("a host that does not answer the first ping") {
        return;
    }
    let script = "
        let sock = icmp::open(\"127.0.0.1\", #{ fast: true });
        let seen = [];
        for ping in pinger(sock, \"127.0.0.1\", #{ interval: 0.s, window: 1, max_gap: 5.ms, timeout: 60.s }) {
            seen.push(ping.seq);
            if seen.len == 2 { break; }
        }
        // How many were sent meanwhile depends on how busy the machine is; the first still waits.
        expect(seen[0] > 1 && seen[1] > seen[0], true);
        expect(sock.counts.timed_out, 0);
    ";
    for groups in [NONE, ALL] {
        let answer = |asked: &Asked| if asked.seq == 1 { Vec::new() } else { vec![asked.reply()] };
        let _host = EchoHost::start(groups, answer);
        pingscript(&["-e", script]).run().expect_code(0);
    }
}

#[test]
fn fast_sockets_count_what_is_no_reply_as_others_do() {
    if !require_root_or_skip("hostile answers to fast sockets") {
        return;
    }
    let answer = |asked: &Asked| match asked.seq {
        3 => vec![asked.reply_with(|reply| reply[8] ^= 1), asked.reply()],
        5 => vec![asked.reply_with(|reply| reply[20] ^= 0x20), asked.reply()],
        7 => vec![asked.reply_with(|reply| reply.truncate(20)), asked.reply()],
        8 => vec![asked.error(3, 10, [0; 4], 548)],
        _ => vec![asked.reply(), asked.reply()],
    };
    let script = "
        let sock = icmp::open(\"127.0.0.1\", #{ fast: true });
        let kinds = [];
        for ping in pinger(sock, \"127.0.0.1\", #{ interval: 0.s, window: 4, count: 12, size: 16, timeout: 60.s }) {
            kinds.push(`${ping.seq} ${ping.kind}`);
        }
        expect(kinds.len, 12);
        expect(\"8 icmp\" in kinds, true);
        let counts = sock.counts;
        expect([counts.replied, counts.errored, counts.unmatched, counts.corrupt, counts.truncated], [11, 1, 1, 1, 1]);
        // The second copy of the last reply may come after the end.
        expect(counts.duplicate >= 4, true);
    ";
    for groups in [NONE, ALL] {
        let _host = EchoHost::start(groups, answer);
        let run = pingscript(&["-e", script]).run();
        assert_eq!(run.code, Some(0), "{groups}\n{run:?}");
    }
}
