//! What a message says, by a hash and its length.

/// What a message says, without the message: enough to distinguish a whole reply from a damaged one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Content {
    /// A hash of the bytes with ASCII letters in lower case, since a reply in capitals is a whole reply.
    pub hash: u64,
    /// The length in bytes, without a line end at its end.
    pub len: usize,
}

impl Content {
    /// The content of `message`, without a line end at its end: of two ends of a TCP connection one may take it for a part of the
    /// message, and the other not. Two messages of one length that differ, other than in case, within a single group of
    /// eight bytes never have the same hash; others have by chance, one in 2^64. It is no defence against forgery.
    pub fn of(message: &[u8]) -> Self {
        let message = message.strip_suffix(b"\n").map_or(message, |line| line.strip_suffix(b"\r").unwrap_or(line));
        // Each step is a bijection of the state for a given word, and of the word for a given state.
        let step = |hash: u64, word: [u8; 8]| {
            let word = small_letters(u64::from_le_bytes(word));
            let hash = (hash ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            hash ^ (hash >> 32)
        };
        let (words, rest) = message.as_chunks::<8>();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        let hash = words.iter().fold(message.len() as u64, |hash, &word| step(hash, word));
        Self { hash: step(hash, last), len: message.len() }
    }
}

/// Eight bytes with ASCII letters in lower case, all at once.
const fn small_letters(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // The highest bit of each byte is kept apart, so that no sum reaches the next byte.
    let low = word & (0x7F * EACH);
    let from_a = low + (0x80 - b'A' as u64) * EACH;
    let beyond_z = low + (0x7F - b'Z' as u64) * EACH;
    let capital = from_a & !beyond_z & !word & (0x80 * EACH);
    word | capital >> 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ignores_case_and_nothing_else() {
        let message = b"ping 12 1725933169.813111 and more";
        let content = Content::of(message);
        assert_eq!(content.len, message.len());
        assert_eq!(content, Content::of(&message.to_ascii_uppercase()));
        for end in ["\n", "\r\n"] {
            assert_eq!(content, Content::of(&[&message[..], end.as_bytes()].concat()), "{end:?}");
        }
        assert_ne!(content, Content::of(&[&message[..], b"\n\n"].concat()));
        for at in 0..message.len() {
            for bit in 0..8 {
                let mut other = *message;
                other[at] ^= 1 << bit;
                let same = other.eq_ignore_ascii_case(message);
                assert_eq!(Content::of(&other) == content, same, "bit {bit} of byte {at}");
            }
        }
    }

    #[test]
    fn small_letters_are_those_of_ascii() {
        for byte in 0..=u8::MAX {
            for at in 0..8 {
                let mut word = *b"Zz@[`{\xda\x9a";
                word[at] = byte;
                let expected = word.map(|byte| byte.to_ascii_lowercase());
                assert_eq!(small_letters(u64::from_le_bytes(word)).to_le_bytes(), expected, "{byte} at {at}");
            }
        }
    }

    #[test]
    fn content_separates_lengths_and_orders() {
        let of = |m: &[u8]| Content::of(m).hash;
        assert_ne!(of(b""), of(b"\0"));
        assert_ne!(of(b"ping"), of(b"ping\0"));
        assert_ne!(of(b"12345678"), of(b"12345678\0\0\0\0\0\0\0\0"));
        assert_ne!(of(b"aaaaaaaabbbbbbbb"), of(b"bbbbbbbbaaaaaaaa"));
    }
}
