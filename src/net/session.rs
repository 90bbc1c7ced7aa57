//! What all sockets of a run share: the account, the events, what is to be sent later, and what ends it all.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::account::Account;
use super::event::Events;
use super::later::Later;
use super::stop::Stop;

/// What all sockets of a run share.
#[derive(Debug)]
pub struct Session {
    /// Losses and verdicts.
    pub account: Account,
    /// Every happening.
    pub events: Events,
    /// Datagrams that wait for their time.
    pub later: Arc<Later>,
    /// What ends the run.
    pub stop: Stop,
    /// Sockets of other kinds than the account knows.
    sockets: Mutex<Vec<Weak<dyn Settle>>>,
}

/// A socket that holds counts of its own.
pub(super) trait Settle: Debug + Send + Sync {
    /// Brings the account and the events up to date at the end of a run.
    fn settle_up(&self);
}

impl Session {
    /// A session that `stop` ends.
    pub fn new(stop: Stop) -> Self {
        Self {
            account: Account::default(),
            events: Events::default(),
            later: Arc::default(),
            stop,
            sockets: Mutex::default(),
        }
    }

    /// Brings the account and the events up to date with every socket that is open, and tells the end of the run, at
    /// `time` in nanoseconds since 1970. Pending probes have no better end from here on.
    pub fn end(&self, time: i64) {
        for socket in self.account.sockets() {
            socket.settle_up();
        }
        let sockets = std::mem::take(&mut *self.sockets.lock().unwrap_or_else(PoisonError::into_inner));
        sockets.iter().filter_map(Weak::upgrade).for_each(|socket| socket.settle_up());
        self.events.end(time, &self.account);
    }

    /// Notes that a socket was opened.
    pub(super) fn opened(&self, socket: Weak<dyn Settle>) {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that are gone are taken out now and then, so that the list stays as long as what is open.
        if sockets.len() == sockets.capacity() {
            sockets.retain(|socket| socket.strong_count() > 0);
        }
        sockets.push(socket);
    }
}
