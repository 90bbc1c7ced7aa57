//! Reloading: a script is run anew when it is saved, while the versions before go on with their clients. The loops that call a
//! handler for each message or event take that of the newest version.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::{FnPtr, GlobalRuntimeState, Position};

use super::Programs;

/// The closures that a script gives to serve loops, with the places of the calls, from its start to its end.
pub type Handlers = Arc<Vec<(Position, FnPtr)>>;

/// The newest version of a script that has settled; shared by all of them.
#[derive(Clone, Default)]
pub struct Newest(Arc<(AtomicU64, Mutex<Option<Arc<HandlerVersion>>>)>);

/// A version whose handlers can be called.
pub(in crate::bindings) struct HandlerVersion {
    pub(in crate::bindings) programs: Arc<dyn Programs>,
    pub(in crate::bindings) global: GlobalRuntimeState,
    pub(in crate::bindings) handlers: Handlers,
    pub(in crate::bindings) text: String,
    /// Whether it was said that a handler is missing.
    pub(in crate::bindings) noted: AtomicBool,
}

/// The version that a run is of.
pub struct Reload {
    newest: Newest,
    number: u64,
    handlers: Handlers,
    text: String,
    /// The state of the script when it last opened a socket: its functions, constants and modules.
    state: Mutex<Option<GlobalRuntimeState>>,
    replaced: AtomicBool,
}

impl Reload {
    /// The version that follows those of `newest`: its closures and its text.
    pub fn new(newest: &Newest, number: u64, handlers: Handlers, text: String) -> Self {
        let newest = newest.clone();
        Self { newest, number, handlers, text, state: Mutex::default(), replaced: AtomicBool::new(false) }
    }

    /// Keeps the state in which its handlers can be called.
    pub(in crate::bindings) fn keep(&self, state: &GlobalRuntimeState) {
        *lock(&self.state) = Some(state.clone());
    }

    /// Its handlers are called from now on, if it has opened a socket.
    pub(in crate::bindings) fn publish(&self, programs: &Arc<dyn Programs>) {
        let Some(global) = lock(&self.state).take() else { return };
        let (programs, handlers, text) = (programs.clone(), self.handlers.clone(), self.text.clone());
        let version = HandlerVersion { programs, global, handlers, text, noted: AtomicBool::new(false) };
        *lock(&self.newest.0.1) = Some(Arc::new(version));
        self.newest.0.0.store(self.number, Ordering::Release);
    }

    /// Another version takes its place.
    pub fn replace(&self) {
        self.replaced.store(true, Ordering::SeqCst);
    }

    /// Whether another version has taken its place.
    pub fn is_replaced(&self) -> bool {
        self.replaced.load(Ordering::SeqCst)
    }

    /// For a loop that calls one of its handlers.
    pub(in crate::bindings) fn follow(&self) -> Following {
        Following { newest: self.newest.clone(), number: self.number, handlers: self.handlers.clone(), version: None }
    }
}

/// A handler's version.
#[derive(Clone)]
pub(in crate::bindings) struct Following {
    newest: Newest,
    number: u64,
    /// The closures of the version that the handler is of.
    pub(in crate::bindings) handlers: Handlers,
    /// The version, if it is another than that of the loop.
    pub(in crate::bindings) version: Option<Arc<HandlerVersion>>,
}

impl Following {
    /// A version that is newer than all that were seen.
    pub(in crate::bindings) fn news(&mut self) -> Option<Arc<HandlerVersion>> {
        let number = self.newest.0.0.load(Ordering::Acquire);
        if number <= self.number {
            return None;
        }
        self.number = number;
        lock(&self.newest.0.1).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
