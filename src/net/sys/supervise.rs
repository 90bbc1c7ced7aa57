//! What a process needs that watches over others: forking, signals as messages, and adopting orphans.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use nix::sys::prctl;
use nix::sys::signal::{SigHandler, SigSet, Signal, signal};
use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout};

use super::namespace::done;

/// The signal by which a supervisor is asked for something; what that is stands in its value.
fn request() -> i32 {
    libc::SIGRTMIN() + 1
}

/// What a supervisor woke up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// The state of a child has changed.
    Child,
    /// It was asked for something.
    Asked(i32),
    /// Any other signal.
    Other(i32),
}

/// Has the orphans among this process's descendants become its children (PR_SET_CHILD_SUBREAPER).
pub fn adopt_orphans() -> io::Result<()> {
    Ok(prctl::set_child_subreaper(true)?)
}

/// Keeps all signals from this process, but for [`next_news`]; handlers it inherited are called no more.
pub fn hold_signals() {
    let _ = SigSet::all().thread_set_mask();
    // SAFETY: the default action needs no handler.
    let _ = unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) };
}

/// Lets signals through again, in a process that was copied from one that holds them.
pub fn release_signals() {
    let _ = SigSet::empty().thread_set_mask();
}

/// Waits for the next signal, where all are held; for `ms` milliseconds at most, if that is given (sigtimedwait(2)).
pub fn next_news(ms: Option<i64>) -> Option<News> {
    let limit = ms.map(|ms| libc::timespec { tv_sec: ms / 1000, tv_nsec: ms % 1000 * 1_000_000 });
    let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the set and the room for the reply live until the call returns; a signal of this kind comes with a value.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        match libc::sigtimedwait(SigSet::all().as_ref(), &raw mut info, limit) {
            signal if signal == libc::SIGCHLD => Some(News::Child),
            signal if signal == request() => Some(News::Asked(info.si_value().sival_ptr as usize as i32)),
            signal if signal > 0 => Some(News::Other(signal)),
            _ => None,
        }
    }
}

/// Asks the supervisor `pid` for something (sigqueue(3)).
pub fn ask_supervisor(pid: i32, what: i32) -> io::Result<()> {
    let value = libc::sigval { sival_ptr: what as usize as *mut libc::c_void };
    // SAFETY: the value is a number that is not used as a pointer.
    done(unsafe { libc::sigqueue(pid, request(), value) })
}

/// Closes every descriptor but those of `kept`, and leaves nothing to be read or written at the first three (close_range(2)).
pub fn close_all_but(kept: &[BorrowedFd<'_>]) -> io::Result<()> {
    let nothing = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&nothing).and_then(|()| dup2_stdout(&nothing)).and_then(|()| dup2_stderr(&nothing))?;
    drop(nothing);
    let mut kept: Vec<RawFd> = kept.iter().map(AsRawFd::as_raw_fd).filter(|fd| *fd > 2).collect();
    kept.sort_unstable();
    let mut from = 3;
    for fd in kept {
        if fd > from {
            close_range(from, fd - 1)?;
        }
        from = fd + 1;
    }
    close_range(from, RawFd::MAX)
}

fn close_range(first: RawFd, last: RawFd) -> io::Result<()> {
    // SAFETY: the process that calls this uses none of the descriptors any more.
    done(unsafe { libc::syscall(libc::SYS_close_range, first as libc::c_uint, last as libc::c_uint, 0) } as i32)
}
