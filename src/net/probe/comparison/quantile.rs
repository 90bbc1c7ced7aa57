//! A quantile of correlated samples, with its interval.

use super::correlated::inflation;
use super::{Estimate, Z};

/// The value that `share` of `values` do not exceed (nearest rank), with its interval; `sorted` are the same values.
///
/// How many values exceed the true quantile is binomial, or wider by the [`inflation`] of "exceeds it" where values are like
/// those before them. So the ends are the values of those ranks (Woodruff 1952). The skew of the binomial distribution is
/// corrected for (Cornish and Fisher 1938); between two ranks the end is between their values.
pub(super) fn estimate(values: &[f64], sorted: &[f64], share: f64) -> Option<Estimate> {
    let value = at_share(sorted, share)?;
    let inflation = of_exceeding(values, value);
    let (worth, above) = (sorted.len() as f64 / inflation, 1.0 - share);
    let middle = worth * above + (2.0 * share - 1.0) * (Z * Z - 1.0) / 6.0;
    let reach = Z * (worth * above * share).sqrt();
    // Counted from the largest value, which is 1; a count lies between two ranks.
    let end = |count: f64| from_top(sorted, count * inflation + 0.5);
    let (low, high) = (end(middle + reach), end(middle - reach));
    Some(Estimate { value, low: low.map(|low| low.min(value)), high: high.map(|high| high.max(value)) })
}

/// As how many independent samples `values` count for this quantile.
pub(super) fn worth(values: &[f64], sorted: &[f64], share: f64) -> f64 {
    at_share(sorted, share).map_or(0.0, |value| values.len() as f64 / of_exceeding(values, value))
}

fn at_share(sorted: &[f64], share: f64) -> Option<f64> {
    let rank = (share * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank - 1).copied()
}

fn of_exceeding(values: &[f64], quantile: f64) -> f64 {
    let exceeds: Vec<f64> = values.iter().map(|value| f64::from(u8::from(*value > quantile))).collect();
    inflation(&exceeds)
}

/// The value of a rank from the top, which may lie between two; `None` beyond the largest and the smallest.
fn from_top(sorted: &[f64], rank: f64) -> Option<f64> {
    let n = sorted.len();
    if rank < 1.0 || rank > n as f64 {
        return None;
    }
    let (whole, part) = (rank.floor() as usize, rank.fract());
    let upper = sorted[n - whole];
    let lower = sorted[n - (whole + 1).min(n)];
    Some(upper + part * (lower - upper))
}
