//! Frames made from frames: one with another payload, and the replies of a rejection. Pure.

use std::net::IpAddr;

use crate::net::policy::{RejectReply, Rejection};
use crate::net::wire::Family;
use crate::net::wire::checksum::Sum;
use crate::net::wire::compose::{self, CONTROL, Header, TTL, icmp, icmp_protocol, put, seal as seal_header};
use crate::net::wire::frame::{Frame, Ip};
use crate::net::wire::icmp::{Kind, Message, v6};
use crate::net::wire::ip::{Protocol, TcpFlags};

/// Octets of an IPv6 header, and of a TCP header without options.
const V6: usize = 40;
const TCP: usize = 20;

/// What becomes of a packet that is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EditError {
    /// This frame is the reply.
    With(Vec<u8>),
    /// It is lost without a word: no error may be about what it is.
    Silently,
    /// There is no such reply to a packet like this.
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
        seal_header(&mut new[at..]);
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
    match rejection.reply(family) {
        _ if !may_cause_error(bytes, &ip) => EditError::Silently,
        None if family == Family::V4 => EditError::Not("ICMP has no error of that meaning"),
        None => EditError::Not("ICMPv6 has no error of that meaning"),
        Some(RejectReply::Reset) if ip.protocol != Protocol::TCP => EditError::Not("a reset answers TCP alone"),
        Some(RejectReply::Reset) => reset(bytes, frame, &ip).map_or(EditError::Silently, EditError::With),
        Some(RejectReply::Icmp(kind)) => EditError::With(error(bytes, frame, &ip, rejection, kind, offender)),
    }
}

/// Whether an error may be sent about the packet: none is about what was sent to many on the link, or by a host to itself.
fn may_cause_error(bytes: &[u8], ip: &Ip) -> bool {
    let icmp = matches!(ip.protocol, Protocol::ICMP | Protocol::ICMPV6).then_some(ip.icmp);
    let is_later = ip.fragment.is_some_and(|fragment| fragment.offset > 0);
    let to_all = bytes[0] & 1 == 1;
    !(to_all || ip.source.is_loopback()) && compose::may_cause_error(ip.source, ip.destination, is_later, icmp)
}

fn error(bytes: &[u8], frame: &Frame, ip: &Ip, rejection: &Rejection, kind: Kind, offender: IpAddr) -> Vec<u8> {
    let packet = &bytes[frame.start..ip.segment().end];
    let shaped = shaped(kind, packet, &bytes[ip.segment()], ip.destination);
    let message = match &shaped {
        Some((rest, body)) => Message { rest: *rest, ..Message::error(kind, body) },
        None => rejection.message(kind, packet),
    };
    sent_back(bytes, frame, offender, ip.source, icmp_protocol(offender), &icmp(offender, ip.source, message))
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
    if kind != Kind::v6(v6::REDIRECT_MESSAGE, 0) {
        return None;
    }
    const MOST: usize = 1280 - V6 - 8 - 40;
    let quoted = &packet[..packet.len().min(MOST) / 8 * 8];
    let option = [4, (quoted.len() / 8 + 1) as u8, 0, 0, 0, 0, 0, 0];
    Some(([0; 4], [&to.octets()[..], &to.octets(), &option, quoted].concat()))
}

/// The reset that replies to a segment (RFC 9293, section 3.5.2); `None` if that is a reset itself, or cut short.
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
    let rest = [5 << 4, says, 0, 0, 0, 0, 0, 0];
    let mut reset = [&fixed[2..4], &fixed[..2], &seq.to_be_bytes(), &ack.to_be_bytes(), &rest].concat();
    // The sum is the same with the addresses the other way round.
    seal(&mut reset, 0, ip);
    Some(sent_back(bytes, frame, ip.destination, ip.source, Protocol::TCP, &reset))
}

/// A frame with `segment` back to the sender of `bytes`.
fn sent_back(bytes: &[u8], frame: &Frame, source: IpAddr, to: IpAddr, protocol: Protocol, segment: &[u8]) -> Vec<u8> {
    let header =
        Header { source, destination: to, protocol, ttl: TTL, tos: CONTROL, dont_fragment: false, identification: 0 };
    [&bytes[6..12], &bytes[..6], &bytes[12..frame.start], &header.packet(segment)].concat()
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
