//! The assignments that ship: each submission, right or wrong, gets the points that are meant for it, and a check that
//! fails says what is wrong.

mod common;
#[path = "assignments/gradings.rs"]
mod gradings;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use common::{TempDir, pingscript, repo_root, require_lab_or_skip, require_program_or_skip};
use serde::Deserialize;
use serde_json::Value;

/// A bug in a right submission.
#[derive(Deserialize)]
struct Bug {
    /// What the submission is called that has it.
    name: String,
    /// The right one.
    of: String,
    /// The file with the bug, and what stands there in place of what.
    file: String,
    right: String,
    wrong: String,
    /// The check that finds it.
    check: String,
    /// The points that it leaves, but for those of checks in which luck has a part.
    points: f64,
}

impl Bug {
    /// Those of an assignment.
    fn all(assignment: &str) -> Vec<Self> {
        let file = repo_root().join(format!("tests/assignments/{assignment}.json"));
        fs::read(file).map_or(Vec::new(), |text| serde_json::from_slice(&text).expect("bugs"))
    }

    /// Makes the submission that has it.
    fn seed(&self, submissions: &Path, class: &Path) {
        let own = class.join(&self.name);
        copy(&submissions.join(&self.of), &own);
        let file = own.join(&self.file);
        let text = fs::read_to_string(&file).expect("a file");
        assert_eq!(text.matches(&self.right).count(), 1, "{}: {} in {}", self.name, self.right, self.file);
        fs::write(file, text.replace(&self.right, &self.wrong)).expect("a file");
    }
}

/// Copies the files of a submission into a new directory.
fn copy(submission: &Path, to: &Path) {
    fs::create_dir(to).expect("a directory");
    for entry in fs::read_dir(submission).expect("a submission").flatten() {
        fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
    }
}

/// Whether submissions can be built here, or else a test is skipped.
fn has_compilers() -> bool {
    ["gcc", "javac"].iter().all(|name| require_program_or_skip(name, "grading"))
}

/// What came of each submission; `printed` says why there is nothing, if there is not.
fn records(file: &Path, printed: &str) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_else(|_| panic!("{printed}"));
    serde_json::from_str(&text).expect("JSON")
}

/// The command lines of processes that have this in them.
fn left_processes(word: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).into_owned());
    lines.filter(|line| line.contains(word)).collect()
}

/// What came of the submissions of an assignment.
struct Marks {
    records: BTreeMap<String, Value>,
    printed: String,
}

impl Marks {
    /// Judges them, and those with a bug; `None`: it cannot be done here.
    fn of(assignment: &str) -> Option<Self> {
        if !require_lab_or_skip("grading") || !has_compilers() {
            return None;
        }
        let dir = TempDir::new();
        let judge = repo_root().join(format!("scripts/assignments/{assignment}/judge.rhai")).display().to_string();
        let submissions = repo_root().join(format!("tests/assignments/{assignment}"));
        let mut words = vec!["grade".to_string(), judge, submissions.display().to_string()];
        let bugs = Bug::all(assignment);
        if !bugs.is_empty() {
            let class = dir.path().join("class");
            fs::create_dir(&class).expect("a directory");
            bugs.iter().for_each(|bug| bug.seed(&submissions, &class));
            words.push(class.display().to_string());
        }
        // They wait for most of the time.
        words.extend(["-j", "6", "--json", "all.json"].map(str::to_string));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let run = pingscript(&words).dir(dir.path()).patience(Duration::from_secs(500)).run();
        let printed = run.stdout.clone() + &run.stderr;
        let all = records(&dir.path().join("all.json"), &printed);
        let name = |record: &Value| record["name"].as_str().expect("a name").to_string();
        Some(Self { records: all.into_iter().map(|record| (name(&record), record)).collect(), printed })
    }

    /// The points of each, by name.
    fn points(&self) -> BTreeMap<String, f64> {
        let points = |record: &Value| record["points"].as_f64().expect("points");
        self.records.iter().map(|(name, record)| (name.clone(), points(record))).collect()
    }

    /// Checks that a submission with a bug lost the points that it should, with words that say why.
    fn check(&self, bug: &Bug) {
        let record = &self.records[&bug.name];
        let checks = record["checks"].as_array().expect("checks");
        let is_sure = |check: &&Value| !check["group"].as_str().is_some_and(|group| group.starts_with(LUCK));
        let points: f64 = checks.iter().filter(is_sure).filter_map(|check| check["points"].as_f64()).sum();
        let (group, name) = bug.check.split_once(": ").expect("a group and a check");
        let found = checks.iter().find(|check| check["group"] == group && check["name"] == name).expect(&bug.check);
        assert_eq!((points, &found["passed"]), (bug.points, &Value::Bool(false)), "{}: {record:#}", bug.name);
        assert!(
            checks.iter().any(|check| check["group"] == group && check["ladder"].is_string()),
            "{}: {record:#}",
            bug.name
        );
        assert!(found["words"].as_str().is_some_and(|words| !words.trim().is_empty()), "{}: {found}", bug.name);
    }
}

/// How the groups begin in which luck has a part.
const LUCK: &str = "both, ";

/// Checks that each submission of an assignment has the points that are meant for it.
fn check_marks(assignment: &str, wanted: &[(&str, f64)]) {
    let Some(marks) = Marks::of(assignment) else { return };
    let (bugs, mut points) = (Bug::all(assignment), marks.points());
    points.retain(|name, _| !bugs.iter().any(|bug| bug.name == *name));
    let wanted: BTreeMap<String, f64> = wanted.iter().map(|(name, points)| (name.to_string(), *points)).collect();
    assert_eq!(points, wanted, "{assignment}\n{}", marks.printed);
    bugs.iter().for_each(|bug| marks.check(bug));
}

#[test]
fn udp_pingers_get_the_points_that_are_meant_for_them() {
    let wanted = [
        ("counts_from_zero", 14.0),
        ("crash_on_icmp", 17.0),
        ("division_by_zero", 17.0),
        ("does_not_build", 0.0),
        ("hard_coded", 0.0),
        ("late_reply", 17.0),
        ("missing", 0.0),
        ("no_timeout", 9.0),
        ("right_c", 20.0),
        ("right_java", 20.0),
        ("right_py", 20.0),
        ("right_rhai", 20.0),
        ("seconds_not_ms", 18.0),
        ("wrong_port", 10.0),
        ("wrong_total", 18.0),
    ];
    check_marks("udp_pinger", &wanted);
    assert_eq!(left_processes("udp_pinger.py"), Vec::<String>::new());
}

#[test]
fn tcp_pingers_get_the_points_that_are_meant_for_them() {
    let wanted = [
        ("crlf_and_seconds", 19.0),
        ("ends_after_a_client", 19.0),
        ("no_threads", 20.0),
        ("one_recv", 20.0),
        ("one_recv_in_server", 22.0),
        ("right_c", 24.0),
        ("right_java", 24.0),
        ("right_py", 24.0),
        ("wrong_port", 13.0),
    ];
    check_marks("tcp_pinger", &wanted);
}

#[test]
fn icmp_pingers_get_the_points_that_are_meant_for_them() {
    let wanted = [
        ("byte_order", 19.0),
        ("errors_ignored", 20.0),
        ("id_not_checked", 20.0),
        ("identifier_changes", 22.25),
        ("no_checksum", 16.0),
        ("no_timeout", 21.0),
        ("odd_checksum", 21.0),
        ("right_c", 23.0),
        ("right_py", 23.0),
        ("size_ignored", 22.0),
    ];
    check_marks("icmp_pinger", &wanted);
}

#[test]
fn traceroutes_get_the_points_that_are_meant_for_them() {
    let wanted = [
        ("any_udp", 19.0),
        ("from_zero", 9.0),
        ("goes_on_after_the_host", 22.0),
        ("most_ignored", 23.0),
        ("no_match", 16.0),
        ("no_timeout", 18.0),
        ("right_c", 24.0),
        ("right_py", 24.0),
        ("stops_at_silent_router", 16.0),
    ];
    check_marks("traceroute", &wanted);
}

#[test]
fn reliable_transfers_get_the_points_that_are_meant_for_them() {
    check_marks("reliable_transfer", &[("right_c", 63.0), ("right_java", 63.0), ("right_py", 63.0)]);
}
