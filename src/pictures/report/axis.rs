//! Axes: where a value lies, and which values are labelled.

use super::text::{count, round_time, unit};

/// What an axis shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AxisUnit {
    /// Nanoseconds.
    Time,
    /// Shares, 0 to 1.
    Share,
    /// Plain numbers.
    Number,
}

/// An axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    pub(super) is_log: bool,
    of: AxisUnit,
}

impl Axis {
    /// From `low` to `high`, or a little more where they are the same.
    pub(super) fn linear(of: AxisUnit, low: f64, high: f64) -> Self {
        let high = if high > low { high } else { low + low.abs().max(1.0) * 0.1 };
        Self { low, high, is_log: false, of }
    }

    /// As logarithms, from a little below `low` to a little above `high`.
    pub(super) fn log(of: AxisUnit, low: f64, high: f64) -> Self {
        let (low, high) = (low.max(1.0), high.max(low).max(1.0));
        let room = if high / low < 1.5 { 1.25 } else { (high / low).powf(0.04).max(1.05) };
        Self { low: low / room, high: high * room, is_log: true, of }
    }

    /// How far along a value lies, from 0 to 1.
    pub(super) fn at(&self, value: f64) -> f64 {
        let along = match self.is_log {
            true => (value.max(self.low) / self.low).ln() / (self.high / self.low).ln(),
            false => (value - self.low) / (self.high - self.low),
        };
        along.clamp(0.0, 1.0)
    }

    /// The value so far along.
    pub(super) fn value(&self, along: f64) -> f64 {
        match self.is_log {
            true => self.low * (self.high / self.low).powf(along),
            false => self.low + (self.high - self.low) * along,
        }
    }

    /// The values to label, `most` or fewer, each with its label.
    pub(super) fn ticks(&self, most: usize) -> Vec<(f64, String)> {
        match self.is_log && self.high / self.low > 8.0 {
            true => self.log_ticks(most),
            false => self.linear_ticks(most),
        }
    }

    fn log_ticks(&self, most: usize) -> Vec<(f64, String)> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let decades = || (first..=last).map(|power| 10_f64.powi(power));
        let within = |value: &f64| (self.low..=self.high).contains(value);
        let fine: Vec<f64> = decades().flat_map(|decade| [1.0, 2.0, 5.0].map(|n| n * decade)).filter(within).collect();
        let coarse: Vec<f64> = decades().filter(within).collect();
        let values = if fine.len() <= most { fine } else { coarse };
        let every = values.len().div_ceil(most).max(1);
        values.into_iter().step_by(every).map(|value| (value, self.label(value, value))).collect()
    }

    fn linear_ticks(&self, most: usize) -> Vec<(f64, String)> {
        let step = self.step((self.high - self.low) / most as f64);
        let first = (self.low / step).ceil();
        let values = (0..=most).map(|n| (first + n as f64) * step);
        values
            .filter(|value| *value <= self.high * (1.0 + 1e-9))
            .map(|value| (value, self.label(value, step)))
            .collect()
    }

    /// The least step of 1, 2, 5, 10 … that is no smaller than `least`; of minutes and more, one that people count in.
    fn step(&self, least: f64) -> f64 {
        let human =
            [30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10_800.0, 21_600.0, 43_200.0, 86_400.0];
        if self.of == AxisUnit::Time && self.high >= 120e9 {
            let found = human.iter().map(|seconds| seconds * 1e9).find(|step| *step >= least);
            return found.unwrap_or_else(|| nice(least / 86_400e9) * 86_400e9);
        }
        nice(least)
    }

    /// A value where labelled ones are `step` apart.
    fn label(&self, value: f64, step: f64) -> String {
        match self.of {
            AxisUnit::Share => {
                let decimals = (-(step * 100.0).log10().floor()).clamp(0.0, 3.0) as usize;
                format!("{:.decimals$}%", value * 100.0)
            }
            AxisUnit::Number if step >= 1.0 && value >= 0.0 => count(value.round() as u64),
            AxisUnit::Number => {
                let decimals = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
                format!("{value:.decimals$}")
            }
            AxisUnit::Time if value == 0.0 => "0".to_string(),
            AxisUnit::Time if self.is_log && step == value => round_time(value),
            AxisUnit::Time => {
                let (size, name) = unit(self.high.abs());
                let decimals = (-(step / size).log10().floor()).clamp(0.0, 3.0) as usize;
                // A step that is no power of ten of the unit needs one more.
                let exact = (value / size * 10_f64.powi(decimals as i32)).fract().abs();
                let decimals = if (0.01..0.99).contains(&exact) { decimals + 1 } else { decimals };
                format!("{:.decimals$} {name}", value / size)
            }
        }
    }
}

/// The least of 1, 2, 5, 10 … that is no smaller.
fn nice(least: f64) -> f64 {
    let power = 10_f64.powf(least.max(1e-12).log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|n| n * power).into_iter().find(|step| *step >= least * 0.999).unwrap_or(power * 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: Axis, most: usize) -> Vec<String> {
        axis.ticks(most).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn labels_are_round_and_few() {
        assert_eq!(labels(Axis::linear(AxisUnit::Time, 0.0, 9.8e9), 5), ["0", "2 s", "4 s", "6 s", "8 s"]);
        assert_eq!(labels(Axis::linear(AxisUnit::Time, 0.0, 1.1e6), 5), ["0", "0.5 ms", "1.0 ms"]);
        assert_eq!(labels(Axis::linear(AxisUnit::Time, 0.0, 3600e9), 5), ["0", "15 min", "30 min", "45 min", "60 min"]);
        let half = ["0", "0.5 min", "1.0 min", "1.5 min", "2.0 min", "2.5 min", "3.0 min"];
        assert_eq!(labels(Axis::linear(AxisUnit::Time, 0.0, 200e9), 8), half);
        assert_eq!(labels(Axis::log(AxisUnit::Time, 90e3, 40e6), 6), ["100 µs", "1 ms", "10 ms"]);
        assert_eq!(labels(Axis::log(AxisUnit::Time, 1e6, 12e6), 6), ["1 ms", "2 ms", "5 ms", "10 ms"]);
        assert_eq!(labels(Axis::linear(AxisUnit::Share, 0.0, 1.0), 5), ["0%", "20%", "40%", "60%", "80%", "100%"]);
        assert_eq!(labels(Axis::linear(AxisUnit::Number, 0.0, 3.0), 3), ["0", "1", "2", "3"]);
        // All times the same.
        assert!(labels(Axis::log(AxisUnit::Time, 10e6, 10e6), 5).len() >= 2);
        assert!(labels(Axis::linear(AxisUnit::Time, 0.0, 0.0), 5).len() >= 2);
    }

    #[test]
    fn values_lie_where_they_belong() {
        for axis in [Axis::linear(AxisUnit::Time, 0.0, 10.0), Axis::log(AxisUnit::Time, 1e3, 1e9)] {
            for along in [0.0, 0.25, 1.0] {
                assert!((axis.at(axis.value(along)) - along).abs() < 1e-9);
            }
            assert_eq!((axis.at(f64::MAX), axis.at(-1.0)), (1.0, 0.0));
        }
    }
}
