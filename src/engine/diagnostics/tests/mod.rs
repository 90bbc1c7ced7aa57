//! Whole messages for small scripts, by subject.

mod calls;
mod chains;
mod fixture;
mod forms;
mod syntax;
mod values;
mod variables;

use rhai::{Dynamic, EvalAltResult, Position};

use super::innermost;

/// Runs each script and compares the message, whose expectation starts in a line of its own.
fn check(cases: &[(&str, &str)]) {
    for (script, expected) in cases {
        let message = fixture::run(script);
        assert_eq!(format!("\n{message}"), *expected, "\n{script}\n{message}");
        for word in ["i64", "f64", "ImmutableString", "FnPtr", "rhai", "anon$", "EvalAlt"] {
            let text = message.replace("main.rhai", "").replace(".rhai at its end", "");
            assert!(!text.contains(word), "{word} in the message for {script}");
        }
    }
}

#[test]
fn every_cut_of_a_script_gets_a_message() {
    let script = "fn f(a) { `x ${a + 1}` }\nlet m = #{ k: [1, \"v\"] }; switch f(1) { 1 => m.k, _ => |x| x + m.z };";
    for end in (0..script.len()).filter(|end| script.is_char_boundary(*end)) {
        let message = fixture::run(&script[..end]);
        assert!(message == "no error\n" || message.starts_with("error: "), "{message}");
    }
}

#[test]
fn finds_the_innermost_error_and_its_place() {
    let inner = EvalAltResult::ErrorTerminated(Dynamic::UNIT, Position::NONE);
    let error = EvalAltResult::ErrorInFunctionCall("f".into(), "lib.rhai".into(), inner.into(), Position::new(3, 4));
    let (inner, source, pos) = innermost(&error, "main.rhai");
    assert!(matches!(inner, EvalAltResult::ErrorTerminated(..)));
    assert_eq!((source, pos), ("main.rhai", Position::new(3, 4)));

    let inner = EvalAltResult::ErrorFor(Position::new(7, 1));
    let error = EvalAltResult::ErrorInFunctionCall("f".into(), "lib.rhai".into(), inner.into(), Position::new(3, 4));
    let (_, source, pos) = innermost(&error, "main.rhai");
    assert_eq!((source, pos), ("lib.rhai", Position::new(7, 1)));
}
