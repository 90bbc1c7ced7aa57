//! `--live`: a picture of the run below its lines, on a terminal that is left as it was.

mod common;

use std::fs;
use std::path::Path;

use common::sys::{SIGHUP, SIGINT, SIGTERM};
use common::{Cmd, Running, TempDir, binary, pingscript};

/// Pings of which every fifth is lost, and a line for each.
const PINGS: &str = "
let server = udp::bind(\"127.0.0.1:0\");
set_policy(server, every(5));
start_thread(|| for pkt in server { pkt.reply(pkt.text.to_upper()); });
let plan = #{ count: COUNT, interval: 40.ms, window: 64, timeout: 200.ms, icmp_wait: 0.s };
for ping in pinger(udp::open(server.addr), server.addr, plan) { print(`ping ${ping.seq} ${ping.kind}`); }
exit(0);
";

/// What erases the view.
const ERASE: &str = "\r\x1b[J";

fn script(dir: &TempDir, count: usize) -> String {
    dir.write("pings.rhai", &PINGS.replace("COUNT", &count.to_string())).display().to_string()
}

/// A shell's line on a terminal of 80 columns and 24 lines.
fn on_terminal(line: &str) -> Running {
    let line = format!("stty cols 80 rows 24; {line}").replace("PINGSCRIPT", &binary().display().to_string());
    Cmd::new(Path::new("bash"), &["-c", &line]).env("NO_COLOR", "1").error_on_terminal().start_on_terminal()
}

/// What the screen shows once all is over: what follows where the view was erased last, and what stood before without it.
fn left(screen: &str) -> &str {
    screen.rsplit(ERASE).next().unwrap_or(screen)
}

#[test]
fn the_view_stands_below_the_lines_and_goes_away() {
    let dir = TempDir::new();
    let run = on_terminal(&format!("exec PINGSCRIPT --live {}", script(&dir, 40)));
    run.wait_for("── pings.rhai: ");
    run.wait_for("┤");
    run.wait_for(" dropped by every(5)");
    let screen = run.finish().expect_code(0).stdout;
    assert!(screen.contains('×') && screen.contains("p99 "), "{screen}");
    assert!(!left(&screen).contains('─') && left(&screen).contains("Lost 8 of 40 pings"), "{screen}");
    // Each line once, in the order in which pings end.
    for seq in 1..=40 {
        let kind = if seq % 5 == 0 { "timeout" } else { "reply" };
        assert_eq!(screen.matches(&format!("ping {seq} {kind}\n")).count(), 1, "{seq}: {screen}");
    }
}

#[test]
fn signals_leave_the_terminal_as_it_was() {
    let dir = TempDir::new();
    for (signal, code, line) in [(SIGINT, 130, "interrupt"), (SIGTERM, 143, "SIGTERM"), (SIGHUP, 129, "SIGHUP")] {
        let run = on_terminal(&format!("exec PINGSCRIPT --live {}", script(&dir, 10_000)));
        run.wait_for(" dropped by every(5)");
        run.signal(signal);
        let screen = run.finish().expect_code(code).stdout;
        assert!(screen.contains(&format!("Received {line}")), "{screen}");
        assert!(!left(&screen).contains('─') && left(&screen).contains("unexplained"), "{screen}");
    }
    // At once, by a second signal.
    let code = "start_thread(|| { while true { } }); for n in ticks(10.ms) { print(n); } while true { }";
    let run = on_terminal(&format!("exec PINGSCRIPT --live -e '{code}'"));
    run.wait_for("── -e: ");
    run.signal(SIGTERM);
    run.wait_for("SIGTERM");
    run.signal(SIGTERM);
    let screen = run.finish().expect_code(143).stdout;
    assert!(!left(&screen).contains('─'), "{screen}");
}

#[test]
fn a_run_that_is_suspended_goes_on_with_its_view() {
    let dir = TempDir::new();
    let mut run = on_terminal(&format!("set -m; PINGSCRIPT --live {}; fg; echo code $?", script(&dir, 60)));
    run.wait_for(" dropped by every(5)");
    run.type_text("\x1a");
    let screen = run.wait_for("Stopped");
    let (before, _) = screen.rsplit_once("Stopped").expect("the shell's line");
    assert!(!left(before).contains('─'), "{screen}");
    let drawn = screen.matches("── pings.rhai").count();
    run.wait_until("the view again", |text| text.matches("── pings.rhai").count() > drawn);
    run.wait_for("code 0");
    let screen = run.finish().expect_code(0).stdout;
    assert!(!left(&screen).contains('─'), "{screen}");
}

#[test]
fn while_a_line_is_read_the_view_is_away() {
    let code =
        "print(\"before\"); sleep(300.ms); let n = predict(\"How many?\", 3); sleep(300.ms); print(`said ${n.said}`);";
    let mut run = on_terminal(&format!("exec PINGSCRIPT --live -e '{code}'"));
    let screen = run.wait_for("(Enter: 3)");
    assert!(screen.contains("── -e: 0 pings") && !left(&screen).contains("──"), "{screen}");
    run.type_text("5\r");
    run.wait_for("said 5");
    let screen = run.finish().expect_code(0).stdout;
    let (_, after) = screen.split_once("(Enter: 3)").expect("the question");
    assert!(after.contains("── -e: 0 pings"), "{screen}");
}

#[test]
fn rows_go_where_they_are_wanted_all_the_same() {
    let dir = TempDir::new();
    let (rows, script) = (dir.path().join("rows.jsonl"), script(&dir, 20));
    let run = on_terminal(&format!("exec PINGSCRIPT --live --json - {script} > {}", rows.display()));
    run.wait_for("── pings.rhai: ");
    let screen = run.finish().expect_code(0).stdout;
    assert!(screen.contains("ping 20 timeout\n"), "{screen}");
    let rows = fs::read_to_string(rows).expect("rows");
    assert_eq!(rows.lines().filter(|row| row.starts_with("{\"type\":\"probe\"")).count(), 20, "{rows}");
    assert!(!rows.contains('\x1b'), "{rows}");
}

#[test]
fn without_a_terminal_there_is_no_view_and_one_line_says_so() {
    let dir = TempDir::new();
    let script = script(&dir, 5);
    let run = pingscript(&["--live", &script]).run().expect_code(0);
    assert_eq!(run.stderr.matches("--live: there is no terminal to draw on\n").count(), 1, "{}", run.stderr);
    assert!(!run.stdout.contains('\x1b') && run.stdout.contains("ping 5 timeout\n"), "{}", run.stdout);
}

#[test]
fn where_it_makes_no_sense_it_is_refused() {
    for (args, why) in [
        (&["--live"][..], "the prompt has the terminal for itself"),
        (&["--live", "-i", "udp_ping"], "cannot be used with"),
        (&["--live", "--watch", "udp_ping"], "cannot be used with"),
        (&["--live", "doctor"], "it is for scripts"),
    ] {
        let run = pingscript(args).run().expect_code(2);
        assert!(run.stderr.contains(why), "{args:?}\n{}", run.stderr);
    }
}
