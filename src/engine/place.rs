//! Where in a line the cursor stands: within quotes, after a dot, in an option map, …

use crate::engine::lexer::{Lexed, Open, Token, TokenKind, read, tokens};

/// What stands at the cursor, with the byte at which the word to complete begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CursorPlace<'a> {
    /// `:wo`
    Command { start: usize, word: &'a str },
    /// `:command wo`
    Argument { command: &'a str, start: usize, word: &'a str },
    /// `call("te`
    Text { start: usize, text: &'a str, call: Option<String> },
    /// `namespace::wo`
    Namespace { namespace: &'a str, start: usize, word: &'a str },
    /// `object.wo`
    Member { object: &'a str, start: usize, word: &'a str },
    /// `call(…, #{ wo`
    Key { call: String, start: usize, word: &'a str },
    /// `wo`
    Name { start: usize, word: &'a str },
    /// Within a comment, or a number.
    Nothing,
}

/// What stands at the end of `before`.
pub(super) fn place(before: &str) -> CursorPlace<'_> {
    if let Some(command) = before.strip_prefix(':') {
        return match command.split_once(' ') {
            None => CursorPlace::Command { start: 1, word: command },
            Some((command, rest)) => {
                let word = rest.trim_start();
                CursorPlace::Argument { command, start: before.len() - word.len(), word }
            }
        };
    }
    let Lexed { tokens, open } = read(before);
    let brackets = brackets(&tokens);
    match open {
        Some(Open::Line | Open::Comment(_)) => return CursorPlace::Nothing,
        Some(Open::Quotes(start) | Open::BackTick(start)) => {
            let around = brackets.last().filter(|bracket| bracket.text == "(");
            let call = around.and_then(|bracket| callee(&before[..bracket.at]));
            return CursorPlace::Text { start, text: &before[start..], call };
        }
        None => {}
    }
    let start =
        before.rfind(|c: char| !is_word(c)).map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    let (head, word) = before.split_at(start);
    if let Some(path) = head.strip_suffix("::") {
        let from = path.rfind(|c: char| !is_word(c)).map_or(0, |at| at + 1);
        return CursorPlace::Namespace { namespace: path.get(from..).unwrap_or_default(), start, word };
    }
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        return CursorPlace::Nothing;
    }
    if let Some(object) = head.strip_suffix("?.").or_else(|| head.strip_suffix('.'))
        && !object.ends_with('.')
    {
        return CursorPlace::Member { object: &object[expression_start(object)..], start, word };
    }
    let trimmed = head.trim_end();
    if trimmed.ends_with(['{', ','])
        && let [.., outer, inner] = brackets.as_slice()
        && (outer.text.as_str(), inner.text.as_str()) == ("(", "#{")
        && let Some(call) = callee(&before[..outer.at])
    {
        return CursorPlace::Key { call, start, word };
    }
    CursorPlace::Name { start, word }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The name of the function before a bracket: `udp::bind`, `.ping`, `policy`.
fn callee(before: &str) -> Option<String> {
    let before = before.trim_end();
    let start = before
        .rfind(|c: char| !is_word(c) && c != ':')
        .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    let name = &before[start..];
    (!name.is_empty()).then(|| name.to_string())
}

/// Where the chain of names and calls begins that ends here.
pub(in crate::engine) fn expression_start(text: &str) -> usize {
    let tokens = tokens(text);
    let (mut start, mut rest) = (text.len(), tokens.as_slice());
    while let [before @ .., last] = rest
        && last.at + last.text.len() == start
    {
        (start, rest) = match (last.kind, last.text.as_str()) {
            (TokenKind::Word | TokenKind::Number | TokenKind::Text, _) | (_, "." | "?." | "::") => (last.at, before),
            (_, ")" | "]") => match brackets(before).last() {
                Some(open) => (open.at, &before[..before.partition_point(|token| token.at < open.at)]),
                None => break,
            },
            _ => break,
        };
    }
    start
}

/// The byte at which the bracket opens that `text` ends with the closing one of.
pub(super) fn opening(text: &str) -> Option<usize> {
    let tokens = tokens(text);
    brackets(tokens.split_last()?.1).last().map(|open| open.at)
}

/// The call that `before` ends in: what is called, and how many commas of it there are.
pub(in crate::engine) fn call_at(before: &str) -> Option<(&str, usize)> {
    let tokens = tokens(before);
    let open = brackets(&tokens).into_iter().rfind(|bracket| bracket.text == "(")?.at;
    let head = before[..open].trim_end();
    let called = &head[expression_start(head)..];
    let after = tokens.partition_point(|token| token.at <= open);
    let commas = (after..tokens.len()).filter(|at| tokens[*at].text == ",");
    let own = commas.filter(|at| brackets(&tokens[after..*at]).is_empty()).count();
    (!called.is_empty()).then_some((called, own))
}

/// The brackets that are open after `tokens`, the innermost last.
fn brackets(tokens: &[Token]) -> Vec<&Token> {
    let mut open = Vec::new();
    for token in tokens.iter().filter(|token| token.kind == TokenKind::Symbol) {
        match token.text.as_str() {
            "(" | "[" | "{" | "#{" | "${" => open.push(token),
            ")" | "]" | "}" => drop(open.pop()),
            _ => {}
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_at_the_end_is_distinguished() {
        let text = |start, text, call: Option<&str>| CursorPlace::Text { start, text, call: call.map(str::to_string) };
        for (before, expected) in [
            ("udp::open(\"loc", text(11, "loc", Some("udp::open"))),
            ("f(`a ${x} b", text(9, " b", Some("f"))),
            ("f(`a ${x", CursorPlace::Name { start: 7, word: "x" }),
            ("/* a /* b */ c", CursorPlace::Nothing),
            ("/* a /* b */ c */ d", CursorPlace::Name { start: 18, word: "d" }),
            ("x // y", CursorPlace::Nothing),
            ("let é = sock.pi", CursorPlace::Member { object: "sock", start: 14, word: "pi" }),
            ("a + f(\"(\", [1]).b(2).c", CursorPlace::Member { object: "f(\"(\", [1]).b(2)", start: 21, word: "c" }),
            ("x == udp::bi", CursorPlace::Namespace { namespace: "udp", start: 10, word: "bi" }),
            ("udp::bind(\"a\", #{ re", CursorPlace::Key { call: "udp::bind".to_string(), start: 18, word: "re" }),
            ("0..le", CursorPlace::Name { start: 3, word: "le" }),
        ] {
            assert_eq!(place(before), expected, "{before}");
        }
        assert_eq!((opening("f(g(\")\"), 2)"), opening("x")), (Some(1), None));
    }
}
