//! The stop of what this thread is doing, for waits deep within the core, to which the caller cannot hand one.

use std::cell::RefCell;

use super::Stop;

thread_local! {
    static OWN: RefCell<Option<Stop>> = const { RefCell::new(None) };
}

impl Stop {
    /// The stop of what this thread is doing; `None` if no one has said.
    pub fn of_thread() -> Option<Self> {
        OWN.with_borrow(Clone::clone)
    }

    /// This thread does something that `stop` ends, from now on. What it did before.
    pub fn set_of_thread(stop: Option<Self>) -> Option<Self> {
        OWN.replace(stop)
    }
}
