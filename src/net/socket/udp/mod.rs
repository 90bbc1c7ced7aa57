//! UDP sockets: bind, connect, send, receive with absolute deadlines, and the ICMP errors about what was sent.
//!
//! The socket owns what the system calls leave to their callers: EINTR, a pending error that swallows the next
//! call (linux: with IP_RECVERR one send or recv returns the errno of an ICMP error and does nothing else), and
//! datagrams longer than the buffer.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

pub use self::error::{MAX_PAYLOAD, check_size, max_payload};
use self::exclusive::Exclusive;
use self::loops::Loops;
pub use self::options::Options;
use self::prefetch::Prefetch;
use self::queue::Errors;
pub use self::receive::UdpIncoming;
use super::endpoint::{Endpoint, lock};
use super::handle::shares_endpoint;
use super::prober::{Probing, Tally};
use super::session::{Session, Settle};
use crate::net::error::{Error, Result};
use crate::net::host::Host;
use crate::net::host::addr::{check_way, reached};
use crate::net::host::socket::SocketType;
use crate::net::observe::loss_report::Dropping;
use crate::net::wire::Family;

mod error;
mod exclusive;
mod leftover;
mod loops;
mod options;
mod prefetch;
mod probing;
mod queue;
mod receive;
mod reply;
mod send;

/// A UDP socket. Clones are the same socket.
#[derive(Clone, Debug)]
pub struct UdpSocket(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    endpoint: Endpoint,
    /// Whether it is bound to any address of its host: then what it receives is asked which of them it was sent to.
    any: bool,
    peer: Mutex<Option<SocketAddr>>,
    probing: Probing,
    errors: Errors,
    /// Who receives.
    alone: Exclusive,
    /// What was received before anybody asked for it.
    ahead: Prefetch,
    /// Whether the kernel stamps what arrives.
    stamping: AtomicBool,
    /// What it does not reply to.
    loops: Loops,
    /// Datagrams the kernel had dropped at the last event about it.
    drops_reported: AtomicU64,
}

shares_endpoint!(UdpSocket, WeakSocket);

impl UdpSocket {
    /// Makes a socket bound to `local` (socket(2), bind(2)).
    ///
    /// # Errors
    /// `in-use`, `not-local`, `permission` (a port below 1024), `exhausted`.
    pub fn bind(host: Arc<dyn Host>, session: Arc<Session>, local: SocketAddr, options: Options) -> Result<Self> {
        let failed = |err: &io::Error| error::bind_error(err, local);
        let socket = host.socket(SocketType::Udp, Family::of(local.ip())).map_err(|err| failed(&err))?;
        let local = options.set_up(&*socket, local, session.events.wanted()).map_err(|err| failed(&err))?;
        let this = Self(Arc::new(Inner {
            endpoint: Endpoint::new("UDP", host, session, local, socket).sending(options.ttl, options.broadcast),
            any: local.ip().is_unspecified(),
            peer: Mutex::default(),
            probing: Probing::new(if local.is_ipv4() { 28 } else { 48 }),
            errors: Errors { are_plain: options.plain_errors, ..Errors::default() },
            alone: Exclusive::default(),
            ahead: Prefetch::default(),
            stamping: AtomicBool::new(false),
            loops: Loops::default(),
            drops_reported: AtomicU64::new(0),
        }));
        let inner: Arc<dyn Settle> = this.0.clone();
        this.0.session.opened(Arc::downgrade(&inner));
        Ok(this)
    }

    /// The peer it is connected to.
    pub fn peer(&self) -> Option<SocketAddr> {
        *lock(&self.0.peer)
    }

    /// Sends to `peer` from now on, and receives from it alone (connect(2)).
    ///
    /// # Errors
    /// `unreachable`, `closed`, `invalid` (another version of IP).
    pub fn connect(&self, peer: SocketAddr) -> Result<()> {
        self.same_version("connect", peer)?;
        let socket = self.socket("connect")?;
        let peer = reached(self.0.local, peer);
        socket.connect(peer).map_err(|err| Error::system("connect", &err).with_peer(peer))?;
        *lock(&self.0.peer) = Some(peer);
        Ok(())
    }

    /// Closes the socket; a receive that waits on it ends.
    pub fn close(&self) {
        if let Some(socket) = self.0.take_socket() {
            self.0.refuse_more(&*socket);
            self.leave_rest(&*socket);
            self.0.leave_drops(&*socket);
            // Wakes waiting threads, on unconnected sockets too, where the call itself reports ENOTCONN.
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
    }

    /// ICMP errors that arrived while they were not asked for, and replies that could not be sent: their clients are gone.
    pub fn unheeded_errors(&self) -> u64 {
        self.0.errors.unheeded.load(Ordering::Relaxed)
    }

    /// Makes known that this socket replies, and ignores what might go back and forth for ever.
    pub(in crate::net) fn serves(&self) {
        if !self.service.is_known() {
            self.begin_to_serve();
        }
        self.make_known();
    }

    /// Makes known that this socket replies.
    pub(in crate::net) fn make_known(&self) {
        self.service.make_known(|| {
            let inner: Arc<dyn Dropping> = self.0.clone();
            self.loss_report().serves(self.host.id(), self.local, Arc::downgrade(&inner));
        });
    }

    /// What others may know of its probes.
    pub fn tally(&self) -> &Tally {
        &self.0.probing.tally
    }

    /// Checks that pings can go to `to`.
    ///
    /// # Errors
    /// `invalid`: it is of another version of IP, has the port 0, or is link-local without a zone; or the socket has plain
    /// errors.
    pub(in crate::net) fn check_target(&self, op: &'static str, to: SocketAddr) -> Result<()> {
        if to.port() == 0 {
            return Err(error::port_zero(op, to));
        }
        if self.0.errors.are_plain {
            return Err(Error::invalid(op, "the socket was made with recverr: false, and pings need the ICMP errors")
                .with_hint("leave out recverr: false, or use send_to(data, address) and recv(1.s)"));
        }
        self.same_version(op, to)
    }

    pub(in crate::net) fn same_version(&self, op: &'static str, to: SocketAddr) -> Result<()> {
        if to.is_ipv4() == self.0.local.is_ipv4() {
            return check_way(&*self.0.host, op, self.0.local, to);
        }
        let version = |v4| if v4 { "IPv4" } else { "IPv6" };
        let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        Err(Error::invalid(
            op,
            format!("the socket is {} and the destination {}", version(self.0.local.is_ipv4()), version(to.is_ipv4())),
        )
        .with_peer(to)
        .with_hint(format!("bind the socket to {any}")))
    }
}

#[cfg(test)]
mod tests;
