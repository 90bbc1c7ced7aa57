//! The first packets of a run, and those around each of the first losses, as ladders.

use std::collections::VecDeque;
use std::fmt::Write;

use super::record::RunRecord;
use super::text::{count, moment};
use crate::net::observe::record::reading::RowCells;
use crate::pictures::ladder::reading::ReadRun;
use crate::pictures::ladder::selection::Selection;
use crate::pictures::ladder::{Ladder, svg};

/// So many rows of frames, or of pings where there are none, are drawn first.
const FIRST: usize = 40;

/// So many losses after those are drawn, each with so many rows before and after it, and so many of them are open at first.
const LOSSES: usize = 12;
const OPEN: usize = 4;
const AROUND: usize = 6;

/// So many verdicts before a loss are looked through for its cause: that of a ping is given long before it times out.
const VERDICTS: usize = 64;

/// So many rows of pings are kept beside frames: they know which reply is to which request.
const PROBES: usize = 64;

/// The rows that ladders are drawn of.
#[derive(Clone, Debug, Default)]
pub(super) struct LadderRows {
    run: Vec<u8>,
    /// Whether frames are among the rows: pings say less.
    has_frames: bool,
    first: Vec<Vec<u8>>,
    recent: VecDeque<TimedRow>,
    verdicts: VecDeque<Vec<u8>>,
    losses: Vec<LossRows>,
    /// How many losses came after those.
    undrawn: u64,
    /// The pings whose frames may be among the first, until when those are, and the latest pings.
    first_probes: Vec<Vec<u8>>,
    first_until: i64,
    recent_probes: VecDeque<TimedRow>,
}

/// A row, and when after the start of the run it was.
type TimedRow = (i64, Vec<u8>);

/// The rows around a loss.
#[derive(Clone, Debug)]
struct LossRows {
    at: i64,
    lines: Vec<Vec<u8>>,
    /// Between which times the rows are that are drawn.
    span: (i64, i64),
    /// How many rows are still to come.
    open: usize,
}

impl LadderRows {
    /// Adds a row, which came so long after the start.
    pub(super) fn add(&mut self, cells: &RowCells<'_>, line: &[u8], at: i64) {
        match cells.r#type.as_ref() {
            "run" => self.run = line.to_vec(),
            "frame" => {
                if !std::mem::replace(&mut self.has_frames, true) {
                    (self.first, self.recent, self.losses, self.undrawn) = Default::default();
                }
                self.follow(line, at, cells.lost_ns.is_some());
            }
            "probe" if self.has_frames => self.keep_probe(line, at),
            "probe" => {
                let lost = matches!(cells.state.as_deref(), Some("timed_out" | "errored"));
                self.follow(line, at, lost && cells.ttl.is_none());
            }
            "verdict" | "lost" => keep(&mut self.verdicts, line.to_vec(), VERDICTS),
            _ => {}
        }
    }

    fn follow(&mut self, line: &[u8], at: i64, lost: bool) {
        if self.first.len() < FIRST {
            if !self.has_frames {
                self.first.extend(self.verdicts.drain(..));
            }
            self.first_until = self.first_until.max(at);
            return self.first.push(line.to_vec());
        }
        // Rows come when packets arrive, or are lost: one that was held up is among the first as well.
        if self.has_frames && at < self.first_until && self.first.len() < 2 * FIRST {
            return self.first.push(line.to_vec());
        }
        let drawn = self.losses.len();
        if let Some(loss) = self.losses.last_mut().filter(|loss| loss.open > 0) {
            loss.lines.push(line.to_vec());
            loss.span = (loss.span.0.min(at), loss.span.1.max(at));
            loss.open -= 1;
        } else if lost && drawn < LOSSES {
            let since = self.recent.iter().map(|(at, _)| *at).fold(at, i64::min);
            let probes = self.recent_probes.iter().filter(|(at, _)| *at >= since);
            let recent = probes.chain(&self.recent).map(|(_, line)| line);
            let lines = self.verdicts.iter().chain(recent).cloned().chain([line.to_vec()]).collect();
            self.losses.push(LossRows { at, lines, span: (since, at), open: AROUND });
        } else if lost {
            self.undrawn += 1;
        }
        keep(&mut self.recent, (at, line.to_vec()), AROUND);
    }

    /// Keeps a ping with the frames that may be its.
    fn keep_probe(&mut self, line: &[u8], at: i64) {
        let is_first = self.first.len() < FIRST || at <= self.first_until;
        if is_first && self.first_probes.len() < PROBES {
            self.first_probes.push(line.to_vec());
        }
        for loss in &mut self.losses {
            let is_near = at >= loss.span.0 && (loss.open > 0 || at <= loss.span.1);
            if is_near && loss.lines.len() < VERDICTS + 2 * (AROUND + PROBES) {
                loss.lines.push(line.to_vec());
            }
        }
        keep(&mut self.recent_probes, (at, line.to_vec()), PROBES);
    }

    /// A ladder of these rows, with hosts in the order of those that were drawn before, and what it draws then.
    fn draw(&self, lines: &[Vec<u8>], hosts: &mut Vec<String>) -> String {
        let text = [std::slice::from_ref(&self.run), lines].concat().concat();
        let Ok((run, _)) = ReadRun::read(text.as_slice()) else { return String::new() };
        let (ladder, _) = Ladder::new(ReadRun { hosts: hosts.clone(), ..run }, &Selection::default());
        if ladder.arrows.is_empty() {
            return String::new();
        }
        let drawn = format!("<div class=\"wide\">{}</div>", svg::draw(&ladder));
        *hosts = ladder.hosts;
        drawn
    }
}

fn keep<T>(list: &mut VecDeque<T>, row: T, most: usize) {
    if list.len() == most {
        list.pop_front();
    }
    list.push_back(row);
}

/// The ladders of each run.
pub(super) fn section(runs: &[RunRecord]) -> String {
    let mut html = String::new();
    for run in runs {
        let rows = &run.ladder;
        let mut hosts = Vec::new();
        let first = rows.draw(&[&rows.first[..], &rows.first_probes].concat(), &mut hosts);
        if first.is_empty() {
            continue;
        }
        let _ = write!(html, "{}<h3>The first packets</h3>{first}", run.heading(runs.len()));
        for (number, loss) in rows.losses.iter().enumerate() {
            let _ = write!(
                html,
                "<details{}><summary>Around the loss of what was sent at {}</summary>{}</details>",
                if number < OPEN { " open" } else { "" },
                moment(loss.at),
                rows.draw(&loss.lines, &mut hosts)
            );
        }
        if rows.undrawn > 0 {
            let _ = write!(html, "<p>Losses after those, which are not drawn: {}</p>", count(rows.undrawn));
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_held_up_is_among_the_first_and_hosts_keep_their_order() {
        let frame = |time: i64, from: &str, to: &str, text: &str| {
            let [one, other] = [from, to].map(|host| if host == "a" { "10.0.0.1" } else { "10.0.0.2" });
            format!(
                "{{\"type\":\"frame\",\"time_ns\":{time},\"link\":\"a-b\",\"from_host\":\"{from}\",\"to_host\":\"{to}\",\"protocol\":\"udp\",\
                 \"from\":\"{one}:9\",\"to\":\"{other}:7\",\"bytes\":4,\"text\":\"{text}\",\"fate\":\"carried\"}}\n"
            )
        };
        let mut rows = LadderRows { has_frames: true, ..LadderRows::default() };
        let mut add = |time, from, to, text| rows.follow(frame(time, from, to, text).as_bytes(), time, false);
        (1..=FIRST as i64).for_each(|time| add(10 * time, "a", "b", "on time"));
        add(15, "a", "b", "held up");
        add(5000, "a", "b", "of later");
        let text = String::from_utf8(rows.first.concat()).expect("text");
        assert!(text.contains("held up") && !text.contains("of later"), "{text}");
        // In a window in which b is seen first it stands where it stood.
        let mut hosts = Vec::new();
        let first = rows.draw(&[frame(1, "a", "b", "x").into_bytes()], &mut hosts);
        let later = rows.draw(&[frame(9, "b", "a", "y").into_bytes()], &mut hosts);
        let order = |svg: &str| svg.find(">a<").zip(svg.find(">b<")).map(|(a, b)| a < b);
        assert_eq!((order(&first), order(&later)), (Some(true), Some(true)), "{later}");
    }

    #[test]
    fn so_many_losses_are_drawn_and_the_others_counted() {
        let mut rows = LadderRows::default();
        for number in 0..FIRST as i64 {
            rows.follow(b"{}", number, false);
        }
        for loss in 0..30 {
            let at = FIRST as i64 + 100 * loss;
            rows.follow(b"{}", at, true);
            // Those around it are in its ladder, another loss among them.
            (0..AROUND as i64).for_each(|after| rows.follow(b"{}", at + 1 + after, after == 2));
        }
        assert_eq!((rows.losses.len(), rows.undrawn), (LOSSES, 2 * (30 - LOSSES as u64)));
        assert!(rows.losses.iter().all(|loss| loss.open == 0));
    }
}
