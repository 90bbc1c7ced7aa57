//! Many small datagrams in one call, with their control messages.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::address::address;
use super::receive::{Received, read};

/// How many datagrams one call receives at most.
pub const GATHERED: usize = 64;

/// No datagram larger than this is received whole.
pub const GATHERED_SIZE: usize = 2048;

/// Octets for the control messages of one: a stamp takes 64, a TTL 24.
const CONTROL: usize = 128;

/// Room for what one call receives.
pub struct Gather {
    headers: Vec<libc::mmsghdr>,
    parts: Vec<libc::iovec>,
    names: Vec<libc::sockaddr_storage>,
    controls: Vec<Control>,
    data: Vec<u8>,
}

#[derive(Clone, Copy)]
#[repr(align(8))]
struct Control([u8; CONTROL]);

impl std::fmt::Debug for Gather {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gather of {GATHERED}")
    }
}

impl Default for Gather {
    fn default() -> Self {
        // SAFETY: all are plain data for which zeroes are valid: numbers, arrays of bytes and null pointers.
        let (header, part, name) = unsafe { std::mem::zeroed() };
        Self {
            headers: vec![header; GATHERED],
            parts: vec![part; GATHERED],
            names: vec![name; GATHERED],
            controls: vec![Control([0; CONTROL]); GATHERED],
            data: vec![0; GATHERED * GATHERED_SIZE],
        }
    }
}

impl Gather {
    /// Receives the datagrams that are there, at most `most`, without waiting (recvmmsg(2), recvmsg(2)); how many.
    ///
    /// # Errors
    /// What recvmmsg(2) reports, EAGAIN where there is none.
    pub fn receive(&mut self, fd: BorrowedFd<'_>, most: usize) -> io::Result<usize> {
        let most = most.clamp(1, GATHERED);
        let Self { headers, parts, names, controls, data } = self;
        for (index, data) in data.chunks_exact_mut(GATHERED_SIZE).enumerate().take(most) {
            parts[index] = libc::iovec { iov_base: data.as_mut_ptr().cast(), iov_len: GATHERED_SIZE };
            let header = &mut headers[index].msg_hdr;
            header.msg_iov = &raw mut parts[index];
            header.msg_iovlen = 1;
            header.msg_name = (&raw mut names[index]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_control = controls[index].0.as_mut_ptr().cast();
            header.msg_controllen = CONTROL as _;
        }
        let (fd, flags) = (fd.as_raw_fd(), libc::MSG_DONTWAIT);
        // SAFETY: every pointer in the headers is into a part of this room, which outlives the call, with its true length.
        let n = unsafe {
            match headers.as_mut_slice() {
                // For one the older call costs less.
                [one, ..] if most == 1 => {
                    let len = libc::recvmsg(fd, &raw mut one.msg_hdr, flags);
                    one.msg_len = len as libc::c_uint;
                    if len < 0 { -1 } else { 1 }
                }
                _ => libc::recvmmsg(fd, headers.as_mut_ptr(), most as libc::c_uint, flags as _, std::ptr::null_mut()),
            }
        };
        if n < 0 { Err(io::Error::last_os_error()) } else { Ok(n as usize) }
    }

    /// The datagram at `index` of those received last.
    pub fn get(&self, index: usize) -> (&[u8], Received) {
        let libc::mmsghdr { msg_hdr, msg_len } = self.headers[index];
        let data = &self.data[index * GATHERED_SIZE..][..(msg_len as usize).min(GATHERED_SIZE)];
        // SAFETY: the storage was zeroed before the kernel wrote to it, so that all of it is initialised.
        let name = unsafe {
            std::slice::from_raw_parts(
                std::ptr::from_ref(&self.names[index]).cast::<u8>(),
                size_of::<libc::sockaddr_storage>(),
            )
        };
        let from = address(&name[..(msg_hdr.msg_namelen as usize).min(name.len())]);
        let control = &self.controls[index].0[..CONTROL.min(msg_hdr.msg_controllen as _)];
        (data, read(data.len(), msg_hdr.msg_flags, from, control))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    #[test]
    fn what_is_there_comes_in_order_with_sender_and_stamp() {
        let [here, there] = [0, 1].map(|_| UdpSocket::bind("127.0.0.1:0").expect("a socket"));
        crate::net::sys::stamp_arrivals(here.as_fd());
        let mut gather = Gather::default();
        let none = gather.receive(here.as_fd(), 9).map_err(|err| err.kind());
        assert_eq!(none, Err(io::ErrorKind::WouldBlock));
        let (to, from) = (here.local_addr().expect("bound"), there.local_addr().expect("bound"));
        let sizes = [0, 1, 1400, GATHERED_SIZE, GATHERED_SIZE + 1];
        for (fill, size) in (0..).zip(sizes) {
            there.send_to(&vec![fill; size], to).expect("sent");
        }
        // The room is used again: nothing of one call is left in the next.
        assert_eq!(gather.receive(here.as_fd(), 2).expect("two"), 2);
        assert_eq!(gather.receive(here.as_fd(), 9).expect("the rest"), 3);
        for (index, (fill, size)) in (0..).zip(sizes).skip(2).enumerate() {
            let (data, received) = gather.get(index);
            assert_eq!(data, vec![fill; size.min(GATHERED_SIZE)]);
            assert_eq!((received.addr, received.truncated), (Some(from), size > GATHERED_SIZE));
        }
    }
}
