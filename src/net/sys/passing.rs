//! ControlMessages between processes, with descriptors in them (unix(7), SCM_RIGHTS).
#![allow(unsafe_code)]

use std::io::{self, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use socket2::{Domain, Socket, Type};

use super::address::RawAddr;
use super::message::{ControlBuffer, HEADER, receive_one, send_one};
use super::receive::ControlMessages;

/// How many descriptors one message carries at most.
const MOST_FDS: usize = 8;

/// Bytes of a descriptor.
const FD: usize = 4;

/// A control message with descriptors.
type Rights = ControlBuffer<{ HEADER + MOST_FDS * FD }>;

/// A pair of connected sockets that keep messages apart, close-on-exec (socketpair(2), SOCK_SEQPACKET).
pub fn message_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Socket::pair(Domain::UNIX, Type::SEQPACKET, None).map(|(ours, theirs)| (ours.into(), theirs.into()))
}

/// A stream over which a process that is started with the other end as its standard input reports, and reads nothing.
pub fn report_stream() -> io::Result<(UnixStream, Stdio)> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.shutdown(Shutdown::Write)?;
    Ok((ours, OwnedFd::from(theirs).into()))
}

/// Reports in a process that was started so.
pub fn report(text: &[u8]) -> io::Result<()> {
    let stream = io::stdin().as_fd().try_clone_to_owned()?;
    UnixStream::from(stream).write_all(text)
}

/// Sends a message with copies of `fds`, waiting for room (sendmsg(2)).
pub fn send_message(to: impl AsFd, data: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    assert!(fds.len() <= MOST_FDS, "too many descriptors for one message");
    let fds: Vec<u8> = fds.iter().flat_map(|fd| fd.as_raw_fd().to_ne_bytes()).collect();
    let (control, len) = Rights::of(libc::SOL_SOCKET, libc::SCM_RIGHTS, &fds);
    let control = if fds.is_empty() { &[] } else { &control.0[..len] };
    loop {
        match send_one(&to, data, None, control, 0) {
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            done => return done.map(drop),
        }
    }
}

/// Receives a message into `buffer`, without waiting: its length, 0 at the end of the connection, and the descriptors in it
/// (recvmsg(2)).
pub fn receive_message(from: impl AsFd, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let (mut name, mut control) = (RawAddr::ROOM, ControlBuffer([0; size_of::<Rights>()]));
    let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
    let arrival = receive_one(from, buffer, &mut name, &mut control.0, flags)?;
    let rights = ControlMessages(&control.0[..arrival.control])
        .filter(|(level, kind, _)| (*level, *kind) == (libc::SOL_SOCKET, libc::SCM_RIGHTS));
    let numbers = rights.flat_map(|(_, _, data)| data.as_chunks::<FD>().0).map(|fd| i32::from_ne_bytes(*fd));
    // SAFETY: the kernel has put these descriptors into our table for this message alone.
    let fds = numbers.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }).collect();
    if arrival.flags & libc::MSG_CTRUNC != 0 {
        // There is room for as many descriptors as a message has: the process may have no more.
        return Err(io::Error::from_raw_os_error(libc::EMFILE));
    }
    if arrival.is_cut() {
        return Err(io::Error::from_raw_os_error(libc::EMSGSIZE));
    }
    Ok((arrival.len, fds))
}

#[cfg(test)]
mod tests {
    use super::*;

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
