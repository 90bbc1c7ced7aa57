//! Socket options by number, the local address, and sending.
#![allow(unsafe_code)]

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd};

use super::address::RawAddr;

/// Sets an integer socket option (setsockopt(2)).
pub fn set_option(fd: BorrowedFd<'_>, level: i32, name: i32, value: i32) -> io::Result<()> {
    // SAFETY: the option value is an i32 that lives until the call returns, and its size is given.
    let rc = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(&value).cast(),
            std::mem::size_of::<i32>() as libc::socklen_t,
        )
    };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Reads an integer socket option (getsockopt(2)).
pub fn option(fd: BorrowedFd<'_>, level: i32, name: i32) -> io::Result<i32> {
    let mut value = 0i32;
    let mut len = std::mem::size_of::<i32>() as libc::socklen_t;
    // SAFETY: `value` is valid for the length given, and the kernel writes no more than that.
    let rc = unsafe { libc::getsockopt(fd.as_raw_fd(), level, name, std::ptr::from_mut(&mut value).cast(), &mut len) };
    if rc == 0 { Ok(value) } else { Err(io::Error::last_os_error()) }
}

/// Sets a socket option that is an array of bytes (setsockopt(2)).
pub fn set_option_bytes(fd: BorrowedFd<'_>, level: i32, name: i32, value: &[u8]) -> io::Result<()> {
    // SAFETY: the value lives until the call returns, and its size is given.
    let rc =
        unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, value.as_ptr().cast(), value.len() as libc::socklen_t) };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Has the kernel tell where the extensions of an ICMP error begin (RFC 4884), from Linux 5.9 on.
pub fn ask_for_extensions(fd: BorrowedFd<'_>, is_ipv4: bool) {
    const IP_RECVERR_RFC4884: i32 = 26;
    const IPV6_RECVERR_RFC4884: i32 = 31;
    let _ = match is_ipv4 {
        true => set_option(fd, libc::IPPROTO_IP, IP_RECVERR_RFC4884, 1),
        false => set_option(fd, libc::IPPROTO_IPV6, IPV6_RECVERR_RFC4884, 1),
    };
}

/// Sets the TTL or hop limit of what a socket sends (IP_TTL, IPV6_UNICAST_HOPS); `None`: the system's.
pub fn set_unicast_ttl(fd: BorrowedFd<'_>, is_ipv4: bool, ttl: Option<u8>) -> io::Result<()> {
    let (level, name) = match is_ipv4 {
        true => (libc::IPPROTO_IP, libc::IP_TTL),
        false => (libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS),
    };
    set_option(fd, level, name, ttl.map_or(-1, i32::from))
}

/// As [`set_unicast_ttl`], and to groups too (IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS), which a stream refuses.
pub fn set_ttl(fd: BorrowedFd<'_>, is_ipv4: bool, ttl: Option<u8>) -> io::Result<()> {
    set_unicast_ttl(fd, is_ipv4, ttl)?;
    let (level, name) = match is_ipv4 {
        true => (libc::IPPROTO_IP, libc::IP_MULTICAST_TTL),
        false => (libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS),
    };
    set_option(fd, level, name, ttl.map_or(-1, i32::from))
}

/// Sets the type of service or traffic class of what a socket sends, all eight bits (IP_TOS, IPV6_TCLASS).
pub fn set_tos(fd: BorrowedFd<'_>, is_ipv4: bool, tos: u8) -> io::Result<()> {
    let (level, name) =
        if is_ipv4 { (libc::IPPROTO_IP, libc::IP_TOS) } else { (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) };
    set_option(fd, level, name, i32::from(tos))
}

/// How many datagrams a socket has dropped, by its own count (SO_MEMINFO).
pub fn drops(fd: BorrowedFd<'_>) -> io::Result<u64> {
    const DROPS: usize = 8; // SK_MEMINFO_DROPS
    Ok(memory_info(fd)?[DROPS].into())
}

/// How much memory the datagrams take that wait in a socket: each of the same size as much.
#[cfg(test)]
pub fn waiting_memory(fd: BorrowedFd<'_>) -> io::Result<u32> {
    const RMEM_ALLOC: usize = 0; // SK_MEMINFO_RMEM_ALLOC
    Ok(memory_info(fd)?[RMEM_ALLOC])
}

fn memory_info(fd: BorrowedFd<'_>) -> io::Result<[u32; 16]> {
    let mut info = [0u32; 16];
    let mut len = std::mem::size_of_val(&info) as libc::socklen_t;
    // SAFETY: `info` is valid for the length given, and the kernel writes no more than that.
    let rc = unsafe {
        libc::getsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, libc::SO_MEMINFO, info.as_mut_ptr().cast(), &mut len)
    };
    if rc == 0 { Ok(info) } else { Err(io::Error::last_os_error()) }
}

/// Has the kernel stamp the socket's packets as they are sent and received, and number those sent from 0 on
/// (SO_TIMESTAMPING). It need not know how; then there are no stamps.
pub fn number_stamps(fd: BorrowedFd<'_>) {
    let stamps = libc::SOF_TIMESTAMPING_TX_SOFTWARE
        | libc::SOF_TIMESTAMPING_RX_SOFTWARE
        | libc::SOF_TIMESTAMPING_SOFTWARE
        | libc::SOF_TIMESTAMPING_OPT_TSONLY;
    // The numbers begin again whenever they are asked for anew.
    for flags in [stamps, stamps | libc::SOF_TIMESTAMPING_OPT_ID] {
        let _ = set_option(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, flags as i32);
    }
}

/// Has the kernel stamp the socket's packets as they are received (SO_TIMESTAMPING).
pub fn stamp_arrivals(fd: BorrowedFd<'_>) {
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
pub fn send_from(fd: BorrowedFd<'_>, data: &[u8], to: &RawAddr, source: IpAddr) -> io::Result<usize> {
    #[repr(align(8))]
    struct Control([u8; 40]);
    const HEADER: usize = 16; // cmsg_len, cmsg_level, cmsg_type
    let mut control = Control([0; 40]);
    let (level, kind, info) = match source {
        // in_pktinfo: interface, source, destination; in6_pktinfo: source, interface. Interface 0 is any.
        IpAddr::V4(ip) => {
            control.0[HEADER + 4..HEADER + 8].copy_from_slice(&ip.octets());
            (libc::IPPROTO_IP, libc::IP_PKTINFO, 12)
        }
        IpAddr::V6(ip) => {
            control.0[HEADER..HEADER + 16].copy_from_slice(&ip.octets());
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, 20)
        }
    };
    control.0[..8].copy_from_slice(&(HEADER + info).to_ne_bytes());
    control.0[8..12].copy_from_slice(&level.to_ne_bytes());
    control.0[12..16].copy_from_slice(&kind.to_ne_bytes());
    let mut part = libc::iovec { iov_base: data.as_ptr().cast_mut().cast(), iov_len: data.len() };
    // SAFETY: msghdr is plain data for which zeroes are valid.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_name = std::ptr::from_ref(&to.storage).cast_mut().cast();
    header.msg_namelen = to.len;
    header.msg_iov = &mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = (HEADER + info).next_multiple_of(8) as _;
    // SAFETY: every pointer in the header is to an object that lives until the call returns, with its true length; what
    // is sent is only read.
    let n = unsafe { libc::sendmsg(fd.as_raw_fd(), &header, libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT) };
    if n < 0 { Err(io::Error::last_os_error()) } else { Ok(n as usize) }
}

/// Sends one datagram (sendto(2)), without waiting.
pub fn send_to(fd: BorrowedFd<'_>, data: &[u8], to: &RawAddr) -> io::Result<usize> {
    // SAFETY: `data` and `to` are valid for the lengths given and only read.
    let n = unsafe {
        libc::sendto(
            fd.as_raw_fd(),
            data.as_ptr().cast(),
            data.len(),
            libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT,
            std::ptr::from_ref(&to.storage).cast(),
            to.len,
        )
    };
    if n < 0 { Err(io::Error::last_os_error()) } else { Ok(n as usize) }
}
