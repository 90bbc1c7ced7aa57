//! What a check warns of: it runs, and is likely a mistake. What is certainly one is a warning of each run, too.

use rhai::Position;

use super::names::Names;
use super::scan::Scan;
use super::{Words, compared, discarded, policies, position, translate};
use crate::engine::lexer::TokenKind;

/// What to warn of in a script, in the order of their places.
pub(super) fn warnings(scan: &Scan, names: &Names) -> Vec<(Position, Words)> {
    let mut found = Vec::new();
    for (index, token) in scan.tokens.iter().enumerate() {
        let words = match token.kind {
            TokenKind::Text => text(&token.text).or_else(|| braces(scan, index)),
            TokenKind::Number => divided(scan, names, index),
            TokenKind::Word => compared::never(scan, index)
                .or_else(|| compared::share(scan, index))
                .or_else(|| divided(scan, names, index))
                .or_else(|| lost_change(scan, index))
                .or_else(|| discarded::verdict(scan, index))
                .or_else(|| translate::called_at_once(scan, names, index))
                .or_else(|| policies::warning(scan, names, index)),
            _ => None,
        };
        found.extend(words.map(|words| (position(token.start), words)));
    }
    found
}

/// What is certainly a mistake: the value of a variable was to be put into a text in double quotes, a number divided by one in a
/// comment, `random()` compared with more than it can be, or the change of a copy or a verdict is lost.
pub(super) fn certain(scan: &Scan) -> Vec<(Position, Words)> {
    let mut found = Vec::new();
    for (index, token) in scan.tokens.iter().enumerate() {
        let words = match token.kind {
            TokenKind::Text if names_a_variable(scan, index) => text(&token.text),
            TokenKind::Number if scan.divisor_after(index).is_some_and(|divisor| divisor.parse::<f64>().is_ok()) => {
                divided(scan, &Names::default(), index)
            }
            TokenKind::Word => lost_change(scan, index)
                .or_else(|| discarded::verdict(scan, index))
                .or_else(|| compared::share(scan, index)),
            _ => None,
        };
        found.extend(words.map(|words| (position(token.start), words)));
    }
    found
}

/// Whether a text in double quotes has `${name}`, and the script a variable of that name there.
fn names_a_variable(scan: &Scan, index: usize) -> bool {
    let text = scan.text(index);
    let inside = text.split("${").skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name.trim());
    let named: Vec<&str> = inside.collect();
    text.starts_with('"')
        && !named.is_empty()
        && scan.declared().iter().any(|known| named.contains(&known.name) && scan.is_visible(known, index))
}

/// Methods of arrays, maps and blobs that change them and give nothing back; no object of a handle has one of them.
const CHANGES: [&str; 9] = ["push", "insert", "append", "splice", "retain", "dedup", "sort", "reverse", "fill"];

/// `fn add(list, x) { list.push(x); }`: the change of a copy that no one sees. The token `index` is the first use of the
/// parameter, and all of them are such statements.
fn lost_change(scan: &Scan, index: usize) -> Option<Words> {
    let name = scan.text(index);
    let changes = |at: usize| {
        let alone = matches!(scan.text_before(at), ";" | "{" | "}");
        alone && scan.text(at + 1) == "." && CHANGES.contains(&scan.text(at + 2)) && scan.text(at + 3) == "("
    };
    if !changes(index) {
        return None;
    }
    let function = scan.function_around(index)?;
    let body = scan.body_of(function).filter(|body| body.contains(&index))?;
    let is_parameter =
        (0..body.start).rev().skip(1).take_while(|at| scan.text(*at) != "(").any(|at| scan.text(at) == name);
    let used = |at: &usize| scan.text(*at) == name && !matches!(scan.text_before(*at), "." | "?.");
    let mut uses = body.filter(used);
    if !is_parameter || uses.next() != Some(index) || !uses.all(changes) {
        return None;
    }
    let method = scan.text(index + 2);
    Some(Words::row("lost-change", &[function, name, method]))
}

/// A text that is sent as it is written, though more was meant.
fn text(token: &str) -> Option<Words> {
    let inside = token.get(1..token.len().saturating_sub(1)).unwrap_or_default();
    if token.starts_with('"') && inside.contains("${") && !inside.contains('`') {
        return Some(Words::row("no-interpolation", &[inside]));
    }
    let escape = ["\\r", "\\n", "\\t", "\\x"].into_iter().find(|escape| inside.contains(escape));
    let escape = escape.filter(|_| token.starts_with(['`', '}']))?;
    let is_whole = token.starts_with('`') && token.ends_with('`') && !inside.contains('"');
    Some(Words::row(if is_whole { "escape" } else { "escape-inside" }, &[escape, inside]))
}

/// `"x is {x}"`: a variable in the braces of other languages.
fn braces(scan: &Scan, index: usize) -> Option<Words> {
    let text = scan.text(index);
    let inside = text.get(1..text.len().saturating_sub(1)).filter(|_| text.starts_with(['"', '`', '}']))?;
    let is_path = |name: &str| {
        let starts = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
        starts && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.')
    };
    let mut parts = inside.split('{');
    let mut written = parts.next()?.to_string();
    let mut first = None;
    for part in parts {
        let name = part.split_once('}').map(|(name, _)| name).filter(|name| is_path(name));
        let known = name.filter(|name| is_known(scan, index, name.split('.').next().unwrap_or(name)));
        if let Some(name) = known.filter(|_| !written.ends_with(['$', '#'])) {
            first.get_or_insert(format!("{{{name}}}"));
            written.push('$');
        }
        written.push('{');
        written.push_str(part);
    }
    let first = first?;
    let whole = text.starts_with('"') || text.len() > 1 && text.starts_with('`') && text.ends_with('`');
    let ours = if whole && !inside.contains('\\') { written } else { format!("${first}") };
    Some(Words::row("no-braces", &[&first, &ours]))
}

/// Whether a variable of this name is visible at the token `index`.
fn is_known(scan: &Scan, index: usize, name: &str) -> bool {
    scan.declared().iter().any(|known| known.name == name && scan.is_visible(known, index))
}

/// `7 // 2`: a comment where a division was meant.
fn divided(scan: &Scan, names: &Names, index: usize) -> Option<Words> {
    let divisor = scan.divisor_after(index)?.split([')', ']', ';']).next()?;
    let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let name = |text: &str| is_known(scan, index, text.split('.').next().unwrap_or(text));
    let is_whole = |text: &str| text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
    let is_value = |text: &str| is_whole(text) && (is_number(text) || name(text));
    let line = translate::divided(scan, names, index)?;
    (is_value(scan.text(index)) && is_value(divisor)).then(|| Words::row("slashes", &[&line]))
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
            (r#"if p.flags == "S" {}"#, "`flags` is never \"S\"; write: .flags == \"SYN\""),
            (r#"if p.flags == "ack,syn" {}"#, "`flags` is never \"ack,syn\"; write: .flags == \"SYN ACK\""),
            (r#"if p.direction == "a->b" {}"#, "`direction` is never \"a->b\"; write: .direction == \"a > b\""),
            (
                r#"if p.to.ip == "b" {}"#,
                "`ip` is never \"b\"; it is text such as \"10.0.0.1\"; an address compares with that of a host: pkt.to == b.addr",
            ),
            (
                "if random() < 20 { drop() }",
                "random() is from 0 to 1, and never 20; 20 of 100: random() < 0.2; a whole number: random(1, 100)",
            ),
            (
                "fn add(list, x) { list.push(x); }",
                "`add` changes a copy of `list`, and its caller does not see that; return it: put `list` at the end of `add`, \
                 and write list = add(list, …) where it is called; or make it a method: fn add(…) { this.push(…); }",
            ),
            (
                "fn serve(c) { c.recv() } start_thread(serve(conn));",
                "`serve(conn)` is called here, before there is a thread or a host to run it; write: start_thread(|| serve(conn));",
            ),
        ] {
            assert_eq!(found(script), [expected], "{script}");
        }
    }

    #[test]
    fn what_is_certain_is_reported_by_a_run_too() {
        let certain = |script| certain(&Scan::new(script)).len();
        assert_eq!(certain("let seq = 1; print(\"ping ${seq} of ${n}\");"), 1);
        assert_eq!(certain("fn f(list) { list.push(1); list.sort(); } for i in 1..2 { print(\"${ i }\"); }"), 2);
        assert_eq!(certain("let half = 7 // 2"), 1);
        for script in [
            "print(\"echo ${HOME}\");",
            "print(\"${a}\"); let a = 1;",
            "fn f(x) {} print(\"${x}\");",
            "if p.kind == \"y\" {}",
            "let n = 3; // 2",
            "let n = f(2) // 2",
        ] {
            assert_eq!(certain(script), 0, "{script}");
        }
    }

    /// A run does not look for them.
    #[test]
    fn no_shipped_script_has_a_certain_mistake() {
        for (name, script) in crate::engine::sources::SHIPPED {
            assert_eq!(certain(&Scan::new(script)).len(), 0, "{name}");
        }
    }

    #[test]
    fn what_may_be_meant_is_not() {
        for script in [
            r#"print("costs $5"); print(`a ${b}`); let x = "a\n";"#,
            r#"if p.kind == "reply" && q.protocol == "132" && kind == "x" {}"#,
            r#"if p.flags == "FIN PSH ACK" && p.direction == "a > b" && p.to.ip == "fe80::1%a" && random() < 0.2 && random(1, 6) > 3 {}"#,
            "fn add(list, x) { list.push(x); list }",
            "fn add(list) { let list = list; list.push(1); } fn sorted(l) { l.sort(); print(l); }",
            "fn add(x) { this.push(x); list.push(x); } let list = []; list.push(1);",
            "fn fill(list) { while list.len() < 5 { list.push(1); } }",
            "fn worker(n) { |x| n + x } start_thread(worker(3));",
            "start_thread(|| serve(conn)); start_thread(make()); fn make() { Fn(\"f\") }",
        ] {
            assert_eq!(found(script), Vec::<String>::new(), "{script}");
        }
    }
}
