//! The MTU of the interface that packets to a host leave by.

use std::io;
use std::net::SocketAddr;

use crate::net::error::{Error, ErrorKind, Result};
use crate::net::host::Host;
use crate::net::host::socket::{Outgoing, SocketOption, SocketType, SocketValue};
use crate::net::io::Origin;
use crate::net::wire::Family;
use crate::net::wire::zoned::ZonedIp;

/// Above this an interface takes any datagram, and there is nothing to find out.
const ANY: u32 = 65_000;

/// The most that an IP packet can have.
const MOST: u32 = 65_535;

/// The largest UDP datagram.
const LARGEST: usize = 65_507;

/// The MTU in bytes of the interface by which packets leave for `to`: what may be smaller farther on, and was learnt of that,
/// does not count.
///
/// # Errors
/// `unreachable`: this host has no route there; `exhausted`.
pub fn interface_mtu(host: &dyn Host, to: SocketAddr) -> Result<u32> {
    find(host, to).map_err(|err| {
        let error = Error::system("mtu", &err).with_peer(ZonedIp::from(to));
        match error.kind {
            ErrorKind::Unreachable => error.with_hint("this host has no route there: look at `ip route`"),
            _ => error,
        }
    })
}

fn find(host: &dyn Host, mut to: SocketAddr) -> io::Result<u32> {
    // Discard (RFC 863); nothing is sent there.
    to.set_port(9);
    let socket = host.socket(SocketType::Udp, Family::of(to.ip()))?;
    socket.connect(to)?;
    let known = socket.get(SocketValue::PathMtu)?.map_or(0, |mtu| mtu as u32);
    if known >= ANY {
        return Ok(known.min(MOST));
    }
    // That may be what was learnt of the path. What is too large for the interface itself does not leave the host, and the
    // error queue says what is not. Only a loopback takes everything.
    socket.set(SocketOption::QueueErrors)?;
    socket.set(SocketOption::DontFragment(true))?;
    if socket.send(&Outgoing { data: &vec![0; LARGEST], to: Some(to), source: None }).is_ok() {
        return Ok(MOST);
    }
    let entry = socket.next_error(&mut []).ok().and_then(|received| received.entry);
    Ok(entry.filter(|entry| entry.origin == Origin::Local && entry.info > 0).map_or(known, |entry| entry.info))
}
