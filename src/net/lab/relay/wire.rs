//! A link as the thread that carries frames has it: its ends, and what is to be sent there.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use super::Port;
use super::capture::Captures;
use super::lane::LaneState;
use super::link::{IngressState, Lane};
use crate::net::random::Stream;
use crate::net::sys::Frames;
use crate::net::wire::frame::Frame;

/// A link as the thread has it.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) lanes: [Arc<Lane>; 2],
    pub(super) ends: [End; 2],
    pub(super) states: [LaneState; 2],
}

/// An end of a link.
#[derive(Debug)]
pub(super) struct End {
    pub(super) port: Port,
    pub(super) ingress: Arc<IngressState>,
    /// The name of the interface in captures of the host.
    pub(super) interface: String,
    /// What is to be sent with the next call.
    pub(super) out: Vec<Body>,
    /// What the port did not take.
    pub(super) blocked: VecDeque<Vec<u8>>,
    /// Whether frames came as fast as they were read.
    pub(super) busy: bool,
    pub(super) errors: u32,
}

/// The bytes of a frame: where they were read, or apart.
#[derive(Debug)]
pub(super) enum Body {
    Slot(usize),
    Own(Vec<u8>),
}

impl Wire {
    pub(super) fn new(
        lanes: [Arc<Lane>; 2],
        ports: [Port; 2],
        ingresses: [Arc<IngressState>; 2],
        jitter: [Stream; 2],
    ) -> Self {
        let [first, second] = ports;
        let [first_ingress, second_ingress] = ingresses;
        let end = |port: Port, ingress| {
            let interface = format!("{} {}", port.host_name, port.ifname);
            let (out, blocked) = (Vec::new(), VecDeque::new());
            End { port, ingress, interface, out, blocked, busy: false, errors: 0 }
        };
        Self {
            lanes,
            ends: [end(first, first_ingress), end(second, second_ingress)],
            states: jitter.map(LaneState::new),
        }
    }
}

impl Wire {
    /// The recordings of the link and of the hosts at its ends.
    pub(super) fn recordings(&self) -> impl Iterator<Item = Arc<Captures>> {
        let of_link = self.lanes[0].rules().capture.clone();
        let of_hosts = self.ends.iter().filter_map(|end| end.ingress.watched()?.capture);
        of_link.into_iter().chain(of_hosts)
    }
}

impl End {
    /// Which of the host's addresses reports that a frame did not come in: the one that it is for, or else the first of the
    /// same version.
    pub(super) fn offender(&self, frame: &Frame) -> Option<IpAddr> {
        let to = frame.ip?.destination;
        let of_version = |ip: &&IpAddr| ip.is_ipv4() == to.is_ipv4();
        let own = &self.port.addrs;
        own.iter().find(|ip| **ip == to).or_else(|| own.iter().find(of_version)).copied()
    }
}

impl Body {
    pub(super) fn bytes<'a>(&'a self, frames: &'a Frames) -> &'a [u8] {
        match self {
            Self::Slot(index) => frames.get(*index).unwrap_or_default(),
            Self::Own(bytes) => bytes,
        }
    }

    pub(super) fn bytes_mut<'a>(&'a mut self, frames: &'a mut Frames) -> &'a mut [u8] {
        match self {
            Self::Slot(index) => frames.get_mut(*index).unwrap_or_default(),
            Self::Own(bytes) => bytes,
        }
    }
}
