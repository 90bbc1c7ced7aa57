//! Addresses against text.

use std::net::{IpAddr, SocketAddr};

use crate::bindings::context;
use crate::net::host::addr::{resolve, resolve_host};
use crate::net::wire::zoned::ZonedIp;

/// Whether `text` is the address `addr`: its IP address, with a zone both, with a port all; `None`: the text is no address.
pub(super) fn is_at(addr: &SocketAddr, text: &str) -> Option<bool> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Some(ip == addr.ip());
    }
    if !text.contains('%') {
        return text.parse::<SocketAddr>().map(|at| (at.ip(), at.port()) == (addr.ip(), addr.port())).ok();
    }
    // The interface may be given by its name.
    let now = context::current();
    let host = resolve_host(&*now.host, &now.stop, bare, None).map(|at| ZonedIp::from(at).with_port(addr.port()));
    let at = resolve(&*now.host, &now.stop, text, None).or(host).ok()?;
    Some(ZonedIp::from(at) == ZonedIp::from(*addr) && at.port() == addr.port())
}
