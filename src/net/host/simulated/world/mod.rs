//! A simulated run: the clock, the events to come, the hosts, and whose turn it is.
//!
//! Threads of a script are threads of the system, of which one runs at a time. One that waits becomes the driver: it has events
//! happen until a thread is ready, and gives that one the turn; so no thread of its own carries the network, and a wait that
//! another event ends soon costs no switch.

mod events;
mod in_place;
mod pending;
mod threads;
mod ticket;

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Debug};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use self::threads::{ThreadEnd, Wait};

use self::in_place::InPlaceOf;
use self::pending::PendingEvents;
use self::ticket::Ticket;
use super::queue::MOST;
use super::stack::{Stack, StackTime};
use super::turns::{ThreadNumber, Turns, WakeKey};
use crate::net::host::stop::{Stage, Stop};
use crate::net::host::threads::ThreadId;
use crate::net::random::RandomStream;
use crate::net::time::{Duration, Instant};
use crate::net::wire::prefix::Prefix;

/// When each run begins, in nanoseconds since 1970: 2026-01-01 00:00:00 UTC.
const BEGINNING: i64 = 1_767_225_600_000_000_000;

/// How often scripts may read the clock at one time.
const IN_VAIN: u64 = 200_000;

/// Where the monotonic clock begins.
const START: Instant = Instant::from_nanos(1_000_000_000);

/// An end of one of a carrier's links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CarrierEnd {
    /// Which link, from 0 on.
    pub link: usize,
    /// Which of its ends: 0 or 1.
    pub side: usize,
}

/// What carries frames between hosts: a state machine that is given the time.
pub trait Carrier: Debug + Send {
    /// A frame has come from the host at `from`; what goes to hosts is put into `out`.
    fn receive(&mut self, from: CarrierEnd, frame: Vec<u8>, time: StackTime, out: &mut Vec<(CarrierEnd, Vec<u8>)>);

    /// When something is due next.
    fn next_due(&self) -> Option<Instant>;

    /// Does the first of what is due; whether anything was.
    fn serve_due(&mut self, time: StackTime, out: &mut Vec<(CarrierEnd, Vec<u8>)>) -> bool;
}

/// A carrier that hosts share.
pub type SharedCarrier = Arc<Mutex<dyn Carrier>>;

/// A simulated run. Clones are the same run.
#[derive(Clone, Debug)]
pub struct World(Arc<SharedWorld>);

#[derive(Debug)]
struct SharedWorld {
    state: Mutex<State>,
    now: AtomicI64,
    /// How often scripts have read the clock at this time.
    readings: AtomicU64,
    /// What is to be done before anything happens at a host, and whether there is any.
    deferred: Mutex<Vec<Deferred>>,
    has_deferred: AtomicBool,
}

/// Something that was put off.
struct Deferred(Box<dyn FnOnce() + Send>);

impl Debug for Deferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deferred")
    }
}

#[derive(Debug)]
struct State {
    queue: PendingEvents,
    turns: Turns,
    hosts: Vec<SimulatedNode>,
    carriers: Vec<AttachedCarrier>,
    /// Room for what comes out of them.
    carried: Vec<(CarrierEnd, Vec<u8>)>,
    threads: HashMap<ThreadId, ThreadNumber>,
    /// The one that was looked for last, which mostly is the next.
    last_thread: Option<(ThreadId, ThreadNumber)>,
    tickets: BTreeMap<ThreadNumber, Arc<Ticket>>,
    /// What ends the waits of threads.
    stops: Vec<(ThreadNumber, Stop, Stage)>,
    /// How often anything had been stopped when these were looked at; `None`: they are to be.
    stops_seen: Option<u64>,
    in_place: BTreeMap<ThreadNumber, InPlaceOf>,
    /// The thread that has events happen.
    driver: Option<ThreadNumber>,
    last_key: WakeKey,
    failed: Option<String>,
    /// Whether it was said that the run cannot go on.
    has_given_up: bool,
}

/// A host, and where its interfaces lead.
#[derive(Debug)]
struct SimulatedNode {
    name: String,
    stack: Stack,
    /// By the index of the interface: the carrier, its end, and the header of frames.
    links: BTreeMap<u32, (usize, CarrierEnd, [u8; 12])>,
    due: Option<Instant>,
}

#[derive(Debug)]
struct AttachedCarrier {
    carrier: SharedCarrier,
    /// The hosts and interfaces at the ends of each link.
    ends: Vec<[Option<(usize, u32)>; 2]>,
    due: Option<Instant>,
}

impl Default for World {
    fn default() -> Self {
        Self::with_most_events(MOST)
    }
}

impl World {
    /// A run without hosts, of at most so many events.
    pub fn with_most_events(most: u64) -> Self {
        let state = State {
            queue: PendingEvents::new(most),
            turns: Turns::default(),
            hosts: Vec::new(),
            carriers: Vec::new(),
            carried: Vec::new(),
            threads: HashMap::new(),
            last_thread: None,
            tickets: BTreeMap::new(),
            stops: Vec::new(),
            stops_seen: None,
            in_place: BTreeMap::new(),
            driver: None,
            last_key: 0,
            failed: None,
            has_given_up: false,
        };
        Self(Arc::new(SharedWorld {
            state: Mutex::new(state),
            now: AtomicI64::new(START.as_nanos()),
            readings: AtomicU64::new(0),
            deferred: Mutex::default(),
            has_deferred: AtomicBool::new(false),
        }))
    }

    /// The time.
    pub fn now(&self) -> Instant {
        Instant::from_nanos(self.0.now.load(Ordering::Acquire))
    }

    /// The time in nanoseconds since 1970.
    pub fn wall(&self) -> i64 {
        wall_at(self.now())
    }

    /// The time by both clocks.
    pub fn both_clocks(&self) -> (Instant, i64) {
        let now = self.now();
        (now, wall_at(now))
    }

    /// When it began, in nanoseconds since 1970.
    pub fn began(&self) -> i64 {
        BEGINNING
    }

    /// A script reads the clock.
    pub fn reads_clock(&self) {
        self.0.readings.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether scripts read the clock again and again though it stands still: they wait for a time that cannot come.
    pub fn is_read_in_vain(&self) -> bool {
        self.0.readings.load(Ordering::Relaxed) > IN_VAIN
    }

    /// How much time has passed.
    pub fn elapsed(&self) -> Duration {
        self.now() - START
    }

    /// The run cannot go on; whether that was not said before.
    pub fn gives_up(&self) -> bool {
        !std::mem::replace(&mut self.lock().has_given_up, true)
    }

    /// Whether a thread waited for what could not come.
    pub fn has_given_up(&self) -> bool {
        self.lock().has_given_up
    }

    /// Adds a host; its number.
    pub fn add_host(&self, name: &str, addrs: &[Prefix], forwards: bool) -> usize {
        let mut state = self.lock();
        let (stack, links) = (Stack::new(addrs, forwards), BTreeMap::new());
        state.hosts.push(SimulatedNode { name: name.to_string(), stack, links, due: None });
        state.hosts.len() - 1
    }

    /// Adds what carries frames; its number.
    pub fn add_carrier(&self, carrier: SharedCarrier) -> usize {
        let mut state = self.lock();
        state.carriers.push(AttachedCarrier { carrier, ends: Vec::new(), due: None });
        state.carriers.len() - 1
    }

    /// Has a carrier let go of all that it holds; what was on its way is gone.
    pub fn end_carrier(&self, number: usize) {
        let carrier = self.lock().carriers.get(number).map(|carried| carried.carrier.clone());
        // One that is at work right now looks by itself, the next time.
        if let Some(mut carrier) = carrier.as_ref().and_then(|carrier| carrier.try_lock().ok()) {
            carrier.serve_due(self.time(), &mut Vec::new());
        }
    }

    /// Has the interface of a host lead to an end of a carrier's link; `macs`: the hardware addresses of the other end's
    /// interface and of this one, with which frames begin.
    pub fn attach(&self, host: usize, interface: u32, carrier: usize, end: CarrierEnd, macs: [u8; 12]) {
        let mut state = self.lock();
        if let Some(AttachedCarrier { ends, .. }) = state.carriers.get_mut(carrier) {
            ends.resize(ends.len().max(end.link + 1), [None; 2]);
            ends[end.link][end.side] = Some((host, interface));
        }
        if let Some(node) = state.hosts.get_mut(host) {
            node.links.insert(interface, (carrier, end, macs));
        }
    }

    /// Has something done before anything happens at a host, and not now.
    pub fn defer(&self, act: impl FnOnce() + Send + 'static) {
        self.0.deferred.lock().unwrap_or_else(PoisonError::into_inner).push(Deferred(Box::new(act)));
        self.0.has_deferred.store(true, Ordering::Release);
    }

    /// Does what was deferred.
    pub(in crate::net::host::simulated) fn settle(&self) {
        if self.0.has_deferred.load(Ordering::Acquire) && self.0.has_deferred.swap(false, Ordering::AcqRel) {
            let deferred = std::mem::take(&mut *self.0.deferred.lock().unwrap_or_else(PoisonError::into_inner));
            deferred.into_iter().for_each(|Deferred(act)| act());
        }
    }

    /// Does something with the stack of a host; what it sends is on its way afterwards.
    pub fn with_host<R>(&self, host: usize, act: impl FnOnce(&mut Stack, StackTime) -> R) -> R {
        self.settle();
        self.configure(host, act)
    }

    /// Does something with the stack of a host that sends nothing, wakes no thread and has nothing become due.
    pub fn look_at_host<R>(&self, host: usize, act: impl FnOnce(&mut Stack) -> R) -> R {
        self.settle();
        act(&mut self.lock().hosts[host].stack)
    }

    /// The same as [`Self::with_host`] before what was deferred is done.
    pub fn configure<R>(&self, host: usize, act: impl FnOnce(&mut Stack, StackTime) -> R) -> R {
        let mut state = self.lock();
        let time = self.time();
        let result = act(&mut state.hosts[host].stack, time);
        self.flush(&mut state, host);
        result
    }

    /// Wakes those who wait for `key`.
    pub fn wake(&self, key: WakeKey) {
        let mut state = self.lock();
        state.turns.wake(key);
        // Where no thread has the turn, all wait for something of the real world, such as this.
        Self::resume(state);
    }

    /// A number that nothing else has.
    pub fn new_key(&self) -> WakeKey {
        let mut state = self.lock();
        state.last_key += 1;
        state.last_key
    }

    /// A number by which a socket knows what it has sent.
    pub fn token(&self) -> u64 {
        (RandomStream::of_seed(self.new_key()).draw(1) * (1u64 << 53) as f64) as u64
    }

    fn time(&self) -> StackTime {
        let now = self.now();
        StackTime { now, wall: wall_at(now) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wall_at(now: Instant) -> i64 {
    BEGINNING.saturating_add((now - START).as_nanos())
}
