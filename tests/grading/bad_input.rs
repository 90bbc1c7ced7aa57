//! What teachers and students get wrong, and what machines do to them: none of it costs another submission its marks.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::common::{Run, TempDir, nobodys_pingscript, pingscript, require_lab_or_skip, require_root_or_skip};
use super::{GOOD, PART, class, grade, records};

fn submission(dir: &Path, name: &str, file: &str, text: &str) {
    let own = dir.join("class").join(name);
    fs::create_dir_all(&own).and_then(|()| fs::write(own.join(file), text)).expect("a submission");
}

/// The points of each, by name.
fn points(file: &Path) -> Vec<(String, f64)> {
    let points = |record: serde_json::Value| {
        (record["name"].as_str().expect("a name").to_string(), record["points"].as_f64().expect("points"))
    };
    records(file).into_iter().map(points).collect()
}

#[test]
fn a_wrong_command_line_is_refused_before_anything_is_judged() {
    let dir = class(&[("ada", GOOD)]);
    fs::create_dir_all(dir.path().join("other/ada")).expect("a directory");
    dir.write("a file", "text");
    let scratch = dir.path().join("scratch");
    fs::create_dir(&scratch).expect("a directory");
    for (args, said) in [
        (&["class", "--seed-by", "moon"][..], "'moon'"),
        (&["class", "--seed", "x"], "'x'"),
        (&["class", "-j", "0"], "0 is not in 1..=1024"),
        (&["class", "--limit", "0s"], "from 1 to 86400"),
        (&["class", "--limit", "soon"], "from 1 to 86400"),
        (&["class", "--retry", "-1"], "-1"),
        (&["class", "--lose", "all"], "--lose"),
        (&[], "<dir>"),
        (&["class", "other"], "another submission has the same name"),
        (&["a file"], "it is no directory"),
        (&["class", "--out", "a file"], "a file: it cannot be written to: "),
        (&["class", "--out", "/proc/marks"], "/proc/marks: it cannot be written to: "),
        (
            &["class", "--csv", "no/such/place.csv"],
            "no/such/place.csv: it cannot be written: no such file or directory",
        ),
        (&["class", "--json", "class"], "class: it cannot be written: is a directory"),
    ] {
        let args = [&["grade", "judge.rhai"], args].concat();
        let run = pingscript(&args).dir(dir.path()).env("TMPDIR", &scratch.display().to_string()).run().expect_code(2);
        assert!(run.stderr.to_lowercase().contains(said) && run.stdout.is_empty(), "{args:?}: {}", run.stderr);
    }
    assert_eq!(fs::read_dir(&scratch).expect("a directory").count(), 0, "nothing is left");
}

#[test]
fn what_is_no_submission_is_named_and_the_others_are_judged() {
    if !require_lab_or_skip("grading") {
        return;
    }
    use std::os::unix::ffi::OsStrExt;
    let dir = class(&[("ada", GOOD)]);
    let class = dir.path().join("class");
    let latin = std::ffi::OsStr::from_bytes(b"m\xfcller");
    fs::create_dir(class.join(latin)).expect("a directory");
    dir.write("class/eve.zip", "a file");
    symlink("/etc", class.join("out")).expect("a link");
    for hidden in [".git", "__MACOSX"] {
        fs::create_dir(class.join(hidden)).expect("a directory");
    }
    // The results may go into the directory of the submissions: the second time, they are there.
    for _ in 0..2 {
        let args = ["judge.rhai", "class", "--out", "class/marks", "--json", "a.json"];
        let run = grade(dir.path(), &args).expect_code(0);
        assert_eq!(points(&dir.path().join("a.json")), [("ada".to_string(), 5.0)], "{}", run.stderr);
        assert!(run.stderr.contains("m\\xFCller\" is no submission: its name is not UTF-8"), "{}", run.stderr);
        for (name, why) in [("eve.zip", "it is a file"), ("out", "it is a symbolic link")] {
            assert!(run.stderr.contains(&format!("{name}\" is no submission: {why}")), "{name}: {}", run.stderr);
        }
        assert_eq!(run.stderr.matches("is no submission").count(), 3, "{}", run.stderr);
    }
}

/// Each of these is a submission that cannot be run, whatever it does to the sandbox: it has no points, and the reason is there.
#[test]
fn what_is_handed_in_is_never_the_fault_of_the_judge() {
    if !require_lab_or_skip("grading") {
        return;
    }
    let dir = class(&[("ada", GOOD), ("zoe b\nz", GOOD)]);
    let class = dir.path().join("class");
    fs::write(class.join("zoe b\nz/notes\nof \"mine\" \u{1b}[1m"), "text").expect("a file");
    for (name, file, text) in [
        ("built_and_large", "hello.c", "int main(void) { return 0; }"),
        ("large", "hello.sh", GOOD),
        ("deep", "hello.sh", GOOD),
        ("deep_and_built", "hello.c", "int main(void) { return 0; }"),
        ("two", "hello.sh", GOOD),
        ("loud", "hello.sh", "head -c 1000000000 /dev/zero\n"),
        (
            "loud_errors",
            "hello.sh",
            "yes 'it fails again and again' | head -n 5000 >&2; echo 'the last words' >&2; exit 1\n",
        ),
        ("no_text", "hello.py", "\u{1}(\0"),
        ("pipe", "readme", ""),
        ("linked", "readme", ""),
        ("a_directory", "readme", ""),
    ] {
        submission(dir.path(), name, file, text);
    }
    for name in ["built_and_large", "large"] {
        let large = fs::File::create(class.join(name).join("video.mp4")).expect("a file");
        large.set_len(2_000_000_000).expect("its length");
    }
    for name in ["deep", "deep_and_built"] {
        fs::create_dir_all(class.join(name).join("d/".repeat(100))).expect("directories");
    }
    dir.write("class/two/hello.py", "print()");
    let made = std::process::Command::new("mkfifo").arg(class.join("pipe/hello.sh")).status();
    assert!(made.is_ok_and(|status| status.success()));
    symlink("/bin/sh", class.join("linked/hello.sh")).expect("a link");
    fs::create_dir(class.join("a_directory/hello.sh")).expect("a directory");
    let run = grade(dir.path(), &["judge.rhai", "class", "--out", "out", "--json", "a.json", "-j", "4"]).expect_code(5);
    let mut all = points(&dir.path().join("a.json"));
    all.retain(|(_, points)| *points > 0.0);
    let full = ["ada", "zoe b\nz"].map(|name| (name.to_string(), 5.0));
    assert_eq!(all, full, "{}\n{}", run.stdout, run.stderr);
    for (name, why) in [
        ("built_and_large", "the working directory is larger than its limit"),
        ("large", "the working directory is larger than its limit"),
        ("deep", "directories too deep"),
        ("deep_and_built", "directories too deep"),
        ("two", "there are hello.py and hello.sh: hand in one of them"),
        ("loud_errors", "print hello and the name"),
        ("no_text", "print hello and the name"),
        ("loud", "print hello and the name"),
        ("pipe", "hand in one of hello.py"),
        ("linked", "hand in one of hello.py"),
        ("a_directory", "hand in one of hello.py"),
    ] {
        let words = fs::read_to_string(dir.path().join("out").join(format!("{name}.md"))).expect("words");
        assert!(words.contains(why) && words.len() < 8_000, "{name}: {words}");
    }
}

#[test]
fn what_a_student_cannot_read_costs_that_one_alone() {
    if !require_lab_or_skip("grading") || !require_root_or_skip("submissions of another user") {
        return;
    }
    let dir = class(&[("ada", GOOD), ("bob", PART)]);
    fs::set_permissions(dir.path().join("class/bob/hello.sh"), std::os::unix::fs::PermissionsExt::from_mode(0o000))
        .expect("its mode");
    let at = |name: &str| dir.path().join(name).display().to_string();
    let places = TempDir::new();
    let run: Run = nobodys_pingscript(&places, &["grade", &at("judge.rhai"), &at("class")]).run().expect_code(5);
    assert!(run.stdout.contains("ok    ada: 5 of 5") && run.stdout.contains("FAIL  bob: 0 of 5"), "{}", run.stdout);
}

#[test]
fn results_that_are_lost_are_an_error() {
    if !require_lab_or_skip("grading") {
        return;
    }
    let dir = class(&[("ada", GOOD)]);
    let run = grade(dir.path(), &["judge.rhai", "class", "--csv", "/dev/full"]).expect_code(3);
    assert!(run.stderr.contains("/dev/full: the results cannot be written: no space left"), "{}", run.stderr);
    // A disk that is full when it is ada's turn.
    fs::create_dir(dir.path().join("out")).expect("a directory");
    symlink("/dev/full", dir.path().join("out/.ada.part")).expect("a link");
    let run = grade(dir.path(), &["judge.rhai", "class", "--out", "out"]).expect_code(3);
    assert!(run.stderr.contains("ada: what came of it cannot be written: no space left"), "{}", run.stderr);
    assert!(grade(dir.path(), &["judge.rhai", "class", "--out", "out"]).expect_code(0).stdout.contains("ok    ada"));
}
