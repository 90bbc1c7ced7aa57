//! The ICMP errors that the kernel does not report about a socket's datagrams, read from a raw socket where this process may have
//! one.
//!
//! Linux does not queue every kind: of ICMP for IPv4 it drops fragment reassembly (11/1), conversion errors (31), mobile
//! redirects (32) and Photuris (40) for all sockets, and for those of UDP source quench (4) and redirects (5) too. Of ICMPv6 it
//! queues all errors, but no redirects (137). Extended echo replies (43, 161) reach only the socket that asked.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use socket2::{Domain, Protocol, Socket, Type};

use super::error_queue::{Queue, Queued};
use super::packet_filter::about_stream;
use crate::net::host::stop::Stop;
use crate::net::host::{Host, Waited};
use crate::net::sys::{self, PollFd};
use crate::net::time::Instant;
use crate::net::wire::Family;
use crate::net::wire::icmp::{IcmpError, Kind, Message};
use crate::net::wire::ip::Packet;
use crate::net::wire::zoned::ZonedIp;

/// A raw socket that is opened when the first probe is sent, if that is allowed.
#[derive(Debug, Default)]
pub(in crate::net) struct IcmpMonitor {
    socket: OnceLock<Option<(Family, Socket)>>,
    /// Whether a wait has found something to take.
    ready: AtomicBool,
    /// Who was sent a probe last.
    asked: Mutex<Option<IpAddr>>,
}

/// A message that was received.
#[derive(Debug)]
pub(in crate::net) struct MonitoredMessage<'a> {
    /// The message.
    pub(in crate::net) message: Message<'a>,
    /// The packet it is about, if it says so.
    pub(in crate::net) about: Option<Packet<'a>>,
    /// Whether it came from the one who was asked last.
    pub(in crate::net) from_asked: bool,
    /// Who sent it.
    pub(in crate::net) from: ZonedIp,
}

impl IcmpMonitor {
    /// Begins to listen for ICMP about what a socket bound to `local` sends: of ICMPv6 for redirects, extended echo replies
    /// and the types in `more`. Where this process may not, nothing comes.
    pub(in crate::net) fn open(&self, host: &dyn Host, local: SocketAddr, more: &[u8]) {
        self.open_by(host, local, |family, socket| match family {
            Family::V4 => heed(socket, &[4, 5, 11, 31]),
            Family::V6 => heed_v6(socket, [137, 161].iter().chain(more).copied()),
        });
    }

    /// Begins to listen for what ICMP says of the connection from `local` to `peer`: for one that is established the kernel
    /// makes an errno of an ICMP error and keeps type and code to itself, and some kinds it does not even look at.
    pub(in crate::net) fn open_for_stream(&self, host: &dyn Host, local: SocketAddr, peer: SocketAddr) {
        self.open_by(host, local, |_, socket| socket.attach_filter(&about_stream(local, peer)));
    }

    /// Whether this process may listen.
    pub(in crate::net) fn is_open(&self) -> bool {
        self.socket().is_some()
    }

    fn open_by(&self, host: &dyn Host, local: SocketAddr, narrow: impl FnOnce(Family, &Socket) -> std::io::Result<()>) {
        self.socket.get_or_init(|| {
            let family = Family::of(local.ip());
            let (domain, protocol) = match family {
                Family::V4 => (Domain::IPV4, Protocol::ICMPV4),
                Family::V6 => (Domain::IPV6, Protocol::ICMPV6),
            };
            let socket = host.socket(domain, Type::RAW, Some(protocol)).ok()?;
            socket.set_nonblocking(true).ok()?;
            narrow(family, &socket).ok()?;
            sys::stamp_arrivals(socket.as_fd());
            Some((family, socket))
        });
    }

    fn socket(&self) -> Option<&(Family, Socket)> {
        self.socket.get().and_then(Option::as_ref)
    }

    fn asked(&self) -> MutexGuard<'_, Option<IpAddr>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether messages of this kind come this way, whatever comes by others.
    pub(in crate::net) fn covers(&self, kind: Kind) -> bool {
        self.is_open() && is_kept(kind)
    }

    /// Notes who is sent a probe now: what names no packet is known by its sender.
    pub(in crate::net) fn asks(&self, whom: IpAddr) {
        if self.is_open() {
            *self.asked() = Some(whom);
        }
    }

    /// Waits as [`Host::wait`] does for `fd`, and for something to take.
    pub(in crate::net) fn wait(
        &self,
        host: &dyn Host,
        fd: &mut PollFd<'_>,
        until: Option<Instant>,
        stop: &Stop,
    ) -> std::io::Result<Waited> {
        let Some((_, socket)) = self.socket() else { return host.wait(std::slice::from_mut(fd), until, stop) };
        let mut fds = [*fd, PollFd::readable(socket.as_fd())];
        let waited = host.wait(&mut fds, until, stop)?;
        fd.take_result(&fds[0]);
        if fds[1].is_ready() {
            self.ready.store(true, Ordering::Relaxed);
        }
        Ok(waited)
    }

    /// Has the next [`IcmpMonitor::take`] look whether or not a wait has found something.
    pub(in crate::net) fn look(&self) {
        self.ready.store(true, Ordering::Relaxed);
    }

    /// Takes what was received since the last wait: errors and advice that `ours` makes of a message, by where the packet went
    /// that it is about and what it quotes of it; each with the stamp of its arrival.
    pub(in crate::net) fn take(
        &self,
        ours: impl Fn(&MonitoredMessage<'_>) -> Option<(SocketAddr, Vec<u8>)>,
        queued: Queue<'_>,
    ) {
        let Some((family, socket)) = self.socket().filter(|_| self.ready.swap(false, Ordering::Relaxed)) else {
            return;
        };
        let mut buffer = [0u8; 2048];
        while let Ok(received) = sys::receive(socket.as_fd(), &mut buffer, false) {
            let error = || {
                let (bytes, from) = match family {
                    Family::V4 => {
                        let packet = Packet::parse_as(Family::V4, &buffer[..received.len]).ok()?;
                        (packet.segment, packet.source.into())
                    }
                    // Without its IP header, and its checksum was verified by the kernel.
                    Family::V6 => (&buffer[..received.len], ZonedIp::from(received.addr?)),
                };
                let message = Message::parse(*family, bytes).ok()?;
                if message.checksum_ok(None) == Some(false) {
                    return None;
                }
                let from_asked = *self.asked() == Some(from.ip);
                let about = message.about();
                let (to, quote) = ours(&MonitoredMessage { message, about, from_asked, from })?;
                let info = message.next_hop_mtu().or(message.pointer()).unwrap_or(0);
                let offender = Some(from);
                Some(IcmpError {
                    kind: message.kind,
                    offender,
                    to: from.quotes(to),
                    info,
                    quote,
                    segment: about.and_then(|packet| packet.transport.tcp()?.sequence),
                    number: None,
                    extensions: Vec::new(),
                })
            };
            if let Some(error) = error() {
                queued(Queued::Icmp { error, stamp: received.stamp });
            }
        }
    }
}

impl MonitoredMessage<'_> {
    /// Where it came from, if it names no packet, need not name one, and came from the one who was asked.
    pub(in crate::net) fn nameless(&self) -> Option<(SocketAddr, Vec<u8>)> {
        let may = self.message.kind.is_extended_reply() || self.message.kind == Kind::v4(32, 0);
        (may && self.about.is_none() && self.from_asked).then(|| (self.from.with_port(0), Vec::new()))
    }
}

/// Has a raw socket receive only these types of ICMP, and those from 32 on, which the filter has no bits for (ICMP_FILTER:
/// bits of what is blocked).
pub(in crate::net) fn heed(socket: &Socket, types: &[u8]) -> std::io::Result<()> {
    const SOL_RAW: i32 = 255;
    const ICMP_FILTER: i32 = 1;
    let passed = types.iter().fold(0u32, |bits, kind| bits | 1 << kind);
    sys::set_option(socket.as_fd(), SOL_RAW, ICMP_FILTER, !passed as i32)
}

/// Has a raw socket receive only these types of ICMPv6 (ICMP6_FILTER: bits of what is blocked, in words of 32 bits in the order
/// of the machine).
pub(in crate::net) fn heed_v6(socket: &Socket, types: impl IntoIterator<Item = u8>) -> std::io::Result<()> {
    const ICMP6_FILTER: i32 = 1;
    let mut blocked = [u32::MAX; 8];
    for kind in types.into_iter().map(usize::from) {
        blocked[kind / 32] &= !(1 << (kind % 32));
    }
    let bytes = blocked.map(u32::to_ne_bytes).concat();
    sys::set_option_bytes(socket.as_fd(), libc::IPPROTO_ICMPV6, ICMP6_FILTER, &bytes)
}

/// Whether the kernel keeps this kind from every socket that is not raw. Redirects of IPv6 it queues if it believes them.
pub(in crate::net) fn is_kept(kind: Kind) -> bool {
    match kind.family {
        Family::V4 => matches!((kind.type_, kind.code), (11, 1) | (31 | 32 | 40, _)),
        Family::V6 => kind.type_ == 137,
    }
}
