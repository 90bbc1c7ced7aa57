//! `pingscript grade`: right, wrong and hostile submissions, what is written of them, and that it goes on where it was ended.

mod common;

#[path = "grading/bad_input.rs"]
mod bad_input;
#[path = "grading/formats.rs"]
mod formats;
#[path = "grading/hostile.rs"]
mod hostile;

use std::fs;
use std::path::Path;
use std::time::Duration;

use common::{Cmd, Run, TempDir, pingscript, require_lab_or_skip};
use serde_json::Value;

/// A judge that takes a moment.
const JUDGE: &str = "let hello = submission().program(\"hello\", #{ limits: #{ time: 10.s } });
group(\"words\", || {
    let a = lab::create().host(\"a\");
    let run = hello.exec(a, [\"Ada\"]);
    check(\"greets\", 2, run.stdout, hidden(\"hello Ada\\n\"), \"print hello and the name\");
    check_each(\"each word is there\", 2, [\"hello\", \"Ada\"], |word| run.stdout.contains(word));
});
hidden_group(\"nobody\", || check(\"ends well\", 1, hello.exec(lab::create().host(\"a\"), []).code, 0));
";

const GOOD: &str = "echo hello $1\n";
const PART: &str = "echo hello\n";

/// A directory with a judge and submissions, of which each is `hello.sh` with this text.
fn class(submissions: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new();
    fs::write(dir.path().join("judge.rhai"), JUDGE).expect("a judge");
    fs::create_dir(dir.path().join("class")).expect("a directory");
    for (name, text) in submissions {
        let own = dir.path().join("class").join(name);
        fs::create_dir(&own).and_then(|()| fs::write(own.join("hello.sh"), text)).expect("a submission");
    }
    dir
}

fn grade(dir: &Path, args: &[&str]) -> Run {
    pingscript(&[&["grade"], args].concat()).dir(dir).patience(Duration::from_secs(500)).run()
}

fn records(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).expect("a file of results");
    serde_json::from_str::<Value>(&text).expect("JSON").as_array().expect("a list").clone()
}

#[test]
fn results_are_lines_files_and_words_for_each() {
    if !require_lab_or_skip("grading") {
        return;
    }
    let dir = class(&[("ada", GOOD), ("bob\nb", PART)]);
    fs::create_dir(dir.path().join("class/cem")).expect("a directory");
    fs::write(dir.path().join("class/marks.txt"), "a file").expect("a file");
    let args = ["judge.rhai", "class", "--out", "out", "--csv", "a.csv", "--json", "a.json", "--junit", "a.xml"];
    let run = grade(dir.path(), &args).expect_code(5);
    for line in ["ok    ada: 5 of 5 points (", "FAIL  bob?b: 2 of 5 points (", "FAIL  cem: 0 of 5 points ("] {
        assert!(run.stdout.contains(line), "no {line:?} in {}", run.stdout);
    }
    assert!(run.stderr.contains("marks.txt\" is no submission: it is a file"), "{}", run.stderr);
    let summary = "3 submissions: mean 2.33, median 2 of 5 points; 1 with full marks\n  full  part  none  not judged\n     2     0     1           0  hello is there and can be run\n     1     0     1           1  words: greets\n     1     1     0           1  words: each word is there\n     2     0     0           1  nobody: ends well\n";
    assert!(run.stdout.ends_with(summary), "{}", run.stdout);
    let words = fs::read_to_string(dir.path().join("out/bob\nb.md")).expect("words");
    assert!(words.starts_with("# bob?b: 2 of 5 points\n") && words.contains("print hello and the name"), "{words}");
    assert!(words.contains("expected (not shown)") && !words.contains("hello Ada"), "{words}");
    assert!(words.contains("and 1 checks that are not shown: 1 of 1 points") && !words.contains("nobody"), "{words}");
    let nothing = fs::read_to_string(dir.path().join("out/cem.md")).expect("words");
    let names = "hand in one of hello.py, hello.c, hello.cpp, Hello.java, hello.sh, hello.rhai; what is there: no file";
    assert!(nothing.contains(names) && nothing.contains("not shown: 0 of 1 points"), "{nothing}");
    let mut table = csv::Reader::from_path(dir.path().join("a.csv")).expect("a table");
    let rows: Vec<Vec<String>> =
        table.records().map(|row| row.expect("a row").iter().map(str::to_string).collect()).collect();
    assert_eq!(
        (rows.len(), &rows[1][0], &rows[1][1], &rows[1][7]),
        (3, &"bob\nb".to_string(), &"2".to_string(), &"1".to_string())
    );
    let all = records(&dir.path().join("a.json"));
    assert_eq!(all[0]["checks"].as_array().expect("checks").len(), 4);
    assert_ne!(all[0]["seed"], all[1]["seed"], "each has a seed of its own");
    let junit = fs::read_to_string(dir.path().join("a.xml")).expect("a file");
    assert!(junit.contains("tests=\"12\" failures=\"3\" errors=\"0\" time"), "{junit}");
}

#[test]
fn it_goes_on_where_it_was_ended_with_the_same_marks() {
    if !require_lab_or_skip("grading") {
        return;
    }
    let dir = class(&[("ada", GOOD), ("bob", PART), ("cem", GOOD)]);
    let args = ["judge.rhai", "class", "--out", "out", "--json", "a.json"];
    grade(dir.path(), &args).expect_code(5);
    let marks = || {
        records(&dir.path().join("a.json"))
            .iter()
            .map(|record| (record["name"].clone(), record["points"].clone()))
            .collect::<Vec<_>>()
    };
    let first = marks();
    fs::remove_file(dir.path().join("out/bob.json")).expect("it goes");
    let run = grade(dir.path(), &args).expect_code(5);
    assert!(run.stdout.contains("3 submissions (2 judged before)") && !run.stdout.contains("ada"), "{}", run.stdout);
    assert_eq!(marks(), first);
    // What was handed in anew is judged anew.
    fs::write(dir.path().join("class/bob/hello.sh"), GOOD).expect("a file");
    assert!(grade(dir.path(), &args).expect_code(0).stdout.contains("ok    bob"));
}

#[test]
fn a_judge_with_an_error_marks_nobody() {
    if !require_lab_or_skip("grading") {
        return;
    }
    let dir = class(&[("ada", GOOD), ("bob", PART)]);
    for (judge, said) in [
        ("let x = ;", "error"),
        ("no_such_function(1);", "no_such_function"),
        ("let list = []; print(list[3]);", "the judge has an error; no submission is judged"),
    ] {
        fs::write(dir.path().join("judge.rhai"), judge).expect("a judge");
        let run = grade(dir.path(), &["judge.rhai", "class", "--csv", "a.csv"]).expect_code(3);
        assert!(run.stderr.contains(said) && !dir.path().join("a.csv").exists(), "{judge}: {}", run.stderr);
    }
    fs::create_dir(dir.path().join("empty")).expect("a directory");
    for (args, said) in [
        (["judge.rhai", "empty"], "no submission in it"),
        (["judge.rhai", "nowhere"], "no such file"),
        (["nothing.rhai", "class"], "nothing.rhai"),
    ] {
        let run = grade(dir.path(), &args).expect_code(2);
        assert!(run.stderr.to_lowercase().contains(said), "{args:?}: {}", run.stderr);
    }
}

#[test]
fn students_and_services_get_what_they_may_see() {
    if !require_lab_or_skip("grading") {
        return;
    }
    let dir = class(&[("bob", PART)]);
    let run = grade(dir.path(), &["judge.rhai", "class/bob", "--student"]).expect_code(5);
    assert!(
        run.stdout.contains("print hello and the name") && run.stdout.ends_with("bob: 1 of 4 points\n"),
        "{}",
        run.stdout
    );
    assert!(!run.stdout.contains("nobody"), "{}", run.stdout);
    grade(dir.path(), &["judge.rhai", "class/bob", "--gradescope", "results.json"]).expect_code(5);
    let results: Value =
        serde_json::from_str(&fs::read_to_string(dir.path().join("results.json")).expect("a file")).expect("JSON");
    assert_eq!((&results["score"], &results["tests"][1]["max_score"]), (&2.0.into(), &2.0.into()));
    assert_eq!(results["tests"][3]["visibility"], "hidden");
    let outputs = dir.path().join("outputs");
    fs::write(&outputs, "before=1\n").expect("a file");
    let args = ["grade", "judge.rhai", "class/bob", "--github"];
    let command =
        Cmd::new(common::binary(), &args).env("GITHUB_OUTPUT", &outputs.display().to_string()).dir(dir.path());
    command.patience(Duration::from_secs(100)).run().expect_code(5);
    let text = fs::read_to_string(&outputs).expect("a file");
    assert!(text.starts_with("before=1\nresult=") && text.ends_with('\n') && text.lines().count() == 2, "{text}");
}

#[test]
fn a_judging_that_takes_too_long_is_ended() {
    if !require_lab_or_skip("grading") {
        return;
    }
    let dir = class(&[("ada", "sleep 60\n")]);
    let run = grade(dir.path(), &["judge.rhai", "class", "--limit", "1s", "--retry", "0"]).expect_code(5);
    assert!(run.stdout.contains("the judging took longer than 1 s"), "{}", run.stdout);
}

#[test]
fn an_assignment_is_copied_with_all_that_belongs_to_it() {
    let dir = TempDir::new();
    let run = pingscript(&["new", "assignments/udp_pinger", "week 3"]).dir(dir.path()).run().expect_code(0);
    assert!(run.stdout.contains("pingscript grade week 3/judge.rhai"), "{}", run.stdout);
    let file = |name: &str| fs::read_to_string(dir.path().join("week 3").join(name)).expect("a file");
    assert!(file("README.md").starts_with("# UDP pinger") && file("judge.rhai").contains("submission()"));
    let again = pingscript(&["new", "assignments/udp_pinger", "week 3"]).dir(dir.path()).run().expect_code(2);
    assert!(again.stderr.contains("exists"), "{}", again.stderr);
    let unknown = pingscript(&["new", "assignments/udp_ping"]).dir(dir.path()).run().expect_code(2);
    assert!(unknown.stderr.contains("assignments/udp_pinger"), "{}", unknown.stderr);
}
