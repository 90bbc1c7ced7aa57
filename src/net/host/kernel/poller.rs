//! Waiting in the kernel: ppoll(2) for some, epoll(7) for many.

use std::any::Any;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::ThisMachine;
use crate::net::host::environment::environment;
use crate::net::host::notify::Waited;
use crate::net::host::socket::{Awaited, HostSocket, Pollable, Poller};
use crate::net::host::stop::Stop;
use crate::net::host::traits::Host;
use crate::net::io::{Interest, Readiness};
use crate::net::sys::{self, Epoll, PollFd};
use crate::net::time::{Duration, Instant};

/// The descriptor of what a host of the kernel has made.
///
/// # Errors
/// `InvalidInput`: a host of another kind has made it.
fn descriptor(of: &dyn Pollable) -> io::Result<BorrowedFd<'_>> {
    let fd = of.as_any().downcast_ref::<OwnedFd>();
    fd.map(AsFd::as_fd).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a socket of another kind of host"))
}

fn poll_fd<'a>(awaited: &Awaited<'a>) -> io::Result<PollFd<'a>> {
    Ok(PollFd::new(descriptor(awaited.on)?, awaited.interest))
}

/// Waits for what hosts of the kernel have made: see [`Host::wait`].
pub(in crate::net) fn wait(awaited: &mut [Awaited<'_>], until: Option<Instant>, stop: &Stop) -> io::Result<Waited> {
    let stopped = PollFd::readable(stop.wake_fd());
    let (mut few, mut many) = ([stopped; 2], Vec::new());
    // One or none is the common case and needs no allocation.
    let fds = match &*awaited {
        [] => &mut few[..1],
        [one] => {
            few[1] = poll_fd(one)?;
            &mut few
        }
        _ => {
            many.push(stopped);
            for one in &*awaited {
                many.push(poll_fd(one)?);
            }
            &mut many[..]
        }
    };
    let waited = wait_for(fds, until, stop);
    for (one, fd) in awaited.iter_mut().zip(&fds[1..]) {
        (one.is_ready, one.has_error) = (fd.is_ready(), fd.has_error());
    }
    waited
}

/// Waits until a descriptor is ready, `until` has passed (`None`: for ever) or `stop` has happened, whose own descriptor is the
/// first. What was printed is shown before it blocks.
///
/// # Errors
/// What ppoll(2) reports.
pub fn wait_for(fds: &mut [PollFd<'_>], until: Option<Instant>, stop: &Stop) -> io::Result<Waited> {
    environment().flush();
    loop {
        let waiting = stop.waiting();
        if stop.is_stopped() {
            return Ok(Waited::Stopped);
        }
        let left = until.map(|until| until - ThisMachine.now());
        if left.is_some_and(|left| left <= Duration::ZERO) {
            return Ok(Waited::TimedOut);
        }
        sys::ppoll(fds, left)?;
        drop(waiting);
        if fds[1..].iter().any(PollFd::is_ready) {
            return Ok(Waited::Ready);
        }
    }
}

/// Waits for something to be read from standard input, or for `stop`.
///
/// # Errors
/// What ppoll(2) reports.
pub fn wait_for_input(stop: &Stop) -> io::Result<Waited> {
    let stdin = io::stdin();
    wait_for(&mut [PollFd::readable(stop.wake_fd()), PollFd::readable(stdin.as_fd())], None, stop)
}

/// A set of the kernel's sockets.
#[derive(Debug)]
pub(in crate::net) struct KernelPoller(Epoll);

impl KernelPoller {
    pub(in crate::net) fn new() -> io::Result<Self> {
        Epoll::new().map(Self)
    }
}

impl Pollable for KernelPoller {
    fn as_any(&self) -> &dyn Any {
        self.0.descriptor()
    }
}

impl Poller for KernelPoller {
    fn add(&self, socket: &dyn HostSocket, token: u64, interest: Interest) -> io::Result<()> {
        self.0.add(descriptor(socket)?, token, interest)
    }

    fn change(&self, socket: &dyn HostSocket, token: u64, interest: Interest) -> io::Result<()> {
        self.0.change(descriptor(socket)?, token, interest)
    }

    fn remove(&self, socket: &dyn HostSocket) -> io::Result<()> {
        self.0.remove(descriptor(socket)?)
    }

    fn ready(&self, ready: &mut Vec<Readiness>) -> io::Result<()> {
        self.0.ready(ready)
    }
}
