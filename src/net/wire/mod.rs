//! Bytes to values and back: ICMP messages, IP packets whole or quoted, Ethernet frames, the text of a ping, and
//! numbers by width and order.
//!
//! Contract: no I/O, no clock, no panic on any input. A decoder keeps what it does not know as numbers,
//! and a packet cut short still yields every field that is present.

use std::fmt;
use std::net::IpAddr;

pub mod checksum;
pub mod compose;
pub mod connections;
pub mod content;
pub mod frame;
#[cfg(test)]
mod golden;
pub mod icmp;
pub mod ip;
pub mod number;
pub mod paste;
pub mod ping_text;
pub mod prefix;
pub mod zoned;

/// A version of the Internet Protocol, and with it of ICMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4 (RFC 791) and ICMP (RFC 792).
    V4,
    /// IPv6 (RFC 8200) and ICMPv6 (RFC 4443).
    V6,
}

impl Family {
    /// The family of `address`; an IPv4-mapped IPv6 address is of the IPv6 family.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// The name of the family's control protocol: `ICMP` or `ICMPv6`.
    pub const fn icmp_name(self) -> &'static str {
        match self {
            Self::V4 => "ICMP",
            Self::V6 => "ICMPv6",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// Why bytes could not be read at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WireError {
    /// The fixed part of a header is not all there.
    Short {
        /// What was being read.
        what: &'static str,
        /// Bytes the fixed part takes.
        needed: usize,
        /// Bytes there were.
        had: usize,
    },
    /// The version field, the first four bits, is not the one expected.
    Version {
        /// The value found.
        found: u8,
    },
    /// An IPv4 header claims to be shorter than its fixed part of five words.
    HeaderLength {
        /// The IHL field, in 32-bit words.
        words: u8,
    },
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Short { what, needed, had } => {
                write!(f, "{what} too short: {had} of {needed} bytes")
            }
            Self::Version { found } => write!(f, "unexpected IP version {found}"),
            Self::HeaderLength { words } => {
                write!(f, "IPv4 header length of {words} words is below 5")
            }
        }
    }
}

impl std::error::Error for WireError {}

/// The octet at `at`, or `None` past the end.
fn u8_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// The big-endian 16-bit number at `at`, or `None` if it is not all there.
fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let (word, _) = bytes.get(at..)?.split_first_chunk()?;
    Some(u16::from_be_bytes(*word))
}

/// The big-endian 32-bit number at `at`, or `None` if it is not all there.
fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let (word, _) = bytes.get(at..)?.split_first_chunk()?;
    Some(u32::from_be_bytes(*word))
}

/// The bytes from `at` on; none if `at` is past the end.
fn from(bytes: &[u8], at: usize) -> &[u8] {
    bytes.get(at..).unwrap_or_default()
}

/// Inputs for "must not panic" tests: each truncation of `bytes`, and each of its bytes at each value.
#[cfg(test)]
fn each_damage(bytes: &[u8], mut check: impl FnMut(&[u8])) {
    for len in 0..=bytes.len() {
        check(&bytes[..len]);
    }
    let mut damaged = bytes.to_vec();
    for at in 0..bytes.len() {
        for value in 0..=u8::MAX {
            damaged[at] = value;
            check(&damaged);
        }
        damaged[at] = bytes[at];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_read_as_sentences() {
        let short = WireError::Short { what: "ICMP message", needed: 8, had: 3 };
        assert_eq!(short.to_string(), "ICMP message too short: 3 of 8 bytes");
        assert_eq!(WireError::Version { found: 5 }.to_string(), "unexpected IP version 5");
        let length = WireError::HeaderLength { words: 4 };
        assert_eq!(length.to_string(), "IPv4 header length of 4 words is below 5");
    }

    #[test]
    fn numbers_past_the_end_are_none() {
        assert_eq!(u16_at(&[1, 2, 3], 1), Some(0x0203));
        assert_eq!(u16_at(&[1, 2, 3], 2), None);
        assert_eq!(u32_at(&[1, 2, 3, 4], 0), Some(0x0102_0304));
        assert_eq!(u32_at(&[1, 2, 3, 4], usize::MAX), None);
        assert!(from(&[1], 2).is_empty());
    }

    #[test]
    fn a_mapped_address_is_ipv6() {
        assert_eq!(Family::of("127.0.0.1".parse().unwrap()), Family::V4);
        assert_eq!(Family::of("::ffff:127.0.0.1".parse().unwrap()), Family::V6);
    }
}
