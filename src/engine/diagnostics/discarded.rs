//! Verdicts that stand as a statement with something after it: no one gets them.

use super::Words;
use super::scan::Scan;

/// The functions that make a verdict.
const VERDICTS: [&str; 7] = ["pass", "drop", "delay", "duplicate", "replace", "corrupt", "reject"];

/// Words that begin a block whose value no one gets.
const LOOPS: [&str; 4] = ["for", "while", "loop", "do"];

/// `|pkt| { if pkt.number == 2 { drop(); } pass() }`: the policy goes on, and drops nothing. The token `index` is the verdict's name.
pub(super) fn verdict(scan: &Scan, index: usize) -> Option<Words> {
    let name = scan.text(index);
    let is_verdict = VERDICTS.contains(&name) && scan.text(index + 1) == "(" && !scan.has_function(name);
    let close = is_verdict.then(|| close(scan, index + 1)).flatten()?;
    if !begins_statement(scan, index) || !is_discarded(scan, index, close + 1) {
        return None;
    }
    let call = if close == index + 2 { format!("{name}()") } else { format!("{name}(…)") };
    let words = Words::new(format!("`{call}` has no effect here: the code after it runs, and decides"));
    Some(words.hint(format!("a policy ends with its verdict; write: return {call};")))
}

/// Whether the value of the statement from `start` to before `end` goes nowhere: something follows it, or the block that it ends.
fn is_discarded(scan: &Scan, start: usize, end: usize) -> bool {
    let end = if scan.text(end) == ";" { end + 1 } else { end };
    if !begins_statement(scan, start) || end >= scan.tokens.len() {
        return false;
    }
    if scan.text(end) != "}" {
        // What goes on, such as an operator, has the value.
        return matches!(scan.text(end - 1), ";" | "}");
    }
    let block = scan.open_before(start).last().copied().filter(|open| scan.text(*open) == "{");
    match block.and_then(|open| head(scan, open)) {
        Some(head) if LOOPS.contains(&scan.text(head)) => true,
        Some(head) => end_of(scan, head).is_some_and(|end| is_discarded(scan, head, end)),
        None => false,
    }
}

/// The token that begins the statement which the block at `open` is part of; `None` for the body of a function or a closure.
fn head(scan: &Scan, open: usize) -> Option<usize> {
    let before = |at: usize| head(scan, *scan.open_before(at.checked_sub(1)?).last()?);
    match scan.text_before(open) {
        // A block alone.
        "" | ";" | "{" | "}" => return Some(open),
        "|" | "||" => return None,
        "else" => return before(open - 1),
        "=>" => return before(open),
        _ => {}
    }
    let depth = scan.open_before(open).len();
    let same = |at: &usize| scan.open_before(*at).len() <= depth;
    let mut inside = (0..open).rev().take_while(|at| !(matches!(scan.text(*at), ";" | "{" | "}" | "=>") && same(at)));
    let begins = |at: &usize| matches!(scan.text(*at), "if" | "switch" | "fn") || LOOPS.contains(&scan.text(*at));
    let at = inside.find(|at| begins(at) && same(at))?;
    match (scan.text(at), scan.text_before(at)) {
        ("fn", _) => None,
        ("if", "else") => before(at - 1),
        _ => Some(at),
    }
}

/// Index after the statement with blocks that begins at `start`, each `else` included.
pub(super) fn end_of(scan: &Scan, start: usize) -> Option<usize> {
    let depth = scan.open_before(start).len();
    let block = |from: usize| {
        let open =
            (from..scan.tokens.len()).find(|at| scan.text(*at) == "{" && scan.open_before(*at).len() == depth)?;
        close(scan, open)
    };
    let mut end = block(start)? + 1;
    while scan.text(end) == "else" {
        end = block(end)? + 1;
    }
    Some(end)
}

/// The bracket that closes the one at `open`.
pub(super) fn close(scan: &Scan, open: usize) -> Option<usize> {
    let depth = scan.open_before(open).len();
    (open + 1..scan.tokens.len()).find(|at| scan.open_before(at + 1).len() == depth)
}

fn begins_statement(scan: &Scan, index: usize) -> bool {
    matches!(scan.text_before(index), "" | ";" | "{" | "}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(script: &str) -> usize {
        let scan = Scan::new(script);
        (0..scan.tokens.len()).filter_map(|index| verdict(&scan, index)).count()
    }

    #[test]
    fn a_verdict_with_something_after_it_has_no_effect() {
        for script in [
            "|p| { if p.number == 2 { drop(); } pass() }",
            "|p| { if a || b { drop() } else if c { 1 } else { delay(20.ms); } ; pass() }",
            "|p| { delay(10.ms); if x { drop() } else { pass() } }",
            "|p| { for i in 0..3 { if i == p.number { drop(); } } }",
            "fn f(p) { switch p.number { 1 => { drop(); } _ => { n += 1; } } pass() }",
            "|p| { { reject(\"admin-prohibited\"); } pass() }",
            "drop(); print(1);",
        ] {
            assert!(found(script) >= 1, "{script}");
        }
        assert_eq!(found("|p| { if a || b { drop() } else if c { 1 } else { delay(20.ms); } ; pass() }"), 2);
    }

    #[test]
    fn a_verdict_that_is_a_value_has_one() {
        for script in [
            "|p| { drop(); }",
            "|p| { n += 1; if p.number == 2 { drop(); } else { pass() } }",
            "|p| { if p.number == 2 { return drop(); } pass() }",
            "|p| if p.number == 2 { drop(); } else { pass(); }",
            "fn f(p) { switch p.number { 1 => { drop(); } _ => { if x { pass() } else { drop(); } } } }",
            "let v = if x { drop(); } else { pass() }; v",
            "let v = { n += 1; drop() }; f(drop()); [drop(), pass()]",
            "fn drop() { print(1); } drop(); drop();",
            "|p| { let v = drop(); text.replace(\"a\", \"b\"); list.drop(|x| x > 1); v }",
            "set_policy(s, |p| { n += 1; drop(); }); print(1); drop();",
        ] {
            assert_eq!(found(script), 0, "{script}");
        }
    }

    #[test]
    fn every_cut_of_a_script_is_read() {
        let script = "|p| { for x in y { if a || b { drop(); } else if c { pass(); } } switch p { 1 => { delay(1.ms); } } pass() }";
        let all: Vec<usize> = (0..=script.len()).map(|end| found(&script[..end])).collect();
        assert_eq!(all.last(), Some(&3));
    }
}
