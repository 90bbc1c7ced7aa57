//! The prompt: entries run as they are typed, with variables and functions kept.
//!
//! [`session`] runs entries; [`input`] says whether one is complete; on a terminal [`terminal`] reads them, with what is in
//! [`super::complete`], [`highlight`] and [`history`]; [`commands`] are lines that begin with a colon; [`show`] shows results.

pub mod commands;
#[cfg(feature = "cli")]
pub mod highlight;
#[cfg(feature = "cli")]
pub mod history;
pub mod input;
#[cfg(feature = "cli")]
mod jobs;
mod saved;
pub mod session;
pub mod show;
#[cfg_attr(not(feature = "cli"), path = "no_terminal.rs")]
pub mod terminal;

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Result;

use self::commands::{Asked, Loaded, load, obey};
use self::input::Recogniser;
use self::session::{PromptSession, SessionEnd};
use self::terminal::PromptTerminal;
use super::programs::ScriptHost;
use super::recording;
use super::run::{self, Job, exit};
use super::signals;
use super::simulated::{conclude_simulation, leave};
use crate::bindings::finish;
use crate::bindings::task::end_threads;
use crate::net::host::ThisMachine;
use crate::net::host::threads;
use crate::net::socket::prober;
use crate::net::sys;
use crate::terminal::input::{InputLine as PipeLine, read_line};
use crate::terminal::output;

const GREETING: &str = "pingscript: type a line of script; :help explains more, Ctrl-D leaves.";

/// Commands that need no colon: what other prompts and shells call them.
const BARE: [&str; 5] = ["help", "?", "clear", "exit", "quit"];

/// Bytes of one entry, beyond which it is run as it is.
const ENTRY: usize = 1 << 20;

/// Runs the prompt until its input ends; the exit code. `first`: a script to run in it at its start. Without a terminal,
/// entries are run as they come, and the exit code is that of the first error.
///
/// # Errors
/// The system has no descriptor or thread left.
pub fn run(host: &Arc<ScriptHost>, job: Job, first: Loaded) -> Result<i32> {
    // Where a script would print what was lost and why, its lines from a pipe do, too.
    let accounts = !std::io::stdin().is_terminal();
    in_session(host, job, accounts, move |session| {
        let mut reader = Reader::open(session)?;
        if reader.is_terminal() {
            output::line(GREETING);
        }
        converse(session, &mut reader, first)
    })
}

/// Runs `body` with a session on a thread with a script's stack; the exit code, also of what the session started. At its end what
/// was lost and why is printed, if `accounts`.
///
/// # Errors
/// The system has no descriptor or thread left; what `body` returns.
pub fn in_session(
    host: &Arc<ScriptHost>,
    job: Job,
    accounts: bool,
    body: impl FnOnce(&mut PromptSession) -> Result<i32> + Send + 'static,
) -> Result<i32> {
    signals::stop_entry(None);
    let restore = terminal::listen()?;
    let begun = sys::monotonic_nanos();
    if !job.simulate {
        prober::warm_up(&ThisMachine);
    }
    let job = Job { name: "prompt".to_string(), show_value: true, ..job };
    let context = run::context(host, &job)?;
    if !recording::record(&job, &context, None) {
        return Ok(exit::USAGE);
    }
    let (events, clock) = (context.run.session.clone(), context.host.clone());
    signals::at_leaving(move || {
        restore();
        events.end(clock.unix_nanos());
    });
    let ending = context.clone();
    let mut session = PromptSession::new(host.clone(), context);
    let code = threads::spawn_script("prompt", move || {
        let code = body(&mut session);
        // From here on a signal ends the wait for what entries started.
        signals::stop_script(&session.context.stop);
        finish(&session.context);
        leave(&session.context);
        code
    })?;
    let code = code.join().unwrap_or(Ok(exit::SCRIPT));
    let signal = signals::finish();
    match accounts {
        true => run::account(&ending),
        false => ending.run.session.end(ending.host.unix_nanos()),
    }
    output::flush();
    conclude_simulation(&ending, begun, false, 0);
    signal.map_or(code, |reason| Ok(exit::of_signal(reason)))
}

/// What was typed at a terminal.
#[derive(Debug, PartialEq, Eq)]
pub enum PromptLine {
    /// A line.
    Text(String),
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-C right after Enter: what was typed is not to run.
    Withdrawn,
    /// Ctrl-D.
    End,
}

/// What was entered.
#[derive(Debug, PartialEq, Eq)]
pub enum Input {
    /// A whole entry, of one line or several.
    Entry(String),
    /// Nothing more comes.
    End,
}

/// Reads entries: from the terminal, or from a pipe or a file.
pub struct Reader {
    terminal: Option<PromptTerminal>,
    recogniser: Recogniser,
    ended: bool,
}

impl Reader {
    /// Reads from the terminal if standard input is one.
    ///
    /// # Errors
    /// The terminal cannot be used.
    pub fn open(session: &PromptSession) -> Result<Self> {
        let terminal = std::io::stdin().is_terminal().then(|| PromptTerminal::open(&session.host)).transpose()?;
        Ok(Self { terminal, recogniser: Recogniser::new(), ended: false })
    }

    /// Whether entries come from a terminal.
    pub fn is_terminal(&self) -> bool {
        self.terminal.is_some()
    }

    /// The next entry. What entries before it have printed is there before it is waited for.
    ///
    /// # Errors
    /// The terminal is gone, or the input cannot be read.
    pub fn read(&mut self, session: &PromptSession) -> Result<Input> {
        let mut entry = String::new();
        while !self.ended {
            let line = match &mut self.terminal {
                Some(terminal) => match terminal.read(session, !entry.is_empty())? {
                    PromptLine::Interrupted => {
                        if entry.is_empty() {
                            output::line("(Ctrl-D leaves)");
                        }
                        entry.clear();
                        continue;
                    }
                    PromptLine::Withdrawn => {
                        output::note("stopped before it began");
                        entry.clear();
                        continue;
                    }
                    PromptLine::Text(line) => line,
                    PromptLine::End if entry.is_empty() => break,
                    // What is there is run, so that the error says what is missing.
                    PromptLine::End => return Ok(Input::Entry(entry)),
                },
                None => {
                    // A signal stops the entry that runs; between entries it ends the prompt, as the end of its input does.
                    signals::stop_script(&session.context.stop);
                    match read_line(&session.context.stop)? {
                        PipeLine::Text(line) => line,
                        PipeLine::End => {
                            self.ended = true;
                            continue;
                        }
                        PipeLine::Interrupted => break,
                    }
                }
            };
            let is_command = entry.is_empty() && line.starts_with(':');
            entry.push_str(&line);
            if !is_command && self.recogniser.is_incomplete(&entry) && entry.len() < ENTRY {
                entry.push('\n');
                continue;
            }
            let text = entry.trim_end();
            if let Some(terminal) = self.terminal.as_mut().filter(|_| !text.is_empty()) {
                terminal.keep(text);
            }
            return Ok(Input::Entry(entry));
        }
        Ok(if entry.is_empty() { Input::End } else { Input::Entry(entry) })
    }
}

/// `help sock` and `?sock`, as other prompts have it, as the command that does it.
fn asked_for_help(text: &str) -> Option<String> {
    let topic = text.strip_prefix('?').or_else(|| text.strip_prefix("help "))?.trim().trim_end_matches(';');
    let is_name = |c: char| c.is_alphanumeric() || "_:.".contains(c);
    topic.chars().all(is_name).then(|| format!(":help {topic}"))
}

/// A prompt that is left ends its threads, too.
fn left(session: &PromptSession, code: i32) -> i32 {
    end_threads(&session.context);
    code
}

/// Runs entries until there are no more; the exit code. On a terminal an error is no failure.
fn converse(session: &mut PromptSession, reader: &mut Reader, mut loaded: Loaded) -> Result<i32> {
    let mut first = exit::DONE;
    let is_piped = reader.terminal.is_none();
    let mut ended = if loaded.is_some() { load(session, &loaded).map(|()| Asked::Done) } else { Ok(Asked::Done) };
    loop {
        if is_piped && first == exit::DONE {
            // A failed check is no error of the entry.
            let unexpected = session.context.run.unexpected.load(Ordering::Relaxed);
            let failed = matches!(ended, Err(SessionEnd::Failed)).then_some(exit::SCRIPT);
            first = if unexpected { exit::EXPECT } else { failed.unwrap_or(exit::DONE) };
        }
        match (ended, reader.terminal.as_mut()) {
            (Ok(Asked::Leave), _) => return Ok(left(session, first)),
            // In a pipe an error before it is not to be taken for success.
            (Err(SessionEnd::Left(exit::DONE)), None) => return Ok(left(session, first)),
            (Err(SessionEnd::Left(code)), _) => return Ok(left(session, code)),
            (Ok(Asked::Colour(on)), Some(terminal)) => terminal.set_colour(on),
            (Ok(Asked::Hints(on)), Some(terminal)) => terminal.set_hints(on),
            (Ok(Asked::Clear), Some(terminal)) => terminal.clear(),
            _ => {}
        }
        let Input::Entry(text) = reader.read(session)? else {
            // A pipe that has ended is a script at its end, which waits for its threads.
            return Ok(if is_piped { first } else { left(session, first) });
        };
        let text = text.trim_end();
        // What other prompts take for commands, where it is no variable.
        let bare = BARE.contains(&text) && !session.scope.contains(text);
        let asked = asked_for_help(text);
        ended = match text.starts_with(':') || bare || asked.is_some() {
            true => obey(asked.as_deref().unwrap_or(text), session, &mut loaded),
            false => session.enter(text).map(|()| Asked::Done),
        };
    }
}
