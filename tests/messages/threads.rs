//! Errors in threads.

use super::{Case, check_scripts};

#[test]
fn an_error_in_a_thread_is_reported_once() {
    check_scripts(&THREADS);
}

/// Reported when the thread ends; a `join` that no one catches only points at it, and one that is caught has settled it.
const THREADS: [Case; 4] = [
    (
        "start_thread(|| 1 / 0);",
        3,
        r#"
in the thread started at -e:1:
error: division by zero
  --> -e:1:19
    1 | start_thread(|| 1 / 0);
      |                   ^
  in a closure, called at -e:1:1
  hint: ask first whether the divisor is 0, as in: if n > 0 { sum / n }
"#,
    ),
    (
        r#"let task = start_thread(|| 1 / 0);
task.join();"#,
        3,
        r#"
in the thread started at -e:1:
error: division by zero
  --> -e:1:30
    1 | let task = start_thread(|| 1 / 0);
      |                              ^
  in a closure, called at -e:1:12
  hint: ask first whether the divisor is 0, as in: if n > 0 { sum / n }
error: join: the thread ended with the error above
  --> -e:2:6
    2 | task.join();
      |      ^
  hint: to go on without it: try { task.join() } catch { … }
"#,
    ),
    (
        r#"let task = start_thread(|| 1 / 0);
try { task.join() } catch { }"#,
        0,
        r#"
in the thread started at -e:1:
error: division by zero
  --> -e:1:30
    1 | let task = start_thread(|| 1 / 0);
      |                              ^
  in a closure, called at -e:1:12
  hint: ask first whether the divisor is 0, as in: if n > 0 { sum / n }
"#,
    ),
    (
        r#"fn work() { throw #{ message: "tired" } }
for i in 0..1 { start_thread(|| work()); }"#,
        3,
        r#"
in the thread started at -e:2:
error: tired
  --> -e:1:13
    1 | fn work() { throw #{ message: "tired" } }
      |             ^
  in `work`, called at -e:2:33
  in a closure, called at -e:2:17
"#,
    ),
];
