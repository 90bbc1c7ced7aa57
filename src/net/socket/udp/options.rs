//! How a socket is made: its options.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

use socket2::Socket;

use crate::net::sys;

/// The largest buffer the kernel can be asked for, in bytes: it takes the number as an int and grants what its own limits
/// allow.
const MAX_BUFFER: usize = i32::MAX as usize;

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

/// The level and the name of the option that says how the path's MTU is found.
pub(super) const fn discover(v4: bool) -> (i32, i32) {
    match v4 {
        true => (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER),
        false => (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER),
    }
}

impl Options {
    /// Gives `socket` these options and binds it to `local` (bind(2)); the address that it is bound to.
    pub(super) fn set_up(self, socket: &Socket, local: SocketAddr) -> io::Result<SocketAddr> {
        let (level, name) = match local.is_ipv4() {
            true => (libc::IPPROTO_IP, libc::IP_RECVERR),
            false => (libc::IPPROTO_IPV6, libc::IPV6_RECVERR),
        };
        if local.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        if !self.plain_errors {
            sys::set_option(socket.as_fd(), level, name, 1)?;
        }
        // The kernel counts what a full buffer loses, and says so with what comes next.
        sys::set_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1)?;
        if self.reuse {
            socket.set_reuse_address(true)?;
            socket.set_reuse_port(true)?;
        }
        if let Some(bytes) = self.receive_buffer.map(|bytes| bytes.min(MAX_BUFFER)) {
            socket.set_recv_buffer_size(bytes)?;
        }
        if let Some(bytes) = self.send_buffer.map(|bytes| bytes.min(MAX_BUFFER)) {
            socket.set_send_buffer_size(bytes)?;
        }
        if self.dont_fragment {
            let (level, discover) = discover(local.is_ipv4());
            sys::set_option(socket.as_fd(), level, discover, libc::IP_PMTUDISC_PROBE)?;
        }
        if self.ttl.is_some() {
            sys::set_ttl(socket.as_fd(), local.is_ipv4(), self.ttl)?;
        }
        sys::set_tos(socket.as_fd(), local.is_ipv4(), self.tos)?;
        socket.set_broadcast(self.broadcast)?;
        // Answers come from the address that was asked, not from the one that the way back would choose.
        match local.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => {
                sys::set_option(socket.as_fd(), libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?;
            }
            IpAddr::V6(ip) if ip.is_unspecified() => {
                sys::set_option(socket.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?;
            }
            _ => {}
        }
        socket.bind(&local.into())?;
        sys::local_addr(socket)
    }
}
