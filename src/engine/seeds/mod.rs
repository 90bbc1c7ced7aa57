//! `--seeds`: one script, a simulated run for each seed, and a summary of all.
//!
//! Each run is a process of this binary, as `--seed N` would start it, so that none leaves anything to the next.

mod summary;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use self::summary::SeedSummary;
use super::children::{ChildRun, Children};
use super::run::exit;
use super::signals;
use super::simulated::simulated_line;
use crate::bindings::measured::Measured;
use crate::net::error::in_words;
use crate::net::host::stop::Stop;
use crate::net::observe::record::lines::Lines;
use crate::net::sys;
use crate::terminal::output;

/// How many seeds there may be.
const MOST: u64 = 1_000_000;

/// How often it is looked whether the run is to end, and how far it is shown.
const BEAT: Duration = Duration::from_millis(50);

/// How a row begins.
const BEGINNING: &str = "{\"type\":\"seed\",";

/// What is to be run.
#[derive(Clone, Debug)]
pub struct SeedsJob {
    /// The seeds.
    pub seeds: RangeInclusive<u64>,
    /// What stands after the flags, or `-e CODE` and what follows.
    pub words: Vec<String>,
    /// The file for a row of each seed; `-` is standard output.
    pub json: Option<String>,
}

/// Reads a range of seeds: `1..1000`, both included.
///
/// # Errors
/// It is none; the message says what one is.
pub fn range(text: &str) -> Result<RangeInclusive<u64>, String> {
    let (first, last) = text.split_once("..").ok_or("seeds are a range such as 1..1000, both included")?;
    let number = |text: &str| {
        let number = text.trim().parse::<u64>();
        number
            .map_err(|_| format!("{text:?} is no seed; seeds are a range of whole numbers from 0 up, such as 1..1000"))
    };
    let (first, last) = (number(first)?, number(last.strip_prefix('=').unwrap_or(last))?);
    if first > last {
        return Err(format!("there are no seeds from {first} to {last}; write the smaller one first: {last}..{first}"));
    }
    if last - first >= MOST {
        return Err(format!("there may be {MOST} seeds at most; write for instance {first}..{}", first + MOST - 1));
    }
    Ok(first..=last)
}

/// Runs the script for each seed; the exit code: 5 if any expectation failed, else that of the first seed that failed.
///
/// # Errors
/// The system has no descriptor, thread or process left.
pub fn run(job: &SeedsJob) -> Result<i32> {
    let mut rows = match job.json.as_deref().map(|name| SeedRows::open(name, *job.seeds.start())).transpose() {
        Ok(rows) => rows,
        Err(err) => {
            let file = job.json.as_deref().unwrap_or_default();
            output::note(&format!("error: {file} cannot be opened for rows: {}", in_words(&err)));
            output::note("  hint: name another file; one that exists is written anew only if it holds rows of seeds");
            return Ok(exit::USAGE);
        }
    };
    let (stop, begun) = (Stop::root()?, sys::monotonic_nanos());
    signals::stop_script(&stop);
    let mut summary = SeedSummary::new(job.seeds.clone());
    let words = job.words.clone();
    let words_of = move |seed: u64| {
        let flags = ["--simulate".to_string(), "--seed".to_string(), seed.to_string()];
        (seed, flags.into_iter().chain(words.iter().cloned()).collect())
    };
    let workers = Children::start(job.seeds.clone().map(words_of), None)?;
    let mut take = |summary: &mut SeedSummary, run: ChildRun| {
        rows.iter_mut().for_each(|rows| rows.add(&run));
        summary.add(run);
    };
    let collected = collect(&workers, &stop, &mut summary, &mut take);
    output::show_progress(None);
    let killed = match collected {
        Ok(killed) => killed,
        Err(run) => {
            output::note(String::from_utf8_lossy(&run.output).trim_end());
            return Ok(exit::USAGE);
        }
    };
    let signal = signals::finish();
    if signal.is_none() {
        killed.into_iter().for_each(|run| take(&mut summary, run));
    }
    rows.iter_mut().for_each(SeedRows::finish);
    summary.lines(&job.words).iter().for_each(|line| output::line(line));
    output::flush();
    output::note(&simulated_line(summary.network(), sys::monotonic_nanos() - begun));
    Ok(match signal {
        Some(reason) => exit::of_signal(reason),
        None if output::has_failed() => exit::SCRIPT,
        None => summary.exit_code(),
    })
}

/// Has `take` take the runs as they end, but those that a signal has ended: Ctrl-C reaches them as soon as this process, and
/// whether it was that is known at the end.
///
/// # Errors
/// A run whose options are wrong: it ends all, since they are wrong for every seed.
fn collect(
    workers: &Children,
    stop: &Stop,
    summary: &mut SeedSummary,
    take: &mut impl FnMut(&mut SeedSummary, ChildRun),
) -> Result<Vec<ChildRun>, ChildRun> {
    let (mut wrong, mut killed) = (None, Vec::new());
    loop {
        match workers.runs.recv_timeout(BEAT) {
            Ok(run) if run.was_killed() => killed.push(run),
            Ok(run) if run.code == exit::USAGE && wrong.is_none() => {
                wrong = Some(run);
                workers.end();
            }
            Ok(run) => take(summary, run),
            Err(RecvTimeoutError::Timeout) => output::flush(),
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if stop.is_stopped() {
            workers.end();
        } else if output::error_is_terminal() {
            output::show_progress(Some(&summary.progress()));
        }
    }
    wrong.map_or(Ok(killed), Err)
}

/// The row of a run, with the line end.
fn row(run: &ChildRun) -> String {
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
        seed: run.number,
        exit_code: run.code,
        network_ns: run.report.network_ns,
        expectations: &run.report.expectations,
    };
    serde_json::to_string(&row).unwrap_or_default() + "\n"
}

/// The rows, in the order of the seeds.
struct SeedRows {
    file: Option<Arc<Lines>>,
    waiting: BTreeMap<u64, String>,
    next: u64,
}

impl SeedRows {
    fn open(name: &str, first: u64) -> std::io::Result<Self> {
        let file = if name == "-" {
            output::give_to_rows();
            None
        } else {
            let lines = Arc::new(Lines::create(name, BEGINNING)?);
            output::hold(lines.clone());
            Some(lines)
        };
        Ok(Self { file, waiting: BTreeMap::new(), next: first })
    }

    fn add(&mut self, run: &ChildRun) {
        self.waiting.insert(run.number, row(run));
        while let Some(row) = self.waiting.remove(&self.next) {
            self.write(&row);
            self.next += 1;
        }
    }

    /// Writes those that came before one that is missing.
    fn finish(&mut self) {
        std::mem::take(&mut self.waiting).into_values().for_each(|row| self.write(&row));
    }

    fn write(&self, row: &str) {
        match &self.file {
            Some(file) => file.push(row.as_bytes()),
            None => output::row(row.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_seeds_hold_both_ends() {
        assert_eq!(range("1..1000"), Ok(1..=1000));
        assert_eq!(range("7..=7"), Ok(7..=7));
        for (text, why) in [
            ("7", "such as 1..1000"),
            ("", "such as 1..1000"),
            ("1..", "no seed"),
            ("-1..4", "no seed"),
            ("1..1e3", "no seed"),
            ("5..2", "2..5"),
            ("1..1000001", "1..1000000"),
            ("0..18446744073709551615", "at most"),
            ("0..18446744073709551616", "no seed"),
        ] {
            let error = range(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
