//! The addresses and ports of TCP sockets.

use std::net::SocketAddr;

use super::output::is_no_loopback;
use super::sockets::{ports_after, specified};
use super::{SocketKey, Stack};
use crate::net::error::errno::*;
use crate::net::time::Instant;
use crate::net::wire::Family;
use crate::net::wire::compose::unspecified;

impl Stack {
    /// Gives a TCP socket its local address; port 0: one that is free.
    ///
    /// # Errors
    /// The error number.
    pub fn bind_tcp(&mut self, key: SocketKey, local: SocketAddr, now: Instant) -> Result<SocketAddr, i32> {
        self.tcp.get(key).filter(|socket| socket.local.is_none()).ok_or(EINVAL)?;
        self.check_local(local.ip())?;
        let at = |port| SocketAddr::new(local.ip(), port);
        let port = match local.port() {
            0 => {
                let free = |port: &u16| !self.tcp.is_taken(key, at(*port), now);
                self.last_tcp_port = ports_after(&self.ports, self.last_tcp_port).find(free).ok_or(EADDRINUSE)?;
                self.last_tcp_port
            }
            port if self.tcp.is_taken(key, at(port), now) => return Err(EADDRINUSE),
            port => port,
        };
        self.tcp.get_mut(key).ok_or(EINVAL)?.local = Some(at(port));
        Ok(at(port))
    }

    /// Begins to connect a TCP socket. One without an address gets one whose port has no connection to this peer, not even in
    /// TIME-WAIT.
    ///
    /// # Errors
    /// The error number.
    pub fn connect_tcp(&mut self, key: SocketKey, peer: SocketAddr, now: Instant) -> Result<(), i32> {
        let peer = SocketAddr::new(specified(peer.ip()), peer.port());
        let bound = self.tcp.get(key).ok_or(EINVAL)?.local;
        let any = unspecified(Family::of(peer.ip()));
        let own = bound.map_or(any, |local| local.ip());
        let source = if own.is_unspecified() { self.source_for(peer.ip())? } else { own };
        if !self.is_local(peer.ip()) {
            is_no_loopback(source)?;
        }
        let port = match bound {
            Some(local) => local.port(),
            None => {
                let free = |port: &u16| {
                    let local = SocketAddr::new(source, *port);
                    self.tcp.may_connect(local, peer, now) && !self.tcp.is_bound(key, local)
                };
                self.last_tcp_port = ports_after(&self.ports, self.last_tcp_port).find(free).ok_or(EADDRNOTAVAIL)?;
                self.last_tcp_port
            }
        };
        let mtu = self.path_mtu(peer.ip(), now).min(65_535) as usize;
        self.with_tcp(|tcp| tcp.connect(key, SocketAddr::new(source, port), peer, mtu, now))
    }
}
