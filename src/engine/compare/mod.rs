//! `pingscript compare`: what changed between two runs, by the rows that they wrote.

mod limit;
mod table;

use std::fs::File;
use std::io::{self, BufReader, Read};

use clap::Args;

use self::limit::Limit;
use self::table::{ComparedSide, Comparison};
use super::run::{exit, refuse};
use crate::net::error::{Error, ErrorKind};
use crate::net::observe::record::reading::ReadRows;
use crate::net::probe::comparison::{Outline, Series};
use crate::terminal::output;

/// What is to be compared.
#[derive(Args, Clone, Debug, Default)]
#[command(
    override_usage = "pingscript compare [OPTIONS] BEFORE AFTER\n       pingscript compare [OPTIONS] BEFORE… --to AFTER…"
)]
pub struct Compare {
    /// The rows of the run before, and those of the run after, as `--json FILE` writes them
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<String>,

    /// The rows of several runs after; all other files are of runs before
    #[arg(long, value_name = "AFTER", num_args = 1..)]
    pub to: Vec<String>,

    /// Exit code 5 if this rose by more, and by more than chance: median, p90, p99, jitter (10% or 5ms), loss (2%: points of
    /// percentage), longest-loss (3); may be given several times
    #[arg(long, value_name = "METRIC=LIMIT", value_parser = Limit::parse)]
    pub max_change: Vec<Limit>,

    /// Compare only the pings to this address, as the rows have it
    #[arg(long, value_name = "ADDRESS")]
    pub target: Option<String>,

    /// Print the comparison as JSON
    #[arg(long)]
    pub json: bool,
}

/// The end of what `compare --help` says.
pub const EXIT_CODES: &str = "\
Exit codes:
    0  compared
    2  wrong command line, or nothing that compares
    5  a --max-change is exceeded, or could not be measured";

/// Compares; the exit code.
pub fn run(asked: &Compare) -> i32 {
    let comparison = match compare(asked) {
        Ok(comparison) => comparison,
        Err(error) => return refuse(&error),
    };
    comparison.notes().iter().for_each(|note| output::note(&format!("note: {note}")));
    match asked.json {
        true => output::line(&comparison.as_json(&asked.max_change)),
        false => output::line(&comparison.as_text()),
    }
    let exceeded: Vec<String> = asked.max_change.iter().filter_map(|limit| limit.exceeded(&comparison.rows)).collect();
    output::flush();
    exceeded.iter().for_each(|line| output::note(&format!("failed: {line}")));
    match exceeded.is_empty() {
        false => exit::EXPECT,
        true if output::has_failed() => exit::SCRIPT,
        true => exit::DONE,
    }
}

fn compare(asked: &Compare) -> Result<Comparison, Error> {
    let (before, after) = match (asked.files.as_slice(), asked.to.as_slice()) {
        ([before, after], []) => (std::slice::from_ref(before), std::slice::from_ref(after)),
        (before, after) if !after.is_empty() => (before, after),
        _ => {
            let error = Error::invalid("compare", "two files are needed, of a run before and of one after");
            return Err(error.with_hint("write: pingscript compare BEFORE AFTER, or BEFORE… --to AFTER…"));
        }
    };
    let target = asked.target.as_deref();
    let (before, after) = (read_side(before, target)?, read_side(after, target)?);
    let clock = one_clock(&before, &after)?;
    let mut notes: Vec<String> = before.iter().chain(&after).filter_map(missing).collect();
    notes.extend(several_targets(&before, &after, target));
    notes.extend(other_clocks(before.iter().chain(&after), clock.as_deref()));
    let side = |read: Vec<ComparedFile>| series_of(read, target, clock.as_deref());
    Ok(Comparison::new(side(before)?, side(after)?, clock.clone(), notes))
}

/// A file that was looked at, to be read again.
struct ComparedFile {
    name: String,
    rows: ReadRows,
    /// What it held, if it cannot be read twice.
    kept: Option<Vec<u8>>,
}

impl ComparedFile {
    /// Looks at the rows of the file called `name`. What is no plain file, such as a pipe, is kept.
    fn look(name: &str, target: Option<&str>) -> io::Result<Self> {
        let mut file = File::open(name)?;
        let kept = match file.metadata()?.is_file() {
            true => None,
            false => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes)?;
                Some(bytes)
            }
        };
        let rows = match &kept {
            Some(bytes) => ReadRows::read(bytes.as_slice(), target)?,
            None => ReadRows::read(BufReader::with_capacity(1 << 16, file), target)?,
        };
        Ok(Self { name: name.to_string(), rows, kept })
    }

    /// Enters its probes into `series`.
    fn enter(&self, target: Option<&str>, clock: Option<&str>, series: &mut Series) -> io::Result<()> {
        match &self.kept {
            Some(bytes) => ReadRows::enter(bytes.as_slice(), target, clock, series),
            None => ReadRows::enter(BufReader::with_capacity(1 << 16, File::open(&self.name)?), target, clock, series),
        }
    }
}

fn unreadable(name: &str, err: &io::Error) -> Error {
    Error { kind: ErrorKind::File, ..Error::system("compare", err).with_peer(name) }
}

/// The probes of one side.
fn series_of(read: Vec<ComparedFile>, target: Option<&str>, clock: Option<&str>) -> Result<ComparedSide, Error> {
    let mut outline = Outline::default();
    read.iter().filter_map(|file| file.rows.outline(clock)).for_each(|own| outline.merge(own));
    let mut series = Series::new(outline);
    for file in &read {
        file.enter(target, clock, &mut series).map_err(|err| unreadable(&file.name, &err))?;
    }
    Ok(ComparedSide { files: read.into_iter().map(|file| file.name).collect(), series })
}

/// The files of one side, read.
fn read_side(names: &[String], target: Option<&str>) -> Result<Vec<ComparedFile>, Error> {
    let read = |name: &String| {
        let file = ComparedFile::look(name, target).map_err(|err| unreadable(name, &err))?;
        let lacks =
            |what: &str, hint: &str| Err(Error::new(ErrorKind::File, "compare", what).with_peer(name).with_hint(hint));
        match &file.rows {
            rows if rows.file().is_of_seeds() => lacks(
                "these are rows of --seeds, which have no pings",
                "write a file for each seed: pingscript --simulate --seed N --json FILE SCRIPT",
            ),
            rows if !rows.file().has_rows() => lacks("it has no rows", "--json FILE before a script writes rows"),
            rows if !rows.has_probes() => lacks("no ping in it came to an end", "compare runs that ping"),
            _ => Ok(file),
        }
    };
    let files = names.iter().map(read).collect::<Result<Vec<_>, Error>>()?;
    if let Some(target) = target
        && !files.iter().any(|file| file.rows.targets().any(|known| known == target))
    {
        let known: Vec<&str> = files.iter().flat_map(|file| file.rows.targets()).take(5).collect();
        let error =
            Error::new(ErrorKind::Invalid, "compare", format!("no ping went to {target:?}")).with_peer(&names[0]);
        return Err(error.with_hint(format!("it has pings to {}", known.join(", "))));
    }
    Ok(files)
}

/// The clock that both sides were timed by; `None` if neither has a reply.
fn one_clock(before: &[ComparedFile], after: &[ComparedFile]) -> Result<Option<String>, Error> {
    match (main_clock(before), main_clock(after)) {
        (Some(one), Some(other)) if one != other => {
            let message = format!("the runs are timed by different clocks: {one} before, {other} after");
            let hint = "times by different clocks do not compare: measure both by the same (docs/measuring.md)";
            Err(Error::invalid("compare", message).with_hint(hint))
        }
        (one, other) => Ok(one.or(other)),
    }
}

/// The clock of most replies.
fn main_clock(side: &[ComparedFile]) -> Option<String> {
    let mut counts: Vec<(String, u64)> = Vec::new();
    for (clock, count) in side.iter().flat_map(|file| file.rows.clocks()) {
        match counts.iter_mut().find(|(known, _)| known == clock) {
            Some((_, sum)) => *sum += count,
            None => counts.push((clock.to_string(), count)),
        }
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(clock, _)| clock)
}

fn missing(file: &ComparedFile) -> Option<String> {
    file.rows.missing().map(|missing| format!("{}: {missing}", file.name))
}

fn other_clocks<'a>(files: impl Iterator<Item = &'a ComparedFile>, clock: Option<&str>) -> Vec<String> {
    let of = |ComparedFile { name, rows, .. }: &ComparedFile| {
        let others: u64 = rows.clocks().filter(|(known, _)| Some(*known) != clock).map(|(_, count)| count).sum();
        (others > 0).then(|| format!("{name}: the times of {others} replies are by another clock, and left out"))
    };
    files.filter_map(of).collect()
}

/// Says that what is compared is a mixture.
fn several_targets(before: &[ComparedFile], after: &[ComparedFile], target: Option<&str>) -> Option<String> {
    let most = |side: &[ComparedFile]| side.iter().map(|file| file.rows.targets().count()).max().unwrap_or(0);
    let most = most(before).max(most(after));
    (target.is_none() && most > 1)
        .then(|| format!("the pings to {most} targets are taken together; --target ADDRESS compares those to one"))
}
