//! What a thread of a script is about, as one value: code that runs several of them in turn swaps it.

use std::cell::{Cell, RefCell};
use std::ptr;
use std::sync::atomic::Ordering;

use super::environment::process;
use super::stop::Stop;

/// What this thread is about.
#[derive(Debug)]
pub struct Current {
    /// What ends it, for waits deep within the core to which the caller cannot hand one.
    stop: RefCell<Option<Stop>>,
    /// Whether the policy of a server is deciding on it.
    pub(in crate::net) is_deciding: Cell<bool>,
    /// The prober whose matcher it is in; null: none.
    pub(in crate::net) matching: Cell<*const ()>,
    /// Its place among the threads that wait in calls, and whether it is scheduled as SCHED_BATCH for their number.
    pub(in crate::net) in_calls: Cell<Option<bool>>,
}

impl Drop for Current {
    fn drop(&mut self) {
        if self.in_calls.get().is_some() {
            process().threads_in_calls.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Current {
    /// Nothing yet.
    const fn nothing() -> Self {
        Self {
            stop: RefCell::new(None),
            is_deciding: Cell::new(false),
            matching: Cell::new(ptr::null()),
            in_calls: Cell::new(None),
        }
    }
}

thread_local! {
    static CURRENT: Current = const { Current::nothing() };
}

/// Takes out what this thread is about, for another to run in its place; what comes back puts it in again.
#[cfg(target_family = "wasm")]
pub fn keep() -> Box<dyn FnOnce()> {
    let kept = Current::nothing();
    let swap = |kept: &Current| {
        current(|current| {
            current.stop.swap(&kept.stop);
            current.is_deciding.swap(&kept.is_deciding);
            current.matching.swap(&kept.matching);
            current.in_calls.swap(&kept.in_calls);
        });
    };
    swap(&kept);
    Box::new(move || swap(&kept))
}

/// Looks at what this thread is about.
pub(in crate::net) fn current<T>(look: impl FnOnce(&Current) -> T) -> T {
    CURRENT.with(look)
}

impl Stop {
    /// The stop of what this thread is doing; `None` if none was set.
    pub fn of_thread() -> Option<Self> {
        current(|current| current.stop.borrow().clone())
    }

    /// This thread does something that `stop` ends, from now on. What it did before.
    pub fn set_of_thread(stop: Option<Self>) -> Option<Self> {
        current(|current| current.stop.replace(stop))
    }
}
