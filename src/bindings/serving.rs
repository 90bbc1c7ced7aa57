//! Whether a thread of a script serves clients: one that does goes on with them when the script is reloaded, until they have left.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::net::host::stop::{Reason, Stop, terminate_later};
use crate::net::socket::tcp::{Poll, WeakPoll};

/// What a thread of a script is at, as far as those that would end it have to know.
#[derive(Debug, Default)]
pub struct Serving {
    /// Whether it is the script's own thread, not one that the script has started.
    main: bool,
    /// Whether it serves a connection.
    serves: AtomicBool,
    /// Whether it calls a handler for each message or event, the newest version's.
    calls: AtomicBool,
    /// The sockets that it waits for together: it serves the clients among them.
    poll: Mutex<Option<WeakPoll>>,
    polls: AtomicBool,
}

impl Serving {
    /// Of a thread that serves a connection from its start, or not.
    pub fn new(serves: bool) -> Self {
        Self { serves: serves.into(), ..Self::default() }
    }

    /// Of a script's own thread.
    pub fn of_main() -> Self {
        Self { main: true, ..Self::default() }
    }

    /// Whether it is the script's own thread.
    pub fn is_main(&self) -> bool {
        self.main
    }

    /// It serves a connection from now on.
    pub fn begin(&self) {
        // It is asked for each message.
        if !self.serves.load(Ordering::Relaxed) {
            self.serves.store(true, Ordering::SeqCst);
        }
    }

    /// It serves no one any more.
    pub fn end(&self) {
        if self.serves.load(Ordering::Relaxed) {
            self.serves.store(false, Ordering::SeqCst);
        }
        if self.polls.load(Ordering::Relaxed) {
            self.polls.store(false, Ordering::Relaxed);
            *self.lock() = None;
        }
    }

    /// It waits for the sockets of `poll` from now on.
    pub fn waits_for(&self, poll: &Poll) {
        if !self.poll().is_some_and(|known| known.is(poll)) {
            *self.lock() = Some(poll.weak());
            self.polls.store(true, Ordering::Relaxed);
        }
        // What it received from one of them by itself is done.
        self.serves.store(false, Ordering::SeqCst);
    }

    /// As long as this lives, it calls a handler for each message or event, that of the newest version.
    pub fn calling(&self) -> Calling<'_> {
        self.calls.store(true, Ordering::Relaxed);
        Calling(&self.calls)
    }

    /// Whether it serves clients.
    pub fn serves(&self) -> bool {
        self.serves.load(Ordering::SeqCst) || self.poll().is_some_and(|poll| poll.clients() > 0)
    }

    /// How many clients it serves by the code that began with them.
    pub fn clients(&self) -> usize {
        let one = usize::from(self.serves.load(Ordering::SeqCst));
        if self.calls.load(Ordering::Relaxed) { 0 } else { self.poll().map_or(one, |poll| poll.clients()) }
    }

    /// The sockets that it waits for together.
    pub fn poll(&self) -> Option<Poll> {
        self.lock().as_ref().and_then(WeakPoll::upgrade)
    }

    fn lock(&self) -> MutexGuard<'_, Option<WeakPoll>> {
        self.poll.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Serving::calling`].
#[derive(Debug)]
pub struct Calling<'a>(&'a AtomicBool);

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Ends what `stop` is of: its waits at once, the rest a moment later.
pub fn end(stop: &Stop) {
    if stop.interrupt(Reason::Ended) {
        terminate_later(stop, Reason::Ended);
    }
}
