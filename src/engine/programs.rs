//! One engine for all scripts of a run: compiles, runs and reports.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rhai::{
    AST, Caches, Dynamic, Engine, EvalAltResult, EvalContext, Expr, Expression, GlobalRuntimeState, ParseError,
    Position, Scope, Stmt, StmtBlock,
};

use super::compile::compile;
use super::diagnostics::{DiagnosticMessage, Finding, Names, Reporter, plain_type};
use super::help::{self, Reference};
use super::library::came_with_us;
use super::settings;
use super::sources::{SHIPPED, Sources};
use crate::bindings::callback::guarded;
use crate::bindings::context::{Context, Programs, ScriptStart};
use crate::bindings::convert::shown_by;
use crate::bindings::error::{ScriptResult, core_error, thrown};
use crate::bindings::print::note;
use crate::bindings::task::{JOIN, RUN};
use crate::bindings::{context, exit, loops};
use crate::net::error::{Error, ErrorKind};

/// The engine and the texts of what it runs.
#[derive(Debug)]
pub struct ScriptHost {
    engine: Engine,
    /// Texts of scripts by name.
    pub sources: Arc<Sources>,
    /// Scripts by name, of which messages suggest functions.
    compiled: Mutex<HashMap<String, Suggested>>,
    /// With what natives say of themselves; made when that is first asked for.
    described: OnceLock<Engine>,
    /// Collected when it is first asked for.
    reference: OnceLock<Reference>,
}

/// What messages about a script suggest.
#[derive(Debug)]
struct Suggested {
    functions: AST,
    /// Collected once: a handler may fail for each of many clients.
    names: Option<Arc<Names>>,
}

impl ScriptHost {
    /// An engine ready to run scripts.
    pub fn new() -> Self {
        let sources = Arc::new(Sources::default());
        Self {
            engine: settings::build(sources.clone(), false),
            sources,
            compiled: Mutex::default(),
            described: OnceLock::new(),
            reference: OnceLock::new(),
        }
    }

    /// An engine to look at scripts with, not to run them: it compiles each as it is written, unknown variables included.
    pub fn for_checking() -> Self {
        let mut host = Self::new();
        host.engine.set_strict_variables(false);
        host
    }

    /// Compiles `text`, to be shown under `name`.
    ///
    /// # Errors
    /// What the parser reports.
    pub fn compile(&self, name: &str, text: &str) -> Result<AST, ParseError> {
        self.sources.keep(name, text);
        let mut ast = compile(&self.engine, &Scope::new(), text)?;
        ast.set_source(name);
        self.compiled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_string(), Suggested { functions: ast.clone_functions_only(), names: None });
        Ok(ast)
    }

    /// `error` in the words for people, with its place; `ast` helps to suggest names.
    pub fn describe(&self, main: &str, error: &EvalAltResult, ast: Option<&AST>) -> DiagnosticMessage {
        let shortened = without_reported(error);
        self.reporter(main, ast, |reporter| reporter.report(shortened.as_ref().unwrap_or(error)))
    }

    /// As [`Self::describe`], for an entry of a prompt that has these functions and variables.
    pub fn describe_entry(&self, main: &str, error: &EvalAltResult, ast: &AST, scope: &Scope<'_>) -> String {
        let shortened = without_reported(error);
        let names = Names::collect(self.described(), Some(ast)).with_scope(scope);
        self.reporting(main, &names, |reporter| reporter.report(shortened.as_ref().unwrap_or(error)).text)
    }

    /// A parse error in the words for people, with its place.
    pub fn describe_parse(&self, main: &str, error: &ParseError) -> DiagnosticMessage {
        self.reporter(main, None, |reporter| reporter.report_parse(error))
    }

    /// As [`Self::describe_parse`], for an entry of a prompt that has these functions and variables.
    pub fn describe_parse_entry(&self, main: &str, error: &ParseError, ast: &AST, scope: &Scope<'_>) -> String {
        let names = Names::collect(self.described(), Some(ast)).with_scope(scope);
        self.reporting(main, &names, |reporter| reporter.report_parse(error).text)
    }

    /// As [`Self::describe_parse`], where the parser was given `read`: the text with blanks for what it could not read before.
    pub fn describe_parse_of(&self, main: &str, error: &ParseError, read: &str) -> DiagnosticMessage {
        self.reporter(main, None, |reporter| reporter.report_parse_of(error, read))
    }

    /// What a check found in the words for people, with its place; `names` are those there are.
    pub fn describe_finding(&self, main: &str, finding: &Finding, pos: Position, names: &Names) -> DiagnosticMessage {
        self.reporting(main, names, |reporter| reporter.report_finding(finding, pos))
    }

    /// What a check warns of in the script `main`, a message each.
    pub fn warnings(&self, main: &str) -> Vec<DiagnosticMessage> {
        self.reporter(main, None, |reporter| reporter.warnings())
    }

    /// What scripts can call, with what it says of itself.
    pub fn reference(&self) -> &Reference {
        self.reference.get_or_init(|| Reference::collect(self.described()))
    }

    /// An engine to read the names, parameters and documentation of natives from; it runs nothing.
    pub fn described(&self) -> &Engine {
        self.described.get_or_init(|| settings::build(self.sources.clone(), true))
    }

    /// The option whose value `error` is about, of a script that came with pingscript: nothing in the script is wrong.
    pub fn wrong_argument(&self, script: &ScriptStart, error: &EvalAltResult) -> Option<(String, Error)> {
        let text = self.sources.text(&script.name)?;
        let error = core_error(error).filter(|_| came_with_us(&text))?;
        let is_about = |(_, value): &&(String, String)| error.is_about(value);
        let (option, value) = script.given.get()?.iter().find(is_about)?;
        let hint = on_command_line(&error.hint, &text).unwrap_or_else(|| error.hint.clone());
        Some((format!("{option} {value}"), error.with_hint(hint)))
    }

    /// Whether what ended `script` was reported, and nothing in it is wrong: it came with pingscript, and ran a script of the user.
    pub fn has_passed_on(&self, script: &ScriptStart, error: &EvalAltResult) -> bool {
        let text = self.sources.text(&script.name);
        is_of_run(error) && text.is_some_and(|text| came_with_us(&text))
    }

    /// A value as one line says it; a text of several lines as it is, since quotes would only be in its way.
    pub fn plainly(&self, value: &Dynamic) -> String {
        match value.read_lock::<rhai::ImmutableString>() {
            Some(text) if text.trim_end().contains('\n') => text.trim_end().to_string(),
            _ => shown_by(&self.engine, value),
        }
    }

    /// The type of a value, as scripts name it.
    pub fn type_of(&self, value: &Dynamic) -> String {
        plain_type(self.engine.map_type_name(value.type_name()))
    }

    fn reporter<T>(&self, main: &str, ast: Option<&AST>, report: impl FnOnce(&Reporter<'_>) -> T) -> T {
        self.reporting(main, &self.names(main, ast), report)
    }

    /// The names that the script `main` has, or `ast`, if that is given.
    fn names(&self, main: &str, ast: Option<&AST>) -> Arc<Names> {
        let collect = |ast| Arc::new(Names::collect(self.described(), ast));
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        match compiled.get_mut(main) {
            Some(Suggested { functions, names }) if ast.is_none() => {
                names.get_or_insert_with(|| collect(Some(functions))).clone()
            }
            _ => collect(ast),
        }
    }

    fn reporting<T>(&self, main: &str, names: &Names, report: impl FnOnce(&Reporter<'_>) -> T) -> T {
        let sources = |name: &str| self.sources.text(name);
        let describe = |value: &Dynamic| describe(&self.engine, value);
        report(&Reporter { sources: &sources, main_source: main, names, describe: &describe })
    }
}

impl Default for ScriptHost {
    fn default() -> Self {
        Self::new()
    }
}

impl Programs for ScriptHost {
    fn engine(&self) -> &Engine {
        &self.engine
    }

    fn load(&self, name: &str, from: &str) -> ScriptResult<(String, AST)> {
        let (name, text) = self.sources.find(name, from).map_err(|error| thrown(error, Position::NONE))?;
        let program = self.compile(&name, &text).map_err(|error| {
            let error: Box<EvalAltResult> = error.into();
            Box::new(EvalAltResult::ErrorInModule(name.clone(), error, Position::NONE))
        })?;
        Ok((name, program))
    }

    fn run(&self, program: &AST, context: &Context) -> ScriptResult<Dynamic> {
        self.evaluate(program, context).map(|(value, _)| value)
    }

    fn evaluate(&self, program: &AST, context: &Context) -> ScriptResult<(Dynamic, GlobalRuntimeState)> {
        let entered = context::enter(context.clone());
        let mut global = self.engine.new_global_runtime_state();
        global.lib.push(program.shared_lib().clone());
        global.source = program.source().map(Into::into);
        let result = evaluate(&self.engine, &mut global, &mut Scope::new(), program.statements());
        let result = loops::end(result, &context.stop);
        drop(entered);
        result.map(|value| (value, global))
    }

    fn help(&self, topic: Option<&Dynamic>) -> Result<String, Error> {
        match topic {
            None => help::text::help(self.reference(), None),
            Some(name) if name.is_string() => help::text::help(self.reference(), Some(&name.to_string())),
            Some(value) => Ok(help::text::type_page(self.reference(), &self.type_of(value))),
        }
    }

    fn scripts(&self) -> Vec<String> {
        SHIPPED.iter().map(|(file, _)| file.trim_end_matches(".rhai").to_string()).collect()
    }

    fn mention(&self, part: &str) -> bool {
        self.sources.any_has(part)
    }

    fn show_as(&self, name: &str, text: &str) {
        self.sources.keep(name, text);
    }

    fn report(&self, what: &str, error: &EvalAltResult) -> String {
        let main = context::peek(|context| context.script.name.clone()).unwrap_or_default();
        let DiagnosticMessage { message, text, .. } = self.describe(&main, error, None);
        let described = match core_error(error).filter(|error| error.op == "options") {
            // What is wrong is not in that script.
            Some(error) if error.peer == main => format!("error: {}\n  hint: {}", error.message, error.hint),
            _ => text,
        };
        note(&format!("in the {what}:\n{}", described.trim_end()));
        message
    }
}

/// Runs statements at the top of a script. What `exit` throws stays what it is ([`exit::kept`]).
///
/// # Errors
/// What the statements throw, [`EvalAltResult::Exit`] among it.
pub(super) fn evaluate(
    engine: &Engine,
    global: &mut GlobalRuntimeState,
    scope: &mut Scope<'_>,
    statements: &[Stmt],
) -> ScriptResult<Dynamic> {
    let block = StmtBlock::new(statements.to_vec(), Position::NONE, Position::NONE);
    let block = Expr::Stmt(Box::new(block));
    let mut caches = Caches::new();
    let run = || {
        let mut context = EvalContext::new(engine, global, &mut caches, scope, None);
        // Marked so because it may change from one version of rhai to the next; ours is pinned.
        #[allow(deprecated)]
        context.eval_expression_tree_raw(&Expression::from(&block), false)
    };
    let result = exit::kept(|| guarded(run));
    result.or_else(|error| match *error {
        EvalAltResult::Return(value, _) => Ok(value),
        _ => Err(error),
    })
}

/// Whether `error` says nothing but that the script was stopped.
pub fn is_interrupted(error: &EvalAltResult) -> bool {
    core_error(error).is_some_and(|error| error.kind == ErrorKind::Interrupted)
}

/// Whether `error` is for want of rights.
pub fn is_permission(error: &EvalAltResult) -> bool {
    core_error(error).is_some_and(|error| error.kind == ErrorKind::Permission)
}

/// `error` without what a thread threw, which was printed when the thread ended; `None` if it has none of that.
fn without_reported(error: &EvalAltResult) -> Option<EvalAltResult> {
    match error {
        EvalAltResult::ErrorInFunctionCall(name, _, _, at) if name == RUN => {
            let again = Error::new(ErrorKind::Closed, "run", "the script ended with the error above")
                .with_hint("to go on without it: try { host.run(…) } catch { … }");
            Some(EvalAltResult::ErrorRuntime(Dynamic::from(again), *at))
        }
        EvalAltResult::ErrorInFunctionCall(name, _, _, at) if name == JOIN => {
            let again = Error::new(ErrorKind::Closed, "join", "the thread ended with the error above")
                .with_hint("to go on without it: try { task.join() } catch { … }");
            Some(EvalAltResult::ErrorRuntime(Dynamic::from(again), *at))
        }
        EvalAltResult::ErrorInFunctionCall(name, source, inner, at) => without_reported(inner)
            .map(|inner| EvalAltResult::ErrorInFunctionCall(name.clone(), source.clone(), inner.into(), *at)),
        EvalAltResult::ErrorInModule(name, inner, at) => {
            without_reported(inner).map(|inner| EvalAltResult::ErrorInModule(name.clone(), inner.into(), *at))
        }
        _ => None,
    }
}

/// Whether `error` is what a script threw that `host.run(…)` ran.
fn is_of_run(error: &EvalAltResult) -> bool {
    match error {
        EvalAltResult::ErrorInFunctionCall(name, ..) if name == RUN => true,
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) | EvalAltResult::ErrorInModule(_, inner, _) => {
            is_of_run(inner)
        }
        _ => false,
    }
}

/// A hint to set a key in a call, `such as: f(…, #{ key: value })`, as the option of that name, if the script `text` declares one.
fn on_command_line(hint: &str, text: &str) -> Option<String> {
    let (advice, setting) = hint.split_once(", #{ ")?;
    let (key, value) = setting.strip_suffix(" })")?.split_once(": ")?;
    let (advice, _call) = advice.split_once(": ")?;
    text.contains(&format!("option(\"{key}\"")).then(|| format!("{advice}: --{key} {value}"))
}

fn describe(engine: &Engine, value: &Dynamic) -> Option<String> {
    let Some(error) = value.clone().try_cast::<Error>() else {
        return (value.is_variant() || value.is_array())
            .then(|| format!("the script threw: {}", shown_by(engine, value)));
    };
    Some(if error.hint.is_empty() { error.to_string() } else { format!("{error}\n{}", error.hint) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_messages_suggest_are_collected_once_for_each_text() {
        let host = ScriptHost::new();
        host.compile("a", "fn first() {}").expect("sound");
        let names = host.names("a", None);
        assert!(Arc::ptr_eq(&names, &host.names("a", None)));
        host.compile("a", "fn second() {}").expect("sound");
        assert!(!Arc::ptr_eq(&names, &host.names("a", None)));
    }
}
