//! Policies at work in servers: each verdict, native policies and files, same seed and same run, and what becomes of policies
//! that are wrong.

mod common;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use common::golden::assert_text;
use common::mask::mask_addrs;
use common::{Running, TempDir, pingscript};

/// Never over within a test.
const LONG: Duration = Duration::from_secs(15);

// Same seed, same run.

#[test]
fn the_same_seed_drops_the_same_packets_of_each_flow_with_any_number_of_threads() {
    let dir = TempDir::new();
    for (name, text) in [
        ("loss.rhai", "loss(0.3)"),
        ("gilbert.rhai", "gilbert(0.1, 0.3)"),
        ("closure.rhai", "|pkt| if random() < 0.3 { drop() } else { pass() }"),
    ] {
        dir.write(name, text);
    }
    for policy in ["loss:p=0.3", "gilbert:p=0.1,r=0.3", "./loss.rhai", "./gilbert.rhai", "./closure.rhai"] {
        let one = dropped(&dir, policy, "5", "1");
        assert!(one.iter().all(|flow| (1..FLOW).contains(&flow.len())), "{policy}: {one:?}");
        assert!(one[0] != one[1] && one[1] != one[2], "{policy}: flows have draws of their own: {one:?}");
        assert_eq!(one, dropped(&dir, policy, "5", "4"), "{policy}: four threads");
        assert_eq!(one, dropped(&dir, policy, "5", "4"), "{policy}: four threads again");
        assert_ne!(one, dropped(&dir, policy, "6", "4"), "{policy}: another seed");
    }
}

#[test]
fn rows_of_verdicts_are_the_same_with_the_same_seed() {
    let [one, four, other] = [(5, 1), (5, 4), (6, 4)].map(|(seed, threads)| {
        let code = format!(
            "let server = udp::bind(\"127.0.0.1:0\"); let addr = server.addr;
             set_policy(server, chain([loss(0.2), |pkt| if random() < 0.2 {{ drop() }} else {{ pass() }}]));
             for i in 0..{threads} {{ start_thread(|| udp::serve(server, |pkt| pkt.text)); }}
             let clients = [];
             for flow in 0..3 {{
                 let sock = udp::open(addr);
                 sock.send_to(\"first\", addr);
                 clients.push(start_thread(|| {{
                     for ping in pinger(sock, addr, #{{ count: 40, interval: 0.ms, timeout: 20.ms, icmp_wait: 0.s }}) {{ }}
                 }}));
             }}
             for client in clients {{ client.join(); }}
             server.close();"
        );
        let run = pingscript(&["--seed", &seed.to_string(), "--json", "-", "-e", &code]).run();
        let mut rows: Vec<(u64, u64, String, String)> = Vec::new();
        for line in run.stdout.lines() {
            let row: serde_json::Value = serde_json::from_str(line).expect("a row");
            if row["type"] == "verdict" {
                let number = |field: &str| row[field].as_u64().expect("a number");
                rows.push((number("flow"), number("number"), row["verdict"].to_string(), row["draws"].to_string()));
            }
        }
        rows.sort();
        assert_eq!(rows.len(), 3 * 41, "{}", run.stderr);
        rows
    });
    assert_eq!(one, four);
    assert_ne!(one, other);
}

// Verdicts.

/// Policies as a file holds them, what is asked of one flow, and what is answered; the last request always is.
const VERDICTS: &[(&str, &str, &str)] = &[
    ("|pkt| pass()", "a b c", "A B C"),
    ("|pkt| if pkt.text == \"b\" { drop() } else { pass() }", "a b c", "A C"),
    ("|pkt| if pkt.text == \"b\" { duplicate(3) } else { pass() }", "a b c", "A B B B C"),
    ("|pkt| duplicate(1)", "a b", "A B"),
    ("|pkt| if pkt.text == \"b\" { replace(\"no\") } else { pass() }", "a b c", "A no C"),
    ("|pkt| if pkt.text == \"b\" { replace(blob(2, 120)) } else { pass() }", "a b c", "A xx C"),
    ("|pkt| delay(0.ms)", "a b", "A B"),
    ("loss(0)", "a b", "A B"),
    ("chain([first(2), loss(0.0)])", "a b c", "C"),
    ("every(3)", "a b c d e f g", "A B D E G"),
    ("every(2, replace(\"no\"))", "a b c d e", "A no C no E"),
    ("first(2)", "a b c d", "C D"),
    ("first(2, duplicate(2))", "a b c", "A A B B C"),
    ("pattern(\"1101\")", "a b c d e f g h", "A B D E F H"),
    ("pattern(\"01\", replace(\"no\"))", "a b c d", "no B no D"),
    ("always(duplicate(2))", "a b", "A A B B"),
    ("chance(1.0, replace(\"no\"))", "a b", "no no"),
    ("chance(1, replace(\"no\"))", "a b", "no no"),
    ("gilbert(0, 1)", "a b", "A B"),
    ("gilbert(0, 0.5)", "a b", "A B"),
    ("chain([first(3, pass()), gilbert(#{ p: 1, r: 1, good: 0, bad: 0 })])", "a b c", "A B C"),
    (
        "chain([first(1), every(3, replace(\"third\")), |pkt| if pkt.number == 2 { duplicate(2) } else { pass() }])",
        "a b c d",
        "B B third D",
    ),
    ("chain([])", "a b", "A B"),
    ("policy(\"every:n=2\")", "a b c", "A C"),
    ("chain([policy(\"first:n=1\"), policy(\"every\", #{ n: 3 })])", "a b c d", "B D"),
    // The files that ship.
    ("policy(\"loss:p=0\")", "a b", "A B"),
    ("policy(\"gilbert:p=0\")", "a b", "A B"),
    ("policy(\"first:n=1\")", "a b c", "B C"),
    ("policy(\"pattern:bits=101\")", "a b c d e f", "A C D F"),
    ("policy(\"duplicate:p=1,times=2\")", "a b", "A A B B"),
    ("policy(\"delay:by=0ms\")", "a b", "A B"),
    ("policy(\"corrupt:p=0\")", "a b", "A B"),
];

#[test]
fn each_verdict_reaches_the_answers_of_a_server() {
    let dir = TempDir::new();
    for (policy, asked, answers) in VERDICTS {
        dir.write("policy.rhai", policy);
        let server = start(&dir, "udp_server", &["--quiet", "--policy", "./policy.rhai"]);
        answered(policy, server.bound_port(), asked, answers);
    }
}

#[test]
fn each_verdict_reaches_the_answers_of_the_native_loops() {
    let [mut closures, mut echoes] = [String::new(), String::new()];
    for (index, (policy, ..)) in VERDICTS.iter().enumerate() {
        for (loops, answer) in [(&mut closures, "|pkt| pkt.text.to_upper()"), (&mut echoes, "udp::upper()")] {
            let _ = write!(
                loops,
                "let s{index} = udp::bind(\"127.0.0.1:0\"); set_policy(s{index}, {policy}); print(s{index}.port);
                 start_thread(|| udp::serve(s{index}, {answer}));\n"
            );
        }
    }
    for code in [closures, echoes] {
        let running = pingscript(&["-e", &code]).start();
        let ports = running.wait_lines(VERDICTS.len());
        for ((policy, asked, answers), port) in VERDICTS.iter().zip(ports.lines()) {
            answered(policy, port.parse().expect("a port"), asked, answers);
        }
    }
}

#[test]
fn flows_are_counted_apart() {
    let dir = TempDir::new();
    for policy in ["every:n=3", "first:n=2", "pattern:bits=001"] {
        let server = start(&dir, "udp_multi", &["--quiet", "--threads", "1", "--policy", policy]);
        let to = loopback(server.bound_port());
        let flows = [(); 3].map(|()| socket());
        for n in 1..=6 {
            for flow in &flows {
                flow.send_to(format!("{n}").as_bytes(), to).expect("cannot send");
            }
        }
        let answers: &[&str] = match policy {
            "every:n=3" => &["1", "2", "4", "5"],
            "first:n=2" => &["3", "4", "5", "6"],
            _ => &["3", "6"],
        };
        for flow in &flows {
            for answer in answers {
                assert_eq!(receive(flow), answer.as_bytes(), "{policy}");
            }
        }
    }
}

#[test]
fn a_corrupt_answer_differs_in_one_bit() {
    let dir = TempDir::new();
    dir.write("corrupt.rhai", "always(corrupt())");
    for policy in ["corrupt:p=1", "./corrupt.rhai"] {
        let server = start(&dir, "udp_server", &["--quiet", "--policy", policy]);
        let to = loopback(server.bound_port());
        let client = socket();
        let mut bits = std::collections::BTreeSet::new();
        for _ in 0..20 {
            let answer = ask(&client, to, b"SOME TEXT OF ANY KIND");
            assert_eq!(answer.len(), 21);
            let changed: Vec<usize> = (0..answer.len() * 8)
                .filter(|bit| (answer[bit / 8] ^ b"SOME TEXT OF ANY KIND"[bit / 8]) >> (bit % 8) & 1 == 1)
                .collect();
            assert_eq!(changed.len(), 1, "{policy}: {changed:?}");
            bits.extend(changed);
        }
        assert!(bits.len() > 5, "{policy}: always the same bits: {bits:?}");
        assert_eq!(ask(&client, to, b""), b"", "nothing to be damaged");
    }
}

#[test]
fn a_delay_holds_up_nobody_else() {
    let dir = TempDir::new();
    dir.write("slow.rhai", "|pkt| if pkt.text == \"slow\" { delay(1500.ms) } else { pass() }");
    for script in ["udp_server", "udp_server_plain", "udp_multi"] {
        let server = start(&dir, script, &["--quiet", "--policy", "./slow.rhai"]);
        let to = loopback(server.bound_port());
        let (slow, quick) = (socket(), socket());
        let sent = Instant::now();
        slow.send_to(b"slow", to).expect("cannot send");
        for _ in 0..5 {
            assert_eq!(ask(&quick, to, b"quick"), b"QUICK");
        }
        slow.set_nonblocking(true).expect("it can");
        let early = slow.recv(&mut [0; 9]).is_ok();
        slow.set_nonblocking(false).expect("it can");
        assert!(!early || sent.elapsed() > Duration::from_millis(1500), "{script}: the delay was none");
        assert!(early || receive(&slow) == b"SLOW");
        assert!(sent.elapsed() >= Duration::from_millis(1500), "{script}: too early");
    }
}

#[test]
fn what_is_delayed_longer_comes_later() {
    let dir = TempDir::new();
    dir.write("later.rhai", "|pkt| delay(400.ms - 150.ms * pkt.number)");
    let server = start(&dir, "udp_server", &["--quiet", "--policy", "./later.rhai"]);
    let (to, client) = (loopback(server.bound_port()), socket());
    // Under one lock or not at all: both are sent before the first is due, or the order says nothing.
    let sent = Instant::now();
    client.send_to(b"one", to).expect("cannot send");
    client.send_to(b"two", to).expect("cannot send");
    let answers = [receive(&client), receive(&client)];
    if sent.elapsed() < Duration::from_millis(350) {
        assert_eq!(answers, [b"TWO".to_vec(), b"ONE".to_vec()]);
    }
    for policy in ["delay:by=3ms,jitter=3ms", "delay:by=1ms"] {
        let server = start(&dir, "udp_server", &["--quiet", "--policy", policy]);
        let to = loopback(server.bound_port());
        (0..10).for_each(|_| assert_eq!(ask(&client, to, b"x"), b"X", "{policy}"));
    }
}

#[test]
fn every_server_takes_a_policy_in_every_form() {
    let dir = TempDir::new();
    let text = "const OPT = options([ option(\"n\", 3, \"drop each of these\") ]);\nlet n = OPT.n;\n\
                |pkt| if pkt.number % n == 0 { drop() } else { pass() }\n";
    let file = dir.write("mine.rhai", text).display().to_string();
    let with = format!("{file}:n=2");
    for script in ["udp_server", "udp_server_plain", "udp_multi"] {
        for policy in ["every", "every:n=2", "./mine.rhai", "mine.rhai:n=2", "./mine.rhai:n=2,", &file, &with] {
            let server = start(&dir, script, &["--policy", policy]);
            let answers = if policy.contains("n=2") { "A C" } else { "A B D" };
            let asked = if policy.contains("n=2") { "a b c" } else { "a b c d" };
            answered(policy, server.bound_port(), asked, answers);
            let seen = server.wait_lines(1 + 2 * asked.split(' ').count());
            assert_eq!(seen.matches("\ndropped message: ").count(), 1, "{script} {policy}\n{seen}");
            assert_eq!(seen.matches("\nsent to ").count(), answers.split(' ').count(), "{script} {policy}\n{seen}");
        }
    }
}

// State.

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
    let judged = mask_addrs(&run.stderr);
    let judged = judged.lines().filter_map(|line| line.strip_prefix("a closure at <addr> chose 0 of "));
    let judged = judged.map(|rest| rest.split(' ').next().and_then(|n| n.parse::<u64>().ok()).expect("a number"));
    assert_eq!(judged.sum::<u64>(), 2000, "{}", run.stderr);
}

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
    let own = |file: &str| format!("scripts/policies/{file}.rhai:<at>");
    let given = "the server's policy";
    let cases: Vec<(&str, String)> = vec![
        ("gilbret", format!("error: read policies/gilbret.rhai: there is no such policy\n  --> {given}\n  hint: did you mean `gilbert`?\n")),
        ("gilbret:p=0.1", format!("error: read policies/gilbret.rhai: there is no such policy\n  --> {given}\n  hint: did you mean `gilbert`?\n")),
        ("gilbert:q=1", format!("error: options scripts/policies/gilbert.rhai: unexpected argument '--q' found\n  --> {}\n{options}p, --r\n", own("gilbert"))),
        ("gilbert:p=x", format!("error: options scripts/policies/gilbert.rhai: invalid value 'x' for '--p <X>': it is not a number\n  --> {}\n{options}p, --r\n", own("gilbert"))),
        ("gilbert:p=2", format!("error: options scripts/policies/gilbert.rhai: invalid value '2' for '--p <X>': it must be at most 1\n  --> {}\n{options}p, --r\n", own("gilbert"))),
        ("loss:p=1.5", format!("error: options scripts/policies/loss.rhai: invalid value '1.5' for '--p <X>': it must be at most 1\n  --> {}\n{options}p\n", own("loss"))),
        ("loss:p=-0.1", format!("error: options scripts/policies/loss.rhai: invalid value '-0.1' for '--p <X>': it must be at least 0\n  --> {}\n{options}p\n", own("loss"))),
        ("corrupt:p=7", format!("error: options scripts/policies/corrupt.rhai: invalid value '7' for '--p <X>': it must be at most 1\n  --> {}\n{options}p\n", own("corrupt"))),
        ("duplicate:times=101", format!("error: options scripts/policies/duplicate.rhai: invalid value '101' for '--times <N>': it must be at most 100\n  --> {}\n{options}p, --times\n", own("duplicate"))),
        ("every:n=0", format!("error: options scripts/policies/every.rhai: invalid value '0' for '--n <N>': it must be at least 1\n  --> {}\n{options}n\n", own("every"))),
        ("delay:by=5", format!("error: options scripts/policies/delay.rhai: invalid value '5' for '--by <TIME>': it is not a duration: write a number and a unit, such as 1s, 250ms or 50us\n  --> {}\n{options}by, --jitter\n", own("delay"))),
        ("pattern:bits=12", format!("error: pattern: \"12\" is no pattern\n  --> {}\n  hint: write 1 for a packet that passes and 0 for one that does not, such as \"1101\"\n", own("pattern"))),
        ("pattern:bits=", format!("error: pattern: \"\" is no pattern\n  --> {}\n  hint: write 1 for a packet that passes and 0 for one that does not, such as \"1101\"\n", own("pattern"))),
        ("loss:p", format!("error: policy: \"p\" in \"loss:p\" is not key=value\n  --> {given}\n  hint: write name:key=value,key=value, such as gilbert:p=0.05,r=0.3\n")),
        ("./number.rhai", format!("error: policy ./number.rhai: its value is 5, not a policy\n  --> {given}\n  hint: end the file with a closure, |pkt| …, without a semicolon\n")),
        ("./nothing.rhai", format!("error: policy ./nothing.rhai: its value is nothing, not a policy\n  --> {given}\n  hint: end the file with a closure, |pkt| …, without a semicolon\n")),
        ("./verdict.rhai", format!("error: policy ./verdict.rhai: its value is drop(), not a policy\n  --> {given}\n  hint: end the file with a closure, |pkt| …, without a semicolon\n")),
        ("./plain.rhai:p=1", format!("error: policy ./plain.rhai: it has no options, and was given --p=1\n  --> {given}\n  hint: declare them at its start: const OPT = options([ option(…) ]);\n")),
        ("./unknown.rhai", "error: no variable `foo` is known here\n  --> ./unknown.rhai:<at>\n  hint: declare it first: let foo = …;\n".to_string()),
        ("./refuses.rhai", format!("error: policy: reject(\"port-unreachable\") has no meaning in a server: only a host's door or a link can send an ICMP error\n  --> {given}\n  hint: use drop() to stay silent\n")),
        ("./nested.rhai", format!("error: policy: reject(\"admin-prohibited\") has no meaning in a server: only a host's door or a link can send an ICMP error\n  --> {given}\n  hint: use drop() to stay silent\n")),
    ];
    for (policy, expected) in cases {
        for script in ["udp_server", "udp_server_plain", "udp_multi"] {
            let run = start(&dir, script, &["--policy", policy]).finish().expect_code(3);
            let message = told(&run.stderr).replace(&format!("scripts/{script}.rhai:<at>"), given);
            assert_text(&format!("{script} --policy {policy}"), &expected, &message);
        }
    }
    // Worded by the parser, or by where it is looked for.
    for (policy, expected) in [
        ("./torn.rhai", "  --> ./torn.rhai:1:"),
        ("./missing.rhai", "error: read ./missing.rhai: there is no such "),
        ("no/such/folder.rhai", "error: read no/such/folder.rhai: there is no such "),
    ] {
        let run = start(&dir, "udp_server", &["--policy", policy]).finish().expect_code(3);
        assert!(run.stderr.contains(expected), "{policy}: {}", run.stderr);
    }
}

// What goes wrong in mid-flow.

/// Policies that fail on every second packet of four, or on all, and what is told once.
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
        "error: policy: reject(\"port-unreachable\") has no meaning in a server: only a host's door or a link can send an ICMP error\n  --> ./policy.rhai:1:",
    ),
    (
        "let n = 0;\n|pkt| {\n    n += 1;\n    exit(4);\n    pass()\n}",
        4,
        "error: policy: a policy decides about packets and cannot end the script, by exit() or an expect() that fails\n  --> ./policy.rhai:2:",
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
fn a_policy_that_fails_is_told_once_and_counted_and_the_packet_passes() {
    let dir = TempDir::new();
    for (policy, failed, expected) in FAILING {
        dir.write("policy.rhai", policy);
        for script in ["udp_server", "udp_server_plain", "udp_multi"] {
            let server = start(&dir, script, &["--quiet", "--policy", "./policy.rhai"]);
            answered(policy, server.bound_port(), "a b c d", "A B C D");
            let run = server.stop().expect_code(143);
            let told = run.stderr.matches("in the policy (packets it fails on pass):\n").count();
            assert_eq!(told, 1, "{script} {policy}\n{}", run.stderr);
            assert!(run.stderr.contains(expected), "{script} {policy}\n{}", run.stderr);
            let count =
                format!(" chose 0 of 4 packets: 0.0% (95%: 0.0% to 49.0%); it failed on {failed}, which passed\n");
            assert!(run.stderr.contains(&count), "{script} {policy}\n{}", run.stderr);
        }
    }
}

#[test]
fn a_loss_is_put_down_to_the_verdict_it_came_from() {
    for (policy, text, expected) in [
        ("|pkt| corrupt()", "`0123 ${i}`", "seq 1, 2, 3: corrupted by -e:2\n  0 unexplained\n"),
        ("always(replace(\"x\"))", "`hello`", "seq 1, 2, 3: replaced by always(replace(1 bytes))\n  0 unexplained\n"),
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

/// How many packets each flow sends.
const FLOW: usize = 60;

/// The numbers of the packets that `udp_multi.rhai` drops of each of three flows that send at once.
fn dropped(dir: &TempDir, policy: &str, seed: &str, threads: &str) -> [Vec<usize>; 3] {
    let args = ["--seed", seed, "udp_multi", "--listen", "127.0.0.1:0", "--threads", threads, "--policy", policy];
    let server = pingscript(&args).dir(dir.path()).start();
    let to = loopback(server.bound_port());
    let flows = [(); 3].map(|()| socket());
    let send = |flow: usize, n: usize| {
        flows[flow].send_to(format!("{flow} {n}").as_bytes(), to).expect("cannot send");
    };
    // Flows are numbered as they first appear.
    (0..3).for_each(|flow| send(flow, 1));
    std::thread::scope(|scope| {
        for flow in 0..3 {
            scope.spawn(move || (2..=FLOW).for_each(|n| send(flow, n)));
        }
    });
    let seen = server.wait_lines(1 + 2 * 3 * FLOW);
    let mut found: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for line in seen.lines() {
        if let Some((flow, n)) = line.strip_prefix("dropped message: ").and_then(|rest| rest.split_once(' ')) {
            let number = |text: &str| text.parse::<usize>().expect("a number");
            found.entry(number(flow)).or_default().push(number(n));
        }
    }
    [0, 1, 2].map(|flow| {
        let mut numbers = found.remove(&flow).unwrap_or_default();
        numbers.sort_unstable();
        numbers
    })
}

/// The script that ships as `script`, in `dir`, on a free port.
fn start(dir: &TempDir, script: &str, more: &[&str]) -> Running {
    pingscript(&[&[script, "--listen", "127.0.0.1:0"], more].concat()).dir(dir.path()).start()
}

/// Sends the words of `asked` from one flow and checks what comes back, whatever the order of threads.
fn answered(what: &str, port: u16, asked: &str, answers: &str) {
    let (client, to) = (socket(), loopback(port));
    let expected: Vec<&str> = answers.split(' ').collect();
    for word in asked.split(' ') {
        client.send_to(word.as_bytes(), to).expect("cannot send");
    }
    let mut got: Vec<String> =
        expected.iter().map(|_| String::from_utf8_lossy(&receive(&client)).into_owned()).collect();
    // The answer to the last request may overtake those before it where several threads serve.
    let sorted = |mut words: Vec<String>| {
        words.sort();
        words
    };
    got = sorted(got);
    assert_eq!(got, sorted(expected.iter().map(ToString::to_string).collect()), "{what}");
    client.set_nonblocking(true).expect("it can");
    let more = client.recv(&mut [0; 9]);
    assert!(more.is_err(), "{what}: one answer too many");
}

/// The lines of a message without excerpts, columns and calls.
fn told(stderr: &str) -> String {
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

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("cannot bind");
    socket.set_read_timeout(Some(LONG)).expect("a time-out");
    socket
}

fn ask(socket: &UdpSocket, to: SocketAddr, what: &[u8]) -> Vec<u8> {
    socket.send_to(what, to).expect("cannot send");
    receive(socket)
}

fn receive(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 65_536];
    loop {
        match socket.recv(&mut buffer) {
            Ok(len) => return buffer[..len].to_vec(),
            Err(err) if err.kind() == ErrorKind::Interrupted => {}
            Err(err) => panic!("no answer: {err}"),
        }
    }
}

fn loopback(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}
