//! The results as other programs read them. Pure, but for appending to a file.

use std::io::Write;

use serde_json::{Value, json};

use super::feedback;
use super::record::GradeRecord;
use crate::net::observe::check::CheckRow;

/// CSV: a line for each submission, with a column for each check.
pub(super) fn csv(records: &[GradeRecord]) -> String {
    let mut titles: Vec<String> = Vec::new();
    for check in records.iter().flat_map(|record| &record.checks) {
        let title = check.title();
        if !titles.contains(&title) {
            titles.push(title);
        }
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = ["name", "points", "max_points", "seed", "note"].into_iter().chain(titles.iter().map(String::as_str));
    let _ = writer.write_record(head);
    for record in records {
        let cells = titles.iter().map(|title| record.checks.iter().find(|check| check.title() == *title).map(worth));
        let (points, most) = (record.points.to_string(), record.max_points.to_string());
        let first =
            [record.name.clone(), points, most, record.seed.to_string(), record.note.clone().unwrap_or_default()];
        let _ = writer.write_record(first.into_iter().chain(cells.map(Option::unwrap_or_default)));
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

/// The points of a check; of one without any, 1 or 0; empty if it was not judged.
fn worth(check: &CheckRow) -> String {
    match (check.points, check.passed) {
        (Some(points), _) => points.to_string(),
        (None, Some(passed)) => u8::from(passed).to_string(),
        (None, None) => String::new(),
    }
}

/// JSON: a list of all, as the files of `--out` have them.
pub(super) fn json(records: &[GradeRecord]) -> String {
    serde_json::to_string_pretty(records).unwrap_or_default() + "\n"
}

/// What Gradescope reads (results.json). Of several submissions, the first counts.
pub(super) fn gradescope(records: &[GradeRecord]) -> String {
    let Some(record) = records.first() else { return String::new() };
    let tests = record.checks.iter().enumerate().map(|(at, check)| {
        json!({
            "name": check.title(),
            "number": (at + 1).to_string(),
            "score": check.points.unwrap_or(0.0),
            "max_score": check.max_points.unwrap_or(0.0),
            "status": if check.passed == Some(true) { "passed" } else { "failed" },
            "output": said(check),
            "visibility": if check.hidden { "hidden" } else { "visible" },
        })
    });
    let all = json!({
        "score": record.points,
        "execution_time": record.took_ns / 1_000_000_000,
        "output": record.note.clone().unwrap_or_default(),
        "stdout_visibility": "hidden",
        "tests": tests.collect::<Vec<Value>>(),
    });
    serde_json::to_string_pretty(&all).unwrap_or_default() + "\n"
}

/// What is said of a check, without its name.
fn said(check: &CheckRow) -> String {
    let check = check.for_student();
    let why = check.why.as_ref().map(|why| format!("not judged: {why}"));
    let failure = (check.passed == Some(false)).then(|| check.failure(""));
    let words = check.words.clone().filter(|_| check.passed == Some(false));
    [why, failure, words, check.ladder.clone()].into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// What GitHub Classroom reads, as a line for the file of outputs: `result=` and JSON in base64.
pub(super) fn github(records: &[GradeRecord]) -> String {
    let tests = records.iter().flat_map(|record| &record.checks).filter(|check| !check.hidden).map(|check| {
        json!({
            "name": check.title(),
            "status": if check.passed == Some(true) { "pass" } else { "fail" },
            "message": said(check),
            "score": check.points.unwrap_or(0.0),
            "max_score": check.max_points.unwrap_or(0.0),
        })
    });
    let most: f64 = records.iter().map(|record| record.max_points).sum();
    let is_full = records.iter().all(GradeRecord::is_full);
    let status = if is_full { "pass" } else { "fail" };
    let all = json!({ "version": 1, "status": status, "max_score": most, "tests": tests.collect::<Vec<Value>>(),
        "output": records.iter().map(feedback::text).collect::<Vec<_>>().join("\n") });
    format!("result={}\n", base64(all.to_string().as_bytes()))
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let number = (0..3).fold(0u32, |number, at| number << 8 | u32::from(*group.get(at).unwrap_or(&0)));
        for at in 0..4 {
            let letter = LETTERS[(number >> (18 - 6 * at)) as usize & 63];
            text.push(if at <= group.len() { letter as char } else { '=' });
        }
    }
    text
}

/// Adds a text to a file.
///
/// # Errors
/// It cannot be written.
pub(super) fn append(file: &str, text: &str) -> std::io::Result<()> {
    std::fs::OpenOptions::new().create(true).append(true).open(file)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (plain, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), text);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }
}
