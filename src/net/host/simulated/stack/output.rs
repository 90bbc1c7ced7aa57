//! Sending: the address a packet comes from, the interface it leaves by, and the pieces it goes in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::super::routes::RouteTarget;
use super::{LOOPBACK, SentPacket, Stack};
use crate::net::error::errno::*;
use crate::net::time::Instant;
use crate::net::wire::compose::{Header, UDP, add_udp, fragments};
use crate::net::wire::ip::Protocol;

/// What is to be sent in an IP packet.
#[derive(Clone, Copy, Debug)]
pub struct Sending<'a> {
    /// Where it comes from.
    pub source: IpAddr,
    /// Where it goes to.
    pub to: IpAddr,
    /// The interface that it is to leave by, if it goes to a group; `None`: by the route.
    pub interface: Option<u32>,
    /// What it carries.
    pub protocol: Protocol,
    /// Hops; `None`: the usual number.
    pub ttl: Option<u8>,
    /// Type of service.
    pub tos: u8,
    /// Whether Don't Fragment is set; `None`: while the packet fits what is known of the path.
    pub dont_fragment: Option<bool>,
    /// The segment.
    pub segment: SentSegment<'a>,
}

/// A segment that is to be sent.
#[derive(Clone, Copy, Debug)]
pub enum SentSegment<'a> {
    /// A datagram from one address to the other.
    Datagram(SocketAddr, SocketAddr, &'a [u8]),
    /// One that is made already.
    Made(&'a [u8]),
}

impl SentSegment<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Datagram(_, _, data) => UDP + data.len(),
            Self::Made(bytes) => bytes.len(),
        }
    }

    /// The packet with this header that carries it.
    fn packet(&self, header: &Header) -> Vec<u8> {
        match *self {
            Self::Datagram(from, to, data) => header.carrying(self.len(), |packet| add_udp(packet, from, to, data)),
            Self::Made(bytes) => header.packet(bytes),
        }
    }
}

impl Stack {
    /// The address that packets to `to` come from.
    ///
    /// # Errors
    /// The number of the error that no route leads there.
    pub fn source_for(&mut self, to: IpAddr) -> Result<IpAddr, i32> {
        if to.is_unspecified() || to.is_loopback() {
            return Ok(if to.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
        }
        if self.is_local(to) {
            return Ok(to);
        }
        let (index, via) = self.way_to(to)?;
        self.source_on(index, via.unwrap_or(to))
    }

    /// The address that packets come from which leave by an interface to the neighbours `to`.
    pub(super) fn source_on(&self, index: u32, to: IpAddr) -> Result<IpAddr, i32> {
        let of_version = |addr: &IpAddr| addr.is_ipv4() == to.is_ipv4() && !addr.is_loopback();
        let own = |index| self.interface(index).into_iter().flat_map(|it| it.addrs.iter());
        let near = own(index).find(|prefix| prefix.contains(to)).map(|prefix| prefix.addr());
        let any = || own(index).chain(own(LOOPBACK)).map(|prefix| prefix.addr()).find(of_version);
        near.or_else(any).ok_or(EADDRNOTAVAIL)
    }

    /// By which interface, and to which router, packets to `to` leave.
    pub(super) fn way_to(&mut self, to: IpAddr) -> Result<(u32, Option<IpAddr>), i32> {
        match self.routes.find(to) {
            Some(RouteTarget::Interface(index, via)) => Ok((index, via)),
            Some(RouteTarget::Unreachable) => Err(EHOSTUNREACH),
            Some(RouteTarget::Prohibit) => Err(EACCES),
            Some(RouteTarget::Blackhole) => Err(EINVAL),
            // Each interface has a route to the groups of IPv6.
            None if to.is_ipv6() && to.is_multicast() => {
                let first = self.interfaces.iter().find(|it| it.index != LOOPBACK);
                first.map(|it| (it.index, None)).ok_or(ENETUNREACH)
            }
            None => Err(ENETUNREACH),
        }
    }

    /// Sends a packet.
    ///
    /// # Errors
    /// The error number; with EMSGSIZE, the largest packet that would do.
    pub fn send(&mut self, what: &Sending<'_>, now: Instant) -> Result<(), (i32, u32)> {
        let of_route = |errno| (errno, 0);
        let index = match what.interface.filter(|_| what.to.is_multicast()) {
            Some(index) => self.interface(index).map(|it| it.index).ok_or((ENETUNREACH, 0))?,
            None if self.is_local(what.to) => LOOPBACK,
            None => self.way_to(what.to).map_err(of_route)?.0,
        };
        if index != LOOPBACK {
            is_no_loopback(what.source).map_err(of_route)?;
        }
        let first = self.interface(index).map_or(1500, |it| it.mtu);
        // As IP_PMTUDISC_PROBE has it, a packet that may not be cut asks the path, whatever was learnt of it.
        let mtu = match what.dont_fragment {
            Some(true) => first,
            _ => self.path_mtu(what.to, now).min(first),
        } as usize;
        let identification = self.next_identification();
        let default_ttl = if what.to.is_ipv4() { self.default_ttl.0 } else { self.default_ttl.1 };
        let mut header = Header {
            source: what.source,
            destination: what.to,
            protocol: what.protocol,
            ttl: what.ttl.unwrap_or(if what.to.is_multicast() { 1 } else { default_ttl }),
            tos: what.tos,
            dont_fragment: false,
            identification,
        };
        let fits = header.size() + what.segment.len() <= mtu;
        if !fits && what.dont_fragment == Some(true) {
            return Err((EMSGSIZE, mtu as u32));
        }
        header.dont_fragment = what.dont_fragment.unwrap_or(fits && !self.path_mtus.is_narrower(what.to, now));
        let packet = what.segment.packet(&header);
        // What goes to many comes to this host, too, if it is one of them.
        let comes_here = index != LOOPBACK && (self.is_broadcast(what.to) || self.is_member(what.to));
        if fits && !comes_here {
            let is_plain = matches!(what.segment, SentSegment::Datagram(..));
            self.outbox.packets.push(SentPacket { interface: index, bytes: packet, is_plain });
            return Ok(());
        }
        let pieces =
            if fits { vec![packet] } else { fragments(&packet, mtu, identification).ok_or((EMSGSIZE, mtu as u32))? };
        if comes_here {
            self.outbox.packets.extend(pieces.iter().map(|piece| SentPacket::by(LOOPBACK, piece.clone())));
        }
        self.outbox.packets.extend(pieces.into_iter().map(|piece| SentPacket::by(index, piece)));
        Ok(())
    }

    /// Sends a packet that is made already, such as an ICMP error or what TCP has made; whether a route leads there.
    pub fn send_packet(&mut self, to: IpAddr, packet: Vec<u8>) -> bool {
        let index = if self.is_local(to) { Ok(LOOPBACK) } else { self.way_to(to).map(|(index, _)| index) };
        index.map(|index| self.outbox.packets.push(SentPacket::by(index, packet))).is_ok()
    }
}

/// Linux sends nothing of IPv4 to other hosts that says it comes from a loopback address.
///
/// # Errors
/// `EINVAL`: this one is such an address.
pub(super) fn is_no_loopback(source: IpAddr) -> Result<(), i32> {
    if source.is_ipv4() && source.is_loopback() { Err(EINVAL) } else { Ok(()) }
}
