//! The prompt without a terminal: lines from a pipe.

use super::assert_plain;
use super::likely::LIKELY_TOO;
use super::mistakes::LIKELY;
use crate::common::{Run, TempDir, pingscript};
use std::time::Duration;

/// Runs lines through the prompt.
fn enter(lines: &str) -> Run {
    let run = pingscript::<&str>(&[]).patience(Duration::from_secs(60)).stdin(lines).run();
    assert_plain(lines, &run.stderr);
    run
}

#[test]
fn variables_and_functions_are_kept() {
    let run = enter("let x = 20;\nfn twice(n) { n * 2 }\nconst ONE = 1;\ntwice(x) + ONE\nx += 1;\nx\n").expect_code(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("41\n21\n", ""));
}

#[test]
fn objects_are_shown_as_they_print() {
    let run = enter("1.s\n[1.s, 2.ms]\nresolve(\"127.0.0.1:7\")\n\"text\"\n()\n").expect_code(0);
    assert_eq!(run.stdout, "1s\n[1000.000ms, 2.000ms]\n127.0.0.1:7\n\"text\"\n");
}

#[test]
fn an_error_does_not_end_it_and_gives_the_exit_code() {
    let run = enter("let x = 1;\nfoo()\nlet = 2;\nthrow #{ code: 7 };\nx\n").expect_code(3);
    assert_eq!(run.stdout, "1\n");
    assert_eq!(format!("\n{}", run.stderr), ERRORS);
}

#[test]
fn a_name_is_explained_as_other_prompts_do() {
    let run = enter("let sock = udp::bind(\"127.0.0.1:0\");\nhelp sock\n").expect_code(0);
    assert!(run.stdout.starts_with("UdpSocket: "), "{}", run.stdout);
    for topic in ["?udp::bind", "help if", "help csv", "help print"] {
        let run = enter(&format!("{topic}\n")).expect_code(0);
        assert!(!run.stdout.is_empty() && run.stderr.is_empty(), "{run:?}");
    }
}

#[test]
fn a_function_does_not_see_the_variables_of_the_prompt() {
    let run = enter("let n = 3;\nfn twice(x) { x * n }\ntwice(1)\n").expect_code(3);
    assert!(
        run.stderr.contains("hint: pass it as an argument: fn twice(…, n); or write a closure: let twice = |…| …"),
        "{}",
        run.stderr
    );
}

/// Places are those of the entries in which functions and closures were typed, wherever these run.
#[test]
fn places_in_messages_are_those_of_the_entries() {
    let run = enter(PLACES).expect_code(3);
    for place in [
        "  --> entry 1:1:17\n    1 | fn f(pkt) { pkt.nothing() }\n      |                 ^\n  in `f`, called at entry 2:1:1\n",
        "  --> entry 9:1:21\n    1 | set_policy(t, |pkt| foo(pkt));\n",
        "\n  in `f`, called at entry 11:1:24\n",
        "\n  in `f`, called at entry 13:1:17\n",
    ] {
        assert!(run.stderr.contains(place), "no {place}\nin\n{}", run.stderr);
    }
    let values = run.stdout.lines().filter(|line| line.starts_with('"')).collect::<Vec<_>>();
    assert_eq!(values, ["\"entry 3:1\"", "\"reply\"", "\"a policy that failed\""]);
    assert!(!run.stderr.contains("prompt:") && !run.stderr.contains("udp_server.rhai:"), "{}", run.stderr);
}

const PLACES: &str = r#"fn f(pkt) { pkt.nothing() }
f(1)
let policy = |pkt| if pkt.text.split(" ").len > 9 { pass() } else { drop() };
let sock = udp::bind("127.0.0.1:0"); let out = udp::open(sock.addr);
fn ask(out, sock) { out.send_to("ping 1", sock.addr); sock.recv(5.s).reply("x").origin }
set_policy(sock, policy);
ask(out, sock)
let t = start("udp_server.rhai", ["--listen", "127.0.0.1:0"]);
set_policy(t, |pkt| foo(pkt));
udp::open(t.addr).ping(t.addr, "ping 1", 60.s).kind
set_policy(sock, |pkt| f(pkt));
ask(out, sock)
start_thread(|| f(2)).join()
t.stop();
"#;

/// As a script does, which would print them; at a terminal nobody has asked.
#[test]
fn from_a_pipe_it_ends_with_what_was_lost_and_why() {
    let run = pingscript(&["--seed", "1"]).stdin(
        "let sock = udp::bind(\"127.0.0.1:0\"); set_policy(sock, loss(1.0)); let out = udp::open(sock.addr);
         start_thread(|| for pkt in sock { pkt.reply(pkt.text); });
         out.ping(sock.addr, \"ping 1\", 10.ms);
         sock.close();\n",
    );
    let run = run.run().expect_code(0);
    assert!(run.stdout.starts_with("Lost 1 of 1 pings: 100.0%"), "{}", run.stdout);
    assert!(run.stdout.contains(": dropped by loss(1)\n  0 unexplained\n"), "{}", run.stdout);
    assert!(run.stderr.contains("acted on 1 of 1 packets"), "{}", run.stderr);
}

#[test]
fn exit_ends_it() {
    let run = enter("foo()\nexit(4)\nprint(1)\n").expect_code(4);
    assert_eq!(run.stdout, "");
    enter("exit()\nfoo()\n").expect_code(0);
}

#[test]
fn it_goes_on_after_too_much_memory() {
    let run = enter("let text = \"x\";\nloop { text += text; }\nlet n = 2;\nn + 1\n").expect_code(3);
    assert_eq!(run.stdout, "3\n");
    assert!(run.stderr.starts_with("error: the script was stopped: more than"), "{}", run.stderr);
    assert!(
        run.stderr.ends_with("\nall variables of the prompt are gone: they took too much memory\n"),
        "{}",
        run.stderr
    );
}

const ERRORS: &str = r#"
error: no function `foo`
  --> entry 2:1:1
    1 | foo()
      | ^
  hint: a function is written: fn foo(…) { … }
error: a name is needed here
  --> entry 3:1:5
    1 | let = 2;
      |     ^
  hint: write: let name = value;
error: the script threw an error (code: 7)
  --> entry 4:1:1
    1 | throw #{ code: 7 };
      | ^
"#;

/// An entry in several lines that cannot be read ends with its first line that is wrong, so scripts are loaded as a whole.
#[test]
fn the_likely_mistakes_are_reported_as_in_a_script() {
    let dir = TempDir::new();
    for (script, _, expected) in LIKELY.iter().chain(&LIKELY_TOO).filter(|(_, code, _)| *code == 3) {
        dir.write("mistake.rhai", script);
        let run = pingscript::<&str>(&[]).dir(dir.path()).stdin(":load mistake.rhai\n").run().expect_code(3);
        let message = format!("\n{}", run.stderr).replace("mistake.rhai:", "-e:");
        assert_eq!(message.trim_end(), expected.trim_end(), "{script}");
        // Those of one line are typed as they are.
        if !script.contains('\n') {
            let run = enter(&format!("{script}\n"));
            let message = format!("\n{}", run.stderr).replace("entry 1:", "-e:");
            assert_eq!(message.trim_end(), expected.trim_end(), "{script}");
        }
    }
}
