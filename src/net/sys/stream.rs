//! Streams: bytes received and sent without waiting, and what the kernel knows of a connection.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::receive::Wait;
use super::set_option;

/// Receives what has arrived, as far as `buffer` has room (recv(2)); nothing at the end of the stream. What the buffer held
/// does not matter: to clear it for each message of a thousand threads would cost as much as to receive it.
pub fn receive_some<'a>(fd: BorrowedFd<'_>, buffer: &'a mut [MaybeUninit<u8>], wait: Wait) -> io::Result<&'a [u8]> {
    let (fd, to, nobody) = (fd.as_raw_fd(), buffer.as_mut_ptr(), std::ptr::null_mut::<u8>());
    // Not by the function of the C library, in which a thread can be cancelled: two looks at the thread's state for each call.
    // SAFETY: the buffer is valid for its length, and the kernel only writes to it; no address is asked for.
    let n = unsafe { libc::syscall(libc::SYS_recvfrom, fd, to, buffer.len(), wait.flags(), nobody, nobody) };
    if n < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has written the first `n` bytes, which are no more than there is room for.
    Ok(unsafe { std::slice::from_raw_parts(buffer.as_ptr().cast(), n as usize) })
}

/// Sends as much of `data` as the socket's buffer takes, without waiting (send(2)).
pub fn send_some(fd: BorrowedFd<'_>, data: &[u8]) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    let (fd, nobody) = (fd.as_raw_fd(), std::ptr::null::<u8>());
    // SAFETY: `data` is valid for its length and only read; no address is given.
    let n = unsafe { libc::syscall(libc::SYS_sendto, fd, data.as_ptr(), data.len(), flags, nobody, 0) };
    if n < 0 { Err(io::Error::last_os_error()) } else { Ok(n as usize) }
}

/// How many bytes wait in the socket's buffer that were never sent (SIOCOUTQNSD).
pub fn unsent(fd: BorrowedFd<'_>) -> io::Result<u32> {
    const SIOCOUTQNSD: u32 = 0x894b;
    let mut bytes: libc::c_int = 0;
    // SAFETY: the call writes one int, which lives until it returns.
    let done = unsafe { libc::ioctl(fd.as_raw_fd(), SIOCOUTQNSD as _, &raw mut bytes) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(bytes.unsigned_abs()) }
}

/// Has the kernel stamp what the stream sends and receives; a stamp of sending has the number of the last byte of a call,
/// counted from 0 from now on (SO_TIMESTAMPING). It need not know how; then there are no stamps.
pub fn number_stream_stamps(fd: BorrowedFd<'_>) {
    let stamps = libc::SOF_TIMESTAMPING_TX_SOFTWARE
        | libc::SOF_TIMESTAMPING_RX_SOFTWARE
        | libc::SOF_TIMESTAMPING_SOFTWARE
        | libc::SOF_TIMESTAMPING_OPT_TSONLY;
    let numbered = stamps | libc::SOF_TIMESTAMPING_OPT_ID;
    // Kernels before 6.2 do not know the last one, and count from what is acknowledged.
    for flags in [stamps, numbered, numbered | libc::SOF_TIMESTAMPING_OPT_ID_TCP] {
        let _ = set_option(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, flags as i32);
    }
}

/// What the kernel knows of a connection (TCP_INFO). Times are in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpInfo {
    /// The state of the connection, as a number of the kernel's.
    pub state: u8,
    /// Timeouts in a row without an acknowledgement.
    pub backoff: u8,
    /// The retransmission timeout.
    pub rto: u32,
    /// The largest segment sent, in bytes.
    pub mss: u32,
    /// Segments sent and not acknowledged.
    pub unacked: u32,
    /// Segments held for lost.
    pub lost: u32,
    /// The smoothed round-trip time.
    pub rtt: u32,
    /// Its mean deviation.
    pub rtt_deviation: u32,
    /// The congestion window in segments.
    pub congestion_window: u32,
    /// The path's maximum transmission unit in bytes.
    pub path_mtu: u32,
    /// Whether segments carry timestamps (RFC 7323).
    pub has_timestamps: bool,
    /// Segments sent again since the connection was made.
    pub retransmits: u32,
}

/// What the kernel knows of the connection (TCP_INFO).
pub fn tcp_info(fd: BorrowedFd<'_>) -> io::Result<TcpInfo> {
    const TIMESTAMPS: u8 = 1; // TCPI_OPT_TIMESTAMPS
    // SAFETY: tcp_info is plain data for which zeroes are valid.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut len = std::mem::size_of_val(&info) as libc::socklen_t;
    // SAFETY: `info` is valid for the length given; an older kernel writes less of it.
    let rc = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            std::ptr::from_mut(&mut info).cast(),
            &mut len,
        )
    };
    if rc != 0 {
        return Err(io::Error::last_os_error());
    }
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
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid rlimit, to be written to and then read. Where it fails, the limit stays.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 && limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}
