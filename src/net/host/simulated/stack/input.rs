//! Receiving: packets for this host go to its sockets, those for others are carried on or not.

use std::net::{IpAddr, SocketAddr};

use super::super::datagram::Delivery;
use super::output::{Sending, SentSegment};
use super::{LOOPBACK, SentPacket, SocketKey, Stack, StackTime, sound};
use crate::net::error::errno::{EACCES, EHOSTUNREACH, EINVAL};
use crate::net::host::socket::SocketType;
use crate::net::time::Instant;
use crate::net::wire::Family;
use crate::net::wire::compose::{PlainDatagram, fragments, icmp, icmp_error, icmp_protocol, take_hop};
use crate::net::wire::icmp::{Kind, Message};
use crate::net::wire::ip::{Packet, Protocol};

impl Stack {
    /// Takes a packet that has come by the interface `from`.
    pub fn receive(&mut self, from: u32, mut bytes: Vec<u8>, time: StackTime) {
        if self.interface(from).is_none() {
            return;
        }
        if let Some(datagram) = PlainDatagram::checked(&bytes)
            && (from == LOOPBACK || self.is_local(datagram.to.ip()) && !self.is_martian(datagram.from.ip()))
            && let Some(key) = self.find_sole(&datagram)
        {
            return self.put_plain(key, bytes, datagram, time);
        }
        let Some(packet) = sound(&bytes).filter(|packet| from == LOOPBACK || !self.is_martian(packet.source)) else {
            self.counts.malformed += 1;
            return;
        };
        // Routers look at the checksum of IPv4 only.
        let is_damaged = |packet: &Packet<'_>| packet.transport_checksum_ok() == Some(false);
        let (to, len) = (packet.destination, packet.total_len);
        let is_own = match to.is_multicast() {
            true => self.is_member(to),
            false => from == LOOPBACK || self.is_local(to) || self.is_broadcast(to),
        };
        if !is_own {
            // What stands behind the packet belongs to its frame.
            bytes.truncate(len);
            self.forward(&mut bytes, from, time.now);
        } else if packet.fragment.is_some() {
            if let Some(whole) = self.reassembly.take(&packet, &bytes, time.now) {
                match sound(&whole).filter(|packet| !is_damaged(packet)) {
                    Some(packet) => self.deliver(from, &packet, &whole, time),
                    None => self.counts.malformed += 1,
                }
            }
        } else if is_damaged(&packet) {
            self.counts.malformed += 1;
        } else {
            self.deliver(from, &packet, &bytes, time);
        }
    }

    /// Whether Linux takes no packet with this source from a link.
    fn is_martian(&self, source: IpAddr) -> bool {
        source.is_multicast()
            || source.is_loopback()
            || matches!(source, IpAddr::V4(v4) if v4.is_unspecified() || v4.is_broadcast() || self.is_local(source))
    }

    /// Takes a packet that this host has sent to itself, and that is plain ([`SentPacket::is_plain`]).
    pub fn receive_own(&mut self, bytes: Vec<u8>, time: StackTime) {
        let datagram = PlainDatagram::read(&bytes);
        match datagram.and_then(|datagram| Some((datagram, self.find_sole(&datagram)?))) {
            Some((datagram, key)) => self.put_plain(key, bytes, datagram, time),
            None => self.receive(LOOPBACK, bytes, time),
        }
    }

    /// The one socket that a datagram is for, if it is for no more.
    fn find_sole(&self, datagram: &PlainDatagram) -> Option<SocketKey> {
        let to = datagram.to.ip();
        let is_for_many = to.is_multicast() || self.is_broadcast(to);
        if is_for_many { None } else { self.find_one(datagram.from, datagram.to) }
    }

    fn put_plain(&mut self, key: SocketKey, bytes: Vec<u8>, datagram: PlainDatagram, time: StackTime) {
        let PlainDatagram { from, to, ttl, payload } = datagram;
        self.put_part(key, bytes, payload, Delivery { from, to: Some(to.ip()), ttl, stamp: time.wall });
    }

    fn deliver(&mut self, from: u32, packet: &Packet<'_>, bytes: &[u8], time: StackTime) {
        match packet.protocol {
            Protocol::UDP => self.deliver_udp(packet, bytes, time),
            Protocol::ICMP | Protocol::ICMPV6 => self.deliver_icmp(from, packet, bytes, time),
            // A connection has one peer.
            Protocol::TCP if !self.is_for_one(packet) => self.counts.malformed += 1,
            Protocol::TCP => {
                let mtu = self.path_mtu(packet.source, time.now).min(65_535) as usize;
                self.with_tcp(|tcp| tcp.receive(bytes.to_vec(), mtu, time.now));
            }
            _ => {
                let (kind, pointer) = match packet.family {
                    Family::V4 => (Kind::v4(3, 2), 0),
                    // The field of the next header.
                    Family::V6 => (Kind::v6(4, 1), 6),
                };
                self.report(kind, bytes, packet.destination, pointer, time.now);
            }
        }
    }

    /// Whether a packet comes from one host and is for one.
    fn is_for_one(&self, packet: &Packet<'_>) -> bool {
        [packet.source, packet.destination].iter().all(|addr| {
            let is_reserved = matches!(addr, IpAddr::V4(v4) if v4.octets()[0] == 0 || v4.octets()[0] >= 240);
            !(is_reserved || addr.is_unspecified() || addr.is_multicast() || self.is_broadcast(*addr))
        })
    }

    fn deliver_udp(&mut self, packet: &Packet<'_>, bytes: &[u8], time: StackTime) {
        let (Some(from), Some(to)) = (packet.source_socket(), packet.destination_socket()) else { return };
        let to_many = to.ip().is_multicast() || self.is_broadcast(to.ip());
        let found = self.find_udp(from, to, to_many);
        if found.is_empty() {
            self.counts.no_port += 1;
            if !to_many {
                let kind = if from.is_ipv4() { Kind::v4(3, 3) } else { Kind::v6(1, 4) };
                self.report(kind, bytes, to.ip(), 0, time.now);
            }
        }
        let to = self.reply_source(from.ip(), to.ip());
        let about = Delivery { from, to, ttl: packet.ttl, stamp: time.wall };
        for key in found {
            self.put(key, packet.payload.to_vec(), about);
        }
    }

    fn deliver_icmp(&mut self, from: u32, packet: &Packet<'_>, bytes: &[u8], time: StackTime) {
        let Some(message) = packet.icmp_message() else { return };
        let kind = message.kind;
        let about = Delivery {
            from: SocketAddr::new(packet.source, 0),
            to: self.reply_source(packet.source, packet.destination),
            ttl: packet.ttl,
            stamp: time.wall,
        };
        for key in self.raw_sockets(&message) {
            let data = if packet.family == Family::V4 { bytes.to_vec() } else { packet.segment.to_vec() };
            self.put(key, data, about);
        }
        if kind == Kind::echo_request(kind.family) {
            let is_sent = self.reply(packet, &message, time).is_some();
            self.counts.unanswered[usize::from(packet.family == Family::V6)] += u64::from(!is_sent);
        } else if kind == Kind::echo_reply(kind.family) {
            let socket = message.echo().and_then(|echo| self.find_ping(packet, echo.id));
            if let Some(key) = socket {
                self.put(key, packet.segment.to_vec(), about);
            }
        } else if kind.family == Family::V6 && matches!(kind.type_, 135 | 136) {
            self.receive_discovery(from, packet, time);
        } else if kind.is_quoting() {
            self.take_error(packet, &message, time);
        }
    }

    /// Replies to an echo request, but not to one that was sent to many; `None`: no reply is sent.
    fn reply(&mut self, packet: &Packet<'_>, request: &Message<'_>, time: StackTime) -> Option<()> {
        let echo = request.echo()?;
        let source = match packet.destination {
            to if to.is_multicast() => match self.source_for(packet.source) {
                Ok(source) if to.is_ipv6() => source,
                _ => return None,
            },
            to if self.is_broadcast(to) => return None,
            to => to,
        };
        let to = packet.source;
        let segment = icmp(source, to, Message::echo_reply(request.kind.family, echo, request.body));
        let what = Sending {
            source,
            to,
            interface: None,
            protocol: icmp_protocol(to),
            ttl: None,
            tos: packet.traffic_class,
            dont_fragment: Some(false),
            segment: SentSegment::Made(&segment),
        };
        self.send(&what, time.now).ok().map(drop)
    }

    /// Queues a datagram for a socket.
    fn put(&mut self, key: u64, data: Vec<u8>, about: Delivery) {
        self.put_part(key, data, 0, about);
    }

    /// The same, of which the data begin at `start`.
    fn put_part(&mut self, key: u64, bytes: Vec<u8>, start: usize, about: Delivery) {
        let Some(socket) = self.sockets.get_mut(&key) else { return };
        let is_v6 = about.from.is_ipv6();
        if !socket.deliver_part(bytes, start, about) && socket.kind == SocketType::Udp {
            self.counts.overflows[usize::from(is_v6)] += 1;
        }
        self.outbox.woken.push(key);
    }

    /// Carries a packet on that is for somebody else.
    fn forward(&mut self, bytes: &mut Vec<u8>, from: u32, now: Instant) {
        let Ok(packet) = Packet::parse(bytes) else { return };
        let to_many = packet.destination.is_multicast();
        if !self.forwards || to_many || packet.destination.is_loopback() || packet.source.is_loopback() {
            self.counts.foreign += 1;
            return;
        }
        let (family, source, to) = (packet.family, packet.source, packet.destination);
        let may_cut = family == Family::V4 && packet.dont_fragment == Some(false);
        // What it says of a packet, it says by the interface that leads back to the sender.
        let Ok(own) = self.reporter(source, from) else { return };
        let kind = |v4, v6| if family == Family::V4 { Kind::v4(3, v4) } else { Kind::v6(1, v6) };
        // The route is found first: one that rejects does so whatever hops are left.
        let index = match self.way_to(to) {
            Ok((index, _)) => index,
            Err(errno) => {
                // Linux does not count IPv4 packets that a route rejects.
                let is_counted = errno != EINVAL && (family == Family::V6 || !matches!(errno, EHOSTUNREACH | EACCES));
                self.counts.no_route[usize::from(family == Family::V6)] += u64::from(is_counted);
                let may_report = self.limits.allow_route_error(source, now);
                let kind = match errno {
                    _ if !may_report => return,
                    EINVAL => return,
                    EHOSTUNREACH => kind(1, 0),
                    EACCES => kind(13, 1),
                    _ => kind(0, 0),
                };
                return self.report(kind, bytes, own, 0, now);
            }
        };
        let original = bytes.clone();
        if !take_hop(bytes) {
            self.counts.hops_exceeded[usize::from(family == Family::V6)] += 1;
            let kind = if family == Family::V4 { Kind::v4(11, 0) } else { Kind::v6(3, 0) };
            return self.report(kind, &original, own, 0, now);
        }
        let mtu = self.interface(index).map_or(1500, |it| it.mtu);
        if bytes.len() <= mtu as usize {
            self.outbox.packets.push(SentPacket::by(index, std::mem::take(bytes)));
        } else if may_cut {
            let pieces = fragments(bytes, mtu as usize, 0).unwrap_or_default();
            self.outbox.packets.extend(pieces.into_iter().map(|piece| SentPacket::by(index, piece)));
        } else {
            let kind = if family == Family::V4 { Kind::v4(3, 4) } else { Kind::v6(2, 0) };
            return self.report(kind, &original, own, mtu, now);
        }
        self.counts.forwarded += 1;
    }

    /// The address that this host reports errors from to `to`, about what came by the interface `from`.
    fn reporter(&mut self, to: IpAddr, from: u32) -> Result<IpAddr, i32> {
        let here = self.interface(from).into_iter().flat_map(|it| it.addrs.iter());
        let here: Vec<_> = here.filter(|own| own.addr().is_ipv4() == to.is_ipv4()).copied().collect();
        let near = here.iter().find(|own| own.contains(to)).or(here.first());
        near.map_or_else(|| self.source_for(to), |own| Ok(own.addr()))
    }

    /// Answers a packet by an ICMP error from `offender`, if it may be and no limit holds it back.
    pub(super) fn report(&mut self, kind: Kind, packet: &[u8], offender: IpAddr, info: u32, now: Instant) {
        let Some(error) = icmp_error(kind, packet, offender, info) else { return };
        let Ok(to) = Packet::parse(&error).map(|error| error.destination) else { return };
        if self.limits.allow(kind, to, self.is_local(to), now) {
            self.send_packet(to, error);
        }
    }

    /// Reports that the rest of a datagram did not come whose first fragment this is.
    pub(super) fn report_lost_fragments(&mut self, first: &[u8], now: Instant) {
        let Ok(packet) = Packet::parse(first) else { return };
        let kind = if packet.family == Family::V4 { Kind::v4(11, 1) } else { Kind::v6(3, 1) };
        self.report(kind, first, packet.destination, 0, now);
    }
}
