//! Frames made from frames: one with another payload, and the answers of a rejection. Pure.

use std::net::IpAddr;

use crate::net::policy::{RejectReply, Rejection};
use crate::net::wire::Family;
use crate::net::wire::checksum::{Sum, checksum};
use crate::net::wire::frame::{Frame, Ip};
use crate::net::wire::icmp::{Kind, Message};
use crate::net::wire::ip::{Protocol, TcpFlags};

/// Octets of IP headers without options, and of a TCP header.
const V4: usize = 20;
const V6: usize = 40;
const TCP: usize = 20;

/// What the headers of answers say: the traffic class of network control that routers give to errors (RFC 1812, section
/// 4.3.2.5), and as many hops as Linux allows.
const CONTROL: u8 = 0xc0;
const TTL: u8 = 64;

/// What becomes of a packet that is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EditError {
    /// This frame is the answer.
    With(Vec<u8>),
    /// It is lost without a word: what it is may not be answered.
    Silently,
    /// There is no such answer to a packet like this.
    Not(&'static str),
}

/// The frame with `data` in place of its payload, lengths and checksums right; `None` if it is no whole packet of UDP, TCP
/// or ICMP, or would be too long for IP.
pub(super) fn replaced(bytes: &[u8], frame: &Frame, data: &[u8]) -> Option<Vec<u8>> {
    let ip = frame.ip.filter(|ip| ip.fragment.is_none() && !frame.malformed)?;
    matches!(ip.protocol, Protocol::UDP | Protocol::TCP | Protocol::ICMP | Protocol::ICMPV6).then_some(())?;
    let segment = ip.segment().start;
    let header = if ip.protocol == Protocol::TCP { frame.payload().start } else { segment + 8 };
    let mut new = bytes.get(..header)?.to_vec();
    new.extend_from_slice(data);
    let len = new.len() - segment;
    let at = frame.start;
    if ip.source.is_ipv4() {
        put(&mut new, at + 2, u16::try_from(at_most(segment - at + len)?).ok()?);
        put(&mut new, at + 10, 0);
        let sum = checksum(new.get(at..at + usize::from(new[at] & 0x0f) * 4)?);
        put(&mut new, at + 10, sum);
    } else {
        put(&mut new, at + 4, u16::try_from(segment - at - V6 + len).ok()?);
    }
    if ip.protocol == Protocol::UDP {
        put(&mut new, segment + 4, u16::try_from(len).ok()?);
    }
    seal(&mut new, segment, &ip);
    Some(new)
}

fn at_most(len: usize) -> Option<usize> {
    (len <= usize::from(u16::MAX)).then_some(len)
}

/// Gives the segment that begins at `at` the right checksum.
fn seal(bytes: &mut [u8], at: usize, ip: &Ip) {
    let field = at
        + match ip.protocol {
            Protocol::UDP => 6,
            Protocol::TCP => 16,
            _ => 2,
        };
    if field + 2 > bytes.len() {
        return;
    }
    put(bytes, field, 0);
    let pseudo = match ip.protocol {
        Protocol::ICMP => Some(Sum::new()),
        Protocol(number) => Sum::pseudo(ip.source, ip.destination, number, bytes.len() - at),
    };
    let sum = pseudo.unwrap_or_default().join(&bytes[at..]).finish();
    // Of UDP, zero would say that there is none (RFC 768).
    put(bytes, field, if sum == 0 && ip.protocol == Protocol::UDP { 0xffff } else { sum });
}

/// The error for a rejected packet, reported by `offender`.
pub(super) fn rejected(bytes: &[u8], frame: &Frame, rejection: &Rejection, offender: IpAddr) -> EditError {
    if frame.malformed {
        return EditError::Silently;
    }
    // As in a firewall of IP: hosts that resolve addresses (ARP) would else hear of no rejection at all.
    let Some(ip) = frame.ip else { return EditError::Not("only IP has such errors") };
    let family = Family::of(ip.source);
    match rejection.answer(family) {
        _ if !may_be_answered(bytes, &ip) => EditError::Silently,
        None if family == Family::V4 => EditError::Not("ICMP has no error of that meaning"),
        None => EditError::Not("ICMPv6 has no error of that meaning"),
        Some(RejectReply::Reset) if ip.protocol != Protocol::TCP => EditError::Not("a reset answers TCP alone"),
        Some(RejectReply::Reset) => reset(bytes, frame, &ip).map_or(EditError::Silently, EditError::With),
        Some(RejectReply::Icmp(kind)) => EditError::With(error(bytes, frame, &ip, rejection, kind, offender)),
    }
}

/// Whether an error may answer the packet (RFC 1122, section 3.2.2; RFC 4443, section 2.4): none answers an error or what may
/// be one, a later fragment, what was sent to many, or what does not say who sent it.
fn may_be_answered(bytes: &[u8], ip: &Ip) -> bool {
    let is_icmp = matches!(ip.protocol, Protocol::ICMP | Protocol::ICMPV6);
    let is_error = is_icmp && ip.icmp.is_none_or(|kind| kind.is_quoting() || kind.is_advisory());
    let is_later = ip.fragment.is_some_and(|fragment| fragment.offset > 0);
    let to_many = bytes[0] & 1 == 1
        || match ip.destination {
            IpAddr::V4(to) => to.is_multicast() || to.is_broadcast(),
            IpAddr::V6(to) => to.is_multicast(),
        };
    let of_nobody = match ip.source {
        // 0.0.0.0/8, and all from 224.0.0.0 on, belong to no host.
        IpAddr::V4(from) => from.octets()[0] == 0 || from.octets()[0] >= 224 || from.is_loopback(),
        IpAddr::V6(from) => from.is_unspecified() || from.is_multicast() || from.is_loopback(),
    };
    !(is_error || is_later || to_many || of_nobody)
}

fn error(bytes: &[u8], frame: &Frame, ip: &Ip, rejection: &Rejection, kind: Kind, offender: IpAddr) -> Vec<u8> {
    let packet = &bytes[frame.start..ip.segment().end];
    let shaped = shaped(kind, packet, &bytes[ip.segment()], ip.destination);
    let message = match &shaped {
        Some((rest, body)) => Message { rest: *rest, ..Message::error(kind, body) },
        None => rejection.message(kind, packet),
    };
    let ends = match (offender, ip.source) {
        (IpAddr::V6(from), IpAddr::V6(to)) => Some((from, to)),
        _ => None,
    };
    let protocol = if ip.source.is_ipv4() { Protocol::ICMP } else { Protocol::ICMPV6 };
    let mut answer = headers(bytes, frame, offender, ip.source, protocol, message.wire_len());
    message.sealed(ends).emit_into(&mut answer);
    answer
}

/// The fifth to eighth octets and the body of a message of `kind`, if it is one that does not quote `packet` from there on: an
/// extended echo reply to its request (RFC 8335), a redirect of IPv6, which says that the destination is on the link, with the
/// packet in an option (RFC 4861, section 4.5).
fn shaped(kind: Kind, packet: &[u8], segment: &[u8], destination: IpAddr) -> Option<([u8; 4], Vec<u8>)> {
    if kind.is_extended_reply() {
        let request = Message::parse(kind.family, segment).ok()?;
        let [a, b, seq, _] = request.rest;
        return request.kind.is_extended_request().then(|| ([a, b, seq, 0], Vec::new()));
    }
    let IpAddr::V6(to) = destination else { return None };
    if kind != Kind::v6(137, 0) {
        return None;
    }
    const MOST: usize = 1280 - V6 - 8 - 40;
    let quoted = &packet[..packet.len().min(MOST) / 8 * 8];
    let option = [4, (quoted.len() / 8 + 1) as u8, 0, 0, 0, 0, 0, 0];
    Some(([0; 4], [&to.octets()[..], &to.octets(), &option, quoted].concat()))
}

/// The reset that answers a segment (RFC 9293, section 3.5.2); `None` if that is a reset itself, or cut short.
fn reset(bytes: &[u8], frame: &Frame, ip: &Ip) -> Option<Vec<u8>> {
    let segment = bytes.get(ip.segment())?;
    let (fixed, flags) = (segment.first_chunk::<TCP>()?, ip.flags?);
    if flags.contains(TcpFlags::RST) {
        return None;
    }
    let number = |at: usize| u32::from_be_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
    let (seq, ack, says) = if flags.contains(TcpFlags::ACK) {
        (number(8), 0, TcpFlags::RST.0)
    } else {
        let taken = [TcpFlags::SYN, TcpFlags::FIN].iter().filter(|flag| flags.contains(**flag)).count();
        let ack = number(4).wrapping_add((frame.payload().len() + taken) as u32);
        (0, ack, TcpFlags::RST.0 | TcpFlags::ACK.0)
    };
    let mut answer = headers(bytes, frame, ip.destination, ip.source, Protocol::TCP, TCP);
    let at = answer.len();
    answer.extend_from_slice(&fixed[2..4]);
    answer.extend_from_slice(&fixed[..2]);
    answer.extend_from_slice(&seq.to_be_bytes());
    answer.extend_from_slice(&ack.to_be_bytes());
    answer.extend_from_slice(&[5 << 4, says, 0, 0, 0, 0, 0, 0]);
    // The sum is the same with the addresses the other way round.
    seal(&mut answer, at, ip);
    Some(answer)
}

/// The headers of a frame back to the sender of `bytes`, for a segment of `len` octets.
fn headers(bytes: &[u8], frame: &Frame, from: IpAddr, to: IpAddr, protocol: Protocol, len: usize) -> Vec<u8> {
    let mut new = Vec::with_capacity(frame.start + V6 + len);
    new.extend_from_slice(&bytes[6..12]);
    new.extend_from_slice(&bytes[..6]);
    new.extend_from_slice(&bytes[12..frame.start]);
    let at = new.len();
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let total = ((V4 + len) as u16).to_be_bytes();
            new.extend_from_slice(&[0x45, CONTROL, total[0], total[1], 0, 0, 0, 0, TTL, protocol.0, 0, 0]);
            new.extend_from_slice(&from.octets());
            new.extend_from_slice(&to.octets());
            let sum = checksum(&new[at..]);
            put(&mut new, at + 10, sum);
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let len = (len as u16).to_be_bytes();
            new.extend_from_slice(&[0x60 | CONTROL >> 4, CONTROL << 4, 0, 0, len[0], len[1], protocol.0, TTL]);
            new.extend_from_slice(&from.octets());
            new.extend_from_slice(&to.octets());
        }
        // Callers give two of one version.
        _ => {}
    }
    new
}

/// Writes a field, if the bytes reach that far.
fn put(bytes: &mut [u8], at: usize, value: u16) {
    if let Some(field) = bytes.get_mut(at..at + 2) {
        field.copy_from_slice(&value.to_be_bytes());
    }
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
