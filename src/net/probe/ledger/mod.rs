//! The probe ledger: what became of every probe, and of every packet that came back.
//!
//! A pure state machine, one for a socket or a session: it does no I/O and reads no clock; sends and events may be
//! entered in any order, with their times. Its contract:
//!
//! - A probe is pending until it is replied, errored or timed out, and is then settled for good: what arrives later
//!   changes counts of packets, never the state of a probe. So `sent = replied + errored + timed out + pending`, always.
//! - Whether a packet is in time goes by its own stamp against the probe's deadlines, however late it is entered,
//!   as long as the probe has not been settled: enter what has already arrived before calling [`Ledger::expire`].
//! - Pending probes are never forgotten (interrupted ones simply stay so); of the settled ones the last [`REMEMBERED`]
//!   are, unless fewer are asked for. By then a ledger takes about 25 MB, and no more after ten million probes.
//! - Every operation takes constant time, or the logarithm of the number of pending probes.

use std::net::SocketAddr;

use crate::net::policy::neighbours::Recent;
use crate::net::time::{Duration, Instant};
use crate::net::wire::content::Content;
use expiry::Expiry;
use store::{SlotIndex, Store};

pub use apart::CountsByProbe;
pub use arrival::{Arrival, Blame, ErrorArrival, Fault, Stray};
pub use counts::Counts;
pub(in crate::net) use mixer::Mixed;
pub use record::{Key, ProbeId, Record, State};

mod apart;
mod arrival;
mod counts;
mod expiry;
mod mixer;
mod peers;
mod record;
mod store;

/// How many settled probes are remembered, the latest to settle. A reply to an older one can no longer be distinguished from a
/// late one and is counted as that.
pub const REMEMBERED: usize = 65_536;

/// The account of all probes sent from one socket or in one session.
#[derive(Debug)]
pub struct Ledger {
    store: Store,
    /// Each pending probe by the time at which it is given up.
    expiry: Expiry,
    /// The number of the newest probe; the first is 1.
    newest: u64,
    counts: Counts,
    /// What was counted apart since it was last taken.
    apart: CountsByProbe,
    recent: Recent,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl Ledger {
    /// An empty ledger.
    pub fn new() -> Self {
        Self::remembering(REMEMBERED)
    }

    /// An empty ledger that remembers only so many settled probes.
    pub fn remembering(settled: usize) -> Self {
        Self {
            store: Store::remembering(settled),
            expiry: Expiry::default(),
            newest: 0,
            counts: Counts::default(),
            apart: CountsByProbe::default(),
            recent: Recent::default(),
        }
    }

    /// Enters a probe sent to `to` at `sent`, whose reply will carry `key` and repeat `content`.
    ///
    /// A reply is in time until `sent + reply_within`; if none comes, an error still settles the probe until
    /// `error_within` later, and only then has it timed out. Negative durations count as zero. A key may be used
    /// again: see [`Ledger::find`].
    pub fn send(
        &mut self,
        sent: Instant,
        to: SocketAddr,
        key: Key,
        content: Content,
        reply_within: Duration,
        error_within: Duration,
    ) -> ProbeId {
        self.newest += 1;
        let id = ProbeId::from_number(self.newest);
        let reply_by = sent + reply_within.max(Duration::ZERO);
        let settle_by = reply_by + error_within.max(Duration::ZERO);
        let (state, has_reply, assumed) = (State::Pending, false, false);
        self.store.insert(Record { id, to, key, content, sent, reply_by, settle_by, state, has_reply, assumed });
        self.expiry.insert(settle_by, id);
        self.counts.sent += 1;
        self.check();
        id
    }

    /// Enters a message that arrived from `from` at `arrived`, naming a probe by `key`, and says what it is.
    pub fn reply(&mut self, arrived: Instant, from: SocketAddr, key: Key, content: Content) -> Arrival {
        let Some(place) = self.store.find(from, key) else {
            return if self.store.has_forgotten(from, key) { self.late(None, false) } else { self.foreign() };
        };
        let Record { id, content: expected, .. } = *self.store.record(place);
        if content != expected
            && let Some(other) = self.store.find_content(from, key, content)
        {
            // The key was used before, and it is the reply to that.
            return self.whole_reply(other, arrived);
        }
        if content.len < expected.len {
            self.count_apart(Some(id), |counts| counts.truncated += 1);
            return Arrival::Truncated { id };
        }
        if content != expected {
            self.count_apart(Some(id), |counts| counts.corrupt += 1);
            return Arrival::Corrupt { id };
        }
        self.whole_reply(place, arrived)
    }

    /// Enters a whole reply that arrived from `from` at `arrived` and names a probe by `key`, whatever it says.
    pub fn reply_by_key(&mut self, arrived: Instant, from: SocketAddr, key: Key) -> Arrival {
        match self.store.find(from, key) {
            Some(place) => self.whole_reply(place, arrived),
            None if self.store.has_forgotten(from, key) => self.late(None, false),
            None => self.foreign(),
        }
    }

    /// Enters a reply that arrived at `arrived` and was matched to the probe by the caller, its content included.
    /// Says `Reply`, `Late`, `Duplicate`, or `Foreign` for a probe never sent.
    pub fn reply_to(&mut self, arrived: Instant, id: ProbeId) -> Arrival {
        match self.store.place(id) {
            Some(place) => self.whole_reply(place, arrived),
            None if (1..=self.newest).contains(&id.number()) => self.late(Some(id), false),
            None => self.foreign(),
        }
    }

    /// Counts a message that the caller classified itself. No probe changes.
    pub fn stray(&mut self, kind: Stray) {
        self.count_apart(None, |counts| match kind {
            Stray::Foreign => counts.foreign += 1,
            Stray::Truncated => counts.truncated += 1,
            Stray::Corrupt => counts.corrupt += 1,
            Stray::Unmatched => counts.unmatched += 1,
            Stray::Late => counts.late += 1,
            Stray::Duplicate => counts.duplicate += 1,
        });
    }

    /// Enters an error (ICMP, refused, closed …) that arrived at `at`. It settles a pending probe whose last deadline
    /// has not passed by then; any other error only counts, as stray.
    pub fn error(&mut self, at: Instant, blame: Blame) -> ErrorArrival {
        let (id, assumed) = match blame {
            Blame::Named(id) => (Some(id), false),
            Blame::Assumed(id) => (Some(id), true),
            Blame::Unknown => (None, false),
        };
        let mut timed_out = false;
        if let Some(place) = id.and_then(|id| self.store.place(id)) {
            let Record { id, sent, settle_by, state, .. } = *self.store.record(place);
            if state == State::Pending && at <= settle_by {
                self.settle(place, State::Errored);
                if assumed {
                    self.store.mark_assumed(place);
                }
                return ErrorArrival::Settled { id, after: at - sent };
            }
            if state == State::Pending {
                self.settle(place, State::TimedOut);
                timed_out = true;
            }
        }
        self.count_apart(id.filter(|id| id.number() <= self.newest), |counts| counts.stray_errors += 1);
        ErrorArrival::Stray { timed_out }
    }

    /// Counts an advisory message (source quench, redirect, extended echo reply), which settles no probe.
    pub fn advisory(&mut self) {
        self.count_apart(None, |counts| counts.advisory += 1);
    }

    /// Counts `slots` moments of a schedule at which a probe was due and could not be sent.
    pub fn miss(&mut self, slots: u64) {
        self.count_apart(None, |counts| counts.missed_slots += slots);
    }

    /// Times out every pending probe whose last deadline is `now` or earlier, and returns them, the first due first.
    pub fn expire(&mut self, now: Instant) -> Vec<ProbeId> {
        let mut expired = Vec::new();
        while let Some((settle_by, id)) = self.expiry.first()
            && settle_by <= now
            && let Some(place) = self.store.place(id)
        {
            self.settle(place, State::TimedOut);
            expired.push(id);
        }
        expired
    }

    /// When the next pending probe will have timed out; `None` if none is pending.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.expiry.first().map(|(settle_by, _)| settle_by)
    }

    /// The probe that a reply from `peer` with `key` is about: of those sent with that key the newest pending one,
    /// else the last to settle without a reply, else the last with one. `None` if none is remembered.
    pub fn find(&self, peer: SocketAddr, key: Key) -> Option<ProbeId> {
        self.store.find(peer, key).map(|place| self.store.record(place).id)
    }

    /// Whether a probe with `key` was sent to `peer` whose record is forgotten, as far as that is known.
    pub fn has_forgotten(&self, peer: SocketAddr, key: Key) -> bool {
        self.store.has_forgotten(peer, key)
    }

    /// The pending probes sent to `peer`, the oldest first: those an error that names none can be about.
    pub fn pending(&self, peer: SocketAddr) -> impl Iterator<Item = ProbeId> + '_ {
        self.store.pending(peer)
    }

    /// The oldest pending probe sent to `peer`; `None` if there is none.
    pub fn oldest_pending(&self, peer: SocketAddr) -> Option<ProbeId> {
        self.store.pending(peer).next()
    }

    /// The oldest pending probe sent to `peer` for which a reply at `arrived` is in time; `None` if there is none.
    pub fn oldest_in_time(&self, peer: SocketAddr, arrived: Instant) -> Option<ProbeId> {
        self.pending(peer).find(|id| self.record(*id).is_some_and(|record| arrived <= record.reply_by))
    }

    /// The state of a probe; `None` if it was never sent or is forgotten.
    pub fn state(&self, id: ProbeId) -> Option<State> {
        self.record(id).map(|record| record.state)
    }

    /// All that is known of a probe; `None` if it was never sent or is forgotten.
    pub fn record(&self, id: ProbeId) -> Option<Record> {
        self.store.place(id).map(|place| *self.store.record(place))
    }

    /// How many probes were sent.
    pub fn sent(&self) -> u64 {
        self.counts.sent
    }

    /// The account so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What was counted apart since this was last asked for, by probe; `None`: nothing was.
    pub fn take_apart(&mut self) -> Option<CountsByProbe> {
        if self.apart.is_empty() { None } else { Some(std::mem::take(&mut self.apart)) }
    }

    /// Counts what is no probe: for this one or, if it names none, for the one sent last.
    fn count_apart(&mut self, id: Option<ProbeId>, which: impl Fn(&mut Counts)) {
        which(&mut self.counts);
        self.apart.add(id.unwrap_or(ProbeId::from_number(self.newest)), which);
    }

    /// A whole reply to a remembered probe.
    fn whole_reply(&mut self, place: SlotIndex, arrived: Instant) -> Arrival {
        let Record { id, sent, reply_by, state, has_reply, .. } = *self.store.record(place);
        if has_reply {
            self.count_apart(Some(id), |counts| counts.duplicate += 1);
            return Arrival::Duplicate { id };
        }
        let pending = state == State::Pending;
        if pending && arrived <= reply_by {
            self.settle(place, State::Replied);
            let extent = self.store.reorder_extent(place);
            let reordered = extent > 0;
            if reordered {
                self.count_apart(Some(id), |counts| {
                    counts.reordered += 1;
                    counts.reorder_extent = counts.reorder_extent.max(extent);
                });
            }
            return Arrival::Reply { id, rtt: arrived - sent, reordered };
        }
        if pending {
            self.settle(place, State::TimedOut);
        }
        self.store.note_reply(place);
        self.late(Some(id), pending)
    }

    fn late(&mut self, id: Option<ProbeId>, timed_out: bool) -> Arrival {
        self.count_apart(id, |counts| counts.late += 1);
        Arrival::Late { id, timed_out }
    }

    fn foreign(&mut self) -> Arrival {
        self.count_apart(None, |counts| counts.foreign += 1);
        Arrival::Foreign
    }

    /// Takes a pending probe to its final state. Its place stays valid: the oldest settled record makes way.
    fn settle(&mut self, place: SlotIndex, state: State) {
        let Record { id, settle_by, .. } = *self.store.record(place);
        self.expiry.remove(settle_by, id);
        match state {
            State::Pending => unreachable!("no probe goes back to pending"),
            State::Replied => self.counts.replied += 1,
            State::Errored => self.counts.errored += 1,
            State::TimedOut => self.counts.timed_out += 1,
        }
        let neighbours = self.recent.settle(id.number(), state != State::Replied);
        self.counts.neighbours = self.counts.neighbours + neighbours;
        self.store.settle(place, state);
        self.check();
    }

    /// The invariant: what the counts say is pending is what waits for its deadline.
    fn check(&self) {
        debug_assert_eq!(self.counts.pending(), self.expiry.len() as u64, "probes and counts disagree");
    }
}

#[cfg(test)]
mod tests;
