//! What concerns the process and its threads: clocks, timers, plain reads, last words and the end.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

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

/// Lets this thread's and its children's timed waits end within a nanosecond of their time instead of 50 µs
/// (PR_SET_TIMERSLACK).
pub fn sharpen_timers() {
    // SAFETY: prctl with these arguments reads no memory.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1, 0, 0, 0) };
}

/// Whether this thread, when it is woken, lets those that run go on for their time instead of taking the processor at once
/// (SCHED_BATCH). Does nothing where somebody gave it another policy.
pub fn give_way(to_others: bool) {
    let (from, to) = match to_others {
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
