//! How much less samples say that are like those before them.

/// Longer series are taken as the means of so many batches.
const BATCHES: usize = 1 << 14;

/// The variance of the mean of `values`, in units of what it would be if they were independent; at least 1. So n of them are
/// worth n / inflation independent ones.
///
/// It is 1 + 2 (r1 + r2 + …) with the correlations at each distance, added in pairs for as long as a pair's sum is positive and none
/// is larger than the one before: Geyer's initial monotone sequence (1992), which needs no length of blocks to be chosen.
pub fn inflation(values: &[f64]) -> f64 {
    let size = values.len().div_ceil(BATCHES).max(1);
    if size == 1 {
        return of_series(values);
    }
    let means: Vec<f64> = values.chunks_exact(size).map(|batch| batch.iter().sum::<f64>() / size as f64).collect();
    let (single, batched) = (variance(values), variance(&means));
    if single > 0.0 { (of_series(&means) * batched * size as f64 / single).max(1.0) } else { 1.0 }
}

fn of_series(values: &[f64]) -> f64 {
    let n = values.len();
    let (mean, variance) = (mean(values), variance(values));
    if variance <= 0.0 {
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
