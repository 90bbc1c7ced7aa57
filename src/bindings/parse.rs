//! `parse`: what a program printed, taken apart line by line.

use rhai::{Array, Dynamic, Map, NativeCallContext};

use super::error::{OrRaise, ScriptResult};
use crate::nearest::nearest;
use crate::net::error::Error;
use crate::net::time::Duration;

/// No more of a line is looked at, in bytes: what strangers print may be anything.
const LONGEST: usize = 10_000;

/// No number has as many digits.
const DIGITS: usize = 100;

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq)]
enum PatternPart {
    /// This text.
    Literal(String),
    /// White space, or the place after some.
    Blank,
    /// Anything, or nothing.
    Anything,
    /// A value, by its name.
    Field(String, FieldKind),
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum FieldKind {
    Int,
    Float,
    /// A duration: nanoseconds of its unit, and how that is written.
    Time(f64, &'static str),
    Word,
    Text,
}

const KINDS: [(&str, FieldKind); 7] = [
    ("int", FieldKind::Int),
    ("float", FieldKind::Float),
    ("ms", FieldKind::Time(1e6, "ms")),
    ("s", FieldKind::Time(1e9, "s")),
    ("us", FieldKind::Time(1e3, "us")),
    ("word", FieldKind::Word),
    ("text", FieldKind::Text),
];

impl PatternPart {
    /// Whether it takes as little as what follows lets it.
    fn is_open(&self) -> bool {
        matches!(self, Self::Anything | Self::Field(_, FieldKind::Text))
    }
}

/// Reads a pattern.
fn parts(pattern: &str) -> Result<Vec<PatternPart>, Error> {
    let mut parts: Vec<PatternPart> = Vec::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let doubled = rest[c.len_utf8()..].starts_with(c);
        let (part, len) = match c {
            '{' | '}' | '*' if doubled => (PatternPart::Literal(c.to_string()), 2),
            '*' => (PatternPart::Anything, 1),
            '{' => {
                let end =
                    rest.find('}').ok_or_else(|| wrong(pattern, "a `{` is not closed", "to match one, write `{{`"))?;
                (field(pattern, &rest[1..end])?, end + 1)
            }
            '}' => return Err(wrong(pattern, "a `}` closes nothing", "to match one, write `}}`")),
            c if c.is_whitespace() => (PatternPart::Blank, rest.len() - rest.trim_start().len()),
            c => (PatternPart::Literal(c.to_string()), c.len_utf8()),
        };
        rest = &rest[len..];
        match (parts.last_mut(), part) {
            (Some(PatternPart::Literal(text)), PatternPart::Literal(more)) => text.push_str(&more),
            (Some(last), part) if last.is_open() && part.is_open() => {
                let hint = "put what stands between them there, or give the first a kind: {n:int}, {w:word}";
                return Err(wrong(pattern, "two parts that take anything stand side by side", hint));
            }
            (_, part) => parts.push(part),
        }
    }
    let names: Vec<&String> = parts.iter().filter_map(PatternPart::name).collect();
    if let Some((_, name)) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        return Err(wrong(pattern, &format!("`{name}` is there twice"), "give each value a name of its own"));
    }
    if names.is_empty() {
        return Err(wrong(
            pattern,
            "it has no value to take",
            "such as: parse(text, \"PING {seq:int} * rtt={rtt:ms}\")",
        ));
    }
    Ok(parts)
}

impl PatternPart {
    fn name(&self) -> Option<&String> {
        match self {
            Self::Field(name, _) => Some(name),
            _ => None,
        }
    }
}

/// What stands in braces.
fn field(pattern: &str, text: &str) -> Result<PatternPart, Error> {
    let (name, kind) = text.split_once(':').unwrap_or((text, "text"));
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(fits) || name.starts_with(|c: char| c.is_ascii_digit()) {
        let message = format!("`{name}` is no name of a value");
        return Err(wrong(pattern, &message, "a name has letters, digits and _: {seq:int}, {rest}"));
    }
    match KINDS.iter().find(|(known, _)| *known == kind) {
        Some((_, kind)) => Ok(PatternPart::Field(name.to_string(), *kind)),
        None => {
            let names = KINDS.map(|(name, _)| name);
            let near = nearest(kind, names).first().map_or(String::new(), |near| format!("did you mean {near}? "));
            let hint = format!("{near}Kinds are {}", names.join(", "));
            Err(wrong(pattern, &format!("`{kind}` is no kind of value"), &hint))
        }
    }
}

fn wrong(pattern: &str, message: &str, hint: &str) -> Error {
    Error::invalid("parse", message).with_peer(format!("\"{pattern}\"")).with_hint(hint)
}

/// A line that is compared with a pattern. What has failed from some place on is not tried again, so that a line takes time in
/// proportion to its length, whatever a stranger prints.
#[derive(Debug)]
struct LineMatch<'a> {
    line: &'a str,
    parts: &'a [PatternPart],
    /// For each part that takes more or less text, where it has failed: from here to there.
    failed: Vec<Option<(usize, usize)>>,
    found: Vec<(&'a str, Dynamic)>,
}

impl<'a> LineMatch<'a> {
    /// The values of the first match in `line`.
    fn find(line: &'a str, parts: &'a [PatternPart]) -> Option<Vec<(&'a str, Dynamic)>> {
        let end = (0..=line.len().min(LONGEST)).rev().find(|&end| line.is_char_boundary(end)).unwrap_or(0);
        let line = &line[..end];
        let mut matching = Self { line, parts, failed: vec![None; parts.len()], found: Vec::new() };
        let starts = line.char_indices().map(|(at, _)| at).chain([line.len()]);
        starts.into_iter().find(|&at| matching.goes_on(0, at)).map(|_| {
            matching.found.reverse();
            matching.found
        })
    }

    /// Whether the parts from `part` on match from `at` on.
    fn goes_on(&mut self, part: usize, at: usize) -> bool {
        let Some(this) = self.parts.get(part) else { return true };
        if self.failed[part].is_some_and(|(from, to)| from <= at && at < to) {
            return false;
        }
        let text = &self.line[at..];
        match this {
            PatternPart::Literal(literal) => {
                text.starts_with(literal.as_str()) && self.goes_on(part + 1, at + literal.len())
            }
            PatternPart::Blank => {
                let len = text.len() - text.trim_start().len();
                let is_after = self.line[..at].chars().next_back().is_none_or(char::is_whitespace);
                (len > 0 || is_after || text.is_empty()) && self.goes_on(part + 1, at + len)
            }
            PatternPart::Anything => self.takes(part, at, self.line.len(), 0).is_some(),
            PatternPart::Field(name, FieldKind::Word | FieldKind::Text) => {
                let is_word = matches!(this, PatternPart::Field(_, FieldKind::Word));
                let until = text.find(|c: char| is_word && c.is_whitespace()).map_or(self.line.len(), |len| at + len);
                let end = self.takes(part, at, until, 1);
                end.map(|end| self.found.push((name, self.line[at..end].trim().to_string().into()))).is_some()
            }
            PatternPart::Field(name, kind) => {
                let Some((value, len)) = number(text, *kind) else { return false };
                let goes_on = self.goes_on(part + 1, at + len);
                if goes_on {
                    self.found.push((name, value));
                }
                goes_on
            }
        }
    }

    /// Where a part ends that takes as little text as it can, from `at` to `until` at most; what ends a pattern takes all.
    fn takes(&mut self, part: usize, at: usize, until: usize, least: usize) -> Option<usize> {
        if part + 1 == self.parts.len() {
            return (until >= at + least && !(least > 0 && self.line[at..until].trim().is_empty())).then_some(until);
        }
        let (from, to) = self.failed[part].unwrap_or((usize::MAX, 0));
        let last = if to == until + 1 { until.min(from) } else { until };
        let mut ends = (at + least..=last).filter(|&end| self.line.is_char_boundary(end));
        let end = ends.find(|&end| self.goes_on(part + 1, end));
        if end.is_none() {
            self.failed[part] = Some((at, until + 1));
        }
        end
    }
}

/// The number of this kind that `text` begins with, and its length.
fn number(text: &str, kind: FieldKind) -> Option<(Dynamic, usize)> {
    let digits = |from: usize| text[from..].bytes().take(DIGITS).take_while(u8::is_ascii_digit).count();
    let sign = usize::from(text.starts_with(['-', '+']));
    let whole = sign + digits(sign);
    let fraction = if text[whole..].starts_with('.') { digits(whole + 1) } else { 0 };
    let mut len = if fraction > 0 { whole + 1 + fraction } else { whole };
    if whole + fraction == sign || whole + fraction >= DIGITS {
        return None;
    }
    if kind == FieldKind::Int {
        return (fraction == 0).then(|| text[..len].parse::<i64>().ok()).flatten().map(|number| (number.into(), len));
    }
    if text[len..].starts_with(['e', 'E']) {
        let sign = len + 1 + usize::from(text[len + 1..].starts_with(['-', '+']));
        len = if digits(sign) > 0 { sign + digits(sign) } else { len };
    }
    let number: f64 = text[..len].parse().ok()?;
    match kind {
        FieldKind::Time(nanos, unit) => {
            let time = number * nanos;
            let blanks = text[len..].len() - text[len..].trim_start().len();
            let named = text[len + blanks..].strip_prefix(unit).filter(|rest| !rest.starts_with(char::is_alphanumeric));
            let len = if named.is_some() { len + blanks + unit.len() } else { len };
            (time.abs() < 9e18).then(|| (Dynamic::from(Duration::from_nanos(time.round() as i64)), len))
        }
        _ => Some((number.into(), len)),
    }
}

/// The values of each line that matches.
fn parse(text: &str, pattern: &str) -> Result<Array, Error> {
    let parts = parts(pattern)?;
    let map = |values: Vec<(&str, Dynamic)>| {
        Dynamic::from_map(values.into_iter().map(|(name, value)| (name.into(), value)).collect::<Map>())
    };
    Ok(text.lines().filter_map(|line| LineMatch::find(line, &parts)).map(map).collect())
}

functions! {
    pub fn api;

    /// Takes the text apart that a program printed: a map for each line in which the pattern is found, in their order. In a
    /// pattern, `{seq:int}` is a whole number, `{share:float}` any, `{rtt:ms}` a duration in milliseconds (`{t:s}` in seconds,
    /// `{t:us}` in microseconds), with its unit after it or without; `{w:word}` is text without blanks, `{rest}` any text, at the end of a pattern all that is left of the line.
    /// `*` is anything, or nothing; blanks match one or more blanks, or the end of the line; of a line the first 10,000 bytes are looked at; all else matches itself, and `{{`, `}}` and `**` match
    /// `{`, `}` and `*`.
    ///
    /// Errors: `invalid`: a pattern without a value, a brace that is not closed, an unknown kind, a name that is there twice.
    ///
    /// ```rhai
    /// let said = "reply from b: PING 1 rtt=0.5 ms\ntimed out\nreply from b: PING 2 rtt=1.25ms";
    /// let pings = parse(said, "from {host:word}: PING {seq:int} * rtt={rtt:ms}");
    /// expect(pings.len, 2);
    /// expect(pings[1], #{ host: "b", seq: 2, rtt: 1.25.ms });
    /// try { parse(said, "PING {seq:integer}"); } catch (e) { expect(e.hint, containing("int")); }
    /// ```
    fn parse(ctx: NativeCallContext, text: &str, pattern: &str) -> ScriptResult<Array> = parse(text, pattern).or_raise(&ctx);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of the first line that matches, as text.
    fn first(text: &str, pattern: &str) -> Option<String> {
        let parts = parts(pattern).expect(pattern);
        let values = text.lines().find_map(|line| LineMatch::find(line, &parts))?;
        let shown = |(name, value): (&str, Dynamic)| match value.clone().try_cast::<Duration>() {
            Some(time) => format!("{name}={}", time.short()),
            None => format!("{name}={value}"),
        };
        Some(values.into_iter().map(shown).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn lines_are_taken_apart() {
        for (text, pattern, values) in [
            (
                "received 24 bytes PING 3 at 1.5 rtt=0.123ms",
                "received * PING {seq:int} * rtt={rtt:ms}",
                "seq=3 rtt=123us",
            ),
            ("received PING 3 rtt=2", "received * PING {seq:int} * rtt={rtt:ms}", "seq=3 rtt=2ms"),
            ("x=-1.5e3 y", "x={x:float}", "x=-1500.0"),
            ("RTT 2 s", "RTT {t:s}", "t=2s"),
            ("RTT 250us", "RTT {t:us}", "t=250us"),
            ("from a:7 to b:11000", "from {h:word}:{p:int}", "h=a p=7"),
            ("error: no route  \r", "error: {rest}", "rest=no route"),
            ("a, b and c", "{x}, {y} and {z}", "x=a y=b z=c"),
            ("n=1.5 n=2", "n={n:int} *", "n=2"),
            ("{7} * ü", "{{{n:int}}} ** {rest}", "n=7 rest=ü"),
            ("one  two", "{a:word} {b:word}", "a=one b=two"),
        ] {
            assert_eq!(first(text, pattern).as_deref(), Some(values), "{text} by {pattern}");
        }
        for (text, pattern) in [
            ("PING x", "PING {n:int}"),
            ("PING 1.5", "PING {n:int}"),
            ("n=99999999999999999999", "n={n:int}"),
            ("n=", "n={rest}"),
            ("ping 1", "PING {n:int}"),
            ("", "{w:word}"),
        ] {
            assert_eq!(first(text, pattern), None, "{text} by {pattern}");
        }
    }

    #[test]
    fn bad_patterns_are_errors_with_hints() {
        for (pattern, why) in [
            ("PING {n", "not closed"),
            ("PING n}", "closes nothing"),
            ("PING {}", "no name"),
            ("PING {n:number}", "no kind of value"),
            ("{n:int} {n:int}", "twice"),
            ("{a}{b}", "side by side"),
            ("PING *", "no value to take"),
            ("", "no value to take"),
        ] {
            let error = parts(pattern).expect_err(pattern);
            assert!(error.message.contains(why) && !error.hint.is_empty(), "{pattern}: {error}");
        }
    }

    /// What would take a matcher that tries everything longer than anybody waits.
    #[test]
    fn a_strangers_line_takes_no_longer_than_its_length_asks_for() {
        let line = "a ".repeat(50_000);
        assert_eq!(first(&line, "a * a * a {w:word} * a * {x} b {n:int}"), None);
        assert_eq!(first(&"x".repeat(100_000), "{a:word}x{b:word}x{c:word}y{n:int}"), None);
    }
}
