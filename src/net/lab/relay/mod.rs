//! The relay: the thread that carries every frame of a lab from one end of a link to the other.
//!
//! On its way a frame meets, in this order: the link, which may be down; the policy of its direction; the queue of a link
//! with a rate; the delay; and the ingress of the host it goes to. What a policy rejects is answered as if it had come as far as
//! the host: the answer arrives after one round trip's delay, and that of an ingress meets the policy of the way back as well.
//!
//! What a policy makes of a frame is an event, a cause in the account and a comment in the capture. `edit` makes frames, `lane`
//! knows when they arrive, `run` reads and sends them, `passage` takes them past what is in between, and `link` is what others change meanwhile.

use std::collections::HashMap;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

pub use self::counters::Counts;
pub use self::link::{Direction, Ingress, Link, LinkOptions, QUEUE};

use self::link::{IngressState, Lane, Rules, lock};
use self::run::Runner;
use self::wire::Wire;
use super::{Cable, LabHost, Port};
use crate::net::error::{Error, Result};
use crate::net::host::Host;
use crate::net::host::environment::environment;
use crate::net::host::id::HostId;
use crate::net::host::stop::Stop;
use crate::net::policy::input::{Site, Way};
use crate::net::random::{Sequence, Stream};
use crate::net::socket::session::Session;
use crate::net::sys;

mod capture;
mod counters;
mod edit;
mod lane;
mod link;
mod passage;
mod pieces;
mod run;
mod verdict;
mod wire;

/// Policies may run script code, which needs a deep stack.
const STACK: usize = 16 << 20;

/// A lab's relay. It ends with this handle, or with the stop that it was started with.
#[derive(Debug)]
pub struct Relay(Arc<Shared>);

/// What the relay's thread shares with the handles of links and ingresses.
#[derive(Debug)]
struct Shared {
    session: Arc<Session>,
    /// Tells the lab's addresses from those of other labs in the account.
    lab: u32,
    /// Links that were made and that the thread has not taken in.
    new: Mutex<Vec<Wire>>,
    ingresses: Mutex<HashMap<HostId, Arc<IngressState>>>,
    jitter: Mutex<Sequence>,
    /// Whether anything was ever to be recorded.
    recording: AtomicBool,
    ended: AtomicBool,
    wake: OwnedFd,
}

impl Relay {
    /// Starts the thread. `host` has the clocks.
    ///
    /// # Errors
    /// `exhausted`: no more descriptors or threads.
    pub fn start(session: Arc<Session>, host: Arc<dyn Host>, stop: Stop) -> Result<Self> {
        let failed = |err: std::io::Error| Error::system("lab", &err);
        let shared = Arc::new(Shared {
            session,
            lab: NEXT_LAB.fetch_add(1, Ordering::Relaxed),
            new: Mutex::default(),
            ingresses: Mutex::default(),
            jitter: Mutex::new(Sequence::new(Stream::of_seed(0))),
            recording: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            wake: sys::eventfd().map_err(failed)?,
        });
        let inside = shared.clone();
        let run = move || {
            environment().thread_begins(STACK);
            sys::set_timer_slack();
            Runner::new(inside, host, stop).run();
        };
        std::thread::Builder::new().name("relay".to_string()).stack_size(STACK).spawn(run).map_err(failed)?;
        Ok(Self(shared))
    }

    /// Draws the jitter of links made from now on from `stream`.
    pub fn draw_from(&self, stream: Stream) {
        *lock(&self.0.jitter) = Sequence::new(stream);
    }

    /// Has the account tell `host` apart by its addresses, also before it has a link: it may talk to itself.
    pub fn knows(&self, host: &LabHost) {
        let name = host.name().unwrap_or_default();
        self.0.session.loss_report.has_host(self.0.lab, host.id(), name, &host.addrs());
    }

    /// Joins the ends of a cable by a link called `name`.
    ///
    /// # Errors
    /// `invalid`: no link can be as the options have it.
    pub fn link(&self, name: &str, cable: Cable, options: LinkOptions) -> Result<Link> {
        options.check()?;
        let shared = &self.0;
        let link: Arc<str> = name.into();
        let names: [Arc<str>; 2] = [0, 1].map(|side| cable.ports[side].host_name.as_str().into());
        let lanes = [0, 1].map(|side: usize| {
            let (from, to) = (&cable.ports[side], &cable.ports[1 - side]);
            let site = format!("{name} from {}", from.host_name);
            Arc::new(Lane {
                way: Arc::new(Way {
                    link: link.clone(),
                    from: names[side].clone(),
                    to: names[1 - side].clone(),
                    from_id: from.host,
                    to_id: to.host,
                }),
                interface: site.clone(),
                site: Site::Link(site.into()),
                counters: Default::default(),
                rules: Mutex::new(Rules { options, ..Rules::default() }),
            })
        });
        let jitter = [0, 1].map(|_| lock(&shared.jitter).split());
        let ingresses = [0, 1].map(|side| {
            let port: &Port = &cable.ports[side];
            let addrs: &[IpAddr] = &port.addrs;
            shared.session.loss_report.has_host(shared.lab, port.host, &port.host_name, addrs);
            let ingress = self.ingress_state(port.host);
            lock(&ingress.name).get_or_insert_with(|| names[side].clone());
            ingress
        });
        let way = &lanes[0].way;
        shared.session.loss_report.has_link(&way.link, way.from_id, way.to_id);
        let wire = Wire::new(lanes.clone(), cable.ports, ingresses, jitter);
        lock(&shared.new).push(wire);
        sys::eventfd_raise(shared.wake.as_fd());
        Ok(Link { lanes, shared: shared.clone() })
    }

    /// The session whose account it enters losses in.
    pub fn session(&self) -> &Session {
        &self.0.session
    }

    /// The ingress of a host: what comes in by any of its links.
    pub fn ingress(&self, host: HostId) -> Ingress {
        Ingress { state: self.ingress_state(host), shared: self.0.clone() }
    }

    fn ingress_state(&self, host: HostId) -> Arc<IngressState> {
        lock(&self.0.ingresses).entry(host).or_default().clone()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::Release);
        sys::eventfd_raise(self.0.wake.as_fd());
    }
}

static NEXT_LAB: AtomicU32 = AtomicU32::new(1);

#[cfg(test)]
mod malformed_tests;
#[cfg(test)]
mod tests;
