//! UDP sockets: bind, connect, send, receive with absolute deadlines, and the ICMP errors that answer what was sent.
//!
//! The socket owns what the system calls leave to their callers: EINTR, a pending error that swallows the next
//! call (linux: with IP_RECVERR one send or recv returns the errno of an ICMP error and does nothing else), and
//! datagrams longer than the buffer.

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use socket2::{Domain, Protocol, Socket, Type};

use super::account::Account;
use super::error::{Error, ErrorKind, Result};
use super::event::{Event, Flow};
use super::host::{Host, Waited};
use super::judge::{Judge, Judged};
use super::prober::Prober;
use super::session::Session;
use super::stop::Stop;
use super::sys::{self, Origin, PollFd, RawAddr};
use super::time::{Duration, Instant};
use super::wire::{Family, icmp};

/// The largest payload of a UDP datagram over IPv4: 65,535 less the headers.
pub const MAX_PAYLOAD: usize = 65_507;

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
    judge: Mutex<Option<Arc<Judge>>>,
    unheeded_errors: AtomicU64,
    /// Whether the account knows that it answers.
    serving: AtomicBool,
    /// Datagrams the kernel had dropped at the last event about it.
    drops_told: AtomicU64,
}

/// A datagram as it arrived.
#[derive(Clone, Debug)]
pub struct Datagram {
    /// The payload.
    pub data: Vec<u8>,
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
    /// An ICMP error.
    Icmp(IcmpError),
    /// An error of the local system, such as a packet too large for the path.
    Local,
}

thread_local! {
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
            if let Some(bytes) = options.receive_buffer {
                socket.set_recv_buffer_size(bytes)?;
            }
            if let Some(bytes) = options.send_buffer {
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
            judge: Mutex::default(),
            unheeded_errors: AtomicU64::new(0),
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

    /// ICMP errors that arrived while nobody asked for them: for answers to clients that are gone, say.
    pub fn unheeded_errors(&self) -> u64 {
        self.0.unheeded_errors.load(Ordering::Relaxed)
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
        self.tell_sent(data, to);
        self.send_raw(&socket, data, to, |_| ()).map_err(|err| send_error(&err, data.len(), to))
    }

    /// Tells that a datagram goes to the kernel now. Before it does: the receiver would be quicker.
    pub(super) fn tell_sent(&self, data: &[u8], to: SocketAddr) {
        self.0.session.events.tell(|| Event::Sent { flow: self.flow(self.0.local, to), data });
    }

    /// Sends one datagram, once more where an earlier ICMP error took the call's place; what the error queue held is
    /// given to `queued`.
    pub(super) fn send_raw(
        &self,
        socket: &Socket,
        data: &[u8],
        to: SocketAddr,
        mut queued: impl FnMut(Queued),
    ) -> io::Result<()> {
        let raw = RawAddr::from(to);
        match sys::send_to(socket.as_fd(), data, &raw) {
            Ok(_) => Ok(()),
            Err(err) if self.drain(socket, &mut queued) > 0 || is_pending_error(&err) => {
                sys::send_to(socket.as_fd(), data, &raw).map(|_| ())
            }
            Err(err) => Err(err),
        }
    }

    /// Waits for a datagram, or for an ICMP error if `heed_errors`; otherwise those are counted and passed over.
    ///
    /// # Errors
    /// `closed`, also when it is closed meanwhile.
    pub fn receive(&self, until: Option<Instant>, stop: &Stop, heed_errors: bool) -> Result<Incoming> {
        let socket = self.socket("recv")?;
        loop {
            let mut icmp = None;
            match self.take_judged(&socket) {
                Ok(Some(datagram)) => return Ok(Incoming::Packet(datagram)),
                Ok(None) => {
                    let mut fds = [PollFd::readable(socket.as_fd())];
                    match self.0.host.wait(&mut fds, until, stop).map_err(|err| Error::system("recv", &err))? {
                        Waited::TimedOut => return Ok(Incoming::TimedOut),
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
                Err(err) if is_pending_error(&err) => {}
                Err(err) => return Err(Error::system("recv", &err)),
            }
            self.drain(&socket, &mut |queued| {
                if let Queued::Icmp(error) = queued {
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

    /// Receives a datagram without waiting; `None` if there is none.
    pub(super) fn take(&self, socket: &Socket) -> io::Result<Option<Datagram>> {
        BUFFER.with_borrow_mut(|buffer| match sys::receive(socket.as_fd(), buffer, false) {
            Ok(received) => {
                if let Some(drops) = received.overflow {
                    self.0.tell_drops(u64::from(drops));
                }
                let data = &buffer[..received.len];
                Ok(received.addr.map(|from| {
                    let flow = || self.flow(from, self.0.local);
                    self.0.session.events.tell(|| Event::Received { flow: flow(), data });
                    Datagram {
                        data: data.to_vec(),
                        from,
                        truncated: received.truncated,
                        stamp: received.stamp,
                        ttl: received.ttl,
                        judged: None,
                    }
                }))
            }
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(err) if err.kind() == io::ErrorKind::Interrupted => Ok(None),
            Err(err) => Err(err),
        })
    }

    /// Empties the error queue; how many entries it had.
    pub(super) fn drain(&self, socket: &Socket, queued: &mut impl FnMut(Queued)) -> usize {
        let mut buffer = [0u8; 2048];
        let mut count = 0;
        while let Ok(received) = sys::receive(socket.as_fd(), &mut buffer, true) {
            count += 1;
            let Some(entry) = received.entry else { continue };
            let family = match entry.origin {
                Origin::Stamp => {
                    if let Some(stamp) = received.stamp {
                        queued(Queued::Sent { number: entry.data, stamp });
                    }
                    continue;
                }
                Origin::Icmp => Family::V4,
                Origin::Icmp6 => Family::V6,
                Origin::Local | Origin::Other(_) => {
                    queued(Queued::Local);
                    continue;
                }
            };
            queued(Queued::Icmp(IcmpError {
                kind: icmp::Kind { family, type_: entry.type_, code: entry.code },
                offender: entry.offender,
                to: received.addr.unwrap_or(self.0.local),
                info: entry.info,
                quote: buffer[..received.len].to_vec(),
            }));
        }
        count
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
    pub(super) fn prober(&self) -> MutexGuard<'_, Prober> {
        lock(&self.0.prober)
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

/// What a failed send means, in words.
pub(super) fn send_error(err: &io::Error, size: usize, to: SocketAddr) -> Error {
    let error = Error::system("send", err).with_peer(to);
    match error.kind {
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

fn closed(op: &'static str) -> Error {
    Error::new(ErrorKind::Closed, op, "the socket was closed").with_hint("make a new socket, or close it later")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
