//! The sockets of a host: their addresses and ports, what they send, and which of them a packet is for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;

use super::super::datagram::{DatagramSocket, QueuedError};
use super::super::readiness::ReadinessFlags;
use super::output::{Sending, SentSegment, is_no_loopback};
use super::{SocketKey, Stack, StackTime};
use crate::net::error::errno::*;
use crate::net::host::socket::SocketType;
use crate::net::io::{Origin, QueueEntry};
use crate::net::wire::Family;
use crate::net::wire::compose::{icmp, icmp_protocol, unspecified};
use crate::net::wire::icmp::{Echo, Kind, Message};
use crate::net::wire::ip::{Packet, Protocol};

impl Stack {
    /// Makes a socket; what is so at it.
    pub fn open(&mut self, key: SocketKey, kind: SocketType, family: Family) -> ReadinessFlags {
        let socket = DatagramSocket::new(kind, family);
        let flags = socket.flags().clone();
        self.sockets.insert(key, socket);
        flags
    }

    /// Closes it.
    pub fn close(&mut self, key: SocketKey) {
        self.sockets.remove(&key);
    }

    /// A socket.
    pub fn socket(&self, key: SocketKey) -> Option<&DatagramSocket> {
        self.sockets.get(&key)
    }

    /// What a socket is, in words; `None`: it is of another host.
    pub fn describe(&self, key: SocketKey) -> Option<String> {
        if let Some(socket) = self.tcp.get(key) {
            let local = socket.local.map_or_else(String::new, |local| format!(" {local}"));
            return Some(format!("TCP{local}"));
        }
        let socket = self.sockets.get(&key)?;
        let name = match socket.kind {
            SocketType::Udp => "UDP",
            SocketType::Tcp => "TCP",
            SocketType::Ping => "an ICMP socket",
            SocketType::RawIcmp => "a raw ICMP socket",
        };
        let local = socket.local.filter(|_| socket.kind == SocketType::Udp);
        Some(local.map_or_else(|| name.to_string(), |local| format!("{name} {local}")))
    }

    /// A socket, to be changed.
    pub fn socket_mut(&mut self, key: SocketKey) -> Option<&mut DatagramSocket> {
        self.sockets.get_mut(&key)
    }

    /// Gives a socket its local address; port 0: one that is free.
    ///
    /// # Errors
    /// The error number.
    pub fn bind(&mut self, key: SocketKey, local: SocketAddr) -> Result<SocketAddr, i32> {
        let socket = self.sockets.get(&key).ok_or(EINVAL)?;
        let (kind, addr) = (socket.kind, local.ip());
        if Family::of(addr) != socket.family {
            return Err(EAFNOSUPPORT);
        }
        if socket.local.is_some() && kind != SocketType::RawIcmp {
            return Err(EINVAL);
        }
        self.check_local(addr)?;
        let port = match (kind, local.port()) {
            (SocketType::RawIcmp, _) => 0,
            (_, 0) => self.free_port(key, addr)?,
            (_, port) if self.is_taken(key, SocketAddr::new(addr, port)) => return Err(EADDRINUSE),
            (_, port) => port,
        };
        let local = SocketAddr::new(addr, port);
        self.sockets.get_mut(&key).ok_or(EINVAL)?.local = Some(local);
        Ok(local)
    }

    /// Whether a socket is bound to this port of UDP, or listens at it by TCP.
    pub fn has_port(&self, is_tcp: bool, port: u16) -> bool {
        let bound = |it: &DatagramSocket| it.kind == SocketType::Udp && it.local.is_some_and(|own| own.port() == port);
        if is_tcp { self.tcp.listens_at(port) } else { self.sockets.values().any(bound) }
    }

    /// Whether a socket can be bound to `addr`.
    pub fn check_local(&self, addr: IpAddr) -> Result<(), i32> {
        let may = addr.is_unspecified() || self.is_local(addr) || addr.is_multicast() || self.is_broadcast(addr);
        may.then_some(()).ok_or(EADDRNOTAVAIL)
    }

    /// Connects a socket: it has one peer from now on.
    ///
    /// # Errors
    /// The error number.
    pub fn connect(&mut self, key: SocketKey, peer: SocketAddr) -> Result<(), i32> {
        let socket = self.sockets.get(&key).ok_or(EINVAL)?;
        if Family::of(peer.ip()) != socket.family {
            return Err(EAFNOSUPPORT);
        }
        if self.is_broadcast(peer.ip()) && !socket.options.broadcast {
            return Err(EACCES);
        }
        let peer = SocketAddr::new(specified(peer.ip()), peer.port());
        let local = self.local_or_bound(key)?;
        let source = if local.ip().is_unspecified() { self.source_for(peer.ip())? } else { local.ip() };
        if !self.is_local(peer.ip()) {
            is_no_loopback(source)?;
        }
        let socket = self.sockets.get_mut(&key).ok_or(EINVAL)?;
        (socket.local, socket.peer) = (Some(SocketAddr::new(source, local.port())), Some(peer));
        Ok(())
    }

    /// Sends a datagram; how many octets.
    ///
    /// # Errors
    /// The error number: that of a pending error, or of this sending.
    pub fn send_datagram(
        &mut self,
        key: SocketKey,
        data: &[u8],
        to: Option<SocketAddr>,
        source: Option<IpAddr>,
        time: StackTime,
    ) -> Result<usize, i32> {
        let socket = self.sockets.get_mut(&key).ok_or(EINVAL)?;
        if let Some(errno) = socket.take_pending() {
            return Err(errno);
        }
        let (kind, options) = (socket.kind, socket.options);
        let to = to.or(socket.peer).ok_or(EDESTADDRREQ)?;
        if Family::of(to.ip()) != socket.family {
            return Err(EAFNOSUPPORT);
        }
        let (is_udp, is_v4) = (kind == SocketType::Udp, to.is_ipv4());
        if is_udp && to.port() == 0 {
            return Err(EINVAL);
        }
        if data.len() + if is_udp { 8 } else { 0 } > if is_v4 { 65_515 } else { 65_535 } {
            return Err(EMSGSIZE);
        }
        let interface = match to {
            SocketAddr::V6(to) if to.scope_id() != 0 => Some(to.scope_id()),
            _ => None,
        };
        let to = SocketAddr::new(specified(to.ip()), to.port());
        if self.is_broadcast(to.ip()) && !options.broadcast {
            return Err(EACCES);
        }
        let local = self.local_or_bound(key)?;
        let source = match interface.filter(|_| source.is_none() && local.ip().is_unspecified()) {
            Some(index) => self.source_on(index, to.ip())?,
            None => self.choose_source(source, local.ip(), to.ip())?,
        };
        let from = SocketAddr::new(source, local.port());
        let made;
        let (segment, protocol) = if is_udp {
            (SentSegment::Datagram(from, to, data), Protocol::UDP)
        } else {
            made = segment_of(kind, from, to, data)?;
            (SentSegment::Made(&made.0), made.1)
        };
        let (ttl, tos, dont_fragment) = (options.ttl, options.tos, options.dont_fragment);
        let what = Sending { source, to: to.ip(), interface, protocol, ttl, tos, dont_fragment, segment };
        let sent = self.send(&what, time.now);
        let socket = self.sockets.get_mut(&key).ok_or(EINVAL)?;
        if let Err((errno, mtu)) = sent {
            if errno == EMSGSIZE {
                socket.enqueue(by_host(errno, Origin::Local, mtu, 0, Some(to), None));
                self.outbox.woken.push(key);
            }
            return Err(errno);
        }
        if let Some(number) = socket.number_stamp() {
            match self.unresolved(to.ip()) {
                Some(neighbour) => self.unstamped.push((neighbour, key, number)),
                None => self.stamp(key, number, time.wall),
            }
        }
        Ok(data.len())
    }

    /// Queues the stamp of what a socket has sent, which leaves now.
    pub(super) fn stamp(&mut self, key: SocketKey, number: u32, wall: i64) {
        if let Some(socket) = self.sockets.get_mut(&key) {
            socket.enqueue(by_host(ENOMSG, Origin::Stamp, 0, number, None, Some(wall)));
            self.outbox.woken.push(key);
        }
    }

    fn choose_source(&mut self, wanted: Option<IpAddr>, local: IpAddr, to: IpAddr) -> Result<IpAddr, i32> {
        match wanted {
            Some(source) if self.is_local(source) && source.is_ipv4() == to.is_ipv4() => {
                self.source_for(to)?;
                Ok(source)
            }
            Some(_) => Err(EINVAL),
            None if local.is_unspecified() || local.is_multicast() || self.is_broadcast(local) => self.source_for(to),
            None => Ok(local),
        }
    }

    /// The local address of a socket, which gets a free port if it has none.
    fn local_or_bound(&mut self, key: SocketKey) -> Result<SocketAddr, i32> {
        let socket = self.sockets.get(&key).ok_or(EINVAL)?;
        match socket.local {
            Some(local) => Ok(local),
            None => self.bind(key, SocketAddr::new(unspecified(socket.family), 0)),
        }
    }

    fn free_port(&mut self, key: SocketKey, addr: IpAddr) -> Result<u16, i32> {
        let free = |port: &u16| !self.is_taken(key, SocketAddr::new(addr, *port));
        self.last_port = ports_after(&self.ports, self.last_port).find(free).ok_or(EADDRINUSE)?;
        Ok(self.last_port)
    }

    /// Whether another socket has this address in such a way that this one cannot have it, too.
    fn is_taken(&self, key: SocketKey, local: SocketAddr) -> bool {
        let Some(own) = self.sockets.get(&key) else { return true };
        self.sockets.iter().filter(|(other, it)| **other != key && it.kind == own.kind).any(|(_, it)| {
            let overlaps = |there: SocketAddr| {
                let any = there.ip().is_unspecified() || local.ip().is_unspecified() || there.ip() == local.ip();
                there.port() == local.port() && there.is_ipv4() == local.is_ipv4() && any
            };
            it.local.is_some_and(overlaps) && !(it.options.shares_address && own.options.shares_address)
        })
    }

    /// The sockets that a datagram from `from` to `to` is for: the one that is bound most narrowly or, of one to many, all.
    pub(super) fn find_udp(&self, from: SocketAddr, to: SocketAddr, to_many: bool) -> Vec<SocketKey> {
        match to_many {
            true => self.fitting(from, to).map(|(_, key)| key).collect(),
            false => self.find_one(from, to).into_iter().collect(),
        }
    }

    /// The one that is bound most narrowly of those that a datagram from `from` to `to` may be for.
    pub(super) fn find_one(&self, from: SocketAddr, to: SocketAddr) -> Option<SocketKey> {
        let (mut best, mut count) = (None, 0);
        for (narrow, key) in self.fitting(from, to) {
            match best {
                Some((known, _)) if known > narrow => {}
                Some((known, _)) if known == narrow => count += 1,
                _ => (best, count) = (Some((narrow, key)), 1),
            }
        }
        let (best, key) = best?;
        if count == 1 {
            return Some(key);
        }
        // Those that share an address each have their part of the senders.
        let mut of_best = self.fitting(from, to).filter(|(narrow, _)| *narrow == best).map(|(_, key)| key);
        of_best.nth(usize::from(from.port()) % count)
    }

    /// Those that a datagram from `from` to `to` may be for, and how narrowly they are bound.
    fn fitting(&self, from: SocketAddr, to: SocketAddr) -> impl Iterator<Item = (u8, SocketKey)> {
        self.sockets.iter().filter_map(move |(key, it)| {
            let local = it.local.filter(|local| local.port() == to.port() && local.is_ipv4() == to.is_ipv4())?;
            let exact = local.ip() == to.ip();
            let from_peer = it.peer.map(|peer| peer.ip() == from.ip() && peer.port() == from.port());
            let fits = it.kind == SocketType::Udp && (exact || local.ip().is_unspecified()) && from_peer != Some(false);
            fits.then_some((u8::from(exact) + 2 * u8::from(from_peer == Some(true)), *key))
        })
    }

    /// The ping socket that an echo reply is for.
    pub(super) fn find_ping(&self, packet: &Packet<'_>, id: u16) -> Option<SocketKey> {
        let key = self.ping_with(packet.family, id)?;
        let local = self.sockets.get(&key)?.local?;
        (local.ip().is_unspecified() || local.ip() == packet.destination).then_some(key)
    }

    /// The ping socket with this identifier.
    pub(super) fn ping_with(&self, family: Family, id: u16) -> Option<SocketKey> {
        let has = |it: &DatagramSocket| {
            it.kind == SocketType::Ping && it.family == family && it.local.map(|local| local.port()) == Some(id)
        };
        self.sockets.iter().find(|(_, it)| has(it)).map(|(key, _)| *key)
    }

    /// The raw sockets that a message is for.
    pub(super) fn raw_sockets(&self, message: &Message<'_>) -> Vec<SocketKey> {
        let is_for = |it: &DatagramSocket| {
            it.kind == SocketType::RawIcmp && it.family == message.kind.family && it.wants(message)
        };
        self.sockets.iter().filter(|(_, it)| is_for(it)).map(|(key, _)| *key).collect()
    }
}

/// The segment that a socket of ICMP of this kind makes of `data`, and its protocol.
fn segment_of(kind: SocketType, from: SocketAddr, to: SocketAddr, data: &[u8]) -> Result<(Vec<u8>, Protocol), i32> {
    let family = Family::of(to.ip());
    let protocol = icmp_protocol(to.ip());
    match kind {
        SocketType::Ping => {
            // The host writes the identifier and the checksum.
            let request = Message::parse(family, data).map_err(|_| EINVAL)?;
            let echo = request.echo().filter(|_| request.kind == Kind::echo_request(family)).ok_or(EINVAL)?;
            let echo = Echo { id: from.port(), seq: echo.seq };
            Ok((icmp(from.ip(), to.ip(), Message::echo_request(family, echo, request.body)), protocol))
        }
        // Of ICMPv6 the host writes the checksum.
        _ => match Message::parse(family, data) {
            Ok(message) if family == Family::V6 => Ok((icmp(from.ip(), to.ip(), message), protocol)),
            _ => Ok((data.to_vec(), protocol)),
        },
    }
}

/// An entry of an error queue that this host itself has made.
fn by_host(
    errno: i32,
    origin: Origin,
    info: u32,
    data: u32,
    to: Option<SocketAddr>,
    stamp: Option<i64>,
) -> QueuedError {
    let entry = QueueEntry { errno, origin, type_: 0, code: 0, info, data, offender: None };
    QueuedError { entry, to, quote: Vec::new(), stamp }
}

/// The address that is meant: as a destination, any stands for this host.
pub(super) fn specified(addr: IpAddr) -> IpAddr {
    match addr {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}

/// The ports of a range, from the one behind `last` on and round.
pub(super) fn ports_after(range: &RangeInclusive<u16>, last: u16) -> impl Iterator<Item = u16> + use<> {
    let (first, end) = (*range.start(), *range.end());
    let next = if range.contains(&last) && last < end { last + 1 } else { first };
    (next..=end).chain(first..next)
}
