//! Script text as tokens, for [`super::scan`]. Any text is read: an unclosed string ends with its line, an
//! unclosed comment with the script.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Number,
    Text,
    Symbol,
}

/// A token with the place of its first character and of the one after its last; columns count from 1.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) text: String,
    pub(super) start: (usize, usize),
    pub(super) end: (usize, usize),
}

/// The tokens of `text`, comments left out. Text in back-ticks is one token up to each `${`, and one after it.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut scanner = Scanner::new(text);
    scanner.run();
    scanner.tokens
}

/// Where a comment begins that is never closed.
pub(super) fn open_comment(text: &str) -> Option<(usize, usize)> {
    let mut scanner = Scanner::new(text);
    scanner.run();
    scanner.open_comment
}

struct Scanner {
    chars: Vec<char>,
    at: usize,
    place: (usize, usize),
    /// For each `${` still open: how many braces are open inside it.
    interpolations: Vec<usize>,
    tokens: Vec<Token>,
    open_comment: Option<(usize, usize)>,
}

impl Scanner {
    fn new(text: &str) -> Self {
        Self {
            chars: text.chars().collect(),
            at: 0,
            place: (1, 1),
            interpolations: Vec::new(),
            tokens: Vec::new(),
            open_comment: None,
        }
    }

    fn run(&mut self) {
        while let Some(c) = self.peek(0) {
            match c {
                // Blanks of a page, such as U+00A0, are none to the language.
                _ if c.is_whitespace() && (c.is_ascii() || c == '\u{85}') => self.skip(1),
                '/' if self.peek(1) == Some('/') => self.skip_while(|c| c != '\n'),
                '/' if self.peek(1) == Some('*') => self.comment(),
                '"' => self.quoted('"'),
                '\'' => self.quoted('\''),
                '`' => self.backtick(),
                _ if c.is_alphabetic() || c == '_' => self.take(Kind::Word, |c| c.is_alphanumeric() || c == '_'),
                _ if c.is_ascii_digit() => self.take(Kind::Number, |c| c.is_ascii_alphanumeric() || c == '_'),
                _ => self.symbol(),
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            if self.peek(0) == Some('\n') {
                self.place = (self.place.0 + 1, 1);
            } else {
                self.place.1 += 1;
            }
            self.at += 1;
        }
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        while self.peek(0).is_some_and(&wanted) {
            self.skip(1);
        }
    }

    fn push(&mut self, kind: Kind, from: usize, start: (usize, usize)) {
        let text = self.chars[from..self.at.min(self.chars.len())].iter().collect();
        self.tokens.push(Token { kind, text, start, end: self.place });
    }

    fn take(&mut self, kind: Kind, wanted: impl Fn(char) -> bool) {
        let (from, start) = (self.at, self.place);
        self.skip_while(wanted);
        self.push(kind, from, start);
    }

    fn comment(&mut self) {
        let (mut depth, start) = (0, self.place);
        while self.peek(0).is_some() {
            let pair = (self.peek(0), self.peek(1));
            match pair {
                (Some('/'), Some('*')) => depth += 1,
                (Some('*'), Some('/')) => depth -= 1,
                _ => {
                    self.skip(1);
                    continue;
                }
            }
            self.skip(2);
            if depth == 0 {
                return;
            }
        }
        self.open_comment = Some(start);
    }

    /// A string or character in quotes, up to the end of the line when the closing quote is missing.
    fn quoted(&mut self, quote: char) {
        let (from, start) = (self.at, self.place);
        self.skip(1);
        while let Some(c) = self.peek(0).filter(|c| *c != '\n') {
            self.skip(if c == '\\' { 2 } else { 1 });
            if c == quote {
                break;
            }
        }
        self.push(Kind::Text, from, start);
    }

    /// The text from a back-tick, or from the end of an interpolation, to the next of either.
    fn backtick(&mut self) {
        let (from, start) = (self.at, self.place);
        self.skip(1);
        while let Some(c) = self.peek(0) {
            if c == '`' {
                self.skip(1);
                break;
            }
            if c == '$' && self.peek(1) == Some('{') {
                self.push(Kind::Text, from, start);
                let (from, start) = (self.at, self.place);
                self.skip(2);
                self.push(Kind::Symbol, from, start);
                self.interpolations.push(0);
                return;
            }
            self.skip(1);
        }
        self.push(Kind::Text, from, start);
    }

    fn symbol(&mut self) {
        let (from, start) = (self.at, self.place);
        let rest: String = self.chars[self.at..].iter().take(3).collect();
        let length = SYMBOLS.iter().find(|s| rest.starts_with(**s)).map_or(1, |s| s.len());
        self.skip(length);
        self.push(Kind::Symbol, from, start);
        let opened = rest.starts_with('{') || rest.starts_with("#{");
        match self.interpolations.last_mut() {
            Some(depth) if opened => *depth += 1,
            Some(0) if rest.starts_with('}') => {
                self.interpolations.pop();
                self.at -= 1;
                self.place.1 -= 1;
                self.backtick();
            }
            Some(depth) if rest.starts_with('}') => *depth -= 1,
            _ => {}
        }
    }
}

/// Symbols of more than one character, longer ones first.
const SYMBOLS: [&str; 27] = [
    "===", "!==", "..=", "**=", "<<=", ">>=", "#{", "==", "!=", "<=", ">=", "=>", "->", "::", "..", "&&", "||", "??",
    "?.", "++", "--", "+=", "-=", "*=", "/=", "%=", "**",
];

#[cfg(test)]
mod tests {
    use super::{open_comment, tokens};

    fn texts(script: &str) -> Vec<String> {
        tokens(script).into_iter().map(|t| t.text).collect()
    }

    #[test]
    fn splits_text_comments_and_interpolation() {
        assert_eq!(open_comment("a /* x */\n  /* y /* z */ b"), Some((2, 3)));
        assert_eq!(open_comment("a /* x */ \"/*\" // /*\n `/*` b"), None);
        assert_eq!(texts("a /* x /* y */ */ + \"b // c\" // d"), ["a", "+", "\"b // c\""]);
        assert_eq!(
            texts("`a ${f(#{x: 1})} b` + 1"),
            ["`a ", "${", "f", "(", "#{", "x", ":", "1", "}", ")", "}", "} b`", "+", "1"]
        );
        assert_eq!(texts("\"open\nx"), ["\"open", "x"]);
        assert_eq!(texts("\"ends in \\"), ["\"ends in \\"]);
    }
}
