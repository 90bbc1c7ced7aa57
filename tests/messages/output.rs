//! Standard output that goes away, is not there or is full; lines of several threads; and signals.

use super::assert_plain;
use crate::common::sys::{SIGINT, SIGTERM};
use crate::common::{Cmd, Run, binary, pingscript};
use std::path::Path;
use std::time::Duration;

/// Runs a command line of the shell in which `pingscript` is the binary.
fn shell(line: &str) -> Run {
    let line = format!("pingscript() {{ '{}' \"$@\"; }}; {line}", binary().display());
    let run = Cmd::new(Path::new("bash"), &["-c", &line]).run();
    assert_plain(&line, &run.stderr);
    run
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly() {
    for script in ["for i in 0..100_000_000 { print(i); }", "loop { print(0); sleep(1.ms); }"] {
        let run = shell(&format!("pingscript -e '{script}' | head -1; exit ${{PIPESTATUS[0]}}")).expect_code(0);
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("0\n", ""), "{script}");
    }
}

#[test]
fn a_server_ends_quietly_too() {
    let line = "pingscript scripts/udp_server.rhai --listen 127.0.0.1:0 | { read line; echo \"${line##* }\"; }";
    let mut server =
        Cmd::new(Path::new("bash"), &["-c", &line.replace("pingscript", &binary().display().to_string())]).start();
    let port: u16 = server.wait_lines(1).trim().parse().expect("a port");
    server.close_stdin();
    let client = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    // It notices when it prints about a datagram that comes after the reader has gone.
    for _ in 0..20 {
        client.send_to(b"ping 1", ("127.0.0.1", port)).expect("a datagram");
        std::thread::sleep(Duration::from_millis(50));
    }
    let run = server.finish().expect_code(0);
    assert_eq!(run.stderr, "");
}

/// What came from the network cannot move the cursor, change the title or type keys; other programs get it as it is.
#[test]
fn control_characters_are_written_out_on_a_terminal() {
    let script = "let sock = udp::bind(\"127.0.0.1:0\");
        sock.send_to(\"a\\x1b]0;title\\x07\\x1b[2J\\r\\tb\\u009b31m\\x7f\\ngr\u{fc}n\", sock.addr);
        let pkt = sock.recv(5.s);
        print(pkt.text); throw pkt.text;";
    let shown = "a\\x1b]0;title\\x07\\x1b[2J\\r\tb\\u009b31m\\u007f\ngr\u{fc}n\n";
    let run = pingscript(&["-e", script]).error_on_terminal().start_on_terminal().finish().expect_code(3);
    assert!(run.stdout.starts_with(shown), "{:?}", run.stdout);
    assert!(!run.stdout.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t')), "{:?}", run.stdout);
    assert!(run.stdout.contains("error: a\\x1b]0;title"), "{:?}", run.stdout);
    let run = pingscript(&["-e", script]).run().expect_code(3);
    assert!(run.stdout.starts_with("a\x1b]0;title\x07\x1b[2J\r\tb\u{9b}31m\x7f\ngr\u{fc}n\n"), "{:?}", run.stdout);
}

#[test]
fn no_standard_output_at_all() {
    let run = shell("pingscript -e 'print(1); udp::bind(\"127.0.0.1:0\"); print(2);' >&-").expect_code(0);
    assert_eq!(run.stderr, "");
}

#[test]
fn no_standard_error_at_all() {
    shell("pingscript -e 'throw 1' 2>&-").expect_code(3);
}

#[test]
fn a_full_disk_is_reported_once_and_the_script_goes_on() {
    let script =
        "print(1); let n = counter(); for i in ticks(3, 1.ms) { print(i); n.add(1); } if n.value != 3 { exit(9); }";
    let run = shell(&format!("pingscript -e '{script}' >/dev/full")).expect_code(3);
    let expected = "error: print standard output: no space left on device\n  hint: make room where the output goes\n";
    assert_eq!(run.stderr, expected);
}

#[test]
fn lines_of_several_threads_never_mix() {
    let script = "let tasks = [];
        for t in 0..4 { tasks.push(start_thread(|| for i in 0..2_000 { print(`thread ${t} line ${i} end`); })); }
        for task in tasks { task.join(); }";
    let run = pingscript(&["-e", script]).run().expect_code(0);
    assert_eq!(run.stdout.lines().count(), 8_000);
    for line in run.stdout.lines() {
        assert!(line.starts_with("thread ") && line.ends_with(" end") && line.len() <= 26, "{line}");
    }
}

#[test]
fn a_loop_that_never_ends_is_ended_by_a_signal() {
    for script in ["print(0); loop {}", "fn f() { loop { try { loop {} } catch { } } } print(0); f();"] {
        for (signal, code, line) in [(SIGINT, 130, "Received interrupt"), (SIGTERM, 143, "Received SIGTERM")] {
            // The line it prints is held back until a wait: a moment's sleep gives it.
            let script = script.replace("print(0);", "print(0); sleep(1.ms);");
            let running = pingscript(&["-e", &script]).patience(Duration::from_secs(5)).start();
            running.wait_lines(1);
            running.signal(signal);
            let run = running.finish().expect_code(code);
            assert_eq!(run.stdout, format!("0\n{line} stopping pings\n"));
            assert_eq!(run.stderr, "-e: still running half a second later, ended\n");
        }
    }
}

#[test]
fn a_text_of_several_lines_is_shown_without_quotes() {
    for (code, shown) in [("\"a b\"", "\"a b\"\n"), ("\"a\\nb\"", "a\nb\n"), ("[\"a\"]", "[\"a\"]\n")] {
        assert_eq!(pingscript(&["-e", code]).run().expect_code(0).stdout, shown, "{code}");
        assert_eq!(pingscript::<&str>(&[]).stdin(code).run().expect_code(0).stdout, shown, "{code}");
    }
}
