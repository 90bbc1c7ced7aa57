//! What becomes of connections: what they send, what they have come to, and when they are forgotten. Pure.

use super::super::stream::{TcpStage, TcpStream};
use super::TcpSockets;
use crate::net::error::errno::*;
use crate::net::time::Instant;

impl TcpSockets {
    pub(super) fn close_by_reset(&mut self, key: u64, now: Instant) {
        if let Some(socket) = self.sockets.get_mut(&key) {
            (socket.is_orphan, socket.listener) = (true, None);
            socket.stream.iter_mut().for_each(|stream| stream.reset(now));
        }
        self.settle(key, now);
    }

    /// Takes from a connection what it has to send, notes what it has come to, and forgets what is over.
    pub(super) fn settle(&mut self, key: u64, now: Instant) {
        let Some(socket) = self.sockets.get_mut(&key) else { return };
        let mut stage = TcpStage::Over;
        if let (Some(stream), Some(peer)) = (socket.stream.as_mut(), socket.peer) {
            self.sent.extend(stream.take_packets().into_iter().map(|packet| (peer.ip(), packet)));
            socket.due = stream.next_due(now);
            stage = stream.stage();
        } else {
            socket.due = None;
        }
        self.woken.push(key);
        if stage == TcpStage::Refused && !socket.has_failed {
            socket.has_failed = true;
            let timed_out = socket.stream.as_ref().is_some_and(TcpStream::has_timed_out);
            socket.error = Some(if timed_out { ETIMEDOUT } else { ECONNREFUSED });
        }
        if stage == TcpStage::Over && !socket.has_failed && socket.stream.as_ref().is_some_and(TcpStream::has_given_up)
        {
            socket.has_failed = true;
            socket.error = Some(ETIMEDOUT);
        }
        let was_reset = socket.stream.as_mut().is_some_and(TcpStream::take_reset);
        if was_reset && !socket.has_failed {
            socket.has_failed = true;
            let has_ended = socket.stream.as_ref().is_some_and(TcpStream::has_ended);
            socket.error = Some(if has_ended { EPIPE } else { ECONNRESET });
        }
        let in_time_wait = socket.stream.as_ref().is_some_and(TcpStream::is_in_time_wait);
        let (is_orphan, listener, ends) = (socket.is_orphan, socket.listener, socket.local.zip(socket.peer));
        if let Some(listener) = listener.filter(|_| stage == TcpStage::Open)
            && let Some(there) = self.sockets.get_mut(&listener)
            && !there.waiting.contains(&key)
        {
            there.waiting.push_back(key);
            self.woken.push(listener);
        }
        if let Some(ends) = ends.filter(|_| in_time_wait) {
            self.time_waits.enter(ends, now);
        }
        // One that waits to be accepted is accepted all the same, with what came over it.
        let waits =
            listener.and_then(|listener| self.sockets.get(&listener)).is_some_and(|it| it.waiting.contains(&key));
        let is_gone = is_orphan || (listener.is_some() && !waits);
        // In TIME-WAIT it still acknowledges what the peer sends again.
        if is_gone && !in_time_wait && matches!(stage, TcpStage::Over | TcpStage::Refused) {
            self.sockets.remove(&key);
            if let Some(ends) = ends.filter(|ends| self.flows.get(ends) == Some(&key)) {
                self.flows.remove(&ends);
            }
        }
    }
}
