//! How much less samples say that are like those before them.

/// Longer series are taken as the means of so many batches.
const BATCHES: u64 = 1 << 14;

/// A series of values, of which no more is kept than the means of batches.
#[derive(Clone, Debug)]
pub(super) struct CorrelatedSeries {
    /// How many values a batch has.
    size: u64,
    means: Vec<f64>,
    /// The sum of the values of a batch that is not full, and how many there are.
    open: (f64, u64),
    count: u64,
    mean: f64,
    /// The sum of squared differences from the mean (Welford 1962).
    squares: f64,
}

impl CorrelatedSeries {
    /// Of about `expected` values.
    pub(super) fn new(expected: u64) -> Self {
        let size = expected.div_ceil(BATCHES).max(1);
        Self { size, means: Vec::new(), open: (0.0, 0), count: 0, mean: 0.0, squares: 0.0 }
    }

    pub(super) fn add(&mut self, value: f64) {
        self.count += 1;
        let apart = value - self.mean;
        self.mean += apart / self.count as f64;
        self.squares += apart * (value - self.mean);
        self.fill((value, 1));
    }

    fn fill(&mut self, (sum, count): (f64, u64)) {
        self.open = (self.open.0 + sum, self.open.1 + count);
        if self.open.1 >= self.size {
            self.means.push(self.open.0 / self.open.1 as f64);
            self.open = (0.0, 0);
        }
    }

    /// Adds another series, which comes after this one and is of batches of the same size.
    pub(super) fn append(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        let (here, there) = (self.count as f64, other.count as f64);
        let apart = other.mean - self.mean;
        self.mean += apart * there / (here + there);
        self.squares += other.squares + apart * apart * here * there / (here + there);
        self.count += other.count;
        self.means.extend(&other.means);
        self.fill(other.open);
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn mean(&self) -> f64 {
        self.mean
    }

    /// The variance, as of a sample.
    pub(super) fn variance(&self) -> f64 {
        self.squares / (self.count as f64 - 1.0)
    }

    /// The variance of the mean, in units of what it would be if the values were independent; at least 1. So n of them are
    /// worth n / inflation independent ones.
    ///
    /// It is 1 + 2 (r1 + r2 + …) with the correlations at each distance, added in pairs for as long as a pair's sum is positive
    /// and none is larger than the one before: Geyer's initial monotone sequence (1992), which needs no length of blocks to be
    /// chosen.
    pub(super) fn inflation(&self) -> f64 {
        let of_means = of_series(&self.means);
        if self.size == 1 {
            return of_means;
        }
        let single = self.squares / self.count as f64;
        if single > 0.0 { (of_means * variance(&self.means) * self.size as f64 / single).max(1.0) } else { 1.0 }
    }
}

fn of_series(values: &[f64]) -> f64 {
    let n = values.len();
    let (mean, variance) = (mean(values), variance(values));
    // Without values it is no number.
    if variance.is_nan() || variance <= 0.0 {
        return 1.0;
    }
    let apart: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let correlation = |distance: usize| {
        let products = apart.iter().zip(&apart[distance..]).map(|(one, other)| one * other);
        products.sum::<f64>() / (n as f64 * variance)
    };
    let (mut sum, mut least) = (0.0, f64::INFINITY);
    for distance in (0..n - 1).step_by(2) {
        least = (correlation(distance) + correlation(distance + 1)).min(least);
        if least <= 0.0 {
            break;
        }
        sum += least;
    }
    (2.0 * sum - 1.0).max(1.0)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::random::RandomStream;

    #[test]
    fn a_long_series_is_kept_as_batches_and_says_as_much() {
        // Each value stands eight times in a row: eight are worth one.
        let stream = RandomStream::of_seed(1);
        let values = || (0..400_000).map(|n| stream.draw(n / 8));
        let mut long = CorrelatedSeries::new(400_000);
        values().for_each(|value| long.add(value));
        assert!(long.means.len() as u64 <= BATCHES, "{}", long.means.len());
        let mut short = CorrelatedSeries::new(16_000);
        values().take(16_000).for_each(|value| short.add(value));
        for series in [&long, &short] {
            assert!((6.0..10.0).contains(&series.inflation()), "{}", series.inflation());
        }
    }

    #[test]
    fn series_after_each_other_are_one() {
        let mut whole = CorrelatedSeries::new(40_000);
        let mut parts = CorrelatedSeries::new(40_000);
        for part in 0..2 {
            let mut own = CorrelatedSeries::new(40_000);
            for n in 0..20_001 {
                let value = f64::from((n + part) % 17);
                whole.add(value);
                own.add(value);
            }
            parts.append(&own);
        }
        assert_eq!(whole.count(), parts.count());
        assert!((whole.mean() - parts.mean()).abs() < 1e-9 && (whole.variance() - parts.variance()).abs() < 1e-6);
        assert!(whole.means.len().abs_diff(parts.means.len()) <= 1);
        assert_eq!(CorrelatedSeries::new(0).inflation(), 1.0);
    }
}
