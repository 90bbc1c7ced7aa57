//! What other programs read: the fields that Gradescope documents, JUnit XML by the schema of Jenkins, CSV by Python.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::common::{Cmd, TempDir, peer, require_lab_or_skip, require_program_or_skip};
use super::grade;

/// Checks of all kinds: passed, failed, in part, hidden, without points, not judged, with names and values that other formats have to escape.
const JUDGE: &str = "let hello = submission().program(\"hello\");
group(\"a \\\"group\\\",\\nin <two> lines\", || {
    let run = hello.exec(lab::create().host(\"a\"), []);
    check(\"prints; 'hello' & more\", 2, run.stdout, hidden(\"hello\"), \"an\\u001b[31m escape, \\\"quotes\\\"\");
    check_each(\"a third\", 3, [1, 2, 3], |n| n == 1);
    check(\"has no points\", 1, 1);
    require(\"=1+1\", false, true);
    check(\"is not judged\", 4, 1, 1);
});
hidden_group(\"hidden\", || check(\"passes\", 1, 1, 1));
";

/// A class of two, of which one has no program and a name that needs quotes.
fn class() -> TempDir {
    let dir = TempDir::new();
    dir.write("judge.rhai", JUDGE);
    for name in ["ada", "bob \"b\",\nof <b>"] {
        fs::create_dir_all(dir.path().join("class").join(name)).expect("a directory");
    }
    fs::write(dir.path().join("class/ada/hello.sh"), "echo \"it's <hello>\"\n").expect("a submission");
    dir
}

/// The fields of results.json, as <https://gradescope-autograders.readthedocs.io/en/latest/specs/> has them, with the type of each.
const OF_ALL: [(&str, &str); 11] = [
    ("score", "number"),
    ("execution_time", "number"),
    ("output", "text"),
    ("output_format", "format"),
    ("test_output_format", "format"),
    ("test_name_format", "format"),
    ("visibility", "visibility"),
    ("stdout_visibility", "visibility"),
    ("extra_data", "object"),
    ("tests", "list"),
    ("leaderboard", "list"),
];

/// Those of a test in it.
const OF_TESTS: [(&str, &str); 11] = [
    ("score", "number"),
    ("max_score", "number"),
    ("status", "status"),
    ("name", "text"),
    ("name_format", "format"),
    ("number", "text"),
    ("output", "text"),
    ("output_format", "format"),
    ("tags", "list"),
    ("visibility", "visibility"),
    ("extra_data", "object"),
];

fn check_fields(object: &Value, fields: &[(&str, &str)]) {
    for (name, value) in object.as_object().expect("an object") {
        let (_, kind) = fields.iter().find(|(field, _)| field == name).unwrap_or_else(|| panic!("no field {name}"));
        let one_of = |words: &[&str]| value.as_str().is_some_and(|text| words.contains(&text));
        let is_right = match *kind {
            "number" => value.is_number(),
            "text" => value.is_string(),
            "list" => value.is_array(),
            "object" => value.is_object(),
            "status" => one_of(&["passed", "failed"]),
            "format" => one_of(&["text", "html", "simple_format", "md", "ansi"]),
            _ => one_of(&["hidden", "after_due_date", "after_published", "visible"]),
        };
        assert!(is_right, "{name} is no {kind}: {value}");
    }
}

#[test]
fn gradescope_finds_the_fields_that_it_documents() {
    if !require_lab_or_skip("grading") {
        return;
    }
    let dir = class();
    grade(dir.path(), &["judge.rhai", "class/ada", "--gradescope", "results.json"]).expect_code(5);
    let text = fs::read_to_string(dir.path().join("results.json")).expect("a file");
    let results: Value = serde_json::from_str(&text).expect("JSON");
    check_fields(&results, &OF_ALL);
    let tests = results["tests"].as_array().expect("tests");
    assert_eq!((tests.len(), &results["score"]), (7, &2.0.into()), "{results:#}");
    for test in tests {
        check_fields(test, &OF_TESTS);
        let (score, most) = (test["score"].as_f64(), test["max_score"].as_f64());
        assert!(score >= Some(0.0) && score <= most, "{test:#}");
    }
    // What students are not to see: the expected value, the hidden group, where in the judge it stands.
    let shown: Vec<&Value> = tests.iter().filter(|test| test["visibility"] == "visible").collect();
    assert_eq!(shown.len(), 6, "{results:#}");
    let output = shown[1]["output"].as_str().expect("text");
    assert!(output.starts_with("got \"it's <hello>\\n\", expected (not shown)\n"), "{output}");
    assert!(!text.contains("judge.rhai"), "{text}");
}

#[test]
fn jenkins_and_python_read_what_is_written() {
    if !require_lab_or_skip("grading") || !require_program_or_skip("python3", "reading results") {
        return;
    }
    let dir = class();
    grade(dir.path(), &["judge.rhai", "class", "--junit", "a.xml", "--csv", "a.csv", "--out", "out"]).expect_code(5);
    let read = peer("read_junit.py", &[dir.path().join("a.xml").display().to_string()]).run().expect_code(0);
    assert!(read.stdout.contains("{'tests': 14, 'failures': 4, 'errors': 0, 'skipped': 7}"), "{}", read.stdout);
    let code = "import csv, sys
rows = list(csv.reader(open(sys.argv[1], newline='')))
assert [len(row) for row in rows] == [12] * 3, rows
table = [dict(zip(rows[0], row)) for row in rows[1:]]
for row in table: print(repr(row['name']), row['points'], row['max_points'], row['a \"group\",\\\\nin <two> lines: a third'] or '-')";
    let file = dir.path().join("a.csv").display().to_string();
    let read = Cmd::new(Path::new("python3"), &["-c", code, &file]).run().expect_code(0);
    assert_eq!(read.stdout, "'ada' 2 10 1\n'bob \"b\",\\nof <b>' 0 10 -\n");
    let names = fs::read_dir(dir.path().join("out")).expect("results").flatten();
    assert_eq!(names.count(), 4, "of each the data and the words");
}
