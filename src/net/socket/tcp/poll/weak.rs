//! What does not keep a set of sockets: a handle, and what its connections know of it.

use std::sync::Weak;

use super::{Connection, Inner, LOOK, Poll};
use crate::net::host::socket::HostSocket;

/// A set that is not kept by this.
#[derive(Clone, Debug)]
pub struct WeakPoll(pub(super) Weak<Inner>);

impl WeakPoll {
    /// The set, if something still holds it.
    pub fn upgrade(&self) -> Option<Poll> {
        self.0.upgrade().map(Poll)
    }
}

/// Where a connection is waited for.
#[derive(Clone, Debug)]
pub(in crate::net::socket::tcp) struct Watch {
    pub(super) poll: Weak<Inner>,
    pub(super) token: u64,
}

impl Watch {
    /// Something was received that was not taken yet.
    pub(in crate::net::socket::tcp) fn has_received(&self, socket: &dyn HostSocket) {
        if let Some(poll) = self.poll.upgrade() {
            let _ = poll.poller.change(socket, self.token, LOOK);
        }
    }

    /// Something waits to be sent over the connection.
    pub(in crate::net::socket::tcp) fn has_backlog(&self, connection: &Connection, socket: &dyn HostSocket) {
        if let Some(poll) = self.poll.upgrade() {
            poll.interested(self.token, connection, socket);
        }
    }
}
