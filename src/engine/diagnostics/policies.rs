//! Policies that have no verdict for some packets or fail on each, and `for_each` with the number for the item.

use std::collections::BTreeSet;
use std::ops::Range;

use super::discarded::{close, end_of};
use super::names::Names;
use super::scan::Scan;
use super::{Words, did_you_mean, position};
use crate::nearest::nearest;

/// Names that a number of an item has, and an item hardly.
const NUMBERS: [&str; 7] = ["i", "j", "n", "idx", "index", "number", "_"];

/// What to warn of at the token `index`: `set_policy`, the key `policy` of a map, or `for_each`.
pub(super) fn warning(scan: &Scan, names: &Names, index: usize) -> Option<Words> {
    let closure = match scan.text(index) {
        "for_each" => return for_each(scan, index),
        "set_policy" if !scan.has_function("set_policy") => second_argument(scan, index)?,
        "policy" | "policy_back" if scan.text(index + 1) == ":" => value_of_key(scan, index)?,
        _ => return None,
    };
    let at = |index: usize| Some(position(scan.tokens[index].start));
    let Some((param, body)) = parameter(scan, closure.start) else {
        return match scan.text(closure.start) {
            "|" | "||" => Some(Words::row("policy-parameters", &[]).at(at(closure.start))),
            _ => None,
        };
    };
    if let Some(found) = if_without_else(scan, body, closure.end) {
        return Some(Words::row("no-verdict", &[]).at(at(found)));
    }
    let (found, words) = unknown_property(scan, names, param, body..closure.end)?;
    Some(words.at(at(found)))
}

/// The tokens of the second argument of the call of the function `index`.
fn second_argument(scan: &Scan, index: usize) -> Option<Range<usize>> {
    let called = scan.text(index + 1) == "(" && !matches!(scan.text_before(index), "." | "fn");
    let end = close(scan, index + 1).filter(|_| called)?;
    let depth = scan.open_before(index).len() + 1;
    let comma = (index + 2..end).find(|at| scan.text(*at) == "," && scan.open_before(*at).len() == depth)?;
    Some(comma + 1..end)
}

/// The tokens of the value of the key `index` of a map.
fn value_of_key(scan: &Scan, index: usize) -> Option<Range<usize>> {
    let open = *scan.open_before(index).last().filter(|open| scan.text(**open) == "#{")?;
    let end = close(scan, open)?;
    let depth = scan.open_before(index).len();
    // The parameters of a closure are given first.
    let from = index + 2 + usize::from(scan.text(index + 2) == "|");
    let body = (from..end).find(|at| scan.text(*at) == "|").map_or(from, |bar| bar + 1);
    let comma = (body..end).find(|at| scan.text(*at) == "," && scan.open_before(*at).len() == depth);
    Some(index + 2..comma.unwrap_or(end))
}

/// The only parameter of the closure that begins at `start`, and where its body begins.
fn parameter(scan: &Scan, start: usize) -> Option<(&str, usize)> {
    let one = scan.text(start) == "|" && scan.text(start + 2) == "|";
    one.then(|| (scan.text(start + 1), start + 3))
}

/// An `if` without `else` that is all of the body, or the last of the block that the body is.
fn if_without_else(scan: &Scan, body: usize, end: usize) -> Option<usize> {
    let has_else = |mut at: usize| loop {
        let depth = scan.open_before(at).len();
        let Some(open) = (at..end).find(|i| scan.text(*i) == "{" && scan.open_before(*i).len() == depth) else {
            return true;
        };
        at = close(scan, open).map_or(end, |close| close + 1);
        match (scan.text(at), scan.text(at + 1)) {
            ("else", "if") => at += 1,
            (after, _) => return after == "else",
        }
    };
    let last = match scan.text(body) {
        "if" => Some(body).filter(|at| end_of(scan, *at) == Some(end)),
        "{" => {
            let (close, depth) = (close(scan, body)?, scan.open_before(body).len() + 1);
            let ends =
                |at: usize| end_of(scan, at).is_some_and(|end| end + usize::from(scan.text(end) == ";") == close);
            let begins = |at: &usize| scan.text(*at) == "if" && matches!(scan.text_before(*at), "{" | "}" | ";");
            (body + 1..close).filter(|at| scan.open_before(*at).len() == depth).find(|at| begins(at) && ends(*at))
        }
        _ => None,
    };
    last.filter(|at| !has_else(*at))
}

/// `pkt.num`: a property of the packet `param` that none has, and where it stands.
fn unknown_property(scan: &Scan, names: &Names, param: &str, body: Range<usize>) -> Option<(usize, Words)> {
    // What a policy is given has a number in its flow, in whatever place it decides.
    let has = |kind: &str, name: &str| names.getters.contains(&(kind.to_string(), name.to_string()));
    let is_packet = |kind: &str| has(kind, "number") && has(kind, "flow");
    let known: BTreeSet<&str> =
        names.getters.iter().filter(|(kind, _)| is_packet(kind)).map(|(_, name)| name.as_str()).collect();
    let is_word = |text: &str| text.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let is_unknown = |at: &usize| {
        let name = scan.text(at + 2);
        scan.text(*at) == param
            && scan.text_before(*at) != "."
            && scan.text(at + 1) == "."
            && is_word(name)
            && scan.text(at + 3) != "("
            && !known.contains(name)
    };
    let at = body.clone().find(is_unknown).filter(|_| !known.is_empty())?;
    let is_other = body.clone().any(|i| scan.text(i) == param && matches!(scan.text_before(i), "let" | "|" | "for"));
    let name = scan.text(at + 2);
    let near = did_you_mean(&nearest(name, known.iter().copied()));
    (!is_other).then(|| (at + 2, Words::row("policy-property", &[name]).hints(near)))
}

/// `list.for_each(|x| total += x)`, which adds the numbers of the items.
fn for_each(scan: &Scan, index: usize) -> Option<Words> {
    let (param, body) = parameter(scan, index + 2).filter(|_| scan.text_before(index) == ".")?;
    let end = close(scan, index + 1).filter(|_| scan.text(index + 1) == "(")?;
    let is_number = |at: usize| scan.text(at) == param && scan.text_before(at) == "[" && scan.text(at + 1) == "]";
    let uses = |at: usize| scan.text(at) == "this" || is_number(at);
    if NUMBERS.contains(&param) || (body..end).any(uses) || !(body..end).any(|at| scan.text(at) == param) {
        return None;
    }
    let list = scan.text(index.saturating_sub(2));
    let list = if list.starts_with(|c: char| c.is_alphabetic() || c == '_') { list } else { "list" };
    Some(Words::row("for-each", &[param, list]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(script: &str) -> Vec<String> {
        let scan = Scan::new(script);
        let mut names = Names::default();
        names.getters.extend(["number", "flow", "text"].map(|name| ("Packet".to_string(), name.to_string())));
        let words = (0..scan.tokens.len()).filter_map(|index| warning(&scan, &names, index));
        words.map(|words| format!("{}; {}", words.message, words.hints.join("; "))).collect()
    }

    #[test]
    fn policies_without_a_verdict_or_with_other_parameters_are_found() {
        for script in [
            "set_policy(s, |p| if p.number == 1 { drop() });",
            "set_policy(f(a, b), |p| { n += 1; if p.number == 1 { drop() } else if x { pass() } });",
            "set_policy(s, |p| { if x { drop() } else { pass() } if p.number == 1 { drop(); }; });",
            "net.link(a, b, #{ delay: 1.ms, policy: |p| if p.number == 1 { drop() } });",
        ] {
            let found = found(script);
            assert!(found.len() == 1 && found[0].contains("no verdict where"), "{script}: {found:?}");
        }
        for script in ["set_policy(s, || drop());", "set_policy(s, |a, b| drop());", "#{ policy: |a, b| drop() }"] {
            let found = found(script);
            assert!(found.len() == 1 && found[0].contains("given one value"), "{script}: {found:?}");
        }
        assert_eq!(
            found("set_policy(s, |p| if p.numbr == 1 { drop() } else { pass() });"),
            ["a packet has no property `numbr`: the policy fails, and the packet passes; did you mean `number`?"]
        );
        assert_eq!(
            found("let t = 0; list.for_each(|x| t += x);"),
            [
                "`for_each` gives its closure the number of the item, from 0; the item itself is `this`; write: for x in list { … }"
            ]
        );
    }

    #[test]
    fn what_is_right_or_unknown_is_not() {
        for script in [
            "set_policy(s, |p| if p.number == 1 { drop() } else { pass() });",
            "set_policy(s, |p| { if x { return drop(); } pass() });",
            "set_policy(s, |p| { drop(); });",
            "set_policy(s, |p| { if a { drop() } else if b { pass() } else { drop() } });",
            "set_policy(s, loss(0.1)); set_policy(s, policy); #{ policy: loss(0.1), x: |a, b| a }",
            "set_policy(s, |p| if p.text.contains(\"x\") && m.p.q { drop() } else { pass() });",
            "set_policy(s, |p| { for p in list { print(p.x); } pass() });",
            "fn set_policy(a, b) { } set_policy(s, || 1);",
            "list.for_each(|i| print(i)); list.for_each(|x| print(other[x])); list.for_each(|x| { this += x });",
        ] {
            assert_eq!(found(script), Vec::<String>::new(), "{script}");
        }
    }

    #[test]
    fn every_cut_of_a_script_is_read() {
        let script =
            "set_policy(f(a), |p| { if p.num == 1 { drop() } }); #{ policy: |p| if x { drop() } }; l.for_each(|x| x)";
        (0..=script.len()).for_each(|end| drop(found(&script[..end])));
        assert_eq!(found(script).len(), 3);
    }
}
