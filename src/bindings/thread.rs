//! What a thread that runs script code is about, besides its context: one value.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use rhai::{ImmutableString, Position};

use crate::net::random::RandomStream;
use crate::net::time::Instant;

/// See the module.
#[derive(Debug)]
pub(super) struct ScriptThread {
    /// What the script has asked to leave; see [`super::exit`].
    pub(super) leaving: Cell<Option<Leaving>>,
    /// How many waits of scripts have begun; see [`super::loops`].
    pub(super) waits: Cell<u64>,
    /// How many had when the turn of the loop began that runs; `None` outside of loops.
    pub(super) began: Cell<Option<u64>>,
    /// How many had when the loop ended that ended last.
    pub(super) ended: Cell<u64>,
    /// Files that are evaluated within each other; see [`super::nesting`].
    pub(super) open: RefCell<Vec<String>>,
    /// The packet that a policy decides about; see [`super::policy::draw`].
    pub(super) deciding: RefCell<Option<Deciding>>,
    /// Where a panic is caught: what it said. `None`: it is not caught.
    pub(super) caught: RefCell<Option<String>>,
    /// The place of the verdict that was made last, and its text: the next one is likely made there, too.
    pub(super) origin: RefCell<Option<(String, usize, Arc<str>)>>,
}

/// What a script has asked to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    /// The script, with this exit code.
    Script(u8),
    /// The loop that runs, since the script was stopped.
    Loop,
}

/// The draws that belong to the packet a policy decides about.
#[derive(Debug)]
pub(super) struct Deciding {
    pub(super) stream: RandomStream,
    pub(super) drawn: Vec<f64>,
    /// Whether the policy has failed before, and that was reported.
    pub(super) failed: bool,
    /// Where the policy was given away.
    pub(super) place: (Option<ImmutableString>, Position),
    /// When the decision was first seen to take long.
    pub(super) long_since: Option<Instant>,
    /// How often that was looked at.
    pub(super) looks: u32,
}

impl ScriptThread {
    /// Nothing yet.
    const fn nothing() -> Self {
        Self {
            leaving: Cell::new(None),
            waits: Cell::new(0),
            began: Cell::new(None),
            ended: Cell::new(0),
            open: RefCell::new(Vec::new()),
            deciding: RefCell::new(None),
            caught: RefCell::new(None),
            origin: RefCell::new(None),
        }
    }
}

thread_local! {
    static THREAD: ScriptThread = const { ScriptThread::nothing() };
}

/// Takes out what this thread is about, for another to run in its place; what comes back puts it in again.
#[cfg(target_family = "wasm")]
pub(super) fn keep() -> Box<dyn FnOnce()> {
    let kept = ScriptThread::nothing();
    let swap = |kept: &ScriptThread| {
        with(|thread| {
            thread.leaving.swap(&kept.leaving);
            thread.waits.swap(&kept.waits);
            thread.began.swap(&kept.began);
            thread.ended.swap(&kept.ended);
            thread.open.swap(&kept.open);
            thread.deciding.swap(&kept.deciding);
            thread.caught.swap(&kept.caught);
            thread.origin.swap(&kept.origin);
        });
    };
    swap(&kept);
    Box::new(move || swap(&kept))
}

/// Looks at the value of this thread; `None`: the thread is at its end.
pub(super) fn try_with<T>(look: impl FnOnce(&ScriptThread) -> T) -> Option<T> {
    THREAD.try_with(look).ok()
}

/// Looks at the value of this thread.
pub(super) fn with<T>(look: impl FnOnce(&ScriptThread) -> T) -> T {
    THREAD.with(look)
}
