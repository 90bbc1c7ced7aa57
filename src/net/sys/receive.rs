//! Receiving: a datagram or an entry of the error queue, with its control messages.
#![allow(unsafe_code)]

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};

use super::address::{RawAddr, address};
use super::message::{ControlBuffer, HEADER, MessageInfo, count, receive_one};
use crate::net::io::{Blocking, Origin, QueueEntry, Received};

/// The flags of a call that waits or not, on a socket that is in blocking mode.
pub(super) const fn flags(wait: Blocking) -> libc::c_int {
    match wait {
        Blocking::No => libc::MSG_DONTWAIT,
        Blocking::Yes => 0,
    }
}

/// Receives one datagram with its control messages (recvmsg(2)).
pub fn receive(fd: impl AsFd, buffer: &mut [u8], wait: Blocking) -> io::Result<Received> {
    receive_with(fd, buffer, flags(wait))
}

/// Takes one entry of the error queue, without waiting (recvmsg(2)).
pub fn receive_error(fd: impl AsFd, buffer: &mut [u8]) -> io::Result<Received> {
    receive_with(fd, buffer, libc::MSG_DONTWAIT | libc::MSG_ERRQUEUE)
}

fn receive_with(fd: impl AsFd, buffer: &mut [u8], flags: libc::c_int) -> io::Result<Received> {
    let (mut name, mut control) = (RawAddr::ROOM, ControlBuffer([0; 512]));
    let arrival = receive_one(fd, buffer, &mut name, &mut control.0, flags)?;
    Ok(read(arrival, name.get(), &control.0[..control.0.len().min(arrival.control)]))
}

/// What was received, from what the call says and its control messages.
pub(super) fn read(arrival: MessageInfo, from: Option<SocketAddr>, control: &[u8]) -> Received {
    let mut received = Received { len: arrival.len, addr: from, ..Received::default() };
    for (level, kind, data) in ControlMessages(control) {
        note(&mut received, level, kind, data);
    }
    received
}

/// Receives one datagram and its sender (recvfrom(2)).
pub fn receive_plain(fd: impl AsFd, buffer: &mut [u8], wait: Blocking) -> io::Result<Received> {
    let (mut name, flags) = (RawAddr::ROOM, flags(wait));
    let (data, to) = (buffer.as_mut_ptr().cast(), name.bytes.as_mut_ptr().cast());
    // SAFETY: the buffer and the address are valid for the lengths given.
    let n = unsafe { libc::recvfrom(fd.as_fd().as_raw_fd(), data, buffer.len(), flags, to, &mut name.len) };
    Ok(Received { len: count(n)?, addr: name.get(), ..Received::default() })
}

/// The control messages in a buffer: level, type and data (cmsg(3)).
pub(super) struct ControlMessages<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for ControlMessages<'a> {
    type Item = (i32, i32, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let len = usize::try_from(u64_at(self.0, 0)?).ok()?;
        let (level, kind) = (i32_at(self.0, 8)?, i32_at(self.0, 12)?);
        let data = self.0.get(HEADER..len)?;
        self.0 = self.0.get(len.next_multiple_of(8)..).unwrap_or_default();
        Some((level, kind, data))
    }
}

fn note(received: &mut Received, level: i32, kind: i32, data: &[u8]) {
    match (level, kind) {
        (libc::SOL_SOCKET, libc::SCM_TIMESTAMPING) => {
            // Three timespecs: the first is the software stamp, zero where there is none.
            if let (Some(s), Some(ns)) = (u64_at(data, 0), u64_at(data, 8)) {
                received.stamp = (s != 0).then_some((s * 1_000_000_000 + ns) as i64);
            }
        }
        (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => received.overflow = i32_at(data, 0).map(|n| n as u32),
        (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
            received.ttl = i32_at(data, 0).map(|n| n as u8);
        }
        // Of in_pktinfo the address that a reply would be sent from, which is none's for a multicast or broadcast one.
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
            received.to = data.get(4..).and_then(|data| data.first_chunk::<4>()).map(|ip| Ipv4Addr::from(*ip).into());
        }
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
            let ip = data.first_chunk::<16>().map(|ip| Ipv6Addr::from(*ip));
            received.to = ip.filter(|ip| !ip.is_multicast()).map(IpAddr::V6);
        }
        (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR) => {
            received.entry = entry(data);
        }
        _ => {}
    }
}

fn entry(data: &[u8]) -> Option<QueueEntry> {
    let [_, _, _, _, origin, type_, code, _, ..] = *data else { return None };
    Some(QueueEntry {
        errno: i32_at(data, 0)?,
        origin: match origin {
            1 => Origin::Local,
            2 => Origin::Icmp,
            3 => Origin::Icmp6,
            4 => Origin::Stamp,
            other => Origin::Other(other),
        },
        type_,
        code,
        info: i32_at(data, 8)? as u32,
        data: i32_at(data, 12)? as u32,
        // The offender follows the fixed part as a sockaddr.
        offender: data.get(16..).and_then(address),
    })
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_messages_of_any_bytes_end() {
        for len in 0..64 {
            for fill in [0u8, 1, 16, 24, 255] {
                let bytes = vec![fill; len];
                assert!(ControlMessages(&bytes).count() <= 4);
            }
        }
    }
}
