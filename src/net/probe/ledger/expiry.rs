//! The pending probes by the time at which each is given up.

use std::collections::{BTreeSet, VecDeque};

use super::ProbeId;
use crate::net::time::Instant;

/// Pending probes, the first to be given up in front.
///
/// Those of a schedule mostly have their times in the order in which they were sent, and end about in that order: a queue
/// keeps them, in which an ended one stays, marked, until it comes to the front. The others are in a tree.
#[derive(Debug, Default)]
pub(super) struct Expiry {
    /// In order of time and number; the one in front is pending.
    queue: VecDeque<ExpiryEntry>,
    /// How many of the queue are pending.
    pending: usize,
    tree: BTreeSet<(Instant, ProbeId)>,
}

#[derive(Clone, Copy, Debug)]
struct ExpiryEntry {
    settle_by: Instant,
    id: ProbeId,
    ended: bool,
}

/// Ended entries that the queue may hold besides as many as are pending.
const SLACK: usize = 64;

impl Expiry {
    /// Adds a probe; numbers only grow.
    pub(super) fn insert(&mut self, settle_by: Instant, id: ProbeId) {
        if self.queue.back().is_some_and(|last| last.settle_by > settle_by) {
            self.tree.insert((settle_by, id));
            return;
        }
        if self.queue.len() > 2 * self.pending + SLACK {
            self.queue.retain(|entry| !entry.ended);
        }
        self.queue.push_back(ExpiryEntry { settle_by, id, ended: false });
        self.pending += 1;
    }

    /// Takes out a probe that was added with this time.
    pub(super) fn remove(&mut self, settle_by: Instant, id: ProbeId) {
        let place = match self.queue.front() {
            Some(first) if first.id == id => Ok(0),
            _ => self.queue.binary_search_by_key(&(settle_by, id), |entry| (entry.settle_by, entry.id)),
        };
        match place {
            Ok(place) => {
                self.queue[place].ended = true;
                self.pending -= 1;
                while self.queue.front().is_some_and(|entry| entry.ended) {
                    self.queue.pop_front();
                }
            }
            Err(_) => drop(self.tree.remove(&(settle_by, id))),
        }
    }

    /// The first to be given up, and when.
    pub(super) fn first(&self) -> Option<(Instant, ProbeId)> {
        let queued = self.queue.front().map(|entry| (entry.settle_by, entry.id));
        match self.tree.first() {
            None => queued,
            Some(&first) => Some(queued.map_or(first, |queued| queued.min(first))),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.pending + self.tree.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: i64) -> Instant {
        Instant::from_nanos(time)
    }

    /// Adds a probe for each of the times, numbered from 1.
    fn expiry(times: &[i64]) -> Expiry {
        let mut expiry = Expiry::default();
        (1..).zip(times).for_each(|(number, &time)| expiry.insert(at(time), ProbeId::from_number(number)));
        expiry
    }

    #[test]
    fn the_first_to_be_given_up_comes_first_whatever_the_order() {
        let times = [5, 5, 9, 2, 7, 9, 12, 1, 20];
        let mut left: Vec<(i64, u64)> = times.into_iter().zip(1..).collect();
        let mut expiry = expiry(&times);
        left.sort_unstable();
        while let Some((time, id)) = expiry.first() {
            assert_eq!(expiry.len(), left.len());
            let (expected, number) = left.remove(0);
            assert_eq!((time, id), (at(expected), ProbeId::from_number(number)));
            expiry.remove(time, id);
        }
        assert!(left.is_empty());
    }

    #[test]
    fn one_that_stays_pending_holds_back_no_memory() {
        let mut expiry = expiry(&[10]);
        for number in 2..100_000 {
            let (time, id) = (at(10 + number as i64), ProbeId::from_number(number));
            expiry.insert(time, id);
            expiry.remove(time, id);
        }
        assert_eq!((expiry.len(), expiry.first()), (1, Some((at(10), ProbeId::from_number(1)))));
        assert!(expiry.queue.capacity() < 1_000, "{}", expiry.queue.capacity());
    }
}
