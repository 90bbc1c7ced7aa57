//! What scripts print: one locked buffer in front of standard output.
//!
//! A line enters the buffer whole, so lines of several threads never mix. The buffer is written out when a wait is about
//! to block, when it is large, at every line if standard output is a terminal, and at the end. A reader that goes
//! away (`| head`) is not an error: printing stops and [`is_closed`] says so. A failing write (a full disk) is told once.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::error::Error;
use super::sys::{self, PollFd};
use super::time::Duration;

const LARGE: usize = 64 * 1024;

static BUFFER: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static PENDING: AtomicBool = AtomicBool::new(false);
static CLOSED: AtomicBool = AtomicBool::new(false);
static FAILED: AtomicBool = AtomicBool::new(false);

/// Prints a line.
pub fn line(text: &str) {
    let mut buffer = lock(&BUFFER);
    buffer.extend_from_slice(text.as_bytes());
    buffer.push(b'\n');
    if buffer.len() >= LARGE || by_line() {
        write_out(&mut buffer);
    } else {
        PENDING.store(true, Ordering::Release);
    }
}

/// Writes out what was printed. Cheap if there is nothing.
pub fn flush() {
    if PENDING.load(Ordering::Acquire) {
        write_out(&mut lock(&BUFFER));
    }
}

/// Writes out what was printed, unless another thread holds the buffer, and as much of it as the reader takes at once:
/// for an exit that must not wait.
pub fn try_flush() {
    let (Ok(mut buffer), Some(mut out)) = (BUFFER.try_lock(), standard_output()) else { return };
    let takes = || {
        let mut fds = [PollFd::writable(out.as_fd())];
        sys::ppoll(&mut fds, Some(Duration::ZERO)).is_ok_and(|ready| ready > 0)
    };
    // A pipe that takes anything takes this much.
    while !buffer.is_empty() && !is_closed() && takes() {
        let size = buffer.len().min(libc::PIPE_BUF);
        match out.write(&buffer[..size]) {
            Ok(written) if written > 0 => drop(buffer.drain(..written)),
            _ => return,
        }
    }
}

/// Writes a line to standard error, after what was printed before it.
pub fn note(text: &str) {
    flush();
    // Standard error may be closed; there is no one left to tell.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether the reader of standard output has gone away.
pub fn is_closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

/// Whether something printed was lost because standard output could not be written (a full disk).
pub fn has_failed() -> bool {
    FAILED.load(Ordering::Relaxed)
}

fn by_line() -> bool {
    static BY_LINE: OnceLock<bool> = OnceLock::new();
    *BY_LINE.get_or_init(|| io::stdout().is_terminal())
}

fn write_out(buffer: &mut Vec<u8>) {
    PENDING.store(false, Ordering::Release);
    if buffer.is_empty() {
        return;
    }
    if !is_closed() {
        match standard_output().map(|mut out| out.write_all(buffer)) {
            Some(Ok(())) => {}
            Some(Err(err)) if err.kind() != io::ErrorKind::BrokenPipe => {
                // Told once, at once; the script goes on, since what it measures may matter more than what it prints.
                if !FAILED.swap(true, Ordering::Relaxed) {
                    let error = Error::system("print", &err).with_peer("standard output");
                    let _ = writeln!(io::stderr().lock(), "error: {error}\n  hint: make room where the output goes");
                }
            }
            _ => CLOSED.store(true, Ordering::Relaxed),
        }
    }
    buffer.clear();
}

/// Standard output without the line buffer of the standard library; `None` if it was closed from the start.
fn standard_output() -> Option<&'static File> {
    static OUT: OnceLock<Option<File>> = OnceLock::new();
    OUT.get_or_init(|| io::stdout().as_fd().try_clone_to_owned().ok().map(File::from)).as_ref()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
