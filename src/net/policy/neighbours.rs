//! Whether losses come in bursts: what became of probes that follow each other.

use std::ops::{Add, Sub};

/// How many numbers are remembered at the least, and at the most where some of them are not settled for long; powers of two.
const LEAST: u64 = 1024;
const MOST: u64 = 1 << 18;

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
    /// The first number that may be in flight.
    pending: u64,
    /// A bit for each number, those that are so far apart as there are bits having the same.
    settled: Vec<u64>,
    lost: Vec<u64>,
    /// The first and the last of the run of losses that was made longer last.
    run: Option<(u64, u64)>,
}

impl Default for Recent {
    fn default() -> Self {
        let none = vec![0; (LEAST / 64) as usize];
        Self { newest: 0, pending: 1, settled: none.clone(), lost: none, run: None }
    }
}

impl Recent {
    /// Enters what became of probe `number`, in whichever order probes settle; the pairs that it makes with neighbours
    /// which settled before. One that is too far behind the others makes none.
    pub fn settle(&mut self, number: u64, lost: bool) -> Neighbours {
        if number > self.newest {
            self.advance(number);
        } else if self.newest - number >= self.reach() {
            return Neighbours::default();
        }
        set(&mut self.settled, number, true);
        set(&mut self.lost, number, lost);
        while self.pending <= self.newest && is_set(&self.settled, self.pending) {
            self.pending += 1;
        }
        let before = number.checked_sub(1).and_then(|number| self.was_lost(number));
        let after = number.checked_add(1).and_then(|number| self.was_lost(number));
        let pair = |other: Option<bool>| other.map_or_else(Neighbours::default, |other| Neighbours::pair(lost, other));
        let longest_run = if lost { self.lengthen(number) } else { 0 };
        Neighbours { longest_run, ..pair(before) + pair(after) }
    }

    /// How many numbers are remembered.
    fn reach(&self) -> u64 {
        self.settled.len() as u64 * 64
    }

    /// Makes `number` the newest, with room for all that may be in flight.
    fn advance(&mut self, number: u64) {
        let wanted = (number - self.pending.min(number)).saturating_add(2).min(MOST);
        if wanted > self.reach() {
            self.grow(wanted.next_power_of_two());
        }
        let passed = (number - self.newest).min(self.reach());
        (number - passed + 1..=number).for_each(|number| set(&mut self.settled, number, false));
        self.newest = number;
        self.pending = self.pending.max(number - (self.reach() - 1).min(number));
    }

    fn grow(&mut self, reach: u64) {
        let larger = || vec![0; (reach / 64) as usize];
        let old = std::mem::replace(self, Self { settled: larger(), lost: larger(), ..*self });
        for number in old.newest - (old.reach() - 1).min(old.newest)..=old.newest {
            set(&mut self.settled, number, is_set(&old.settled, number));
            set(&mut self.lost, number, is_set(&old.lost, number));
        }
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
        let known = number <= self.newest && self.newest - number < self.reach() && is_set(&self.settled, number);
        known.then(|| is_set(&self.lost, number))
    }
}

/// The word that has the bit of `number`: their count is a power of two.
fn place(bits: &[u64], number: u64) -> usize {
    (number / 64) as usize & (bits.len() - 1)
}

fn set(bits: &mut [u64], number: u64, value: bool) {
    let place = place(bits, number);
    let (word, bit) = (&mut bits[place], 1 << (number % 64));
    *word = if value { *word | bit } else { *word & !bit };
}

fn is_set(bits: &[u64], number: u64) -> bool {
    bits[place(bits, number)] & (1 << (number % 64)) != 0
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
        assert_eq!(recent.settle(2 + MOST, true), with_run(1, Neighbours::default()));
        assert_eq!(recent.settle(3 + MOST, false), Neighbours::pair(true, false));
        assert_eq!(recent.settle(3, true), Neighbours::default());
        assert_eq!(recent.settle(u64::MAX, true), with_run(1, Neighbours::default()));
        assert_eq!(recent.settle(u64::MAX - 1, true), with_run(2, Neighbours::pair(true, true)));
        assert_eq!(recent.reach(), MOST);
    }

    #[test]
    fn what_is_in_flight_is_remembered() {
        let lost = |number: u64| number.is_multiple_of(3);
        for in_flight in [10, LEAST - 1, LEAST, 5_000, 100_000] {
            let (mut recent, mut found) = (Recent::default(), Neighbours::default());
            // Replies come at once, losses once so many later ones have been sent.
            for number in 1..=2 * in_flight {
                let settled = [(number, false), (number.saturating_sub(in_flight), true)];
                for (number, _) in settled.into_iter().filter(|(number, part)| *number > 0 && lost(*number) == *part) {
                    found = found + recent.settle(number, lost(number));
                }
            }
            let until_then = (1..in_flight).map(|number| Neighbours::pair(lost(number), lost(number + 1)));
            let pairs = until_then.fold(Neighbours::default(), |all, pair| all + pair);
            assert!(found.pairs >= pairs.pairs && found.one_lost >= pairs.one_lost, "{in_flight}: {found:?}");
            assert_eq!((found.both_lost, found.longest_run), (0, 1));
            assert!(recent.reach() <= (2 * in_flight).max(LEAST) && recent.reach() <= MOST);
        }
        // All of an outage settles late.
        let mut recent = Recent::default();
        recent.settle(50_001, false);
        let runs = (1..=50_000).map(|number| recent.settle(number, true).longest_run);
        assert_eq!(runs.max(), Some(50_000));
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
        let outage: Vec<u64> = (1..=3 * LEAST).collect();
        assert_eq!(longest(&outage), Some(3 * LEAST));
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
