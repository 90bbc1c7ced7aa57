//! What a prober makes of errors: which probe one of ICMP or of the path is about, and what becomes of that.

use super::clock::{measure, waited};
use super::{Pending, PendingError, Prober, Transport, Work};
use crate::net::error::Error;
use crate::net::observe::loss_report::PingError;
use crate::net::policy::RejectReply;
use crate::net::probe::ledger::{Blame, ErrorArrival, Key, ProbeId, State};
use crate::net::probe::outcome::End;
use crate::net::socket::endpoint::Endpoint;
use crate::net::socket::error_queue::Queued;
use crate::net::time::Instant;
use crate::net::wire::icmp::IcmpError;

impl Prober {
    /// Keeps an entry of the error queue: stamps go to their probes, errors wait for the datagrams that came before them.
    pub(super) fn queue(&mut self, queued: Queued) {
        match queued {
            Queued::Sent { number, stamp } => {
                while let Some(&(next, id)) = self.stamped.front()
                    && next.wrapping_sub(number) as i32 <= 0
                {
                    self.stamped.pop_front();
                    if next == number
                        && let Some(pending) = self.pending.get_mut(&id)
                    {
                        pending.stamp = Some(stamp);
                    }
                }
            }
            Queued::Local => {}
            Queued::Icmp { error, stamp } => self.errors.push_back(PendingError { error, stamp }),
            Queued::Path(error) => self.path = Some(error),
        }
    }

    pub(super) fn match_error(&mut self, transport: &dyn Transport, error: PendingError, awaited: Option<ProbeId>) {
        let PendingError { mut error, stamp } = error;
        let blame = transport.blame(self, &error, awaited);
        error.number = self.number_of(blame);
        if error.kind.is_advisory() {
            self.ledger.advisory();
            transport.probing().tally.notice(error);
            return;
        }
        let (seen, unix) = transport.endpoint().host.both_clocks();
        let queued = waited(unix, stamp);
        let arrived = queued.map(|queued| seen - queued);
        let clock = self.clock;
        let what = settled_by(&error);
        let late = self.settle_error(transport, arrived.unwrap_or(seen), blame, |pending| {
            let (rtt, _) = measure(pending, stamp, seen, arrived).by(clock);
            (Some(stamp.unwrap_or(unix)), End::Icmp { error, assumed: matches!(blame, Blame::Assumed(_)), rtt })
        });
        if let Some(record) = late.and_then(|id| self.ledger.record(id)) {
            let pinging = self.pinging(transport.endpoint(), record.id, record.to);
            transport.endpoint().loss_report().late_error(&pinging, [record.sent, seen], what);
        }
    }

    /// Settles the probe that an error is about, which came at `at`: with the end that `end` makes, and when it was received.
    /// The probe that the error names and that had timed out by then.
    fn settle_error(
        &mut self,
        transport: &dyn Transport,
        at: Instant,
        blame: Blame,
        end: impl FnOnce(&Pending) -> (Option<i64>, End),
    ) -> Option<ProbeId> {
        match (self.ledger.error(at, blame), blame) {
            (ErrorArrival::Settled { id, .. }, _) => {
                if let Some(pending) = self.pending.remove(&id) {
                    let (received_at, end) = end(&pending);
                    self.finish(transport, id, &pending, received_at, end);
                }
                return None;
            }
            (ErrorArrival::Stray { timed_out: true }, Blame::Named(id) | Blame::Assumed(id)) => {
                self.time_out(transport, id, None);
            }
            (ErrorArrival::Stray { .. }, _) => {}
        }
        if let Blame::Named(id) = blame { Some(id) } else { None }
    }

    /// Notes an ICMP error that no thread reads any more, about a probe that had timed out.
    pub(in crate::net) fn leave_error(&self, endpoint: &Endpoint, error: &IcmpError, blame: Blame) {
        let (Blame::Named(id) | Blame::Assumed(id)) = blame else { return };
        if let Some(record) = self.ledger.record(id).filter(|_| self.ledger.state(id) == Some(State::TimedOut)) {
            let pinging = self.pinging(endpoint, id, record.to);
            let times = [record.sent, endpoint.host.now()];
            endpoint.loss_report().late_error(&pinging, times, settled_by(error));
        }
    }

    /// The number that people see of the probe that an error is about.
    pub(super) fn number_of(&self, blame: Blame) -> Option<u64> {
        let (Blame::Named(id) | Blame::Assumed(id)) = blame else { return None };
        if let Some(pending) = self.pending.get(&id) {
            return Some(pending.number);
        }
        match self.ledger.record(id)?.key {
            Key::Number(number) => Some(number),
            Key::Content(_) => Some(id.number()),
        }
    }

    /// Settles what an error of the path is attributed to, and, where the transport has ended, all that is pending.
    pub(super) fn settle_path(&mut self, work: &Work<'_, '_>, awaited: Option<ProbeId>) {
        let transport = work.transport;
        if let Some(error) = self.path.take() {
            let pending = |id: &ProbeId| self.pending.contains_key(id);
            let id = awaited.filter(pending).or_else(|| self.pending.keys().min().copied());
            self.break_one(transport, id, error);
        }
        // Its peer may have been stopped by what stops this: what is in flight then stays pending.
        if let Some(error) = transport.ended().filter(|_| !work.stop.is_stopped()) {
            for id in self.pending_since(ProbeId::from_number(0)) {
                self.break_one(transport, Some(id), error.clone());
            }
        }
    }

    fn break_one(&mut self, transport: &dyn Transport, id: Option<ProbeId>, error: Error) {
        let (now, blame) = (transport.endpoint().host.now(), id.map_or(Blame::Unknown, Blame::Named));
        self.settle_error(transport, now, blame, |_| (None, End::Broken(error)));
    }
}

/// An ICMP error and its sender.
pub(super) fn settled_by(error: &IcmpError) -> PingError {
    let from = error.offender.map_or(String::new(), |from| format!(" from {from}"));
    PingError { by: Some(RejectReply::Icmp(error.kind)), text: format!("{}{from}", error.kind) }
}
