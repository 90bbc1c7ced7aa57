//! Results as JUnit XML: a suite for each script, a case for each of its checks. Pure.
//!
//! There are several schemas. This keeps to that of Jenkins (junit-10.xsd of its xunit plugin), which knows no other attributes.

use std::fmt::Write;

use super::result::{TestEnd, TestResult};
use crate::net::observe::check::CheckRow;

/// The case of a script that has no checks, or that had an error.
const WHOLE: &str = "runs to its end";

/// The whole document.
pub(in crate::engine) fn document(results: &[TestResult]) -> String {
    let suites: Vec<Suite<'_>> = results.iter().map(Suite::of).collect();
    let sum = |of: fn(&Suite<'_>) -> usize| suites.iter().map(of).sum::<usize>();
    let (tests, failures) = (sum(|suite| suite.tests), sum(|suite| suite.failures));
    let errors = sum(|suite| suite.errors);
    let time: f64 = results.iter().map(|result| result.took.as_secs_f64()).sum();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        text,
        "<testsuites name=\"pingscript\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{time:.3}\">"
    );
    suites.iter().for_each(|suite| suite.write(&mut text));
    text.push_str("</testsuites>\n");
    text
}

/// What is counted of a script.
struct Suite<'a> {
    result: &'a TestResult,
    has_whole: bool,
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl<'a> Suite<'a> {
    fn of(result: &'a TestResult) -> Self {
        let count = |passed| result.checks.iter().filter(|check| check.passed == passed).count();
        let failures = count(Some(false));
        let is_broken = result.end == TestEnd::Broken || result.end == TestEnd::Failed && failures == 0;
        let has_whole = is_broken || result.checks.is_empty();
        let tests = result.checks.len() + usize::from(has_whole);
        Self { result, has_whole, tests, failures, errors: usize::from(is_broken), skipped: count(None) }
    }

    fn write(&self, text: &mut String) {
        let Self { result, tests, failures, errors, skipped, .. } = self;
        let (name, time) = (escaped(&result.name), result.took.as_secs_f64());
        let _ = writeln!(
            text,
            "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{time:.3}\">"
        );
        result.checks.iter().for_each(|check| write_check(text, &name, check));
        if self.has_whole {
            let inner = match self.errors {
                0 => String::new(),
                _ => {
                    let why = escaped(&result.why());
                    format!(
                        "<error message=\"{why}\" type=\"error\">{why}\n{}</error>",
                        escaped(&result.printed.join("\n"))
                    )
                }
            };
            let _ = writeln!(
                text,
                "    <testcase classname=\"{name}\" name=\"{WHOLE}\" time=\"{time:.3}\">{inner}</testcase>"
            );
        }
        if !result.printed.is_empty() && self.errors == 0 {
            let _ = writeln!(text, "    <system-out>{}</system-out>", escaped(&result.printed.join("\n")));
        }
        text.push_str("  </testsuite>\n");
    }
}

fn write_check(text: &mut String, class: &str, check: &CheckRow) {
    let inner = match check.passed {
        Some(true) => String::new(),
        None => format!("<skipped message=\"not judged: {}\"/>", escaped(check.why.as_deref().unwrap_or_default())),
        Some(false) => {
            let all: Vec<String> =
                std::iter::once(check.failure("")).chain(check.words.clone()).chain(check.ladder.clone()).collect();
            // Some show the attribute, others the text.
            format!("<failure message=\"{}\" type=\"check\">{}</failure>", escaped(&all[0]), escaped(&all.join("\n")))
        }
    };
    let title = escaped(&check.title());
    let _ = writeln!(text, "    <testcase classname=\"{class}\" name=\"{title}\" time=\"0\">{inner}</testcase>");
}

/// A text for XML 1.0: what it cannot hold is replaced.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' | '\t' => safe.push(c),
            '\u{FFFE}' | '\u{FFFF}' => safe.push('\u{FFFD}'),
            c if c.is_control() => safe.push('\u{FFFD}'),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::time::Duration;

    #[test]
    fn what_xml_cannot_hold_is_replaced() {
        assert_eq!(escaped("a<b & \"c\"\x1b[1m\n\u{FFFF}"), "a&lt;b &amp; &quot;c&quot;\u{FFFD}[1m\n\u{FFFD}");
    }

    #[test]
    fn a_script_without_checks_is_a_case() {
        let result = |end, code| TestResult {
            name: "a".into(),
            end,
            code,
            checks: Vec::new(),
            printed: Vec::new(),
            took: Duration::ZERO,
        };
        let text = document(&[result(TestEnd::Passed, 0), result(TestEnd::Broken, 3)]);
        assert!(
            text.contains("<testsuites name=\"pingscript\" tests=\"2\" failures=\"0\" errors=\"1\" time"),
            "{text}"
        );
        assert!(text.contains("<error message=\"exit code 3\""), "{text}");
    }
}
