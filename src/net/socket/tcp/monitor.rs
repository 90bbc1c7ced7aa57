//! What ICMP says of a connection, read from a raw socket where this process may have one.
//!
//! For a connection that is established the kernel makes an errno of an ICMP error and keeps type and code to itself; and
//! some kinds it does not even look at.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;

use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use crate::net::host::Host;
use crate::net::sys;
use crate::net::wire::Family;
use crate::net::wire::icmp::{IcmpError, Message};
use crate::net::wire::ip::Packet;
use crate::net::wire::zoned::ZonedIp;

/// A raw socket that hears the ICMP errors about one connection.
#[derive(Debug)]
pub(super) struct TcpMonitor {
    socket: Socket,
    local: SocketAddr,
    peer: SocketAddr,
}

/// Instructions of the classic packet filter (linux/filter.h).
mod code {
    pub(super) const LOAD_X_HEADER_LENGTH: u16 = 0xb1; // BPF_LDX | BPF_B | BPF_MSH
    pub(super) const LOAD_BYTE_AT_X: u16 = 0x50; // BPF_LD | BPF_B | BPF_IND
    pub(super) const LOAD_BYTE: u16 = 0x30; // BPF_LD | BPF_B | BPF_ABS
    pub(super) const LOAD_WORD_AT_X: u16 = 0x40; // BPF_LD | BPF_W | BPF_IND
    pub(super) const LOAD_WORD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
    pub(super) const AND: u16 = 0x54; // BPF_ALU | BPF_AND | BPF_K
    pub(super) const SHIFT_LEFT: u16 = 0x64; // BPF_ALU | BPF_LSH | BPF_K
    pub(super) const ADD_X: u16 = 0x0c; // BPF_ALU | BPF_ADD | BPF_X
    pub(super) const A_TO_X: u16 = 0x07; // BPF_MISC | BPF_TAX
    pub(super) const IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    pub(super) const RETURN: u16 = 0x06; // BPF_RET | BPF_K
}

/// The protocol number of TCP.
const TCP: u32 = 6;

impl TcpMonitor {
    /// Listens for what is said of the connection from `local` to `peer`.
    ///
    /// # Errors
    /// EPERM: it takes CAP_NET_RAW; EMFILE and others.
    pub(super) fn new(host: &dyn Host, local: SocketAddr, peer: SocketAddr) -> io::Result<Self> {
        let protocol = if local.is_ipv4() { Protocol::ICMPV4 } else { Protocol::ICMPV6 };
        let socket = host.socket(Domain::for_address(local), Type::RAW, Some(protocol))?;
        socket.set_nonblocking(true)?;
        socket.attach_filter(&filter(local, peer))?;
        sys::number_stamps(socket.as_fd());
        Ok(Self { socket, local, peer })
    }

    /// The descriptor to wait for.
    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Takes what was heard: errors, each with the stamp of its arrival.
    pub(super) fn hear(&self, mut heard: impl FnMut(IcmpError, Option<i64>)) {
        let mut buffer = [0u8; 2048];
        while let Ok(received) = sys::receive(self.socket.as_fd(), &mut buffer, false) {
            if let Some(error) = self.error(&buffer[..received.len], received.addr) {
                heard(error, received.stamp);
            }
        }
    }

    /// The error in a packet, if it is whole and about the connection.
    fn error(&self, bytes: &[u8], from: Option<SocketAddr>) -> Option<IcmpError> {
        let family = Family::of(self.peer.ip());
        let (bytes, offender) = match family {
            Family::V4 => {
                let packet = Packet::parse(bytes).ok()?;
                (packet.segment, Some(packet.source.into()))
            }
            // Without its IP header, and its checksum was verified by the kernel.
            Family::V6 => (bytes, from.map(ZonedIp::from)),
        };
        let message = Message::parse(family, bytes).ok()?;
        if message.checksum_ok(None) == Some(false) || !(message.kind.is_error() || message.kind.is_advisory()) {
            return None;
        }
        let about = message.about();
        let ours = match about {
            Some(packet) => self.is_own(&packet),
            // What need not name a packet is known by its sender.
            None => !message.kind.is_quoting() && offender.is_some_and(|from: ZonedIp| from.ip == self.peer.ip()),
        };
        ours.then(|| IcmpError {
            kind: message.kind,
            offender,
            to: self.peer,
            info: message.next_hop_mtu().or(message.pointer()).unwrap_or(0),
            quote: Vec::new(),
            number: None,
            segment: about.and_then(|packet| packet.transport.tcp()?.sequence),
            extensions: Vec::new(),
        })
    }

    /// Whether a packet is a segment of the connection from here.
    fn is_own(&self, packet: &Packet<'_>) -> bool {
        let ports = packet.transport.tcp().map(|tcp| (tcp.source_port, tcp.destination_port));
        (packet.source, packet.destination) == (self.local.ip(), self.peer.ip())
            && ports == Some((Some(self.local.port()), Some(self.peer.port())))
    }
}

/// Lets ICMP through that quotes a segment of TCP from the port of `local` to that of `peer`, and the kinds of advice that
/// quote none or elsewhere.
fn filter(local: SocketAddr, peer: SocketAddr) -> Vec<SockFilter> {
    use code::*;
    let ports = u32::from(local.port()) << 16 | u32::from(peer.port());
    let op = |code, k| SockFilter::new(code, 0, 0, k);
    let mut program = if local.is_ipv4() {
        vec![
            // X: the length of the IP header. The quoted packet begins 8 bytes behind that.
            op(LOAD_X_HEADER_LENGTH, 0),
            // Extended echo replies and mobile redirects: on to the end that lets pass.
            op(LOAD_BYTE_AT_X, 0),
            SockFilter::new(IF_EQUAL, 10, 0, 43),
            SockFilter::new(IF_EQUAL, 9, 0, 32),
            op(LOAD_BYTE_AT_X, 8 + 9),
            // Not TCP: past the test of the ports.
            SockFilter::new(IF_EQUAL, 0, 8, TCP),
            // X: further by the length of the quoted IP header.
            op(LOAD_BYTE_AT_X, 8),
            op(AND, 0xf),
            op(SHIFT_LEFT, 2),
            op(ADD_X, 0),
            op(A_TO_X, 0),
            op(LOAD_WORD_AT_X, 8),
        ]
    } else {
        vec![
            // Redirects and extended echo replies: on to the end that lets pass.
            op(LOAD_BYTE, 0),
            SockFilter::new(IF_EQUAL, 5, 0, 137),
            SockFilter::new(IF_EQUAL, 4, 0, 161),
            op(LOAD_BYTE, 8 + 6),
            SockFilter::new(IF_EQUAL, 0, 3, TCP),
            op(LOAD_WORD, 8 + 40),
        ]
    };
    program.extend([SockFilter::new(IF_EQUAL, 0, 1, ports), op(RETURN, u32::MAX), op(RETURN, 0)]);
    program
}
