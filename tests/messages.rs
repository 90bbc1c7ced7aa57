//! Bad input of every kind, and the whole message for it: one error in plain words, with what to do next, and the right
//! exit code. All on the real binary.
//!
//! Each table gives what is typed, the exit code and all of standard error. Only what varies is masked: ports
//! (`<port>`), and the directory of a test's own files (`<dir>`).

mod common;

#[path = "messages/command_line.rs"]
mod command_line;
#[path = "messages/comparisons.rs"]
mod comparisons;
#[path = "messages/first_steps.rs"]
mod first_steps;
#[path = "messages/growth.rs"]
mod growth;
#[path = "messages/language.rs"]
mod language;
#[path = "messages/likely.rs"]
mod likely;
#[path = "messages/mistakes.rs"]
mod mistakes;
#[path = "messages/modules.rs"]
mod modules;
#[path = "messages/names_and_forms.rs"]
mod names_and_forms;
#[path = "messages/other_blocks.rs"]
mod other_blocks;
#[path = "messages/other_calls.rs"]
mod other_calls;
#[path = "messages/other_declarations.rs"]
mod other_declarations;
#[path = "messages/other_languages.rs"]
mod other_languages;
#[path = "messages/other_modules.rs"]
mod other_modules;
#[path = "messages/other_python.rs"]
mod other_python;
#[path = "messages/output.rs"]
mod output;
#[path = "messages/prompt.rs"]
mod prompt;
#[path = "messages/scripts.rs"]
mod scripts;
#[path = "messages/threads.rs"]
mod threads;
#[path = "messages/udp_policies.rs"]
mod udp_policies;
#[path = "messages/udp_scripts.rs"]
mod udp_scripts;
#[path = "messages/values.rs"]
mod values;

use common::{Run, pingscript};
use std::time::Duration;

/// What is typed, the exit code, and all of standard error, which starts in a line of its own.
type Case = (&'static str, i32, &'static str);

/// Runs each script given with `-e` and compares.
fn check_scripts(cases: &[Case]) {
    for (script, code, expected) in cases {
        assert_message(script, &pingscript(&["-e", script]).patience(HANGS).run(), *code, expected);
    }
}

/// After how long a script that does not end is held for one that hangs; more than on the busiest machine.
const HANGS: Duration = Duration::from_secs(120);

/// Compares how a run ended, and all of its standard error, with what is expected.
fn assert_message(typed: &str, run: &Run, code: i32, expected: &str) {
    assert_eq!((run.code, run.signal), (Some(code), None), "{typed}\n{}", run.stderr);
    let message = format!("\n{}", run.stderr);
    assert_eq!(message.trim_end_matches('\n'), expected.trim_end_matches('\n'), "{typed}\n{}", run.stderr);
    assert_plain(typed, &run.stderr);
}

/// Checks that nothing of Rust shows.
fn assert_plain(typed: &str, text: &str) {
    for word in
        ["panicked", "RUST_", "src/", "os error", "rhai::", "core::", "pingscript::", "i64", "f64", "anon$", "EvalAlt"]
    {
        assert!(!text.contains(word), "{word} in the message for {typed}\n{text}");
    }
}
