//! Losses at servers that drop by not replying, and late.

use super::*;

#[test]
fn a_server_that_drops_by_not_replying_explains_the_losses() {
    let udp = |turn: &str| {
        format!(
            "let s = udp::bind(\"127.0.0.1:0\"); let n = counter(); let t = start_thread(|| {turn});
             let c = udp::open(s.addr); for i in 1..=4 {{ c.ping(s.addr, `ping ${{i}}`, 300.ms); }} t.stop();"
        )
    };
    let is_wanted = "n.add(1) % 2 == 0";
    for turn in [
        &format!("for p in s {{ if {is_wanted} {{ p.reply(p.text); }} }}"),
        &format!("for p in s {{ if {is_wanted} {{ s.send_to(p.text, p.from); }} }}"),
        &format!("loop {{ let p = s.recv(); if {is_wanted} {{ s.send_to(p.text, p.from); }} }}"),
        &format!("udp::serve(s, |p| if {is_wanted} {{ p.text }})"),
        // The core's own loop runs this one.
        "for p in s { if p.text == \"ping 2\" || p.text == \"ping 4\" { p.reply(p.text); } }",
    ] {
        let run = pingscript(&["-e", &udp(turn)]).run().expect_code(0);
        let cause = ": the script sent no reply from there\n  0 unexplained\n";
        assert!(run.stdout.contains("Lost 2 of 4 pings"), "{turn}\n{}", run.stdout);
        assert!(run.stdout.contains("\n  seq 1, 3: received at 127.0.0.1:"), "{turn}\n{}", run.stdout);
        assert!(run.stdout.ends_with(cause), "{turn}\n{}", run.stdout);
    }
    // What does not repeat the ping is none of its replies, but was sent.
    let other = format!("for p in s {{ if {is_wanted} {{ s.send_to(\"echo \" + p.text, p.from); }} }}");
    let run = pingscript(&["-e", &udp(&other)]).run();
    assert!(run.stdout.contains("\n  seq 1, 3: received at 127.0.0.1:"), "{}", run.stdout);
    assert!(
        run.stdout.ends_with("\n  seq 2, 4: the reply did not repeat the message\n  0 unexplained\n"),
        "{}",
        run.stdout
    );
    let tcp = "let l = tcp::listen(\"127.0.0.1:0\");
        let t = start_thread(|| for conn in l { for m in conn { if m.text == \"ping 2\" { conn.send(m.text); }
            if m.text == \"ping 4\" { m.reply(m.text); } } });
        let c = tcp::connect(l.addr); for i in 1..=4 { c.ping(`ping ${i}`, 300.ms); } t.stop();";
    let run = pingscript(&["-e", tcp]).run().expect_code(0);
    assert!(run.stdout.contains("\n  seq 1, 3: received at 127.0.0.1:"), "{}", run.stdout);
    assert!(run.stdout.ends_with(": the script sent no reply from there\n  0 unexplained\n"), "{}", run.stdout);
}

#[test]
fn a_reply_to_several_pings_meets_the_verdict_about_its_own() {
    // All three are received before the first is replied to, with texts of the server's own.
    let udp = |server: &str, send: &str| {
        format!(
            "let s = udp::bind(\"127.0.0.1:0\"); set_policy(s, |p| if p.number == 1 {{ drop() }} else {{ pass() }});
             let t = start_thread(|| {{ {server} }}); let c = udp::open(s.addr);
             let plan = #{{ count: 3, interval: 1.ms, timeout: 400.ms, icmp_wait: 0.s, seq_of: |r| parse_int(r.text.split(\" \")[1]) }};
             let lost = []; for p in pinger(c, s.addr, plan) {{ if p.kind != \"reply\" {{ lost.push(p.seq); }} }}
             print(`lost ${{lost}}`); t.stop();"
        )
        .replace("SEND", send)
    };
    let batch =
        "let got = []; for n in 0..3 { got.push(s.recv()); } for p in got { let n = p.text.split(\" \")[1]; SEND; }";
    for send in ["s.send_to(`re ${n}`, p.from)", "p.reply(`re ${n}`)", "s.send_to(`ping ${n} back`, `${p.from}`)"] {
        let run = pingscript(&["-e", &udp(batch, send)]).run().expect_code(0);
        assert!(run.stdout.starts_with("lost [1]\n"), "{send}\n{}", run.stdout);
        assert!(run.stdout.contains("\n  seq 1: dropped by -e:1\n  0 unexplained\n"), "{send}\n{}", run.stdout);
        assert!(run.stderr.contains(" acted on 1 of 3 packets (1 dropped)"), "{send}\n{}", run.stderr);
    }
    // Where nothing says which is which, one of the replies still meets the verdict, and no more.
    let run = pingscript(&["-e", &udp(batch, "s.send_to(`re ${n}`, `${p.from}`)")]).run().expect_code(0);
    assert!(run.stdout.contains("Lost 1 of 3 pings"), "{}", run.stdout);
    assert!(run.stderr.contains(" acted on 1 of 3 packets (1 dropped)"), "{}", run.stderr);
    let tcp = "let l = tcp::listen(\"127.0.0.1:0\", #{ framing: \"line\" });
        set_policy(l, |p| if p.number == 1 { drop() } else { pass() });
        let t = start_thread(|| { let conn = l.accept(); for n in 0..3 { conn.recv(); } for n in 1..=3 { conn.send(`ping ${n} back`); } });
        let c = tcp::connect(l.addr, #{ framing: \"line\" });
        for n in 1..=3 { c.send(`ping ${n}`); } let got = []; for n in 0..2 { got.push(c.recv(5.s).text); }
        expect(got, [\"ping 2 back\", \"ping 3 back\"]); expect(c.recv(5.s).kind, \"closed\");";
    let run = pingscript(&["-e", tcp]).run().expect_code(0);
    assert!(run.stderr.contains(" acted on 1 of 3 packets (1 dropped)"), "{}", run.stderr);
}

#[test]
fn the_report_never_says_that_a_script_sent_no_reply_when_it_did() {
    let udp = |turn: &str, pings: &str| {
        format!(
            "let s = udp::bind(\"127.0.0.1:0\"); let other = udp::bind(\"127.0.0.1:0\"); let n = counter();
             let t = start_thread(|| for p in s {{ {turn} }}); let c = udp::open(s.addr); {pings}; print(other.addr); t.stop();"
        )
    };
    let once = "c.ping(s.addr, \"ping 1\", 200.ms)";
    // From another socket, with the same text or another; with the number of the ping before, which is late for that.
    for (turn, pings, causes) in [
        ("other.send_to(p.text, p.from);", once, &["seq 1: the reply came from another address, OTHER"][..]),
        ("other.send_to(\"pong\", p.from);", once, &["seq 1: received at SERVER: the script sent no reply from there"]),
        (
            "if n.add(1) == 2 { p.reply(\"ping 1\"); }",
            "for i in 1..=2 { c.ping(s.addr, `ping ${i}`, 200.ms); }",
            &[
                "seq 1: the reply came too late",
                "seq 2: received at SERVER: the script's reply did not repeat the message",
            ],
        ),
    ] {
        let run = pingscript(&["-e", &udp(turn, pings)]).run();
        let other = run.stdout.lines().next().unwrap_or_default();
        let server =
            run.stdout.split("received at ").nth(1).and_then(|rest| rest.split(": ").next()).unwrap_or_default();
        for cause in causes {
            let cause = cause.replace("OTHER", other).replace("SERVER", server);
            assert!(run.stdout.contains(&format!("\n  {cause}\n")), "{cause}\n{}", run.stdout);
        }
        assert!(run.stdout.ends_with("\n  0 unexplained\n"), "{}", run.stdout);
    }
}

#[test]
fn a_server_that_replies_too_late_has_replied() {
    let code = "let s = udp::bind(\"127.0.0.1:0\");
        let t = start_thread(|| for p in s { if p.text == \"ping 2\" { sleep(600.ms); } s.send_to(p.text, p.from); });
        let c = udp::open(s.addr); for i in 1..=3 { c.ping(s.addr, `ping ${i}`, if i == 2 { 100.ms } else { 5.s }); } t.stop();";
    let run = pingscript(&["-e", code]).run().expect_code(0);
    assert!(run.stdout.ends_with("\n  seq 2: the reply came too late\n  0 unexplained\n"), "{}", run.stdout);
}

#[test]
fn an_event_has_one_packet_or_message_however_often_it_is_asked_for() {
    for (make, ping, what) in [
        ("let s = udp::bind(\"127.0.0.1:0\"); let c = udp::open(s.addr);", "c.ping(s.addr, TEXT, 300.ms)", "packet"),
        (
            "let s = tcp::listen(\"127.0.0.1:0\", FRAMED); let c = tcp::connect(s.addr, FRAMED);",
            "c.ping(TEXT, 300.ms)",
            "message",
        ),
    ] {
        let make = make.replace("FRAMED", "#{ framing: \"line\" }");
        let ping = ping.replace("TEXT", "`ping ${i}`");
        let handle = format!("if e.kind == \"{what}\" {{ e.{what}.reply(e.{what}.text); }}");
        for run in [
            format!("handle_events(poll(s), |e| {handle})"),
            format!("for e in poll(s) {{ {handle} }}"),
            format!("loop {{ let e = events.next(); if e.kind == \"interrupted\" {{ break; }} {handle} }}"),
        ] {
            let code = format!(
                "{make} set_policy(s, every(2)); let events = poll([]); {} let t = start_thread(|| {{ {run} }});
                 for i in 1..=4 {{ {ping}; }} t.stop();",
                if run.contains("events.next") { "events.add(s);" } else { "" },
            );
            let run = pingscript(&["-e", &code]).run().expect_code(0);
            let expected = "\n  seq 2, 4: dropped by every(2)\n  0 unexplained\n";
            assert!(run.stdout.ends_with(expected), "{code}\n{}", run.stdout);
        }
    }
}

#[test]
fn a_reply_that_the_script_of_the_pinger_received_is_said_to_have_come() {
    let code =
        "let s = udp::bind(\"127.0.0.1:0\"); let t = start_thread(|| udp::serve(s, |p| { sleep(50.ms); p.text }));
        let c = udp::bind(\"127.0.0.1:0\");
        let plan = #{ count: 4, interval: 300.ms, timeout: 2.s, icmp_wait: 0.s, sends: true };
        for p in pinger(c, s.addr, plan) { if p.kind == \"sent\" && p.seq in [2, 4] { c.recv(2.s); } }
        print(c.addr); t.stop();";
    let run = pingscript(&["-e", code]).run().expect_code(0);
    let own = run.stdout.lines().next().unwrap_or_default();
    let expected = format!(
        "\n  seq 2, 4: the reply was received at {own} by the script itself, not by the pinger\n  0 unexplained\n"
    );
    assert!(run.stdout.ends_with(&expected), "{}", run.stdout);
}
