//! The socket's error queue.

use std::sync::atomic::Ordering;

use socket2::Socket;

use super::{UdpSocket, lock};
use crate::net::socket::error_queue::{Queued, take_entries};

/// Octets of a quote before the payload: an IPv4 header without options and a UDP header.
const HEADERS: usize = 28;

impl UdpSocket {
    /// Takes at most so many entries from the error queue; how many it had.
    pub(in crate::net) fn drain(&self, socket: &Socket, most: usize, mut queued: &mut dyn FnMut(Queued)) -> usize {
        if most > 1 {
            self.0.passed_over.store(false, Ordering::Relaxed);
            // Given back its lock first: `queued` may put them there again.
            let unread = std::mem::take(&mut *lock(&self.0.unread));
            unread.into_iter().for_each(&mut queued);
        }
        take_entries(socket, self.0.local, HEADERS, most, queued)
    }
}
