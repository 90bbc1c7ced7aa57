//! What was found, as a table for people and as JSON for programs.

use std::fmt::Write;

use serde::Serialize;

use super::limit::Limit;
use crate::net::probe::comparison::{Estimate, Metric, MetricChange, Series, compare};

/// One side.
#[derive(Debug)]
pub(super) struct ComparedSide {
    pub(super) files: Vec<String>,
    pub(super) series: Series,
}

/// Both sides, and what changed.
#[derive(Debug)]
pub(super) struct Comparison {
    before: ComparedSide,
    after: ComparedSide,
    clock: Option<String>,
    notes: Vec<String>,
    pub(super) rows: Vec<MetricChange>,
}

impl Comparison {
    pub(super) fn new(
        before: ComparedSide,
        after: ComparedSide,
        clock: Option<String>,
        mut notes: Vec<String>,
    ) -> Self {
        let rows = compare(&before.series, &after.series);
        notes.extend(too_few("before", &before, &rows, |row| row.before));
        notes.extend(too_few("after", &after, &rows, |row| row.after));
        Self { before, after, clock, notes, rows }
    }

    /// What is to be known of the files and of how many samples there are.
    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The table.
    pub(super) fn as_text(&self) -> String {
        let mut text = String::new();
        for (name, side) in [("before", &self.before), ("after", &self.after)] {
            let (pings, replies) = (side.series.settled(), side.series.settled() - side.series.lost());
            let _ = writeln!(text, "{name:6}  {}: {pings} pings, {replies} replies", side.files.join(", "));
        }
        if let Some(clock) = &self.clock {
            let _ = writeln!(text, "clock   {clock}");
        }
        let mut lines = vec![["", "before", "after", "  change"].map(str::to_string)];
        lines.extend(self.rows.iter().map(cells));
        let wide = |column: usize| lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
        let widths = [wide(0), wide(1), wide(2)];
        for [label, before, after, change] in &lines {
            let [first, second, third] = widths;
            let line = format!("{label:first$}   {before:second$}   {after:third$}   {change}");
            let _ = write!(text, "\n{}", line.trim_end());
        }
        text + "\n\nIn brackets: 95% intervals. ~: no change is shown, as the interval holds 0."
    }

    /// The same for programs; times in nanoseconds, the loss as a share.
    pub(super) fn as_json(&self, limits: &[Limit]) -> String {
        let side = |side: &ComparedSide| {
            let ComparedSide { files, series } = side;
            serde_json::json!({ "files": files, "settled": series.settled(), "lost": series.lost() })
        };
        let metric = |row: &MetricChange| MetricCell {
            metric: row.metric.name(),
            before: row.before.map(EstimateCell::from),
            after: row.after.map(EstimateCell::from),
            change: row.change.map(EstimateCell::from),
            shown: row.change.is_some_and(|change| change.is_shown()),
        };
        let failed: Vec<String> = limits.iter().filter_map(|limit| limit.exceeded(&self.rows)).collect();
        let value = serde_json::json!({
            "before": side(&self.before),
            "after": side(&self.after),
            "clock": self.clock,
            "metrics": self.rows.iter().map(metric).collect::<Vec<_>>(),
            "notes": self.notes,
            "failed": failed,
        });
        serde_json::to_string_pretty(&value).unwrap_or_default()
    }
}

/// A metric in JSON.
#[derive(Serialize)]
struct MetricCell {
    metric: &'static str,
    before: Option<EstimateCell>,
    after: Option<EstimateCell>,
    change: Option<EstimateCell>,
    shown: bool,
}

/// A value in JSON; an end that there are too few samples for is null.
#[derive(Serialize)]
struct EstimateCell {
    value: f64,
    low: Option<f64>,
    high: Option<f64>,
}

impl From<Estimate> for EstimateCell {
    fn from(Estimate { value, low, high }: Estimate) -> Self {
        Self { value, low, high }
    }
}

/// Says for which times a side has too few replies.
fn too_few(
    name: &str,
    side: &ComparedSide,
    rows: &[MetricChange],
    of: impl Fn(&MetricChange) -> Option<Estimate>,
) -> Option<String> {
    let is_open = |row: &&MetricChange| {
        row.metric.is_time() && of(row).is_some_and(|estimate| estimate.low.is_none() || estimate.high.is_none())
    };
    let open: Vec<Metric> = rows.iter().filter(is_open).map(|row| row.metric).collect();
    let names: Vec<&str> = open.iter().map(|metric| metric.name()).collect();
    let (count, worth) = side.series.samples(*open.last()?);
    Some(format!(
        "{name}: too few replies for the interval of {}: {count}, which say as much as {worth:.0} independent ones",
        names.join(", ")
    ))
}

/// How values of a metric are written.
struct Scale {
    unit: &'static str,
    /// What a value is divided by.
    by: f64,
    decimals: usize,
}

impl Scale {
    /// That in which `value` has four digits.
    fn of(metric: Metric, value: f64) -> Self {
        let (unit, by) = match metric {
            Metric::Loss => return Self { unit: "%", by: 0.01, decimals: 2 },
            Metric::LongestLoss => return Self { unit: "pings", by: 1.0, decimals: 0 },
            _ if value >= 1e9 => ("s", 1e9),
            _ if value >= 1e6 => ("ms", 1e6),
            _ => ("us", 1e3),
        };
        let whole = (value / by).max(1.0).log10() as usize + 1;
        Self { unit, by, decimals: 4_usize.saturating_sub(whole) }
    }

    fn show(&self, estimate: &Estimate, sign: bool) -> String {
        let number = |value: f64| {
            let (value, decimals) = (value / self.by, self.decimals);
            // Without `-0.00`.
            let value = if value.abs() < 0.5 / 10_f64.powi(decimals as i32) { 0.0 } else { value };
            if sign { format!("{value:+.decimals$}") } else { format!("{value:.decimals$}") }
        };
        let end = |end: Option<f64>| end.map_or_else(|| "NA".to_string(), number);
        format!("{} [{}, {}]", number(estimate.value), end(estimate.low), end(estimate.high))
    }
}

/// A metric's line of the table.
fn cells(row: &MetricChange) -> [String; 4] {
    let MetricChange { metric, before, after, change } = *row;
    let label = if metric == Metric::LongestLoss { "longest loss" } else { metric.name() };
    let value = |side: Option<Estimate>| side.map_or(0.0, |side| side.value);
    let scale = Scale::of(metric, value(before).max(value(after)));
    let show = |side: Option<Estimate>| side.map_or_else(|| "NA".to_string(), |side| scale.show(&side, false));
    let change = change.map_or_else(
        || "  NA".to_string(),
        |change| {
            let mark = if change.is_shown() { ' ' } else { '~' };
            let relative = match metric.is_time() && value(before) > 0.0 {
                true => format!("  {:+.1}%", change.value / value(before) * 100.0),
                false => String::new(),
            };
            format!("{mark} {}{relative}", scale.show(&change, true))
        },
    );
    [format!("{label} ({})", scale.unit), show(before), show(after), change]
}
