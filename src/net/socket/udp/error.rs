//! What the errors of socket calls mean, in words.

use std::io;
use std::net::{IpAddr, SocketAddr};

use crate::net::error::{Error, ErrorKind, Result};
use crate::net::host::Host;
use crate::net::host::addr::not_permitted;

/// The largest payload of a UDP datagram to `to`: 65,535 octets less the headers; of IPv6 the IP header does not count (RFC 8200,
/// section 3).
pub const fn max_payload(to: IpAddr) -> usize {
    match to {
        IpAddr::V4(_) => 65_507,
        IpAddr::V6(_) => 65_527,
    }
}

/// The same of both versions of IP.
pub const MAX_PAYLOAD: usize = max_payload(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED));

/// Checks that a datagram to `to` can hold `size` bytes.
///
/// # Errors
/// `too-large`: it cannot.
pub fn check_size(size: usize, to: IpAddr) -> Result<()> {
    if size <= max_payload(to) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::TooLarge, "send", format!("{size} bytes do not fit into a datagram"))
        .with_hint(format!("send at most {} bytes", max_payload(to))))
}

/// What a failed send means, in words.
pub(in crate::net) fn send_error(here: &dyn Host, err: &io::Error, size: usize, to: SocketAddr) -> Error {
    let error = Error::system("send", err).with_peer(to);
    match error.kind {
        ErrorKind::Invalid if to.port() == 0 => port_zero("send", to),
        ErrorKind::TooLarge if size > max_payload(to.ip()) => Error {
            message: format!("{size} bytes do not fit into a datagram"),
            hint: format!("send at most {} bytes", max_payload(to.ip())),
            ..error
        },
        ErrorKind::TooLarge => {
            Error { message: format!("a message of {size} bytes is too large to leave this host whole"), ..error }
                .with_hint("it is more than the interface's MTU: send less, or leave out dont_fragment")
        }
        ErrorKind::Permission => not_permitted(here, error, to),
        ErrorKind::Unreachable => error.with_hint("this host has no route there: look at `ip route`"),
        _ => error,
    }
}

/// A socket cannot ping itself.
pub(super) fn own_address(to: SocketAddr) -> Error {
    Error::invalid("send", "this is the socket's own address: the reply would be its own request")
        .with_peer(to)
        .with_hint("ping the address of another socket, such as that of a server")
}

/// Port 0 is no destination.
pub(super) fn port_zero(op: &'static str, to: SocketAddr) -> Error {
    Error::invalid(op, "nothing can be reached at port 0")
        .with_peer(to)
        .with_hint("give the port that the peer listens on, 1 to 65535")
}

pub(super) fn bind_error(err: &io::Error, local: SocketAddr) -> Error {
    let error = Error::system("bind", err).with_peer(local);
    match error.kind {
        ErrorKind::InUse => error.with_hint(format!(
            "another socket has port {}; stop it, or choose another port (0: any free one)",
            local.port()
        )),
        ErrorKind::NotLocal => error.with_hint("bind to an address of this host, such as 127.0.0.1 or 0.0.0.0"),
        ErrorKind::Permission => error.with_hint("ports below 1024 need privileges; choose a port from 1024 up"),
        _ => error,
    }
}
