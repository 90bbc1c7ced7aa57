//! The longest of many runs of losses. It is a matter of chance more than any mean is, and says nothing by itself of how long
//! it might have been.

use std::collections::{BTreeMap, BTreeSet};

use super::Estimate;
use super::values::CountedValues;
use crate::net::probe::stats::binomial_terms;

/// So likely it is by chance that what is counted lies beyond one end of an interval.
const TAIL: f64 = 0.025;

/// What is less likely than this changes no end of an interval.
const NEGLIGIBLE: f64 = 1e-9;

/// The runs of losses of one side, and how many probes there were.
pub(super) type SideRuns<'a> = (&'a CountedValues, u64);

/// The longest run. Were the run repeated, its longest would be shorter than the lower end in 2.5% of cases; no single run has an
/// upper end.
pub(super) fn estimate(runs: &CountedValues) -> Estimate {
    // The k longest of two equal runs are on one side with a chance of one in two to the power of k.
    let rank = TAIL.ln() / 0.5_f64.ln();
    let at = |rank: f64| runs.ranked(rank as u64).unwrap_or(0.0);
    let low = at(rank) + rank.fract() * (at(rank + 1.0) - at(rank));
    Estimate { value: longest(runs) as f64, low: Some(low), high: None }
}

/// By how much the longest of `after` is longer than that of `before`, with the changes that chance does not rule out: all long runs
/// are then longer by the same.
pub(super) fn change(before: SideRuns<'_>, after: SideRuns<'_>) -> Estimate {
    let value = (longest(after.0) - longest(before.0)) as f64;
    let (low, high) = (least_rise(before, after), -least_rise(after, before));
    Estimate { value, low: Some(low as f64), high: Some(high as f64) }
}

fn longest(runs: &CountedValues) -> i64 {
    runs.descending().next().map_or(0, |(length, _)| length as i64)
}

/// The least rise from `before` to `after` that chance does not rule out.
fn least_rise(before: SideRuns<'_>, after: SideRuns<'_>) -> i64 {
    let (longest_before, longest_after) = (longest(before.0), longest(after.0));
    let share = after.1 as f64 / (before.1 + after.1) as f64;
    let likelihood = |rise: i64| likelihood(before.0, after.0, share, rise);
    let (mut out, mut within) = (-longest_before, longest_after - longest_before);
    // Whether there is a change at all is asked first: likelihoods need not grow with each step.
    if (out..within).contains(&0) {
        let place = if likelihood(0) < TAIL { &mut out } else { &mut within };
        *place = 0;
    }
    if likelihood(out) >= TAIL {
        return out;
    }
    while within - out > 1 {
        let middle = out + (within - out) / 2;
        let place = if likelihood(middle) < TAIL { &mut out } else { &mut within };
        *place = middle;
    }
    within
}

/// How likely it is that chance alone puts the long runs on the side of `after` as much as they are, or more, if those are longer
/// by `rise`: each run is on that side with a likelihood of `share`.
///
/// What is asked is on which side the longest is, and after it the next, as in a dictionary; of runs that are equally long, how many
/// are there. So what is as much as observed is hardly ever likely by itself; it counts by half (the mid-p of Lancaster 1961).
/// Otherwise the few lengths that there are would have changes shown too seldom.
fn likelihood(before: &CountedValues, after: &CountedValues, share: f64, rise: i64) -> f64 {
    // Shorter ones are none, on either side.
    let shortest = 1.max(1 - rise);
    let of = |runs: &CountedValues, less: i64| -> BTreeMap<i64, u64> {
        let counted = runs.descending().map(|(length, count)| (length as i64 - less, count));
        counted.take_while(|(length, _)| *length >= shortest).collect()
    };
    let (before, after) = (of(before, 0), of(after, rise));
    let lengths: BTreeSet<i64> = before.keys().chain(after.keys()).copied().collect();
    // That chance does more than was observed, and that it does the same, as far as has been looked at.
    let (mut more, mut same) = (0.0, 1.0);
    for length in lengths.into_iter().rev() {
        let [here, there] = [&before, &after].map(|runs| runs.get(&length).copied().unwrap_or(0));
        let (fewer, as_many) = binomial_terms(here + there, 1.0 - share, here);
        more += same * fewer;
        same *= as_many;
        if same < NEGLIGIBLE {
            break;
        }
    }
    more + same / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::random::RandomStream;

    fn runs(lengths: &[u64]) -> CountedValues {
        let mut runs = CountedValues::default();
        lengths.iter().for_each(|length| runs.add(*length));
        runs
    }

    fn changed(before: &[u64], after: &[u64]) -> (f64, f64, f64) {
        let Estimate { value, low, high } = change((&runs(before), 1000), (&runs(after), 1000));
        (value, low.expect("an end"), high.expect("an end"))
    }

    #[test]
    fn a_change_is_shown_where_the_long_runs_are_all_on_one_side() {
        assert_eq!(changed(&[], &[]), (0.0, 0.0, 0.0));
        // Six longer ones have a chance of 1 in 64 to be all on this side, and on which the next ones are matters little.
        let (value, low, high) = changed(&[2, 1, 1], &[9, 9, 8, 8, 7, 7, 1]);
        assert_eq!((value, low), (7.0, 5.0));
        assert!(high >= 7.0, "{high}");
        // The same in the other direction, and no change where there are two.
        assert_eq!(changed(&[9, 9, 8, 8, 7, 7, 1], &[2, 1, 1]), (-value, -high, -low));
        let (value, low, high) = changed(&[4, 2, 1], &[5, 5, 3, 2]);
        assert!(value == 1.0 && low < 0.0 && high > 0.0, "{low} {high}");
        // What is equally long is no change, however many there are.
        assert_eq!(changed(&[1], &[1; 40]), (0.0, 0.0, 1.0));
    }

    #[test]
    fn chance_is_taken_for_a_change_in_one_of_twenty_pairs_whatever_lengths_there_are() {
        // Of 2,000 probes: the share that begins a loss, and the likelihood that it goes on.
        for (number, (begins, goes_on)) in [(0.005, 0.5), (0.013, 0.75), (0.2, 0.2)].into_iter().enumerate() {
            let draw = |pair: u64| {
                let stream = RandomStream::of_seed(1000 * number as u64 + 7_777_777 + pair);
                let (mut lengths, mut length) = (Vec::new(), 0);
                for probe in 0..2000 {
                    match stream.draw(probe) < if length > 0 { goes_on } else { begins } {
                        true => length += 1,
                        false => lengths.extend(Some(std::mem::take(&mut length)).filter(|length| *length > 0)),
                    }
                }
                runs(&lengths)
            };
            let is_shown = |pair: &u64| change((&draw(2 * pair), 2000), (&draw(2 * pair + 1), 2000)).is_shown();
            let shown = (0..1000).filter(is_shown).count();
            println!(
                "losses that begin at {begins} of probes and go on at {goes_on}: a change in {:.1}%",
                shown as f64 / 10.0
            );
            assert!((30..=70).contains(&shown), "{shown} of 1000 pairs that are alike, {begins} {goes_on}");
        }
    }
}
