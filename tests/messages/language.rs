//! What the language itself refuses or gives, and its messages.

use super::assert_message;
use crate::common::{TempDir, pingscript};

#[test]
fn a_comment_that_is_never_closed_is_an_error_where_it_begins() {
    let dir = TempDir::new();
    let text = "print(\"before\"); /* one /* within */ */\n  /* never closed\nprint(\"lost\");\n";
    let script = dir.write("comment.rhai", text);
    let script = script.to_str().expect("a path in UTF-8");
    let message = |place: &str| {
        format!(
            "\nerror: this comment is never closed\n  --> {place}:2:3\n    2 |   /* never closed\n      |   ^\n  hint: close it with \
             */; a comment of one line begins with //\n"
        )
    };
    let run = pingscript(&[script]).run();
    assert_eq!(run.stdout, "");
    assert_message("comment", &run, 3, &message(script));
    let run = pingscript(&["--check", script]).run();
    assert_message("--check comment", &run, 3, &format!("{}\n{script}: 1 error\n", message(script)));
}

#[test]
fn files_that_come_to_themselves_are_named() {
    let dir = TempDir::new();
    let policy = "policy(\"./first.rhai\"); |pkt| pass()";
    for (first, second) in [
        ("import \"first\" as f;", ""),
        ("import \"second\" as s;", "import \"first\" as f;"),
        ("fn f() { import \"second\" as s; } f();", "import \"first\" as f;"),
        (policy, ""),
        ("policy(\"./second.rhai\"); |pkt| pass()", policy),
    ] {
        dir.write("first.rhai", first);
        dir.write("second.rhai", second);
        let script = dir.write("main.rhai", if first.contains("policy") { policy } else { "import \"first\" as f;" });
        let run = pingscript(&[script.to_str().expect("a path in UTF-8")]).run().expect_code(3);
        assert!(run.stderr.contains("a file comes to itself again: "), "{first}\n{}", run.stderr);
        assert!(run.stderr.contains("first.rhai"), "{first}\n{}", run.stderr);
        assert_eq!(run.stderr.contains("second.rhai → "), !second.is_empty(), "{first}\n{}", run.stderr);
    }
}

#[test]
fn no_type_of_rust_shows() {
    for code in [
        "print(#{ d: 2.ms, a: [1.s, udp::closed_port()], f: |x| x }.to_json())",
        "print([2.ms, stats()]); print(#{ d: 2.ms }); print(`${[1.s]}`)",
        "for x in [\"\", true, [], #{}, 1.s, |x| x, stats(), counter(), udp::closed_port(), deadline(1.s)] { print(type_of(x)); }",
        "let d = [1.s, 2.s]; d.sort(); print(d);",
    ] {
        let run = pingscript(&["-e", code]).run().expect_code(0);
        super::assert_plain(code, &run.stdout);
    }
    for code in [
        "[stats(), stats()].sort()",
        "stats() == stats()",
        "1.s.nosuch()",
        "udp::bind(2.ms)",
        "stats() < 5",
        "[1.s].reduce(5)",
    ] {
        super::assert_plain(code, &pingscript(&["-e", code]).run().expect_code(3).stderr);
    }
}

#[test]
fn functions_that_change_a_text_give_it() {
    for (code, shown) in [
        ("let line = \" \"; line.trim() == \"\"", "true"),
        ("let line = \" a\\r\\n\"; line.trim().len()", "1"),
        ("let t = \"a-b\"; t.replace(\"-\", \"+\")", "a+b"),
        ("let t = \"a-b\"; t.replace('-', '+') + t", "a+ba+b"),
        ("let t = \"gr\u{fc}n\"; t.crop(2, 1) + t", "\u{fc}\u{fc}"),
        ("let t = \"ping\"; t.truncate(-1).len", "0"),
        ("let t = \"ping\"; t.crop(-9)", "ping"),
    ] {
        let run = pingscript(&["-e", code]).run().expect_code(0);
        assert_eq!(run.stdout.trim_end().trim_matches('"'), shown, "{code}");
    }
}
