//! What is to happen, in the order in which it does: by time, and of one time by the order in which it was scheduled.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::net::time::Instant;

/// How many events a run may have.
pub const MOST: u64 = 1_000_000_000;

/// How many events may be to come at one time.
const ROOM: usize = 4_000_000;

/// Events to come.
#[derive(Debug)]
pub struct EventQueue<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    scheduled: u64,
    served: u64,
    most: u64,
}

/// Why no more events are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueFull {
    /// So many are to come at one time.
    Waiting(usize),
    /// So many there were in the whole run.
    Served(u64),
}

#[derive(Debug)]
struct Entry<T> {
    at: Instant,
    number: u64,
    event: T,
}

impl<T> EventQueue<T> {
    /// A queue that gives out at most `most` events.
    pub fn new(most: u64) -> Self {
        Self { heap: BinaryHeap::new(), scheduled: 0, served: 0, most }
    }

    /// Schedules an event.
    pub fn schedule(&mut self, at: Instant, event: T) {
        self.scheduled += 1;
        self.heap.push(Reverse(Entry { at, number: self.scheduled, event }));
    }

    /// When the next event is.
    pub fn next_due(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(first)| first.at)
    }

    /// The next event, if it is due by `now`, and when it was due.
    pub fn take_due(&mut self, now: Instant) -> Option<(Instant, T)> {
        if self.next_due()? > now {
            return None;
        }
        let Reverse(Entry { at, event, .. }) = self.heap.pop()?;
        self.served += 1;
        Some((at, event))
    }

    /// Whether a bound is reached.
    pub fn is_full(&self) -> Option<QueueFull> {
        if self.served >= self.most {
            return Some(QueueFull::Served(self.most));
        }
        (self.heap.len() >= ROOM).then_some(QueueFull::Waiting(ROOM))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<T> Eq for Entry<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_in_the_order_in_which_they_were_scheduled() {
        let at = Instant::from_nanos;
        let mut queue = EventQueue::new(MOST);
        for (time, event) in [(5, "c"), (1, "a"), (5, "d"), (3, "b"), (5, "e")] {
            queue.schedule(at(time), event);
        }
        assert_eq!(queue.take_due(at(0)), None);
        let mut order = Vec::new();
        while let Some((time, event)) = queue.take_due(at(5)) {
            order.push((time.as_nanos(), event));
        }
        assert_eq!(order, [(1, "a"), (3, "b"), (5, "c"), (5, "d"), (5, "e")]);
        assert_eq!((queue.next_due(), queue.served), (None, 5));
    }

    #[test]
    fn a_run_has_a_bounded_number_of_events() {
        let mut queue = EventQueue::new(2);
        for _ in 0..2 {
            assert_eq!(queue.is_full(), None);
            queue.schedule(Instant::from_nanos(0), ());
            queue.take_due(Instant::from_nanos(0));
        }
        assert_eq!(queue.is_full(), Some(QueueFull::Served(2)));
    }
}
