//! Golden transcripts: `tests/golden/part*/*.txt`, changed by the accepted differences, against
//! what was printed.

use super::deviations::{self, Deviation};
use super::repo_root;
use std::fmt::Write;
use std::fs;

/// Check `actual`, already masked, against the whole transcript `name`.
pub(crate) fn assert_golden(name: &str, actual: &str) {
    assert_text(name, &expected(name), actual);
}

/// Check that `actual`, already masked, holds the excerpt `name` without a gap: from the line
/// the excerpt starts with, to as many lines as it has.
pub(crate) fn assert_excerpt(name: &str, actual: &str) {
    let wanted = expected(name);
    let first = wanted.lines().next().expect("an excerpt with a line");
    let from: Vec<&str> = actual.lines().skip_while(|line| *line != first).collect();
    assert!(!from.is_empty(), "{name}: no line {first:?} in:\n{actual}");
    let part = &from[..from.len().min(wanted.lines().count())];
    assert_text(name, &wanted, &(part.join("\n") + "\n"));
}

/// Check two texts for being the same; the message marks the lines that differ.
pub(crate) fn assert_text(name: &str, wanted: &str, actual: &str) {
    assert!(wanted == actual, "{name}: differs (- wanted, + printed):\n{}", diff(wanted, actual));
}

/// The transcript `name` as it is to be printed here: the golden file with the accepted
/// differences applied.
pub(crate) fn expected(name: &str) -> String {
    let mut text = transcript(name);
    // A block for all is for those of Part 1; others name their directory.
    let is_for = |d: &&Deviation| d.is_for(name) && d.file().contains('/') == name.contains('/');
    for deviation in accepted().iter().filter(is_for) {
        match deviation.apply(&text) {
            Some(changed) => text = changed,
            None => assert!(!deviation.names_one(), "{name}: does not fit: {deviation:?}"),
        }
    }
    text
}

/// The transcript `name` as the report prints it, masked.
pub(crate) fn transcript(name: &str) -> String {
    let part = parts().into_iter().find(|part| transcripts(part).iter().any(|known| known == name));
    read(&format!("tests/golden/{}/{name}.txt", part.unwrap_or_else(|| panic!("no transcript {name}"))))
}

/// The parts of the report that have transcripts.
pub(crate) fn parts() -> Vec<String> {
    names("tests/golden").into_iter().filter(|name| name.starts_with("part")).collect()
}

/// The names of all transcripts of a part (`part1`), sorted.
pub(crate) fn transcripts(part: &str) -> Vec<String> {
    names(&format!("tests/golden/{part}")).iter().map(|name| name.trim_end_matches(".txt").to_owned()).collect()
}

/// The names of what is in a directory, sorted.
fn names(dir: &str) -> Vec<String> {
    let dir = repo_root().join(dir);
    let mut names: Vec<String> = fs::read_dir(&dir)
        .unwrap_or_else(|e| panic!("cannot read {}: {e}", dir.display()))
        .map(|entry| entry.expect("a directory entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The accepted differences.
pub(crate) fn accepted() -> Vec<Deviation> {
    deviations::parse(&read("tests/golden/deviations.txt"))
}

/// Both texts as one list of lines: those only in `wanted` marked `-`, those only in `actual`
/// marked `+`. Meant for texts of some hundred lines.
pub(crate) fn diff(wanted: &str, actual: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (wanted.lines().collect(), actual.lines().collect());
    // same[i][j]: the most lines that a[i..] and b[j..] can share in order.
    let mut same = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            same[i][j] = if a[i] == b[j] { same[i + 1][j + 1] + 1 } else { same[i + 1][j].max(same[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut out) = (0, 0, String::new());
    while i < a.len() || j < b.len() {
        let (mark, line) = if i < a.len() && j < b.len() && a[i] == b[j] {
            (i, j) = (i + 1, j + 1);
            (' ', a[i - 1])
        } else if j == b.len() || (i < a.len() && same[i + 1][j] >= same[i][j + 1]) {
            i += 1;
            ('-', a[i - 1])
        } else {
            j += 1;
            ('+', b[j - 1])
        };
        // Debug form only where a line hides something: escapes, carriage returns.
        let shown = if line.chars().any(char::is_control) { format!("{line:?}") } else { line.to_owned() };
        let _ = writeln!(out, "{mark} {shown}");
    }
    out
}

fn read(path: &str) -> String {
    let path = repo_root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()))
}
