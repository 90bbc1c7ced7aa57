//! What the kernel keeps to itself of the ICMP errors about a socket's datagrams, heard at a raw socket where this process may
//! have one.
//!
//! Linux does not queue every kind: of ICMP for IPv4 it drops fragment reassembly (11/1), conversion errors (31) and Photuris
//! (40) for all sockets, and for those of UDP source quench (4) and redirects (5) too. Of ICMPv6 it queues all errors.

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use socket2::{Domain, Protocol, Socket, Type};

use crate::net::host::{Host, Waited};
use crate::net::stop::Stop;
use crate::net::sys::{self, PollFd};
use crate::net::time::Instant;
use crate::net::udp::IcmpError;
use crate::net::wire::Family;
use crate::net::wire::icmp::{Kind, Message};
use crate::net::wire::ip::Packet;

/// A raw socket that is opened when the first probe is sent, if that is allowed.
#[derive(Debug, Default)]
pub(in crate::net) struct Ear {
    socket: OnceLock<Option<Socket>>,
    /// Whether a wait has found something to hear.
    ready: AtomicBool,
}

impl Ear {
    /// Begins to listen for errors about what a socket bound to `local` sends. Where this process may not, it stays deaf.
    pub(in crate::net) fn open(&self, host: &dyn Host, local: SocketAddr) {
        self.socket.get_or_init(|| {
            if !local.is_ipv4() {
                return None;
            }
            let socket = host.socket(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).ok()?;
            socket.set_nonblocking(true).ok()?;
            heed(&socket, &[4, 5, 11, 31]).ok()?;
            sys::stamp_arrivals(socket.as_fd());
            Some(socket)
        });
    }

    fn socket(&self) -> Option<&Socket> {
        self.socket.get().and_then(Option::as_ref)
    }

    /// Waits as [`Host::wait`] does for `fd`, and for something to hear.
    pub(in crate::net) fn wait(
        &self,
        host: &dyn Host,
        fd: &mut PollFd<'_>,
        until: Option<Instant>,
        stop: &Stop,
    ) -> std::io::Result<Waited> {
        let Some(socket) = self.socket() else { return host.wait(std::slice::from_mut(fd), until, stop) };
        let mut fds = [*fd, PollFd::readable(socket.as_fd())];
        let waited = host.wait(&mut fds, until, stop)?;
        fd.take_result(&fds[0]);
        if fds[1].is_ready() {
            self.ready.store(true, Ordering::Relaxed);
        }
        Ok(waited)
    }

    /// Takes what was heard since the last wait: errors that `ours` makes of a quoted packet, each with the stamp of its
    /// arrival.
    pub(in crate::net) fn hear(
        &self,
        ours: impl Fn(Kind, &Packet<'_>) -> Option<(SocketAddr, Vec<u8>)>,
        mut heard: impl FnMut(IcmpError, Option<i64>),
    ) {
        let Some(socket) = self.socket().filter(|_| self.ready.swap(false, Ordering::Relaxed)) else { return };
        let mut buffer = [0u8; 2048];
        while let Ok(received) = sys::receive(socket.as_fd(), &mut buffer, false) {
            let error = || {
                let packet = Packet::parse_as(Family::V4, &buffer[..received.len]).ok()?;
                let message = Message::parse(Family::V4, packet.segment).ok()?;
                if message.checksum_ok(None) == Some(false) {
                    return None;
                }
                let (to, quote) = ours(message.kind, &message.quoted()?)?;
                let info = message.pointer().unwrap_or(0);
                let offender = Some(packet.source);
                Some(IcmpError { kind: message.kind, offender, to, info, quote, segment: None, extensions: Vec::new() })
            };
            if let Some(error) = error() {
                heard(error, received.stamp);
            }
        }
    }
}

/// Has a raw socket receive only these types of ICMP, and those from 32 on, which the filter has no bits for (ICMP_FILTER:
/// bits of what is blocked).
pub(super) fn heed(socket: &Socket, types: &[u8]) -> std::io::Result<()> {
    const SOL_RAW: i32 = 255;
    const ICMP_FILTER: i32 = 1;
    let passed = types.iter().fold(0u32, |bits, kind| bits | 1 << kind);
    sys::set_option(socket.as_fd(), SOL_RAW, ICMP_FILTER, !passed as i32)
}

/// Whether the kernel keeps this kind from every socket that is not raw.
pub(in crate::net) fn is_kept(kind: Kind) -> bool {
    matches!((kind.type_, kind.code), (11, 1) | (31 | 40, _))
}
