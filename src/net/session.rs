//! What all sockets of a run share: the account, the events, what is to be sent later, and what ends it all.

use std::sync::Arc;

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
}

impl Session {
    /// A session that `stop` ends.
    pub fn new(stop: Stop) -> Self {
        Self { account: Account::default(), events: Events::default(), later: Arc::default(), stop }
    }

    /// Brings the account and the events up to date with every socket that is open, and tells the end of the run, at
    /// `time` in nanoseconds since 1970. Pending probes have no better end from here on.
    pub fn end(&self, time: i64) {
        for socket in self.account.sockets() {
            socket.settle_up();
        }
        self.events.end(time, &self.account);
    }
}
