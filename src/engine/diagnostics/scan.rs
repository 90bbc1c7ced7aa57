//! A light reading of script text, for what the parser does not report: which bracket was left open, which
//! names are declared where, whether a place is inside a `fn`.
//!
//! It never fails: broken text is what it is for.

use std::collections::{HashMap, HashSet};

use rhai::Position;

use crate::engine::lexer::{Token, TokenKind, read};

/// How a name came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeclaredBy {
    Let,
    Const,
    /// A parameter of a `fn`, the variable of a `for` or a `catch`: known in the block that follows.
    Block,
    /// A parameter of a closure.
    Closure,
    /// The name that an `import` gives to a module.
    Module,
}

#[derive(Clone, Debug)]
pub(super) struct Declaration<'s> {
    pub(super) name: &'s str,
    pub(super) origin: DeclaredBy,
    /// Index of the token that declares it.
    index: usize,
    /// Indices of the brackets open around it.
    around: Vec<usize>,
}

impl Declaration<'_> {
    pub(super) fn is_top_level(&self) -> bool {
        self.around.is_empty() && matches!(self.origin, DeclaredBy::Let | DeclaredBy::Const)
    }
}

/// The tokens of a script.
#[derive(Debug, Default)]
pub struct Scan {
    /// Comments are left out.
    pub(super) tokens: Vec<Token>,
    /// Comments `// 2` right after a number or a name: the token before, and what they say.
    divisors: Vec<(usize, String)>,
}

impl Scan {
    /// The tokens of `text`.
    pub fn new(text: &str) -> Self {
        let (mut scan, all) = (Self::default(), read(text).tokens);
        for token in all {
            if token.kind != TokenKind::Comment {
                scan.tokens.push(token);
                continue;
            }
            let is_operand = |last: &&Token| matches!(last.kind, TokenKind::Word | TokenKind::Number);
            let last = scan.tokens.last().filter(is_operand).filter(|last| last.end.0 == token.start.0);
            if let (Some(_), Some(divisor)) = (last, token.text.strip_prefix("//").map(str::trim)) {
                let after = divisor.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
                let fits = after.len() < divisor.len() && (after.is_empty() || after.starts_with([')', ']', ';', ',']));
                scan.divisors.extend(fits.then(|| (scan.tokens.len() - 1, divisor.to_string())));
            }
        }
        scan
    }

    /// What a comment after the token `at` says, if that may have been meant for the divisor of a division.
    pub(super) fn divisor_after(&self, at: usize) -> Option<&str> {
        self.divisors.iter().find(|(before, _)| *before == at).map(|(_, divisor)| divisor.as_str())
    }

    /// Whether a text in double quotes has the form that puts values into texts between back-ticks: `"ping ${seq}"`.
    pub fn has_quoted_value(&self) -> bool {
        self.tokens
            .iter()
            .any(|token| token.kind == TokenKind::Text && token.text.starts_with('"') && token.text.contains("${"))
    }

    /// How often each name is declared: variables, parameters, modules, functions.
    pub fn declarations(&self) -> HashMap<&str, usize> {
        let mut counts = HashMap::new();
        for declared in self.declared() {
            *counts.entry(declared.name).or_default() += 1;
        }
        for (i, token) in self.tokens.iter().enumerate() {
            if token.kind == TokenKind::Word && token.text == "fn" {
                *counts.entry(self.text(i + 1)).or_default() += 1;
            }
        }
        counts
    }

    /// Words that may be keys of a map: those before a colon, in quotes, or set after a dot.
    pub fn possible_keys(&self) -> HashSet<&str> {
        let set = |i: &usize| self.text(*i) == "." && self.text(*i + 2) == "=";
        let set = (0..self.tokens.len()).filter(set).map(|i| self.text(i + 1));
        self.keys().into_iter().chain(set).collect()
    }

    /// `text`, which this is the scan of, with blanks in place of the innermost statement around `pos`, every other
    /// place kept; `None` if there is no statement there.
    pub fn without_statement(&self, text: &str, pos: Position) -> Option<String> {
        let at = self.index_at(pos);
        self.tokens.get(at)?;
        let block = self.open_before(at).into_iter().rfind(|open| self.text(*open) == "{");
        let first = block.map_or(0, |open| open + 1);
        let (mut from, mut to, mut depth) = (first, self.tokens.len(), 0usize);
        for i in first..self.tokens.len() {
            // With a bracket left open, the lines say where the next statement begins.
            if i > at && depth > 0 && self.begins_line(i, self.tokens[from].start.1) {
                to = i;
                break;
            }
            let next = self.text(i + 1);
            let ends = match self.text(i) {
                _ if self.tokens[i].kind == TokenKind::Text => false,
                "(" | "[" | "{" | "#{" | "${" => {
                    depth += 1;
                    false
                }
                "}" if depth == 0 && block.is_some() => {
                    to = i;
                    break;
                }
                ")" | "]" | "}" => {
                    depth = depth.saturating_sub(1);
                    let goes_on = matches!(next, "else" | "catch" | "while" | "until" | "in");
                    let statement = self.tokens.get(i + 1).is_none_or(|next| next.kind == TokenKind::Word && !goes_on);
                    self.text(i) == "}" && depth == 0 && statement
                }
                ";" => depth == 0,
                _ => false,
            };
            if ends && i >= at {
                to = i + 1;
                break;
            }
            if ends {
                from = i + 1;
            }
        }
        let (start, end) = (self.tokens.get(from)?.start, self.tokens.get(to.checked_sub(1)?)?.end);
        if from > at || to <= from {
            return None;
        }
        let mut place = (1, 1);
        let blank = |c: char| {
            let inside = start <= place && place < end;
            place = if c == '\n' { (place.0 + 1, 1) } else { (place.0, place.1 + 1) };
            if inside && c != '\n' { ' ' } else { c }
        };
        Some(text.chars().map(blank).collect())
    }

    /// Index of the first token that ends after `pos`; the number of tokens when none does.
    pub(super) fn index_at(&self, pos: Position) -> usize {
        let Some(line) = pos.line() else {
            return self.tokens.len();
        };
        let place = (line, pos.position().unwrap_or(1));
        self.tokens.iter().position(|t| t.end > place).unwrap_or(self.tokens.len())
    }

    /// Whether the text declares a function of this name.
    pub(super) fn has_function(&self, name: &str) -> bool {
        (1..self.tokens.len()).any(|i| self.text(i) == name && self.text(i - 1) == "fn")
    }

    /// The tokens of the body of the function `name`; `None` if the text declares none.
    pub(super) fn body_of(&self, name: &str) -> Option<std::ops::Range<usize>> {
        let at = (1..self.tokens.len()).find(|i| self.text(*i) == name && self.text(*i - 1) == "fn")?;
        let open = (at..self.tokens.len()).find(|i| self.text(*i) == "{")?;
        let inside = |i: &usize| self.open_before(*i).contains(&open);
        Some(open + 1..(open + 1..self.tokens.len()).find(|i| !inside(i)).unwrap_or(self.tokens.len()))
    }

    /// The function that calls itself, if there is just one.
    pub(super) fn calls_itself(&self) -> Option<&str> {
        let names = (1..self.tokens.len()).filter(|i| self.text(*i - 1) == "fn").map(|i| self.text(i));
        let calls = |name: &&str| {
            self.body_of(name).is_some_and(|mut body| body.any(|i| self.text(i) == *name && self.text(i + 1) == "("))
        };
        let mut all = names.filter(calls);
        all.next().filter(|_| all.next().is_none())
    }

    /// Whether the token `index` begins a line, no further right than `column`, after the end of a statement.
    fn begins_line(&self, index: usize, column: usize) -> bool {
        let Some(before) = index.checked_sub(1) else { return true };
        let start = self.tokens[index].start;
        start.0 > self.tokens[before].end.0 && start.1 <= column && matches!(self.text(before), ";" | "}")
    }

    /// The text of the token at `index`, empty outside the script.
    pub(super) fn text(&self, index: usize) -> &str {
        self.tokens.get(index).map_or("", |t| t.text.as_str())
    }

    /// The text of the token before `index`, empty at the start.
    pub(super) fn text_before(&self, index: usize) -> &str {
        index.checked_sub(1).map_or("", |i| self.text(i))
    }

    /// The brackets still open before the token `index`, outermost first.
    pub(super) fn open_before(&self, index: usize) -> Vec<usize> {
        let mut open = Vec::new();
        for (i, token) in self.tokens.iter().enumerate().take(index) {
            match token.text.as_str() {
                _ if token.kind != TokenKind::Symbol => {}
                "(" | "[" | "{" | "#{" | "${" => open.push(i),
                ")" | "]" | "}" => {
                    open.pop();
                }
                _ => {}
            }
        }
        open
    }

    /// The first `{` whose `}` begins a line further left than the line of the `{` begins: by its
    /// indentation that `}` was meant for an outer block.
    pub(super) fn closed_too_far_left(&self) -> Option<usize> {
        let indent = |index: usize| {
            let line = self.tokens[index].start.0;
            self.tokens.iter().find(|t| t.end.0 >= line).map_or(0, |t| t.start.1)
        };
        let closers = (1..self.tokens.len())
            .filter(|i| self.text(*i) == "}" && self.tokens[*i].start.0 > self.tokens[*i - 1].end.0);
        closers.into_iter().find_map(|closer| {
            let open = *self.open_before(closer).last()?;
            (self.text(open) == "{" && self.tokens[closer].start.1 < indent(open)).then_some(open)
        })
    }

    /// The name of the `fn` whose body holds the token `index`.
    pub(super) fn function_around(&self, index: usize) -> Option<&str> {
        self.open_before(index).into_iter().find_map(|open| {
            let fn_at = (0..open)
                .rev()
                .take_while(|i| !matches!(self.text(*i), "{" | "}" | ";"))
                .find(|i| self.tokens[*i].kind == TokenKind::Word && self.text(*i) == "fn")?;
            (self.text(open) == "{").then(|| self.text(fn_at + 1))
        })
    }

    /// The names declared anywhere in the script, in order.
    pub(super) fn declared(&self) -> Vec<Declaration<'_>> {
        let mut all = Vec::new();
        let mut add = |index: usize, origin| {
            if self.tokens.get(index).is_some_and(|t| t.kind == TokenKind::Word) {
                all.push(Declaration { name: self.text(index), origin, index, around: self.open_before(index) });
            }
        };
        for (i, token) in self.tokens.iter().enumerate() {
            match (token.kind, token.text.as_str()) {
                (TokenKind::Word, "let") => add(i + 1, DeclaredBy::Let),
                (TokenKind::Word, "const") => add(i + 1, DeclaredBy::Const),
                (TokenKind::Word, "as") => add(i + 1, DeclaredBy::Module),
                (TokenKind::Word, "for" | "fn" | "catch") => {
                    let end = self.tokens[i..].iter().position(|t| matches!(t.text.as_str(), "in" | ")" | "{"));
                    let first = if token.text == "fn" { i + 2 } else { i + 1 };
                    (first..i + end.unwrap_or(0)).for_each(|at| add(at, DeclaredBy::Block));
                }
                (TokenKind::Symbol, "|") if self.starts_closure(i) => {
                    let end = self.tokens[i + 1..].iter().position(|t| t.text == "|").unwrap_or(0);
                    (i + 1..i + 1 + end).for_each(|at| add(at, DeclaredBy::Closure));
                }
                _ => {}
            }
        }
        all
    }

    /// Whether `name` can be used at the token `index`.
    pub(super) fn is_visible(&self, name: &Declaration, index: usize) -> bool {
        let open = self.open_before(index);
        let function = |at: usize| self.function_around(at).map(str::to_string);
        match name.origin {
            _ if name.index >= index => false,
            DeclaredBy::Module => true,
            DeclaredBy::Block => {
                let body = (name.index..self.tokens.len()).find(|i| self.text(*i) == "{");
                body.is_some_and(|body| open.contains(&body))
            }
            _ => open.starts_with(&name.around) && function(name.index) == function(index),
        }
    }

    /// Line in which `name` is declared.
    pub(super) fn line_of(&self, name: &Declaration) -> usize {
        self.tokens[name.index].start.0
    }

    /// Whether `name` is declared after the token `index`.
    pub(super) fn is_later(&self, name: &Declaration, index: usize) -> bool {
        name.index > index
    }

    /// Whether the token `index` is inside the value that `name` is given in its own declaration.
    pub(super) fn is_in_own_value(&self, name: &Declaration, index: usize) -> bool {
        let base = name.around.len();
        self.text(name.index + 1) == "="
            && name.index < index
            && !(name.index..index).any(|i| self.text(i) == ";" && self.open_before(i).len() == base)
    }

    /// Words that may be keys of a map: before a colon, or in quotes.
    pub(super) fn keys(&self) -> Vec<&str> {
        let is_name = |s: &str| !s.is_empty() && s.chars().all(|c| c.is_alphanumeric() || c == '_');
        let keys = self.tokens.iter().enumerate().filter_map(|(i, token)| match token.kind {
            TokenKind::Word if self.text(i + 1) == ":" => Some(token.text.as_str()),
            TokenKind::Text => Some(token.text.trim_matches('"')).filter(|s| is_name(s)),
            _ => None,
        });
        keys.collect()
    }

    fn starts_closure(&self, index: usize) -> bool {
        let before = self.text_before(index);
        index == 0 || matches!(before, "(" | "," | "=" | "=>" | "{" | ";" | "return" | ":" | "[" | "${" | "}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_functions_and_scopes() {
        let scan = Scan::new("let a = 1; fn f(p) { let b = 2; p } for i in 0..3 { i } a");
        let names: Vec<&str> = scan.declared().iter().map(|d| d.name).collect();
        assert_eq!(names, ["a", "p", "b", "i"]);
        let last = scan.tokens.len() - 1;
        let seen = |at: usize| -> Vec<String> {
            scan.declared().iter().filter(|d| scan.is_visible(d, at)).map(|d| d.name.to_string()).collect()
        };
        assert_eq!(seen(last), ["a"]);
        let p = scan.tokens.iter().rposition(|t| t.text == "p").unwrap_or(0);
        assert_eq!(seen(p), ["p", "b"]);
        assert_eq!(scan.function_around(p), Some("f"));
        assert_eq!(scan.function_around(last), None);
    }

    #[test]
    fn a_statement_is_left_out_and_the_rest_stays_in_its_place() {
        for (script, column, expected) in [
            ("let a = 1; let b = ; let c;", 20, "let a = 1;           let c;"),
            ("let a = 1 let b = 2; c", 11, "                     c"),
            ("fn f() { a; b b; c } f()", 15, "fn f() { a;      c } f()"),
            ("if x = 1 { y } else { z } w", 6, "                          w"),
            ("if x { a b } else { z } w", 10, "if x {     } else { z } w"),
            ("f(|x| { a b }, 2); w", 11, "f(|x| {     }, 2); w"),
            ("a; } b;", 4, "a;   b;"),
            ("a; `x ${b c} y`; d;", 11, "a;               d;"),
            ("a; f((b c; d;", 9, "a;"),
            ("f( { a; }\nb;", 4, "         \nb;"),
            ("{\n  f([1;\n  b;\n}\nc;", 7, "{\n       \n  b;\n}\nc;"),
        ] {
            // The place is given by its column, as if all were one line.
            let line = 1 + script[..column - 1].matches('\n').count();
            let column = column - script[..column - 1].rfind('\n').map_or(0, |end| end + 1);
            let pos = Position::new(line as u16, column as u16);
            let left = Scan::new(script).without_statement(script, pos);
            assert_eq!(left.map(|text| text.trim_end().to_string()), Some(expected.to_string()), "{script}");
        }
        assert_eq!(Scan::new("f(").without_statement("f(", Position::new(1, 3)), None);
    }

    #[test]
    fn every_cut_of_a_script_is_read() {
        let script = "fn f(a) { `x ${a + 1} ${#{k: \"v\"}}` } /* c */ let c = 'x'; for (a, b) in f { |x, y| x }";
        for end in 0..=script.len() {
            let scan = Scan::new(&script[..end]);
            for index in 0..=scan.tokens.len() {
                scan.function_around(index);
                if let Some(token) = scan.tokens.get(index) {
                    let pos = Position::new(token.start.0 as u16, token.start.1 as u16);
                    let left = scan.without_statement(&script[..end], pos);
                    assert!(
                        left.is_none_or(|left| left.len() == end && Scan::new(&left).tokens.len() < scan.tokens.len())
                    );
                }
                for declared in scan.declared() {
                    scan.is_visible(&declared, index);
                    scan.is_in_own_value(&declared, index);
                }
            }
        }
    }
}
