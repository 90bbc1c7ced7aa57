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
            return Words::row("in-map", &[&a(item)]);
        }
        if of == "string" && item != "string" {
            return Words::row("in-text", &[&a(item)]);
        }
        return Words::row("in", &[&a(of)]);
    }
    let kinds: Vec<&str> = given.iter().map(String::as_str).collect();
    match kinds[..] {
        [only] => Words::row(if operator == "!" { "not" } else { "before" }, &[operator, &a(only)]),
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
