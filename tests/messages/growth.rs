//! Scripts that take more and more, or very much at once: stopped with a message, never an abort.

use super::{Case, HANGS, assert_message, check_scripts};
use crate::common::pingscript;

#[test]
fn growth_without_end_is_stopped() {
    check_scripts(&GROWTH);
}

#[test]
fn growth_by_many_small_steps_is_stopped() {
    for (script, code, expected) in &SMALL_STEPS {
        let run = pingscript(&["-e", script]).patience(HANGS).run();
        assert_message(script, &run, *code, expected);
    }
}

#[test]
fn growth_of_two_things_is_stopped_at_either() {
    let script =
        "let map = #{};\nlet i = 0;\nloop { map[`k${i}`] = [i, i, i, i, i, i, i, i, i, i, i, i, i, i, i, i]; i += 1; }";
    let run = pingscript(&["-e", script]).patience(HANGS).run().expect_code(3);
    let message = "error: the script was stopped: more than 256 MiB of memory are in use\n  --> -e:3:";
    assert!(run.stderr.starts_with(message), "{}", run.stderr);
}

#[test]
fn growth_in_a_thread_is_reported() {
    let script = "let task = start_thread(|| { let text = \"x\"; loop { text += text; } });\ntask.join();";
    let run = pingscript(&["-e", script]).run().expect_code(3);
    assert!(
        run.stderr.starts_with("in the thread started at -e:1:\nerror: the script was stopped: more than"),
        "{}",
        run.stderr
    );
}

#[test]
fn what_was_printed_before_is_kept() {
    let script = "print(1); let text = \"\"; text.pad(50_000_000, 'a'); print(2); text.split(\"\"); print(3);";
    let run = pingscript(&["-e", script]).patience(HANGS).run().expect_code(3);
    assert_eq!(run.stdout, "1\n2\n");
}

/// Doubling, single calls, values nested in each other.
const GROWTH: [Case; 14] = [
    (
        r#"let list = [1];
loop { list += list; }"#,
        3,
        r#"
error: the script was stopped: more than 256 MiB of memory are in use
  --> -e:2:8
    2 | loop { list += list; }
      |        ^
  hint: does an array, a map or a string grow without end? Keep a count or stats() instead of every value
"#,
    ),
    (
        r#"let text = "x";
loop { text += text; }"#,
        3,
        r#"
error: the script was stopped: more than 256 MiB of memory are in use
  --> -e:2:13
    2 | loop { text += text; }
      |             ^
  hint: does an array, a map or a string grow without end? Keep a count or stats() instead of every value
"#,
    ),
    (
        r#"let text = "x";
loop { text = `${text}${text}`; }"#,
        3,
        r#"
error: the script was stopped: more than 256 MiB of memory are in use
  --> -e:2:25
    2 | loop { text = `${text}${text}`; }
      |                         ^
  hint: does an array, a map or a string grow without end? Keep a count or stats() instead of every value
"#,
    ),
    (
        r#"fn collect() {
    let all = #{};
    loop { all = #{ a: all, b: all, c: [0, 0, 0, 0] }; }
}
collect();"#,
        3,
        r#"
error: the script was stopped: more than 256 MiB of memory are in use
  --> -e:5:1
    5 | collect();
      | ^
  hint: does an array, a map or a string grow without end? Keep a count or stats() instead of every value
  hint: it happened in `collect`, or in what that calls
"#,
    ),
    (
        r#"let text = "x";
text.pad(1 << 40, 'x');"#,
        3,
        r#"
error: pad: 1048576 MiB would be needed: scripts have 256 MiB of memory in all
  --> -e:2:6
    2 | text.pad(1 << 40, 'x');
      |      ^
  hint: is the number meant? Make the value smaller, or in parts
"#,
    ),
    (
        r#"let text = "x";
text.pad(1 << 40, "ab");"#,
        3,
        r#"
error: pad: 1048576 MiB would be needed: scripts have 256 MiB of memory in all
  --> -e:2:6
    2 | text.pad(1 << 40, "ab");
      |      ^
  hint: is the number meant? Make the value smaller, or in parts
"#,
    ),
    (
        "let data = blob(1 << 40);",
        3,
        r#"
error: blob: 1048576 MiB would be needed: scripts have 256 MiB of memory in all
  --> -e:1:12
    1 | let data = blob(1 << 40);
      |            ^
  hint: is the number meant? Make the value smaller, or in parts
"#,
    ),
    (
        r#"let data = blob();
data.pad(1 << 40, 0);"#,
        3,
        r#"
error: pad: 1048576 MiB would be needed: scripts have 256 MiB of memory in all
  --> -e:2:6
    2 | data.pad(1 << 40, 0);
      |      ^
  hint: is the number meant? Make the value smaller, or in parts
"#,
    ),
    (
        r#"let list = [];
list.pad(1 << 40, 0);"#,
        3,
        r#"
error: pad: 16777216 MiB would be needed: scripts have 256 MiB of memory in all
  --> -e:2:6
    2 | list.pad(1 << 40, 0);
      |      ^
  hint: is the number meant? Make the value smaller, or in parts
"#,
    ),
    (
        r#"let list = [];
list.pad(1_000_000, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);"#,
        3,
        r#"
error: pad: 320 MiB would be needed: scripts have 256 MiB of memory in all
  --> -e:2:6
    2 | list.pad(1_000_000, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
      |      ^
  hint: is the number meant? Make the value smaller, or in parts
"#,
    ),
    (
        r#"let text = "";
text.pad(100_000, 'a');
text.replace("a", text);"#,
        3,
        r#"
error: replace: 9536 MiB would be needed: scripts have 256 MiB of memory in all
  --> -e:3:6
    3 | text.replace("a", text);
      |      ^
  hint: is the number meant? Make the value smaller, or in parts
"#,
    ),
    (
        r#"let data = blob(100_000_000);
data.to_array();"#,
        3,
        r#"
error: to_array: 1525 MiB would be needed: scripts have 256 MiB of memory in all
  --> -e:2:6
    2 | data.to_array();
      |      ^
  hint: is the number meant? Make the value smaller, or in parts
"#,
    ),
    (
        r#"let text = "";
text.pad(100_000_000, 'a');
text.to_chars();"#,
        3,
        r#"
error: to_chars: 1525 MiB would be needed: scripts have 256 MiB of memory in all
  --> -e:3:6
    3 | text.to_chars();
      |      ^
  hint: is the number meant? Make the value smaller, or in parts
"#,
    ),
    (
        r#"let f = || 1;
for i in 0..1_000_000 { let g = f; f = || g.call(); }"#,
        3,
        r#"
error: the script was stopped: values are nested too deeply
  hint: does a loop put an array, a map or a closure into itself again and again?
"#,
    ),
];

/// What beginners write, and one call that makes very many small values.
const SMALL_STEPS: [Case; 2] = [
    (
        r#"let list = [];
loop { list.push(1); }"#,
        3,
        r#"
error: the script was stopped: more than 256 MiB of memory are in use
  --> -e:2:8
    2 | loop { list.push(1); }
      |        ^
  hint: does an array, a map or a string grow without end? Keep a count or stats() instead of every value
"#,
    ),
    (
        r#"let text = "";
text.pad(50_000_000, 'a');
text.split("");"#,
        3,
        r#"
error: the script was stopped: one operation asks for more than 1024 MiB of memory
  hint: does it split, replace or join something very large, or ping very many hosts?
"#,
    ),
];
