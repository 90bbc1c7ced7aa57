//! Names that no name server answers for: the wait for one ends as every wait does.

mod common;

use std::time::{Duration, Instant};

use common::sys::{SIGINT, SIGTERM};
use common::{Cmd, binary, peer, pingscript, require_program_or_skip, require_root_or_skip};

/// Less than any resolver takes to give up.
const SOON: Duration = Duration::from_secs(4);

/// `pingscript -e CODE` where no name server answers; `None`, after saying so, where that cannot be had.
fn unanswered(code: &str) -> Option<Cmd> {
    let what = "names that no name server answers for";
    let binary = binary().display().to_string();
    (require_program_or_skip("python3", what) && require_root_or_skip(what))
        .then(|| peer("sandbox.py", &["no-answer", &binary, "-e", code]))
}

#[test]
fn a_look_up_ends_with_a_signal_and_without_an_error() {
    for (code, signal, expected) in [
        ("print(1); resolve(\"name.example:7\"); print(2);", SIGINT, 130),
        ("print(1); udp::bind(\"name.example:7\"); print(2);", SIGTERM, 143),
        ("print(1); try { icmp::resolve(\"name.example\") } catch (e) { print(e.kind) }", SIGINT, 130),
    ] {
        let Some(cmd) = unanswered(code) else { return };
        let running = cmd.start();
        running.wait_for("1\n");
        let asked = Instant::now();
        running.signal(signal);
        let run = running.finish().expect_code(expected);
        assert!(asked.elapsed() < SOON, "{code}: {:?}", asked.elapsed());
        assert_eq!(run.stderr, "", "{code}");
        assert!(!run.stdout.contains("2\n"), "{code}: {}", run.stdout);
        assert_eq!(run.stdout.contains("interrupted\n"), code.contains("catch"), "{code}: {}", run.stdout);
    }
}

#[test]
fn a_thread_that_looks_up_a_name_can_be_stopped() {
    let code = "let task = start_thread(|| resolve(\"name.example:7\"));
        sleep(100.ms); task.stop();
        print(task.join()); print(resolve(\"localhost:7\").ip);";
    let Some(cmd) = unanswered(code) else { return };
    let asked = Instant::now();
    let run = cmd.run().expect_code(0);
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("\n127.0.0.1\n", ""));
}

#[test]
fn a_look_up_that_nobody_answers_ends() {
    let Some(cmd) = unanswered("try { resolve(\"name.example:7\") } catch (e) { print(e.kind) }") else { return };
    let run = cmd.patience(Duration::from_secs(60)).run().expect_code(0);
    assert_eq!(run.stdout, "resolve\n");
}

#[test]
fn an_address_is_nobodys_name() {
    let code = "print(resolve(\"127.0.0.1:7\")); print(resolve(\"[::1]:7\")); print(resolve(\"[fe80::1%lo]:7\"));";
    let run = pingscript(&["-e", code]).run().expect_code(0);
    assert_eq!(run.stdout, "127.0.0.1:7\n[::1]:7\n[fe80::1%1]:7\n");
}
