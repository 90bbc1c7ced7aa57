//! The prompt: one line after the other over the same engine, variables and functions kept.

pub mod complete;
pub mod history;
pub mod input;
mod place;
pub mod session;
pub mod show;

use std::io::{BufRead, IsTerminal};
use std::os::fd::AsFd;
use std::sync::Arc;

use anyhow::Result;
use rhai::{AST, Dynamic, EvalAltResult, GlobalRuntimeState, Scope};
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use super::compile::compile;
use super::programs::{self, ScriptHost};
use super::run::{self, Job, exit};
use super::signals;
use crate::bindings::context::{self, Context, Programs};
use crate::bindings::convert::shown_by;
use crate::bindings::exit as exit_binding;
use crate::bindings::task::{STACK, finish};
use crate::net::host::ThisMachine;
use crate::net::record::Wanted;
use crate::net::{memory, output, prober, stack, sys};

const GREETING: &str = "pingscript: type a line of script, such as udp::bind(\"127.0.0.1:0\"); Ctrl-D leaves.";

/// Runs the prompt until its input ends; the exit code. Without a terminal, lines are run as they come, and the exit
/// code is that of the first error.
///
/// # Errors
/// The system has no descriptor or thread left.
pub fn run(host: &Arc<ScriptHost>, seed: Option<u64>, wanted: Wanted) -> Result<i32> {
    signals::stop_entry(None);
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
        // The editor turns the echo off while a line is typed.
        if let Ok(mode) = mode {
            sys::set_terminal_mode(std::io::stdin().as_fd(), &mode);
        }
        last_events.end(last_clock.unix_nanos());
    });
    let mut session = Session::new(host.clone(), context);
    let thread = std::thread::Builder::new().name("prompt".to_string()).stack_size(STACK);
    let code = thread.spawn(move || {
        sys::sharpen_timers();
        stack::watch(STACK);
        let code = if std::io::stdin().is_terminal() { session.talk() } else { session.read() };
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

struct Session {
    host: Arc<ScriptHost>,
    context: Context,
    scope: Scope<'static>,
    global: GlobalRuntimeState,
    functions: AST,
    entries: usize,
}

impl Session {
    fn new(host: Arc<ScriptHost>, context: Context) -> Self {
        let global = host.engine().new_global_runtime_state();
        Self { host, context, scope: Scope::new(), global, functions: AST::empty(), entries: 0 }
    }

    /// The lines of a terminal.
    fn talk(&mut self) -> Result<i32> {
        output::line(GREETING);
        let mut editor = DefaultEditor::new()?;
        loop {
            output::flush();
            match editor.readline("> ") {
                Ok(line) => {
                    let _ = editor.add_history_entry(&line);
                    if let Some(code) = self.enter(&line).err().flatten() {
                        return Ok(code);
                    }
                }
                Err(ReadlineError::Interrupted) => output::line("(Ctrl-D leaves)"),
                Err(ReadlineError::Eof) => return Ok(exit::DONE),
                Err(err) => return Err(err.into()),
            }
        }
    }

    /// The lines of a pipe or a file.
    fn read(&mut self) -> Result<i32> {
        let mut first = exit::DONE;
        for line in std::io::stdin().lock().lines() {
            match self.enter(&line?) {
                Ok(()) => {}
                Err(Some(code)) => return Ok(code),
                Err(None) if first == exit::DONE => first = exit::SCRIPT,
                Err(None) => {}
            }
        }
        Ok(first)
    }

    /// Runs one entry and shows its value, or its error. `Err`: it failed, or called `exit` with that code.
    fn enter(&mut self, text: &str) -> Result<(), Option<i32>> {
        if text.trim().is_empty() {
            return Ok(());
        }
        self.entries += 1;
        let name = format!("entry {}", self.entries);
        self.host.sources.keep(&name, text);
        let mut ast = match compile(self.host.engine(), &self.scope, text) {
            Ok(ast) => ast,
            Err(error) => {
                output::note(self.host.describe_parse(&name, &error).trim_end());
                return Err(None);
            }
        };
        ast.set_source(&name);
        let result = self.evaluate(&name, &ast);
        let entered = self.conclude(&name, result);
        if memory::in_use() > memory::LIMIT {
            // Nothing could be run any more, not even what frees it.
            self.scope.clear();
            output::note("all variables of the prompt are gone: they took too much memory");
        }
        entered
    }

    /// Shows the value or the error of an entry.
    fn conclude(&self, name: &str, result: Result<Dynamic, Box<EvalAltResult>>) -> Result<(), Option<i32>> {
        match result {
            Ok(value) => {
                if !value.is_unit() {
                    output::line(&shown_by(self.host.engine(), &value));
                }
                Ok(())
            }
            Err(error) => match (exit_binding::code(&error), *error) {
                (Some(code), _) => Err(Some(code)),
                (None, EvalAltResult::ErrorTerminated(ref why, _)) if why.is_unit() => Err(None),
                (None, error) => {
                    output::note(self.host.describe(name, &error, Some(&self.functions)).trim_end());
                    Err(None)
                }
            },
        }
    }

    fn evaluate(&mut self, name: &str, ast: &AST) -> Result<Dynamic, Box<EvalAltResult>> {
        let stop = self.context.stop.child().map_err(|err| err.to_string())?;
        signals::stop_entry(Some(&stop));
        // The entry's own stop ends its waits; what it started goes on, beneath the session.
        let entered = context::enter(Context { stop, ..self.context.clone() });
        // Functions of earlier entries stay; one of the same name takes the place of the earlier.
        self.functions.combine(ast.clone_functions_only());
        self.global.lib = vec![self.functions.shared_lib().clone()].into();
        self.global.source = Some(name.into());
        let result = programs::evaluate(self.host.engine(), &mut self.global, &mut self.scope, ast.statements());
        drop(entered);
        signals::stop_entry(None);
        result
    }
}
