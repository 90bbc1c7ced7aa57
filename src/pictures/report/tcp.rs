//! TCP over time, from frames: of each direction the sequence numbers, what was lost and what was sent again, how much was in
//! flight, and the round-trip times of segments.

use std::collections::VecDeque;
use std::fmt::Write;
use std::net::SocketAddr;

use super::axis::{Axis, AxisUnit};
use super::curve::Curve;
use super::plot::Plot;
use super::record::RunRecord;
use super::samples;
use super::text::{count, moment, plural};
use crate::net::observe::frame::FrameRow;

/// So many directions of connections are kept, and so many marks of each.
const MOST: usize = 32;
const MOST_MARKS: usize = 500;

/// So many segments that are not acknowledged yet are followed.
const MOST_OPEN: usize = 4096;

/// So many directions are drawn: those with the most octets.
const DRAWN: usize = 4;

/// The directions of the connections of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct TcpFlows(Vec<TcpFlow>);

/// One direction of a connection, as it leaves the sender.
#[derive(Clone, Debug)]
struct TcpFlow {
    from: SocketAddr,
    to: SocketAddr,
    /// The link that its first segment was seen on: on others it is seen again.
    link: Option<String>,
    sequence: Curve,
    segments: u64,
    octets: u64,
    retransmitted: u64,
    lost: u64,
    marks: Vec<TcpMark>,
    /// Segments that are not acknowledged yet: where each ends, and when it was sent, unless it was sent again: then the
    /// acknowledgement is perhaps of the first (RFC 6298, section 3).
    open: VecDeque<(u64, Option<i64>)>,
    /// The end of what was sent, and of what was acknowledged.
    sent: u64,
    acked: u64,
    in_flight: Curve,
    rtt: Curve,
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
    /// Adds a frame that was sent at so many nanoseconds after the start, and arrived, perhaps, at so many.
    pub(super) fn add(&mut self, at: i64, arrival: Option<i64>, frame: FrameRow) {
        let Some(tcp) = frame.tcp else { return };
        if let (Some(ack), Some(arrival)) = (tcp.ack.map(u64::from), arrival) {
            let is_acked = |flow: &&mut TcpFlow| {
                flow.from == frame.to && flow.to == frame.from && flow.link == frame.link && ack <= flow.sent
            };
            if let Some(flow) = self.0.iter_mut().find(is_acked) {
                flow.acknowledge(arrival, ack);
            }
        }
        let (seq, bytes) = (u64::from(tcp.seq), frame.bytes as u64);
        if bytes == 0 {
            return;
        }
        let is_it = |flow: &TcpFlow| flow.from == frame.from && flow.to == frame.to;
        let place = self.0.iter().position(is_it).unwrap_or(self.0.len());
        if place == MOST {
            return;
        }
        if place == self.0.len() {
            self.0.push(TcpFlow { acked: seq, ..TcpFlow::new(frame.from, frame.to, frame.link.clone()) });
        }
        let flow = &mut self.0[place];
        if flow.link != frame.link {
            return;
        }
        flow.send(at, seq.saturating_add(bytes), tcp.retransmission);
        let end = seq.saturating_add(bytes) as f64;
        flow.segments += 1;
        flow.octets += bytes;
        flow.sequence.add(at, end);
        let name = format!("sequence {seq} to {end}, {bytes} octets at {}", moment(at));
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
    fn new(from: SocketAddr, to: SocketAddr, link: Option<String>) -> Self {
        Self {
            from,
            to,
            link,
            sequence: Curve::default(),
            segments: 0,
            octets: 0,
            retransmitted: 0,
            lost: 0,
            marks: Vec::new(),
            open: VecDeque::new(),
            sent: 0,
            acked: 0,
            in_flight: Curve::default(),
            rtt: Curve::default(),
        }
    }

    /// A segment that ends there is sent.
    fn send(&mut self, at: i64, end: u64, again: bool) {
        if again {
            // From here on it is not known which of the two is acknowledged.
            self.open.iter_mut().filter(|(open, _)| *open >= end).for_each(|(_, sent)| *sent = None);
        } else if self.open.len() < MOST_OPEN {
            self.open.push_back((end, Some(at)));
        }
        self.sent = self.sent.max(end);
        self.in_flight.add(at.max(self.in_flight.last()), self.sent.saturating_sub(self.acked) as f64);
    }

    /// Everything before `ack` is acknowledged.
    fn acknowledge(&mut self, at: i64, ack: u64) {
        if ack <= self.acked {
            return;
        }
        self.acked = ack;
        let mut last = None;
        while let Some((_, sent)) = self.open.front().filter(|(end, _)| *end <= ack) {
            last = *sent;
            self.open.pop_front();
        }
        if let Some(sent) = last.filter(|sent| *sent <= at) {
            self.rtt.add(at.max(self.rtt.last()), (at - sent) as f64);
        }
        self.in_flight.add(at.max(self.in_flight.last()), self.sent.saturating_sub(ack) as f64);
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
            self.from,
            self.to,
            plural(self.segments, "segment"),
            count(self.octets),
            count(self.lost),
            count(self.retransmitted),
            plot.finish("Sequence numbers over time", 5)
        );
        let way = format!("from {} to {}", self.from, self.to);
        for (title, unit, curve) in [
            ("Octets in flight", AxisUnit::Number, &self.in_flight),
            ("Round-trip times of segments", AxisUnit::Time, &self.rtt),
        ] {
            if !curve.points().is_empty() {
                html += &samples::draw(&format!("{title} {way}"), unit, &[(0, curve)]);
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::observe::frame::{TcpCell, fates};

    fn frame((from, to): (&str, &str), bytes: usize, seq: u32, ack: u32, retransmission: bool) -> FrameRow {
        let tcp = Some(TcpCell { flags: "ACK".to_string(), seq, ack: Some(ack), window: 1, retransmission });
        let ends = (from.parse().expect("an address"), to.parse().expect("an address"));
        FrameRow { bytes, tcp, ..FrameRow::bare(0, "tcp".into(), ends, b"", fates::CARRIED) }
    }

    #[test]
    fn what_is_in_flight_and_how_long_acknowledgements_take() {
        let (there, back) = (("10.0.0.1:1", "10.0.0.2:2"), ("10.0.0.2:2", "10.0.0.1:1"));
        let mut flows = TcpFlows::default();
        flows.add(0, Some(5), frame(there, 100, 1, 1, false));
        flows.add(2, Some(7), frame(there, 100, 101, 1, false));
        flows.add(7, Some(12), frame(back, 0, 1, 201, false));
        flows.add(20, None, frame(there, 100, 201, 1, false));
        flows.add(60, Some(65), frame(there, 100, 201, 1, true));
        flows.add(65, Some(70), frame(back, 0, 1, 301, false));
        // Of nothing that was sent here, as an acknowledgement on another link.
        flows.add(66, Some(71), frame(back, 0, 1, 901, false));
        let flow = &flows.0[0];
        assert_eq!(flow.rtt.points(), [(12.0, 10.0)], "of what was sent once");
        let in_flight = [(0.0, 100.0), (2.0, 200.0), (12.0, 0.0), (20.0, 100.0), (60.0, 100.0), (70.0, 0.0)];
        assert_eq!(flow.in_flight.points(), in_flight);
    }
}
