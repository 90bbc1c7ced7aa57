//! A document as an editor has it: places are lines from 0 and UTF-16 units from 0; ours are lines and characters from 1.

use std::path::Path;

use rhai::Position;
use serde_json::{Value, json};

use crate::engine::sources::without_marks;

/// A text that is open in an editor.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) uri: String,
    /// Its path, as scripts are called.
    pub(super) name: String,
    pub(super) text: String,
}

impl Document {
    pub(super) fn new(uri: &str, text: &str) -> Self {
        Self { uri: uri.to_string(), name: path_of(uri), text: text.to_string() }
    }

    /// The text as a script is read.
    pub(super) fn script(&self) -> String {
        without_marks(&self.text)
    }

    /// Applies a change: of a range, or of everything.
    pub(super) fn change(&mut self, change: &Value) {
        let Some(new) = change["text"].as_str() else { return };
        let at = |end: &str| {
            let place = &change["range"][end];
            Some(self.offset(place["line"].as_u64()?, place["character"].as_u64()?))
        };
        match (at("start"), at("end")) {
            (Some(start), Some(end)) => self.text.replace_range(start.min(end)..start.max(end), new),
            _ if change.get("range").is_none() => self.text = new.to_string(),
            // A range that is none changes nothing.
            _ => {}
        }
    }

    /// The byte at a place; the end of the line or of the text for one beyond it.
    pub(super) fn offset(&self, line: u64, character: u64) -> usize {
        let mut start = 0;
        for _ in 0..line {
            match self.text[start..].find('\n') {
                Some(end) => start += end + 1,
                None => return self.text.len(),
            }
        }
        let rest = self.text[start..].split('\n').next().unwrap_or_default().trim_end_matches('\r');
        let mut units = 0;
        let fits = |c: &char| {
            units += c.len_utf16() as u64;
            units <= character
        };
        start + rest.chars().take_while(fits).map(char::len_utf8).sum::<usize>()
    }

    /// The place of a byte, as an editor has it.
    pub(super) fn place(&self, at: usize) -> Value {
        let before = &self.text[..at];
        let line = before.rsplit('\n').next().unwrap_or_default();
        json!({ "line": before.matches('\n').count(), "character": line.chars().map(char::len_utf16).sum::<usize>() })
    }

    /// The range from a place of ours to the one after its end; one character if that is not known.
    pub(super) fn range(&self, at: Position, end: Option<(usize, usize)>) -> Value {
        let (line, column) = (at.line().unwrap_or(1), at.position().unwrap_or(1));
        let end = end.unwrap_or((line, column + 1));
        json!({ "start": place_in(&self.text, line, column), "end": place_in(&self.text, end.0, end.1) })
    }
}

/// A place of ours in `text` as an editor has it.
pub(super) fn place_in(text: &str, line: usize, column: usize) -> Value {
    let line = line.max(1) - 1;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let before = text.split('\n').nth(line).unwrap_or_default().chars().take(column.max(1) - 1);
    json!({ "line": line, "character": before.map(char::len_utf16).sum::<usize>() })
}

/// The path of a `file:` URI; others are no files and called as they are.
fn path_of(uri: &str) -> String {
    let Some(path) = uri.strip_prefix("file://") else { return uri.to_string() };
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = (*first == b'%').then(|| after.get(..2)).flatten();
        let escaped = escaped.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The URI of a file that there is.
pub(super) fn uri_of(file: &str) -> Option<String> {
    let path = Path::new(file).canonicalize().ok().filter(|path| path.is_file())?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    let escape = |byte: &u8| if plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") };
    Some(format!("file://{}", path.to_str()?.as_bytes().iter().map(escape).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_utf_16_and_end_with_their_line() {
        let document = Document::new("file:///a%20b.rhai", "é😀x\r\ny");
        assert_eq!(document.name, "/a b.rhai");
        for (place, offset) in [((0, 0), 0), ((0, 1), 2), ((0, 3), 6), ((0, 9), 7), ((1, 1), 10), ((7, 0), 10)] {
            assert_eq!(document.offset(place.0, place.1), offset, "{place:?}");
        }
        assert_eq!(place_in(&document.text, 1, 3), json!({ "line": 0, "character": 3 }));
    }

    #[test]
    fn changes_replace_a_range_or_all() {
        let mut document = Document::new("untitled:1", "one\ntwo");
        let range = json!({ "start": { "line": 1, "character": 0 }, "end": { "line": 1, "character": 2 } });
        document.change(&json!({ "range": range, "text": "sl" }));
        assert_eq!(document.text, "one\nslo");
        document.change(&json!({ "range": {}, "text": "lost" }));
        document.change(&json!({ "text": "all" }));
        assert_eq!((document.text.as_str(), document.name.as_str()), ("all", "untitled:1"));
    }
}
