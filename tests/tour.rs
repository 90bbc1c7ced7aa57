//! `pingscript tour`: each step is done by what it says, and a wrong answer is met with a hint.

mod common;

use std::time::Duration;

use common::{Cmd, pingscript};
use pingscript::engine::tour::steps::STEPS;

fn tour() -> Cmd {
    pingscript(&["tour"]).patience(Duration::from_secs(120))
}

/// Runs the tour with these lines; its screen, cut at the steps.
fn steps(input: &str) -> Vec<String> {
    let run = tour().stdin(input).run().expect_code(0);
    let screen = [run.stdout, run.stderr].concat();
    let parts: Vec<String> = screen.split("\nStep ").skip(1).map(str::to_string).collect();
    assert!(!parts.is_empty(), "{screen}");
    parts
}

#[test]
fn what_each_step_says_to_type_does_it() {
    let lines: Vec<&str> = STEPS.iter().flat_map(|step| &step.lines).copied().collect();
    let screen = steps(&(lines.join("\n") + "\n"));
    assert_eq!(screen.len(), STEPS.len(), "{screen:#?}");
    for (part, step) in screen.iter().zip(STEPS.iter()) {
        let left_out = !step.needs.is_empty() && part.contains("the step is left out");
        assert!(part.contains("\nThat is it.\n") || left_out, "{}:\n{part}", step.title);
        assert!(!part.contains("hint:") || left_out, "{}:\n{part}", step.title);
    }
    assert!(screen.last().is_some_and(|part| part.contains("That was the tour.")), "{screen:#?}");
}

#[test]
fn a_wrong_answer_is_met_with_a_hint_and_the_step_goes_on() {
    // For each step something that runs, or does not, and does not do it.
    for (index, wrong) in [
        (0, "let wait = 0.s;"),
        (0, "wait = 5"),
        (1, "let srv = start(\"udp_server_plain.rhai\", [\"--listen\", \"127.0.0.1:0\", \"--quiet\"]);"),
        (2, "let sock = 5;"),
        (3, "let ping = sock.ping(udp::closed_port(), \"x\", wait);"),
        (4, "let rtts = stats(); for seq in 1..=10 { rtts.add(sock.ping(server.addr, \"ping ${seq}\", wait)); } rtts"),
        (5, "set_policy(server, |pkt| pass());"),
        (5, "set_policy(server, |pkt| if pkt.number / 3 == 0 { drop() } else { pass() });"),
        (7, "let gone = 1;"),
        (8, "5"),
        (10, ":nonsense"),
    ] {
        let skips = ":skip\n".repeat(index);
        let wrong = format!("{wrong}\n").repeat(STEPS[index].lines.len());
        let screen = steps(&format!("{skips}{wrong}:hint\n:skip\n"));
        let part = &screen[index];
        assert!(part.contains("hint: ") || wrong.starts_with(':'), "step {}, {wrong}:\n{part}", index + 1);
        assert!(part.matches(STEPS[index].lines[0]).count() >= 3, "step {}, :hint and :skip:\n{part}", index + 1);
        assert!(part.contains("\nThat is it.\n"), "step {}, {wrong}:\n{part}", index + 1);
    }
}

#[test]
fn those_who_leave_early_leave_nothing_behind() {
    let run = tour().stdin(":skip\n:skip\n:quit\n").run().expect_code(0);
    assert!(run.stdout.contains("Step 3 of") && !run.stdout.contains("Step 4 of"), "{}", run.stdout);
    tour().stdin("").run().expect_code(0);
    tour().stdin("exit(7)\n").run().expect_code(7);
}

#[test]
fn the_tour_is_taken_on_a_terminal() {
    let mut running = tour().env("TERM", "xterm").env("NO_COLOR", "1").start_on_terminal();
    running.wait_for("Type:\n    let wait = 250.ms;\n");
    running.wait_for("\x1b[?2004h");
    running.type_text("let wait = 1.s;\r");
    running.wait_for("That is it.\n");
    running.wait_until("the next step", |text| text.contains("Step 2 of") && text.matches("\x1b[?2004h").count() == 2);
    running.type_text("\x04");
    running.finish().expect_code(0);
}
