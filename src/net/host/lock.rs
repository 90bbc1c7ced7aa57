//! A lock that may be held over a wait: a thread that waits for it waits as the host has it, and on a simulated host time goes
//! on meanwhile.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::notify::Notify;
use super::stop::{Stage, Stop};
use super::{Host, Waited};
use crate::net::time::Instant;

/// The lock.
#[derive(Debug, Default)]
pub(in crate::net) struct HostLock {
    taken: AtomicBool,
    /// How many threads wait for it.
    waiting: AtomicUsize,
    /// For what they do. Most locks are never waited for.
    given_back: OnceLock<Arc<Notify>>,
}

/// See [`HostLock::take`].
#[derive(Debug)]
pub(in crate::net) struct HostGuard<'a>(&'a HostLock);

impl HostLock {
    /// Takes it until the guard is dropped; waits while another thread has it.
    ///
    /// # Errors
    /// How the wait ended, if not with the lock.
    pub(in crate::net) fn take(
        &self,
        host: &dyn Host,
        until: Option<Instant>,
        stop: Option<&Stop>,
    ) -> Result<HostGuard<'_>, Waited> {
        if let Some(guard) = self.try_take() {
            return Ok(guard);
        }
        let given_back = self.given_back.get_or_init(Arc::default);
        // Counted before it looks again, so that the thread that gives it back after that knows of it.
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut guard = None;
        let ready = &mut || {
            guard = self.try_take();
            guard.is_some()
        };
        let waited = host.park(given_back, until, stop.map(|stop| (stop, Stage::Interrupted)), ready);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        guard.ok_or(waited)
    }

    fn try_take(&self) -> Option<HostGuard<'_>> {
        (!self.taken.swap(true, Ordering::SeqCst)).then(|| HostGuard(self))
    }
}

impl Drop for HostGuard<'_> {
    fn drop(&mut self) {
        self.0.taken.store(false, Ordering::SeqCst);
        if self.0.waiting.load(Ordering::SeqCst) > 0
            && let Some(given_back) = self.0.given_back.get()
        {
            given_back.notify();
        }
    }
}
