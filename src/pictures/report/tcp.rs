//! TCP over time, from frames: the sequence numbers of each direction, what was lost and what was sent again.

use std::fmt::Write;

use super::axis::{Axis, AxisUnit};
use super::cells::FrameCells;
use super::curve::Curve;
use super::plot::Plot;
use super::record::RunRecord;
use super::text::{Shown, count, moment, plural};

/// So many directions of connections are kept, and so many marks of each.
const MOST: usize = 32;
const MOST_MARKS: usize = 500;

/// So many directions are drawn: those with the most octets.
const DRAWN: usize = 4;

/// The directions of the connections of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct TcpFlows(Vec<TcpFlow>);

/// One direction of a connection, as it leaves the sender.
#[derive(Clone, Debug)]
struct TcpFlow {
    from: String,
    to: String,
    /// The link that its first segment was seen on: on others it is seen again.
    link: Option<String>,
    sequence: Curve,
    segments: u64,
    octets: u64,
    retransmitted: u64,
    lost: u64,
    marks: Vec<TcpMark>,
}

/// A segment that was lost, or sent again.
#[derive(Clone, Debug)]
struct TcpMark {
    at: i64,
    sequence: f64,
    kind: &'static str,
    title: String,
}

impl TcpFlows {
    /// Adds a frame that was sent at so many nanoseconds after the start.
    pub(super) fn add(&mut self, at: i64, frame: FrameCells) {
        let Some(tcp) = frame.tcp.filter(|_| frame.bytes > 0) else { return };
        let is_it = |flow: &TcpFlow| flow.from == frame.from && flow.to == frame.to;
        let place = self.0.iter().position(is_it).unwrap_or(self.0.len());
        if place == MOST {
            return;
        }
        if place == self.0.len() {
            self.0.push(TcpFlow::new(&frame.from, &frame.to, frame.link.clone()));
        }
        let flow = &mut self.0[place];
        if flow.link != frame.link {
            return;
        }
        let end = tcp.seq.saturating_add(frame.bytes) as f64;
        flow.segments += 1;
        flow.octets += frame.bytes;
        flow.sequence.add(at, end);
        let name = format!("sequence {} to {end}, {} octets at {}", tcp.seq, frame.bytes, moment(at));
        if tcp.retransmission {
            flow.retransmitted += 1;
            flow.mark(at, end, "late", format!("sent again: {name}"));
        }
        if frame.lost_ns.is_some() {
            flow.lost += 1;
            let why = frame.cause.map_or(String::new(), |cause| format!("\n{cause}"));
            flow.mark(at, end, "lost", format!("{}: {name}{why}", frame.fate));
        }
    }
}

impl TcpFlow {
    fn new(from: &str, to: &str, link: Option<String>) -> Self {
        Self {
            from: from.to_string(),
            to: to.to_string(),
            link,
            sequence: Curve::default(),
            segments: 0,
            octets: 0,
            retransmitted: 0,
            lost: 0,
            marks: Vec::new(),
        }
    }

    fn mark(&mut self, at: i64, sequence: f64, kind: &'static str, title: String) {
        if self.marks.len() < MOST_MARKS {
            self.marks.push(TcpMark { at, sequence, kind, title });
        }
    }

    fn draw(&self) -> String {
        let most = self.sequence.ends().map_or(1.0, |ends| ends.1);
        let x = Axis::linear(AxisUnit::Time, 0.0, self.sequence.last() as f64);
        let mut plot = Plot::new(x, Axis::linear(AxisUnit::Number, 0.0, most * 1.05), 180, Vec::new());
        plot.add("<g class=\"s0 alone\">");
        plot.curve("joined", &self.sequence.points(), None);
        for mark in &self.marks {
            plot.mark(mark.kind, mark.at as f64, plot.level(mark.sequence), &mark.title);
        }
        plot.add("</g>");
        let mut html = String::new();
        let _ = write!(
            html,
            "<figure><figcaption>Sequence numbers from {} to {}: {}, {} octets, × lost {}, △ sent again {}</figcaption>{}</figure>",
            Shown(&self.from),
            Shown(&self.to),
            plural(self.segments, "segment"),
            count(self.octets),
            count(self.lost),
            count(self.retransmitted),
            plot.finish("Sequence numbers over time", 5)
        );
        html
    }
}

/// A chart for each direction, of those with the most octets.
pub(super) fn section(runs: &[RunRecord]) -> String {
    let mut html = String::new();
    for run in runs {
        let mut flows: Vec<&TcpFlow> = run.tcp.0.iter().filter(|flow| flow.segments > 1).collect();
        flows.sort_by_key(|flow| std::cmp::Reverse(flow.octets));
        let charts: String = flows.into_iter().take(DRAWN).map(TcpFlow::draw).collect();
        if !charts.is_empty() {
            let _ = write!(html, "{}<div class=\"pair\">{charts}</div>", run.heading(runs.len()));
        }
    }
    html
}
