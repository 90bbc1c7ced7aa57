//! Threads that wait for clients in calls of their own: how many there may be, and what many of them do to each other.

use std::cell::RefCell;
use std::sync::atomic::Ordering;

use crate::net::host::environment::process;
use crate::net::sys;

/// How many threads wait in calls at most. A stop has to end their calls one by one; what more wait poll, which is ended for
/// all at once.
const MOST: usize = 2_000;

/// From how many threads on each is scheduled as SCHED_BATCH. One that is woken by a message would otherwise stop whoever
/// is about to send the next, and with a crowd most of the time goes into such changes. A few answer sooner without it.
const CROWD: usize = 100;

/// A thread's place among those that wait in calls, until it ends.
#[derive(Debug)]
struct Place {
    /// Whether it is scheduled as SCHED_BATCH.
    batch: bool,
}

thread_local! {
    static PLACE: RefCell<Option<Place>> = const { RefCell::new(None) };
}

impl Place {
    /// A place, if one is free.
    fn take() -> Option<Self> {
        let more = |threads| (threads < MOST).then_some(threads + 1);
        process().threads_in_calls.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Self { batch: false })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        process().threads_in_calls.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether this thread may wait in a call that a stop ends by itself.
pub(super) fn may_block() -> bool {
    PLACE.with_borrow_mut(|place| {
        if place.is_none() {
            *place = Place::take();
        }
        let Some(place) = place else { return false };
        // Half of them have to go before it is none any more, or each that comes and goes would change it.
        let crowded = process().threads_in_calls.load(Ordering::Relaxed) >= if place.batch { CROWD / 2 } else { CROWD };
        if crowded != place.batch {
            place.batch = crowded;
            sys::set_batch_scheduling(crowded);
        }
        true
    })
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
