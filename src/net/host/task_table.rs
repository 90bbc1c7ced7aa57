//! The tasks that stand for threads where there are none: what each is to do, its stack, and which are to go on.

use std::collections::{BTreeMap, VecDeque};
use std::mem::MaybeUninit;

/// Stack of a task.
pub const STACK: usize = 1 << 20;

/// Room below it, for what stood on the other stack, which is none of linear memory, while the task waits: where the program outside
/// cannot suspend it otherwise.
pub(super) const UNWOUND: usize = 1 << 20;

/// The number of a task, from 1 on; 0 is what runs outside of all.
pub type TaskNumber = u32;

/// What a task does.
pub(super) type Body = Box<dyn FnOnce() + Send>;

/// Takes what belongs to the running task out of where it is kept; what comes back puts it there again.
pub type Keep = fn() -> Box<dyn FnOnce()>;

/// The tasks there are.
pub(super) struct TaskTable {
    /// How many were made.
    pub(super) last: TaskNumber,
    /// Which runs, and where its stack ends.
    pub(super) running: TaskNumber,
    pub(super) floor: usize,
    /// How many waits have ended at once.
    pub(super) steps: u32,
    /// Whether the program outside has a say in how fast time goes on.
    pub(super) is_paced: bool,
    /// Of those that have not begun.
    pub(super) bodies: BTreeMap<TaskNumber, Body>,
    /// Those that are to go on, in this order.
    pub(super) ready: VecDeque<TaskNumber>,
    pub(super) stacks: BTreeMap<TaskNumber, TaskStack>,
    /// Of tasks that have ended, for others.
    pub(super) spare: Vec<TaskStack>,
    pub(super) keep: Option<Keep>,
}

impl TaskTable {
    pub(super) const NONE: Self = Self {
        last: 0,
        running: 0,
        floor: 0,
        steps: 0,
        is_paced: false,
        bodies: BTreeMap::new(),
        ready: VecDeque::new(),
        stacks: BTreeMap::new(),
        spare: Vec::new(),
        keep: None,
    };
}

/// The stack of a task: room in linear memory, whose pages are none of the system's until they are used.
pub(super) struct TaskStack(Box<[MaybeUninit<u128>]>);

impl TaskStack {
    pub(super) fn new() -> Self {
        Self(Box::new_uninit_slice((UNWOUND + STACK) / size_of::<u128>()))
    }

    /// The lowest address of the room below it.
    pub(super) fn unwound(&self) -> usize {
        self.0.as_ptr().addr()
    }

    /// Its own lowest address.
    pub(super) fn floor(&self) -> usize {
        self.unwound() + UNWOUND
    }
}
