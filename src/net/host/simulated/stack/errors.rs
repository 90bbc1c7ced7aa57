//! ICMP errors that come in: which socket each is about, and what it is given.

use std::net::SocketAddr;

use super::super::datagram::QueuedError;
use super::super::faults::of_datagrams;
use super::{SocketKey, Stack, StackTime};
use crate::net::error::errno::EMSGSIZE;
use crate::net::host::socket::SocketType;
use crate::net::io::{Origin, QueueEntry};
use crate::net::wire::Family;
use crate::net::wire::icmp::{Kind, Message};
use crate::net::wire::ip::{Packet, Protocol};

/// Octets of the header of UDP.
const UDP: usize = 8;

impl Stack {
    /// Gives an error to the sockets it is about, and learns what it says of the path.
    pub(super) fn take_error(&mut self, packet: &Packet<'_>, message: &Message<'_>, time: StackTime) {
        let Some(quoted) = message.quoted().filter(|quoted| self.is_local(quoted.source)) else { return };
        if let Some(mtu) = message.next_hop_mtu() {
            self.path_mtus.learn(quoted.destination, mtu, time.now);
        }
        if quoted.protocol == Protocol::TCP {
            return self.take_error_of_tcp(packet, message, &quoted, time);
        }
        for key in self.concerned(&quoted) {
            self.tell(key, packet, message, &quoted, time);
        }
    }

    fn take_error_of_tcp(&mut self, packet: &Packet<'_>, message: &Message<'_>, quoted: &Packet<'_>, time: StackTime) {
        let ends = quoted.source_socket().zip(quoted.destination_socket());
        let sequence = quoted.transport.tcp().and_then(|tcp| tcp.sequence);
        let Some(((own, peer), sequence)) = ends.zip(sequence) else { return };
        if message.next_hop_mtu().is_some() {
            let mtu = self.path_mtu(peer.ip(), time.now) as usize;
            return self.with_tcp(|tcp| tcp.narrow(own, peer, mtu, time.now));
        }
        let Some(fault) = of_datagrams(message.kind, false).filter(|fault| fault.errno != EMSGSIZE) else { return };
        let entry = entry_of(packet, message, fault.errno, 0);
        let quote = message.body.get(quoted.header_len..).unwrap_or_default().to_vec();
        let error = QueuedError { entry, to: Some(peer), quote, stamp: Some(time.wall) };
        self.with_tcp(|tcp| tcp.fail((own, peer), sequence, message.kind, error, time.now));
    }

    /// The sockets that have sent what is quoted.
    fn concerned(&self, quoted: &Packet<'_>) -> Vec<SocketKey> {
        let ends = || Some((quoted.source_socket()?, quoted.destination_socket()?));
        match quoted.protocol {
            Protocol::UDP => ends().map_or_else(Vec::new, |(own, peer)| self.find_udp(peer, own, false)),
            Protocol::ICMP | Protocol::ICMPV6 => {
                let echo = quoted.transport.icmp().and_then(|icmp| icmp.echo);
                let ping = echo.and_then(|echo| self.ping_with(quoted.family, echo.id));
                let is_raw = |(_, it): &(&u64, &super::DatagramSocket)| {
                    let peer = it.peer.is_none_or(|peer| peer.ip() == quoted.destination);
                    it.kind == SocketType::RawIcmp && it.family == quoted.family && peer
                };
                ping.into_iter().chain(self.sockets.iter().filter(is_raw).map(|(key, _)| *key)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn tell(
        &mut self,
        key: SocketKey,
        packet: &Packet<'_>,
        message: &Message<'_>,
        quoted: &Packet<'_>,
        time: StackTime,
    ) {
        let Some(socket) = self.sockets.get_mut(&key) else { return };
        let kind = message.kind;
        let Some(fault) = of_datagrams(kind, socket.kind == SocketType::Ping) else { return };
        // One that lets its packets be fragmented gets no error for one that was too large.
        if kind == Kind::v4(3, 4) && socket.options.dont_fragment == Some(false) {
            return;
        }
        if !(socket.options.queues_errors || fault.is_hard && socket.peer.is_some()) {
            return;
        }
        let is_udp = quoted.protocol == Protocol::UDP;
        let skipped = quoted.header_len + if is_udp { UDP } else { 0 };
        let extensions = message.extensions().map(|it| (message.body.len() - it.len()).saturating_sub(skipped));
        let announced = extensions.filter(|_| socket.options.error_extensions).and_then(|at| u16::try_from(at).ok());
        let port = if is_udp { quoted.destination_port().unwrap_or(0) } else { 0 };
        let entry = entry_of(packet, message, fault.errno, announced.unwrap_or(0));
        let quote = message.body.get(skipped..).unwrap_or_default().to_vec();
        let to = Some(SocketAddr::new(quoted.destination, port));
        socket.fail(QueuedError { entry, to, quote, stamp: socket.options.stamps_arrivals.then_some(time.wall) });
        self.outbox.woken.push(key);
    }
}

/// The entry of an error queue that says what `message` in `packet` says; `announced`: where extensions begin.
fn entry_of(packet: &Packet<'_>, message: &Message<'_>, errno: i32, announced: u16) -> QueueEntry {
    let ([a, b], kind) = (announced.to_ne_bytes(), message.kind);
    QueueEntry {
        errno,
        origin: if kind.family == Family::V4 { Origin::Icmp } else { Origin::Icmp6 },
        type_: kind.type_,
        code: kind.code,
        info: message.next_hop_mtu().or(message.pointer()).unwrap_or(0),
        data: u32::from_ne_bytes([a, b, 0, 0]),
        offender: Some(SocketAddr::new(packet.source, 0)),
    }
}
