//! The payload of echo requests, by which a reply is known: eight bytes that only this socket can have sent with this probe,
//! then a pattern.

use crate::net::error::{Error, Result};

/// Makes and recognises payloads.
#[derive(Debug)]
pub(super) struct Payload {
    /// What the nonces of this socket are made from.
    secret: u64,
    pattern: Vec<u8>,
}

/// What a payload that came back says of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PayloadMatch {
    /// It begins with the probe's nonce.
    Nonce,
    /// It is too short to say, and as much of it as there is belongs to the nonce.
    Short,
    /// It is another's.
    Other,
}

/// Octets of the nonce.
const NONCE: usize = 8;

/// A nonce cut to fewer octets than this says too little.
const ENOUGH: usize = 4;

/// The numbers 0 to 255.
const COUNTED: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = at as u8;
        at += 1;
    }
    bytes
};

impl Payload {
    /// Payloads known by `secret`, filled up with `pattern`, or with 8, 9, 10, … if that is empty.
    pub(super) fn new(secret: u64, pattern: Vec<u8>) -> Self {
        Self { secret, pattern }
    }

    /// Checks that a payload of `size` bytes has room for the pattern, if there is one.
    ///
    /// # Errors
    /// `invalid`: it has none.
    pub(super) fn check(&self, size: usize) -> Result<()> {
        if self.pattern.is_empty() || size > NONCE {
            return Ok(());
        }
        let digits: String = self.pattern.iter().map(|byte| format!("{byte:02x}")).collect();
        let message =
            format!("the pattern {digits:?} fills a payload after its first {NONCE} bytes, and this one has {size}");
        Err(Error::invalid("ping", message)
            .with_hint(format!("make room for it, such as: pinger(sock, target, #{{ size: {} }})", NONCE + 1)))
    }

    /// Appends the payload of probe `number`, `size` bytes.
    pub(super) fn append(&self, number: u64, size: usize, bytes: &mut Vec<u8>) {
        let nonce = self.nonce(number);
        bytes.extend_from_slice(&nonce[..size.min(NONCE)]);
        match self.pattern.as_slice() {
            [] => {
                // At place 256 it begins again at 0.
                let mut at = NONCE;
                while at < size {
                    let row = &COUNTED[at % COUNTED.len()..];
                    let row = &row[..row.len().min(size - at)];
                    bytes.extend_from_slice(row);
                    at += row.len();
                }
            }
            pattern => bytes.extend(pattern.iter().cycle().take(size.saturating_sub(NONCE))),
        }
    }

    /// Whether `payload` is that of probe `number`, or its beginning.
    pub(super) fn recognise(&self, number: u64, payload: &[u8]) -> PayloadMatch {
        let seen = payload.len().min(NONCE);
        match payload[..seen] == self.nonce(number)[..seen] {
            true if seen >= ENOUGH => PayloadMatch::Nonce,
            true => PayloadMatch::Short,
            false => PayloadMatch::Other,
        }
    }

    fn nonce(&self, number: u64) -> [u8; NONCE] {
        // The finaliser of SplitMix64: different for each number, and not to be guessed from others without effort.
        let mixed = self.secret ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)).to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(of: &Payload, number: u64, size: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        of.append(number, size, &mut bytes);
        bytes
    }

    #[test]
    fn payloads_have_their_size_and_pattern() {
        let (plain, patterned) = (Payload::new(7, Vec::new()), Payload::new(7, vec![0xab, 0xcd]));
        for size in [0, 1, 7, 8, 9, 56, 65_507] {
            assert_eq!(payload(&plain, 3, size).len(), size);
            assert_eq!(payload(&patterned, 3, size).len(), size);
        }
        assert_eq!(payload(&plain, 3, 11)[8..], [8, 9, 10]);
        assert!(payload(&plain, 3, 1400).iter().enumerate().skip(8).all(|(at, byte)| *byte == at as u8));
        assert_eq!(payload(&patterned, 3, 11)[8..], [0xab, 0xcd, 0xab]);
        assert!(patterned.check(9).is_ok() && plain.check(0).is_ok());
        assert!(patterned.check(8).is_err() && patterned.check(0).is_err(), "none of the pattern would be sent");
    }

    #[test]
    fn a_probe_knows_its_own_and_no_other() {
        let of = Payload::new(7, Vec::new());
        for size in [4, 8, 56] {
            let own = payload(&of, 3, size);
            assert_eq!(of.recognise(3, &own), PayloadMatch::Nonce);
            // The same sequence number, one round later.
            assert_eq!(of.recognise(3 + 65_536, &own), PayloadMatch::Other);
            assert_eq!(Payload::new(8, Vec::new()).recognise(3, &own), PayloadMatch::Other);
        }
        assert_eq!(of.recognise(3, &payload(&of, 3, 2)), PayloadMatch::Short);
        assert_eq!(of.recognise(3, &[]), PayloadMatch::Short);
    }
}
