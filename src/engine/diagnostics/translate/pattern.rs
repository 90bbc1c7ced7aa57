//! Forms of other languages that are rows of `words.txt`, which explains how they are written.

use std::ops::Range;

use super::{Rewrite, Translator};
use crate::engine::diagnostics::rows::section;

/// Rewrites the form at the token `at` by the first row of the section that fits; `message` where the row has none.
pub(super) fn rewrite(of: &Translator, name: &str, message: &str, at: usize) -> Option<Rewrite> {
    let mut taken = Vec::new();
    let (row, end) = section(name).iter().find_map(|row| {
        taken.clear();
        Some((row, matched(of, &row.keys, at, &mut taken)?))
    })?;
    let ours = *row.lines.first().filter(|ours| **ours != "=")?;
    let shown = |text: &str| filled(of, text, at, &taken);
    let mut rewrite = Rewrite::new(end, shown(ours.trim_matches('∅')), shown(row.lines.get(1).unwrap_or(&message)))?;
    rewrite.note = row.lines.get(2).map(|note| shown(note));
    Some(rewrite)
}

/// Where the parts end that begin at the token `at`; what each of them has taken is added to `taken`.
fn matched(of: &Translator, parts: &[&str], at: usize, taken: &mut Vec<Range<usize>>) -> Option<usize> {
    let Some((&part, rest)) = parts.split_first() else { return Some(at) };
    if let Some(part) = part.strip_suffix('?').filter(|part| !part.is_empty()) {
        let known = taken.len();
        if let Some(end) = matched(of, &[&[part], rest].concat(), at, taken) {
            return Some(end);
        }
        taken.truncate(known);
        if is_taken(part) {
            taken.push(at..at);
        }
        return matched(of, rest, at, taken);
    }
    let end = match part.chars().next() {
        Some('@') => follows(of, &part[1..], at).then_some(at)?,
        Some('!') if part.starts_with("!@") => (!follows(of, &part[2..], at)).then_some(at)?,
        Some('&') if part != "&&" => is(of, &part[1..], at).then_some(at)?,
        _ if part == "X" || part == "E" || part == "C" => span(of, part, rest.first().copied(), at)?,
        _ => is(of, part, at).then_some(at + 1)?,
    };
    if is_taken(part) {
        taken.push(at..end);
    }
    matched(of, rest, end, taken)
}

/// Whether a part has a number by which the row names it.
fn is_taken(part: &str) -> bool {
    !part.starts_with(['@', '&']) && !part.starts_with("!@") && (part.contains('|') || "WUNBTAVXEC".contains(part))
}

/// Whether the token is one that the part stands for.
fn is(of: &Translator, part: &str, at: usize) -> bool {
    match part {
        "W" => of.is_word(at),
        "U" => of.text(at).starts_with(char::is_uppercase),
        "N" => of.is_number(at),
        "B" => of.text(at).parse::<u64>().is_ok_and(|number| number >= 64),
        "T" => of.is_quoted(at),
        "A" => of.is_quoted(at) && has_port(of.text(at)),
        "V" => of.is_word(at) || of.is_number(at) || of.is_quoted(at),
        _ => part.split('|').any(|one| one == of.text(at)),
    }
}

/// Whether a text in quotes ends with a port.
fn has_port(text: &str) -> bool {
    let port = text
        .trim_matches(['"', '\'', '`'])
        .rsplit_once(':')
        .filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
    port.is_some_and(|(_, port)| port.parse::<u16>().is_ok())
}

/// Whether the token before `at` is one of `parts`: `^` is the beginning of the script, `LINE` that of a line, `FN` the list of
/// parameters of a function.
fn follows(of: &Translator, parts: &str, at: usize) -> bool {
    parts.split('|').any(|one| match one {
        "^" => at == 0,
        "LINE" => of.begins_line(at),
        "FN" => {
            let open = of.scan.open_before(at).last().copied();
            open.is_some_and(|open| of.text(open) == "(" && open > 1 && matches!(of.text(open - 2), "fn" | "def"))
        }
        "ARGS" => of.scan.open_before(at).last().is_some_and(|open| of.text(*open) == "("),
        one => one == of.before(at),
    })
}

/// Where the tokens end that stand before `next`; an expression ends before a comma, too, and with its line; a condition before `and` and `or`.
fn span(of: &Translator, part: &str, next: Option<&str>, at: usize) -> Option<usize> {
    let last = of.value_end(at);
    let end = match next {
        Some(next) => of.find(at, |text| text == "{" || next.split('|').any(|one| one == text))?,
        None if part == "C" => {
            of.find(at, |text| matches!(text, "and" | "or" | "&&" | "||" | ":")).map_or(last, |end| end.min(last))
        }
        None => last,
    };
    (end > at && (end <= last || part == "X")).then_some(end)
}

/// `text` with what was captured in place of `$1`, `$2`, …, and of `$0` the first token.
fn filled(of: &Translator, text: &str, at: usize, taken: &[Range<usize>]) -> String {
    let mut parts = text.split('$');
    let mut out = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let number = part.chars().next().and_then(|c| c.to_digit(10));
        match number {
            Some(0) => out.push_str(of.text(at)),
            Some(number) => out.push_str(&taken.get(number as usize - 1).map_or(String::new(), |taken| {
                let alone = taken.len() == 1 && !of.is_quoted(taken.start);
                match taken.start == at || alone {
                    true if taken.is_empty() => String::new(),
                    true => of.rest(taken.start, taken.end),
                    false => of.plain(taken.start, taken.end),
                }
            })),
            None => out.push('$'),
        }
        out.push_str(&part[usize::from(number.is_some())..]);
    }
    out
}
