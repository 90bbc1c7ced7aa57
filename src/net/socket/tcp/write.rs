//! Sending over a connection: all of it, or what is left goes before whatever is sent next.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::end::{CallFault, Ended};
use super::{Connection, lock};
use crate::net::error::{Error, ErrorKind, Result, errno, number_of};
use crate::net::host::Waited;
use crate::net::host::room::{Reserved, STREAMS};
use crate::net::host::socket::{Awaited, HostSocket, Outgoing};
use crate::net::host::stop::Stop;
use crate::net::observe::event::Event;
use crate::net::time::Instant;

/// How many bytes wait to be sent at most, where no thread waits for them; a peer that takes none is not read from meanwhile.
const QUEUE: usize = 4 << 20;

/// At how many bytes that wait to be sent nothing more is read from the peer.
const ENOUGH: usize = 64 * 1024;

/// What was not taken by the socket yet.
#[derive(Debug)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    held: Reserved,
    start: usize,
    /// How many bytes have gone, counted from where stamps are.
    gone: u64,
}

/// How a send ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The socket has taken all of it.
    All,
    /// The deadline passed first; the rest goes out before whatever is sent next.
    TimedOut,
    /// The stop happened first.
    Interrupted,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { bytes: Vec::new(), held: Reserved::new(&STREAMS), start: 0, gone: 0 }
    }
}

impl Outbox {
    fn rest(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Counts what goes from now on: stamps are numbered so.
    pub(super) fn count_from_here(&mut self) {
        self.gone = 0;
    }

    /// The number of the last byte that waits.
    fn last(&self) -> u32 {
        (self.gone + self.rest().len() as u64).wrapping_sub(1) as u32
    }

    fn sent(&mut self, count: usize) {
        self.gone += count as u64;
        self.start += count;
        if self.start == self.bytes.len() {
            self.start = 0;
            self.bytes.clear();
            if self.bytes.capacity() > ENOUGH {
                self.bytes = Vec::new();
            }
            self.held.set(self.bytes.capacity());
        }
    }
}

impl Connection {
    /// Sends a message in the connection's framing; waits until the socket has taken all of it.
    ///
    /// # Errors
    /// `closed`, also after [`Self::shutdown`]; `reset`; `invalid`: it cannot be delimited in this framing; `unreachable` and others: the connection was
    /// lost.
    pub fn send(&self, message: &[u8], until: Option<Instant>, stop: &Stop) -> Result<Sent> {
        let mut outbox = lock(&self.0.outbox);
        let socket = self.fill(&mut outbox, message)?;
        loop {
            if self.drain(&*socket, &mut outbox)? {
                return Ok(Sent::All);
            }
            match self
                .0
                .host
                .wait(&mut [Awaited::writable(&*socket)], until, stop)
                .map_err(|err| Error::system("send", &err))?
            {
                Waited::Ready => {}
                Waited::TimedOut => return Ok(Sent::TimedOut),
                Waited::Stopped => return Ok(Sent::Interrupted),
            }
            if self.is_closed() {
                return Err(self.0.closed("send"));
            }
        }
    }

    /// Sends a message as far as the socket takes it; the rest waits, for [`Self::flush`]. The number of its last byte, by
    /// which its stamp is known.
    ///
    /// # Errors
    /// As [`Self::send`]; `too-large`: so much waits already that there is no room.
    pub(in crate::net) fn send_or_queue(&self, message: &[u8]) -> Result<Option<u32>> {
        let mut outbox = lock(&self.0.outbox);
        if outbox.rest().len() + message.len() > QUEUE {
            return Err(self.too_much(&outbox));
        }
        let socket = self.fill(&mut outbox, message)?;
        let last = outbox.last();
        let all = self.drain(&*socket, &mut outbox)?;
        drop(outbox);
        if !all {
            let watch = lock(&self.0.watch).clone();
            watch.inspect(|watch| watch.has_backlog(self, &*socket));
        }
        Ok(Some(last))
    }

    /// Sends what waits, as far as the socket takes it.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(super) fn flush(&self) -> Result<()> {
        let mut outbox = lock(&self.0.outbox);
        let socket = self.socket("send")?;
        self.drain(&*socket, &mut outbox).map(|_| ())
    }

    /// Whether something waits to be sent, and so much that nothing more is to be read.
    pub(super) fn backlog(&self) -> (bool, bool) {
        let waiting = lock(&self.0.outbox).rest().len();
        (waiting > 0, waiting >= ENOUGH)
    }

    /// Puts `message` behind what waits.
    fn fill(&self, outbox: &mut Outbox, message: &[u8]) -> Result<Arc<dyn HostSocket>> {
        let socket = self.socket("send")?;
        if self.0.half_closed.load(Ordering::Relaxed) {
            return Err(self.half_closed());
        }
        if !outbox.held.may_hold(outbox.bytes.len() + message.len()) {
            return Err(self.too_much(outbox));
        }
        if !self.0.framing.wrap(message, &mut outbox.bytes) {
            let error = Error::invalid("send", "a line cannot hold the end of a line").with_peer(self.peer());
            return Err(error.with_hint("send it in parts, or with the framing length or raw at both ends"));
        }
        outbox.held.set(outbox.bytes.capacity());
        self.0.session.events.emit(|| Event::Sent { flow: self.outward(), data: message });
        Ok(socket)
    }

    fn half_closed(&self) -> Error {
        let error = Error::new(ErrorKind::Closed, "send", "this end has closed its direction of the connection");
        let error = error.with_peer(self.peer());
        error.with_hint("after `shutdown` nothing more is sent; what the peer sends can still be received")
    }

    fn too_much(&self, outbox: &Outbox) -> Error {
        let waiting = outbox.rest().len();
        let error = match waiting {
            0 => Error::new(ErrorKind::TooLarge, "send", "too much waits to be sent over all connections"),
            _ => Error::new(ErrorKind::TooLarge, "send", format!("{waiting} bytes wait already to be sent")),
        };
        error.with_peer(self.peer()).with_hint("the peers do not read; close their connections")
    }

    /// Sends what waits without waiting; whether all is gone.
    fn drain(&self, socket: &dyn HostSocket, outbox: &mut Outbox) -> Result<bool> {
        while !outbox.rest().is_empty() {
            match socket.send(&Outgoing { data: outbox.rest(), to: None, source: None }) {
                Ok(count) => {
                    outbox.sent(count);
                    // The only thread that counts holds the outbox.
                    let sent = self.0.sent.load(Ordering::Relaxed) + count as u64;
                    self.0.sent.store(sent, Ordering::Relaxed);
                }
                Err(err) => match CallFault::of(&err) {
                    CallFault::NotReady => return Ok(false),
                    // It took the place of the call; the kernel goes on trying.
                    CallFault::Path if self.lives_on(socket) => {
                        self.0.path_errors.fetch_add(1, Ordering::Relaxed);
                    }
                    fault => {
                        // Nothing of it will ever be sent.
                        outbox.sent(outbox.rest().len());
                        if number_of(&err) == errno::EPIPE && self.0.half_closed.load(Ordering::Relaxed) {
                            return Err(self.half_closed());
                        }
                        let ended = match fault {
                            CallFault::Reset => Ended::Reset,
                            _ => Ended::Lost(Error::system("send", &err)),
                        };
                        // For the receiver, which gets the end alone once this call got the reason. What the peer had
                        // sent before can still be received.
                        lock(&self.0.broken).get_or_insert_with(|| ended.clone());
                        return Err(ended.error("send").with_peer(self.peer()));
                    }
                },
            }
        }
        Ok(true)
    }
}
