//! `pingscript report`, and `--report` of a run: what was measured as one page of HTML, from the rows.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::sync::{Mutex, PoisonError};

use clap::Args;

use super::recording::{self, not_written};
use super::run::{exit, refuse};
use crate::net::error::Error;
use crate::net::observe::record::{Format, Row, json};
use crate::pictures::report::{BEGINNING, PICTURE, RunRecord, page, picture};
use crate::terminal::output;

/// What is to be reported.
#[derive(Args, Clone, Debug, Default)]
#[command(override_usage = "pingscript report RUN… -o FILE.html")]
pub struct ReportArgs {
    /// The rows of runs, as `--json FILE` writes them; those of several lie over each other
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<String>,

    /// The file to write; FILE.svg gets the chart of round-trip times alone
    #[arg(short, long, value_name = "FILE", required = true, value_parser = report_name)]
    pub output: String,
}

/// The end of what `report --help` says.
pub const EXIT_CODES: &str = "\
Exit codes:
    0  written; what is missing of the rows is said
    2  wrong command line, a file that cannot be opened, or no rows at all
    3  the report could not be written";

/// Writes a report of runs; the exit code.
pub fn run(asked: &ReportArgs) -> i32 {
    let mut runs = Vec::new();
    for name in &asked.runs {
        let open = |name: &String| RunRecord::read(name, BufReader::with_capacity(1 << 16, File::open(name)?));
        match open(name) {
            Ok(run) => runs.push(run),
            Err(err) => {
                return refuse(&Error {
                    kind: crate::net::error::ErrorKind::File,
                    ..Error::system("report", &err).with_peer(name)
                });
            }
        }
    }
    let Some(target) = create(&asked.output) else { return exit::USAGE };
    let notes: Vec<String> = runs.iter().filter_map(RunRecord::missing).collect();
    notes.iter().for_each(|note| output::note(&format!("note: {note}")));
    let text = if is_picture(&asked.output) { picture(&runs) } else { page(&runs, &notes) };
    if let Err(err) = write(&target, &text) {
        output::note(&not_written(&asked.output, &err));
        return exit::SCRIPT;
    }
    if runs.iter().any(RunRecord::has_rows) { exit::DONE } else { exit::USAGE }
}

/// Opens a file for a report: a new one, or a report of before, which is emptied.
pub(super) fn create(name: &str) -> Option<File> {
    let beginning = if is_picture(name) { PICTURE } else { BEGINNING };
    recording::create(name, ["a report", "reports"], |found| found.starts_with(beginning.as_bytes()))
}

/// The name of a file for a report.
pub fn report_name(name: &str) -> Result<String, String> {
    recording::named(name, &["html", "htm", "svg"])
}

/// Whether a file of this name is to have the chart of round-trip times alone.
fn is_picture(name: &str) -> bool {
    name.ends_with(".svg")
}

fn write(mut target: &File, text: &str) -> io::Result<()> {
    target.write_all(text.as_bytes())
}

/// What keeps the rows of a run that goes on for a report at its end.
#[derive(Debug)]
pub(super) struct ReportWriter {
    name: String,
    kept: Mutex<Option<(File, RunRecord)>>,
}

impl ReportWriter {
    /// Writes to `target`, which is called `name`, what is measured by `script`.
    pub(super) fn new(name: &str, target: File, script: &str) -> Self {
        Self { name: name.to_string(), kept: Mutex::new(Some((target, RunRecord::new(script)))) }
    }
}

impl Format for ReportWriter {
    fn write(&self, row: &Row<'_>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((_, run)) = kept.as_mut() else { return };
        run.enter(&json::line(row));
        if matches!(row, Row::Summary(_))
            && let Some((target, mut run)) = kept.take()
        {
            run.finish();
            let text = if is_picture(&self.name) { picture(&[run]) } else { page(&[run], &[]) };
            if let Err(err) = write(&target, &text) {
                output::note(&not_written(&self.name, &err));
            }
        }
    }
}
