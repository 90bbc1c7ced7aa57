//! Waiting for many descriptors at a cost that does not grow with their number (epoll(7)).
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// A set of descriptors, each known by a number of the caller's. It is itself a descriptor that is readable while one of
/// them is ready.
#[derive(Debug)]
pub struct Epoll(OwnedFd);

/// A descriptor that is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// The number it is known by.
    pub token: u64,
    /// Whether it takes what is written to it.
    pub writable: bool,
    /// Whether there is something to read, an error or the end.
    pub readable: bool,
}

/// What is waited for at a descriptor, besides errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    /// Whether it can be read.
    pub read: bool,
    /// Whether it can be written to.
    pub write: bool,
}

/// How many are told of in one call.
const BATCH: usize = 64;

impl Epoll {
    /// An empty set (epoll_create1(2)).
    pub fn new() -> io::Result<Self> {
        // SAFETY: the call takes no pointers; a descriptor it returns is new and ours.
        unsafe {
            let fd = libc::epoll_create1(libc::EPOLL_CLOEXEC);
            if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(Self(OwnedFd::from_raw_fd(fd))) }
        }
    }

    /// Takes `fd` in as `token`.
    pub fn add(&self, fd: BorrowedFd<'_>, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, token, interest)
    }

    /// Changes what is waited for at `fd`.
    pub fn change(&self, fd: BorrowedFd<'_>, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, token, interest)
    }

    /// Takes `fd` out.
    pub fn remove(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, fd, 0, Interest { read: false, write: false })
    }

    fn control(&self, op: i32, fd: BorrowedFd<'_>, token: u64, interest: Interest) -> io::Result<()> {
        let read = if interest.read { libc::EPOLLIN } else { 0 };
        let write = if interest.write { libc::EPOLLOUT } else { 0 };
        let mut event = libc::epoll_event { events: (read | write) as u32, u64: token };
        // SAFETY: `event` lives until the call returns.
        let rc = unsafe { libc::epoll_ctl(self.0.as_raw_fd(), op, fd.as_raw_fd(), &raw mut event) };
        if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Those that are ready now, some of them; `ready` is emptied first. Does not wait (epoll_wait(2)).
    pub fn ready(&self, ready: &mut Vec<Readiness>) -> io::Result<()> {
        ready.clear();
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; BATCH];
        // SAFETY: `events` is valid for the number given.
        let n = unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), BATCH as i32, 0) };
        if n < 0 {
            let err = io::Error::last_os_error();
            return if err.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(err) };
        }
        ready.extend(events[..n as usize].iter().map(|event| {
            let is = |bits: i32| event.events & bits as u32 != 0;
            Readiness {
                token: event.u64,
                writable: is(libc::EPOLLOUT),
                readable: is(libc::EPOLLIN | libc::EPOLLERR | libc::EPOLLHUP),
            }
        }));
        Ok(())
    }
}

impl AsFd for Epoll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    #[test]
    fn those_that_are_ready_are_told_by_their_numbers() {
        let epoll = Epoll::new().expect("a descriptor");
        let (mut one, two) = UnixStream::pair().expect("a pair");
        let read = Interest { read: true, write: false };
        epoll.add(two.as_fd(), 7, read).expect("taken in");
        let mut ready = Vec::new();
        epoll.ready(&mut ready).expect("asked");
        assert_eq!(ready, []);
        one.write_all(b"x").expect("written");
        epoll.ready(&mut ready).expect("asked");
        assert_eq!(ready, [Readiness { token: 7, writable: false, readable: true }]);
        (&two).read_exact(&mut [0]).expect("read");
        epoll.change(two.as_fd(), 8, Interest { read: true, write: true }).expect("changed");
        epoll.ready(&mut ready).expect("asked");
        assert_eq!(ready, [Readiness { token: 8, writable: true, readable: false }]);
        epoll.remove(two.as_fd()).expect("taken out");
        epoll.ready(&mut ready).expect("asked");
        assert_eq!(ready, []);
    }
}
