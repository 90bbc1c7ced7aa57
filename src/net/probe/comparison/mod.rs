//! Two runs beside each other: what differs between them by more than chance.
//!
//! Pure, and without random numbers: the same runs give the same intervals. An interval holds the true value in 95% of all cases. It
//! rests on as many independent samples as the run is worth (`correlated`), since what one probe meets is much like what the
//! next one meets.

pub use self::series::{Outline, Series, SeriesFlow};

mod correlated;
mod longest;
mod quantile;
mod series;
#[cfg(test)]
mod tests;
mod values;

/// The normal distribution has 95% of its mass within this many standard deviations.
const Z: f64 = 1.959_963_984_540_054;

/// What is compared. Of each, less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// The round-trip time that half of the replies did not exceed.
    Median,
    /// The one that 90% did not exceed.
    P90,
    /// The one that 99% did not exceed.
    P99,
    /// The share of probes lost.
    Loss,
    /// The longest run of losses: probes sent one after the other, all of them lost.
    LongestLoss,
    /// The mean difference between the round-trip times of replies that came one after the other.
    Jitter,
}

/// A value with its 95% interval; an end is `None` where there are too few samples for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// What was measured.
    pub value: f64,
    /// The lower end.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

/// A metric of two sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricChange {
    /// Which.
    pub metric: Metric,
    /// What it was before; `None` without data.
    pub before: Option<Estimate>,
    /// What it was after.
    pub after: Option<Estimate>,
    /// By how much it rose; `None` where a side has no data.
    pub change: Option<Estimate>,
}

/// A probe that came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EndedProbe {
    /// When it was sent, in nanoseconds.
    pub sent: i64,
    /// What became of it.
    pub end: ProbeEnd,
}

/// What became of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbeEnd {
    /// A reply came so many nanoseconds later.
    Replied(i64),
    /// A reply came, but its time is not by the clock of the others.
    ReplyUntimed,
    /// None came.
    Lost,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Median, Self::P90, Self::P99, Self::Loss, Self::LongestLoss, Self::Jitter];

    /// The name, as it is printed and written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Median => "median",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::Loss => "loss",
            Self::LongestLoss => "longest-loss",
            Self::Jitter => "jitter",
        }
    }

    /// Whether it is a time.
    pub const fn is_time(self) -> bool {
        !matches!(self, Self::Loss | Self::LongestLoss)
    }

    /// The share of replies that a quantile lies above.
    const fn share(self) -> Option<f64> {
        match self {
            Self::Median => Some(0.5),
            Self::P90 => Some(0.9),
            Self::P99 => Some(0.99),
            Self::Loss | Self::LongestLoss | Self::Jitter => None,
        }
    }
}

impl Estimate {
    /// Whether the interval leaves out zero: of a change, that there is one.
    pub fn is_shown(&self) -> bool {
        self.low.is_some_and(|low| low > 0.0) || self.high.is_some_and(|high| high < 0.0)
    }

    /// From `before` to this, both independent. The interval is made of both as that of two shares is in Newcombe 1998,
    /// method 10, which holds for other estimates too (Zou and Donner 2008): it keeps that they reach farther to one side.
    fn since(&self, before: &Self) -> Self {
        let by = self.value - before.value;
        let reach = |one: Option<f64>, other: Option<f64>| Some((one? - self.value).hypot(other? - before.value));
        Self {
            value: by,
            low: reach(self.low, before.high).map(|reach| by - reach),
            high: reach(self.high, before.low).map(|reach| by + reach),
        }
    }
}

/// What both sides measured, and by how much it changed, for each metric.
pub fn compare(before: &Series, after: &Series) -> Vec<MetricChange> {
    let estimates = before.estimates().into_iter().zip(after.estimates());
    let compared = |(metric, (one, other)): (Metric, (Option<Estimate>, Option<Estimate>))| {
        let change = one.zip(other).map(|(one, other)| match metric {
            Metric::LongestLoss => longest::change((&before.runs, before.settled()), (&after.runs, after.settled())),
            _ => other.since(&one),
        });
        MetricChange { metric, before: one, after: other, change }
    };
    Metric::ALL.into_iter().zip(estimates).map(compared).collect()
}
