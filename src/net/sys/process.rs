//! What concerns the process and its threads: clocks, timers, plain reads, last words and the end.
#![allow(unsafe_code)]

use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd};

use nix::fcntl::{SpliceFFlags, tee};
use nix::sched::{CpuSet, sched_getcpu, sched_setaffinity};
use nix::sys::uio::pread;
use nix::time::ClockId;
use nix::unistd::{Pid, Whence, lseek};

/// Nanoseconds on CLOCK_MONOTONIC.
pub fn monotonic_nanos() -> i64 {
    clock(ClockId::CLOCK_MONOTONIC)
}

/// Nanoseconds since 1970 on CLOCK_REALTIME, the clock of kernel packet stamps.
pub fn realtime_nanos() -> i64 {
    clock(ClockId::CLOCK_REALTIME)
}

fn clock(id: ClockId) -> i64 {
    // The clocks used exist on every Linux.
    id.now().map_or(0, |now| now.tv_sec() * 1_000_000_000 + now.tv_nsec())
}

/// Sets the timer slack of this thread and its children to 1 ns (PR_SET_TIMERSLACK; the default is 50 µs).
pub fn set_timer_slack() {
    let _ = nix::sys::prctl::set_timerslack(1);
}

/// Keeps this thread, and those that it starts, to the processor that it is on (sched_setaffinity(2)), if the system allows that.
pub fn keep_to_this_processor() {
    let mut only = CpuSet::new();
    if sched_getcpu().is_ok_and(|here| only.set(here).is_ok()) {
        let _ = sched_setaffinity(Pid::from_raw(0), &only);
    }
}

/// Switches this thread to SCHED_BATCH, which preempts no thread when it is woken, or back. Does nothing if it has another policy.
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
pub fn read(fd: impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    Ok(nix::unistd::read(fd, buffer)?)
}

/// Copies what can be read from a pipe or a file without taking it, at most `buffer.len()` bytes (tee(2), pread(2)); `None`: that
/// cannot be done here, or there is nothing.
pub fn peek(fd: impl AsFd, buffer: &mut [u8]) -> Option<usize> {
    let n = match lseek(&fd, 0, Whence::SeekCur) {
        Ok(at) => pread(&fd, buffer, at).ok()?,
        Err(_) => {
            let (mut copy, into) = io::pipe().ok()?;
            let n = tee(&fd, &into, buffer.len(), SpliceFFlags::SPLICE_F_NONBLOCK).ok()?;
            copy.read_exact(&mut buffer[..n]).ok()?;
            n
        }
    };
    (n > 0).then_some(n)
}

/// Standard output without a buffer.
pub type StandardOutput = std::fs::File;

/// Standard output as a file of its own.
pub fn standard_output() -> io::Result<StandardOutput> {
    io::stdout().as_fd().try_clone_to_owned().map(Into::into)
}

/// A pipe that takes anything takes so many bytes at least.
pub const PIPE_PIECE: usize = libc::PIPE_BUF;

/// Locks a file for as long as it is open (flock(2)); false if another has locked it. Where files cannot be locked, all may be
/// written.
pub fn lock_file(fd: impl AsFd) -> bool {
    // SAFETY: flock reads no memory.
    let refused = unsafe { libc::flock(fd.as_fd().as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } < 0;
    !(refused && io::Error::last_os_error().kind() == io::ErrorKind::WouldBlock)
}

/// What distinguishes an open file from all others (fstat(2)).
pub fn file_identity(_: &str, file: &std::fs::File) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let about = file.metadata()?;
    Ok((about.dev(), about.ino()))
}

/// Writes to standard error without memory or locks: from an allocator or a signal handler, before the end (write(2)).
pub fn last_words(text: &str) {
    // What cannot be written has no reader.
    let _ = nix::unistd::write(io::stderr(), text.as_bytes());
}

/// Ends the process at once, without running anything of it (_exit(2)).
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit takes no pointers and does not return.
    unsafe { libc::_exit(code) }
}
