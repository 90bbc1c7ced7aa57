//! How times are spread, in bounded memory: a histogram whose buckets grow with the time.

use std::collections::BTreeMap;

/// Each power of two is divided into so many buckets: a time is known to within 0.4%.
const PARTS: u64 = 256;

/// Times in nanoseconds, counted by size.
#[derive(Clone, Debug, Default)]
pub(super) struct Spread {
    /// How many times each holds, and the largest of them.
    buckets: BTreeMap<u16, (u64, u64)>,
    count: u64,
    sum: f64,
    least: u64,
    most: u64,
}

/// The times from `low` up to below `high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bucket {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) count: u64,
    /// The largest of the times.
    most: f64,
}

impl Spread {
    pub(super) fn add(&mut self, ns: i64) {
        let ns = ns.max(0) as u64;
        self.enter(place(ns), (1, ns));
        self.least = if self.count == 0 { ns } else { self.least.min(ns) };
        self.most = self.most.max(ns);
        self.count += 1;
        self.sum += ns as f64;
    }

    fn enter(&mut self, place: u16, (count, most): (u64, u64)) {
        let bucket = self.buckets.entry(place).or_default();
        *bucket = (bucket.0 + count, bucket.1.max(most));
    }

    pub(super) fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        other.buckets.iter().for_each(|(place, bucket)| self.enter(*place, *bucket));
        self.least = if self.count == 0 { other.least } else { self.least.min(other.least) };
        self.most = self.most.max(other.most);
        self.count += other.count;
        self.sum += other.sum;
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn least(&self) -> Option<f64> {
        (self.count > 0).then_some(self.least as f64)
    }

    pub(super) fn most(&self) -> Option<f64> {
        (self.count > 0).then_some(self.most as f64)
    }

    pub(super) fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// A time that there was, and that this share of all or more did not exceed (nearest rank, but for others of its bucket).
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        if self.count == 0 || share <= 0.0 || share >= 1.0 {
            return if share < 0.5 { self.least() } else { self.most() };
        }
        let rank = ((share * self.count as f64).ceil() as u64).max(1);
        let mut below = 0;
        let reached = |bucket: &Bucket| {
            below += bucket.count;
            below >= rank
        };
        self.buckets().find(reached).map(|found| found.most)
    }

    /// The buckets that hold something, the smallest first.
    pub(super) fn buckets(&self) -> impl Iterator<Item = Bucket> {
        let bucket = |place, count, most: u64| {
            let (low, high) = ends(place);
            Bucket { low, high, count, most: most as f64 }
        };
        self.buckets.iter().map(move |(&place, &(count, most))| bucket(place, count, most))
    }
}

/// The bucket of a time.
fn place(ns: u64) -> u16 {
    if ns < PARTS {
        return ns as u16;
    }
    let shift = ns.ilog2() - PARTS.ilog2();
    (u64::from(shift) * PARTS + (ns >> shift)) as u16
}

/// The ends of the bucket that such a time is in.
pub(super) fn bucket_of(ns: f64) -> (f64, f64) {
    ends(place(ns as u64))
}

fn ends(place: u16) -> (f64, f64) {
    (start(place), start(place + 1))
}

/// The least time of a bucket.
fn start(place: u16) -> f64 {
    let place = u64::from(place);
    if place < 2 * PARTS {
        return place as f64;
    }
    let shift = place / PARTS - 1;
    (place - shift * PARTS) as f64 * 2_f64.powi(shift as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_what_is_put_into_it() {
        for ns in [0, 1, 63, 64, 127, 128, 129, 1000, 123_456_789, 1 << 40, u64::MAX / 2 - 1] {
            let (low, high) = (start(place(ns)), start(place(ns) + 1));
            assert!(low <= ns as f64 && ((ns as f64) < high || ns > 1 << 52), "{ns}: {low} {high}");
            assert!(high - low <= (low / 64.0).max(1.0), "{ns}: {low} {high}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_times() {
        let mut spread = Spread::default();
        assert_eq!((spread.quantile(0.5), spread.mean(), spread.least()), (None, None, None));
        (1..=50).for_each(|n| spread.add(n * 1000));
        let mut other = Spread::default();
        (51..=100).for_each(|n| other.add(n * 1000));
        spread.merge(&other);
        spread.merge(&Spread::default());
        assert_eq!((spread.least(), spread.most(), spread.mean()), (Some(1000.0), Some(100_000.0), Some(50_500.0)));
        for (share, exact) in [(0.0, 1000.0), (0.5, 50_000.0), (0.99, 99_000.0), (1.0, 100_000.0)] {
            let found = spread.quantile(share).expect("some");
            assert!(found >= exact && found <= exact * 1.004, "{share}: {found}");
        }
    }

    #[test]
    fn a_quantile_is_a_time_that_so_many_did_not_exceed() {
        let times = [10_020_000, 20_020_000, 35_020_000];
        let mut spread = Spread::default();
        times.iter().for_each(|ns| spread.add(*ns));
        for (share, exact) in [(0.1, 0), (1.0 / 3.0, 0), (0.5, 1), (0.6, 1), (0.9, 2), (0.99, 2)] {
            assert_eq!(spread.quantile(share), Some(times[exact] as f64), "{share}");
        }
    }
}
