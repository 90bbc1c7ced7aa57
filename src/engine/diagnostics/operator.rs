//! Words for operators between values that they do not join.

use super::names::a;
use super::rows::TextRow;
use super::{Words, rows};

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
    let is = |kind: &str, side: &str| side == kind || (kind == "number" && matches!(side, "integer" | "float"));
    let fits = |row: &&TextRow| {
        let (of, kinds) = row.keys.split_first().expect("a row has keys");
        let of = of.strip_suffix("-sign").map_or(*of == "*" || *of == operator, |sign| sign == operator);
        of && kinds.iter().all(|kind| is(kind, left) || is(kind, right))
    };
    let row = rows::section("operators").iter().find(fits).expect("the last row fits all");
    Words::new(format!("`{operator}` does not work between {} and {}", a(left), a(right))).hint(row.lines[0])
}
