//! Scripts that fail: syntax, calls, what is thrown, threads, modules, and scripts that end themselves.

use super::{Case, check_scripts};
use crate::common::{TempDir, pingscript};

#[test]
fn errors_say_what_and_where() {
    check_scripts(&ERRORS);
}

/// Wherever `exit` is called, its code is that of the script, and nothing after it runs.
#[test]
fn exit_from_within() {
    let dir = TempDir::new();
    dir.write("leaves.rhai", "fn one() { 1 }\nexit(7);\n");
    dir.write("imports.rhai", "import \"leaves\" as leaves;\n");
    let bound = "let sock = udp::bind(\"127.0.0.1:0\");";
    let echo = "let server = udp::bind(\"127.0.0.1:0\"); start_thread(|| udp::serve(server, udp::echo()));";
    for (script, code) in [
        ("import \"leaves\" as lib;", 7),
        ("import \"imports\" as lib;", 7),
        ("fn f() { import \"leaves\" as lib; } try { f() } catch { }", 7),
        ("try { policy(\"./leaves.rhai\") } catch { }", 7),
        ("[3].map(|code| exit(code));", 3),
        (
            "let l = tcp::listen(\"127.0.0.1:0\"); let c = tcp::connect(l.addr); c.send(\"x\"); \
             tcp::serve(l.accept(), |msg| { try { [8].map(|code| exit(code)) } catch { } \"on\" });",
            8,
        ),
        // The language wraps or forgets what closures throw in its own functions.
        ("try { [3].map(|code| exit(code)) } catch { }", 3),
        ("try { [3].map(|code| [code].for_each(|code| exit(this))) } catch (e) { print(e) }", 3),
        ("loop { try { [4].filter(|code| exit(code)) } catch { continue } }", 4),
        ("[3, 1].sort(|a, b| exit(6));", 6),
        ("fn f() { try { [5].map(|code| exit(code)) } catch { } } f();", 5),
        ("try { import \"leaves\" as lib; lib::one(); } catch { }", 7),
        (
            &format!(
                "{bound} {echo} try {{ ping(sock, server.addr, \"x\", #{{ timeout: 5.s }}, |pkt| exit(9)) }} catch {{ }}"
            ),
            9,
        ),
        (&format!("{bound} udp::bind(\"127.0.0.1:0\").send_to(\"x\", sock.addr); udp::serve(sock, |pkt| exit(8));"), 8),
        (&format!("{bound} {echo} ping(sock, server.addr, \"x\", #{{ timeout: 5.s }}, |pkt| exit(9));"), 9),
    ] {
        let script = format!("{script} print(\"not reached\");");
        let run = pingscript(&["-e", &script]).dir(dir.path()).run().expect_code(code);
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""), "{script}");
    }
}

/// Script, exit code, message.
const ERRORS: [Case; 32] = [
    (
        "let x = ;",
        3,
        r#"
error: a value is missing before `;`
  --> -e:1:9
    1 | let x = ;
      |         ^
  hint: write the value, or remove what leads to it
"#,
    ),
    (
        r#"fn a(x) { b(x) }
fn b(x) { x / 0 }
a(1);"#,
        3,
        r#"
error: division by zero
  --> -e:2:13
    2 | fn b(x) { x / 0 }
      |             ^
  in `b`, called at -e:1:11
  in `a`, called at -e:3:1
  hint: ask first whether the divisor is 0, as in: if n > 0 { sum / n }
"#,
    ),
    (
        r#"let calls = [1, 2];
calls.map(|x| x / 0);"#,
        3,
        r#"
error: division by zero
  --> -e:2:17
    2 | calls.map(|x| x / 0);
      |                 ^
  in a closure, called by `map` at -e:2:7
  hint: ask first whether the divisor is 0, as in: if n > 0 { sum / n }
"#,
    ),
    (
        r#"fn f(n) { f(n + 1) }
f(1);"#,
        3,
        r#"
error: too many calls inside each other
  --> -e:2:1
    2 | f(1);
      | ^
  hint: does `f` call itself without end? It must have a case in which it does not
"#,
    ),
    (
        r#"fn f(n) { g(n + 1) }
fn g(n) { f(n) }
f(1);"#,
        3,
        r#"
error: too many calls inside each other
  --> -e:3:1
    3 | f(1);
      | ^
  hint: does `f` call itself without end? It must have a case in which it does not
"#,
    ),
    (
        r#"throw "no answer";"#,
        3,
        r#"
error: no answer
  --> -e:1:1
    1 | throw "no answer";
      | ^
"#,
    ),
    (
        "throw 7;",
        3,
        r#"
error: the script threw: 7
  --> -e:1:1
    1 | throw 7;
      | ^
"#,
    ),
    (
        "throw;",
        3,
        r#"
error: the script threw an error without a message
  --> -e:1:1
    1 | throw;
      | ^
  hint: say what went wrong: throw "…"
"#,
    ),
    (
        "throw [1.s, 2.ms];",
        3,
        r#"
error: the script threw: [1000.000ms, 2.000ms]
  --> -e:1:1
    1 | throw [1.s, 2.ms];
      | ^
"#,
    ),
    (
        "throw 1.s;",
        3,
        r#"
error: the script threw: 1s
  --> -e:1:1
    1 | throw 1.s;
      | ^
"#,
    ),
    (
        r#"throw #{ code: 7, why: "no answer" };"#,
        3,
        r#"
error: the script threw an error (code: 7, why: no answer)
  --> -e:1:1
    1 | throw #{ code: 7, why: "no answer" };
      | ^
"#,
    ),
    (
        r#"throw #{ message: "no answer", code: 7 };"#,
        3,
        r#"
error: no answer (code: 7)
  --> -e:1:1
    1 | throw #{ message: "no answer", code: 7 };
      | ^
"#,
    ),
    (
        "try { 1 / 0 } catch (e) { throw e; }",
        3,
        r#"
error: division by zero
  --> -e:1:9
    1 | try { 1 / 0 } catch (e) { throw e; }
      |         ^
  thrown again at -e:1:27
  hint: ask first whether the divisor is 0, as in: if n > 0 { sum / n }
"#,
    ),
    (
        r#"const C = #{ a: 1 };
C.a = 2;"#,
        3,
        r#"
error: `C` is a constant and cannot be changed
  --> -e:2:1
    2 | C.a = 2;
      | ^
  hint: declare it with let instead of const: let C = …;
"#,
    ),
    (
        r#"const C = #{ a: #{ b: 1 } };
C.a.b = 2;"#,
        3,
        r#"
error: `C` is a constant and cannot be changed
  --> -e:2:1
    2 | C.a.b = 2;
      | ^
  hint: declare it with let instead of const: let C = …;
"#,
    ),
    (
        r#"const LIST = [1];
LIST[0] = 2;"#,
        3,
        r#"
error: `LIST` is a constant and cannot be changed
  --> -e:2:1
    2 | LIST[0] = 2;
      | ^
  hint: declare it with let instead of const: let LIST = …;
"#,
    ),
    ("exit(7);", 7, ""),
    ("exit();", 0, ""),
    (
        r#"exit("bad");"#,
        3,
        r#"
error: exit: an exit code is a whole number from 0 to 255, not "bad"
  --> -e:1:1
    1 | exit("bad");
      | ^
  hint: to end with a message print it first, or throw it: throw "…"
"#,
    ),
    (
        "exit(256);",
        3,
        r#"
error: exit: an exit code is a whole number from 0 to 255, not 256
  --> -e:1:1
    1 | exit(256);
      | ^
  hint: to end with a message print it first, or throw it: throw "…"
"#,
    ),
    (
        r#"fn f() { exit(9) }
f();"#,
        9,
        "",
    ),
    (
        "expect(0.45, between(0.1, 0.3), \"loss of the link\")",
        5,
        r#"
not as expected (-e:1): loss of the link
  expected: 0.1 to 0.3
    actual: 0.45
"#,
    ),
    (
        "expect((), at_most(20.ms))",
        5,
        r#"
not as expected (-e:1)
  expected: at most 20ms
    actual: ()
"#,
    ),
    (
        "expect(7, 3..=5)",
        5,
        r#"
not as expected (-e:1)
  expected: 3 to 5
    actual: 7
"#,
    ),
    (
        "expect(7, near(20.ms, 2.ms))",
        3,
        r#"
error: expect: 7 cannot be compared with 18ms to 22ms
  --> -e:1:1
    1 | expect(7, near(20.ms, 2.ms))
      | ^
  hint: compare numbers with numbers, durations with durations
"#,
    ),
    (
        "between(5, 1)",
        3,
        r#"
error: between: nothing lies between 5 and 1
  --> -e:1:1
    1 | between(5, 1)
      | ^
  hint: the lower bound comes first
"#,
    ),
    (
        "expect(1 + 1, 3);",
        5,
        r#"
not as expected (-e:1)
  expected: 3
    actual: 2
"#,
    ),
    (
        r#"eval("1");"#,
        3,
        r#"
error: `eval` cannot be used in scripts
  --> -e:1:1
    1 | eval("1");
      | ^
  hint: write the code itself; to choose between pieces of code use closures
"#,
    ),
    (
        r#"import "nope" as lib;"#,
        3,
        r#"
error: import nope.rhai: there is no such module
  --> -e:1:8
    1 | import "nope" as lib;
      |        ^
  hint: the path is taken from the directory of this script; .rhai at its end may be left out
"#,
    ),
    (
        r#"import "../secret" as lib;"#,
        3,
        r#"
error: import ../secret: the path leads out of the script's directory
  --> -e:1:8
    1 | import "../secret" as lib;
      |        ^
  hint: put the module beside the script, or into a directory beneath it
"#,
    ),
    (
        r#"import "/etc/passwd" as lib;"#,
        3,
        r#"
error: import /etc/passwd: the path leads out of the script's directory
  --> -e:1:8
    1 | import "/etc/passwd" as lib;
      |        ^
  hint: put the module beside the script, or into a directory beneath it
"#,
    ),
    ("start_thread(|| exit(4)).join();", 0, ""),
];
