//! Packets that are counted apart, by the probe that each is about.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::{Counts, ProbeId};

/// How many probes have counts of their own; those of the oldest are added to those of the next.
const MOST: usize = 1024;

/// Counts of packets, by the probe that they are about or, of those that name none, by the one sent last.
#[derive(Debug, Default)]
pub struct CountsByProbe(BTreeMap<ProbeId, Counts>);

impl CountsByProbe {
    /// Adds to the counts of a probe.
    pub(super) fn add(&mut self, id: ProbeId, which: impl FnOnce(&mut Counts)) {
        which(self.0.entry(id).or_default());
        while self.0.len() > MOST
            && let Some((_, oldest)) = self.0.pop_first()
            && let Some(mut next) = self.0.first_entry()
        {
            *next.get_mut() += oldest;
        }
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds all counts of others.
    pub fn merge(&mut self, others: Self) {
        others.0.into_iter().for_each(|(id, counts)| self.add(id, |own| *own += counts));
    }

    /// The counts of some probes together.
    pub fn of(&self, ids: RangeInclusive<ProbeId>) -> Counts {
        self.0.range(ids).map(|(_, counts)| *counts).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn late(of: &mut CountsByProbe, numbers: RangeInclusive<u64>) {
        numbers.for_each(|number| of.add(ProbeId::from_number(number), |counts| counts.late += 1));
    }

    fn count(of: &CountsByProbe, first: u64, last: u64) -> u64 {
        of.of(ProbeId::from_number(first)..=ProbeId::from_number(last)).late
    }

    #[test]
    fn counts_are_those_of_the_probes_asked_for_and_none_is_lost_where_there_are_many() {
        let (mut one, mut other) = (CountsByProbe::default(), CountsByProbe::default());
        late(&mut one, 1..=3);
        late(&mut one, 3..=3);
        late(&mut other, 3..=4);
        one.merge(other);
        assert_eq!([count(&one, 1, 2), count(&one, 3, 3), count(&one, 4, 9), count(&one, 5, 9)], [2, 3, 1, 0]);
        late(&mut one, 5..=5000);
        assert_eq!((count(&one, 1, 5000), count(&one, 4901, 5000), one.0.len()), (5002, 100, MOST));
    }
}
