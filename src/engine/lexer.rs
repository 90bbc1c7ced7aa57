//! Script text as tokens: for messages, and for the colours, the completion and the further lines of what is typed. Any text is
//! read: an unclosed string ends with its line, an unclosed comment with the script.

/// Words of the language.
pub(super) const KEYWORDS: &[&str] = &[
    "let", "const", "if", "else", "for", "in", "while", "loop", "do", "until", "switch", "fn", "private", "return",
    "break", "continue", "throw", "try", "catch", "import", "export", "as", "this", "global", "true", "false",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Word,
    Number,
    Text,
    Symbol,
    Comment,
}

/// A token with the place of its first character and of the one after its last; columns count from 1.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) text: String,
    /// The byte at which it begins.
    pub(super) at: usize,
    pub(super) start: (usize, usize),
    pub(super) end: (usize, usize),
}

/// What is open at the end of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Open {
    /// A comment to the end of the line.
    Line,
    /// A comment `/* …`, which begins there.
    Comment((usize, usize)),
    /// A text in quotes: the byte at which it begins, after the quote.
    Quotes(usize),
    /// A text in back-ticks, or what follows a value in one.
    BackTick(usize),
}

/// A text as it was read.
#[derive(Debug)]
pub(super) struct Lexed {
    /// The tokens, comments among them. Text in back-ticks is one token up to each `${`, and one from the `}` on.
    pub(super) tokens: Vec<Token>,
    /// What its end is in.
    pub(super) open: Option<Open>,
}

/// Reads a text.
pub(super) fn read(text: &str) -> Lexed {
    let mut scanner = Scanner::new(text);
    scanner.run();
    Lexed { tokens: scanner.tokens, open: scanner.open }
}

/// The tokens of `text`, comments left out.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = read(text).tokens;
    tokens.retain(|token| token.kind != TokenKind::Comment);
    tokens
}

struct Scanner {
    chars: Vec<char>,
    at: usize,
    /// The same in bytes.
    byte: usize,
    place: (usize, usize),
    /// For each `${` still open: how many braces are open inside it.
    interpolations: Vec<usize>,
    tokens: Vec<Token>,
    open: Option<Open>,
}

impl Scanner {
    fn new(text: &str) -> Self {
        Self {
            chars: text.chars().collect(),
            at: 0,
            byte: 0,
            place: (1, 1),
            interpolations: Vec::new(),
            tokens: Vec::new(),
            open: None,
        }
    }

    fn run(&mut self) {
        while let Some(c) = self.peek(0) {
            match c {
                // Blanks of a page, such as U+00A0, are none to the language.
                _ if c.is_whitespace() && (c.is_ascii() || c == '\u{85}') => self.skip(1),
                '/' if self.peek(1) == Some('/') => {
                    self.take(TokenKind::Comment, |c| c != '\n');
                    self.open = self.peek(0).is_none().then_some(Open::Line);
                }
                '/' if self.peek(1) == Some('*') => self.comment(),
                '"' => self.quoted('"'),
                '\'' => self.quoted('\''),
                '`' => self.backtick(),
                _ if c.is_alphabetic() || c == '_' => self.take(TokenKind::Word, |c| c.is_alphanumeric() || c == '_'),
                _ if c.is_ascii_digit() => self.take(TokenKind::Number, |c| c.is_ascii_alphanumeric() || c == '_'),
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
            self.byte += self.peek(0).map_or(0, char::len_utf8);
            self.at += 1;
        }
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        while self.peek(0).is_some_and(&wanted) {
            self.skip(1);
        }
    }

    fn push(&mut self, kind: TokenKind, from: usize, start: (usize, usize)) {
        let text: String = self.chars[from..self.at.min(self.chars.len())].iter().collect();
        let at = self.byte - text.len();
        self.tokens.push(Token { kind, text, at, start, end: self.place });
    }

    fn take(&mut self, kind: TokenKind, wanted: impl Fn(char) -> bool) {
        let (from, start) = (self.at, self.place);
        self.skip_while(wanted);
        self.push(kind, from, start);
    }

    fn comment(&mut self) {
        let (mut depth, from, start) = (0, self.at, self.place);
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
                return self.push(TokenKind::Comment, from, start);
            }
        }
        self.push(TokenKind::Comment, from, start);
        self.open = Some(Open::Comment(start));
    }

    /// A string or character in quotes, up to the end of the line when the closing quote is missing.
    fn quoted(&mut self, quote: char) {
        let (from, start) = (self.at, self.place);
        self.skip(1);
        let inside = self.byte;
        while let Some(c) = self.peek(0).filter(|c| *c != '\n') {
            // A quote twice stands for itself.
            let doubled = c == quote && self.peek(1) == Some(quote);
            self.skip(if c == '\\' || doubled { 2 } else { 1 });
            if c == quote && !doubled {
                return self.push(TokenKind::Text, from, start);
            }
        }
        self.open = self.peek(0).is_none().then_some(Open::Quotes(inside));
        self.push(TokenKind::Text, from, start);
    }

    /// The text from a back-tick, or from the end of an interpolation, to the next of either.
    fn backtick(&mut self) {
        let (from, start) = (self.at, self.place);
        self.skip(1);
        let inside = self.byte;
        while let Some(c) = self.peek(0) {
            if c == '`' && self.peek(1) == Some('`') {
                self.skip(2);
                continue;
            }
            if c == '`' {
                self.skip(1);
                return self.push(TokenKind::Text, from, start);
            }
            if c == '$' && self.peek(1) == Some('{') {
                self.push(TokenKind::Text, from, start);
                let (from, start) = (self.at, self.place);
                self.skip(2);
                self.push(TokenKind::Symbol, from, start);
                self.interpolations.push(0);
                return;
            }
            self.skip(1);
        }
        self.push(TokenKind::Text, from, start);
        self.open = Some(Open::BackTick(inside));
    }

    fn symbol(&mut self) {
        let (from, start) = (self.at, self.place);
        let rest: String = self.chars[self.at..].iter().take(3).collect();
        let length = SYMBOLS.iter().find(|s| rest.starts_with(**s)).map_or(1, |s| s.len());
        self.skip(length);
        self.push(TokenKind::Symbol, from, start);
        let opened = rest.starts_with('{') || rest.starts_with("#{");
        match self.interpolations.last_mut() {
            Some(depth) if opened => *depth += 1,
            Some(0) if rest.starts_with('}') => {
                self.interpolations.pop();
                self.at -= 1;
                self.byte -= 1;
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
    use super::{Open, read, tokens};

    fn texts(script: &str) -> Vec<String> {
        tokens(script).into_iter().map(|t| t.text).collect()
    }

    #[test]
    fn splits_text_comments_and_interpolation() {
        assert_eq!(read("a /* x */\n  /* y /* z */ b").open, Some(Open::Comment((2, 3))));
        assert_eq!(read("a /* x */ \"/*\" // /*\n `/*` b").open, None);
        assert_eq!(read("é // x").open, Some(Open::Line));
        assert_eq!(read("é \"a\"\"").open, Some(Open::Quotes(4)));
        assert_eq!(read("`a``b ${\"}\"} c").open, Some(Open::BackTick(12)));
        assert_eq!(texts("a /* x /* y */ */ + \"b // c\" // d"), ["a", "+", "\"b // c\""]);
        assert_eq!(
            texts("`a ${f(#{x: 1})} b` + 1"),
            ["`a ", "${", "f", "(", "#{", "x", ":", "1", "}", ")", "}", "} b`", "+", "1"]
        );
        assert_eq!(texts("\"open\nx"), ["\"open", "x"]);
        assert_eq!(texts("\"ends in \\"), ["\"ends in \\"]);
    }
}
