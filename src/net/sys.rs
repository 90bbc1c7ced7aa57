//! The system calls that no crate of ours wraps: control messages, socket options by number, clocks, ppoll.
//!
//! One of the few files with `unsafe`; each block states why it is sound. Nothing here retries or decides: that
//! is for the callers.
#![allow(unsafe_code)]

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::time::Duration;

/// Makes an eventfd(2), which is readable while its counter is above zero.
pub fn eventfd() -> io::Result<OwnedFd> {
    // SAFETY: eventfd takes no pointers; a descriptor it returns is new and ours.
    unsafe {
        let fd = libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK);
        if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(fd)) }
    }
}

/// Makes an eventfd readable. Safe to call from a signal handler (write(2)).
pub fn eventfd_raise(fd: BorrowedFd<'_>) {
    let one = 1u64.to_ne_bytes();
    // SAFETY: the buffer is valid for its 8 bytes. The write fails only when the counter is full, and then
    // the descriptor is readable already.
    unsafe { libc::write(fd.as_raw_fd(), one.as_ptr().cast(), one.len()) };
}

/// Makes an eventfd unreadable again.
pub fn eventfd_lower(fd: BorrowedFd<'_>) {
    let mut count = [0u8; 8];
    // SAFETY: the buffer is valid for its 8 bytes; the descriptor does not block.
    unsafe { libc::read(fd.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
}

fn clock(id: libc::clockid_t) -> i64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `t` is a valid timespec to write to; the clock ids used exist on every Linux.
    unsafe { libc::clock_gettime(id, &mut t) };
    t.tv_sec * 1_000_000_000 + t.tv_nsec
}

/// Nanoseconds on CLOCK_MONOTONIC.
pub fn monotonic_nanos() -> i64 {
    clock(libc::CLOCK_MONOTONIC)
}

/// Nanoseconds since 1970 on CLOCK_REALTIME, the clock of kernel packet stamps.
pub fn realtime_nanos() -> i64 {
    clock(libc::CLOCK_REALTIME)
}

/// Lets this thread's and its children's timed waits end within a nanosecond of their time instead of 50 µs
/// (PR_SET_TIMERSLACK).
pub fn sharpen_timers() {
    // SAFETY: prctl with these arguments reads no memory.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1, 0, 0, 0) };
}

/// A descriptor to wait on, and what came of it.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct PollFd<'a> {
    raw: libc::pollfd,
    _fd: std::marker::PhantomData<BorrowedFd<'a>>,
}

impl std::fmt::Debug for PollFd<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PollFd({}, {:#x})", self.raw.fd, self.raw.revents)
    }
}

impl<'a> PollFd<'a> {
    /// Waits until `fd` can be read, or has an error to report.
    pub fn readable(fd: BorrowedFd<'a>) -> Self {
        Self::new(fd, libc::POLLIN)
    }

    /// Waits until `fd` takes what is written to it.
    pub fn writable(fd: BorrowedFd<'a>) -> Self {
        Self::new(fd, libc::POLLOUT)
    }

    fn new(fd: BorrowedFd<'a>, events: i16) -> Self {
        Self { raw: libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 }, _fd: std::marker::PhantomData }
    }

    /// Takes over what came of waiting on the same descriptor.
    pub(super) fn take_result(&mut self, polled: &PollFd<'_>) {
        self.raw.revents = polled.raw.revents;
    }

    /// Whether anything happened: data, an error or the end.
    pub fn is_ready(&self) -> bool {
        self.raw.revents != 0
    }

    /// Whether the socket's error queue has an entry, or the socket an error (POLLERR).
    pub fn has_error(&self) -> bool {
        self.raw.revents & libc::POLLERR != 0
    }
}

/// Waits until a descriptor is ready or `timeout` has passed (ppoll(2)); `None` waits for ever. The number of
/// ready descriptors; an interrupted call counts as none.
pub fn ppoll(fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> io::Result<usize> {
    let spec = timeout.map(|t| {
        let ns = t.as_nanos().max(0);
        libc::timespec { tv_sec: ns / 1_000_000_000, tv_nsec: ns % 1_000_000_000 }
    });
    let spec = spec.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: PollFd is a transparent wrapper of pollfd, the slice is valid for its length, and `spec` is null or
    // points to a timespec that lives until the call returns.
    let n = unsafe { libc::ppoll(fds.as_mut_ptr().cast(), fds.len() as libc::nfds_t, spec, std::ptr::null()) };
    if n >= 0 {
        return Ok(n as usize);
    }
    match io::Error::last_os_error() {
        err if err.kind() == io::ErrorKind::Interrupted => Ok(0),
        err => Err(err),
    }
}

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

/// How many datagrams a socket has dropped, by its own count (SO_MEMINFO).
pub fn drops(fd: BorrowedFd<'_>) -> io::Result<u64> {
    const DROPS: usize = 8; // SK_MEMINFO_DROPS
    let mut info = [0u32; 16];
    let mut len = std::mem::size_of_val(&info) as libc::socklen_t;
    // SAFETY: `info` is valid for the length given, and the kernel writes no more than that.
    let rc = unsafe {
        libc::getsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, libc::SO_MEMINFO, info.as_mut_ptr().cast(), &mut len)
    };
    if rc == 0 { Ok(u64::from(info[DROPS])) } else { Err(io::Error::last_os_error()) }
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

/// A socket address in the form of the system calls.
#[derive(Clone, Copy)]
pub struct RawAddr {
    storage: libc::sockaddr_storage,
    len: libc::socklen_t,
}

impl From<SocketAddr> for RawAddr {
    fn from(addr: SocketAddr) -> Self {
        let addr = socket2::SockAddr::from(addr);
        // SAFETY: sockaddr_storage is plain data for which zeroes are valid; the copy stays within both objects,
        // since a SockAddr is at most as long as a sockaddr_storage.
        unsafe {
            let mut storage: libc::sockaddr_storage = std::mem::zeroed();
            std::ptr::copy_nonoverlapping(
                addr.as_ptr().cast::<u8>(),
                std::ptr::from_mut(&mut storage).cast::<u8>(),
                addr.len() as usize,
            );
            Self { storage, len: addr.len() }
        }
    }
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

/// Where an entry of a socket's error queue comes from (`ee_origin`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The local system.
    Local,
    /// An ICMP message.
    Icmp,
    /// An ICMPv6 message.
    Icmp6,
    /// A stamp of a packet sent.
    Stamp,
    /// Something else.
    Other(u8),
}

/// An entry of a socket's error queue (`struct sock_extended_err`).
#[derive(Clone, Copy, Debug)]
pub struct QueueEntry {
    /// The errno the kernel made of it.
    pub errno: i32,
    /// Where it comes from.
    pub origin: Origin,
    /// The ICMP type.
    pub type_: u8,
    /// The ICMP code.
    pub code: u8,
    /// The next-hop MTU, or the pointer, or the kind of stamp.
    pub info: u32,
    /// The number of the packet stamped.
    pub data: u32,
    /// Who reports the error.
    pub offender: Option<IpAddr>,
}

/// What one recvmsg(2) brought.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// Bytes put into the buffer.
    pub len: usize,
    /// Whether the datagram was longer than the buffer (MSG_TRUNC).
    pub truncated: bool,
    /// The sender; for an entry of the error queue, the destination of the packet it is about.
    pub addr: Option<SocketAddr>,
    /// The kernel's stamp, in nanoseconds since 1970.
    pub stamp: Option<i64>,
    /// The TTL or hop limit it came with.
    pub ttl: Option<u8>,
    /// Datagrams the socket's full receive buffer has lost so far (SO_RXQ_OVFL).
    pub overflow: Option<u32>,
    /// The entry, if it was read from the error queue.
    pub entry: Option<QueueEntry>,
}

/// Receives one datagram or one entry of the error queue, without waiting (recvmsg(2)).
pub fn receive(fd: BorrowedFd<'_>, buffer: &mut [u8], error_queue: bool) -> io::Result<Received> {
    #[repr(align(8))]
    struct Control([u8; 512]);
    let mut control = Control([0; 512]);
    // SAFETY: sockaddr_storage and msghdr are plain data for which zeroes are valid.
    let (mut name, mut header): (libc::sockaddr_storage, libc::msghdr) = unsafe { std::mem::zeroed() };
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    header.msg_name = std::ptr::from_mut(&mut name).cast();
    header.msg_namelen = std::mem::size_of_val(&name) as libc::socklen_t;
    header.msg_iov = &mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = control.0.len();
    let flags = libc::MSG_DONTWAIT | if error_queue { libc::MSG_ERRQUEUE } else { 0 };
    // SAFETY: every pointer in the header is to an object that lives until the call returns, with its true length.
    let n = unsafe { libc::recvmsg(fd.as_raw_fd(), &mut header, flags) };
    if n < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel wrote at most the length of `name`, which was zeroed before.
    let name =
        unsafe { std::slice::from_raw_parts(std::ptr::from_ref(&name).cast::<u8>(), std::mem::size_of_val(&name)) };
    let mut received = Received {
        len: n as usize,
        truncated: header.msg_flags & libc::MSG_TRUNC != 0,
        addr: address(&name[..(header.msg_namelen as usize).min(name.len())]),
        stamp: None,
        ttl: None,
        overflow: None,
        entry: None,
    };
    for (level, kind, data) in Messages(&control.0[..header.msg_controllen.min(control.0.len())]) {
        note(&mut received, level, kind, data);
    }
    Ok(received)
}

/// Receives one datagram and its sender, without waiting (recvfrom(2)).
pub fn receive_plain(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Received> {
    // SAFETY: sockaddr_storage is plain data for which zeroes are valid.
    let mut name: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let mut len = std::mem::size_of_val(&name) as libc::socklen_t;
    // SAFETY: the buffer and the address are valid for the lengths given.
    let n = unsafe {
        libc::recvfrom(
            fd.as_raw_fd(),
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            libc::MSG_DONTWAIT | libc::MSG_TRUNC,
            std::ptr::from_mut(&mut name).cast(),
            &mut len,
        )
    };
    if n < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel wrote at most the length of `name`, which was zeroed before.
    let name =
        unsafe { std::slice::from_raw_parts(std::ptr::from_ref(&name).cast::<u8>(), std::mem::size_of_val(&name)) };
    // With MSG_TRUNC the datagram's own length is told, whatever the buffer's.
    let whole = n as usize;
    Ok(Received {
        len: whole.min(buffer.len()),
        truncated: whole > buffer.len(),
        addr: address(&name[..(len as usize).min(name.len())]),
        stamp: None,
        ttl: None,
        overflow: None,
        entry: None,
    })
}

/// How many datagrams one call moves at most.
const BATCH: usize = 16;

/// Room for the datagrams of one call, each of any size.
pub struct Batch {
    data: Vec<u8>,
    names: [libc::sockaddr_storage; BATCH],
    lens: [(usize, usize); BATCH],
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Batch of {BATCH}")
    }
}

impl Default for Batch {
    fn default() -> Self {
        // SAFETY: sockaddr_storage is plain data for which zeroes are valid.
        let names = unsafe { std::mem::zeroed() };
        Self { data: vec![0; BATCH * LARGEST], names, lens: [(0, 0); BATCH] }
    }
}

/// No datagram is larger.
const LARGEST: usize = 65_536;

impl Batch {
    /// The datagram at `index` and its sender.
    pub fn get(&self, index: usize) -> Option<(&[u8], SocketAddr)> {
        let &(len, name_len) = self.lens.get(index)?;
        // SAFETY: the kernel wrote at most the length of the name, which was zeroed before.
        let name = unsafe {
            std::slice::from_raw_parts(
                std::ptr::from_ref(&self.names[index]).cast::<u8>(),
                std::mem::size_of::<libc::sockaddr_storage>(),
            )
        };
        let from = address(&name[..name_len.min(name.len())])?;
        self.data.get(index * LARGEST..index * LARGEST + len).map(|data| (data, from))
    }
}

/// Receives the datagrams that are there, up to a batch, without waiting (recvmmsg(2)); how many.
pub fn receive_many(fd: BorrowedFd<'_>, batch: &mut Batch) -> io::Result<usize> {
    // SAFETY: mmsghdr and iovec are plain data for which zeroes are valid.
    let (mut headers, mut parts): ([libc::mmsghdr; BATCH], [libc::iovec; BATCH]) = unsafe { std::mem::zeroed() };
    for (index, room) in batch.data.chunks_exact_mut(LARGEST).enumerate() {
        parts[index] = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: LARGEST };
        let header = &mut headers[index].msg_hdr;
        header.msg_iov = &mut parts[index];
        header.msg_iovlen = 1;
        header.msg_name = std::ptr::from_mut(&mut batch.names[index]).cast();
        header.msg_namelen = std::mem::size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    }
    // SAFETY: every pointer is to an object that lives until the call returns, with its true length.
    let n = unsafe {
        libc::recvmmsg(
            fd.as_raw_fd(),
            headers.as_mut_ptr(),
            BATCH as libc::c_uint,
            libc::MSG_DONTWAIT as _,
            std::ptr::null_mut(),
        )
    };
    if n < 0 {
        return Err(io::Error::last_os_error());
    }
    for (index, header) in headers.iter().enumerate().take(n as usize) {
        batch.lens[index] = (header.msg_len as usize, header.msg_hdr.msg_namelen as usize);
    }
    Ok(n as usize)
}

/// Sends datagrams with one call, without waiting (sendmmsg(2)); how many of them, from the first on, were sent.
pub fn send_many(fd: BorrowedFd<'_>, datagrams: &[(Vec<u8>, SocketAddr)]) -> io::Result<usize> {
    // SAFETY: mmsghdr and iovec are plain data for which zeroes are valid.
    let (mut headers, mut parts): ([libc::mmsghdr; BATCH], [libc::iovec; BATCH]) = unsafe { std::mem::zeroed() };
    let mut names: Vec<RawAddr> = datagrams.iter().take(BATCH).map(|(_, to)| RawAddr::from(*to)).collect();
    let count = names.len();
    for (index, ((data, _), name)) in datagrams.iter().zip(&mut names).enumerate() {
        parts[index] = libc::iovec { iov_base: data.as_ptr().cast_mut().cast(), iov_len: data.len() };
        let header = &mut headers[index].msg_hdr;
        header.msg_iov = &mut parts[index];
        header.msg_iovlen = 1;
        header.msg_namelen = name.len;
        header.msg_name = std::ptr::from_mut(&mut name.storage).cast();
    }
    // SAFETY: every pointer is to an object that lives until the call returns, with its true length; the data is only
    // read.
    let n = unsafe {
        libc::sendmmsg(
            fd.as_raw_fd(),
            headers.as_mut_ptr(),
            count as libc::c_uint,
            (libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT) as _,
        )
    };
    if n < 0 { Err(io::Error::last_os_error()) } else { Ok(n as usize) }
}

/// The control messages in a buffer: level, type and data (cmsg(3)).
struct Messages<'a>(&'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = (i32, i32, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        const HEADER: usize = 16; // cmsg_len, cmsg_level, cmsg_type
        let len = usize::try_from(u64_at(self.0, 0)?).ok()?;
        let (level, kind) = (i32_at(self.0, 8)?, i32_at(self.0, 12)?);
        let data = self.0.get(HEADER..len)?;
        self.0 = self.0.get(len.next_multiple_of(8)..).unwrap_or_default();
        Some((level, kind, data))
    }
}

fn note(received: &mut Received, level: i32, kind: i32, data: &[u8]) {
    match (level, kind) {
        (libc::SOL_SOCKET, libc::SCM_TIMESTAMPING) => {
            // Three timespecs: the first is the software stamp, zero where there is none.
            if let (Some(s), Some(ns)) = (u64_at(data, 0), u64_at(data, 8)) {
                received.stamp = (s != 0).then_some((s * 1_000_000_000 + ns) as i64);
            }
        }
        (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => received.overflow = i32_at(data, 0).map(|n| n as u32),
        (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
            received.ttl = i32_at(data, 0).map(|n| n as u8);
        }
        (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR) => {
            received.entry = entry(data);
        }
        _ => {}
    }
}

fn entry(data: &[u8]) -> Option<QueueEntry> {
    let [_, _, _, _, origin, type_, code, _, ..] = *data else { return None };
    Some(QueueEntry {
        errno: i32_at(data, 0)?,
        origin: match origin {
            1 => Origin::Local,
            2 => Origin::Icmp,
            3 => Origin::Icmp6,
            4 => Origin::Stamp,
            other => Origin::Other(other),
        },
        type_,
        code,
        info: i32_at(data, 8)? as u32,
        data: i32_at(data, 12)? as u32,
        // The offender follows the fixed part as a sockaddr.
        offender: data.get(16..).and_then(address).map(|addr| addr.ip()),
    })
}

/// Reads a `sockaddr`; IPv4 addresses mapped into IPv6 are given as IPv4.
fn address(bytes: &[u8]) -> Option<SocketAddr> {
    let family = i32::from(u16::from_ne_bytes(*bytes.first_chunk()?));
    let port = u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
    match family {
        libc::AF_INET => {
            let ip: [u8; 4] = *bytes.get(4..)?.first_chunk()?;
            Some(SocketAddrV4::new(Ipv4Addr::from(ip), port).into())
        }
        libc::AF_INET6 => {
            let ip = Ipv6Addr::from(*bytes.get(8..)?.first_chunk::<16>()?);
            let scope = i32_at(bytes, 24).unwrap_or(0) as u32;
            Some(match ip.to_ipv4_mapped() {
                Some(ip) => SocketAddrV4::new(ip, port).into(),
                None => SocketAddrV6::new(ip, port, 0, scope).into(),
            })
        }
        _ => None,
    }
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Reads up to `buffer.len()` bytes (read(2)); 0 at the end of the file.
pub fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the buffer is valid for its length.
    let n = unsafe { libc::read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
    if n < 0 { Err(io::Error::last_os_error()) } else { Ok(n as usize) }
}

/// Writes to standard error without memory or locks: from an allocator or a signal handler, before the end (write(2)).
pub fn last_words(text: &str) {
    // SAFETY: the buffer is valid for its length. What cannot be written has nobody to read it.
    let _ = unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
}

/// Ends the process at once, without running anything of it (_exit(2)).
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit takes no pointers and does not return.
    unsafe { libc::_exit(code) }
}

/// The socket's local address (getsockname(2)).
pub fn local_addr(socket: &socket2::Socket) -> io::Result<SocketAddr> {
    socket
        .local_addr()?
        .as_socket()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not an Internet socket"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_messages_of_any_bytes_end() {
        for len in 0..64 {
            for fill in [0u8, 1, 16, 24, 255] {
                let bytes = vec![fill; len];
                assert!(Messages(&bytes).count() <= 4);
            }
        }
    }

    #[test]
    fn addresses_survive_the_round_trip() {
        for text in ["127.0.0.1:11000", "[2001:db8::1]:7", "[fe80::1%3]:9"] {
            let addr: SocketAddr = text.parse().expect("an address");
            let raw = RawAddr::from(addr);
            // SAFETY: the storage is fully initialised.
            let bytes =
                unsafe { std::slice::from_raw_parts(std::ptr::from_ref(&raw.storage).cast::<u8>(), raw.len as usize) };
            assert_eq!(address(bytes), Some(addr));
        }
    }
}
