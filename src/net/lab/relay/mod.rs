//! The relay: what carries every frame of a lab from one end of a link to the other.
//!
//! On its way a frame meets, in this order: the link, which may be down; the policy of its direction; the queue of a link
//! with a rate; the delay; and the ingress of the host it goes to. What a policy rejects is sent back as if it had come as far as
//! the host: the reply arrives after one round trip's delay, and that of an ingress meets the policy of the way back as well.
//!
//! What a policy makes of a frame is an event, a cause in the loss report and a comment in the capture. `machine` is the state
//! machine, which something else drives (in labs of the kernel, a thread with packet sockets); `passage` takes frames past what is in
//! between, `lane` knows when they arrive, `edit` makes frames, and `link` is what others change meanwhile.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

pub use self::counters::FrameCounts;
pub use self::link::{Direction, Ingress, Link, LinkOptions, QUEUE};
pub use self::machine::{Bytes, EndId, Output, Relay, Time};
pub use self::planned::LinkChange;
pub use self::state::LinkState;

use self::capture::Capture;
use self::link::{IngressState, Lane, Rules, lock};
use self::note::Notes;
use self::state::LinkEnd;
use super::Port;
use crate::net::error::Result;
use crate::net::host::environment::process;
use crate::net::host::id::HostId;
use crate::net::policy::input::{FrameDirection, Site};
use crate::net::random::{RandomStream, Sequence};
use crate::net::socket::session::Session;

mod capture;
mod counters;
mod edit;
mod lane;
mod link;
mod machine;
mod note;
mod passage;
mod pieces;
mod planned;
mod state;
mod verdict;

/// What a relay shares with the handles of links and ingresses.
#[derive(Debug)]
pub struct RelayShared {
    session: Arc<Session>,
    /// Distinguishes the lab's addresses from those of other labs in the loss report.
    lab: u32,
    ingresses: Mutex<HashMap<HostId, Arc<IngressState>>>,
    jitter: Mutex<Sequence>,
    /// Whether anything was ever to be recorded.
    recording: AtomicBool,
    /// What is noted of frames on their way.
    notes: Arc<Notes>,
}

impl RelayShared {
    /// For a lab whose losses and verdicts are entered in the loss report of `session`.
    pub fn new(session: Arc<Session>) -> Arc<Self> {
        Arc::new(Self {
            notes: Notes::new(session.clone()),
            session,
            lab: process().labs.fetch_add(1, Ordering::Relaxed) + 1,
            ingresses: Mutex::default(),
            jitter: Mutex::new(Sequence::new(RandomStream::of_seed(0))),
            recording: AtomicBool::new(false),
        })
    }

    /// Draws the jitter of links made from now on from `stream`.
    pub fn draw_from(&self, stream: RandomStream) {
        *lock(&self.jitter) = Sequence::new(stream);
    }

    /// Has the loss report distinguish a host by its addresses, also before it has a link: it may talk to itself.
    pub fn knows(&self, host: HostId, name: &str, addrs: &[IpAddr]) {
        self.session.loss_report.has_host(self.lab, host, name, addrs);
    }

    /// Makes a link called `name` between two hosts; what is given to a relay carries its frames.
    ///
    /// # Errors
    /// `invalid`: no link can be as the options have it.
    pub fn link(self: &Arc<Self>, name: &str, ports: &[Port; 2], options: LinkOptions) -> Result<(Link, LinkState)> {
        options.check()?;
        let link: Arc<str> = name.into();
        let names: [Arc<str>; 2] = [0, 1].map(|side| ports[side].host_name.as_str().into());
        let lanes = [0, 1].map(|side: usize| {
            let (from, to) = (&ports[side], &ports[1 - side]);
            let site = format!("{name} from {}", from.host_name);
            Arc::new(Lane {
                way: Arc::new(FrameDirection {
                    link: link.clone(),
                    from: names[side].clone(),
                    to: names[1 - side].clone(),
                    from_id: from.host,
                    to_id: to.host,
                }),
                interface: site.clone(),
                site: Site::Link(site.into()),
                counters: Default::default(),
                planned: Default::default(),
                rules: Mutex::new(Rules { options, ..Rules::default() }),
            })
        });
        let jitter = [0, 1].map(|_| lock(&self.jitter).split());
        let ends = [0, 1].map(|side| {
            let port = &ports[side];
            self.knows(port.host, &port.host_name, &port.addrs);
            let ingress = self.ingress_state(port.host);
            lock(&ingress.name).get_or_insert_with(|| names[side].clone());
            LinkEnd::new(port, ingress)
        });
        self.session.loss_report.has_link(&link, ports[0].host, ports[1].host);
        Ok((Link { lanes: lanes.clone(), shared: self.clone() }, LinkState::new(lanes, ends, jitter)))
    }

    /// What distinguishes the lab from others of the process.
    pub fn number(&self) -> u32 {
        self.lab
    }

    /// The session whose loss report it enters losses in.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The ingress of a host: what comes in by any of its links.
    pub fn ingress(self: &Arc<Self>, host: HostId) -> Ingress {
        Ingress { state: self.ingress_state(host), shared: self.clone() }
    }

    /// A recording to the file called `name`.
    ///
    /// # Errors
    /// `file`: it cannot be made, or exists.
    fn capture(&self, name: &str, overwrite: bool) -> Result<Arc<Capture>> {
        let capture = Capture::create(name, overwrite, || self.session.first_row())?;
        self.recording.store(true, Ordering::Relaxed);
        if capture.is_of_rows() {
            self.notes.recording.store(true, Ordering::Relaxed);
        }
        Ok(capture)
    }

    fn ingress_state(&self, host: HostId) -> Arc<IngressState> {
        lock(&self.ingresses).entry(host).or_default().clone()
    }
}

#[cfg(test)]
mod malformed_tests;
#[cfg(test)]
pub(super) mod tests;
#[cfg(test)]
mod time_tests;
