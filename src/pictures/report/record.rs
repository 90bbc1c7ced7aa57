//! What is kept of a run's rows: as much as its pages show, in bounded memory, however many rows there are.

use std::collections::HashMap;
use std::io::{self, BufRead};

use serde::Deserialize;

use super::cells::{
    AboutCells, CauseCells, ConnectionCells, DecidedCells, LostFrame, PolicyCells, SampleCells, SummaryCells,
};
use super::hops::Hops;
use super::ladders::LadderRows;
use super::samples::Samples;
use super::series::{ExtraKind, PingSeries, State, port};
use super::tcp::TcpFlows;
use super::text::visible;
use crate::net::observe::event::{MadeHost, MadeLink};
use crate::net::observe::frame::FrameRow;
use crate::net::observe::record::reading::{RowCells, RowFile};

/// So many targets, connections, hosts and the like are shown one by one.
const MOST: usize = 64;

/// So many targets are drawn one by one.
const MOST_TARGETS: usize = 6;

/// The errors of so many pings are kept in case a policy turns out to be their cause.
const MOST_ERRORS: usize = 1 << 16;

/// A run, as its rows have it.
#[derive(Debug)]
pub struct RunRecord {
    /// What it is called in a report of several runs.
    pub(super) name: String,
    pub(super) file: RowFile,
    pub(super) about: Option<AboutCells>,
    pub(super) summary: Option<SummaryCells>,
    /// When it began, in nanoseconds since 1970; `None` until the first row that has a time.
    pub(super) start: Option<i64>,
    /// All its pings, but for those of a traceroute.
    pub(super) all: PingSeries,
    /// The same by target; `None`: there are too many targets.
    pub(super) targets: Option<Vec<(String, PingSeries)>>,
    /// How many replies were timed by each clock.
    pub(super) clocks: Counted,
    pub(super) hops: Hops,
    /// What policies decided, where no summary says what they did.
    pub(super) decided: Vec<PolicyCells>,
    /// How many losses have each cause, in the order in which they first show; `None`: it is not known.
    pub(super) causes: Counted,
    /// The errors of pings that have no row of a cause, by what sent them, to whom, and their numbers.
    errors: HashMap<ErrorKey, String>,
    /// How many frames were lost, where and why.
    pub(super) frames: Counted,
    pub(super) connections: Vec<ConnectionCells>,
    /// Those of which the rows are not kept.
    pub(super) more_connections: u64,
    pub(super) hosts: Vec<MadeHost>,
    pub(super) links: Vec<MadeLink>,
    pub(super) samples: Samples,
    pub(super) tcp: TcpFlows,
    pub(super) ladder: LadderRows,
}

/// The port that a ping was sent from, whom it was sent to, and its number.
type ErrorKey = (Option<u16>, String, u64);

/// How often there was each of some things.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted {
    pub(super) list: Vec<(String, u64)>,
    /// Of things that came when the list was full.
    pub(super) others: u64,
}

impl Counted {
    fn add(&mut self, what: &str) {
        match self.list.iter().position(|(known, _)| *known == what) {
            Some(place) => self.list[place].1 += 1,
            None if self.list.len() < MOST => self.list.push((what.to_string(), 1)),
            None => self.others += 1,
        }
    }

    /// Takes back what was added.
    fn take_back(&mut self, what: &str) {
        match self.list.iter().position(|(known, _)| *known == what) {
            Some(place) => self.list[place].1 -= 1,
            None => self.others = self.others.saturating_sub(1),
        }
        self.list.retain(|(_, number)| *number > 0);
    }
}

impl RunRecord {
    /// A run called `name`, of which no row is known yet.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_string(),
            file: RowFile::default(),
            about: None,
            summary: None,
            start: None,
            all: PingSeries::new(0),
            targets: Some(Vec::new()),
            clocks: Counted::default(),
            hops: Hops::default(),
            decided: Vec::new(),
            causes: Counted::default(),
            errors: HashMap::new(),
            frames: Counted::default(),
            connections: Vec::new(),
            more_connections: 0,
            hosts: Vec::new(),
            links: Vec::new(),
            samples: Samples::default(),
            tcp: TcpFlows::default(),
            ladder: LadderRows::default(),
        }
    }

    /// Reads all rows of a file called `name`: of one run, or of several one after the other.
    ///
    /// # Errors
    /// Those of `reader`.
    pub fn read(name: &str, reader: impl BufRead) -> io::Result<Vec<Self>> {
        let (mut runs, mut run) = (Vec::new(), Self::new(name));
        let file = RowFile::read(reader, |cells, line| {
            if cells.r#type == "run" && run.has_rows() {
                runs.push(std::mem::replace(&mut run, Self::new(name)));
            }
            let is_row = run.take(cells, line);
            if is_row {
                run.file.count(cells);
            }
            is_row
        })?;
        run.file.count_unreadable(&file);
        runs.push(run);
        let are_several = runs.len() > 1;
        for (run, number) in runs.iter_mut().zip(1..) {
            if are_several {
                run.name = format!("{name} ({number})");
            }
            run.finish();
        }
        Ok(runs)
    }

    /// Enters a row that has just been written.
    pub fn enter(&mut self, line: &[u8]) {
        let mut file = std::mem::take(&mut self.file);
        file.enter(line, |cells, line| self.take(cells, line));
        self.file = file;
    }

    /// No more rows come.
    pub fn finish(&mut self) {
        self.all.losses.finish();
        self.targets.iter_mut().flatten().for_each(|(_, series)| series.losses.finish());
    }

    /// Whether any line is a row.
    pub fn has_rows(&self) -> bool {
        self.file.has_rows()
    }

    /// What is missing of its file, in one line; `None` if nothing is.
    pub fn missing(&self) -> Option<String> {
        let parts = match (self.file.is_of_seeds(), self.has_rows()) {
            (true, _) => vec!["these are rows of --seeds, which have no pings".to_string()],
            (_, false) => vec!["it has no rows".to_string()],
            _ => self.file.missing(),
        };
        (!parts.is_empty()).then(|| format!("{}: {}", visible(&self.name), parts.join("; ")))
    }

    /// Enters a row; whether it is one.
    fn take(&mut self, cells: &RowCells<'_>, line: &[u8]) -> bool {
        if self.start.is_none()
            && let Some(time) = cells.time_ns
        {
            self.start = Some(time);
            self.all = PingSeries::new(time);
        }
        let at = self.after(cells.time_ns.unwrap_or_default());
        self.ladder.add(cells, line, at);
        match cells.r#type.as_ref() {
            "probe" => self.take_probe(cells).is_some(),
            "stray" => self.take_stray(cells).is_some(),
            "run" => set(line, &mut self.about),
            "summary" => set(line, &mut self.summary),
            "verdict" => self.take_verdict(line),
            "cause" => self.take_cause(cells, line),
            "lost" => {
                parse::<LostFrame>(line).map(|row| self.frames.add(&format!("{} on {}", row.why, row.at))).is_some()
            }
            "connection" => match self.connections.len() < MOST {
                true => push(line, &mut self.connections),
                false => {
                    self.more_connections += 1;
                    true
                }
            },
            "sample" => self.take_sample(cells, line),
            "frame" => self.take_frame(line),
            "host" if self.hosts.len() < MOST => push(line, &mut self.hosts),
            "link" if self.links.len() < MOST => push(line, &mut self.links),
            _ => true,
        }
    }

    fn take_probe(&mut self, cells: &RowCells<'_>) -> Option<()> {
        let (sent, to) = (cells.time_ns?, cells.to.as_deref()?);
        let state = State::of(cells.state.as_deref()?)?;
        if let Some(ttl) = cells.ttl {
            self.hops.add(to, ttl, state, cells);
            return Some(());
        }
        if state == State::Replied {
            cells.rtt_ns?;
            self.clocks.add(cells.clock.as_deref().unwrap_or_default());
        }
        self.all.add(sent, state, cells);
        if state == State::Errored
            && let Some(error) = cells.why_lost()
        {
            self.causes.add(&error);
            if self.errors.len() < MOST_ERRORS {
                self.errors.extend(error_key(cells).map(|key| (key, error)));
            }
        }
        if let Some(series) = self.target(to) {
            series.add(sent, state, cells);
        }
        Some(())
    }

    fn take_stray(&mut self, cells: &RowCells<'_>) -> Option<()> {
        let arrived = cells.time_ns?;
        // Those that name no ping are counted by the summary alone.
        let Some(kind) = cells.what.as_deref().and_then(ExtraKind::of) else { return Some(()) };
        self.all.add_extra(arrived, kind, cells);
        if let Some(series) = self.target(cells.to.as_deref()?) {
            series.add_extra(arrived, kind, cells);
        }
        Some(())
    }

    /// The pings to `to`.
    fn target(&mut self, to: &str) -> Option<&mut PingSeries> {
        let targets = self.targets.as_mut()?;
        let place = targets.iter().position(|(known, _)| known == to);
        if place.is_none() && targets.len() == MOST_TARGETS {
            self.targets = None;
            return None;
        }
        let place = place.unwrap_or_else(|| {
            targets.push((to.to_string(), PingSeries::new(self.start.unwrap_or_default())));
            targets.len() - 1
        });
        self.targets.as_mut()?.get_mut(place).map(|(_, series)| series)
    }

    fn take_verdict(&mut self, line: &[u8]) -> bool {
        // The summary has the whole of it, and comes last; each row is parsed only in case it does not come.
        let Some(row) = parse::<DecidedCells>(line) else { return false };
        let at = row.at.unwrap_or(row.to);
        let is_it = |policy: &PolicyCells| policy.at == at && policy.host == row.host;
        let place = self.decided.iter().position(is_it).unwrap_or(self.decided.len());
        if place == MOST {
            return true;
        }
        if place == self.decided.len() {
            self.decided.push(PolicyCells { name: row.origin, at, host: row.host, ..PolicyCells::default() });
        }
        let policy = &mut self.decided[place];
        policy.packets += 1;
        if row.verdict != "pass" {
            policy.chosen += 1;
            *policy.acted.entry(row.verdict).or_default() += 1;
        }
        true
    }

    fn take_sample(&mut self, cells: &RowCells<'_>, line: &[u8]) -> bool {
        let Some((time, SampleCells { values, host })) = cells.time_ns.zip(parse(line)) else { return false };
        self.samples.add(self.after(time), host.as_deref(), values);
        true
    }

    fn take_frame(&mut self, line: &[u8]) -> bool {
        let Some(frame) = parse::<FrameRow>(line) else { return false };
        let arrival = frame.arrival_ns.map(|time| self.after(time));
        self.tcp.add(self.after(frame.time_ns), arrival, frame);
        true
    }

    /// How long after the start of the run a moment is.
    fn after(&self, time: i64) -> i64 {
        time.saturating_sub(self.start.unwrap_or_default()).max(0)
    }

    fn take_cause(&mut self, cells: &RowCells<'_>, line: &[u8]) -> bool {
        let Some(CauseCells { cause, detail }) = parse(line) else { return false };
        let error = error_key(cells).and_then(|key| self.errors.remove(&key));
        // What had the error sent says more than the error, which says more than nothing.
        let Some(cause) = cause.or_else(|| error.is_none().then(|| "unexplained".to_string())) else { return true };
        error.into_iter().for_each(|error| self.causes.take_back(&error));
        let whole = detail.map_or_else(|| cause.clone(), |detail| format!("{cause} ({detail})"));
        self.all.explain(cells, &whole);
        if let Some(series) = cells.to.as_deref().and_then(|to| self.target(to)) {
            series.explain(cells, &whole);
        }
        self.causes.add(&cause);
        true
    }
}

fn error_key(cells: &RowCells<'_>) -> Option<ErrorKey> {
    Some((port(cells.from.as_deref()?), cells.to.as_deref()?.to_string(), cells.seq?))
}

fn parse<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Option<T> {
    serde_json::from_slice(line).ok()
}

fn set<'a, T: Deserialize<'a>>(line: &'a [u8], place: &mut Option<T>) -> bool {
    let row = parse(line);
    let is_row = row.is_some();
    *place = row.or(place.take());
    is_row
}

fn push<'a, T: Deserialize<'a>>(line: &'a [u8], list: &mut Vec<T>) -> bool {
    parse(line).map(|row| list.push(row)).is_some()
}
