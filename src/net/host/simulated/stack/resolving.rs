//! Frames of interfaces whose neighbours are asked for their hardware addresses first.

use std::net::IpAddr;

use super::neighbours::{Arp, Mac, NeighbourTable, Resolved, group_mac, solicited_group};
use super::{Stack, StackTime};
use crate::net::time::Instant;
use crate::net::wire::checksum::Sum;
use crate::net::wire::compose::Header;
use crate::net::wire::icmp::Kind;
use crate::net::wire::ip::{Packet, Protocol};

/// The types of frames.
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
/// That of the messages that [`Stack::receive_arp`] takes.
pub const ARP: u16 = 0x0806;

/// Neighbour solicitation and advertisement (RFC 4861), and the options that have a hardware address: the sender's, the
/// target's.
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
const SOURCE_MAC: u8 = 1;
const TARGET_MAC: u8 = 2;

impl Stack {
    /// From now on an interface, whose own hardware address is `mac`, asks its neighbours for theirs.
    pub fn resolve_on(&mut self, index: u32, mac: [u8; 6]) {
        self.neighbours.insert(index, NeighbourTable::new(mac));
    }

    /// Makes frames of the packets that leave by interfaces that resolve.
    pub fn resolve(&mut self, now: Instant) {
        if self.neighbours.is_empty() {
            return;
        }
        for sent in std::mem::take(&mut self.outbox.packets) {
            let to = Packet::parse(&sent.bytes).map(|packet| packet.destination);
            let (Some(_), Ok(to)) = (self.neighbours.get(&sent.interface), to) else {
                self.outbox.packets.push(sent);
                continue;
            };
            let (index, packet) = (sent.interface, sent.bytes);
            if let Some(mac) = group_mac(to, self.is_broadcast(to)) {
                self.frame(index, mac, ether_type(to), &packet);
                continue;
            }
            let next = self.next_hop(to).unwrap_or(to);
            let done = self.neighbours.get_mut(&index).map(|near| near.send(next, packet, now)).unwrap_or_default();
            self.carry_out(index, done, now);
        }
    }

    /// The neighbour that what is sent to `to` waits for.
    pub(super) fn unresolved(&mut self, to: IpAddr) -> Option<IpAddr> {
        if self.neighbours.is_empty() || self.is_local(to) || group_mac(to, self.is_broadcast(to)).is_some() {
            return None;
        }
        let (index, next) = (self.way_to(to).ok()?.0, self.next_hop(to)?);
        self.neighbours.get(&index).filter(|near| !near.knows(next)).map(|_| next)
    }

    /// The neighbour that packets to `to` go to.
    fn next_hop(&mut self, to: IpAddr) -> Option<IpAddr> {
        self.way_to(to).ok().map(|(_, router)| router.unwrap_or(to))
    }

    /// Takes a message of ARP.
    pub fn receive_arp(&mut self, from: u32, bytes: &[u8], time: StackTime) {
        let Some(arp) = Arp::parse(bytes).filter(|arp| self.is_local(arp.target.1.into())) else { return };
        let Some(own) = self.learn(from, arp.sender.1.into(), arp.sender.0, !arp.asks, time) else { return };
        if arp.asks {
            let answer = Arp { asks: false, sender: (own, arp.target.1), target: arp.sender };
            self.frame(from, arp.sender.0, ARP, &answer.emit());
        }
    }

    /// Takes a message of neighbour discovery.
    pub(super) fn receive_discovery(&mut self, from: u32, packet: &Packet<'_>, time: StackTime) {
        let segment = packet.segment;
        let target = segment.get(8..24).and_then(|target| <[u8; 16]>::try_from(target).ok()).map(IpAddr::from);
        // None of it comes from behind a router.
        let Some(target) = target.filter(|_| packet.ttl == 255) else { return };
        let asks = segment.first() == Some(&SOLICITATION);
        let mac = mac_option(&segment[24..], if asks { SOURCE_MAC } else { TARGET_MAC });
        let Some(mac) = mac.filter(|_| !asks || self.is_local(target)) else { return };
        let who = if asks { packet.source } else { target };
        if self.learn(from, who, mac, !asks, time).is_some() && asks {
            self.discover(from, ADVERTISEMENT, target, (packet.source, mac));
        }
    }

    /// What is due of neighbours.
    pub(super) fn serve_neighbours(&mut self, now: Instant) {
        let indices: Vec<u32> = self.neighbours.keys().copied().collect();
        for index in indices {
            let done = self.neighbours.get_mut(&index).map(|near| near.serve_due(now)).unwrap_or_default();
            self.carry_out(index, done, now);
        }
    }

    /// Learns who has `mac`; the address of the interface itself, if it resolves.
    fn learn(&mut self, from: u32, who: IpAddr, mac: Mac, answered: bool, time: StackTime) -> Option<Mac> {
        let near = self.neighbours.get_mut(&from)?;
        let own = near.own;
        if !(who.is_unspecified() || who.is_multicast()) {
            let done = near.learn(who, mac, answered, time.now);
            self.carry_out(from, done, time.now);
            let left = self.unstamped.extract_if(.., |(neighbour, ..)| *neighbour == who).collect::<Vec<_>>();
            left.into_iter().for_each(|(_, key, number)| self.stamp(key, number, time.wall));
        }
        Some(own)
    }

    fn carry_out(&mut self, index: u32, done: Vec<Resolved>, now: Instant) {
        for one in done {
            match one {
                Resolved::Send(mac, packet) => {
                    let v4 = packet.first().is_some_and(|first| first >> 4 == 4);
                    self.frame(index, mac, if v4 { IPV4 } else { IPV6 }, &packet);
                }
                Resolved::Ask(to, known) => self.ask(index, to, known),
                Resolved::Lost(packet) => self.report_no_answer(&packet, now),
            }
        }
    }

    fn ask(&mut self, index: u32, to: IpAddr, known: Option<Mac>) {
        let (Ok(source), Some(near)) = (self.source_for(to), self.neighbours.get(&index)) else { return };
        match (source, to) {
            (IpAddr::V4(source), IpAddr::V4(to)) => {
                let arp = Arp { asks: true, sender: (near.own, source), target: (known.unwrap_or_default(), to) };
                self.frame(index, known.unwrap_or([0xff; 6]), ARP, &arp.emit());
            }
            (_, IpAddr::V6(v6)) => {
                let group = IpAddr::from(solicited_group(v6));
                let at = known.map(|mac| (to, mac)).or(group_mac(group, false).map(|mac| (group, mac)));
                at.into_iter().for_each(|at| self.discover(index, SOLICITATION, to, at));
            }
            _ => {}
        }
    }

    /// Sends a message of neighbour discovery about `target`, with the interface's own hardware address.
    fn discover(&mut self, index: u32, type_: u8, target: IpAddr, (to, mac): (IpAddr, Mac)) {
        let Some(own) = self.neighbours.get(&index).map(|near| near.own) else { return };
        let asks = type_ == SOLICITATION;
        let source = if asks { self.source_for(target).ok() } else { Some(target) };
        let (Some(source), IpAddr::V6(about)) = (source, target) else { return };
        // An answer: solicited, and it takes the place of what was known; who forwards says so.
        let flags = if asks { 0 } else { 0x60 | u8::from(self.forwards) << 7 };
        let option = if asks { SOURCE_MAC } else { TARGET_MAC };
        let mut segment = [&[type_, 0, 0, 0, flags, 0, 0, 0][..], &about.octets(), &[option, 1], &own].concat();
        let sum = Sum::pseudo(source, to, Protocol::ICMPV6.0, segment.len()).unwrap_or_default().join(&segment);
        segment[2..4].copy_from_slice(&sum.finish().to_be_bytes());
        let header = Header {
            source,
            destination: to,
            protocol: Protocol::ICMPV6,
            ttl: 255,
            tos: 0,
            dont_fragment: false,
            identification: 0,
        };
        self.frame(index, mac, IPV6, &header.packet(&segment));
    }

    /// Reports to the sender of a packet that its next hop does not answer.
    fn report_no_answer(&mut self, packet: &[u8], now: Instant) {
        let Ok(parsed) = Packet::parse(packet) else { return };
        let lost = self.next_hop(parsed.destination);
        self.unstamped.retain(|(neighbour, ..)| Some(*neighbour) != lost);
        let kind = if parsed.source.is_ipv4() { Kind::v4(3, 1) } else { Kind::v6(1, 3) };
        if let Ok(own) = self.source_for(parsed.source) {
            self.report(kind, packet, own, 0, now);
        }
    }

    fn frame(&mut self, index: u32, to: Mac, ether_type: u16, payload: &[u8]) {
        let Some(near) = self.neighbours.get(&index) else { return };
        let frame = [&to[..], &near.own, &ether_type.to_be_bytes(), payload].concat();
        self.outbox.frames.push((index, frame));
    }
}

fn ether_type(to: IpAddr) -> u16 {
    if to.is_ipv4() { IPV4 } else { IPV6 }
}

/// The hardware address in the option `wanted`.
fn mac_option(mut options: &[u8], wanted: u8) -> Option<Mac> {
    while let [kind, length, rest @ ..] = options {
        let len = usize::from(*length) * 8;
        if *kind == wanted && len == 8 {
            return rest.get(..6)?.try_into().ok();
        }
        // An option without a length would be read for ever.
        options = options.get(len.max(8)..)?;
    }
    None
}
