//! What is to be sent later: delays never hold up the loop that decided on them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::net::host::room::Exempt;
use crate::net::host::stop::Stop;
use crate::net::host::{Host, Waited, bugs, threads};
use crate::net::sys;
use crate::net::sys::PollFd;
use crate::net::time::{Duration, Instant};

/// How many datagrams and messages may wait, and how many bytes in all; beyond that the latest is lost, as in a full queue.
const ROOM: usize = 100_000;
const BYTES: usize = 32 << 20;

/// Datagrams and messages that wait for their time, and the thread that sends them.
#[derive(Debug, Default)]
pub struct DelayQueue(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// By the time at which each is due, and in the order in which they were given.
    waiting: BTreeMap<(Instant, u64), Waiting>,
    /// Raised when an earlier one has come; `None` while there is no thread.
    wake: Option<Arc<OwnedFd>>,
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
            let wake = Arc::new(sys::eventfd()?);
            let (later, stop, inside) = (self.clone(), stop.clone(), wake.clone());
            let run = move || later.run(host.as_ref(), &stop, &inside);
            threads::spawn("later", run)?;
            Ok(wake)
        };
        self.lock().enter(due, (outlet, data), start)
    }

    fn run(&self, host: &dyn Host, stop: &Stop, wake: &OwnedFd) {
        sys::set_timer_slack();
        loop {
            let next = {
                let mut state = self.lock();
                let now = host.now();
                while let Some(first) = state.waiting.first_entry().filter(|first| first.key().0 <= now) {
                    let (outlet, data) = first.remove();
                    state.gone(data.len());
                    bugs::contained(|| outlet.send(&data));
                }
                state.waiting.first_key_value().map(|((due, _), _)| *due)
            };
            let mut fds = [PollFd::readable(wake.as_fd())];
            match host.wait(&mut fds, next, stop) {
                Ok(Waited::Ready) => sys::eventfd_lower(wake.as_fd()),
                Ok(Waited::TimedOut) => {}
                Ok(Waited::Stopped) | Err(_) => {
                    // The next to come starts another thread.
                    self.lock().wake = None;
                    return;
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Has `waiting` wait for its time, if there is room and a thread; `start` starts one.
    fn enter(&mut self, due: Instant, waiting: Waiting, start: impl FnOnce() -> io::Result<Arc<OwnedFd>>) -> bool {
        let bytes = self.bytes.bytes() + waiting.1.len();
        if self.waiting.len() >= ROOM || bytes > BYTES {
            return false;
        }
        match &self.wake {
            Some(wake) => sys::eventfd_raise(wake.as_fd()),
            // It finds what waits once the lock is given up.
            None => match start() {
                Ok(wake) => self.wake = Some(wake),
                Err(_) => return false,
            },
        }
        self.order += 1;
        self.bytes.set(bytes);
        self.waiting.insert((due, self.order), waiting);
        true
    }

    /// One that was `len` bytes long waits no more.
    fn gone(&mut self, len: usize) {
        let left = self.bytes.bytes() - len;
        self.bytes.set(left);
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
        let enter =
            |state: &mut State, len| state.enter(ThisMachine.now(), waiting(len), || Ok(Arc::new(sys::eventfd()?)));
        for _ in 0..BYTES / 65_536 {
            assert!(enter(&mut state, 65_536));
        }
        assert!(!enter(&mut state, 1));
        assert_eq!((state.waiting.len(), state.bytes.bytes()), (BYTES / 65_536, BYTES));
    }

    #[test]
    fn without_a_thread_nothing_is_left_to_wait() {
        let mut state = State::default();
        assert!(!state.enter(ThisMachine.now(), waiting(9), || Err(io::ErrorKind::OutOfMemory.into())));
        assert_eq!((state.waiting.len(), state.bytes.bytes(), state.wake.is_none()), (0, 0, true));
    }
}
