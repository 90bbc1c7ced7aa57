//! UDP sockets: bind, connect, send, receive with absolute deadlines, and the ICMP errors that answer what was sent.
//!
//! The socket owns what the system calls leave to their callers: EINTR, a pending error that swallows the next
//! call (linux: with IP_RECVERR one send or recv returns the errno of an ICMP error and does nothing else), and
//! datagrams longer than the buffer.

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use socket2::{Domain, Protocol, Socket, Type};

use super::account::Account;
use super::error::{Error, ErrorKind, Result};
use super::host::{Host, Waited};
use super::judge::Judge;
use super::prober::Prober;
use super::stop::Stop;
use super::sys::{self, Origin, PollFd, RawAddr};
use super::time::Instant;
use super::wire::{Family, icmp};

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

#[derive(Debug)]
struct Inner {
    host: Arc<dyn Host>,
    account: Arc<Account>,
    /// `None` once closed.
    socket: Mutex<Option<Arc<Socket>>>,
    local: SocketAddr,
    peer: Mutex<Option<SocketAddr>>,
    prober: Mutex<Prober>,
    judge: Mutex<Option<Arc<Judge>>>,
    unheeded_errors: AtomicU64,
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
    pub fn bind(host: Arc<dyn Host>, account: Arc<Account>, local: SocketAddr, options: Options) -> Result<Self> {
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
        Ok(Self(Arc::new(Inner {
            host,
            account,
            socket: Mutex::new(Some(Arc::new(socket))),
            local,
            peer: Mutex::default(),
            prober: Mutex::default(),
            judge: Mutex::default(),
            unheeded_errors: AtomicU64::new(0),
        })))
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
        if let Some(socket) = lock(&self.0.socket).take() {
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
        self.send_raw(&socket, data, to, |_| ()).map_err(|err| send_error(&err, data.len(), to))
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
            match self.take(&socket) {
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

    /// Receives a datagram without waiting; `None` if there is none.
    pub(super) fn take(&self, socket: &Socket) -> io::Result<Option<Datagram>> {
        BUFFER.with_borrow_mut(|buffer| match sys::receive(socket.as_fd(), buffer, false) {
            Ok(received) => Ok(received.addr.map(|from| Datagram {
                data: buffer[..received.len].to_vec(),
                from,
                truncated: received.truncated,
                stamp: received.stamp,
                ttl: received.ttl,
            })),
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
    pub fn account(&self) -> &Arc<Account> {
        &self.0.account
    }

    /// The probes sent from this socket.
    pub(super) fn prober(&self) -> MutexGuard<'_, Prober> {
        lock(&self.0.prober)
    }

    /// The policy of this socket's answers.
    pub fn judge(&self) -> Option<Arc<Judge>> {
        lock(&self.0.judge).clone()
    }

    /// Puts a policy in place of the one before.
    pub fn set_judge(&self, judge: Judge) {
        *lock(&self.0.judge) = Some(Arc::new(judge));
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

fn closed(op: &'static str) -> Error {
    Error::new(ErrorKind::Closed, op, "the socket was closed").with_hint("make a new socket, or close it later")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
