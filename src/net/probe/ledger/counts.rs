//! The account of a ledger in numbers, which add up over several ledgers.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

use crate::net::policy::neighbours::Neighbours;

/// How many probes came to which end, and how many packets were something else.
///
/// The first four count probes, and what they leave of `sent` is pending; the others count packets and have no part in
/// the loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Probes sent.
    pub sent: u64,
    /// Probes replied to in time.
    pub replied: u64,
    /// Probes settled by an error.
    pub errored: u64,
    /// Probes given up.
    pub timed_out: u64,
    /// First replies to probes that had timed out or were errored, and any reply to a forgotten probe.
    pub late: u64,
    /// Further replies to replied probes.
    pub duplicate: u64,
    /// Replies in time to probes sent earlier than one already replied to; these are among `replied`.
    pub reordered: u64,
    /// The largest extent of these (RFC 4737, section 4.2.1): how many replies came before it, counted from the first
    /// to a probe that was sent later.
    pub reorder_extent: u64,
    /// Packets from a sender never asked, or that owes no reply.
    pub foreign: u64,
    /// Replies shorter than what was sent.
    pub truncated: u64,
    /// Replies that are damaged: as long as what was sent, with other bytes.
    pub corrupt: u64,
    /// Packets from a peer that owed a reply, which say something else than what was sent, or have a number never sent.
    pub unmatched: u64,
    /// Advisory ICMP messages, which settle nothing.
    pub advisory: u64,
    /// Errors that found no pending probe to settle.
    pub stray_errors: u64,
    /// Moments of the schedule at which a probe was due and could not be sent.
    pub missed_slots: u64,
    /// Settled probes whose numbers follow each other.
    pub neighbours: Neighbours,
}

impl Counts {
    /// Probes that came to an end.
    pub fn settled(&self) -> u64 {
        self.replied + self.lost()
    }

    /// Probes that came to an end without a reply in time.
    pub fn lost(&self) -> u64 {
        self.errored + self.timed_out
    }

    /// Probes that have not come to an end.
    pub fn pending(&self) -> u64 {
        debug_assert!(self.settled() <= self.sent, "more probes settled than sent: {self:?}");
        self.sent.saturating_sub(self.settled())
    }

    /// The share of the settled probes that were lost, 0 to 1; `None` if none is settled.
    pub fn loss(&self) -> Option<f64> {
        (self.settled() > 0).then(|| self.lost() as f64 / self.settled() as f64)
    }
}

impl Counts {
    /// Each number of both, put together by `f`; the neighbours and the extent are those of `self`.
    fn zip(self, other: Self, f: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            sent: f(self.sent, other.sent),
            replied: f(self.replied, other.replied),
            errored: f(self.errored, other.errored),
            timed_out: f(self.timed_out, other.timed_out),
            late: f(self.late, other.late),
            duplicate: f(self.duplicate, other.duplicate),
            reordered: f(self.reordered, other.reordered),
            reorder_extent: self.reorder_extent,
            foreign: f(self.foreign, other.foreign),
            truncated: f(self.truncated, other.truncated),
            corrupt: f(self.corrupt, other.corrupt),
            unmatched: f(self.unmatched, other.unmatched),
            advisory: f(self.advisory, other.advisory),
            stray_errors: f(self.stray_errors, other.stray_errors),
            missed_slots: f(self.missed_slots, other.missed_slots),
            neighbours: self.neighbours,
        }
    }
}

impl Add for Counts {
    type Output = Self;
    fn add(self, rhs: Self) -> Self {
        let reorder_extent = self.reorder_extent.max(rhs.reorder_extent);
        Self { reorder_extent, neighbours: self.neighbours + rhs.neighbours, ..self.zip(rhs, u64::add) }
    }
}

impl Sub for Counts {
    type Output = Self;
    /// What was added since `rhs`, an earlier state of the same account; the largest and the longest are those of both.
    fn sub(self, rhs: Self) -> Self {
        Self { neighbours: self.neighbours - rhs.neighbours, ..self.zip(rhs, u64::sub) }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, rhs: Self) {
        *self = *self + rhs;
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), Self::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts whose fields are all different, so that a mix-up shows.
    fn sample(scale: u64) -> Counts {
        Counts {
            sent: 100 * scale,
            replied: 61 * scale,
            errored: 2 * scale,
            timed_out: 3 * scale,
            late: 4 * scale,
            duplicate: 5 * scale,
            reordered: 6 * scale,
            reorder_extent: 3,
            foreign: 7 * scale,
            truncated: 8 * scale,
            corrupt: 9 * scale,
            unmatched: 13 * scale,
            advisory: 10 * scale,
            stray_errors: 11 * scale,
            missed_slots: 12 * scale,
            neighbours: Neighbours { pairs: 65 * scale, both_lost: scale, one_lost: 8 * scale, longest_run: 5 },
        }
    }

    #[test]
    fn derived_numbers() {
        let counts = sample(1);
        assert_eq!((counts.settled(), counts.lost(), counts.pending()), (66, 5, 34));
        assert_eq!(counts.loss(), Some(5.0 / 66.0));
    }

    #[test]
    fn nothing_settled_is_no_loss_rate() {
        assert_eq!(Counts::default().loss(), None);
        assert_eq!(Counts { sent: 3, ..Counts::default() }.loss(), None);
        assert_eq!(Counts { sent: 3, ..Counts::default() }.pending(), 3);
        assert_eq!(Counts { sent: 1, replied: 1, ..Counts::default() }.loss(), Some(0.0));
        assert_eq!(Counts { sent: 1, errored: 1, ..Counts::default() }.loss(), Some(1.0));
    }

    #[test]
    fn several_add_up_field_by_field() {
        assert_eq!([sample(1), sample(2), sample(10)].into_iter().sum::<Counts>(), sample(13));
        let mut total = sample(1);
        total += sample(4);
        assert_eq!(total, sample(5));
        assert_eq!(total - sample(4), sample(1));
        assert_eq!(std::iter::empty::<Counts>().sum::<Counts>(), Counts::default());
    }
}
