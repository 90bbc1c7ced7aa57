//! What ICMP says of connections. Pure.

use std::net::SocketAddr;

use super::super::datagram::QueuedError;
use super::super::stream::TcpStage;
use super::{TcpSocket, TcpSockets};
use crate::net::io::Received;
use crate::net::time::Instant;
use crate::net::wire::Family;
use crate::net::wire::icmp::Kind;

/// As many errors wait at a socket at most.
const MOST: usize = 64;

impl TcpSockets {
    /// The path of the connection from `local` to `peer` carries no larger packets than this.
    pub fn narrow(&mut self, local: SocketAddr, peer: SocketAddr, mtu: usize, now: Instant) {
        let Some(key) = self.flows.get(&(local, peer)).copied() else { return };
        let stream = self.sockets.get_mut(&key).and_then(|socket| socket.stream.as_mut());
        stream.into_iter().for_each(|stream| stream.set_mtu(mtu, local.ip(), now));
        self.settle(key, now);
    }

    /// An ICMP error of `kind` has come about the segment `sequence` of the connection from `local` to `peer`. While that is being
    /// made, the error ends it. After that a socket that asked for errors gets it, and the connection goes on, as on Linux.
    pub fn fail(
        &mut self,
        (local, peer): (SocketAddr, SocketAddr),
        sequence: u32,
        kind: Kind,
        error: QueuedError,
        now: Instant,
    ) {
        let Some(key) = self.flows.get(&(local, peer)).copied() else { return };
        let Some(socket) = self.sockets.get_mut(&key) else { return };
        let Some(stream) = socket.stream.as_ref().filter(|stream| stream.is_on_way(sequence)) else { return };
        let errno = error.entry.errno;
        if stream.stage() != TcpStage::Opening {
            if socket.queues_errors && !socket.has_failed {
                socket.error = Some(errno);
                self.woken.push(key);
            }
            return;
        }
        // What a listener was asked for is forgotten at few of them, and those who wait to accept see none.
        if socket.listener.is_some() && !ends_request(kind) {
            return;
        }
        (socket.error, socket.has_failed, socket.stream) = (Some(errno), true, None);
        socket.enqueue(error);
        self.flows.remove(&(local, peer));
        self.woken.push(key);
        self.settle(key, now);
    }

    /// The next entry of a socket's error queue, of which `buffer` gets what it quotes.
    pub fn next_error(&mut self, key: u64, buffer: &mut [u8]) -> Option<Received> {
        let socket = self.sockets.get_mut(&key)?;
        let QueuedError { entry, to, quote, stamp } = socket.errors.pop_front()?;
        socket.error = socket.errors.front().map(|next| next.entry.errno);
        let len = quote.len().min(buffer.len());
        buffer[..len].copy_from_slice(&quote[..len]);
        Some(Received { len, addr: to, stamp, entry: Some(entry), ..Received::default() })
    }
}

impl TcpSocket {
    fn enqueue(&mut self, error: QueuedError) {
        if self.queues_errors && self.errors.len() < MOST {
            let stamp = error.stamp.filter(|_| self.stamps_arrivals);
            self.errors.push_back(QueuedError { stamp, ..error });
        }
    }
}

/// Whether an error about a SYN-ACK ends that request (tcp_req_err of Linux).
fn ends_request(kind: Kind) -> bool {
    match kind.family {
        Family::V4 => matches!((kind.type_, kind.code), (3, 0 | 1) | (11 | 12, _)),
        Family::V6 => super::super::faults::of_datagrams(kind, false).is_some_and(|fault| fault.is_hard),
    }
}
