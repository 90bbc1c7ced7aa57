//! The time that frames take on a link in one direction: turn in the queue, transmission, delay and jitter. Pure.

use std::cmp::Ordering;
use std::collections::VecDeque;

use super::link::{LinkOptions, QUEUE};
use super::machine::EndId;
use crate::net::random::RandomStream;
use crate::net::time::{Duration, Instant};
use crate::net::wire::connections::Segment;

/// What a direction remembers of the frames before.
#[derive(Debug)]
pub(super) struct LaneState {
    /// When each frame that waits, or is being sent, will have left.
    leaving: VecDeque<Instant>,
    /// When the last of all arrives that may not be overtaken.
    last: Option<Instant>,
    jitter: RandomStream,
    /// How often there was a draw from it, and from that of what kernels send by themselves, which changes no other's.
    drawn: [u64; 2],
    /// How long the last one waits for its turn.
    pub(super) queued: Duration,
}

/// A frame that waits until it is due.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) due: Instant,
    /// What was given first goes first.
    pub(super) order: u64,
    /// The link, and the end it came from.
    pub(super) at: EndId,
    pub(super) then: Then,
    pub(super) bytes: Vec<u8>,
    pub(super) extra: bool,
    pub(super) comment: Option<String>,
    pub(super) segment: Option<Segment>,
}

/// What a frame does when it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It arrives at the other end of the link.
    Arrive,
    /// It goes back over the link.
    TurnBack,
    /// It comes in by the ingress.
    ComeIn,
}

impl LaneState {
    pub(super) fn new(jitter: RandomStream) -> Self {
        Self { leaving: VecDeque::new(), last: None, jitter, drawn: [0, 0], queued: Duration::ZERO }
    }

    /// When a frame of `len` bytes that comes now, from a kernel by itself or not, arrives at the other end, `by` later than
    /// others; `None` if the queue is full.
    pub(super) fn due(
        &mut self,
        options: &LinkOptions,
        now: Instant,
        (len, of_kernel): (usize, bool),
        by: Duration,
    ) -> Option<Instant> {
        let mut due = now;
        self.queued = Duration::ZERO;
        if let Some(rate) = options.rate {
            while self.leaving.front().is_some_and(|left| *left <= now) {
                self.leaving.pop_front();
            }
            if self.leaving.len() > options.queue.unwrap_or(QUEUE) {
                return None;
            }
            let start = self.leaving.back().copied().unwrap_or(now);
            self.queued = start - now;
            due = start + transmission(len, rate);
            self.leaving.push_back(due);
        } else if !self.leaving.is_empty() {
            self.leaving.clear();
        }
        let sent = due;
        due = due + options.delay + by;
        if options.jitter > Duration::ZERO {
            let drawn = &mut self.drawn[usize::from(of_kernel)];
            *drawn += 1;
            let jitter = if of_kernel { self.jitter.beneath(1) } else { self.jitter };
            due = due + options.jitter * (2.0 * jitter.draw(*drawn) - 1.0);
        }
        due = due.max(sent);
        if options.fifo {
            due = due.max(self.last.unwrap_or(due));
        }
        self.last = Some(self.last.map_or(due, |last| last.max(due)));
        Some(due)
    }

    /// How long a frame takes that meets no other: for what only seems to go over the link.
    pub(super) fn time_over(&self, options: &LinkOptions, len: usize) -> Duration {
        options.delay + options.rate.map_or(Duration::ZERO, |rate| transmission(len, rate))
    }
}

/// How long `len` bytes take at `rate` bits a second.
fn transmission(len: usize, rate: u64) -> Duration {
    let ns = len as u128 * 8 * 1_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(i64::try_from(ns).unwrap_or(i64::MAX))
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.due, self.order).cmp(&(other.due, other.order))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(us: i64) -> Instant {
        Instant::from_nanos(us * 1000)
    }

    fn us(us: i64) -> Duration {
        Duration::from_micros(us)
    }

    fn state() -> LaneState {
        LaneState::new(RandomStream::of_seed(1))
    }

    #[test]
    fn a_rate_spaces_frames_and_a_full_queue_loses_the_latest() {
        // 1250 bytes at 10 Mbit/s take a millisecond.
        let options = LinkOptions { rate: Some(10_000_000), queue: Some(2), delay: us(500), ..Default::default() };
        let mut lane = state();
        let due: Vec<Option<Instant>> =
            (0..5).map(|_| lane.due(&options, at(0), (1250, false), Duration::ZERO)).collect();
        assert_eq!(due, [Some(at(1500)), Some(at(2500)), Some(at(3500)), None, None], "one is sent and two wait");
        assert_eq!(lane.due(&options, at(1000), (1250, false), Duration::ZERO), Some(at(4500)), "the first has left");
        assert_eq!(
            lane.due(&options, at(9000), (125, false), Duration::ZERO),
            Some(at(9600)),
            "nothing waits any more"
        );
    }

    #[test]
    fn jitter_stays_in_its_bounds_and_reorders_unless_it_may_not() {
        for fifo in [false, true] {
            let options = LinkOptions { delay: us(1000), jitter: us(400), fifo, ..Default::default() };
            let mut lane = state();
            let due: Vec<Instant> =
                (0..1000).map(|n| lane.due(&options, at(n * 10), (100, false), Duration::ZERO).unwrap()).collect();
            for (n, due) in due.iter().enumerate() {
                let took = *due - at(n as i64 * 10);
                assert!(took >= us(600) && took <= us(1400), "{took}");
            }
            assert_eq!(due.is_sorted(), fifo);
        }
    }

    #[test]
    fn the_same_draws_give_the_same_delays_and_none_is_negative() {
        let options = LinkOptions { jitter: us(400), ..Default::default() };
        let run = || {
            let mut lane = state();
            (0..100).map(|n| lane.due(&options, at(n), (100, false), Duration::ZERO).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(run(), run());
        assert!(run().iter().enumerate().all(|(n, due)| *due >= at(n as i64)));
    }

    #[test]
    fn what_a_kernel_sends_changes_no_delay_of_others() {
        let options = LinkOptions { jitter: us(400), delay: us(500), ..Default::default() };
        let run = |chatty: bool| {
            let mut lane = state();
            let mut send = |n, of_kernel| lane.due(&options, at(n), (100, of_kernel), Duration::ZERO).unwrap();
            let mut due = Vec::new();
            for n in 0..100 {
                if chatty && n % 3 == 0 {
                    send(n, true);
                }
                due.push(send(n, false));
            }
            due
        };
        assert_eq!(run(true), run(false));
    }

    #[test]
    fn without_any_option_a_frame_is_due_at_once() {
        let mut lane = state();
        assert_eq!(lane.due(&LinkOptions::default(), at(7), (1500, false), Duration::ZERO), Some(at(7)));
        assert_eq!(lane.due(&LinkOptions::default(), at(7), (1500, false), us(20)), Some(at(27)), "but for a verdict");
        assert_eq!(
            lane.due(&LinkOptions::default(), at(8), (1500, false), Duration::ZERO),
            Some(at(8)),
            "which holds up no other"
        );
    }
}
