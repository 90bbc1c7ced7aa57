//! How a socket is made: its options.

use std::io;
use std::net::SocketAddr;

use crate::net::host::socket::{HostSocket, SocketOption};

/// How a socket is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Size of the receive buffer in bytes (SO_RCVBUF; the kernel doubles it); `None` leaves the system's.
    pub receive_buffer: Option<usize>,
    /// Size of the send buffer in bytes (SO_SNDBUF); `None` leaves the system's.
    pub send_buffer: Option<usize>,
    /// Whether other sockets may bind the same address (SO_REUSEADDR and SO_REUSEPORT).
    pub reuse: bool,
    /// Hops that what is sent may take (IP_TTL, IPV6_UNICAST_HOPS), 1 to 255; `None`: the system's number.
    pub ttl: Option<u8>,
    /// The type of service or traffic class of what is sent, all eight bits.
    pub tos: u8,
    /// Whether it may send to all hosts of a network (SO_BROADCAST).
    pub broadcast: bool,
    /// Whether to send with Don't Fragment, whatever the path's MTU is said to be (IP_PMTUDISC_PROBE).
    pub dont_fragment: bool,
    /// Whether ICMP errors reach it only as the kernel gives them to any program: as failures of calls, and few without a
    /// peer (no IP_RECVERR).
    pub plain_errors: bool,
}

impl Options {
    /// Gives `socket` these options and binds it to `local` (bind(2)); the address that it is bound to. Whether what it loses is
    /// `recorded`.
    pub(super) fn set_up(self, socket: &dyn HostSocket, local: SocketAddr, recorded: bool) -> io::Result<SocketAddr> {
        socket.set_all([
            (!self.plain_errors).then_some(SocketOption::QueueErrors),
            // The kernel counts what a full buffer loses, and says so with what comes next, which takes time for each datagram.
            recorded.then_some(SocketOption::CountOverflow),
            self.reuse.then_some(SocketOption::ShareAddress),
            self.receive_buffer.map(SocketOption::ReceiveBuffer),
            self.send_buffer.map(SocketOption::SendBuffer),
            self.dont_fragment.then_some(SocketOption::DontFragment(true)),
            self.ttl.map(|ttl| SocketOption::Ttl(Some(ttl))),
            Some(SocketOption::Tos(self.tos)),
            Some(SocketOption::Broadcast(self.broadcast)),
            // Replies come from the address that was asked, not from the one that the way back would choose.
            local.ip().is_unspecified().then_some(SocketOption::LocalAddress),
        ])?;
        socket.bind(local)
    }
}
