//! Delay variation between probes that were sent one after the other.

use crate::net::time::Duration;

/// How many numbers back a neighbour is still found when replies are reordered.
const NEIGHBOURS: usize = 64;

/// The mean of |D|, D being the difference between the round-trip times of two probes sent one after the other (RFC 3393 calls D
/// the ipdv, of one-way delays).
#[derive(Clone, Copy, Debug)]
pub struct Ipdv {
    /// The latest samples with their probes' numbers, each at its number modulo the size.
    recent: [Option<(u64, Duration)>; NEIGHBOURS],
    pairs: u64,
    sum: f64,
}

impl Default for Ipdv {
    fn default() -> Self {
        Self { recent: [None; NEIGHBOURS], pairs: 0, sum: 0.0 }
    }
}

impl Ipdv {
    /// Enters the round-trip time of probe `number`, in whichever order replies come. A lost probe breaks the row.
    pub fn record(&mut self, number: u64, rtt: Duration) {
        for neighbour in [number.checked_sub(1), number.checked_add(1)].into_iter().flatten() {
            if let Some((found, other)) = self.recent[neighbour as usize % NEIGHBOURS]
                && found == neighbour
            {
                self.pairs += 1;
                self.sum += (rtt - other).as_nanos().unsigned_abs() as f64;
            }
        }
        self.recent[number as usize % NEIGHBOURS] = Some((number, rtt));
    }

    /// Adds the pairs of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.pairs += other.pairs;
        self.sum += other.sum;
    }

    /// The mean; `None` without a pair.
    pub fn mean(&self) -> Option<Duration> {
        (self.pairs > 0).then(|| Duration::from_nanos((self.sum / self.pairs as f64).round() as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(samples: &[(u64, i64)]) -> Option<i64> {
        let mut ipdv = Ipdv::default();
        samples.iter().for_each(|(number, ns)| ipdv.record(*number, Duration::from_nanos(*ns)));
        ipdv.mean().map(Duration::as_nanos)
    }

    #[test]
    fn probes_sent_one_after_the_other_are_pairs_whatever_the_order_of_their_replies() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[(1, 100)]), None);
        assert_eq!(of(&[(1, 100), (3, 900)]), None);
        assert_eq!(of(&[(1, 100), (2, 110), (4, 900), (5, 930)]), Some(20));
        // The same place in the window is not the same number.
        assert_eq!(of(&[(1, 100), (66, 900)]), None);
        assert_eq!(of(&[(0, 100), (1, 130), (u64::MAX, 7)]), Some(30));
        for order in [[1, 2, 3, 4, 5], [1, 3, 2, 5, 4], [5, 4, 3, 2, 1]] {
            assert_eq!(of(&order.map(|number| (number, 1000 + (number * number * 10) as i64))), Some(60));
        }
        let mut merged = Ipdv::default();
        merged.record(1, Duration::from_nanos(5));
        merged.record(2, Duration::from_nanos(15));
        let copy = merged;
        merged.merge(&copy);
        assert_eq!((merged.pairs, merged.mean()), (2, Some(Duration::from_nanos(10))));
    }
}
