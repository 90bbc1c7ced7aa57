//! Waiting: ppoll, and eventfds to end it.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::sys::eventfd::{self, EfdFlags};
use nix::unistd::{read, write};

use crate::net::io::Interest;
use crate::net::time::Duration;

/// Makes an eventfd(2), which is readable while its counter is above zero.
pub fn eventfd() -> io::Result<OwnedFd> {
    Ok(eventfd::EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?.into())
}

/// Makes an eventfd readable. Safe to call from a signal handler (write(2)).
pub fn eventfd_raise(fd: impl AsFd) {
    // The write fails only when the counter is full, and then the descriptor is readable already.
    let _ = write(fd, &1u64.to_ne_bytes());
}

/// Makes an eventfd unreadable again.
pub fn eventfd_lower(fd: impl AsFd) {
    // The descriptor does not block: it fails where it was unreadable.
    let _ = read(fd, &mut [0; 8]);
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
        Self::new(fd, Interest { read: true, write: false })
    }

    /// Waits until `fd` takes what is written to it.
    pub fn writable(fd: BorrowedFd<'a>) -> Self {
        Self::new(fd, Interest { read: false, write: true })
    }

    /// Waits for what `interest` says, and at least until `fd` has an error to report: for a pipe, that its reader has gone.
    pub fn new(fd: BorrowedFd<'a>, interest: Interest) -> Self {
        let of = |wanted, event| if wanted { event } else { 0 };
        let events = of(interest.read, libc::POLLIN) | of(interest.write, libc::POLLOUT);
        Self { raw: libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 }, _fd: std::marker::PhantomData }
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

/// What can be written to, and waited for.
pub use std::os::fd::AsFd as Writable;

/// Waits until a file takes what is written to it.
pub fn wait_writable(file: &impl Writable) -> io::Result<()> {
    ppoll(&mut [PollFd::writable(file.as_fd())], None).map(drop)
}

/// Whether a file takes what is written to it at once.
pub fn is_writable(file: &impl Writable) -> bool {
    ppoll(&mut [PollFd::writable(file.as_fd())], Some(Duration::ZERO)).is_ok_and(|ready| ready > 0)
}

/// Waits until the reader of a pipe has gone; `false`: that cannot be seen.
pub fn wait_until_closed(file: &impl Writable) -> bool {
    let mut fds = [PollFd::new(file.as_fd(), Interest { read: false, write: false })];
    while !fds[0].has_error() {
        if ppoll(&mut fds, None).is_err() {
            return false;
        }
    }
    true
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
