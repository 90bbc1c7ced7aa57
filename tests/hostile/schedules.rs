//! Several pings in flight, answers matched by a closure, and sockets closed under a wait.

use super::*;

#[test]
fn answers_in_reverse_order_are_reordered() {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let server = UdpPeer::start(LOOPBACK, move |ping| {
        kept.push(ping.data.to_ascii_uppercase());
        if kept.len() == 5 {
            kept.drain(..).rev().for_each(|answer| ping.reply(&answer));
        }
    });
    let session = Session::of(&in_flight(server.addr(), "#{ count: 5, interval: 0.ms, window: 5, timeout: 60.s }"));
    session.expect(&[("sent", 5), ("replied", 5), ("reordered", 4)]);
    assert_eq!(session.kinds(), [5, 4, 3, 2, 1].map(|seq| (seq, "reply")));
}

#[test]
fn a_schedule_keeps_its_beat_and_counts_what_it_missed() {
    let server = UdpPeer::answering(5);
    let script = in_flight(server.addr(), "#{ count: 5, interval: 50.ms, timeout: 60.s }")
        .replace("all.add(ping);", "all.add(ping); if ping.seq == 1 { sleep(220.ms); }");
    let session = Session::of(&script);
    assert_eq!((session.count("sent"), session.count("replied")), (5, 5));
    assert!(session.count("missed_slots") >= 3, "{}", session.run.stdout);
}

#[test]
fn a_window_bounds_what_is_in_flight() {
    // The server answers a ping when the next one comes, and the last time-outs end the run: with one in flight at a
    // time no ping is ever answered, with two each but the last is.
    let start = || {
        let mut kept: Option<Vec<u8>> = None;
        UdpPeer::start(LOOPBACK, move |ping| {
            if let Some(answer) = kept.replace(ping.data.to_ascii_uppercase()) {
                ping.reply(&answer);
            }
        })
    };
    let two = start();
    let session =
        Session::of(&in_flight(two.addr(), "#{ count: 4, interval: 0.ms, window: 2, timeout: 1.s, icmp_wait: 0.ms }"));
    session.expect(&[("sent", 4), ("replied", 3), ("timed_out", 1)]);
    let one = start();
    let session = Session::ended(
        &in_flight(one.addr(), "#{ count: 4, interval: 0.ms, window: 1, timeout: 20.ms, icmp_wait: 0.ms }"),
        1,
    );
    session.expect(&[("sent", 4), ("timed_out", 4), ("late", 3)]);
}

// A protocol of the script's own.

#[test]
fn a_closure_matches_the_answers() {
    let server = UdpPeer::start(LOOPBACK, |ping| {
        let stranger = UdpSocket::bind((LOOPBACK, 0)).expect("cannot bind");
        let _ = stranger.send_to(b"ack 7", ping.from);
        ping.reply(b"nak");
        ping.reply(b"\xff\xfe");
        thread::sleep(HELD);
        ping.reply(b"ack 7");
        ping.reply(b"ack 7");
    });
    let script = format!(
        "let sock = udp::open(\"{}\"); let all = stats();
         let ping = ping(sock, \"{0}\", \"hello\", #{{ timeout: 60.s }}, |reply| reply.text == \"ack 7\");
         all.add(ping);
         print(`PING ${{ping.seq}} ${{ping.kind}} ${{ping.rtt}} ${{ping.icmp}} ${{ping.assumed}}`);
         try {{ ping(sock, \"{0}\", \"hello\", #{{ timeout: 60.s }}, |reply| 7); }} catch (e) {{ print(e.message); }}
         try {{ ping(sock, \"{0}\", \"hello\", #{{ timeout: 60.s }}, |reply| throw \"no\"); }} catch (e) {{ print(e); }}
         try {{ ping(sock, \"{0}\", \"hello\", #{{ timeout: 60.s }}, |reply| {{ sock.counts; sock.ping(\"{0}\", \"x\", 1.s); true }}); }}
         catch (e) {{ print(e.message); }}
         {ACCOUNT}",
        server.addr()
    );
    let session = Session::of(&script);
    session.expect_held();
    let counts = ["sent", "replied", "pending"].map(|name| session.count(name));
    assert_eq!(counts, [4, 1, 3], "{}", session.run.stdout);
    assert!(session.count("foreign") >= 3, "{}", session.run.stdout);
    for line in ["the closure returned 7, not true or false", "no", "the socket waits for the answer to another ping"] {
        assert!(session.run.stdout.lines().any(|text| text == line), "{line} in\n{}", session.run.stdout);
    }
}

#[test]
fn a_socket_closed_by_another_thread_ends_the_wait() {
    let silent = UdpPeer::start(LOOPBACK, |_| {});
    for (code, end) in [
        ("sock.ping(server, \"ping 1\", 60.s);", "closed\n"),
        ("for ping in pinger(sock, server, #{ timeout: 60.s, count: 1 }) { print(ping); }", "closed\n"),
        ("sock.recv();", "closed\n"),
        // Whoever closes a socket that is looped over wants the loop to end.
        ("for pkt in sock { print(pkt); }", "no error\n"),
        ("udp::serve(sock, |pkt| ());", "no error\n"),
    ] {
        let script = format!(
            "let server = \"{}\"; let sock = udp::open(server);
             let closer = start_thread(|| {{ sleep(30.ms); sock.close(); }});
             try {{ {code} print(\"no error\"); }} catch (e) {{ print(e.kind); }}",
            silent.addr()
        );
        let run = pingscript(&["-e", &script]).run();
        assert_eq!(run.stdout, end, "{code}");
    }
}

#[test]
fn what_has_come_is_received_however_short_the_wait() {
    let script = "let sock = udp::bind(\"127.0.0.1:0\"); let got = 0;
         for i in 0..10 {
             let sender = start_thread(|| { sleep(5.ms); sock.send_to(\"waited for\", sock.addr); });
             sock.recv(60.s); sender.join();
             sock.send_to(\"here\", sock.addr);
             if sock.recv(0.ms).kind == \"packet\" { got += 1; }
         }
         print(got);";
    assert_eq!(pingscript(&["-e", script]).run().expect_code(0).stdout, "10\n");
}

// Many.

#[test]
fn twenty_thousand_pings_are_accounted_for_exactly() {
    let script = format!(
        "let server = udp::bind(\"127.0.0.1:0\");
         let echo = start_thread(|| {{ for pkt in server {{ pkt.reply(pkt.text.to_upper()); }} }});
         set_policy(server, loss(0.1));
         let sock = udp::open(server.addr); let all = stats();
         for ping in pinger(sock, server.addr,
             #{{ count: 20_000, interval: 0.ms, window: 200, timeout: 200.ms, icmp_wait: 0.ms }}) {{ all.add(ping); }}
         echo.stop(); echo.join();
         {ACCOUNT}"
    );
    let session = Session::of(&script);
    assert_eq!((session.count("sent"), session.count("pending")), (20_000, 0));
    let lost = session.count("timed_out");
    assert!(lost > 1_500, "a tenth is lost\n{}", session.run.stdout);
    assert!(session.run.stdout.ends_with("  0 unexplained\n"), "{}", session.run.stdout);
}

#[test]
fn a_pinger_does_not_hear_of_what_another_left_in_flight() {
    let silent = UdpPeer::start(LOOPBACK, |_| {});
    let answering = UdpPeer::answering(4);
    let script = format!(
        r#"let sock = udp::bind("127.0.0.1:0");
        let silent = "{}"; let peer = "{}";
        let plan = #{{ interval: 1.ms, count: 1, timeout: 2.s, icmp_wait: 0.s }};
        // The first reply ends it, while the pings before are in flight.
        for ping in pinger(sock, [silent, silent, silent, peer], plan) {{ break; }}
        let seen = [];
        plan.timeout = 60.s; plan.count = 3; plan.window = 1;
        for ping in pinger(sock, peer, plan) {{ seen.push(`${{ping.seq}} ${{ping.kind}}`); }}
        expect(seen, ["1 reply", "2 reply", "3 reply"]);
        expect(sock.counts.sent, 7);"#,
        silent.addr(),
        answering.addr()
    );
    pingscript(&["-e", &script]).run().expect_code(0);
}
