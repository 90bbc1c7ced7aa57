//! Ladders: who sent what to whom, over time. Rows in, text out: a terminal's, SVG, or Mermaid.
//!
//! Columns are hosts, arrows are frames, from when they left to when they arrived. [`Ladder::new`] makes the picture of rows,
//! [`text`], [`svg`] and [`mermaid`] write it down.

mod braille;
pub mod capture;
mod columns;
mod marks;
pub mod mermaid;
mod pairing;
mod probed;
mod probes;
pub mod reading;
mod round_trips;
pub mod selection;
pub mod svg;
pub mod text;
mod timeline;

use std::ops::Range;

use self::columns::Columns;
use self::reading::ReadRun;
use self::selection::Selection;
use crate::net::observe::frame::{FrameRow, fates};
use crate::net::time::Duration;

/// Who sent what to whom.
#[derive(Debug, Default)]
pub struct Ladder {
    /// What is drawn, in a few words.
    pub title: String,
    /// The hosts, from left to right.
    pub columns: Vec<Column>,
    /// What they sent, in the order in which it left.
    pub arrows: Vec<Arrow>,
    /// The round trips to be shown, in the order in which they began.
    pub round_trips: Vec<RoundTrip>,
    /// What times count from, in nanoseconds since 1970.
    pub start: i64,
    /// What is not drawn, and what is drawn otherwise than it was, a sentence each.
    pub notes: Vec<String>,
    /// All hosts that there are.
    pub hosts: Vec<String>,
}

/// A host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// Its name, or its address.
    pub name: String,
    /// Its addresses, where it has a name.
    pub addresses: String,
}

/// What one host sent to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrow {
    /// The column it comes from.
    pub from: usize,
    /// The column it goes to; the same for a host that talks to itself.
    pub to: usize,
    /// When it left, in nanoseconds since 1970.
    pub departure: i64,
    /// How it ended.
    pub end: ArrowEnd,
    /// What it is, in a few words.
    pub label: String,
    /// What a policy or the link did to it, where something did.
    pub cause: Option<String>,
    /// Whether it was sent before.
    pub retransmission: bool,
    /// The round trip that it ends.
    pub rtt: Option<Duration>,
}

/// How an arrow ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrowEnd {
    /// It arrived then.
    Arrived(i64),
    /// It was lost then, on its way or at the ingress of the host that it went to.
    Lost {
        /// When.
        time: i64,
        /// Whether it had come to the other end.
        at_ingress: bool,
    },
    /// When it arrived, or whether, is not known.
    Unknown,
}

/// A round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundTrip {
    /// The arrow that asks.
    pub request: usize,
    /// The arrow that replies.
    pub reply: usize,
    /// How long it took.
    pub took: Duration,
}

impl Ladder {
    /// The ladder of what `run` has and `selection` selects; and a host that was selected and is none.
    pub fn new(mut run: ReadRun, selection: &Selection) -> (Self, Option<String>) {
        let (mut notes, frames) = (std::mem::take(&mut run.notes), std::mem::take(&mut run.frames));
        let is_of_probes = frames.is_empty();
        let mut rows = match is_of_probes {
            false => pairing::paired(frames, &run.verdicts),
            true => probes::as_frames(&run, &mut notes),
        };
        let ReadRun { title, begun, probes, hosts, .. } = run;
        rows.sort_by_key(|row| (row.time_ns, row.number));
        let title = marks::clean(&title);
        let start = begun.or(rows.first().map(|row| row.time_ns)).unwrap_or(0);
        let columns = Columns::of(&rows, &hosts);
        let (before, unknown) = (rows.len(), selection.unknown_host(&columns).map(str::to_string));
        // What is not drawn may still say which reply is to which request.
        let trips = round_trips::of(&rows, &columns, if is_of_probes { &[] } else { &probes });
        let mut rows: Vec<(usize, FrameRow)> = rows.into_iter().enumerate().collect();
        rows.retain(|(_, row)| selection.selects(row, &columns, start));
        notes.extend(left_out(&mut rows, before, selection));
        let homeless = rows.len();
        rows.retain(|(_, row)| columns.ends(row).is_some());
        if rows.len() < homeless {
            notes.push(format!("{} without IP are left out", frames_in_words(homeless - rows.len())));
        }
        let (places, rows): (Vec<usize>, Vec<FrameRow>) = rows.into_iter().unzip();
        let place = |row: usize| places.binary_search(&row).ok();
        let drawn_trip = |RoundTrip { request, reply, took }: RoundTrip| {
            place(request).zip(place(reply)).map(|(request, reply)| RoundTrip { request, reply, took })
        };
        let round_trips: Vec<RoundTrip> = trips.into_iter().filter_map(drawn_trip).collect();
        let ports = marks::says_ports(&rows);
        let mut drawn: Vec<Arrow> = rows.iter().zip(ports).map(|(row, ports)| arrow(row, &columns, ports)).collect();
        if is_of_probes {
            // Their rows do not say what was in them.
            drawn.iter_mut().for_each(|arrow| arrow.label = arrow.label.replace('"', ""));
        }
        round_trips.iter().for_each(|trip| drawn[trip.reply].rtt = Some(trip.took));
        let hosts = columns.all().map(str::to_string).collect();
        let ladder = Self { title, start, notes, round_trips, columns: Vec::new(), arrows: drawn, hosts };
        (ladder.with_columns(columns), unknown)
    }

    /// Has the columns that are used, in their order.
    fn with_columns(mut self, columns: Columns) -> Self {
        let mut used: Vec<usize> = self.arrows.iter().flat_map(|arrow| [arrow.from, arrow.to]).collect();
        used.sort_unstable();
        used.dedup();
        let place = |column: usize| used.binary_search(&column).unwrap_or(0);
        for arrow in &mut self.arrows {
            (arrow.from, arrow.to) = (place(arrow.from), place(arrow.to));
        }
        let all = columns.into_columns();
        self.columns = used.iter().filter_map(|&column| all.get(column).cloned()).collect();
        self
    }

    /// Has no more than the first `most` frames.
    pub fn limit(&mut self, most: usize) {
        if self.arrows.len() > most {
            self.notes.push(format!(
                "the first {most} of {} are drawn; --from, --to and --host select others",
                frames_in_words(self.arrows.len())
            ));
            self.keep(0..most);
        }
    }

    /// Has these frames alone, which there are.
    pub fn keep(&mut self, frames: Range<usize>) {
        let is_kept = |trip: &RoundTrip| frames.contains(&trip.request) && frames.contains(&trip.reply);
        self.round_trips.retain(is_kept);
        for trip in &mut self.round_trips {
            (trip.request, trip.reply) = (trip.request - frames.start, trip.reply - frames.start);
        }
        self.arrows.truncate(frames.end);
        self.arrows.drain(..frames.start);
    }

    /// What the picture is of, in one line.
    pub fn caption(&self) -> String {
        format!("{}: {}", self.title, self.counts())
    }

    /// How many frames there are, and what became of them.
    fn counts(&self) -> String {
        let lost = self.arrows.iter().filter(|arrow| arrow.is_lost()).count();
        let again = self.arrows.iter().filter(|arrow| arrow.retransmission).count();
        let mut text = frames_in_words(self.arrows.len());
        for (count, what) in [(lost, "lost"), (again, "retransmitted")] {
            if count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        }
        text
    }
}

impl Arrow {
    /// When it ends, or what else is known of that: when it left.
    pub fn last(&self) -> i64 {
        match self.end {
            ArrowEnd::Arrived(time) | ArrowEnd::Lost { time, .. } => time.max(self.departure),
            ArrowEnd::Unknown => self.departure,
        }
    }

    /// Whether it was lost.
    pub fn is_lost(&self) -> bool {
        matches!(self.end, ArrowEnd::Lost { .. })
    }
}

/// What kernels say among each other is left out, unless it is asked for.
fn left_out(rows: &mut Vec<(usize, FrameRow)>, before: usize, selection: &Selection) -> Vec<String> {
    let mut notes = Vec::new();
    if before > rows.len() && rows.is_empty() {
        notes.push(format!("none of {} is selected", frames_in_words(before)));
    }
    if !selection.shows_all() {
        let selected = rows.len();
        rows.retain(|(_, row)| !marks::is_chatter(row));
        if rows.len() < selected {
            let count = frames_in_words(selected - rows.len());
            notes.push(format!("{count} of IPv6 and multicast housekeeping are left out; --all shows them"));
        }
    }
    notes
}

fn frames_in_words(count: usize) -> String {
    if count == 1 { "1 frame".to_string() } else { format!("{count} frames") }
}

fn arrow(row: &FrameRow, columns: &Columns, ports: bool) -> Arrow {
    let (from, to) = columns.ends(row).unwrap_or_default();
    let end = match (row.arrival_ns, row.lost_ns) {
        (_, Some(time)) => {
            let at_ingress = row.at.as_ref().is_some_and(|at| at.starts_with("ingress of "));
            ArrowEnd::Lost { time, at_ingress }
        }
        (None, None) if row.is_lost() => ArrowEnd::Lost { time: row.time_ns, at_ingress: false },
        (Some(time), None) => ArrowEnd::Arrived(time),
        (None, None) => ArrowEnd::Unknown,
    };
    let cause = match row.fate.as_ref() {
        fates::CARRIED | fates::SENT | fates::RECEIVED | fates::SEEN if row.cause.is_none() => None,
        _ => Some(marks::cause(row)),
    };
    let retransmission = row.tcp.as_ref().is_some_and(|tcp| tcp.retransmission);
    Arrow { from, to, departure: row.time_ns, end, label: marks::label(row, ports), cause, retransmission, rtt: None }
}
