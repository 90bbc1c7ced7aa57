//! What a server has: where it serves, its policy and its counts. The connections of a listener share its.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::net::policy::slot::PolicySlot;

/// What a server has.
#[derive(Debug)]
pub(super) struct Service {
    /// Where it serves.
    pub(super) at: SocketAddr,
    pub(super) policy: PolicySlot,
    /// Whether the loss report knows that it replies.
    known: AtomicBool,
    /// Connections that were accepted.
    pub(super) accepted: AtomicU64,
    /// Those of them that are open.
    pub(super) open: AtomicU64,
    /// Those that were ended for want of room or of a thread.
    pub(super) refused: AtomicU64,
}

impl Service {
    pub(super) fn new(at: SocketAddr) -> Self {
        let [accepted, open, refused] = [const { AtomicU64::new(0) }; 3];
        Self { at, policy: PolicySlot::default(), known: AtomicBool::new(false), accepted, open, refused }
    }

    /// Whether it is known to reply.
    pub(super) fn is_known(&self) -> bool {
        self.known.load(Ordering::Relaxed)
    }

    /// Runs `report` the first time, which makes known that it replies.
    pub(super) fn make_known(&self, report: impl FnOnce()) {
        if !self.is_known() && !self.known.swap(true, Ordering::Relaxed) {
            report();
        }
    }
}
