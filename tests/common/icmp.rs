//! A host that answers UDP with ICMP errors of any type and code, made by hand on a raw socket.
//!
//! It needs root: call [`super::require_own_network_or_skip`] first. The kernel delivers such an error
//! to the error queue of the UDP socket whose addresses and ports the quoted packet names.

use super::udp::{Datagram, LOOPBACK, UdpPeer};
use socket2::{Domain, Protocol, Socket, Type};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

/// The ICMP error to answer with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IcmpError {
    /// The type, such as 3, destination unreachable (RFC 792).
    pub(crate) kind: u8,
    /// The code within the type.
    pub(crate) code: u8,
    /// The four bytes after the checksum: an MTU, a pointer, a gateway; mostly 0.
    pub(crate) rest: [u8; 4],
    /// How many bytes of the UDP datagram, its header included, are quoted after the IP header.
    pub(crate) quoted: usize,
}

impl IcmpError {
    /// Destination unreachable with `code`, quoting as much as Linux does.
    pub(crate) fn unreachable(code: u8) -> Self {
        Self { kind: 3, code, rest: [0; 4], quoted: 548 }
    }
}

/// A peer on loopback that answers each datagram with what `answer` gives for it; `None` is no
/// ICMP error (it may have been answered through the datagram itself).
pub(crate) fn forger(mut answer: impl FnMut(&Datagram<'_>) -> Option<IcmpError> + Send + 'static) -> UdpPeer {
    let raw = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).expect("cannot open a raw ICMP socket");
    UdpPeer::start(LOOPBACK, move |datagram| {
        if let Some(error) = answer(&datagram) {
            let to = v4(datagram.socket.local_addr().expect("a bound socket has an address"));
            let from = v4(datagram.from);
            let packet = message(error, &udp_packet(from, to, datagram.data));
            raw.send_to(&packet, &SocketAddrV4::new(*from.ip(), 0).into()).expect("cannot send an ICMP error");
        }
    })
}

/// Sends `error` about the datagram `data` that came from `from` to `socket`.
pub(crate) fn send(error: IcmpError, socket: &std::net::UdpSocket, from: SocketAddr, data: &[u8]) {
    let raw = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).expect("cannot open a raw ICMP socket");
    let (from, to) = (v4(from), v4(socket.local_addr().expect("a bound socket has an address")));
    let packet = message(error, &udp_packet(from, to, data));
    raw.send_to(&packet, &SocketAddrV4::new(*from.ip(), 0).into()).expect("cannot send an ICMP error");
}

/// An ICMP error message that quotes `packet`, an IPv4 packet with a header of 20 bytes.
pub(crate) fn message(error: IcmpError, packet: &[u8]) -> Vec<u8> {
    let mut bytes = vec![error.kind, error.code, 0, 0];
    bytes.extend_from_slice(&error.rest);
    bytes.extend_from_slice(&packet[..packet.len().min(20 + error.quoted)]);
    let sum = checksum(&bytes);
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// The IPv4 packet of a UDP datagram from `from` to `to` that carries `data`.
pub(crate) fn udp_packet(from: SocketAddrV4, to: SocketAddrV4, data: &[u8]) -> Vec<u8> {
    let length = |n: usize| u16::try_from(n).expect("a datagram that fits in IPv4").to_be_bytes();
    let mut udp = Vec::with_capacity(8 + data.len());
    udp.extend_from_slice(&from.port().to_be_bytes());
    udp.extend_from_slice(&to.port().to_be_bytes());
    udp.extend_from_slice(&length(8 + data.len()));
    udp.extend_from_slice(&[0, 0]);
    udp.extend_from_slice(data);
    let sum = match checksum(&[&pseudo_header(*from.ip(), *to.ip(), udp.len())[..], &udp].concat()) {
        // RFC 768: a sum of 0 is sent as all ones, since 0 means that there is none.
        0 => 0xffff,
        sum => sum,
    };
    udp[6..8].copy_from_slice(&sum.to_be_bytes());

    // Version 4 with 5 words, no service type, length, id, don't fragment, TTL 64, UDP.
    let mut packet = vec![0x45, 0];
    packet.extend_from_slice(&length(20 + udp.len()));
    packet.extend_from_slice(&[0x12, 0x34, 0x40, 0, 64, 17, 0, 0]);
    packet.extend_from_slice(&from.ip().octets());
    packet.extend_from_slice(&to.ip().octets());
    let sum = checksum(&packet);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend_from_slice(&udp);
    packet
}

/// The Internet checksum (RFC 1071); 0 over bytes that hold their own.
pub(crate) fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |b| u32::from(*b)));
    let sum = words.fold(0, |sum: u32, word| {
        let sum = sum + word;
        (sum & 0xffff) + (sum >> 16)
    });
    !u16::try_from(sum).expect("folded to 16 bits")
}

/// What UDP sums besides itself (RFC 768).
fn pseudo_header(from: Ipv4Addr, to: Ipv4Addr, udp_len: usize) -> Vec<u8> {
    let len = u16::try_from(udp_len).expect("a datagram that fits in IPv4");
    let mut bytes = [from.octets(), to.octets()].concat();
    bytes.extend_from_slice(&[0, 17]);
    bytes.extend_from_slice(&len.to_be_bytes());
    bytes
}

fn v4(addr: SocketAddr) -> SocketAddrV4 {
    match addr {
        SocketAddr::V4(addr) => addr,
        SocketAddr::V6(addr) => panic!("the forger speaks IPv4, not to {addr}"),
    }
}
