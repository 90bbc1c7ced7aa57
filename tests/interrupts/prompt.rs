//! Signals while a script is read, and at the prompt.

use super::*;

#[test]
fn a_signal_between_the_entries_of_a_pipe_ends_the_prompt() {
    for signal in SIGNALS {
        let mut running = Cmd::start(pingscript::<&str>(&[]).patience(PATIENCE));
        running.type_text("start_thread(|| { sleep(1.h); print(\"woken\"); });\nprint(\"ready\")\n");
        running.wait_for("ready\n");
        // The next line is being waited for.
        thread::sleep(Duration::from_millis(200));
        let (run, _) = stop(running, signal);
        assert!(run.stdout.ends_with("woken\n"), "{}", run.stdout);
    }
}

#[test]
fn a_signal_while_the_script_is_read_ends_it_at_once() {
    for signal in SIGNALS {
        let end = || {
            let mut running = Cmd::start(pingscript(&["-"]).patience(PATIENCE));
            running.type_text("print(\"the end\");\n");
            thread::sleep(Duration::from_millis(200));
            let (run, took) = stop(running, signal);
            assert_eq!((run.stdout, run.stderr), (format!("{}\n", signal.2), String::new()));
            took
        };
        // One of several, on a busy machine: before the grace is over that a running script has.
        assert!((0..10).any(|_| end() < Duration::from_millis(500)));
    }
}

#[test]
fn sigterm_at_the_prompt_restores_the_terminal_and_ends_the_rows() {
    let dir = common::TempDir::new();
    let file = dir.path().join("rows").display().to_string();
    sigterm_on_a_terminal(&["--json", &file]);
    let rows = std::fs::read_to_string(&file).expect("rows");
    assert!(rows.lines().next_back().is_some_and(|row| row.contains("\"summary\"")), "{rows}");
}

#[test]
fn sigterm_to_a_lab_with_its_shell_restores_the_terminal() {
    let what = "a shell in a lab";
    if common::require_lab_or_skip(what) && common::require_program_or_skip("bash", what) {
        sigterm_on_a_terminal(&["lab"]);
    }
}

/// Sends SIGTERM to the binary on a terminal, once a line is edited there, and checks that the terminal echoes afterwards.
fn sigterm_on_a_terminal(args: &[&str]) {
    let (screen, terminal) = sys::open_terminal().expect("a terminal");
    assert!(sys::echoes(&screen));
    let mut command = Command::new(common::binary());
    command.args(args).env("TERM", "xterm").env("XDG_STATE_HOME", "").env("HOME", "").env("SHELL", "bash");
    command.stdin(terminal.try_clone().expect("shared")).stdout(terminal.try_clone().expect("shared"));
    sys::take_terminal(&mut command);
    let mut child = command.stderr(terminal.try_clone().expect("shared")).spawn().expect("starts");
    let deadline = Instant::now() + PATIENCE;
    while sys::echoes(&screen) {
        assert!(Instant::now() < deadline, "no prompt");
        thread::sleep(Duration::from_millis(5));
    }
    sys::send_signal(child.id(), sys::SIGTERM);
    assert_eq!(child.wait().expect("ends").code(), Some(143));
    assert!(sys::echoes(&screen));
    drop(terminal);
}
