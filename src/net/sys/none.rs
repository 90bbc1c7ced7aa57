//! What the core asks of a system, where there is none that it knows: nothing blocks in the system, so nothing has to be woken there.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;

/// In place of an eventfd.
#[derive(Debug)]
pub(in crate::net) struct EventFd;

/// Makes one.
pub(in crate::net) fn eventfd() -> io::Result<EventFd> {
    Ok(EventFd)
}

/// No thread waits for it.
pub(in crate::net) fn eventfd_raise(_: &EventFd) {}

/// Undoes that.
pub(in crate::net) fn eventfd_lower(_: &EventFd) {}

/// No thread can be called out of a system call.
pub(in crate::net) fn nudgeable() -> Option<i32> {
    None
}

/// Calls none.
pub(in crate::net) fn nudge(_: i32) {}

/// Timers are as they are.
pub(in crate::net) fn set_timer_slack() {}

/// No other run writes the same file.
pub(in crate::net) fn lock_file(_: &std::fs::File) -> bool {
    true
}

/// A file is known by its whole path.
pub(in crate::net) fn file_identity(name: &str, _: &std::fs::File) -> io::Result<(u64, u64)> {
    let mut hasher = DefaultHasher::new();
    std::fs::canonicalize(name)?.hash(&mut hasher);
    Ok((hasher.finish(), 0))
}

/// What is written is taken at once.
pub(in crate::net) fn wait_writable(_: &std::fs::File) -> io::Result<()> {
    Ok(())
}
