//! Threads that wait for clients in calls of their own: how many there may be, and what many of them do to each other.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::net::host::current::current;
use crate::net::host::environment::process;
use crate::net::sys;

/// How many threads wait in calls at most. A stop has to end their calls one by one; what more wait poll, which is ended for
/// all at once.
const MOST: usize = 2_000;

/// From how many threads on each is scheduled as SCHED_BATCH. One that is woken by a message would otherwise preempt the thread
/// that is about to send the next, and with many threads most of the time goes into such changes. A few reply sooner without it.
const MANY: usize = 100;

/// Whether this thread may wait in a call that a stop ends by itself. It has its place among those that do until it ends.
pub(super) fn may_block() -> bool {
    current(|current| {
        let threads = &process().threads_in_calls;
        let Some(batch) = current.in_calls.get().or_else(|| take_place(threads)) else { return false };
        // Half of them have to go before it is none any more, or each that comes and goes would change it.
        let crowded = threads.load(Ordering::Relaxed) >= if batch { MANY / 2 } else { MANY };
        if crowded != batch {
            sys::set_batch_scheduling(crowded);
        }
        current.in_calls.set(Some(crowded));
        true
    })
}

/// Takes a place, if one is free: no batch scheduling yet.
fn take_place(threads: &AtomicUsize) -> Option<bool> {
    let more = |threads| (threads < MOST).then_some(threads + 1);
    threads.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_back_when_their_threads_end() {
        // Other tests of this process have threads too.
        for _ in 0..3 {
            let threads: Vec<_> = (0..MOST / 2).map(|_| std::thread::spawn(may_block)).collect();
            assert!(threads.into_iter().all(|thread| thread.join().expect("ends")));
        }
    }
}
