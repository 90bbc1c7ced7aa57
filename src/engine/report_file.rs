//! Files of reports, and `--report` of a run: what it measures becomes a page of HTML when it ends.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use super::recording::{self, not_written};
use crate::net::observe::record::{Format, Row, json};
use crate::pictures::report::{BEGINNING, PICTURE, RunRecord, page, picture};
use crate::terminal::output;

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
pub(super) fn is_picture(name: &str) -> bool {
    name.ends_with(".svg")
}

/// Writes a report to its file.
pub(super) fn write(mut target: &File, text: &str) -> io::Result<()> {
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
