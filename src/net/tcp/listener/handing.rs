//! Handing a listener over to another that takes its place, with the connections that nobody serves any more.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};

use super::{Inner, ListenOptions, Listener};
use crate::net::error::{Error, Result};
use crate::net::tcp::serving::Service;
use crate::net::tcp::{Connection, lock};

/// Connections that were taken in and are nobody's, with whether somebody was told of them: shared by the listeners that
/// follow each other on a socket.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting(Arc<Mutex<VecDeque<(Connection, bool)>>>);

impl Waiting {
    /// Nobody will listen: they are closed, unless somebody holds them after all.
    pub(super) fn clear(&self) {
        // Not dropped under the lock.
        let all = std::mem::take(&mut *lock(&self.0));
        drop(all);
    }
}

impl Listener {
    /// The same socket as another listener, without a policy; this one is as if it were closed. Connections that wait are the
    /// other's, those that were taken in stay as they are. `None` if it was closed.
    pub fn hand_over(&self) -> Option<Self> {
        let socket = lock(&self.0.socket).take()?;
        Some(Self(Arc::new(Inner {
            host: self.0.host.clone(),
            session: self.0.session.clone(),
            socket: Mutex::new(Some(socket)),
            local: self.0.local,
            options: self.0.options,
            service: Service::new(self.0.local),
            errors: AtomicU64::new(0),
            starved: AtomicBool::new(false),
            waiting: self.0.waiting.clone(),
        })))
    }

    /// As [`Self::hand_over`], with `options` for the connections to come. `None`, and it is closed, if it has something that
    /// cannot be undone: a buffer's size, after which the system does not choose one again.
    ///
    /// # Errors
    /// The system refuses an option.
    pub fn adopt(&self, options: &ListenOptions) -> Result<Option<Self>> {
        let Some(mut listener) = self.hand_over() else { return Ok(None) };
        let (before, after) = (&self.0.options, &options.stream);
        let keeps = |before: Option<usize>, after: Option<usize>| before.is_none() || after.is_some();
        if !keeps(before.receive_buffer, after.receive_buffer) || !keeps(before.send_buffer, after.send_buffer) {
            listener.close();
            return Ok(None);
        }
        let socket = listener.socket()?;
        let set = || {
            if after.keepalive.is_none() {
                socket.set_keepalive(false)?;
            }
            after.apply(&socket, self.0.local.is_ipv4())?;
            // Once more: that sets how many may wait.
            socket.listen(i32::try_from(options.backlog).unwrap_or(i32::MAX))
        };
        set().map_err(|err| Error::system("listen", &err).with_peer(self.0.local))?;
        if let Some(inner) = Arc::get_mut(&mut listener.0) {
            inner.options = options.stream;
        }
        Ok(Some(listener))
    }

    /// Gives a connection back that this listener has taken in, for the one it was handed over to. False if it was not.
    pub fn give_back(&self, connection: &Connection) -> bool {
        let handed_over = self.is_closed() && connection.comes_from(&self.0.service);
        if handed_over {
            self.leave(connection.clone(), false);
        }
        handed_over
    }

    /// Leaves a connection for whoever listens next; `told`: somebody was told that it is there.
    pub fn leave(&self, connection: Connection, told: bool) {
        lock(&self.0.waiting.0).push_back((connection, told));
    }

    /// Whether this has taken `connection` in.
    pub fn has_taken_in(&self, connection: &Connection) -> bool {
        connection.comes_from(&self.0.service)
    }

    /// The next of the connections that were left for this one.
    pub(in crate::net::tcp) fn take_waiting(&self) -> Option<Connection> {
        loop {
            let (connection, _) = lock(&self.0.waiting.0).pop_front()?;
            // The script before may have closed it.
            if !connection.is_closed() {
                return Some(self.serve(connection));
            }
        }
    }

    /// The connections that were left for this one, of which somebody was told; the others are to be taken in.
    pub(in crate::net::tcp) fn take_told(&self) -> Vec<Connection> {
        let mut waiting = lock(&self.0.waiting.0);
        let (told, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut *waiting).into_iter().partition(|(_, told)| *told);
        *waiting = VecDeque::from(rest);
        drop(waiting);
        told.into_iter().map(|(connection, _)| self.serve(connection)).collect()
    }

    /// Whether connections were left for this one.
    pub(in crate::net::tcp) fn has_waiting(&self) -> bool {
        !lock(&self.0.waiting.0).is_empty()
    }

    fn serve(&self, connection: Connection) -> Connection {
        connection.move_to(self.0.service.one_more());
        connection
    }
}
