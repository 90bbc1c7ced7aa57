//! Gradings by the hundred, on processors that are loaded. They take hours, and are for who changes a judge or how submissions are run:
//!
//! ```sh
//! PINGSCRIPT_GRADINGS=100 cargo test --release --test assignments gradings -- --ignored --nocapture --test-threads 1
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::common::{Cmd, Running, TempDir, pingscript, repo_root, require_lab_or_skip, sys};
use super::{copy, has_compilers, left_processes, records};

/// How long a run may take.
const PATIENCE: Duration = Duration::from_secs(10 * 3600);

/// How many times each right submission is judged.
fn gradings() -> usize {
    std::env::var("PINGSCRIPT_GRADINGS").map_or(1, |text| text.parse().expect("a number"))
}

/// One process for each processor that computes all the time, until this is dropped.
fn load() -> Vec<Running> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    (0..processors).map(|_| Cmd::new(Path::new("sh"), &["-c", "while :; do :; done"]).start()).collect()
}

fn submissions(assignment: &str) -> std::path::PathBuf {
    repo_root().join(format!("tests/assignments/{assignment}"))
}

/// The judging of what is in `class`.
fn grade(assignment: &str, dir: &Path, class: &str) -> Cmd {
    let judge = repo_root().join(format!("scripts/assignments/{assignment}/judge.rhai")).display().to_string();
    pingscript(&["grade", &judge, class, "-j", "4", "--out", "out", "--json", "all.json"]).dir(dir).patience(PATIENCE)
}

/// Makes so many copies of each of these submissions.
fn multiply(assignment: &str, names: &[&str], count: usize, class: &Path) {
    fs::create_dir(class).expect("a directory");
    for name in names {
        for number in 1..=count {
            copy(&submissions(assignment).join(name), &class.join(format!("{name}_{number:03}")));
        }
    }
}

/// What did not pass, by the submission.
fn failures(record: &Value) -> Option<String> {
    let checks = record["checks"].as_array().expect("checks");
    let failed: Vec<String> = checks
        .iter()
        .filter(|check| check["passed"] != true)
        .map(|check| format!("{}: {}: got {}", check["group"], check["name"], check["actual"]))
        .collect();
    let is_full = record["points"] == record["max_points"] && failed.is_empty() && record["note"].is_null();
    (!is_full).then(|| {
        format!("{} (late by {} ns) {}\n  {}", record["name"], record["late_ns"], record["note"], failed.join("\n  "))
    })
}

fn right_ones_have_full_marks(assignment: &str) {
    if !require_lab_or_skip("gradings") || !has_compilers() {
        return;
    }
    let dir = TempDir::new();
    let entries = fs::read_dir(submissions(assignment)).expect("submissions").flatten();
    let names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let right: Vec<&str> = names.iter().map(String::as_str).filter(|name| name.starts_with("right_")).collect();
    multiply(assignment, &right, gradings(), &dir.path().join("class"));
    let (begun, load) = (Instant::now(), load());
    let run = grade(assignment, dir.path(), "class").run();
    drop(load);
    let records = records(&dir.path().join("all.json"), &run.stdout);
    let lost: Vec<String> = records.iter().filter_map(failures).collect();
    sys::write_stderr(&format!(
        "{assignment}: {} of {} gradings of {} gave full marks, {} after another try; {:.0} s\n",
        records.len() - lost.len(),
        records.len(),
        right.join(", "),
        run.stdout.matches("is judged again").count(),
        begun.elapsed().as_secs_f64()
    ));
    assert!(lost.is_empty() && records.len() == right.len() * gradings(), "{}\n{}", lost.join("\n"), run.stderr);
}

#[test]
#[ignore = "takes hours"]
fn udp_pinger() {
    right_ones_have_full_marks("udp_pinger");
}

#[test]
#[ignore = "takes hours"]
fn tcp_pinger() {
    right_ones_have_full_marks("tcp_pinger");
}

#[test]
#[ignore = "takes hours"]
fn icmp_pinger() {
    right_ones_have_full_marks("icmp_pinger");
}

#[test]
#[ignore = "takes hours"]
fn traceroute() {
    right_ones_have_full_marks("traceroute");
}

#[test]
#[ignore = "takes hours"]
fn reliable_transfer() {
    right_ones_have_full_marks("reliable_transfer");
}

/// Ten kinds of submissions, twenty of each: killed when half of them are judged, and gone on with.
#[test]
#[ignore = "takes a quarter of an hour"]
fn a_class_of_two_hundred_that_is_killed_has_the_same_marks() {
    if !require_lab_or_skip("gradings") || !has_compilers() {
        return;
    }
    let kinds = [
        ("counts_from_zero", 14.0),
        ("crash_on_icmp", 17.0),
        ("division_by_zero", 17.0),
        ("hard_coded", 0.0),
        ("late_reply", 17.0),
        ("right_c", 20.0),
        ("right_java", 20.0),
        ("right_py", 20.0),
        ("seconds_not_ms", 18.0),
        ("wrong_total", 18.0),
    ];
    let dir = TempDir::new();
    multiply("udp_pinger", &kinds.map(|(name, _)| name), 20, &dir.path().join("class"));
    let begun = Instant::now();
    let running = grade("udp_pinger", dir.path(), "class").start();
    running.wait_lines(100);
    running.signal(libc::SIGKILL);
    running.finish();
    let run = grade("udp_pinger", dir.path(), "class").run().expect_code(5);
    let took = begun.elapsed().as_secs_f64();
    let records = records(&dir.path().join("all.json"), &run.stdout);
    let mut wrong = BTreeMap::new();
    for record in &records {
        let name = record["name"].as_str().expect("a name");
        let (_, meant) = kinds.iter().find(|(kind, _)| name.starts_with(kind)).expect("a kind");
        if record["points"] != *meant {
            wrong.insert(name.to_string(), failures(record));
        }
    }
    let summary = run.stdout.lines().find(|line| line.contains("submissions (")).unwrap_or_default();
    sys::write_stderr(&format!("{summary}; {took:.0} s, with the one that was killed\n"));
    assert!(wrong.is_empty() && records.len() == 200, "{wrong:#?}\n{}", run.stderr);
    assert!(summary.contains("200 submissions (") && summary.contains("judged before"), "{}", run.stdout);
    assert_eq!(left_processes("udp_pinger.py"), Vec::<String>::new());
}
