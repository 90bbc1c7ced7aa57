//! Loops and waits that a signal cuts short.

use super::*;

/// Every kind of loop that waits ends where the script is stopped, and what stands after it runs, loops included.
#[test]
fn loops_that_wait_end_by_themselves() {
    let server = UdpPeer::start(common::udp::LOOPBACK, |datagram| datagram.reply_upper());
    let addr = server.addr();
    let ping = "n += 1; pings.add(sock.ping(addr, `ping ${n}`, 60.s)); sleep(1.ms);";
    let once = "fn once(sock, addr, pings, n) { pings.add(sock.ping(addr, `ping ${n}`, 60.s)); sleep(1.ms); }";
    for pinging in [
        format!("while true {{ {ping} }}"),
        format!("loop {{ {ping} }}"),
        format!("do {{ {ping} }} while true;"),
        format!("do {{ {ping} }} until false;"),
        format!("for host in list {{ loop {{ {ping} }} }}"),
        format!("while true {{ while n >= 0 {{ {ping} }} }}"),
        format!("while true {{ try {{ {ping} }} catch {{ print(\"caught\"); }} }}"),
        format!("let turn = || {{ {ping} }}; while true {{ turn.call(); }}"),
        format!("loop {{ [1].map(|x| {{ {ping} }}); }}"),
        format!("{once} while true {{ n += 1; once(sock, addr, pings, n); }}"),
        format!(
            "{once} fn all(sock, addr, pings) {{ let n = 0; loop {{ n += 1; once(sock, addr, pings, n); }} }} all(sock, addr, pings);"
        ),
        "for host in list { sleep(50.ms); }".to_string(),
    ] {
        let running = ready(&format!(
            "let sock = udp::open(\"{addr}\"); let addr = \"{addr}\"; let pings = stats(); let n = 0; let list = []; list.pad(1000, 1);
             print(\"ready\"); {pinging}
             for i in 0..2 {{ print(`tail ${{i}}`); }}
             let i = 0; while i < 2 {{ i += 1; print(`more ${{i}}`); }}
             let c = sock.counts; print(c.sent == c.replied + c.pending && c.pending <= 1 && pings.sent == c.sent);"
        ));
        thread::sleep(Duration::from_millis(15));
        let (run, _) = stop(running, SIGNALS[0]);
        assert!(run.stdout.ends_with("pings\ntail 0\ntail 1\nmore 1\nmore 2\ntrue\n"), "{pinging}\n{}", run.stdout);
        assert_eq!(run.stderr.lines().filter(|line| !line.starts_with("rtt clock")).count(), 0, "{}", run.stderr);
    }
}

/// What the rest of the turn makes of a message that did not arrive is no error of the script; what its last lines do is.
#[test]
fn an_error_after_a_wait_that_was_cut_short_is_none_of_the_script() {
    let shout =
        "fn shout(s) { let p = s.recv(); s.send_to(p.text.to_upper(), p.from); } let s = udp::bind(\"127.0.0.1:0\");";
    let quiet = "let l = tcp::listen(\"127.0.0.1:0\"); let c = tcp::connect(l.addr);";
    let tail = "print(\"tail\");";
    for (code, has_tail) in [
        (format!("{shout} print(\"ready\"); while true {{ shout(s); }} {tail}"), true),
        (format!("{shout} print(\"ready\"); for i in 0..3 {{ for j in 0..3 {{ shout(s); }} }} {tail}"), true),
        (format!("{shout} print(\"ready\"); shout(s); {tail}"), false),
        (format!("{shout} print(\"ready\"); start_thread(|| shout(s)).join(); {tail}"), true),
        (format!("{shout} print(\"ready\"); start_thread(|| {{ loop {{ shout(s); }} }}).join(); {tail}"), true),
        (format!("{quiet} print(\"ready\"); loop {{ let m = c.recv(); print(m.text.len + 1); }} {tail}"), true),
        (format!("{quiet} print(\"ready\"); let m = c.recv(); print(m.text.len + 1); {tail}"), false),
    ] {
        let (run, _) = stop(ready(&code), SIGNALS[0]);
        assert_eq!(run.stderr, "", "{code}");
        assert_eq!(run.stdout.ends_with("tail\n"), has_tail, "{code}\n{}", run.stdout);
    }
    let (run, _) = stop(ready(&format!("{shout} print(\"ready\"); while true {{ shout(s); }} shuot(s);")), SIGNALS[0]);
    assert!(run.stderr.contains("error: no function `shuot`"), "{}", run.stderr);
}

/// A loop that prints what it receives does not print what did not arrive.
#[test]
fn what_did_not_arrive_is_not_printed() {
    let udp = "let s = udp::bind(\"127.0.0.1:0\");";
    let tcp = "let l = tcp::listen(\"127.0.0.1:0\"); let s = tcp::connect(l.addr);";
    let queue = "let s = channel();";
    for (made, got, shown) in [
        (udp, "s.recv()", "${p.text}"),
        (udp, "s.recv()", "${p.data}"),
        (udp, "s.recv()", "from ${p.from}"),
        (udp, "s.recv()", "${p}"),
        (tcp, "s.recv()", "${p.text}"),
        (tcp, "s.recv()", "${p.len}"),
        (queue, "s.recv()", "${p}"),
    ] {
        let code = format!("{made} print(\"ready\"); loop {{ let p = {got}; print(`got {shown}`); }} print(\"tail\");");
        let (run, _) = stop(ready(&code), SIGNALS[0]);
        assert!(!run.stdout.contains("got") && run.stdout.ends_with("tail\n"), "{code}\n{}", run.stdout);
    }
    // A script that asks what came gets an answer.
    let code = format!("{udp} print(\"ready\"); loop {{ let p = s.recv(); print(p.kind); }} print(\"tail\");");
    let (run, _) = stop(ready(&code), SIGNALS[0]);
    assert!(run.stdout.ends_with("interrupted\ntail\n"), "{}", run.stdout);
}

/// What a script makes of a wait that was cut short outside of loops is no error of the script, whatever stands between.
#[test]
fn what_did_not_arrive_is_no_error_outside_of_loops() {
    let tcp = "let l = tcp::listen(\"127.0.0.1:0\"); let s = tcp::connect(l.addr); let c = l.accept();";
    let udp = "let s = udp::bind(\"127.0.0.1:0\");";
    for (made, wait) in [
        ("let s = tcp::listen(\"127.0.0.1:0\");", "s.accept()"),
        ("let s = start_thread(|| sleep(60.s));", "s.join()"),
        ("let s = channel();", "s.recv()"),
        (tcp, "s.recv()"),
        (udp, "s.recv()"),
        (&format!("{udp} let o = udp::bind(\"127.0.0.1:0\");"), "s.ping(o.addr, \"x\", 60.s)"),
    ] {
        for use_it in ["for m in x { print(m.text); }", "let n = 0; for i in 0..3 { n += i; } x.send(n);", "x + 1.s;"] {
            let body = format!("let x = {wait}; {use_it}");
            for code in [
                format!("{made} print(\"ready\"); {body}"),
                format!("{made} let t = start_thread(|| {{ {body} }}); sleep(50.ms); print(\"ready\"); t.join();"),
            ] {
                let (run, _) = stop(ready(&code), SIGNALS[0]);
                assert!(!run.stderr.contains("error"), "{code}\n{}", run.stderr);
            }
        }
    }
    // An error of the tail itself is one.
    let code = "print(\"ready\"); loop { sleep(1.s); } for i in 0..3 { i.nothing(); }";
    let (run, _) = stop(ready(code), SIGNALS[0]);
    assert!(run.stderr.contains("error"), "{}", run.stderr);
}

#[test]
fn a_connection_that_was_being_made_is_no_error() {
    if !common::require_lab_or_skip("a host that does not answer") {
        return;
    }
    for code in ["loop { tcp::connect(\"b:9\"); }", "tcp::connect(\"b:9\");"] {
        let code = format!(
            "let net = lab::create(); let a = net.host(\"a\"); net.link(a, net.host(\"b\"), #{{ policy: loss(1.0) }});
             print(\"ready\"); run_in(a, || {{ {code} }});"
        );
        let (run, _) = stop(ready(&code), SIGNALS[0]);
        assert!(!run.stderr.contains("error"), "{}", run.stderr);
    }
}
