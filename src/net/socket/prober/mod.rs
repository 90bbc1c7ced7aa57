//! Probing from a socket: sends messages, receives what comes back, and settles each probe in the ledger.
//!
//! Asynchronous inside: sends and arrivals come in any order. [`UdpSocket::ping`](super::udp::UdpSocket::ping) sends one
//! and waits for it; a [`super::pinger::Pinger`] keeps several in flight. What differs from protocol to protocol is in its
//! `Transport`.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;

use super::endpoint::Endpoint;
use super::error_queue::{Queued, one_at_a_time};
use crate::net::error::{Error, Result};
use crate::net::host::Waited;
use crate::net::host::addr::reached;
use crate::net::host::environment::process;
use crate::net::observe::event::Event;
use crate::net::observe::loss_report::CountReading;
use crate::net::policy::datagram::Datagram;
use crate::net::probe::clock::Clock;
use crate::net::probe::ledger::{Arrival, Blame, Counts, Fault, Ledger, Mixed, ProbeId, State};
use crate::net::probe::outcome::{End, Outcome, Probe};
use crate::net::time::{Duration, Instant};
use crate::net::wire::content::Content;
use crate::net::wire::icmp::IcmpError;

use self::clock::await_stamps;
pub use self::clock::warm_up;
pub use self::probing::Tally;
pub(in crate::net) use self::probing::{Probing, notices};
pub use self::transport::{Compose, Script};
pub(in crate::net) use self::transport::{Recognised, Text, Transport, Work};

mod clock;
mod entering;
mod errors;
mod groups;
mod matching;
mod probing;
mod receiving;
mod schedule;
mod transport;

/// The probes of one socket.
#[derive(Debug, Default)]
pub struct Prober {
    ledger: Ledger,
    /// The ledger's counts that the loss report has.
    reported: Counts,
    clock: Option<Clock>,
    pending: HashMap<ProbeId, Pending, Mixed>,
    /// The probes whose sending is not stamped yet, by the numbers of their stamps.
    stamped: VecDeque<(u32, ProbeId)>,
    /// ICMP errors that have come. They wait in a queue of their own, which says nothing of their order among the
    /// datagrams; so they are matched when it is known which datagrams came before them.
    errors: VecDeque<PendingError>,
    /// An error of the path of which only the errno is known.
    path: Option<Error>,
    /// The pinger at work on the socket, which all outcomes are for.
    schedule: Option<u64>,
    /// Whether it wants to know of packets that settle nothing.
    reports_strays: bool,
    /// The running number of its first probe, and how many before that are pending: no pinger gets those.
    first: u64,
    older: usize,
    /// Which probes are of which pinger: from the one of this running number on, the latest last; `None`: of none.
    schedules: VecDeque<(u64, Option<u64>)>,
    settled: VecDeque<(ProbeId, Outcome)>,
    /// The clock and the round-trip time of the latest reply, until the loss report has them.
    measured: Option<(Clock, Duration)>,
    last_sent: Option<Instant>,
    /// The address of this host that the latest reply came to, where the socket is bound to any.
    reached: Option<IpAddr>,
    /// Distinguishes it from other probers.
    id: ProberId,
    /// Pings that timed out or met an error, the latest last.
    without_reply: VecDeque<ProbeId>,
    /// The groups that were pinged, the latest first.
    groups: Vec<SocketAddr>,
    /// Whether pings were lost since counts of kernels were last read.
    has_lost: bool,
    /// Room for what is received in one go.
    arrived: Vec<Datagram>,
}

/// Distinguishes probers.
#[derive(Debug)]
struct ProberId(u64);

impl Default for ProberId {
    fn default() -> Self {
        Self(process().probers.fetch_add(1, Ordering::Relaxed))
    }
}

/// An ICMP error and the stamp of its arrival.
#[derive(Debug)]
struct PendingError {
    error: IcmpError,
    stamp: Option<i64>,
}

#[derive(Debug)]
struct Pending {
    number: u64,
    to: SocketAddr,
    ttl: Option<u8>,
    packet: usize,
    message: Box<[u8]>,
    missed: u64,
    /// Whether its loss is reported.
    reported: bool,
    sent: Instant,
    /// The same by the wall clock, in nanoseconds since 1970.
    sent_wall: i64,
    stamp: Option<i64>,
    /// What is wrong with the reply that came.
    instead: Option<Fault>,
}

impl Pending {
    /// What became of it; `received_at`: when the reply or the ICMP error arrived.
    fn outcome(&self, id: ProbeId, received_at: Option<i64>, end: End) -> Outcome {
        let Self { number, to, ttl, packet, missed, .. } = *self;
        let sent_at = (!matches!(end, End::Unsent(_))).then(|| self.stamp.unwrap_or(self.sent_wall));
        Outcome { id, number, to, ttl, packet, missed, sent_at, received_at, end }
    }
}

/// Has the kernel stamp what is sent and received, and waits until it does, if it does not yet. Whether the socket is to be
/// emptied before the next probe, which may be the `first`.
pub(in crate::net) fn prepare(work: &mut Work<'_, '_>, first: bool) -> bool {
    let is_crowded = work.prepare(work.socket, first);
    let endpoint = work.endpoint();
    await_stamps(&*endpoint.host, &endpoint.session.stop);
    is_crowded
}

impl Prober {
    /// Without probes yet; it will remember so many settled ones.
    pub(in crate::net) fn remembering(settled: usize) -> Self {
        Self { ledger: Ledger::remembering(settled), ..Self::default() }
    }

    /// Sends a probe and waits until it is settled.
    ///
    /// # Errors
    /// `busy`: a pinger is at work on the socket; `closed`, `too-large`, `invalid`, `system`.
    pub(in crate::net) fn ping(&mut self, work: &mut Work<'_, '_>, probe: &Probe<'_>) -> Result<Outcome> {
        if self.schedule.is_some() {
            return Err(one_at_a_time("ping"));
        }
        if work.stop.is_stopped() {
            let running = self.next_number();
            let number = work.probing().name(probe.message, running).number.unwrap_or(running);
            return Ok(Outcome {
                id: ProbeId::from_number(running),
                number,
                to: probe.to,
                ttl: probe.ttl,
                packet: 0,
                missed: 0,
                sent_at: None,
                received_at: None,
                end: End::Interrupted { sent: false },
            });
        }
        if !probe.slot.unreported && probe.ttl.is_none() {
            let first = self.next_number() == 1;
            self.read_counts(work.endpoint(), if first { CountReading::Begin } else { CountReading::Between });
        }
        let id = self.send(work, probe, probe.message.into())?;
        self.report(work.transport);
        let outcome = self.settle(work, id);
        self.report(work.transport);
        self.lose(work.endpoint());
        outcome
    }

    /// Reads what kernels count that can be why pings are lost.
    pub(in crate::net) fn read_counts(&mut self, endpoint: &Endpoint, reading: CountReading) {
        self.has_lost = false;
        endpoint.loss_report().read_counts(&*endpoint.host, reading);
    }

    /// Reads it once pings were lost.
    fn lose(&mut self, endpoint: &Endpoint) {
        if self.has_lost {
            self.read_counts(endpoint, CountReading::Lost);
        }
    }

    /// When the latest probe was sent.
    pub(in crate::net) fn last_sent(&self) -> Option<Instant> {
        self.last_sent
    }

    /// The running number of the next probe.
    pub(in crate::net) fn next_number(&self) -> u64 {
        self.ledger.sent() + 1
    }

    /// The counts of the probes, by what names them.
    pub(in crate::net) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Whether what came is the reply to a probe that was given up, which is then counted. Whatever else it is counts for
    /// nothing: it is not waited for any more.
    pub(in crate::net) fn is_late(&mut self, now: Instant, datagram: &Datagram, what: Recognised) -> bool {
        let Recognised::Reply(key, content) = what else { return false };
        let to = self.asked(datagram.from, key);
        let id = self.ledger.find(to, key);
        id.is_some_and(|id| self.ledger.state(id) == Some(State::TimedOut))
            && matches!(self.ledger.reply(now, to, key, content), Arrival::Late { .. })
    }

    /// The message of a probe, while it is pending.
    pub(in crate::net) fn message(&self, id: ProbeId) -> Option<&[u8]> {
        self.pending.get(&id).map(|pending| &*pending.message)
    }

    /// Sends a probe that says `message`, whatever its own says. One that this host cannot send is settled at once.
    ///
    /// # Errors
    /// `closed`; `invalid`, `too-large`: a wrong argument. Whatever else this host refuses is the probe's outcome.
    pub(in crate::net) fn send(
        &mut self,
        work: &mut Work<'_, '_>,
        given: &Probe<'_>,
        message: Box<[u8]>,
    ) -> Result<ProbeId> {
        if let Some(error) = given.unresolved {
            return Ok(self.refuse(work.transport, given, message, error));
        }
        let endpoint = work.transport.endpoint();
        let to = reached(endpoint.local, given.to);
        let probe = Probe { to, message: &message, ..*given };
        if endpoint.is_group(probe.to) {
            self.pings_group(probe.to);
        }
        if prepare(work, self.next_number() == 1) {
            self.receive(work, None, true)?;
        }
        // An ICMP error that waits unread would take the place of the send.
        if !work.is_quiet(work.socket) {
            work.drain(work.socket, usize::MAX, &mut |queued| self.queue(queued));
        }
        let said = || Content::of(work.probing().echoed(probe.message));
        endpoint.loss_report().begin_to_ping(endpoint.asks(probe.to), said);
        let name = work.probing().name(probe.message, self.next_number());
        let (mut sent, sent_wall) = (endpoint.host.now(), endpoint.host.unix_nanos());
        // Little comes between the send and the wait, since on a busy machine the peer may have to wait for this very processor.
        let result = work.send(work.socket, &probe, &mut sent, &mut |queued| self.queue(queued));
        if result.is_err() && endpoint.is_closed() {
            return Err(endpoint.closed("ping"));
        }
        let (id, pending) = self.enter(work.transport, &Probe { to, ..*given }, name, message, (sent, sent_wall));
        match result {
            Ok(stamp) => {
                self.pending.insert(id, pending);
                if let Some(stamp) = stamp {
                    if self.stamped.back().is_some_and(|&(last, _)| stamp.wrapping_sub(last) as i32 <= 0) {
                        // The numbering began again.
                        self.stamped.clear();
                    }
                    self.stamped.push_back((stamp, id));
                    if let Some((number, stamp)) = work.socket.take_stamp() {
                        self.queue(Queued::Sent { number, stamp });
                    }
                }
            }
            Err(error) => {
                self.ledger.error(sent, Blame::Named(id));
                self.finish(work.transport, id, &pending, None, End::Unsent(error));
            }
        }
        Ok(id)
    }

    /// Waits until probe `id` is settled, or the stop happens.
    fn settle(&mut self, work: &mut Work<'_, '_>, id: ProbeId) -> Result<Outcome> {
        // The stamp of the sending is there already, and would end the wait. Other than that nothing is looked for yet: whatever
        // is between the send and the wait, the peer may have to wait for.
        if !self.stamped.is_empty() {
            work.drain(work.socket, 1, &mut |queued| self.queue(queued));
        }
        let mut look = !self.errors.is_empty();
        loop {
            if let Some(outcome) = self.take(id) {
                return Ok(outcome);
            }
            if std::mem::replace(&mut look, true) {
                let now = work.endpoint().host.now();
                self.catch_up(work, now, Some(id))?;
            }
            if self.settled.is_empty() && self.wait(work, None)? == Waited::Stopped {
                self.receive(work, Some(id), true)?;
                if let Some(outcome) = self.interrupted(id) {
                    return Ok(outcome);
                }
            }
        }
    }

    /// Waits for something to arrive, for the next probe's time to be over, for `due` or for the stop.
    ///
    /// # Errors
    /// `closed`: the socket was closed meanwhile.
    pub(in crate::net) fn wait(&mut self, work: &mut Work<'_, '_>, due: Option<Instant>) -> Result<Waited> {
        self.report(work.transport);
        let until = [self.ledger.next_expiry(), due].into_iter().flatten().min();
        let waited = match work.wait(work.socket, until, work.stop) {
            Ok(waited) => waited,
            // It is the end of a ping, once what has arrived was received.
            Err(err) if !self.pending.is_empty() => {
                self.path = Some(Error::system("ping", &err));
                Waited::Ready
            }
            Err(err) => return Err(Error::system("ping", &err)),
        };
        if work.endpoint().is_closed() { Err(work.endpoint().closed("ping")) } else { Ok(waited) }
    }

    /// The outcome of probe `id`, if it is settled; outcomes of others are let go.
    fn take(&mut self, id: ProbeId) -> Option<Outcome> {
        while let Some((settled, outcome)) = self.settled.pop_front() {
            if settled == id {
                return Some(outcome);
            }
        }
        None
    }

    /// Brings the loss report and the socket's tally up to date.
    pub(in crate::net) fn report(&mut self, transport: &dyn Transport) {
        let counts = self.ledger.counts();
        if counts != self.reported {
            let loss_report = transport.endpoint().loss_report();
            loss_report.count(self.reported, counts);
            transport.probing().tally.set(counts, self.clock, self.ledger.take_apart());
            self.reported = counts;
            if let Some((clock, rtt)) = self.measured.take() {
                loss_report.measured_by(clock.name(), rtt);
            }
        }
    }

    /// Brings the loss report up to date, and reports the probes that are pending and will stay so.
    pub(in crate::net) fn settle_up(&mut self, endpoint: &Endpoint) {
        self.lose(endpoint);
        let counts = self.ledger.counts();
        endpoint.loss_report().count(self.reported, counts);
        self.reported = counts;
        let mut left: Vec<(ProbeId, Pending)> = self.pending.drain().collect();
        self.older = 0;
        left.sort_by_key(|(id, _)| *id);
        for (id, pending) in left {
            if pending.reported {
                endpoint.loss_report().left_pending(&self.pinging(endpoint, id, pending.to));
            }
            let outcome = pending.outcome(id, None, End::Interrupted { sent: true });
            endpoint.session.events.emit(|| Event::Outcome {
                flow: endpoint.flow(endpoint.local, pending.to),
                sent: pending.sent_wall,
                size: pending.message.len(),
                outcome: &outcome,
            });
        }
    }
}

#[cfg(test)]
mod tests;
