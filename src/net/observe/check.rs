//! A check of a script: what it is called, what came, what was expected; a row, and the line that people read.

use serde::{Deserialize, Serialize};

/// How much of a value a line shows, in characters.
const SHOWN: usize = 120;

/// A `check`, `require` or `expect` that a run met, or an error that ended a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CheckRow {
    /// When, in nanoseconds since 1970.
    pub time_ns: i64,
    /// What it is called.
    pub name: String,
    /// The group that it is of; left out outside of groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The points that it gave; `None` where there are none to be had.
    pub points: Option<f64>,
    /// The points that it could give.
    pub max_points: Option<f64>,
    /// Whether it was as expected; `None`: it was not judged.
    pub passed: Option<bool>,
    /// What came.
    pub actual: Option<String>,
    /// What was expected.
    pub expected: Option<String>,
    /// What the script says about it.
    pub words: Option<String>,
    /// Why it was not judged.
    pub why: Option<String>,
    /// The error that ended its group, or for which the values could not be compared.
    pub error: Option<String>,
    /// What the links carried when it failed, drawn as lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ladder: Option<String>,
    /// Its place: the script and the line.
    pub origin: String,
    /// Whether who is judged is to know nothing of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// Whether who is judged is to know nothing of what was expected.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub expected_hidden: bool,
}

impl CheckRow {
    /// One at this place, of which nothing else is known yet.
    pub fn at(origin: String) -> Self {
        Self { origin, ..Self::default() }
    }

    /// It, as who is judged may see it: where in the judge it stands says nothing to a student.
    pub fn for_student(&self) -> Self {
        let expected = if self.expected_hidden { Some("(not shown)".to_string()) } else { self.expected.clone() };
        Self { expected, origin: String::new(), ..self.clone() }
    }

    /// Its name, after that of its group.
    pub fn title(&self) -> String {
        let name = if self.name.is_empty() { "expect".to_string() } else { one_line(&self.name) };
        self.group.as_ref().map_or(name.clone(), |group| format!("{}: {name}", one_line(group)))
    }

    /// What was wrong, in one line; `script` is the one whose lines need no name.
    pub fn failure(&self, script: &str) -> String {
        let place = match self.origin.strip_prefix(script).and_then(|rest| rest.strip_prefix(':')) {
            Some(line) => format!(" (line {line})"),
            None if self.origin.is_empty() => String::new(),
            None => format!(" ({})", self.origin),
        };
        let shown = |value: &Option<String>| shortened(&one_line(value.as_deref().unwrap_or("()")));
        match &self.error {
            Some(error) if self.actual.is_none() => format!("{}{place}", one_line(error)),
            Some(error) => format!("got {}: {}{place}", shown(&self.actual), one_line(error)),
            None => format!("got {}, expected {}{place}", shown(&self.actual), shown(&self.expected)),
        }
    }

    /// The lines that people read of it, of which only the first is there for each check.
    pub fn lines(&self, script: &str) -> Vec<String> {
        let points = match (self.points, self.max_points) {
            (Some(points), Some(most)) => format!(" ({}/{most} points)", rounded(points)),
            _ => String::new(),
        };
        let title = self.title();
        let mut lines = match self.passed {
            None => vec![format!("--   {title}: not judged: {}", one_line(self.why.as_deref().unwrap_or_default()))],
            Some(true) => vec![format!("ok   {title}{points}")],
            Some(false) => vec![format!("FAIL {title}{points}: {}", self.failure(script))],
        };
        if self.passed == Some(false) {
            let words = self.words.iter().flat_map(|words| words.lines()).filter(|line| !line.trim().is_empty());
            let drawn = self.ladder.iter().flat_map(|ladder| ladder.lines());
            lines.extend(words.chain(drawn).map(|line| format!("     {}", one_line(line)).trim_end().to_string()));
        }
        lines
    }
}

/// Points with two digits after the point at most.
pub fn rounded(points: f64) -> f64 {
    // The sum of nothing is -0.
    (points * 100.0).round() / 100.0 + 0.0
}

/// `text` with line ends and other control characters escaped.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// The start of a long text.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> CheckRow {
        let (actual, expected) = (Some("3".to_string()), Some("5".to_string()));
        CheckRow { name: "sum".into(), passed: Some(false), actual, expected, ..CheckRow::at("a.rhai:12".into()) }
    }

    #[test]
    fn a_check_is_a_line() {
        assert_eq!(row().lines("a.rhai"), ["FAIL sum: got 3, expected 5 (line 12)"]);
        assert_eq!(row().lines("b.rhai"), ["FAIL sum: got 3, expected 5 (a.rhai:12)"]);
        assert_eq!(CheckRow { passed: Some(true), ..row() }.lines(""), ["ok   sum"]);
        let scored = CheckRow { points: Some(2.0 / 3.0), max_points: Some(4.0), group: Some("client".into()), ..row() };
        assert_eq!(scored.lines("a.rhai"), ["FAIL client: sum (0.67/4 points): got 3, expected 5 (line 12)"]);
        let seen = CheckRow { expected_hidden: true, ..row() }.for_student();
        assert_eq!(seen.lines(""), ["FAIL sum: got 3, expected (not shown)"]);
        let void = CheckRow { passed: None, why: Some("\"start\" failed".into()), ..row() };
        assert_eq!(void.lines(""), ["--   sum: not judged: \"start\" failed"]);
    }

    #[test]
    fn what_strangers_print_takes_one_line_and_no_more() {
        let long = CheckRow { actual: Some(format!("a\nok   b\x1b{}", "x".repeat(500))), ..row() };
        let lines = long.lines("a.rhai");
        assert_eq!(lines.len(), 1);
        assert!(lines[0].contains("a\\nok   b\\u{1b}x") && lines[0].len() < 300, "{}", lines[0]);
        let worded = CheckRow { words: Some("\none\n\ntwo".into()), ..row() };
        assert_eq!(worded.lines("a.rhai")[1..], ["     one", "     two"]);
    }
}
