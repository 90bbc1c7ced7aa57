//! Values by how often they occur, in bounded memory.

use std::collections::BTreeMap;

/// Different values that are kept apart. Of more, neighbours are taken together.
const MOST: usize = 1 << 18;

/// Times in nanoseconds, exact up to [`MOST`] different ones.
#[derive(Clone, Debug, Default)]
pub(super) struct CountedValues {
    counts: BTreeMap<u64, u64>,
    /// How many of the lowest bits are left out.
    coarse: u32,
    count: u64,
}

impl CountedValues {
    pub(super) fn add(&mut self, value: u64) {
        self.count += 1;
        *self.counts.entry(value >> self.coarse).or_default() += 1;
        if self.counts.len() > MOST {
            self.coarsen();
        }
    }

    /// Adds those of `other`.
    pub(super) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        while self.coarse < other.coarse {
            self.coarsen();
        }
        for (value, count) in &other.counts {
            *self.counts.entry(value << other.coarse >> self.coarse).or_default() += count;
        }
        while self.counts.len() > MOST {
            self.coarsen();
        }
    }

    fn coarsen(&mut self) {
        let before = std::mem::take(&mut self.counts);
        self.coarse += 1;
        before.into_iter().for_each(|(value, count)| *self.counts.entry(value >> 1).or_default() += count);
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The value of a rank from the largest, which is 1; `None` beyond the smallest.
    pub(super) fn ranked(&self, rank: u64) -> Option<f64> {
        let mut left = rank.checked_sub(1)?;
        for (value, count) in self.descending() {
            match left.checked_sub(count) {
                Some(rest) => left = rest,
                None => return Some(value),
            }
        }
        None
    }

    /// The values from the largest on, each with how often it occurs.
    pub(super) fn descending(&self) -> impl Iterator<Item = (f64, u64)> {
        let middle = ((1_u64 << self.coarse) - 1) as f64 / 2.0;
        self.counts.iter().rev().map(move |(value, count)| ((value << self.coarse) as f64 + middle, *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_counted_from_the_largest() {
        let mut values = CountedValues::default();
        [5, 1, 5, 9].into_iter().for_each(|value| values.add(value));
        let ranked = [0, 1, 2, 3, 4, 5].map(|rank| values.ranked(rank));
        assert_eq!(ranked, [None, Some(9.0), Some(5.0), Some(5.0), Some(1.0), None]);
    }

    #[test]
    fn memory_is_bounded_and_ranks_stay_near() {
        let mut values = CountedValues::default();
        let all = 3 * MOST as u64;
        (0..all).for_each(|n| values.add(n * 7));
        assert!(values.counts.len() <= MOST, "{}", values.counts.len());
        let middle = values.ranked(all / 2).expect("a value");
        assert!((middle - all as f64 * 3.5).abs() <= 32.0, "{middle}");
    }
}
