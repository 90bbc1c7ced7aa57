//! The assignments that ship: each submission, right, wrong or hostile, gets the points that are meant for it, and a check that
//! fails says what is wrong.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
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
        fs::create_dir(&own).expect("a directory");
        for entry in fs::read_dir(submissions.join(&self.of)).expect("a right submission").flatten() {
            let mut text = fs::read_to_string(entry.path()).expect("a file");
            if entry.file_name() == *self.file {
                assert_eq!(text.matches(&self.right).count(), 1, "{}: {} in {}", self.name, self.right, self.file);
                text = text.replace(&self.right, &self.wrong);
            }
            fs::write(own.join(entry.file_name()), text).expect("a file");
        }
    }
}

/// What came of the submissions of an assignment.
struct Marks {
    records: BTreeMap<String, Value>,
    printed: String,
}

impl Marks {
    /// Judges them, and those with a bug; `None`: it cannot be done here.
    fn of(assignment: &str) -> Option<Self> {
        let has = |name: &&str| require_program_or_skip(name, "grading");
        if !require_lab_or_skip("grading") || !["gcc", "javac"].iter().all(has) {
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
        words.extend(["-j", "4", "--json", "all.json"].map(str::to_string));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let run = pingscript(&words).dir(dir.path()).patience(Duration::from_secs(500)).run();
        drop(turn);
        let printed = run.stdout.clone() + &run.stderr;
        let text = fs::read_to_string(dir.path().join("all.json")).unwrap_or_else(|_| panic!("{printed}"));
        let all: Vec<Value> = serde_json::from_str(&text).expect("JSON");
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

/// One assignment is judged at a time: much of what is judged is when packets come.
static TURN: Mutex<()> = Mutex::new(());

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
    let Some(marks) = Marks::of("udp_pinger") else { return };
    let (mut marks, printed) = (marks.points(), marks.printed);
    // Those that do nothing right have nothing, whatever else they do.
    let nothing: Vec<String> =
        marks.iter().filter(|(_, points)| **points == 0.0).map(|(name, _)| name.clone()).collect();
    assert!(["does_not_build", "hard_coded", "missing"].iter().all(|name| marks[*name] == 0.0), "{printed}");
    assert_eq!(nothing.iter().filter(|name| name.starts_with("hostile_")).count(), 11, "{printed}");
    marks.retain(|name, _| !nothing.contains(name));
    let wanted = [
        ("counts_from_zero", 14.0),
        ("crash_on_icmp", 17.0),
        ("division_by_zero", 17.0),
        ("late_reply", 17.0),
        ("no_timeout", 9.0),
        ("right_c", 20.0),
        ("right_java", 20.0),
        ("right_py", 20.0),
        ("right_rhai", 20.0),
        ("seconds_not_ms", 15.0),
        ("wrong_port", 10.0),
        ("wrong_total", 18.0),
    ];
    assert_eq!(marks, wanted.map(|(name, points)| (name.to_string(), points)).into(), "{printed}");
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let left = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let left: Vec<String> = left.map(|line| String::from_utf8_lossy(&line).into_owned()).collect();
    assert!(!left.iter().any(|line| line.contains("udp_pinger.py")), "{left:?}");
}

#[test]
fn tcp_pingers_get_the_points_that_are_meant_for_them() {
    let wanted = [
        ("crlf_and_seconds", 19.0),
        ("ends_after_a_client", 13.0),
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
        ("goes_on_after_the_host", 9.0),
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
