//! Script closures that outlive the call they were given in.
//!
//! What a closure captured is copied when it is stored, so that it shares nothing with the script that made it. The copies
//! are the closure's own state: what it changes in one call it finds in the next.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, RwLock};

use rhai::{
    Caches, Dynamic, EvalAltResult, EvalContext, FnPtr, GlobalRuntimeState, NativeCallContext, Position, Scope,
    ScriptFuncDef,
};

pub use self::copies::{Look, note_of_copies, own};
use super::context::{Following, Programs};
use super::error::ScriptResult;
use super::thread::{try_with, with};
use super::{body, context, exit};
use crate::net::host::bugs;
use crate::terminal::output;

mod copies;
mod forwarded;
mod renew;

/// A closure with all it needs to be called later, on any thread.
///
/// It keeps its own state of the evaluator, caches included, from call to call: that is what makes a policy cheap.
pub struct Callback {
    closure: FnPtr,
    programs: Arc<dyn Programs>,
    global: GlobalRuntimeState,
    caches: Caches,
    scope: Scope<'static>,
    /// Whether the closure is a function of `global`, to be called by its name.
    by_name: bool,
    position: Position,
    /// Notices where it changes what it captured.
    watch: Option<CallWatch>,
    /// The version of the script it is of, if the newest is to be called.
    following: Option<Following>,
    /// The closure that it stands for, and where that was given away; see [`Self::forwarded`].
    stands_for: Option<(String, Position)>,
}

/// Notices a closure that changes copies which its script does not see.
#[derive(Clone, Debug)]
struct CallWatch {
    /// What the closure is.
    what: &'static str,
    before: Vec<Look>,
    calls: u64,
}

impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Callback({})", self.closure.fn_name())
    }
}

impl Clone for Callback {
    fn clone(&self) -> Self {
        let copy = Self::make(self.closure.clone(), self.programs.clone(), self.global.clone(), self.position);
        Self { watch: self.watch.clone(), following: self.following.clone(), ..copy }
    }
}

impl Callback {
    /// Keeps `closure`, with its captures copied.
    pub fn new(ctx: &NativeCallContext, closure: FnPtr) -> Self {
        Self::make(closure, programs(), ctx.global_runtime_state().clone(), ctx.call_position()).fresh()
    }

    /// The same, for calls on this thread alone: the constants stay its own.
    pub fn local(ctx: &NativeCallContext, closure: FnPtr) -> Self {
        let mut this = Self::make(closure, programs(), ctx.global_runtime_state().clone(), ctx.call_position());
        this.copy_captured();
        this
    }

    /// Keeps a closure that a program evaluated to, in the state that the program left, shown as coming from `source`.
    pub fn in_program(closure: FnPtr, mut global: GlobalRuntimeState, source: &str, position: Position) -> Self {
        global.source = Some(source.into());
        Self::make(closure, programs(), global, position).fresh()
    }

    /// The same closure with what it captured copied once more.
    pub fn fresh(&self) -> Self {
        let mut global = self.global.clone();
        // Two threads that read one map of constants get in each other's way.
        if let Some(constants) = global.constants.take() {
            let copy = constants.read().unwrap_or_else(PoisonError::into_inner).clone();
            global.constants = Some(Arc::new(RwLock::new(copy)));
        }
        let mut fresh = Self::make(self.closure.clone(), self.programs.clone(), global, self.position);
        fresh.copy_captured();
        match &self.watch {
            Some(watch) => fresh.noting(watch.what),
            None => fresh,
        }
    }

    fn copy_captured(&mut self) {
        for captured in self.closure.iter_curry_mut() {
            *captured = own(std::mem::take(captured), 0).into_shared();
        }
    }

    /// The same, with a note once in a run if it changes what it captured; it is `what`, such as a policy.
    pub fn noting(mut self, what: &'static str) -> Self {
        self.watch = Some(CallWatch { what, before: self.looks(), calls: 0 });
        self
    }

    /// The closure, and the functions it can call, where it is one of them.
    pub fn function(&self) -> Option<(&FnPtr, &GlobalRuntimeState)> {
        self.by_name.then_some((&self.closure, &self.global))
    }

    /// Whether after the next call it looks whether that has changed what it captured.
    pub fn looks_next(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| (watch.calls + 1).is_power_of_two())
    }

    /// Looks now and then whether it has changed what it captured; after each call, in the context of its script.
    pub fn note_changes(&mut self) {
        let looks = self.looks_next();
        let Some(watch) = &mut self.watch else { return };
        watch.calls += 1;
        if looks
            && let Some(watch) = &self.watch
            && let Some(name) = self.changed(&watch.before).first()
        {
            let what = watch.what;
            note_of_copies(&format!(
                "note: `{name}` was changed in the {what}, and there alone: what a {what} captured is copied when it is \
                 given away\n  hint: counter(), stats() and shared_map() are shared with the script"
            ));
            self.watch = None;
        }
    }

    fn make(closure: FnPtr, programs: Arc<dyn Programs>, global: GlobalRuntimeState, position: Position) -> Self {
        let name = closure.fn_name();
        let by_name = function(&global, name).is_some();
        let (caches, scope, watch, following) = (Caches::new(), Scope::new(), None, None);
        Self { closure, programs, global, caches, scope, by_name, position, watch, following, stands_for: None }
    }

    /// Calls the closure. A panic of a native beneath it becomes an error.
    ///
    /// # Errors
    /// What the closure throws.
    pub fn call<const N: usize>(&mut self, args: [Dynamic; N]) -> ScriptResult<Dynamic> {
        exit::kept(|| {
            let result = guarded(|| self.evaluate(args));
            self.note_changes();
            self.located(result)
        })
    }

    /// Runs `body`, which calls the closure again and again by [`Self::call_again`]: what guards one call guards them all.
    ///
    /// # Errors
    /// What `body` returns.
    pub fn repeatedly(&mut self, body: impl FnOnce(&mut Self) -> ScriptResult<()>) -> ScriptResult<()> {
        exit::kept(|| guarded(|| body(self).map(|()| Dynamic::UNIT))).map(|_| ())
    }

    /// Calls the closure within [`Self::repeatedly`]; `None`: it called `exit`, and nothing is to follow.
    ///
    /// # Errors
    /// What the closure throws.
    pub fn call_again<const N: usize>(&mut self, args: [Dynamic; N]) -> ScriptResult<Option<Dynamic>> {
        let result = self.evaluate(args);
        self.note_changes();
        let value = self.located(result)?;
        Ok((!exit::is_pending()).then_some(value))
    }

    fn evaluate<const N: usize>(&mut self, mut args: [Dynamic; N]) -> ScriptResult<Dynamic> {
        let Self { closure, programs, global, caches, scope, position, by_name, .. } = self;
        let engine = programs.engine();
        if !*by_name {
            let source = global.source.clone();
            let ctx = NativeCallContext::from((engine, "closure", source.as_deref(), &*global, *position));
            return closure.call_raw(&ctx, None, &mut args);
        }
        let mut context = EvalContext::new(engine, global, caches, scope, None);
        let result = if closure.is_curried() {
            let mut values: Vec<Dynamic> = closure.iter_curry().cloned().chain(args).collect();
            let mut args: Vec<&mut Dynamic> = values.iter_mut().collect();
            context.call_fn_raw(closure.fn_name(), false, false, &mut args)
        } else {
            context.call_fn_raw(closure.fn_name(), false, false, &mut args.each_mut())
        };
        scope.clear();
        result
    }

    /// `result`, with the place where the closure was given away if an error has no other.
    fn located(&self, result: ScriptResult<Dynamic>) -> ScriptResult<Dynamic> {
        result.map_err(|mut error| {
            if let Some(version) = self.following.as_ref().and_then(|following| following.version.as_ref()) {
                programs().show_as(self.global.source.as_deref().unwrap_or_default(), &version.text);
            }
            if error.position().is_none() && self.is_of_script() {
                error.set_position(self.position);
            }
            self.through(error)
        })
    }

    /// Whether the closure was given away by the file of the script that runs here: places in messages are there if nothing
    /// else is said.
    pub fn is_of_script(&self) -> bool {
        let source = self.global.source.as_deref();
        source.is_none() || context::peek(|context| source == Some(context.script.name.as_str())) == Some(true)
    }

    /// Those of the values that the closure captured which are a `T`.
    pub fn captured<T: Clone + 'static>(&self) -> Vec<T> {
        self.closure.iter_curry().filter_map(|value| value.read_lock::<T>().map(|value| value.clone())).collect()
    }

    /// What the captured values are now, for [`Self::changed`].
    pub fn looks(&self) -> Vec<Look> {
        self.closure.iter_curry().map(Look::at).collect()
    }

    /// The names of those captured variables that are no longer as they were.
    pub fn changed(&self, before: &[Look]) -> Vec<String> {
        let now = self.looks();
        if now == before {
            return Vec::new();
        }
        let Some(function) = self.definition() else { return Vec::new() };
        let differs = |(at, look): (usize, &Look)| now.get(at) != Some(look);
        let changed = before.iter().enumerate().filter(|&(at, look)| differs((at, look)));
        changed.filter_map(|(at, _)| function.params.get(at).map(ToString::to_string)).collect()
    }

    /// How many values the closure is to be called with; `None`: it is a function of the core, which may have several forms.
    pub fn takes(&self) -> Option<usize> {
        self.definition().map(|function| function.params.len().saturating_sub(self.closure.curry().len()))
    }

    /// The function behind the closure.
    pub fn definition(&self) -> Option<&Arc<ScriptFuncDef>> {
        function(&self.global, self.closure.fn_name())
    }

    /// The same as [`Callback::place`], to keep.
    pub fn origin(&self) -> (Option<rhai::ImmutableString>, Position) {
        (self.global.source.clone(), self.position)
    }

    /// Where the closure is written: `FILE:LINE:COLUMN`.
    pub fn written(&self) -> Option<Arc<str>> {
        let function = function(&self.global, self.closure.fn_name())?;
        let at = body::start(function);
        let source = source_of(&self.global, function).or(self.global.source.as_deref()).unwrap_or_default();
        Some(format!("{source}:{}:{}", at.line()?, at.position()?).into())
    }

    /// Where the closure begins, if that is in the source that gave it away; else where it was given away.
    pub fn start(&self) -> Position {
        let own = || {
            let function = self.definition()?;
            let source = source_of(&self.global, function);
            let is_here = source.is_none_or(|source| self.global.source.as_deref() == Some(source));
            is_here.then(|| body::start(function))
        };
        own().filter(|start| !start.is_none()).unwrap_or(self.position)
    }

    /// Where the closure was given away: source and position.
    pub fn place(&self) -> (Option<&str>, Position) {
        (self.global.source.as_deref(), self.position)
    }
}

/// The function of a script that is called so.
fn function<'a>(global: &'a GlobalRuntimeState, name: &str) -> Option<&'a Arc<ScriptFuncDef>> {
    let mut functions = global.lib.iter().flat_map(|library| library.iter_script_fn_info());
    functions.find(|(_, _, known, ..)| *known == name).map(|(.., function)| function)
}

/// The source that a function of a script is written in; at the prompt each entry is one.
pub(super) fn source_of<'a>(global: &'a GlobalRuntimeState, function: &Arc<ScriptFuncDef>) -> Option<&'a str> {
    let has = |library: &rhai::Module| library.iter_script_fn_info().any(|(.., known)| Arc::ptr_eq(known, function));
    global.lib.iter().find(|library| has(library))?.id()
}

/// Runs `body`; a panic in it becomes an error.
///
/// # Errors
/// What `body` returns, or the panic.
pub fn guarded(body: impl FnOnce() -> ScriptResult<Dynamic>) -> ScriptResult<Dynamic> {
    let before = with(|thread| thread.caught.replace(Some(String::new())));
    let result = catch_unwind(AssertUnwindSafe(body));
    let bug = with(|thread| thread.caught.replace(before)).unwrap_or_default();
    result.unwrap_or_else(|_| Err(EvalAltResult::ErrorSystem(String::new(), bug.into()).into()))
}

/// Has panics report about themselves in one line: in the error they become, or else on standard error.
pub fn tame_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied().map(str::to_string);
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
        let text = text.lines().next().unwrap_or_default();
        let place = panic.location().map_or(String::new(), |at| format!(" ({}:{})", at.file(), at.line()));
        let bug = format!("a bug in pingscript, please report it: {text}{place}");
        let caught = try_with(|thread| match &mut *thread.caught.borrow_mut() {
            Some(said) => {
                said.clone_from(&bug);
                true
            }
            None => false,
        });
        if caught != Some(true) && bugs::met(panic.location()) {
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
