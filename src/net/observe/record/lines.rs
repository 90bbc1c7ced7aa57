//! Whole lines into a file: held back until a wait begins, written so that they stay whole.

use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::net::error::in_words;
use crate::net::host::environment::{Buffered, environment};
use crate::net::host::file;
use crate::net::host::file::{Unwritten, write_lines};

/// How many bytes are held back at most, but for one line.
const LARGE: usize = 64 * 1024;

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
            environment().has_held();
            self.report(failed);
        }
    }

    fn report(&self, failed: Option<io::Error>) {
        if let Some(err) = failed {
            environment().note(&format!(
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

impl Buffered for Lines {
    fn flush(&self) {
        let failed = self.lock().write_out();
        self.report(failed);
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
