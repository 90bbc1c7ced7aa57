//! Waiting for many descriptors at a cost that does not grow with their number (epoll(7)).

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::epoll::{self, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::net::io::{Interest, Readiness};

/// A set of descriptors, each known by a number of the caller's. It is itself a descriptor that is readable while one of
/// them is ready.
#[derive(Debug)]
pub struct Epoll(epoll::Epoll);

/// How many are reported in one call.
const BATCH: usize = 64;

impl Epoll {
    /// An empty set (epoll_create1(2)).
    pub fn new() -> io::Result<Self> {
        Ok(Self(epoll::Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?))
    }

    /// The descriptor of the set.
    pub fn descriptor(&self) -> &OwnedFd {
        &self.0.0
    }

    /// Takes `fd` in as `token`.
    pub fn add(&self, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        Ok(self.0.add(fd, event(interest, token))?)
    }

    /// Changes what is waited for at `fd`.
    pub fn change(&self, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        Ok(self.0.modify(fd, &mut event(interest, token))?)
    }

    /// Takes `fd` out.
    pub fn remove(&self, fd: impl AsFd) -> io::Result<()> {
        Ok(self.0.delete(fd)?)
    }

    /// Those that are ready now, some of them; `ready` is emptied first. Does not wait (epoll_wait(2)).
    pub fn ready(&self, ready: &mut Vec<Readiness>) -> io::Result<()> {
        ready.clear();
        let mut events = [EpollEvent::empty(); BATCH];
        let n = match self.0.wait(&mut events, EpollTimeout::ZERO) {
            Err(Errno::EINTR) => 0,
            n => n?,
        };
        ready.extend(events[..n].iter().map(|event| {
            let is = |flags| event.events().intersects(flags);
            Readiness {
                token: event.data(),
                writable: is(EpollFlags::EPOLLOUT),
                readable: is(EpollFlags::EPOLLIN | EpollFlags::EPOLLERR | EpollFlags::EPOLLHUP),
            }
        }));
        Ok(())
    }
}

fn event(interest: Interest, token: u64) -> EpollEvent {
    let read = if interest.read { EpollFlags::EPOLLIN } else { EpollFlags::empty() };
    let write = if interest.write { EpollFlags::EPOLLOUT } else { EpollFlags::empty() };
    EpollEvent::new(read | write, token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    #[test]
    fn those_that_are_ready_are_reported_by_their_numbers() {
        let epoll = Epoll::new().expect("a descriptor");
        let (mut one, two) = UnixStream::pair().expect("a pair");
        let read = Interest { read: true, write: false };
        epoll.add(two.as_fd(), 7, read).expect("added");
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
