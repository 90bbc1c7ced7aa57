//! What people read when a script fails: what is wrong in plain words, where, by which calls the script got
//! there, and what to do next.
//!
//! ```text
//! error: no variable `cuont` is known here
//!   --> scripts/udp_ping.rhai:12:9
//!    12 |     if cuont > 3 {
//!       |        ^
//!   in `ping`, called at scripts/udp_ping.rhai:30:5
//!   hint: did you mean `count`?
//! ```
//!
//! Types are named as scripts name them, never as Rust does. Missing source text costs the excerpt and the
//! hints that need it, nothing else.

mod call;
mod compared;
mod discarded;
mod excerpt;
mod finding;
mod message;
mod names;
mod operator;
mod parse;
mod policies;
mod property;
mod reserved;
mod rows;
mod runtime;
mod scan;
mod translate;
mod variable;
mod warning;

#[cfg(test)]
mod tests;

use rhai::{Dynamic, EvalAltResult, LexError, ParseError, ParseErrorType, Position};

use self::excerpt::place;
pub use self::finding::Finding;
pub use self::message::DiagnosticMessage;
pub use self::names::{NOT_OF_SCRIPTS, Names, plain_type, with_registered_type};
pub use self::scan::Scan;
use crate::engine::lexer::{Open, read};
use crate::engine::library::came_with_us;

/// Turns errors of one script and the files it uses into text.
pub struct Reporter<'a> {
    /// The text of a source by its name: a path, `repl:3`, `-e`, `stdin`.
    pub sources: &'a dyn Fn(&str) -> Option<String>,
    /// The source that the outermost statements are in.
    pub main_source: &'a str,
    /// From what to suggest.
    pub names: &'a Names,
    /// Words for the objects that natives throw, `None` for other values. The first line is the message;
    /// each further line becomes a hint.
    pub describe: &'a dyn Fn(&Dynamic) -> Option<String>,
}

impl Reporter<'_> {
    /// The message for an error that nothing caught.
    pub fn report(&self, error: &EvalAltResult) -> DiagnosticMessage {
        let (inner, source, pos) = innermost(error, self.main_source);
        let mut calls = calls(error, self.main_source);

        let thrown_again = match inner {
            EvalAltResult::ErrorRuntime(value, _) => runtime::caught_before(value),
            _ => None,
        };
        match thrown_again {
            Some((original, of, at)) => {
                let source = of.unwrap_or_else(|| source.to_string());
                calls.insert(0, format!("thrown again at {}", place(error_source(error, self.main_source), pos)));
                self.write(&original, &source, at, &calls)
            }
            None => self.write(inner, source, pos, &calls),
        }
    }

    /// The message for a script that cannot be read.
    pub fn report_parse(&self, error: &ParseError) -> DiagnosticMessage {
        self.report(&EvalAltResult::ErrorParsing((*error.0).clone(), error.1))
    }

    /// As [`Self::report_parse`] for the main source, of which only `read` was given to the parser: parts that could not be
    /// read before are blank in it.
    pub fn report_parse_of(&self, error: &ParseError, read: &str) -> DiagnosticMessage {
        let (scan, pos) = (Scan::new(read), error.1);
        let context = ErrorContext { names: self.names, index: scan.index_at(pos), scan: &scan, pos };
        let error = EvalAltResult::ErrorParsing((*error.0).clone(), pos);
        let words = runtime::words(&error, &context, self.describe);
        DiagnosticMessage::error(&words, self.main_source, (self.sources)(self.main_source).as_deref(), pos, &[])
    }

    fn write(&self, error: &EvalAltResult, source: &str, pos: Position, calls: &[String]) -> DiagnosticMessage {
        let text = (self.sources)(source);
        let scan = Scan::new(text.as_deref().unwrap_or_default());
        let context = ErrorContext { names: self.names, index: scan.index_at(pos), scan: &scan, pos };
        let words = runtime::words(error, &context, self.describe);
        DiagnosticMessage::error(&words, source, text.as_deref(), pos, calls)
    }

    /// The message for what a check found at `pos` of the main source.
    pub fn report_finding(&self, finding: &Finding, pos: Position) -> DiagnosticMessage {
        let text = (self.sources)(self.main_source);
        let scan = Scan::new(text.as_deref().unwrap_or_default());
        let context = ErrorContext { names: self.names, index: scan.index_at(pos), scan: &scan, pos };
        DiagnosticMessage::error(&finding.words(&context), self.main_source, text.as_deref(), pos, &[])
    }

    /// What a check warns of in the main source, a message each.
    pub fn warnings(&self) -> Vec<DiagnosticMessage> {
        let text = (self.sources)(self.main_source);
        let scan = Scan::new(text.as_deref().unwrap_or_default());
        let all = warning::warnings(&scan, self.names);
        let shown = |(pos, words)| DiagnosticMessage::warning(&words, self.main_source, text.as_deref(), pos);
        all.into_iter().map(shown).collect()
    }
}

/// What of the script `text`, which is called `name`, is certainly a mistake although it runs: a message each.
pub fn certain_mistakes(name: &str, text: &str) -> Vec<String> {
    // To look takes as long as to compile the script, and the tests have looked at those that came with us.
    if came_with_us(text) {
        return Vec::new();
    }
    let all = warning::certain(&Scan::new(text));
    all.into_iter().map(|(pos, words)| DiagnosticMessage::warning(&words, name, Some(text), pos).text).collect()
}

/// Refuses a text with a comment that is never closed, of which the interpreter would leave out the rest without a word.
///
/// # Errors
/// There is one; where it begins.
pub fn refuse_open_comment(text: &str) -> Result<(), ParseError> {
    if !text.contains("/*") {
        return Ok(());
    }
    let Some(Open::Comment(start)) = read(text).open else { return Ok(()) };
    let error = ParseErrorType::BadInput(LexError::UnexpectedInput("/*".to_string()));
    Err(ParseError(Box::new(error), position(start)))
}

/// What a message is made from.
struct ErrorContext<'a> {
    names: &'a Names,
    scan: &'a Scan,
    /// Index of the token at the error, the number of tokens at the end.
    index: usize,
    pos: Position,
}

impl ErrorContext<'_> {
    /// The token at the error, empty at the end or without source text.
    fn token(&self) -> &str {
        self.scan.text(self.index)
    }

    /// The token before the error.
    fn before(&self) -> &str {
        self.scan.text_before(self.index)
    }

    /// The token after the one at the error.
    fn after(&self) -> &str {
        self.scan.text(self.index + 1)
    }
}

/// A message, and what to do next. A hint of several lines is indented as one.
#[derive(Debug, Default)]
struct Words {
    message: String,
    hints: Vec<String>,
    /// A better place for the caret.
    at: Option<Position>,
}

impl Words {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// The words of a row about `args`.
    fn of(row: &rows::TextRow, args: &[&str]) -> Self {
        let mut lines = row.lines.iter().map(|line| rows::fill(line, args));
        Self::new(lines.next().unwrap_or_default()).hints(lines)
    }

    /// The words of the row with this key about `args`.
    fn row(key: &str, args: &[&str]) -> Self {
        Self::of(rows::row("errors", key).or_else(|| rows::row("errors", "failed")).expect("there is one"), args)
    }

    /// The lines of the row with this key, as hints.
    fn more(self, key: &str, args: &[&str]) -> Self {
        let row = rows::row("hints", key).expect("there is one");
        self.hints(row.lines.iter().map(|line| rows::fill(line, args)))
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    fn hints(mut self, hints: impl IntoIterator<Item = String>) -> Self {
        self.hints.extend(hints);
        self
    }

    fn at(mut self, pos: Option<Position>) -> Self {
        self.at = pos;
        self
    }
}

/// The error at the bottom of the calls, the source it is in and where; the place of the nearest call with
/// one when the error itself has none.
pub fn innermost<'e>(error: &'e EvalAltResult, main_source: &'e str) -> (&'e EvalAltResult, &'e str, Position) {
    let (mut error, mut source) = (error, main_source);
    let mut fallback = (main_source, Position::NONE);
    loop {
        let pos = error.position();
        if !pos.is_none() {
            fallback = (source, pos);
        }
        match error {
            EvalAltResult::ErrorInFunctionCall(name, of, inner, _) => {
                source = inner_source(name, of, source);
                error = inner.as_ref();
            }
            EvalAltResult::ErrorInModule(path, inner, _) => {
                source = if path.is_empty() { source } else { path };
                error = inner.as_ref();
            }
            _ => return (error, fallback.0, fallback.1),
        }
    }
}

/// The source of the innermost call.
fn error_source<'e>(error: &'e EvalAltResult, main_source: &'e str) -> &'e str {
    innermost(error, main_source).1
}

/// The source in which a called function is written; a text given to `eval` has no file.
fn inner_source<'e>(name: &str, of: &'e str, caller: &'e str) -> &'e str {
    match (name, of) {
        ("eval", _) => "the text given to eval",
        (_, "") => caller,
        _ => of,
    }
}

/// A line for each call, the innermost first.
fn calls(error: &EvalAltResult, main_source: &str) -> Vec<String> {
    let (mut error, mut source) = (error, main_source);
    let mut lines: Vec<String> = Vec::new();
    // The native that the call before was, if it was one: it and the closure it calls share a place.
    let mut outer: Option<(String, Position)> = None;
    loop {
        let (line, pos, next, inner) = match error {
            EvalAltResult::ErrorInFunctionCall(name, of, inner, pos) => {
                let next = inner_source(name, of, source);
                let name = if name.starts_with("anon$") { "a closure".to_string() } else { format!("`{name}`") };
                (name, *pos, next, inner)
            }
            EvalAltResult::ErrorInModule(path, inner, pos) => {
                let next = if path.is_empty() { source } else { path.as_str() };
                (format!("the module `{path}`"), *pos, next, inner)
            }
            _ => break,
        };
        let verb = if matches!(error, EvalAltResult::ErrorInModule(..)) { "imported" } else { "called" };
        match outer.take().filter(|(_, at)| *at == pos && line == "a closure") {
            Some((native, _)) => {
                lines.pop();
                lines.push(format!("in a closure, called by {native} at {}", place(source, pos)));
            }
            None if pos.is_none() => lines.push(format!("in {line}")),
            None => lines.push(format!("in {line}, {verb} at {}", place(source, pos))),
        }
        outer = (line != "a closure").then_some((line, pos));
        source = next;
        error = inner.as_ref();
    }
    lines.reverse();
    lines
}

/// "`a`", "`a` or `b`", "`a`, `b` or `c`".
fn either(names: &[impl AsRef<str>]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

/// The hint that suggests names, if there are any.
fn did_you_mean(names: &[impl AsRef<str>]) -> Option<String> {
    (!names.is_empty()).then(|| format!("did you mean {}?", either(names)))
}

/// A position of the script from a line and column that count from 1.
fn position((line, column): (usize, usize)) -> Position {
    let small = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
    Position::new(small(line).max(1), small(column))
}
