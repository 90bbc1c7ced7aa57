//! What came of a submission.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::find::Handed;
use crate::engine::children::ChildRun;
use crate::engine::run::exit;
use crate::engine::test_runner::{TestEnd, TestResult};
use crate::net::observe::check::{CheckRow, rounded};
use crate::net::random::number_of;
use crate::net::time::Duration as Span;

/// How late a run may have been at most, in nanoseconds, for its failures to count.
const LATE: i64 = 50_000_000;

/// How deep the files of a submission are looked at.
const DEPTH: u32 = 64;

/// What came of a submission.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct GradeRecord {
    /// The submission.
    pub(super) name: String,
    /// What it is known by.
    key: u64,
    pub(super) seed: u64,
    /// The points that it has, and that it could have.
    pub(super) points: f64,
    pub(super) max_points: f64,
    /// The exit code of the run.
    code: i32,
    /// How much later than it should the machine let the run go on, in nanoseconds.
    pub(super) late_ns: i64,
    /// How long it took.
    pub(super) took_ns: i64,
    /// Whether it came to the same before, so that it is not for the machine.
    #[serde(default)]
    settled: bool,
    /// Why it was not judged to its end.
    pub(super) note: Option<String>,
    pub(super) checks: Vec<CheckRow>,
    /// What else was printed.
    pub(super) printed: Vec<String>,
}

/// What a result is known by: how it is judged, and what.
pub(super) fn key_of(how: &str, seed: u64, dir: &Path) -> u64 {
    let mut text = format!("{how}\n{seed}\n{}\n", env!("CARGO_PKG_VERSION"));
    describe(dir, &mut text, DEPTH);
    number_of(&text)
}

/// Adds the names, sizes and times of the files in a directory; links are not followed.
fn describe(dir: &Path, text: &mut String, depth: u32) {
    let mut entries: Vec<_> = fs::read_dir(dir).into_iter().flatten().flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let Ok(about) = entry.metadata() else { continue };
        text.push_str(&format!("{:?} {} {:?}\n", entry.file_name(), about.len(), about.modified().ok()));
        if about.is_dir() && depth > 0 {
            describe(&entry.path(), text, depth - 1);
        }
    }
}

impl GradeRecord {
    pub(super) fn new(handed: &Handed, key: u64, seed: u64, limit: Duration, run: ChildRun) -> Self {
        let (late_ns, code) = (run.report.late_ns, run.code);
        let result = TestResult::new(&handed.name, run);
        let sum = |of: fn(&CheckRow) -> Option<f64>| {
            rounded(result.checks.iter().filter_map(of).fold(0.0, |all, points| all + points))
        };
        let note = match code {
            code if code > 128 && result.took.as_nanos() >= limit.as_nanos() as i64 => {
                Some(format!("the judging took longer than {} s, and was ended", limit.as_secs()))
            }
            code if code > 128 => Some(format!("the judging was ended by signal {}", code - 128)),
            exit::DONE | exit::NO_REPLY | exit::EXPECT => None,
            code => Some(format!("the judge ended with exit code {code}")),
        };
        Self {
            name: handed.name.clone(),
            key,
            seed,
            points: sum(|check| check.points),
            max_points: sum(|check| check.max_points),
            code,
            late_ns,
            took_ns: result.took.as_nanos(),
            settled: false,
            note,
            checks: result.checks,
            printed: result.printed,
        }
    }

    /// Whether a busy machine may be why a check failed.
    pub(super) fn is_disturbed(&self) -> bool {
        self.late_ns > LATE && !self.is_full() && !self.settled
    }

    /// The better of this one and the same again. What comes out twice is not for the machine.
    pub(super) fn repeated(self, again: Self) -> Self {
        let settled = self.score() == again.score() || again.late_ns <= LATE;
        let best = if self.score() > again.score() { self } else { again };
        Self { settled, ..best }
    }

    /// Whether all was as it should be.
    pub(super) fn is_full(&self) -> bool {
        self.note.is_none() && self.checks.iter().all(|check| check.passed == Some(true))
    }

    /// What it is compared with other runs by.
    fn score(&self) -> f64 {
        let passed = self.checks.iter().filter(|check| check.passed == Some(true)).count();
        self.points + passed as f64 * 1e-6
    }

    /// Its name, on one line.
    pub(super) fn title(&self) -> String {
        self.name.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
    }

    /// The points in words.
    pub(super) fn marks(&self) -> String {
        match self.max_points > 0.0 {
            true => format!("{} of {} points", self.points, self.max_points),
            false => {
                let passed = self.checks.iter().filter(|check| check.passed == Some(true)).count();
                format!("{passed} of {} checks", self.checks.len())
            }
        }
    }

    /// The line for the teacher.
    pub(super) fn line(&self) -> String {
        let word = if self.is_full() { "ok   " } else { "FAIL " };
        let note = self.note.as_ref().map_or(String::new(), |note| format!(": {note}"));
        format!("{word} {}: {} ({:.1} s){note}", self.title(), self.marks(), self.took_ns as f64 / 1e9)
    }

    /// As the result of a test.
    pub(super) fn as_test(&self) -> TestResult {
        let end = match (self.is_full(), &self.note) {
            (true, _) => TestEnd::Passed,
            (false, Some(_)) => TestEnd::Broken,
            (false, None) => TestEnd::Failed,
        };
        let (name, checks) = (self.name.clone(), self.checks.clone());
        TestResult {
            name,
            end,
            code: self.code,
            checks,
            printed: self.printed.clone(),
            took: Span::from_nanos(self.took_ns),
        }
    }

    fn file(out: &Path, name: &str) -> PathBuf {
        out.join(format!("{name}.json"))
    }

    /// What was written of a submission, if it is still true.
    pub(super) fn load(out: &Path, name: &str, key: u64) -> Option<Self> {
        let record: Self = serde_json::from_slice(&fs::read(Self::file(out, name)).ok()?).ok()?;
        (record.key == key && !record.is_disturbed()).then_some(record)
    }

    /// Writes it, whole or not at all.
    pub(super) fn save(&self, out: &Path) -> std::io::Result<()> {
        let part = out.join(format!(".{}.part", self.name));
        let written = fs::write(&part, serde_json::to_vec_pretty(self)?);
        written
            .and_then(|()| fs::rename(&part, Self::file(out, &self.name)))
            .inspect_err(|_| drop(fs::remove_file(&part)))
    }
}
