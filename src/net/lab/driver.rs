//! What drives the relay of a lab: a thread with packet sockets, or the events of a simulated run.

use std::sync::Arc;

use super::kernel::relay::RelayThread;
use super::networks::Networks;
use super::relay::{Ingress, Link, LinkOptions, RelayShared};
use super::simulated::SimulatedRelay;
use super::{CableOptions, Lab, LabHost};
use crate::net::error::Result;
use crate::net::host::Host;
use crate::net::host::id::HostId;
use crate::net::host::stop::Stop;
use crate::net::observe::event::{Event, MadeHost, MadeLink};
use crate::net::random::RandomStream;
use crate::net::socket::session::Session;
use crate::net::time::Duration;

/// A lab's relay and what drives it.
#[derive(Debug)]
pub enum RelayDriver {
    /// Of a lab of the kernel.
    Thread(RelayThread),
    /// Of a simulated one.
    Simulated(SimulatedRelay),
}

impl RelayDriver {
    /// Starts the relay of `lab`. `host` has the clocks.
    ///
    /// # Errors
    /// `exhausted`: no more descriptors or threads.
    pub fn start(lab: &Lab, session: Arc<Session>, host: Arc<dyn Host>, stop: Stop) -> Result<Self> {
        Ok(match lab.control() {
            Networks::Simulated(networks) => Self::Simulated(SimulatedRelay::new(session, networks.world().clone())),
            Networks::Kernel(_) => Self::Thread(RelayThread::start(session, host, stop)?),
        })
    }

    /// Joins two hosts of `lab` by a link called `name`, over such a cable.
    ///
    /// # Errors
    /// `invalid`: as [`Lab::connect`], or no link can be as the options have it; `closed`: the lab has ended.
    pub fn link(
        &self,
        name: &str,
        lab: &Lab,
        hosts: [&LabHost; 2],
        cable: &CableOptions,
        options: LinkOptions,
    ) -> Result<Link> {
        let [a, b] = hosts;
        let made = self.join(name, lab, hosts, cable, options)?;
        let ns = Duration::as_nanos;
        let (delay_ns, jitter_ns, rate, queue) = (ns(options.delay), ns(options.jitter), options.rate, options.queue);
        let ends = [a, b].map(|host| host.parts().name.clone());
        let (lab, name, mtu) = (self.shared().number(), name.to_string(), cable.mtu);
        let link = MadeLink { lab, name, ends, delay_ns, jitter_ns, rate, queue, mtu };
        self.session().events.emit(|| Event::Link { time: a.unix_nanos(), link: &link });
        Ok(made)
    }

    fn join(
        &self,
        name: &str,
        lab: &Lab,
        hosts: [&LabHost; 2],
        cable: &CableOptions,
        options: LinkOptions,
    ) -> Result<Link> {
        let [a, b] = hosts;
        match self {
            Self::Thread(thread) => thread.link(name, lab.connect(a, b, cable)?, options),
            Self::Simulated(relay) => relay.link(name, hosts, &lab.connect_simulated(a, b, cable)?, options),
        }
    }

    /// Draws the jitter of links made from now on from `stream`.
    pub fn draw_from(&self, stream: RandomStream) {
        self.shared().draw_from(stream);
    }

    /// Has the loss report tell a host apart by its addresses, also before it has a link.
    pub fn knows(&self, host: &LabHost) {
        self.shared().knows(host.id(), host.name().unwrap_or_default(), &host.addrs());
        let new = MadeHost {
            lab: self.shared().number(),
            name: host.parts().name.clone(),
            addrs: host.prefixes().iter().map(ToString::to_string).collect(),
            router: host.forwards(),
        };
        self.session().events.emit(|| Event::Host { time: host.unix_nanos(), host: &new });
    }

    /// The session whose loss report it enters losses in.
    pub fn session(&self) -> &Session {
        self.shared().session()
    }

    /// The ingress of a host: what comes in by any of its links.
    pub fn ingress(&self, host: HostId) -> Ingress {
        self.shared().ingress(host)
    }

    fn shared(&self) -> &Arc<RelayShared> {
        match self {
            Self::Thread(thread) => thread.shared(),
            Self::Simulated(relay) => relay.shared(),
        }
    }
}
