//! What sockets receive and report, as values: the same whichever host a socket is of.

use std::net::{IpAddr, SocketAddr};

/// Whether a call waits where there is nothing to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocking {
    /// It returns at once.
    No,
    /// It waits until something comes, or a stop ends the call ([`Host::wait_in`](super::host::Host::wait_in)).
    Yes,
}

/// What one call received.
#[derive(Clone, Copy, Debug, Default)]
pub struct Received {
    /// Bytes put into the buffer.
    pub len: usize,
    /// The sender; for an entry of the error queue, the destination of the packet it is about.
    pub addr: Option<SocketAddr>,
    /// The host's stamp of the arrival, in nanoseconds since 1970, where the socket asks for it.
    pub stamp: Option<i64>,
    /// The TTL or hop limit it came with.
    pub ttl: Option<u8>,
    /// Datagrams the socket's full receive buffer has lost so far, where the socket asks for it.
    pub overflow: Option<u32>,
    /// The address of this host that it was sent to, where the socket asks for it.
    pub to: Option<IpAddr>,
    /// The entry, if it was read from the error queue.
    pub entry: Option<QueueEntry>,
}

/// Where an entry of a socket's error queue comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The local system.
    Local,
    /// An ICMP message.
    Icmp,
    /// An ICMPv6 message.
    Icmp6,
    /// A stamp of a packet sent.
    Stamp,
    /// Something else.
    Other(u8),
}

/// An entry of a socket's error queue.
#[derive(Clone, Copy, Debug)]
pub struct QueueEntry {
    /// The number of the error that the host made of it.
    pub errno: i32,
    /// Where it comes from.
    pub origin: Origin,
    /// The ICMP type.
    pub type_: u8,
    /// The ICMP code.
    pub code: u8,
    /// The next-hop MTU, or the pointer, or the kind of stamp.
    pub info: u32,
    /// The number of the packet stamped. Of an ICMP error, where the socket asked for it: the offset of its extensions in what
    /// it quotes in the lower half; 0 if it announces none.
    pub data: u32,
    /// Who reports the error.
    pub offender: Option<SocketAddr>,
}

/// What is waited for at a socket, besides errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    /// Whether it can be read.
    pub read: bool,
    /// Whether it can be written to.
    pub write: bool,
}

/// A socket of a poller that is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// The number it is known by.
    pub token: u64,
    /// Whether it takes what is written to it.
    pub writable: bool,
    /// Whether there is something to read, an error or the end.
    pub readable: bool,
}

/// What the host knows of a connection (TCP_INFO). Times are in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpInfo {
    /// The state of the connection, as a number of the kernel's.
    pub state: u8,
    /// Timeouts in a row without an acknowledgement.
    pub backoff: u8,
    /// The retransmission timeout.
    pub rto: u32,
    /// The largest segment sent, in bytes.
    pub mss: u32,
    /// Segments sent and not acknowledged.
    pub unacked: u32,
    /// Segments held for lost.
    pub lost: u32,
    /// The smoothed round-trip time.
    pub rtt: u32,
    /// Its mean deviation.
    pub rtt_deviation: u32,
    /// The congestion window in segments.
    pub congestion_window: u32,
    /// The path's maximum transmission unit in bytes.
    pub path_mtu: u32,
    /// Whether segments carry timestamps (RFC 7323).
    pub has_timestamps: bool,
    /// Segments sent again since the connection was made.
    pub retransmits: u32,
}

/// Room for what one call receives: many datagrams, and what came with each.
pub struct Batch {
    bytes: Vec<u8>,
    size: usize,
    most: usize,
    /// Whether what comes with each is wanted, beside its sender.
    pub with_metadata: bool,
    arrivals: Vec<Received>,
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Batch of {}", self.most)
    }
}

impl Batch {
    /// How many datagrams one call moves at most.
    pub const MOST: usize = 64;

    /// How many it moves where they may be of any size.
    pub const LARGE: usize = 32;

    /// Datagrams longer than this are cut in a batch of [`small`](Self::small) ones.
    pub const SMALL: usize = 2048;

    /// Room for some datagrams of any size, of which the senders alone are wanted.
    pub fn large() -> Self {
        Self::new(Self::LARGE, 65_536, false)
    }

    /// Room for many small datagrams and what comes with each.
    pub fn small() -> Self {
        Self::new(Self::MOST, Self::SMALL, true)
    }

    fn new(most: usize, size: usize, with_metadata: bool) -> Self {
        let arrivals = Vec::with_capacity(most);
        Self { bytes: vec![0; most * Self::step(size)], size, most, with_metadata, arrivals }
    }

    /// From the room of one datagram to the next; no power of two, or all would compete for the same places of the cache.
    const fn step(size: usize) -> usize {
        size.next_multiple_of(64) + 64
    }

    /// How many datagrams there is room for.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Has it filled anew: `fill` gets the room of each datagram, and the list of what has come.
    pub fn fill<R>(&mut self, fill: impl FnOnce(&mut dyn Iterator<Item = &mut [u8]>, &mut Vec<Received>) -> R) -> R {
        let size = self.size;
        self.arrivals.clear();
        fill(&mut self.bytes.chunks_exact_mut(Self::step(size)).map(|room| &mut room[..size]), &mut self.arrivals)
    }

    /// The datagram at `index` of those received last.
    pub fn get(&self, index: usize) -> Option<(&[u8], &Received)> {
        let (arrival, at) = (self.arrivals.get(index)?, index * Self::step(self.size));
        Some((&self.bytes[at..at + arrival.len.min(self.size)], arrival))
    }

    /// Those received last.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &Received)> {
        (0..self.arrivals.len()).filter_map(|index| self.get(index))
    }
}
