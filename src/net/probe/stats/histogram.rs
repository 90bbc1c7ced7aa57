//! A small histogram as text.

use std::fmt::Write;

use super::Rtts;
use crate::net::time::Duration;

/// Lines.
const LINES: usize = 12;

/// Columns of the longest bar.
const BAR: u64 = 40;

impl Rtts {
    /// How the times are spread, a line for each of twelve ranges from the least to the longest, each as many times longer than
    /// the one before, in nanoseconds where microseconds are too coarse; empty without data. Flagged samples are left out.
    pub fn histogram(&self) -> String {
        let Some(sound) = &self.sound else { return String::new() };
        let (least, most) = (sound.min.as_nanos().max(1) as f64, sound.max.as_nanos().max(1) as f64);
        let step = (most / least).ln() / LINES as f64;
        let mut counts = vec![0_u64; if step > 0.0 { LINES } else { 1 }];
        let last = counts.len() - 1;
        for bin in sound.histogram.iter_recorded() {
            let above = (bin.value_iterated_to() as f64).clamp(least, most) / least;
            let line = if step > 0.0 { (above.ln() / step) as usize } else { 0 };
            counts[line.min(last)] += bin.count_since_last_iteration();
        }
        let bound = |line: usize| (least * (step * line as f64).exp()).round() as i64;
        let mut bounds: Vec<String> =
            (0..=counts.len()).map(|line| Duration::from_nanos(bound(line)).to_string()).collect();
        if step > 0.0 && bounds.windows(2).any(|pair| pair[0] == pair[1]) {
            bounds = (0..=counts.len()).map(|line| format!("{:.6}ms", bound(line) as f64 / 1e6)).collect();
        }
        let width = bounds.iter().map(String::len).max().unwrap_or(0);
        let most = counts.iter().max().copied().unwrap_or(0).max(1);
        let mut text = String::new();
        for (line, count) in counts.iter().enumerate() {
            let bar = "#".repeat((count * BAR).div_ceil(most) as usize);
            let (from, to) = (&bounds[line], &bounds[line + 1]);
            let _ = writeln!(text, "{}", format!("{from:>width$} to {to:>width$} {count:>7} {bar}").trim_end());
        }
        text.pop();
        text
    }
}
