//! Starting programs: what is done between fork(2) and execve(2).
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::namespace::done;

/// Has `prepare` run in the new process before its program. The process that starts it has one thread, so that
/// `prepare` may do anything.
pub fn before_exec(command: &mut Command, prepare: impl FnMut() -> io::Result<()> + Send + Sync + 'static) {
    // SAFETY: this process has one thread (see `fork`): no lock is held by another, so that nothing in `prepare` can
    // wait for ever.
    unsafe { command.pre_exec(prepare) };
}

/// Puts this process into a session of its own, so that no terminal reaches it (setsid(2)).
pub fn leave_terminal() -> io::Result<()> {
    // SAFETY: setsid takes nothing.
    done(unsafe { libc::setsid() })
}

/// Puts this process into a group of its own, to which the keys of the terminal at standard input go from now on
/// (setpgid(2), tcsetpgrp(3)).
pub fn take_terminal() -> io::Result<()> {
    // SAFETY: none of the calls keeps a pointer. SIGTTOU, which would stop a group in the background for this, is
    // ignored during the call.
    unsafe {
        done(libc::setpgid(0, 0))?;
        let before = libc::signal(libc::SIGTTOU, libc::SIG_IGN);
        let taken = done(libc::tcsetpgrp(0, libc::getpgrp()));
        libc::signal(libc::SIGTTOU, before);
        taken
    }
}

/// Gives the keys of the terminal at standard input back to this process's group (tcsetpgrp(3)).
pub fn take_terminal_back() -> io::Result<()> {
    // SAFETY: as in `take_terminal`; the mask of this thread is restored.
    unsafe {
        let (mut stop, mut before): (libc::sigset_t, libc::sigset_t) = std::mem::zeroed();
        libc::sigemptyset(&mut stop);
        libc::sigaddset(&mut stop, libc::SIGTTOU);
        libc::pthread_sigmask(libc::SIG_BLOCK, &stop, &mut before);
        let taken = done(libc::tcsetpgrp(0, libc::getpgrp()));
        libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
        taken
    }
}

/// Takes over what standard input is, and leaves nothing to be read there (dup(2), dup2(2)).
pub fn take_standard_input() -> io::Result<OwnedFd> {
    let taken = std::io::stdin().as_fd().try_clone_to_owned()?;
    let nothing = std::fs::File::open("/dev/null")?;
    // SAFETY: standard input is replaced in one step, and stays open for as long as the process runs.
    done(unsafe { libc::dup2(nothing.as_raw_fd(), 0) })?;
    Ok(taken)
}
