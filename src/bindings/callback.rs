//! Script closures that outlive the call they were given in.
//!
//! What a closure captured is copied when it is stored, so that it shares nothing with the script that made it. The copies
//! are the closure's own state: what it changes in one call it finds in the next.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, RwLock};

use rhai::{Dynamic, EvalAltResult, FnPtr, GlobalRuntimeState, NativeCallContext, Position};

use super::context::{self, Programs, ScriptResult};

/// A closure with all it needs to be called later, on any thread.
#[derive(Clone)]
pub struct Callback {
    closure: FnPtr,
    programs: Arc<dyn Programs>,
    global: GlobalRuntimeState,
    source: Option<String>,
    name: String,
    position: Position,
}

impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Callback({})", self.closure.fn_name())
    }
}

impl Callback {
    /// Keeps `closure`, with its captures copied.
    pub fn new(ctx: &NativeCallContext, mut closure: FnPtr) -> Self {
        for captured in closure.iter_curry_mut() {
            *captured = std::mem::take(captured).flatten().into_shared();
        }
        let mut global = ctx.global_runtime_state().clone();
        // Two threads that read one map of constants get in each other's way.
        if let Some(constants) = global.constants.take() {
            let copy = constants.read().unwrap_or_else(PoisonError::into_inner).clone();
            global.constants = Some(Arc::new(RwLock::new(copy)));
        }
        Self {
            closure,
            programs: programs(),
            global,
            source: ctx.fn_source().map(str::to_string),
            name: ctx.fn_name().to_string(),
            position: ctx.call_position(),
        }
    }

    /// Calls the closure. A panic of a native beneath it becomes an error.
    ///
    /// # Errors
    /// What the closure throws.
    pub fn call(&self, mut args: impl AsMut<[Dynamic]>) -> ScriptResult<Dynamic> {
        let ctx = NativeCallContext::from((
            self.programs.engine(),
            self.name.as_str(),
            self.source.as_deref(),
            &self.global,
            self.position,
        ));
        guarded(|| self.closure.call_raw(&ctx, None, args.as_mut()))
    }

    /// Where the closure was given away: source and position.
    pub fn place(&self) -> (Option<&str>, Position) {
        (self.source.as_deref(), self.position)
    }
}

/// Runs `body`; a panic in it becomes an error.
///
/// # Errors
/// What `body` returns, or the panic.
pub fn guarded(body: impl FnOnce() -> ScriptResult<Dynamic>) -> ScriptResult<Dynamic> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        let message = format!("a bug in pingscript, please report it: {text}");
        Err(EvalAltResult::ErrorSystem(message, "panic".into()).into())
    })
}

/// What runs script code.
///
/// # Panics
/// If the run was given no engine, which is a bug of the host.
pub fn programs() -> Arc<dyn Programs> {
    context::current().run.programs.get().cloned().expect("the run has an engine")
}
