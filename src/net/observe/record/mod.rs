//! What a run leaves on record, made from its events for every script: the trace, rows for other tools, and the progress
//! of long quiet runs.
//!
//! A row is a value ([`Row`]); [`json`] writes it as one line of JSON and [`csv`] as one of fixed columns, so that both
//! say the same. One `run` row comes first, then one row for each probe, when it is settled or, still pending, at the end,
//! one for each verdict, each frame that a link lost without one, each thing that happens to a connection and each sample of
//! the script's own values, where that is wanted one for each frame, and last one `summary`. RunTimes are integers in nanoseconds;
//! what there is no data for is null.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use self::rows::{About, Row};
use self::rows::{CauseRow, ConnectionRow, LostRow, Made, ProbeRow, SampleRow, StrayRow, VerdictRow};
use self::summary::SummaryRow;
use super::event::{Event, Sink};
use super::loss_report::{LossCause, LossReport};
use crate::net::host::environment::{Buffered, environment};
use crate::net::probe::outcome::End;
use crate::net::probe::stats::{Ipdv, Rtts};
use crate::net::time::Duration;

mod at_sockets;
pub mod csv;
pub mod json;
pub mod lines;
pub mod reading;
pub mod rows;
pub mod summary;
pub mod trace;

/// The version of the rows: `schema/events-1.json` describes them.
pub const SCHEMA: u32 = 1;

/// What is to be recorded.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// A line on standard error for each event.
    pub trace: bool,
    /// The file for rows of JSON; `-` is standard output.
    pub json: Option<String>,
    /// The file for rows of CSV; `-` is standard output.
    pub csv: Option<String>,
    /// Whether there are rows for frames, too.
    pub frames: bool,
    /// The file for a report.
    pub report: Option<String>,
}

/// A way to write rows.
pub trait Format: std::fmt::Debug + Send + Sync {
    /// Writes a row.
    fn write(&self, row: &Row<'_>);
}

/// Where rows go.
#[derive(Clone, Debug)]
enum RecordFile {
    Output,
    File(Arc<lines::Lines>),
}

/// When the run began, in nanoseconds since 1970; to be asked once something has happened in it: what the run does first decides
/// by which clock it goes.
#[derive(Clone)]
pub struct Begun(Arc<dyn Fn() -> i64 + Send + Sync>);

/// Turns events into rows.
#[derive(Debug)]
pub struct Rows {
    /// The first row, until it is written.
    about: Mutex<Option<About>>,
    begun: Begun,
    formats: Vec<Box<dyn Format>>,
    /// Whether what sockets send and receive makes rows, too.
    frames: bool,
    times: Mutex<RunTimes>,
}

/// The round-trip times of a run.
#[derive(Debug, Default)]
struct RunTimes {
    rtts: Rtts,
    ipdv: Ipdv,
}

/// Opens what is wanted, and has rows written to `others` too; `Err` has the file that cannot be opened, and why.
///
/// # Errors
/// Those of [`crate::net::host::file::create`].
pub fn open(
    wanted: &Wanted,
    about: About,
    begun: Begun,
    others: Vec<Box<dyn Format>>,
) -> Result<Vec<Box<dyn Sink>>, (String, io::Error)> {
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    if wanted.trace {
        sinks.push(Box::new(trace::TraceWriter::new(begun.clone())));
    }
    let mut formats = others;
    if let Some(name) = &wanted.json {
        formats.push(Box::new(json::Json::new(RecordFile::open(name, json::BEGINNING)?)));
    }
    if let Some(name) = &wanted.csv {
        formats.push(Box::new(csv::Csv::new(RecordFile::open(name, csv::BEGINNING)?)));
    }
    if !formats.is_empty() {
        let frames = wanted.frames;
        let rows = Arc::new(Rows { about: Mutex::new(Some(about)), begun, formats, frames, times: Mutex::default() });
        environment().hold(rows.clone());
        environment().has_held();
        sinks.push(Box::new(rows));
    }
    Ok(sinks)
}

impl About {
    /// The first row of a run that began then, as a line of JSON.
    pub fn first_line(&self, begun: &Begun) -> Vec<u8> {
        json::line(&Row::Run(&Self { time_ns: begun.get(), ..self.clone() }))
    }
}

impl Begun {
    /// At the time that `ask` gives.
    pub fn new(ask: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }

    fn get(&self) -> i64 {
        (self.0)()
    }
}

impl std::fmt::Debug for Begun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Begun")
    }
}

impl Wanted {
    /// The name of the one place that both kinds of rows are to go to.
    pub fn same_place(&self) -> Option<&str> {
        let (json, csv) = (self.json.as_deref()?, self.csv.as_deref()?);
        // A file that is not there yet has no other names.
        let full = |name: &str| Path::new(name).canonicalize().or_else(|_| std::path::absolute(name)).ok();
        (json == csv || json != "-" && csv != "-" && full(json) == full(csv)).then_some(json)
    }
}

impl RecordFile {
    /// A file for rows; one that is there is emptied if it begins as such files do.
    fn open(name: &str, beginning: &str) -> Result<Self, (String, io::Error)> {
        if name == "-" {
            environment().give_output_to_rows();
            return Ok(Self::Output);
        }
        let lines = Arc::new(lines::Lines::create(name, beginning).map_err(|err| (name.to_string(), err))?);
        environment().hold(lines.clone());
        Ok(Self::File(lines))
    }

    /// Adds a row, its line end included.
    fn push(&self, row: &[u8]) {
        match self {
            Self::Output => environment().row(row),
            Self::File(lines) => lines.push(row),
        }
    }
}

impl Rows {
    /// Writes the first row, if it has not been written.
    fn begin(&self) {
        // Held until the first row is written: another thread may have the second.
        let mut first = self.about.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut about) = first.take() {
            about.time_ns = self.begun.get();
            self.formats.iter().for_each(|format| format.write(&Row::Run(&about)));
        }
    }

    fn write(&self, row: &Row<'_>) {
        self.begin();
        self.formats.iter().for_each(|format| format.write(row));
    }

    fn times(&self) -> MutexGuard<'_, RunTimes> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunTimes {
    fn add(&mut self, number: u64, rtt: Duration, lesser: bool) {
        if lesser {
            return self.rtts.record_flagged(rtt);
        }
        self.rtts.record(rtt);
        self.ipdv.record(number, rtt);
    }
}

/// A run that waits has begun, whether or not anything happens in it soon.
impl Buffered for Rows {
    fn flush(&self) {
        self.begin();
    }

    fn try_flush(&self) {}
}

impl Sink for Arc<Rows> {
    fn take(&self, event: &Event<'_>) {
        match *event {
            Event::Outcome { flow, sent, size, outcome } => {
                if let End::Reply { rtt, lesser, .. } = outcome.end {
                    self.times().add(outcome.number, rtt, lesser);
                }
                self.write(&Row::Probe(ProbeRow::new(flow, sent, size, outcome)));
            }
            Event::Decided { flow, data, decided, site } => {
                self.write(&Row::Verdict(VerdictRow::new(flow, data.len(), decided, site)));
            }
            Event::Lost { flow, data, why, site } => {
                self.write(&Row::Lost(LostRow::new(flow, data.len(), why, site)));
            }
            Event::Connection { flow, what } => self.write(&Row::Connection(ConnectionRow::new(flow, what))),
            Event::Stray { flow, data, kind, number, after } => self.write(&Row::Stray(StrayRow {
                time_ns: flow.time,
                what: kind,
                seq: number,
                from: flow.from,
                to: flow.to,
                bytes: data.len(),
                after_ns: after.map(Duration::as_nanos),
                host: flow.host.map(str::to_string),
            })),
            Event::Host { time, host } => self.write(&Row::Host(Made { time_ns: time, what: host })),
            Event::Link { time, link } => self.write(&Row::Link(Made { time_ns: time, what: link })),
            Event::Sample { time, host, values } => {
                self.write(&Row::Sample(SampleRow { time_ns: time, values, host }));
            }
            Event::Check(row) => self.write(&Row::Check(row)),
            Event::Frame(row) => self.write(&Row::Frame(row)),
            Event::Sent { .. } | Event::Received { .. } | Event::Unsent { .. } if self.frames => {
                if let Some(row) = at_sockets::row(event) {
                    self.write(&Row::Frame(&row));
                }
            }
            Event::Sent { .. }
            | Event::Received { .. }
            | Event::Unsent { .. }
            | Event::Script { .. }
            | Event::KernelDrops { .. } => {}
        }
    }

    fn end(&self, time: i64, account: &LossReport) {
        for LossCause { number: seq, from, to, cause, detail } in account.loss_causes() {
            self.write(&Row::Cause(CauseRow { time_ns: time, seq, from, to, cause, detail }));
        }
        let summary = SummaryRow::new(time, account, &self.times());
        self.write(&Row::Summary(Box::new(summary)));
    }
}

#[cfg(test)]
mod tests;
