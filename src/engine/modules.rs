//! Finds the modules that scripts import.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Engine, EvalAltResult, Module, ModuleResolver, Position, Scope, Shared};

use super::compile::compile;
use super::sources::Sources;
use crate::bindings::error::{ScriptResult, thrown};
use crate::bindings::{context, exit, nesting};

/// Resolves `import "path"`: beneath the importing script's directory, or among the shipped scripts. A module is evaluated
/// once a run.
#[derive(Debug)]
pub struct Modules {
    sources: Arc<Sources>,
    known: Mutex<HashMap<String, Shared<Module>>>,
}

impl Modules {
    /// A resolver that reads through `sources`.
    pub fn new(sources: Arc<Sources>) -> Self {
        Self { sources, known: Mutex::default() }
    }
}

impl ModuleResolver for Modules {
    fn resolve(
        &self,
        engine: &Engine,
        source: Option<&str>,
        path: &str,
        pos: Position,
    ) -> ScriptResult<Shared<Module>> {
        let main = context::peek(|context| context.script.name.clone()).unwrap_or_default();
        let from = source.unwrap_or(&main);
        let (name, text) = self.sources.find_module(path, from).map_err(|error| thrown(error, pos))?;
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = known().get(&name) {
            return Ok(module.clone());
        }
        // An `exit` stays what it is: around it, `catch` would take it for an error.
        let in_module = |error: Box<EvalAltResult>| match *error {
            EvalAltResult::Exit(..) => error,
            _ => Box::new(EvalAltResult::ErrorInModule(name.clone(), error, pos)),
        };
        let entered = nesting::enter("import", &name).map_err(|error| thrown(error, pos))?;
        let mut ast = compile(engine, &Scope::new(), &text).map_err(|error| in_module(Box::new(error.into())))?;
        ast.set_source(&name);
        let module = exit::kept(|| Module::eval_ast_as_new(Scope::new(), &ast, engine)).map_err(in_module)?;
        drop(entered);
        let module = Shared::new(module);
        known().insert(name, module.clone());
        Ok(module)
    }
}
