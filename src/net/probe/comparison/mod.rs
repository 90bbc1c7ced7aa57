//! Two runs beside each other: what differs between them by more than chance.
//!
//! Pure, and without random numbers: the same runs give the same intervals. An interval holds the true value in 95% of all cases. It
//! rests on as many independent samples as the run is worth ([`correlated`]), since what one probe meets is much like what the
//! next one meets.

use self::correlated::inflation;
use super::stats::interval;
use crate::net::policy::neighbours::Neighbours;

pub mod correlated;
mod longest;
mod quantile;
#[cfg(test)]
mod tests;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedProbe {
    /// When it was sent, in nanoseconds.
    pub sent: i64,
    /// What became of it.
    pub end: ProbeEnd,
}

/// What became of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeEnd {
    /// A reply came so many nanoseconds later.
    Replied(i64),
    /// A reply came, but its time is not by the clock of the others.
    ReplyUntimed,
    /// None came.
    Lost,
}

/// The probes of one side, one flow after the other.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// Round-trip times in nanoseconds, in the order of sending.
    rtts: Vec<f64>,
    /// How far each is from that of the reply before it.
    differences: Vec<f64>,
    settled: u64,
    lost: u64,
    neighbours: Neighbours,
    /// The lengths of the runs of losses.
    runs: Vec<u64>,
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

impl Series {
    /// Adds the probes of one flow, in any order.
    pub fn add(&mut self, mut flow: Vec<EndedProbe>) {
        flow.sort_by_key(|probe| probe.sent);
        let mut run = 0;
        let mut last_lost = None;
        for probe in &flow {
            let lost = probe.end == ProbeEnd::Lost;
            self.neighbours = last_lost.map_or(self.neighbours, |last| self.neighbours + Neighbours::pair(last, lost));
            last_lost = Some(lost);
            self.settled += 1;
            self.lost += u64::from(lost);
            match (lost, run) {
                (true, _) => run += 1,
                (false, 0) => {}
                (false, _) => self.runs.push(std::mem::take(&mut run)),
            }
            if let ProbeEnd::Replied(rtt) = probe.end {
                self.rtts.push(rtt as f64);
            }
        }
        self.runs.extend((run > 0).then_some(run));
        self.add_differences(flow);
    }

    fn add_differences(&mut self, mut flow: Vec<EndedProbe>) {
        let rtt = |probe: &EndedProbe| match probe.end {
            ProbeEnd::Replied(rtt) => Some(rtt),
            ProbeEnd::ReplyUntimed | ProbeEnd::Lost => None,
        };
        flow.sort_by_key(|probe| probe.sent.saturating_add(rtt(probe).unwrap_or_default()));
        let mut last: Option<i64> = None;
        for rtt in flow.iter().filter_map(rtt) {
            self.differences.extend(last.map(|last| last.abs_diff(rtt) as f64));
            last = Some(rtt);
        }
    }

    /// How many probes came to an end.
    pub fn settled(&self) -> u64 {
        self.settled
    }

    /// How many of them were lost.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// How many replies have a round-trip time, and as how many independent ones they count for `metric`.
    pub fn samples(&self, metric: Metric) -> (usize, f64) {
        let count = self.rtts.len();
        let worth = metric.share().map_or(count as f64, |share| quantile::worth(&self.rtts, &self.sorted(), share));
        (count, worth)
    }

    /// Every metric with its interval, in the order of [`Metric::ALL`]; `None` where there is no data.
    pub fn estimates(&self) -> [Option<Estimate>; 6] {
        let sorted = self.sorted();
        Metric::ALL.map(|metric| match metric {
            Metric::Median | Metric::P90 | Metric::P99 => quantile::estimate(&self.rtts, &sorted, metric.share()?),
            Metric::Loss => {
                let (low, high) = interval(self.lost, self.settled, &self.neighbours)?;
                let value = self.lost as f64 / self.settled as f64;
                Some(Estimate { value, low: Some(low), high: Some(high) })
            }
            Metric::LongestLoss => (self.settled > 0).then(|| longest::estimate(&self.runs)),
            Metric::Jitter => mean(&self.differences),
        })
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.rtts.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted
    }
}

/// What both sides measured, and by how much it changed, for each metric.
pub fn compare(before: &Series, after: &Series) -> Vec<MetricChange> {
    let estimates = before.estimates().into_iter().zip(after.estimates());
    let compared = |(metric, (one, other)): (Metric, (Option<Estimate>, Option<Estimate>))| {
        let change = one.zip(other).map(|(one, other)| match metric {
            Metric::LongestLoss => longest::change((&before.runs, before.settled), (&after.runs, after.settled)),
            _ => other.since(&one),
        });
        MetricChange { metric, before: one, after: other, change }
    };
    Metric::ALL.into_iter().zip(estimates).map(compared).collect()
}

/// The mean of positive values with its interval, which reaches farther up than down, as their distribution does.
fn mean(values: &[f64]) -> Option<Estimate> {
    let n = values.len() as f64;
    let value = (n > 0.0).then(|| values.iter().sum::<f64>() / n)?;
    if value <= 0.0 || values.len() < 2 {
        return Some(Estimate { value, low: None, high: None });
    }
    let variance = values.iter().map(|one| (one - value).powi(2)).sum::<f64>() / (n - 1.0);
    let reach = (Z * (variance * inflation(values) / n).sqrt() / value).exp();
    Some(Estimate { value, low: Some(value / reach), high: Some(value * reach) })
}
