//! Messages between processes, with descriptors in them (unix(7), SCM_RIGHTS).
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// How many descriptors one message carries at most.
const MOST_FDS: usize = 8;

/// A pair of connected sockets that keep messages apart, close-on-exec (socketpair(2), SOCK_SEQPACKET).
pub fn message_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [0; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: the array has room for the two descriptors, which are new and ours.
    unsafe {
        if libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()) < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok((OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])))
    }
}

/// Sends a message with copies of `fds`, waiting for room (sendmsg(2)).
pub fn send_message(to: BorrowedFd<'_>, data: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut control = Control::default();
    let mut part = libc::iovec { iov_base: data.as_ptr().cast_mut().cast(), iov_len: data.len() };
    // SAFETY: msghdr is plain data for which zeroes are valid.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &mut part;
    header.msg_iovlen = 1;
    if !fds.is_empty() {
        let size = control.fill(fds);
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = size as _;
    }
    loop {
        // SAFETY: every pointer in the header is to an object that lives until the call returns, with its true length;
        // the data is only read.
        let n = unsafe { libc::sendmsg(to.as_raw_fd(), &header, libc::MSG_NOSIGNAL) };
        if n >= 0 {
            return Ok(());
        }
        match io::Error::last_os_error() {
            err if err.kind() == io::ErrorKind::Interrupted => {}
            err => return Err(err),
        }
    }
}

/// Receives a message into `buffer`, without waiting: its length, 0 at the end of the connection, and the descriptors in it
/// (recvmsg(2)).
pub fn receive_message(from: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut control = Control::default();
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: msghdr is plain data for which zeroes are valid.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = std::mem::size_of_val(&control.0) as _;
    // SAFETY: every pointer in the header is to an object that lives until the call returns, with its true length.
    let n = unsafe { libc::recvmsg(from.as_raw_fd(), &mut header, libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC) };
    if n < 0 {
        return Err(io::Error::last_os_error());
    }
    let fds = control.take(header.msg_controllen as usize);
    if header.msg_flags & libc::MSG_CTRUNC != 0 {
        // There is room for as many descriptors as a message has: the process may have no more.
        return Err(io::Error::from_raw_os_error(libc::EMFILE));
    }
    if header.msg_flags & libc::MSG_TRUNC != 0 {
        return Err(io::Error::from_raw_os_error(libc::EMSGSIZE));
    }
    Ok((n as usize, fds))
}

/// Room for one control message with descriptors: its header in two words, then the descriptors, two in a word.
#[derive(Default)]
struct Control([u64; 2 + MOST_FDS / 2]);

impl Control {
    /// Puts in the descriptors; the size in bytes.
    fn fill(&mut self, fds: &[BorrowedFd<'_>]) -> usize {
        assert!(fds.len() <= MOST_FDS, "too many descriptors for one message");
        let len = HEADER + fds.len() * FD;
        self.0[0] = len as u64;
        self.0[1] = pair(libc::SOL_SOCKET, libc::SCM_RIGHTS);
        for (word, two) in self.0[2..].iter_mut().zip(fds.chunks(2)) {
            *word = pair(two[0].as_raw_fd(), two.get(1).map_or(0, AsRawFd::as_raw_fd));
        }
        len.next_multiple_of(8)
    }

    /// Takes the descriptors out of `len` bytes that the kernel has written.
    fn take(&self, len: usize) -> Vec<OwnedFd> {
        let is_rights = len > HEADER && self.0[1] == pair(libc::SOL_SOCKET, libc::SCM_RIGHTS);
        let count = if is_rights { (self.0[0] as usize).min(len).saturating_sub(HEADER) / FD } else { 0 };
        (0..count.min(MOST_FDS))
            .map(|index| {
                let bytes = self.0[2 + index / 2].to_ne_bytes();
                let [a, b, c, d, e, f, g, h] = bytes;
                let fd = i32::from_ne_bytes(if index % 2 == 0 { [a, b, c, d] } else { [e, f, g, h] });
                // SAFETY: the kernel has put this descriptor into our table for this message alone.
                unsafe { OwnedFd::from_raw_fd(fd) }
            })
            .collect()
    }
}

/// Two numbers as they lie in memory one after the other.
fn pair(first: i32, second: i32) -> u64 {
    let ([a, b, c, d], [e, f, g, h]) = (first.to_ne_bytes(), second.to_ne_bytes());
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}

/// Bytes of a control message before its data (cmsg(3)).
const HEADER: usize = 16;
/// Bytes of a descriptor.
const FD: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn descriptors_travel_with_their_message() {
        let (ours, theirs) = message_pair().expect("a pair");
        let (one, other) = message_pair().expect("a pair");
        let mut buffer = [0; 64];
        for count in 0..=3 {
            let fds = vec![one.as_fd(); count];
            send_message(ours.as_fd(), b"hello", &fds).expect("sends");
            let (n, got) = receive_message(theirs.as_fd(), &mut buffer).expect("receives");
            assert_eq!((&buffer[..n], got.len()), (&b"hello"[..], count));
            for (index, fd) in got.iter().enumerate() {
                send_message(fd.as_fd(), &[index as u8], &[]).expect("sends");
                assert_eq!(receive_message(other.as_fd(), &mut buffer).expect("receives").0, 1);
                assert_eq!(usize::from(buffer[0]), index);
            }
        }
        drop(ours);
        assert_eq!(receive_message(theirs.as_fd(), &mut buffer).expect("the end").0, 0);
    }
}
