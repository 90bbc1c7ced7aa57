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
        let cause = ": the script sent no reply\n  0 unexplained\n";
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
    assert!(run.stdout.ends_with(": the script sent no reply\n  0 unexplained\n"), "{}", run.stdout);
}

#[test]
fn a_server_that_replies_too_late_has_replied() {
    let code = "let s = udp::bind(\"127.0.0.1:0\");
        let t = start_thread(|| for p in s { if p.text == \"ping 2\" { sleep(600.ms); } s.send_to(p.text, p.from); });
        let c = udp::open(s.addr); for i in 1..=3 { c.ping(s.addr, `ping ${i}`, if i == 2 { 100.ms } else { 5.s }); } t.stop();";
    let run = pingscript(&["-e", code]).run().expect_code(0);
    assert!(run.stdout.ends_with("\n  seq 2: the reply came too late\n  0 unexplained\n"), "{}", run.stdout);
}
