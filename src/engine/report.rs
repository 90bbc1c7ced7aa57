//! `pingscript report`: what was measured as one page of HTML, from the rows.

use std::fs::File;
use std::io::BufReader;

use clap::Args;

use super::recording::not_written;
use super::report_file::{create, is_picture, report_name, write};
use super::run::{exit, refuse};
use crate::net::error::Error;
use crate::pictures::report::{RunRecord, page, picture};
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
            Ok(read) => runs.extend(read),
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
