//! The socket's error queue: ICMP errors that answer what was sent, and stamps of the sending.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;

use socket2::Socket;

use super::{UdpSocket, lock};
use crate::net::error::Error;
use crate::net::sys::{self, Origin};
use crate::net::wire::{Family, icmp};

/// An ICMP error that answers a datagram of this socket.
#[derive(Clone, Debug, PartialEq)]
pub struct IcmpError {
    /// Type, code and name.
    pub kind: icmp::Kind,
    /// Who reports it: the destination, or a router on the way.
    pub offender: Option<IpAddr>,
    /// Where the datagram was going.
    pub to: SocketAddr,
    /// The next-hop MTU or the pointer, where the type has one.
    pub info: u32,
    /// What it quotes of the datagram's payload; a router may quote none.
    pub quote: Vec<u8>,
    /// The sequence number of the segment of TCP it quotes, where that is known (a raw socket shows it).
    pub segment: Option<u32>,
    /// The number of the ping it is about, once that is found out.
    pub number: Option<u64>,
    /// The extension structure behind the quote (RFC 4884), from its header on; empty if there is none.
    pub extensions: Vec<u8>,
}

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

impl UdpSocket {
    /// Empties the error queue; how many entries it had.
    pub(in crate::net) fn drain(&self, socket: &Socket, queued: &mut impl FnMut(Queued)) -> usize {
        self.0.passed_over.store(false, Ordering::Relaxed);
        let unread = std::mem::take(&mut *lock(&self.0.unread));
        unread.into_iter().for_each(&mut *queued);
        let mut count = 0;
        while self.drain_one(socket, queued) {
            count += 1;
        }
        count
    }

    /// Takes one entry from the error queue; whether there was one.
    pub(in crate::net) fn drain_one(&self, socket: &Socket, queued: &mut impl FnMut(Queued)) -> bool {
        take_entry(socket, self.0.local, HEADERS, queued)
    }
}

/// Octets of a quote before the payload: an IPv4 header without options and a UDP header.
const HEADERS: usize = 28;

/// Takes one entry from the error queue of `socket`, which is bound to `local`; whether there was one. A quote is what
/// follows `headers` octets of the packet.
pub(in crate::net) fn take_entry(
    socket: &Socket,
    local: SocketAddr,
    headers: usize,
    queued: &mut impl FnMut(Queued),
) -> bool {
    let mut buffer = [0u8; 2048];
    let Ok(received) = sys::receive(socket.as_fd(), &mut buffer, true) else { return false };
    let Some(entry) = received.entry else { return true };
    let family = match entry.origin {
        Origin::Stamp => {
            if let Some(stamp) = received.stamp {
                queued(Queued::Sent { number: entry.data, stamp });
            }
            return true;
        }
        Origin::Icmp => Family::V4,
        Origin::Icmp6 => Family::V6,
        Origin::Local | Origin::Other(_) => {
            queued(Queued::Local);
            return true;
        }
    };
    let kind = icmp::Kind { family, type_: entry.type_, code: entry.code };
    let (quote, extensions) = icmp::split_quote(kind, &buffer[..received.len], announced(entry.data), headers);
    let error = IcmpError {
        kind,
        offender: entry.offender,
        to: received.addr.unwrap_or(local),
        info: entry.info,
        quote: quote.to_vec(),
        segment: None,
        number: None,
        extensions: extensions.to_vec(),
    };
    queued(Queued::Icmp { error, stamp: received.stamp });
    true
}

/// Where the kernel found extensions (`struct sock_ee_data_rfc4884`): the offset, and flags after it.
fn announced(data: u32) -> Option<usize> {
    let [a, b, ..] = data.to_ne_bytes();
    Some(usize::from(u16::from_ne_bytes([a, b]))).filter(|&offset| offset > 0)
}

/// Whether a call failed with an errno that the kernel makes of an ICMP error: one that answers what was sent before.
pub(in crate::net) fn is_pending_error(err: &io::Error) -> bool {
    matches!(
        err.raw_os_error(),
        Some(
            libc::ECONNREFUSED
                | libc::EHOSTUNREACH
                | libc::ENETUNREACH
                | libc::EHOSTDOWN
                | libc::ENONET
                | libc::ENOPROTOOPT
                | libc::EPROTO
                | libc::EOPNOTSUPP
                | libc::EACCES
                | libc::EMSGSIZE
                | libc::EREMOTEIO
        )
    )
}
