//! Statistics of round-trip times and of loss, and the summary printed from them.
//!
//! Pure and of fixed size. Without data every value is `None`, never zero and never NaN; no value needs two passes,
//! so the number of samples is not bounded.

use std::fmt;

use hdrhistogram::Histogram;

pub use self::binomial::{binomial, binomial_terms};
pub use self::ipdv::Ipdv;
use super::ledger::Counts;
use crate::net::policy::neighbours::Neighbours;
use crate::net::time::Duration;

mod binomial;
mod histogram;
mod ipdv;

/// The longest time that percentiles report apart: an hour, in nanoseconds.
const LONGEST: u64 = 3_600_000_000_000;

/// The distribution of round-trip times.
///
/// A sample taken with a fallback clock, not the session's, is flagged ([`Rtts::record_flagged`]): it counts towards count,
/// minimum, maximum, mean and standard deviation, since the reply did come after about that time, but not in the percentiles
/// and the jitter, where it would show the change of clocks.
///
/// Percentiles come from a histogram of three significant digits from 1 ns to 1 h, times beyond being counted at its
/// ends. It takes 135,168 bytes and, with what is kept for the jitter, about 137 kB, set aside at the first sample that
/// is not flagged and never grown. One of its bins counts at most 2^32 - 1 samples.
#[derive(Clone, Debug, Default)]
pub struct Rtts {
    count: u64,
    min: Duration,
    max: Duration,
    mean: f64,
    /// The sum of squared differences from the mean, kept up to date sample by sample (Welford).
    squares: f64,
    sound: Option<Box<Sound>>,
}

impl Rtts {
    /// Enters the round-trip time of a probe, to be entered once, in the order in which the replies came. Each is paired with
    /// the one before it for the jitter. A time below zero is a fault of clocks and enters nothing.
    pub fn record(&mut self, rtt: Duration) {
        if self.take(rtt) {
            self.sound.get_or_insert_with(|| Box::new(Sound::new())).record(rtt);
        }
    }

    /// Enters a round-trip time taken with a fallback clock.
    pub fn record_flagged(&mut self, rtt: Duration) {
        if self.take(rtt)
            && let Some(sound) = &mut self.sound
        {
            sound.last = None;
        }
    }

    /// Adds the samples of `other`. Pairs are those found in each; the jitter is the mean of both, weighted by their
    /// pairs, as there is no order between them.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        (self.min, self.max) = match self.count {
            0 => (other.min, other.max),
            _ => (self.min.min(other.min), self.max.max(other.max)),
        };
        let (here, there) = (self.count as f64, other.count as f64);
        let apart = other.mean - self.mean;
        self.mean += apart * there / (here + there);
        self.squares += other.squares + apart * apart * here * there / (here + there);
        self.count += other.count;
        match (&mut self.sound, &other.sound) {
            (Some(sound), Some(other)) => sound.merge(other),
            (sound @ None, other) => sound.clone_from(other),
            (Some(_), None) => {}
        }
    }

    /// The shortest time; `None` without data.
    pub fn min(&self) -> Option<Duration> {
        self.given(self.min)
    }

    /// The longest time; `None` without data.
    pub fn max(&self) -> Option<Duration> {
        self.given(self.max)
    }

    /// The arithmetic mean, to the nearest nanosecond; `None` without data.
    pub fn mean(&self) -> Option<Duration> {
        self.given(nanos(self.mean))
    }

    /// The standard deviation of the samples as a whole population (dividing by their number), which is the `mdev` of
    /// ping(8); `None` without data, and zero for a single sample.
    pub fn stddev(&self) -> Option<Duration> {
        self.given(nanos((self.squares / self.count as f64).sqrt()))
    }

    /// The time within which `percent` of the samples lie: that of rank ⌈percent/100 · n⌉, at least the first, exact to
    /// three digits. `None` without samples that are not flagged, or if `percent` is not within 0 to 100.
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        let sound = self.sound.as_ref()?;
        (0.0..=100.0).contains(&percent).then(|| sound.percentile(percent))
    }

    /// The packet delay variation (RFC 5481, section 4.2): by how much the time within which `percent` of the samples lie is
    /// longer than the least. `None` as for [`Self::percentile`].
    pub fn pdv(&self, percent: f64) -> Option<Duration> {
        Some(self.percentile(percent)? - self.sound.as_ref()?.min)
    }

    /// The jitter of RFC 3550 section 6.4.1 (J += (|D| - J) / 16, in real numbers), D being the difference between the
    /// round-trip times of two replies that came one after the other, whatever their numbers; `None` without such a pair.
    pub fn jitter(&self) -> Option<Duration> {
        let sound = self.sound.as_ref()?;
        (sound.arrivals > 0).then(|| nanos(sound.jitter))
    }

    /// Enters what every sample has part in; false if the time is impossible.
    fn take(&mut self, rtt: Duration) -> bool {
        if rtt.is_negative() {
            return false;
        }
        (self.min, self.max) = match self.count {
            0 => (rtt, rtt),
            _ => (self.min.min(rtt), self.max.max(rtt)),
        };
        self.count += 1;
        let value = rtt.as_nanos() as f64;
        let apart = value - self.mean;
        self.mean += apart / self.count as f64;
        self.squares += apart * (value - self.mean);
        true
    }

    fn given(&self, value: Duration) -> Option<Duration> {
        (self.count > 0).then_some(value)
    }
}

/// The 95 % confidence interval of the share `lost / of`, each end 0 to 1: Wilson's score for as many independent
/// samples as these are worth. `None` if `of` is zero or less than `lost`.
///
/// Losses in bursts say less of the share than single ones: with the correlation r between neighbours, n of them are worth
/// n (1 - r) / (1 + r) (Bayley and Hammersley 1946, for a correlation that falls off as r, r², r³ …). The r of a sample
/// comes out too low, by about (1 + 4r) / n (Kendall 1954). Where neighbours differ more than by chance, as with a pattern,
/// the interval stays that of independent losses.
pub fn interval(lost: u64, of: u64, neighbours: &Neighbours) -> Option<(f64, f64)> {
    let n = of as f64;
    let r = match neighbours.correlation() {
        Some(r) if r > 0.0 => r + (1.0 + 4.0 * r) / n,
        _ => 0.0,
    };
    wilson(lost, of, (n * (1.0 - r) / (1.0 + r)).max(1.0))
}

/// Wilson's score interval of the share `lost / of`, which rests on `n` independent samples.
fn wilson(lost: u64, of: u64, n: f64) -> Option<(f64, f64)> {
    /// The normal distribution has 95 % of its mass within this many standard deviations.
    const Z: f64 = 1.959_963_984_540_054;
    if of == 0 || lost > of {
        return None;
    }
    let share = lost as f64 / of as f64;
    let scale = 1.0 + Z * Z / n;
    let centre = (share + Z * Z / (2.0 * n)) / scale;
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt() / scale;
    // The ends are exact here, but not in floating point.
    let low = if lost == 0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if lost == of { 1.0 } else { (centre + half).min(1.0) };
    Some((low, high))
}

/// The summary block at the end of a run, as its `Display`: the probes, the round-trip times and the loss in a fixed
/// form, then a line for each further count that is not zero. `NA` stands for what there is no data for. No newline at
/// the end.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a> {
    /// The account of the probes.
    pub counts: Counts,
    /// The times of those replied.
    pub rtts: &'a Rtts,
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { counts, rtts } = self;
        f.write_str("=====\nSummary:\n=====\n")?;
        if counts.replied == 0 {
            f.write_str(match (counts.late, counts.truncated, counts.corrupt, counts.unmatched) {
                (0, 0, 0, 0) => "No response received from server\n",
                (_, 0, 0, 0) => "Replies came, but too late\n",
                (0, _, 0, 0) => "Replies came, but truncated\n",
                (0, 0, _, 0) => "Replies came, but corrupt\n",
                (0, 0, 0, _) => "Replies came, but none repeats its message\n",
                _ => "Replies came, but none whole and in time\n",
            })?;
        }
        writeln!(f, "Packets Sent: {}", counts.sent)?;
        writeln!(f, "Packets Received: {}", counts.replied)?;
        for (name, time) in [("MIN", rtts.min()), ("MAX", rtts.max()), ("AVG", rtts.mean())] {
            match time {
                Some(time) => writeln!(f, "{name} RTT: {time}")?,
                None => writeln!(f, "{name} RTT: NA")?,
            }
        }
        match counts.loss() {
            Some(loss) => writeln!(f, "Loss Rate: {:.3}%", loss * 100.0)?,
            None => f.write_str("Loss Rate: NA\n")?,
        }
        for (name, count) in [
            ("Packets Pending", counts.pending()),
            ("Late Replies", counts.late),
            ("Duplicate Replies", counts.duplicate),
            ("Reordered Replies", counts.reordered),
            ("Foreign Packets", counts.foreign),
            ("Truncated Replies", counts.truncated),
            ("Corrupt Replies", counts.corrupt),
            ("Unmatched Replies", counts.unmatched),
            ("Stray ICMP Errors", counts.stray_errors),
            ("Advisory ICMP Messages", counts.advisory),
            ("Missed Slots", counts.missed_slots),
        ] {
            if count != 0 {
                writeln!(f, "{name}: {count}")?;
            }
        }
        f.write_str("=====")
    }
}

/// What rests on samples of the session's own clock alone; there is at least one.
#[derive(Clone, Debug)]
struct Sound {
    histogram: Histogram<u32>,
    min: Duration,
    max: Duration,
    /// The time of the reply that came last, pairs by arrival, and their jitter in nanoseconds.
    last: Option<Duration>,
    arrivals: u64,
    jitter: f64,
}

impl Sound {
    fn new() -> Self {
        Self {
            histogram: Histogram::new_with_bounds(1, LONGEST, 3).expect("bounds and digits are constants known to do"),
            min: Duration::MAX,
            max: Duration::ZERO,
            last: None,
            arrivals: 0,
            jitter: 0.0,
        }
    }

    fn record(&mut self, rtt: Duration) {
        self.histogram.saturating_record((rtt.as_nanos() as u64).clamp(1, LONGEST));
        self.min = self.min.min(rtt);
        self.max = self.max.max(rtt);
        if let Some(last) = self.last.replace(rtt) {
            self.arrivals += 1;
            self.jitter += (apart(rtt, last) - self.jitter) / 16.0;
        }
    }

    fn percentile(&self, percent: f64) -> Duration {
        let count = self.histogram.len() as f64;
        let rank = (percent * count / 100.0).ceil().max(1.0);
        // Half a rank below, as the quotient may come out a little above and would then be rounded to the next rank.
        let value = self.histogram.value_at_quantile((rank - 0.5) / count);
        // A bin is reported by its upper end, which may lie beyond the longest sample.
        Duration::from_nanos(value as i64).clamp(self.min, self.max)
    }

    fn merge(&mut self, other: &Self) {
        self.histogram.add(&other.histogram).expect("both have the same bounds");
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        let arrivals = self.arrivals + other.arrivals;
        if arrivals > 0 {
            let weighted = self.jitter * self.arrivals as f64 + other.jitter * other.arrivals as f64;
            self.jitter = weighted / arrivals as f64;
        }
        self.arrivals = arrivals;
    }
}

/// How far two times are apart, in nanoseconds.
fn apart(one: Duration, other: Duration) -> f64 {
    (one - other).as_nanos().unsigned_abs() as f64
}

fn nanos(ns: f64) -> Duration {
    Duration::from_nanos(ns.round() as i64)
}

#[cfg(test)]
mod interval_tests;
#[cfg(test)]
mod tests;
