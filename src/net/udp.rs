//! UDP sockets: bind, connect, send, receive with absolute deadlines, and the ICMP errors that answer what was sent.
//!
//! The socket owns what the system calls leave to their callers: EINTR, a pending error that swallows the next
//! call (linux: with IP_RECVERR one send or recv returns the errno of an ICMP error and does nothing else), and
//! datagrams longer than the buffer.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use socket2::{Domain, Protocol, Socket, Type};

use super::account::Account;
use super::error::{Error, ErrorKind, Result};
use super::event::{Event, Flow};
use super::host::{Host, Waited};
use super::judge::{Judge, Judged};
use super::ledger::Counts;
use super::prober::{Clock, Prober};
use super::session::Session;
use super::stop::Stop;
use super::sys::{self, Origin, PollFd, RawAddr};
use super::time::{Duration, Instant};
use super::wire::{Family, icmp};

/// After so many receives that had to wait, one asks before it waits.
const ASK_AGAIN: u32 = 8;

/// The largest payload of a UDP datagram over IPv4: 65,535 less the headers.
pub const MAX_PAYLOAD: usize = 65_507;

/// The largest buffer the kernel can be asked for, in bytes: it takes the number as an int and grants what its own limits
/// allow.
const MAX_BUFFER: usize = i32::MAX as usize;

/// How a socket is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Size of the receive buffer in bytes (SO_RCVBUF; the kernel doubles it); `None` leaves the system's.
    pub receive_buffer: Option<usize>,
    /// Size of the send buffer in bytes (SO_SNDBUF); `None` leaves the system's.
    pub send_buffer: Option<usize>,
    /// Whether other sockets may bind the same address (SO_REUSEADDR and SO_REUSEPORT).
    pub reuse: bool,
}

/// A UDP socket. Clones are the same socket.
#[derive(Clone, Debug)]
pub struct UdpSocket(Arc<Inner>);

/// A UDP socket that does not keep it open.
#[derive(Clone, Debug)]
pub struct WeakSocket(Weak<Inner>);

impl WeakSocket {
    /// Whether anybody still holds the socket.
    pub fn is_held(&self) -> bool {
        self.0.strong_count() > 0
    }

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
    peer: Mutex<Option<SocketAddr>>,
    prober: Mutex<Prober>,
    /// What the prober last made known: its counts and its clock. Apart from it, because it is busy while it waits.
    known: Mutex<(Counts, Option<Clock>)>,
    judge: Mutex<Option<Arc<Judge>>>,
    /// The number that the kernel gives to the stamp of the next packet sent; `None` before stamps were asked for.
    next_stamp: Mutex<Option<u32>>,
    /// ICMP errors that a plain send found in its way, for whoever pings or receives next.
    unread: Mutex<VecDeque<Queued>>,
    unheeded_errors: AtomicU64,
    /// How many receives on end had to wait.
    waits: AtomicU32,
    /// Whether the kernel stamps what arrives.
    stamping: AtomicBool,
    /// Whether the account knows that it answers.
    serving: AtomicBool,
    /// Datagrams the kernel had dropped at the last event about it.
    drops_told: AtomicU64,
}

/// A datagram as it arrived.
#[derive(Clone, Debug)]
pub struct Datagram {
    /// The payload.
    pub data: Arc<[u8]>,
    /// Who sent it.
    pub from: SocketAddr,
    /// Whether it was longer than the buffer of 65,535 bytes.
    pub truncated: bool,
    /// The kernel's receive stamp in nanoseconds since 1970, where there is one.
    pub stamp: Option<i64>,
    /// TTL or hop limit, where the socket asks for it.
    pub ttl: Option<u8>,
    /// What the socket's policy decided about it.
    pub judged: Option<Arc<Judged>>,
}

/// An ICMP error that answers a datagram of this socket.
#[derive(Clone, Debug, PartialEq)]
pub struct IcmpError {
    /// Type, code and name.
    pub kind: icmp::Kind,
    /// Who reports it: the destination, or a router on the way.
    pub offender: Option<IpAddr>,
    /// Where the datagram was going.
    pub to: SocketAddr,
    /// The next-hop MTU or the pointer, where the type has one.
    pub info: u32,
    /// What it quotes of the datagram's payload; a router may quote none.
    pub quote: Vec<u8>,
}

/// How a receive ended.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// A datagram arrived.
    Packet(Datagram),
    /// An ICMP error arrived for a datagram sent before.
    Icmp(IcmpError),
    /// The deadline passed.
    TimedOut,
    /// The stop happened.
    Interrupted,
}

/// An entry of the socket's error queue.
#[derive(Debug)]
pub(super) enum Queued {
    /// When the kernel sent the packet of this number.
    Sent { number: u32, stamp: i64 },
    /// An ICMP error, with the stamp of its arrival.
    Icmp { error: IcmpError, stamp: Option<i64> },
    /// An error of the local system, such as a packet too large for the path.
    Local,
}

/// How many entries of the error queue are kept that plain sends found.
const UNREAD: usize = 1024;

/// How often a call is tried again whose place an ICMP error took.
const TRIES: u32 = 8;

thread_local! {
    /// The socket whose prober has called the matcher that this thread is in.
    static MATCHING: Cell<Option<*const Inner>> = const { Cell::new(None) };
    /// Receive buffer of the thread, large enough for any datagram.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; 65_536]);
}

impl UdpSocket {
    /// Makes a socket bound to `local` (socket(2), bind(2)).
    ///
    /// # Errors
    /// `in-use`, `not-local`, `permission` (a port below 1024), `exhausted`.
    pub fn bind(host: Arc<dyn Host>, session: Arc<Session>, local: SocketAddr, options: Options) -> Result<Self> {
        let failed = |err: &io::Error| bind_error(err, local);
        let socket =
            host.socket(Domain::for_address(local), Type::DGRAM, Some(Protocol::UDP)).map_err(|err| failed(&err))?;
        let set_up = || -> io::Result<SocketAddr> {
            socket.set_nonblocking(true)?;
            if local.is_ipv6() {
                socket.set_only_v6(true)?;
                sys::set_option(socket.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1)?;
            } else {
                sys::set_option(socket.as_fd(), libc::IPPROTO_IP, libc::IP_RECVERR, 1)?;
            }
            // The kernel counts what a full buffer loses, and says so with what comes next.
            sys::set_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1)?;
            if options.reuse {
                socket.set_reuse_address(true)?;
                socket.set_reuse_port(true)?;
            }
            if let Some(bytes) = options.receive_buffer.map(|bytes| bytes.min(MAX_BUFFER)) {
                socket.set_recv_buffer_size(bytes)?;
            }
            if let Some(bytes) = options.send_buffer.map(|bytes| bytes.min(MAX_BUFFER)) {
                socket.set_send_buffer_size(bytes)?;
            }
            socket.bind(&local.into())?;
            sys::local_addr(&socket)
        };
        let local = set_up().map_err(|err| failed(&err))?;
        let this = Self(Arc::new(Inner {
            host,
            session,
            socket: Mutex::new(Some(Arc::new(socket))),
            local,
            peer: Mutex::default(),
            prober: Mutex::default(),
            known: Mutex::default(),
            judge: Mutex::default(),
            next_stamp: Mutex::default(),
            unread: Mutex::default(),
            unheeded_errors: AtomicU64::new(0),
            waits: AtomicU32::new(0),
            stamping: AtomicBool::new(false),
            serving: AtomicBool::new(false),
            drops_told: AtomicU64::new(0),
        }));
        this.account().opened(this.weak());
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
        socket.connect(&peer.into()).map_err(|err| Error::system("connect", &err).with_peer(peer))?;
        *lock(&self.0.peer) = Some(peer);
        Ok(())
    }

    /// Closes the socket; a receive that waits on it ends.
    pub fn close(&self) {
        let socket = lock(&self.0.socket).take();
        if let Some(socket) = socket {
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
    pub(super) fn count_unheeded(&self) {
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

    /// Sends one datagram (sendto(2)).
    ///
    /// # Errors
    /// `too-large`, `unreachable`, `permission` (a firewall of this host), `invalid` (another version of IP), `closed`.
    pub fn send_to(&self, data: &[u8], to: SocketAddr) -> Result<()> {
        self.same_version("send_to", to)?;
        let socket = self.socket("send_to")?;
        let mut keep = |queued| {
            let mut unread = lock(&self.0.unread);
            if unread.len() < UNREAD {
                unread.push_back(queued);
            }
        };
        if lock(&self.0.next_stamp).is_some() {
            // Unread stamps would fill the receive buffer.
            self.drain(&socket, &mut keep);
        }
        self.tell_sent(data, to);
        self.send_raw(&socket, data, to, keep).map(|_| ()).map_err(|err| send_error(&err, data.len(), to))
    }

    /// Tells that a datagram goes to the kernel now. Before it does: the receiver would be quicker.
    pub(super) fn tell_sent(&self, data: &[u8], to: SocketAddr) {
        self.0.session.events.tell(|| Event::Sent { flow: self.flow(self.0.local, to), data });
    }

    /// Sends one datagram, again where an earlier ICMP error took the call's place; what the error queue held is given
    /// to `queued`. The number of its stamp, where stamps were asked for.
    pub(super) fn send_raw(
        &self,
        socket: &Socket,
        data: &[u8],
        to: SocketAddr,
        mut queued: impl FnMut(Queued),
    ) -> io::Result<Option<u32>> {
        let raw = RawAddr::from(to);
        let mut again = TRIES;
        loop {
            // Held over the call: the kernel numbers packets in the order of the calls.
            let mut next = Some(lock(&self.0.next_stamp)).filter(|next| next.is_some());
            let Err(err) = sys::send_to(socket.as_fd(), data, &raw) else {
                let number = next.as_ref().and_then(|next| **next);
                if let Some(next) = &mut next {
                    **next = number.map(|number| number.wrapping_add(1));
                }
                drop(next);
                return Ok(number);
            };
            if let Some(next) = &mut next {
                // Kernels differ in whether a failed send took a number.
                sys::number_stamps(socket.as_fd());
                **next = Some(0);
            }
            drop(next);
            // Errors may keep coming for what is in flight, and each may take the place of one call.
            if again == 0 || (self.drain(socket, &mut queued) == 0 && !is_pending_error(&err)) {
                return Err(err);
            }
            again -= 1;
        }
    }

    /// Waits for a datagram, or for an ICMP error if `heed_errors`; otherwise those are counted and passed over.
    ///
    /// # Errors
    /// `closed`, also when it is closed meanwhile.
    pub fn receive(&self, until: Option<Instant>, stop: &Stop, heed_errors: bool) -> Result<Incoming> {
        let socket = self.socket("recv")?;
        // Where the last receives had to wait, this one likely has to as well, and asking first would cost a call for
        // nothing. Now and then it asks all the same, or it would not notice that it no longer has to.
        let waits = self.0.waits.load(Ordering::Relaxed);
        let mut ask = waits.is_multiple_of(ASK_AGAIN);
        let mut next = 0;
        loop {
            if stop.is_stopped() {
                return Ok(Incoming::Interrupted);
            }
            let mut icmp = None;
            let asked = if ask { self.take_judged(&socket) } else { Ok(None) };
            match asked {
                Ok(Some(datagram)) => {
                    self.0.waits.store(next, Ordering::Relaxed);
                    return Ok(Incoming::Packet(datagram));
                }
                Ok(None) if lock(&self.0.unread).is_empty() => {
                    (ask, next) = (true, waits.wrapping_add(1));
                    let mut fds = [PollFd::readable(socket.as_fd())];
                    match self.0.host.wait(&mut fds, until, stop).map_err(|err| Error::system("recv", &err))? {
                        Waited::TimedOut => {
                            // What came while this thread was put aside, or before a deadline that was over at once.
                            let last = self.take_judged(&socket).map_err(|err| Error::system("recv", &err))?;
                            return Ok(last.map_or(Incoming::TimedOut, Incoming::Packet));
                        }
                        Waited::Stopped => return Ok(Incoming::Interrupted),
                        Waited::Ready => {}
                    }
                    if self.is_closed() {
                        return Err(closed("recv"));
                    }
                    if !fds[0].has_error() {
                        continue;
                    }
                }
                Ok(None) => {}
                Err(err) if is_pending_error(&err) => {}
                Err(err) => return Err(Error::system("recv", &err)),
            }
            self.drain(&socket, &mut |queued| {
                if let Queued::Icmp { error, .. } = queued {
                    self.0.unheeded_errors.fetch_add(u64::from(!heed_errors || icmp.is_some()), Ordering::Relaxed);
                    icmp.get_or_insert(error);
                }
            });
            if let Some(error) = icmp.filter(|_| heed_errors) {
                return Ok(Incoming::Icmp(error));
            }
        }
    }

    /// Receives a datagram without waiting and has the policy decide about it.
    fn take_judged(&self, socket: &Socket) -> io::Result<Option<Datagram>> {
        let Some(judge) = self.judge() else { return self.take(socket) };
        let mut flows = judge.turn();
        let Some(mut datagram) = self.take(socket)? else { return Ok(None) };
        let judged = judge.judge(&mut flows, self, &datagram);
        drop(flows);
        let flow = || self.flow(datagram.from, self.0.local);
        self.0.session.events.tell(|| Event::Judged { flow: flow(), data: &datagram.data, judged: &judged });
        datagram.judged = Some(Arc::new(judged));
        Ok(Some(datagram))
    }

    /// A flow from one address to another, now.
    pub(super) fn flow(&self, from: SocketAddr, to: SocketAddr) -> Flow {
        Flow { time: self.0.host.unix_nanos(), from, to }
    }

    /// Has the kernel stamp what is sent and received from now on (SO_TIMESTAMPING). Where it will not, the session's
    /// clock is the next best.
    pub(super) fn ask_for_stamps(&self, socket: &Socket) {
        let mut next = lock(&self.0.next_stamp);
        if next.is_none() {
            sys::number_stamps(socket.as_fd());
            self.0.stamping.store(true, Ordering::Relaxed);
            *next = Some(0);
        }
    }

    /// Receives a datagram without waiting; `None` if there is none. An ICMP error that takes the call's place is
    /// passed over: it is in the error queue.
    pub(super) fn take(&self, socket: &Socket) -> io::Result<Option<Datagram>> {
        let mut again = TRIES;
        BUFFER.with_borrow_mut(|buffer| {
            loop {
                // Without stamps and without events, the sender is all there is to know beside the data.
                let plain = !self.0.stamping.load(Ordering::Relaxed) && !self.0.session.events.wanted();
                let received = if plain {
                    sys::receive_plain(socket.as_fd(), buffer)
                } else {
                    sys::receive(socket.as_fd(), buffer, false)
                };
                match received {
                    Ok(received) => {
                        if let Some(drops) = received.overflow {
                            self.0.tell_drops(u64::from(drops));
                        }
                        let data = &buffer[..received.len];
                        return Ok(received.addr.map(|from| {
                            let flow = || self.flow(from, self.0.local);
                            self.0.session.events.tell(|| Event::Received { flow: flow(), data });
                            Datagram {
                                data: data.into(),
                                from,
                                truncated: received.truncated,
                                stamp: received.stamp,
                                ttl: received.ttl,
                                judged: None,
                            }
                        }));
                    }
                    Err(err) if is_pending_error(&err) && again > 0 => again -= 1,
                    Err(err) if err.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                    Err(err) if err.kind() == io::ErrorKind::Interrupted => return Ok(None),
                    Err(err) => return Err(err),
                }
            }
        })
    }

    /// Empties the error queue; how many entries it had.
    pub(super) fn drain(&self, socket: &Socket, queued: &mut impl FnMut(Queued)) -> usize {
        let unread = std::mem::take(&mut *lock(&self.0.unread));
        unread.into_iter().for_each(&mut *queued);
        let mut count = 0;
        while self.drain_one(socket, queued) {
            count += 1;
        }
        count
    }

    /// Takes one entry from the error queue; whether there was one.
    pub(super) fn drain_one(&self, socket: &Socket, queued: &mut impl FnMut(Queued)) -> bool {
        let mut buffer = [0u8; 2048];
        let Ok(received) = sys::receive(socket.as_fd(), &mut buffer, true) else { return false };
        let Some(entry) = received.entry else { return true };
        let family = match entry.origin {
            Origin::Stamp => {
                if let Some(stamp) = received.stamp {
                    queued(Queued::Sent { number: entry.data, stamp });
                }
                return true;
            }
            Origin::Icmp => Family::V4,
            Origin::Icmp6 => Family::V6,
            Origin::Local | Origin::Other(_) => {
                queued(Queued::Local);
                return true;
            }
        };
        let error = IcmpError {
            kind: icmp::Kind { family, type_: entry.type_, code: entry.code },
            offender: entry.offender,
            to: received.addr.unwrap_or(self.0.local),
            info: entry.info,
            quote: buffer[..received.len].to_vec(),
        };
        queued(Queued::Icmp { error, stamp: received.stamp });
        true
    }

    /// The open socket.
    pub(super) fn socket(&self, op: &'static str) -> Result<Arc<Socket>> {
        lock(&self.0.socket).clone().ok_or_else(|| closed(op))
    }

    /// The host it lives on.
    pub(super) fn host(&self) -> &Arc<dyn Host> {
        &self.0.host
    }

    /// Where losses and verdicts are accounted for.
    pub fn account(&self) -> &Account {
        &self.0.session.account
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

    /// Sends `data` when `by` has passed, without waiting for it.
    ///
    /// # Errors
    /// `exhausted`.
    pub fn send_later(&self, by: Duration, data: Vec<u8>, to: SocketAddr) -> Result<()> {
        let session = &self.0.session;
        let sent = session.later.send(&session.stop, by, self.clone(), data, to);
        sent.map_err(|err| Error::system("send", &err).with_peer(to))
    }

    /// Brings the account and the events up to date at the end of a run. Not if a thread that did not end with it still
    /// waits for a probe.
    pub(super) fn settle_up(&self) {
        if let Ok(mut prober) = self.0.prober.try_lock() {
            prober.settle_up(&self.0.session, self.0.local, self.0.host.unix_nanos());
        }
        if let Ok(drops) = self.kernel_drops() {
            self.0.tell_drops(drops);
        }
    }

    /// A handle that does not keep the socket open.
    fn weak(&self) -> WeakSocket {
        WeakSocket(Arc::downgrade(&self.0))
    }

    /// Makes known that this socket answers.
    pub(super) fn serves(&self) {
        if !self.0.serving.swap(true, Ordering::Relaxed) {
            self.account().serves(self.0.local, self.weak());
        }
    }

    /// The probes sent from this socket.
    ///
    /// # Errors
    /// `invalid`: this thread is inside of a matcher that the socket's prober has called.
    pub(super) fn prober(&self, op: &'static str) -> Result<MutexGuard<'_, Prober>> {
        if MATCHING.get() == Some(Arc::as_ptr(&self.0)) {
            return Err(Error::invalid(op, "the socket waits for the answer to another ping")
                .with_hint("use another socket inside of the closure that matches answers"));
        }
        Ok(lock(&self.0.prober))
    }

    /// Runs `matcher`, which must not use this socket's prober.
    pub(super) fn matching<T>(&self, matcher: impl FnOnce() -> T) -> T {
        let outer = MATCHING.replace(Some(Arc::as_ptr(&self.0)));
        let value = matcher();
        MATCHING.set(outer);
        value
    }

    /// What the prober last made known of its probes: their account, and the clock of their round-trip times.
    pub(super) fn known(&self) -> (Counts, Option<Clock>) {
        *lock(&self.0.known)
    }

    /// Makes known what the prober has counted.
    pub(super) fn make_known(&self, counts: Counts, clock: Option<Clock>) {
        *lock(&self.0.known) = (counts, clock);
    }

    /// The policy of this socket's answers.
    pub fn judge(&self) -> Option<Arc<Judge>> {
        lock(&self.0.judge).clone()
    }

    /// Puts a policy in place of the one before; `name` is for the account.
    pub fn set_judge(&self, judge: Judge, name: String) {
        let judge = Arc::new(judge);
        self.account().judges(self.0.local, judge.clone(), name);
        *lock(&self.0.judge) = Some(judge);
    }

    pub(super) fn same_version(&self, op: &'static str, to: SocketAddr) -> Result<()> {
        if to.is_ipv4() == self.0.local.is_ipv4() {
            return Ok(());
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

impl Inner {
    /// Leaves the kernel's count of drops with the account, since the socket is about to go.
    fn leave_drops(&self, socket: &Socket) {
        if let Ok(drops) = sys::drops(socket.as_fd()) {
            self.tell_drops(drops);
            if self.serving.load(Ordering::Relaxed) {
                self.session.account.kernel_drops(self.local, drops);
            }
        }
    }

    /// Tells of what the kernel has dropped since it was last told.
    fn tell_drops(&self, drops: u64) {
        let before = self.drops_told.fetch_max(drops, Ordering::Relaxed);
        if drops > before {
            let (time, socket, count) = (self.host.unix_nanos(), self.local, drops - before);
            self.session.events.tell(|| Event::KernelDrops { time, socket, count });
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(socket) = lock(&self.socket).take() {
            self.leave_drops(&socket);
        }
        let prober = self.prober.get_mut().unwrap_or_else(PoisonError::into_inner);
        prober.settle_up(&self.session, self.local, self.host.unix_nanos());
    }
}

/// Whether a call failed with the errno of an ICMP error that answers an earlier datagram.
fn is_pending_error(err: &io::Error) -> bool {
    matches!(
        err.raw_os_error(),
        Some(
            libc::ECONNREFUSED
                | libc::EHOSTUNREACH
                | libc::ENETUNREACH
                | libc::EHOSTDOWN
                | libc::ENONET
                | libc::ENOPROTOOPT
                | libc::EPROTO
                | libc::EOPNOTSUPP
                | libc::EACCES
                | libc::EMSGSIZE
        )
    )
}

/// Checks that a datagram can hold `size` bytes.
///
/// # Errors
/// `too-large`: it cannot.
pub fn check_size(size: usize) -> Result<()> {
    if size <= MAX_PAYLOAD {
        return Ok(());
    }
    Err(Error::new(ErrorKind::TooLarge, "send", format!("{size} bytes do not fit into a datagram"))
        .with_hint(format!("send at most {MAX_PAYLOAD} bytes")))
}

/// What a failed send means, in words.
pub(super) fn send_error(err: &io::Error, size: usize, to: SocketAddr) -> Error {
    let error = Error::system("send", err).with_peer(to);
    match error.kind {
        ErrorKind::Invalid if to.port() == 0 => Error {
            message: "nobody can be reached at port 0".to_string(),
            hint: "give the port that the peer listens on, 1 to 65535".to_string(),
            ..error
        },
        ErrorKind::TooLarge if size > MAX_PAYLOAD => Error {
            message: format!("{size} bytes do not fit into a datagram"),
            hint: format!("send at most {MAX_PAYLOAD} bytes"),
            ..error
        },
        ErrorKind::Permission => {
            error.with_hint("a firewall rule of this host forbids it, or it is a broadcast address")
        }
        ErrorKind::Unreachable => error.with_hint("this host has no route there: look at `ip route`"),
        _ => error,
    }
}

fn bind_error(err: &io::Error, local: SocketAddr) -> Error {
    let error = Error::system("bind", err).with_peer(local);
    match error.kind {
        ErrorKind::InUse => error.with_hint(format!(
            "another socket has port {}; stop it, or choose another port (0: any free one)",
            local.port()
        )),
        ErrorKind::NotLocal => error.with_hint("bind to an address of this host, such as 127.0.0.1 or 0.0.0.0"),
        ErrorKind::Permission => error.with_hint("ports below 1024 need privileges; choose a port from 1024 up"),
        ErrorKind::Exhausted => error.with_hint("too many files and sockets are open; raise `ulimit -n`"),
        _ => error,
    }
}

pub(super) fn closed(op: &'static str) -> Error {
    Error::new(ErrorKind::Closed, op, "the socket was closed").with_hint("make a new socket, or close it later")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
