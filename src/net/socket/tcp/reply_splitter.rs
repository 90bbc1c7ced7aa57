//! Splits a stream that does not separate messages into the replies to messages that were sent.

use std::collections::VecDeque;

use crate::net::wire::ping_text::same_text;

/// How many messages are remembered, the latest sent.
const REMEMBERED: usize = 1024;

/// How many bytes of messages are remembered, but for one.
const BYTES: usize = 4 << 20;

/// How each ping begins, whatever its number.
const START: &[u8] = b"ping ";

/// The messages sent last, replied to or not: a reply may come twice.
#[derive(Debug, Default)]
pub(super) struct ReplySplitter {
    sent: VecDeque<Box<[u8]>>,
    bytes: usize,
}

/// What stands at the beginning of what was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A reply of this length, or so many bytes that are no reply.
    Whole(usize),
    /// Perhaps the beginning of a reply.
    Partial,
}

impl ReplySplitter {
    /// Notes that `message` was sent.
    pub(super) fn expect(&mut self, message: &[u8]) {
        self.bytes += message.len();
        self.sent.push_back(message.into());
        while self.sent.len() > REMEMBERED || (self.bytes > BYTES && self.sent.len() > 1) {
            let gone = self.sent.pop_front();
            self.bytes -= gone.map_or(0, |gone| gone.len());
        }
    }

    /// What `received`, which is not empty, begins with. Replies repeat messages in any case of their letters.
    pub(super) fn next(&self, received: &[u8]) -> Next {
        // The latest is the likeliest; of two that both fit, one begins with the other.
        let fits =
            |sent: &[u8]| !sent.is_empty() && sent.len() <= received.len() && same_text(&received[..sent.len()], sent);
        if let Some(len) = self.sent.iter().rev().filter(|sent| fits(sent)).map(|sent| sent.len()).max() {
            return Next::Whole(len);
        }
        if self.begins(received) {
            return Next::Partial;
        }
        // Something else, up to where a reply may begin.
        let rest = (1..received.len()).find(|&at| {
            let rest = &received[at..];
            let start = &START[..START.len().min(rest.len())];
            same_text(&rest[..start.len()], start) && (rest.len() > start.len() || self.begins(rest))
        });
        Next::Whole(rest.unwrap_or(received.len()))
    }

    /// Whether `received` is the beginning of a reply that is longer.
    fn begins(&self, received: &[u8]) -> bool {
        self.sent.iter().rev().any(|sent| sent.len() > received.len() && same_text(&sent[..received.len()], received))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn splitter(sent: &[&str]) -> ReplySplitter {
        let mut splitter = ReplySplitter::default();
        sent.iter().for_each(|text| splitter.expect(text.as_bytes()));
        splitter
    }

    /// What is made of a stream that comes in pieces of `size` bytes, and how much is left.
    fn split(splitter: &ReplySplitter, stream: &[u8], size: usize) -> (Vec<String>, usize) {
        let (mut found, mut rest) = (Vec::new(), Vec::new());
        for piece in stream.chunks(size) {
            rest.extend_from_slice(piece);
            while !rest.is_empty()
                && let Next::Whole(len) = splitter.next(&rest)
            {
                found.push(String::from_utf8_lossy(&rest.drain(..len).collect::<Vec<u8>>()).into_owned());
            }
        }
        (found, rest.len())
    }

    #[test]
    fn replies_that_came_as_one_are_split_in_any_pieces() {
        let sent = ["ping 1 1725936749.6442893", "ping 2 1725936751.6541061", "ping 11 1725936753.1"];
        let splitter = splitter(&sent);
        let stream = sent.concat().to_uppercase();
        for size in 1..=stream.len() {
            let expected: Vec<String> = sent.iter().map(|text| text.to_uppercase()).collect();
            assert_eq!(split(&splitter, stream.as_bytes(), size), (expected, 0), "pieces of {size}");
        }
    }

    #[test]
    fn what_is_no_reply_ends_where_a_reply_may_begin() {
        let splitter = splitter(&["ping 1 5.0", "ping 2 6.0"]);
        assert_eq!(split(&splitter, b"hello PING 2 6.0", 100).0, ["hello ", "PING 2 6.0"]);
        assert_eq!(split(&splitter, b"PING 1 5.1PING 2 6.0", 100).0, ["PING 1 5.1", "PING 2 6.0"]);
        assert_eq!(split(&splitter, b"PING 9 5.1", 100).0, ["PING 9 5.1"]);
    }

    #[test]
    fn a_reply_may_come_twice_and_in_part() {
        let splitter = splitter(&["ping 1 5.0"]);
        assert_eq!(split(&splitter, b"PING 1 5.0PING 1 5.0PING 1", 100), (vec!["PING 1 5.0".to_string(); 2], 6));
    }

    #[test]
    fn the_longest_that_fits_is_meant() {
        let splitter = splitter(&["ab", "abc", "a"]);
        assert_eq!(split(&splitter, b"ABC", 3).0, ["ABC"]);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut splitter = ReplySplitter::default();
        (0..10_000).for_each(|n| splitter.expect(format!("ping {n} x").as_bytes()));
        assert_eq!(splitter.sent.len(), REMEMBERED);
        (0..10).for_each(|_| splitter.expect(&vec![7; BYTES / 2]));
        assert!(splitter.bytes <= BYTES && splitter.sent.len() <= 2);
    }
}
