//! What is kept of the probes of one side: no more of ten million than of ten thousand.
//!
//! They are entered twice, since how exceeding a quantile is correlated can be asked only once the quantile is known: first into an
//! [`Outline`], then into a [`Series`] made of it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::correlated::CorrelatedSeries;
use super::quantile::{at_share, estimate};
use super::values::CountedValues;
use super::{EndedProbe, Estimate, Metric, ProbeEnd, Z, longest};
use crate::net::policy::neighbours::Neighbours;
use crate::net::probe::stats::interval;

/// How many probes may have ended between the end of one and the end of one that was sent before it.
const WINDOW: usize = 1 << 16;

/// The metrics that are quantiles.
const QUANTILES: [Metric; 3] = [Metric::Median, Metric::P90, Metric::P99];

/// The round-trip times of one side, without their order.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    rtts: CountedValues,
}

/// The probes of one side.
#[derive(Clone, Debug)]
pub struct Series {
    rtts: CountedValues,
    /// Whether each time exceeds the quantile, for each of [`QUANTILES`].
    exceeding: [CorrelatedSeries; 3],
    quantiles: [f64; 3],
    /// How far each time is from that of the reply before it.
    differences: CorrelatedSeries,
    settled: u64,
    lost: u64,
    neighbours: Neighbours,
    /// The lengths of the runs of losses.
    pub(super) runs: CountedValues,
}

/// The probes of one flow, in the order in which they ended.
#[derive(Clone, Debug)]
pub struct SeriesFlow {
    own: Series,
    /// Those that one sent before them may still follow.
    by_sending: BinaryHeap<Reverse<(i64, u64, EndedProbe)>>,
    /// Replies that one which came before them may still follow.
    by_arrival: BinaryHeap<Reverse<(i64, u64, i64)>>,
    entered: u64,
    last_lost: Option<bool>,
    run: u64,
    last_rtt: Option<i64>,
}

impl Outline {
    /// Enters a probe.
    pub fn add(&mut self, probe: &EndedProbe) {
        if let ProbeEnd::Replied(rtt) = probe.end {
            self.rtts.add(rtt.max(0) as u64);
        }
    }

    /// Adds what is known of other probes of the same side.
    pub fn merge(&mut self, other: &Self) {
        self.rtts.merge(&other.rtts);
    }
}

impl Series {
    /// A series without probes, of which `outline` is known.
    pub fn new(outline: Outline) -> Self {
        let quantile = |metric: Metric| metric.share().and_then(|share| at_share(&outline.rtts, share));
        let quantiles = QUANTILES.map(|metric| quantile(metric).unwrap_or(f64::INFINITY));
        let empty = Self::empty(outline.rtts.count(), quantiles);
        Self { rtts: outline.rtts, ..empty }
    }

    /// One of about so many replies, with these quantiles.
    fn empty(replies: u64, quantiles: [f64; 3]) -> Self {
        Self {
            rtts: CountedValues::default(),
            exceeding: [(); 3].map(|()| CorrelatedSeries::new(replies)),
            quantiles,
            differences: CorrelatedSeries::new(replies),
            settled: 0,
            lost: 0,
            neighbours: Neighbours::default(),
            runs: CountedValues::default(),
        }
    }

    /// A flow of it, to be given back to [`Self::add`].
    pub fn flow(&self) -> SeriesFlow {
        let own = Self::empty(self.rtts.count(), self.quantiles);
        let (by_sending, by_arrival) = (BinaryHeap::new(), BinaryHeap::new());
        SeriesFlow { own, by_sending, by_arrival, entered: 0, last_lost: None, run: 0, last_rtt: None }
    }

    /// Adds a flow, which comes after those that were added before.
    pub fn add(&mut self, mut flow: SeriesFlow) {
        flow.finish();
        let own = flow.own;
        self.exceeding.iter_mut().zip(&own.exceeding).for_each(|(all, own)| all.append(own));
        self.differences.append(&own.differences);
        self.settled += own.settled;
        self.lost += own.lost;
        self.neighbours = self.neighbours + own.neighbours;
        self.runs.merge(&own.runs);
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
    pub fn samples(&self, metric: Metric) -> (u64, f64) {
        let count = self.rtts.count();
        let number = QUANTILES.iter().position(|quantile| *quantile == metric);
        (count, count as f64 / number.map_or(1.0, |number| self.exceeding[number].inflation()))
    }

    /// Every metric with its interval, in the order of [`Metric::ALL`]; `None` where there is no data.
    pub fn estimates(&self) -> [Option<Estimate>; 6] {
        let quantile =
            |number: usize| estimate(&self.rtts, self.exceeding[number].inflation(), QUANTILES[number].share()?);
        Metric::ALL.map(|metric| match metric {
            Metric::Median => quantile(0),
            Metric::P90 => quantile(1),
            Metric::P99 => quantile(2),
            Metric::Loss => {
                let (low, high) = interval(self.lost, self.settled, &self.neighbours)?;
                let value = self.lost as f64 / self.settled as f64;
                Some(Estimate { value, low: Some(low), high: Some(high) })
            }
            Metric::LongestLoss => (self.settled > 0).then(|| longest::estimate(&self.runs)),
            Metric::Jitter => mean(&self.differences),
        })
    }
}

impl SeriesFlow {
    /// Enters a probe.
    pub fn add(&mut self, probe: EndedProbe) {
        self.entered += 1;
        self.by_sending.push(Reverse((probe.sent, self.entered, probe)));
        if let ProbeEnd::Replied(rtt) = probe.end {
            self.by_arrival.push(Reverse((probe.sent.saturating_add(rtt), self.entered, rtt)));
        }
        self.take(WINDOW);
    }

    fn finish(&mut self) {
        self.take(0);
        self.end_run();
    }

    /// Enters what nothing earlier will follow, up to the last `left`.
    fn take(&mut self, left: usize) {
        while self.by_sending.len() > left
            && let Some(Reverse((.., probe))) = self.by_sending.pop()
        {
            self.take_sent(&probe);
        }
        while self.by_arrival.len() > left
            && let Some(Reverse((.., rtt))) = self.by_arrival.pop()
        {
            if let Some(last) = self.last_rtt.replace(rtt) {
                self.own.differences.add(last.abs_diff(rtt) as f64);
            }
        }
    }

    fn take_sent(&mut self, probe: &EndedProbe) {
        let lost = probe.end == ProbeEnd::Lost;
        if let Some(last) = self.last_lost.replace(lost) {
            self.own.neighbours = self.own.neighbours + Neighbours::pair(last, lost);
        }
        self.own.settled += 1;
        self.own.lost += u64::from(lost);
        match lost {
            true => self.run += 1,
            false => self.end_run(),
        }
        if let ProbeEnd::Replied(rtt) = probe.end {
            for (exceeding, quantile) in self.own.exceeding.iter_mut().zip(self.own.quantiles) {
                exceeding.add(f64::from(u8::from(rtt as f64 > quantile)));
            }
        }
    }

    fn end_run(&mut self) {
        if self.run > 0 {
            self.own.runs.add(std::mem::take(&mut self.run));
        }
    }
}

/// The mean of positive values with its interval, which reaches farther up than down, as their distribution does.
fn mean(values: &CorrelatedSeries) -> Option<Estimate> {
    let (n, value) = (values.count() as f64, values.mean());
    if n < 1.0 {
        return None;
    }
    if value <= 0.0 || n < 2.0 {
        return Some(Estimate { value, low: None, high: None });
    }
    // The variance is known as well as so many independent values show it: the first term by which Student's quantile is larger.
    let inflation = values.inflation();
    let student = Z + Z * (Z * Z + 1.0) / 4.0 / (n / inflation - 1.0).max(1.0);
    let reach = (student * (values.variance() * inflation / n).sqrt() / value).exp();
    Some(Estimate { value, low: Some(value / reach), high: Some(value * reach) })
}
