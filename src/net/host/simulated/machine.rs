//! A simulated host, where sockets live as on this machine.

use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Wake;

use super::handle::{DatagramHandle, SimulatedPoller, SocketPlace, place_of};
use super::streams::StreamHandle;
use super::turns::{WakeKey, Woken};
use super::world::{Wait, World};
use crate::net::error::{Error, ErrorKind, errno, of_number};
use crate::net::host::environment::environment;
use crate::net::host::id::HostId;
use crate::net::host::in_place::InPlace;
use crate::net::host::notify::Notify;
use crate::net::host::notify::Waited;
use crate::net::host::socket::{Awaited, HostSocket, Poller, SocketType};
use crate::net::host::stop::{Reason, Stage, Stop};
use crate::net::host::threads;
use crate::net::host::traits::Host;
use crate::net::time::Instant;
use crate::net::wire::Family;

/// The names of hosts, and their addresses.
type Names = Arc<Mutex<BTreeMap<String, Vec<IpAddr>>>>;

/// A host of a simulated run. Clones are the same host.
#[derive(Clone, Debug)]
pub struct SimulatedHost {
    world: World,
    number: usize,
    id: HostId,
    name: Option<Arc<str>>,
    names: Names,
}

impl SimulatedHost {
    /// The host that has this number in `world`. `name`: what it is called, if it is not what stands for this machine.
    pub fn new(world: World, number: usize, id: HostId, name: Option<&str>, names: Names) -> Self {
        Self { world, number, id, name: name.map(Into::into), names }
    }

    /// A host that stands for this machine, in a run of its own: it has loopback, and knows itself by name.
    pub fn this_machine() -> Self {
        let world = World::default();
        let number = world.add_host("", &[], false);
        let own = vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let names = Arc::new(Mutex::new(BTreeMap::from([("localhost".to_string(), own)])));
        Self::new(world, number, HostId::default(), None, names)
    }

    /// The simulated host that `host` is; `None`: it is another.
    pub fn of(host: &dyn Host) -> Option<&Self> {
        host.beneath()?.downcast_ref()
    }

    /// The run it is of.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Its number there.
    pub fn number(&self) -> usize {
        self.number
    }
}

impl Host for SimulatedHost {
    fn id(&self) -> HostId {
        self.id
    }

    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn beneath(&self) -> Option<&dyn Any> {
        Some(self)
    }

    fn lookup(&self, name: &str) -> Vec<IpAddr> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(&name.to_ascii_lowercase()).cloned().unwrap_or_default()
    }

    fn socket(&self, kind: SocketType, family: Family) -> io::Result<Arc<dyn HostSocket>> {
        let place =
            SocketPlace { world: self.world.clone(), host: self.number, key: self.world.new_key(), flags: None };
        match kind {
            SocketType::Tcp => Ok(Arc::new(StreamHandle::open(place, family))),
            _ => Ok(Arc::new(DatagramHandle::open(place, kind, family))),
        }
    }

    fn poller(&self) -> io::Result<Box<dyn Poller>> {
        Ok(Box::new(SimulatedPoller::default()))
    }

    fn now(&self) -> Instant {
        self.world.now()
    }

    fn unix_nanos(&self) -> i64 {
        self.world.wall()
    }

    fn both_clocks(&self) -> (Instant, i64) {
        self.world.both_clocks()
    }

    fn interface(&self, name: &str) -> io::Result<u32> {
        let index = self.world.with_host(self.number, |stack, _| stack.index_of(name));
        index.ok_or_else(|| of_number(errno::ENODEV))
    }

    fn wait(&self, awaited: &mut [Awaited<'_>], until: Option<Instant>, stop: &Stop) -> io::Result<Waited> {
        environment().flush();
        let stopped = || if stop.is_stopped() { Some(Waited::Stopped) } else { None };
        let mut few = [0; 2];
        let keys = match few_keys(awaited, &mut few) {
            Some(count) => &few[..count],
            None => &keys_of(awaited)?,
        };
        loop {
            if let Some(stopped) = stopped() {
                return Ok(stopped);
            }
            if look(awaited)? {
                return Ok(Waited::Ready);
            }
            if until.is_some_and(|until| until <= self.now()) {
                self.world.reads_clock();
                return Ok(Waited::TimedOut);
            }
            let wait = Wait { keys, until, stop: Some((stop, Stage::Interrupted)), is_woken: &|| false };
            match self.world.wait(&wait) {
                Woken::Ready | Woken::TimedOut | Woken::Stopped => {}
                Woken::Stuck(why) => return Err(io::Error::other(stuck(why))),
            }
        }
    }

    fn serve_in_place(&self, socket: &dyn HostSocket, serve: InPlace) -> Option<Box<dyn Any>> {
        let place = place_of(socket).ok()?;
        Some(Box::new(self.world.serve_in_place((place.host, place.key), serve)))
    }

    fn park(
        &self,
        on: &Arc<Notify>,
        until: Option<Instant>,
        stop: Option<(&Stop, Stage)>,
        ready: &mut dyn FnMut() -> bool,
    ) -> Waited {
        environment().flush();
        loop {
            let waker =
                Arc::new(Waker { world: self.world.clone(), key: self.world.new_key(), woken: AtomicBool::new(false) });
            let registered = waker.clone().into();
            on.register(std::task::Waker::clone(&registered));
            let ended = if ready() {
                Some(Waited::Ready)
            } else if stop.is_some_and(|(stop, stage)| stop.stage() >= stage) {
                Some(Waited::Stopped)
            } else {
                until.filter(|until| *until <= self.now()).map(|_| Waited::TimedOut)
            };
            if let Some(ended) = ended {
                on.forget(&registered);
                return ended;
            }
            let wait = Wait { keys: &[waker.key], until, stop, is_woken: &|| waker.woken.load(Ordering::SeqCst) };
            let woken = self.world.wait(&wait);
            on.forget(&registered);
            if let Woken::Stuck(why) = woken {
                // A thread that parks takes no error: all that could go on is ended.
                if self.world.gives_up() {
                    environment().note(&format!("error: {why}\n  hint: {HINT}"));
                }
                stop.inspect(|(stop, _)| stop.terminate(Reason::Ended));
                return Waited::Stopped;
            }
        }
    }

    fn start_thread(&self, name: &str, runs_script: bool, body: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        let (world, number) = (self.world.clone(), self.world.reserve());
        let inside = world.clone();
        let run = move || {
            let _end = inside.begin(number);
            body();
        };
        let started = threads::start(name, runs_script, run);
        if started.is_err() {
            world.give_back(number);
        }
        started
    }
}

/// Wakes a thread that is parked.
#[derive(Debug)]
struct Waker {
    world: World,
    key: WakeKey,
    woken: AtomicBool,
}

impl Wake for Waker {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        self.world.wake(self.key);
    }
}

/// What wakes those who wait for these, if they are one socket or two, as most are: no room is to be made for that.
fn few_keys(awaited: &[Awaited<'_>], keys: &mut [WakeKey; 2]) -> Option<usize> {
    for (at, one) in awaited.iter().enumerate() {
        *keys.get_mut(at)? = place_of(one.on).ok()?.key;
    }
    Some(awaited.len())
}

/// What wakes those who wait for any of these.
fn keys_of(awaited: &[Awaited<'_>]) -> io::Result<Vec<WakeKey>> {
    let mut keys = Vec::with_capacity(awaited.len());
    for one in awaited {
        match one.on.as_any().downcast_ref::<SimulatedPoller>() {
            Some(poller) => keys.extend(poller.keys()),
            None => keys.push(place_of(one.on)?.key),
        }
    }
    Ok(keys)
}

/// Looks at what is waited for; whether any of it is ready.
fn look(awaited: &mut [Awaited<'_>]) -> io::Result<bool> {
    let mut any = false;
    for one in awaited {
        (one.is_ready, one.has_error) = match one.on.as_any().downcast_ref::<SimulatedPoller>() {
            Some(poller) => (poller.is_ready(), false),
            None => {
                let state = place_of(one.on)?.state();
                (state.fits(one.interest), state.has_error)
            }
        };
        any |= one.is_ready;
    }
    Ok(any)
}

/// The error of a wait that can never end.
/// For a wait that nothing can end.
const HINT: &str = "give the wait a time-out, or have another thread send, or end it";

fn stuck(why: String) -> Error {
    Error::new(ErrorKind::System, "wait", why).with_hint(HINT)
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
