//! What the errors of ICMP sockets mean, in words, and what to do about them on this machine.

use std::io;
use std::net::SocketAddr;

use crate::net::error::{Error, ErrorKind, Result};
use crate::net::host::Host;
use crate::net::host::addr::not_permitted;
use crate::net::wire::Family;
use crate::net::wire::zoned::ZonedIp;

/// The largest payload of an echo request over IPv4: 65,535 less the headers.
pub const MAX_SIZE_V4: usize = 65_507;

/// The largest payload of an echo request over IPv6: 65,535 less the header of ICMPv6.
pub const MAX_SIZE_V6: usize = 65_527;

/// Checks that an echo request can hold `size` bytes.
///
/// # Errors
/// `too-large`: it cannot.
pub fn check_size(size: usize, family: Family) -> Result<()> {
    let most = match family {
        Family::V4 => MAX_SIZE_V4,
        Family::V6 => MAX_SIZE_V6,
    };
    if size <= most {
        return Ok(());
    }
    let message = format!("{size} bytes do not fit into an echo request");
    Err(Error::new(ErrorKind::TooLarge, "ping", message).with_hint(format!("send at most {most} bytes over {family}")))
}

/// What a failed send means, in words.
pub(super) fn send_error(here: &dyn Host, err: &io::Error, size: usize, to: SocketAddr) -> Error {
    let error = Error::system("ping", err).with_peer(ZonedIp::from(to));
    match error.kind {
        ErrorKind::TooLarge => {
            Error { message: format!("a payload of {size} bytes is too large to leave this host whole"), ..error }
                .with_hint(
                    "it is more than the interface's MTU: send less, or let it be fragmented (dont_fragment: false)",
                )
        }
        ErrorKind::Permission => not_permitted(here, error, to),
        ErrorKind::Unreachable => error.with_hint("this host has no route there: look at `ip route`"),
        ErrorKind::Invalid => error.with_hint("a link-local address needs its interface after it: fe80::1%eth0"),
        _ => error,
    }
}

pub(super) fn open_error(err: &io::Error, local: ZonedIp) -> Error {
    let error = Error::system("open", err).with_peer(local);
    match error.kind {
        ErrorKind::NotLocal => error.with_hint("give an address of this host, or none"),
        _ => error,
    }
}

/// Neither kind of socket is allowed: both remedies, as they are to be typed on this machine.
pub(super) fn refused(err: &io::Error, raw: bool) -> Error {
    let program = std::env::current_exe().map_or("pingscript".into(), |path| path.display().to_string());
    let capability = format!("give the program the right to raw sockets: sudo setcap cap_net_raw+ep {program}");
    let error = Error::system("open", err);
    if raw {
        let error = Error { message: "this user may not open a raw ICMP socket".to_string(), ..error };
        return error.with_hint(capability);
    }
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ping_group_range").unwrap_or_default();
    let range = range.split_whitespace().collect::<Vec<_>>().join(" ");
    let now = match range.as_str() {
        "" => String::new(),
        "1 0" => " (now \"1 0\": no group)".to_string(),
        range => format!(" (now \"{range}\")"),
    };
    let error =
        Error { message: "this user may open neither a ping socket nor a raw ICMP socket".to_string(), ..error };
    error.with_hint(format!(
        "let every group use ping sockets: sudo sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"{now}; or {capability}"
    ))
}
