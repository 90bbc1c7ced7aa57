//! Which answers are in a stream that does not separate messages: those to messages that were sent.

use std::collections::VecDeque;

use crate::net::wire::ping_text::same_text;

/// How many messages are remembered, the latest sent.
const REMEMBERED: usize = 1024;

/// How many bytes of messages are remembered, but for one.
const BYTES: usize = 4 << 20;

/// How each ping begins, whatever its number.
const START: &[u8] = b"ping ";

/// The messages sent last, answered or not: an answer may come twice.
#[derive(Debug, Default)]
pub(super) struct Answers {
    sent: VecDeque<Box<[u8]>>,
    bytes: usize,
}

/// What stands at the beginning of what was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// An answer of this length, or so many bytes that answer nothing.
    Whole(usize),
    /// Perhaps the beginning of an answer.
    Partial,
}

impl Answers {
    /// Notes that `message` was sent.
    pub(super) fn expect(&mut self, message: &[u8]) {
        self.bytes += message.len();
        self.sent.push_back(message.into());
        while self.sent.len() > REMEMBERED || (self.bytes > BYTES && self.sent.len() > 1) {
            let gone = self.sent.pop_front();
            self.bytes -= gone.map_or(0, |gone| gone.len());
        }
    }

    /// What `received`, which is not empty, begins with. Answers repeat messages in any case of their letters.
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
        // Something else, up to where an answer may begin.
        let rest = (1..received.len()).find(|&at| {
            let rest = &received[at..];
            let start = &START[..START.len().min(rest.len())];
            same_text(&rest[..start.len()], start) && (rest.len() > start.len() || self.begins(rest))
        });
        Next::Whole(rest.unwrap_or(received.len()))
    }

    /// Whether `received` is the beginning of an answer that is longer.
    fn begins(&self, received: &[u8]) -> bool {
        self.sent.iter().rev().any(|sent| sent.len() > received.len() && same_text(&sent[..received.len()], received))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(sent: &[&str]) -> Answers {
        let mut answers = Answers::default();
        sent.iter().for_each(|text| answers.expect(text.as_bytes()));
        answers
    }

    /// What is made of a stream that comes in pieces of `size` bytes, and how much is left.
    fn split(answers: &Answers, stream: &[u8], size: usize) -> (Vec<String>, usize) {
        let (mut found, mut rest) = (Vec::new(), Vec::new());
        for piece in stream.chunks(size) {
            rest.extend_from_slice(piece);
            while !rest.is_empty()
                && let Next::Whole(len) = answers.next(&rest)
            {
                found.push(String::from_utf8_lossy(&rest.drain(..len).collect::<Vec<u8>>()).into_owned());
            }
        }
        (found, rest.len())
    }

    #[test]
    fn answers_that_came_as_one_are_told_apart_in_any_pieces() {
        let sent = ["ping 1 1725936749.6442893", "ping 2 1725936751.6541061", "ping 11 1725936753.1"];
        let answers = answers(&sent);
        let stream = sent.concat().to_uppercase();
        for size in 1..=stream.len() {
            let expected: Vec<String> = sent.iter().map(|text| text.to_uppercase()).collect();
            assert_eq!(split(&answers, stream.as_bytes(), size), (expected, 0), "pieces of {size}");
        }
    }

    #[test]
    fn what_answers_nothing_ends_where_an_answer_may_begin() {
        let answers = answers(&["ping 1 5.0", "ping 2 6.0"]);
        assert_eq!(split(&answers, b"hello PING 2 6.0", 100).0, ["hello ", "PING 2 6.0"]);
        assert_eq!(split(&answers, b"PING 1 5.1PING 2 6.0", 100).0, ["PING 1 5.1", "PING 2 6.0"]);
        assert_eq!(split(&answers, b"PING 9 5.1", 100).0, ["PING 9 5.1"]);
    }

    #[test]
    fn an_answer_may_come_twice_and_in_part() {
        let answers = answers(&["ping 1 5.0"]);
        assert_eq!(split(&answers, b"PING 1 5.0PING 1 5.0PING 1", 100), (vec!["PING 1 5.0".to_string(); 2], 6));
    }

    #[test]
    fn the_longest_that_fits_is_meant() {
        let answers = answers(&["ab", "abc", "a"]);
        assert_eq!(split(&answers, b"ABC", 3).0, ["ABC"]);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut answers = Answers::default();
        (0..10_000).for_each(|n| answers.expect(format!("ping {n} x").as_bytes()));
        assert_eq!(answers.sent.len(), REMEMBERED);
        (0..10).for_each(|_| answers.expect(&vec![7; BYTES / 2]));
        assert!(answers.bytes <= BYTES && answers.sent.len() <= 2);
    }
}
