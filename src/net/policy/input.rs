//! What a policy decides about, and where: a request at a server's socket, or a frame on a link or at a host's ingress.

use std::any::Any;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::datagram::Datagram;
use super::{Action, FlowKey};
use crate::net::error::{Error, Result};
use crate::net::host::id::HostId;
use crate::net::wire::connections::Segment;
use crate::net::wire::frame::Frame;
use crate::net::wire::icmp::Kind;

/// Where a policy is at work. `Display` is its name in rows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Site {
    /// In a server, at the socket of this host that is bound to this address.
    Server(HostId, SocketAddr),
    /// On a link: its name, with the direction where the policy has one only, such as `a-b` or `a-b from a`.
    Link(Arc<str>),
    /// At the ingress of the host with this name.
    Ingress(Arc<str>),
}

/// What a policy decides about.
#[derive(Clone, Copy, Debug)]
pub enum PolicyInput<'a> {
    /// A request that a server received, as a datagram or over a connection.
    Request(PacketView<'a>),
    /// A frame on its way.
    Frame(Carried<'a>),
}

/// A request as a policy sees it.
#[derive(Clone, Copy, Debug)]
pub struct PacketView<'a> {
    /// The local address of what received it.
    pub local: SocketAddr,
    /// What was received.
    pub datagram: &'a Datagram,
    /// The socket or connection that received it, for policies that hand it on.
    pub receiver: &'a dyn Any,
}

/// A frame on its way.
#[derive(Clone, Copy, Debug)]
pub struct Carried<'a> {
    /// The frame from its Ethernet header on.
    pub bytes: &'a [u8],
    /// What it carries.
    pub frame: &'a Frame,
    /// Its way.
    pub way: &'a Arc<FrameDirection>,
    /// What it is in its TCP connection; `None` if it is no TCP.
    pub segment: Option<Segment>,
}

/// The way of a frame over a link, in one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameDirection {
    /// The name of the link.
    pub link: Arc<str>,
    /// The host it comes from.
    pub from: Arc<str>,
    /// The host it goes to.
    pub to: Arc<str>,
    /// The host it comes from, by number.
    pub from_id: HostId,
    /// The host it goes to, by number.
    pub to_id: HostId,
}

impl Site {
    /// Checks that a policy can have `action` done here.
    ///
    /// # Errors
    /// `invalid`: a server cannot reject.
    pub fn allows(&self, action: &Action) -> Result<()> {
        match self {
            Self::Server(..) => possible(action),
            Self::Link(_) | Self::Ingress(_) => Ok(()),
        }
    }

    /// The site with its preposition: `at 127.0.0.1:7`, `on a-b`, `at the ingress of b`.
    pub fn phrase(&self) -> String {
        match self {
            Self::Server(_, addr) => format!("at {addr}"),
            Self::Link(name) => format!("on {name}"),
            Self::Ingress(host) => format!("at the ingress of {host}"),
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(_, addr) => write!(f, "{addr}"),
            Self::Link(name) => f.write_str(name),
            Self::Ingress(host) => write!(f, "ingress of {host}"),
        }
    }
}

impl PolicyInput<'_> {
    /// The flow it belongs to.
    pub fn flow(&self) -> FlowKey {
        match self {
            Self::Request(request) => FlowKey::received(request.datagram.from, request.local),
            Self::Frame(carried) => carried.flow(),
        }
    }

    /// Checks that a policy can have `action` done with it.
    ///
    /// # Errors
    /// `invalid`: a server cannot reject.
    pub fn allows(&self, action: &Action) -> Result<()> {
        match self {
            Self::Request(_) => possible(action),
            Self::Frame(_) => Ok(()),
        }
    }
}

impl Carried<'_> {
    /// The flow it belongs to: protocol, addresses and ports, in one direction. An echo of ICMP has its identifier in place of the
    /// port of the host that asks, so that requests and replies of one host are two flows; what is not IP is distinguished by its type and the host it comes from.
    pub fn flow(&self) -> FlowKey {
        match &self.frame.ip {
            Some(ip) => {
                let (mut from, mut to) = (ip.from(), ip.to());
                if let Some(echo) = ip.echo {
                    let asks = ip.icmp.is_some_and(|kind| kind == Kind::echo_request(kind.family));
                    if asks { &mut from } else { &mut to }.set_port(echo.id);
                }
                FlowKey { protocol: ip.protocol.0, from, to, of_kernel: self.frame.is_of_kernel() }
            }
            None => {
                let from = SocketAddr::new(Ipv4Addr::from(self.way.from_id.0).into(), 0);
                let to = SocketAddr::new(Ipv4Addr::from(self.way.to_id.0).into(), self.frame.ether_type);
                FlowKey { protocol: 0, from, to, of_kernel: self.frame.is_of_kernel() }
            }
        }
    }

    /// Sender and receiver, with port 0 where there is none; unspecified addresses if it is not IP.
    pub fn ends(&self) -> (SocketAddr, SocketAddr) {
        let unspecified = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        self.frame.ip.as_ref().map_or((unspecified, unspecified), |ip| (ip.from(), ip.to()))
    }

    /// The payload; see [`Frame::payload`].
    pub fn payload(&self) -> &[u8] {
        self.bytes.get(self.frame.payload()).unwrap_or_default()
    }
}

/// Checks that a server can do this with a reply.
///
/// # Errors
/// `invalid`: it cannot reject.
pub fn possible(action: &Action) -> Result<()> {
    match action {
        Action::Reject(_) => Err(Error::invalid(
            "policy",
            format!("{action} has no meaning in a server: only a host's ingress or a link can send an ICMP error"),
        )
        .with_hint("use drop() to stay silent")),
        _ => Ok(()),
    }
}
