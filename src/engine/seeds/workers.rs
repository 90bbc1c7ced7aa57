//! The processes that run one seed each, as many at a time as there are processors.

use std::collections::HashMap;
use std::io::{self, Read};
use std::ops::RangeInclusive;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::SeedsJob;
use crate::bindings::measured::Measured;
use crate::engine::simulated::RunReport;
use crate::net::host::threads;
use crate::net::sys;

/// Bytes that are kept of what a run prints.
const KEPT: u64 = 1 << 20;

/// How one seed ended.
#[derive(Debug)]
pub(super) struct SeedRun {
    pub(super) seed: u64,
    /// Its exit code; of one that a signal has ended, 128 and its number.
    pub(super) code: i32,
    /// What it printed, on standard output and standard error.
    pub(super) output: Vec<u8>,
    /// What it reported, if it came to its end.
    pub(super) report: RunReport,
}

/// What runs.
#[derive(Debug)]
pub(super) struct SeedWorkers {
    /// The runs that have ended.
    pub(super) runs: Receiver<SeedRun>,
    shared: Arc<SeedPool>,
}

#[derive(Debug)]
struct SeedPool {
    words: Vec<String>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    seeds: RangeInclusive<u64>,
    running: HashMap<u64, Child>,
}

impl SeedWorkers {
    /// Starts as many as there are processors.
    pub(super) fn start(job: &SeedsJob) -> io::Result<Self> {
        let state = State { seeds: job.seeds.clone(), running: HashMap::new() };
        let shared = Arc::new(SeedPool { words: job.words.clone(), state: Mutex::new(state) });
        let (sender, runs) = channel();
        let count = std::thread::available_parallelism().map_or(1, usize::from);
        let count = count.min(job.seeds.clone().take(count).count());
        for _ in 0..count {
            let (shared, sender) = (shared.clone(), sender.clone());
            threads::spawn("seeds", move || shared.work(&sender))?;
        }
        Ok(Self { runs, shared })
    }

    /// Kills what runs, and starts nothing more.
    pub(super) fn end(&self) {
        let mut state = self.shared.lock();
        state.seeds = RangeInclusive::new(1, 0);
        state.running.values_mut().for_each(|child| drop(child.kill()));
    }
}

impl SeedPool {
    fn work(&self, sender: &Sender<SeedRun>) {
        loop {
            let mut state = self.lock();
            let Some(seed) = state.seeds.next() else { return };
            let started = self.spawn(seed).map(|(child, output, report)| {
                state.running.insert(seed, child);
                (output, report)
            });
            drop(state);
            let run = started.and_then(|streams| self.wait(seed, streams)).unwrap_or_else(|err| SeedRun {
                seed,
                code: super::exit::SCRIPT,
                output: format!("error: no process can be started for this seed: {}\n", super::in_words(&err)).into(),
                report: RunReport::default(),
            });
            if sender.send(run).is_err() {
                return;
            }
        }
    }

    fn spawn(&self, seed: u64) -> io::Result<(Child, io::PipeReader, UnixStream)> {
        let (reader, writer) = io::pipe()?;
        let (ours, theirs) = sys::report_stream()?;
        let mut command = Command::new(OWN_BINARY);
        command.arg0("pingscript").args(["--simulate", "--seed", &seed.to_string(), "--one-of-many"]).args(&self.words);
        command.stdin(theirs).stdout(writer.try_clone()?).stderr(writer);
        // The root directory may be one without /proc.
        let child = command.spawn().map_err(|err| match err.kind() {
            io::ErrorKind::NotFound => io::Error::new(err.kind(), format!("{OWN_BINARY}: {}", super::in_words(&err))),
            _ => err,
        })?;
        Ok((child, reader, ours))
    }

    fn wait(&self, seed: u64, (mut output, mut stream): (io::PipeReader, UnixStream)) -> io::Result<SeedRun> {
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
        let child = self.lock().running.remove(&seed);
        let status = child.map_or(Err(io::ErrorKind::NotFound.into()), |mut child| child.wait())?;
        Ok(SeedRun { seed, code: code_of(status), output: kept, report })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is run again for each seed.
const OWN_BINARY: &str = "/proc/self/exe";

fn code_of(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

impl SeedRun {
    /// Whether a signal has ended it.
    pub(super) fn was_killed(&self) -> bool {
        self.code > 128
    }

    /// Its row of JSON, with the line end.
    pub(super) fn row(&self) -> String {
        #[derive(Serialize)]
        struct SeedRow<'a> {
            r#type: &'static str,
            seed: u64,
            exit_code: i32,
            network_ns: i64,
            expectations: &'a [Measured],
        }
        let row = SeedRow {
            r#type: "seed",
            seed: self.seed,
            exit_code: self.code,
            network_ns: self.report.network_ns,
            expectations: &self.report.expectations,
        };
        serde_json::to_string(&row).unwrap_or_default() + "\n"
    }
}
