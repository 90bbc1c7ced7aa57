//! ICMP echo sockets: a ping socket where the system allows one, else a raw socket, with the errors about what was sent.
//!
//! A ping socket (`SOCK_DGRAM`, `IPPROTO_ICMP`) needs no privileges but a group in `net.ipv4.ping_group_range`; the kernel
//! sets its identifier and delivers only replies to it. A raw socket needs CAP_NET_RAW and receives all ICMP of the host, its own
//! requests on loopback included; what is not a reply to this socket is passed over.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Arc, Weak};

use self::extended::Questions;
use self::payload::Payload;
use self::probing::{BURST, HEADER, IP_HEADER};
use super::endpoint::Endpoint;
use super::error_queue::{Queued, take_entries};
use super::handle::shares_endpoint;
use super::prober::{Prober, Probing, Script, Tally, Work, notices};
use super::session::{Session, Settle};
use crate::net::error::{Error, Result, errno, number_of};
use crate::net::host::Host;
#[cfg(feature = "sim")]
use crate::net::host::SimulatedHost;
use crate::net::host::addr::check_way;
use crate::net::host::id::HostId;
use crate::net::host::socket::{Filter, HostSocket, SocketOption, SocketType};
use crate::net::host::stop::Stop;
use crate::net::probe::outcome::{Outcome, Probe};
use crate::net::wire::Family;
use crate::net::wire::icmp::IcmpError;
use crate::net::wire::zoned::ZonedIp;

mod error;
mod extended;
mod listener;
mod mtu;
mod payload;
mod probing;
mod receiving;

pub use self::error::{MAX_SIZE_V4, MAX_SIZE_V6, check_size};
pub(in crate::net) use self::extended::{IN_FLIGHT, check_subject};
pub use self::listener::{IcmpListener, IcmpMessage};
pub use self::mtu::interface_mtu;

/// How many unread ICMP errors are looked at when a socket closes.
const UNREAD: usize = 65_536;

/// How many settled pings a fast socket remembers. A further reply to an older one is counted as late, or as foreign if its
/// sender was not pinged for long, not as a duplicate.
pub const REMEMBERED: usize = 8_192;

/// How a socket is made and what it sends.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The local address; `None`: any.
    pub local: Option<ZonedIp>,
    /// TTL or hop limit; `None`: the system's.
    pub ttl: Option<u8>,
    /// The type of service or traffic class, all eight bits.
    pub tos: u8,
    /// Whether it may send to all hosts of a network (SO_BROADCAST).
    pub broadcast: bool,
    /// Whether to send with Don't Fragment, whatever the path's MTU is said to be; `None`: as the system does.
    pub dont_fragment: Option<bool>,
    /// What is repeated to fill a payload; empty: 8, 9, 10, ….
    pub pattern: Vec<u8>,
    /// Whether only a raw socket will do.
    pub raw: bool,
    /// Whether the clock is to be the kernel's stamp of the arrival less the time before the send call, as `ping` measures.
    pub as_ping: bool,
    /// Whether speed is what counts: requests go out in bursts, replies are received together, the kernel keeps what is for
    /// others from a raw socket, the clock is that of `as_ping`, and fewer settled pings are remembered ([`REMEMBERED`]).
    pub fast: bool,
    /// Size of the receive buffer in bytes (SO_RCVBUF); `None` leaves the system's.
    pub receive_buffer: Option<usize>,
}

/// The kinds of socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The kernel's own ping socket.
    Ping,
    /// A raw socket.
    Raw,
}

/// An ICMP echo socket. Clones are the same socket.
#[derive(Clone, Debug)]
pub struct IcmpSocket(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The port of its local address is the identifier.
    endpoint: Endpoint,
    family: Family,
    mode: Mode,
    payload: Payload,
    questions: Questions,
    as_ping: bool,
    fast: bool,
    probing: Probing,
    /// Whether the kernel was asked to stamp what arrives.
    prepared: AtomicBool,
    /// Whether a call has reported an error, so that there is something in the error queue. Without stamps of what is sent,
    /// looking there each time would cost more than the ping.
    has_errors: AtomicBool,
    /// How many replies to others have come to a raw socket. From some number on the kernel is asked to keep them from it.
    others: AtomicU32,
    /// Whether a request was sent whose reply needs more room than is set aside for many at once.
    has_large: AtomicBool,
}

shares_endpoint!(IcmpSocket);

impl IcmpSocket {
    /// Makes a socket for echo requests of `family`.
    ///
    /// # Errors
    /// `permission`: the system allows neither a ping socket nor a raw socket; the hint says how to change that here.
    /// `not-local`, `exhausted`, `invalid` (a local address of another version).
    pub fn open(host: Arc<dyn Host>, session: Arc<Session>, family: Family, options: &Options) -> Result<Self> {
        let (socket, mode) = make(&*host, family, options.raw)?;
        let any: IpAddr = match family {
            Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
            Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
        };
        let from = options.local.unwrap_or(any.into());
        if Family::of(from.ip) != family {
            return Err(Error::invalid("open", format!("the local address {from} is not {family}")));
        }
        let set_up = || -> io::Result<SocketAddr> {
            if mode == Mode::Raw {
                pass_replies(&*socket, family)?;
            }
            set_options(&*socket, family, mode, options)?;
            // The port of a ping socket is its identifier; the kernel finds a free one.
            let bound = socket.bind(from.with_port(0))?;
            let id = if mode == Mode::Ping { bound.port() } else { (random(&*host) as u16).max(1) };
            Ok(ZonedIp::from(bound).with_port(id))
        };
        let local = set_up().map_err(|err| error::open_error(&err, from))?;
        let payload = Payload::new(random(&*host), options.pattern.clone());
        let headers = if family == Family::V4 { 20 } else { 40 };
        let prober = if options.fast { Prober::remembering(REMEMBERED) } else { Prober::default() };
        let this = Self(Arc::new(Inner {
            endpoint: Endpoint::new("ICMP", host, session.clone(), local, socket)
                .sending(options.ttl, options.broadcast),
            family,
            mode,
            payload,
            questions: Questions::default(),
            as_ping: options.as_ping || options.fast,
            fast: options.fast,
            probing: Probing::over_icmp(prober, headers, HEADER, if options.fast { BURST } else { 1 }),
            prepared: AtomicBool::new(false),
            has_errors: AtomicBool::new(false),
            others: AtomicU32::new(0),
            has_large: AtomicBool::new(false),
        }));
        let inner: Weak<Inner> = Arc::downgrade(&this.0);
        session.opened(inner);
        Ok(this)
    }

    /// Checks that an echo request of this socket can hold a payload of `size` bytes, and that such a payload holds its pattern.
    ///
    /// # Errors
    /// `too-large`; `invalid`: the payload is too small for the pattern.
    pub fn check_size(&self, size: usize) -> Result<()> {
        check_size(size, self.0.family)?;
        self.0.payload.check(size)
    }

    /// Sends `probe` as an echo request with a payload of `size` bytes in place of its message, and waits until it is settled.
    /// A reply is matched by its source, identifier and sequence number, and by its payload.
    ///
    /// # Errors
    /// `too-large`, `invalid` (another version of IP), `closed`, `busy`, `system`.
    pub fn ping(&self, probe: &Probe<'_>, size: usize, stop: &Stop) -> Result<Outcome> {
        self.same_version("ping", probe.to)?;
        self.check_size(size)?;
        self.send_composed(probe, stop, |running| self.echo(running, size))
    }

    /// Sends `probe` with the message that `compose` makes for its running number, and waits until it is settled.
    fn send_composed(&self, probe: &Probe<'_>, stop: &Stop, compose: impl FnOnce(u64) -> Vec<u8>) -> Result<Outcome> {
        let socket = self.0.socket("ping")?;
        let mut prober = self.0.probing.lock("ping")?;
        let message = &compose(prober.next_number());
        let mut work = Work { transport: self, socket: &*socket, stop, script: &mut Script::default() };
        prober.ping(&mut work, &Probe { message, ..*probe })
    }

    /// The version of IP.
    pub fn family(&self) -> Family {
        self.0.family
    }

    /// Which kind of socket it is.
    pub fn mode(&self) -> Mode {
        self.0.mode
    }

    /// The identifier of its requests.
    pub fn id(&self) -> u16 {
        self.0.local.port()
    }

    /// What has come by now, is about what was sent, and settled no probe: redirects and other advice, each once.
    pub fn notices(&self) -> Vec<IcmpError> {
        notices(self)
    }

    /// What others may know of its probes.
    pub fn tally(&self) -> &Tally {
        &self.0.probing.tally
    }

    /// Closes it. Threads that wait on it wake.
    pub fn close(&self) {
        self.0.leave_errors();
        self.0.endpoint.close();
    }

    /// Checks that the socket can send to `to`.
    ///
    /// # Errors
    /// `invalid`: it is of another version of IP.
    pub(in crate::net) fn same_version(&self, op: &'static str, to: SocketAddr) -> Result<()> {
        let theirs = Family::of(to.ip());
        if theirs == self.0.family {
            return check_way(&*self.0.host, op, self.0.local, to);
        }
        let message = format!("the socket is {} and the target {theirs}", self.0.family);
        Err(Error::invalid(op, message).with_peer(ZonedIp::from(to)).with_hint("open a socket for the target"))
    }
}

impl Settle for Inner {
    fn settle_up(&self) {
        self.leave_errors();
        self.probing.settle_up(self);
    }

    fn host(&self) -> HostId {
        self.host.id()
    }

    fn close(self: Arc<Self>) {
        IcmpSocket(self).close();
    }
}

impl Inner {
    /// Takes ICMP errors that came too late for their probes and were not read.
    fn leave_errors(&self) {
        let (Some(socket), Some(prober)) = (self.open(), self.probing.try_lock()) else { return };
        if prober.ledger().counts().timed_out > 0 {
            take_entries(&*socket, self.local, IP_HEADER, UNREAD, &mut |queued| {
                if let Queued::Icmp { error, .. } = queued {
                    prober.leave_error(self, &error, receiving::blame(self, &prober, &error, None));
                }
            });
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.leave_errors();
        self.probing.settle_up(self);
    }
}

/// A ping socket, or, where that is refused, a raw one.
fn make(host: &dyn Host, family: Family, raw: bool) -> Result<(Arc<dyn HostSocket>, Mode)> {
    let refused = |err: &io::Error| err.kind() == io::ErrorKind::PermissionDenied;
    if !raw {
        match host.socket(SocketType::Ping, family) {
            Ok(socket) => return Ok((socket, Mode::Ping)),
            // EPROTONOSUPPORT: a kernel without ping sockets.
            Err(err) if refused(&err) || number_of(&err) == errno::EPROTONOSUPPORT => {}
            Err(err) => return Err(Error::system("open", &err)),
        }
    }
    match host.socket(SocketType::RawIcmp, family) {
        Ok(socket) => Ok((socket, Mode::Raw)),
        Err(err) if refused(&err) => Err(error::refused(&err, raw)),
        Err(err) => Err(Error::system("open", &err)),
    }
}

/// Has a raw socket receive replies and errors, and nothing else.
fn pass_replies(socket: &dyn HostSocket, family: Family) -> io::Result<()> {
    match family {
        Family::V4 => socket.filter(Filter::Types(&[0, 3, 4, 5, 11, 12, 31])),
        Family::V6 => socket.filter(Filter::Types(&(0..=127).chain([129, 137, 161]).collect::<Vec<u8>>())),
    }
}

fn set_options(socket: &dyn HostSocket, family: Family, mode: Mode, options: &Options) -> io::Result<()> {
    // Only newer kernels have it.
    let _ = socket.set(SocketOption::ErrorExtensions);
    socket.set_all([
        Some(SocketOption::QueueErrors),
        // Otherwise the header says.
        (mode == Mode::Ping || family == Family::V6).then_some(SocketOption::ArrivalTtl),
        options.ttl.map(|ttl| SocketOption::Ttl(Some(ttl))),
        Some(SocketOption::Tos(options.tos)),
        Some(SocketOption::Broadcast(options.broadcast)),
        options.dont_fragment.map(SocketOption::DontFragment),
        options.receive_buffer.map(SocketOption::ReceiveBuffer),
    ])
}

/// A number that no other process can guess; on simulated hosts, of which none does, it is the same in each run.
fn random(host: &dyn Host) -> u64 {
    #[cfg(feature = "sim")]
    if let Some(simulated) = SimulatedHost::of(host) {
        return simulated.world().token();
    }
    #[cfg(not(feature = "sim"))]
    let _ = host;
    RandomState::new().build_hasher().finish()
}
