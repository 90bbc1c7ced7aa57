//! `pingscript tour`: a dozen steps at the prompt. Each says what to type and why; what was typed is checked, and a wrong
//! answer is met with a hint.

pub mod steps;

use std::io::IsTerminal;
use std::sync::Arc;

use anyhow::Result;

use self::steps::{STEPS, Step};
use super::diagnostics::Scan;
use super::programs::ScriptHost;
use super::prompt::session::{PromptSession, SessionEnd};
use super::prompt::{Input, Reader, in_session};
use super::run::{Job, exit};
use crate::terminal::output;

const GREETING: &str = "A tour of pingscript. Type what each step says, or try something of your own first.\n\
                        :skip has the step done for you, :hint helps, Ctrl-D leaves.";

const IN_BACK_TICKS: &str =
    "text between double quotes is sent as it stands; values are put into text between back-ticks: `ping ${seq}`";

const FAREWELL: &str = "That was the tour. From here:\n  \
                        pingscript                 a prompt as this one\n  \
                        pingscript scripts         lists scripts to run, read and change\n  \
                        pingscript new udp_ping    writes a copy of one for you to edit\n  \
                        pingscript doc             explains what scripts can call";

/// Goes through the steps; the exit code: 0 also for those who leave early.
///
/// # Errors
/// The system has no descriptor or thread left.
pub fn run(host: &Arc<ScriptHost>) -> Result<i32> {
    in_session(host, Job { seed: Some(1), ..Job::default() }, false, |session| {
        let mut reader = Reader::open(session)?;
        output::prose(GREETING);
        for (index, step) in STEPS.iter().enumerate() {
            output::prose(&format!("\nStep {} of {}: {}\n{}", index + 1, STEPS.len(), step.title, step.text));
            if let Some(code) = go(step, session, &mut reader)? {
                return Ok(code);
            }
        }
        output::line(&format!("\n{FAREWELL}"));
        Ok(exit::DONE)
    })
}

/// One step; `Some`: the tour ends with this exit code.
fn go(step: &Step, session: &mut PromptSession, reader: &mut Reader) -> Result<Option<i32>> {
    if !step.needs.is_empty()
        && let Err(why) = session.quietly(step.needs)
    {
        output::line(&format!("This machine cannot do that, and the step is left out:\n{}", why.trim_end()));
        return Ok(None);
    }
    show(&step.lines);
    let mut typed = 0;
    loop {
        let text = match reader.read(session)? {
            Input::Entry(text) => text,
            Input::End => return Ok(Some(exit::DONE)),
        };
        match text.trim() {
            "" => continue,
            ":hint" => {
                output::prose(&format!("hint: {}", step.hint));
                show(&step.lines);
                continue;
            }
            ":skip" => {
                for line in &step.lines {
                    output::line(&format!("> {line}"));
                    if let Err(SessionEnd::Left(code)) = session.enter(line) {
                        return Ok(Some(code));
                    }
                }
            }
            ":quit" | ":q" => return Ok(Some(exit::DONE)),
            command if command.starts_with(':') => {
                output::line("in the tour there are :skip, :hint and :quit");
                continue;
            }
            entry => {
                typed += 1;
                let ended = session.enter(entry);
                if let Err(SessionEnd::Left(code)) = ended {
                    return Ok(Some(code));
                }
                // A step about a command of one line is done by that line.
                if step.check == "true" && (ended.is_err() || !entry.starts_with("help(")) {
                    output::prose(&format!("hint: {}", step.hint));
                    continue;
                }
                if Scan::new(entry).has_quoted_value() {
                    output::prose(&format!("Not yet. hint: {IN_BACK_TICKS}"));
                    typed = 0;
                    continue;
                }
            }
        }
        if session.quietly(step.check).is_ok_and(|value| value.as_bool() == Ok(true)) {
            output::line("That is it.");
            return Ok(None);
        }
        // Of several lines the first ones cannot be all.
        if typed >= step.lines.len() || text.trim() == ":skip" {
            output::prose(&format!("Not yet. hint: {}", step.hint));
            typed = 0;
        }
    }
}

fn show(lines: &[&str]) {
    let what = if std::io::stdin().is_terminal() { "Type:" } else { "To type:" };
    output::line(&format!("{what}\n    {}", lines.join("\n    ")));
}
