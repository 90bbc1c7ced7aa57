//! The fields of messages that quote no packet, beyond their first four octets.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::super::Kind;
use super::{Family, Layout};

/// The octets of an IPv6 address.
const V6: usize = 16;

impl Layout<'_> {
    /// The fifth to eighth octets of a message of `kind`; whether they are known.
    pub(super) fn four_of(&mut self, at: usize, kind: Kind) -> bool {
        let (first, second, last) = (self.u8(at), self.u8(at + 1), self.u16(at + 2));
        match (kind.family, kind.type_) {
            (Family::V4, 9) => {
                self.field(at, 1, &format!("addresses: {first}"));
                self.field(at + 1, 1, &format!("words of 32 bits for each: {second}"));
                self.field(at + 2, 2, &format!("lifetime {last} s"));
            }
            (Family::V4, 10) | (Family::V6, 133 | 135 | 137) => self.field(at, 4, "reserved"),
            (Family::V6, 134) => {
                self.field(at, 1, &format!("hop limit for hosts: {first}"));
                let flags = flags(second, &[(0x80, "managed addresses"), (0x40, "other configuration")]);
                self.field(at + 1, 1, &flags);
                self.field(at + 2, 2, &format!("router lifetime {last} s"));
            }
            (Family::V6, 136) => {
                let flags = flags(first, &[(0x80, "router"), (0x40, "solicited"), (0x20, "override")]);
                self.field(at, 1, &flags);
                self.field(at + 1, 3, "reserved");
            }
            (Family::V6, 130..=132) => {
                self.field(at, 2, &format!("maximum response delay {} ms", self.u16(at)));
                self.field(at + 2, 2, "reserved");
            }
            (Family::V6, 143) => {
                self.field(at, 2, "reserved");
                self.field(at + 2, 2, &format!("records: {last}"));
            }
            _ => return false,
        }
        true
    }

    /// What is behind the eighth octet of a message of `kind`, from `at` to before `end`.
    pub(super) fn body(&mut self, kind: Kind, at: usize, end: usize) {
        let needed = match (kind.family, kind.type_) {
            (Family::V4, 13 | 14) => 12,
            (Family::V4, 17 | 18) => 4,
            (Family::V6, 134) => 8,
            (Family::V6, 130..=132 | 135 | 136) => V6,
            (Family::V6, 137) => 2 * V6,
            _ => 0,
        };
        if end < at + needed {
            return self.field(at, (end - at).max(1), "less than this type has");
        }
        match (kind.family, kind.type_) {
            (Family::V4, 13 | 14) => {
                for (place, name) in ["originate", "receive", "transmit"].iter().enumerate() {
                    let at = at + place * 4;
                    self.field(at, 4, &format!("{name} timestamp: {}", time_of_day(self.u32(at))));
                }
            }
            (Family::V4, 17 | 18) => self.field(at, 4, &format!("address mask {}", Ipv4Addr::from(self.u32(at)))),
            (Family::V4, 9) => return self.routers(at, end),
            (Family::V6, 134) => {
                self.field(at, 4, &format!("reachable time {} ms", self.u32(at)));
                self.field(at + 4, 4, &format!("retransmission timer {} ms", self.u32(at + 4)));
            }
            (Family::V6, 130..=132) => self.address(at, "multicast address"),
            (Family::V6, 135..=137) => {
                self.address(at, "target");
                if kind.type_ == 137 {
                    self.address(at + V6, "destination");
                }
            }
            (Family::V6, 143) => return self.memberships(at, end),
            _ => {}
        }
        match (kind.family, kind.type_) {
            (Family::V6, 133..=137) => self.options(at + needed, end),
            _ => self.field(at + needed, end - at - needed, "data"),
        }
    }

    fn address(&mut self, at: usize, what: &str) {
        let octets = self.bytes.get(at..).and_then(|bytes| bytes.first_chunk::<V6>());
        let address = octets.map_or("cut off".to_string(), |octets| Ipv6Addr::from(*octets).to_string());
        self.field(at, V6, &format!("{what} {address}"));
    }

    /// The addresses of a router advertisement (RFC 1256), each with its preference.
    fn routers(&mut self, mut at: usize, end: usize) {
        let (count, words) = (self.u8(at - 4), usize::from(self.u8(at - 3)));
        for _ in 0..count {
            if words < 2 || at + words * 4 > end {
                break;
            }
            self.field(at, 4, &format!("router {}", Ipv4Addr::from(self.u32(at))));
            self.field(at + 4, 4, &format!("preference {}", self.u32(at + 4) as i32));
            self.field(at + 8, words * 4 - 8, "more than is known of an address");
            at += words * 4;
        }
        self.field(at, end.saturating_sub(at), "data");
    }

    /// The records of a multicast listener report (RFC 3810), each with its sources.
    fn memberships(&mut self, mut at: usize, end: usize) {
        while at + 4 + V6 <= end {
            let (auxiliary, sources) = (usize::from(self.u8(at + 1)) * 4, usize::from(self.u16(at + 2)));
            self.field(at, 1, &format!("record type {}", self.u8(at)));
            self.field(at + 1, 1, &format!("auxiliary data of {auxiliary} bytes"));
            self.field(at + 2, 2, &format!("sources: {sources}"));
            self.address(at + 4, "multicast address");
            at += 4 + V6;
            for _ in 0..sources.min(end.saturating_sub(at) / V6) {
                self.address(at, "source");
                at += V6;
            }
            self.field(at, auxiliary.min(end - at), "auxiliary data");
            at += auxiliary.min(end - at);
        }
        self.field(at, end.saturating_sub(at), "no whole record");
    }

    /// The options of neighbour discovery (RFC 4861, section 4.6).
    fn options(&mut self, mut at: usize, end: usize) {
        while at + 2 <= end && self.u8(at + 1) > 0 {
            let (type_, len) = (self.u8(at), usize::from(self.u8(at + 1)) * 8);
            if at + len > end {
                break;
            }
            self.field(at, 1, &format!("option {type_}: {}", option_name(type_)));
            self.field(at + 1, 1, &format!("option of {len} bytes"));
            self.option(at + 2, type_, len - 2);
            at += len;
        }
        self.field(at, end.saturating_sub(at), "no whole option");
    }

    /// What an option of this type holds.
    fn option(&mut self, at: usize, type_: u8, len: usize) {
        match (type_, len) {
            (1 | 2, 6) => {
                let octets: Vec<String> = (at..at + 6).map(|at| format!("{:02x}", self.u8(at))).collect();
                self.field(at, 6, &format!("address {}", octets.join(":")));
            }
            (3, 30) => {
                self.field(at, 1, &format!("prefix of {} bits", self.u8(at)));
                let flags = flags(self.u8(at + 1), &[(0x80, "on link"), (0x40, "for autoconfiguration")]);
                self.field(at + 1, 1, &flags);
                self.field(at + 2, 4, &format!("valid lifetime {}", lifetime(self.u32(at + 2))));
                self.field(at + 6, 4, &format!("preferred lifetime {}", lifetime(self.u32(at + 6))));
                self.field(at + 10, 4, "reserved");
                self.address(at + 14, "prefix");
            }
            (5, 6) => {
                self.field(at, 2, "reserved");
                self.field(at + 2, 4, &format!("MTU {}", self.u32(at + 2)));
            }
            _ => self.field(at, len, "what the option holds"),
        }
    }
}

/// Milliseconds since midnight UT; with the highest bit set they are something else (RFC 792).
fn time_of_day(ms: u32) -> String {
    if ms >> 31 == 1 {
        return format!("{ms:08x}, which is not in milliseconds since midnight");
    }
    let (s, rest) = (ms / 1000, ms % 1000);
    format!("{ms} ms since midnight, {:02}:{:02}:{:02}.{rest:03} UT", s / 3600, s / 60 % 60, s % 60)
}

fn lifetime(seconds: u32) -> String {
    if seconds == u32::MAX { "without end".to_string() } else { format!("{seconds} s") }
}

fn flags(octet: u8, names: &[(u8, &str)]) -> String {
    let name = |(bit, name): &(u8, &str)| if octet & bit != 0 { name.to_string() } else { format!("not {name}") };
    names.iter().map(name).collect::<Vec<_>>().join(", ")
}

const fn option_name(type_: u8) -> &'static str {
    match type_ {
        1 => "source link-layer address",
        2 => "target link-layer address",
        3 => "prefix information",
        4 => "redirected header",
        5 => "MTU",
        25 => "recursive DNS servers (RFC 8106)",
        31 => "DNS search list (RFC 8106)",
        _ => "not known here",
    }
}
