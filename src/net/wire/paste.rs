//! Bytes from text as people paste it: plain hexadecimal digits, or a dump with offsets and characters beside them.
//!
//! What `tcpdump -x` and `-X`, `xxd`, `hexdump -C` and Wireshark print is read; so are `0x45, 0x00`, `\x45\x00` and `45:00`.

use super::number::unhex;
use crate::net::error::{Error, Result};

/// The bytes that a pasted text stands for.
///
/// # Errors
/// `invalid`: it has no hexadecimal digits, or something else among them; the message says in which line.
pub fn bytes(text: &str) -> Result<Vec<u8>> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut bytes = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let digits = match without_offset(line, bytes.len(), lines.len() > 1) {
            Some(rest) => without_characters(rest),
            None => line,
        };
        let plain: String = digits.replace("0x", " ").replace("\\x", " ").replace([',', ':', ';', '-'], " ");
        match joined(&plain) {
            Some(more) => bytes.extend(more),
            None => {
                let message = format!("line {} is no bytes in hexadecimal digits: {line}", index + 1);
                return Err(Error::invalid("decode", message).with_hint(HINT));
            }
        }
    }
    match bytes.is_empty() {
        true => Err(Error::invalid("decode", "there are no bytes in it").with_hint(HINT)),
        false => Ok(bytes),
    }
}

/// What to write.
const HINT: &str = "paste digits such as 0b00 48cc, or a dump as tcpdump -x and hexdump -C print it";

/// What follows the offset that a line of a dump begins with; `None` if it begins with none.
fn without_offset(line: &str, at: usize, many: bool) -> Option<&str> {
    let (first, rest) = line.split_once(char::is_whitespace)?;
    if let Some(offset) = first.strip_suffix(':') {
        let offset = offset.strip_prefix("0x").unwrap_or(offset);
        return (offset.len() >= 4 && usize::from_str_radix(offset, 16).is_ok()).then_some(rest);
    }
    let is_offset = first.len() >= 4 && usize::from_str_radix(first, 16) == Ok(at);
    // Where there is one line alone, two blanks after it distinguish an offset from data.
    (is_offset && (many || rest.starts_with(' '))).then_some(rest)
}

/// The digits of a line of a dump: up to two blanks in a row after which no byte follows.
fn without_characters(rest: &str) -> &str {
    let rest = rest.trim_start();
    let rest = rest.split('|').next().unwrap_or(rest);
    let is_byte = |word: &str| word.len().is_multiple_of(2) && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut from = 0;
    while let Some(gap) = rest[from..].find("  ") {
        let after = rest[from + gap..].trim_start();
        // `hexdump -C` has a gap in the middle, with eight bytes on either side.
        let left = rest[..from + gap].split_whitespace().count();
        if left != 8 || !after.split_whitespace().next().is_some_and(is_byte) {
            return &rest[..from + gap];
        }
        from += gap + 2;
    }
    // One blank before the characters: what is no byte ends it.
    let end = rest.split(' ').take_while(|word| is_byte(word)).map(|word| word.len() + 1).sum::<usize>();
    &rest[..end.min(rest.len())]
}

/// The bytes of groups of digits; a single digit is a byte.
fn joined(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        let word = if word.len() == 1 { format!("0{word}") } else { word.to_string() };
        bytes.extend(unhex(&word).ok()?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dumps_of_all_kinds_are_read() {
        let wanted: Vec<u8> = (0x40..0x54).collect();
        for text in [
            "404142434445464748494a4b4c4d4e4f50515253",
            "4041 4243 4445 4647 4849 4a4b 4c4d 4e4f\n5051 5253",
            "40:41:42:43:44:45:46:47:48:49:4a:4b:4c:4d:4e:4f:50:51:52:53",
            "0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x50, 0x51, 0x52, 0x53",
            "\\x40\\x41\\x42\\x43\\x44\\x45\\x46\\x47\\x48\\x49\\x4a\\x4b\\x4c\\x4d\\x4e\\x4f\\x50\\x51\\x52\\x53",
            // tcpdump -x, tcpdump -X, xxd, hexdump -C, Wireshark.
            "\t0x0000:  4041 4243 4445 4647 4849 4a4b 4c4d 4e4f\n\t0x0010:  5051 5253",
            "\t0x0000:  4041 4243 4445 4647 4849 4a4b 4c4d 4e4f  @ABCDEFGHIJKLMNO\n\t0x0010:  5051 5253                                PQRS",
            "00000000: 4041 4243 4445 4647 4849 4a4b 4c4d 4e4f  @ABCDEFGHIJKLMNO\n00000010: 5051 5253                                PQRS",
            "00000000  40 41 42 43 44 45 46 47  48 49 4a 4b 4c 4d 4e 4f  |@ABCDEFGHIJKLMNO|\n00000010  50 51 52 53                                       |PQRS|\n00000014",
            "0000   40 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f   @ABCDEFGHIJKLMNO\n0010   50 51 52 53                                       PQRS",
        ] {
            let text = text.replace("\n00000014", "");
            assert_eq!(bytes(&text).expect(&text), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_dump_is_refused() {
        for text in ["", "  \n ", "hello", "45 00 zz", "450"] {
            let err = bytes(text).expect_err(text);
            assert!(!err.hint.is_empty(), "{text}");
        }
    }
}
