//! That intervals hold the truth, that chance is seldom taken for a change, and that changes are found: on many pairs of runs
//! whose round-trip times are like those before them and whose losses come in bursts.

use super::*;
use crate::net::random::RandomStream;

/// How runs are drawn.
#[derive(Clone, Copy)]
struct Law {
    pings: u64,
    /// The correlation of neighbours.
    correlation: f64,
    /// How much longer times beyond the 95th percentile reach.
    tail: f64,
    /// The share lost.
    loss: f64,
    /// The mean length of a burst.
    burst: f64,
}

const LAW: Law = Law { pings: 2000, correlation: 0.6, tail: 1.0, loss: 0.05, burst: 4.0 };

/// The logarithms of times have this standard deviation.
const SPREAD: f64 = 0.3;
/// The normal distribution has so much of its mass below.
const Z90: f64 = 1.281_552;
const Z95: f64 = 1.644_854;
const Z99: f64 = 2.326_348;

impl Law {
    /// The true value.
    fn truth(&self, metric: Metric) -> f64 {
        match metric {
            Metric::Median => 1e6,
            Metric::P90 => self.time(Z90),
            Metric::P99 => self.time(Z99),
            Metric::Loss => self.loss,
            Metric::LongestLoss | Metric::Jitter => f64::NAN,
        }
    }

    /// The time of so many standard deviations.
    fn time(&self, deviations: f64) -> f64 {
        let time = |deviations: f64| 1e6 * (SPREAD * deviations).exp();
        let beyond = time(deviations) - time(Z95);
        if beyond > 0.0 { time(Z95) + beyond * self.tail } else { time(deviations) }
    }

    /// The same with p99 longer by `share`.
    fn with_p99_longer(self, share: f64) -> Self {
        let (from, to) = (self.time(Z99) - self.time(Z95), self.time(Z99) * (1.0 + share) - self.time(Z95));
        Self { tail: to / from, ..self }
    }

    /// A run of it.
    fn draw(&self, seed: u64) -> Series {
        let stream = RandomStream::of_seed(seed);
        let (mut state, mut in_burst) = (normal(stream, 0), false);
        let begins = self.loss / (1.0 - self.loss) / self.burst;
        let probe = |number: u64| {
            let draw = stream.draw(3 * number + 1);
            in_burst = draw < if in_burst { 1.0 - 1.0 / self.burst } else { begins };
            let new = (1.0 - self.correlation * self.correlation).sqrt() * normal(stream, number);
            state = self.correlation * state + new;
            let end = if in_burst { ProbeEnd::Lost } else { ProbeEnd::Replied(self.time(state) as i64) };
            EndedProbe { sent: number as i64 * 10_000_000, end }
        };
        series_of(&[(1..=self.pings).map(probe).collect()])
    }
}

/// The series of these flows.
fn series_of(flows: &[Vec<EndedProbe>]) -> Series {
    let mut outline = Outline::default();
    flows.iter().flatten().for_each(|probe| outline.add(probe));
    let mut series = Series::new(outline);
    for probes in flows {
        let mut flow = series.flow();
        probes.iter().for_each(|probe| flow.add(*probe));
        series.add(flow);
    }
    series
}

/// A draw of the normal distribution (Box and Muller 1958).
fn normal(stream: RandomStream, number: u64) -> f64 {
    let (one, other) = (1.0 - stream.draw(3 * number + 2), stream.draw(3 * number + 3));
    (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos()
}

/// For each metric, of how many of `pairs` pairs a change was shown, and how many intervals of the runs held the truth.
fn shown_and_held(before: Law, after: Law, pairs: u64) -> [(Metric, u64, u64); 6] {
    let mut sums = Metric::ALL.map(|metric| (metric, 0, 0));
    for seed in 0..pairs {
        let compared = compare(&before.draw(2 * seed), &after.draw(2 * seed + 1));
        for (sum, compared) in sums.iter_mut().zip(compared) {
            let holds = |one: Option<Estimate>, truth: f64| {
                let one = one.expect("data");
                u64::from(one.low.is_some_and(|low| low <= truth) && one.high.is_some_and(|high| truth <= high))
            };
            sum.1 += u64::from(compared.change.expect("data").is_shown());
            sum.2 += holds(compared.before, before.truth(sum.0)) + holds(compared.after, after.truth(sum.0));
        }
    }
    sums
}

#[test]
fn chance_is_taken_for_a_change_in_one_of_twenty_pairs_and_intervals_hold_the_truth() {
    for (metric, shown, held) in shown_and_held(LAW, LAW, 1000) {
        let of_truth =
            (!LAW.truth(metric).is_nan()).then(|| format!(", {:.1}% of intervals hold the truth", held as f64 / 20.0));
        println!("{:<12} a change in {:.1}%{}", metric.name(), shown as f64 / 10.0, of_truth.unwrap_or_default());
        assert!((30..=70).contains(&shown), "{metric:?}: a change in {shown} of 1000 pairs that are alike");
        if !LAW.truth(metric).is_nan() {
            assert!((1860..=1940).contains(&held), "{metric:?}: {held} of 2000 intervals hold the truth");
        }
    }
}

#[test]
fn a_longer_p99_and_more_loss_are_found() {
    let before = Law { pings: 4000, loss: 0.02, burst: 1.1, ..LAW };
    let after = Law { loss: 0.05, ..before }.with_p99_longer(0.2);
    for (metric, shown, _) in shown_and_held(before, after, 100) {
        let expected = match metric {
            Metric::P99 | Metric::Loss => 95..=100,
            Metric::Median | Metric::P90 => 0..=12,
            Metric::LongestLoss | Metric::Jitter => 0..=100,
        };
        println!("{:<12} a change in {shown} of 100", metric.name());
        assert!(expected.contains(&shown), "{metric:?}: a change in {shown} of 100 pairs");
    }
}
