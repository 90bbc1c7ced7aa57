//! A ladder for a terminal: hosts as columns, frames as slanted lines, what they are beside them.

use unicode_width::UnicodeWidthStr;

use super::braille::{Cell, Grid, Style};
use super::round_trips::{Brace, braces};
use super::timeline::Timeline;
use super::{Arrow, ArrowEnd, Ladder};
use crate::net::time::Duration;
use crate::pictures::fit::{cut, cut_front, cut_within};

/// How a ladder is written.
#[derive(Clone, Copy, Debug)]
pub struct TextOptions {
    /// The columns of the screen.
    pub width: usize,
    /// Whether there are colours.
    pub colours: bool,
}

/// Columns of the time and of the braces, with the blanks behind them.
const TIME: usize = 11;
const BRACES: usize = 3;
/// How wide the way between two hosts is.
const WAY: std::ops::RangeInclusive<usize> = 10..=30;
/// Columns for what frames are, if there are so many.
const LABEL: usize = 44;

/// The ladder as lines of text.
pub fn draw(ladder: &Ladder, options: TextOptions) -> String {
    TextDrawing::new(ladder, options).text()
}

#[derive(Debug)]
struct TextDrawing<'a> {
    ladder: &'a Ladder,
    options: TextOptions,
    timeline: Timeline,
    /// From host to host.
    way: usize,
    /// The line of each row of the timeline.
    lines: Vec<usize>,
    braces: bool,
}

impl<'a> TextDrawing<'a> {
    fn new(ladder: &'a Ladder, options: TextOptions) -> Self {
        let timeline = Timeline::of(ladder);
        let braces = ladder.round_trips.iter().any(|trip| ladder.arrows[trip.request].from == 0);
        let ways = ladder.columns.len().saturating_sub(1).max(1);
        let room = options.width.saturating_sub(TIME + LABEL + if braces { BRACES } else { 0 });
        let way = (room / ways).clamp(*WAY.start(), *WAY.end());
        let mut pauses = 0;
        let lines = timeline.moments.iter().enumerate().map(|(row, moment)| {
            pauses += usize::from(moment.pause.is_some());
            row + pauses
        });
        let lines = lines.collect();
        Self { ladder, options, timeline, way, lines, braces }
    }

    /// Where the line of a host is.
    fn x(&self, column: usize) -> usize {
        column * self.way
    }

    fn grid_width(&self) -> usize {
        self.x(self.ladder.columns.len().saturating_sub(1)) + 1
    }

    fn text(&self) -> String {
        let mut text = self.painted(&self.ladder.caption(), Style::Bold) + "\n";
        if self.ladder.arrows.is_empty() {
            return text;
        }
        text.push('\n');
        text.push_str(&self.header());
        let grid = self.grid();
        let braces = self.brace_marks();
        for (row, moment) in self.timeline.moments.iter().enumerate() {
            let y = self.lines[row];
            if let Some(pause) = moment.pause {
                let pause = format!("{} later", in_words(pause));
                text.push_str(&self.line("", &braces[y - 1], grid.row(y - 1), &[(pause, Style::Dim)]));
            }
            let time = Duration::from_nanos(moment.time - self.ladder.start);
            let time = format!("{:.3}", time.as_secs_f64() * 1e3);
            text.push_str(&self.line(&time, &braces[y], grid.row(y), &self.labels(row)));
        }
        text
    }

    /// The names of the hosts, and their addresses.
    fn header(&self) -> String {
        let columns = &self.ladder.columns;
        let mut text = String::new();
        for (index, of) in
            [|c: &super::Column| c.name.clone(), |c: &super::Column| c.addresses.clone()].into_iter().enumerate()
        {
            let names: Vec<String> = columns.iter().map(of).collect();
            if names.iter().all(String::is_empty) {
                continue;
            }
            let mut line = format!("{:>width$} ", if index == 0 { "ms" } else { "" }, width = TIME - 1);
            let left = line.width() + if self.braces { BRACES } else { 0 };
            for (column, name) in names.iter().enumerate() {
                let is_last = column + 1 == names.len();
                let room = if is_last { self.options.width / 2 } else { self.way - 1 };
                let name = cut_front(name, room);
                let middle = left + self.x(column);
                let start = if column == 0 { middle } else { middle.saturating_sub(name.width() / 2) };
                let gap = start.saturating_sub(line.width()).max(usize::from(column > 0));
                line.push_str(&" ".repeat(gap));
                line.push_str(&name);
            }
            let style = if index == 0 { Style::Bold } else { Style::Dim };
            text.push_str(&(self.painted(line.trim_end(), style) + "\n"));
        }
        text
    }

    fn grid(&self) -> Grid {
        let height = self.lines.last().map_or(0, |last| last + 1);
        let mut grid = Grid::new(self.grid_width(), height);
        let folded: Vec<usize> = self
            .timeline
            .moments
            .iter()
            .zip(&self.lines)
            .filter(|(moment, _)| moment.pause.is_some())
            .map(|(_, y)| y - 1)
            .collect();
        for column in 0..self.ladder.columns.len() {
            for y in 0..height {
                let symbol = if folded.binary_search(&y).is_ok() { '⋮' } else { '│' };
                grid.put(self.x(column), y, symbol, Style::Dim);
            }
        }
        let rows = self.ladder.arrows.iter().zip(&self.timeline.rows);
        rows.clone().for_each(|(arrow, rows)| self.mark_end(&mut grid, arrow, *rows));
        rows.for_each(|(arrow, rows)| self.line_of(&mut grid, arrow, *rows));
        grid
    }

    /// Where an arrow goes on the grid: its first cell, and the one that its head is in.
    fn span(&self, arrow: &Arrow) -> (usize, usize) {
        let (from, to) = (self.x(arrow.from), self.x(arrow.to));
        let rightward = to > from;
        let start = if rightward { from + 1 } else { from.saturating_sub(1) };
        let far = if rightward { to.saturating_sub(1) } else { to + 1 };
        let head = match arrow.end {
            ArrowEnd::Lost { at_ingress: false, .. } => from.midpoint(to),
            _ => far,
        };
        (start, head)
    }

    fn mark_end(&self, grid: &mut Grid, arrow: &Arrow, (_, end): (usize, usize)) {
        let y = self.lines[end];
        if arrow.from == arrow.to {
            let symbol = if arrow.is_lost() { '×' } else { '↺' };
            return grid.put(self.x(arrow.from), y, symbol, style(arrow));
        }
        let symbol = match (arrow.is_lost(), arrow.to > arrow.from) {
            (true, _) => '×',
            (false, true) => '▶',
            (false, false) => '◀',
        };
        grid.put(self.span(arrow).1, y, symbol, style(arrow));
    }

    fn line_of(&self, grid: &mut Grid, arrow: &Arrow, (departure, end): (usize, usize)) {
        if arrow.from != arrow.to {
            let (start, head) = self.span(arrow);
            let before_head = if arrow.to > arrow.from { head.saturating_sub(1) } else { head + 1 };
            grid.line((start, self.lines[departure]), (before_head, self.lines[end]), style(arrow));
        }
    }

    /// What stands beside a row: what leaves there, or what happened to what ends there.
    fn labels(&self, row: usize) -> Vec<(String, Style)> {
        let moment = &self.timeline.moments[row];
        if let Some(index) = moment.departs {
            let arrow = &self.ladder.arrows[index];
            let mut parts = vec![(arrow.label.clone(), Style::Plain)];
            if arrow.retransmission {
                parts.push((" retransmission".to_string(), Style::Again));
            }
            if let Some(rtt) = arrow.rtt {
                parts.push((format!(" rtt {rtt}"), Style::Dim));
            }
            let end = self.timeline.rows[index].1;
            if let Some(cause) = arrow.cause.as_ref().filter(|_| !self.timeline.says_cause(self.ladder, end)) {
                parts.push((format!(" {cause}"), style_of_cause(arrow)));
            }
            return parts;
        }
        if !self.timeline.says_cause(self.ladder, row) {
            return Vec::new();
        }
        let ended = moment.ends.iter().filter_map(|&end| {
            let arrow = &self.ladder.arrows[end];
            let mark = if arrow.is_lost() { "× " } else { "" };
            arrow.cause.as_ref().map(|cause| (format!("{mark}{cause}"), style_of_cause(arrow)))
        });
        ended.collect()
    }

    /// The braces of round trips of the first host, by line: what is to the left of each.
    fn brace_marks(&self) -> Vec<[char; 2]> {
        let height = self.lines.last().map_or(0, |last| last + 1);
        let mut marks = vec![[' '; 2]; height];
        for Brace { rows, slot } in braces(self.ladder, &self.timeline) {
            let (first, last) = (self.lines[rows.0], self.lines[rows.1]);
            for (y, mark) in marks.iter_mut().enumerate().take(last + 1).skip(first) {
                let begins = if mark[slot] == '╰' { '├' } else { '╭' };
                mark[slot] = if y == first {
                    begins
                } else if y == last {
                    '╰'
                } else {
                    '│'
                };
            }
        }
        marks
    }

    fn line(&self, time: &str, braces: &[char; 2], cells: &[Cell], labels: &[(String, Style)]) -> String {
        let mut text = format!("{time:>width$} ", width = TIME - 1);
        if self.braces {
            text.push_str(&self.painted(&format!("{}{} ", braces[0], braces[1]), Style::Dim));
        }
        let mut run = (String::new(), Style::Plain);
        for cell in cells {
            if cell.style != run.1 && !run.0.is_empty() {
                text.push_str(&self.painted(&std::mem::take(&mut run.0), run.1));
            }
            run.1 = cell.style;
            run.0.push(cell.symbol);
        }
        text.push_str(&self.painted(&run.0, run.1));
        let used = TIME + if self.braces { BRACES } else { 0 } + self.grid_width() + 2;
        let room = self.options.width.saturating_sub(used).max(16);
        let fitted = fit(labels, room);
        if !fitted.is_empty() {
            text.push_str("  ");
        }
        fitted.iter().for_each(|(part, style)| text.push_str(&self.painted(part, *style)));
        text.truncate(text.trim_end().len());
        text + "\n"
    }

    fn painted(&self, text: &str, style: Style) -> String {
        let code = match style {
            Style::Plain => "",
            Style::Dim => "2",
            Style::Lost => "31",
            Style::Again => "33",
            Style::Bold => "1",
        };
        match self.options.colours && !code.is_empty() && !text.is_empty() {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_string(),
        }
    }
}

fn style(arrow: &Arrow) -> Style {
    match (arrow.is_lost(), arrow.retransmission) {
        (true, _) => Style::Lost,
        (false, true) => Style::Again,
        (false, false) => Style::Plain,
    }
}

fn style_of_cause(arrow: &Arrow) -> Style {
    if arrow.is_lost() { Style::Lost } else { Style::Again }
}

/// As much of what a frame is stays, whatever else is said of it.
const KEPT: usize = 12;

/// Parts in a row of so many columns: the first is cut so that the others fit, down to [`KEPT`].
fn fit(parts: &[(String, Style)], room: usize) -> Vec<(String, Style)> {
    let Some(((first, style), others)) = parts.split_first() else { return Vec::new() };
    let behind: usize = others.iter().map(|(part, _)| part.width()).sum();
    let own = first.width().min(room.saturating_sub(behind).max(KEPT.min(room)));
    let mut fitted = vec![(cut(first, own), *style)];
    let mut left = room - own;
    for (part, style) in others {
        let part = cut_within(part, left);
        left -= part.width();
        fitted.push((part, *style));
    }
    fitted
}

/// How long a pause is, with three digits.
pub(super) fn in_words(nanos: i64) -> String {
    match nanos / 1_000_000 {
        0 => format!("{} µs", nanos / 1_000),
        millis @ 1..1_000 => format!("{millis} ms"),
        _ => format!("{:.1} s", nanos as f64 / 1e9),
    }
}
