//! The mistakes a beginner makes first.

use super::{Case, check_scripts};
use crate::common::pingscript;

#[test]
fn the_ten_likely_ones() {
    check_scripts(&LIKELY);
}

#[test]
fn a_thread_works_on_copies() {
    let script = "let n = 0; let hits = counter(); let tasks = [];
        for i in 0..4 { tasks.push(start_thread(|| { n += 1; hits.add(i); n })); }
        for task in tasks { print(task.join()); }
        print(`${n} ${hits}`);";
    let run = pingscript(&["-e", script]).run().expect_code(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("1\n1\n1\n1\n0 6\n", ""));
}

/// What the last call of a thread happens to give back is not what the thread has made.
#[test]
fn a_thread_that_changes_its_copy_alone_is_noted() {
    for (body, noted) in [
        ("n += 1;", true),
        ("n += 1; hits.add(1);", true),
        ("n += 1; hits.value", true),
        ("n += 1; if hits.value > 9 { return hits.value; }", true),
        ("n += 1; n * 2", false),
        ("n += 1; if n > 0 { return [n]; } hits.add(1)", false),
        ("n += 1; #{ made: n, hits: hits.value }", false),
        ("hits.add(1);", false),
    ] {
        let script = format!("let n = 0; let hits = counter(); start_thread(|| {{ {body} }}).join();");
        let run = pingscript(&["-e", &script]).run().expect_code(0);
        assert_eq!(run.stderr.contains("note: `n` was changed in the thread"), noted, "{body}\n{}", run.stderr);
    }
}

/// A verdict with a statement after it is thrown away: the check says so, and so does each run.
#[test]
fn a_verdict_that_decides_nothing_is_a_warning() {
    let script = "let every_second = |p| { if p.number == 2 { drop(); } pass() };\n";
    let warning = "warning: `drop()` has no effect here: the code after it runs, and decides";
    let hint = "hint: a policy ends with its verdict; write: return drop();";
    for run in [pingscript(&["-e", script]).run(), pingscript(&["--check", "-"]).stdin(script).run()] {
        let run = run.expect_code(0);
        assert!(run.stderr.contains(warning) && run.stderr.contains(hint), "{}", run.stderr);
    }
}

#[test]
fn hints_fit_what_was_written() {
    for (script, hint) in [
        ("chain([duplicate(2)]);", "always(duplicate(2))"),
        ("chain([5]);", "a policy such as loss(0.2)"),
        ("let s = socket(AF_INET, SOCK_DGRAM);", "write: let s = udp::bind("),
        ("let s = udp::bind(\"127.0.0.1:0\"); print(s.addr == s);", "that is its .addr, as in pkt.to == b.addr"),
        ("let s = udp::bind(\"127.0.0.1:0\"); print(s.addr == 7);", "the port of an address is its .port"),
        ("let s = udp::bind(\"127.0.0.1:0\"); s.policy = loss(0.2);", "set_policy(x, |pkt| pass())"),
        ("let s = udp::bind(\"127.0.0.1:0\"); s.timeout = 5;", "x.recv(1.s)"),
        ("gilbert(0.5)", "argument 2, `r`, is missing: write gilbert(0.05, 0.25)"),
        ("print(blob(2) == \"  \");", "the bytes of a text: \"  \".to_blob(); the text of a blob: x.as_string()"),
        (
            "udp::bind(\"127.0.0.1:0\").send_to(\"127.0.0.1:9\", \"data\");",
            "the data comes first: sock.send_to(\"data\", \"127.0.0.1:9\")",
        ),
        (
            "udp::bind(\"127.0.0.1:0\").ping(\"ping 1\", \"127.0.0.1:9\", 1.s);",
            "the address comes first: sock.ping(\"127.0.0.1:9\", \"ping 1\", 1.s)",
        ),
        (
            "udp::bind(\"127.0.0.1:0\").ping(\"127.0.0.1:9\", \"ping 1\");",
            "argument 3, `options` or `timeout`, is missing",
        ),
        (
            "start(\"udp_ping.rhai\", [\"--cuont\", 3]).join();",
            "did you mean --count? The options are --server, --count",
        ),
        ("start(\"tcp_ping.rhai\", [\"--framing\", \"rwa\"]).join();", "the values are raw, line, length"),
    ] {
        let run = pingscript(&["-e", script]).run().expect_code(3);
        assert!(run.stderr.contains(hint), "{script}\n{}", run.stderr);
    }
}

/// A wrong name; a missing bracket; a number where a duration is due; `sleep(1)`; a method on the wrong type; a forgotten
/// `|x|`; an outer variable inside `fn`; `=` for `==`; a misspelt option; a closed socket.
pub(crate) const LIKELY: [Case; 16] = [
    (
        r#"let cuont = 3;
print(count);"#,
        3,
        r#"
error: no variable `count` is known here
  --> -e:2:7
    2 | print(count);
      |       ^
  hint: did you mean `cuont`?
"#,
    ),
    (
        "print(cuont);",
        3,
        r#"
error: no variable `cuont` is known here
  --> -e:1:7
    1 | print(cuont);
      |       ^
  hint: declare it first: let cuont = …;
"#,
    ),
    (
        r#"print("a""#,
        3,
        r#"
error: `)` is missing at the end of the script
  --> -e:1:10
    1 | print("a"
      |          ^
  hint: the `(` of line 1 is not closed: add `)`
"#,
    ),
    (
        "let list = [1, 2;",
        3,
        r#"
error: `]` is missing
  --> -e:1:17
    1 | let list = [1, 2;
      |                 ^
  hint: the `[` of line 1 is not closed: add `]`
"#,
    ),
    (
        r#"if true {
    print(1);"#,
        3,
        r#"
error: `}` is missing at the end of the script
  --> -e:2:14
    2 |     print(1);
      |              ^
  hint: the `{` of line 1 is not closed: add `}`
"#,
    ),
    (
        r#"let sock = udp::bind("127.0.0.1:0");
sock.recv(1);"#,
        3,
        r#"
error: `UdpSocket.recv` cannot be called with (integer)
  --> -e:2:6
    2 | sock.recv(1);
      |      ^
  hint: argument 1 is a Duration: give the number its unit, as in `1.s` or `250.ms`
  hint: it is called as
        UdpSocket.recv()
        UdpSocket.recv(deadline: Timestamp)
        UdpSocket.recv(timeout: Duration)
"#,
    ),
    (
        r#"let sock = udp::bind("127.0.0.1:0");
sock.ping(sock.addr, "ping 1", 1);"#,
        3,
        r#"
error: `UdpSocket.ping` cannot be called with (Addr, string, integer)
  --> -e:2:6
    2 | sock.ping(sock.addr, "ping 1", 1);
      |      ^
  hint: argument 3 is a Duration: give the number its unit, as in `1.s` or `250.ms`
  hint: it is called as
        UdpSocket.ping(to, message, options: map)
        UdpSocket.ping(to, message, timeout: Duration)
        ping(socket: UdpSocket, to, message, options: map, matches: closure)
"#,
    ),
    (
        r#"let sock = udp::bind("127.0.0.1:0");
sock.ping(sock.addr, "ping 1", #{ timeout: 1 });"#,
        3,
        r#"
error: ping: option `timeout` takes a duration that is not negative, such as 1.s or 250.ms, not 1
  --> -e:2:6
    2 | sock.ping(sock.addr, "ping 1", #{ timeout: 1 });
      |      ^
"#,
    ),
    (
        "sleep(1);",
        3,
        r#"
error: sleep: 1 is a number, and a duration is needed here
  --> -e:1:1
    1 | sleep(1);
      | ^
  hint: write 1.s for seconds or 1.ms for milliseconds: sleep(1.s)
"#,
    ),
    (
        "sleep(0.5);",
        3,
        r#"
error: sleep: 0.5 is a number, and a duration is needed here
  --> -e:1:1
    1 | sleep(0.5);
      | ^
  hint: write 0.5.s for seconds or 0.5.ms for milliseconds: sleep(0.5.s)
"#,
    ),
    (
        "sleep(1.ms - 1.s);",
        3,
        r#"
error: sleep: a duration cannot be negative here: -999.000ms
  --> -e:1:1
    1 | sleep(1.ms - 1.s);
      | ^
  hint: sleep only while there is something to wait for: if left > 0.s { sleep(left); }
"#,
    ),
    (
        "sleep(5s);",
        3,
        r#"
error: `5s` cannot stand here
  --> -e:1:8
    1 | sleep(5s);
      |        ^
  hint: a duration is written with a dot: 5.s
"#,
    ),
    (
        "let wait = 250ms;",
        3,
        r#"
error: `250ms` cannot stand here
  --> -e:1:15
    1 | let wait = 250ms;
      |               ^
  hint: a duration is written with a dot: 250.ms
"#,
    ),
    (
        r#"sleep("1s");"#,
        3,
        r#"
error: `sleep` cannot be called with (string)
  --> -e:1:1
    1 | sleep("1s");
      | ^
  hint: argument 1 is a Duration: write it without quotes, as in `1.s` or `250.ms`
  hint: it is called as sleep(duration: Duration)
"#,
    ),
    (
        r#"let n = 5;
n.push(1);"#,
        3,
        r#"
error: an integer has no method `push`
  --> -e:2:3
    2 | n.push(1);
      |   ^
  hint: `push` is a method of an array and a blob
"#,
    ),
    (
        r#"let text = "abc";
text.recv(1.s);"#,
        3,
        r#"
error: a string has no method `recv`
  --> -e:2:6
    2 | text.recv(1.s);
      |      ^
  hint: `recv` is a method of a Channel, a Connection, an IcmpListener and a UdpSocket
"#,
    ),
];
