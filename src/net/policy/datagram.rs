//! A datagram or message as it arrived, and where a reply to it goes.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::decided::Decided;

/// A datagram as it arrived.
#[derive(Clone, Debug)]
pub struct Datagram {
    /// The payload.
    pub data: Arc<[u8]>,
    /// Who sent it.
    pub from: SocketAddr,
    /// The address of this host that it was sent to, where the socket is bound to any.
    pub to: Option<IpAddr>,
    /// The kernel's receive stamp in nanoseconds since 1970, where there is one.
    pub stamp: Option<i64>,
    /// TTL or hop limit, where the socket asks for it.
    pub ttl: Option<u8>,
    /// What the socket's policy decided about it.
    pub decided: Option<Arc<Decided>>,
}

impl Datagram {
    /// One of which nothing else is known.
    pub fn new(data: &[u8], from: SocketAddr) -> Self {
        Self { data: data.into(), from, to: None, stamp: None, ttl: None, decided: None }
    }

    /// Where a reply to it goes, and from which address: the one that it was sent to.
    pub fn back(&self) -> Destination {
        Destination { addr: self.from, source: self.to }
    }
}

/// Where a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    /// To whom.
    pub addr: SocketAddr,
    /// From which address of this host; `None`: the one the socket is bound to, or that the system chooses.
    pub source: Option<IpAddr>,
}

impl From<SocketAddr> for Destination {
    fn from(addr: SocketAddr) -> Self {
        Self { addr, source: None }
    }
}
