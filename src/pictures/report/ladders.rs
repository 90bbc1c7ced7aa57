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

/// So many rows are kept for losses that show later: a ping times out long after its frames and the verdicts about them.
const KEPT: usize = 512;

/// So many rows of pings are kept beside frames: they know which reply is to which request.
const PROBES: usize = 64;

/// A ladder of a loss is drawn of so many rows at most.
const MOST: usize = KEPT + 2 * (AROUND + PROBES);

/// The rows that ladders are drawn of.
#[derive(Clone, Debug, Default)]
pub(super) struct LadderRows {
    run: Vec<u8>,
    /// Whether frames are among the rows: pings say less.
    has_frames: bool,
    first: Vec<Vec<u8>>,
    recent: VecDeque<TimedRow>,
    verdicts: VecDeque<TimedRow>,
    /// Why pings were lost, as the end of the run says it.
    causes: Vec<Vec<u8>>,
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
            "probe" => {
                let lost = matches!(cells.state.as_deref(), Some("timed_out" | "errored")) && cells.ttl.is_none();
                match self.has_frames {
                    true => self.keep_probe(line, at, lost),
                    false => self.follow(line, at, lost),
                }
            }
            "verdict" | "lost" => keep(&mut self.verdicts, (at, line.to_vec()), KEPT),
            "cause" if self.causes.len() < KEPT => self.causes.push(line.to_vec()),
            _ => {}
        }
    }

    fn follow(&mut self, line: &[u8], at: i64, lost: bool) {
        if self.first.len() < FIRST {
            if !self.has_frames {
                self.first.extend(self.verdicts.drain(..).map(|(_, line)| line));
            }
            self.first_until = self.first_until.max(at);
            return self.first.push(line.to_vec());
        }
        // Rows come when packets arrive, or are lost: one that was held up is among the first as well.
        if self.has_frames && at < self.first_until && self.first.len() < 2 * FIRST {
            return self.first.push(line.to_vec());
        }
        self.losses.iter_mut().filter(|loss| loss.open == 0 && loss.has(at)).for_each(|loss| loss.push(line));
        let drawn = self.losses.len();
        if let Some(loss) = self.losses.iter_mut().find(|loss| loss.open > 0) {
            loss.lines.push(line.to_vec());
            loss.span = (loss.span.0.min(at), loss.span.1.max(at));
            loss.open -= 1;
        } else if lost && drawn < LOSSES {
            let before = self.recent.len().saturating_sub(AROUND);
            let rows = self.recent.iter().skip(before).cloned().chain([(at, line.to_vec())]).collect();
            self.enter_loss(at, rows, AROUND);
        } else if lost {
            self.undrawn += 1;
        }
        keep(&mut self.recent, (at, line.to_vec()), KEPT);
    }

    /// Enters a loss with these rows, which so many more follow, and what is known of that time besides.
    fn enter_loss(&mut self, at: i64, rows: Vec<TimedRow>, open: usize) {
        let span = rows.iter().fold((at, at), |(from, to), (at, _)| (from.min(*at), to.max(*at)));
        let about = self.verdicts.iter().chain(&self.recent_probes).filter(|(at, _)| *at >= span.0);
        let lines = about.chain(&rows).map(|(_, line)| line.clone()).collect();
        self.losses.push(LossRows { at, lines, span, open });
    }

    /// Keeps a ping with the frames that may be its. One that was lost though no frame was is a loss of its own: its reply came late,
    /// or damaged.
    fn keep_probe(&mut self, line: &[u8], at: i64, lost: bool) {
        let is_drawn = at <= self.first_until || self.losses.iter().any(|loss| loss.has(at));
        if lost && !is_drawn && self.losses.len() < LOSSES && self.recent.front().is_some_and(|(first, _)| *first <= at)
        {
            let place = self.recent.iter().position(|(sent, _)| *sent >= at).unwrap_or(self.recent.len());
            let around = self.recent.iter().skip(place.saturating_sub(AROUND)).take(2 * AROUND);
            let rows = around.cloned().collect();
            self.enter_loss(at, rows, 0);
        }
        let is_first = self.first.len() < FIRST || at <= self.first_until;
        if is_first && self.first_probes.len() < PROBES {
            self.first_probes.push(line.to_vec());
        }
        let is_near = |loss: &&mut LossRows| loss.has(at) || loss.open > 0 && at >= loss.span.0;
        self.losses.iter_mut().filter(is_near).for_each(|loss| loss.push(line));
        keep(&mut self.recent_probes, (at, line.to_vec()), PROBES);
    }

    /// A ladder of these rows, with hosts in the order of those that were drawn before, and what it draws then.
    fn draw(&self, lines: &[Vec<u8>], hosts: &mut Vec<String>) -> String {
        let text = [std::slice::from_ref(&self.run), lines, &self.causes].concat().concat();
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

impl LossRows {
    /// Whether a moment is among those that are drawn.
    fn has(&self, at: i64) -> bool {
        (self.span.0..=self.span.1).contains(&at)
    }

    fn push(&mut self, line: &[u8]) {
        if self.lines.len() < MOST {
            self.lines.push(line.to_vec());
        }
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
        let mut losses: Vec<&LossRows> = rows.losses.iter().collect();
        losses.sort_by_key(|loss| loss.at);
        for (number, loss) in losses.into_iter().enumerate() {
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
    fn a_ping_whose_reply_is_late_has_a_ladder_of_its_frames() {
        let frame = |time: i64, ends: &str, fate: &str| {
            format!(
                "{{\"type\":\"frame\",\"time_ns\":{time},\"link\":\"a-b\",\"protocol\":\"udp\",{ends},\"bytes\":4,\"text\":\"at {time}\",\"fate\":\"{fate}\"}}\n"
            )
        };
        let there = "\"from\":\"10.0.0.1:9\",\"to\":\"10.0.0.2:7\"";
        let back = "\"from\":\"10.0.0.2:7\",\"to\":\"10.0.0.1:9\"";
        let mut rows = LadderRows { has_frames: true, ..LadderRows::default() };
        for time in 1..=200 {
            rows.follow(frame(10 * time, there, "carried").as_bytes(), 10 * time, false);
        }
        let lost = |time: i64| format!("{{\"type\":\"probe\",\"time_ns\":{time},\"state\":\"timed_out\"}}\n");
        // Among the first, whose frames are drawn; and two that are near to each other.
        for time in [100, 1500, 1510] {
            rows.keep_probe(lost(time).as_bytes(), time, true);
        }
        rows.keep_probe(b"{}\n", 1700, false);
        rows.follow(frame(1502, back, "delayed").as_bytes(), 1502, false);
        let [loss] = &rows.losses[..] else { panic!("{}", rows.losses.len()) };
        let text = String::from_utf8(loss.lines.concat()).expect("text");
        assert!(text.contains("at 1500") && text.contains("at 1450") && text.contains("at 1550"), "{text}");
        assert!(text.contains("delayed") && !text.contains("at 1700") && !text.contains("at 1300"), "{text}");
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
