//! A hasher for what the ledger itself has given out: numbers of probes, keys and peers.

use std::hash::{BuildHasherDefault, Hasher};

/// Maps hashed by [`Mixer`].
pub(in crate::net) type Mixed = BuildHasherDefault<Mixer>;

/// A quick hasher. Only what was sent is ever inserted, so a peer cannot pick keys that collide.
#[derive(Default)]
pub(in crate::net) struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.write_u64(u64::from_be_bytes(*word)));
        if !rest.is_empty() {
            self.write_u64(rest.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)));
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_isize(&mut self, value: isize) {
        self.write_u64(value as u64);
    }

    fn write_u64(&mut self, value: u64) {
        // Numbers that follow each other keep to neighbouring buckets, which the next probe finds in the cache.
        let (high, low) = (value >> 16, value & 0xFFFF);
        self.0 = Self::mix(self.0 ^ high) ^ low;
    }

    fn finish(&self) -> u64 {
        // The map picks the bucket by the low bits, and distinguishes entries of a bucket by the highest seven.
        self.0 ^ (Self::mix(self.0) & !(u64::MAX >> 7))
    }
}

impl Mixer {
    fn mix(value: u64) -> u64 {
        let value = value.wrapping_mul(0xD6E8_FEB8_6659_FD93);
        value ^ (value >> 32)
    }
}
