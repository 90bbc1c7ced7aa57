//! Recordings of frames: pcapng (draft-ietf-opsawg-pcapng) with comments and the names of interfaces, or, where the name of
//! the file ends in `.pcap`, the older format without either; where it ends in `.jsonl`, rows. All stamp to the nanosecond.
//!
//! Frames are held back and written out whenever printed lines are, and when the links have nothing to carry. A killed
//! process leaves whole blocks.

use std::fmt::Debug;
use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::net::error::{Error, ErrorKind, in_words};
use crate::net::host::environment::{Buffered, environment};
use crate::net::host::file;

/// How many bytes are held back at most, but for one block.
const LARGE: usize = 256 * 1024;

/// What the kernel copies into a file at a time: a kill takes effect in between.
const PAGE: usize = 4096;

/// LINKTYPE_ETHERNET, and how much of a frame may be recorded: all of it.
const ETHERNET: u16 = 1;
const SNAPLEN: u32 = 0x0004_0000;

/// Types of blocks, and of what may follow in them.
const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
const COMMENT: u16 = 1;
const SECTION_APPLICATION: u16 = 4;
const INTERFACE_NAME: u16 = 2;
const INTERFACE_RESOLUTION: u16 = 9;

/// All that a link or a host is recorded in.
#[derive(Debug)]
pub(super) struct Captures {
    first: Arc<Capture>,
    others: Option<Arc<Captures>>,
}

impl Captures {
    /// Those of `others`, and `capture`.
    pub(super) fn with(others: Option<Arc<Self>>, capture: Arc<Capture>) -> Arc<Self> {
        let is_known = |all: &Arc<Self>| all.each().any(|known| Arc::ptr_eq(known, &capture));
        match others {
            Some(all) if is_known(&all) => all,
            others => Arc::new(Self { first: capture, others }),
        }
    }

    /// Records a frame that went over `interface` at `time`, in nanoseconds since 1970.
    pub(super) fn record(&self, interface: &str, time: i64, frame: &[u8], comment: Option<&str>) {
        self.each().for_each(|capture| capture.0.record(interface, time, frame, comment));
    }

    /// Those of rows.
    pub(super) fn of_rows(&self) -> impl Iterator<Item = &Arc<Capture>> {
        self.each().filter(|capture| capture.is_of_rows())
    }

    /// Writes out what is held back.
    pub(super) fn flush(&self) {
        self.each().for_each(|capture| capture.0.flush());
    }

    fn each(&self) -> impl Iterator<Item = &Arc<Capture>> {
        std::iter::successors(Some(self), |all| all.others.as_deref()).map(|all| &all.first)
    }
}

/// What links record frames with. Once all of them have let go of it, the recording is at its end.
#[derive(Debug)]
pub(super) struct Capture(Arc<Recording>);

/// A file that frames are recorded in. A write that fails is reported once, and nothing is written from then on.
#[derive(Debug)]
struct Recording {
    name: String,
    format: CaptureFormat,
    inner: Mutex<Inner>,
}

/// The format of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CaptureFormat {
    Pcapng,
    Pcap,
    /// Rows of JSON, as `--json` writes them.
    Rows,
}

impl CaptureFormat {
    /// That which the name of the file asks for.
    fn of(name: &str) -> Self {
        match name.rsplit_once('.') {
            Some((_, "pcap")) => Self::Pcap,
            Some((_, "jsonl")) => Self::Rows,
            _ => Self::Pcapng,
        }
    }
}

/// A file: its device and inode.
type FileId = (u64, u64);

/// The files that are recorded in: links that are given the same file share its recording.
static RECORDINGS: Mutex<Vec<KnownCapture>> = Mutex::new(Vec::new());

/// The flusher holds the recording too, at times, so its strong count does not show when links are done; that of the capture can.
type KnownCapture = (FileId, Weak<Capture>, Weak<Recording>);

#[derive(Debug)]
struct Inner {
    /// `None` once a write has failed.
    file: Option<File>,
    /// How long the file is.
    written: u64,
    buffer: Vec<u8>,
    /// Where each block in the buffer ends.
    ends: Vec<usize>,
    interfaces: Vec<String>,
}

impl Capture {
    /// The recording to the file called `name`: the one that others record in already, or else a new one. A file that is
    /// there from before is emptied if `overwrite` says so. One of rows begins with what `first` gives.
    ///
    /// # Errors
    /// `file`: it cannot be made; it is there and may not be emptied, or another run writes it.
    pub(super) fn create(name: &str, overwrite: bool, first: impl FnOnce() -> Vec<u8>) -> Result<Arc<Self>, Error> {
        Self::open(name, overwrite, first).map_err(|err| {
            let error = match err.kind() {
                io::ErrorKind::AlreadyExists => Error::new(ErrorKind::File, "capture", "the file exists").with_hint(
                    format!("remove it, name another file, or let it be overwritten: capture({name:?}, #{{ overwrite: true }})"),
                ),
                io::ErrorKind::ResourceBusy => Error::new(ErrorKind::File, "capture", in_words(&err)).with_hint("name another file"),
                _ => Error { kind: ErrorKind::File, ..Error::system("capture", &err) },
            };
            error.with_peer(name)
        })
    }

    fn open(name: &str, overwrite: bool, first: impl FnOnce() -> Vec<u8>) -> io::Result<Arc<Self>> {
        // Under no lock: a pipe is waited for until somebody reads it.
        let file = File::options().write(true).create(true).truncate(false).open(name)?;
        let identity = file::identity(name, &file)?;
        let mut recordings = RECORDINGS.lock().unwrap_or_else(PoisonError::into_inner);
        // What ended ones have left is written now, not into what comes after them.
        for (.., ended) in recordings.extract_if(.., |(_, capture, _)| capture.strong_count() == 0) {
            ended.upgrade().inspect(|ended| ended.end());
        }
        let known = recordings.iter().find(|(known, ..)| *known == identity);
        if let Some(capture) = known.and_then(|(_, capture, _)| capture.upgrade()) {
            return Ok(capture);
        }
        if file.metadata()?.is_file() {
            file::claim(name, &file, |_| overwrite)?;
        }
        let recording = Arc::new(Recording::begin(name, file, first));
        let capture = Arc::new(Self(recording.clone()));
        recordings.push((identity, Arc::downgrade(&capture), Arc::downgrade(&recording)));
        environment().hold(recording);
        // A recording of nothing has its header.
        environment().has_held();
        Ok(capture)
    }

    /// Whether it records rows.
    pub(super) fn is_of_rows(&self) -> bool {
        self.0.format == CaptureFormat::Rows
    }

    /// Records a row, its line end included, in a recording of rows.
    pub(super) fn row(&self, line: &[u8]) {
        self.0.add(|inner| inner.row(line));
    }
}

impl Recording {
    fn begin(name: &str, file: File, first: impl FnOnce() -> Vec<u8>) -> Self {
        let format = CaptureFormat::of(name);
        let (buffer, ends, interfaces) = (Vec::new(), Vec::new(), Vec::new());
        let mut inner = Inner { file: Some(file), written: 0, buffer, ends, interfaces };
        match format {
            CaptureFormat::Pcap => inner.begin_classic(),
            CaptureFormat::Pcapng => inner.begin(),
            CaptureFormat::Rows => inner.row(&first()),
        }
        Self { name: name.to_string(), format, inner: Mutex::new(inner) }
    }

    /// Writes out what is held back and closes the file, which another may then record in.
    fn end(&self) {
        self.flush();
        self.lock().file = None;
    }

    fn record(&self, interface: &str, time: i64, frame: &[u8], comment: Option<&str>) {
        match self.format {
            CaptureFormat::Pcap => self.add(|inner| inner.packet_classic(time, frame)),
            CaptureFormat::Pcapng => self.add(|inner| inner.packet(interface, time, frame, comment)),
            CaptureFormat::Rows => {}
        }
    }

    fn add(&self, add: impl FnOnce(&mut Inner)) {
        let mut inner = self.lock();
        if inner.file.is_none() {
            return;
        }
        add(&mut inner);
        let failed = if inner.buffer.len() >= LARGE { inner.write_out() } else { None };
        drop(inner);
        environment().has_held();
        self.report(failed);
    }

    fn report(&self, failed: Option<io::Error>) {
        if let Some(err) = failed {
            let why = in_words(&err);
            environment()
                .note(&format!("error: {} could not be written: {why}; its last packets are missing", self.name));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Buffered for Recording {
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
    fn begin_classic(&mut self) {
        for word in [0xa1b2_3c4d, 0x0004_0002, 0, 0, SNAPLEN, u32::from(ETHERNET)] {
            self.word(word);
        }
        self.ends.push(self.buffer.len());
    }

    fn packet_classic(&mut self, time: i64, frame: &[u8]) {
        let len = frame.len() as u32;
        for word in [(time / 1_000_000_000) as u32, (time % 1_000_000_000) as u32, len, len] {
            self.word(word);
        }
        self.buffer.extend_from_slice(frame);
        self.ends.push(self.buffer.len());
    }

    fn row(&mut self, line: &[u8]) {
        if !line.is_empty() {
            self.buffer.extend_from_slice(line);
            self.ends.push(self.buffer.len());
        }
    }

    fn begin(&mut self) {
        let application = concat!("pingscript ", env!("CARGO_PKG_VERSION"));
        self.block(SECTION, |inner| {
            inner.word(0x1a2b_3c4d);
            inner.word(1);
            inner.word(u32::MAX);
            inner.word(u32::MAX);
            inner.option(SECTION_APPLICATION, application.as_bytes());
            inner.word(0);
        });
    }

    /// The number of the interface with this name, which is described before its first packet.
    fn interface(&mut self, name: &str) -> u32 {
        if let Some(number) = self.interfaces.iter().position(|known| known == name) {
            return number as u32;
        }
        self.interfaces.push(name.to_string());
        self.block(INTERFACE, |inner| {
            inner.word(u32::from(ETHERNET));
            inner.word(SNAPLEN);
            inner.option(INTERFACE_NAME, name.as_bytes());
            inner.option(INTERFACE_RESOLUTION, &[9]);
            inner.word(0);
        });
        self.interfaces.len() as u32 - 1
    }

    fn packet(&mut self, interface: &str, time: i64, frame: &[u8], comment: Option<&str>) {
        let (interface, time, len) = (self.interface(interface), time as u64, frame.len() as u32);
        self.block(PACKET, |inner| {
            for word in [interface, (time >> 32) as u32, time as u32, len, len] {
                inner.word(word);
            }
            inner.padded(frame);
            if let Some(comment) = comment {
                inner.option(COMMENT, comment.as_bytes());
                inner.word(0);
            }
        });
    }

    fn block(&mut self, kind: u32, body: impl FnOnce(&mut Self)) {
        let start = self.buffer.len();
        self.word(kind);
        self.word(0);
        body(self);
        let len = (self.buffer.len() - start + 4) as u32;
        self.word(len);
        self.buffer[start + 4..start + 8].copy_from_slice(&len.to_ne_bytes());
        self.ends.push(self.buffer.len());
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        let value = &value[..value.len().min(usize::from(u16::MAX))];
        self.buffer.extend_from_slice(&code.to_ne_bytes());
        self.buffer.extend_from_slice(&(value.len() as u16).to_ne_bytes());
        self.padded(value);
    }

    fn padded(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        let padding = bytes.len().next_multiple_of(4) - bytes.len();
        self.buffer.extend_from_slice(&[0; 3][..padding]);
    }

    /// Numbers are in the order of this machine: both formats say which that is.
    fn word(&mut self, word: u32) {
        self.buffer.extend_from_slice(&word.to_ne_bytes());
    }

    /// Writes out what is held back; why it failed, if it did. Each write ends with the last block before the end of a page,
    /// so that only a block that lies across pages is open to a kill, within an instant.
    fn write_out(&mut self) -> Option<io::Error> {
        let mut file = self.file.as_ref().filter(|_| !self.buffer.is_empty())?;
        let (mut start, mut next) = (0, 0);
        while next < self.ends.len() {
            let room = start + PAGE - (self.written % PAGE as u64) as usize;
            let fitting = self.ends[next..].iter().take_while(|end| **end <= room).count().max(1);
            let end = self.ends[next + fitting - 1];
            if let Err(err) = file.write_all(&self.buffer[start..end]) {
                if file.metadata().is_ok_and(|about| about.is_file()) {
                    // A full disk may have cut a block.
                    let _ = file.set_len(self.written);
                }
                (self.file, self.buffer, self.ends) = (None, Vec::new(), Vec::new());
                return Some(err);
            }
            self.written += (end - start) as u64;
            (start, next) = (end, next + fitting);
        }
        self.buffer.clear();
        self.ends.clear();
        None
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_ended_recording_held_back_does_not_come_into_the_next() {
        let [again, once] = ["again", "once"].map(|name| {
            let name = format!("pingscript-capture-{name}-{}.pcapng", std::process::id());
            std::env::temp_dir().join(name).to_string_lossy().into_owned()
        });
        let ended = Capture::create(&again, false, Vec::new).expect("a file");
        (0..9).for_each(|time| ended.0.record("a0", time, &[1; 60], None));
        drop(ended);
        for name in [&again, &once] {
            let recording = Capture::create(name, true, Vec::new).expect("a file");
            recording.0.record("b0", 2, &[2; 60], None);
            recording.0.flush();
        }
        // A frame that is held for being written out is given up when the next comes.
        drop(Capture::create("/dev/null", false, Vec::new));
        let [again, once] = [again, once].map(|name| (std::fs::read(&name), std::fs::remove_file(&name)).0);
        assert_eq!(again.expect("a recording"), once.expect("a recording"));
    }
}
