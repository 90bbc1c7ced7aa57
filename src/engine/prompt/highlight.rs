//! Colours for a line of script.

/// Words of the language.
const KEYWORDS: &[&str] = &[
    "let", "const", "if", "else", "for", "in", "while", "loop", "do", "until", "switch", "fn", "private", "return",
    "break", "continue", "throw", "try", "catch", "import", "export", "as", "this", "global", "true", "false",
];

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
    let mut out = String::with_capacity(line.len() * 2);
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let (len, colour) = match c {
            _ if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), COMMENT),
            _ if rest.starts_with("/*") => (rest.find("*/").map_or(rest.len(), |end| end + 2), COMMENT),
            '"' | '\'' | '`' => (quoted(rest, c), TEXT),
            _ if c.is_ascii_digit() => (word(rest), NUMBER),
            _ if c.is_alphabetic() || c == '_' => {
                let len = word(rest);
                let after = rest[len..].chars().next();
                let colour = match (KEYWORDS.contains(&&rest[..len]), after) {
                    (true, _) => KEYWORD,
                    (false, Some('(')) => CALL,
                    _ => "",
                };
                (len, colour)
            }
            _ => (c.len_utf8(), ""),
        };
        let (part, left) = rest.split_at(len);
        if colour.is_empty() {
            out.push_str(part);
        } else {
            out.push_str(&format!("{colour}{part}{END}"));
        }
        rest = left;
    }
    out
}

/// Bytes of the word or number at the start.
fn word(text: &str) -> usize {
    text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len())
}

/// Bytes of the text in quotes at the start, to its end or the end of all.
fn quoted(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' if quote != '`' => drop(chars.next()),
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
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
        assert_eq!(coloured("let x"), "\x1b[34mlet\x1b[0m x");
    }
}
