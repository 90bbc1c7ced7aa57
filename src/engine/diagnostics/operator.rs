//! Words for operators between values that they do not join.

use super::Words;
use super::names::a;

/// Words for `operator` between, or before, values of the types `given`.
pub(super) fn mismatch(operator: &str, given: &[String]) -> Words {
    if operator == "contains" {
        let of = given.first().map_or("any", String::as_str);
        let item = given.get(1).map_or("any", String::as_str);
        if of == "map" && item != "string" {
            return Words::new(format!("the keys of a map are strings, and {} is none", a(item)))
                .hint("write: x.to_string() in m");
        }
        if of == "string" && item != "string" {
            return Words::new(format!("a text holds texts, and {} is none", a(item)))
                .hint("write: x.to_string() in text");
        }
        return Words::new(format!("`in` cannot look inside {}", a(of)))
            .hint("it looks for an item of an array, a key of a map, a part of a string, or a number of a range");
    }
    let kinds: Vec<&str> = given.iter().map(String::as_str).collect();
    match kinds[..] {
        [only] => {
            let words = Words::new(format!("`{operator}` cannot be put before {}", a(only)));
            match operator {
                "!" => words.hint("it turns true into false; to ask whether a number is zero write x == 0"),
                _ => words.hint("it needs a number"),
            }
        }
        [left, right] => between(operator, left, right),
        _ => Words::new(format!("`{operator}` does not fit these values")),
    }
}

fn between(operator: &str, left: &str, right: &str) -> Words {
    let words = Words::new(format!("`{operator}` does not work between {} and {}", a(left), a(right)));
    let sides = [left, right];
    let has = |kind: &str| sides.contains(&kind);
    let has_number = has("integer") || has("float");
    if has("()") {
        return words.hint("one side is (), which is what a call without a result and a missing value give");
    }
    if has("Duration") && has_number {
        return words
            .hint("give the number its unit: `1.s` or `250.ms`; or take the number out of the duration: `d.ms`");
    }
    if has("closure") {
        return words.hint("one side is a closure: to use its result, call it: f.call(…)");
    }
    if operator == "*" && (has("string") || has("array")) && has("integer") {
        return words.hint(match has("string") {
            true => "turn text into a number first: parse_int(text) or parse_float(text); a text is repeated with \"=\".repeat(20)",
            false => "an array is filled with .pad(n, value): let list = []; list.pad(5, 0);",
        });
    }
    if has("string") && operator == "%" {
        return words.hint("values are put into text between back-ticks: `x is ${x}`");
    }
    if has("string") && operator != "+" && has_number {
        return words.hint("turn text into a number first: parse_int(text) or parse_float(text)");
    }
    if has("string") && operator == "-" {
        return words.hint("to take a part out of a text: text.replace(part, \"\")");
    }
    if has("string") {
        return words.hint("text is joined with + and with back-ticks: `${a} and ${b}`");
    }
    if has("bool") {
        return words.hint("true and false are joined with && and ||");
    }
    if has("map") && operator != "+" {
        return words.hint("a map is no number: name the field you mean, as in m.count");
    }
    words.hint("both sides must be of types that go together: see type_of(x)")
}
