//! TCP: connections made and accepted, messages in their streams, and pings over them.
//!
//! A connection owns what the system calls leave to their callers: EINTR, partial reads and writes, deadlines, and the
//! difference between an error that ends a connection and one that the kernel reports while it goes on trying (linux: with
//! IP_RECVERR an ICMP error makes one call fail with its errno, and the connection lives). What has to wait polls
//! beside the stop's descriptor; a receive without a deadline waits in its call, which the stop ends.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

pub use self::connect::{Attempt, ConnectOptions, Connecting, Connector};
pub use self::end::Ended;
pub use self::framing::{Framing, Misframed, Want};
pub use self::listener::{Accepted, ListenOptions, Listener, WeakListener};
pub use self::options::StreamOptions;
pub use self::poll::{Happening, Member, Poll, Polled, WeakPoll};
pub use self::read::Incoming;
pub use self::write::Sent;
use super::endpoint::{Endpoint, lock};
use super::handle::shares_endpoint;
use super::session::Settle;
use crate::net::error::{Error, Result};
use crate::net::host::lock::HostLock;
use crate::net::host::socket::SocketOption;
pub use crate::net::io::TcpInfo;
use crate::net::observe::event::Flow;
use crate::net::time::{Duration, Instant};

mod connect;
mod end;
mod events;
mod framing;
mod listener;
mod options;
mod poll;
mod probing;
mod read;
mod rejected;
mod reply_splitter;
mod serving;
mod write;

/// A connection. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Connection(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    endpoint: Endpoint,
    peer: SocketAddr,
    framing: Framing,
    /// How long a message may be, in bytes.
    limit: usize,
    /// How long it took to connect; `None` if the peer did.
    connected_in: Option<Duration>,
    /// When it came about.
    since: Instant,
    /// Bytes given to the kernel, and received from it.
    sent: AtomicU64,
    received: AtomicU64,
    inbox: Mutex<framing::Inbox>,
    /// Of the threads that receive from it, one at a time: two that waited in the kernel would each sleep on while the other
    /// leaves behind, in what was received and not taken, the message that it waits for.
    turns: HostLock,
    outbox: Mutex<write::Outbox>,
    /// How the stream from the peer ended, as far as it was received.
    ended: Mutex<Option<Ended>>,
    /// Why nothing more could be sent.
    broken: Mutex<Option<Ended>>,
    /// Whether this end has said that it sends no more.
    half_closed: AtomicBool,
    /// Errors of the path that arrived while the connection lived on.
    path_errors: AtomicU64,
    /// Replies that could not be sent.
    unsent: AtomicU64,
    /// Who waits for it among others: what cannot be sent at once is queued then.
    watch: Mutex<Option<poll::Watch>>,
    /// Whether one does.
    watched: AtomicBool,
    /// Once it is pinged over.
    pinging: OnceLock<Box<probing::Pinging>>,
}

impl Connection {
    /// One to `peer`, which this host has connected to or (`None`) accepted.
    fn new(endpoint: Endpoint, peer: SocketAddr, connected_in: Option<Duration>, options: &StreamOptions) -> Self {
        let since = endpoint.host.now();
        let this = Self(Arc::new(Inner {
            endpoint,
            peer,
            framing: options.framing,
            limit: options.limit,
            connected_in,
            since,
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            inbox: Mutex::default(),
            turns: HostLock::default(),
            outbox: Mutex::default(),
            ended: Mutex::default(),
            broken: Mutex::default(),
            half_closed: AtomicBool::new(false),
            path_errors: AtomicU64::new(0),
            unsent: AtomicU64::new(0),
            watch: Mutex::default(),
            watched: AtomicBool::new(false),
            pinging: OnceLock::new(),
        }));
        // One in a lab is closed when that ends; the others are many, and spare the session's lock.
        if this.0.host.name().is_some() {
            let inner: Arc<dyn Settle> = this.0.clone();
            this.0.session.opened(Arc::downgrade(&inner));
        }
        this
    }

    /// The peer's address.
    pub fn peer(&self) -> SocketAddr {
        self.0.peer
    }

    /// How messages are delimited.
    pub fn framing(&self) -> Framing {
        self.0.framing
    }

    /// How long a message may be, in bytes.
    pub fn limit(&self) -> usize {
        self.0.limit
    }

    /// How long it took to connect; `None` if the peer did.
    pub fn connected_in(&self) -> Option<Duration> {
        self.0.connected_in
    }

    /// How the stream from the peer ended; `None` while it has not.
    pub fn ended(&self) -> Option<Ended> {
        lock(&self.0.ended).clone()
    }

    /// Errors of the path, such as ICMP's, that came while they were not asked for and the connection lived on.
    pub fn path_errors(&self) -> u64 {
        self.0.path_errors.load(Ordering::Relaxed)
    }

    /// Replies that could not be sent: their client had gone.
    pub fn unsent(&self) -> u64 {
        self.0.unsent.load(Ordering::Relaxed)
    }

    /// What the kernel knows of it (TCP_INFO).
    ///
    /// # Errors
    /// `closed`.
    pub fn info(&self) -> Result<TcpInfo> {
        let socket = self.socket("info")?;
        socket.tcp_info().map_err(|err| Error::system("info", &err).with_peer(self.0.peer))
    }

    /// Says that nothing more will be sent; what the peer still sends can be received (shutdown(2)).
    ///
    /// # Errors
    /// `closed`.
    pub fn shutdown(&self) -> Result<()> {
        let socket = self.socket("shutdown")?;
        self.0.half_closed.store(true, Ordering::Relaxed);
        match socket.shutdown(std::net::Shutdown::Write) {
            // The peer was quicker.
            Err(err) if err.kind() == io::ErrorKind::NotConnected => Ok(()),
            done => done.map_err(|err| Error::system("shutdown", &err).with_peer(self.0.peer)),
        }
    }

    /// Closes it: what was sent is still delivered, as far as the peer takes it. Those that wait on it get the error
    /// `closed`.
    pub fn close(&self) {
        // With SO_LINGER of 0 it is a reset, and no FIN comes before that.
        if matches!(self.linger(), Ok(Some(Duration::ZERO))) {
            return self.reset();
        }
        if let Some(socket) = self.0.take_socket() {
            // Wakes threads that wait on it.
            let _ = socket.shutdown(std::net::Shutdown::Both);
            self.0.left(false);
        }
    }

    /// Breaks it off: what was not delivered is thrown away, and the peer gets a reset (SO_LINGER of 0).
    pub fn reset(&self) {
        if let Some(socket) = self.0.take_socket() {
            let _ = socket.set(SocketOption::Linger(Some(Duration::ZERO)));
            let _ = socket.shutdown(std::net::Shutdown::Read);
            self.0.left(true);
        }
    }

    /// Has it waited for by `watch` among others, or not any more.
    fn watched_by(&self, watch: Option<poll::Watch>) {
        self.0.watched.store(watch.is_some(), Ordering::Release);
        *lock(&self.0.watch) = watch;
    }

    /// Whether something was received that was not taken.
    fn has_received(&self) -> bool {
        self.inbox().is_some_and(|inbox| !inbox.is_empty())
    }

    /// A flow to the peer, now.
    fn outward(&self) -> Flow<'_> {
        self.0.flow(self.0.local, self.0.peer)
    }

    /// A flow from the peer, now.
    fn inward(&self) -> Flow<'_> {
        self.0.flow(self.0.peer, self.0.local)
    }
}

impl Inner {
    /// It was closed here, or reset: its listener has one client less.
    fn left(&self, reset: bool) {
        if self.connected_in.is_none() {
            self.service.open.fetch_sub(1, Ordering::Relaxed);
        }
        self.report(|traffic| events::closed(if reset { "reset" } else { "close" }, traffic));
    }
}

shares_endpoint!(Connection);

impl Drop for Inner {
    fn drop(&mut self) {
        if !self.is_closed() {
            self.left(false);
        }
        self.settle_up();
    }
}

#[cfg(test)]
mod tests;
