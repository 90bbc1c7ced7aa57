//! Starting programs: what is done between fork(2) and execve(2).
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::unistd::{dup2_stdin, getpgrp, setsid, tcsetpgrp};

use super::namespace::leave_process_group;

/// Has `prepare` run in the new process before its program. The process that starts it has one thread, so that
/// `prepare` may do anything.
pub fn before_exec(command: &mut Command, prepare: impl FnMut() -> io::Result<()> + Send + Sync + 'static) {
    // SAFETY: this process has one thread (see `fork`): no lock is held by another, so that nothing in `prepare` can
    // wait for ever.
    unsafe { command.pre_exec(prepare) };
}

/// Puts this process into a session of its own, so that no terminal reaches it (setsid(2)).
pub fn leave_terminal() -> io::Result<()> {
    Ok(setsid().map(drop)?)
}

/// Puts this process into a group of its own, to which the keys of the terminal at standard input go from now on
/// (setpgid(2), tcsetpgrp(3)).
pub fn take_terminal() -> io::Result<()> {
    leave_process_group()?;
    take_terminal_back()
}

/// Gives the keys of the terminal at standard input to this process's group (tcsetpgrp(3)). SIGTTOU, which would stop a group in
/// the background for this, is blocked meanwhile.
pub fn take_terminal_back() -> io::Result<()> {
    let before = SigSet::from(Signal::SIGTTOU).thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    let taken = tcsetpgrp(io::stdin(), getpgrp());
    before.thread_set_mask()?;
    Ok(taken?)
}

/// Takes over what standard input is, and leaves nothing to be read there (dup(2), dup2(2)).
pub fn take_standard_input() -> io::Result<OwnedFd> {
    let taken = std::io::stdin().as_fd().try_clone_to_owned()?;
    dup2_stdin(std::fs::File::open("/dev/null")?)?;
    Ok(taken)
}
