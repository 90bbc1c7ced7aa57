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
        _ => number(runs.iter().map(|run| (run.name.as_str(), &run.all)), runs.len() == 1),
    }
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

    /// Its name, for the page.
    pub(super) fn label(&self) -> String {
        Shown(self.name).to_string()
    }

    /// What says whose a mark is; nothing where there is but one line. It is not yet escaped.
    pub(super) fn title(&self) -> String {
        if self.is_alone { String::new() } else { format!("{}: ", self.name) }
    }
}
