//! A quantile of correlated samples, with its interval.

use super::values::CountedValues;
use super::{Estimate, Z};

/// The value that `share` of `values` do not exceed (nearest rank), with its interval; `inflation` is that of "exceeds it", in the
/// order of the samples.
///
/// How many values exceed the true quantile is binomial, or wider by the inflation where values are like those before them. So
/// the ends are the values of those ranks (Woodruff 1952). The skew of the binomial distribution is corrected for (Cornish and
/// Fisher 1938); between two ranks the end is between their values.
pub(super) fn estimate(values: &CountedValues, inflation: f64, share: f64) -> Option<Estimate> {
    let value = at_share(values, share)?;
    let (worth, above) = (values.count() as f64 / inflation, 1.0 - share);
    let middle = worth * above + (2.0 * share - 1.0) * (Z * Z - 1.0) / 6.0;
    let reach = Z * (worth * above * share).sqrt();
    // Counted from the largest value, which is 1; a count lies between two ranks.
    let end = |count: f64| between_ranks(values, count * inflation + 0.5);
    let (low, high) = (end(middle + reach), end(middle - reach));
    Some(Estimate { value, low: low.map(|low| low.min(value)), high: high.map(|high| high.max(value)) })
}

/// The value that `share` of the values do not exceed.
pub(super) fn at_share(values: &CountedValues, share: f64) -> Option<f64> {
    let rank = (share * values.count() as f64).ceil().max(1.0) as u64;
    values.ranked((values.count() + 1).checked_sub(rank)?)
}

/// The value of a rank from the top, which may lie between two; `None` beyond the largest and the smallest.
fn between_ranks(values: &CountedValues, rank: f64) -> Option<f64> {
    let count = values.count();
    if rank < 1.0 || rank > count as f64 {
        return None;
    }
    let (whole, part) = (rank.floor() as u64, rank.fract());
    let (upper, lower) = (values.ranked(whole)?, values.ranked((whole + 1).min(count))?);
    Some(upper + part * (lower - upper))
}
