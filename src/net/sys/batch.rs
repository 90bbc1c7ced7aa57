//! Many datagrams in one call.
#![allow(unsafe_code)]

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::address::{RawAddr, address};
use super::receive::Wait;

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

/// Receives the datagrams that are there, up to a batch, and waits at most for the first (recvmmsg(2)); how many.
pub fn receive_many(fd: BorrowedFd<'_>, batch: &mut Batch, wait: Wait) -> io::Result<usize> {
    let flags = match wait {
        Wait::No => libc::MSG_DONTWAIT,
        Wait::Yes => libc::MSG_WAITFORONE,
    };
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
        libc::recvmmsg(fd.as_raw_fd(), headers.as_mut_ptr(), BATCH as libc::c_uint, flags as _, std::ptr::null_mut())
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

/// How many datagrams one call moves at most.
const BATCH: usize = 16;

/// No datagram is larger.
const LARGEST: usize = 65_536;
