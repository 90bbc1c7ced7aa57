//! `pingscript grade`: runs a judge once for each submission, in a process of its own each, and writes what came of it.

mod args;
mod feedback;
mod find;
mod formats;
mod record;
mod summary;

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use anyhow::Result;

pub use self::args::{EXIT_CODES, GradeArgs, SeedBy};
use self::find::{Handed, find};
use self::record::{GradeRecord, key_of};
use super::check::refuse_mistakes;
use super::children::{ChildRun, Children};
use super::programs::ScriptHost;
use super::run::{exit, refuse};
use super::signals;
use super::test_runner::junit;
use crate::net::error::{Error, ErrorKind, in_words};
use crate::net::host::stop::Stop;
use crate::terminal::output;

/// How often it is looked whether all is to end, and how far it is shown.
const BEAT: Duration = Duration::from_millis(50);

/// Judges all; the exit code.
///
/// # Errors
/// The system has no descriptor, thread or process left.
pub fn run(asked: &GradeArgs) -> Result<i32> {
    let host = ScriptHost::for_checking();
    let (name, judge) = match host.sources.open(&asked.judge) {
        Ok(opened) => opened,
        Err(error) => return Ok(refuse(&error)),
    };
    if refuse_mistakes(&host, &name, &judge) {
        return Ok(exit::SCRIPT);
    }
    let (handed, others) = match find(&asked.dirs, asked.are_submissions(), asked.out.as_deref()) {
        Ok(found) => found,
        Err(error) => return Ok(refuse(&error)),
    };
    if let Some((file, err)) = asked.files().find_map(|file| Some((file, try_to_write(file).err()?))) {
        let error = Error::new(ErrorKind::File, "grade", format!("it cannot be written: {}", in_words(&err)));
        return Ok(refuse(
            &error.with_peer(file).with_hint("name a file in a directory that there is and that you may write to"),
        ));
    }
    for other in others {
        output::note(&format!("note: {other}"));
    }
    match Grading::begin(asked, &judge, handed) {
        Ok(grading) => grading.run(),
        Err(error) => Ok(refuse(&error)),
    }
}

/// Tries whether a file can be written, before hours of judging go into what is to be written.
fn try_to_write(file: impl AsRef<Path>) -> std::io::Result<()> {
    let about = fs::metadata(&file).ok();
    // To open and close a pipe would end it for its reader.
    if about.as_ref().is_some_and(|about| !about.is_file() && !about.is_dir()) {
        return Ok(());
    }
    fs::OpenOptions::new().append(true).create(true).open(&file)?;
    if about.is_some() { Ok(()) } else { fs::remove_file(file) }
}

/// How the directories for what is built are called, before the number of their process.
const SCRATCH: &str = "pingscript-grade-";

/// Removes those of processes that were killed.
fn remove_old_scratch() {
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(SCRATCH)?.parse::<u32>().ok());
        if process.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            // Another user's stays.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// What is judged, and what came of it so far.
struct Grading<'a> {
    asked: &'a GradeArgs,
    handed: Vec<Handed>,
    /// What each result is known by: the judge, the files and the seed.
    keys: Vec<u64>,
    /// For what is built, and gone at the end.
    scratch: PathBuf,
    records: HashMap<usize, GradeRecord>,
    /// Of those that were judged before.
    kept: usize,
    /// Whether something could not be written.
    is_lost: bool,
}

impl<'a> Grading<'a> {
    fn begin(asked: &'a GradeArgs, judge: &str, handed: Vec<Handed>) -> Result<Self, Error> {
        let refused = |dir: &Path, err: &std::io::Error| {
            let error = Error::new(ErrorKind::File, "grade", format!("it cannot be written to: {}", in_words(err)));
            error.with_peer(dir.display().to_string())
        };
        if let Some(out) = &asked.out {
            let made = fs::create_dir_all(out).and_then(|()| try_to_write(out.join(".part")));
            made.map_err(|err| refused(out, &err).with_hint("name a directory that you may write to: --out DIR"))?;
        }
        let scratch = std::env::temp_dir().join(format!("{SCRATCH}{}", std::process::id()));
        remove_old_scratch();
        // One that is there already is another user's.
        let made = fs::DirBuilder::new().mode(0o700).create(&scratch);
        made.map_err(|err| refused(&scratch, &err).with_hint("name a directory that you may write to in TMPDIR"))?;
        let how = format!("{judge}\n{} {}", asked.student, asked.no_sandbox);
        let keys = handed.iter().map(|one| key_of(&how, asked.seed_of(&one.name), &one.dir));
        let keys: Vec<u64> = keys.collect();
        let known = |at: usize| GradeRecord::load(asked.out.as_deref()?, &handed[at].name, keys[at]);
        let records: HashMap<usize, GradeRecord> = (0..handed.len()).filter_map(|at| Some((at, known(at)?))).collect();
        let kept = records.len();
        Ok(Self { asked, handed, keys, scratch, records, kept, is_lost: false })
    }

    fn run(mut self) -> Result<i32> {
        let stop = Stop::root()?;
        signals::stop_runs(&stop, "the grading");
        let missing: Vec<usize> = (0..self.handed.len()).filter(|at| !self.records.contains_key(at)).collect();
        let done = self.judge(missing, self.asked.jobs.map(usize::from), &stop);
        let done = done.and_then(|ended| {
            let mut ended = ended;
            for _ in 0..self.asked.retry {
                let disturbed: Vec<usize> =
                    self.records.iter().filter(|(_, record)| record.is_disturbed()).map(|(at, _)| *at).collect();
                for at in disturbed {
                    if ended.is_none() && !stop.is_stopped() {
                        ended = self.judge(vec![at], Some(1), &stop)?;
                    }
                }
            }
            Ok(ended)
        });
        let _ = fs::remove_dir_all(&self.scratch);
        let signal = signals::finish();
        output::show_progress(None);
        match (done?, signal) {
            (_, Some(reason)) => {
                let (done, all) = (self.records.len(), self.handed.len());
                output::note(&format!(
                    "{done} of {all} submissions are judged; with --out, the same command goes on from there"
                ));
                Ok(exit::of_signal(reason))
            }
            (Some(code), None) => Ok(code),
            (None, None) => Ok(self.conclude()),
        }
    }

    /// Judges these; the exit code of a judge that is at fault itself ends all.
    fn judge(&mut self, these: Vec<usize>, at_once: Option<usize>, stop: &Stop) -> Result<Option<i32>> {
        if these.is_empty() {
            return Ok(None);
        }
        let jobs = these.into_iter().map(|at| {
            let scratch = self.scratch.join(at.to_string());
            (at as u64, self.asked.words(&self.handed[at], &scratch))
        });
        let jobs: Vec<_> = jobs.collect();
        let children = Children::start(jobs.into_iter(), at_once)?;
        let mut fault = None;
        loop {
            match children.runs.recv_timeout(BEAT) {
                Ok(run) if stop.is_stopped() || fault.is_some() => drop(run),
                Ok(run) => fault = self.take(run),
                Err(RecvTimeoutError::Timeout) => output::flush(),
                Err(RecvTimeoutError::Disconnected) => return Ok(fault),
            }
            children.end_older(self.asked.limit);
            if stop.is_stopped() || fault.is_some() {
                children.end();
            } else if output::error_is_terminal() {
                output::show_progress(Some(&format!("{} of {} submissions", self.records.len(), self.handed.len())));
            }
        }
    }

    /// Takes note of what came of a submission; the exit code of a judge that is at fault itself.
    fn take(&mut self, run: ChildRun) -> Option<i32> {
        let at = run.number as usize;
        let _ = fs::remove_dir_all(self.scratch.join(at.to_string()));
        output::show_progress(None);
        if matches!(run.code, exit::SCRIPT | exit::PERMISSION | exit::USAGE) {
            output::note(String::from_utf8_lossy(&run.output).trim_end());
            let what = if run.code == exit::PERMISSION { "cannot be run here" } else { "has an error" };
            output::note(&format!("error: the judge {what}; no submission is judged ({})", self.handed[at].name));
            return Some(if run.code == exit::USAGE { exit::SCRIPT } else { run.code });
        }
        let seed = self.asked.seed_of(&self.handed[at].name);
        let mut record = GradeRecord::new(&self.handed[at], self.keys[at], seed, self.asked.limit, run);
        // Of one in which an error has ended a group, some checks were never asked.
        record.max_points = self.records.values().map(|record| record.max_points).fold(record.max_points, f64::max);
        // Of several runs of one that the machine has disturbed, the best counts.
        let record = match self.records.remove(&at) {
            Some(before) => before.repeated(record),
            None => record,
        };
        if record.is_disturbed() {
            output::line(&format!("      {}: the machine was busy, and it is judged again, alone", record.title()));
        } else {
            output::line(&record.line());
        }
        self.save(&record);
        output::flush();
        self.records.insert(at, record);
        None
    }

    fn save(&mut self, record: &GradeRecord) {
        let Some(out) = &self.asked.out else { return };
        let written = record
            .save(out)
            .and_then(|()| fs::write(out.join(format!("{}.md", record.name)), feedback::document(record)));
        if let Err(err) = written {
            output::note(&format!("error: {}: what came of it cannot be written: {}", record.title(), in_words(&err)));
            self.is_lost = true;
        }
    }

    /// Writes all that is wanted, and prints the summary; the exit code.
    fn conclude(mut self) -> i32 {
        let mut records: Vec<(usize, GradeRecord)> = self.records.drain().collect();
        records.sort_by_key(|(at, _)| *at);
        let mut records: Vec<GradeRecord> = records.into_iter().map(|(_, record)| record).collect();
        let most = records.iter().map(|record| record.max_points).fold(0.0, f64::max);
        for record in records.iter_mut().filter(|record| record.max_points < most) {
            record.max_points = most;
            self.save(record);
        }
        if self.asked.student {
            records.iter().for_each(|record| output::line(&feedback::text(record)));
        } else {
            summary::lines(&records, self.kept).iter().for_each(|line| output::line(line));
        }
        output::flush();
        let is_full = records.iter().all(GradeRecord::is_full);
        match (self.write(&records), is_full) {
            (false, _) => exit::SCRIPT,
            _ if self.is_lost || output::has_failed() => exit::SCRIPT,
            (true, true) => exit::DONE,
            (true, false) => exit::EXPECT,
        }
    }

    /// Writes the files that are wanted; whether it could.
    fn write(&self, records: &[GradeRecord]) -> bool {
        let asked = self.asked;
        let mut files = vec![
            (asked.csv.clone(), formats::csv as fn(&[GradeRecord]) -> String),
            (asked.json.clone(), formats::json),
            (asked.junit.clone(), |records| {
                junit::document(&records.iter().map(GradeRecord::as_test).collect::<Vec<_>>())
            }),
            (asked.gradescope.clone(), formats::gradescope),
        ];
        if asked.github {
            files.push((std::env::var("GITHUB_OUTPUT").ok(), formats::github));
            if std::env::var_os("GITHUB_OUTPUT").is_none() {
                output::line(formats::github(records).trim_end());
            }
        }
        files.into_iter().filter_map(|(file, make)| Some((file?, make))).fold(true, |all, (file, make)| {
            let text = make(records);
            let is_github = asked.github && Some(&file) == std::env::var("GITHUB_OUTPUT").ok().as_ref();
            let written = if is_github { formats::append(&file, &text) } else { fs::write(&file, text) };
            if let Err(err) = &written {
                output::note(&format!("error: {file}: the results cannot be written: {}", in_words(err)));
            }
            all && written.is_ok()
        })
    }
}
