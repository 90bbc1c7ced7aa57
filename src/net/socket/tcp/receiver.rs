//! Whose turn it is to receive from a connection: one thread's at a time. Two that waited in the kernel would each sleep on
//! while the other leaves behind, in what was received and not taken, the message that it waits for.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};

use crate::net::host::environment::environment;
use crate::net::host::stop::{Sleeper, Stop};
use crate::net::host::{Host, Waited};
use crate::net::time::{Duration, Instant};

/// The turns of a connection.
#[derive(Debug, Default)]
pub(super) struct ReceiverLock {
    taken: AtomicBool,
    /// How many threads wait for it.
    waiting: AtomicUsize,
    /// Where they do. Most connections have one reader, and need none.
    sleeper: OnceLock<Arc<Sleeper>>,
}

/// See [`ReceiverLock::take`].
#[derive(Debug)]
pub(super) struct ReceiverGuard<'a>(&'a ReceiverLock);

impl ReceiverLock {
    /// Takes the turn until the guard is dropped; waits while another thread has it.
    ///
    /// # Errors
    /// How the wait ended, if not with the turn.
    pub(super) fn take(
        &self,
        host: &dyn Host,
        until: Option<Instant>,
        stop: &Stop,
    ) -> Result<ReceiverGuard<'_>, Waited> {
        if let Some(turn) = self.try_take() {
            return Ok(turn);
        }
        let sleeper = self.sleeper.get_or_init(Arc::default);
        environment().flush();
        stop.subscribe(sleeper);
        // Counted before it looks again, so that whoever gives the turn back after that knows of it.
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut guard = sleeper.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = loop {
            if let Some(turn) = self.try_take() {
                break Ok(turn);
            }
            if stop.is_stopped() {
                break Err(Waited::Stopped);
            }
            guard = match until.map(|until| until - host.now()) {
                Some(left) if left <= Duration::ZERO => break Err(Waited::TimedOut),
                Some(left) => {
                    let waited = sleeper.wake.wait_timeout(guard, left.into());
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => sleeper.wake.wait(guard).unwrap_or_else(PoisonError::into_inner),
            };
        };
        drop(guard);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        ended
    }

    fn try_take(&self) -> Option<ReceiverGuard<'_>> {
        (!self.taken.swap(true, Ordering::SeqCst)).then(|| ReceiverGuard(self))
    }
}

impl Drop for ReceiverGuard<'_> {
    fn drop(&mut self) {
        self.0.taken.store(false, Ordering::SeqCst);
        if self.0.waiting.load(Ordering::SeqCst) > 0
            && let Some(sleeper) = self.0.sleeper.get()
        {
            sleeper.notify();
        }
    }
}
