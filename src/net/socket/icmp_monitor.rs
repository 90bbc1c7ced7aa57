//! The ICMP errors that the kernel does not report about a socket's datagrams, read from a raw socket where this process may have
//! one.
//!
//! Linux does not queue every kind: of ICMP for IPv4 it drops fragment reassembly (11/1), conversion errors (31), mobile
//! redirects (32) and Photuris (40) for all sockets, and for those of UDP source quench (4) and redirects (5) too. Of ICMPv6 it
//! queues all errors, but no redirects (137). Extended echo replies (43, 161) reach only the socket that asked.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::error_queue::{Queued, TakeQueued};
use crate::net::host::socket::{Awaited, Filter, HostSocket, SocketOption, SocketType};
use crate::net::host::stop::Stop;
use crate::net::host::{Host, Waited};
use crate::net::io::Blocking;
use crate::net::time::Instant;
use crate::net::wire::Family;
use crate::net::wire::icmp::{IcmpError, Kind, Message, v4, v6};
use crate::net::wire::ip::Packet;
use crate::net::wire::zoned::ZonedIp;

/// A raw socket that is opened when the first probe is sent, if that is allowed.
#[derive(Debug, Default)]
pub(in crate::net) struct IcmpMonitor {
    socket: OnceLock<Option<(Family, Arc<dyn HostSocket>)>>,
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
        // Asked for each probe.
        if self.socket.get().is_some() {
            return;
        }
        let types = match Family::of(local.ip()) {
            Family::V4 => vec![4, 5, 11, 31],
            Family::V6 => [&[137, 161], more].concat(),
        };
        self.open_by(host, local, Filter::Types(&types));
    }

    /// Begins to listen for what ICMP says of the connection from `local` to `peer`: for one that is established the kernel
    /// makes an errno of an ICMP error and keeps type and code to itself, and some kinds it does not even look at.
    pub(in crate::net) fn open_for_stream(&self, host: &dyn Host, local: SocketAddr, peer: SocketAddr) {
        self.open_by(host, local, Filter::Stream(local, peer));
    }

    /// Whether this process may listen.
    pub(in crate::net) fn is_open(&self) -> bool {
        self.socket().is_some()
    }

    fn open_by(&self, host: &dyn Host, local: SocketAddr, filter: Filter<'_>) {
        self.socket.get_or_init(|| {
            let family = Family::of(local.ip());
            let socket = host.socket(SocketType::RawIcmp, family).ok()?;
            socket.filter(filter).ok()?;
            let _ = socket.set(SocketOption::StampArrivals);
            Some((family, socket))
        });
    }

    fn socket(&self) -> Option<&(Family, Arc<dyn HostSocket>)> {
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

    /// Waits as [`Host::wait`] does for `awaited`, and for something to take.
    pub(in crate::net) fn wait(
        &self,
        host: &dyn Host,
        awaited: &mut Awaited<'_>,
        until: Option<Instant>,
        stop: &Stop,
    ) -> std::io::Result<Waited> {
        let Some((_, socket)) = self.socket() else { return host.wait(std::slice::from_mut(awaited), until, stop) };
        let mut both = [*awaited, Awaited::readable(&**socket)];
        let waited = host.wait(&mut both, until, stop)?;
        (awaited.is_ready, awaited.has_error) = (both[0].is_ready, both[0].has_error);
        if both[1].is_ready {
            self.ready.store(true, Ordering::Relaxed);
        }
        Ok(waited)
    }

    /// Whether the next [`IcmpMonitor::take`] looks.
    pub(in crate::net) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
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
        queued: TakeQueued<'_>,
    ) {
        let Some((family, socket)) = self.socket().filter(|_| self.ready.swap(false, Ordering::Relaxed)) else {
            return;
        };
        let mut buffer = [0u8; 2048];
        while let Ok(received) = socket.receive(&mut buffer, Blocking::No) {
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
        let may = self.message.kind.is_extended_reply() || self.message.kind == Kind::v4(v4::MOBILE_HOST_REDIRECT, 0);
        (may && self.about.is_none() && self.from_asked).then(|| (self.from.with_port(0), Vec::new()))
    }
}

/// The code of Time Exceeded of which the kernel queues none: parts of the packet did not come in time.
const IN_REASSEMBLY: u8 = 1;

/// Whether the kernel keeps this kind from every socket that is not raw. Redirects of IPv6 it queues if it believes them.
pub(in crate::net) fn is_kept(kind: Kind) -> bool {
    match kind.family {
        Family::V4 => matches!(
            (kind.type_, kind.code),
            (v4::TIME_EXCEEDED, IN_REASSEMBLY)
                | (v4::DATAGRAM_CONVERSION_ERROR | v4::MOBILE_HOST_REDIRECT | v4::PHOTURIS, _)
        ),
        Family::V6 => kind.type_ == v6::REDIRECT_MESSAGE,
    }
}
