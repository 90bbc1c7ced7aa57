//! Lines that stay below all that is printed, such as a chart: they go away before anything else is shown and come back after it.
//!
//! The cursor rests where they begin. So everything from there on can be erased however the terminal has broken the lines
//! meanwhile, and no mode of the terminal is changed that would have to be restored. While there is a view, the lines of a
//! thread that prints on the terminal stay here, and the thread that draws writes them with the next picture: a packet waits for no terminal.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use super::queue::{OutputQueue, OutputStream};
use super::{LARGE, QUEUE, is_terminal, lock, write_output};
use crate::net::sys;
use crate::terminal::columns::COMMON;

/// Whether a view has begun.
static THERE: AtomicBool = AtomicBool::new(false);

/// The view, and what waits for it.
#[derive(Debug)]
pub(super) struct BelowView {
    /// The terminal.
    stream: OutputStream,
    /// Whether it is shown now.
    shown: bool,
    /// How many want it out of the way.
    hidden: usize,
    /// Printed lines that are not written yet, and where each goes.
    waiting: Vec<(OutputStream, Vec<u8>)>,
    /// Their bytes.
    bytes: usize,
}

/// Keeps the view away until it is dropped.
#[derive(Debug)]
pub struct HiddenView(());

/// Begins a view on the terminal of the messages, or of the printed lines; whether there is one.
pub fn begin_view() -> bool {
    let streams = [OutputStream::Error, OutputStream::Output];
    let Some(stream) = streams.into_iter().find(|stream| is_terminal(*stream)) else { return false };
    let view = BelowView { stream, shown: false, hidden: 0, waiting: Vec::new(), bytes: 0 };
    lock(&QUEUE).below = Some(view);
    THERE.store(true, Ordering::Relaxed);
    true
}

/// Whether there is one, without a lock.
pub(super) fn is_there() -> bool {
    THERE.load(Ordering::Relaxed)
}

/// Writes the lines that wait, and `lines` below them.
pub fn show_view(lines: &[String]) {
    let mut queue = lock(&QUEUE);
    let queue = &mut *queue;
    let Some(view) = queue.below.as_mut() else { return };
    view.clear();
    view.write_waiting();
    // In the background the terminal is another's.
    if view.hidden > 0 || lines.is_empty() || !view.is_in_foreground() {
        return;
    }
    let up = if lines.len() > 1 { format!("\x1b[{}A", lines.len() - 1) } else { String::new() };
    view.write(format!("{}\r{up}", lines.join("\r\n")).as_bytes());
    view.shown = true;
}

/// Whether printed lines wait for the next picture.
pub fn view_is_wanted() -> bool {
    lock(&QUEUE).below.as_ref().is_some_and(|view| view.bytes > 0)
}

/// Columns and lines of the view's terminal; the common ones where it does not say.
pub fn view_size() -> (usize, usize) {
    let size = match lock(&QUEUE).below.as_ref().map(|view| view.stream) {
        Some(OutputStream::Output) => sys::terminal_size(io::stdout()),
        Some(OutputStream::Error) => sys::terminal_size(io::stderr()),
        None => None,
    };
    size.unwrap_or((COMMON, 24))
}

/// Has the view out of the way while somebody else uses the terminal; what was printed is written before.
pub fn hide_view() -> HiddenView {
    if let Some(view) = lock(&QUEUE).below.as_mut() {
        view.hidden += 1;
        view.clear();
        view.write_waiting();
    }
    HiddenView(())
}

impl Drop for HiddenView {
    fn drop(&mut self) {
        if let Some(view) = lock(&QUEUE).below.as_mut() {
            view.hidden = view.hidden.saturating_sub(1);
        }
    }
}

/// Ends the view: it is erased, and lines are written as they come again.
pub fn end_view() {
    THERE.store(false, Ordering::Relaxed);
    if let Some(mut view) = lock(&QUEUE).below.take() {
        view.clear();
        view.write_waiting();
    }
}

impl BelowView {
    /// Takes lines for the terminal; `false`: they are to be written now.
    pub(super) fn takes(&mut self, stream: OutputStream, lines: &[u8]) -> bool {
        if self.hidden > 0 {
            return false;
        }
        self.waiting.push((stream, lines.to_vec()));
        self.bytes += lines.len();
        // Where they come faster than they are drawn, the thread that prints waits for the terminal.
        if self.bytes > LARGE {
            self.clear();
            self.write_waiting();
        }
        true
    }

    /// Erases it.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.shown) && self.is_in_foreground() {
            self.write(b"\r\x1b[J");
        }
    }

    fn write_waiting(&mut self) {
        self.bytes = 0;
        for (stream, lines) in std::mem::take(&mut self.waiting) {
            match stream {
                OutputStream::Output => write_output(&lines),
                OutputStream::Error => drop(io::stderr().lock().write_all(&lines)),
            }
        }
    }

    fn write(&self, bytes: &[u8]) {
        match self.stream {
            OutputStream::Output => write_output(bytes),
            OutputStream::Error => drop(io::stderr().lock().write_all(bytes)),
        }
    }

    fn is_in_foreground(&self) -> bool {
        match self.stream {
            OutputStream::Output => sys::is_in_foreground(io::stdout()),
            OutputStream::Error => sys::is_in_foreground(io::stderr()),
        }
    }
}

impl OutputQueue {
    /// Erases the view and puts back what waits for it, to be written at once before an exit.
    pub(super) fn take_back(&mut self) {
        if let Some(mut view) = self.below.take() {
            view.clear();
            for (stream, lines) in std::mem::take(&mut view.waiting).into_iter().rev() {
                self.bytes.splice(0..0, lines.iter().copied());
                self.runs.iter_mut().for_each(|(_, end)| *end += lines.len());
                self.runs.insert(0, (stream, lines.len()));
            }
        }
    }
}
