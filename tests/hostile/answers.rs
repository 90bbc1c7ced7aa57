//! Packets that are no answer, and answers that come too late.

use super::*;

/// Damage done ahead of the true answer, by the number of the ping.
fn damage(ping: &Datagram<'_>) {
    let answer = ping.data.to_ascii_uppercase();
    let stranger = UdpSocket::bind((ping.from.ip(), 0)).expect("cannot bind");
    match number(ping.data) {
        1 => {
            let _ = stranger.send_to(&answer, ping.from);
        }
        2 => ping.reply(&answer[..9]),
        3 => ping.reply(b"PIN"),
        4 => ping.reply(b""),
        5 => {
            let mut changed = answer.clone();
            let last = changed.last_mut().expect("not empty");
            *last = if *last == b'0' { b'1' } else { b'0' };
            ping.reply(&changed);
        }
        6 => ping.reply(&[&answer[..], b" and more"].concat()),
        7 => ping.reply(&[0xff; 50]),
        8 => ping.reply(&[0; 65_000]),
        9 => ping.reply(b"PING 4711 1725933169.813111"), // a number never sent
        10 => ping.reply(b"PING 99999999999999999999999999 "),
        11 => ping.reply(b"PING 1"),    // of PING 11 …: a number that was sent before
        13 => ping.reply(b"PING 13 X"), // no beginning of PING 13 17…
        _ => {}
    }
    thread::sleep(HELD);
    ping.reply(&answer);
    if number(ping.data) == 12 {
        ping.reply(&answer);
        ping.reply(&answer);
    }
}

const DAMAGED: [(&str, u64); 7] = [
    ("sent", 13),
    ("replied", 13),
    ("duplicate", 2),
    ("foreign", 1),
    ("truncated", 4),
    ("corrupt", 3),
    ("unmatched", 4),
];

fn damaged(ip: IpAddr) {
    let server = UdpPeer::start(ip, |ping| damage(&ping));
    Session::of(&one_by_one(server.addr(), 13, LONG)).expect(&DAMAGED).expect_held();
    let plan = "#{ count: 13, interval: 0.ms, timeout: 60.s }";
    Session::of(&in_flight(server.addr(), plan)).expect(&DAMAGED).expect_held();
}

#[test]
fn what_is_no_answer_is_counted_and_settles_nothing() {
    damaged(LOOPBACK);
}

#[test]
fn what_is_no_answer_over_ipv6() {
    damaged(LOOPBACK6);
}

#[test]
fn an_answer_cut_in_the_middle_of_its_number() {
    let server = UdpPeer::start(LOOPBACK, |ping| {
        ping.reply(b"PING 9"); // of PING 95 …; a ping 9 was never sent
        thread::sleep(HELD);
        ping.reply_upper();
    });
    let script = one_by_one(server.addr(), 1, LONG).replace("1..=1", "95..=95");
    Session::of(&script).expect(&[("sent", 1), ("replied", 1), ("truncated", 1)]).expect_held();
}

#[test]
fn a_message_without_a_number_is_known_by_its_text() {
    let server = UdpPeer::start(LOOPBACK, |ping| {
        ping.reply(b"HELL");
        ping.reply(b"HELLO, WORLD ?");
        thread::sleep(HELD);
        ping.reply_upper();
        ping.reply_upper();
    });
    let script = one_by_one(server.addr(), 2, LONG).replace("`ping ${seq} ${unix_time()}`", "`hello, world ${seq}`");
    let session = Session::of(&script);
    // The second copy of the last answer may still be on its way.
    assert_eq!((session.count("replied"), session.count("truncated"), session.count("corrupt")), (2, 2, 2));
    session.expect_held();
}

// Late answers.

fn late(ip: IpAddr) {
    let mut kept = Vec::new();
    let server = UdpPeer::start(ip, move |ping| {
        if ping.index == 0 {
            kept = ping.data.to_ascii_uppercase();
        } else {
            ping.reply(&kept);
            ping.reply(&kept);
            thread::sleep(HELD);
            ping.reply_upper();
        }
    });
    let script = one_by_one(server.addr(), 2, "#{ timeout: if seq == 1 { 30.ms } else { 60.s }, icmp_wait: 0.ms }");
    let session = Session::of(&script);
    session.expect(&[("sent", 2), ("replied", 1), ("timed_out", 1), ("late", 1), ("duplicate", 1)]).expect_held();
    assert_eq!(session.kinds(), [(1, "timeout"), (2, "reply")]);
}

#[test]
fn a_late_answer_changes_nothing_but_its_count() {
    late(LOOPBACK);
}

#[test]
fn a_late_answer_over_ipv6() {
    late(LOOPBACK6);
}

#[test]
fn an_answer_after_the_timeout_ends_the_wait_for_an_error() {
    let server = UdpPeer::start(LOOPBACK, |ping| {
        thread::sleep(Duration::from_millis(60));
        ping.reply_upper();
    });
    let session = Session::ended(&one_by_one(server.addr(), 2, "#{ timeout: 20.ms, icmp_wait: 60.s }"), 1);
    session.expect(&[("sent", 2), ("timed_out", 2), ("late", 2)]);
}

#[test]
fn an_answer_in_time_stays_so_however_late_the_script_looks() {
    let server = UdpPeer::start(LOOPBACK, {
        let mut asked: Vec<Vec<u8>> = Vec::new();
        move |ping| {
            asked.push(ping.data.to_ascii_uppercase());
            if asked.len() == 3 {
                ping.reply(&asked[0]);
                thread::sleep(HELD);
                ping.reply(&asked[1]);
                ping.reply(&asked[2]);
            }
        }
    });
    let script = in_flight(server.addr(), "#{ count: 3, interval: 1.ms, timeout: 1.s, icmp_wait: 0.ms }")
        .replace("all.add(ping);", "all.add(ping); if ping.seq == 1 { sleep(1500.ms); }");
    let session = Session::of(&script);
    assert_eq!(session.kinds(), [(1, "reply"), (2, "reply"), (3, "reply")]);
    assert_eq!((session.count("timed_out"), session.count("late")), (0, 0));
    for (_, _, rtt, ..) in &session.pings {
        assert!(rtt.expect("a reply") < 1000.0, "the script's own time is in it\n{}", session.run.stdout);
    }
}

#[test]
fn a_reply_of_the_servers_own_is_shown_and_is_none_unless_asked_for() {
    let server = r#"
        let server = udp::bind("127.0.0.1:0");
        let task = start_thread(|| udp::serve(server, |pkt| "pong"));
        let sock = udp::open(server.addr);
        let seen = [];
    "#;
    let matched = format!(
        r#"{server}
        for ping in pinger(sock, server.addr, #{{ count: 2, interval: 0.s, timeout: 300.ms, icmp_wait: 0.s, strays: true }}) {{ seen.push(`${{ping}}`); }}
        let shown = `reply from ${{server.addr}} that does not repeat the message: "pong"`;
        expect(seen.filter(|line| line == shown).len, 2, `${{seen}}`);
        expect([sock.counts.timed_out, sock.counts.unmatched, sock.counts.corrupt, sock.counts.replied], [2, 2, 0, 0]);
        exit(0);
    "#
    );
    pingscript(&["-e", &matched]).run().expect_code(0);
    let any = format!(
        r#"{server}
        for ping in pinger(sock, server.addr, #{{ count: 3, interval: 0.s, timeout: 60.s, seq_of: |reply| reply.text == "pong" }}) {{
            seen.push([ping.seq, ping.kind, ping.text]);
        }}
        expect(seen, [[1, "reply", "pong"], [2, "reply", "pong"], [3, "reply", "pong"]]);
        task.stop();
    "#
    );
    pingscript(&["-e", &any]).run().expect_code(0);
    let server = UdpPeer::start(LOOPBACK, |ping| ping.reply(b"pong"));
    let addr = server.addr().to_string();
    let run = pingscript(&["udp_ping", "--server", &addr, "--count", "2", "--timeout", "60s", "--any-reply"]).run();
    assert_eq!(run.expect_code(0).stdout.matches(&format!("received from {addr} pong rtt=")).count(), 2);
}

#[test]
fn a_late_reply_that_a_closure_does_not_know_is_late() {
    // The reply to the first comes with that to the second; a third packet replies to nothing that was asked.
    let script = r#"
        let server = udp::bind("127.0.0.1:0");
        let task = start_thread(|| {
            let first = server.recv();
            let second = server.recv();
            for text in ["re a", "re z", "re b"] { second.reply(text); }
        });
        let sock = udp::open(server.addr);
        let first = ping(sock, server.addr, "a", #{ timeout: 100.ms, icmp_wait: 0.s }, |reply| reply.text == "re a");
        let second = ping(sock, server.addr, "b", #{ timeout: 60.s }, |reply| reply.text == "re b");
        expect([first.kind, second.kind, second.text], ["timeout", "reply", "re b"]);
        expect([sock.counts.late, sock.counts.foreign, sock.counts.timed_out], [1, 1, 1]);
    "#;
    pingscript(&["-e", script]).run().expect_code(0);
}

#[test]
fn a_reply_with_another_number_and_one_from_another_address_say_so() {
    // Over TCP framing by lines keeps replies apart.
    let udp = "let server = udp::bind(\"127.0.0.1:0\"); let sock = udp::open(server.addr); let other = udp::bind(\"127.0.0.1:0\");";
    let tcp = "let server = tcp::listen(\"127.0.0.1:0\", #{ framing: \"line\" }); let sock = tcp::connect(server.addr, #{ framing: \"line\" });";
    let each = "let task = start_thread(|| for p in server { REPLY });";
    let each_message = "let task = start_thread(|| for conn in server { for p in conn { REPLY } });";
    let cases = [
        (udp, each, "p.reply(p.text + 5)", "unmatched", "seq 1: the reply from SERVER has number 15 instead of 1"),
        (
            udp,
            each,
            "server.send_to(\"PING 300 x\", p.from)",
            "unmatched",
            "seq 1: the reply from SERVER has number 300 instead of 1",
        ),
        (
            tcp,
            each_message,
            "p.reply(p.text + 5)",
            "unmatched",
            "seq 1: the reply from SERVER has number 15 instead of 1",
        ),
        (
            tcp,
            each_message,
            "conn.send(\"ping 15\")",
            "unmatched",
            "seq 1: the reply from SERVER has number 15 instead of 1",
        ),
        (udp, each, "other.send_to(p.text, p.from)", "foreign", "seq 1: the reply came from OTHER, not from SERVER"),
    ];
    for (ends, task, reply, count, words) in cases {
        let task = task.replace("REPLY", &format!("{reply};"));
        let ping =
            if ends == udp { "sock.ping(server.addr, \"ping 1\", 150.ms)" } else { "sock.ping(\"ping 1\", 150.ms)" };
        let other = if ends == udp { "other.addr" } else { "()" };
        let script = format!(
            "{ends} {task} let ping = {ping}; print(ping); print(server.addr); print({other});
             expect([ping.kind, sock.counts.{count}, sock.counts.timed_out], [\"timeout\", 1, 1]); task.stop();"
        );
        let run = pingscript(&["-e", &script]).run();
        assert_eq!(run.code, Some(1), "{reply}\n{}", run.stderr);
        let lines: Vec<&str> = run.stdout.lines().collect();
        assert_eq!(lines[0], words.replace("SERVER", lines[1]).replace("OTHER", lines[2]), "{reply}");
        let cause = match words.contains("number") {
            true => "(number 15): the reply has another number"
                .replace("15", if words.contains("300") { "300" } else { "15" }),
            false => format!(": the reply came from another address, {}", lines[2]),
        };
        let cause = if words.contains("number") { format!("seq 1 {cause}") } else { format!("seq 1{cause}") };
        assert!(run.stdout.contains(&format!("\n  {cause}\n  0 unexplained")), "{reply}\n{}", run.stdout);
    }
}

#[test]
fn a_ping_and_the_causes_of_losses_say_what_came_in_place_of_the_reply() {
    for (reply, words) in [
        ("\"echo: \" + p.text", "did not repeat the message"),
        ("\"PONG 1 x\"", "came corrupt"),
        ("p.text + \"!\"", "came corrupt"),
        ("\"ping\"", "came truncated"),
        ("{ sleep(150.ms); p.text }", "came too late"),
    ] {
        let script = format!(
            "let server = udp::bind(\"127.0.0.1:0\");
             let task = start_thread(|| {{ for p in server {{ p.reply({reply}); }} }});
             let sock = udp::open(server.addr);
             let ping = sock.ping(server.addr, \"ping 1 x\", 100.ms);
             expect(`${{ping}}`, `seq 1: the reply from ${{server.addr}} {words}`);
             task.stop();"
        );
        let run = pingscript(&["-e", &script]).run();
        assert_eq!(run.code, Some(1), "{words}\n{}", run.stderr);
        assert!(run.stdout.ends_with(&format!("seq 1: the reply {words}\n  0 unexplained\n")), "{}", run.stdout);
    }
}

/// What a script prints on the simulated network.
pub(super) fn run_simulated(text: &str) -> String {
    pingscript(&["--simulate", "--seed", "1", "-e", text]).run().stdout
}

#[test]
fn a_lost_ping_costs_later_ones_no_reply_where_replies_say_nothing() {
    // Pings wait for an ICMP error beyond their time-out: replies are to those that are in time.
    let run = run_simulated(
        "let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\"); let link = net.link(a, b, #{ delay: 1.ms });
         set_policy(link.from(a), |pkt| if pkt.number == 3 { drop() } else { pass() });
         let sock = run_in(b, || udp::bind(\"*:7000\"));
         start_thread(|| for pkt in sock { pkt.reply(\"ok\"); });
         let plan = #{ count: 8, interval: 150.ms, timeout: 100.ms, seq_of: |reply| true };
         run_in(a, || for ping in pinger(udp::open(\"b:7000\"), \"b:7000\", plan) { });
         exit(0)",
    );
    assert!(run.starts_with("Lost 1 of 8 pings: "), "{run}");
    assert!(run.contains("\n  seq 3: dropped by -e:2 on a-b from a\n  0 unexplained\n"), "{run}");
}

#[test]
fn a_reply_to_a_later_ping_that_says_the_same_is_no_late_one() {
    let run = run_simulated(
        "let server = udp::bind(\"127.0.0.1:0\");
         start_thread(|| { let count = 0; for pkt in server { count += 1; if count != 2 { pkt.reply(\"ok\"); } } });
         let sock = udp::open(server.addr);
         for n in 0..5 { ping(sock, server.addr, \"q\", #{ timeout: 50.ms }, |reply| reply.text == \"ok\"); }
         exit(0)",
    );
    assert!(run.contains("\n  seq 2: received at 127.0.0.1:"), "{run}");
    assert!(run.contains(": the script sent no reply from there\n  0 unexplained\n"), "{run}");
}

#[test]
fn a_socket_that_nothing_receives_on_is_one_of_this_process() {
    let run = run_simulated(
        "let busy = udp::bind(\"127.0.0.1:0\");
         let plan = #{ count: 5, interval: 10.ms, timeout: 60.ms };
         for ping in pinger(udp::open(busy.addr), busy.addr, plan) { }
         exit(0)",
    );
    assert!(run.contains("\n  seq 1, 2, 3, 4, 5: not read at 127.0.0.1:"), "{run}");
    assert!(!run.contains("outside of this process"), "{run}");
    // Nor one that was given no time to.
    let run = pingscript(&["--simulate", "scripts/udp_ping.rhai", "--timeout", "0ms"]).run().stdout;
    assert!(run.contains("\nLost 5 of 5 pings: ") && !run.contains("outside of this process"), "{run}");
}

#[test]
fn what_a_closure_is_asked_about_over_tcp_is_not_received_by_the_script() {
    let run = run_simulated(
        "let server = start(\"tcp_multi.rhai\", [\"--listen\", \"127.0.0.1:0\", \"--quiet\", \"--policy\", \"every:n=3\"]);
         let conn = tcp::connect(server.addr, #{ framing: \"line\" });
         let plan = #{ count: 9, interval: 20.ms, timeout: 50.ms, message: \"q\", seq_of: |reply| true };
         for ping in pinger(conn, plan) { }
         exit(0)",
    );
    assert!(run.contains("Lost 3 of 9 pings: "), "{run}");
    assert!(!run.contains("by the script itself"), "{run}");
}

#[test]
fn a_reply_that_names_no_ping_is_one_to_whom_it_was_sent() {
    let run = run_simulated(
        "let server = udp::bind(\"127.0.0.1:0\");
         let task = start_thread(|| { let n = 0; for pkt in server {
             n += 1;
             if n == 2 { pkt.reply(\"PING 1 wrong\"); } else if n == 3 { pkt.reply(\"ping \"); } else { pkt.reply(pkt.text); }
         } });
         let plan = #{ count: 4, interval: 10.ms, timeout: 100.ms };
         for ping in pinger(udp::open(server.addr), server.addr, plan) { }
         exit(0)",
    );
    assert!(run.contains("\n  seq 2, 3: received at 127.0.0.1:"), "{run}");
    assert!(run.contains(": the script's reply did not repeat the message\n  0 unexplained\n"), "{run}");
}
