//! The threads of a run: they enter, wait for their turn, wait for what they want, and leave.

use std::fmt;
use std::sync::{Arc, MutexGuard};

use super::ticket::Ticket;
use super::{State, World};
use crate::net::host::simulated::turns::{ThreadNumber, WakeKey, Woken};
use crate::net::host::stop::{Stage, Stop};
use crate::net::host::threads;
use crate::net::time::Instant;

/// What a thread waits for.
#[derive(Clone, Copy)]
pub struct Wait<'a> {
    /// What wakes it.
    pub keys: &'a [WakeKey],
    /// Its deadline.
    pub until: Option<Instant>,
    /// What ends it, and from which stage on.
    pub stop: Option<(&'a Stop, Stage)>,
    /// Whether it has been woken before it began to wait.
    pub is_woken: &'a dyn Fn() -> bool,
}

impl fmt::Debug for Wait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("keys", &self.keys).field("until", &self.until).finish_non_exhaustive()
    }
}

/// A thread's part in a run, which ends with this.
#[derive(Debug)]
pub struct ThreadEnd(World);

impl Drop for ThreadEnd {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl World {
    /// Takes a place for a thread that this one is about to start.
    pub fn reserve(&self) -> ThreadNumber {
        self.enter();
        let mut state = self.lock();
        let number = state.turns.enter();
        state.tickets.insert(number, Arc::default());
        number
    }

    /// This thread begins, in the place that was taken for it: waits for its turn.
    pub fn begin(&self, number: ThreadNumber) -> ThreadEnd {
        let mut state = self.lock();
        state.threads.insert(threads::current(), number);
        state.last_thread = None;
        let ticket = state.tickets.get(&number).cloned().unwrap_or_default();
        Self::resume(state);
        ticket.wait_for_turn(None);
        ThreadEnd(self.clone())
    }

    /// The place is not needed: no thread was started.
    pub fn give_back(&self, number: ThreadNumber) {
        let mut state = self.lock();
        state.turns.leave(number);
        state.tickets.remove(&number);
    }

    /// This thread has no more part in the run.
    pub fn leave(&self) {
        self.settle();
        let mut state = self.lock();
        let Some(number) = state.threads.remove(&threads::current()) else { return };
        state.last_thread = None;
        // It may end in the middle of what it drives: by a panic of a policy.
        if state.driver == Some(number) {
            state.driver = None;
        }
        state.turns.leave(number);
        state.tickets.remove(&number);
        state.stops.retain(|(of, ..)| *of != number);
        let (state, next) = self.advance(state, number);
        Self::grant(state, next);
    }

    /// Waits outside of the run, for something of the real world: time stands still meanwhile.
    pub fn outside<R>(&self, wait: impl FnOnce() -> R) -> R {
        self.settle();
        let (mut state, number) = self.entered();
        state.turns.go_outside(number);
        let (state, next) = self.advance(state, number);
        Self::grant(state, next);
        let result = wait();
        let mut state = self.lock();
        state.turns.come_back(number);
        let ticket = state.tickets.get(&number).cloned().unwrap_or_default();
        Self::resume(state);
        ticket.wait_for_turn(None);
        result
    }

    /// Waits; why that has ended.
    pub fn wait(&self, wait: &Wait<'_>) -> Woken {
        threads::yield_regularly();
        self.settle();
        let (mut state, number) = self.entered();
        if let Some(why) = &state.failed {
            return Woken::Stuck(why.clone());
        }
        if (wait.is_woken)() {
            return Woken::Ready;
        }
        if state.driver == Some(number) {
            return Woken::Stuck(
                "a policy of a link decides about a packet, and cannot wait in a simulated run".to_string(),
            );
        }
        if let Some((stop, stage)) = wait.stop {
            state.stops.push((number, stop.clone(), stage));
            if stop.stage() >= stage {
                state.stops_seen = None;
            }
        }
        state.turns.wait(number, wait.keys, wait.until);
        let mut ticket = None;
        loop {
            let next;
            (state, next) = self.advance(state, number);
            if next != Some(number) {
                let ticket = ticket.get_or_insert_with(|| {
                    let ticket = state.tickets.get(&number).cloned().unwrap_or_default();
                    wait.stop.inspect(|(stop, _)| stop.subscribe(&ticket.notify));
                    ticket
                });
                Self::grant(state, next);
                let granted = ticket.wait_for_turn(wait.stop);
                state = self.lock();
                if !granted {
                    if !state.turns.is_running() && state.driver.is_none() {
                        continue;
                    }
                    // Stopped: the thread that has the turn sees that, and gives it to this one.
                    drop(state);
                    ticket.wait_for_turn(None);
                    state = self.lock();
                }
            }
            state.stops.retain(|(of, ..)| *of != number);
            return state.turns.woken(number);
        }
    }

    /// The number of this thread, which takes part from now on.
    pub(super) fn enter(&self) -> ThreadNumber {
        self.entered().1
    }

    /// The same, with the state.
    fn entered(&self) -> (MutexGuard<'_, State>, ThreadNumber) {
        let (mut state, own) = (self.lock(), threads::current());
        if let Some((_, number)) = state.last_thread.filter(|(last, _)| *last == own) {
            return (state, number);
        }
        if let Some(number) = state.threads.get(&own).copied() {
            state.last_thread = Some((own, number));
            return (state, number);
        }
        let number = state.turns.enter();
        let ticket: Arc<Ticket> = Arc::default();
        state.threads.insert(own, number);
        state.tickets.insert(number, ticket.clone());
        Self::resume(state);
        ticket.wait_for_turn(None);
        (self.lock(), number)
    }

    /// Gives the turn on where no thread has it.
    pub(super) fn resume(mut state: MutexGuard<'_, State>) {
        if state.driver.is_none() {
            let next = state.turns.next_turn();
            Self::grant(state, next);
        }
    }

    /// Has the thread that has the turn run: without the lock, which it wants first.
    fn grant(state: MutexGuard<'_, State>, next: Option<ThreadNumber>) {
        let ticket = next.and_then(|next| state.tickets.get(&next).cloned());
        drop(state);
        if let Some(ticket) = ticket {
            ticket.grant();
        }
    }
}
