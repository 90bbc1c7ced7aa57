//! What concerns the process and its threads: clocks, timers, plain reads, last words and the end.
#![allow(unsafe_code)]

use std::io::{self, Read};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Nanoseconds on CLOCK_MONOTONIC.
pub fn monotonic_nanos() -> i64 {
    clock(libc::CLOCK_MONOTONIC)
}

/// Nanoseconds since 1970 on CLOCK_REALTIME, the clock of kernel packet stamps.
pub fn realtime_nanos() -> i64 {
    clock(libc::CLOCK_REALTIME)
}

fn clock(id: libc::clockid_t) -> i64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `t` is a valid timespec to write to; the clock ids used exist on every Linux.
    unsafe { libc::clock_gettime(id, &mut t) };
    t.tv_sec * 1_000_000_000 + t.tv_nsec
}

/// Sets the timer slack of this thread and its children to 1 ns (PR_SET_TIMERSLACK; the default is 50 µs).
pub fn set_timer_slack() {
    // SAFETY: prctl with these arguments reads no memory.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1, 0, 0, 0) };
}

/// Switches this thread to SCHED_BATCH, which preempts nobody when it is woken, or back. Does nothing if it has another policy.
pub fn set_batch_scheduling(on: bool) {
    let (from, to) = match on {
        true => (libc::SCHED_OTHER, libc::SCHED_BATCH),
        false => (libc::SCHED_BATCH, libc::SCHED_OTHER),
    };
    // SAFETY: sched_param is plain data for which zeroes are valid, and lives until the call returns.
    unsafe {
        if libc::sched_getscheduler(0) == from {
            let param: libc::sched_param = std::mem::zeroed();
            libc::sched_setscheduler(0, to, &raw const param);
        }
    }
}

/// Reads up to `buffer.len()` bytes (read(2)); 0 at the end of the file.
pub fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the buffer is valid for its length.
    let n = unsafe { libc::read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
    if n < 0 { Err(io::Error::last_os_error()) } else { Ok(n as usize) }
}

/// Copies what can be read from a pipe or a file without taking it, at most `buffer.len()` bytes (tee(2), pread(2)); `None`: that
/// cannot be done here, or there is nothing.
pub fn peek(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Option<usize> {
    // SAFETY: lseek reads no memory; the buffer is valid for its length.
    let n = match unsafe { libc::lseek(fd.as_raw_fd(), 0, libc::SEEK_CUR) } {
        at if at >= 0 => unsafe { libc::pread(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), at) },
        _ => return peek_pipe(fd, buffer),
    };
    usize::try_from(n).ok().filter(|n| *n > 0)
}

fn peek_pipe(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Option<usize> {
    static COPY: OnceLock<Option<Mutex<(io::PipeReader, io::PipeWriter)>>> = OnceLock::new();
    let pipe = COPY.get_or_init(|| io::pipe().ok().map(Mutex::new)).as_ref()?;
    let (copy, into) = &mut *pipe.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: tee reads no memory; both descriptors are open for the call.
    let n = unsafe { libc::tee(fd.as_raw_fd(), into.as_raw_fd(), buffer.len(), libc::SPLICE_F_NONBLOCK) };
    let n = usize::try_from(n).ok().filter(|n| *n > 0)?;
    // All of it, so that the copy is empty again.
    copy.read_exact(&mut buffer[..n]).ok()?;
    Some(n)
}

/// Locks a file for as long as it is open (flock(2)); false if another has locked it. Where files cannot be locked, all may be
/// written.
pub fn lock_file(fd: BorrowedFd<'_>) -> bool {
    // SAFETY: flock reads no memory.
    let refused = unsafe { libc::flock(fd.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } < 0;
    !(refused && io::Error::last_os_error().kind() == io::ErrorKind::WouldBlock)
}

/// Writes to standard error without memory or locks: from an allocator or a signal handler, before the end (write(2)).
pub fn last_words(text: &str) {
    // SAFETY: the buffer is valid for its length. What cannot be written has nobody to read it.
    let _ = unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
}

/// Ends the process at once, without running anything of it (_exit(2)).
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit takes no pointers and does not return.
    unsafe { libc::_exit(code) }
}
