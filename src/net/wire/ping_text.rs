//! The text of a ping: `ping N TIME`, a word, a sequence number and the time of sending.
//!
//! A server may reply in capitals, so texts are compared without regard to ASCII case. Text
//! is bytes: it need not be UTF-8.

use std::fmt::{Display, Write};

/// The sequence number `N` of a text `ping N` or `ping N …`.
///
/// The word may be in any case; one space follows it, then decimal digits alone, then the end or a space.
/// `None` if the text has another form, or the number a sign, no digit, or no room in 64 bits.
pub fn sequence(text: &[u8]) -> Option<u64> {
    let (word, rest) = text.split_first_chunk::<5>()?;
    if !word.eq_ignore_ascii_case(b"ping ") {
        return None;
    }
    let end = rest.iter().position(|&byte| byte == b' ').unwrap_or(rest.len());
    let digits = rest.get(..end).filter(|digits| !digits.is_empty())?;
    digits.iter().try_fold(0_u64, |number, &byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// The text of probe `sequence`, `time` being what the sender wishes to see again: `ping 3 1714.25`.
pub fn compose(sequence: u64, time: impl Display) -> String {
    // Made for each ping: with room for all of it.
    let mut text = String::with_capacity(64);
    let _ = write!(text, "ping {sequence} {time}");
    text
}

/// Whether two texts are the same but for the case of ASCII letters.
pub fn same_text(a: &[u8], b: &[u8]) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// Whether a text says what another, longer one begins with.
pub fn begins(text: &[u8], longer: &[u8]) -> bool {
    longer.len() > text.len() && same_text(&longer[..text.len()], text)
}

#[cfg(test)]
mod tests {
    use super::super::each_damage;
    use super::*;

    #[test]
    fn reads_the_number() {
        for (text, number) in [
            ("ping 1 12:00:01", 1),
            ("PING 10 1714.25", 10),
            ("Ping 7", 7),
            ("ping 0 ", 0),
            ("pInG 007 x", 7),
            ("ping 18446744073709551615 t", u64::MAX),
        ] {
            assert_eq!(sequence(text.as_bytes()), Some(number), "{text}");
        }
        assert_eq!(sequence(b"ping 4 \xff\xfe"), Some(4));
    }

    #[test]
    fn refuses_every_other_form() {
        for text in [
            "",
            "ping",
            "ping ",
            "ping  1",
            "ping x",
            "ping -1",
            "ping +1",
            "ping 1x",
            "ping 1\t2",
            "ping 1\n",
            "pong 1",
            " ping 1",
            "pings 1",
            "ping1",
            "ping 18446744073709551616",
            "ping 99999999999999999999999",
            "ping ١",
        ] {
            assert_eq!(sequence(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn composes_what_it_reads() {
        assert_eq!(compose(3, "1714.25"), "ping 3 1714.25");
        for number in [0, 1, 999, u64::MAX] {
            assert_eq!(sequence(compose(number, "0.5").as_bytes()), Some(number));
        }
    }

    #[test]
    fn damage_is_harmless() {
        each_damage(b"ping 184467440737095516 1.5", |text| {
            sequence(text);
        });
    }

    #[test]
    fn case_of_ascii_letters_is_ignored() {
        assert!(same_text(b"ping 1 Mon", b"PING 1 MON"));
        assert!(!same_text(b"ping 1", b"ping 2"));
        assert!(!same_text(b"ping 1", b"ping 1 "));
        // Only letters: these differ by the same bit as a letter's two cases.
        assert!(!same_text(b"@", b"`"));
        assert!(!same_text(&[0xc4], &[0xe4]));
    }
}
