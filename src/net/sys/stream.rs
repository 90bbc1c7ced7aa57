//! Streams: bytes received and sent without waiting, and what the kernel knows of a connection.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::message::count;
use super::receive::flags;
use super::socket::option_bytes;
use crate::net::io::{Blocking, TcpInfo};

/// Receives what has arrived, as far as `buffer` has room (recv(2)); nothing at the end of the stream. What the buffer held
/// does not matter: to clear it for each message of a thousand threads would cost as much as to receive it.
pub fn receive_some(fd: impl AsFd, buffer: &mut [MaybeUninit<u8>], wait: Blocking) -> io::Result<&[u8]> {
    let (fd, to, none) = (fd.as_fd().as_raw_fd(), buffer.as_mut_ptr(), std::ptr::null_mut::<u8>());
    // Not by the function of the C library, in which a thread can be cancelled: two looks at the thread's state for each call.
    // SAFETY: the buffer is valid for its length, and the kernel only writes to it: the first bytes, as many as it returns. No
    // address is asked for.
    unsafe {
        let n = libc::syscall(libc::SYS_recvfrom, fd, to, buffer.len(), flags(wait), none, none);
        Ok(std::slice::from_raw_parts(to.cast_const().cast(), count(n as isize)?))
    }
}

/// Sends as much of `data` as the socket's buffer takes, without waiting (send(2)).
pub fn send_some(fd: impl AsFd, data: &[u8]) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    let (fd, none) = (fd.as_fd().as_raw_fd(), std::ptr::null::<u8>());
    // SAFETY: `data` is valid for its length and only read; no address is given.
    count(unsafe { libc::syscall(libc::SYS_sendto, fd, data.as_ptr(), data.len(), flags, none, 0) } as isize)
}

/// How many bytes wait in the socket's buffer that were never sent (SIOCOUTQNSD).
pub fn unsent(fd: impl AsFd) -> io::Result<u32> {
    const SIOCOUTQNSD: u32 = 0x894b;
    let mut bytes: libc::c_int = 0;
    // SAFETY: the call writes one int, which lives until it returns.
    let done = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), SIOCOUTQNSD as _, &raw mut bytes) };
    count(done as isize).map(|_| bytes.unsigned_abs())
}

/// What the kernel knows of the connection (TCP_INFO).
pub fn tcp_info(fd: impl AsFd) -> io::Result<TcpInfo> {
    const TIMESTAMPS: u8 = 1; // TCPI_OPT_TIMESTAMPS
    let mut bytes = [0; size_of::<libc::tcp_info>()];
    // An older kernel writes less of it.
    option_bytes(fd, libc::IPPROTO_TCP, libc::TCP_INFO, &mut bytes)?;
    // SAFETY: tcp_info is plain data for which any bytes are valid, and of this size.
    let info: libc::tcp_info = unsafe { std::mem::transmute(bytes) };
    Ok(TcpInfo {
        state: info.tcpi_state,
        backoff: info.tcpi_backoff,
        rto: info.tcpi_rto,
        mss: info.tcpi_snd_mss,
        unacked: info.tcpi_unacked,
        lost: info.tcpi_lost,
        rtt: info.tcpi_rtt,
        rtt_deviation: info.tcpi_rttvar,
        congestion_window: info.tcpi_snd_cwnd,
        path_mtu: info.tcpi_pmtu,
        has_timestamps: info.tcpi_options & TIMESTAMPS != 0,
        retransmits: info.tcpi_total_retrans,
    })
}

/// Raises the number of descriptors that this process may have to the most that it may ask for (RLIMIT_NOFILE).
pub fn raise_descriptor_limit() {
    // Where it fails, the limit stays.
    if let Ok((now, most)) = getrlimit(Resource::RLIMIT_NOFILE)
        && now < most
    {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}
