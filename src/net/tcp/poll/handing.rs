//! Handing the connections of a set over to another that takes its place.

use std::sync::Weak;

use super::{Happening, Inner, LOOK, Member, Poll, Turn};
use crate::net::error::Result;
use crate::net::tcp::{Connection, Incoming, Listener, lock};
use crate::net::udp;

/// A set that is not kept by this.
#[derive(Clone, Debug)]
pub struct WeakPoll(Weak<Inner>);

impl WeakPoll {
    /// The set, if anybody still holds it.
    pub fn upgrade(&self) -> Option<Poll> {
        self.0.upgrade().map(Poll)
    }
}

impl Poll {
    /// A handle that does not keep it.
    pub fn weak(&self) -> WeakPoll {
        WeakPoll(self.0.this.clone())
    }

    /// Leaves its connections that `from` has taken in to `to`, with what came over them and was not given out: they are not
    /// waited for here any more. None while a thread still waits for the set.
    pub fn hand_over(&self, from: &Listener, to: &Listener) {
        let Ok(mut turn) = self.0.turn.try_lock() else { return };
        let mut untold = turn.take_back(from);
        let members = lock(&self.0.members);
        let connections = members.values().filter_map(|member| match member {
            Member::Connection(connection, _) if from.has_taken_in(connection) => Some(connection.clone()),
            _ => None,
        });
        let connections: Vec<Connection> = connections.collect();
        drop(members);
        for connection in connections {
            self.remove_connection(&connection);
            let told = !untold.iter().any(|(known, told)| known.is(&connection) && !told);
            untold.retain(|(known, _)| !known.is(&connection));
            to.leave(connection, told);
        }
        // Those that have ended are told of once more.
        untold.into_iter().for_each(|(connection, told)| to.leave(connection, told));
    }

    /// Takes in what was left for `listener`, which is waited for by `token`.
    pub(super) fn take_left(&self, listener: &Listener, token: u64) -> Result<()> {
        for connection in listener.take_told() {
            if self.0.add_connection(&connection, LOOK).is_err() {
                connection.close();
            }
        }
        if !listener.has_waiting() {
            return Ok(());
        }
        if let Ok(mut turn) = self.0.turn.try_lock() {
            turn.rest.push_back(token);
            return Ok(());
        }
        // A thread waits already, perhaps for long, and they raise no descriptor: it is told of what they send.
        while let Some(connection) = listener.take_waiting() {
            if self.0.add_connection(&connection, LOOK).is_err() {
                connection.close();
            }
        }
        Ok(())
    }
}

impl Turn {
    /// Takes back what was found and not given out: what came is put back where it was. The connections of `from` among them
    /// that are no longer waited for, or of which nobody was told yet (false).
    fn take_back(&mut self, from: &Listener) -> Vec<(Connection, bool)> {
        let mut connections: Vec<(Connection, bool)> = Vec::new();
        let is_ours = |happening: &Happening| match happening {
            Happening::Connected(connection) | Happening::Came(connection, _) | Happening::Ended(connection, _) => {
                from.has_taken_in(connection)
            }
            Happening::Packet(..) => true,
        };
        let (ours, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.found).into_iter().partition(is_ours);
        self.found = rest.into();
        for happening in ours.into_iter().rev() {
            match happening {
                Happening::Came(connection, Incoming::Message(message)) => connection.put_back(&message.data),
                Happening::Came(..) => {}
                Happening::Packet(socket, udp::Incoming::Packet(datagram)) => socket.put_back(datagram),
                Happening::Packet(..) => {}
                Happening::Connected(connection) => {
                    connections.retain(|(known, _)| !known.is(&connection));
                    connections.push((connection, false));
                }
                Happening::Ended(connection, _) => connections.push((connection, true)),
            }
        }
        connections
    }
}
