//! What was written as other languages write it, and the same line as this one does: `f"{x}"` becomes `` `${x}` ``.
//!
//! Each rule knows one form that no script can have, and rewrites it; the rest of the line stays as it is. So the hint of an
//! error is the corrected line itself.

mod forms;
mod pattern;
mod python;
mod readable;
mod text;
mod words;

#[cfg(test)]
mod tests;

use std::cell::Cell;

use self::readable::is_readable;
use super::names::Names;
use super::scan::Scan;
use super::{ErrorContext, Words, rows};
use crate::engine::lexer::{Token, TokenKind};

/// Characters of a corrected line shown at most.
const WIDTH: usize = 100;

/// Stands for what is known to be wrong, but not what to write in its place; a line with it is not shown.
const UNKNOWN: &str = "\u{FFFD}";

/// A form of another language, from the token where a rule met it.
struct Rewrite {
    /// Index of the first token after it.
    end: usize,
    /// What to write in its place.
    text: String,
    /// What is wrong with it.
    message: String,
    /// What else there is to say.
    note: Option<String>,
}

impl Rewrite {
    fn new(end: usize, text: impl Into<String>, message: impl Into<String>) -> Option<Self> {
        Some(Self { end, text: text.into(), message: message.into(), note: None })
    }
}

/// Where a rewritten form was, and what to say of it.
struct FoundForm {
    from: usize,
    end: usize,
    text: String,
    message: String,
    note: Option<String>,
}

/// Rewrites the form that begins at the token `at`, if the rule knows it.
type Rule = fn(&Translator, at: usize) -> Option<Rewrite>;

struct Translator<'a> {
    scan: &'a Scan,
    names: &'a Names,
    /// How many forms are being rewritten inside each other.
    depth: Cell<usize>,
}

/// Forms inside each other that are rewritten at most.
const DEPTH: usize = 6;

/// The words for an error at a form of another language; `None` if there is none at the error.
pub(super) fn words(context: &ErrorContext) -> Option<Words> {
    let translator = Translator::new(context.scan, context.names);
    let at = context.index;
    let last = context.scan.tokens.len().checked_sub(1)?;
    let line = context.scan.tokens[at.min(last)].start.0;
    let on_line = |token: &Token| token.start.0 == line;
    let from = context.scan.tokens.iter().position(on_line)?;
    let end = context.scan.tokens.iter().rposition(on_line)? + 1;
    let mut found = Vec::new();
    let whole = translator.render(from, end, &mut found);
    let met = |found: &&FoundForm| (found.from..=found.end).contains(&at) || found.from == at + 1;
    let one = found.iter().filter(met).min_by_key(|found| (found.from > at, at.abs_diff(found.from)))?;
    let words = Words::new(&one.message);
    let words = match corrected(&translator, (from, end), one, whole) {
        Some(text) => words.hint(format!("write: {text}")),
        None if one.note.is_some() => words,
        None => {
            let row = rows::row("foreign variables", translator.text(one.from));
            words.hints(row.and_then(|row| row.lines.get(1)).map(ToString::to_string))
        }
    };
    Some(words.hints(one.note.clone()))
}

/// The words for a call that should be a closure, at the name of the function that takes it; `None` if it may make one.
pub(super) fn called_at_once(scan: &Scan, names: &Names, at: usize) -> Option<Words> {
    let translator = Translator::new(scan, names);
    let rewrite = forms::closure(&translator, at)?;
    let called = (at + 1..rewrite.end)
        .rev()
        .find(|i| scan.text(*i) == "(" && *i > at + 1 && translator.close(*i) == Some(rewrite.end - 2))?;
    let makes_closure = match scan.body_of(scan.text(called - 1)) {
        Some(mut body) => body.any(|i| matches!(scan.text(i), "|" | "||" | "Fn")),
        // Natives of a namespace give sockets, replies, numbers.
        None => scan.text(called - 2) != "::" || !names.has_namespace(scan.text(called - 3)),
    };
    let end = if scan.text(rewrite.end) == ";" { ";" } else { "" };
    (!makes_closure).then(|| Words::new(rewrite.message).hint(format!("write: {}{end}", rewrite.text)))
}

/// The corrected statement that `one` is in: alone if it is whole, else with its line, or as little as fits; `None` if what comes
/// out cannot be read, or there is nothing to write.
fn corrected(translator: &Translator, (from, end): (usize, usize), one: &FoundForm, whole: String) -> Option<String> {
    let text = |index: usize| translator.text(index);
    let first = (from..one.from).rev().find(|i| text(*i) == ";").map_or(from, |i| i + 1);
    let last = (one.end..end.max(one.end)).find(|i| text(*i) == ";").map_or(end.max(one.end), |i| i + 1);
    let statement = translator.render(first, last, &mut Vec::new());
    let is_some = |text: &str| !text.is_empty() && text != ";" && !text.contains(UNKNOWN);
    let is_line = |text: &&String| is_some(text) && text.chars().count() <= WIDTH && is_readable(text);
    let lines = [&statement, &whole];
    let line = lines.into_iter().find(|text| is_balanced(text) && is_line(text)).or(lines.into_iter().find(is_line));
    line.or(Some(&one.text).filter(|text| is_some(text) && is_readable(text))).cloned()
}

/// Whether all brackets are closed.
fn is_balanced(text: &str) -> bool {
    let mut depth = 0;
    text.chars().all(|c| {
        depth += i32::from("([{".contains(c)) - i32::from(")]}".contains(c));
        depth >= 0
    }) && depth == 0
}

/// The tokens of a context from `from` to the end of the statement, as a script would have them.
pub(super) fn statement(context: &ErrorContext, from: usize) -> String {
    let translator = Translator::new(context.scan, context.names);
    let end = translator.find(from, |text| text == ";").unwrap_or(usize::MAX);
    translator.plain(from, end.min(translator.line_end(from)))
}

/// The statement around the tokens from `from` to `end`, with `text` in their place; `None` if that cannot be read.
pub(super) fn replaced(context: &ErrorContext, (from, end): (usize, usize), text: &str) -> Option<String> {
    let translator = Translator::new(context.scan, context.names);
    let is_edge = |at: &usize| translator.begins_line(*at) || matches!(translator.before(*at), ";" | "{" | "}");
    let first = (0..=from).rev().find(is_edge)?;
    let semicolon = translator.find(end, |text| text == ";").map(|at| at + 1);
    let last = semicolon.unwrap_or(usize::MAX).min(translator.line_end(end - 1));
    let gap = |at: usize| if at == from || translator.touches(at) { "" } else { " " };
    let (before, after) = (translator.plain(first, from), translator.plain(end, last));
    let start = if from > first && !translator.touches(from) { " " } else { "" };
    let line = format!("{before}{start}{text}{}{after}", if end < last { gap(end) } else { "" });
    (line.chars().count() <= WIDTH && is_readable(&line)).then_some(line)
}

/// `for i in 0..3 print(i)`: the statement with its block, of which the error is where that should begin.
pub(super) fn with_block(context: &ErrorContext) -> Option<String> {
    let (translator, at) = (Translator::new(context.scan, context.names), context.index);
    let around = context.scan.open_before(at);
    let is_head = |i: &usize| {
        matches!(translator.text(*i), "if" | "for" | "while" | "else") && context.scan.open_before(*i) == around
    };
    let head = (0..at).rev().find(is_head)?;
    let end_of = |from: usize, is: &dyn Fn(&str) -> bool| {
        translator.find(from, is).unwrap_or(usize::MAX).min(translator.line_end(from))
    };
    let with_semicolon = |end: usize| end + usize::from(translator.text(end) == ";");
    let branch = with_semicolon(end_of(at, &|text| matches!(text, ";" | "}" | "else")));
    let body = translator.plain(at, branch);
    let end = with_semicolon(end_of(branch, &|text| matches!(text, ";" | "}")));
    let rest = (translator.text(branch) == "else").then(|| match translator.text(branch + 1) {
        "{" | "if" => format!(" {}", translator.plain(branch, end)),
        _ => format!(" else {{ {} }}", translator.plain(branch + 1, end)),
    });
    let line = format!("{} {{ {body} }}{}", translator.plain(head, at), rest.unwrap_or_default());
    (!body.is_empty() && line.chars().count() <= WIDTH && is_readable(&line)).then_some(line)
}

/// `7 // 2`: what a comment seems to have been meant for that follows the token `at`; the line as it is written here.
pub(super) fn divided(scan: &Scan, names: &Names, at: usize) -> Option<String> {
    let translator = Translator::new(scan, names);
    let comment = scan.divisor_after(at)?;
    let first = (0..=at).rev().find(|i| translator.begins_line(*i))?;
    Some(format!("{} / {comment}", translator.plain(first, at + 1)))
}

impl<'a> Translator<'a> {
    fn new(scan: &'a Scan, names: &'a Names) -> Self {
        Self { scan, names, depth: Cell::new(0) }
    }
}

impl Translator<'_> {
    /// The tokens from `from` to `end` as a script would have them.
    fn render(&self, from: usize, end: usize, found: &mut Vec<FoundForm>) -> String {
        let (mut out, mut at) = (String::new(), from);
        while at < end.min(self.scan.tokens.len()) {
            if at > from && self.scan.tokens[at - 1].end < self.scan.tokens[at].start {
                out.push(' ');
            }
            match self.rewrite(at) {
                Some(Rewrite { end, text, message, note }) => {
                    out.push_str(&text);
                    if text.is_empty() {
                        out.truncate(out.trim_end().len());
                    }
                    found.push(FoundForm { from: at, end, text, message, note });
                    at = end;
                }
                None => {
                    // Text after a value between back-ticks begins with the brace that is a token of its own, too.
                    let again =
                        self.scan.tokens.get(at + 1).is_some_and(|next| next.start == self.scan.tokens[at].start);
                    out.push_str(if again { "" } else { self.text(at) });
                    at += 1;
                }
            }
        }
        out.trim().to_string()
    }

    fn rewrite(&self, at: usize) -> Option<Rewrite> {
        if self.depth.get() >= DEPTH {
            return None;
        }
        self.depth.set(self.depth.get() + 1);
        let mut rules = python::RULES.iter().chain(forms::RULES).chain(text::RULES).chain(words::RULES);
        let rewrite = rules.find_map(|rule| rule(self, at)).filter(|rewrite| rewrite.end > at);
        self.depth.set(self.depth.get() - 1);
        rewrite
    }

    /// Rewrites the form at the token `at` by a row of a section of `words.txt`.
    fn by_rows(&self, section: &str, message: &str, at: usize) -> Option<Rewrite> {
        pattern::rewrite(self, section, message, at)
    }

    /// The tokens from `from` to `end`, of which the first is no beginning of a form.
    fn rest(&self, from: usize, end: usize) -> String {
        let gap = if self.touches(from + 1) { "" } else { " " };
        format!("{}{gap}{}", self.text(from), self.plain(from + 1, end)).trim_end().to_string()
    }

    /// The tokens from `from` to `end`, rewritten.
    fn plain(&self, from: usize, end: usize) -> String {
        self.render(from, end, &mut Vec::new())
    }

    fn text(&self, index: usize) -> &str {
        self.scan.text(index)
    }

    fn before(&self, index: usize) -> &str {
        self.scan.text_before(index)
    }

    fn is_word(&self, index: usize) -> bool {
        self.text(index).starts_with(|c: char| c.is_alphabetic() || c == '_')
    }

    fn is_number(&self, index: usize) -> bool {
        self.text(index).starts_with(|c: char| c.is_ascii_digit())
    }

    /// Whether the token is a text in quotes.
    fn is_quoted(&self, index: usize) -> bool {
        let text = self.text(index);
        text.len() > 1 && ['"', '\''].iter().any(|quote| text.starts_with(*quote) && text.ends_with(*quote))
    }

    /// What the text token says, without its quotes.
    fn inside(&self, index: usize) -> &str {
        let text = self.text(index);
        text.get(1..text.len().saturating_sub(1)).unwrap_or_default()
    }

    /// Whether nothing stands between a token and the one before it.
    fn touches(&self, index: usize) -> bool {
        match (index.checked_sub(1).and_then(|before| self.scan.tokens.get(before)), self.scan.tokens.get(index)) {
            (Some(before), Some(token)) => before.end == token.start,
            _ => false,
        }
    }

    /// Whether the token is the first of its line.
    fn begins_line(&self, index: usize) -> bool {
        let line = |index: usize| self.scan.tokens.get(index).map(|token| token.start.0);
        index == 0 || line(index) != line(index - 1)
    }

    /// Index after the last token of the line of the token `index`.
    fn line_end(&self, index: usize) -> usize {
        (index + 1..self.scan.tokens.len()).find(|i| self.begins_line(*i)).unwrap_or(self.scan.tokens.len())
    }

    /// Index of the first token from `from` on that `is` holds for, with no bracket open in between; where a bracket closes
    /// that was open before, or a statement ends, the search does.
    fn find(&self, from: usize, is: impl Fn(&str) -> bool) -> Option<usize> {
        let mut depth = 0usize;
        for (index, token) in self.scan.tokens.iter().enumerate().skip(from) {
            let text = if token.kind == TokenKind::Text { "\"" } else { token.text.as_str() };
            if depth == 0 && is(text) {
                return Some(index);
            }
            match text {
                "(" | "[" | "{" | "#{" | "${" => depth += 1,
                ")" | "]" | "}" => depth = depth.checked_sub(1)?,
                ";" if depth == 0 => return None,
                _ => {}
            }
        }
        None
    }

    /// Index of the bracket that closes the one at `open`.
    fn close(&self, open: usize) -> Option<usize> {
        self.find(open + 1, |text| matches!(text, ")" | "]" | "}"))
    }

    /// Where the parts between commas begin and end, of the brackets at `open` and `close`.
    fn parts(&self, open: usize, close: usize) -> Vec<(usize, usize)> {
        let mut parts = Vec::new();
        let mut from = open + 1;
        while from < close {
            let end = self.find(from, |text| text == ",").filter(|end| *end < close).unwrap_or(close);
            parts.push((from, end));
            from = end + 1;
        }
        parts
    }

    /// The end of the value that begins at `from`: before a comma, a semicolon, a closing bracket or the end of the line.
    fn value_end(&self, from: usize) -> usize {
        let end = self.line_end(from);
        let ends = |text: &str| matches!(text, "," | ";" | ")" | "]" | "}" | "{");
        self.find(from, ends).map_or(end, |at| at.min(end))
    }
}
