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
}
