//! Script closures that outlive the call they were given in.
//!
//! What a closure captured is copied when it is stored, so that it shares nothing with the script that made it. The copies
//! are the closure's own state: what it changes in one call it finds in the next.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, RwLock};

use rhai::{Dynamic, EvalAltResult, FnPtr, GlobalRuntimeState, NativeCallContext, Position};

use super::context::{self, Programs, ScriptResult};
use crate::net::output;

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
    let before = CAUGHT.replace(Some(String::new()));
    let result = catch_unwind(AssertUnwindSafe(body));
    let bug = CAUGHT.replace(before).unwrap_or_default();
    result.unwrap_or_else(|_| Err(EvalAltResult::ErrorSystem(String::new(), bug.into()).into()))
}

thread_local! {
    /// Where a panic of this thread is caught: what it said. `None`: it is not caught.
    static CAUGHT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Has panics tell about themselves in one line: in the error they become, or else on standard error.
pub fn tame_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied().map(str::to_string);
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
        let text = text.lines().next().unwrap_or_default();
        let place = panic.location().map_or(String::new(), |at| format!(" ({}:{})", at.file(), at.line()));
        let bug = format!("a bug in pingscript, please report it: {text}{place}");
        let caught = CAUGHT.try_with(|caught| match &mut *caught.borrow_mut() {
            Some(said) => {
                said.clone_from(&bug);
                true
            }
            None => false,
        });
        if caught != Ok(true) {
            output::note(&format!("error: {bug}"));
        }
    }));
}

/// What runs script code.
///
/// # Panics
/// If the run was given no engine, which is a bug of the host.
pub fn programs() -> Arc<dyn Programs> {
    context::current().run.programs.get().cloned().expect("the run has an engine")
}
