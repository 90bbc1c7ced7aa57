//! Whose turn it is to receive from a connection: one thread's at a time. Two that waited in the kernel would each sleep on
//! while the other leaves behind, in what was received and not taken, the message that it waits for.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crate::net::host::notify::Notify;
use crate::net::host::stop::{Stage, Stop};
use crate::net::host::{Host, Waited};
use crate::net::time::Instant;

/// The turns of a connection.
#[derive(Debug, Default)]
pub(super) struct ReceiverLock {
    taken: AtomicBool,
    /// How many threads wait for it.
    waiting: AtomicUsize,
    /// For what they do. Most connections have one reader, and need none.
    given_back: OnceLock<Arc<Notify>>,
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
        let given_back = self.given_back.get_or_init(Arc::default);
        // Counted before it looks again, so that the thread that gives the turn back after that knows of it.
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut turn = None;
        let ready = &mut || {
            turn = self.try_take();
            turn.is_some()
        };
        let waited = host.park(given_back, until, Some((stop, Stage::Interrupted)), ready);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        turn.ok_or(waited)
    }

    fn try_take(&self) -> Option<ReceiverGuard<'_>> {
        (!self.taken.swap(true, Ordering::SeqCst)).then(|| ReceiverGuard(self))
    }
}

impl Drop for ReceiverGuard<'_> {
    fn drop(&mut self) {
        self.0.taken.store(false, Ordering::SeqCst);
        if self.0.waiting.load(Ordering::SeqCst) > 0
            && let Some(given_back) = self.0.given_back.get()
        {
            given_back.notify();
        }
    }
}
