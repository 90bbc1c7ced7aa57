//! UDP sockets: bind, connect, send, receive with absolute deadlines, and the ICMP errors that answer what was sent.
//!
//! The socket owns what the system calls leave to their callers: EINTR, a pending error that swallows the next
//! call (linux: with IP_RECVERR one send or recv returns the errno of an ICMP error and does nothing else), and
//! datagrams longer than the buffer.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};

use socket2::{Domain, Protocol, Socket, Type};

pub use self::error::{MAX_PAYLOAD, check_size};
use self::exclusive::Exclusive;
use self::loops::Loops;
pub use self::options::Options;
use self::prefetch::Prefetch;
pub use self::receive::Incoming;
use super::error_queue::{Queued, closed, one_at_a_time};
use super::icmp_monitor::IcmpMonitor;
use super::prober::{Prober, Tally};
use super::session::{Session, Settle};
use crate::net::error::{Error, Result};
use crate::net::host::Host;
use crate::net::host::addr::{check_zone, reached};
use crate::net::observe::event::Flow;
use crate::net::observe::loss_report::{Dropping, LossReport};
use crate::net::policy::attached::AttachedPolicy;
use crate::net::policy::decisions::Decisions;
use crate::net::sys;

mod answer;
mod error;
mod exclusive;
mod leftover;
mod loops;
mod options;
mod prefetch;
mod probing;
mod queue;
mod receive;
mod send;

/// A UDP socket. Clones are the same socket.
#[derive(Clone, Debug)]
pub struct UdpSocket(Arc<Inner>);

/// A UDP socket that does not keep it open.
#[derive(Clone, Debug)]
pub struct WeakSocket(Weak<Inner>);

impl WeakSocket {
    /// The socket, if anybody still holds it.
    pub fn upgrade(&self) -> Option<UdpSocket> {
        self.0.upgrade().map(UdpSocket)
    }
}

#[derive(Debug)]
struct Inner {
    host: Arc<dyn Host>,
    session: Arc<Session>,
    /// `None` once closed.
    socket: Mutex<Option<Arc<Socket>>>,
    local: SocketAddr,
    /// Whether it is bound to any address of its host: then what it receives is asked which of them it was sent to.
    any: bool,
    peer: Mutex<Option<SocketAddr>>,
    prober: Mutex<Prober>,
    /// What the prober last made known. Apart from it, because it is busy while it waits.
    tally: Tally,
    judge: Mutex<Option<Arc<AttachedPolicy>>>,
    /// What it decided about the packets that a script received.
    decisions: Decisions,
    /// The number that the kernel gives to the stamp of the next packet sent; `None` before stamps were asked for.
    next_stamp: Mutex<Option<u32>>,
    /// ICMP errors that a plain send found in its way, for whoever pings or receives next.
    unread: Mutex<VecDeque<Queued>>,
    /// Whether a call has met an ICMP error that was not yet taken from the error queue: no other call tells of it.
    passed_over: AtomicBool,
    unheeded_errors: AtomicU64,
    /// Whether an ICMP error is the failure of a call: see [`Options::plain_errors`].
    plain_errors: bool,
    /// Who receives.
    alone: Exclusive,
    /// What was received before anybody asked for it.
    ahead: Prefetch,
    /// How many receives on end had to wait.
    waits: AtomicU32,
    /// The TTL that probes were last sent with; 0: the system's.
    ttl: AtomicU8,
    /// Whether it may send to all hosts of a network.
    broadcast: bool,
    /// The TTL that it was made with; 0: the system's.
    own_ttl: u8,
    /// Hears what the kernel does not queue of the errors about its probes.
    monitor: IcmpMonitor,
    /// Whether the kernel stamps what arrives.
    stamping: AtomicBool,
    /// What it does not answer.
    loops: Loops,
    /// Whether the account knows that it answers.
    serving: AtomicBool,
    /// Datagrams the kernel had dropped at the last event about it.
    drops_told: AtomicU64,
}

/// How often a call is tried again whose place an ICMP error took.
const TRIES: u32 = 8;

thread_local! {
    /// The socket whose prober has called the matcher that this thread is in.
    static MATCHING: Cell<Option<*const Inner>> = const { Cell::new(None) };
    /// The socket whose policy is deciding on this thread.
    pub(in crate::net) static JUDGING: Cell<Option<*const Inner>> = const { Cell::new(None) };
}

impl UdpSocket {
    /// Makes a socket bound to `local` (socket(2), bind(2)).
    ///
    /// # Errors
    /// `in-use`, `not-local`, `permission` (a port below 1024), `exhausted`.
    pub fn bind(host: Arc<dyn Host>, session: Arc<Session>, local: SocketAddr, options: Options) -> Result<Self> {
        let failed = |err: &io::Error| error::bind_error(err, local);
        let socket =
            host.socket(Domain::for_address(local), Type::DGRAM, Some(Protocol::UDP)).map_err(|err| failed(&err))?;
        let local = options.set_up(&socket, local).map_err(|err| failed(&err))?;
        let this = Self(Arc::new(Inner {
            host,
            session,
            socket: Mutex::new(Some(Arc::new(socket))),
            local,
            any: local.ip().is_unspecified(),
            peer: Mutex::default(),
            prober: Mutex::default(),
            tally: Tally::new(if local.is_ipv4() { 28 } else { 48 }),
            judge: Mutex::default(),
            decisions: Decisions::default(),
            next_stamp: Mutex::default(),
            unread: Mutex::default(),
            passed_over: AtomicBool::new(false),
            unheeded_errors: AtomicU64::new(0),
            plain_errors: options.plain_errors,
            alone: Exclusive::default(),
            ahead: Prefetch::default(),
            waits: AtomicU32::new(0),
            ttl: AtomicU8::new(options.ttl.unwrap_or(0)),
            broadcast: options.broadcast,
            own_ttl: options.ttl.unwrap_or(0),
            monitor: IcmpMonitor::default(),
            stamping: AtomicBool::new(false),
            loops: Loops::default(),
            serving: AtomicBool::new(false),
            drops_told: AtomicU64::new(0),
        }));
        let inner: Arc<dyn Settle> = this.0.clone();
        this.0.session.opened(Arc::downgrade(&inner));
        Ok(this)
    }

    /// The local address.
    pub fn local(&self) -> SocketAddr {
        self.0.local
    }

    /// The peer it is connected to.
    pub fn peer(&self) -> Option<SocketAddr> {
        *lock(&self.0.peer)
    }

    /// Whether both are the same socket.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Sends to `peer` from now on, and receives from it alone (connect(2)).
    ///
    /// # Errors
    /// `unreachable`, `closed`, `invalid` (another version of IP).
    pub fn connect(&self, peer: SocketAddr) -> Result<()> {
        self.same_version("connect", peer)?;
        let socket = self.socket("connect")?;
        let peer = reached(self.0.local, peer);
        socket.connect(&peer.into()).map_err(|err| Error::system("connect", &err).with_peer(peer))?;
        *lock(&self.0.peer) = Some(peer);
        Ok(())
    }

    /// Closes the socket; a receive that waits on it ends.
    pub fn close(&self) {
        let socket = lock(&self.0.socket).take();
        if let Some(socket) = socket {
            self.leave_rest(&socket);
            self.0.leave_drops(&socket);
            // Wakes waiting threads, on unconnected sockets too, where the call itself reports ENOTCONN.
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        lock(&self.0.socket).is_none()
    }

    /// ICMP errors that arrived while nobody asked for them, and answers that could not be sent: their clients are gone.
    pub fn unheeded_errors(&self) -> u64 {
        self.0.unheeded_errors.load(Ordering::Relaxed)
    }

    /// Counts an answer that could not be sent.
    pub(in crate::net) fn count_unheeded(&self) {
        self.0.unheeded_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Sizes of the receive and the send buffer in bytes, as the kernel counts them.
    ///
    /// # Errors
    /// `closed`.
    pub fn buffers(&self) -> Result<(usize, usize)> {
        let socket = self.socket("buffers")?;
        let sizes = || Ok((socket.recv_buffer_size()?, socket.send_buffer_size()?));
        sizes().map_err(|err: io::Error| Error::system("buffers", &err))
    }

    /// A flow from one address to another, now.
    pub(in crate::net) fn flow(&self, from: SocketAddr, to: SocketAddr) -> Flow<'_> {
        Flow { time: self.0.host.unix_nanos(), from, to, host: self.0.host.name() }
    }

    /// The open socket.
    pub(in crate::net) fn socket(&self, op: &'static str) -> Result<Arc<Socket>> {
        lock(&self.0.socket).clone().ok_or_else(|| closed(op))
    }

    /// The host it lives on.
    pub(in crate::net) fn host(&self) -> &Arc<dyn Host> {
        &self.0.host
    }

    /// Where losses and verdicts are accounted for.
    pub fn loss_report(&self) -> &LossReport {
        &self.0.session.loss_report
    }

    /// What it shares with all sockets of the run.
    pub fn session(&self) -> &Arc<Session> {
        &self.0.session
    }

    /// How many datagrams the kernel has dropped because the receive buffer was full (SO_MEMINFO).
    ///
    /// # Errors
    /// `closed`.
    pub fn kernel_drops(&self) -> Result<u64> {
        let socket = self.socket("kernel_drops")?;
        sys::drops(socket.as_fd()).map_err(|err| Error::system("kernel_drops", &err))
    }

    /// A handle that does not keep the socket open.
    pub fn weak(&self) -> WeakSocket {
        WeakSocket(Arc::downgrade(&self.0))
    }

    /// Makes known that this socket answers, and ignores what might go back and forth for ever.
    pub(in crate::net) fn serves(&self) {
        if !self.0.serving.load(Ordering::Relaxed) {
            self.begin_to_serve();
        }
        self.answers();
    }

    /// Makes known that this socket answers.
    pub(in crate::net) fn answers(&self) {
        if !self.0.serving.swap(true, Ordering::Relaxed) {
            let inner: Arc<dyn Dropping> = self.0.clone();
            self.loss_report().serves(self.0.host.id(), self.0.local, Arc::downgrade(&inner));
        }
    }

    /// The probes sent from this socket.
    ///
    /// # Errors
    /// `invalid`: this thread is inside of a matcher that the socket's prober has called. `busy`: another thread waits for
    /// an answer on the socket.
    pub(in crate::net) fn prober(&self, op: &'static str) -> Result<MutexGuard<'_, Prober>> {
        if MATCHING.get() == Some(Arc::as_ptr(&self.0)) {
            return Err(Error::invalid(op, "the socket waits for the answer to another ping")
                .with_hint("use another socket inside of the closure that matches answers"));
        }
        match self.0.prober.try_lock() {
            Ok(prober) => Ok(prober),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(one_at_a_time(op)),
        }
    }

    /// Runs `matcher`, which must not use this socket's prober.
    pub(in crate::net) fn matching<T>(&self, matcher: impl FnOnce() -> T) -> T {
        let outer = MATCHING.replace(Some(Arc::as_ptr(&self.0)));
        let value = matcher();
        MATCHING.set(outer);
        value
    }

    /// The policy of this socket's answers.
    pub fn judge(&self) -> Option<Arc<AttachedPolicy>> {
        lock(&self.0.judge).clone()
    }

    /// Whether this is the policy, or whether there is none.
    pub(in crate::net) fn has_judge(&self, judge: Option<&Arc<AttachedPolicy>>) -> bool {
        match (&*lock(&self.0.judge), judge) {
            (Some(now), Some(judge)) => Arc::ptr_eq(now, judge),
            (now, judge) => now.is_none() && judge.is_none(),
        }
    }

    /// Has no policy any more.
    pub fn remove_judge(&self) {
        drop(lock(&self.0.judge).take());
    }

    /// Puts a policy in place of the one before; `name` is for the account. Whatever arrives after this is the new one's.
    pub fn set_judge(&self, judge: AttachedPolicy, name: String) {
        let judge = Arc::new(judge);
        let before = lock(&self.0.judge).replace(judge.clone());
        // First: the account keeps only the counts of a policy that is gone.
        drop(before);
        self.loss_report().judges(self.site(), &judge, name);
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
        if self.0.plain_errors {
            return Err(Error::invalid(op, "the socket was made with recverr: false, and pings need the ICMP errors")
                .with_hint("leave out recverr: false, or use send_to(data, address) and recv(1.s)"));
        }
        self.same_version(op, to)
    }

    pub(in crate::net) fn same_version(&self, op: &'static str, to: SocketAddr) -> Result<()> {
        if to.is_ipv4() == self.0.local.is_ipv4() {
            return check_zone(op, self.0.local, to);
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
