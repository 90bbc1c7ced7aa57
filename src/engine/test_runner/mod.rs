//! `pingscript test`: runs scripts as tests, each in a process of its own, and says which of their checks failed.

mod find;
pub(super) mod junit;
mod result;
mod tap;

use std::ops::RangeInclusive;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use rhai::{ASTNode, Expr, Stmt};

use self::find::find;
use self::result::Totals;
pub(super) use self::result::{TestEnd, TestResult};
use super::children::{ChildRun, Children};
use super::programs::ScriptHost;
use super::run::{exit, refuse};
use super::{rewrite, seeds, signals};
use crate::net::error::{Error, ErrorKind, in_words};
use crate::net::host::stop::Stop;
use crate::net::sys;
use crate::terminal::output;

/// How often it is looked whether all is to end, and how far it is shown.
const BEAT: Duration = Duration::from_millis(50);

/// The seed of runs for which no others are asked: a test does the same each time.
const SEED: u64 = 1;

/// What scripts call that simulated hosts do not have: programs.
const NEEDS_KERNEL: [&str; 3] = ["exec", "start_program", "shell"];

/// What is to be run.
#[derive(Args, Clone, Debug)]
pub struct TestArgs {
    /// Scripts, by file or by name, and directories, which are searched for files called *_test.rhai; none: this directory
    #[arg(value_name = "FILE|DIR")]
    pub paths: Vec<String>,

    /// Run so many at a time; none: as many as there are processors
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,

    /// Run only those whose path has this in it
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,

    /// Run each once for each of these seeds, both ends included; none: seed 1
    #[arg(long, value_name = "A..B", value_parser = seeds::range)]
    pub seeds: Option<RangeInclusive<u64>>,

    /// Run all in labs of the kernel; else those are simulated that start no programs
    #[arg(long)]
    pub kernel: bool,

    /// Print TAP in place of lines
    #[arg(long)]
    pub tap: bool,

    /// Write the results as JUnit XML, too
    #[arg(long, value_name = "FILE")]
    pub junit: Option<String>,
}

/// The end of what `test --help` says.
pub const EXIT_CODES: &str = "\
Exit codes:
    0  all checks passed
    2  wrong command line, or nothing to run
    3  a script had an error
    5  a check failed
    130  SIGINT (Ctrl-C): what was done until then is reported";

/// A script that is to be run, once.
#[derive(Clone, Debug)]
struct TestRun {
    /// What it is called in the results.
    name: String,
    /// The words of its command line.
    words: Vec<String>,
}

/// Runs the tests; the exit code.
///
/// # Errors
/// The system has no descriptor, thread or process left.
pub fn run(asked: &TestArgs) -> Result<i32> {
    let files = match find(&asked.paths, asked.filter.as_deref()) {
        Ok(files) => files,
        Err(error) => return Ok(refuse(&error)),
    };
    let runs = runs(asked, &files);
    let (stop, begun) = (Stop::root()?, sys::monotonic_nanos());
    signals::stop_runs(&stop, "tests");
    if asked.tap {
        output::line(&tap::plan(runs.len()));
    }
    let words: Vec<_> = (0..).zip(runs.iter().map(|run| run.words.clone())).collect();
    let children = Children::start(words.into_iter(), asked.jobs.map(usize::from))?;
    let mut results: Vec<(u64, TestResult)> = Vec::new();
    let mut take = |run: ChildRun| {
        let number = run.number;
        let result = TestResult::new(&runs[number as usize].name, run);
        let lines = if asked.tap { tap::lines(&result, results.len() + 1) } else { result.lines() };
        lines.iter().for_each(|line| output::line(line));
        output::flush();
        results.push((number, result));
    };
    let killed = collect(&children, &stop, runs.len(), &mut take);
    let signal = signals::finish();
    if signal.is_none() {
        killed.into_iter().for_each(take);
    }
    results.sort_by_key(|(number, _)| *number);
    let results: Vec<TestResult> = results.into_iter().map(|(_, result)| result).collect();
    let totals = Totals::of(&results, runs.len(), sys::monotonic_nanos() - begun);
    conclude(asked, &totals, signal.is_some());
    let is_written = asked.junit.as_deref().is_none_or(|file| write_junit(file, &results));
    Ok(match signal {
        Some(reason) => exit::of_signal(reason),
        None if !is_written || output::has_failed() => exit::SCRIPT,
        None => totals.exit_code(),
    })
}

/// Prints what came of all.
fn conclude(asked: &TestArgs, totals: &Totals, is_interrupted: bool) {
    match (asked.tap, is_interrupted) {
        (true, true) => output::line("Bail out! The run was interrupted"),
        (true, false) => {}
        (false, _) => output::line(&totals.summary()),
    }
    output::flush();
    if asked.tap {
        output::note(&totals.summary());
    }
}

/// Every script with every seed.
fn runs(asked: &TestArgs, files: &[String]) -> Vec<TestRun> {
    let host = ScriptHost::for_checking();
    let mut runs = Vec::new();
    for file in files {
        let in_kernel = asked.kernel || starts_programs(&host, file);
        let flags: &[&str] = if in_kernel { &["--ladders", "--lab", "kernel"] } else { &["--ladders", "--simulate"] };
        for seed in asked.seeds.clone().unwrap_or(SEED..=SEED) {
            let words = flags.iter().map(ToString::to_string).chain(["--seed".to_string(), seed.to_string()]);
            let name = if asked.seeds.is_some() { format!("{file} seed {seed}") } else { file.clone() };
            runs.push(TestRun { name, words: words.chain([as_path(file)]).collect() });
        }
    }
    runs
}

/// Whether the script calls what simulated hosts do not have.
fn starts_programs(host: &ScriptHost, file: &str) -> bool {
    let Some(text) = host.sources.open_quietly(file) else { return false };
    let is_one = |name: &str| NEEDS_KERNEL.contains(&name);
    host.compile(file, &text).is_ok_and(|program| {
        rewrite::has(&program, &|node| match node {
            ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _)) => {
                is_one(&call.name)
            }
            _ => false,
        })
    })
}

/// A file as a word that is no command and no flag.
pub(super) fn as_path(file: &str) -> String {
    let is_plain = file.contains('/') || file.ends_with(".rhai") && !file.starts_with('-');
    if is_plain || !std::path::Path::new(file).is_file() { file.to_string() } else { format!("./{file}") }
}

/// Has `take` take the runs as they end, but those that a signal has ended: Ctrl-C reaches them as soon as this process, and whether
/// it was that is known at the end.
fn collect(children: &Children, stop: &Stop, count: usize, take: &mut impl FnMut(ChildRun)) -> Vec<ChildRun> {
    let (mut done, mut failed, mut killed) = (0, 0, Vec::new());
    loop {
        match children.runs.recv_timeout(BEAT) {
            Ok(run) if run.was_killed() => killed.push(run),
            Ok(run) => {
                (done, failed) = (done + 1, failed + u64::from(run.code > exit::NO_REPLY));
                output::show_progress(None);
                take(run);
            }
            Err(RecvTimeoutError::Timeout) => output::flush(),
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if stop.is_stopped() {
            children.end();
        } else if output::error_is_terminal() {
            output::show_progress(Some(&format!("{done} of {count} files, {failed} failed")));
        }
    }
    output::show_progress(None);
    killed
}

/// Writes the results; whether it could.
fn write_junit(file: &str, results: &[TestResult]) -> bool {
    let written = std::fs::write(file, junit::document(results));
    if let Err(err) = &written {
        let error = Error::new(ErrorKind::File, "junit", format!("the results cannot be written: {}", in_words(err)));
        output::note(&format!("error: {}", error.with_peer(file)));
    }
    written.is_ok()
}
