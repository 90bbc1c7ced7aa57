//! One engine for all scripts of a run: compiles, runs and reports.

use std::sync::Arc;

use rhai::{
    AST, Caches, Dynamic, Engine, EvalAltResult, EvalContext, Expr, Expression, GlobalRuntimeState, ParseError,
    Position, Scope, Stmt, StmtBlock,
};

use super::report::{Names, Reporter, innermost};
use super::settings;
use super::sources::Sources;
use crate::bindings::callback::guarded;
use crate::bindings::context::{self, Context, Programs, ScriptResult};
use crate::bindings::error::thrown;
use crate::net::error::{Error, ErrorKind};
use crate::net::output;

/// The engine and the texts of what it runs.
#[derive(Debug)]
pub struct ScriptHost {
    engine: Engine,
    /// Texts of scripts by name.
    pub sources: Arc<Sources>,
}

impl ScriptHost {
    /// An engine ready to run scripts.
    pub fn new() -> Self {
        let sources = Arc::new(Sources::default());
        Self { engine: settings::build(sources.clone()), sources }
    }

    /// Compiles `text`, to be shown under `name`.
    ///
    /// # Errors
    /// What the parser reports.
    pub fn compile(&self, name: &str, text: &str) -> Result<AST, ParseError> {
        self.sources.keep(name, text);
        let mut ast = self.engine.compile(text)?;
        ast.set_source(name);
        Ok(ast)
    }

    /// `error` in the words for people, with its place; `ast` helps to suggest names.
    pub fn describe(&self, main: &str, error: &EvalAltResult, ast: Option<&AST>) -> String {
        self.reporter(main, ast, |reporter| reporter.report(error))
    }

    /// A parse error in the words for people, with its place.
    pub fn describe_parse(&self, main: &str, error: &ParseError) -> String {
        self.reporter(main, None, |reporter| reporter.report_parse(error))
    }

    fn reporter(&self, main: &str, ast: Option<&AST>, report: impl FnOnce(&Reporter<'_>) -> String) -> String {
        let sources = |name: &str| self.sources.text(name);
        let names = Names::collect(&self.engine, ast);
        report(&Reporter { sources: &sources, main_source: main, names: &names, describe: &describe })
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
        drop(entered);
        result.map(|value| (value, global))
    }

    fn report(&self, what: &str, error: &EvalAltResult) {
        let main = context::peek(|context| context.script.name.clone()).unwrap_or_default();
        output::note(&format!("in the {what}:\n{}", self.describe(&main, error, None).trim_end()));
    }
}

/// Runs statements at the top of a script. What `exit` throws stays what it is: the engine's own ways to run a program
/// make its value that of the program, and the exit code would be lost.
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
    let result = guarded(|| {
        let mut context = EvalContext::new(engine, global, &mut caches, scope, None);
        // Marked so because it may change from one version of rhai to the next; ours is pinned.
        #[allow(deprecated)]
        context.eval_expression_tree_raw(&Expression::from(&block), false)
    });
    result.or_else(|error| match *error {
        EvalAltResult::Return(value, _) => Ok(value),
        _ => Err(error),
    })
}

/// The core's error that `error` is at its bottom, if it is one.
pub fn core_error(error: &EvalAltResult) -> Option<Error> {
    match innermost(error, "").0 {
        EvalAltResult::ErrorRuntime(value, _) => value.clone().try_cast::<Error>(),
        _ => None,
    }
}

/// Whether `error` is for want of rights.
pub fn is_permission(error: &EvalAltResult) -> bool {
    core_error(error).is_some_and(|error| error.kind == ErrorKind::Permission)
}

fn describe(value: &Dynamic) -> Option<String> {
    let error = value.clone().try_cast::<Error>()?;
    Some(if error.hint.is_empty() { error.to_string() } else { format!("{error}\n{}", error.hint) })
}
