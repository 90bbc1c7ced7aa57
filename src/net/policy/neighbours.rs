//! Whether losses come in bursts: what became of probes that follow each other.

use std::ops::{Add, Sub};

/// How many numbers back the neighbour of a probe is still found; a power of two.
const REACH: u64 = 4096;

/// Pairs of things that follow each other, each of which was lost or not: what distinguishes bursts from single losses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// Pairs.
    pub pairs: u64,
    /// Of these: both lost.
    pub both_lost: u64,
    /// Of these: one of the two lost.
    pub one_lost: u64,
    /// The most that follow each other and were all lost.
    pub longest_run: u64,
}

impl Neighbours {
    /// The pair of a thing and the one after it.
    pub fn pair(first_lost: bool, second_lost: bool) -> Self {
        Self {
            pairs: 1,
            both_lost: u64::from(first_lost && second_lost),
            one_lost: u64::from(first_lost != second_lost),
            longest_run: 0,
        }
    }

    /// The correlation between neighbours: 0 where losses are independent, towards 1 where they come in long bursts;
    /// `None` if all were lost, or none.
    pub fn correlation(&self) -> Option<f64> {
        let pairs = self.pairs as f64;
        let share = (self.both_lost as f64 + self.one_lost as f64 / 2.0) / pairs;
        // Pairs of which one is lost, against as many as there would be by chance.
        (share > 0.0 && share < 1.0).then(|| 1.0 - self.one_lost as f64 / (2.0 * pairs * share * (1.0 - share)))
    }
}

impl Add for Neighbours {
    type Output = Self;
    fn add(self, rhs: Self) -> Self {
        Self {
            pairs: self.pairs + rhs.pairs,
            both_lost: self.both_lost + rhs.both_lost,
            one_lost: self.one_lost + rhs.one_lost,
            longest_run: self.longest_run.max(rhs.longest_run),
        }
    }
}

impl Sub for Neighbours {
    type Output = Self;
    fn sub(self, rhs: Self) -> Self {
        Self {
            pairs: self.pairs - rhs.pairs,
            both_lost: self.both_lost - rhs.both_lost,
            one_lost: self.one_lost - rhs.one_lost,
            // How it was before does not say how long it became since.
            longest_run: self.longest_run,
        }
    }
}

/// What became of the probes with the latest numbers, for finding the neighbours of one that settles later than they did.
#[derive(Clone, Debug)]
pub struct Recent {
    newest: u64,
    settled: [u64; WORDS],
    lost: [u64; WORDS],
    /// The first and the last of the run of losses that was made longer last.
    run: Option<(u64, u64)>,
}

const WORDS: usize = (REACH / 64) as usize;

impl Default for Recent {
    fn default() -> Self {
        Self { newest: 0, settled: [0; WORDS], lost: [0; WORDS], run: None }
    }
}

impl Recent {
    /// Enters what became of probe `number`, in whichever order probes settle; the pairs that it makes with neighbours
    /// which settled before. One that is too far behind the others makes none.
    pub fn settle(&mut self, number: u64, lost: bool) -> Neighbours {
        if number > self.newest {
            let passed = (number - self.newest).min(REACH);
            (number - passed + 1..=number).for_each(|number| set(&mut self.settled, number, false));
            self.newest = number;
        } else if self.newest - number >= REACH {
            return Neighbours::default();
        }
        set(&mut self.settled, number, true);
        set(&mut self.lost, number, lost);
        let before = number.checked_sub(1).and_then(|number| self.was_lost(number));
        let after = number.checked_add(1).and_then(|number| self.was_lost(number));
        let pair = |other: Option<bool>| other.map_or_else(Neighbours::default, |other| Neighbours::pair(lost, other));
        let longest_run = if lost { self.lengthen(number) } else { 0 };
        Neighbours { longest_run, ..pair(before) + pair(after) }
    }

    /// How many were lost in a row with `number`, which was.
    fn lengthen(&mut self, number: u64) -> u64 {
        let is_lost = |number: u64| self.was_lost(number) == Some(true);
        // Losses mostly settle in their order: what is known of the run is longer than this memory may be.
        let known = self.run.filter(|(_, last)| last.checked_add(1) == Some(number));
        let back = || (0..number).rev().take_while(|number| is_lost(*number)).last();
        let first = known.map(|(first, _)| first).or_else(back).unwrap_or(number);
        let last =
            (number..self.newest).take_while(|number| is_lost(number + 1)).last().map_or(number, |last| last + 1);
        self.run = Some((first, last));
        last - first + 1
    }

    /// Whether `number` was lost; `None` if it has not settled, or that is no longer known.
    fn was_lost(&self, number: u64) -> Option<bool> {
        let known = number <= self.newest && self.newest - number < REACH && is_set(&self.settled, number);
        known.then(|| is_set(&self.lost, number))
    }
}

fn set(bits: &mut [u64; WORDS], number: u64, value: bool) {
    let (word, bit) = (&mut bits[(number / 64) as usize % WORDS], 1 << (number % 64));
    *word = if value { *word | bit } else { *word & !bit };
}

fn is_set(bits: &[u64; WORDS], number: u64) -> bool {
    bits[(number / 64) as usize % WORDS] & (1 << (number % 64)) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_found_in_whichever_order_probes_settle() {
        let lost = |number: u64| number % 7 < 2;
        let mut expected = Neighbours::default();
        (1..1000).for_each(|number| expected = expected + Neighbours::pair(lost(number), lost(number + 1)));
        expected.longest_run = 2;
        // Replies come at once, losses a thousand numbers later, and then the other way round.
        for late in [true, false] {
            let mut recent = Recent::default();
            let mut found = Neighbours::default();
            for number in 1..2000_u64 {
                for (number, part) in [(number, !late), (number.saturating_sub(999), late)] {
                    if (1..=1000).contains(&number) && lost(number) == part {
                        found = found + recent.settle(number, lost(number));
                    }
                }
            }
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_number_far_behind_or_ahead_has_no_neighbours() {
        let mut recent = Recent::default();
        let with_run = |longest_run: u64, pairs: Neighbours| Neighbours { longest_run, ..pairs };
        assert_eq!(recent.settle(1, true), with_run(1, Neighbours::default()));
        assert_eq!(recent.settle(2, true), with_run(2, Neighbours::pair(true, true)));
        assert_eq!(recent.settle(2 + REACH, true), with_run(1, Neighbours::default()));
        assert_eq!(recent.settle(3 + REACH, false), Neighbours::pair(true, false));
        assert_eq!(recent.settle(3, true), Neighbours::default());
        assert_eq!(recent.settle(u64::MAX, true), with_run(1, Neighbours::default()));
        assert_eq!(recent.settle(u64::MAX - 1, true), with_run(2, Neighbours::pair(true, true)));
    }

    #[test]
    fn the_longest_run_is_found_in_whichever_order_losses_settle() {
        let longest = |numbers: &[u64]| {
            let mut recent = Recent::default();
            numbers.iter().map(|number| recent.settle(*number, true).longest_run).max()
        };
        for numbers in [&[1, 2, 3, 4, 9][..], &[4, 3, 2, 1, 9], &[1, 3, 9, 4, 2], &[9, 2, 1, 4, 3]] {
            assert_eq!(longest(numbers), Some(4), "{numbers:?}");
        }
        let outage: Vec<u64> = (1..=3 * REACH).collect();
        assert_eq!(longest(&outage), Some(3 * REACH));
        let mut recent = Recent::default();
        for number in 1..10 {
            recent.settle(number, number.is_multiple_of(2));
        }
        assert_eq!(recent.settle(10, true).longest_run, 1);
    }

    #[test]
    fn correlation_of_bursts() {
        let of = |pairs, both_lost, one_lost| Neighbours { pairs, both_lost, one_lost, longest_run: 0 }.correlation();
        assert_eq!(of(0, 0, 0), None);
        assert_eq!(of(9, 0, 0), None);
        assert_eq!(of(9, 9, 0), None);
        assert_eq!(of(100, 50, 0), Some(1.0));
        assert_eq!(of(100, 0, 100), Some(-1.0));
        assert_eq!(of(100, 25, 50), Some(0.0));
    }
}
