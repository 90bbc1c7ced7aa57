//! Checks of scripts: they add up, none ends the script, groups stand for themselves; rows, lines, exit codes.

mod common;

use common::{Run, pingscript};
use serde_json::Value;

/// Runs `code` with seed 7 on simulated hosts.
fn checked(code: &str, exit: i32) -> Run {
    pingscript(&["--simulate", "--seed", "7", "-e", code]).run().expect_code(exit)
}

/// The rows of checks of a run of `code`.
fn rows(code: &str, exit: i32) -> Vec<Value> {
    let run = pingscript(&["--simulate", "--seed", "7", "--json", "-", "-e", code]).run().expect_code(exit);
    let rows = run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("a row"));
    rows.filter(|row| row["type"] == "check").collect()
}

#[test]
fn a_check_is_true_or_false_and_the_script_goes_on() {
    let code = "let a = check(\"sum\", 1 + 1, 2);\nlet b = check(\"count\", 3, 5);\nprint([a, b]);";
    let run = checked(code, 5);
    assert_eq!(run.stdout, "ok   sum\nFAIL count: got 3, expected 5 (line 2)\n[true, false]\n");
    assert!(run.stderr.contains("checks: 1 passed, 1 failed\n"), "{}", run.stderr);
    checked("check(\"sum\", 1 + 1, 2)", 0);
    // Whatever `exit` says, on any thread; but an error of the script is one.
    checked("check(\"a\", 1, 2); exit(0)", 5);
    checked("start_thread(|| check(\"a\", 1, 2)).join(); 1", 5);
    checked("check(\"a\", 1, 2); throw \"no\"", 3);
}

#[test]
fn points_words_and_bounds_go_where_they_belong() {
    for (call, line) in [
        ("check(\"a\", 2, 3, 3)", "ok   a (2/2 points)"),
        ("check(\"a\", 2, 3, 4)", "FAIL a (0/2 points): got 3, expected 4 (line 1)"),
        ("check(\"a\", 3, 4, \"why\\nnot\")", "FAIL a: got 3, expected 4 (line 1)\n     why\n     not"),
        ("check(\"a\", 2, \"x\", \"y\")", "FAIL a (0/2 points): got \"x\", expected \"y\" (line 1)"),
        ("check(\"a\", 2, (), \"y\")", "FAIL a (0/2 points): got (), expected \"y\" (line 1)"),
        ("check(\"a\", \"x\", \"y\", \"why\")", "FAIL a: got \"x\", expected \"y\" (line 1)\n     why"),
        ("check(\"a\", 2, at_least(3), \"why\")", "FAIL a: got 2, expected at least 3 (line 1)\n     why"),
        (
            "check(\"a\", 2, 2, at_least(3), \"why\")",
            "FAIL a (0/2 points): got 2, expected at least 3 (line 1)\n     why",
        ),
        ("check(\"a\", 2.ms, 3..=5)", "FAIL a: got 2ms: 2ms cannot be compared with 3 to 5 (line 1)"),
        (
            "check_each(\"a\", 4, [1, 2, 3, 9], |n| n < 3)",
            "FAIL a (2/4 points): got 2 of 4; the first that does not: 3, expected 4 of 4 (line 1)",
        ),
        ("check_each(\"a\", 4, [], |n| true)", "FAIL a (0/4 points): got 0 of 0, expected at least one value (line 1)"),
    ] {
        let run = checked(&format!("{call}; ()"), if line.starts_with("ok") { 0 } else { 5 });
        assert_eq!(run.stdout.trim_end(), line, "{call}");
    }
}

#[test]
fn what_a_requirement_fails_for_is_not_judged() {
    let code = "group(\"first\", || { require(\"starts\", false, true); check(\"ends\", 2, 1, 1); check_each(\"each\", 2, [1], |n| true) });
                check(\"other\", 1, 1, 1);
                require(\"all\", 1, 2, \"nothing works\");
                check(\"rest\", 1, 1, 1);
                group(\"last\", || check(\"more\", 1, 1)); ()";
    let run = checked(code, 5);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "FAIL first: starts: got false, expected true (line 1)",
            "--   first: ends: not judged: \"starts\" failed",
            "--   first: each: not judged: \"starts\" failed",
            "ok   other (1/1 points)",
            "FAIL all: got 1, expected 2 (line 3)",
            "     nothing works",
            "--   rest: not judged: \"all\" failed",
            "--   last: more: not judged: \"all\" failed",
        ]
    );
    assert!(run.stderr.contains("checks: 1 passed, 2 failed, 4 not judged; 1 of 6 points\n"), "{}", run.stderr);
}

#[test]
fn an_error_in_a_group_is_the_groups() {
    let code = "let first = group(\"first\", || { let x = 0; 1 / x });
                let second = group(\"second\", || { lab::create().host(\"a\").no_such() });
                let third = group(\"third\", || check(\"a\", 1, 1));
                print([first, second, third]);";
    let run = checked(code, 5);
    assert!(run.stderr.contains("in the group first:\nerror: "), "{}", run.stderr);
    assert!(run.stdout.contains("FAIL first: runs to its end: ") && run.stdout.contains("(line 1)"), "{}", run.stdout);
    assert!(run.stdout.contains("FAIL second: runs to its end: "), "{}", run.stdout);
    assert!(run.stdout.ends_with("ok   third: a\n[false, false, true]\n"), "{}", run.stdout);
    // What is meant for the whole script passes through.
    assert_eq!(checked("group(\"a\", || exit(7)); print(1)", 7).stdout, "");
    assert_eq!(checked("group(\"a\", || expect(1, 2)); print(1)", 5).stdout, "");
}

/// Two labs of the same names, each gone at the end of its group, with what was started there.
#[test]
fn a_group_has_a_lab_of_its_own_which_ends_with_it() {
    let code = "fn pinged() {
                    let net = lab::create(); let a = net.host(\"a\"); let b = net.host(\"b\");
                    net.link(a, b, #{ policy: loss(0.5) });
                    b.start(\"udp_server_plain.rhai\", [\"--listen\", \"*:11000\", \"--quiet\"]);
                    start_thread(|| sleep(1.h));
                    let lost = \"\";
                    run_in(a, || { let sock = udp::open(\"b:11000\");
                        for n in 0..24 { lost += if sock.ping(\"b:11000\", `ping ${n}`, 100.ms).kind == \"reply\" { \"1\" } else { \"0\" }; } });
                    lost
                }
                let seen = #{};
                for name in ORDER { group(name, || { seen[name] = pinged(); check(\"pings\", seen[name].len, 24) }); }
                group(\"closed\", || { let net = lab::create(); seen.net = net; });
                let kind = \"\"; try { seen.net.host(\"x\") } catch (e) { kind = e.kind; }
                print([seen.one, seen.two, kind]);";
    let run = |order: &str| {
        checked(&code.replace("ORDER", order), 0)
            .stdout
            .lines()
            .find(|line| line.starts_with('['))
            .unwrap_or_default()
            .to_string()
    };
    let both = run("[\"one\", \"two\"]");
    assert!(both.contains("closed"), "{both}");
    let parts: Vec<&str> = both.split('"').collect();
    assert!(parts[1] != parts[3], "the draws of groups differ: {both}");
    assert_eq!(both, run("[\"two\", \"one\"]"), "and do not depend on other groups");
}

#[test]
fn checks_and_expectations_are_rows() {
    let code = "group(\"client\", || { check(\"sum\", 2, 1.5, at_most(1), \"too much\"); group(\"inner\", || require(\"a\", 1, 1)); });
                expect(3, 3, \"three\"); expect(20.ms, at_most(5.ms));";
    let rows = rows(code, 5);
    let row = |n: usize, field: &str| rows[n][field].clone();
    assert_eq!(rows.len(), 4, "{rows:?}");
    assert_eq!(
        rows[0],
        serde_json::json!({ "type": "check", "time_ns": rows[0]["time_ns"], "name": "sum", "group": "client", "points": 0.0,
            "max_points": 2.0, "passed": false, "actual": "1.5", "expected": "at most 1", "words": "too much", "why": null,
            "error": null, "origin": "-e:1" })
    );
    assert_eq!((row(1, "group"), row(1, "name"), row(1, "passed")), ("client: inner".into(), "a".into(), true.into()));
    assert_eq!((row(2, "name"), row(2, "passed"), row(2, "group")), ("three".into(), true.into(), Value::Null));
    assert_eq!(
        (row(3, "expected"), row(3, "passed"), row(3, "origin")),
        ("at most 5ms".into(), false.into(), "-e:2".into())
    );
}

#[test]
fn wrong_calls_are_errors_with_hints() {
    for (call, why) in [
        ("check(\"a\", -1, 2, 2)", "points are a number from 0 up, not -1"),
        ("check(\"a\", 1, 2, 2, 5)", "what the check has to say is text, not 5"),
        ("check(\"a\", [], 2, 2, \"b\")", "points are a number from 0 up, not []"),
        ("check_each(\"a\", 4, [1], |n| n)", "the closure returned 1, not true or false"),
        ("holds(\"a\", at_least(3))", "cannot be compared with at least 3"),
    ] {
        let run = checked(call, 3);
        assert!(run.stderr.contains(why) && run.stderr.contains("hint: "), "{call}\n{}", run.stderr);
    }
}

/// What a program prints at its end says why it has ended, and what the judge adds stands after that.
#[test]
fn of_long_words_the_start_and_the_end_are_kept() {
    let code = "let words = \"the first\"; for n in 0..1000 { words += \"\\nline \" + n; }
                check(\"a\", 1, 2, words + \"\\nthe last\"); ()";
    let run = checked(code, 5);
    let lines: Vec<&str> = run.stdout.lines().map(str::trim).collect();
    assert_eq!((lines[1], lines[2], lines[lines.len() - 1]), ("the first", "line 0", "the last"));
    assert!(run.stdout.len() < 5_000 && lines.contains(&"…"), "{}", run.stdout);
}

/// The first requirement that failed is the reason for all that follows, errors included.
#[test]
fn what_follows_a_failed_requirement_has_one_reason() {
    let run = checked(
        "group(\"g\", || { require(\"a\", 1, 2); require(\"b\", 1, 2); check(\"c\", 1, 1); throw \"later\" }); check(\"d\", 1, 1); ()",
        5,
    );
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "FAIL g: a: got 1, expected 2 (line 1)",
            "--   g: b: not judged: \"a\" failed",
            "--   g: c: not judged: \"a\" failed",
            "ok   d"
        ]
    );
}
