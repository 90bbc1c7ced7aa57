//! What the prompt keeps from entry to entry: variables, functions, constants, imports, and what was typed.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use anyhow::Result;
use rhai::{AST, Dynamic, EvalAltResult, FnPtr, GlobalRuntimeState, Scope};

use super::show::show;
use crate::bindings::context::{self, Context, Programs, ScriptStart};
use crate::bindings::exit as exit_binding;
use crate::bindings::loops;
use crate::engine::compile::compile;
use crate::engine::diagnostics::certain_mistakes;
use crate::engine::programs::{self, ScriptHost, is_interrupted};
use crate::engine::run::unknown_option;
use crate::engine::sources::header;
use crate::engine::{rewrite, signals};
use crate::limits::memory;
use crate::net::error::Error;
use crate::net::host::stop::Reason;
use crate::terminal::output;

/// The variable that holds the last result.
pub const IT: &str = "it";

/// Entries whose texts are kept for messages.
const KEPT: usize = 1000;

/// Entries whose closures are kept whatever becomes of their values: what holds one may not show it, such as a channel.
const CLOSURES: usize = 100;

/// How an entry ended that did not simply end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// With an error, which was shown.
    Failed,
    /// By `exit` with this code.
    Left(i32),
}

/// An entry that ran without an error.
#[derive(Clone, Debug)]
pub struct Typed {
    /// What was typed.
    pub text: String,
    /// Whether its value was shown, and so became the last result.
    pub gave_it: bool,
}

/// What the prompt keeps.
#[derive(Debug)]
pub struct PromptSession {
    /// The engine.
    pub host: Arc<ScriptHost>,
    /// Where entries run.
    pub context: Context,
    /// The variables.
    pub scope: Scope<'static>,
    /// The functions of all entries, to be listed and suggested.
    pub functions: AST,
    /// The same to be called: those of each entry under its name, so that their places can be named, the newest last.
    libraries: Vec<AST>,
    /// What was typed and ran without an error, to be saved.
    pub typed: VecDeque<Typed>,
    /// Whether the entry that ran last gave the last result.
    gave_it: bool,
    global: GlobalRuntimeState,
    entries: usize,
    /// Names of closures, by the entries that made them.
    closures: VecDeque<Vec<String>>,
}

impl PromptSession {
    /// A session without anything.
    pub fn new(host: Arc<ScriptHost>, context: Context) -> Self {
        let global = host.engine().new_global_runtime_state();
        Self {
            host,
            context,
            scope: Scope::new(),
            functions: AST::empty(),
            libraries: Vec::new(),
            typed: VecDeque::new(),
            gave_it: false,
            global,
            entries: 0,
            closures: VecDeque::new(),
        }
    }

    /// Runs one entry and shows its value, or its error.
    ///
    /// # Errors
    /// It failed, or called `exit`.
    pub fn enter(&mut self, text: &str) -> Result<(), SessionEnd> {
        if text.trim().is_empty() {
            return Ok(());
        }
        self.entries += 1;
        let name = format!("entry {}", self.entries);
        if self.entries > KEPT {
            self.host.sources.forget(&format!("entry {}", self.entries - KEPT));
        }
        let script = self.context.script.clone();
        // As in a script, what ends in a semicolon has no value.
        let shows = !text.trim_end().ends_with(';');
        let ended = self.run(&name, text, script, shows);
        if ended.is_ok() {
            self.typed.push_back(Typed { text: text.to_string(), gave_it: self.gave_it });
            if self.typed.len() > 10 * KEPT {
                self.typed.pop_front();
            }
        }
        ended
    }

    /// As [`Self::enter`] for what no one typed: it is not saved.
    ///
    /// # Errors
    /// It failed.
    pub fn look(&mut self, text: &str) -> Result<(), SessionEnd> {
        let ended = self.enter(text);
        if ended.is_ok() {
            self.typed.pop_back();
        }
        ended
    }

    /// Runs a whole script in the session: what it declares stays.
    ///
    /// # Errors
    /// It failed, or called `exit`.
    pub fn load(&mut self, name: &str, text: &str, args: Vec<String>) -> Result<(), SessionEnd> {
        let script = ScriptStart {
            name: name.to_string(),
            about: header(text),
            args,
            main: true,
            given: Default::default(),
            explained: Default::default(),
            bound: Default::default(),
        };
        let script = Arc::new(script);
        let ended = self.run(name, text, script.clone(), false);
        if let Some(note) = script.unread_arguments().filter(|_| ended.is_ok()) {
            output::note(&note);
        }
        ended
    }

    /// Why the script `text` cannot be loaded with `args`: it declares no options, and there is one.
    pub fn unknown_option(&self, text: &str, args: &[String]) -> Option<Error> {
        // What cannot be read is reported when it is run.
        unknown_option(&compile(self.host.engine(), &self.scope, text).ok()?, args)
    }

    /// The value of an expression, of which nothing is shown and nothing is kept.
    ///
    /// # Errors
    /// In words: it cannot be read, or fails.
    pub fn quietly(&mut self, text: &str) -> Result<Dynamic, String> {
        let name = "check";
        self.host.sources.keep(name, text);
        let ast = compile(self.host.engine(), &self.scope, text)
            .map_err(|error| self.host.describe_parse_entry(name, &error, &self.functions, &self.scope))?;
        let before = self.scope.len();
        let result = self.evaluate(name, &ast, self.context.script.clone());
        self.scope.rewind(before);
        result.map_err(|error| self.host.describe_entry(name, &error, &self.functions, &self.scope))
    }

    /// Runs `text`, shown as `name`, and shows its error, or its value if it `shows` that.
    fn run(&mut self, name: &str, text: &str, script: Arc<ScriptStart>, shows: bool) -> Result<(), SessionEnd> {
        self.host.sources.keep(name, text);
        let mut ast = match compile(self.host.engine(), &self.scope, text) {
            Ok(ast) => ast,
            Err(error) => {
                let error = EvalAltResult::from(error);
                output::note(self.host.describe_entry(name, &error, &self.functions, &self.scope).trim_end());
                return Err(SessionEnd::Failed);
            }
        };
        certain_mistakes(name, text).iter().for_each(|warning| output::note(warning.trim_end()));
        ast.set_source(name);
        let result = self.evaluate(name, &ast, script);
        let ended = self.conclude(name, result, shows);
        self.tidy_up(&ast);
        if memory::in_use() > memory::LIMIT {
            // Nothing could be run any more, not even what frees it.
            self.scope.clear();
            output::note("all variables of the prompt are gone: they took too much memory");
        }
        ended
    }

    /// Shows the value or the error of an entry.
    fn conclude(
        &mut self,
        name: &str,
        result: Result<Dynamic, Box<EvalAltResult>>,
        shows: bool,
    ) -> Result<(), SessionEnd> {
        self.gave_it = false;
        let error = match result {
            Ok(value) => {
                if shows && !value.is_unit() {
                    self.gave_it = true;
                    let entered = context::enter(self.context.clone());
                    output::line(&show(&self.host, &value));
                    drop(entered);
                    let _before = self.scope.remove::<Dynamic>(IT);
                    self.scope.push_dynamic(IT, value);
                }
                return Ok(());
            }
            Err(error) => error,
        };
        match (exit_binding::code(&error), *error) {
            (Some(code), _) => Err(SessionEnd::Left(code)),
            (None, EvalAltResult::ErrorTerminated(ref why, _)) if why.is_unit() => {
                output::note(&format!("{name}: stopped"));
                Err(SessionEnd::Failed)
            }
            (None, error) if is_interrupted(&error) => Err(SessionEnd::Failed),
            (None, error) => {
                output::note(self.host.describe_entry(name, &error, &self.functions, &self.scope).trim_end());
                Err(SessionEnd::Failed)
            }
        }
    }

    fn evaluate(&mut self, name: &str, ast: &AST, script: Arc<ScriptStart>) -> Result<Dynamic, Box<EvalAltResult>> {
        let stop = self.context.stop.child().map_err(|err| err.to_string())?;
        signals::stop_entry(Some(&stop));
        // The entry's own stop ends its waits; what it started goes on, beneath the session.
        let entered = context::enter(Context { stop: stop.clone(), script, ..self.context.clone() });
        self.add_functions(name, ast);
        self.global.lib = self.libraries.iter().map(|library| library.shared_lib().clone()).collect();
        self.global.source = Some(name.into());
        let result = programs::evaluate(self.host.engine(), &mut self.global, &mut self.scope, ast.statements());
        let result = loops::end(result, &stop);
        drop(entered);
        signals::stop_entry(None);
        let ended = result.as_ref().map_or_else(|error| is_interrupted(error), |_| true);
        if stop.reason() == Some(Reason::Interrupt) && ended {
            output::note(&format!("{name}: interrupted"));
        }
        result
    }

    /// Adds the functions of an entry. Those of earlier entries stay; one of the same name takes the place of the earlier.
    fn add_functions(&mut self, name: &str, ast: &AST) {
        let mut new = ast.clone_functions_only();
        if !new.has_functions() {
            return;
        }
        new.set_source(name);
        let names: HashSet<(&str, usize)> = new.iter_functions().map(|f| (f.name, f.params.len())).collect();
        self.retain_functions(|name, params| !names.contains(&(name, params)));
        self.functions.combine(new.clone());
        self.libraries.push(new);
    }

    /// Forgets the functions that `keep` does not want, by name and number of parameters.
    fn retain_functions(&mut self, keep: impl Fn(&str, usize) -> bool) {
        for functions in self.libraries.iter_mut().chain([&mut self.functions]) {
            if functions.iter_functions().any(|f| !keep(f.name, f.params.len())) {
                functions.retain_functions(|_, _, name, params| keep(name, params));
            }
        }
        self.libraries.retain(AST::has_functions);
    }

    /// Forgets what no entry can reach any more, so that a long session does not grow.
    fn tidy_up(&mut self, ast: &AST) {
        self.drop_shadowed();
        let is_closure = |name: &&str| name.starts_with("anon$");
        let closures = ast.iter_functions().map(|f| f.name).filter(is_closure).map(str::to_string).collect();
        self.closures.push_back(closures);
        if self.closures.len() <= CLOSURES {
            return;
        }
        let old = self.closures.pop_front().unwrap_or_default();
        if old.is_empty() {
            return;
        }
        let mut used = HashSet::new();
        for (_, _, value) in self.scope.iter_raw() {
            closures_in(value, &mut used, 0);
        }
        // A function may make the closure each time it runs.
        let gone: Vec<String> = old.into_iter().filter(|name| !used.contains(name) && !self.mentions(name)).collect();
        if !gone.is_empty() {
            self.retain_functions(|name, _| !gone.iter().any(|one| one == name));
        }
    }

    /// Whether a function of the session makes the closure `name`.
    fn mentions(&self, name: &str) -> bool {
        rewrite::has(&self.functions, &|node| match node {
            rhai::ASTNode::Expr(expression) => format!("{expression:?}").contains(name),
            _ => false,
        })
    }

    /// Leaves one variable of each name: each `let` of the prompt adds one, and hides those before it.
    fn drop_shadowed(&mut self) {
        let mut seen = HashSet::new();
        if self.scope.iter_raw().all(|(name, ..)| seen.insert(name.to_string())) {
            return;
        }
        seen.clear();
        // The newest come first.
        let all = self.scope.iter_raw().filter(|(name, ..)| seen.insert(name.to_string()));
        let mut last: Vec<(String, bool, Dynamic)> =
            all.map(|(name, constant, value)| (name.to_string(), constant, value.clone())).collect();
        last.reverse();
        self.scope.clear();
        for (name, constant, value) in last {
            if constant {
                self.scope.push_constant_dynamic(name, value);
            } else {
                self.scope.push_dynamic(name, value);
            }
        }
    }

    /// The script that `:load` and `-i` name: the name to show it under, and its text.
    ///
    /// # Errors
    /// `file`: it cannot be read.
    pub fn open(&self, name: &str) -> Result<(String, String), Error> {
        self.host.sources.open(name)
    }
}

/// The names of the closures that can be called through `value`.
fn closures_in(value: &Dynamic, found: &mut HashSet<String>, depth: usize) {
    if depth > 32 {
        return;
    }
    if let Some(closure) = value.read_lock::<FnPtr>() {
        found.insert(closure.fn_name().to_string());
        closure.iter_curry().for_each(|captured| closures_in(captured, found, depth + 1));
    } else if let Some(list) = value.read_lock::<rhai::Array>() {
        list.iter().for_each(|item| closures_in(item, found, depth + 1));
    } else if let Some(map) = value.read_lock::<rhai::Map>() {
        map.values().for_each(|item| closures_in(item, found, depth + 1));
    }
}
