//! The fields of a packet in their order: offset, bytes, and what they say.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::super::ip::{Packet, Protocol};
use super::super::super::{Family, u8_at, u16_at, u32_at};
use super::super::extension::{Extensions, ObjectContent};
use super::super::{Kind, Message};

mod body;

/// Writes fields, one in a line.
#[derive(Debug)]
pub(super) struct Layout<'a> {
    bytes: &'a [u8],
    out: String,
}

/// How many bytes of a field are shown in a line.
const SHOWN: usize = 8;

impl<'a> Layout<'a> {
    /// A layout of `bytes`, of which nothing is written yet.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, out: String::new() }
    }

    /// What was written.
    pub(super) fn finish(mut self) -> String {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out
    }

    fn heading(&mut self, text: &str) {
        let _ = writeln!(self.out, "{text}");
    }

    /// One field of `len` bytes at `at`; what is cut off is said to be.
    fn field(&mut self, at: usize, len: usize, text: &str) {
        let there = self.bytes.get(at..).unwrap_or_default();
        let there = &there[..there.len().min(len)];
        if len == 0 {
            return;
        }
        if there.is_empty() {
            let _ = writeln!(self.out, "{at:5}  {:<25}cut off: {text}", "");
            return;
        }
        let mut hex: Vec<String> = there.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
        if there.len() > SHOWN {
            hex[SHOWN - 1] = "…".to_string();
        }
        let cut =
            if there.len() < len { format!(" (cut off after {} of {len} bytes)", there.len()) } else { String::new() };
        let _ = writeln!(self.out, "{at:5}  {:<25}{text}{cut}", hex.join(" "));
    }

    fn u8(&self, at: usize) -> u8 {
        u8_at(self.bytes, at).unwrap_or(0)
    }

    fn u16(&self, at: usize) -> u16 {
        u16_at(self.bytes, at).unwrap_or(0)
    }

    fn u32(&self, at: usize) -> u32 {
        u32_at(self.bytes, at).unwrap_or(0)
    }

    /// What is left from `at` on.
    pub(super) fn rest(&mut self, at: usize) {
        self.field(at, self.bytes.len().saturating_sub(at), "bytes that are no whole message");
    }

    /// The IP header at `at`, extension headers included.
    pub(super) fn ip(&mut self, at: usize) {
        match self.u8(at) >> 4 {
            6 => self.ipv6(at),
            _ => self.ipv4(at),
        }
    }

    /// The packet at `at`, which ends before `end`: its IP header, and the header of what it carries.
    pub(super) fn packet(&mut self, at: usize, end: usize) {
        let Ok(packet) = Packet::parse(self.bytes.get(at..end).unwrap_or_default()) else {
            return self.field(at, end.saturating_sub(at), "no whole IP header");
        };
        self.ip(at);
        let body = at + packet.header_len;
        if packet.fragment.is_some_and(|fragment| fragment.offset > 0) {
            return self.field(body, end.saturating_sub(body), "a later part of its payload");
        }
        match packet.protocol {
            Protocol::UDP => self.udp(body, end),
            Protocol::TCP => self.tcp(body, end),
            Protocol::ICMP => self.quoted_icmp(Family::V4, body, end),
            Protocol::ICMPV6 => self.quoted_icmp(Family::V6, body, end),
            other => self.field(body, end.saturating_sub(body), &format!("{other}")),
        }
    }

    fn ipv4(&mut self, at: usize) {
        let words = usize::from(self.u8(at) & 15);
        let (flags, tos) = (self.u16(at + 6), self.u8(at + 1));
        let ip = |at: usize| Ipv4Addr::from(self.u32(at));
        let (source, destination) = (ip(at + 12), ip(at + 16));
        let right =
            Packet::parse(self.bytes.get(at..).unwrap_or_default()).ok().and_then(|packet| packet.header_checksum_ok);
        let right = match right {
            Some(true) => ", right",
            Some(false) => ", wrong",
            None => "",
        };
        self.heading("IPv4 header (RFC 791)");
        self.field(at, 1, &format!("version 4, {words} words of header: {} bytes", words * 4));
        self.field(at + 1, 1, &format!("type of service: DSCP {}, ECN {}", tos >> 2, tos & 3));
        self.field(at + 2, 2, &format!("total length {}", self.u16(at + 2)));
        self.field(at + 4, 2, &format!("identification {}", self.u16(at + 4)));
        let mut bits: Vec<String> = Vec::new();
        if flags & 0x4000 != 0 {
            bits.push("don't fragment".to_string());
        }
        if flags & 0x2000 != 0 {
            bits.push("more fragments".to_string());
        }
        bits.push(format!("fragment offset {}", (flags & 0x1fff) * 8));
        self.field(at + 6, 2, &bits.join(", "));
        self.field(at + 8, 1, &format!("TTL {}", self.u8(at + 8)));
        self.field(at + 9, 1, &format!("protocol {}", protocol(self.u8(at + 9))));
        self.field(at + 10, 2, &format!("header checksum{right}"));
        self.field(at + 12, 4, &format!("source {source}"));
        self.field(at + 16, 4, &format!("destination {destination}"));
        self.field(at + 20, (words * 4).saturating_sub(20), "options");
    }

    fn ipv6(&mut self, at: usize) {
        let first = self.u32(at);
        let ip = |at: usize| {
            let octets = self.bytes.get(at..).and_then(|bytes| bytes.first_chunk::<16>());
            octets.map_or("cut off".to_string(), |octets| Ipv6Addr::from(*octets).to_string())
        };
        let (source, destination) = (ip(at + 8), ip(at + 24));
        let (class, label) = ((first >> 20) as u8, first & 0xf_ffff);
        self.heading("IPv6 header (RFC 8200)");
        self.field(at, 4, &format!("version 6, DSCP {}, ECN {}, flow label {label:05x}", class >> 2, class & 3));
        self.field(at + 4, 2, &format!("payload length {}", self.u16(at + 4)));
        self.field(at + 6, 1, &format!("next header {}", protocol(self.u8(at + 6))));
        self.field(at + 7, 1, &format!("hop limit {}", self.u8(at + 7)));
        self.field(at + 8, 16, &format!("source {source}"));
        self.field(at + 24, 16, &format!("destination {destination}"));
        if let Ok(packet) = Packet::parse(self.bytes.get(at..).unwrap_or_default()) {
            self.field(at + 40, packet.header_len.saturating_sub(40), "extension headers");
        }
    }

    /// The ICMP message at `at`, `len` bytes.
    pub(super) fn message(&mut self, at: usize, family: Family, len: usize) {
        let Ok(message) = Message::parse(family, self.bytes.get(at..at + len).unwrap_or_default()) else { return };
        let Kind { type_, code, .. } = message.kind;
        self.heading(&format!("{} message", family.icmp_name()));
        let name = message.kind.type_name().unwrap_or("no table knows it");
        self.field(at, 1, &format!("type {type_}: {name}"));
        self.field(at + 1, 1, &format!("code {code}: {}", message.kind));
        self.field(at + 2, 2, "checksum, worked through below");
        self.four(at + 4, &message);
        let body = at + 8;
        match (message.quote(), message.extensions()) {
            (Some(quote), extensions) => {
                self.out.push('\n');
                self.heading("The packet it is about, as far as it is quoted");
                self.packet(body, body + quote.len());
                if extensions.is_some() {
                    self.extensions(body + quote.len());
                }
            }
            (None, _) if matches!((family, type_), (Family::V4, 42) | (Family::V6, 160)) => self.extensions(body),
            _ => self.body(message.kind, body, at + len),
        }
    }

    /// The fifth to eighth octets.
    fn four(&mut self, at: usize, message: &Message<'_>) {
        let [a, b, c, d] = message.rest;
        let length =
            |words: u8, unit: usize| format!("length of the quote: {} bytes (RFC 4884)", usize::from(words) * unit);
        match (message.kind.family, message.kind.type_, message.kind.code) {
            _ if message.echo().is_some() => {
                self.field(at, 2, &format!("identifier {}", u16::from_be_bytes([a, b])));
                self.field(at + 2, 2, &format!("sequence number {}", u16::from_be_bytes([c, d])));
            }
            (Family::V4, 3, 4) => {
                self.field(at, 1, "unused");
                self.field(at + 1, 1, &length(b, 4));
                self.field(at + 2, 2, &format!("next-hop MTU {}", u16::from_be_bytes([c, d])));
            }
            (Family::V4, 5, _) => {
                self.field(at, 4, &format!("gateway to use instead: {}", Ipv4Addr::from(message.rest)))
            }
            (Family::V4, 12, _) => {
                self.field(at, 1, &format!("pointer: octet {a} of the packet"));
                self.field(at + 1, 1, &length(b, 4));
                self.field(at + 2, 2, "unused");
            }
            (Family::V4, 3 | 11, _) => {
                self.field(at, 1, "unused");
                self.field(at + 1, 1, &length(b, 4));
                self.field(at + 2, 2, "unused");
            }
            (Family::V6, 2, _) => self.field(at, 4, &format!("MTU {}", u32::from_be_bytes(message.rest))),
            (Family::V6, 4, _) => {
                self.field(at, 4, &format!("pointer: octet {} of the packet", u32::from_be_bytes(message.rest)))
            }
            (Family::V6, 1 | 3, _) => {
                self.field(at, 1, &length(a, 8));
                self.field(at + 1, 3, "unused");
            }
            (Family::V4, 40, _) => {
                self.field(at, 2, "reserved");
                self.field(at + 2, 2, &format!("pointer: octet {} of the packet", u16::from_be_bytes([c, d])));
            }
            (Family::V4, 42 | 43, _) | (Family::V6, 160 | 161, _) => {
                self.field(at, 2, &format!("identifier {}", u16::from_be_bytes([a, b])));
                self.field(at + 2, 1, &format!("sequence number {c}"));
                self.field(at + 3, 1, &probe_flags(message.kind, d));
            }
            (Family::V4, 13..=18, _) => {
                self.field(at, 2, &format!("identifier {}", u16::from_be_bytes([a, b])));
                self.field(at + 2, 2, &format!("sequence number {}", u16::from_be_bytes([c, d])));
            }
            _ if self.four_of(at, message.kind) => {}
            _ => self.field(at, 4, "as the type has it"),
        }
    }

    fn quoted_icmp(&mut self, family: Family, at: usize, end: usize) {
        let bytes = self.bytes.get(at..end).unwrap_or_default();
        self.heading(&format!("{} header", family.icmp_name()));
        let Ok(message) = Message::parse(family, bytes) else {
            return self.field(at, end.saturating_sub(at).max(1), "less than a header");
        };
        self.field(at, 2, &format!("type {} code {}: {}", message.kind.type_, message.kind.code, message.kind));
        self.field(at + 2, 2, "checksum of the packet as it was sent");
        self.four(at + 4, &message);
        self.field(at + 8, end.saturating_sub(at + 8), "data");
    }

    fn udp(&mut self, at: usize, end: usize) {
        self.heading("UDP header (RFC 768)");
        self.field(at, 2, &format!("source port {}", self.u16(at)));
        self.field(at + 2, 2, &format!("destination port {}", self.u16(at + 2)));
        self.field(at + 4, 2, &format!("length {}", self.u16(at + 4)));
        self.field(at + 6, 2, "checksum");
        self.field(at + 8, end.saturating_sub(at + 8), "data");
    }

    fn tcp(&mut self, at: usize, end: usize) {
        self.heading("TCP header (RFC 9293)");
        self.field(at, 2, &format!("source port {}", self.u16(at)));
        self.field(at + 2, 2, &format!("destination port {}", self.u16(at + 2)));
        self.field(at + 4, 4, &format!("sequence number {}", self.u32(at + 4)));
        if end <= at + 8 {
            return;
        }
        self.field(at + 8, 4, &format!("acknowledgement number {}", self.u32(at + 8)));
        let flags = super::super::super::ip::TcpFlags(self.u8(at + 13));
        self.field(at + 12, 2, &format!("header of {} bytes, {flags}", usize::from(self.u8(at + 12) >> 4) * 4));
        self.field(at + 14, 2, &format!("window {}", self.u16(at + 14)));
        self.field(at + 16, 2, "checksum");
        self.field(at + 18, end.saturating_sub(at + 18), "urgent pointer, options and data");
    }

    /// The extension structure at `at`.
    fn extensions(&mut self, at: usize) {
        let bytes = self.bytes.get(at..).unwrap_or_default();
        let Some(found) = Extensions::parse(bytes) else {
            return self.field(at, bytes.len(), "no whole extension header");
        };
        self.out.push('\n');
        self.heading("Extensions (RFC 4884)");
        self.field(at, 2, "version 2, reserved bits");
        self.field(
            at + 2,
            2,
            match found.checksum_ok {
                Some(true) => "checksum, right",
                Some(false) => "checksum, wrong: do not trust what follows",
                None => "no checksum",
            },
        );
        let mut place = at + 4;
        for object in found.objects() {
            self.field(place, 2, &format!("object of {} bytes", object.data.len() + 4));
            self.field(
                place + 2,
                2,
                &format!("class {}, type {}: {}", object.class, object.c_type, class(object.class)),
            );
            let data = place + 4;
            match object.content() {
                ObjectContent::Mpls(labels) => {
                    for (index, label) in labels.iter().enumerate() {
                        self.field(data + index * 4, 4, &label.to_string());
                    }
                }
                content => self.field(data, object.data.len(), &said(&content)),
            }
            place = data + object.data.len();
        }
        self.field(place, self.bytes.len().saturating_sub(place), "no whole object");
    }
}

fn class(number: u8) -> &'static str {
    match number {
        1 => "MPLS label stack (RFC 4950)",
        2 => "interface information (RFC 5837)",
        3 => "interface identification (RFC 8335)",
        4 => "extended information",
        5 => "node identification",
        247.. => "private use",
        _ => "not known here",
    }
}

fn said(content: &ObjectContent) -> String {
    match content {
        ObjectContent::Interface(interface) => {
            let mut parts = vec![interface.role_name().to_string()];
            parts.extend(interface.name.as_ref().map(|name| format!("name {name}")));
            parts.extend(interface.index.map(|index| format!("index {index}")));
            parts.extend(interface.address.map(|address| format!("address {address}")));
            parts.extend(interface.mtu.map(|mtu| format!("MTU {mtu}")));
            parts.join(", ")
        }
        ObjectContent::InterfaceName(name) => format!("the interface called {name}"),
        ObjectContent::InterfaceIndex(index) => format!("the interface with index {index}"),
        ObjectContent::InterfaceAddress(address) => format!("the interface with address {address}"),
        ObjectContent::Mpls(_) | ObjectContent::Unknown => "data".to_string(),
    }
}

/// The last octet of an extended echo: a bit of the request, flags of the reply (RFC 8335, sections 2 and 3).
fn probe_flags(kind: Kind, octet: u8) -> String {
    if matches!(kind.type_, 42 | 160) {
        return if octet & 1 == 1 {
            "about an interface of the host that is asked"
        } else {
            "about a neighbour of the host"
        }
        .to_string();
    }
    let state = match octet >> 5 {
        0 => "reserved",
        1 => "incomplete",
        2 => "reachable",
        3 => "stale",
        4 => "delay",
        5 => "probe",
        6 => "failed",
        _ => "unassigned",
    };
    let flag = |bit: u8, name: &str| if octet & bit != 0 { name.to_string() } else { format!("not {name}") };
    format!("neighbour state {state}, {}, {}, {}", flag(4, "active"), flag(2, "IPv4"), flag(1, "IPv6"))
}

fn protocol(number: u8) -> String {
    match Protocol(number) {
        known @ (Protocol::ICMP | Protocol::TCP | Protocol::UDP | Protocol::ICMPV6) => format!("{number}: {known}"),
        _ => match number {
            0 => "0: hop-by-hop options".to_string(),
            43 => "43: routing header".to_string(),
            44 => "44: fragment header".to_string(),
            50 => "50: ESP".to_string(),
            51 => "51: authentication header".to_string(),
            59 => "59: nothing follows".to_string(),
            60 => "60: destination options".to_string(),
            132 => "132: SCTP".to_string(),
            other => other.to_string(),
        },
    }
}
