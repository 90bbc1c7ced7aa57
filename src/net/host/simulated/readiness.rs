//! Whether a socket has something to receive, an error or room to send, to be looked at without the lock of the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::tcp::SocketReadiness;

const OPEN: u8 = 1;
const READABLE: u8 = 1 << 1;
const ERROR: u8 = 1 << 2;
const QUEUED: u8 = 1 << 3;

/// Whether a socket is readable, writable, or has an error. Clones are of the same.
#[derive(Clone, Debug, Default)]
pub struct ReadinessFlags(Arc<AtomicU8>);

impl ReadinessFlags {
    /// It is open. `readable`: there is something to receive, an error or the end; `error`: there is one, and `queued`: the error
    /// queue has an entry.
    pub(super) fn set(&self, [readable, error, queued]: [bool; 3]) {
        let bit = |is: bool, bit: u8| if is { bit } else { 0 };
        let all = OPEN | bit(readable, READABLE) | bit(error, ERROR) | bit(queued, QUEUED);
        self.0.store(all, Ordering::Release);
    }

    /// It is closed.
    pub(super) fn close(&self) {
        self.0.store(0, Ordering::Release);
    }

    /// Whether there is something to receive, an error or the end.
    pub(super) fn is_readable(&self) -> bool {
        self.has(READABLE)
    }

    /// Whether the error queue has an entry.
    pub(super) fn has_queued(&self) -> bool {
        self.has(QUEUED)
    }

    /// What a wait finds.
    pub(super) fn readiness(&self) -> SocketReadiness {
        SocketReadiness { readable: self.has(READABLE), writable: self.has(OPEN), has_error: self.has(ERROR) }
    }

    fn has(&self, bit: u8) -> bool {
        self.0.load(Ordering::Acquire) & bit != 0
    }
}
