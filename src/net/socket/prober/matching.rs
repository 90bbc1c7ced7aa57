//! What a prober makes of what it receives: which probe a datagram replies to, and which an ICMP error is about.

use std::net::SocketAddr;

use super::clock::{measure, waited};
use super::errors::settled_by;
use super::{Pending, Prober, Recognised, Transport, Work};
use crate::net::error::{Error, ErrorKind, Result};
use crate::net::observe::event::{Event, Flow};
use crate::net::observe::loss_report::{PingError, PingerRun, Settled};
use crate::net::policy::RejectReply;
use crate::net::policy::datagram::Datagram;
use crate::net::probe::ledger::{Arrival, Blame, Fault, Key, Ledger, ProbeId, Stray};
use crate::net::probe::outcome::{End, Match, Matcher, Outcome};
use crate::net::socket::endpoint::Endpoint;
use crate::net::time::Instant;
use crate::net::wire::content::Content;

/// How many pings without a reply are remembered for those that come late.
const WITHOUT_REPLY: usize = 1024;

/// Among how many pending pings the one is looked for whose reply came from somebody else.
const LOOKED_AT: usize = 256;

/// How many outcomes may wait to be taken before packets that settle nothing are only counted.
const MOST_REPORTED: usize = 1024;

/// What a datagram turned out to be.
#[derive(Debug, PartialEq)]
struct Matched {
    arrival: Arrival,
    /// What it is, if it names no probe.
    kind: Stray,
    /// What is wrong with it, if that does not follow from the kind.
    fault: Option<Fault>,
}

impl Matched {
    const fn of(arrival: Arrival) -> Self {
        Self { arrival, kind: Stray::Foreign, fault: None }
    }
}

impl Prober {
    /// Settles what a datagram replies to, or counts what else it is.
    pub(super) fn match_datagram(
        &mut self,
        work: &mut Work<'_, '_>,
        awaited: Option<ProbeId>,
        datagram: Datagram,
        (seen, unix): (Instant, i64),
    ) -> Result<()> {
        let transport = work.transport;
        let queued = waited(unix, datagram.stamp);
        let arrived = queued.map_or(seen, |queued| seen - queued);
        let Matched { arrival, kind, fault } = match &mut work.script.matcher {
            Some(matcher) => self.matched(transport, awaited, &datagram, arrived, matcher)?,
            None => match transport.recognise(self, &datagram) {
                Recognised::Reply(key, content) => {
                    let matched = self.by_key(datagram.from, key, |ledger, to| ledger.reply(arrived, to, key, content));
                    if matched == Matched::of(Arrival::Foreign) {
                        self.note_elsewhere(datagram.from, key, content);
                    }
                    matched
                }
                Recognised::Damaged(key) => {
                    self.ledger.stray(Stray::Corrupt);
                    let id = self.named(&datagram, key);
                    let arrival = id.map_or(Arrival::Foreign, |id| Arrival::Corrupt { id });
                    Matched { kind: Stray::Corrupt, ..Matched::of(arrival) }
                }
                Recognised::Stray(kind) => self.stray(kind),
                Recognised::Unrelated => return Ok(()),
            },
        };
        let stray = match arrival {
            Arrival::Reply { id, reordered, .. } => {
                if let Some(pending) = self.pending.remove(&id) {
                    let readings = measure(&pending, datagram.stamp, seen, queued.map(|_| arrived));
                    let (rtt, clock) = readings.by(self.clock);
                    let session = *self.clock.get_or_insert(clock);
                    self.measured = Some((session, rtt));
                    let ends = transport.endpoint().asks(pending.to);
                    let echoed = transport.probing().echoed(&pending.message);
                    transport.endpoint().loss_report().got_reply(ends, echoed, pending.sent);
                    let received_at = Some(datagram.stamp.unwrap_or(unix));
                    let end = End::Reply { datagram, rtt, clock, lesser: clock != session, readings, reordered };
                    self.finish(transport, id, &pending, received_at, end);
                }
                return Ok(());
            }
            Arrival::Late { id, timed_out } => {
                if let Some(id) = id.filter(|_| timed_out) {
                    self.time_out(transport, id, Some(Fault::Late));
                }
                let ends = transport.endpoint().asks(datagram.from);
                let sent = id.and_then(|id| self.ledger.record(id)).map(|record| record.sent);
                transport.endpoint().loss_report().late(ends, Content::of(&datagram.data), sent, arrived);
                (Stray::Late, id)
            }
            Arrival::Duplicate { id } => (Stray::Duplicate, Some(id)),
            Arrival::Truncated { id } => (Stray::Truncated, Some(id)),
            Arrival::Corrupt { id } => (Stray::Corrupt, Some(id)),
            Arrival::Foreign => (kind, None),
        };
        self.note_fault(
            (fault.or_else(|| Fault::of(stray.0)), stray.1),
            awaited,
            datagram.from,
            queued.map(|_| arrived),
        );
        self.emit_stray(transport, stray, &datagram, (arrived, unix));
        self.report_stray(stray, datagram, arrived, unix);
        Ok(())
    }

    /// Notes what came in place of a pending probe's reply. What names no probe is attributed to the one that is waited for, or
    /// else to the only one in flight that it can be about: sent before it arrived, and nothing attributed to it yet.
    fn note_fault(
        &mut self,
        (fault, id): (Option<Fault>, Option<ProbeId>),
        awaited: Option<ProbeId>,
        from: SocketAddr,
        arrived: Option<Instant>,
    ) {
        let Some(fault) = fault.filter(|fault| *fault != Fault::Late) else { return };
        let owes = |id: &ProbeId| {
            let pending = self.pending.get(id).filter(|one| self.may_reply(from, one.to));
            pending.is_some_and(|one| one.instead.is_none() && arrived.is_some_and(|arrived| one.sent <= arrived))
        };
        let only = || {
            let mut all = self.ledger.pending(self.asked_last(from)).filter(owes);
            all.next().filter(|_| all.next().is_none())
        };
        let id = id.or_else(|| awaited.filter(owes)).or_else(only);
        if let Some(pending) = id.and_then(|id| self.pending.get_mut(&id)) {
            pending.instead = Some(fault);
        }
    }

    /// Notes that the whole reply to a pending probe came from somebody who was not asked.
    fn note_elsewhere(&mut self, from: SocketAddr, key: Key, content: Content) {
        let is_reply =
            |id: &ProbeId| self.ledger.record(*id).is_some_and(|record| (record.key, record.content) == (key, content));
        // What strangers send must not cost more the more is in flight.
        let id = self.pending.keys().copied().take(LOOKED_AT).filter(is_reply).min();
        if let Some(pending) = id.and_then(|id| self.pending.get_mut(&id)) {
            pending.instead.get_or_insert(Fault::Elsewhere(from));
        }
    }

    /// Emits that a packet came that settles nothing.
    fn emit_stray(
        &self,
        transport: &dyn Transport,
        (kind, id): (Stray, Option<ProbeId>),
        datagram: &Datagram,
        (arrived, unix): (Instant, i64),
    ) {
        let endpoint = transport.endpoint();
        endpoint.session.events.emit(|| {
            let record = id.and_then(|id| self.ledger.record(id));
            let to = record.map_or(datagram.from, |record| record.to);
            Event::Stray {
                flow: Flow { time: datagram.stamp.unwrap_or(unix), ..endpoint.flow(self.own_end(endpoint), to) },
                data: &datagram.data,
                kind: kind.word(),
                number: id.and_then(|id| self.number_of(Blame::Named(id))),
                after: record.map(|record| arrived - record.sent),
            }
        });
    }

    /// The end that probes are sent from: the address that replies went to, where the socket is bound to any.
    fn own_end(&self, endpoint: &Endpoint) -> SocketAddr {
        let mut own = endpoint.local;
        if let Some(reached) =
            self.reached.filter(|reached| own.ip().is_unspecified() && reached.is_ipv4() == own.is_ipv4())
        {
            own.set_ip(reached);
        }
        own
    }

    /// Makes an outcome of a packet that settles nothing, if the pinger at work wants those.
    fn report_stray(&mut self, (kind, id): (Stray, Option<ProbeId>), datagram: Datagram, arrived: Instant, unix: i64) {
        // What others send must not fill the memory while the script is slow; the counts have all.
        if !self.reports_strays || self.settled.len() >= MOST_REPORTED {
            return;
        }
        let record = id.and_then(|id| self.ledger.record(id));
        let after = record.map(|record| arrived - record.sent);
        let received_at = datagram.stamp.unwrap_or(unix);
        let outcome = Outcome {
            id: id.unwrap_or(ProbeId::from_number(0)),
            number: id.and_then(|id| self.number_of(Blame::Named(id))).unwrap_or(0),
            to: record.map_or(datagram.from, |record| record.to),
            ttl: None,
            packet: 0,
            missed: 0,
            sent_at: after.map(|after| received_at - after.as_nanos()),
            received_at: Some(received_at),
            end: End::Stray { kind, datagram, after },
        };
        self.settled.push_back((id.unwrap_or(ProbeId::from_number(0)), outcome));
    }

    /// What a datagram is that a matcher is asked about.
    fn matched(
        &mut self,
        transport: &dyn Transport,
        awaited: Option<ProbeId>,
        datagram: &Datagram,
        arrived: Instant,
        matcher: &mut Matcher<'_>,
    ) -> Result<Matched> {
        // What comes after the reply in one go is asked about too: it may be a duplicate.
        let is_peer =
            |id: ProbeId| self.ledger.record(id).is_some_and(|record| self.may_reply(datagram.from, record.to));
        if awaited.is_some_and(|id| !is_peer(id)) {
            return Ok(self.given_up(arrived, datagram.from));
        }
        self.report(transport);
        let mut said = Match::Nothing;
        let failed = |()| Error::invalid("ping", "the closure that matches replies failed");
        transport.probing().calling(|| matcher(datagram).map(|matched| said = matched)).map_err(failed)?;
        Ok(match (said, awaited) {
            (Match::Awaited, Some(id)) => Matched::of(self.ledger.reply_to(arrived, id)),
            (Match::Number(number), _) => {
                let key = Key::Number(number);
                self.by_key(datagram.from, key, |ledger, to| ledger.reply_by_key(arrived, to, key))
            }
            (Match::Awaited, None) => {
                // One that timed out may still wait for an ICMP error: only if nothing else waits, its reply is late.
                let peer = self.asked_last(datagram.from);
                match self.ledger.oldest_in_time(peer, arrived).or_else(|| self.ledger.oldest_pending(peer)) {
                    Some(id) => Matched::of(self.ledger.reply_to(arrived, id)),
                    None => self.given_up(arrived, datagram.from),
                }
            }
            (Match::Nothing, Some(_)) => self.given_up(arrived, datagram.from),
            (Match::Nothing, None) => self.stray(Stray::Foreign),
        })
    }

    /// What comes from `from` and replies to nothing that is waited for: it is late if a ping to there was given up and has no
    /// reply yet, for the closure that would know it is gone.
    fn given_up(&mut self, arrived: Instant, from: SocketAddr) -> Matched {
        let owes = |id: &ProbeId| {
            let record = self.ledger.record(*id).filter(|record| !record.has_reply);
            record.is_some_and(|record| self.may_reply(from, record.to))
        };
        match self.without_reply.iter().position(owes).and_then(|place| self.without_reply.remove(place)) {
            Some(id) => Matched::of(self.ledger.reply_to(arrived, id)),
            None => self.stray(Stray::Foreign),
        }
    }

    /// What comes from `from` and names a probe by `key`, as `reply` enters it; or, from a peer that owes a reply and with the
    /// number of no probe, what does not match.
    fn by_key(
        &mut self,
        from: SocketAddr,
        key: Key,
        reply: impl FnOnce(&mut Ledger, SocketAddr) -> Arrival,
    ) -> Matched {
        let to = self.asked(from, key);
        let is_known = || self.ledger.find(to, key).is_some() || self.ledger.has_forgotten(to, key);
        match key {
            Key::Number(number) if !is_known() && self.owed_by(from).next().is_some() => {
                Matched { fault: Some(Fault::Number(number)), ..self.stray(Stray::Unmatched) }
            }
            _ => Matched::of(reply(&mut self.ledger, to)),
        }
    }

    fn stray(&mut self, kind: Stray) -> Matched {
        self.ledger.stray(kind);
        Matched { kind, ..Matched::of(Arrival::Foreign) }
    }

    pub(super) fn time_out(&mut self, transport: &dyn Transport, id: ProbeId, late: Option<Fault>) {
        if let Some(pending) = self.pending.remove(&id) {
            let instead = late.or(pending.instead);
            let content = Content::of(transport.probing().echoed(&pending.message));
            if pending.reported {
                self.has_lost = true;
                let endpoint = transport.endpoint();
                let now = endpoint.host.now();
                let until = self.ledger.record(id).map_or(now, |record| record.reply_by.min(now));
                if pending.to.ip().is_loopback() || pending.to.ip() == endpoint.local.ip() {
                    endpoint.session.was_asked(endpoint.host.id(), pending.to);
                }
                let (pinging, times) = (self.pinging(endpoint, id, pending.to), [pending.sent, until]);
                endpoint.loss_report().lost(&pinging, pending.number, content, times, instead);
            }
            self.finish(transport, id, &pending, None, End::TimedOut { instead });
        }
    }

    /// Who sends the probe `id` to `to`, for the loss report.
    pub(super) fn pinging(&self, endpoint: &Endpoint, id: ProbeId, to: SocketAddr) -> PingerRun {
        let (socket, schedule) = (self.id.0, self.schedule_of(id));
        PingerRun { socket, schedule, protocol: endpoint.protocol, ends: endpoint.asks(to) }
    }

    /// Reports how a probe was settled.
    fn report_settled(&self, transport: &dyn Transport, id: ProbeId, pending: &Pending, end: &End) {
        let (how, error) = match end {
            End::Reply { .. } => (Settled::Replied, None),
            End::TimedOut { .. } => (Settled::TimedOut, None),
            End::Icmp { error, .. } => (Settled::Errored, Some(settled_by(error))),
            End::Unsent(error) | End::Broken(error) => {
                let by = (error.kind == ErrorKind::Reset).then_some(RejectReply::Reset);
                (Settled::Errored, Some(PingError { by, text: error.message.clone() }))
            }
            End::Sent { .. } | End::Stray { .. } | End::Interrupted { .. } => return,
        };
        let pinging = self.pinging(transport.endpoint(), id, pending.to);
        transport.endpoint().loss_report().settled(&pinging, id.number(), how);
        if let Some(error) = error {
            let content = Content::of(transport.probing().echoed(&pending.message));
            let times = [pending.sent, transport.endpoint().host.now()];
            transport.endpoint().loss_report().errored(&pinging, pending.number, content, times, error);
        }
    }

    /// Makes an outcome of a settled probe.
    pub(super) fn finish(
        &mut self,
        transport: &dyn Transport,
        id: ProbeId,
        pending: &Pending,
        received_at: Option<i64>,
        end: End,
    ) {
        if let End::Reply { datagram, .. } = &end {
            self.reached = datagram.to.or(self.reached);
        }
        if matches!(end, End::TimedOut { .. } | End::Icmp { .. }) {
            if self.without_reply.len() == WITHOUT_REPLY {
                self.without_reply.pop_front();
            }
            self.without_reply.push_back(id);
        }
        if pending.reported {
            self.report_settled(transport, id, pending, &end);
        }
        let endpoint = transport.endpoint();
        let from = self.own_end(endpoint);
        let outcome = pending.outcome(id, received_at, end);
        endpoint.session.events.emit(|| Event::Outcome {
            flow: endpoint.flow(from, pending.to),
            sent: pending.sent_wall,
            size: pending.message.len(),
            outcome: &outcome,
        });
        if id.number() < self.first {
            self.older -= 1;
        } else {
            self.settled.push_back((id, outcome));
        }
    }
}
