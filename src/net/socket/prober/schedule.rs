//! What a pinger takes from the prober while it is at work there: outcomes, and how many probes are in flight.

use std::collections::VecDeque;

use super::Prober;
use crate::net::error::Result;
use crate::net::probe::ledger::ProbeId;
use crate::net::probe::outcome::{End, Outcome};
use crate::net::socket::endpoint::Endpoint;
use crate::net::socket::error_queue::one_at_a_time;

/// How many changes of pingers are remembered: for the probes that are pending, and for errors that come after their time.
const SCHEDULES: usize = 1024;

impl Prober {
    /// What becomes of a pending probe at the stop; it stays pending. `None` if it is not pending.
    pub(in crate::net) fn interrupted(&self, id: ProbeId) -> Option<Outcome> {
        Some(self.pending.get(&id)?.outcome(id, None, End::Interrupted { sent: true }))
    }

    /// The pending probes from `first` on, in the order in which they were sent.
    pub(in crate::net) fn pending_since(&self, first: ProbeId) -> VecDeque<ProbeId> {
        let mut ids: Vec<ProbeId> = self.pending.keys().copied().filter(|&id| id >= first).collect();
        ids.sort_unstable();
        ids.into()
    }

    /// Makes the pinger `id` the one at work, if none other is. What others have left in flight is not its own.
    pub(in crate::net) fn take_over(&mut self, id: u64, strays: bool) -> Result<()> {
        match self.schedule {
            Some(other) if other != id => Err(one_at_a_time("pinger")),
            Some(_) => Ok(()),
            None => {
                self.schedule = Some(id);
                self.begin_schedule(Some(id));
                self.reports_strays = strays;
                (self.first, self.older) = (self.next_number(), self.pending.len());
                self.settled.clear();
                Ok(())
            }
        }
    }

    /// Ends the work of the pinger `id`.
    pub(in crate::net) fn release(&mut self, id: u64, endpoint: &Endpoint) {
        if self.schedule == Some(id) {
            self.lose(endpoint);
            self.schedule = None;
            self.begin_schedule(None);
            self.reports_strays = false;
            self.settled.clear();
        }
    }

    /// From the next probe on they are of this pinger.
    fn begin_schedule(&mut self, id: Option<u64>) {
        let next = self.next_number();
        if self.schedules.back().is_some_and(|(first, _)| *first == next) {
            // It has sent nothing.
            self.schedules.pop_back();
        }
        if self.schedules.len() == SCHEDULES {
            self.schedules.pop_front();
        }
        self.schedules.push_back((next, id));
    }

    /// The pinger that has sent this probe.
    pub(super) fn schedule_of(&self, id: ProbeId) -> Option<u64> {
        let after = self.schedules.partition_point(|(first, _)| *first <= id.number());
        self.schedules.get(after.checked_sub(1)?)?.1
    }

    /// The next outcome, in the order in which probes were settled.
    pub(in crate::net) fn next_outcome(&mut self) -> Option<Outcome> {
        self.settled.pop_front().map(|(_, outcome)| outcome)
    }

    /// Whether an outcome is waiting to be taken.
    pub(in crate::net) fn has_outcome(&self) -> bool {
        !self.settled.is_empty()
    }

    /// How many probes of the pinger at work are pending.
    pub(in crate::net) fn in_flight(&self) -> usize {
        self.pending.len() - self.older
    }
    /// Counts moments of a schedule at which a probe was due and could not be sent.
    pub(in crate::net) fn miss(&mut self, slots: u64) {
        self.ledger.miss(slots);
    }
}
