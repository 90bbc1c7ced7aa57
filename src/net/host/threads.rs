//! Threads, all of which are started here. Those that run script code are as many as the system allows, less some that the process
//! needs for itself.
//!
//! Each takes four mappings of memory: its stack, a stack for signals, and a guard page before each. The number of mappings has
//! a limit (vm.max_map_count), and a thread that finds no room for its second stack ends the whole process. So they are counted
//! here before they are started. Other limits (processes of a user, of a group) make the start fail, which is harmless.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
pub use std::thread::{JoinHandle, ThreadId, sleep};

use super::environment::{environment, process};
use crate::net::error::{errno, of_number};
use crate::net::sys;
use crate::net::time::Duration;

/// Stack of a thread that runs script code: deep recursion must meet the engine's limit first.
pub const STACK: usize = 16 << 20;

/// Mappings of memory that a thread takes.
const MAPPINGS: usize = 4;

/// Mappings that are left for everything else.
const REST: usize = 2_048;

/// The place of a thread among those that run, until it ends.
struct ThreadPlace;

impl ThreadPlace {
    fn take() -> Option<Self> {
        let more = |running| (running < most()).then_some(running + 1);
        process().threads.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Self)
    }
}

impl Drop for ThreadPlace {
    fn drop(&mut self) {
        process().threads.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Starts a thread of the process's own, called `name`.
///
/// # Errors
/// EAGAIN: the system's limit is reached.
pub fn spawn<T: Send + 'static>(name: &str, body: impl FnOnce() -> T + Send + 'static) -> io::Result<JoinHandle<T>> {
    Builder::new().name(name.to_string()).spawn(body)
}

/// Starts a thread called `name` that may run script code.
///
/// # Errors
/// EAGAIN: the limit, or one of the system's, is reached.
pub fn spawn_script<T: Send + 'static>(
    name: &str,
    body: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    let place = ThreadPlace::take().ok_or_else(|| of_number(errno::EAGAIN))?;
    // In a box: what it holds would otherwise stand on the thread's stack several times.
    let body: Box<dyn FnOnce() -> T + Send> = Box::new(move || {
        let _place = place;
        sys::set_timer_slack();
        environment().thread_begins(STACK);
        body()
    });
    Builder::new().name(name.to_string()).stack_size(STACK).spawn(body)
}

/// Starts a thread called `name` that waits to the nanosecond; one that may run script code takes a place among those.
///
/// # Errors
/// EAGAIN: the limit, or one of the system's, is reached.
pub fn start(name: &str, runs_script: bool, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    if runs_script {
        return spawn_script(name, body).map(drop);
    }
    let timed = move || {
        sys::set_timer_slack();
        body();
    };
    spawn(name, timed).map(drop)
}

/// What can be done where no thread is left.
pub fn remedy() -> &'static str {
    if process().threads.load(Ordering::Relaxed) >= most() {
        "as many threads run as the system's memory mappings allow; end some, or raise `sysctl vm.max_map_count`"
    } else {
        "too many threads are running; end some, or raise `ulimit -u`"
    }
}

/// Which thread runs.
pub fn current() -> ThreadId {
    std::thread::current().id()
}

/// Others run when the system has them run.
pub fn yield_now() {}

/// Others run when the system has them run.
#[cfg(feature = "sim")]
pub(super) fn yield_regularly() {}

/// The time of simulated runs goes on by itself.
#[cfg(feature = "sim")]
pub(super) fn is_time_asked_for() -> bool {
    false
}

/// It does not wait.
#[cfg(feature = "sim")]
pub(super) fn wait_until(_: crate::net::time::Instant) {}

/// The engine's own limits come first.
pub fn is_stack_low() -> bool {
    false
}

/// A value that threads wait for to change.
#[derive(Debug, Default)]
pub(super) struct Monitor<T> {
    value: Mutex<T>,
    changed: Condvar,
}

impl<T> Monitor<T> {
    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has all look again that wait.
    pub(super) fn notify_all(&self) {
        self.changed.notify_all();
    }

    /// Gives the lock back until the next change, or until `left` has passed; it may return sooner.
    pub(super) fn wait<'a>(&self, guard: MutexGuard<'a, T>, left: Option<Duration>) -> MutexGuard<'a, T> {
        match left {
            None => self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner),
            Some(left) => self.changed.wait_timeout(guard, left.into()).unwrap_or_else(PoisonError::into_inner).0,
        }
    }
}

/// How many there may be.
fn most() -> usize {
    *process().most_threads.get_or_init(|| {
        let limit = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap_or_default();
        limit.trim().parse().map_or(usize::MAX, most_with)
    })
}

/// How many there may be where there may be so many mappings; a few there always may be.
fn most_with(mappings: usize) -> usize {
    (mappings.saturating_sub(REST) / MAPPINGS).max(64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_threads_follows_from_the_number_of_mappings() {
        assert_eq!(most_with(65_530), 15_870);
        assert_eq!(most_with(0), 64);
        assert!(most() >= 64);
    }

    #[test]
    fn places_are_given_back() {
        let before = process().threads.load(Ordering::Relaxed);
        for _ in 0..4 {
            let threads: Vec<_> = (0..50).map(|n| spawn_script("test", move || n).unwrap()).collect();
            assert_eq!(threads.into_iter().map(|thread| thread.join().unwrap()).sum::<i32>(), 1225);
        }
        // Other tests may run threads meanwhile, but not so many.
        assert!(process().threads.load(Ordering::Relaxed) < before + 50);
    }
}
