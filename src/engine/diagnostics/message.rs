//! A message: as people read it, and its parts for other programs.

use std::fmt::Write;

use rhai::Position;

use super::Words;
use super::excerpt::{place, write_excerpt};

/// Calls shown at most; of a longer chain the middle is left out.
const CALLS: usize = 8;

/// What is wrong, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiagnosticMessage {
    /// `error` or `warning`.
    pub severity: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hints: Vec<String>,
    /// The source it is in.
    pub source: String,
    /// Where in it.
    pub at: Position,
    /// All of it as people read it, with its excerpt, ending in a newline.
    pub text: String,
}

impl DiagnosticMessage {
    /// An error with its place, its excerpt and the calls that led there.
    pub(super) fn error(words: &Words, source: &str, text: Option<&str>, pos: Position, calls: &[String]) -> Self {
        Self::new("error", words, source, text, pos, calls)
    }

    /// A warning with its place and its excerpt.
    pub(super) fn warning(words: &Words, source: &str, text: Option<&str>, pos: Position) -> Self {
        Self::new("warning", words, source, text, pos, &[])
    }

    fn new(
        severity: &'static str,
        words: &Words,
        source: &str,
        text: Option<&str>,
        pos: Position,
        calls: &[String],
    ) -> Self {
        let at = words.at.unwrap_or(pos);
        let text = whole(severity, words, source, text, at, calls);
        let (message, hints) = (words.message.clone(), words.hints.clone());
        Self { severity, message, hints, source: source.to_string(), at, text }
    }
}

fn whole(severity: &str, words: &Words, source: &str, text: Option<&str>, at: Position, calls: &[String]) -> String {
    let mut out = format!("{severity}: {}\n  --> {}\n", words.message, place(source, at));
    if let Some(text) = text {
        write_excerpt(&mut out, text, at);
    }
    let shown = if calls.len() > CALLS { CALLS / 2 } else { calls.len() };
    for call in &calls[..shown] {
        let _ = writeln!(out, "  {call}");
    }
    if calls.len() > CALLS {
        let _ = writeln!(out, "  … {} more calls …", calls.len() - 2 * shown);
        for call in &calls[calls.len() - shown..] {
            let _ = writeln!(out, "  {call}");
        }
    }
    for hint in &words.hints {
        let _ = writeln!(out, "  hint: {}", hint.replace('\n', "\n        "));
    }
    out
}
