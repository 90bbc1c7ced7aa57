//! What is to be sent after a delay: delays never hold up the loop that decided on them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::net::host::notify::Notify;
use crate::net::host::room::Exempt;
use crate::net::host::stop::{Stage, Stop};
use crate::net::host::{Host, Waited, bugs};
use crate::net::time::{Duration, Instant};

/// How many datagrams and messages may wait, and how many bytes in all; beyond that the latest is lost, as in a full queue.
const ROOM: usize = 100_000;
const BYTES: usize = 32 << 20;

/// Datagrams and messages that wait for their time, and the thread that sends them.
#[derive(Debug, Default)]
pub struct DelayQueue {
    state: Mutex<State>,
    /// Something has come.
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct State {
    /// By the time at which each is due, and in the order in which they were given.
    waiting: BTreeMap<(Instant, u64), Waiting>,
    /// Whether there is a thread.
    runs: bool,
    order: u64,
    /// The length of all that wait.
    bytes: Exempt,
}

/// What waits, and where it goes.
type Waiting = (Box<dyn Outlet>, Vec<u8>);

/// Where something is sent once its time has come: a socket with a destination, or a connection.
pub trait Outlet: Debug + Send {
    /// The host it lives on.
    fn host(&self) -> &Arc<dyn Host>;

    /// Sends without waiting. A client that is gone, a socket closed meanwhile: as with a packet on its way.
    fn send(&self, data: &[u8]);
}

impl DelayQueue {
    /// Sends `data` when `by` has passed. The first call starts the thread, which ends with `stop`. `false`: there is no
    /// room, or the system has no descriptor or thread left, and `data` is lost.
    pub fn send(self: &Arc<Self>, stop: &Stop, by: Duration, outlet: Box<dyn Outlet>, data: Vec<u8>) -> bool {
        let host = outlet.host().clone();
        let due = host.now() + by;
        let start = || {
            let (queue, stop, of_thread) = (self.clone(), stop.clone(), host.clone());
            host.start_thread("delay queue", false, Box::new(move || queue.run(&*of_thread, &stop)))
        };
        let is_kept = self.lock().enter(due, (outlet, data), start);
        self.changed.notify();
        is_kept
    }

    /// Sends what is due, until nothing waits any more: the next to come starts another thread.
    fn run(&self, host: &dyn Host, stop: &Stop) {
        loop {
            let mut state = self.lock();
            let (due, next) = state.take_due(host.now());
            state.runs = !due.is_empty() || next.is_some();
            if !state.runs {
                return;
            }
            drop(state);
            for (outlet, data) in due.into_values() {
                bugs::contained(|| outlet.send(&data));
            }
            let Some(next) = next else { continue };
            let earlier = &mut || self.lock().next() != Some(next);
            if host.park(&self.changed, Some(next), Some((stop, Stage::Interrupted)), earlier) == Waited::Stopped {
                self.lock().runs = false;
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Has `waiting` wait for its time, if there is room and a thread; `start` starts one.
    fn enter(&mut self, due: Instant, waiting: Waiting, start: impl FnOnce() -> io::Result<()>) -> bool {
        let bytes = self.bytes.bytes() + waiting.1.len();
        if self.waiting.len() >= ROOM || bytes > BYTES {
            return false;
        }
        // It finds what waits once the lock is given up.
        self.runs = self.runs || start().is_ok();
        if !self.runs {
            return false;
        }
        self.order += 1;
        self.bytes.set(bytes);
        self.waiting.insert((due, self.order), waiting);
        true
    }

    /// When the first is due.
    fn next(&self) -> Option<Instant> {
        self.waiting.first_key_value().map(|((due, _), _)| *due)
    }

    /// Takes out what is due by `now`; and when the next is.
    fn take_due(&mut self, now: Instant) -> (BTreeMap<(Instant, u64), Waiting>, Option<Instant>) {
        let later = self.waiting.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut self.waiting, later);
        let left = self.bytes.bytes() - due.values().map(|(_, data)| data.len()).sum::<usize>();
        self.bytes.set(left);
        (due, self.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::host::ThisMachine;

    /// Sends nothing.
    #[derive(Debug)]
    struct Nowhere(Arc<dyn Host>);

    impl Outlet for Nowhere {
        fn host(&self) -> &Arc<dyn Host> {
            &self.0
        }

        fn send(&self, _: &[u8]) {}
    }

    fn waiting(len: usize) -> Waiting {
        (Box::new(Nowhere(Arc::new(ThisMachine))), vec![0; len])
    }

    #[test]
    fn what_waits_is_bounded_in_bytes_and_the_latest_is_lost() {
        let mut state = State::default();
        let enter = |state: &mut State, len| state.enter(ThisMachine.now(), waiting(len), || Ok(()));
        for _ in 0..BYTES / 65_536 {
            assert!(enter(&mut state, 65_536));
        }
        assert!(!enter(&mut state, 1));
        assert_eq!((state.waiting.len(), state.bytes.bytes()), (BYTES / 65_536, BYTES));
    }

    #[test]
    fn what_is_due_goes_in_its_order_and_the_rest_waits_on() {
        let (mut state, start) = (State::default(), ThisMachine.now());
        let at = |ms| start + Duration::from_millis(ms);
        for (due, len) in [(20, 1), (10, 2), (30, 3), (10, 4)] {
            assert!(state.enter(at(due), waiting(len), || Ok(())));
        }
        let mut lens = |now| -> (Vec<usize>, Option<Instant>) {
            let (due, next) = state.take_due(now);
            (due.values().map(|(_, data)| data.len()).collect(), next)
        };
        assert_eq!(lens(at(9)), (vec![], Some(at(10))));
        assert_eq!(lens(at(20)), (vec![2, 4, 1], Some(at(30))));
        assert_eq!(lens(at(40)), (vec![3], None));
        assert_eq!(state.bytes.bytes(), 0);
    }

    #[test]
    fn without_a_thread_nothing_is_left_to_wait() {
        let mut state = State::default();
        assert!(!state.enter(ThisMachine.now(), waiting(9), || Err(io::ErrorKind::OutOfMemory.into())));
        assert_eq!((state.waiting.len(), state.bytes.bytes(), state.runs), (0, 0, false));
    }
}
