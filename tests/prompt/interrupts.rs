//! Ctrl-C, Ctrl-Z and signals at the prompt.

use super::*;

#[test]
fn no_interrupt_is_lost_whatever_comes_with_it() {
    let dir = TempDir::new();
    let running = prompt(&dir, &[]);
    ready(&running);
    for _ in 0..200 {
        let before = running.stdout().matches(READING).count();
        // Of two signals that have come the reader takes note of the first.
        running.signal(sys::SIGWINCH);
        running.signal(sys::SIGINT);
        running.wait_until("a new line", |text| text.matches(READING).count() > before);
        running.wait_until("its beginning", |text| text.rfind("\x1b[K> ") > text.rfind(READING));
    }
    leave(running);
}

#[test]
fn ctrl_c_stops_what_runs_and_nothing_is_lost() {
    let dir = TempDir::new();
    let mut running = prompt(&dir, &[]);
    ready(&running);
    enter(&mut running, "let kept = 40; let sock = udp::bind(\"127.0.0.1:0\"); kept", "\n40\n");
    for (n, entry) in ["loop {}", "sock.recv()", "sleep(1.h)", "start_thread(|| sleep(1.h)).join()"].iter().enumerate()
    {
        // It runs when it has printed; then the terminal's Ctrl-C is a signal.
        let begun = format!("begun {n}");
        running.type_text(&format!("print(`begun ${{{n}}}`); sleep(1.ms); {entry}\r"));
        running.wait_for(&format!("\n{begun}\n"));
        running.press_ctrl_c();
        running.wait_until("a prompt", |text| text.rfind(READING) > text.rfind(&format!("\n{begun}\n")));
        enter(&mut running, "kept += 1; kept", &format!("\n{}\n", 41 + n));
    }
    enter(&mut running, "tasks()[0].stop()", READING);
    let screen = leave(running);
    assert!(screen.contains("entry 2: stopped") && screen.contains("entry 4: interrupted"), "{screen}");
}

#[test]
fn ctrl_c_right_after_enter_stops_the_entry() {
    let dir = TempDir::new();
    let mut running = prompt(&dir, &[]);
    ready(&running);
    for n in 0..30 {
        // At once, and at moments at which the editor hands the line over and the entry begins.
        running.type_text("loop {}\r");
        std::thread::sleep(Duration::from_micros(150 * n));
        running.press_ctrl_c();
        // Whatever became of it, the next entry runs.
        let sum = 1_000 + n;
        let answer = format!("\n{sum}\n");
        let deadline = std::time::Instant::now() + PATIENCE;
        while !running.stdout().contains(&answer) {
            assert!(std::time::Instant::now() < deadline, "round {n}:\n{}", running.stdout());
            running.type_text(&format!("{} + {n}\r", sum - n));
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    // All of them have run: a terminal that hands over whole lines would keep the Ctrl-D.
    enter(&mut running, "2_000 + 1", "\n2001\n");
    leave(running);
}

#[test]
fn a_line_goes_on_after_the_process_was_stopped_and_continued() {
    let dir = TempDir::new();
    let mut running = prompt(&dir, &[]);
    ready(&running);
    running.type_text("let kept = 40");
    running.wait_for("let kept = 40");
    for n in 1..=3 {
        let before = running.stdout().matches("let kept = 40").count();
        running.signal(libc::SIGSTOP);
        running.signal(libc::SIGCONT);
        running.wait_until("the line anew", |text| text.matches("let kept = 40").count() > before);
        // No one could go on with a process that leads its session.
        running.type_text("\x1a");
        running.type_text(&n.to_string());
        running.wait_until("the digit", |text| text.ends_with(&n.to_string()));
    }
    enter(&mut running, "; kept", "\n40123\n");
    leave(running);
}

#[test]
fn sigterm_ends_the_brackets_of_pasted_text() {
    let dir = TempDir::new();
    let running = prompt(&dir, &[]);
    ready(&running);
    running.wait_for("\x1b[?2004h");
    running.signal(sys::SIGTERM);
    let screen = running.finish().expect_code(143).stdout;
    let (on, off) = (screen.rfind("\x1b[?2004h"), screen.rfind("\x1b[?2004l"));
    assert!(off > on, "{screen:?}");
}
