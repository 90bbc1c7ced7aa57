//! IP packets made: whole ones, their fragments, and the ICMP errors about them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Family;
use super::checksum::{Sum, checksum};
use super::icmp::{Kind, Message};
use super::ip::{Packet, Protocol};

/// Octets of the headers without options, and of the fragment header of IPv6.
const V4: usize = 20;
const V6: usize = 40;
const FRAGMENT: usize = 8;

/// Octets of the header of Ethernet.
const FRAME: usize = 14;

/// The number of the fragment header of IPv6.
const FRAGMENT_HEADER: u8 = 44;

/// The traffic class of network control that routers give to errors (RFC 1812, section 4.3.2.5).
pub const CONTROL: u8 = 0xc0;

/// The TTL or hop limit of what a host sends unless it says otherwise.
pub const TTL: u8 = 64;

/// What an IP header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The source address.
    pub source: IpAddr,
    /// The destination address, of the same version.
    pub destination: IpAddr,
    /// What the packet carries.
    pub protocol: Protocol,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// Type of service or traffic class.
    pub tos: u8,
    /// The bit of IPv4 that forbids fragments.
    pub dont_fragment: bool,
    /// What fragments of it have in common.
    pub identification: u32,
}

impl Header {
    /// How many octets it takes.
    pub fn size(&self) -> usize {
        if self.source.is_ipv4() { V4 } else { V6 }
    }

    /// The packet that carries `segment`.
    pub fn packet(&self, segment: &[u8]) -> Vec<u8> {
        self.carrying(segment.len(), |bytes| bytes.extend_from_slice(segment))
    }

    /// The packet that carries a segment of `len` octets, which `segment` adds to it.
    pub fn carrying(&self, len: usize, segment: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        // With room for the header of a frame.
        let mut bytes = Vec::with_capacity(V6 + FRAME + len);
        match (self.source, self.destination) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                let [a, b] = ((V4 + len) as u16).to_be_bytes();
                let [c, d] = (self.identification as u16).to_be_bytes();
                let flags = if self.dont_fragment { 0x40 } else { 0 };
                bytes.extend_from_slice(&[0x45, self.tos, a, b, c, d, flags, 0, self.ttl, self.protocol.0, 0, 0]);
                bytes.extend_from_slice(&from.octets());
                bytes.extend_from_slice(&to.octets());
                seal(&mut bytes);
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                let [a, b] = (len as u16).to_be_bytes();
                let first = [0x60 | self.tos >> 4, self.tos << 4, 0, 0, a, b, self.protocol.0, self.ttl];
                bytes.extend_from_slice(&first);
                bytes.extend_from_slice(&from.octets());
                bytes.extend_from_slice(&to.octets());
            }
            // Of two versions, which callers do not give: a packet that no host can read.
            _ => {}
        }
        segment(&mut bytes);
        bytes
    }
}

/// Octets of the header of UDP.
pub const UDP: usize = 8;

/// A segment of UDP with its checksum.
pub fn udp(from: SocketAddr, to: SocketAddr, data: &[u8]) -> Vec<u8> {
    let mut segment = Vec::with_capacity(UDP + data.len());
    add_udp(&mut segment, from, to, data);
    segment
}

/// Adds a segment of UDP with its checksum to a packet.
pub fn add_udp(packet: &mut Vec<u8>, from: SocketAddr, to: SocketAddr, data: &[u8]) {
    let (start, len) = (packet.len(), UDP + data.len());
    let fields = [from.port(), to.port(), len as u16, 0].map(u16::to_be_bytes);
    packet.extend_from_slice(fields.as_flattened());
    packet.extend_from_slice(data);
    let sum = Sum::pseudo(from.ip(), to.ip(), Protocol::UDP.0, len).unwrap_or_default();
    let sum = sum.join(packet.get(start..).unwrap_or_default()).finish();
    // Zero would say that there is none (RFC 768).
    put(packet, start + 6, if sum == 0 { 0xffff } else { sum });
}

/// What the headers of a packet say that carries a datagram, has neither options nor extensions, and is sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlainDatagram {
    /// Who sent it.
    pub from: SocketAddr,
    /// Where it goes.
    pub to: SocketAddr,
    /// Its TTL or hop limit.
    pub ttl: u8,
    /// Where its payload begins.
    pub payload: usize,
}

impl PlainDatagram {
    /// Reads them where they are so and all sums are right; `None`: it takes a closer look.
    pub fn checked(packet: &[u8]) -> Option<Self> {
        let field = |at: usize| Some(u16::from_be_bytes(*packet.get(at..)?.first_chunk()?));
        let header = match packet.first()? {
            // Neither options nor a fragment.
            0x45 if packet.get(9) == Some(&Protocol::UDP.0) && field(6)? & 0x3fff == 0 => V4,
            first if first >> 4 == 6 && packet.get(6) == Some(&Protocol::UDP.0) => V6,
            _ => return None,
        };
        let claimed = if header == V4 { field(2)?.into() } else { V6 + usize::from(field(4)?) };
        let is_whole = claimed == packet.len() && field(header + 4).map(usize::from) == Some(packet.len() - header);
        if !is_whole || field(header + 6)? == 0 || header == V4 && checksum(&packet[..V4]) != 0 {
            return None;
        }
        let read = Self::read(packet)?;
        let sum = Sum::pseudo(read.from.ip(), read.to.ip(), Protocol::UDP.0, packet.len() - header)?;
        (sum.join(&packet[header..]).finish() == 0).then_some(read)
    }

    /// Reads them; nothing is checked but that they are there.
    pub fn read(packet: &[u8]) -> Option<Self> {
        let (header, addrs): (usize, [IpAddr; 2]) = match packet.first()? >> 4 {
            4 => {
                let [from, to] = [12, 16].map(|at| packet.get(at..)?.first_chunk::<4>().copied());
                (V4, [from?.into(), to?.into()])
            }
            _ => {
                let [from, to] = [8, 24].map(|at| packet.get(at..)?.first_chunk::<16>().copied());
                (V6, [from?.into(), to?.into()])
            }
        };
        let [a, b, c, d] = *packet.get(header..header + UDP)?.first_chunk::<4>()?;
        let [from, to] = [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])];
        Some(Self {
            from: SocketAddr::new(addrs[0], from),
            to: SocketAddr::new(addrs[1], to),
            ttl: packet[if header == V4 { 8 } else { 7 }],
            payload: header + UDP,
        })
    }
}

/// The protocol number of ICMP in the version of `addr`.
pub fn icmp_protocol(addr: IpAddr) -> Protocol {
    if addr.is_ipv4() { Protocol::ICMP } else { Protocol::ICMPV6 }
}

/// An ICMP message as a segment, with its checksum; it and the addresses are of one family.
pub fn icmp(from: IpAddr, to: IpAddr, message: Message<'_>) -> Vec<u8> {
    message.sealed(from, to).unwrap_or(message).emit()
}

/// The error of `kind` about `packet` from `offender`, with the next hop's MTU or a pointer where the kind has one; `None`: it
/// may cause no error (RFC 1122, section 3.2.2; RFC 4443, section 2.4).
pub fn icmp_error(kind: Kind, packet: &[u8], offender: IpAddr, info: u32) -> Option<Vec<u8>> {
    let about = Packet::parse(packet).ok()?;
    let icmp_kind = about.transport.icmp().map(|icmp| icmp.kind);
    let is_later = about.fragment.is_some_and(|fragment| fragment.offset > 0);
    // A packet too big is reported to a sender to a group, too (RFC 4443, section 2.4).
    let destination = if kind.family == Family::V6 && kind.is_too_big() { about.source } else { about.destination };
    if kind.family != about.family || !may_cause_error(about.source, destination, is_later, icmp_kind) {
        return None;
    }
    let message = Message::error(kind, packet);
    let message = message.with_next_hop_mtu(info).or(message.with_pointer(info)).unwrap_or(message);
    let (destination, protocol) = (about.source, icmp_protocol(about.source));
    let segment = icmp(offender, destination, message);
    let tos = if offender.is_ipv4() { CONTROL } else { 0 };
    let header =
        Header { source: offender, destination, protocol, ttl: TTL, tos, dont_fragment: false, identification: 0 };
    Some(header.packet(&segment))
}

/// Whether an error may be sent about a packet (RFC 1122, section 3.2.2; RFC 4443, section 2.4): none is about an error or what may be
/// one, a later fragment, what was sent to many, or what does not say who sent it. `icmp`: of a packet of ICMP its kind, if it
/// has one.
pub fn may_cause_error(source: IpAddr, destination: IpAddr, is_later: bool, icmp: Option<Option<Kind>>) -> bool {
    let is_error = icmp.is_some_and(|kind| kind.is_none_or(|kind| kind.is_quoting() || kind.is_advisory()));
    let to_many = destination.is_multicast() || destination == IpAddr::V4(Ipv4Addr::BROADCAST);
    let of_nobody = match source {
        // 0.0.0.0/8, and all from 224.0.0.0 on, belong to no host.
        IpAddr::V4(from) => from.octets()[0] == 0 || from.octets()[0] >= 224,
        IpAddr::V6(from) => from.is_unspecified() || from.is_multicast(),
    };
    !(is_error || is_later || to_many || of_nobody)
}

/// The fragments of at most `mtu` octets of a packet, of which each but the last carries a multiple of eight octets; `None`:
/// it cannot be cut, or no octet of it would fit.
pub fn fragments(packet: &[u8], mtu: usize, identification: u32) -> Option<Vec<Vec<u8>>> {
    let parsed = Packet::parse(packet).ok()?;
    let header_len = if parsed.family == Family::V4 { usize::from(packet[0] & 0x0f) * 4 } else { V6 };
    let (head, body) = packet.split_at_checked(header_len)?;
    let room = mtu.checked_sub(header_len + if parsed.family == Family::V4 { 0 } else { FRAGMENT })? / 8 * 8;
    if room == 0 {
        return None;
    }
    let first = parsed.fragment.map_or(0, |fragment| usize::from(fragment.offset));
    let goes_on = parsed.fragment.is_some_and(|fragment| fragment.more);
    let count = body.len().div_ceil(room);
    let pieces = body.chunks(room).enumerate().map(|(index, piece)| {
        let (offset, more) = (first + index * room, goes_on || index + 1 < count);
        let place = if parsed.family == Family::V4 {
            (offset / 8) as u16 | u16::from(more) << 13
        } else {
            offset as u16 | u16::from(more)
        };
        let mut bytes = head.to_vec();
        if parsed.family == Family::V4 {
            put(&mut bytes, 2, (header_len + piece.len()) as u16);
            put(&mut bytes, 6, place);
            seal(&mut bytes);
        } else {
            put(&mut bytes, 4, (FRAGMENT + piece.len()) as u16);
            let next = std::mem::replace(&mut bytes[6], FRAGMENT_HEADER);
            bytes.extend_from_slice(&[next, 0]);
            bytes.extend_from_slice(&place.to_be_bytes());
            bytes.extend_from_slice(&identification.to_be_bytes());
        }
        bytes.extend_from_slice(piece);
        bytes
    });
    Some(pieces.collect())
}

/// Of this version, any address.
pub fn unspecified(family: Family) -> IpAddr {
    if family == Family::V4 { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
}

/// Takes one from the TTL or hop limit; whether any was left.
pub fn take_hop(packet: &mut [u8]) -> bool {
    let is_v4 = packet.first().is_some_and(|first| first >> 4 == 4);
    let Some(ttl) = packet.get_mut(if is_v4 { 8 } else { 7 }).filter(|ttl| **ttl > 1) else { return false };
    *ttl -= 1;
    if is_v4 {
        seal(packet);
    }
    true
}

/// Gives the IPv4 header that `bytes` begin with the right sum.
pub fn seal(bytes: &mut [u8]) {
    let len = bytes.first().map_or(0, |first| usize::from(first & 0x0f) * 4);
    put(bytes, 10, 0);
    let sum = checksum(bytes.get(..len).unwrap_or_default());
    put(bytes, 10, sum);
}

/// Writes a field, if the bytes reach that far.
pub fn put(bytes: &mut [u8], at: usize, value: u16) {
    if let Some(field) = bytes.get_mut(at..at + 2) {
        field.copy_from_slice(&value.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::wire::each_damage;
    use crate::net::wire::ip::Fragment;

    fn ends(v4: bool) -> (SocketAddr, SocketAddr) {
        let text = if v4 { ("10.0.0.1:9", "10.0.0.2:7") } else { ("[fd00::1]:9", "[fd00::2]:7") };
        (text.0.parse().expect("an address"), text.1.parse().expect("an address"))
    }

    fn datagram(v4: bool, data: &[u8]) -> Vec<u8> {
        let (from, to) = ends(v4);
        let (source, destination, protocol) = (from.ip(), to.ip(), Protocol::UDP);
        let header =
            Header { source, destination, protocol, ttl: 3, tos: 0x5c, dont_fragment: true, identification: 0x1234 };
        header.packet(&udp(from, to, data))
    }

    #[test]
    fn packets_read_back_as_they_were_made() {
        for v4 in [true, false] {
            let bytes = datagram(v4, b"hello");
            let packet = Packet::parse(&bytes).expect("a packet");
            assert!(!packet.is_malformed(&bytes), "{packet}");
            assert_eq!(packet.transport_checksum_ok(), Some(true));
            assert_eq!((packet.ttl, packet.traffic_class, packet.payload), (3, 0x5c, &b"hello"[..]));
            assert_eq!(packet.dont_fragment, v4.then_some(true));
            assert_eq!((packet.source_socket(), packet.destination_socket()), (Some(ends(v4).0), Some(ends(v4).1)));
        }
    }

    #[test]
    fn plain_datagrams_read_as_packets_do() {
        for v4 in [true, false] {
            let bytes = datagram(v4, b"hello");
            let (from, to) = ends(v4);
            let payload = bytes.len() - b"hello".len();
            assert_eq!(PlainDatagram::read(&bytes), Some(PlainDatagram { from, to, ttl: 3, payload }));
            assert!((0..payload).all(|len| PlainDatagram::read(&bytes[..len]).is_none()));
            assert_eq!(PlainDatagram::checked(&bytes), PlainDatagram::read(&bytes));
            each_damage(&bytes, |damaged| {
                let is_so = |packet: &Packet<'_>| {
                    let is_sound = !packet.is_malformed(damaged) && packet.transport_checksum_ok() == Some(true);
                    is_sound && packet.payload == &damaged[payload..]
                };
                let checked = PlainDatagram::checked(damaged);
                assert!(checked.is_none() || Packet::parse(damaged).is_ok_and(|packet| is_so(&packet)), "{damaged:?}");
            });
        }
    }

    #[test]
    fn fragments_carry_all_of_it_and_can_be_cut_again() {
        for v4 in [true, false] {
            let data: Vec<u8> = (0..3000u32).map(|n| n as u8).collect();
            let bytes = datagram(v4, &data);
            let pieces = fragments(&bytes, 1280, 7).expect("fragments");
            assert!(pieces.iter().all(|piece| piece.len() <= 1280) && pieces.len() == 3, "{}", pieces.len());
            let mut end = 0;
            for piece in &pieces {
                let packet = Packet::parse(piece).expect("a packet");
                assert!(!packet.is_malformed(piece), "{packet}");
                assert_eq!(packet.fragment.map(|it: Fragment| usize::from(it.offset)), Some(end));
                end += packet.segment.len();
            }
            assert_eq!(end, 3008);
            let last = Packet::parse(&pieces[2]).expect("a packet").fragment;
            assert_eq!(last.map(|it| it.more), Some(false));
            if v4 {
                let again = fragments(&pieces[0], 576, 7).expect("fragments");
                let ends: Vec<bool> =
                    again.iter().map(|it| Packet::parse(it).unwrap().fragment.unwrap().more).collect();
                assert_eq!(ends, [true; 3], "more follow, also behind the last of them");
            }
            assert_eq!(fragments(&bytes, 20, 7), None);
        }
    }

    #[test]
    fn errors_quote_and_cause_no_errors() {
        for (v4, kind) in [(true, Kind::v4(3, 4)), (false, Kind::v6(2, 0))] {
            let bytes = datagram(v4, &[7; 2000]);
            let router = if v4 { "10.0.0.9" } else { "fd00::9" }.parse().expect("an address");
            let error = icmp_error(kind, &bytes, router, 1400).expect("an error");
            let packet = Packet::parse(&error).expect("a packet");
            assert_eq!(
                (packet.transport_checksum_ok(), packet.source, packet.destination),
                (Some(true), router, ends(v4).0.ip())
            );
            let message = packet.icmp_message().expect("a message");
            assert_eq!((message.kind, message.next_hop_mtu()), (kind, Some(1400)));
            assert_eq!(message.quoted().and_then(|it| it.destination_port()), Some(7));
            assert_eq!(error.len(), if v4 { 576 } else { 1280 });
            assert_eq!(icmp_error(kind, &error, router, 0), None);
        }
    }

    #[test]
    fn the_last_hop_is_not_taken() {
        for v4 in [true, false] {
            let mut bytes = datagram(v4, b"");
            assert_eq!([take_hop(&mut bytes), take_hop(&mut bytes), take_hop(&mut bytes)], [true, true, false]);
            let packet = Packet::parse(&bytes).expect("a packet");
            assert!(packet.ttl == 1 && packet.header_checksum_ok != Some(false));
        }
        assert!(!take_hop(&mut []));
    }
}
