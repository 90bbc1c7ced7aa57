//! The live view of a run: the last round-trip times of each target, their percentiles, losses with interval and causes, and
//! samples of the script, in as many lines as there is room for. Its memory is bounded, however long the run.

use std::collections::VecDeque;

use unicode_width::UnicodeWidthStr;

use self::chart::{ChartColumn, ChartScale, columns, rows};
use crate::net::policy::neighbours::{Neighbours, Recent};
use crate::net::probe::stats::{Rtts, interval};
use crate::net::time::Duration;
use crate::pictures::fit::{cut, cut_within, first_that_fits};

mod chart;

/// Targets that are shown apart, and samples.
pub const MOST: usize = 64;

/// Pings of a target that are kept, and values of a sample.
const KEPT: usize = 8_192;

/// Columns of pings that pass in a second at most.
const COLUMNS_A_SECOND: f64 = 20.0;

/// With fewer columns there is no room for an axis, and for all statistics beside a name.
const NARROW: usize = 40;

/// Lines of the samples and of causes at most.
const FEW: usize = 3;

/// A ping that came to its end.
#[derive(Clone, Copy, Debug)]
pub struct LivePing {
    /// The number of its target, by first appearance.
    pub target: usize,
    /// When it was sent, in nanoseconds since 1970.
    pub sent: i64,
    /// Its number.
    pub number: u64,
    /// Its round-trip time; `None`: it is lost.
    pub rtt: Option<Duration>,
    /// Whether that is by a fallback clock.
    pub is_lesser: bool,
}

/// What is shown beside what was measured.
#[derive(Clone, Debug, Default)]
pub struct LiveFrame<'a> {
    /// What runs.
    pub title: &'a str,
    /// For how many seconds.
    pub seconds: u64,
    /// Why pings were lost, and how many for each reason.
    pub causes: &'a [(String, u64)],
    /// How many ends of pings were not shown, because they came too fast.
    pub skipped: u64,
    /// Columns and lines of the terminal.
    pub size: (usize, usize),
}

/// The view.
#[derive(Debug, Default)]
pub struct LiveView {
    targets: Vec<TargetSeries>,
    samples: Vec<SampleSeries>,
}

#[derive(Debug, Default)]
struct TargetSeries {
    label: String,
    /// The last pings in the order of sending: when, and the time in nanoseconds.
    pings: VecDeque<(i64, Option<i64>)>,
    /// How many came before those.
    before: u64,
    rtts: Rtts,
    last: Option<Duration>,
    lost: u64,
    recent: Recent,
    neighbours: Neighbours,
}

#[derive(Debug, Default)]
struct SampleSeries {
    label: String,
    values: VecDeque<Option<f64>>,
    before: u64,
}

impl LiveView {
    /// A new target, which has the next number.
    pub fn add_target(&mut self, label: String) {
        self.targets.push(TargetSeries { label, ..TargetSeries::default() });
    }

    /// A new sample, which has the next number.
    pub fn add_sample(&mut self, label: String) {
        self.samples.push(SampleSeries { label, ..SampleSeries::default() });
    }

    /// Enters the end of a ping.
    pub fn ping(&mut self, ping: &LivePing) {
        if let Some(target) = self.targets.get_mut(ping.target) {
            target.enter(ping);
        }
    }

    /// Enters a value of the sample with this number.
    pub fn sample(&mut self, number: usize, value: Option<f64>) {
        let Some(sample) = self.samples.get_mut(number) else { return };
        sample.values.push_back(value);
        if sample.values.len() > KEPT {
            sample.values.pop_front();
            sample.before += 1;
        }
    }

    /// The lines, each with fewer columns than the terminal; none where there is no room.
    pub fn lines(&self, frame: &LiveFrame<'_>) -> Vec<String> {
        let (width, height) = frame.size;
        if width < 12 || height < 8 {
            return Vec::new();
        }
        // What touches the last column may go on in the next line.
        let width = width - 1;
        let room = (height / 2).clamp(5, 20);
        let mut below: Vec<String> =
            frame.causes.iter().take(FEW).map(|(why, count)| cut_within(&format!(" {count} {why}"), width)).collect();
        // What the targets leave of the room, and at least a few lines.
        let most = room.saturating_sub(1 + below.len() + 4 * self.targets.len()).max(FEW);
        let shown = if self.samples.len() > most { most - 1 } else { most };
        below.extend(self.samples.iter().take(shown).map(|sample| sample.line(width)));
        if let Some(more) = self.samples.len().checked_sub(shown).filter(|more| *more > 0) {
            below.push(format!(" … and {more} more samples"));
        }
        let rest = room.saturating_sub(1 + below.len()).max(1);
        let mut lines = vec![self.rule(frame, width)];
        match rest / self.targets.len().max(1) {
            room @ 4.. => self.targets.iter().for_each(|target| target.at_large(width, room.min(10), &mut lines)),
            _ => self.in_short(width, rest, &mut lines),
        }
        lines.extend(below);
        lines.iter().map(|line| cut(line, width)).collect()
    }

    /// The line above all: what runs, what it has come to, and for how long.
    fn rule(&self, frame: &LiveFrame<'_>, width: usize) -> String {
        let (sent, lost) =
            self.targets.iter().fold((0, 0), |(sent, lost), target| (sent + target.settled(), lost + target.lost));
        let skipped = if frame.skipped > 0 { format!(", {} not shown", frame.skipped) } else { String::new() };
        let right = format!(" {}s ──", frame.seconds);
        let left = first_that_fits(
            [
                format!("── {}: {sent} pings, {lost} lost{skipped} ", frame.title),
                format!("── {sent} pings, {lost} lost "),
                format!("── {sent} pings "),
            ],
            width.saturating_sub(right.width()),
        );
        let between = width.saturating_sub(left.width() + right.width());
        format!("{left}{}{right}", "─".repeat(between))
    }

    /// A line for each target, as far as there are `room`.
    fn in_short(&self, width: usize, room: usize, lines: &mut Vec<String>) {
        let all = self.targets.len() <= room;
        let shown = if all { self.targets.len() } else { room.saturating_sub(1) };
        let label = self.targets.iter().take(shown).map(|target| target.label.width()).max().unwrap_or(0);
        let label = label.min(width / 3);
        lines.extend(self.targets.iter().take(shown).map(|target| target.in_short(label, width)));
        if !all {
            lines.push(format!(" … and {} more targets", self.targets.len() - shown));
        }
    }
}

impl TargetSeries {
    fn enter(&mut self, ping: &LivePing) {
        let lost = ping.rtt.is_none();
        self.lost += u64::from(lost);
        self.neighbours = self.neighbours + self.recent.settle(ping.number, lost);
        match ping.rtt {
            Some(rtt) if ping.is_lesser => self.rtts.record_flagged(rtt),
            Some(rtt) => self.rtts.record(rtt),
            None => {}
        }
        self.last = ping.rtt.or(self.last);
        let later = self.pings.iter().rev().take_while(|(sent, _)| *sent > ping.sent).count();
        self.pings.insert(self.pings.len() - later, (ping.sent, ping.rtt.map(Duration::as_nanos)));
        if self.pings.len() > KEPT {
            self.pings.pop_front();
            self.before += 1;
        }
    }

    fn settled(&self) -> u64 {
        self.before + self.pings.len() as u64
    }

    /// How many pings a column stands for.
    fn per_column(&self) -> u64 {
        let span = self.pings.back().zip(self.pings.front()).map_or(0, |((last, _), (first, _))| last - first);
        let rate = self.pings.len().saturating_sub(1) as f64 / (span as f64 / 1e9).max(1.0);
        let steps = [1, 2, 5, 10, 20, 50, 100, 200, 500];
        steps.into_iter().find(|per| rate / *per as f64 <= COLUMNS_A_SECOND).unwrap_or(1_000)
    }

    /// The last of its pings in so many columns.
    fn columns(&self, width: usize) -> Vec<ChartColumn> {
        let per = self.per_column();
        // No more of them are looked at than are shown.
        let skipped = self.pings.len().saturating_sub((width + 1) * per as usize);
        let values = self.pings.iter().skip(skipped).map(|(_, rtt)| rtt.map(|rtt| rtt as f64));
        columns(values, self.before + skipped as u64, per, width)
    }

    /// Its statistics, a chart and its losses, in `room` lines.
    fn at_large(&self, width: usize, room: usize, lines: &mut Vec<String>) {
        let before = lines.len();
        self.head(width, lines);
        let room = room - (lines.len() - before) - 1;
        let mut columns = self.columns(width);
        let scale = ChartScale::of(&columns);
        let mark = |at: f64| Duration::from_nanos(at as i64).to_string();
        let ends = scale.map(|scale| (mark(scale.high), mark(scale.low)));
        let (top, foot) = ends.unwrap_or_else(|| ("NA".to_string(), "NA".to_string()));
        let axis = if width < NARROW { 0 } else { top.len().max(foot.len()) };
        let before = if axis > 0 { axis + 3 } else { 0 };
        columns.drain(..columns.len().saturating_sub(width - before));
        let rows = rows(&columns, scale.as_ref(), room);
        for (number, row) in rows.iter().enumerate() {
            let label = match number {
                0 => &top,
                _ if number + 1 == rows.len() => &foot,
                _ => "",
            };
            let edge = if label.is_empty() { '│' } else { '┤' };
            lines.push(if axis > 0 { format!(" {label:>axis$} {edge}{row}") } else { row.clone() });
        }
        lines.push(self.losses(width));
    }

    /// Its name and statistics: below each other where they would not fit beside each other.
    fn head(&self, width: usize, lines: &mut Vec<String>) {
        let parts = [
            ("last", self.last),
            ("p50", self.rtts.percentile(50.0)),
            ("p90", self.rtts.percentile(90.0)),
            ("p99", self.rtts.percentile(99.0)),
            ("max", self.rtts.max()),
        ];
        let is_narrow = width < NARROW;
        let between = if is_narrow { " " } else { "  " };
        let text = |time: Option<Duration>| time.map_or("NA".to_string(), |time| time.to_string().replace("ms", ""));
        let parts = parts.map(|(name, time)| format!("{between}{name} {}", text(time)));
        let mut room = if is_narrow { width + 1 } else { width.saturating_sub(self.label.width() + 3) };
        // Where there is no room for all, those that say most stay.
        let mut fits = [false; 5];
        for part in [1, 3, 0, 4, 2] {
            fits[part] = parts[part].width() <= room;
            room -= if fits[part] { parts[part].width() } else { 0 };
        }
        let shown: String = parts.into_iter().zip(fits).filter(|(_, fits)| *fits).map(|(part, _)| part).collect();
        if is_narrow {
            let shown = shown.trim_start().to_string();
            lines.extend([cut_within(&self.label, width), first_that_fits([format!("{shown} ms"), shown], width)]);
        } else {
            lines.push(cut(&format!("{}{shown} ms", self.label), width));
        }
    }

    fn losses(&self, width: usize) -> String {
        let (lost, settled) = (self.lost, self.settled());
        let per = match self.per_column() {
            1 => String::new(),
            per => format!("; a bar: median of {per}, · slowest"),
        };
        let Some((low, high)) = interval(lost, settled, &self.neighbours) else {
            return " no ping has ended".to_string();
        };
        let percent = |share: f64| format!("{:.1}%", share * 100.0);
        let share = percent(lost as f64 / settled as f64);
        let short = format!(" lost {lost} of {settled}: {share}");
        let whole = format!("{short} [{}, {}]", percent(low), percent(high));
        first_that_fits([format!("{whole}{per}"), whole, short, format!(" {lost} lost: {share}")], width)
    }

    fn in_short(&self, label: usize, width: usize) -> String {
        let time = |percent| self.rtts.percentile(percent).map_or("NA".to_string(), |time| time.to_string());
        let mut line = padded(&cut_within(&self.label, label), label);
        for part in
            [format!("  p50 {:>9}", time(50.0)), format!("  lost {:<4}", self.lost), format!("  p99 {:>9}", time(99.0))]
        {
            if line.width() + part.width() + 8 <= width {
                line.push_str(&part);
            }
        }
        let room = width.saturating_sub(line.width() + 1);
        let columns = self.columns(room);
        let rows = rows(&columns, ChartScale::of(&columns).as_ref(), 1);
        rows.first().map_or(line.clone(), |row| format!("{line} {row}"))
    }
}

impl SampleSeries {
    fn line(&self, width: usize) -> String {
        let last = self.values.back().copied().flatten();
        let head = format!("{} {}", cut(&self.label, width / 3), last.map_or("NA".to_string(), number));
        let known = || self.values.iter().copied().flatten();
        let (low, high) =
            known().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), one| (low.min(one), high.max(one)));
        let tail = if low <= high { format!(" {} to {}", number(low), number(high)) } else { String::new() };
        let head = padded(&head, width / 4);
        let room = width.saturating_sub(head.width() + tail.width() + 1);
        let shown = self.values.iter().copied().skip(self.values.len().saturating_sub(room));
        let columns = columns(shown, self.before, 1, room);
        let scale = (low <= high).then(|| ChartScale::linear(low, high));
        let rows = rows(&columns, scale.as_ref(), 1);
        format!("{head} {}{tail}", rows.first().map_or("", String::as_str))
    }
}

/// A value in few digits.
fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e12 { format!("{value:.0}") } else { format!("{value:.3}") }
}

/// `text` in exactly so many columns.
fn padded(text: &str, width: usize) -> String {
    let text = cut(text, width);
    let room = width.saturating_sub(text.width());
    text + " ".repeat(room).as_str()
}

#[cfg(test)]
mod tests;
