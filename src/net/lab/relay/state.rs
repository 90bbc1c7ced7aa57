//! A link as the relay has it: its two directions, and the hosts at its ends.

use std::net::IpAddr;
use std::sync::Arc;

use super::Port;
use super::capture::Captures;
use super::lane::LaneState;
use super::link::{IngressState, Lane};
use crate::net::random::RandomStream;
use crate::net::wire::connections::Connections;
use crate::net::wire::frame::Frame;

/// A link as the relay has it.
#[derive(Debug)]
pub struct LinkState {
    pub(super) lanes: [Arc<Lane>; 2],
    pub(super) ends: [LinkEnd; 2],
    pub(super) states: [LaneState; 2],
    /// The connections over it.
    pub(super) connections: Connections,
}

/// An end of a link.
#[derive(Debug)]
pub(super) struct LinkEnd {
    pub(super) ingress: Arc<IngressState>,
    /// The name of the interface in captures of the host.
    pub(super) interface: String,
    /// The largest IP packet that it carries.
    pub(super) mtu: u32,
    /// The addresses of the host.
    addrs: Vec<IpAddr>,
}

impl LinkState {
    pub(super) fn new(lanes: [Arc<Lane>; 2], ends: [LinkEnd; 2], jitter: [RandomStream; 2]) -> Self {
        Self { lanes, ends, states: jitter.map(LaneState::new), connections: Connections::default() }
    }

    /// The recordings of the link and of the hosts at its ends.
    pub(super) fn recordings(&self) -> impl Iterator<Item = Arc<Captures>> {
        let of_link = self.lanes[0].rules().capture.clone();
        let of_hosts = self.ends.iter().filter_map(|end| end.ingress.watched()?.capture);
        of_link.into_iter().chain(of_hosts)
    }
}

impl LinkEnd {
    pub(super) fn new(port: &Port, ingress: Arc<IngressState>) -> Self {
        let interface = format!("{} {}", port.host_name, port.ifname);
        Self { ingress, interface, mtu: port.mtu, addrs: port.addrs.clone() }
    }

    /// Which of the host's addresses reports that a frame did not come in: the one that it is for, or else the first of the
    /// same version.
    pub(super) fn offender(&self, frame: &Frame) -> Option<IpAddr> {
        let to = frame.ip?.destination;
        let of_version = |ip: &&IpAddr| ip.is_ipv4() == to.is_ipv4();
        let own = &self.addrs;
        own.iter().find(|ip| **ip == to).or_else(|| own.iter().find(of_version)).copied()
    }
}
