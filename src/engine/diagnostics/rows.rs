//! The rows of `words.txt`: what messages say, by what they are about.

use std::sync::LazyLock;

pub(super) use crate::text_rows::TextRow;
use crate::text_rows::{TextSection, read};

/// The rows of a section, in order.
pub(super) fn section(name: &str) -> &'static [TextRow] {
    static SECTIONS: LazyLock<Vec<TextSection>> = LazyLock::new(|| read(include_str!("words.txt")));
    SECTIONS.iter().find(|section| section.name == name).map_or(&[], |section| &section.rows)
}

/// The row with this key.
pub(super) fn row(name: &str, key: &str) -> Option<&'static TextRow> {
    section(name).iter().find(|row| row.keys.contains(&key))
}

/// The first line of the row with this key.
pub(super) fn line(name: &str, key: &str) -> Option<&'static str> {
    row(name, key)?.lines.first().copied()
}

/// The first row whose key `want/got` fits; `*` stands for any kind.
pub(super) fn of_kinds(name: &str, want: &str, got: &str) -> Option<&'static TextRow> {
    let is = |pattern: &str, kind: &str| pattern == "*" || pattern == kind;
    let fits = |key: &&str| key.split_once('/').is_some_and(|(first, second)| is(first, want) && is(second, got));
    section(name).iter().find(|row| row.keys.iter().any(&fits))
}

/// `text` with `args` in place of `{0}`, `{1}`, …
pub(super) fn fill(text: &str, args: &[&str]) -> String {
    let place = |text: String, (at, arg): (usize, &&str)| text.replace(&format!("{{{at}}}"), arg);
    args.iter().enumerate().fold(text.to_string(), place)
}

/// The name of what an error of the interpreter says: the first word of its Rust form.
pub(super) fn variant(error: &impl std::fmt::Debug) -> String {
    format!("{error:?}").chars().take_while(|c| c.is_alphanumeric()).collect()
}
