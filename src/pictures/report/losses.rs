//! Runs of losses, in the order of sending, though rows come in the order of their ends.

use std::collections::BTreeMap;

use crate::net::policy::neighbours::Neighbours;

/// So many probes are put in order: a row may stand so many behind that of a probe that was sent later.
const WINDOW: usize = 1 << 16;

/// The losses of one target.
#[derive(Clone, Debug, Default)]
pub(super) struct Losses {
    /// Whether each was lost, by when it was sent and its number.
    waiting: BTreeMap<(i64, u64), bool>,
    last: Option<bool>,
    run: u64,
    /// How many runs there were of each length.
    pub(super) runs: BTreeMap<u64, u64>,
    pub(super) neighbours: Neighbours,
}

impl Losses {
    pub(super) fn add(&mut self, sent: i64, seq: u64, lost: bool) {
        self.waiting.insert((sent, seq), lost);
        if self.waiting.len() > WINDOW
            && let Some((_, lost)) = self.waiting.pop_first()
        {
            self.follow(lost);
        }
    }

    /// Enters what still waits: no more rows come.
    pub(super) fn finish(&mut self) {
        std::mem::take(&mut self.waiting).into_values().for_each(|lost| self.follow(lost));
        self.end_run();
    }

    fn follow(&mut self, lost: bool) {
        self.neighbours = self.last.map_or(self.neighbours, |last| self.neighbours + Neighbours::pair(last, lost));
        self.last = Some(lost);
        if lost {
            self.run += 1;
        } else {
            self.end_run();
        }
    }

    fn end_run(&mut self) {
        if self.run > 0 {
            *self.runs.entry(std::mem::take(&mut self.run)).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_in_the_order_of_sending() {
        let mut losses = Losses::default();
        // As rows come: the lost ones later.
        [0, 1, 4, 6].iter().for_each(|&n| losses.add(n, 0, false));
        [2, 3, 5, 7, 8, 9].iter().for_each(|&n| losses.add(n, 0, true));
        losses.finish();
        assert_eq!(losses.runs, BTreeMap::from([(1, 1), (2, 1), (3, 1)]));
        assert_eq!(losses.neighbours.both_lost, 3);
    }
}
