//! What a script sampled over time, such as the congestion window of a connection: a chart for each value.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::axis::{Axis, AxisUnit};
use super::curve::Curve;
use super::plot::Plot;
use super::record::RunRecord;
use super::runs::{STYLES, key_list, of_runs};
use super::text::Shown;

/// So many values of a run are drawn.
const MOST: usize = 16;

/// The values of a run, each by its name.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples(Vec<(String, Curve)>);

impl Samples {
    /// Adds the values of one moment after the start.
    pub(super) fn add(&mut self, at: i64, host: Option<&str>, values: BTreeMap<String, Option<f64>>) {
        for (name, value) in values.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            let name = host.map_or_else(|| name.clone(), |host| format!("{host}: {name}"));
            let place = self.0.iter().position(|(known, _)| *known == name).unwrap_or(self.0.len());
            if place == self.0.len() && place < MOST {
                self.0.push((name, Curve::default()));
            }
            if let Some((_, curve)) = self.0.get_mut(place) {
                curve.add(at, value);
            }
        }
    }
}

/// A chart for each value; runs that have the same value lie over each other.
pub(super) fn section(runs: &[RunRecord]) -> String {
    let mut names: Vec<&String> = Vec::new();
    for (name, _) in runs.iter().flat_map(|run| &run.samples.0) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let charts: String = names.into_iter().map(|name| chart(runs, name)).collect();
    if charts.is_empty() {
        return charts;
    }
    let keys = key_list(&of_runs(runs, |run| !run.samples.0.is_empty()));
    format!("<div class=\"pair\">{charts}</div>{keys}")
}

fn chart(runs: &[RunRecord], name: &str) -> String {
    let of = |run: &'_ RunRecord| run.samples.0.iter().position(|(known, _)| known == name);
    let curves: Vec<(usize, &Curve)> =
        runs.iter().enumerate().filter_map(|(number, run)| Some((number, &run.samples.0[of(run)?].1))).collect();
    match name.strip_suffix("_ns") {
        Some(title) => draw(title, AxisUnit::Time, &curves),
        None => draw(name, AxisUnit::Number, &curves),
    }
}

/// Curves over each other, each with the number of its run.
pub(super) fn draw(title: &str, unit: AxisUnit, curves: &[(usize, &Curve)]) -> String {
    let ends = || curves.iter().filter_map(|(_, curve)| curve.ends());
    let (low, high) = (ends().map(|ends| ends.0).fold(0.0, f64::min), ends().map(|ends| ends.1).fold(0.0, f64::max));
    let last = curves.iter().map(|(_, curve)| curve.last()).max().unwrap_or_default();
    let y = Axis::linear(unit, low, low + (high - low) * 1.05);
    let mut plot = Plot::new(Axis::linear(AxisUnit::Time, 0.0, last as f64), y, 140, Vec::new());
    for (number, curve) in curves {
        plot.add(&format!("<g class=\"s{}\">", *number % STYLES));
        plot.curve("median sample-line", &curve.points(), None);
        plot.add("</g>");
    }
    let mut html = String::new();
    let _ = write!(html, "<figure><figcaption>{}</figcaption>{}</figure>", Shown(title), plot.finish(title, 5));
    html
}
