//! What came of all submissions, in lines for the teacher. Pure.

use super::record::GradeRecord;
use crate::net::observe::check::rounded;

/// What became of a check over all submissions.
#[derive(Debug, Default)]
struct ClassCounts {
    title: String,
    full: usize,
    part: usize,
    none: usize,
    void: usize,
}

/// The lines; so many were `kept` from before.
pub(super) fn lines(records: &[GradeRecord], kept: usize) -> Vec<String> {
    let mut points: Vec<f64> = records.iter().map(|record| record.points).collect();
    points.sort_by(f64::total_cmp);
    let most = records.iter().map(|record| record.max_points).fold(0.0, f64::max);
    let mean = points.iter().sum::<f64>() / points.len().max(1) as f64;
    let median = match points.len() {
        0 => 0.0,
        count if count % 2 == 1 => points[count / 2],
        count => (points[count / 2 - 1] + points[count / 2]) / 2.0,
    };
    let kept = if kept > 0 { format!(" ({kept} judged before)") } else { String::new() };
    let full = records.iter().filter(|record| record.is_full()).count();
    let mut lines = vec![
        String::new(),
        format!(
            "{} submissions{kept}: mean {}, median {} of {most} points; {full} with full marks",
            records.len(),
            rounded(mean),
            rounded(median)
        ),
        "  full  part  none  not judged".to_string(),
    ];
    lines.extend(counts(records).iter().map(|counts| {
        let ClassCounts { title, full, part, none, void } = counts;
        format!("  {full:>4}  {part:>4}  {none:>4}  {void:>10}  {title}")
    }));
    lines
}

/// Each check, in the order in which they came first.
fn counts(records: &[GradeRecord]) -> Vec<ClassCounts> {
    let mut all: Vec<ClassCounts> = Vec::new();
    for check in records.iter().flat_map(|record| &record.checks) {
        let title = check.title();
        let at = all.iter().position(|counts| counts.title == title).unwrap_or_else(|| {
            all.push(ClassCounts { title, ..ClassCounts::default() });
            all.len() - 1
        });
        let counts = &mut all[at];
        match (check.passed, check.points) {
            (None, _) => counts.void += 1,
            (Some(true), _) => counts.full += 1,
            (Some(false), Some(points)) if points > 0.0 => counts.part += 1,
            (Some(false), _) => counts.none += 1,
        }
    }
    all
}
