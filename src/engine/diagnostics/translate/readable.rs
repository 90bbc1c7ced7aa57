//! Whether a line that a hint gives can be read: a hint never shows one that has to be corrected again.

use rhai::{Engine, OptimizationLevel};

/// What may stand around a line that is a part of a statement: the head of a block, a branch, a line of a function.
const AROUND: [(&str, &str); 10] = [
    ("", ""),
    ("", " }"),
    ("", " { }"),
    ("{ ", ""),
    ("if true { ", " }"),
    ("", " catch { }"),
    ("if true { } ", ""),
    ("if true { } ", " }"),
    ("try { } ", ""),
    ("try { } ", " }"),
];

/// Whether `line`, or the script that it is a part of, can be read. `…` stands for any value.
pub(super) fn is_readable(line: &str) -> bool {
    let line = line.replace('…', "()");
    let mut engine = Engine::new_raw();
    engine.set_optimization_level(OptimizationLevel::None);
    AROUND.iter().any(|(before, after)| engine.compile(format!("{before}{line}{after}")).is_ok())
}

#[cfg(test)]
mod tests {
    use super::is_readable;

    #[test]
    fn parts_of_statements_are_read_and_what_is_none_is_not() {
        for line in
            ["let x = 5;", "for i in 0..5", "while true {", "else if x { … }", "catch (e) {", "} else {", "try { … }"]
        {
            assert!(is_readable(line), "{line}");
        }
        for line in ["fn f(#{ a: 1 }) { a }", "for (k, v) in m:", "async fn f() { }", "if !(x: 1) {", "f("] {
            assert!(!is_readable(line), "{line}");
        }
    }
}
