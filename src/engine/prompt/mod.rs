//! The prompt: entries run as they are typed, with variables and functions kept.
//!
//! [`session`] runs entries; [`input`] tells whether one is complete; on a terminal [`terminal`] reads them, with what is in
//! [`complete`], [`highlight`] and [`history`]; [`commands`] are lines that begin with a colon; [`show`] shows results.

pub mod commands;
pub mod complete;
pub mod highlight;
pub mod history;
pub mod input;
mod place;
pub mod session;
pub mod show;
pub mod terminal;

use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::Arc;

use anyhow::Result;

use self::commands::{Asked, Loaded, load, obey};
use self::input::Recogniser;
use self::session::{Ended, Session};
use self::terminal::{Line, Terminal};
use super::programs::ScriptHost;
use super::run::{self, Job, exit};
use super::signals;
use crate::bindings::task::{STACK, finish};
use crate::net::host::ThisMachine;
use crate::net::input::{Line as PipeLine, read_line};
use crate::net::record::Wanted;
use crate::net::{output, prober, stack, sys};

const GREETING: &str =
    "pingscript: type a line of script, such as udp::bind(\"127.0.0.1:0\"); :help explains more, Ctrl-D leaves.";

/// Bytes of one entry, beyond which it is run as it is.
const ENTRY: usize = 1 << 20;

/// Runs the prompt until its input ends; the exit code. `first`: a script to run in it at its start. Without a terminal,
/// entries are run as they come, and the exit code is that of the first error.
///
/// # Errors
/// The system has no descriptor or thread left.
pub fn run(host: &Arc<ScriptHost>, seed: Option<u64>, wanted: Wanted, first: Loaded) -> Result<i32> {
    let on_terminal = std::io::stdin().is_terminal();
    prober::warm_up(&ThisMachine);
    let job = Job { name: "prompt".to_string(), text: String::new(), args: Vec::new(), seed, show_value: true, wanted };
    let context = run::context(host, &job)?;
    if !run::record(&job, &context) {
        return Ok(exit::USAGE);
    }
    let (events, clock) = (context.run.session.clone(), context.host.clone());
    let (last_events, last_clock) = (events.clone(), clock.clone());
    let mode = sys::terminal_mode(std::io::stdin().as_fd());
    signals::at_leaving(move || {
        // The editor turns the echo off while a line is typed, and asks for pasted text in brackets.
        if let Ok(mode) = mode {
            sys::set_terminal_mode(std::io::stdin().as_fd(), &mode);
            if std::io::stdout().is_terminal() {
                let _ = std::io::stdout().write_all(b"\x1b[?2004l\r\n").and_then(|()| std::io::stdout().flush());
            }
        }
        last_events.end(last_clock.unix_nanos());
    });
    signals::stop_entry(None);
    let mut session = Session::new(host.clone(), context);
    let thread = std::thread::Builder::new().name("prompt".to_string()).stack_size(STACK);
    let code = thread.spawn(move || {
        sys::sharpen_timers();
        stack::watch(STACK);
        let code = if on_terminal { talk(&mut session, first) } else { read(&mut session, first) };
        // From here on a signal ends the wait for what entries started.
        signals::stop_script(&session.context.stop);
        finish(&session.context);
        code
    })?;
    let code = code.join().unwrap_or(Ok(exit::SCRIPT));
    let signal = signals::finish();
    events.end(clock.unix_nanos());
    output::flush();
    signal.map_or(code, |reason| Ok(signals::exit_code(reason)))
}

/// The entries of a terminal.
fn talk(session: &mut Session, mut loaded: Loaded) -> Result<i32> {
    output::line(GREETING);
    let mut terminal = Terminal::open(&session.host)?;
    let recogniser = Recogniser::new();
    if loaded.is_some()
        && let Err(Ended::Left(code)) = load(session, &loaded)
    {
        return Ok(code);
    }
    let mut entry = String::new();
    loop {
        let ended = match terminal.read(session, !entry.is_empty())? {
            Line::Text(line) => {
                entry.push_str(&line);
                if !line.starts_with(':') && recogniser.is_incomplete(&entry) && entry.len() < ENTRY {
                    entry.push('\n');
                    continue;
                }
                false
            }
            Line::Interrupted if entry.is_empty() => {
                output::line("(Ctrl-D leaves)");
                continue;
            }
            Line::Interrupted => {
                entry.clear();
                continue;
            }
            Line::End if entry.is_empty() => return Ok(exit::DONE),
            // What is there is run, so that it is told what is missing.
            Line::End => true,
        };
        let text = std::mem::take(&mut entry);
        let text = text.trim_end();
        if text.is_empty() {
            continue;
        }
        if !ended {
            terminal.keep(text);
        }
        let asked = if text.starts_with(':') {
            obey(text, session, &mut loaded)
        } else {
            session.enter(text).map(|()| Asked::Done)
        };
        match asked {
            Ok(Asked::Leave) => return Ok(exit::DONE),
            Ok(Asked::Colour(on)) => terminal.set_colour(on),
            Ok(Asked::Hints(on)) => terminal.set_hints(on),
            Err(Ended::Left(code)) => return Ok(code),
            Ok(Asked::Done) | Err(Ended::Failed) => {}
        }
    }
}

/// The entries of a pipe or a file: what an entry prints is there before the next line is waited for.
fn read(session: &mut Session, mut loaded: Loaded) -> Result<i32> {
    let recogniser = Recogniser::new();
    let mut first = exit::DONE;
    let mut note = |ended: Result<Asked, Ended>| match ended {
        Ok(Asked::Leave) => Some(first),
        Err(Ended::Left(code)) => Some(code),
        Err(Ended::Failed) => {
            first = if first == exit::DONE { exit::SCRIPT } else { first };
            None
        }
        Ok(_) => None,
    };
    if loaded.is_some() && note(load(session, &loaded).map(|()| Asked::Done)).is_some() {
        return Ok(first);
    }
    let mut entry = String::new();
    let mut more = true;
    while more {
        // A signal stops the entry that runs; between entries it ends the prompt, as the end of its input does.
        signals::stop_script(&session.context.stop);
        match read_line(session.context.host.as_ref(), &session.context.stop)? {
            PipeLine::Text(line) => {
                entry.push_str(&line);
                if !line.starts_with(':') && recogniser.is_incomplete(&entry) && entry.len() < ENTRY {
                    entry.push('\n');
                    continue;
                }
            }
            PipeLine::End => more = false,
            PipeLine::Interrupted => break,
        }
        let text = std::mem::take(&mut entry);
        let asked = if text.starts_with(':') {
            obey(text.trim_end(), session, &mut loaded)
        } else {
            session.enter(&text).map(|()| Asked::Done)
        };
        if let Some(code) = note(asked) {
            return Ok(code);
        }
    }
    Ok(first)
}
