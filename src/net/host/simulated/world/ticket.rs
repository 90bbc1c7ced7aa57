//! Where a thread of a simulated run waits for its turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::net::host::notify::Notify;
use crate::net::host::notify::Waited;
use crate::net::host::stop::{Stage, Stop};

/// Where a thread waits for its turn.
#[derive(Debug, Default)]
pub(super) struct Ticket {
    pub(super) notify: Arc<Notify>,
    granted: AtomicBool,
}

impl Ticket {
    /// Gives the turn to the thread that waits here.
    pub(super) fn grant(&self) {
        self.granted.store(true, Ordering::Release);
        self.notify.notify();
    }

    /// Waits until this thread has the turn: true, or `stop` has happened.
    pub(super) fn wait_for_turn(&self, stop: Option<(&Stop, Stage)>) -> bool {
        let look = || match self.granted.swap(false, Ordering::AcqRel) {
            true => Some(Waited::Ready),
            false => stop.filter(|(stop, stage)| stop.stage() >= *stage).map(|_| Waited::Stopped),
        };
        self.notify.wait(look, || None) == Waited::Ready
    }
}
