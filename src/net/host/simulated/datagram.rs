//! Sockets for datagrams: UDP, ping sockets and raw ICMP, with their queues and options. Pure.
//!
//! What they report follows Linux: an error that is pending takes the place of the next call, and with the error queue switched on
//! the error is an entry of that, too.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use super::readiness::ReadinessFlags;
use crate::net::error::errno::EAGAIN;
use crate::net::host::socket::{Filter, SocketOption, SocketType};
use crate::net::io::{Origin, QueueEntry, Received};
use crate::net::wire::Family;
use crate::net::wire::icmp::{Kind, Message};

/// What a receive buffer holds unless somebody sets it (net.core.rmem_default).
const BUFFER: usize = 212_992;

/// The least that one can be set to, and what one that is set is at most (net.core.rmem_max, doubled).
const LEAST_BUFFER: usize = 2_304;
const MOST_BUFFER: usize = 2 * BUFFER;

/// A socket for datagrams.
#[derive(Debug)]
pub struct DatagramSocket {
    /// Which kind it is of.
    pub kind: SocketType,
    /// Which version of IP it is for.
    pub family: Family,
    /// The local address, once it has one. The port of a ping socket is its identifier.
    pub local: Option<SocketAddr>,
    /// The peer, if it is connected.
    pub peer: Option<SocketAddr>,
    /// What was set.
    pub options: Options,
    arrived: VecDeque<QueuedDatagram>,
    waiting: usize,
    dropped: u32,
    errors: VecDeque<QueuedError>,
    pending: Option<i32>,
    types: Option<Vec<u8>>,
    replies: Option<u16>,
    stream: Option<(SocketAddr, SocketAddr)>,
    shut: bool,
    next_stamp: u32,
    flags: ReadinessFlags,
}

impl Drop for DatagramSocket {
    fn drop(&mut self) {
        self.flags.close();
    }
}

/// What was set at a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// ICMP errors are queued.
    pub queues_errors: bool,
    /// An entry says where extensions begin.
    pub error_extensions: bool,
    /// A datagram says how many were lost before it.
    pub counts_overflow: bool,
    /// A datagram says to which address it was sent.
    pub local_address: bool,
    /// A datagram says its TTL.
    pub arrival_ttl: bool,
    /// What arrives is stamped.
    pub stamps_arrivals: bool,
    /// What is sent is stamped.
    pub stamps_sending: bool,
    /// Others that say so too may have the same address.
    pub shares_address: bool,
    /// Bytes that may wait, by Linux's count.
    pub receive_buffer: usize,
    /// The same for sending, where nothing waits.
    pub send_buffer: usize,
    /// Hops that what is sent may take.
    pub ttl: Option<u8>,
    /// Type of service.
    pub tos: u8,
    /// It may send to all.
    pub broadcast: bool,
    /// Whether Don't Fragment is set; `None`: by what is known of the path.
    pub dont_fragment: Option<bool>,
}

#[derive(Debug)]
struct QueuedDatagram {
    bytes: Vec<u8>,
    /// Where its data begin.
    start: usize,
    about: Delivery,
    cost: usize,
    overflow: u32,
}

/// What is known of a datagram beside its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// Who sent it.
    pub from: SocketAddr,
    /// The address that an answer is sent from, if there is one.
    pub to: Option<IpAddr>,
    /// The TTL it came with.
    pub ttl: u8,
    /// When it came, in nanoseconds since 1970.
    pub stamp: i64,
}

/// An entry of an error queue.
#[derive(Clone, Debug)]
pub struct QueuedError {
    /// What there is to say of it.
    pub entry: QueueEntry,
    /// Where the packet was going that it is about.
    pub to: Option<SocketAddr>,
    /// What it quotes.
    pub quote: Vec<u8>,
    /// When it came.
    pub stamp: Option<i64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            queues_errors: false,
            error_extensions: false,
            counts_overflow: false,
            local_address: false,
            arrival_ttl: false,
            stamps_arrivals: false,
            stamps_sending: false,
            shares_address: false,
            receive_buffer: BUFFER,
            send_buffer: BUFFER,
            ttl: None,
            tos: 0,
            broadcast: false,
            dont_fragment: None,
        }
    }
}

impl Options {
    /// Sets one; whether a socket for datagrams has it.
    pub fn set(&mut self, option: SocketOption) -> bool {
        let granted = |bytes: usize| bytes.saturating_mul(2).clamp(LEAST_BUFFER, MOST_BUFFER);
        match option {
            SocketOption::QueueErrors => self.queues_errors = true,
            SocketOption::ErrorExtensions => self.error_extensions = true,
            SocketOption::CountOverflow => self.counts_overflow = true,
            SocketOption::LocalAddress => self.local_address = true,
            SocketOption::ArrivalTtl => self.arrival_ttl = true,
            SocketOption::StampArrivals => self.stamps_arrivals = true,
            SocketOption::NumberStamps => (self.stamps_arrivals, self.stamps_sending) = (true, true),
            SocketOption::ReuseAddress | SocketOption::ShareAddress => self.shares_address = true,
            SocketOption::ReceiveBuffer(bytes) => self.receive_buffer = granted(bytes),
            SocketOption::SendBuffer(bytes) => self.send_buffer = granted(bytes),
            SocketOption::Ttl(ttl) => self.ttl = ttl,
            SocketOption::Tos(tos) => self.tos = tos,
            SocketOption::Broadcast(on) => self.broadcast = on,
            SocketOption::DontFragment(set) => self.dont_fragment = Some(set),
            SocketOption::NoDelay(_)
            | SocketOption::Keepalive(_)
            | SocketOption::Linger(_)
            | SocketOption::OnlyLoopback => return false,
        }
        true
    }
}

impl DatagramSocket {
    /// One that is not bound.
    pub fn new(kind: SocketType, family: Family) -> Self {
        let socket = Self {
            kind,
            family,
            local: None,
            peer: None,
            options: Options::default(),
            arrived: VecDeque::new(),
            waiting: 0,
            dropped: 0,
            errors: VecDeque::new(),
            pending: None,
            types: None,
            replies: None,
            stream: None,
            shut: false,
            next_stamp: 0,
            flags: ReadinessFlags::default(),
        };
        socket.set_flags();
        socket
    }

    /// Its readiness, for those who look from elsewhere.
    pub fn flags(&self) -> &ReadinessFlags {
        &self.flags
    }

    fn set_flags(&self) {
        self.flags.set([self.is_readable(), self.has_error(), !self.errors.is_empty()]);
    }

    /// Sets an option; whether it has it.
    pub fn set(&mut self, option: SocketOption) -> bool {
        if option == SocketOption::NumberStamps {
            self.next_stamp = 0;
        }
        self.options.set(option)
    }

    /// Has it receive no more than this.
    pub fn filter(&mut self, filter: Filter<'_>) {
        match filter {
            Filter::Types(types) => self.types = Some(types.to_vec()),
            Filter::Replies(id) => self.replies = Some(id),
            Filter::Stream(local, peer) => self.stream = Some((local, peer)),
        }
    }

    /// Whether a raw socket receives this message.
    pub fn wants(&self, message: &Message<'_>) -> bool {
        let Kind { family, type_, .. } = message.kind;
        let by_type =
            self.types.as_ref().is_none_or(|types| types.contains(&type_) || family == Family::V4 && type_ >= 32);
        let is_reply =
            || message.kind == Kind::echo_reply(family) && message.echo().map(|echo| echo.id) == self.replies;
        let is_about = |(local, peer): (SocketAddr, SocketAddr)| {
            let ends = message.quoted().map(|it| (it.source_socket(), it.destination_socket()));
            // Advice that quotes nothing, or elsewhere, may be about any.
            let quotes_elsewhere = matches!((family, type_), (Family::V4, 32 | 43) | (Family::V6, 137 | 161));
            quotes_elsewhere || ends == Some((Some(local), Some(peer)))
        };
        by_type && (self.replies.is_none() || is_reply()) && self.stream.is_none_or(is_about)
    }

    /// Queues a datagram; whether there was room. Each takes as much as Linux counts for it.
    pub fn deliver(&mut self, data: Vec<u8>, about: Delivery) -> bool {
        self.deliver_part(data, 0, about)
    }

    /// The same of a packet in which the datagram begins at `start`.
    pub fn deliver_part(&mut self, bytes: Vec<u8>, start: usize, about: Delivery) -> bool {
        let cost = cost(bytes.len() - start);
        if self.waiting > self.options.receive_buffer || self.shut {
            self.dropped = self.dropped.wrapping_add(1);
            return false;
        }
        self.waiting += cost;
        self.arrived.push_back(QueuedDatagram { bytes, start, about, cost, overflow: self.dropped });
        self.set_flags();
        true
    }

    /// The next datagram.
    ///
    /// # Errors
    /// The number of a pending error, or EAGAIN.
    pub fn receive(&mut self, buffer: &mut [u8]) -> Result<Received, i32> {
        if let Some(errno) = self.take_pending() {
            return Err(errno);
        }
        let Some(QueuedDatagram { bytes, start, about, cost, overflow }) = self.arrived.pop_front() else {
            return if self.shut { Ok(Received::default()) } else { Err(EAGAIN) };
        };
        self.waiting -= cost;
        self.set_flags();
        let data = &bytes[start..];
        let len = data.len().min(buffer.len());
        buffer[..len].copy_from_slice(&data[..len]);
        let options = &self.options;
        Ok(Received {
            len,
            addr: Some(about.from),
            stamp: options.stamps_arrivals.then_some(about.stamp),
            ttl: options.arrival_ttl.then_some(about.ttl),
            overflow: (options.counts_overflow && overflow > 0).then_some(overflow),
            to: about.to.filter(|_| options.local_address),
            entry: None,
        })
    }

    /// Has an error pending, and queues it where the socket wants that.
    pub fn fail(&mut self, error: QueuedError) {
        self.pending = Some(error.entry.errno);
        self.enqueue(error);
    }

    /// Queues an entry, if there is room.
    pub fn enqueue(&mut self, error: QueuedError) {
        let wanted = self.options.queues_errors || error.entry.origin == Origin::Stamp;
        let cost = cost(error.quote.len());
        if wanted && self.waiting + cost < self.options.receive_buffer {
            self.waiting += cost;
            self.errors.push_back(error);
        }
        self.set_flags();
    }

    /// The next entry of the error queue. The error of the one behind it is pending from now on, or none.
    ///
    /// # Errors
    /// EAGAIN.
    pub fn next_error(&mut self, buffer: &mut [u8]) -> Result<Received, i32> {
        let QueuedError { entry, to, quote, stamp } = self.errors.pop_front().ok_or(EAGAIN)?;
        self.waiting -= cost(quote.len());
        let is_icmp = |entry: &QueueEntry| matches!(entry.origin, Origin::Icmp | Origin::Icmp6);
        match self.errors.front().filter(|next| is_icmp(&next.entry)) {
            Some(next) => self.pending = Some(next.entry.errno),
            None if is_icmp(&entry) => self.pending = None,
            None => {}
        }
        self.set_flags();
        let len = quote.len().min(buffer.len());
        buffer[..len].copy_from_slice(&quote[..len]);
        Ok(Received { len, addr: to, stamp, entry: Some(entry), ..Received::default() })
    }

    /// Takes the number and the stamp of what was sent last, if the error queue has nothing else.
    pub fn take_stamp(&mut self) -> Option<(u32, i64)> {
        let [QueuedError { entry, stamp, quote, .. }] = self.errors.make_contiguous() else { return None };
        let taken = (entry.data, stamp.filter(|_| entry.origin == Origin::Stamp)?);
        self.waiting -= cost(quote.len());
        self.errors.clear();
        self.set_flags();
        Some(taken)
    }

    /// Takes the pending error.
    pub fn take_pending(&mut self) -> Option<i32> {
        let pending = self.pending.take();
        if pending.is_some() {
            self.set_flags();
        }
        pending
    }

    /// The number of the stamp of what is sent now, if it is stamped.
    pub fn number_stamp(&mut self) -> Option<u32> {
        let number = self.next_stamp;
        self.options.stamps_sending.then(|| {
            self.next_stamp = number.wrapping_add(1);
            number
        })
    }

    /// Receives nothing more.
    pub fn shut(&mut self) {
        self.shut = true;
        self.set_flags();
    }

    /// Whether there is something to receive, or an error.
    pub fn is_readable(&self) -> bool {
        !self.arrived.is_empty() || self.shut || self.has_error()
    }

    /// Whether it has an error, or its error queue an entry.
    pub fn has_error(&self) -> bool {
        self.pending.is_some() || !self.errors.is_empty()
    }

    /// How many datagrams a full buffer has lost.
    pub fn dropped(&self) -> u32 {
        self.dropped
    }
}

/// What Linux counts for a datagram of `len` octets that waits: its descriptor, and its bytes with headers and what the kernel
/// keeps behind them, in blocks of a power of two.
fn cost(len: usize) -> usize {
    const DESCRIPTOR: usize = 256;
    const BESIDE: usize = 320 + 64;
    DESCRIPTOR + (len + BESIDE).next_power_of_two().max(512)
}

#[cfg(test)]
#[path = "datagram_tests.rs"]
mod tests;
