//! What a policy keeps from packet to packet, and policies put in place of each other.

use super::*;

#[test]
fn a_policy_keeps_its_state_and_each_attachment_has_its_own() {
    let dir = TempDir::new();
    dir.write("count.rhai", "let n = 0;\nlet last = #{ text: \"nothing\" };\n|pkt| {\n    n += 1;\n    let before = last.text;\n    last.text = pkt.text;\n    replace(`${n} after ${before}`)\n}\n");
    let code = r#"
        let made = policy("./count.rhai");
        let a = udp::bind("127.0.0.1:0"); let b = udp::bind("127.0.0.1:0"); let c = udp::bind("127.0.0.1:0");
        set_policy(a, made); set_policy(b, made);
        let n = 100;
        set_policy(c, |pkt| { n += 1; replace(`${n}`) });
        n = 7;
        for server in [a, b, c] { start_thread(|| udp::serve(server, udp::echo())); }
        let sock = udp::open(a.addr);
        fn ask(sock, server, text) { sock.send_to(text, server.addr); print(sock.recv(15.s).text); }
        ask(sock, a, "one"); ask(sock, a, "two"); ask(sock, b, "three"); ask(sock, a, "four"); ask(sock, b, "five");
        ask(sock, c, "x"); ask(sock, c, "x");
        set_policy(a, made);
        ask(sock, a, "six");
        print(n);
        for server in [a, b, c] { server.close(); }
    "#;
    let run = pingscript(&["-e", code]).dir(dir.path()).run().expect_code(0);
    let expected = "1 after nothing\n2 after one\n1 after nothing\n3 after two\n2 after three\n101\n102\n\
                    1 after nothing\n7\n";
    assert_eq!(run.stdout, expected, "{}", run.stderr);
}

#[test]
fn a_new_policy_holds_from_the_next_packet_on() {
    for serve in [
        "udp::serve(server, |pkt| pkt.text)",
        "udp::serve(server, udp::echo())",
        "for pkt in server { pkt.reply(pkt.text); }",
    ] {
        let code = format!(
            "let server = udp::bind(\"127.0.0.1:0\"); let addr = server.addr;
             for i in 0..2 {{ start_thread(|| {{ {serve} }}); }}
             let sock = udp::open(addr);
             for turn in 0..30 {{
                 let policy = if turn % 2 == 0 {{ |pkt| replace(\"even\") }} else {{ always(replace(\"odd\")) }};
                 start_thread(|| set_policy(server, policy)).join();
                 sock.send_to(\"x\", addr);
                 expect(sock.recv(15.s).text, if turn % 2 == 0 {{ \"even\" }} else {{ \"odd\" }});
             }}
             server.close();"
        );
        pingscript(&["-e", &code]).run().expect_code(0);
    }
}

#[test]
fn a_policy_changed_under_load_judges_each_packet_once() {
    let code = "let server = udp::bind(\"127.0.0.1:0\"); let addr = server.addr; let on = counter();
         for i in 0..3 { start_thread(|| udp::serve(server, |pkt| pkt.text)); }
         set_policy(server, |pkt| pass());
         let changer = start_thread(|| { while on.value == 0 { set_policy(server, |pkt| pass()); sleep(1.ms); } });
         let sock = udp::open(addr);
         for ping in pinger(sock, addr, #{ count: 2000, interval: 0.ms, window: 16, timeout: 15.s }) { }
         on.add(1); changer.join(); server.close();
         print(sock.counts.replied);";
    let run = pingscript(&["-e", code]).run().expect_code(0);
    assert!(run.stdout.starts_with("2000\n"), "{}", run.stdout);
    let packets = mask_addrs(&run.stderr);
    let packets = packets.lines().filter(|line| line.starts_with("a closure "));
    let packets = packets.filter_map(|line| line.split_once(" at <addr> acted on 0 of "));
    let packets =
        packets.map(|(_, rest)| rest.split(' ').next().and_then(|n| n.parse::<u64>().ok()).expect("a number"));
    assert_eq!(packets.sum::<u64>(), 2000, "{}", run.stderr);
}

#[test]
fn closures_set_in_turn_are_reported_apart() {
    let code =
        "let s = udp::bind(\"127.0.0.1:0\"); start_thread(|| udp::serve(s, udp::echo())); let c = udp::open(s.addr);
         for policy in [|p| pass(),
                        |p| if p.len >= 0 { drop() } else { pass() }] {
             set_policy(s, policy);
             for i in 0..5 { c.ping(s.addr, `ping ${i}`, 300.ms); }
         }
         s.close();";
    let run = pingscript(&["-e", code]).run().expect_code(0);
    let report = mask_addrs(&run.stderr);
    assert!(report.contains("a closure (-e:2:29) at <addr> acted on 0 of 5 packets"), "{report}");
    assert!(report.contains("a closure (-e:3:29) at <addr> acted on 5 of 5 packets (5 dropped)"), "{report}");
}

#[test]
fn a_copy_that_a_closure_changes_is_noted_once() {
    for (what, code) in [
        ("policy", "set_policy(server, |pkt| { n += 1; pass() }); start_thread(|| udp::serve(server, udp::echo()));"),
        ("handler", "start_thread(|| udp::serve(server, |pkt| { n += 1; pkt.text }));"),
    ] {
        let code = format!(
            "let n = 0; let server = udp::bind(\"127.0.0.1:0\"); {code}
             let sock = udp::open(server.addr);
             for seq in 1..=3 {{ sock.ping(server.addr, `ping ${{seq}}`, 15.s); }}
             print(n); exit(0);"
        );
        let run = pingscript(&["-e", &code]).run().expect_code(0);
        assert!(run.stdout.starts_with("0\n"), "{}", run.stdout);
        assert_eq!(run.stderr.matches(&format!("note: `n` was changed in the {what}")).count(), 1, "{}", run.stderr);
        assert!(run.stderr.contains("hint: counter()"), "{}", run.stderr);
    }
}
