//! First steps of somebody who comes from another language: the hint is the corrected line, and a check warns of what runs and is
//! hardly meant.

use super::pingscript;
use crate::common::TempDir;

#[test]
fn the_corrected_line_is_the_hint() {
    for (script, hint) in [
        ("let rtts = [3.ms, 1.ms]; print(rtts.min());", "print(rtts.reduce(|a, b| min(a, b), rtts[0]));"),
        ("let n = [3, 1]; let most = n.max();", "let most = n.reduce(|a, b| max(a, b), n[0]);"),
        ("for i in 1..3 print(i)", "for i in 1..3 { print(i) }"),
        ("let x = 3; if x > 2 print(x); else print(0);", "if x > 2 { print(x); } else { print(0); }"),
        ("let x = 3; while x > 2 x -= 1;", "while x > 2 { x -= 1; }"),
        ("if true: print(1) else: print(2)", "if true { print(1) } else { print(2) }"),
        (
            "if true: print(1) elif false: print(3) else: print(2)",
            "if true { print(1) } else if false { print(3) } else { print(2) }",
        ),
        ("let s = \"abc\"; print(s[::-1]);", "print(s.split(\"\").reduce(|text, c| c + text, \"\"));"),
        ("let l = [1, 2]; let r = l[::-1];", "let r = l.reduce(|list, x| [x] + list, []);"),
        ("print(7 // 2);", "print(7 / 2);"),
        ("let half = 7 // 2;\nprint(half);", "let half = 7 / 2;"),
        ("let n = 9; print(max(n // 2, 1))", "let n = 9; print(max(n / 2, 1))"),
        ("ping(\"127.0.0.1\")", "icmp::open(\"127.0.0.1\").ping(\"127.0.0.1\", 1.s)"),
        ("ping(\"127.0.0.1\", 1)", "icmp::open(\"127.0.0.1\").ping(\"127.0.0.1\", 1.s)"),
        ("let t = 1; print(t + time.time())", "print(t + unix_time())"),
        ("let l = [2, 1]; l.sort(reverse=True);", "l.sort(); l.reverse();"),
        ("let l = []; l.append(5.ms);", "l.push(5.ms);"),
        (
            "let sock = udp::bind(\"127.0.0.1:0\"); while True { let data, addr = sock.recvfrom(1024) }",
            "while true { let pkt = sock.recv(); let data = pkt.data; let addr = pkt.from }",
        ),
    ] {
        let run = pingscript(&["-e", script]).run().expect_code(3);
        assert!(run.stderr.contains(&format!("hint: write: {hint}")), "{script}\n{}", run.stderr);
        // What is to be written can be run.
        let whole =
            format!("let rtts = [3.ms]; let n = [3]; let x = 3; let s = \"ab\"; let l = [1]; let t = 1.0; {hint}");
        if !hint.ends_with("2") && !hint.starts_with("while true") && !hint.starts_with("icmp") {
            pingscript(&["-e", &whole]).run().expect_code(0);
        }
    }
    let run = pingscript(&["-e", "let l = [1.ms, 2.ms]; print(l.mean());"]).run().expect_code(3);
    assert!(run.stderr.contains("hint: of durations: let s = stats();"), "{}", run.stderr);
    let run = pingscript(&["-e", "throw Exception(\"no reply\");"]).run().expect_code(3);
    assert!(run.stderr.contains("hint: write: throw \"no reply\";"), "{}", run.stderr);
    let run = pingscript(&["--simulate", "-e", "let h = lab::create().host(\"b\"); h.run(|| 1);"]).run().expect_code(3);
    assert!(run.stderr.contains("hint: write: run_in(h, || …)"), "{}", run.stderr);
    let dir = TempDir::new();
    let plain = dir.write("plain.rhai", "print(1);");
    let run = pingscript(&[plain.to_str().expect("a path"), "--seed", "3"]).run().expect_code(2);
    assert!(
        run.stderr.contains("hint: --seed is a flag of pingscript, and stands before the script"),
        "{}",
        run.stderr
    );
}

#[test]
fn what_runs_and_is_hardly_meant_is_a_warning_of_the_check() {
    for (script, line) in [
        ("let x = 3; print(\"x is {x}\");", "write: `x is ${x}`"),
        ("let x = 3; print(`x is {x} of ${x}`);", "write: `${x}`"),
        ("let p = #{ rtt: 1 }; let n = 1; print(\"{n}: {p.rtt} {other}\");", "write: `${n}: ${p.rtt} {other}`"),
        (
            "let s = udp::bind(\"127.0.0.1:0\"); start_thread(udp::serve(s, udp::echo()));",
            "write: start_thread(|| udp::serve(s, udp::echo()));",
        ),
        ("let x = 7 // 2\n", "write: let x = 7 / 2"),
        ("let n = 9; let y = n; let x = n // y\n", "write: let n = 9; let y = n; let x = n / y"),
    ] {
        let run = pingscript(&["--check", "-"]).stdin(script).run().expect_code(0);
        assert!(run.stderr.starts_with("warning: ") && run.stderr.contains(line), "{script}\n{}", run.stderr);
    }
    for script in [
        "let x = 3; print(\"x is {y}\"); print(`${x}`); let m = #{x: 1}; print(\"#{x}\");",
        "let n = 3; // 2\nlet m = [n, // 2\n 4]; let k = n // times\n",
        "fn f(x) { x } print(\"{x}\");",
    ] {
        let run = pingscript(&["--check", "-"]).stdin(script).run().expect_code(0);
        assert_eq!(run.stderr, "", "{script}");
    }
}
