//! The prompt on a terminal: an editor with history, completion, colours and hints, above which other threads' lines appear.

use std::borrow::Cow;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use rustyline::completion::{Completer, Pair};
use rustyline::config::Configurer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hint as _, Hinter};
use rustyline::history::{History as _, MemHistory, SearchDirection};
use rustyline::validate::Validator;
use rustyline::{ColorMode, CompletionType, Config, Context, Editor, Helper};
use unicode_width::UnicodeWidthChar;

use super::PromptLine;
use super::commands::COMMANDS;
use super::highlight::coloured;
use super::history::{ENTRIES, History};
pub(super) use super::jobs::listen;
use super::session::PromptSession;
use crate::engine::complete::{KnownNames, Variable, complete, kind_of};
use crate::engine::help::EntryKind;
use crate::engine::programs::ScriptHost;
use crate::engine::signals;
use crate::net::host::blocking::BlockingCall;
use crate::net::host::threads;
use crate::net::sys;
use crate::terminal::colour::is_wanted;
use crate::terminal::{output, prompt_output};

/// What stands before a first line, and before those that go on.
const PROMPTS: [&str; 2] = ["> ", ". "];

/// How often it is tried to end the wait for a key so that the size of the window is noticed.
const RESIZE_TRIES: u32 = 20;

/// The pause between two tries: at first, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));

/// The editor.
pub struct PromptTerminal {
    editor: Editor<Assistant, MemHistory>,
    history: History,
    /// Whether other threads' lines are shown above the one that is typed.
    shares: bool,
    /// Whether it was reported that the history cannot be kept.
    reported: bool,
    /// Where the thread sits that reads a line.
    blocking_call: Arc<BlockingCall>,
}

impl PromptTerminal {
    /// An editor with the history of earlier sessions.
    ///
    /// # Errors
    /// The terminal cannot be used.
    pub fn open(host: &Arc<ScriptHost>) -> Result<Self> {
        // Needed for the first hint, and ready by then.
        let collector = host.clone();
        threads::spawn("reference", move || {
            collector.reference();
        })?;
        let config = Config::builder()
            .max_history_size(ENTRIES)?
            .history_ignore_dups(true)?
            .completion_type(CompletionType::List)
            // Ctrl-C is a signal at any time: one that comes right after Enter would else be a key that no one reads.
            .enable_signals(true)
            .build();
        let history = History::of_user();
        let mut memory = MemHistory::with_config(&config);
        for entry in history.load() {
            memory.add_owned(entry)?;
        }
        let mut editor = Editor::with_history(config, memory)?;
        let colour = is_wanted(std::io::stdout().is_terminal());
        editor.set_helper(Some(Assistant {
            host: host.clone(),
            variables: Mutex::default(),
            functions: Mutex::default(),
            hints: AtomicBool::new(colour),
            colour: AtomicBool::new(colour),
            seen: Mutex::default(),
            hint: Mutex::default(),
        }));
        // Without colours too: the editor then still says where the cursor is, whatever NO_COLOR says.
        editor.set_color_mode(if std::io::stdout().is_terminal() { ColorMode::Forced } else { ColorMode::Disabled });
        let shares = std::io::stdout().is_terminal() && !is_plain_terminal();
        if shares {
            threads::spawn("printer", prompt_output::ask_for_lines)?;
        }
        sys::keep_signals()?;
        let blocking_call = Arc::new(BlockingCall::default());
        let of_reader = blocking_call.clone();
        threads::spawn("interrupts", move || end_waits(&of_reader))?;
        Ok(Self { editor, history, shares, reported: false, blocking_call })
    }

    /// Reads a line; `continued`: of an entry that has begun.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn read(&mut self, session: &PromptSession, continued: bool) -> Result<PromptLine> {
        if let Some(assistant) = self.editor.helper() {
            assistant.look_at(session);
        }
        let prompt = PROMPTS[usize::from(continued)];
        let mut so_far = (String::new(), 0);
        loop {
            output::flush();
            // First: that it is asked to let go of the line is an interrupt too.
            let before = sys::begin_reading();
            if self.shares {
                prompt_output::begin();
            }
            let seated = self.blocking_call.take();
            let line = self.editor.readline_with_initial(prompt, so_far.0.split_at(so_far.1));
            sys::end_reading();
            drop(seated);
            let rows = self.rows(prompt);
            // The editor has gone to the line below.
            let erase = || match &line {
                Err(ReadlineError::Interrupted) => format!("\x1b[{rows}A\r\x1b[J"),
                _ => String::new(),
            };
            let asked = if self.shares { output::end_typing(erase) } else { 0 };
            let now = sys::interrupts();
            signals::was_read(now);
            // More than it was asked: somebody has pressed Ctrl-C.
            let is_users = now.wrapping_sub(before) > asked;
            return Ok(match line {
                Ok(_) if is_users => PromptLine::Withdrawn,
                Ok(line) => PromptLine::Text(line),
                Err(ReadlineError::Interrupted) if asked > 0 && !is_users => {
                    so_far = self.editor.helper().map(|helper| lock(&helper.seen).clone()).unwrap_or_default();
                    continue;
                }
                Err(ReadlineError::Interrupted | ReadlineError::Signal(_)) => PromptLine::Interrupted,
                Err(ReadlineError::Eof) => PromptLine::End,
                Err(error) => return Err(error.into()),
            });
        }
    }

    /// Rows of the screen that the prompt takes with the line after it, and with its hint.
    fn rows(&mut self, prompt: &str) -> usize {
        let columns = self.editor.dimensions().map_or(80, |(columns, _)| usize::from(columns).max(1));
        let Some(helper) = self.editor.helper() else { return 1 };
        let text = format!("{prompt}{}{}", lock(&helper.seen).0, lock(&helper.hint));
        let (mut row, mut column) = (1, 0);
        for c in text.chars() {
            let width = c.width().unwrap_or(0);
            if c == '\n' || column + width > columns {
                (row, column) = (row + 1, 0);
            }
            column += width;
        }
        if column == columns { row + 1 } else { row }
    }

    /// Keeps an entry in the history.
    pub fn keep(&mut self, entry: &str) {
        let _ = self.editor.add_history_entry(entry);
        if let Err(error) = self.history.add(entry)
            && !std::mem::replace(&mut self.reported, true)
        {
            let why = crate::net::error::in_words(&error);
            output::note(&format!("what is typed is not kept for later: {}: {why}", self.history.name()));
        }
    }

    /// Clears the screen.
    pub fn clear(&mut self) {
        output::flush();
        let _ = self.editor.clear_screen();
    }

    /// Switches colours on or off.
    pub fn set_colour(&mut self, on: bool) {
        if let Some(assistant) = self.editor.helper() {
            assistant.colour.store(on, Ordering::Relaxed);
        }
    }

    /// Switches hints on or off.
    pub fn set_hints(&mut self, on: bool) {
        if let Some(assistant) = self.editor.helper() {
            assistant.hints.store(on, Ordering::Relaxed);
        }
    }
}

/// Ends the wait for a key at each interrupt and each new size of the window: one that comes while a key is being dealt with
/// is noticed only when the wait for the next one ends.
fn end_waits(blocking_call: &BlockingCall) {
    while sys::wait_for_signal().is_ok() {
        let mut pause = PAUSE.0;
        let mut tries = 0;
        // An interrupt ends the reading, a new size does not.
        while (sys::is_reading_interrupted() || tries < RESIZE_TRIES) && blocking_call.call() {
            std::thread::sleep(pause);
            pause = (pause * 2).min(PAUSE.1);
            tries += 1;
        }
    }
}

/// Whether the terminal is one that the editor does not edit on.
fn is_plain_terminal() -> bool {
    std::env::var("TERM").is_ok_and(|term| ["dumb", "cons25", "emacs"].contains(&term.to_lowercase().as_str()))
}

/// What helps while a line is typed.
struct Assistant {
    host: Arc<ScriptHost>,
    variables: Mutex<Vec<Variable>>,
    functions: Mutex<Vec<(String, usize)>>,
    hints: AtomicBool,
    colour: AtomicBool,
    /// The line and the cursor's place as the editor last reported them.
    seen: Mutex<(String, usize)>,
    /// What is shown behind the line.
    hint: Mutex<String>,
}

impl Assistant {
    fn see(&self, line: &str, pos: usize) {
        *lock(&self.seen) = (line.to_string(), pos);
    }

    /// Takes note of what the session has by now.
    fn look_at(&self, session: &PromptSession) {
        let keys = |value: &rhai::Dynamic| {
            let keys = value.read_lock::<rhai::Map>().map(|map| map.keys().map(ToString::to_string).collect());
            let options = || {
                let given = value.read_lock::<crate::bindings::options::given::Given>()?;
                Some(given.names().into_iter().map(str::to_string).collect())
            };
            keys.or_else(options).unwrap_or_default()
        };
        let variables = session.scope.iter_raw().map(|(name, _, value)| Variable {
            name: name.to_string(),
            kind: self.host.type_of(value),
            keys: keys(value),
        });
        *lock(&self.variables) = variables.collect();
        let functions = session.functions.iter_functions().filter(|f| !f.name.starts_with("anon$"));
        *lock(&self.functions) = functions.map(|f| (f.name.to_string(), f.params.len())).collect();
    }

    fn with_known<T>(&self, look: impl FnOnce(KnownNames<'_>) -> T) -> T {
        let (variables, functions) = (lock(&self.variables), lock(&self.functions));
        let commands: Vec<&str> = COMMANDS.iter().map(|(name, ..)| *name).collect();
        let reference = self.host.reference();
        look(KnownNames { reference, variables: &variables, functions: &functions, commands: &commands })
    }
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, found) = self.with_known(|known| complete(line, pos, known));
        Ok((start, found.into_iter().map(|(display, replacement)| Pair { display, replacement }).collect()))
    }
}

impl Hinter for Assistant {
    type Hint = LineHint;

    fn hint(&self, line: &str, pos: usize, ctx: &Context<'_>) -> Option<LineHint> {
        // The editor, which asks for a hint before anything is typed, has installed its handler by now.
        sys::lead_signals_here();
        self.see(line, pos);
        let hint = self.hint_for(line, pos, ctx);
        *lock(&self.hint) = hint.as_ref().map(|hint| hint.display().to_string()).unwrap_or_default();
        hint
    }
}

impl Assistant {
    /// The parameters of the function whose bracket was just opened, or the rest of an earlier entry.
    fn hint_for(&self, line: &str, pos: usize, ctx: &Context<'_>) -> Option<LineHint> {
        if pos < line.len() || line.trim().is_empty() || !self.hints.load(Ordering::Relaxed) {
            return None;
        }
        if let Some(head) = line.strip_suffix('(') {
            return self.with_known(|known| parameters(head, known)).map(LineHint::Parameters);
        }
        let last = ctx.history().len().checked_sub(1)?;
        let found = ctx.history().starts_with(line, last, SearchDirection::Reverse).ok()??;
        let rest = found.entry.get(line.len()..)?;
        // One of several lines would not stand beside the cursor.
        (!rest.is_empty() && !rest.contains('\n')).then(|| LineHint::Earlier(rest.to_string()))
    }
}

/// What is shown behind the cursor.
enum LineHint {
    Parameters(String),
    Earlier(String),
}

impl rustyline::hint::Hint for LineHint {
    fn display(&self) -> &str {
        match self {
            Self::Parameters(text) | Self::Earlier(text) => text,
        }
    }

    fn completion(&self) -> Option<&str> {
        match self {
            Self::Parameters(_) => None,
            Self::Earlier(text) => Some(text),
        }
    }
}

/// The parameters of the call whose name ends `head`, with the closing bracket.
fn parameters(head: &str, known: KnownNames<'_>) -> Option<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let start = head.rfind(|c| !is_word(c)).map_or(0, |at| at + head[at..].chars().next().map_or(1, char::len_utf8));
    let (before, name) = head.split_at(start);
    let entry = match before.strip_suffix('.') {
        Some(object) => {
            let of = kind_of(object, known);
            let fits = |of: &str, e: &str| of == e;
            known.reference.entries.iter().find(|entry| {
                entry.kind == EntryKind::Method
                    && entry.name == name
                    && of.as_ref().map_or(entry.ours, |of| fits(of, &entry.of))
            })
        }
        None => known.reference.ours().find(|entry| entry.title == name),
    }?;
    let skipped = usize::from(entry.kind == EntryKind::Method);
    let form = entry.forms.last()?;
    let shown = |(name, kind): &(String, String)| if kind == "any" { name.clone() } else { format!("{name}: {kind}") };
    let list: Vec<String> = form.params.iter().skip(skipped).map(shown).collect();
    (!list.is_empty()).then(|| format!("{})", list.join(", ")))
}

impl Highlighter for Assistant {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        match self.colour.load(Ordering::Relaxed) {
            true => Cow::Owned(coloured(line)),
            false => Cow::Borrowed(line),
        }
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, is_default: bool) -> Cow<'b, str> {
        // A search in the history would be at its end if it were disturbed.
        prompt_output::set_busy(!is_default);
        match self.colour.load(Ordering::Relaxed) {
            true => Cow::Owned(format!("\x1b[1m{prompt}\x1b[0m")),
            false => Cow::Borrowed(prompt),
        }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        match self.colour.load(Ordering::Relaxed) {
            true => Cow::Owned(format!("\x1b[2m{hint}\x1b[0m")),
            false => Cow::Borrowed(hint),
        }
    }

    fn highlight_char(&self, line: &str, pos: usize, kind: CmdKind) -> bool {
        self.see(line, pos);
        kind != CmdKind::MoveCursor && self.colour.load(Ordering::Relaxed)
    }
}

impl Validator for Assistant {}

impl Helper for Assistant {}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
