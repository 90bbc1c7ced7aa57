//! The longest of many runs of losses. It is a matter of chance more than any mean is, and says nothing by itself of how long
//! it might have been.

use super::Estimate;
use super::values::CountedValues;

/// The longest run. Were the run repeated, its longest would be shorter than the lower end in 2.5% of cases; no single run has an
/// upper end.
pub(super) fn estimate(runs: &CountedValues) -> Estimate {
    Estimate { value: ranked(runs, 1.0), low: Some(ranked(runs, rank_beyond_chance(0.5))), high: None }
}

/// By how much the longest of `after` is longer than that of `before`, each with how many probes there were.
///
/// If nothing has changed, the k longest of all runs are on one side with the k-th power of its share of the probes. So for the k at
/// which that is 2.5%, chance alone hardly leaves the longest of one side shorter than the k-th longest of the other. These are the
/// ends, for a change that makes all long runs longer by the same.
pub(super) fn change(before: (&CountedValues, u64), after: (&CountedValues, u64)) -> Estimate {
    let share = after.1 as f64 / (before.1 + after.1) as f64;
    let (longest_before, longest_after) = (ranked(before.0, 1.0), ranked(after.0, 1.0));
    Estimate {
        value: longest_after - longest_before,
        low: Some(ranked(after.0, rank_beyond_chance(share)) - longest_before),
        high: Some(longest_after - ranked(before.0, rank_beyond_chance(1.0 - share))),
    }
}

/// The k with share^k = 2.5%.
fn rank_beyond_chance(share: f64) -> f64 {
    0.025_f64.ln() / share.ln()
}

/// The length of the run of a rank, from 1, or between those of two; 0 beyond the last.
fn ranked(runs: &CountedValues, rank: f64) -> f64 {
    let rank = rank.max(1.0);
    let at = |rank: f64| runs.ranked(rank as u64).unwrap_or(0.0);
    at(rank) + rank.fract() * (at(rank + 1.0) - at(rank))
}
