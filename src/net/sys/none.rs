//! What is asked of a system, where there is none that this build knows: nothing blocks in the system, so nothing has to be woken
//! there, and the rest is what the standard library has everywhere.

#[cfg(target_family = "wasm")]
pub(in crate::net) use self::tasks::wait;

#[cfg(target_family = "wasm")]
mod tasks;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};
use std::time::SystemTime;

/// In place of an eventfd.
#[derive(Debug)]
pub struct EventFd;

/// Makes one.
pub(in crate::net) fn eventfd() -> io::Result<EventFd> {
    Ok(EventFd)
}

/// No thread waits for it.
pub(in crate::net) fn eventfd_raise(_: &EventFd) {}

/// Undoes that.
pub(in crate::net) fn eventfd_lower(_: &EventFd) {}

/// No thread can be called out of a system call.
pub(in crate::net) fn nudgeable() -> Option<i32> {
    None
}

/// Calls none.
pub(in crate::net) fn nudge(_: i32) {}

/// Timers are as they are.
#[cfg(not(target_family = "wasm"))]
pub(in crate::net) fn set_timer_slack() {}

/// No other run writes the same file.
pub(in crate::net) fn lock_file(_: &std::fs::File) -> bool {
    true
}

/// A file is known by its whole path, where paths have a beginning.
pub(in crate::net) fn file_identity(name: &str, _: &std::fs::File) -> io::Result<(u64, u64)> {
    let mut hasher = DefaultHasher::new();
    std::fs::canonicalize(name).unwrap_or_else(|_| name.into()).hash(&mut hasher);
    Ok((hasher.finish(), 0))
}

/// What can be written to.
pub trait Writable {}

impl<T> Writable for T {}

/// What is written is taken at once.
pub fn wait_writable(_: &impl Writable) -> io::Result<()> {
    Ok(())
}

/// What is written is taken at once.
pub fn is_writable(_: &impl Writable) -> bool {
    true
}

/// Whether the reader of a pipe has gone shows when something is written.
pub fn wait_until_closed(_: &impl Writable) -> bool {
    false
}

/// Nanoseconds on a clock for waits of the real world and for what is shown of them: the wall clock, since that of the standard
/// library which is only for durations counts from no fixed moment.
pub fn monotonic_nanos() -> i64 {
    realtime_nanos()
}

/// Nanoseconds since 1970 (UTC).
pub fn realtime_nanos() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64)
}

/// Standard output, in which lines are never held back.
#[derive(Debug)]
pub struct StandardOutput(io::Stdout);

impl Write for &StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().flush()
    }
}

impl Seek for &StandardOutput {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::NotSeekable.into())
    }
}

/// Standard output.
pub fn standard_output() -> io::Result<StandardOutput> {
    Ok(StandardOutput(io::stdout()))
}

/// A piece that is written at once.
pub const PIPE_PIECE: usize = 4096;

/// Reads from standard input.
pub fn read(mut stdin: &io::Stdin, buffer: &mut [u8]) -> io::Result<usize> {
    stdin.read(buffer)
}

/// Looks at what is read next: what the standard library has read ahead, or else reads now.
pub fn peek(stdin: &io::Stdin, buffer: &mut [u8]) -> Option<usize> {
    let mut stdin = stdin.lock();
    let ahead = stdin.fill_buf().ok()?;
    let seen = ahead.len().min(buffer.len());
    buffer[..seen].copy_from_slice(&ahead[..seen]);
    Some(seen)
}

/// No one asks for reports.
pub fn report(_: &[u8]) -> io::Result<()> {
    Ok(())
}

/// Threads run where the system has them run.
pub fn keep_to_this_processor() {}

/// Threads run when the system has them run.
pub fn set_batch_scheduling(_: bool) {}

/// Writes to standard error, before the end.
pub fn last_words(text: &str) {
    // What cannot be written has no reader.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Ends the process.
pub fn exit_now(code: i32) -> ! {
    std::process::exit(code)
}

/// How wide a terminal is, is not known.
pub fn terminal_columns<T>(_: T) -> Option<usize> {
    None
}

/// How large a terminal is, is not known.
pub fn terminal_size<T>(_: T) -> Option<(usize, usize)> {
    None
}

/// No other program shares the terminal.
pub fn is_in_foreground<T>(_: T) -> bool {
    true
}

/// A thread that reads what is typed; there is none.
#[derive(Clone, Copy, Debug)]
pub struct Thread;

impl Thread {
    /// The thread that calls it.
    pub fn current() -> Self {
        Self
    }

    /// Its wait cannot be ended.
    pub fn interrupt(self) {}
}
