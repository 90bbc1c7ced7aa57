//! Each verdict, by policies of every make.

use super::*;

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
fn each_verdict_reaches_what_a_script_sends_back_by_itself() {
    let mut loops = String::new();
    for (index, (policy, ..)) in VERDICTS.iter().enumerate() {
        let _ = write!(
            loops,
            "let s{index} = udp::bind(\"127.0.0.1:0\"); set_policy(s{index}, {policy}); print(s{index}.port);
             start_thread(|| {{ while true {{ let p = s{index}.recv(); s{index}.send_to(p.text.to_upper(), p.from); }} }});\n"
        );
    }
    let running = pingscript(&["-e", &loops]).start();
    let ports = running.wait_lines(VERDICTS.len());
    for ((policy, asked, answers), port) in VERDICTS.iter().zip(ports.lines()) {
        answered(policy, port.parse().expect("a port"), asked, answers);
    }
}

#[test]
fn a_verdict_reaches_what_is_sent_over_a_connection_and_is_reported() {
    let run = pingscript(&[
        "-e",
        "
        let server = tcp::listen(\"127.0.0.1:0\", #{ framing: \"line\" });
        set_policy(server, pattern(\"110\"));
        start_thread(|| for conn in server { start_thread(|| for msg in conn { conn.send(msg.text.to_upper()); }); });
        let conn = tcp::connect(server.addr, #{ framing: \"line\" });
        for text in [\"a\", \"b\", \"c\", \"d\"] { conn.send(text); }
        print([1, 2, 3].map(|n| conn.recv(5.s).text));
        expect(conn.recv(1.ms).kind, \"timeout\");
        exit(0);
    ",
    ])
    .run();
    assert!(run.stdout.contains("[\"A\", \"B\", \"D\"]"), "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("1 of 4 packets"), "{}", run.stderr);
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
