//! Comparisons of values of unlike kinds: each an error that names the value to write, wherever it is made.

use crate::common::pingscript;

/// A script; what its message has.
const UNLIKE: [(&str, &[&str]); 19] = [
    ("1500.ms > 1", &["a duration does not compare with a whole number: 1.5s > 1", "write 1.ms for milliseconds"]),
    ("1500.ms == 1500.0", &["a duration does not compare with a number"]),
    ("let d = 250.ms; d >= \"250ms\"", &["write 250.ms for \"250ms\""]),
    ("() > 5", &["() does not compare with a whole number", "ask first whether x != ()"]),
    ("() < 10.ms", &["() does not compare with a duration"]),
    ("() <= ()", &["() does not compare with ()"]),
    (
        "\"10\" < 9",
        &["text does not compare with a whole number: \"10\" < 9", "write 10 without the quotes", "parse_int"],
    ),
    ("5 == \"5\"", &["write 5 without the quotes"]),
    ("5 != \"five\"", &["a number of a text: parse_int(text)"]),
    ("true > 1", &["true or false does not compare with a whole number", "stand alone"]),
    ("[1] == 1", &["an array does not compare with a whole number"]),
    ("[1] == [\"1\"]", &["a whole number does not compare with text"]),
    ("\"5\" in [1, 5]", &["compare", "write 5 without the quotes"]),
    ("[1, 5].index_of(\"5\")", &["write 5 without the quotes"]),
    ("[1, \"a\"].sort()", &["does not compare with"]),
    ("[#{}, #{}].sort()", &["a map has no order", "list.sort(|a, b|"]),
    ("udp::closed_port() == 7", &["an address does not compare with a whole number", ".port"]),
    ("udp::closed_port() == \"localhost\"", &["\"localhost\" is no address", "resolve("]),
    ("fn late(rtt) { rtt > 5 } [1.ms].filter(|rtt| late(rtt))", &["a duration does not compare", "5.ms", "in `late`"]),
];

#[test]
fn unlike_values_do_not_compare() {
    for (code, words) in UNLIKE {
        let run = pingscript(&["-e", code]).run().expect_code(3);
        for word in words {
            assert!(run.stderr.contains(word), "{code}: {word}\n{}", run.stderr);
        }
        super::assert_plain(code, &run.stderr);
    }
}

#[test]
fn what_goes_together_compares() {
    for code in [
        "1 == 1.0 && 1 < 1.5 && 2.5 >= 2 && 0.1 + 0.2 == 0.3",
        "() == () && () != 5 && 5.ms != () && \"\" != () && !(() == [])",
        "1.s == 1000.ms && 1.s > 1.ms && 1.ms <= 1.ms",
        "'a' == \"a\" && \"b\" > 'a' && \"ab\" < \"b\" && 'a' < 'b'",
        "true && false != true && true > false",
        "blob(2) == blob(2) && blob(1) != blob(2) && (0..3) == (0..3)",
        "[1, [2, 3.0]] == [1, [2, 3]] && #{ a: 1 } == #{ a: 1.0 } && #{ a: 1 } != #{ a: 2 }",
        "let a = resolve(\"127.0.0.1:7\"); a == \"127.0.0.1\" && \"127.0.0.1:7\" == a && a != \"127.0.0.1:8\" && a == a",
        "() in [1, ()] && 2 in [1, 2] && [1.s, 2.s].index_of(2.s) == 1 && !(\"x\" in [])",
        "let list = [2.s, 1.ms]; list.sort(); list[0] == 1.ms && [\"b\", \"a\"].order()[0] == \"a\"",
    ] {
        let run = pingscript(&["-e", &format!("expect({{ {code} }}, true)")]).run();
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{code}");
    }
}

#[test]
fn an_expectation_of_another_kind_is_not_met() {
    for code in ["expect(5, \"5\")", "expect(5.ms, 5)", "expect((), 5)"] {
        let run = pingscript(&["-e", code]).run().expect_code(5);
        assert!(run.stderr.starts_with("not as expected"), "{code}\n{}", run.stderr);
    }
}
