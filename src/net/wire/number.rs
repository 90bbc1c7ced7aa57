//! Whole numbers in bytes by width, order and sign, and a cursor that reads them one after the other.
//!
//! Nothing is cut off and nothing made up: a number that does not fit, and a read past the end, are errors.

use std::sync::Arc;

use crate::net::error::{Error, Result};

/// How a number is written in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    name: &'static str,
    /// In bytes, 1 to 8.
    width: usize,
    signed: bool,
    /// Least significant byte first.
    little: bool,
}

impl Number {
    /// All of them: in network order, or with `_le` the least significant byte first; in two's complement those with a sign.
    pub const ALL: [Self; 15] = [
        Self::of("u8", 1),
        Self::of("u16", 2),
        Self::of("u24", 3),
        Self::of("u32", 4),
        Self::of("u64", 8),
        Self::of("u16_le", 2),
        Self::of("u32_le", 4),
        Self::of("u64_le", 8),
        Self::of("i8", 1),
        Self::of("i16", 2),
        Self::of("i32", 4),
        Self::of("i64", 8),
        Self::of("i16_le", 2),
        Self::of("i32_le", 4),
        Self::of("i64_le", 8),
    ];

    const fn of(name: &'static str, width: usize) -> Self {
        let letters = name.as_bytes();
        Self { name, width, signed: letters[0] == b'i', little: letters[letters.len() - 1] == b'e' }
    }

    /// The one of this name, such as `u16_le`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|number| number.name == name)
    }

    /// The least and the greatest value, both included.
    pub const fn range(self) -> (i64, i64) {
        match (self.signed, self.width) {
            (true, width) => (i64::MIN >> (64 - 8 * width), i64::MAX >> (64 - 8 * width)),
            (false, 8) => (0, i64::MAX),
            (false, width) => (0, (1 << (8 * width)) - 1),
        }
    }

    /// Appends `value`.
    ///
    /// # Errors
    /// `invalid`: it does not fit.
    pub fn append(self, value: i64, bytes: &mut Vec<u8>) -> Result<()> {
        let (least, most) = self.range();
        if !(least..=most).contains(&value) {
            return Err(Error::invalid(self.name, format!("{value} does not fit: it takes {least} to {most}")));
        }
        let all = value.to_be_bytes();
        let own = &all[all.len() - self.width..];
        if self.little {
            bytes.extend(own.iter().rev())
        } else {
            bytes.extend_from_slice(own)
        }
        Ok(())
    }

    /// The value of bytes that are as many as the number is wide.
    fn value(self, bytes: &[u8]) -> Result<i64> {
        let join = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        let value = if self.little { bytes.iter().rev().fold(0, join) } else { bytes.iter().fold(0, join) };
        let unused = 64 - 8 * self.width as u32;
        match self.signed {
            true => Ok((value << unused) as i64 >> unused),
            false => i64::try_from(value).map_err(|_| {
                let message = format!("{value} is more than an integer holds, {} at most", i64::MAX);
                Error::invalid(self.name, message).with_hint("read it in halves: two times u32")
            }),
        }
    }
}

/// Bytes, and how far they were read.
#[derive(Clone, Debug)]
pub struct Cursor {
    bytes: Arc<[u8]>,
    at: usize,
}

impl Cursor {
    /// A cursor at the first of `bytes`.
    pub fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.into(), at: 0 }
    }

    /// How many bytes there are in all.
    pub fn byte_count(&self) -> usize {
        self.bytes.len()
    }

    /// The offset of the byte that is read next.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// How many bytes were not read yet.
    pub fn left(&self) -> usize {
        self.byte_count() - self.at
    }

    /// Reads the next `count` bytes for the operation `op`.
    ///
    /// # Errors
    /// `invalid`: there are fewer, or `count` is negative; the cursor stays where it is.
    pub fn take(&mut self, op: &'static str, count: i64) -> Result<&[u8]> {
        let (at, left) = (self.at, self.left());
        let wanted = usize::try_from(count)
            .map_err(|_| Error::invalid(op, format!("{count} bytes cannot be read: the number is negative")))?;
        if wanted > left {
            let bytes = if wanted == 1 { "byte is" } else { "bytes are" };
            return Err(Error::invalid(op, format!("{wanted} {bytes} wanted at offset {at}, and {left} are left")));
        }
        self.at += wanted;
        Ok(&self.bytes[at..self.at])
    }

    /// Reads a number.
    ///
    /// # Errors
    /// `invalid`: there are too few bytes left, or the value does not fit; the cursor stays where it is.
    pub fn number(&mut self, number: Number) -> Result<i64> {
        let at = self.at;
        let value = self.take(number.name, number.width as i64).and_then(|bytes| number.value(bytes));
        if value.is_err() {
            self.at = at;
        }
        value
    }

    /// Goes to an offset from the first byte; the end is one too.
    ///
    /// # Errors
    /// `invalid`: it is beyond the end, or negative.
    pub fn seek(&mut self, offset: i64) -> Result<()> {
        match usize::try_from(offset) {
            Ok(at) if at <= self.byte_count() => {
                self.at = at;
                Ok(())
            }
            _ => {
                Err(Error::invalid("seek", format!("there is no offset {offset}: it takes 0 to {}", self.byte_count())))
            }
        }
    }
}

/// Bytes as hexadecimal digits, two for each, with blanks between.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// The bytes that hexadecimal digits stand for. White space between bytes does not count.
///
/// # Errors
/// `invalid`: another character, or half a byte.
pub fn unhex(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut half = None;
    for (at, c) in text.chars().enumerate() {
        match (c.to_digit(16), half.take()) {
            (Some(digit), None) => half = Some(digit),
            (Some(digit), Some(upper)) => bytes.push((upper << 4 | digit) as u8),
            (None, None) if c.is_whitespace() => {}
            (None, Some(_)) if c.is_whitespace() => {
                return Err(Error::invalid("unhex", format!("a byte of one digit ends at character {at}"))
                    .with_hint("write two digits for each byte: 0a, not a"));
            }
            (None, _) => {
                return Err(Error::invalid("unhex", format!("{c:?} at character {} is no hexadecimal digit", at + 1)));
            }
        }
    }
    match half {
        None => Ok(bytes),
        Some(_) => Err(Error::invalid("unhex", "the last byte has one digit")
            .with_hint("write two digits for each byte: 0a, not a")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Number {
        Number::named(name).expect("a number")
    }

    #[test]
    fn numbers_have_their_width_order_and_sign() {
        for (number, value, expected) in [
            (of("u8"), 255, &[0xff][..]),
            (of("u16"), 0x0102, &[1, 2]),
            (of("u16_le"), 0x0102, &[2, 1]),
            (of("u24"), 0x01_0203, &[1, 2, 3]),
            (of("u32"), 0xffff_fffe, &[0xff, 0xff, 0xff, 0xfe]),
            (of("u32_le"), 1, &[1, 0, 0, 0]),
            (of("u64"), 1, &[0, 0, 0, 0, 0, 0, 0, 1]),
            (of("u64_le"), 1, &[1, 0, 0, 0, 0, 0, 0, 0]),
            (of("i8"), -1, &[0xff]),
            (of("i16"), -2, &[0xff, 0xfe]),
            (of("i16_le"), -2, &[0xfe, 0xff]),
            (of("i32"), i64::from(i32::MIN), &[0x80, 0, 0, 0]),
            (of("i64"), i64::MIN, &[0x80, 0, 0, 0, 0, 0, 0, 0]),
        ] {
            let mut bytes = Vec::new();
            number.append(value, &mut bytes).unwrap();
            assert_eq!(bytes, expected, "{number:?}");
            assert_eq!(Cursor::new(&bytes).number(number).unwrap(), value, "{number:?}");
        }
    }

    #[test]
    fn what_fits_comes_back_and_what_does_not_is_refused() {
        for number in Number::ALL {
            let (least, most) = number.range();
            for value in [least, least + 1, -1, 0, 1, 77, most / 3, most - 1, most] {
                if value < least {
                    continue;
                }
                let mut bytes = vec![9];
                number.append(value, &mut bytes).unwrap();
                assert_eq!(bytes.len(), 1 + number.width);
                let mut cursor = Cursor::new(&bytes);
                assert_eq!(cursor.take("skip", 1).unwrap(), [9]);
                assert_eq!((cursor.number(number).unwrap(), cursor.left()), (value, 0), "{number:?}");
            }
            for value in [least.checked_sub(1), most.checked_add(1)].into_iter().flatten() {
                let mut bytes = Vec::new();
                let error = number.append(value, &mut bytes).unwrap_err();
                assert_eq!(
                    error.to_string(),
                    format!("{}: {value} does not fit: it takes {least} to {most}", number.name)
                );
                assert!(bytes.is_empty());
            }
        }
    }

    #[test]
    fn reading_past_the_end_is_an_error_that_moves_nothing() {
        let mut cursor = Cursor::new(&[1, 2, 3]);
        assert_eq!(cursor.number(of("u16")).unwrap(), 0x0102);
        let error = cursor.number(of("u32")).unwrap_err();
        assert_eq!(error.to_string(), "u32: 4 bytes are wanted at offset 2, and 1 are left");
        assert_eq!((cursor.at(), cursor.left()), (2, 1));
        assert!(cursor.take("bytes", -1).is_err() && cursor.take("bytes", i64::MAX).is_err());
        assert_eq!(cursor.number(of("u8")).unwrap(), 3);
        assert_eq!(cursor.take("bytes", 0).unwrap(), [0; 0]);
        for offset in [-1, 4, i64::MAX, i64::MIN] {
            assert!(cursor.seek(offset).is_err(), "{offset}");
        }
        cursor.seek(3).unwrap();
        assert_eq!(cursor.left(), 0);
    }

    #[test]
    fn what_an_integer_cannot_hold_is_refused() {
        let mut cursor = Cursor::new(&[0xff; 8]);
        assert!(cursor.number(of("u64")).unwrap_err().message.contains("18446744073709551615"));
        assert_eq!(cursor.at(), 0);
        assert_eq!(cursor.number(of("i64")).unwrap(), -1);
    }

    #[test]
    fn hexadecimal_digits_are_bytes() {
        let all: Vec<u8> = (0..=u8::MAX).collect();
        assert_eq!(unhex(&hex(&all)).unwrap(), all);
        assert_eq!(hex(&[0xde, 0x0d]), "de 0d");
        assert_eq!(unhex(" DEad\n be ").unwrap(), [0xde, 0xad, 0xbe]);
        assert_eq!(unhex("").unwrap(), [0; 0]);
        for wrong in ["d", "de a", "d e", "0x12", "zz", "ü", "a d0"] {
            assert!(unhex(wrong).is_err(), "{wrong}");
        }
    }
}
