//! The socket's error queue.

use std::sync::atomic::Ordering;

use socket2::Socket;

use super::{UdpSocket, lock};
use crate::net::socket::error_queue::{Queued, take_entry};

/// Octets of a quote before the payload: an IPv4 header without options and a UDP header.
const HEADERS: usize = 28;

impl UdpSocket {
    /// Empties the error queue; how many entries it had.
    pub(in crate::net) fn drain(&self, socket: &Socket, queued: &mut impl FnMut(Queued)) -> usize {
        self.0.passed_over.store(false, Ordering::Relaxed);
        let unread = std::mem::take(&mut *lock(&self.0.unread));
        unread.into_iter().for_each(&mut *queued);
        let mut count = 0;
        while self.drain_one(socket, queued) {
            count += 1;
        }
        count
    }

    /// Takes one entry from the error queue; whether there was one.
    pub(in crate::net) fn drain_one(&self, socket: &Socket, queued: &mut impl FnMut(Queued)) -> bool {
        take_entry(socket, self.0.local, HEADERS, queued)
    }
}
