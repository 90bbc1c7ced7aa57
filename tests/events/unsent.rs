//! What cannot be sent is not reported as sent.

use super::*;

#[test]
fn a_reply_without_a_route_back_is_counted_traced_and_the_cause_for_certain() {
    if !common::require_lab_or_skip("a host without a route") {
        return;
    }
    // Both ways to reply, and a server whose replies go out in one call.
    for (server, from) in [
        ("for p in s { expect(p.reply(p.text).error.kind, \"unreachable\"); }", "10.0.0.3"),
        ("udp::serve(s, udp::echo())", "10.0.0.3"),
        (
            "for p in s { try { s.send_to(p.text, p.from); } catch (e) { expect(e.kind, \"unreachable\"); } }",
            "10.0.0.3",
        ),
        ("udp::serve(s, |p| p.text)", "[fd00::3]"),
    ] {
        let code = format!(
            "let net = lab::create(); let a = net.host(\"a\"); let r = net.router(\"r\"); let b = net.host(\"b\");
             net.link(a, r); net.link(r, b); let s = run_in(b, || udp::bind(\"{}:11000\"));
             let t = start_thread(|| {{ {server} }}); b.remove_route(\"default\");
             let c = run_in(a, || udp::open(\"{from}:11000\"));
             for i in 1..=2 {{ c.ping(\"{from}:11000\", `ping ${{i}}`, #{{ timeout: 300.ms, icmp_wait: 0.s }}); }}
             print(`counted ${{s.icmp_errors}}`); t.stop();",
            if from.starts_with('[') { "[::]" } else { "*" }
        );
        let run = pingscript(&["--trace", "-e", &code]).run();
        let unsent = run.stderr.lines().filter(|line| line.contains("  unsent   ") && line.contains("b: ")).count();
        assert_eq!(unsent, 2, "{server}\n{}", run.stderr);
        let cause = format!(
            "\n  seq 1, 2: the reply could not be sent at {}:11000: the host has no route back\n  0 unexplained",
            if from.starts_with('[') { "[::]" } else { "0.0.0.0" }
        );
        let counted = if server.contains("send_to") { "counted 0\n" } else { "counted 2\n" };
        assert!(run.stdout.contains(counted), "{server}\n{}", run.stdout);
        assert!(run.stdout.contains(&cause), "{server}\n{}", run.stdout);
    }
}

#[test]
fn what_is_too_large_for_a_datagram_is_not_traced_as_sent() {
    let code = "let s = udp::bind(\"127.0.0.1:0\"); let c = udp::bind(\"127.0.0.1:0\"); c.send_to(\"hello\", s.addr);
        let p = s.recv(5.s); let big = blob(131072);
        p.reply(big); print(`counted ${s.icmp_errors}`);
        for send in [|| s.send_to(big, c.addr), || s.send_to(big, p.from)] {
            try { send.call(); print(\"sent\"); } catch (e) { print(e.kind); } }";
    let run = pingscript(&["--trace", "-e", code]).run().expect_code(0);
    assert_eq!(run.stdout, "counted 1\ntoo-large\ntoo-large\n");
    assert_eq!(run.stderr.matches("  send   ").count(), 1, "{}", run.stderr);
    // What a server replies is no error: a client can make it grow.
    let code =
        "let s = udp::bind(\"127.0.0.1:0\"); let t = start_thread(|| udp::serve(s, |p| p.text.pad(131072, \" \")));
        let c = udp::open(s.addr); c.ping(s.addr, \"ping 1\", 200.ms); print(s.icmp_errors); t.stop();";
    let run = pingscript(&["-e", code]).run();
    assert!(
        run.stdout.contains("it is too large for a datagram or for the way back\n  0 unexplained"),
        "{}",
        run.stdout
    );
}

/// A host whose route back is gone, with a server of `body` on its socket `s`, and two pings to it.
fn without_route_back(body: &str) -> String {
    format!(
        "let net = lab::create(); let a = net.host(\"a\"); let r = net.router(\"r\"); let b = net.host(\"b\");
         net.link(a, r); net.link(r, b); b.remove_route(\"default\");
         let snmp = || b.exec([\"cat\", \"/proc/net/snmp\"], #{{ quiet: true }}).stdout.split(\"\\n\")[1].split(\" \")[12];
         let before = snmp.call();
         {body}
         let c = run_in(a, || udp::open(\"10.0.0.3:11000\"));
         for i in 1..=2 {{ c.ping(\"10.0.0.3:11000\", `ping ${{i}}`, #{{ timeout: 300.ms, icmp_wait: 0.s }}); }}
         t.stop(); print(`tried ${{parse_int(snmp.call()) - parse_int(before)}}`);"
    )
}

#[test]
fn the_shipped_servers_never_say_that_they_sent_what_they_could_not() {
    if !common::require_lab_or_skip("a host without a route") {
        return;
    }
    for server in ["udp_server", "udp_server_plain", "udp_multi"] {
        let start = format!("let t = b.start(\"{server}\", [\"--listen\", \"*:11000\"]);");
        let start = if server == "udp_server" {
            start.replace("\"*:11000\"", "\"*:11000\", \"--policy\", \"loss:p=0\"")
        } else {
            start
        };
        for interpret in [false, true] {
            let run = pingscript(&["-e", &without_route_back(&start)]);
            let run = if interpret { run.env("PINGSCRIPT_INTERPRET", "1") } else { run }.run();
            let said = |text: &str| run.stdout.lines().filter(|line| line.contains(text)).count();
            assert_eq!((said("dropped message: PING"), said(" sent to ")), (2, 0), "{server}\n{}", run.stdout);
            assert!(run.stdout.contains("\ntried 2\n"), "each is sent once: {}", run.stdout);
            let cause = "the reply could not be sent at 0.0.0.0:11000: the host has no route back\n  0 unexplained";
            assert!(run.stdout.contains(cause), "{server}\n{}", run.stdout);
        }
    }
}

#[test]
fn a_reply_that_fails_once_its_verdict_is_carried_out_is_not_sent_whatever_that_is() {
    if !common::require_lab_or_skip("a host without a route") {
        return;
    }
    for verdict in ["delay(50.ms)", "corrupt()", "duplicate(2)", "replace(\"x\")"] {
        let body = format!(
            "let s = run_in(b, || udp::bind(\"*:11000\")); set_policy(s, always({verdict}));
             let t = start_thread(|| for p in s {{ let kind = p.reply(p.text).kind; if kind != \"delay\" {{ expect(kind, \"unsent\"); }} }});"
        );
        let run = pingscript(&["-e", &(without_route_back(&body) + " print(`counted ${s.icmp_errors}`);")]).run();
        let cause =
            "\n  seq 1, 2: the reply could not be sent at 0.0.0.0:11000: the host has no route back\n  0 unexplained";
        assert!(run.stdout.contains(cause), "{verdict}\n{}{}", run.stdout, run.stderr);
        assert!(run.stdout.contains("tried 2\ncounted 2\n"), "{verdict}\n{}", run.stdout);
    }
}

/// Also what the loop counts, and the random numbers that it draws, are those of a turn that knows that nothing was sent.
#[test]
fn compiled_loops_know_what_became_of_a_reply() {
    if !common::require_lab_or_skip("a host without a route") {
        return;
    }
    let body = "let s = run_in(b, || udp::bind(\"*:11000\"));
        let t = start_thread(|| {
            let lost = 0;
            for p in s {
                let verdict = p.reply(p.text);
                if verdict.dropped { lost += 1; if random() > 2.0 { print(\"never\"); } }
                print(`lost ${lost}`);
            }
            print(if random() < 0.5 { \"low\" } else { \"high\" });
        });";
    let said = |interpret: bool| {
        let run = pingscript(&["--seed", "5", "--trace", "-e", &without_route_back(body)]);
        let run = if interpret { run.env("PINGSCRIPT_INTERPRET", "1") } else { run }.run();
        assert_eq!(run.stderr.contains("runs compiled"), !interpret, "{}", run.stderr);
        run.stdout
    };
    let compiled = said(false);
    assert!(compiled.contains("lost 1\n") && compiled.contains("lost 2\n"), "{compiled}");
    assert_eq!(compiled, said(true));
}
