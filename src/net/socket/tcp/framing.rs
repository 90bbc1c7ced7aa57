//! Where messages begin and end in a stream of bytes: pure, byte by byte or in any pieces.

use std::fmt;
use std::sync::Arc;

use crate::net::host::room::{Reserved, STREAMS};

/// How messages are delimited in a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// Not at all: a message is what one read brings. Several that were sent may arrive as one, and one as several.
    #[default]
    Raw,
    /// Each ends with a line feed, which is not part of it; nor is a carriage return before that.
    Line,
    /// Four bytes before each say how long it is, the most significant first.
    Length,
}

/// What is to be taken from a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// What is there, at least one byte.
    Some,
    /// A line.
    Line,
    /// A message with its length before it.
    Length,
    /// So many bytes.
    Exact(usize),
}

/// Why no message can be made of what has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misframed {
    /// So many bytes came without the end of a line.
    Endless(usize),
    /// The four bytes say that a message of this length follows.
    Length(u32),
}

/// What has come and was not taken yet.
#[derive(Debug)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    held: Reserved,
    /// Where what was not taken begins.
    start: usize,
    /// How far from there no line end was found.
    searched: usize,
    /// The kernel's stamp of what came last.
    stamp: Option<i64>,
}

/// Bytes of the number before a message.
const PREFIX: usize = 4;

/// What an inbox keeps for the next bytes when it is empty.
const KEEP: usize = 4 * 1024;

impl Framing {
    /// All of them, by the names scripts know.
    pub const ALL: [(&'static str, Self); 3] = [("raw", Self::Raw), ("line", Self::Line), ("length", Self::Length)];

    /// What a message of this framing is.
    pub const fn want(self) -> Want {
        match self {
            Self::Raw => Want::Some,
            Self::Line => Want::Line,
            Self::Length => Want::Length,
        }
    }

    /// Appends `message` as it goes over the wire; whether it can be delimited there: a line holds no line end, a length
    /// fits into 32 bits.
    pub fn wrap(self, message: &[u8], wire: &mut Vec<u8>) -> bool {
        match self {
            Self::Raw => wire.extend_from_slice(message),
            Self::Line => {
                if message.contains(&b'\n') {
                    return false;
                }
                wire.extend_from_slice(message);
                wire.push(b'\n');
            }
            Self::Length => {
                let Ok(len) = u32::try_from(message.len()) else { return false };
                wire.extend_from_slice(&len.to_be_bytes());
                wire.extend_from_slice(message);
            }
        }
        true
    }
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, framing)| framing == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Self { bytes: Vec::new(), held: Reserved::new(&STREAMS), start: 0, searched: 0, stamp: None }
    }
}

impl Inbox {
    /// Whether `more` bytes may come, beside what all connections hold.
    pub(super) fn has_room(&self, more: usize) -> bool {
        let len = self.bytes.len() + more;
        len <= self.bytes.capacity() || self.held.may_hold(len.max(2 * self.bytes.capacity()))
    }

    /// Lets go of all that has come; how much that was.
    pub(super) fn give_up(&mut self) -> usize {
        let len = self.len();
        self.bytes = Vec::new();
        self.clear();
        len
    }

    /// Adds what has come.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 && self.start == self.bytes.len() {
            self.clear();
        } else if self.start > KEEP && self.start * 2 > self.bytes.len() {
            // Each byte is moved at most once for each that was taken.
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
        self.held.set(self.bytes.capacity());
    }

    /// Takes out what is wanted; `None`: it has not all come yet. `limit`: how long a message may be.
    ///
    /// # Errors
    /// The message is longer than that, or endless.
    pub(super) fn take(&mut self, want: Want, limit: usize) -> Result<Option<Arc<[u8]>>, Misframed> {
        let here = &self.bytes[self.start..];
        let (skip, len, after) = match want {
            Want::Some if here.is_empty() => return Ok(None),
            Want::Some => (0, here.len(), 0),
            Want::Exact(len) if here.len() < len => return Ok(None),
            Want::Exact(len) => (0, len, 0),
            Want::Line => match here[self.searched..].iter().position(|&byte| byte == b'\n') {
                Some(at) => {
                    let end = self.searched + at;
                    let text = here[..end].strip_suffix(b"\r").unwrap_or(&here[..end]);
                    if text.len() > limit {
                        return Err(Misframed::Endless(text.len()));
                    }
                    (0, text.len(), end + 1 - text.len())
                }
                None if here.len() > limit => return Err(Misframed::Endless(here.len())),
                None => {
                    self.searched = here.len();
                    return Ok(None);
                }
            },
            Want::Length => {
                let Some(prefix) = here.first_chunk::<PREFIX>() else { return Ok(None) };
                let length = u32::from_be_bytes(*prefix);
                if length as usize > limit {
                    return Err(Misframed::Length(length));
                }
                if here.len() < PREFIX + length as usize {
                    return Ok(None);
                }
                (PREFIX, length as usize, 0)
            }
        };
        let message = here[skip..skip + len].into();
        self.start += skip + len + after;
        self.searched = 0;
        if self.start == self.bytes.len() {
            self.clear();
        }
        Ok(Some(message))
    }

    /// Whether [`Inbox::take`] would give something, or say that it never will.
    pub(super) fn has(&self, want: Want, limit: usize) -> bool {
        let here = self.bytes();
        match want {
            Want::Some => !here.is_empty(),
            Want::Exact(len) => here.len() >= len,
            Want::Line => here.len() > limit || here[self.searched..].contains(&b'\n'),
            Want::Length => here.first_chunk::<PREFIX>().is_some_and(|prefix| {
                let length = u32::from_be_bytes(*prefix) as usize;
                length > limit || here.len() >= PREFIX + length
            }),
        }
    }

    /// What was not taken yet.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// The kernel's stamp of what came last, in nanoseconds since 1970, where there is one.
    pub(super) fn stamp(&self) -> Option<i64> {
        self.stamp
    }

    /// Notes the stamp of what came last.
    pub(super) fn set_stamp(&mut self, stamp: Option<i64>) {
        self.stamp = stamp;
    }

    /// How many bytes were not taken yet.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Whether all was taken.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn clear(&mut self) {
        (self.start, self.searched) = (0, 0);
        self.bytes.clear();
        if self.bytes.capacity() > KEEP {
            self.bytes = Vec::new();
        }
        self.held.set(self.bytes.capacity());
    }
}

impl Misframed {
    /// Whether the bytes that were taken for a length are the start of a text.
    pub fn is_text(self) -> bool {
        match self {
            Self::Endless(_) => false,
            Self::Length(length) => length.to_be_bytes().iter().all(|byte| matches!(byte, b' '..=b'~')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1000;

    impl Clone for Inbox {
        fn clone(&self) -> Self {
            let mut copy = Self { start: self.start, searched: self.searched, stamp: self.stamp, ..Self::default() };
            copy.bytes.clone_from(&self.bytes);
            copy
        }
    }

    /// The messages that `wire` holds when it comes in pieces of `size` bytes, and how much is left.
    fn read(want: Want, wire: &[u8], size: usize) -> (Vec<Vec<u8>>, usize) {
        let (mut inbox, mut messages) = (Inbox::default(), Vec::new());
        for piece in wire.chunks(size) {
            inbox.push(piece);
            let has = inbox.has(want, LIMIT);
            assert_eq!(has, inbox.clone().take(want, LIMIT) != Ok(None), "{want:?}");
            while let Some(message) = inbox.take(want, LIMIT).expect("in order") {
                messages.push(message.to_vec());
            }
        }
        (messages, inbox.len())
    }

    #[test]
    fn messages_are_the_same_in_pieces_of_any_size() {
        let sent: [&[u8]; 5] = [b"ping 1", b"", b"a longer one than the others", b"\0\xff\r", b"x"];
        for framing in [Framing::Line, Framing::Length] {
            let mut wire = Vec::new();
            let fits = |message: &&&[u8]| framing == Framing::Length || !message.ends_with(b"\r");
            let sent: Vec<&[u8]> = sent.iter().filter(fits).copied().collect();
            assert!(sent.iter().all(|message| framing.wrap(message, &mut wire)));
            for size in 1..=wire.len() {
                assert_eq!(
                    read(framing.want(), &wire, size),
                    (sent.iter().map(|m| m.to_vec()).collect(), 0),
                    "{framing}"
                );
            }
        }
    }

    #[test]
    fn lines_end_with_or_without_a_carriage_return() {
        assert_eq!(
            read(Want::Line, b"a\r\nb\n\r\n\nc", 2),
            (["a", "b", "", ""].map(|l| l.as_bytes().to_vec()).into(), 1)
        );
    }

    #[test]
    fn what_is_there_is_one_message_however_many_were_sent() {
        assert_eq!(read(Want::Some, b"ping 1ping 2", 100).0, [b"ping 1ping 2".to_vec()]);
        assert_eq!(read(Want::Exact(4), b"abcdefghij", 3), (vec![b"abcd".to_vec(), b"efgh".to_vec()], 2));
    }

    #[test]
    fn endless_lines_and_huge_lengths_are_refused_early() {
        let mut inbox = Inbox::default();
        inbox.push(&[b'x'; LIMIT]);
        assert_eq!(inbox.take(Want::Line, LIMIT), Ok(None));
        inbox.push(b"x");
        assert_eq!(inbox.take(Want::Line, LIMIT), Err(Misframed::Endless(LIMIT + 1)));
        // Also where its end came with it.
        let mut inbox = Inbox::default();
        inbox.push(b"four\r\nfives\n");
        assert_eq!(inbox.take(Want::Line, 4).map(|line| line.as_deref() == Some(b"four")), Ok(true));
        assert_eq!(inbox.take(Want::Line, 4), Err(Misframed::Endless(5)));
        let mut inbox = Inbox::default();
        inbox.push(b"ping 1");
        let wrong = inbox.take(Want::Length, LIMIT).expect_err("a text is no length");
        assert!(wrong.is_text());
        assert!(!Misframed::Length(0x7fff_ffff).is_text());
    }

    #[test]
    fn a_line_that_cannot_be_one_is_not_wrapped() {
        assert!(!Framing::Line.wrap(b"a\nb", &mut Vec::new()));
    }

    #[test]
    fn an_inbox_that_was_emptied_keeps_little() {
        let mut inbox = Inbox::default();
        inbox.push(&[1; 100 * KEEP]);
        assert!(inbox.take(Want::Some, LIMIT).expect("taken").is_some());
        assert!(inbox.bytes.capacity() <= KEEP && inbox.is_empty());
    }
}
