//! Pings on a schedule: one after the other at absolute times, whether or not replies came, several in flight.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::icmp::{self, IcmpSocket};
pub use super::prober::Script;
use super::prober::{Prober, Text, Transport, Work, prepare};
use super::tcp::Connection;
use super::udp::{UdpSocket, check_size};
use crate::net::error::{Error, ErrorKind, Result};
use crate::net::host::environment::process;
use crate::net::host::stop::Stop;
use crate::net::host::{Host, Waited};
use crate::net::observe::loss_report::CountReading;
use crate::net::probe::ledger::ProbeId;
use crate::net::probe::outcome::{Outcome, Probe, Slot};
use crate::net::probe::targets::Targets;
use crate::net::time::{Duration, Instant};
use crate::net::wire::icmp::AskedInterface;

/// What to send and when.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where the pings go, in turn.
    pub targets: Targets,
    /// How many to each; `None`: until it is stopped.
    pub count: Option<u64>,
    /// From one ping to the next. Zero: each as soon as `window` allows.
    pub interval: Duration,
    /// How long a reply is in time.
    pub timeout: Duration,
    /// How long after that an ICMP error is waited for.
    pub icmp_wait: Duration,
    /// How many may be in flight at a time, at least 1.
    pub window: usize,
    /// How long after a ping the next is sent at the latest, however many are in flight; `None`: it waits for its turn.
    pub max_gap: Option<Duration>,
    /// Messages are padded to this many bytes.
    pub size: usize,
    /// What the pings say.
    pub message: PingMessage,
    /// Whether each sending is an outcome of its own, given at that moment.
    pub sends: bool,
    /// Whether packets that settle nothing are outcomes of their own: late ones, duplicates and others.
    pub strays: bool,
    /// Whether lost pings are reported at the end of the run.
    pub report: bool,
    /// How long before each sending the wait goes on without sleeping.
    pub awake: Duration,
}

/// What the pings of a schedule say.
#[derive(Clone, Debug)]
pub enum PingMessage {
    /// `ping 1 TIME`, `ping 2 TIME`, …; over ICMP, echo requests.
    Ping,
    /// The same each time.
    Same(Arc<[u8]>),
    /// What [`Script::message`] makes.
    Made,
    /// Questions about an interface (RFC 8335), over ICMP.
    Question(AskedInterface),
}

impl Plan {
    fn check(&self) -> Result<()> {
        if self.targets.is_empty() {
            return Err(Error::invalid("pinger", "the list of targets is empty").with_hint("give at least one address"));
        }
        check_interval("pinger", self.interval)
    }

    /// How many pings there are in all; `None`: without end.
    fn total(&self) -> Option<u64> {
        self.count.map(|count| count.saturating_mul(self.targets.len()))
    }
}

/// The shortest interval that a schedule keeps: none sends more often.
const SHORTEST: Duration = Duration::from_micros(1);

/// Checks that a schedule can have this interval.
fn check_interval(op: &'static str, interval: Duration) -> Result<()> {
    if interval.is_negative() {
        return Err(Error::invalid(op, format!("an interval of {} is negative", interval.short())));
    }
    if interval > Duration::ZERO && interval < SHORTEST {
        let error = Error::invalid(op, format!("an interval of {} is shorter than can be kept", interval.short()));
        return Err(error
            .with_peer(interval.short())
            .with_hint("give at least 1us, or 0s: each as soon as it may be sent"));
    }
    Ok(())
}

/// Sends pings on a schedule and gives their outcomes as they are settled, and their sendings if the plan wants those.
///
/// Ping k is due at the start plus k intervals. When a due time and the whole interval after it pass without a
/// chance to send, that slot is missed: it is counted, and the schedule keeps its beat.
#[derive(Debug)]
pub struct Pinger {
    socket: Arc<dyn Transport>,
    plan: Plan,
    total: Option<u64>,
    start: Option<Instant>,
    slot: i64,
    /// Distinguishes the pingers of a process.
    id: u64,
    sent: u64,
    /// The first probe that it sent.
    first: Option<ProbeId>,
    /// After a stop: its probes in flight whose outcomes are still to be given.
    in_flight: Option<VecDeque<ProbeId>>,
}

impl Pinger {
    /// A pinger over UDP that starts when its first outcome is asked for.
    ///
    /// # Errors
    /// `invalid`: the socket's version of IP is not that of each target; `too-large`.
    pub fn new(socket: UdpSocket, plan: Plan) -> Result<Self> {
        plan.check()?;
        plan.targets.iter().try_for_each(|target| socket.check_target("pinger", target.to))?;
        plan.targets.iter().try_for_each(|target| check_size(plan.size, target.to.ip()))?;
        Ok(Self::over(Arc::new(socket), plan))
    }

    /// A pinger over ICMP that starts when its first outcome is asked for.
    ///
    /// # Errors
    /// `invalid`: the socket's version of IP is not that of each target; `too-large`.
    pub fn over_icmp(socket: IcmpSocket, mut plan: Plan) -> Result<Self> {
        plan.check()?;
        match &plan.message {
            PingMessage::Question(subject) => {
                icmp::check_subject(subject)?;
                plan.window = plan.window.min(icmp::IN_FLIGHT);
            }
            _ => socket.check_size(plan.size)?,
        }
        plan.targets.iter().try_for_each(|target| socket.same_version("pinger", target.to))?;
        Ok(Self::over(Arc::new(socket), plan))
    }

    /// A pinger over a connection that starts when its first outcome is asked for, and is at its end when the connection is.
    ///
    /// # Errors
    /// `too-large`: the connection takes no message of that size.
    pub fn over_tcp(connection: Connection, plan: Plan) -> Result<Self> {
        plan.check()?;
        let limit = connection.limit();
        if plan.size > limit {
            let message = format!("a ping over this connection has at most {limit} bytes, not {}", plan.size);
            let error = Error::new(ErrorKind::TooLarge, "pinger", message);
            return Err(error.with_hint("a larger `limit` of the connection allows more"));
        }
        Ok(Self::over(Arc::new(connection), plan))
    }

    fn over(socket: Arc<dyn Transport>, plan: Plan) -> Self {
        Self {
            socket,
            total: plan.total(),
            plan,
            start: None,
            slot: 0,
            sent: 0,
            first: None,
            in_flight: None,
            id: process().pingers.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// The next outcome; `None` when all are settled. Once the stop has happened the pings in flight are given as
    /// interrupted, so that nothing sent is missing from the loss report, and then `None`.
    ///
    /// # Errors
    /// As [`UdpSocket::ping`]; `invalid`: a closure failed.
    pub fn next(&mut self, stop: &Stop, script: &mut Script<'_>) -> Result<Option<Outcome>> {
        let transport = self.socket.clone();
        let socket = transport.endpoint().socket("pinger")?;
        let mut work = Work { transport: &*transport, socket: &*socket, stop, script };
        let mut prober = transport.probing().lock("pinger")?;
        prober.take_over(self.id, self.plan.strays)?;
        let outcome = self.advance(&mut work, &mut prober);
        prober.report(&*transport);
        if !matches!(outcome, Ok(Some(_))) {
            prober.release(self.id, transport.endpoint());
        }
        outcome
    }

    fn advance(&mut self, work: &mut Work<'_, '_>, prober: &mut Prober) -> Result<Option<Outcome>> {
        loop {
            if let Some(outcome) = prober.next_outcome() {
                return Ok(Some(outcome));
            }
            if self.start.is_none() {
                // What takes its time the first time is not part of the schedule.
                prepare(work, true);
                if self.plan.report {
                    prober.read_counts(work.endpoint(), CountReading::Begin);
                }
            }
            let now = work.endpoint().host.now();
            if let Some(in_flight) = &mut self.in_flight {
                return Ok(std::iter::from_fn(|| in_flight.pop_front()).find_map(|id| prober.interrupted(id)));
            }
            if work.stop.is_stopped() {
                // What came before the stop counts.
                prober.catch_up(work, now, None)?;
                self.in_flight = Some(self.first.map(|first| prober.pending_since(first)).unwrap_or_default());
                continue;
            }
            let start = *self.start.get_or_insert(now);
            if !self.more() && prober.in_flight() == 0 {
                // What came after the last reply is counted.
                prober.receive(work, None, true)?;
                return Ok(prober.next_outcome());
            }
            let due = start + self.plan.interval * self.slot;
            if self.room(prober).is_some_and(|from| now >= due.max(from)) {
                if self.plan.sends {
                    // What came before the sending is reported before it.
                    prober.catch_up(work, now, None)?;
                    if prober.has_outcome() {
                        continue;
                    }
                }
                self.send_due(work, prober, now - due)?;
            }
            prober.catch_up(work, now, None)?;
            if prober.has_outcome() {
                continue;
            }
            let due = start + self.plan.interval * self.slot;
            let due = self.room(prober).map(|from| due.max(from) - self.plan.awake);
            prober.wait(work, due)?;
        }
    }

    /// Sends the ping that has been due for `behind`, and more where the schedule waits for nothing.
    fn send_due(&mut self, work: &mut Work<'_, '_>, prober: &mut Prober, behind: Duration) -> Result<()> {
        if self.plan.interval > Duration::ZERO {
            let missed = (behind.as_nanos() / self.plan.interval.as_nanos()).max(0);
            prober.miss(missed as u64);
            self.slot += missed;
            return self.send(work, prober, missed as u64);
        }
        self.send(work, prober, 0)?;
        // What came meanwhile is stamped, and can wait.
        let mut burst = work.probing().burst;
        while burst > 1 && self.more() && prober.in_flight() < self.plan.window {
            self.send(work, prober, 0)?;
            burst -= 1;
        }
        Ok(())
    }

    /// From when on there is room in the window for another ping; `None`: not before one in flight is settled.
    fn room(&self, prober: &Prober) -> Option<Instant> {
        match prober.in_flight() < self.plan.window {
            _ if !self.more() => None,
            true => Some(Instant::from_nanos(i64::MIN)),
            false => self.plan.max_gap.zip(prober.last_sent()).map(|(gap, last)| last + gap),
        }
    }

    /// Whether there is another ping to send.
    fn more(&self) -> bool {
        self.total.is_none_or(|total| self.sent < total) && self.socket.ended().is_none()
    }

    /// Sends the next ping, before which so many slots were missed.
    fn send(&mut self, work: &mut Work<'_, '_>, prober: &mut Prober, missed: u64) -> Result<()> {
        let Plan { timeout, icmp_wait, sends, .. } = self.plan;
        let target = self.plan.targets.get(self.sent % self.plan.targets.len());
        self.slot += 1;
        self.sent += 1;
        let message = self.compose(work, prober.next_number())?.into_boxed_slice();
        let number = (!matches!(self.plan.message, PingMessage::Ping | PingMessage::Question(_))).then_some(self.sent);
        let slot = Slot {
            number,
            by_number: work.script.matcher.is_some(),
            announced: sends,
            unreported: !self.plan.report,
            missed,
        };
        let unresolved = target.unresolved.as_deref();
        let probe = Probe { to: target.to, unresolved, message: &[], timeout, icmp_wait, ttl: target.ttl, slot };
        let id = prober.send(work, &probe, message)?;
        self.first.get_or_insert(id);
        Ok(())
    }

    /// The message of the ping that is to be sent.
    fn compose(&self, work: &mut Work<'_, '_>, running: u64) -> Result<Vec<u8>> {
        let transport = work.transport;
        let text = match (&self.plan.message, &mut work.script.message) {
            (PingMessage::Question(subject), _) => Text::Question(subject),
            (PingMessage::Same(bytes), _) => Text::Own(bytes.to_vec()),
            (PingMessage::Made, Some(make)) => {
                let failed = |()| Error::invalid("pinger", "the closure that makes messages failed");
                Text::Own(transport.probing().calling(|| make(self.sent)).map_err(failed)?)
            }
            (PingMessage::Ping | PingMessage::Made, _) => Text::Ping(self.sent),
        };
        transport.compose(text, running, self.plan.size)
    }
}

/// A pinger that is given up leaves the socket to others; what it has in flight, it does not get.
impl Drop for Pinger {
    fn drop(&mut self) {
        if let Ok(mut prober) = self.socket.probing().lock("pinger") {
            prober.release(self.id, self.socket.endpoint());
        }
    }
}

/// A beat: the numbers 1, 2, …, each not before its time.
#[derive(Debug)]
pub struct Ticks {
    count: Option<u64>,
    interval: Duration,
    awake: Duration,
    start: Option<Instant>,
    slot: i64,
    ticked: u64,
    missed: u64,
}

impl Ticks {
    /// `count` ticks (`None`: without end), one every `interval`; without a wait if it is zero.
    ///
    /// # Errors
    /// `invalid`: the interval is negative, or shorter than can be kept.
    pub fn new(count: Option<u64>, interval: Duration) -> Result<Self> {
        check_interval("ticks", interval)?;
        Ok(Self { count, interval, awake: Duration::ZERO, start: None, slot: 0, ticked: 0, missed: 0 })
    }

    /// The same, staying awake for the last `time` before each tick instead of sleeping.
    #[must_use]
    pub fn awake(self, time: Duration) -> Self {
        Self { awake: time, ..self }
    }

    /// Waits for the next tick and gives its number; `None` after the last, or when the stop has happened.
    ///
    /// # Errors
    /// `system`.
    pub fn next(&mut self, host: &dyn Host, stop: &Stop) -> Result<Option<u64>> {
        if stop.is_stopped() || self.count.is_some_and(|count| self.ticked >= count) {
            return Ok(None);
        }
        if self.interval > Duration::ZERO {
            let now = host.now();
            let start = *self.start.get_or_insert(now);
            let due = start + self.interval * self.slot;
            let missed = ((now - due).as_nanos() / self.interval.as_nanos()).max(0);
            self.missed += missed as u64;
            self.slot += missed;
            let due = start + self.interval * self.slot;
            let asleep = host.wait(&mut [], Some(due - self.awake), stop);
            let waited = match asleep {
                Ok(Waited::Stopped) => asleep,
                _ => asleep.and_then(|_| host.wait_awake(due, stop)),
            };
            if waited.map_err(|err| Error::system("ticks", &err))? == Waited::Stopped {
                return Ok(None);
            }
            self.slot += 1;
        }
        self.ticked += 1;
        Ok(Some(self.ticked))
    }

    /// Moments of the beat that passed while the loop was busy.
    pub fn missed(&self) -> u64 {
        self.missed
    }
}
