//! Whole lines into a file: held back until a wait begins, written so that they stay whole.

use std::fmt::Debug;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::net::error::in_words;
use crate::net::file;
use crate::net::output::{self, Held};
use crate::net::sys::{self, PollFd};

/// How many bytes are held back at most, but for one line.
const LARGE: usize = 64 * 1024;

/// What the kernel copies into a file at a time; also the most that a pipe takes in one piece (PIPE_BUF).
const PAGE: u64 = 4096;

/// A file that lines are added to. A write that fails is reported once, and nothing is written from then on.
#[derive(Debug)]
pub struct Lines {
    name: String,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// `None` once a write has failed.
    file: Option<File>,
    buffer: Vec<u8>,
}

impl Lines {
    /// A new file called `name`; one that is there is emptied if it begins so.
    ///
    /// # Errors
    /// Those of [`file::create`].
    pub fn create(name: &str, beginning: &str) -> io::Result<Self> {
        let file = file::create(name, |found| found.starts_with(beginning.as_bytes()))?;
        let inner = Inner { file: Some(file), buffer: Vec::new() };
        Ok(Self { name: name.to_string(), inner: Mutex::new(inner) })
    }

    /// Adds a line, its end included.
    pub fn push(&self, line: &[u8]) {
        let mut inner = self.lock();
        if inner.file.is_some() {
            inner.buffer.extend_from_slice(line);
            let failed = if inner.buffer.len() >= LARGE { inner.write_out() } else { None };
            drop(inner);
            output::holds();
            self.tell(failed);
        }
    }

    fn tell(&self, failed: Option<io::Error>) {
        if let Some(err) = failed {
            output::note(&format!(
                "error: {} could not be written: {}; its last rows are missing",
                self.name,
                in_words(&err)
            ));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held for Lines {
    fn flush(&self) {
        let failed = self.lock().write_out();
        self.tell(failed);
    }

    fn try_flush(&self) {
        if let Ok(mut inner) = self.inner.try_lock() {
            inner.write_out();
        }
    }
}

impl Inner {
    /// Writes out what is held back; why it failed, if it did.
    fn write_out(&mut self) -> Option<io::Error> {
        let file = self.file.as_ref().filter(|_| !self.buffer.is_empty())?;
        let Err(Unwritten { error, whole }) = write_lines(file, &self.buffer) else {
            self.buffer.clear();
            return None;
        };
        if file.metadata().is_ok_and(|about| about.is_file()) {
            // A full disk may have cut a line.
            let _ = file.set_len(whole);
        }
        (self.file, self.buffer) = (None, Vec::new());
        Some(error)
    }
}

/// Why lines could not be written.
#[derive(Debug)]
pub struct Unwritten {
    /// What write(2) reported.
    pub error: io::Error,
    /// Where in the file the whole lines end.
    pub whole: u64,
}

/// Writes lines so that a process killed meanwhile leaves whole ones.
///
/// A kill takes effect between two pages of a file, and between two pieces for a pipe. So each write ends at the last
/// line end before the end of a page. Only a line that itself lies across two pages is open to a kill, within the
/// instant in which the kernel goes from one to the other.
///
/// # Errors
/// What write(2) reports.
pub fn write_lines(file: &File, mut lines: &[u8]) -> Result<(), Unwritten> {
    // What cannot be positioned (a pipe, a terminal) counts from here.
    let mut at = (&mut &*file).stream_position().unwrap_or(0);
    while !lines.is_empty() {
        let room = (PAGE - at % PAGE) as usize;
        let line_end = |part: &[u8]| part.iter().position(|&byte| byte == b'\n').map_or(part.len(), |end| end + 1);
        let fitting = lines[..room.min(lines.len())].iter().rposition(|&byte| byte == b'\n').map(|end| end + 1);
        let (part, rest) = lines.split_at(fitting.unwrap_or_else(|| line_end(lines)));
        write_whole(file, part).map_err(|error| Unwritten { error, whole: at })?;
        at += part.len() as u64;
        lines = rest;
    }
    Ok(())
}

/// Writes all of `part`, waiting where a pipe that does not block is full.
fn write_whole(mut file: &File, mut part: &[u8]) -> io::Result<()> {
    while !part.is_empty() {
        match file.write(part) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => part = &part[written..],
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => {
                sys::ppoll(&mut [PollFd::writable(file.as_fd())], None)?;
            }
            Err(err) => return Err(err),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_was_given() {
        let path = std::env::temp_dir().join(format!("pingscript-lines-{}", std::process::id()));
        let file = File::create(&path).unwrap();
        let mut expected = Vec::new();
        for length in [1, 100, 5000, 4095, 4096, 4097, 30, 9000, 2] {
            let mut line = vec![b'x'; length - 1];
            line.push(b'\n');
            let several = line.repeat(7);
            write_lines(&file, &several).unwrap();
            expected.extend_from_slice(&several);
        }
        write_lines(&file, b"no end").unwrap();
        expected.extend_from_slice(b"no end");
        assert_eq!(std::fs::read(&path).unwrap(), expected);
        std::fs::remove_file(&path).unwrap();
    }
}
