//! What kernels count, and when it rose: only what a count rose by while a ping was in flight can be why that was lost.
//!
//! Counts are read when a pinger begins, between pings that are sent one by one, when pings are lost, and when a lab ends. No kernel
//! says whose packet raised a count.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use crate::net::host::id::HostId;
use crate::net::time::{Duration, Instant};

/// How many rises are remembered.
const REMEMBERED: usize = 4096;

/// Readings may take so much time in all; beyond that, one part in [`SHARE`] of the time that passes.
const FREE: Duration = Duration::from_millis(500);
const SHARE: f64 = 20.0;

/// Between pings that are sent one by one, counts are read no more often than this.
const SELDOM: Duration = Duration::from_millis(50);

/// What a kernel counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Counter {
    /// Datagrams that it dropped at the sockets bound to this address, their buffers being full.
    Buffer(HostId, SocketAddr),
    /// Frames that came faster than this link carries.
    Link(Arc<str>),
    /// A place in [`KERNEL_CAUSES`](super::KERNEL_CAUSES).
    Kernel(HostId, usize),
}

/// A count rose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct CounterRise {
    /// The readings that it rose between.
    pub(super) after: Instant,
    pub(super) until: Instant,
    pub(super) by: u64,
    /// Whether a pinger began in between, whose packets may not be the cause.
    pub(super) coarse: bool,
}

impl CounterRise {
    /// Whether it is between the readings.
    pub(super) fn holds(&self, at: Instant) -> bool {
        self.after < at && at <= self.until
    }
}

/// When counts are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) enum CountReading {
    /// A pinger begins.
    Begin,
    /// Before one of many pings that are sent one by one.
    Between,
    /// A ping was lost, or its pinger ends.
    Lost,
}

/// The counts, as they were read.
#[derive(Debug, Default)]
pub(super) struct Rises {
    /// What each was at the latest reading, and when that began.
    last: HashMap<Counter, (Instant, u64)>,
    list: VecDeque<(Counter, CounterRise)>,
    /// When the latest reading ended, how long it took, and how long all have.
    latest: Option<(Instant, Duration)>,
    spent: Duration,
    /// Whether a pinger has begun without one since.
    coarse: bool,
}

impl Rises {
    /// Whether to read the counts now.
    pub(super) fn is_due(&mut self, now: Instant, reading: CountReading) -> bool {
        let Some((latest, cost)) = self.latest else { return true };
        let rested = now - latest >= cost * SHARE;
        let due = match reading {
            CountReading::Between => rested && now - latest >= SELDOM,
            CountReading::Begin | CountReading::Lost => rested || self.spent < FREE,
        };
        self.coarse |= !due && reading == CountReading::Begin;
        due
    }

    /// Notes that counts were read from `before` to `now`, and enters them.
    pub(super) fn read(&mut self, [before, now]: [Instant; 2], counts: impl Iterator<Item = (Counter, u64)>) {
        for (counter, count) in counts {
            // What is read for the first time rose before anybody looked.
            let (after, known) = self.last.get(&counter).copied().unwrap_or((before, count));
            if count > known {
                let rise = CounterRise { after, until: now, by: count - known, coarse: self.coarse };
                self.enter(counter.clone(), rise);
            }
            self.last.insert(counter, (before, count.max(known)));
        }
        self.latest = Some((now, now - before));
        self.spent += now - before;
        self.coarse = false;
    }

    /// Notes that something counts from now on, from 0.
    pub(super) fn begins(&mut self, counter: Counter) {
        let latest = self.latest.map_or(Instant::from_nanos(i64::MIN), |(latest, _)| latest);
        self.last.entry(counter).or_insert((latest, 0));
    }

    pub(super) fn enter(&mut self, counter: Counter, rise: CounterRise) {
        if self.list.len() == REMEMBERED {
            self.list.pop_front();
        }
        self.list.push_back((counter, rise));
    }

    /// All rises of each count, with those up to `counts`, which are read now.
    pub(super) fn by_counter(&self, counts: &[(Counter, u64)]) -> BTreeMap<Counter, Vec<CounterRise>> {
        let mut all: BTreeMap<Counter, Vec<CounterRise>> = BTreeMap::new();
        for (counter, rise) in &self.list {
            all.entry(counter.clone()).or_default().push(*rise);
        }
        for (counter, count) in counts {
            let Some(&(after, known)) = self.last.get(counter) else { continue };
            if *count > known {
                let until = Instant::from_nanos(i64::MAX);
                let rise = CounterRise { after, until, by: count - known, coarse: self.coarse };
                all.entry(counter.clone()).or_default().push(rise);
            }
        }
        all
    }
}
