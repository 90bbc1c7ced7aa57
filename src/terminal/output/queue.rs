//! Lines on their way out, in the order in which they came.

use std::io::{self, Write};
use std::sync::atomic::Ordering;

use super::view::BelowView;
use super::{PENDING, SHOWN, erase, is_closed, is_terminal, standard_output, write_output};
use crate::net::sys;
use crate::terminal::prompt_output;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutputStream {
    Output,
    Error,
}

#[derive(Debug)]
pub(super) struct OutputQueue {
    pub(super) bytes: Vec<u8>,
    /// Runs of lines for the same stream, and where each ends in `bytes`.
    pub(super) runs: Vec<(OutputStream, usize)>,
    /// The lines of the trace that came last, with nothing after them: their times, and where each begins.
    pub(super) traced: Vec<(i64, usize)>,
    /// Whether the line of the progress stands on the terminal.
    pub(super) live: bool,
    /// What stays below all lines.
    pub(super) below: Option<BelowView>,
}

impl OutputQueue {
    pub(super) const fn new() -> Self {
        Self { bytes: Vec::new(), runs: Vec::new(), traced: Vec::new(), live: false, below: None }
    }

    pub(super) fn push(&mut self, stream: OutputStream, line: &[u8]) {
        self.traced.clear();
        self.bytes.extend_from_slice(line);
        self.extend_run(stream);
    }

    /// Puts a line of the trace where its time belongs among those that came last.
    pub(super) fn push_traced(&mut self, time: i64, line: &[u8]) {
        let later = self.traced.partition_point(|&(earlier, _)| earlier <= time);
        let at = self.traced.get(later).map_or(self.bytes.len(), |&(_, at)| at);
        self.bytes.splice(at..at, line.iter().copied());
        self.traced[later..].iter_mut().for_each(|(_, at)| *at += line.len());
        self.traced.insert(later, (time, at));
        self.extend_run(OutputStream::Error);
    }

    pub(super) fn extend_run(&mut self, stream: OutputStream) {
        match self.runs.last_mut() {
            Some((last, end)) if *last == stream => *end = self.bytes.len(),
            _ => self.runs.push((stream, self.bytes.len())),
        }
    }

    /// Writes what both streams' readers take without a wait.
    pub(super) fn write_what_is_taken(&mut self) {
        let mut start = 0;
        // Nothing is allocated or freed: this may run where that is not possible any more.
        for &(stream, end) in &self.runs {
            // A pipe that takes anything takes this much.
            for piece in self.bytes[start..end].chunks(sys::PIPE_PIECE) {
                match (stream, standard_output()) {
                    (OutputStream::Output, Ok(out)) if !is_closed() && sys::is_writable(out) => write_output(piece),
                    (OutputStream::Error, _) if sys::is_writable(&io::stderr()) => {
                        drop(io::stderr().lock().write_all(piece))
                    }
                    _ => break,
                }
            }
            start = end;
        }
        self.runs.clear();
        self.bytes.clear();
        self.traced.clear();
    }

    pub(super) fn write_out(&mut self) {
        PENDING.store(false, Ordering::Release);
        let mut start = 0;
        for (stream, end) in std::mem::take(&mut self.runs) {
            let lines = &self.bytes[start..end];
            if is_terminal(stream) {
                if prompt_output::takes(lines) {
                    start = end;
                    continue;
                }
                if self.below.as_mut().is_some_and(|view| view.takes(stream, lines)) {
                    start = end;
                    continue;
                }
                erase(&mut self.live);
                SHOWN.store(sys::monotonic_nanos(), Ordering::Relaxed);
            }
            match stream {
                OutputStream::Output => write_output(lines),
                // Standard error may be closed; there is no one left to print for.
                OutputStream::Error => drop(io::stderr().lock().write_all(lines)),
            }
            start = end;
        }
        self.bytes.clear();
        self.traced.clear();
    }
}
