//! What came of a submission, in words for who has handed it in. Pure.

use super::record::GradeRecord;
use crate::net::observe::check::{CheckRow, rounded};

/// The checks that a student may see, and what the hidden ones gave together.
struct ShownChecks {
    checks: Vec<CheckRow>,
    /// How many are hidden, and their points.
    hidden: usize,
    points: [f64; 2],
}

impl ShownChecks {
    fn of(record: &GradeRecord) -> Self {
        let (hidden, checks): (Vec<&CheckRow>, Vec<&CheckRow>) = record.checks.iter().partition(|check| check.hidden);
        let sum = |of: fn(&CheckRow) -> Option<f64>| rounded(hidden.iter().filter_map(|check| of(check)).sum());
        let checks = checks.into_iter().map(CheckRow::for_student).collect();
        Self { checks, hidden: hidden.len(), points: [sum(|check| check.points), sum(|check| check.max_points)] }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.checks.iter().flat_map(|check| check.lines("")).collect();
        if self.hidden > 0 {
            let [points, most] = self.points;
            lines.push(format!("     and {} checks that are not shown: {points} of {most} points", self.hidden));
        }
        lines
    }
}

/// The text for a terminal.
pub(super) fn text(record: &GradeRecord) -> String {
    let shown = ShownChecks::of(record);
    let end = format!("{}: {}", record.title(), record.marks());
    shown.lines().into_iter().chain(record.note.clone()).chain([end]).collect::<Vec<_>>().join("\n")
}

/// The document, as Markdown.
pub(super) fn document(record: &GradeRecord) -> String {
    let shown = ShownChecks::of(record);
    let note = record.note.as_ref().map_or(String::new(), |note| format!("\n{note}\n"));
    let lines: Vec<String> =
        shown.lines().into_iter().map(|line| format!("    {line}").trim_end().to_string()).collect();
    format!(
        "# {}: {}\n{note}\n{}\n\nThe seed was {}: the same again, and the same result, comes of the same seed.\n",
        record.title(),
        record.marks(),
        lines.join("\n"),
        record.seed
    )
}
