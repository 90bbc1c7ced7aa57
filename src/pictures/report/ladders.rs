//! The first packets of a run, and those around each of the first losses, as ladders.

use std::collections::VecDeque;
use std::fmt::Write;

use super::record::RunRecord;
use super::text::moment;
use crate::net::observe::record::reading::RowCells;
use crate::pictures::ladder::reading::ReadRun;
use crate::pictures::ladder::selection::Selection;
use crate::pictures::ladder::{Ladder, svg};

/// So many rows of frames, or of pings where there are none, are drawn first.
const FIRST: usize = 40;

/// So many losses after those are drawn, each with so many rows before and after it.
const LOSSES: usize = 4;
const AROUND: usize = 6;

/// So many verdicts before a loss are looked through for its cause: that of a ping is given long before it times out.
const VERDICTS: usize = 64;

/// The rows that ladders are drawn of.
#[derive(Clone, Debug, Default)]
pub(super) struct LadderRows {
    run: Vec<u8>,
    /// Whether frames are among the rows: pings say less.
    has_frames: bool,
    first: Vec<Vec<u8>>,
    recent: VecDeque<Vec<u8>>,
    verdicts: VecDeque<Vec<u8>>,
    losses: Vec<LossRows>,
}

/// The rows around a loss.
#[derive(Clone, Debug)]
struct LossRows {
    at: i64,
    lines: Vec<Vec<u8>>,
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
                    (self.first, self.recent, self.losses) = Default::default();
                }
                self.follow(line, at, cells.lost_ns.is_some());
            }
            "probe" if !self.has_frames => {
                let lost = matches!(cells.state.as_deref(), Some("timed_out" | "errored"));
                self.follow(line, at, lost && cells.ttl.is_none());
            }
            "verdict" | "lost" => keep(&mut self.verdicts, line, VERDICTS),
            _ => {}
        }
    }

    fn follow(&mut self, line: &[u8], at: i64, lost: bool) {
        if self.first.len() < FIRST {
            if !self.has_frames {
                self.first.extend(self.verdicts.drain(..));
            }
            return self.first.push(line.to_vec());
        }
        let drawn = self.losses.len();
        if let Some(loss) = self.losses.last_mut().filter(|loss| loss.open > 0) {
            loss.lines.push(line.to_vec());
            loss.open -= 1;
        } else if lost && drawn < LOSSES {
            let lines = self.verdicts.iter().chain(&self.recent).cloned().chain([line.to_vec()]).collect();
            self.losses.push(LossRows { at, lines, open: AROUND });
        }
        keep(&mut self.recent, line, AROUND);
    }

    fn draw(&self, lines: &[Vec<u8>]) -> String {
        let text = [std::slice::from_ref(&self.run), lines].concat().concat();
        let Ok((run, _)) = ReadRun::read(text.as_slice()) else { return String::new() };
        let (ladder, _) = Ladder::new(run, &Selection::default());
        if ladder.arrows.is_empty() {
            String::new()
        } else {
            format!("<div class=\"wide\">{}</div>", svg::draw(&ladder))
        }
    }
}

fn keep(list: &mut VecDeque<Vec<u8>>, line: &[u8], most: usize) {
    if list.len() == most {
        list.pop_front();
    }
    list.push_back(line.to_vec());
}

/// The ladders of each run.
pub(super) fn section(runs: &[RunRecord]) -> String {
    let mut html = String::new();
    for run in runs {
        let rows = &run.ladder;
        let first = rows.draw(&rows.first);
        if first.is_empty() {
            continue;
        }
        let _ = write!(html, "{}<h3>The first packets</h3>{first}", run.heading(runs.len()));
        for loss in &rows.losses {
            let _ = write!(
                html,
                "<h3>Around the loss of what was sent at {}</h3>{}",
                moment(loss.at),
                rows.draw(&loss.lines)
            );
        }
    }
    html
}
