//! The runs of a report, and what of each is drawn by itself.

use super::record::RunRecord;
use super::series::PingSeries;
use super::text::Shown;

/// So many lines have a style of their own.
pub(super) const STYLES: usize = 6;

/// Pings that have a line of their own in the charts.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChartLine<'a> {
    number: usize,
    name: &'a str,
    is_alone: bool,
    pub(super) series: &'a PingSeries,
}

/// The lines of a report: of one run each target, of several runs each run.
pub(super) fn lines(runs: &[RunRecord]) -> Vec<ChartLine<'_>> {
    match runs {
        [RunRecord { targets: Some(targets), .. }] if targets.len() > 1 => {
            number(targets.iter().map(|(name, series)| (name.as_str(), series)), false)
        }
        _ if runs.iter().all(RunRecord::is_of_paths) => of_runs(runs, |_| true),
        _ => of_runs(runs, |run| !run.is_of_paths()),
    }
}

/// A line for each of those runs that `has` it, with its number among all.
pub(super) fn of_runs(runs: &[RunRecord], has: impl Fn(&RunRecord) -> bool) -> Vec<ChartLine<'_>> {
    let all = number(runs.iter().map(|run| (run.name.as_str(), &run.all)), runs.len() == 1);
    runs.iter().zip(all).filter(|(run, _)| has(run)).map(|(_, line)| line).collect()
}

/// Which line is whose, as a list beneath a chart; nothing for one line alone.
pub(super) fn key_list(lines: &[ChartLine<'_>]) -> String {
    let keys = keys(lines);
    if keys.is_empty() { keys } else { format!("<ul class=\"keys\">{keys}</ul>\n") }
}

/// The items of that list.
pub(super) fn keys(lines: &[ChartLine<'_>]) -> String {
    let lines = lines.iter().filter(|line| !line.is_alone);
    let key = |line: &ChartLine<'_>| {
        format!(
            "<li class=\"{}\"><svg width=\"28\" height=\"12\"><line class=\"sample\" x1=\"0\" x2=\"28\" y1=\"6\" y2=\"6\"/></svg> {}</li>",
            line.class(),
            line.label()
        )
    };
    lines.map(key).collect()
}

fn number<'a>(named: impl Iterator<Item = (&'a str, &'a PingSeries)>, is_alone: bool) -> Vec<ChartLine<'a>> {
    named.enumerate().map(|(number, (name, series))| ChartLine { number, name, is_alone, series }).collect()
}

/// What is said where the targets of a run are too many for a line each.
pub(super) fn of_many_targets(runs: &[RunRecord]) -> &'static str {
    match runs {
        [RunRecord { targets: None, .. }] => "<p class=\"none\">There are more than six targets: all are one line.</p>",
        _ => "",
    }
}

impl ChartLine<'_> {
    /// The class that gives it its colour and its kind of line.
    pub(super) fn class(&self) -> String {
        let alone = if self.is_alone { " alone" } else { "" };
        // Those beyond six have the colours again, with other kinds of line.
        let again = (self.number / STYLES).min(2);
        let dashes = if again > 0 { format!(" d{again}") } else { String::new() };
        format!("s{}{dashes}{alone}", self.number % STYLES)
    }

    /// Whether there is no other.
    pub(super) fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// Its name, for the page.
    pub(super) fn label(&self) -> String {
        Shown(self.name).to_string()
    }

    /// What says whose a mark is; nothing where there is but one line. It is not yet escaped.
    pub(super) fn title(&self) -> String {
        if self.is_alone { String::new() } else { format!("{}: ", self.name) }
    }
}
