//! The MTU of the interface that packets to a host leave by.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;

use socket2::{Domain, Type};

use crate::net::error::{Error, ErrorKind, Result};
use crate::net::host::Host;
use crate::net::sys::{self, Origin, RawAddr};
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
    let socket = host.socket(Domain::for_address(to), Type::DGRAM, None)?;
    socket.set_nonblocking(true)?;
    let (level, errors, discover, mtu) = match to.is_ipv4() {
        true => (libc::IPPROTO_IP, libc::IP_RECVERR, libc::IP_MTU_DISCOVER, libc::IP_MTU),
        false => (libc::IPPROTO_IPV6, libc::IPV6_RECVERR, libc::IPV6_MTU_DISCOVER, libc::IPV6_MTU),
    };
    socket.connect(&to.into())?;
    let known = u32::try_from(sys::option(socket.as_fd(), level, mtu)?).unwrap_or(0);
    if known >= ANY {
        return Ok(known.min(MOST));
    }
    // That may be what was learnt of the path. What is too large for the interface itself does not leave the host, and the
    // error queue says what is not. Only a loopback takes everything.
    sys::set_option(socket.as_fd(), level, errors, 1)?;
    sys::set_option(socket.as_fd(), level, discover, libc::IP_PMTUDISC_PROBE)?;
    if sys::send_to(socket.as_fd(), &vec![0; LARGEST], &RawAddr::from(to)).is_ok() {
        return Ok(MOST);
    }
    let entry = sys::receive(socket.as_fd(), &mut [], true).ok().and_then(|received| received.entry);
    Ok(entry.filter(|entry| entry.origin == Origin::Local && entry.info > 0).map_or(known, |entry| entry.info))
}
