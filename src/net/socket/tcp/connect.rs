//! Connecting, with its own time and its own outcomes: a refusal, an ICMP error and silence are distinguished.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::{fmt, io};

use super::Connection;
use super::end::in_doubt;
use super::events::tried;
use super::options::StreamOptions;
use crate::net::error::{Error, ErrorKind, Result, errno, number_of};
use crate::net::host::addr::{check_way, reached};
use crate::net::host::socket::{Awaited, HostSocket, SocketOption, SocketType};
use crate::net::host::stop::Stop;
use crate::net::host::{Host, Waited};
use crate::net::observe::event::{Event, Flow};
use crate::net::probe::clock::Clock;
use crate::net::socket::endpoint::Endpoint;
use crate::net::socket::error_queue::{Queued, is_pending_error, take_entries};
use crate::net::socket::prober::warm_up;
use crate::net::socket::session::Session;
use crate::net::time::Duration;
use crate::net::wire::Family;
use crate::net::wire::icmp::IcmpError;

/// How often another local port is asked for where the kernel gives the peer's own.
const OTHER_PORTS: usize = 16;

/// From where to connect, and how.
#[derive(Clone, Copy, Debug)]
pub struct Connector<'a> {
    /// The host to connect from.
    pub host: &'a Arc<dyn Host>,
    /// What the connection shares with all sockets of the run.
    pub session: &'a Arc<Session>,
    /// How.
    pub options: ConnectOptions,
    /// What ends the attempt.
    pub stop: &'a Stop,
}

/// How to connect.
#[derive(Clone, Copy, Debug)]
pub struct ConnectOptions {
    /// The local address; `None`: any.
    pub local: Option<SocketAddr>,
    /// How long to wait.
    pub timeout: Duration,
    /// The TTL or hop limit of what is sent; `None`: the system's.
    pub ttl: Option<u8>,
    /// How the stream is set up.
    pub stream: StreamOptions,
}

/// How an attempt to connect ended.
#[derive(Clone, Debug)]
pub enum Connecting {
    /// The connection is there.
    Connected(Connection),
    /// The peer replied that nothing is listening there (RST).
    Refused,
    /// The peer accepted the connection and reset it before this host made use of it.
    Reset,
    /// An ICMP error came.
    Icmp(IcmpError),
    /// This host has no way there, or an error came of which only the errno is known.
    Unreachable(Error),
    /// Nothing came.
    TimedOut,
    /// The stop happened first.
    Interrupted,
}

impl Connecting {
    /// In one word, as scripts see it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Connected(_) => "connected",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Icmp(_) => "icmp",
            Self::Unreachable(_) => "unreachable",
            Self::TimedOut => "timeout",
            Self::Interrupted => "interrupted",
        }
    }
}

/// An attempt to connect.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Where to.
    pub to: SocketAddr,
    /// How it ended.
    pub end: Connecting,
    /// How long that took, from before the call to the reply.
    pub took: Duration,
    /// The round-trip time of the reply; `None` if none came, or nothing measured it.
    pub rtt: Option<Duration>,
    /// The clock of that. One by the kernel's stamps is had of connections, and of ICMP errors where a TTL was set.
    pub clock: Clock,
    /// Attempts at other addresses of the same name, which failed.
    pub others: Vec<Attempt>,
    /// The local address, where that is known.
    local: Option<SocketAddr>,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = self.to;
        match &self.end {
            Connecting::Connected(_) => write!(f, "Connected to {to}"),
            Connecting::Refused => write!(f, "Connection refused by {to}"),
            Connecting::Reset => write!(f, "Connection reset by {to}"),
            Connecting::Icmp(error) => write!(f, "{} for the connection to {to}", error.kind),
            Connecting::Unreachable(error) => write!(f, "No connection to {to}: {}", error.message),
            Connecting::TimedOut => write!(f, "Connection to {to} timed out"),
            Connecting::Interrupted => write!(f, "Connecting to {to} was interrupted"),
        }
    }
}

impl Connector<'_> {
    /// Connects to `to` (connect(2)).
    ///
    /// # Errors
    /// `in-use`, `not-local`: the local address; `exhausted`: sockets or ports; `invalid`, also where the local address is `to`.
    /// All that the peer or the path does, and what this host refuses to send, is an outcome.
    pub fn connect(&self, to: SocketAddr) -> Result<Attempt> {
        let options = &self.options;
        let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let local = options.local.unwrap_or(SocketAddr::new(any, 0));
        check_way(&**self.host, "connect", local, to)?;
        let to = reached(local, to);
        // One that the kernel has given the peer's own port is connected to itself (RFC 9293, 3.5: simultaneous open). Then
        // nothing listens there, and the next attempt mostly has another port.
        for _ in 0..OTHER_PORTS {
            let attempt = self.once(to)?;
            let is_itself = |connection: &Connection| {
                let (local, peer) = (connection.local(), connection.peer());
                local.port() == peer.port() && (local.ip() == peer.ip() || peer.ip().is_unspecified())
            };
            match &attempt.end {
                Connecting::Connected(connection) if is_itself(connection) => connection.reset(),
                _ => return Ok(self.report(attempt)),
            }
            if options.local.is_some_and(|local| local.port() != 0) {
                let error = Error::invalid("connect", "the connection would be to itself: nothing listens there");
                return Err(error.with_peer(to).with_hint("choose another local port, or 0 for any free one"));
            }
        }
        Ok(self.report(Attempt::unsent(to, Connecting::Refused)))
    }

    fn once(&self, to: SocketAddr) -> Result<Attempt> {
        let Self { host, session, options, stop } = *self;
        let failed = |err: &io::Error| connect_error(err, to, options.local);
        let set_up = || {
            let socket = host.socket(SocketType::Tcp, Family::of(to.ip()))?;
            options.stream.apply(&*socket)?;
            if options.ttl.is_some() {
                warm_up(&**host);
                socket.set(SocketOption::StampArrivals)?;
                socket.set(SocketOption::Ttl(options.ttl))?;
            }
            if let Some(local) = options.local {
                // The same address may be used again while the connection before it lingers.
                socket.set(SocketOption::ReuseAddress)?;
                socket.bind(local)?;
            }
            Ok(socket)
        };
        let socket = set_up().map_err(|err: io::Error| failed(&err))?;
        let clocks = options.ttl.map(|_| host.both_clocks());
        let mut stamp = None;
        let refusal = |err: &io::Error, stamp: &mut Option<i64>| {
            let found = Attempt::refusal(&*socket, err, to, stamp);
            found.map_or_else(|| Err(failed(err)), Ok)
        };
        let start = host.now();
        let end = match socket.connect(to) {
            Ok(()) => Ok(()),
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => {
                let mut awaited = [Awaited::writable(&*socket)];
                loop {
                    match host.wait(&mut awaited, Some(start + options.timeout), stop).map_err(|err| failed(&err))? {
                        Waited::Ready => {}
                        Waited::TimedOut => break Err(Connecting::TimedOut),
                        Waited::Stopped => break Err(Connecting::Interrupted),
                    }
                    match socket.take_error().map_err(|err| failed(&err))? {
                        Some(err) => break Err(refusal(&err, &mut stamp)?),
                        None if socket.peer_addr().is_ok() => break Ok(()),
                        // Linux queues an ICMP error before it makes an errno of it: there is none yet.
                        None => {
                            if let Some((error, arrived)) = queued(&*socket, to) {
                                stamp = arrived;
                                break Err(Connecting::Icmp(error));
                            }
                        }
                    }
                }
            }
            Err(err) => Err(refusal(&err, &mut stamp)?),
        };
        let took = host.now() - start;
        let is_sound = |rtt: &Duration| *rtt > Duration::ZERO && *rtt <= took;
        let arrived = clocks.zip(stamp).map(|((now, unix), stamp)| now + Duration::from_nanos(stamp - unix) - start);
        let handshake = || socket.tcp_info().ok().map(|info| Duration::from_micros(i64::from(info.rtt)));
        let (rtt, clock) = match (arrived.filter(is_sound), &end) {
            (Some(rtt), _) => (Some(rtt), Clock::KernelReceive),
            (None, Ok(()) | Err(Connecting::Reset)) => match handshake().filter(is_sound) {
                Some(rtt) => (Some(rtt), Clock::Kernel),
                // How long after the handshake the reset came is not known.
                None => (end.is_ok().then_some(took), Clock::User),
            },
            (None, Err(Connecting::Refused | Connecting::Icmp(_))) => (Some(took), Clock::User),
            _ => (None, Clock::User),
        };
        let local = socket.local_addr().ok();
        let end = match end {
            Err(end) => end,
            Ok(()) => {
                let local = socket.local_addr().map_err(|err| failed(&err))?;
                let endpoint = Endpoint::new("TCP", host.clone(), session.clone(), local, socket).connected(to, None);
                Connecting::Connected(Connection::new(endpoint, to, Some(took), &options.stream))
            }
        };
        Ok(Attempt { to, end, took, rtt, clock, others: Vec::new(), local })
    }

    /// Makes an attempt an event.
    fn report(&self, attempt: Attempt) -> Attempt {
        let any = || if attempt.to.is_ipv4() { ([0; 4], 0).into() } else { ([0; 16], 0).into() };
        if self.session.events.wanted() {
            let from = attempt.local.or(self.options.local).unwrap_or_else(any);
            let flow =
                Flow { time: self.host.unix_nanos(), from, to: attempt.to, host: self.host.name(), protocol: "TCP" };
            let what = tried(&attempt);
            self.session.events.emit(|| Event::Connection { flow, what: &what });
        }
        attempt
    }

    /// Connects to the first of `addrs` that can be connected to; they share the time there is, and one that does not reply
    /// leaves the others their part of it. If none can be, the first says why.
    ///
    /// # Errors
    /// As [`Self::connect`]; `invalid`: there is no address.
    pub fn connect_to_any(&self, addrs: &[SocketAddr]) -> Result<Attempt> {
        let until = self.host.now() + self.options.timeout;
        let mut failed = Vec::new();
        for (index, to) in addrs.iter().enumerate() {
            let left = (until - self.host.now()).max(Duration::ZERO);
            let timeout = left * (1.0 / (addrs.len() - index) as f64);
            let attempt = match (Self { options: ConnectOptions { timeout, ..self.options }, ..*self }).connect(*to) {
                // Perhaps this host lacks a version of IP, and another address is of the one it has.
                Err(error) if index > 0 => Attempt::unsent(*to, Connecting::Unreachable(error)),
                attempt => attempt?,
            };
            if matches!(attempt.end, Connecting::Connected(_) | Connecting::Interrupted) {
                return Ok(Attempt { others: failed, ..attempt });
            }
            failed.push(attempt);
        }
        if failed.is_empty() {
            return Err(Error::invalid("connect", "there is no address to connect to"));
        }
        let first = failed.remove(0);
        Ok(Attempt { others: failed, ..first })
    }
}

impl Attempt {
    /// One of which nothing was sent to its peer.
    const fn unsent(to: SocketAddr, end: Connecting) -> Self {
        Self { to, end, took: Duration::ZERO, rtt: None, clock: Clock::User, others: Vec::new(), local: None }
    }

    /// What the errno of a failed connect says of the peer or the path; `None`: it says something of this host.
    pub(super) fn refusal(
        socket: &dyn HostSocket,
        err: &io::Error,
        to: SocketAddr,
        stamp: &mut Option<i64>,
    ) -> Option<Connecting> {
        // An ICMP error is in the error queue too; a reset is not.
        if let Some((error, arrived)) = queued(socket, to) {
            *stamp = arrived;
            return Some(Connecting::Icmp(error));
        }
        match number_of(err) {
            errno::ECONNREFUSED => Some(Connecting::Refused),
            // The handshake was done by then. EPIPE: the peer had closed its direction first (linux).
            errno::ECONNRESET | errno::EPIPE => Some(Connecting::Reset),
            errno::ETIMEDOUT => Some(Connecting::TimedOut),
            errno::ENETUNREACH | errno::EHOSTUNREACH | errno::ENETDOWN => {
                let error = Error::system("connect", err).with_peer(to);
                Some(Connecting::Unreachable(error.with_hint("this host has no route there: look at `ip route`")))
            }
            errno::EACCES | errno::EPERM => Some(Connecting::Unreachable(connect_error(err, to, None))),
            errno::ENOBUFS | errno::ENOMEM | errno::ENODEV => {
                Some(Connecting::Unreachable(Error::system("connect", err).with_peer(to)))
            }
            _ if is_pending_error(err) => Some(Connecting::Unreachable(in_doubt(err, to.is_ipv4()).with_peer(to))),
            _ => None,
        }
    }

    /// The connection, or why there is none as an error; interrupted ones have neither.
    ///
    /// # Errors
    /// `refused`, `unreachable`, `timeout`.
    pub fn into_connection(mut self) -> Result<Option<Connection>> {
        let others = std::mem::take(&mut self.others);
        self.alone().map_err(|error| {
            let failed = others.into_iter().filter_map(|attempt| {
                let to = attempt.to;
                attempt.alone().err().map(|error| format!("; {to}: {}", error.message))
            });
            let message = failed.fold(error.message.clone(), |message, other| format!("{message}{other}"));
            Error { message, ..error }
        })
    }

    fn alone(self) -> Result<Option<Connection>> {
        let to = self.to;
        let error = |kind, message: &str| Err(Error::new(kind, "connect", message).with_peer(to));
        match self.end {
            Connecting::Connected(connection) => Ok(Some(connection)),
            Connecting::Interrupted => Ok(None),
            Connecting::Refused => error(ErrorKind::Refused, "connection refused: nothing is listening on this port")
                .map_err(|error| error.with_hint("start the server first, or check the address")),
            Connecting::Reset => error(ErrorKind::Reset, "the peer has accepted the connection and reset it at once")
                .map_err(|error| error.with_hint("the server may be full, or has closed without reading: look there")),
            Connecting::TimedOut => error(ErrorKind::TimedOut, &format!("no reply in {}", self.took.short()))
                .map_err(|error| error.with_hint("the host may be down, or a firewall drops what is sent to it")),
            Connecting::Icmp(error) => {
                Err(Error::new(ErrorKind::Unreachable, "connect", error.kind.name()).with_peer(to))
            }
            Connecting::Unreachable(error) => Err(error),
        }
    }
}

/// The ICMP error in the error queue, and the stamp of its arrival. It quotes headers alone.
fn queued(socket: &dyn HostSocket, to: SocketAddr) -> Option<(IcmpError, Option<i64>)> {
    let mut found = None;
    let mut take = |entry| {
        if let Queued::Icmp { error, stamp } = entry {
            found = Some((IcmpError { to, quote: Vec::new(), extensions: Vec::new(), ..error }, stamp));
        }
    };
    take_entries(socket, to, 0, usize::MAX, &mut take);
    found
}

fn connect_error(err: &io::Error, to: SocketAddr, local: Option<SocketAddr>) -> Error {
    let error = Error::system("connect", err).with_peer(to);
    match (error.kind, local) {
        (ErrorKind::InUse | ErrorKind::NotLocal, Some(local)) => {
            let message = format!("{} ({local})", error.message);
            Error { message, ..error }
                .with_hint("another connection has that port; choose another, or 0 for any free one")
        }
        (ErrorKind::NotLocal, None) => Error { kind: ErrorKind::Exhausted, ..error }
            .with_hint("every local port is in use: end some connections, or widen net.ipv4.ip_local_port_range"),
        (ErrorKind::Permission, _) => error.with_hint("a firewall rule of this host forbids it"),
        (ErrorKind::Invalid, _) if to.port() == 0 => Error {
            message: "nothing can be reached at port 0".to_string(),
            ..error.with_hint("give the port that the peer listens on, 1 to 65535")
        },
        _ => error,
    }
}
