//! The settings of a terminal, to be put back as they were found.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::{Mutex, PoisonError};

use nix::sys::pthread::{pthread_kill, pthread_self};
use nix::sys::signal::Signal;
use nix::unistd::{getpgrp, getsid, tcgetpgrp};

/// How a terminal treats keys: whether it echoes them, and which of them are signals.
#[derive(Clone, Copy)]
pub struct TerminalMode(libc::termios);

impl std::fmt::Debug for TerminalMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TerminalMode({:#x})", self.0.c_lflag)
    }
}

/// The settings of the terminal `fd` (tcgetattr(3)).
///
/// # Errors
/// ENOTTY: it is no terminal.
pub fn terminal_mode(fd: impl AsFd) -> io::Result<TerminalMode> {
    let mut mode = std::mem::MaybeUninit::<libc::termios>::zeroed();
    // SAFETY: `mode` is valid for a termios to be written to; of zeros, it is one already.
    unsafe {
        if libc::tcgetattr(fd.as_fd().as_raw_fd(), mode.as_mut_ptr()) == 0 {
            Ok(TerminalMode(mode.assume_init()))
        } else {
            Err(io::Error::last_os_error())
        }
    }
}

/// Gives the terminal `fd` these settings at once (tcsetattr(3)), if this process is in its foreground: elsewhere they
/// are not its to set, and the attempt would stop the process (SIGTTOU).
pub fn set_terminal_mode(fd: impl AsFd, mode: &TerminalMode) {
    if tcgetpgrp(&fd) == Ok(getpgrp()) {
        // SAFETY: the call takes a number, and a termios that outlives it.
        unsafe { libc::tcsetattr(fd.as_fd().as_raw_fd(), libc::TCSANOW, &raw const mode.0) };
    }
}

/// The mode that the terminal at standard input had before a program was given it.
static KEPT: Mutex<Option<TerminalMode>> = Mutex::new(None);

/// Notes the mode of the terminal at standard input, for [`restore_terminal`].
pub fn keep_terminal() {
    *KEPT.lock().unwrap_or_else(PoisonError::into_inner) = terminal_mode(std::io::stdin().as_fd()).ok();
}

/// Takes the terminal at standard input back from a program that was given it, in the mode that it had before. Does nothing
/// where none was.
pub fn restore_terminal() {
    if let Some(mode) = KEPT.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // A terminal that has gone needs no one to read its keys.
        let _ = super::take_terminal_back();
        set_terminal_mode(std::io::stdin().as_fd(), &mode);
    }
}

/// Whether a shell that could go on with this process watches over it: one that leads its session has none above it.
pub fn can_be_suspended() -> bool {
    getsid(None) != Ok(getpgrp())
}

/// How many columns the terminal `fd` shows; `None`: it is no terminal, or does not know.
pub fn terminal_columns(fd: impl AsFd) -> Option<usize> {
    terminal_size(fd).map(|(columns, _)| columns)
}

/// How many columns and lines the terminal `fd` shows (TIOCGWINSZ); `None`: it is no terminal, or does not know.
pub fn terminal_size(fd: impl AsFd) -> Option<(usize, usize)> {
    let mut size = std::mem::MaybeUninit::<libc::winsize>::zeroed();
    // SAFETY: `size` is valid for a winsize to be written to; of zeros, it is one already.
    let size = unsafe {
        let done = libc::ioctl(fd.as_fd().as_raw_fd(), libc::TIOCGWINSZ, size.as_mut_ptr()) == 0;
        done.then(|| size.assume_init())?
    };
    (size.ws_col > 0).then_some((size.ws_col.into(), size.ws_row.into()))
}

/// Whether this process is in the foreground of the terminal `fd`, or that is not the one that controls it.
pub fn is_in_foreground(fd: impl AsFd) -> bool {
    tcgetpgrp(&fd).map_or(true, |group| group == getpgrp())
}

/// A thread of this process, to be woken: its `pthread_t`, which is a number with glibc and a pointer with musl.
#[derive(Clone, Copy, Debug)]
pub struct Thread(usize);

impl Thread {
    /// The thread that calls it.
    pub fn current() -> Self {
        Self(pthread_self() as usize)
    }

    /// Ends the wait that the thread is in (pthread_kill(3) with SIGINT, for which there is a handler). To be called only
    /// while the thread is known to run.
    pub fn interrupt(self) {
        let _ = pthread_kill(self.0 as libc::pthread_t, Signal::SIGINT);
    }
}
