//! The fields of a packet in their order: offset, bytes, and what they say, by the rows of `fields.txt`.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::super::ip::{Packet, Protocol, TcpFlags};
use super::super::super::{Family, u8_at};
use super::super::extended::state_name;
use super::super::extension::{Extensions, ObjectContent};
use super::super::{Kind, Message, v4, v6};
use crate::text_rows::{TextSection, read};

/// Writes fields, one in a line.
#[derive(Debug)]
pub(super) struct Layout<'a> {
    bytes: &'a [u8],
    tables: Vec<TextSection>,
    out: String,
}

/// What rows say of a header or a part of a message: a field in a line.
type Fields = Vec<&'static str>;

/// How many bytes of a field are shown in a line.
const SHOWN: usize = 8;

impl<'a> Layout<'a> {
    /// A layout of `bytes`, of which nothing is written yet.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, tables: read(include_str!("fields.txt")), out: String::new() }
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

    /// The rest from `at` to before `end` as one field.
    fn field_to(&mut self, at: usize, end: usize, text: &str) {
        self.field(at, end.saturating_sub(at), text);
    }

    /// What the row `key` of `table` has; nothing where there is none.
    fn row(&self, table: &str, key: &str) -> Fields {
        let rows = self.tables.iter().find(|section| section.name == table);
        rows.and_then(|rows| rows.row(key)).map_or(Vec::new(), |row| row.lines.clone())
    }

    /// The fields of a row from `at` on; where they end. What is left goes to before `end`.
    fn fields(&mut self, row: &[&str], mut at: usize, end: usize) -> usize {
        for line in row {
            let (len, text) = line.split_once(' ').unwrap_or((line, ""));
            if len == "=" {
                self.heading(text);
                continue;
            }
            let len = len.parse().unwrap_or_else(|_| end.saturating_sub(at));
            let parts = text.split(['{', '}']).enumerate();
            let text: String = parts
                .map(|(place, part)| if place % 2 == 1 { self.value(part, at, len) } else { part.to_string() })
                .collect();
            self.field(at, len, &text);
            at += len;
        }
        at
    }

    /// What the field of `len` bytes at `at` says, as one of the names in `fields.txt` has it.
    fn value(&self, name: &str, at: usize, len: usize) -> String {
        let bytes = self.bytes.get(at..at + len).unwrap_or_default();
        let n = bytes.iter().fold(0, |n: u64, byte| n << 8 | u64::from(*byte));
        let traffic_class = |octet: u64| format!("DSCP {}, ECN {}", octet >> 2, octet & 3);
        if let Some(names) = name.strip_prefix("flags ") {
            return flags(n, names);
        }
        if let Some(times) = name.strip_prefix('x').and_then(|times| times.parse::<u64>().ok()) {
            return (n * times).to_string();
        }
        match name {
            "n" => n.to_string(),
            "signed" => (n as i32).to_string(),
            "ip" if len == 4 => Ipv4Addr::from(n as u32).to_string(),
            "ip" => bytes
                .first_chunk()
                .map_or("cut off".to_string(), |octets: &[u8; 16]| Ipv6Addr::from(*octets).to_string()),
            "mac" => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":"),
            "words" => (n & 15).to_string(),
            "header" => ((n & 15) * 4).to_string(),
            "tos" => traffic_class(n),
            "class" => traffic_class(n >> 20 & 0xff),
            "label" => format!("{:05x}", n & 0xf_ffff),
            "fragment" => fragment(n),
            "right" => self.header_checksum(at - 10).to_string(),
            "tcp" => format!("{} bytes, {}", usize::from(self.u8(at) >> 4) * 4, TcpFlags(self.u8(at + 1))),
            "protocol" => self.named("protocols", n).map_or(n.to_string(), |name| format!("{n}: {name}")),
            "option" => format!("{n}: {}", self.named("option names", n).unwrap_or("not known here")),
            "object" => format!("class {}, type {}: {}", self.u8(at), self.u8(at + 1), self.object_class(self.u8(at))),
            "time" => time_of_day(n as u32),
            "lifetime" if n == u64::from(u32::MAX) => "without end".to_string(),
            "lifetime" => format!("{n} s"),
            "asked" if n & 1 == 1 => "an interface of the host that is asked".to_string(),
            "asked" => "a neighbour of the host".to_string(),
            "state" => state_name(n as u8 >> 5).unwrap_or("reserved").to_string(),
            other => other.to_string(),
        }
    }

    fn named(&self, table: &str, number: u64) -> Option<&'static str> {
        self.row(table, &number.to_string()).first().copied()
    }

    fn object_class(&self, class: u8) -> &'static str {
        let unknown = if class >= 247 { "private use" } else { "not known here" };
        self.named("object classes", class.into()).unwrap_or(unknown)
    }

    /// Whether the checksum of the IPv4 header at `at` is right, as what is said of it ends.
    fn header_checksum(&self, at: usize) -> &'static str {
        let packet = Packet::parse(self.bytes.get(at..).unwrap_or_default()).ok();
        match packet.and_then(|packet| packet.header_checksum_ok) {
            Some(true) => ", right",
            Some(false) => ", wrong",
            None => "",
        }
    }

    fn u8(&self, at: usize) -> u8 {
        u8_at(self.bytes, at).unwrap_or(0)
    }

    /// What is left from `at` on.
    pub(super) fn rest(&mut self, at: usize) {
        self.field_to(at, self.bytes.len(), "bytes that are no whole message");
    }

    /// The IP header at `at`, extension headers included.
    pub(super) fn ip(&mut self, at: usize) {
        if self.u8(at) >> 4 == 6 {
            let end = self.fields(&self.row("headers", "IPv6"), at, at);
            if let Ok(packet) = Packet::parse(self.bytes.get(at..).unwrap_or_default()) {
                self.field_to(end, at + packet.header_len, "extension headers");
            }
        } else {
            let end = self.fields(&self.row("headers", "IPv4"), at, at);
            self.field_to(end, at + usize::from(self.u8(at) & 15) * 4, "options");
        }
    }

    /// The packet at `at`, which ends before `end`: its IP header, and the header of what it carries.
    pub(super) fn packet(&mut self, at: usize, end: usize) {
        let Ok(packet) = Packet::parse(self.bytes.get(at..end).unwrap_or_default()) else {
            return self.field_to(at, end, "no whole IP header");
        };
        self.ip(at);
        let body = at + packet.header_len;
        if packet.fragment.is_some_and(|fragment| fragment.offset > 0) {
            return self.field_to(body, end, "a later part of its payload");
        }
        match packet.protocol {
            Protocol::UDP => drop(self.fields(&self.row("headers", "UDP"), body, end)),
            Protocol::TCP => {
                let more = self.fields(&self.row("headers", "TCP"), body, end);
                if end > more {
                    self.fields(&self.row("headers", "TCP-2"), more, end);
                }
            }
            Protocol::ICMP => self.quoted_icmp(Family::V4, body, end),
            Protocol::ICMPV6 => self.quoted_icmp(Family::V6, body, end),
            other => self.field_to(body, end, &format!("{other}")),
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
        self.four(at + 4, message.kind);
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
            (None, _) if message.kind.is_extended_request() => self.extensions(body),
            _ => self.body(message.kind, body, at + len),
        }
    }

    /// The fifth to eighth octets.
    fn four(&mut self, at: usize, kind: Kind) {
        let table = kind.family.icmp_name();
        let rows = [format!("{}/{}", kind.type_, kind.code), kind.type_.to_string()].map(|key| self.row(table, &key));
        match rows.iter().find(|row| !row.is_empty()) {
            Some(row) => drop(self.fields(row, at, at + 4)),
            None => self.field(at, 4, "as the type has it"),
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
        self.four(at + 4, message.kind);
        self.field_to(at + 8, end, "data");
    }

    /// What is behind the eighth octet of a message of `kind` that quotes no packet, from `at` to before `end`.
    fn body(&mut self, kind: Kind, at: usize, end: usize) {
        let row = self.row(&format!("{} body", kind.family.icmp_name()), &kind.type_.to_string());
        let lengths = row.iter().filter_map(|line| line.split_once(' ')?.0.parse::<usize>().ok());
        if end < at + lengths.sum::<usize>() {
            return self.field(at, (end - at).max(1), "less than this type has");
        }
        let rest = self.fields(&row, at, end);
        match (kind.family, kind.type_) {
            (Family::V4, v4::ROUTER_ADVERTISEMENT) => self.routers(rest, end),
            (Family::V6, v6::VERSION_2_MULTICAST_LISTENER_REPORT) => self.memberships(rest, end),
            (Family::V6, v6::ROUTER_SOLICITATION..=v6::REDIRECT_MESSAGE) => self.options(rest, end),
            _ => self.field_to(rest, end, "data"),
        }
    }

    /// The addresses of a router advertisement (RFC 1256), each with its preference.
    fn routers(&mut self, mut at: usize, end: usize) {
        let (count, len) = (self.u8(at - 4), usize::from(self.u8(at - 3)) * 4);
        for _ in 0..count {
            if len < 8 || at + len > end {
                break;
            }
            let rest = self.fields(&self.row("lists", "router"), at, end);
            self.field_to(rest, at + len, "more than is known of an address");
            at += len;
        }
        self.field_to(at, end, "data");
    }

    /// The records of a multicast listener report (RFC 3810), each with its sources.
    fn memberships(&mut self, mut at: usize, end: usize) {
        const ADDRESS: usize = 16;
        while at + 4 + ADDRESS <= end {
            let auxiliary = usize::from(self.u8(at + 1)) * 4;
            let sources = usize::from(self.u8(at + 2)) << 8 | usize::from(self.u8(at + 3));
            at = self.fields(&self.row("lists", "record"), at, end);
            for _ in 0..sources.min((end - at) / ADDRESS) {
                at = self.fields(&self.row("lists", "source"), at, end);
            }
            let rest = end.min(at + auxiliary);
            self.field_to(at, rest, "auxiliary data");
            at = rest;
        }
        self.field_to(at, end, "no whole record");
    }

    /// The options of neighbour discovery (RFC 4861, section 4.6).
    fn options(&mut self, mut at: usize, end: usize) {
        while at + 2 <= end && self.u8(at + 1) > 0 {
            let (type_, len) = (self.u8(at), usize::from(self.u8(at + 1)) * 8);
            if at + len > end {
                break;
            }
            let held = self.fields(&self.row("lists", "option"), at, end);
            match self.row("options", &format!("{type_}/{}", len - 2)) {
                row if row.is_empty() => self.field_to(held, at + len, "what the option holds"),
                row => drop(self.fields(&row, held, at + len)),
            }
            at += len;
        }
        self.field_to(at, end, "no whole option");
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
        let checksum = match found.checksum_ok {
            Some(true) => "checksum, right",
            Some(false) => "checksum, wrong: do not trust what follows",
            None => "no checksum",
        };
        self.field(at + 2, 2, checksum);
        let mut place = at + 4;
        for object in found.objects() {
            let data = self.fields(&self.row("lists", "object"), place, place);
            place = data + object.data.len();
            match object.content() {
                ObjectContent::Mpls(labels) => {
                    for (index, label) in labels.iter().enumerate() {
                        self.field(data + index * 4, 4, &label.to_string());
                    }
                }
                content => self.field_to(data, place, &said(&content)),
            }
        }
        self.field_to(place, self.bytes.len(), "no whole object");
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

/// Which of the bits are set, each as `names` has it: `80 managed addresses, 40 other configuration`.
fn flags(octet: u64, names: &str) -> String {
    let said = names.split(", ").filter_map(|flag| {
        let (bit, name) = flag.split_once(' ')?;
        let is_set = octet & u64::from_str_radix(bit, 16).ok()? != 0;
        Some(if is_set { name.to_string() } else { format!("not {name}") })
    });
    said.collect::<Vec<_>>().join(", ")
}

/// The flags and the offset of an IPv4 header.
fn fragment(word: u64) -> String {
    let offset = format!("fragment offset {}", (word & 0x1fff) * 8);
    let bits = [(0x4000, "don't fragment"), (0x2000, "more fragments")].into_iter().filter(|(bit, _)| word & bit != 0);
    bits.map(|(_, name)| name).chain([offset.as_str()]).collect::<Vec<_>>().join(", ")
}

/// Milliseconds since midnight UT; with the highest bit set they are something else (RFC 792).
fn time_of_day(ms: u32) -> String {
    if ms >> 31 == 1 {
        return format!("{ms:08x}, which is not in milliseconds since midnight");
    }
    let (s, rest) = (ms / 1000, ms % 1000);
    format!("{ms} ms since midnight, {:02}:{:02}:{:02}.{rest:03} UT", s / 3600, s / 60 % 60, s % 60)
}
