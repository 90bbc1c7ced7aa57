//! `pingscript doctor`: what works on this machine, what does not, and what to do about it.

use std::fmt::Write;

use clap::Args;
use serde::Serialize;

use super::run::{exit, refuse};
use super::signals;
use crate::doctor;
use crate::doctor::{Area, Check, CheckResult, State, System};
use crate::net::error::Error;
use crate::net::host::ThisMachine;
use crate::net::host::stop::Stop;
use crate::terminal::columns::fit;
use crate::terminal::{colour, output};

/// What of it is wanted.
#[derive(Args, Clone, Debug, Default)]
pub struct Doctor {
    /// Print the report as JSON
    #[arg(long, conflicts_with = "apparmor_profile")]
    pub json: bool,

    /// Print the AppArmor profile that allows labs to this program, where ordinary users' namespaces have no rights (Ubuntu
    /// 23.10 and later); without this option, doctor says when it is needed and how it is installed
    #[arg(long)]
    pub apparmor_profile: bool,
}

/// The end of what `doctor --help` says.
pub const EXIT_CODES: &str = "\
Exit codes:
    0  all that matters works: UDP and ICMP pings, servers, labs
    1  something that matters does not work, and no permission would change that
    2  wrong command line
    4  something that matters is refused: a permission or a setting is missing";

/// Does what is asked for; the exit code.
pub fn run(asked: &Doctor) -> i32 {
    let system = System::this();
    if asked.apparmor_profile {
        output::line(doctor::apparmor_profile(&system.program).trim_end());
        return finish(exit::DONE);
    }
    print_report(&system, asked.json)
}

/// Tries everything out and reports it; the exit code.
fn print_report(system: &System, json: bool) -> i32 {
    let stop = match Stop::root() {
        Ok(stop) => stop,
        Err(err) => {
            return refuse(
                &Error::system("doctor", &err).with_hint("too little is left of files; look at `ulimit -n`"),
            );
        }
    };
    signals::stop_script(&stop);
    let checks = doctor::examine(&ThisMachine, &stop, system);
    if let Some(reason) = signals::finish() {
        // Half of it would mislead.
        return finish(exit::of_signal(reason));
    }
    let code = match doctor::verdict(&checks) {
        CheckResult::Works => exit::DONE,
        CheckResult::Refused => exit::PERMISSION,
        CheckResult::Broken => exit::NO_REPLY,
    };
    match json {
        true => output::line(&as_json(system, &checks, code)),
        false => output::styled(&as_text(system, &checks, colour::is_wanted(output::lines_are_on_terminal()))),
    }
    finish(code)
}

/// Ends the output; the exit code.
fn finish(code: i32) -> i32 {
    output::flush();
    if code == exit::DONE && output::has_failed() { exit::SCRIPT } else { code }
}

/// Everything for other programs.
#[derive(Debug, Serialize)]
struct Report<'a> {
    version: &'static str,
    system: &'a System,
    exit: i32,
    checks: &'a [Check],
}

fn as_json(system: &System, checks: &[Check], exit: i32) -> String {
    let report = Report { version: env!("CARGO_PKG_VERSION"), system, exit, checks };
    serde_json::to_string_pretty(&report).unwrap_or_default()
}

fn as_text(system: &System, checks: &[Check], colourful: bool) -> String {
    let mut text = format!("pingscript {} on {}", env!("CARGO_PKG_VERSION"), system.kernel);
    if !system.distribution.is_empty() {
        let _ = write!(text, ", {}", system.distribution);
    }
    let _ = writeln!(text, ", as {}", system.user);
    for area in Area::ALL {
        let _ = writeln!(text, "{}", title(area));
        for check in checks.iter().filter(|check| check.area == area) {
            add(&mut text, check, colourful);
        }
    }
    text.push('\n');
    text.push_str(&fit(&conclusion(checks), WIDTH));
    text
}

fn title(area: Area) -> &'static str {
    match area {
        Area::Udp => "UDP",
        Area::Icmp => "ICMP",
        Area::Process => "Clocks and limits",
        Area::Labs => "Labs",
    }
}

/// Lines are no longer than this, but for commands, which stay whole.
const WIDTH: usize = 80;

/// Where findings begin.
const INDENT: usize = 29;

/// Adds a check: what was found, what that means, what to do.
fn add(text: &mut String, check: &Check, colourful: bool) {
    let (word, colour) = match check.state {
        State::Ok => ("ok", "32"),
        State::Limited => ("limited", "33"),
        State::Refused => ("refused", "31"),
        State::Broken => ("broken", "31"),
    };
    let word = if colourful { format!("\x1b[{colour}m{word:8}\x1b[0m") } else { format!("{word:8}") };
    let found = match check.meaning.as_str() {
        "" => check.finding.clone(),
        meaning => format!("{}; {meaning}", check.finding),
    };
    // Behind the blanks that the finding goes on beneath.
    let found = fit(&format!("{}{found}", " ".repeat(INDENT)), WIDTH);
    let _ = writeln!(text, "  {word} {:18}{}", check.title, &found[INDENT..]);
    for remedy in &check.remedies {
        let _ = writeln!(text, "      -> {remedy}");
    }
}

/// What it all comes to, and what still works.
fn conclusion(checks: &[Check]) -> String {
    let of = |state: State| checks.iter().filter(move |check| check.state == state);
    let names = |state| of(state).map(|check| check.title).collect::<Vec<_>>().join(", ");
    let mut parts = Vec::new();
    match doctor::verdict(checks) {
        CheckResult::Works if of(State::Limited).next().is_none() => parts.push("Everything works.".to_string()),
        CheckResult::Works => parts.push("All that matters works.".to_string()),
        CheckResult::Refused => parts.push(format!("Refused: {}.", names(State::Refused))),
        CheckResult::Broken => parts.push(format!("Does not work: {}.", names(State::Broken))),
    }
    let lab_works = of(State::Ok).chain(of(State::Limited)).any(|check| check.id == doctor::LAB);
    if !lab_works {
        parts.push(WITHOUT_LAB.to_string());
    }
    parts.join(" ")
}

/// What can be done where no lab can be had.
const WITHOUT_LAB: &str = "Without labs all other scripts run: pingers and servers over loopback and real networks, several \
                           hosts as 127.0.0.1, 127.0.0.2 and so on, loss and delay by the policies of servers \
                           (--policy), and real port-unreachable errors from closed ports.";
