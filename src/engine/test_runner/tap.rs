//! Results as TAP (testanything.org): a point for each script, and within it one for each of its checks. Pure.
//!
//! The subtests are those of version 14. The first line says 13, of which this is valid, too: prove(1) refuses later ones.

use super::result::{TestEnd, TestResult};
use crate::net::observe::check::CheckRow;

/// How it begins: the version, and how many scripts there are.
pub(super) fn plan(count: usize) -> String {
    format!("TAP version 13\n1..{count}")
}

/// What is printed of a script, which is the one with this number.
pub(super) fn lines(result: &TestResult, number: usize) -> Vec<String> {
    let mut lines = vec![format!("# Subtest: {}", escaped(&result.name))];
    for (at, check) in result.checks.iter().enumerate() {
        lines.extend(of_check(check, at + 1).into_iter().map(|line| format!("    {line}")));
    }
    lines.push(format!("    1..{}", result.checks.len()));
    lines.push(format!("{}ok {number} - {}", not(result.end == TestEnd::Passed), escaped(&result.name)));
    let time = ("duration_ms", format!("{:.1}", result.took.as_secs_f64() * 1e3));
    let mut cells = vec![time];
    if result.end != TestEnd::Passed {
        cells.extend([("message", quoted(&result.why())), ("output", quoted(&result.printed.join("\n")))]);
    }
    lines.extend(block(&cells));
    lines
}

fn of_check(check: &CheckRow, number: usize) -> Vec<String> {
    let title = escaped(&check.title());
    if check.passed.is_none() {
        let why = escaped(check.why.as_deref().unwrap_or_default());
        return vec![format!("ok {number} - {title} # SKIP not judged: {}", why.replace('\n', " "))];
    }
    let passed = check.passed == Some(true);
    let mut lines = vec![format!("{}ok {number} - {title}", not(passed))];
    if !passed {
        let cells = [
            ("got", &check.actual),
            ("expected", &check.expected),
            ("error", &check.error),
            ("message", &check.words),
            ("at", &Some(check.origin.clone())),
        ];
        let cells: Vec<_> = cells.iter().filter_map(|(name, text)| Some((*name, quoted(text.as_deref()?)))).collect();
        lines.extend(block(&cells));
    }
    lines
}

fn not(passed: bool) -> &'static str {
    if passed { "" } else { "not " }
}

/// A block of YAML.
fn block(cells: &[(&str, String)]) -> Vec<String> {
    let inner = cells.iter().map(|(name, value)| format!("  {name}: {value}"));
    std::iter::once("  ---".to_string()).chain(inner).chain(["  ...".to_string()]).collect()
}

/// A text as YAML has it in double quotes, which is that of JSON.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// A description: `#` would begin a directive.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('#', "\\#").replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::time::Duration;

    #[test]
    fn a_script_is_a_point_with_its_checks_in_it() {
        let check = |name: &str, passed| CheckRow {
            name: name.into(),
            passed,
            actual: Some("3".into()),
            expected: Some("\"a\"".into()),
            why: passed.is_none().then(|| "\"x\" failed".to_string()),
            ..CheckRow::at("a_test.rhai:2".into())
        };
        let result = TestResult {
            name: "a_test.rhai".into(),
            end: TestEnd::Failed,
            code: 5,
            checks: vec![check("one", Some(true)), check("two # TODO", Some(false)), check("three", None)],
            printed: vec!["said: \"x\"".into()],
            took: Duration::from_millis(12),
        };
        assert_eq!(
            lines(&result, 7).join("\n"),
            "# Subtest: a_test.rhai
    ok 1 - one
    not ok 2 - two \\# TODO
      ---
      got: \"3\"
      expected: \"\\\"a\\\"\"
      at: \"a_test.rhai:2\"
      ...
    ok 3 - three # SKIP not judged: \"x\" failed
    1..3
not ok 7 - a_test.rhai
  ---
  duration_ms: 12.0
  message: \"1 of 3 checks failed, 1 not judged\"
  output: \"said: \\\"x\\\"\"
  ..."
        );
    }
}
