//! Policies that are wrong, and those that go wrong in mid-flow.

use super::*;

// What is wrong before a packet comes.

#[test]
fn policies_that_cannot_be_attached() {
    let dir = TempDir::new();
    for (name, text) in [
        ("number.rhai", "5"),
        ("nothing.rhai", "let x = 1;"),
        ("unknown.rhai", "|pkt| foo"),
        ("torn.rhai", "|pkt| if {"),
        ("refuses.rhai", "always(reject(\"port-unreachable\"))"),
        ("nested.rhai", "chain([loss(0.1), every(2, reject(\"admin-prohibited\"))])"),
        ("plain.rhai", "|pkt| pass()"),
        ("verdict.rhai", "drop()"),
    ] {
        dir.write(name, text);
    }
    let options = "  hint: the options are --";
    let given = "the server's policy";
    let cases: Vec<(&str, String)> = vec![
        ("gilbert:q=1", format!("error: --policy gilbert:q=1: unexpected argument '--q' found\n{options}p, --r\n")),
        ("gilbert:p=x", format!("error: --policy gilbert:p=x: invalid value 'x' for '--p <X>': it is not a number\n{options}p, --r\n")),
        ("gilbert:p=2", format!("error: --policy gilbert:p=2: invalid value '2' for '--p <X>': it must be at most 1\n{options}p, --r\n")),
        ("loss:p=1.5", format!("error: --policy loss:p=1.5: invalid value '1.5' for '--p <X>': it must be at most 1\n{options}p\n")),
        ("loss:p=-0.1", format!("error: --policy loss:p=-0.1: invalid value '-0.1' for '--p <X>': it must be at least 0\n{options}p\n")),
        ("corrupt:p=7", format!("error: --policy corrupt:p=7: invalid value '7' for '--p <X>': it must be at most 1\n{options}p\n")),
        ("duplicate:times=101", format!("error: --policy duplicate:times=101: invalid value '101' for '--times <N>': it must be at most 100\n{options}p, --times\n")),
        ("every:n=0", format!("error: --policy every:n=0: invalid value '0' for '--n <N>': it must be at least 1\n{options}n\n")),
        ("delay:by=5", format!("error: --policy delay:by=5: invalid value '5' for '--by <TIME>': it is not a duration: write a number and a unit, such as 1s, 250ms or 50us\n{options}by, --jitter\n")),
        ("pattern:bits=12", "error: --policy pattern:bits=12: \"12\" is no pattern\n  hint: write 1 for a packet that passes and 0 for one that does not, such as \"1101\"\n".to_string()),
        ("pattern:bits=", "error: --policy pattern:bits=: \"\" is no pattern\n  hint: write 1 for a packet that passes and 0 for one that does not, such as \"1101\"\n".to_string()),
        ("./number.rhai", "error: --policy ./number.rhai: its value is 5, not a policy\n  hint: end the file with a closure, |pkt| …, without a semicolon\n".to_string()),
        ("./nothing.rhai", "error: --policy ./nothing.rhai: its value is nothing, not a policy\n  hint: end the file with a closure, |pkt| …, without a semicolon\n".to_string()),
        ("./verdict.rhai", "error: --policy ./verdict.rhai: its value is drop(), not a policy\n  hint: end the file with a closure, |pkt| …, without a semicolon\n".to_string()),
        ("./plain.rhai:p=1", "error: --policy ./plain.rhai:p=1: it has no options, and was given --p=1\n  hint: declare them at its start: const OPT = options([ option(…) ]);\n".to_string()),
        ("./unknown.rhai", "error: no variable `foo` is known here\n  --> ./unknown.rhai:<at>\n  hint: declare it first: let foo = …;\n".to_string()),
        ("./refuses.rhai", format!("error: policy: reject(\"port-unreachable\") has no meaning in a server: only a host's ingress or a link can send an ICMP error\n  --> {given}\n  hint: use drop() to stay silent\n")),
        ("./nested.rhai", format!("error: policy: reject(\"admin-prohibited\") has no meaning in a server: only a host's ingress or a link can send an ICMP error\n  --> {given}\n  hint: use drop() to stay silent\n")),
    ];
    for (policy, expected) in cases {
        for script in ["udp_server", "udp_server_plain", "udp_multi"] {
            // What the command line says of a policy is a matter of usage; what is wrong in a file of the user's is not.
            let code = if expected.starts_with("error: --policy ") { 2 } else { 3 };
            let run = start(&dir, script, &["--policy", policy]).finish().expect_code(code);
            let message = reported(&run.stderr).replace(&format!("scripts/{script}.rhai:<at>"), given);
            assert_text(&format!("{script} --policy {policy}"), &expected, &message);
        }
    }
    // No name of a policy, or not of the form: reported as a wrong command line.
    for (policy, expected) in [
        ("gilbret", "there is no such policy; did you mean `gilbert`?"),
        ("gilbret:p=0.1", "there is no such policy; did you mean `gilbert`?"),
        ("./missing.rhai", "there is no such policy; give a file"),
        ("no/such/directory.rhai", "there is no such policy; give a file"),
        (
            "loss:p",
            "\"p\" in \"loss:p\" is not key=value; write name:key=value,key=value, such as gilbert:p=0.05,r=0.3",
        ),
    ] {
        let run = start(&dir, "udp_server", &["--policy", policy]).finish().expect_code(2);
        assert!(run.stderr.contains(expected), "{policy}: {}", run.stderr);
    }
    // Worded by the parser.
    let run = start(&dir, "udp_server", &["--policy", "./torn.rhai"]).finish().expect_code(3);
    assert!(run.stderr.contains("  --> ./torn.rhai:1:"), "{}", run.stderr);
}

// What goes wrong in mid-flow.

/// Policies that fail on every second packet of four, or on all, and what is reported once.
const FAILING: &[(&str, u32, &str)] = &[
    ("|pkt| if pkt.number % 2 == 0 {\n    throw \"boom\"\n} else { pass() }", 2, "error: boom\n  --> ./policy.rhai:2:"),
    (
        "|pkt| if pkt.number % 2 == 0 { 7 } else { pass() }",
        2,
        "error: policy: the policy returned 7, and that is no verdict\n  --> ./policy.rhai:1:",
    ),
    (
        "let x = 1;\n\n|pkt| { x += 1; }",
        4,
        "error: policy: the policy returned nothing, and that is no verdict\n  --> ./policy.rhai:3:",
    ),
    (
        "|pkt| reject(\"port-unreachable\")",
        4,
        "error: policy: reject(\"port-unreachable\") has no meaning in a server: only a host's ingress or a link can send an ICMP error\n  --> ./policy.rhai:1:",
    ),
    (
        "let n = 0;\n|pkt| {\n    n += 1;\n    exit(4);\n    pass()\n}",
        4,
        "error: policy: exit() and a failing expect() are not allowed in a policy\n  --> ./policy.rhai:2:",
    ),
    (
        "|pkt| if pkt.number % 2 == 0 { pkt.txet } else { pass() }",
        2,
        "error: a Packet has no property `txet`\n  --> ./policy.rhai:1:",
    ),
    (
        "chain([loss(0.0), |pkt| if pkt.number % 2 == 0 { throw \"boom\" } else { pass() }])",
        2,
        "error: boom\n  --> ./policy.rhai:1:",
    ),
];

#[test]
fn a_policy_that_fails_is_reported_once_and_counted_and_the_packet_passes() {
    let dir = TempDir::new();
    for (policy, failed, expected) in FAILING {
        dir.write("policy.rhai", policy);
        for script in ["udp_server", "udp_server_plain", "udp_multi"] {
            let server = start(&dir, script, &["--quiet", "--policy", "./policy.rhai"]);
            answered(policy, server.bound_port(), "a b c d", "A B C D");
            let run = server.stop().expect_code(143);
            let reported = run.stderr.matches("in the policy (packets on which it fails are let through):\n").count();
            assert_eq!(reported, 1, "{script} {policy}\n{}", run.stderr);
            assert!(run.stderr.contains(expected), "{script} {policy}\n{}", run.stderr);
            let count =
                format!(" acted on 0 of 4 packets: 0.0% (95%: 0.0% to 49.0%); it failed on {failed}, which passed\n");
            assert!(run.stderr.contains(&count), "{script} {policy}\n{}", run.stderr);
        }
    }
}

#[test]
fn an_expect_that_fails_in_a_policy_is_reported_once() {
    let dir = TempDir::new();
    dir.write("policy.rhai", "|pkt| { expect(pkt.number, 1); pass() }");
    let server = start(&dir, "udp_server", &["--quiet", "--policy", "./policy.rhai"]);
    answered("expect", server.bound_port(), "a b c d", "A B C D");
    let run = server.stop();
    let reported = "not as expected (./policy.rhai:1)\n  expected: 1\n    actual: 2\nin the policy (packets on which it fails are let through):\n";
    assert_eq!(
        (run.stderr.matches("not as expected").count(), run.stderr.matches(reported).count()),
        (1, 1),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("; it failed on 3, which passed\n"), "{}", run.stderr);
}

#[test]
fn a_loss_is_put_down_to_the_verdict_it_came_from() {
    for (policy, text, expected) in [
        ("|pkt| corrupt()", "`0123 ${i}`", "seq 1, 2, 3: corrupted by -e:2\n  0 unexplained\n"),
        ("always(replace(\"x\"))", "`hello`", "seq 1, 2, 3: replaced by always(replace(1 byte))\n  0 unexplained\n"),
        ("|pkt| delay(400.ms)", "`ping ${i} x`", "seq 1, 2, 3: delayed 400ms by -e:2\n  0 unexplained\n"),
        ("first(1)", "`hello`", "seq 1: dropped by first(1)\n  0 unexplained\n"),
        ("chain([])", "`hello`", "Lost 0 of 3 pings: 0.0% (95%: 0.0% to 56.1%)\n  0 unexplained\n"),
    ] {
        let code = format!(
            "let server = udp::bind(\"127.0.0.1:0\"); let addr = server.addr;
             set_policy(server, {policy}); start_thread(|| udp::serve(server, |pkt| pkt.text));
             let sock = udp::open(addr);
             for i in 1..=3 {{ sock.ping(addr, {text}, 300.ms); }}
             server.close();"
        );
        let run = pingscript(&["-e", &code]).run();
        assert!(run.stdout.ends_with(expected), "{policy}: {}{}", run.stdout, run.stderr);
        assert!(!run.stderr.contains("it failed on"), "{policy}: {}", run.stderr);
    }
}

#[test]
fn a_policy_that_a_helper_function_sets_is_named_by_where_it_is_written() {
    let code = "fn attach(server, policy) {\n    set_policy(server, policy);\n}\n\
         let server = udp::bind(\"127.0.0.1:0\"); let addr = server.addr;\n\
         attach(server,\n    |pkt| 5);\n\
         start_thread(|| udp::serve(server, udp::upper()));\n\
         expect(udp::open(addr).ping(addr, \"ping 1\", 15.s).kind, \"reply\");\n\
         server.close();";
    let run = pingscript(&["-e", code]).run().expect_code(3);
    let expected = "error: policy: the policy returned 5, and that is no verdict\n  --> -e:6:11\n";
    assert!(run.stderr.contains(expected), "{}", run.stderr);
}

#[test]
fn a_run_whose_policy_failed_ends_with_an_error() {
    let code = "let server = udp::bind(\"127.0.0.1:0\"); let addr = server.addr;
         set_policy(server, |pkt| { throw \"boom\" });
         start_thread(|| udp::serve(server, udp::upper()));
         expect(udp::open(addr).ping(addr, \"ping 1\", 15.s).kind, \"reply\");
         server.close();";
    let run = pingscript(&["-e", code]).run().expect_code(3);
    assert!(run.stderr.contains("error: boom\n  --> -e:2:"), "{}", run.stderr);
}

#[test]
fn a_policy_that_loops_for_ever_is_ended_by_an_interrupt() {
    let dir = TempDir::new();
    dir.write("policy.rhai", "|pkt| { loop {} }");
    for script in ["udp_server", "udp_multi"] {
        let server = start(&dir, script, &["--quiet", "--policy", "./policy.rhai"]);
        let (to, client) = (loopback(server.bound_port()), socket());
        for _ in 0..3 {
            client.send_to(b"x", to).expect("cannot send");
        }
        // It is in the loop soon; whether or not, it has to end.
        std::thread::sleep(Duration::from_millis(50));
        let asked = Instant::now();
        let run = server.stop().expect_code(143);
        assert!(asked.elapsed() < Duration::from_secs(5), "{script}: {:?}", asked.elapsed());
        assert!(!run.stderr.contains("error"), "{script}: {}", run.stderr);
    }
}

/// The lines of a message without excerpts, columns and calls.
fn reported(stderr: &str) -> String {
    let mut text = String::new();
    for line in stderr.lines() {
        if line.starts_with("  --> ") {
            let mut parts = line.rsplitn(3, ':');
            let place = parts.nth(2).unwrap_or(line);
            let _ = writeln!(text, "{place}:<at>");
        } else if line.starts_with("error:") || line.starts_with("  hint:") {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

#[test]
fn a_policy_that_never_ends_is_reported_with_its_place() {
    let dir = TempDir::new();
    dir.write("endless.rhai", "|pkt| {\n    if pkt.text == \"bad\" { loop {} }\n    pass()\n}");
    let running = start(&dir, "udp_server", &["--policy", "./endless.rhai"]);
    let to = loopback(running.bound_port());
    let client = socket();
    assert_eq!(ask(&client, to, b"good"), b"GOOD");
    client.send_to(b"bad", to).expect("cannot send");
    let reported = "a policy (./endless.rhai:1) has been deciding about one packet for more than a second";
    let by = Instant::now() + Duration::from_secs(30);
    while !running.stderr().contains(reported) && Instant::now() < by {
        std::thread::sleep(Duration::from_millis(20));
    }
    let run = running.stop();
    assert_eq!(run.stderr.matches(reported).count(), 1, "{}", run.stderr);
}
