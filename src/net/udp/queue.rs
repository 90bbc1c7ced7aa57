//! The socket's error queue: ICMP errors that answer what was sent, and stamps of the sending.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

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
        drain_one(socket, self.0.local, queued)
    }
}

/// Takes one entry from the error queue of `socket`, which is bound to `local`; whether there was one.
pub(in crate::net) fn drain_one(socket: &Socket, local: SocketAddr, queued: &mut impl FnMut(Queued)) -> bool {
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
    let error = IcmpError {
        kind: icmp::Kind { family, type_: entry.type_, code: entry.code },
        offender: entry.offender,
        to: received.addr.unwrap_or(local),
        info: entry.info,
        quote: buffer[..received.len].to_vec(),
    };
    queued(Queued::Icmp { error, stamp: received.stamp });
    true
}

/// Whether a call failed with the errno of an ICMP error that answers an earlier datagram.
pub(super) fn is_pending_error(err: &io::Error) -> bool {
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
        )
    )
}
