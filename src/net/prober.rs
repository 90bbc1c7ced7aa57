//! Probing from a UDP socket: sends messages, hears what comes back, and settles each probe in the ledger.
//!
//! Asynchronous inside: sends and arrivals come in any order. [`UdpSocket::ping`] sends one and waits for it; a
//! [`super::pinger::Pinger`] keeps several in flight.
//!
//! Round-trip times come from one clock a session, the best that its first reply had ([`Clock`]). Kernel
//! stamps are times of the wall clock; they are used only as differences that the monotonic clock confirms, so a step of
//! the wall clock spoils no round-trip time.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::OnceLock;

use socket2::{Domain, Socket, Type};

use super::error::{Error, ErrorKind, Result};
use super::event::{Event, Flow};
use super::host::{Host, Waited};
use super::ledger::{Arrival, Blame, Content, Counts, ErrorArrival, Key, Ledger, ProbeId, Stray};
use super::session::Session;
use super::stop::Stop;
use super::sys::{self, PollFd};
use super::time::{Duration, Instant};
use super::udp::{Datagram, IcmpError, Queued, UdpSocket, closed, send_error};
use super::wire::ping_text;

/// What a round-trip time is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// From the kernel's stamp of the sending to its stamp of the arrival: the path and the peer alone.
    Kernel,
    /// From before the send call to the kernel's stamp of the arrival, as `ping` measures.
    KernelReceive,
    /// From before the send call to when the arrival was seen, with the waking of this process in it.
    User,
}

impl Clock {
    /// The clock in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel receive - kernel send",
            Self::KernelReceive => "kernel receive - user send",
            Self::User => "user receive - user send",
        }
    }
}

/// A message to send and how long to wait for its answer.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'a> {
    /// Where it goes.
    pub to: SocketAddr,
    /// What it says.
    pub message: &'a [u8],
    /// How long an answer is in time.
    pub timeout: Duration,
    /// How long after that an ICMP error is waited for.
    pub icmp_wait: Duration,
}

/// Whether a datagram is the answer, for protocols whose answers do not repeat the message.
///
/// Called with each datagram from the peer. `Err` ends the ping with the error `invalid`.
pub type Matcher<'a> = &'a mut dyn FnMut(&Datagram) -> std::result::Result<bool, ()>;

/// How a probe ended.
#[derive(Clone, Debug)]
pub enum End {
    /// The answer came in time.
    Reply {
        /// The answer.
        datagram: Datagram,
        /// The round-trip time.
        rtt: Duration,
        /// The clock it was measured by.
        clock: Clock,
        /// Whether that is a lesser clock than the session's.
        lesser: bool,
    },
    /// An ICMP error came.
    Icmp {
        /// The error.
        error: IcmpError,
        /// Whether it did not tell which of several pending probes it is about.
        assumed: bool,
    },
    /// Nothing came in time.
    TimedOut,
    /// This host could not send it.
    Unsent(Error),
    /// The stop happened first.
    Interrupted {
        /// Whether the probe was sent; then it is pending.
        sent: bool,
    },
}

impl End {
    /// The state it leaves the probe in, as rows have it: `replied`, `errored`, `timed_out` or `pending`.
    pub const fn state(&self) -> &'static str {
        match self {
            Self::Reply { .. } => "replied",
            Self::Icmp { .. } | Self::Unsent(_) => "errored",
            Self::TimedOut => "timed_out",
            Self::Interrupted { .. } => "pending",
        }
    }
}

/// A probe that ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The number in the message (`ping 7 …`), or else the running number of the socket's probes.
    pub number: u64,
    /// Where the probe went.
    pub to: SocketAddr,
    /// How it ended.
    pub end: End,
}

/// The probes of one socket.
#[derive(Debug, Default)]
pub struct Prober {
    ledger: Ledger,
    /// What the ledger's counts were when the account was last told.
    told: Counts,
    clock: Option<Clock>,
    pending: HashMap<ProbeId, Pending>,
    /// The probes whose sending is not stamped yet, by the numbers of their stamps.
    stamped: VecDeque<(u32, ProbeId)>,
    /// ICMP errors that have come. They wait in a queue of their own, which tells nothing of their order among the
    /// datagrams; so they are heard when it is known which datagrams came before them.
    errors: VecDeque<Unheard>,
    settled: VecDeque<(ProbeId, Outcome)>,
}

/// An ICMP error and the stamp of its arrival.
#[derive(Debug)]
struct Unheard {
    error: IcmpError,
    stamp: Option<i64>,
}

#[derive(Debug)]
struct Pending {
    number: u64,
    to: SocketAddr,
    message: Box<[u8]>,
    sent: Instant,
    /// The same by the wall clock, in nanoseconds since 1970.
    sent_wall: i64,
    stamp: Option<i64>,
}

impl UdpSocket {
    /// Sends a probe and waits until it is settled. An answer is matched by its sender and by the number in a
    /// message `ping N …`, or else by its text, without regard to case; or by `matcher`.
    ///
    /// # Errors
    /// `closed`, `too-large`, `invalid` (another version of IP), `system`.
    pub fn ping(&self, probe: &Probe<'_>, stop: &Stop, mut matcher: Option<Matcher<'_>>) -> Result<Outcome> {
        self.same_version("ping", probe.to)?;
        let socket = self.socket("ping")?;
        let mut prober = self.prober("ping")?;
        if stop.is_stopped() {
            let number = number_of(probe.message).unwrap_or(prober.ledger.counts().sent + 1);
            return Ok(Outcome { number, to: probe.to, end: End::Interrupted { sent: false } });
        }
        let id = prober.send(self, &socket, probe)?;
        prober.tell(self);
        let outcome = prober.settle(self, &socket, id, &mut matcher, stop);
        prober.tell(self);
        outcome
    }

    /// The account of the probes sent from this socket.
    pub fn counts(&self) -> Counts {
        self.known().0
    }

    /// The clock of the socket's round-trip times; `None` before the first reply.
    pub fn clock(&self) -> Option<Clock> {
        self.known().1
    }
}

impl Prober {
    /// Sends a probe. One that this host cannot send is settled at once.
    pub(super) fn send(&mut self, udp: &UdpSocket, socket: &Socket, probe: &Probe<'_>) -> Result<ProbeId> {
        udp.ask_for_stamps(socket);
        // An ICMP error that waits unread would take the place of the send.
        udp.drain(socket, &mut |queued| self.hear_queued(queued));
        let content = Content::of(probe.message);
        let number = number_of(probe.message);
        let key = number.map_or(Key::Content(content.hash), Key::Number);
        let message: Box<[u8]> = probe.message.into();
        let sent_wall = udp.host().unix_nanos();
        udp.tell_sent(probe.message, probe.to);
        // Nothing comes between this reading and the send; and little between the send and the wait, since on a busy
        // machine the peer may have to wait for this very processor.
        let sent = udp.host().now();
        let result = udp.send_raw(socket, probe.message, probe.to, |queued| self.hear_queued(queued));
        let failed = match result {
            Ok(stamp) => Ok(stamp),
            Err(err) => {
                let error = send_error(&err, probe.message.len(), probe.to);
                match error.kind {
                    ErrorKind::Unreachable | ErrorKind::Permission | ErrorKind::Exhausted | ErrorKind::Refused => {
                        Err(error)
                    }
                    _ => return Err(error),
                }
            }
        };
        let id = self.ledger.send(sent, probe.to, key, content, probe.timeout, probe.icmp_wait);
        let number = number.unwrap_or(id.number());
        match failed {
            Ok(stamp) => {
                self.pending.insert(id, Pending { number, to: probe.to, message, sent, sent_wall, stamp: None });
                if let Some(stamp) = stamp {
                    if self.stamped.back().is_some_and(|&(last, _)| stamp.wrapping_sub(last) as i32 <= 0) {
                        // The numbering began again.
                        self.stamped.clear();
                    }
                    self.stamped.push_back((stamp, id));
                }
            }
            Err(error) => {
                self.ledger.error(sent, Blame::Named(id));
                let pending = Pending { number, to: probe.to, message, sent, sent_wall, stamp: None };
                self.finish(udp, id, &pending, End::Unsent(error));
            }
        }
        Ok(id)
    }

    /// Waits until probe `id` is settled, or the stop happens.
    fn settle(
        &mut self,
        udp: &UdpSocket,
        socket: &Socket,
        id: ProbeId,
        matcher: &mut Option<Matcher<'_>>,
        stop: &Stop,
    ) -> Result<Outcome> {
        // The stamp of the sending is there already, and would end the wait. Other than that nothing is looked for yet.
        udp.drain_one(socket, &mut |queued| self.hear_queued(queued));
        let mut look = !self.errors.is_empty();
        loop {
            if let Some(outcome) = self.take(id) {
                return Ok(outcome);
            }
            if std::mem::replace(&mut look, true) {
                self.catch_up(udp, socket, Some(id), matcher)?;
            }
            if self.settled.is_empty() && self.wait(udp, socket, None, stop)? == Waited::Stopped {
                self.collect(udp, socket, Some(id), matcher)?;
                if let Some(outcome) = self.interrupted(id) {
                    return Ok(outcome);
                }
            }
        }
    }

    /// Takes in all that has arrived, and times out the probes whose time is over.
    pub(super) fn catch_up(
        &mut self,
        udp: &UdpSocket,
        socket: &Socket,
        awaited: Option<ProbeId>,
        matcher: &mut Option<Matcher<'_>>,
    ) -> Result<()> {
        // The clock is read first: what arrived before a deadline is then taken in before that deadline is applied,
        // however long this thread is put aside in between.
        let now = udp.host().now();
        self.collect(udp, socket, awaited, matcher)?;
        for id in self.ledger.expire(now) {
            self.time_out(udp, id, false);
        }
        Ok(())
    }

    /// Takes in all that has arrived. An error that names no probe is put down to `awaited`.
    pub(super) fn collect(
        &mut self,
        udp: &UdpSocket,
        socket: &Socket,
        awaited: Option<ProbeId>,
        matcher: &mut Option<Matcher<'_>>,
    ) -> Result<()> {
        loop {
            let before = self.errors.len();
            let datagram = match udp.take(socket) {
                Ok(datagram) => datagram,
                Err(_) if udp.is_closed() => return Err(closed("ping")),
                Err(err) => return Err(Error::system("ping", &err)),
            };
            // The stamps of what was sent are heard now, for the round-trip time of what was received.
            udp.drain(socket, &mut |queued| self.hear_queued(queued));
            let Some(datagram) = datagram else {
                if self.errors.len() > before {
                    // A datagram may have come before them, and after the look into the socket.
                    continue;
                }
                while let Some(error) = self.errors.pop_front() {
                    self.hear_error(udp, error, awaited);
                }
                return Ok(());
            };
            while self.errors.front().is_some_and(|error| error.stamp <= datagram.stamp)
                && let Some(error) = self.errors.pop_front()
            {
                self.hear_error(udp, error, awaited);
            }
            self.hear(udp, awaited, datagram, matcher)?;
        }
    }

    /// Waits for something to arrive, for the next probe's time to be over, for `due` or for the stop.
    ///
    /// # Errors
    /// `closed`: the socket was closed meanwhile.
    pub(super) fn wait(
        &mut self,
        udp: &UdpSocket,
        socket: &Socket,
        due: Option<Instant>,
        stop: &Stop,
    ) -> Result<Waited> {
        self.tell(udp);
        let until = [self.ledger.next_expiry(), due].into_iter().flatten().min();
        let mut fds = [PollFd::readable(socket.as_fd())];
        let waited = udp.host().wait(&mut fds, until, stop).map_err(|err| Error::system("ping", &err))?;
        if udp.is_closed() { Err(closed("ping")) } else { Ok(waited) }
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

    /// What becomes of a pending probe at the stop; it stays pending. `None` if it is not pending.
    pub(super) fn interrupted(&self, id: ProbeId) -> Option<Outcome> {
        let Pending { number, to, .. } = *self.pending.get(&id)?;
        Some(Outcome { number, to, end: End::Interrupted { sent: true } })
    }

    /// The pending probes from `first` on, in the order in which they were sent.
    pub(super) fn pending_since(&self, first: ProbeId) -> VecDeque<ProbeId> {
        let mut ids: Vec<ProbeId> = self.pending.keys().copied().filter(|&id| id >= first).collect();
        ids.sort_unstable();
        ids.into()
    }

    /// The next outcome, in the order in which probes were settled.
    pub(super) fn next_outcome(&mut self) -> Option<Outcome> {
        self.settled.pop_front().map(|(_, outcome)| outcome)
    }

    /// Whether an outcome is waiting to be taken.
    pub(super) fn has_outcome(&self) -> bool {
        !self.settled.is_empty()
    }

    /// How many probes are pending.
    pub(super) fn in_flight(&self) -> usize {
        self.pending.len()
    }

    /// Counts moments of a schedule at which a probe was due and could not be sent.
    pub(super) fn miss(&mut self, slots: u64) {
        self.ledger.miss(slots);
    }

    /// Tells the run's account, and whoever asks the socket, what has changed.
    pub(super) fn tell(&mut self, udp: &UdpSocket) {
        let counts = self.ledger.counts();
        if counts != self.told {
            udp.account().count(self.told, counts);
            udp.make_known(counts, self.clock);
            self.told = counts;
        }
    }

    /// Brings the account up to date, and tells of the probes that are pending and will stay so.
    pub(super) fn settle_up(&mut self, session: &Session, local: SocketAddr, now: i64) {
        let counts = self.ledger.counts();
        session.account.count(self.told, counts);
        self.told = counts;
        let mut left: Vec<(ProbeId, Pending)> = self.pending.drain().collect();
        left.sort_by_key(|(id, _)| *id);
        for (_, pending) in left {
            let outcome = Outcome { number: pending.number, to: pending.to, end: End::Interrupted { sent: true } };
            session.events.tell(|| Event::Outcome {
                flow: Flow { time: now, from: local, to: pending.to },
                sent: pending.sent_wall,
                size: pending.message.len(),
                outcome: &outcome,
            });
        }
    }

    fn hear(
        &mut self,
        udp: &UdpSocket,
        awaited: Option<ProbeId>,
        datagram: Datagram,
        matcher: &mut Option<Matcher<'_>>,
    ) -> Result<()> {
        let (seen, queued) = waited(udp, datagram.stamp);
        let arrived = queued.map_or(seen, |queued| seen - queued);
        let content = Content::of(&datagram.data);
        let arrival = match matcher {
            Some(matcher) => {
                // What comes after the answer in one go is asked about too: it may be a duplicate.
                let peer = |id: &ProbeId| self.ledger.record(*id).is_some_and(|record| record.to == datagram.from);
                let asked = awaited.filter(peer);
                self.tell(udp);
                let failed = |()| Error::invalid("ping", "the closure that matches replies failed");
                match asked {
                    Some(id) if udp.matching(|| matcher(&datagram)).map_err(failed)? => {
                        self.ledger.reply_to(arrived, id)
                    }
                    _ => self.stray(Stray::Foreign),
                }
            }
            None => match number_of(&datagram.data) {
                // A message may be cut in the middle of its number, which leaves another number.
                Some(number)
                    if self.ledger.find(datagram.from, Key::Number(number)).is_none()
                        && self.what_is_left(&datagram) == Stray::Truncated =>
                {
                    self.stray(Stray::Truncated)
                }
                Some(number) => self.ledger.reply(arrived, datagram.from, Key::Number(number), content),
                None => {
                    let key = Key::Content(content.hash);
                    match self.ledger.find(datagram.from, key) {
                        Some(_) => self.ledger.reply(arrived, datagram.from, key, content),
                        None => self.stray(self.what_is_left(&datagram)),
                    }
                }
            },
        };
        match arrival {
            Arrival::Reply { id, .. } => {
                if let Some(pending) = self.pending.remove(&id) {
                    let (rtt, clock) = measure(&pending, &datagram, seen, queued.map(|_| arrived), self.clock);
                    let session = *self.clock.get_or_insert(clock);
                    udp.account().measured_by(session.name(), rtt);
                    let end = End::Reply { datagram, rtt, clock, lesser: clock != session };
                    self.finish(udp, id, &pending, end);
                }
            }
            Arrival::Late { id: Some(id), timed_out: true } => self.time_out(udp, id, true),
            Arrival::Late { .. } => udp.account().late(udp.local(), datagram.from, content),
            _ => {}
        }
        Ok(())
    }

    /// What a datagram that names no probe is: the beginning of a pending message is a truncated answer, anything
    /// else from a peer that owes an answer a corrupt one.
    fn what_is_left(&self, datagram: &Datagram) -> Stray {
        let data = &datagram.data;
        let mut owed = self.pending.values().filter(|pending| pending.to == datagram.from).peekable();
        if owed.peek().is_none() {
            return Stray::Foreign;
        }
        let begins = |pending: &Pending| {
            pending.message.len() > data.len() && ping_text::same_text(&pending.message[..data.len()], data)
        };
        if owed.any(begins) { Stray::Truncated } else { Stray::Corrupt }
    }

    fn stray(&mut self, kind: Stray) -> Arrival {
        self.ledger.stray(kind);
        Arrival::Foreign
    }

    fn hear_queued(&mut self, queued: Queued) {
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
            Queued::Icmp { error, stamp } => self.errors.push_back(Unheard { error, stamp }),
        }
    }

    fn hear_error(&mut self, udp: &UdpSocket, unheard: Unheard, awaited: Option<ProbeId>) {
        let Unheard { error, stamp } = unheard;
        if error.kind.is_advisory() {
            self.ledger.advisory();
            return;
        }
        let (seen, queued) = waited(udp, stamp);
        let blame = self.blame(&error, awaited);
        match (self.ledger.error(queued.map_or(seen, |queued| seen - queued), blame), blame) {
            (ErrorArrival::Settled { id, .. }, _) => {
                if let Some(pending) = self.pending.remove(&id) {
                    let end = End::Icmp { error, assumed: matches!(blame, Blame::Assumed(_)) };
                    self.finish(udp, id, &pending, end);
                }
            }
            (ErrorArrival::Stray { timed_out: true }, Blame::Named(id) | Blame::Assumed(id)) => {
                self.time_out(udp, id, false);
            }
            (ErrorArrival::Stray { .. }, _) => {}
        }
    }

    /// Which probe an ICMP error is about: by what it quotes of the message, or, if that is too little, the only one
    /// pending; between several, the one waited for, or else the oldest.
    fn blame(&self, error: &IcmpError, awaited: Option<ProbeId>) -> Blame {
        // A quote may end in the middle of the number; it counts only if more follows it.
        let number = number_of(&error.quote).filter(|_| error.quote.iter().filter(|&&byte| byte == b' ').count() > 1);
        if let Some(id) = number.and_then(|number| self.ledger.find(error.to, Key::Number(number))) {
            return Blame::Named(id);
        }
        let quoted =
            |id: &ProbeId| self.pending.get(id).is_some_and(|pending| pending.message.starts_with(&error.quote));
        let candidates: Vec<ProbeId> = self.ledger.pending(error.to).filter(quoted).take(2).collect();
        match candidates.as_slice() {
            [] => Blame::Nobody,
            [only] => Blame::Named(*only),
            [oldest, ..] => Blame::Assumed(awaited.filter(|id| quoted(id)).unwrap_or(*oldest)),
        }
    }

    fn time_out(&mut self, udp: &UdpSocket, id: ProbeId, late: bool) {
        if let Some(pending) = self.pending.remove(&id) {
            let content = Content::of(&pending.message);
            udp.account().lost(pending.number, udp.local(), pending.to, content, late);
            self.finish(udp, id, &pending, End::TimedOut);
        }
    }

    /// Makes an outcome of a settled probe.
    fn finish(&mut self, udp: &UdpSocket, id: ProbeId, pending: &Pending, end: End) {
        let outcome = Outcome { number: pending.number, to: pending.to, end };
        udp.session().events.tell(|| Event::Outcome {
            flow: udp.flow(udp.local(), pending.to),
            sent: pending.sent_wall,
            size: pending.message.len(),
            outcome: &outcome,
        });
        self.settled.push_back((id, outcome));
    }
}

/// Has the kernel begin to stamp arrivals. It does so a moment after the first socket asks for it, and the first
/// reply of a run should not fall into that moment.
pub fn warm_up(host: &dyn Host) {
    static ASKING: OnceLock<Option<Socket>> = OnceLock::new();
    ASKING.get_or_init(|| {
        let socket = host.socket(Domain::IPV4, Type::DGRAM, None).ok()?;
        sys::number_stamps(socket.as_fd());
        Some(socket)
    });
}

/// Now, and how long what is stamped has waited in the socket until now, by the wall clock; no more than a blink, or
/// the clock was set meanwhile.
fn waited(udp: &UdpSocket, stamp: Option<i64>) -> (Instant, Option<Duration>) {
    let (seen, unix) = udp.host().both_clocks();
    let queued = stamp.map(|stamp| Duration::from_nanos(unix - stamp));
    (seen, queued.filter(|&queued| queued >= Duration::ZERO && queued < Duration::from_secs(60)))
}

fn number_of(message: &[u8]) -> Option<u64> {
    ping_text::sequence(message)
}

/// The round-trip time of `reply`, by the session's clock, or the best lesser one that the reply has. `arrived`
/// is the arrival by the kernel's stamp on the monotonic clock.
fn measure(
    pending: &Pending,
    reply: &Datagram,
    seen: Instant,
    arrived: Option<Instant>,
    session: Option<Clock>,
) -> (Duration, Clock) {
    let best = session.unwrap_or(Clock::Kernel);
    let by_user = seen - pending.sent;
    let by_receive =
        arrived.map(|arrived| arrived - pending.sent).filter(|&rtt| rtt >= Duration::ZERO && rtt <= by_user);
    let by_kernel = match (by_receive, reply.stamp, pending.stamp) {
        (Some(bound), Some(received), Some(sent)) => {
            Some(Duration::from_nanos(received - sent)).filter(|&rtt| rtt > Duration::ZERO && rtt <= bound)
        }
        _ => None,
    };
    match (best, by_kernel, by_receive) {
        (Clock::Kernel, Some(rtt), _) => (rtt, Clock::Kernel),
        (Clock::Kernel | Clock::KernelReceive, _, Some(rtt)) => (rtt, Clock::KernelReceive),
        _ => (by_user, Clock::User),
    }
}
