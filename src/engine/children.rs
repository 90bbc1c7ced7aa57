//! Runs of scripts in processes of their own, several at a time: of `--seeds` one for each seed, of `test` one for each file, of
//! `grade` one for each submission.
//!
//! Each is a process of this binary. Its standard input is a socket that has nothing to read; at its end it sends over that what its
//! checks were given ([`RunReport`]).

use std::collections::HashMap;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::simulated::RunReport;
use crate::net::error::in_words;
use crate::net::host::threads;
use crate::net::sys;
use crate::net::time::Duration;

/// What is run again.
const OWN_BINARY: &str = "/proc/self/exe";

/// Bytes that are kept of what a run prints.
const KEPT: u64 = 1 << 20;

/// How one run ended.
#[derive(Debug)]
pub(super) struct ChildRun {
    /// Its number among all: of `--seeds` the seed.
    pub(super) number: u64,
    /// Its exit code; of one that a signal has ended, 128 and its number.
    pub(super) code: i32,
    /// What it printed, on standard output and standard error.
    pub(super) output: Vec<u8>,
    /// What it reported, if it came to its end.
    pub(super) report: RunReport,
    /// How long it took.
    pub(super) took: Duration,
}

/// What is to be run: a number, and the words of its command line.
pub(super) type ChildJob = (u64, Vec<String>);

/// What runs.
#[derive(Debug)]
pub(super) struct Children {
    /// The runs that have ended.
    pub(super) runs: Receiver<ChildRun>,
    shared: Arc<ChildPool>,
}

#[derive(Debug)]
struct ChildPool {
    state: Mutex<State>,
}

struct State {
    jobs: Box<dyn Iterator<Item = ChildJob> + Send>,
    /// What runs, and since when (CLOCK_MONOTONIC).
    running: HashMap<u64, (Child, i64)>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("running", &self.running).finish_non_exhaustive()
    }
}

impl Children {
    /// Starts `at_once` of these, and another as each ends; `None`: as many as there are processors.
    pub(super) fn start(
        jobs: impl Iterator<Item = ChildJob> + Send + 'static,
        at_once: Option<usize>,
    ) -> io::Result<Self> {
        let state = State { jobs: Box::new(jobs), running: HashMap::new() };
        let shared = Arc::new(ChildPool { state: Mutex::new(state) });
        let (sender, runs) = channel();
        let count = at_once.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        for _ in 0..count {
            let (shared, sender) = (shared.clone(), sender.clone());
            threads::spawn("runs", move || shared.work(&sender))?;
        }
        Ok(Self { runs, shared })
    }

    /// Kills what runs, and starts nothing more.
    pub(super) fn end(&self) {
        let mut state = self.shared.lock();
        state.jobs = Box::new(std::iter::empty());
        state.running.values_mut().for_each(|(child, _)| drop(child.kill()));
    }

    /// Kills what has run for longer than `limit`.
    pub(super) fn end_older(&self, limit: std::time::Duration) {
        let oldest = sys::monotonic_nanos().saturating_sub(limit.as_nanos().try_into().unwrap_or(i64::MAX));
        let mut state = self.shared.lock();
        state.running.values_mut().filter(|(_, since)| *since <= oldest).for_each(|(child, _)| drop(child.kill()));
    }
}

impl ChildPool {
    fn work(&self, sender: &Sender<ChildRun>) {
        loop {
            let mut state = self.lock();
            let Some((number, words)) = state.jobs.next() else { return };
            let begun = sys::monotonic_nanos();
            let started = spawn(&words).map(|(child, output, report)| {
                state.running.insert(number, (child, begun));
                (output, report)
            });
            drop(state);
            let run = started.and_then(|streams| self.wait(number, streams)).unwrap_or_else(|err| ChildRun {
                number,
                code: super::run::exit::SCRIPT,
                output: format!("error: no process can be started for this run: {}\n", in_words(&err)).into(),
                report: RunReport::default(),
                took: Duration::ZERO,
            });
            let took = Duration::from_nanos(sys::monotonic_nanos() - begun);
            if sender.send(ChildRun { took, ..run }).is_err() {
                return;
            }
        }
    }

    fn wait(&self, number: u64, (mut output, mut stream): (io::PipeReader, UnixStream)) -> io::Result<ChildRun> {
        let reading = threads::spawn("report", move || {
            let mut text = Vec::new();
            let _ = stream.read_to_end(&mut text);
            serde_json::from_slice(&text).unwrap_or_default()
        })?;
        let mut kept = Vec::new();
        (&mut output).take(KEPT).read_to_end(&mut kept)?;
        if io::copy(&mut output, &mut io::sink())? > 0 {
            kept.extend_from_slice(b"\n(it printed more)\n");
        }
        let report = reading.join().unwrap_or_default();
        let child = self.lock().running.remove(&number);
        let status = child.map_or(Err(io::ErrorKind::NotFound.into()), |(mut child, _)| child.wait())?;
        Ok(ChildRun { number, code: code_of(status), output: kept, report, took: Duration::ZERO })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn spawn(words: &[String]) -> io::Result<(Child, io::PipeReader, UnixStream)> {
    let (reader, writer) = io::pipe()?;
    let (ours, theirs) = sys::report_stream()?;
    let mut command = Command::new(OWN_BINARY);
    command.arg0("pingscript").arg("--one-of-many").args(words);
    command.stdin(theirs).stdout(writer.try_clone()?).stderr(writer);
    // The root directory may be one without /proc.
    let child = command.spawn().map_err(|err| match err.kind() {
        io::ErrorKind::NotFound => io::Error::new(err.kind(), format!("{OWN_BINARY}: {}", in_words(&err))),
        _ => err,
    })?;
    Ok((child, reader, ours))
}

fn code_of(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

impl ChildRun {
    /// Whether a signal has ended it.
    pub(super) fn was_killed(&self) -> bool {
        self.code > 128
    }
}
