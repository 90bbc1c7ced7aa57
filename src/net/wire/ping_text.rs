//! The text of a ping: `ping N TIME`, a word, a sequence number and the time of sending.
//!
//! A server may reply in capitals, so texts are compared without regard to ASCII case. Text
//! is bytes: it need not be UTF-8.

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

/// The text of probe `sequence` that is sent at `time` in nanoseconds since 1970, which it has in seconds: `ping 3 1714.250000`.
pub fn compose(sequence: u64, time: i64) -> Vec<u8> {
    let Ok(nanos) = u64::try_from(time) else {
        let (seconds, micros) = (time / 1_000_000_000, time % 1_000_000_000 / 1_000);
        return format!("ping {sequence} {seconds}.{micros:06}").into_bytes();
    };
    // Made for each ping, and with room for no more: a number has at most twenty digits.
    let mut text = [b'0'; 64];
    let mut start = text.len();
    for (number, least, before) in
        [(nanos % 1_000_000_000 / 1_000, 6, &b"."[..]), (nanos / 1_000_000_000, 1, b" "), (sequence, 1, b"ping ")]
    {
        start = digits(number, least, &mut text[..start]) - before.len();
        text[start..start + before.len()].copy_from_slice(before);
    }
    text[start..].to_vec()
}

/// Writes a number in decimal digits, at least so many, to the end of `room`, which is full of zeros; where they begin.
fn digits(mut number: u64, least: usize, room: &mut [u8]) -> usize {
    let mut start = room.len();
    while number > 0 {
        start -= 1;
        room[start] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    start.min(room.len() - least)
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
        for number in [0, 1, 999, u64::MAX] {
            assert_eq!(sequence(&compose(number, 500_000_000)), Some(number));
        }
        for (number, time, text) in [
            (0, 0, "ping 0 0.000000"),
            (1, 1_714_250_000_999, "ping 1 1714.250000"),
            (u64::MAX, i64::MAX, "ping 18446744073709551615 9223372036.854775"),
            (7, -1_500_000_000, "ping 7 -1.-500000"),
        ] {
            assert_eq!(compose(number, time), text.as_bytes());
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
