//! By how much a metric may rise.

use crate::net::probe::comparison::{Metric, MetricChange};
use crate::net::time::Duration;

/// How much a metric may rise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    metric: Metric,
    most: Most,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Most {
    /// A share of the value before.
    Relative(f64),
    /// In the metric's own unit: nanoseconds, the share lost, pings.
    Absolute(f64),
}

impl Limit {
    /// Reads `p99=10%`.
    ///
    /// # Errors
    /// It is no limit; the message says what one is.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, limit) =
            text.split_once('=').ok_or("a limit is a metric and by how much it may rise, as in p99=10%")?;
        let metric = Metric::ALL.into_iter().find(|metric| metric.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Metric::ALL.iter().map(|metric| metric.name()).collect();
            format!("there is no metric {name:?}; there are {}", names.join(", "))
        })?;
        let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
        let percent = limit.strip_suffix('%').and_then(number).map(|percent| percent / 100.0);
        let most = match metric {
            Metric::Loss => percent.map(Most::Absolute),
            Metric::LongestLoss => number(limit).map(Most::Absolute),
            Metric::Median | Metric::P90 | Metric::P99 | Metric::Jitter => percent.map(Most::Relative).or_else(|| {
                let time = Duration::parse(limit).filter(|time| !time.is_negative());
                time.map(|time| Most::Absolute(time.as_nanos() as f64))
            }),
        };
        let such_as = match metric {
            Metric::Loss => "points of percentage, as in loss=2%",
            Metric::LongestLoss => "a number of pings, as in longest-loss=3",
            Metric::Median | Metric::P90 | Metric::P99 | Metric::Jitter => {
                "a share or a time, as in p99=10% or p99=5ms"
            }
        };
        let most = most.ok_or_else(|| format!("{limit:?} is no limit of {name}: write {such_as}"))?;
        Ok(Self { metric, most })
    }

    /// What to say if it is exceeded, by more than chance, or could not be measured.
    pub(super) fn exceeded(&self, rows: &[MetricChange]) -> Option<String> {
        let name = self.metric.name();
        let row = rows.iter().find(|row| row.metric == self.metric);
        let Some((before, change)) = row.and_then(|row| row.before.zip(row.change)) else {
            return Some(format!("{name} has no value on one side, so that its change is not known"));
        };
        let (rise, most) = match self.most {
            Most::Relative(most) => (change.value / before.value, most),
            Most::Absolute(most) => (change.value, most),
        };
        if rise > most && change.low.is_none() {
            return Some(format!(
                "{name} rose by more than is allowed, and whether by chance could not be measured: too few pings"
            ));
        }
        (change.is_shown() && rise > most).then(|| match (self.most, self.metric) {
            (Most::Relative(_), _) => format!("{name} rose by {:.1}%, more than {}%", rise * 100.0, most * 100.0),
            (_, Metric::Loss) => format!("loss rose by {:.2} points, more than {}", rise * 100.0, most * 100.0),
            (_, Metric::LongestLoss) => format!("the longest run of losses rose by {rise}, more than {most}"),
            _ => {
                let time = |ns: f64| Duration::from_nanos(ns as i64).short();
                format!("{name} rose by {}, more than {}", time(rise), time(most))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::probe::comparison::Estimate;

    #[test]
    fn a_rise_that_may_be_chance_for_want_of_pings_is_no_pass() {
        let of = |value, low| Some(Estimate { value, low, high: Some(value + 1.0) });
        let exceeded = |value, low| {
            let row = MetricChange {
                metric: Metric::P99,
                before: of(100.0, None),
                after: of(100.0 + value, None),
                change: of(value, low),
            };
            Limit::parse("p99=10%").expect("a limit").exceeded(&[row])
        };
        assert_eq!(exceeded(5.0, None), None, "within the limit");
        assert!(exceeded(20.0, None).is_some_and(|why| why.contains("could not be measured")));
        assert_eq!(exceeded(20.0, Some(-1.0)), None, "perhaps chance, and enough pings");
        assert!(exceeded(20.0, Some(1.0)).is_some_and(|why| why.contains("rose by 20.0%")));
    }

    #[test]
    fn limits_are_read_in_the_unit_of_their_metric() {
        for (text, metric, most) in [
            ("p99=10%", Metric::P99, Most::Relative(0.1)),
            ("jitter=0.5ms", Metric::Jitter, Most::Absolute(5e5)),
            ("loss=2%", Metric::Loss, Most::Absolute(0.02)),
            ("longest-loss=3", Metric::LongestLoss, Most::Absolute(3.0)),
            ("median=0%", Metric::Median, Most::Relative(0.0)),
        ] {
            assert_eq!(Limit::parse(text), Ok(Limit { metric, most }), "{text}");
        }
        for text in
            ["p99", "p98=10%", "p99=10", "p99=-1%", "loss=0.1", "loss=5ms", "longest-loss=3%", "p99=NaN%", "=", ""]
        {
            assert!(Limit::parse(text).is_err(), "{text}");
        }
    }
}
