//! The prompt on a terminal: what is typed, what is shown, and what is kept.

mod common;

#[path = "prompt/interrupts.rs"]
mod interrupts;

use std::fs;
use std::time::Duration;

use common::process::Running;
use common::{Cmd, TempDir, pingscript, sys};

const PATIENCE: Duration = Duration::from_secs(60);

/// A prompt on a terminal that shows no colours, so that what it shows can be compared.
fn prompt(dir: &TempDir, args: &[&str]) -> Running {
    started(pingscript(args), dir).start_on_terminal()
}

fn started(cmd: Cmd, dir: &TempDir) -> Cmd {
    let state = dir.path().to_str().expect("UTF-8");
    cmd.env("TERM", "xterm").env("NO_COLOR", "1").env("XDG_STATE_HOME", state).patience(PATIENCE).error_on_terminal()
}

/// What the editor sends when it begins to read a line.
const READING: &str = "\x1b[?2004h";

/// What it shows before a line that goes on.
const GOES_ON: &str = "\x1b[K. ";

/// Waits until the first line can be typed.
fn ready(running: &Running) {
    running.wait_for("Ctrl-D leaves.");
    running.wait_for(READING);
}

/// Types an entry of one line, or the last of several, and waits for what it shows and for the next prompt.
fn enter(running: &mut Running, line: &str, shown: &str) {
    let before = running.stdout().matches(shown).count();
    running.type_text(&format!("{line}\r"));
    running.wait_until(&format!("{shown:?} after {line}"), |text| {
        text.matches(shown).count() > before && (shown == READING || text.rfind(READING) > text.rfind(shown))
    });
}

/// Types a line that goes on.
fn begin(running: &mut Running, line: &str) {
    let before = running.stdout().matches(GOES_ON).count();
    running.type_text(&format!("{line}\r"));
    running.wait_until("a line that goes on", |text| text.matches(GOES_ON).count() > before);
}

/// Gives up the line that is typed, and waits for the next.
fn clear(running: &mut Running) {
    let before = running.stdout().matches(READING).count();
    running.type_text("\x03");
    running.wait_until("a new line", |text| text.matches(READING).count() > before);
}

/// Leaves the prompt; all that was on the screen.
fn leave(mut running: Running) -> String {
    running.type_text("\x04");
    running.finish().expect_code(0).stdout
}

#[test]
fn entries_of_several_lines_are_run_as_one() {
    let dir = TempDir::new();
    let mut running = prompt(&dir, &[]);
    ready(&running);
    begin(&mut running, "fn twice(n) {");
    begin(&mut running, "    n * 2");
    enter(&mut running, "}", READING);
    enter(&mut running, "`is ${twice(21)}`", "\"is 42\"\n");
    enter(&mut running, "it + \"!\"", "\"is 42!\"\n");
    begin(&mut running, "let m = #{");
    begin(&mut running, "a: 1,");
    enter(&mut running, "}; m.a + 6", "\n7\n");
    // What has begun is given up by Ctrl-C, and Ctrl-D says what is missing.
    begin(&mut running, "print(");
    clear(&mut running);
    enter(&mut running, "1 + 2", "\n3\n");
    begin(&mut running, "[1, 2");
    running.type_text("\x04");
    running.wait_for("`]` is missing");
    // What is typed ahead is not lost.
    enter(&mut running, "let a = 1;\rlet b = 2;\ra + b + 10", "\n13\n");
    enter(&mut running, "2 + 2", "\n4\n");
    leave(running);
}

#[test]
fn tab_completes_namespaces_and_what_objects_can_do() {
    let dir = TempDir::new();
    let mut running = prompt(&dir, &[]);
    ready(&running);
    enter(&mut running, "let sock = udp::bi\t\"127.0.0.1:0\");", READING);
    enter(&mut running, "sock.is_cl\t", "false\n");
    running.type_text("udp::\t\t");
    for name in ["bind(…)", "open(…)", "serve(…)", "closed_port()"] {
        running.wait_for(name);
    }
    clear(&mut running);
    running.type_text("sock.\t\t");
    for name in ["recv(…)", "send_to(…)", "is_closed", "close()"] {
        running.wait_for(name);
    }
    clear(&mut running);
    enter(&mut running, "sock.recv(1.ms).ki\t", "\"timeout\"\n");
    leave(running);
}

#[test]
fn tab_completes_option_keys_files_scripts_hosts_and_commands() {
    let dir = TempDir::new();
    dir.write("a_long_name.rhai", "let loaded = 42;\n");
    let mut running = started(pingscript::<&str>(&[]), &dir).dir(dir.path()).start_on_terminal();
    ready(&running);
    enter(&mut running, "let s = udp::bind(\"127.0.0.1:0\", #{ rcv\t4096, reu\ttrue }); s.rcvbuf", "\n8192\n");
    enter(&mut running, ":lo\t a_lo\t", READING);
    enter(&mut running, "loaded", "\n42\n");
    // A host of /etc/hosts, a script that came with pingscript, a policy, a name that `help` knows.
    running.type_text("resolve(\"localh\t");
    running.wait_for("resolve(\"localhost");
    clear(&mut running);
    running.type_text("start(\"udp_server_pl\t");
    running.wait_for("udp_server_plain.rhai");
    clear(&mut running);
    enter(&mut running, "type_of(policy(\"gilb\t\"))", "\"Policy\"\n");
    enter(&mut running, "help(\"udp::closed_p\t\")", "udp::closed_port() -> Addr");
    // The keys of a map at hand, and the methods of what a call gives.
    enter(&mut running, "let m = #{ alpha: 6 * 7 }; 1", "\n1\n");
    enter(&mut running, "m.al\t", "\n42\n");
    enter(&mut running, "s.recv(1.ms).ki\t", "\"timeout\"\n");
    leave(running);
}

#[test]
fn lines_of_others_do_not_tear_the_line_that_is_typed() {
    let dir = TempDir::new();
    let mut running = prompt(&dir, &[]);
    ready(&running);
    running.type_text("let n = counter();\r");
    running.type_text(
        "let t = start_thread(|| { while n.value == 0 { sleep(5.ms); } print(\"from another\"); n.add(1); });\r",
    );
    running.type_text("let first = 12");
    running.wait_for("let first = 12");
    // From outside, while the line is being typed.
    running.type_text("34; n.add(1)");
    running.type_text("\r");
    running.wait_for("from another");
    enter(&mut running, "first", "\n1234\n");
    running.type_text("start_thread(|| { for i in ticks(30, 20.ms) { print(`line ${i} of another`); } });\r");
    running.type_text("let second = 56");
    running.wait_for("line 29 of another");
    running.type_text("78;\r");
    enter(&mut running, "second", "\n5678\n");
    let screen = leave(running);
    // The typed line is taken away before each line of the thread, which has a line of its own.
    for line in screen.split('\n').filter(|line| line.contains(" of another") && !line.contains("print(")) {
        let shown = line.rsplit(['\r', 'J', 'K']).find(|part| part.contains("line ")).unwrap_or(line);
        assert!(shown.starts_with("line ") && shown.ends_with("another"), "{line:?} in\n{screen}");
    }
}

#[test]
fn a_policy_takes_effect_with_the_next_packet() {
    let dir = TempDir::new();
    let mut running = prompt(&dir, &[]);
    ready(&running);
    running.type_text("let server = start(\"udp_server.rhai\", [\"--listen\", \"127.0.0.1:0\", \"--quiet\"]);\r");
    running.type_text("let to = server.addr; let sock = udp::open(to);\r");
    let pings = "|n| { let rtts = stats(); for p in pinger(sock, to, #{ count: n, interval: 1.ms, timeout: 2.s }) { rtts.add(p); } rtts.lost }";
    running.type_text(&format!("let lost = {pings};\r"));
    for (policy, expected) in [
        ("|pkt| pass()", 0),
        ("|pkt| if pkt.number % 2 == 0 { drop() } else { pass() }", 20),
        ("every(4)", 10),
        ("\"loss:p=1\"", 40),
        ("\"every:n=8\"", 5),
        ("loss(0)", 0),
    ] {
        enter(
            &mut running,
            &format!("set_policy(server, {policy}); `lost ${{lost.call(40)}} of 40`"),
            &format!("\"lost {expected} of 40\""),
        );
    }
    enter(&mut running, "set_policy(server, \"lss\")", "did you mean `loss`?");
    enter(&mut running, "tasks()", "(running)]");
    enter(&mut running, "tasks()[0].stop(); server.join(); tasks().len", "\n0\n");
    leave(running);
}

#[test]
fn what_was_typed_is_found_again_in_the_next_session() {
    let dir = TempDir::new();
    let mut running = prompt(&dir, &[]);
    ready(&running);
    begin(&mut running, "let answer = 6 *");
    enter(&mut running, "    7; answer", "\n42\n");
    enter(&mut running, " \"a secret\".len", "\n8\n");
    leave(running);
    let file = dir.path().join("pingscript/history");
    assert_eq!(fs::read_to_string(&file).expect("a history"), "let answer = 6 *\\n    7; answer\n");

    let mut running = prompt(&dir, &[]);
    ready(&running);
    enter(&mut running, "\x12answ", "\n42\n");
    leave(running);
}

#[test]
fn scripts_are_loaded_run_again_and_saved() {
    let dir = TempDir::new();
    let script = dir.write("mine.rhai", "const OPT = options([ option(\"n\", 1, \"a number\") ]);\nlet got = OPT.n;\nfn add(x) { x + global::OPT.n }\nprint(`loaded with ${got}`);\n");
    let script = script.to_str().expect("UTF-8");
    let mut running = prompt(&dir, &["-i", script, "--n", "5"]);
    running.wait_for("loaded with 5\n");
    enter(&mut running, "add(got)", "\n10\n");
    enter(&mut running, &format!(":load {script} --n 7"), "loaded with 7\n");
    enter(&mut running, ":run", "loaded with 7\n");
    enter(&mut running, "let more = add(1);", READING);
    begin(&mut running, "nonsense(");
    enter(&mut running, ")", "no function `nonsense`");
    let saved = dir.path().join("saved.rhai");
    enter(&mut running, &format!(":save {}", saved.display()), "entries are in");
    enter(&mut running, ":sav x", "did you mean :save?");
    enter(&mut running, ":load nowhere.rhai", "there is no such script");
    enter(&mut running, ":vars", "fn add(x)");
    enter(&mut running, ":help udp::bind", "udp::bind(local: string) -> UdpSocket");
    running.type_text(":quit\r");
    running.finish().expect_code(0);
    assert_eq!(
        fs::read_to_string(saved).expect("a script"),
        "//! Typed at the prompt.\n\nadd(got);\nlet more = add(1);\n"
    );
}

#[test]
fn a_prompt_in_a_pipe_runs_several_lines_as_one_and_loads_scripts() {
    let dir = TempDir::new();
    dir.write("part.rhai", "fn twice(n) { n * 2 }\nlet x = 3;\n");
    let input = "fn f(a) {\n    a + 1\n}\nf(1)\n:load part.rhai\ntwice(x)\nlet t = `a\nb`;\nt.len\n[1,\n";
    let run = started(pingscript::<&str>(&[]), &dir).dir(dir.path()).stdin(input).run().expect_code(3);
    assert_eq!(run.stdout, "2\n6\n3\n");
    assert!(run.stderr.contains("`]` is missing"), "{}", run.stderr);
    assert!(!dir.path().join("pingscript").exists(), "a pipe has no history");
    let run = started(pingscript(&["-i", "part.rhai"]), &dir).dir(dir.path()).stdin("twice(x)\n").run().expect_code(0);
    assert_eq!(run.stdout, "6\n");
    for (input, code) in [
        ("throw \"x\"\nexit(0)\n", 3),
        ("check(\"a\", 1, 2)\nexit(0)\n", 5),
        ("check(\"a\", 1, 2)\n", 5),
        ("expect(1, 2)\n1\n", 5),
        ("throw 1\nexit(7)\n", 7),
    ] {
        started(pingscript::<&str>(&[]), &dir).stdin(input).run().expect_code(code);
    }
}

#[test]
fn whoever_leaves_means_the_threads_too() {
    let dir = TempDir::new();
    let endless = "let t = start_thread(|| { while !interrupted() { sleep(1.s); } });\n";
    for (leaving, code) in [("exit\n", 0), (":quit\n", 0), ("exit(3)\n", 3)] {
        let input = format!("{endless}{leaving}");
        started(pingscript::<&str>(&[]), &dir).stdin(&input).run().expect_code(code);
    }
    let mut running = started(pingscript::<&str>(&[]), &dir).start_on_terminal();
    ready(&running);
    enter(&mut running, endless.trim_end(), READING);
    leave(running);
    // A pipe that ends is a script at its end.
    let waits = "let t = start_thread(|| { sleep(200.ms); print(\"done\"); });\n";
    let run = started(pingscript::<&str>(&[]), &dir).stdin(waits).run().expect_code(0);
    assert_eq!(run.stdout, "done\n");
}

#[test]
fn what_an_entry_prints_is_there_before_the_next_is_typed() {
    let dir = TempDir::new();
    let mut running = started(pingscript::<&str>(&[]), &dir).start();
    for n in 0..5 {
        running.type_text(&format!("print({n})\n"));
        running.wait_for(&format!("{n}\n"));
    }
    running.close_stdin();
    running.finish().expect_code(0);
}

#[test]
fn colours_are_shown_unless_they_are_off() {
    let dir = TempDir::new();
    let coloured = |text: &str| text.contains("\x1b[34mlet\x1b[0m");
    let mut running = started(pingscript::<&str>(&[]), &dir).env("NO_COLOR", "").start_on_terminal();
    ready(&running);
    enter(&mut running, "let x = 1; x", "\n1\n");
    assert!(coloured(&running.stdout()), "{:?}", running.stdout());
    enter(&mut running, ":set colour off", READING);
    enter(&mut running, "x + 1", "\n2\n");
    let colours = |text: &str| ["\x1b[34m", "\x1b[36m", "\x1b[1m"].map(|colour| text.matches(colour).count());
    let before = colours(&running.stdout());
    enter(&mut running, "let y = 3; y", "\n3\n");
    assert_eq!(colours(&running.stdout()), before, "{:?}", running.stdout());
    leave(running);
    // Switched off by the environment or the command line, which wins.
    for (flags, no_colour, has_some) in [
        (&[][..], "1", false),
        (&["--color", "never"], "", false),
        (&["--color=always"], "1", true),
        (&["--color", "auto"], "", true),
    ] {
        let mut running = started(pingscript(flags), &dir).env("NO_COLOR", no_colour).start_on_terminal();
        ready(&running);
        enter(&mut running, "let x = 1; x", "\n1\n");
        let screen = leave(running);
        assert_eq!(coloured(&screen), has_some, "{flags:?}: {screen:?}");
        assert_eq!(colours(&screen) != [0; 3], has_some, "{flags:?}: {screen:?}");
    }
    let run = pingscript(&["--color", "blue"]).run().expect_code(2);
    assert!(run.stderr.contains("auto, always, never"), "{}", run.stderr);
    let run = pingscript(&["--help", "--color", "always"]).run().expect_code(0);
    assert!(run.stdout.contains("\x1b["), "{:?}", run.stdout);
}

#[test]
fn a_long_session_does_not_grow() {
    let dir = TempDir::new();
    let mut running = started(pingscript::<&str>(&[]), &dir).start();
    let resident = |running: &Running| -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", running.pid())).expect("a process");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
        line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
    };
    let mut sizes = Vec::new();
    for block in 0..5 {
        let mut text = String::new();
        for n in 0..1_000 {
            text.push_str(&format!(
                "let x = [{n}, 2, 3]; let f = |a| a + x.len + {block}_{n} * 0; f.call({n});\nfn g(n) {{ n + {n} }}\n"
            ));
        }
        text.push_str(&format!("print(`block {block}: ${{g(1)}} ${{f.call(1)}}`);\n"));
        running.type_text(&text);
        running.wait_for(&format!("block {block}: 1000 4\n"));
        sizes.push(resident(&running));
    }
    running.close_stdin();
    running.finish().expect_code(0);
    assert!(sizes[4] < sizes[1] + 4_000, "kB after each 2,000 entries: {sizes:?}");
}

#[test]
fn closures_that_can_still_be_called_are_not_forgotten() {
    let dir = TempDir::new();
    let mut text = String::from("let kept = |a| a + 1; let list = [#{ f: |a| a + 2 }];\nfn make() { |a| a + 3 }\n");
    for n in 0..300 {
        text.push_str(&format!("let f = |a| a * {n}; f.call(2);\n"));
    }
    text.push_str("kept.call(10)\nlist[0].f.call(10)\nmake().call(10)\nf.call(1)\n");
    let run = started(pingscript::<&str>(&[]), &dir).stdin(&text).run().expect_code(0);
    assert_eq!(run.stdout, "11\n12\n13\n299\n", "{}", run.stderr);
}

#[test]
fn words_that_other_prompts_take_for_commands_are_taken_too() {
    let dir = TempDir::new();
    let mut running = prompt(&dir, &[]);
    ready(&running);
    enter(&mut running, "help", ":load FILE [ARGS]");
    enter(&mut running, "let quit = 6 * 7;", READING);
    enter(&mut running, "quit", "\n42\n");
    enter(&mut running, ":set loudness on", "there is nothing called loudness to switch");
    running.type_text("exit\r");
    running.finish().expect_code(0);
    for leaves in ["exit", "quit"] {
        let typed = format!("help\n?\nclear\n{leaves}\nprint(\"not reached\");\n");
        let run = started(pingscript::<&str>(&[]), &dir).stdin(&typed).run().expect_code(0);
        assert_eq!(run.stdout.matches(":load FILE [ARGS]").count(), 2, "{}", run.stdout);
        assert!(run.stderr.is_empty() && !run.stdout.contains("not reached"), "{}{}", run.stderr, run.stdout);
    }
    let run = started(pingscript::<&str>(&[]), &dir).stdin("let quit = 42;\nquit\n1 + 1\n").run().expect_code(0);
    assert_eq!(run.stdout, "42\n2\n", "a variable of that name is one");
}

#[test]
fn what_is_saved_runs() {
    let dir = TempDir::new();
    let input = "let x = 20; // a comment\nx + 1 // another\nit * 2\nprint(it) // 42\n:tasks\n:save saved.rhai\n";
    let run = started(pingscript::<&str>(&[]), &dir).dir(dir.path()).stdin(input).run().expect_code(0);
    assert!(run.stdout.contains("4 entries are in saved.rhai"), "{}", run.stdout);
    let run = pingscript(&["saved.rhai"]).dir(dir.path()).run().expect_code(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("42\n", ""));
    let run = started(pingscript::<&str>(&[]), &dir).dir(dir.path()).stdin(":save empty.rhai\n").run().expect_code(3);
    assert!(run.stderr.contains("nothing was typed yet") && !dir.path().join("empty.rhai").exists(), "{}", run.stderr);
}
