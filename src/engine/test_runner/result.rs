//! What came of a script that was run as a test, in lines. Pure.

use std::collections::HashSet;

use crate::engine::children::ChildRun;
use crate::engine::run::exit;
use crate::net::observe::check::CheckRow;
use crate::net::time::Duration;

/// How many lines are shown of what a test that did not pass has printed.
const LINES: usize = 100;

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum TestEnd {
    /// All of its checks passed.
    Passed,
    /// A check failed.
    Failed,
    /// It had an error.
    Broken,
}

/// What came of a test.
#[derive(Clone, Debug)]
pub(in crate::engine) struct TestResult {
    /// What it is called.
    pub(in crate::engine) name: String,
    /// How it ended.
    pub(in crate::engine) end: TestEnd,
    /// Its exit code; of one that a signal has ended, 128 and its number.
    pub(in crate::engine) code: i32,
    /// Its checks.
    pub(in crate::engine) checks: Vec<CheckRow>,
    /// What else it has printed.
    pub(in crate::engine) printed: Vec<String>,
    /// How long it took.
    pub(in crate::engine) took: Duration,
}

impl TestResult {
    pub(in crate::engine) fn new(name: &str, run: ChildRun) -> Self {
        let ChildRun { code, output, took, report, .. } = run;
        let checks = report.checks;
        let end = match code {
            exit::DONE => TestEnd::Passed,
            // Its pings were to have no reply.
            exit::NO_REPLY if !checks.is_empty() => TestEnd::Passed,
            exit::EXPECT => TestEnd::Failed,
            _ => TestEnd::Broken,
        };
        let known: HashSet<String> = checks.iter().flat_map(as_printed).collect();
        let is_other = |line: &&str| {
            !known.contains(*line) && !["checks: ", "simulated: "].iter().any(|start| line.starts_with(start))
        };
        let text = String::from_utf8_lossy(&output);
        let printed = text.lines().filter(is_other).map(str::to_string).collect();
        Self { name: name.to_string(), end, code, checks, printed, took }
    }

    /// Why it did not pass, in a few words.
    pub(in crate::engine) fn why(&self) -> String {
        let count = |passed| self.checks.iter().filter(|check| check.passed == passed).count();
        let void = match count(None) {
            0 => String::new(),
            void => format!(", {void} not judged"),
        };
        match (self.end, self.code) {
            (TestEnd::Passed, _) => String::new(),
            (TestEnd::Failed, _) => {
                format!("{} of {} failed{void}", count(Some(false)), checks_in_words(self.checks.len()))
            }
            (TestEnd::Broken, code) if code > 128 => format!("signal {} ended it", code - 128),
            (TestEnd::Broken, exit::NO_REPLY) => "no ping had a reply, and it has no checks".to_string(),
            (TestEnd::Broken, code) => format!("exit code {code}"),
        }
    }

    /// The lines for people.
    pub(in crate::engine) fn lines(&self) -> Vec<String> {
        let time = format!("{:.2} s", self.took.as_secs_f64());
        let (name, why) = (&self.name, self.why());
        let first = match self.end {
            TestEnd::Passed => return vec![format!("ok    {name} ({time}, {})", checks_in_words(self.checks.len()))],
            TestEnd::Failed => format!("FAIL  {name} ({time}): {why}"),
            TestEnd::Broken => format!("ERROR {name} ({time}): {why}"),
        };
        let wrong = self.checks.iter().filter(|check| check.passed != Some(true));
        let wrong = wrong.flat_map(|check| check.lines("")).map(|line| format!("      {line}"));
        let more = self.printed.len().saturating_sub(LINES);
        let printed = self.printed.iter().skip(more).map(|line| format!("      | {line}"));
        let skipped = (more > 0).then(|| format!("      | ({more} lines before these)"));
        std::iter::once(first).chain(wrong).chain(skipped).chain(printed).collect()
    }
}

/// The lines that the test has printed about a check.
fn as_printed(check: &CheckRow) -> Vec<String> {
    let script = check.origin.rsplit_once(':').map_or("", |(script, _)| script);
    [check.lines(script), check.lines("")].concat()
}

fn checks_in_words(count: usize) -> String {
    match count {
        0 => "no checks".to_string(),
        1 => "1 check".to_string(),
        count => format!("{count} checks"),
    }
}

/// What came of all tests.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    /// How many were to be run.
    wanted: usize,
    passed: usize,
    failed: usize,
    broken: usize,
    /// Of checks: passed, failed, not judged.
    checks: [usize; 3],
    nanos: i64,
}

impl Totals {
    pub(super) fn of(results: &[TestResult], wanted: usize, nanos: i64) -> Self {
        let ended = |end| results.iter().filter(|result| result.end == end).count();
        let checks = || results.iter().flat_map(|result| &result.checks);
        let checks = [Some(true), Some(false), None].map(|passed| checks().filter(|c| c.passed == passed).count());
        let (passed, failed) = (ended(TestEnd::Passed), ended(TestEnd::Failed));
        Self { wanted, passed, failed, broken: ended(TestEnd::Broken), checks, nanos }
    }

    /// All of it, in a line.
    pub(super) fn summary(&self) -> String {
        let ran = self.passed + self.failed + self.broken;
        let missing = match self.wanted - ran {
            0 => String::new(),
            missing => format!(", {missing} did not run"),
        };
        let broken = if self.broken > 0 { format!(", {} with errors", self.broken) } else { String::new() };
        let [passed, failed, void] = self.checks;
        let void = if void > 0 { format!(", {void} not judged") } else { String::new() };
        let files = if ran == 1 { "1 run".to_string() } else { format!("{ran} runs") };
        format!(
            "{files}: {} passed, {} failed{broken}{missing}; {}: {passed} passed, {failed} failed{void}; {:.2} s",
            self.passed,
            self.failed,
            checks_in_words(self.checks.iter().sum()),
            self.nanos as f64 / 1e9
        )
    }

    pub(super) fn exit_code(&self) -> i32 {
        match (self.failed, self.broken) {
            (0, 0) => exit::DONE,
            (0, _) => exit::SCRIPT,
            _ => exit::EXPECT,
        }
    }
}
