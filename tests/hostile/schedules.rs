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
    session.expect(&[("sent", 5), ("replied", 5), ("reordered", 4), ("reorder_extent", 4)]);
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
    for line in ["the closure returned 7, not true or false", "no", "the socket waits for the reply to another ping"] {
        assert!(session.run.stdout.lines().any(|text| text == line), "{line} in\n{}", session.run.stdout);
    }
}

/// A schedule of messages `hello N`, whose replies are `ack N`.
fn own_protocol(server: SocketAddr, options: &str) -> String {
    format!(
        "let server = resolve(\"{server}\"); let sock = udp::open(server); let all = stats();
         let plan = #{{ {options}, sends: true,
             message: |seq| `hello ${{seq}}`,
             seq_of: |reply| if reply.text.starts_with(\"ack \") {{ parse_int(reply.text.sub_string(4)) }} }};
         for ping in pinger(sock, server, plan) {{
             all.add(ping);
             print(`PING ${{ping.seq}} ${{ping.kind}} ${{ping.rtt}}   ${{ping.assumed}}`);
             if ping.kind == \"sent\" {{ expect(ping.text, `hello ${{ping.seq}}`); }}
             if ping.kind == \"reply\" {{ expect(ping.text, `ack ${{ping.seq}}`); }}
         }}
         {ACCOUNT}"
    )
}

#[test]
fn replies_of_an_own_protocol_are_distinguished_as_those_of_pings_are() {
    let server = UdpPeer::start(LOOPBACK, |ping| match ping.data {
        b"hello 1" => [&b"ack 1"[..], b"ack 1"].iter().for_each(|data| ping.reply(data)),
        // The one before was given up.
        b"hello 3" => [&b"ack 2"[..], b"ack 99", b"nak", b"ack 3"].iter().for_each(|data| ping.reply(data)),
        _ => {}
    });
    let plan = "count: 3, interval: 0.ms, timeout: 1.s, icmp_wait: 0.ms";
    let session = Session::of(&own_protocol(server.addr(), plan));
    session.expect(&[
        ("sent", 3),
        ("replied", 2),
        ("timed_out", 1),
        ("late", 1),
        ("duplicate", 1),
        ("foreign", 1),
        ("unmatched", 1),
    ]);
    let ends = [(1, "sent"), (1, "reply"), (2, "sent"), (2, "timeout"), (3, "sent"), (3, "reply")];
    assert_eq!(session.kinds(), ends);
}

#[test]
fn sendings_and_replies_are_reported_in_the_order_in_which_they_happened() {
    // The first is answered once the third has come, and then the others in reverse.
    let mut kept = Vec::new();
    let server = UdpPeer::start(LOOPBACK, move |ping| {
        kept.push(ping.data.to_ascii_lowercase());
        if kept.len() == 3 {
            [0, 2, 1].iter().for_each(|&n: &usize| ping.reply(&[b"ack ", &kept[n][6..]].concat()));
        }
    });
    let session = Session::of(&own_protocol(server.addr(), "count: 3, interval: 20.ms, timeout: 60.s"));
    session.expect(&[("sent", 3), ("replied", 3), ("reordered", 1), ("reorder_extent", 1)]);
    let ends = [(1, "sent"), (2, "sent"), (3, "sent"), (1, "reply"), (3, "reply"), (2, "reply")];
    assert_eq!(session.kinds(), ends);
}

#[test]
fn packets_that_end_no_ping_are_shown_with_their_sender() {
    let stranger = UdpSocket::bind((LOOPBACK, 0)).expect("cannot bind");
    let elsewhere = stranger.local_addr().expect("an address");
    let server = UdpPeer::start(LOOPBACK, move |ping| {
        match number(ping.data) {
            1 => (0..2).for_each(|_| ping.reply_upper()),
            // The one before was given up.
            3 => {
                ping.reply(b"PING 2 and something longer than it was");
                ping.reply(&ping.data[..4]);
                let _ = stranger.send_to(b"PING 3", ping.from);
                ping.reply_upper();
            }
            _ => {}
        }
    });
    let addr = server.addr().to_string();
    let line = ["scripts/udp_ping.rhai", "--server", &addr, "--count", "3", "--timeout", "1s"];
    let run = pingscript(&line).run().expect_code(0);
    let ends = |line: &&str| !line.starts_with("send to") && !line.starts_with("received from");
    let mut lines = run.stdout.lines().filter(ends);
    let mut starts = |start: &str| {
        let line = lines.next().unwrap_or_default();
        assert!(line.starts_with(start), "{line} is not {start} in\n{}", run.stdout);
    };
    starts(&format!("seq 1: duplicate reply from {addr} rtt="));
    starts("Request timed out for the packet 2");
    starts(&format!("seq 2: corrupt reply from {addr} rtt="));
    starts(&format!("truncated packet from {addr}: 4 bytes"));
    starts(&format!("foreign packet from {elsewhere}: 6 bytes"));
    starts("=====");
    for line in ["Duplicate Replies: 1", "Corrupt Replies: 1", "Truncated Replies: 1", "Foreign Packets: 1"] {
        assert!(run.stdout.contains(&format!("{line}\n")), "no {line} in\n{}", run.stdout);
    }
}

#[test]
fn closures_of_a_schedule_that_fail_end_it_and_say_what_they_return() {
    let server = UdpPeer::answering(usize::MAX);
    for (options, error) in [
        ("message: |seq| throw `no ${seq}`", "no 1"),
        ("message: |seq| seq", "the closure `message` returned 1"),
        ("message: |seq| sock.ping(server, \"x\", 1.s)", "the socket waits for the reply to another ping"),
        ("message: 7", "data is needed here, such as a string or a blob, not 7"),
        ("message: \"x\", size: 70_000", "70000 bytes do not fit into a datagram"),
        ("message: \"x\", seq_of: |reply| throw reply.text", "X"),
        ("message: \"x\", seq_of: |reply| 0.5", "the closure `seq_of` returned 0.5"),
        ("seq_of: 7", "option `seq_of` takes a closure"),
        ("count: -1", "option `count` takes a whole number from 0 up, or () for no end"),
    ] {
        let script = format!(
            "let server = resolve(\"{}\"); let sock = udp::open(server);
             try {{ for ping in pinger(sock, server, #{{ interval: 0.ms, timeout: 60.s, {options} }}) {{ print(ping.kind); }} }}
             catch (e) {{ print(if type_of(e) == \"NetError\" {{ e.message }} else {{ e }}); }}",
            server.addr()
        );
        let run = pingscript(&["-e", &script]).run();
        assert!(run.stdout.contains(error), "{options}: no {error} in\n{}\n{}", run.stdout, run.stderr);
    }
}

#[test]
fn the_same_message_each_time_is_matched_by_what_it_says() {
    let server = UdpPeer::answering(usize::MAX);
    let script = in_flight(server.addr(), "#{ count: 3, interval: 0.ms, timeout: 60.s, message: \"hello\", size: 9 }")
        .replace("all.add(ping);", "all.add(ping); expect(ping.data.len, 9);");
    let session = Session::of(&script);
    session.expect(&[("sent", 3), ("replied", 3)]);
    assert_eq!(session.kinds(), [1, 2, 3].map(|seq| (seq, "reply")));
}

#[test]
fn what_is_in_flight_at_an_interrupt_is_pending() {
    let (tell, fifth) = std::sync::mpsc::channel();
    let silent = UdpPeer::start(LOOPBACK, move |ping| {
        if ping.index == 4 {
            let _ = tell.send(());
        }
    });
    let addr = silent.addr().to_string();
    let line = ["scripts/udp_ping.rhai", "--server", &addr, "--count", "5", "--interval", "1ms", "--timeout", "60s"];
    let running = pingscript(&[&line[..], &["-q"]].concat()).start();
    fifth.recv_timeout(Duration::from_secs(20)).expect("the fifth ping did not come");
    running.signal(crate::common::sys::SIGINT);
    let run = running.finish().expect_code(130);
    for line in ["Packets Sent: 5\n", "Packets Received: 0\n", "Packets Pending: 5\n", "Loss Rate: NA\n"] {
        assert!(run.stdout.contains(line), "no {line} in\n{}", run.stdout);
    }
    assert!(!run.stdout.contains("send to"), "{}", run.stdout);
}

#[test]
fn pings_over_a_raw_stream_wait_and_the_slots_that_pass_are_missed_while_framed_ones_overlap() {
    // Both servers never answer the second ping, whose wait takes many intervals.
    let unanswered = |n| if n == 2 { Fate::Silence } else { Fate::Answered };
    let script = |addr: SocketAddr, framing: &str| {
        format!(
            "let conn = tcp::connect(\"{addr}\", #{{ framing: \"{framing}\" }}); let all = stats(); let missed = 0;
             let plan = #{{ count: 4, interval: 1.ms, timeout: 250.ms, icmp_wait: 0.ms, sends: true }};
             for ping in pinger(conn, plan) {{
                 all.add(ping);
                 if ping.kind != \"sent\" {{ print(`${{ping.seq}} ${{ping.kind}}`); continue; }}
                 missed += ping.missed;
                 if ping.seq == 3 {{ print(`third after ${{conn.counts.timed_out}}, ${{ping.missed > 100}}`); }}
             }}
             expect(missed, conn.counts.missed_slots);"
        )
    };
    let run = pingscript(&["-e", &script(tcp::server(unanswered), "raw")]).run().expect_code(0);
    assert_eq!(run.stdout, "1 reply\n2 timeout\nthird after 1, true\n3 reply\n4 reply\n");
    // Its answers end as the pings do.
    let listening = pingscript(&[
        "-e",
        "let listener = tcp::listen(\"127.0.0.1:0\", #{ framing: \"line\" });
         print(`Listening on port ${listener.port}`);
         for conn in listener { tcp::serve(conn, |msg| if msg.text.starts_with(\"ping 2 \") { () } else { msg.text.to_upper() }); }",
    ])
    .start();
    let addr = ([127, 0, 0, 1], listening.bound_port()).into();
    let run = pingscript(&["-e", &script(addr, "line")]).run().expect_code(0);
    let mut lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines.pop(), Some("2 timeout"), "{}", run.stdout);
    lines.retain(|line| !line.starts_with("third"));
    assert_eq!(lines, ["1 reply", "3 reply", "4 reply"], "{}", run.stdout);
}

#[test]
fn a_socket_closed_by_another_thread_ends_the_wait() {
    let silent = UdpPeer::start(LOOPBACK, |_| {});
    for (code, end) in [
        ("sock.ping(server, \"ping 1\", 60.s);", "closed\n"),
        ("for ping in pinger(sock, server, #{ timeout: 60.s, count: 1 }) { print(ping); }", "closed\n"),
        ("sock.recv();", "closed\n"),
        // The one that closes a socket that is looped over wants the loop to end.
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
