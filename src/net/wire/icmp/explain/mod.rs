//! An ICMP message in words: field by field with its bytes, the checksum worked through, the document that defines it, what is
//! likely behind it and what to try.

use std::fmt::Write;

use self::layout::Layout;
use super::super::checksum::Sum;
use super::super::ip::{Packet, Protocol};
use super::super::{Family, u8_at};
use super::{Kind, Message};

mod layout;

/// What bytes turned out to be.
#[derive(Clone, Copy, Debug)]
pub struct Identified<'a> {
    /// The version of ICMP.
    pub family: Family,
    /// The IP packet around the message; `None` if the bytes begin with the message.
    pub packet: Option<Packet<'a>>,
    /// The message, from its type on.
    pub message: &'a [u8],
}

/// Finds the ICMP message in `bytes`: within an IP packet, or from their first byte on. A message by itself is of `family`, if
/// that is given; else of the version that it fits.
pub fn identify(bytes: &[u8], family: Option<Family>) -> Identified<'_> {
    let packet = Packet::parse(bytes).ok().filter(|packet| {
        // A type of 64 to 79 or of 96 to 111 would look like a packet, and none is in use but for experiments.
        packet.header_checksum_ok != Some(false) || packet.total_len == bytes.len()
    });
    if let Some(packet) = packet {
        let of_message = match packet.protocol {
            Protocol::ICMPV6 => Family::V6,
            _ => Family::V4,
        };
        return Identified { family: of_message, packet: Some(packet), message: packet.segment };
    }
    Identified { family: family.unwrap_or_else(|| fitting(bytes)), packet: None, message: bytes }
}

/// The version of ICMP that a message by itself fits: the one whose checksum is right without addresses, whose packet it quotes
/// or whose table knows it.
fn fitting(bytes: &[u8]) -> Family {
    let type_ = u8_at(bytes, 0).unwrap_or(0);
    let quoted = u8_at(bytes, 8).map(|first| first >> 4);
    match type_ {
        _ if super::super::checksum::checksum(bytes) == 0 => Family::V4,
        128..=201 | 1 | 2 => Family::V6,
        3 | 4 if quoted == Some(6) => Family::V6,
        _ => Family::V4,
    }
}

/// Explains `bytes`: an IP packet, or an ICMP message by itself, of `family` if that is given.
pub fn explain(bytes: &[u8], family: Option<Family>) -> String {
    let found = identify(bytes, family);
    let mut out = String::new();
    let mut layout = Layout::new(bytes);
    if let Some(packet) = &found.packet
        && (!matches!(packet.protocol, Protocol::ICMP | Protocol::ICMPV6) || packet.segment.is_empty())
    {
        let _ = writeln!(out, "{packet}\n");
        layout.packet(0, bytes.len());
        return out + layout.finish().trim_end();
    }
    let at = found.packet.map_or(0, |packet| packet.header_len);
    match Message::parse(found.family, found.message) {
        Ok(message) => {
            headline(&mut out, &message);
            if found.packet.is_some() {
                layout.ip(0);
            }
            layout.message(at, found.family, found.message.len());
            out += &layout.finish();
            out += &sum(&found, &message);
            out += &meaning(message.kind);
        }
        Err(err) => {
            let _ = writeln!(out, "{err}");
            layout.rest(at);
            out += &layout.finish();
        }
    }
    out.truncate(out.trim_end().len());
    out
}

fn headline(out: &mut String, message: &Message<'_>) {
    let Kind { family, type_, code } = message.kind;
    let _ = write!(out, "{}: {message}, type {type_} code {code}", family.icmp_name());
    match message.kind.rfc() {
        Some(rfc) => drop(write!(out, " ({rfc})")),
        None => out.push_str(" (no table knows it)"),
    }
    if let Some(quoted) = message.quoted() {
        let _ = write!(out, "\nabout {quoted}");
    }
    out.push_str("\n\n");
}

/// How many words of a long message are written out in its sum.
const WORDS: usize = 12;

/// The checksum worked through: the words, their sum, the carries added, the complement.
fn sum(found: &Identified<'_>, message: &Message<'_>) -> String {
    let mut text = String::from("Checksum (RFC 1071)\n");
    let mut total: u64 = 0;
    if found.family == Family::V6 {
        let Some(packet) = found.packet else {
            text += "  It covers the addresses of the packet (RFC 4443), which are not here: it cannot be checked.\n\n";
            return text;
        };
        let pseudo = Sum::pseudo(packet.source, packet.destination, Protocol::ICMPV6.0, found.message.len());
        let part = pseudo.map_or(0, |sum| u64::from(!sum.finish()));
        let _ = writeln!(
            text,
            "  {part:04x} from the pseudo-header: {} > {}, length {}, next header 58",
            packet.source,
            packet.destination,
            found.message.len()
        );
        total += part;
    }
    let mut blank = message.emit();
    blank[2..4].fill(0);
    let words: Vec<u16> =
        blank.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])).collect();
    total += words.iter().copied().map(u64::from).sum::<u64>();
    let shown: Vec<String> = words.iter().take(WORDS).map(|word| format!("{word:04x}")).collect();
    let more = if words.len() > WORDS { format!(" + … ({} words in all)", words.len()) } else { String::new() };
    let padded = if blank.len() % 2 == 1 { ", the last byte padded with 00" } else { "" };
    let _ = writeln!(text, "  {}{more} = {total:x}, the checksum's own word taken as 0000{padded}", shown.join(" + "));
    while total > 0xffff {
        let (low, carry) = (total & 0xffff, total >> 16);
        total = low + carry;
        let _ = writeln!(text, "  carry: {low:04x} + {carry:x} = {total:04x}");
    }
    let computed = !(total as u16);
    let verdict = match message.checksum {
        given if given == computed => "as in the message: right".to_string(),
        given if found.packet.is_some_and(|packet| packet.is_truncated()) => {
            format!("{given:04x} is in the message, of which not all is here")
        }
        given => format!("but {given:04x} is in the message: wrong, it was damaged or changed on the way"),
    };
    let _ = writeln!(text, "  complement: {computed:04x}, {verdict}\n");
    text
}

fn meaning(kind: Kind) -> String {
    match kind.advice() {
        Some((cause, remedy)) => format!("Likely cause: {cause}\nWhat to try: {remedy}\n"),
        None => match kind.type_name() {
            Some(name) => {
                format!("No table knows code {} of {name}; treat it as other codes of that type.\n", kind.code)
            }
            None => "No table knows this type; a receiver must ignore it (RFC 1122, section 3.2.2).\n".to_string(),
        },
    }
}

#[cfg(test)]
mod tests;
