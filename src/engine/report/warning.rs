//! What a check warns of: it can run, and is hardly what was meant.

use rhai::Position;

use super::lex::Kind;
use super::names::Names;
use super::scan::Scan;
use super::{Words, position, translate};
use crate::nearest::nearest;

/// Properties that have one of a few words as their value, with those of all objects.
const CLOSED: [(&str, &[&str]); 2] = [
    (
        "kind",
        &[
            "reply",
            "icmp",
            "timeout",
            "error",
            "interrupted",
            "packet",
            "message",
            "connected",
            "refused",
            "closed",
            "unreachable",
            "reset",
            "empty",
            "pass",
            "drop",
            "delay",
            "duplicate",
            "replace",
            "corrupt",
            "reject",
            "invalid",
            "resolve",
            "in-use",
            "not-local",
            "permission",
            "too-large",
            "exhausted",
            "file",
            "busy",
            "system",
            "data",
            "end",
            "sent",
            "late",
            "foreign",
            "truncated",
            "limit",
        ],
    ),
    ("protocol", &["udp", "tcp", "icmp", "icmp6", "arp", "malformed"]),
];

/// What to warn of in a script, in the order of their places.
pub(super) fn warnings(scan: &Scan, names: &Names) -> Vec<(Position, Words)> {
    let mut found = Vec::new();
    for (index, token) in scan.tokens.iter().enumerate() {
        let words = match token.kind {
            Kind::Text => text(&token.text),
            Kind::Word => compared(scan, index).or_else(|| translate::called_at_once(scan, names, index)),
            _ => None,
        };
        found.extend(words.map(|words| (position(token.start), words)));
    }
    found
}

/// A text that is sent as it is written, though more was meant.
fn text(token: &str) -> Option<Words> {
    let inside = token.get(1..token.len().saturating_sub(1)).unwrap_or_default();
    if token.starts_with('"') && inside.contains("${") && !inside.contains('`') {
        return Some(
            Words::new("`${` in double quotes is text: no value is put there").hint(format!("write: `{inside}`")),
        );
    }
    let escape = ["\\r", "\\n", "\\t", "\\x"].into_iter().find(|escape| inside.contains(escape));
    match escape.filter(|_| token.starts_with(['`', '}'])) {
        Some(escape) if token.starts_with('`') && token.ends_with('`') && !inside.contains('"') => Some(
            Words::new(format!("`{escape}` between back-ticks is a backslash and a letter"))
                .hint(format!("write: \"{inside}\"")),
        ),
        Some(escape) => Some(
            Words::new(format!("`{escape}` between back-ticks is a backslash and a letter"))
                .hint(format!("put it in as a value: ${{\"{escape}\"}}")),
        ),
        None => None,
    }
}

/// `ping.kind == "replied"`: a comparison that is never true.
fn compared(scan: &Scan, index: usize) -> Option<Words> {
    let property = scan.text(index);
    let (_, known) = CLOSED.iter().find(|(name, _)| *name == property)?;
    let value = scan.text(index + 2);
    let compares = matches!(scan.text(index + 1), "==" | "!=") && value.starts_with('"');
    if !matches!(scan.text_before(index), "." | "?.") || !compares {
        return None;
    }
    let word = value.trim_matches('"');
    let is_number = word.chars().next().is_some_and(|c| c.is_ascii_digit());
    if known.contains(&word) || (property == "protocol" && is_number) {
        return None;
    }
    let words = Words::new(format!("`{property}` is never \"{word}\""));
    let same = known.iter().find(|known| known.eq_ignore_ascii_case(word)).copied();
    let meant = if word.starts_with("repl") { Some("reply") } else { None };
    let starts = known.iter().find(|known| word.len() > 3 && (known.starts_with(word) || word.starts_with(**known)));
    match same.or(meant).or(nearest(word, known.iter().copied()).first().copied()).or(starts.copied()) {
        Some(near) => Some(words.hint(format!("write: .{property} {} \"{near}\"", scan.text(index + 1)))),
        None => Some(words.hint(format!("`pingscript doc {property}` lists what it can be"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(script: &str) -> Vec<String> {
        let all = warnings(&Scan::new(script), &Names::default());
        all.into_iter().map(|(_, words)| format!("{}; {}", words.message, words.hints.join("; "))).collect()
    }

    #[test]
    fn what_can_run_and_is_hardly_meant_is_found() {
        for (script, expected) in [
            (r#"print("ping ${seq}");"#, "`${` in double quotes is text: no value is put there; write: `ping ${seq}`"),
            (r"let x = `a\r\n`;", r#"`\r` between back-ticks is a backslash and a letter; write: "a\r\n""#),
            (
                r"let x = `${a}\n`;",
                r#"`\n` between back-ticks is a backslash and a letter; put it in as a value: ${"\n"}"#,
            ),
            (r#"if p.kind == "replied" {}"#, "`kind` is never \"replied\"; write: .kind == \"reply\""),
            (r#"if p.protocol != "UDP" {}"#, "`protocol` is never \"UDP\"; write: .protocol != \"udp\""),
            (
                "fn serve(c) { c.recv() } start_thread(serve(conn));",
                "`serve(conn)` is called here, before there is a thread or a host to run it; write: start_thread(|| serve(conn));",
            ),
        ] {
            assert_eq!(found(script), [expected], "{script}");
        }
    }

    #[test]
    fn what_may_be_meant_is_not() {
        for script in [
            r#"print("costs $5"); print(`a ${b}`); let x = "a\n";"#,
            r#"if p.kind == "reply" && q.protocol == "132" && kind == "x" {}"#,
            "fn worker(n) { |x| n + x } start_thread(worker(3));",
            "start_thread(|| serve(conn)); start_thread(make()); fn make() { Fn(\"f\") }",
        ] {
            assert_eq!(found(script), Vec::<String>::new(), "{script}");
        }
    }
}
