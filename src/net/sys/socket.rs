//! Socket options by number, the local address, and sending.
#![allow(unsafe_code)]

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};

use super::address::RawAddr;
use super::message::{ControlBuffer, count, send_one};
use super::receive::i32_at;

/// Sets an integer socket option (setsockopt(2)).
pub fn set_option(fd: impl AsFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    set_option_bytes(fd, level, name, &value.to_ne_bytes())
}

/// Sets a socket option that is an array of bytes (setsockopt(2)).
pub fn set_option_bytes(fd: impl AsFd, level: i32, name: i32, value: &[u8]) -> io::Result<()> {
    let len = value.len() as libc::socklen_t;
    // SAFETY: the value lives until the call returns, and its size is given.
    let done = unsafe { libc::setsockopt(fd.as_fd().as_raw_fd(), level, name, value.as_ptr().cast(), len) };
    count(done as isize).map(drop)
}

/// Reads an integer socket option (getsockopt(2)).
pub fn option(fd: impl AsFd, level: i32, name: i32) -> io::Result<i32> {
    let mut value = [0; 4];
    option_bytes(fd, level, name, &mut value)?;
    Ok(i32::from_ne_bytes(value))
}

/// Reads a socket option that is a structure (getsockopt(2)); how many bytes of it this kernel knows.
pub(super) fn option_bytes(fd: impl AsFd, level: i32, name: i32, value: &mut [u8]) -> io::Result<usize> {
    let mut len = value.len() as libc::socklen_t;
    // SAFETY: `value` is valid for the length given, and the kernel writes no more than that.
    let done = unsafe { libc::getsockopt(fd.as_fd().as_raw_fd(), level, name, value.as_mut_ptr().cast(), &mut len) };
    count(done as isize).map(|_| len as usize)
}

/// Has the kernel queue the ICMP errors that concern a socket (IP_RECVERR, IPV6_RECVERR).
pub fn queue_errors(fd: impl AsFd, is_ipv4: bool) -> io::Result<()> {
    match is_ipv4 {
        true => set_option(fd, libc::IPPROTO_IP, libc::IP_RECVERR, 1),
        false => set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1),
    }
}

/// Has each datagram say how many before it a full receive buffer has lost (SO_RXQ_OVFL).
pub fn count_overflow(fd: impl AsFd) -> io::Result<()> {
    set_option(fd, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1)
}

/// Has the kernel tell where the extensions of an ICMP error begin (RFC 4884), from Linux 5.9 on.
pub fn ask_for_extensions(fd: impl AsFd, is_ipv4: bool) {
    const IP_RECVERR_RFC4884: i32 = 26;
    const IPV6_RECVERR_RFC4884: i32 = 31;
    let _ = match is_ipv4 {
        true => set_option(fd, libc::IPPROTO_IP, IP_RECVERR_RFC4884, 1),
        false => set_option(fd, libc::IPPROTO_IPV6, IPV6_RECVERR_RFC4884, 1),
    };
}

/// Sets the TTL or hop limit of what a socket sends (IP_TTL, IPV6_UNICAST_HOPS); `None`: the system's.
pub fn set_unicast_ttl(fd: impl AsFd, is_ipv4: bool, ttl: Option<u8>) -> io::Result<()> {
    let (level, name) = match is_ipv4 {
        true => (libc::IPPROTO_IP, libc::IP_TTL),
        false => (libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS),
    };
    set_option(fd, level, name, ttl.map_or(-1, i32::from))
}

/// As [`set_unicast_ttl`], and to groups too (IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS), which a stream refuses.
pub fn set_ttl(fd: impl AsFd, is_ipv4: bool, ttl: Option<u8>) -> io::Result<()> {
    set_unicast_ttl(&fd, is_ipv4, ttl)?;
    let (level, name) = match is_ipv4 {
        true => (libc::IPPROTO_IP, libc::IP_MULTICAST_TTL),
        false => (libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS),
    };
    set_option(fd, level, name, ttl.map_or(-1, i32::from))
}

/// Sets the type of service or traffic class of what a socket sends, all eight bits (IP_TOS, IPV6_TCLASS).
pub fn set_tos(fd: impl AsFd, is_ipv4: bool, tos: u8) -> io::Result<()> {
    let (level, name) =
        if is_ipv4 { (libc::IPPROTO_IP, libc::IP_TOS) } else { (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) };
    set_option(fd, level, name, i32::from(tos))
}

/// How many datagrams a socket has dropped, by its own count (SO_MEMINFO).
pub fn drops(fd: impl AsFd) -> io::Result<u64> {
    const DROPS: usize = 8; // SK_MEMINFO_DROPS
    Ok(memory_info(fd, DROPS)?.into())
}

/// How much memory the datagrams take that wait in a socket: each of the same size as much.
#[cfg(test)]
pub fn waiting_memory(fd: impl AsFd) -> io::Result<u32> {
    const RMEM_ALLOC: usize = 0; // SK_MEMINFO_RMEM_ALLOC
    memory_info(fd, RMEM_ALLOC)
}

/// The field of SO_MEMINFO at `index`.
fn memory_info(fd: impl AsFd, index: usize) -> io::Result<u32> {
    let mut info = [0; 64];
    option_bytes(fd, libc::SOL_SOCKET, libc::SO_MEMINFO, &mut info)?;
    Ok(i32_at(&info, 4 * index).unwrap_or(0) as u32)
}

/// Has the kernel stamp the socket's packets as they are sent and received, and number those sent from 0 on
/// (SO_TIMESTAMPING). It need not know how; then there are no stamps.
pub fn number_stamps(fd: impl AsFd) {
    let stamps = libc::SOF_TIMESTAMPING_TX_SOFTWARE
        | libc::SOF_TIMESTAMPING_RX_SOFTWARE
        | libc::SOF_TIMESTAMPING_SOFTWARE
        | libc::SOF_TIMESTAMPING_OPT_TSONLY;
    // The numbers begin again whenever they are asked for anew.
    for flags in [stamps, stamps | libc::SOF_TIMESTAMPING_OPT_ID] {
        let _ = set_option(&fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, flags as i32);
    }
}

/// Has the kernel stamp the socket's packets as they are received (SO_TIMESTAMPING).
pub fn stamp_arrivals(fd: impl AsFd) {
    let stamps = libc::SOF_TIMESTAMPING_RX_SOFTWARE | libc::SOF_TIMESTAMPING_SOFTWARE;
    let _ = set_option(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, stamps as i32);
}

/// The socket's local address (getsockname(2)).
pub fn local_addr(socket: &socket2::Socket) -> io::Result<SocketAddr> {
    socket
        .local_addr()?
        .as_socket()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not an Internet socket"))
}

/// Sends one datagram from `source`, an address of this host, without waiting (sendmsg(2), IP_PKTINFO, IPV6_PKTINFO).
pub fn send_from(fd: impl AsFd, data: &[u8], to: &RawAddr, source: IpAddr) -> io::Result<usize> {
    // in_pktinfo: interface, source, destination; in6_pktinfo: source, interface. Interface 0 is any.
    let mut info = [0; 20];
    let (control, len) = match source {
        IpAddr::V4(ip) => {
            info[4..8].copy_from_slice(&ip.octets());
            ControlBuffer::<40>::of(libc::IPPROTO_IP, libc::IP_PKTINFO, &info[..12])
        }
        IpAddr::V6(ip) => {
            info[..16].copy_from_slice(&ip.octets());
            ControlBuffer::of(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info)
        }
    };
    send_one(fd, data, Some(to), &control.0[..len], libc::MSG_DONTWAIT)
}

/// Sends one datagram (sendto(2)), without waiting.
pub fn send_to(fd: impl AsFd, data: &[u8], to: &RawAddr) -> io::Result<usize> {
    let (fd, flags) = (fd.as_fd().as_raw_fd(), libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT);
    let (data, size, to, len) = (data.as_ptr().cast(), data.len(), to.bytes.as_ptr().cast(), to.len);
    // SAFETY: `data` and `to` are valid for the lengths given and only read.
    count(unsafe { libc::sendto(fd, data, size, flags, to, len) })
}
