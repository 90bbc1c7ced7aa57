//! The chart of round trips alone, `report -o x.svg`.

use super::*;

#[test]
fn a_picture_has_the_marks_of_the_page() {
    let dir = TempDir::new();
    let rows: Vec<String> =
        (0..9).map(|n| probe(n, if n == 4 { "timed_out" } else { "replied" }, (n != 4).then_some(5))).collect();
    dir.write("rows.jsonl", &format!("{RUN}\n{}\n{SUMMARY}\n", rows.join("\n")));
    for _ in 0..2 {
        report(&dir, &["rows.jsonl", "-o", "run.svg"]).expect_code(0);
    }
    let picture = fs::read_to_string(dir.path().join("run.svg")).expect("a picture");
    assert_eq!((marks(&picture, "reply"), marks(&picture, "lost")), (8, 1));
    assert!(!picture.contains("<script") && picture.matches("://").count() == 1, "the name of SVG alone");
    // What is not a picture is none of ours.
    report(&dir, &["rows.jsonl", "-o", "run.html"]).expect_code(0);
    fs::rename(dir.path().join("run.html"), dir.path().join("page.svg")).expect("renamed");
    report(&dir, &["rows.jsonl", "-o", "page.svg"]).expect_code(2);
}

#[test]
fn the_picture_in_readme_is_what_the_command_makes() {
    const COMMAND: &str = "pingscript --simulate --seed 5 --report docs/report.svg docs/report.rhai";
    let dir = TempDir::new();
    let made = dir.path().join("report.svg");
    let args = ["--simulate", "--seed", "5", "--report", made.to_str().expect("a path"), "docs/report.rhai"];
    pingscript(&args).run().expect_code(0);
    let read = |path: &std::path::Path| fs::read_to_string(path).expect("a picture");
    assert!(read(&made) == read(&repo_root().join("docs/report.svg")), "it differs; make it anew: {COMMAND}");
}
