//! Many datagrams in one call.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;

use super::message::{Many, send_many as send};
use super::receive::Wait;

/// How many datagrams one call moves at most.
const BATCH: usize = 16;

/// No datagram is larger.
const LARGEST: usize = 65_536;

/// Room for the datagrams of one call, each of any size.
pub struct Batch(Many<BATCH, LARGEST, 0>);

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Batch of {BATCH}")
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self(Many::new(true))
    }
}

impl Batch {
    /// The datagram at `index` of those received last, and its sender.
    pub fn get(&self, index: usize) -> Option<(&[u8], SocketAddr)> {
        Some((&self.0.room(index)[..self.0.arrival(index).len], self.0.name(index)?))
    }
}

/// Receives the datagrams that are there, up to a batch, and waits at most for the first (recvmmsg(2)); how many.
pub fn receive_many(fd: impl AsFd, batch: &mut Batch, wait: Wait) -> io::Result<usize> {
    let flags = match wait {
        Wait::No => libc::MSG_DONTWAIT,
        Wait::Yes => libc::MSG_WAITFORONE,
    };
    batch.0.receive(fd, BATCH, flags)
}

/// Sends datagrams with one call, without waiting (sendmmsg(2)); how many of them, from the first on, were sent.
pub fn send_many(fd: impl AsFd, datagrams: &[(Vec<u8>, SocketAddr)]) -> io::Result<usize> {
    send::<BATCH>(fd, datagrams.iter().map(|(data, to)| (data.as_slice(), Some(*to))))
}
