//! Colours for a line of script.

use crate::engine::lexer::{KEYWORDS, TokenKind, read};

const KEYWORD: &str = "\x1b[34m";
const TEXT: &str = "\x1b[32m";
const NUMBER: &str = "\x1b[36m";
const COMMENT: &str = "\x1b[2m";
const CALL: &str = "\x1b[33m";
const COMMAND: &str = "\x1b[35m";
const END: &str = "\x1b[0m";

/// `line` with its parts in colours. Without those it is the same.
pub fn coloured(line: &str) -> String {
    if line.starts_with(':') {
        let end = line.find(' ').unwrap_or(line.len());
        return format!("{COMMAND}{}{END}{}", &line[..end], &line[end..]);
    }
    let tokens = read(line).tokens;
    let (mut out, mut done) = (String::with_capacity(line.len() * 2), 0);
    for (i, token) in tokens.iter().enumerate() {
        let end = token.at + token.text.len();
        let called = || tokens.get(i + 1).is_some_and(|next| next.text == "(" && next.at == end);
        let colour = match token.kind {
            TokenKind::Comment => COMMENT,
            TokenKind::Text => TEXT,
            TokenKind::Number => NUMBER,
            TokenKind::Word if KEYWORDS.contains(&token.text.as_str()) => KEYWORD,
            TokenKind::Word if called() => CALL,
            TokenKind::Word | TokenKind::Symbol => continue,
        };
        // What follows a value in back-ticks begins with the bracket that was before.
        let start = token.at.max(done);
        out.push_str(&format!("{}{colour}{}{END}", &line[done..start], &line[start..end]));
        done = end;
    }
    out + &line[done..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_colours_is_added() {
        for line in [
            "let x = udp::bind(\"a\\\"b\", 5); // é",
            "`open",
            "'",
            "/* x",
            ":load file",
            "1.ms",
            "",
            "fn f(é) { `a` }",
        ] {
            let mut plain = coloured(line);
            for colour in [KEYWORD, TEXT, NUMBER, COMMENT, CALL, COMMAND, END] {
                plain = plain.replace(colour, "");
            }
            assert_eq!(plain, line);
        }
        assert_eq!(
            coloured("`a ${f(1)} b`"),
            "\x1b[32m`a \x1b[0m${\x1b[33mf\x1b[0m(\x1b[36m1\x1b[0m)\x1b[32m} b`\x1b[0m"
        );
        // Comments stand in comments, for all who read a line.
        assert_eq!(coloured("/* a /* b */ c */ d"), "\x1b[2m/* a /* b */ c */\x1b[0m d");
        assert_eq!(coloured("let x"), "\x1b[34mlet\x1b[0m x");
    }
}
