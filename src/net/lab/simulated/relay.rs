//! The relay of a simulated lab: the same state machine as in a lab of the kernel, driven by the events of the run.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::net::error::Result;
use crate::net::host::simulated::stack::StackTime;
use crate::net::host::simulated::world::{Carrier, CarrierEnd, World};
use crate::net::lab::relay::{Bytes, EndId, Link, LinkOptions, LinkState, Output, Relay, RelayShared, Time};
use crate::net::lab::{LabHost, Port};
use crate::net::socket::session::Session;
use crate::net::time::Instant;

/// A simulated lab's relay. It ends with this handle.
#[derive(Debug)]
pub struct SimulatedRelay {
    shared: Arc<RelayShared>,
    world: World,
    /// Its number among those that carry frames in the run.
    number: usize,
    inbox: Arc<ArrivedFrames>,
}

/// What the relay is given while it may be at work.
#[derive(Debug, Default)]
struct ArrivedFrames {
    links: Mutex<Vec<LinkState>>,
    count: AtomicUsize,
    ended: AtomicBool,
}

/// What the run drives.
#[derive(Debug)]
struct Driven {
    inbox: Arc<ArrivedFrames>,
    relay: Option<Relay>,
}

impl SimulatedRelay {
    /// Makes a relay without links.
    pub fn new(session: Arc<Session>, world: World) -> Self {
        let (shared, inbox) = (RelayShared::new(session), Arc::<ArrivedFrames>::default());
        let driven = Driven { inbox: inbox.clone(), relay: Some(Relay::new(shared.clone())) };
        let number = world.add_carrier(Arc::new(Mutex::new(driven)));
        Self { shared, world, number, inbox }
    }

    /// What it shares with the handles of links and ingresses.
    pub fn shared(&self) -> &Arc<RelayShared> {
        &self.shared
    }

    /// Joins two interfaces by a link called `name`.
    ///
    /// # Errors
    /// `invalid`: no link can be as the options have it.
    pub fn link(&self, name: &str, hosts: [&LabHost; 2], ports: &[Port; 2], options: LinkOptions) -> Result<Link> {
        let (link, state) = self.shared.link(name, ports, options)?;
        self.inbox.links.lock().unwrap_or_else(PoisonError::into_inner).push(state);
        let number = self.inbox.count.fetch_add(1, Ordering::Relaxed);
        for side in 0..2 {
            let Some(host) = hosts[side].machine() else { continue };
            let mut macs = [0; 12];
            macs[..6].copy_from_slice(&ports[1 - side].mac);
            macs[6..].copy_from_slice(&ports[side].mac);
            let end = CarrierEnd { link: number, side };
            self.world.attach(host.number(), ports[side].ifindex, self.number, end, macs);
        }
        Ok(link)
    }
}

impl Drop for SimulatedRelay {
    fn drop(&mut self) {
        self.inbox.ended.store(true, Ordering::Release);
        self.world.end_carrier(self.number);
    }
}

impl Driven {
    /// The relay with all its links; `None` once it has ended.
    fn relay(&mut self) -> Option<&mut Relay> {
        if self.inbox.ended.load(Ordering::Acquire) {
            self.relay = None;
        }
        let relay = self.relay.as_mut()?;
        for link in self.inbox.links.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            relay.add(link);
        }
        Some(relay)
    }

    /// Has recordings written out once nothing is on its way.
    fn settle(&mut self) {
        if let Some(relay) = self.relay.as_ref().filter(|relay| relay.next_due().is_none() && relay.is_recording()) {
            relay.flush_recordings();
        }
    }
}

impl Carrier for Driven {
    fn receive(&mut self, from: CarrierEnd, frame: Vec<u8>, time: StackTime, out: &mut Vec<(CarrierEnd, Vec<u8>)>) {
        let from = EndId { link: from.link, side: from.side };
        if let Some(relay) = self.relay() {
            relay.receive(from, Some(Bytes::Own(frame)), time_of(time), &mut SimulatedFrames(out));
        }
        self.settle();
    }

    fn next_due(&self) -> Option<Instant> {
        self.relay.as_ref()?.next_due()
    }

    fn serve_due(&mut self, time: StackTime, out: &mut Vec<(CarrierEnd, Vec<u8>)>) -> bool {
        let served = self.relay().is_some_and(|relay| relay.serve_due(time_of(time), &mut SimulatedFrames(out)));
        self.settle();
        served
    }
}

/// Frames that go to hosts.
struct SimulatedFrames<'a>(&'a mut Vec<(CarrierEnd, Vec<u8>)>);

impl Output for SimulatedFrames<'_> {
    fn send(&mut self, to: EndId, bytes: Bytes<'_>) {
        self.0.push((CarrierEnd { link: to.link, side: to.side }, bytes.into_vec()));
    }
}

fn time_of(time: StackTime) -> Time {
    Time { now: time.now, wall: time.wall }
}
