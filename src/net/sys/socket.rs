//! Socket options by number, the local address, and sending.
#![allow(unsafe_code)]

use std::io;
use std::net::IpAddr;
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

/// How many datagrams a socket has dropped, by its own count (SO_MEMINFO).
pub fn drops(fd: impl AsFd) -> io::Result<u64> {
    const DROPS: usize = 8; // SK_MEMINFO_DROPS
    let mut info = [0; 64];
    option_bytes(fd, libc::SOL_SOCKET, libc::SO_MEMINFO, &mut info)?;
    Ok((i32_at(&info, 4 * DROPS).unwrap_or(0) as u32).into())
}

/// Has the kernel stamp what a socket receives, and what it sends if `sent` (SO_TIMESTAMPING): those stamps are numbered from 0
/// on, a datagram each, or by the last byte of a call. It need not know how; then there are no stamps.
pub fn stamp(fd: impl AsFd, sent: bool) {
    let received = libc::SOF_TIMESTAMPING_RX_SOFTWARE | libc::SOF_TIMESTAMPING_SOFTWARE;
    let both = received | libc::SOF_TIMESTAMPING_TX_SOFTWARE | libc::SOF_TIMESTAMPING_OPT_TSONLY;
    let numbered = both | libc::SOF_TIMESTAMPING_OPT_ID;
    // The numbers begin again whenever they are asked for anew. The last is for streams alone; kernels before 6.2 do not know
    // it, and count from what is acknowledged.
    let all = [received, both, numbered, numbered | libc::SOF_TIMESTAMPING_OPT_ID_TCP];
    for flags in if sent { &all[1..] } else { &all[..1] } {
        let _ = set_option(&fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, *flags as i32);
    }
}

/// Sends a datagram (sendto(2)) without waiting, or from `source`, an address of this host (sendmsg(2), IP_PKTINFO, IPV6_PKTINFO).
pub fn send_to(fd: impl AsFd, data: &[u8], to: &RawAddr, source: Option<IpAddr>) -> io::Result<usize> {
    // in_pktinfo: interface, source, destination; in6_pktinfo: source, interface. Interface 0 is any.
    let mut info = [0; 20];
    let (control, len) = match source {
        Some(IpAddr::V4(ip)) => {
            info[4..8].copy_from_slice(&ip.octets());
            ControlBuffer::<40>::of(libc::IPPROTO_IP, libc::IP_PKTINFO, &info[..12])
        }
        Some(IpAddr::V6(ip)) => {
            info[..16].copy_from_slice(&ip.octets());
            ControlBuffer::of(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info)
        }
        None => {
            let (fd, flags) = (fd.as_fd().as_raw_fd(), libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT);
            let (data, size, to, len) = (data.as_ptr().cast(), data.len(), to.bytes.as_ptr().cast(), to.len);
            // SAFETY: `data` and `to` are valid for the lengths given and only read.
            return count(unsafe { libc::sendto(fd, data, size, flags, to, len) });
        }
    };
    send_one(fd, data, Some(to), &control.0[..len], libc::MSG_DONTWAIT)
}
