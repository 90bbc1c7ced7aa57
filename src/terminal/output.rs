//! What is printed: one locked queue in front of standard output and standard error.
//!
//! A line enters the queue whole, so lines of several threads never mix, and lines for both streams leave in the order
//! in which they came. The queue is written out when a wait is about to block, when it is large, at every printed line
//! if that goes to a terminal, and at the end; what holds lines of its own back ([`Buffered`]) is written out with it. A
//! reader that goes away (`| head`) is not an error: printing stops and [`is_closed`] says so. A failing write (a full
//! disk) is reported once.
//!
//! Where rows own standard output ([`give_to_rows`]), printed lines go to standard error.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use self::queue::{OutputQueue, OutputStream};
use super::prompt_output;
use crate::net::error::Error;
use crate::net::error::{errno, number_of};
use crate::net::host::environment::Buffered;
use crate::net::host::file::{Unwritten, write_lines};
use crate::net::host::threads;
use crate::net::sys::{self, StandardOutput};
use crate::terminal::columns::{COMMON, fit};

mod queue;
mod view;

pub use self::view::{HiddenView, begin_view, end_view, hide_view, show_view, view_is_wanted, view_size};

const LARGE: usize = 64 * 1024;

static QUEUE: Mutex<OutputQueue> = Mutex::new(OutputQueue::new());
static PENDING: AtomicBool = AtomicBool::new(false);
static CLOSED: AtomicBool = AtomicBool::new(false);
static FAILED: AtomicBool = AtomicBool::new(false);
static ROWS_OWN_OUTPUT: AtomicBool = AtomicBool::new(false);
/// What is to be done once the reader of standard output has gone.
static AT_CLOSE: Mutex<Option<AtClose>> = Mutex::new(None);
static HOLDS: AtomicBool = AtomicBool::new(false);
static HELD: Mutex<Vec<Arc<dyn Buffered>>> = Mutex::new(Vec::new());
/// When a terminal last showed something, on the monotonic clock.
static SHOWN: AtomicI64 = AtomicI64::new(0);

type AtClose = Box<dyn FnOnce() + Send>;

/// Prints a line; on a terminal with its control characters in words ([`tamed`]).
pub fn line(text: &str) {
    styled(&shown_on(printed_to(), text));
}

/// Prints a line whose control characters are for the terminal: what is from the network or from a script is [`tamed`].
pub fn styled(text: &str) {
    let stream = printed_to();
    let mut queue = lock(&QUEUE);
    queue.push(stream, text.as_bytes());
    queue.bytes.push(b'\n');
    queue.extend_run(stream);
    keep(&mut queue, is_terminal(stream));
}

fn printed_to() -> OutputStream {
    if rows_own_output() { OutputStream::Error } else { OutputStream::Output }
}

/// Puts a row, with its line end, on standard output; on a terminal as lines are shown there.
pub fn row(row: &[u8]) {
    let shown = std::str::from_utf8(row).map(|text| shown_on(OutputStream::Output, text));
    let mut queue = lock(&QUEUE);
    queue.push(OutputStream::Output, shown.as_ref().map_or(row, |text| text.as_bytes()));
    keep(&mut queue, is_terminal(OutputStream::Output));
}

/// Puts a line of the trace, with its line end, on standard error. Lines that come in a wrong order, because another
/// thread was quicker, are put right as far as they have not been written.
pub fn traced(time: i64, line: &str) {
    let mut queue = lock(&QUEUE);
    queue.push_traced(time, shown_on(OutputStream::Error, line).as_bytes());
    keep(&mut queue, false);
}

fn keep(queue: &mut OutputQueue, at_once: bool) {
    if at_once || queue.bytes.len() >= LARGE {
        queue.write_out();
    } else {
        PENDING.store(true, Ordering::Release);
    }
}

/// Has printed lines go to standard error from now on: standard output is for rows. That their reader has gone shows at
/// once, and not only at the next row: a server may have none for long.
pub fn give_to_rows() {
    let watch = || {
        let Ok(out) = standard_output() else { return };
        if sys::wait_until_closed(out) {
            CLOSED.store(true, Ordering::Relaxed);
            flush();
        }
    };
    if !ROWS_OWN_OUTPUT.swap(true, Ordering::Relaxed) {
        // Without the thread it shows at the next row.
        let _ = threads::spawn("rows' reader", watch);
    }
}

/// The line that this thread has read from the terminal is at its end, or let go because other lines are to be shown: shows
/// those, after what `erase` gives for a line that was let go. How often it was asked to be.
pub fn end_typing(erase: impl FnOnce() -> String) -> u32 {
    let _queue = lock(&QUEUE);
    let ended = prompt_output::end();
    if ended.asked > 0 {
        write_output(erase().as_bytes());
    }
    if !ended.lines.is_empty() {
        write_output(&ended.lines);
    }
    ended.asked
}

/// Has `held` written out whenever printed lines are, for as long as somebody else has it.
pub fn hold(held: Arc<dyn Buffered>) {
    let mut all = lock(&HELD);
    let gone: Vec<_> = all.extract_if(.., |known| Arc::strong_count(known) == 1).collect();
    all.push(held);
    drop(all);
    // Not under the lock: one that fails to write its last says so with a note.
    drop(gone);
}

/// Marks that buffered output exists.
pub fn holds() {
    HOLDS.store(true, Ordering::Release);
}

/// Writes out what was printed, and what is held back. Cheap if there is nothing.
pub fn flush() {
    if HOLDS.load(Ordering::Acquire) {
        HOLDS.store(false, Ordering::Release);
        // Not under a lock: one that fails says so with a note. The newest first: it may write into an older one.
        let held = lock(&HELD).clone();
        held.iter().rev().for_each(|held| held.flush());
    }
    // After what was held, which may have printed.
    if PENDING.load(Ordering::Acquire) {
        lock(&QUEUE).write_out();
    }
    if is_closed() {
        let last = lock(&AT_CLOSE).take();
        last.into_iter().for_each(|last| last());
    }
}

/// Has `last` done when it shows that the reader of standard output has gone.
pub fn at_close(last: impl FnOnce() + Send + 'static) {
    *lock(&AT_CLOSE) = Some(Box::new(last));
}

/// Opens standard output, before the descriptors are used up by others.
///
/// # Errors
/// There is no descriptor left.
pub fn open() -> io::Result<()> {
    match standard_output() {
        Ok(_) => Ok(()),
        Err(err) if number_of(err) == errno::EBADF => Ok(()),
        Err(err) => Err(io::Error::new(err.kind(), err.to_string())),
    }
}

/// Whether there may be something to write out.
pub fn is_pending() -> bool {
    PENDING.load(Ordering::Relaxed) || HOLDS.load(Ordering::Relaxed)
}

/// Writes out what was printed and what is held back, unless another thread is at it, and as much of it as its readers
/// take at once: for an exit that must not wait.
pub fn try_flush() {
    // The thread that draws a view has it for a moment, and the view is to be erased.
    let tries = (0..=if view::is_there() { 25 } else { 0 }).map(|tried| {
        thread::sleep(Duration::from_millis(2 * u64::from(tried > 0)));
        QUEUE.try_lock().ok()
    });
    if let Some(mut queue) = tries.flatten().next() {
        queue.take_back();
        queue.write_what_is_taken();
        erase(&mut queue.live);
    }
    if let Ok(held) = HELD.try_lock() {
        held.iter().for_each(|held| held.try_flush());
    }
}

/// Writes a line to standard error, after what was printed before it. On a terminal messages and hints fit its width; what
/// shows a place in a script keeps its columns.
pub fn note(text: &str) {
    let shown = shown_on(OutputStream::Error, text);
    let Some(width) = columns_of(OutputStream::Error) else { return styled_note(&shown) };
    let is_prose = |line: &str| line.starts_with("error: ") || line.starts_with("  hint: ");
    let lines = shown.split('\n').map(|line| if is_prose(line) { fit(line, width) } else { line.to_string() });
    styled_note(&lines.collect::<Vec<_>>().join("\n"));
}

/// Prints a text for people, such as help, in lines that fit the terminal, or the common width where there is none.
pub fn prose(text: &str) {
    line(&fit(text, columns()));
}

/// Columns of the terminal that printed lines go to; the common width where they go elsewhere.
pub fn columns() -> usize {
    columns_of(printed_to()).unwrap_or(COMMON)
}

/// Columns of the terminal that standard error is; `None` if it is none, or does not say.
pub fn error_columns() -> Option<usize> {
    columns_of(OutputStream::Error)
}

fn columns_of(stream: OutputStream) -> Option<usize> {
    match stream {
        OutputStream::Output => sys::terminal_columns(io::stdout()),
        OutputStream::Error => sys::terminal_columns(io::stderr()),
    }
}

/// As [`note`] and [`styled`].
pub fn styled_note(text: &str) {
    let mut queue = lock(&QUEUE);
    queue.push(OutputStream::Error, format!("{text}\n").as_bytes());
    queue.write_out();
}

/// Shows how far things are, in one line on the terminal that takes the place of the last such line and goes away
/// before anything else is shown. `None` takes it away.
pub fn show_progress(text: Option<&str>) {
    let mut queue = lock(&QUEUE);
    match text {
        None => erase(&mut queue.live),
        Some(text) => {
            queue.live = true;
            let _ = write!(io::stderr().lock(), "\r{text}\x1b[K");
        }
    }
}

/// For how many nanoseconds no terminal has shown anything but progress.
pub fn quiet_for() -> i64 {
    sys::monotonic_nanos() - SHOWN.load(Ordering::Relaxed)
}

/// Whether the reader of standard output has gone away.
pub fn is_closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

/// Whether something printed was lost because standard output could not be written (a full disk).
pub fn has_failed() -> bool {
    FAILED.load(Ordering::Relaxed)
}

/// Whether standard output is for rows.
pub fn rows_own_output() -> bool {
    ROWS_OWN_OUTPUT.load(Ordering::Relaxed)
}

/// Whether printed lines go to a terminal.
pub fn lines_are_on_terminal() -> bool {
    is_terminal(if rows_own_output() { OutputStream::Error } else { OutputStream::Output })
}

/// Whether standard error is a terminal.
pub fn error_is_terminal() -> bool {
    is_terminal(OutputStream::Error)
}

/// `text` as it is shown on `stream`.
fn shown_on(stream: OutputStream, text: &str) -> Cow<'_, str> {
    if is_terminal(stream) { tamed(text) } else { Cow::Borrowed(text) }
}

/// `text` with its control characters but line ends and tabs written as a script would write them (`\x1b`): text from the
/// network may hold sequences that move the cursor, hide what was shown or answer in the user's place, and once it is
/// in a string it cannot be distinguished from the script's own.
pub fn tamed(text: &str) -> Cow<'_, str> {
    let wild = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if !text.contains(wild) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\r' => shown.push_str("\\r"),
            c if c < ' ' && wild(c) => shown.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if wild(c) => shown.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

fn is_terminal(stream: OutputStream) -> bool {
    static OUTPUT: OnceLock<bool> = OnceLock::new();
    static ERROR: OnceLock<bool> = OnceLock::new();
    match stream {
        OutputStream::Output => *OUTPUT.get_or_init(|| io::stdout().is_terminal()),
        OutputStream::Error => *ERROR.get_or_init(|| io::stderr().is_terminal()),
    }
}

fn erase(live: &mut bool) {
    if std::mem::take(live) {
        let _ = io::stderr().lock().write_all(b"\r\x1b[K");
    }
}

fn write_output(lines: &[u8]) {
    if is_closed() {
        return;
    }
    match standard_output().map(|out| write_lines(out, lines)) {
        Ok(Ok(())) => {}
        Ok(Err(Unwritten { error, .. })) if error.kind() != io::ErrorKind::BrokenPipe => {
            // Reported once, at once; the script goes on, since what it measures may matter more than what it prints.
            if !FAILED.swap(true, Ordering::Relaxed) {
                let error = Error::system("print", &error).with_peer("standard output");
                let _ = writeln!(io::stderr().lock(), "error: {error}\n  hint: make room where the output goes");
            }
        }
        _ => CLOSED.store(true, Ordering::Relaxed),
    }
}

/// Standard output without the line buffer of the standard library; an error if it was closed from the start.
fn standard_output() -> Result<&'static StandardOutput, &'static io::Error> {
    static OUT: OnceLock<io::Result<StandardOutput>> = OnceLock::new();
    OUT.get_or_init(sys::standard_output).as_ref()
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(tamed("a\tb\nc \u{e9}"), "a\tb\nc \u{e9}");
        assert_eq!(tamed("\x1b[2J\r\x07\x7f\u{9b}31m"), r"\x1b[2J\r\x07\u007f\u009b31m");
    }

    #[test]
    fn traced_lines_come_in_the_order_of_their_times_between_printed_ones() {
        let mut queue = OutputQueue::new();
        for (time, line) in [(3, "c\n"), (1, "a\n"), (2, "b\n"), (3, "d\n")] {
            queue.push_traced(time, line.as_bytes());
        }
        queue.push(OutputStream::Output, b"printed\n");
        queue.push_traced(0, b"z\n");
        assert_eq!(String::from_utf8_lossy(&queue.bytes), "a\nb\nc\nd\nprinted\nz\n");
        assert_eq!(queue.runs, [(OutputStream::Error, 8), (OutputStream::Output, 16), (OutputStream::Error, 18)]);
    }
}
