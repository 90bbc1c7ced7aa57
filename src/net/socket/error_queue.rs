//! The error queues of sockets: ICMP errors about what was sent, and stamps of the sending.

use std::io;
use std::net::SocketAddr;

use crate::net::error::{Error, ErrorKind, errno, number_of};
use crate::net::host::socket::HostSocket;
use crate::net::io::Origin;
use crate::net::wire::Family;
use crate::net::wire::icmp::{self, IcmpError};
use crate::net::wire::zoned::ZonedIp;

/// How often a call is tried again whose place an ICMP error took.
pub(super) const TRIES: u32 = 8;

/// An entry of the socket's error queue.
#[derive(Debug)]
pub(in crate::net) enum Queued {
    /// When the kernel sent the packet of this number.
    Sent { number: u32, stamp: i64 },
    /// An ICMP error, with the stamp of its arrival.
    Icmp { error: IcmpError, stamp: Option<i64> },
    /// An error of the local system, such as a packet too large for the path.
    Local,
    /// An error of the path of which only the errno is known.
    Path(Error),
}

/// What takes entries of the error queue, and what comes another way and is like them.
pub(in crate::net) type TakeQueued<'a> = &'a mut dyn FnMut(Queued);

/// Takes at most so many entries from the error queue of `socket`, which is bound to `local`; how many of them were ICMP errors.
/// A quote is what follows `headers` octets of the packet.
pub(in crate::net) fn take_entries(
    socket: &dyn HostSocket,
    local: SocketAddr,
    headers: usize,
    most: usize,
    queued: TakeQueued<'_>,
) -> usize {
    (0..most).map_while(|_| take_entry(socket, local, headers, queued)).filter(|is_icmp| *is_icmp).count()
}

/// Takes an entry, if there is one. Whether it was an ICMP error.
fn take_entry(socket: &dyn HostSocket, local: SocketAddr, headers: usize, queued: TakeQueued<'_>) -> Option<bool> {
    if !socket.has_queued() {
        return None;
    }
    let mut buffer = [0u8; 2048];
    let received = socket.next_error(&mut buffer).ok()?;
    let Some(entry) = received.entry else { return Some(false) };
    let family = match entry.origin {
        Origin::Stamp => {
            if let Some(stamp) = received.stamp {
                queued(Queued::Sent { number: entry.data, stamp });
            }
            return Some(false);
        }
        Origin::Icmp => Family::V4,
        Origin::Icmp6 => Family::V6,
        Origin::Local | Origin::Other(_) => {
            queued(Queued::Local);
            return Some(false);
        }
    };
    let kind = icmp::Kind { family, type_: entry.type_, code: entry.code };
    let (quote, extensions) = icmp::split_quote(kind, &buffer[..received.len], announced(entry.data), headers);
    let error = IcmpError {
        kind,
        offender: entry.offender.map(ZonedIp::from),
        to: received.addr.unwrap_or(local),
        info: entry.info,
        quote: quote.to_vec(),
        segment: None,
        number: None,
        extensions: extensions.to_vec(),
    };
    queued(Queued::Icmp { error, stamp: received.stamp });
    Some(true)
}

/// Where the kernel found extensions (`struct sock_ee_data_rfc4884`): the offset, and flags after it.
fn announced(data: u32) -> Option<usize> {
    let [a, b, ..] = data.to_ne_bytes();
    Some(usize::from(u16::from_ne_bytes([a, b]))).filter(|&offset| offset > 0)
}

/// Whether a call failed with an errno that the kernel makes of an ICMP error about what was sent before.
pub(in crate::net) fn is_pending_error(err: &io::Error) -> bool {
    matches!(
        number_of(err),
        errno::ECONNREFUSED
            | errno::EHOSTUNREACH
            | errno::ENETUNREACH
            | errno::EHOSTDOWN
            | errno::ENONET
            | errno::ENOPROTOOPT
            | errno::EPROTO
            | errno::EOPNOTSUPP
            | errno::EACCES
            | errno::EMSGSIZE
            | errno::EREMOTEIO
    )
}

/// Receives with `call`, which does not wait; again where an ICMP error took its place, if `passes` it over. `None`: there is
/// nothing.
pub(super) fn receive_past_errors<R>(
    mut call: impl FnMut() -> io::Result<R>,
    passes: impl Fn() -> bool,
) -> io::Result<Option<R>> {
    let mut again = TRIES;
    loop {
        match call() {
            Ok(received) => return Ok(Some(received)),
            Err(err) if matches!(err.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return Ok(None);
            }
            Err(err) if is_pending_error(&err) && again > 0 && passes() => again -= 1,
            Err(err) => return Err(err),
        }
    }
}

/// A call on a socket that was closed.
pub(in crate::net) fn closed(op: &'static str) -> Error {
    Error::new(ErrorKind::Closed, op, "the socket was closed").with_hint("make a new socket, or close it later")
}

/// Two want the replies of one socket.
pub(in crate::net) fn one_at_a_time(op: &'static str) -> Error {
    Error::new(ErrorKind::Busy, op, "another ping or pinger waits for its replies on this socket")
        .with_hint("one at a time: give each thread, and each pinger, a socket of its own")
}
