//! The Internet checksum (RFC 1071): the complement of the one's complement sum of 16-bit words.
//!
//! Pieces may be added one after another and may each have an odd length; the result is that of the
//! pieces joined. A message that holds its own correct checksum sums up to zero.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A running one's complement sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    total: u64,
    /// Whether the next byte is the low half of its word.
    odd: bool,
}

impl Sum {
    /// The sum of no bytes.
    pub const fn new() -> Self {
        Self { total: 0, odd: false }
    }

    /// The sum of the pseudo-header that UDP and TCP cover over IPv4 (RFC 768): `length` is that of the
    /// segment in bytes.
    pub fn pseudo_v4(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8, length: u16) -> Self {
        Self::new().join(&source.octets()).join(&destination.octets()).join(&[0, protocol]).join(&length.to_be_bytes())
    }

    /// The sum of the pseudo-header that every upper layer covers over IPv6 (RFC 8200, section 8.1):
    /// `length` is that of the upper-layer packet in bytes, `next_header` its protocol number.
    pub fn pseudo_v6(source: Ipv6Addr, destination: Ipv6Addr, next_header: u8, length: u32) -> Self {
        Self::new().join(&source.octets()).join(&destination.octets()).join(&length.to_be_bytes()).join(&[
            0,
            0,
            0,
            next_header,
        ])
    }

    /// The sum of the pseudo-header between two addresses; `None` if their families differ or `length`
    /// does not fit.
    pub fn pseudo(source: IpAddr, destination: IpAddr, protocol: u8, length: usize) -> Option<Self> {
        Some(match (source, destination) {
            (IpAddr::V4(from), IpAddr::V4(to)) => Self::pseudo_v4(from, to, protocol, u16::try_from(length).ok()?),
            (IpAddr::V6(from), IpAddr::V6(to)) => Self::pseudo_v6(from, to, protocol, u32::try_from(length).ok()?),
            _ => return None,
        })
    }

    /// The sum with `bytes` joined on.
    #[must_use]
    pub fn join(mut self, mut bytes: &[u8]) -> Self {
        if self.odd {
            let Some((&low, rest)) = bytes.split_first() else {
                return self;
            };
            self.total += u64::from(low);
            self.odd = false;
            bytes = rest;
        }
        // The sum of pairs of words is that of the words: what does not fit is carried round when it is folded.
        let (pairs, rest) = bytes.as_chunks::<8>();
        for pair in pairs {
            let pair = u64::from_be_bytes(*pair);
            self.total += (pair >> 32) + (pair & 0xffff_ffff);
        }
        let (words, last) = rest.as_chunks::<2>();
        self.total += words.iter().map(|&word| u64::from(u16::from_be_bytes(word))).sum::<u64>();
        if let [high] = last {
            self.total += u64::from(*high) << 8;
            self.odd = true;
        }
        self
    }

    /// The checksum: the sum folded to 16 bits and complemented, an odd last byte padded with zero.
    pub fn finish(self) -> u16 {
        let mut total = self.total;
        while total > 0xffff {
            total = (total & 0xffff) + (total >> 16);
        }
        // The loop leaves no bit above the sixteenth.
        !(total as u16)
    }
}

/// The checksum of `bytes`; zero if they hold their own correct checksum.
pub fn checksum(bytes: &[u8]) -> u16 {
    Sum::new().join(bytes).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_1071_example() {
        // Section 3: the words 0001 f203 f4f5 f6f7 sum up to ddf2.
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(checksum(&bytes), !0xddf2);
    }

    #[test]
    fn ipv4_header_with_a_known_checksum() {
        let mut header = [
            0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0x00, 0x00, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8,
            0x00, 0xc7,
        ];
        assert_eq!(checksum(&header), 0xb861);
        header[10..12].copy_from_slice(&[0xb8, 0x61]);
        assert_eq!(checksum(&header), 0);
    }

    #[test]
    fn an_odd_length_is_padded_with_zero() {
        assert_eq!(checksum(&[]), 0xffff);
        assert_eq!(checksum(&[0x12]), !0x1200);
        assert_eq!(checksum(&[1, 2, 3]), checksum(&[1, 2, 3, 0]));
        assert_ne!(checksum(&[1, 2, 3]), checksum(&[1, 2, 0, 3]));
    }

    #[test]
    fn pieces_sum_like_the_whole() {
        let bytes: Vec<u8> = (0..=200).map(|n: u8| n.wrapping_mul(37)).collect();
        for first in 0..bytes.len() {
            for second in [first, first + 1, first + 2, bytes.len()] {
                let second = second.min(bytes.len());
                let sum = Sum::new().join(&bytes[..first]).join(&bytes[first..second]).join(&[]).join(&bytes[second..]);
                assert_eq!(sum.finish(), checksum(&bytes));
            }
        }
    }

    #[test]
    fn long_input_does_not_overflow() {
        assert_eq!(checksum(&vec![0xff; 1 << 20]), 0);
    }

    #[test]
    fn pseudo_headers_need_one_family() {
        let four = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let six = IpAddr::V6(Ipv6Addr::LOCALHOST);
        assert_eq!(Sum::pseudo(four, six, 17, 8), None);
        assert_eq!(Sum::pseudo(four, four, 17, 65_536), None);
        // 7f00 + 0001 + 7f00 + 0001 + 0011 + 0008 = fe1b
        assert_eq!(Sum::pseudo(four, four, 17, 8).unwrap().finish(), !0xfe1b);
        // 0001 + 0001 + 0008 + 003a = 0044
        assert_eq!(Sum::pseudo(six, six, 58, 8).unwrap().finish(), !0x0044);
    }
}
