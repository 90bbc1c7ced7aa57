//! What a socket has that pings: its prober, and what others may know of it meanwhile.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use super::transport::Name;
use super::{PendingError, Prober, Transport};
use crate::net::error::{Error, Result};
use crate::net::host::current::current;
use crate::net::probe::clock::Clock;
use crate::net::probe::ledger::{Counts, CountsByProbe, Key, ProbeId};
use crate::net::socket::endpoint::Endpoint;
use crate::net::socket::error_queue::{Queued, one_at_a_time};
use crate::net::socket::icmp_monitor::IcmpMonitor;
use crate::net::wire::content::Content;
use crate::net::wire::icmp::IcmpError;
use crate::net::wire::ping_text;

/// What a socket has that pings.
#[derive(Debug)]
pub(in crate::net) struct Probing {
    prober: Mutex<Prober>,
    /// What the prober last made known. Apart from it, because it is busy while it waits.
    pub(in crate::net) tally: Tally,
    /// Receives what the kernel does not queue of the errors about its probes.
    pub(in crate::net) monitor: IcmpMonitor,
    /// Octets of a message that its reply does not repeat: the header of ICMP, which has the probe's number.
    header: usize,
    /// How many probes of a schedule that is behind may be sent in a row before what has come is looked at.
    pub(in crate::net) burst: usize,
}

impl Probing {
    /// Of a socket with `headers` octets before a message in its IP packets.
    pub(in crate::net) fn new(headers: usize) -> Self {
        let (prober, tally, monitor) = (Mutex::default(), Tally::new(headers), IcmpMonitor::default());
        Self { prober, tally, monitor, header: 0, burst: 1 }
    }

    /// Of a socket that speaks ICMP, whose messages begin with `header` octets that a reply does not repeat.
    pub(in crate::net) fn over_icmp(prober: Prober, headers: usize, header: usize, burst: usize) -> Self {
        Self { prober: Mutex::new(prober), header, burst, ..Self::new(headers) }
    }

    /// The prober.
    ///
    /// # Errors
    /// `invalid`: this thread is inside of a closure that the prober has called. `busy`: another thread waits for a reply on
    /// the socket.
    pub(in crate::net) fn lock(&self, op: &'static str) -> Result<MutexGuard<'_, Prober>> {
        if std::ptr::addr_eq(current(|current| current.matching.get()), self) {
            return Err(Error::invalid(op, "the socket waits for the reply to another ping")
                .with_hint("use another socket inside of the closure that matches replies"));
        }
        self.try_lock().ok_or_else(|| one_at_a_time(op))
    }

    /// The prober, unless a thread is at work with it.
    pub(in crate::net) fn try_lock(&self) -> Option<MutexGuard<'_, Prober>> {
        match self.prober.try_lock() {
            Ok(prober) => Some(prober),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Runs a closure of a script, which must not use this prober.
    pub(in crate::net) fn calling<T>(&self, closure: impl FnOnce() -> T) -> T {
        let outer = current(|current| current.matching.replace(std::ptr::from_ref(self).cast()));
        let value = closure();
        current(|current| current.matching.set(outer));
        value
    }

    /// Brings the loss report and the events up to date, unless a thread still waits for a probe.
    pub(in crate::net) fn settle_up(&self, endpoint: &Endpoint) {
        if let Some(mut prober) = self.try_lock() {
            prober.settle_up(endpoint);
        }
    }

    /// What of a message its reply repeats.
    pub(super) fn echoed<'a>(&self, message: &'a [u8]) -> &'a [u8] {
        message.get(self.header..).unwrap_or_default()
    }

    /// How the reply to `message`, the probe of this running number, will name it.
    pub(super) fn name(&self, message: &[u8], running: u64) -> Name {
        let content = Content::of(self.echoed(message));
        if self.header > 0 {
            return Name { key: Key::Number(running), number: None, content };
        }
        let number = ping_text::sequence(message);
        Name { key: number.map_or(Key::Content(content.hash), Key::Number), number, content }
    }
}

/// The advice about what was sent over `transport` that has come by now and was not asked for yet. What came last may not have
/// been received with the reply that it came before; so it is looked for once more, unless another thread is at it.
pub(in crate::net) fn notices(transport: &dyn Transport) -> Vec<IcmpError> {
    let probing = transport.probing();
    if let Ok(mut prober) = probing.lock("notices") {
        let mut advice = Vec::new();
        probing.monitor.look();
        transport.take_monitored(&mut |queued| match queued {
            Queued::Icmp { error, .. } if error.kind.is_advisory() => advice.push(error),
            other => prober.queue(other),
        });
        for error in advice {
            prober.match_error(transport, PendingError { error, stamp: None }, None);
        }
        prober.report(transport);
    }
    probing.tally.lock().notices.drain(..).collect()
}

/// What others may know of a socket's probes while its prober is busy: their counts and clock, and advice that settled none.
/// Clones are the same.
#[derive(Clone, Debug)]
pub struct Tally {
    known: Arc<Mutex<Known>>,
    headers: usize,
}

#[derive(Debug, Default)]
struct Known {
    counts: Counts,
    apart: CountsByProbe,
    clock: Option<Clock>,
    notices: VecDeque<IcmpError>,
}

/// How many notices are kept until they are asked for.
const NOTICES: usize = 1024;

impl Tally {
    /// A tally of nothing yet. IP packets of the socket have `headers` octets before a message.
    pub fn new(headers: usize) -> Self {
        Self { known: Arc::default(), headers }
    }

    /// Octets of headers before a message in its IP packet.
    pub fn headers(&self) -> usize {
        self.headers
    }

    /// The counts of the probes.
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// The clock of the round-trip times; `None` before the first reply.
    pub fn clock(&self) -> Option<Clock> {
        self.lock().clock
    }

    /// Whether both are of the same socket.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.known, &other.known)
    }

    /// The packets that were counted apart and are about these probes.
    pub fn apart(&self, ids: RangeInclusive<ProbeId>) -> Counts {
        self.lock().apart.of(ids)
    }

    /// Sets the counts; `apart`: what was counted apart since.
    pub(super) fn set(&self, counts: Counts, clock: Option<Clock>, apart: Option<CountsByProbe>) {
        let mut known = self.lock();
        apart.into_iter().for_each(|apart| known.apart.merge(apart));
        (known.counts, known.clock) = (counts, clock);
    }

    /// Keeps advice until it is asked for; of more than [`NOTICES`] the oldest are gone.
    pub(super) fn notice(&self, error: IcmpError) {
        let mut known = self.lock();
        if known.notices.len() == NOTICES {
            known.notices.pop_front();
        }
        known.notices.push_back(error);
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
