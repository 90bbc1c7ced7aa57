//! A light reading of script text, for what the parser does not tell: which bracket was left open, which
//! names are declared where, whether a place is inside a `fn`.
//!
//! It never fails: broken text is what it is for.

use rhai::Position;

use super::lex::{Kind, Token, tokens};

/// How a name came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
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
pub(super) struct Declared<'s> {
    pub(super) name: &'s str,
    pub(super) origin: Origin,
    /// Index of the token that declares it.
    index: usize,
    /// Indices of the brackets open around it.
    around: Vec<usize>,
}

impl Declared<'_> {
    pub(super) fn is_top_level(&self) -> bool {
        self.around.is_empty() && matches!(self.origin, Origin::Let | Origin::Const)
    }
}

/// The tokens of a script.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) tokens: Vec<Token>,
}

impl Scan {
    pub(super) fn new(text: &str) -> Self {
        Self { tokens: tokens(text) }
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
                _ if token.kind != Kind::Symbol => {}
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
                .find(|i| self.tokens[*i].kind == Kind::Word && self.text(*i) == "fn")?;
            (self.text(open) == "{").then(|| self.text(fn_at + 1))
        })
    }

    /// The names declared anywhere in the script, in order.
    pub(super) fn declared(&self) -> Vec<Declared<'_>> {
        let mut all = Vec::new();
        let mut add = |index: usize, origin| {
            if self.tokens.get(index).is_some_and(|t| t.kind == Kind::Word) {
                all.push(Declared { name: self.text(index), origin, index, around: self.open_before(index) });
            }
        };
        for (i, token) in self.tokens.iter().enumerate() {
            match (token.kind, token.text.as_str()) {
                (Kind::Word, "let") => add(i + 1, Origin::Let),
                (Kind::Word, "const") => add(i + 1, Origin::Const),
                (Kind::Word, "as") => add(i + 1, Origin::Module),
                (Kind::Word, "for" | "fn" | "catch") => {
                    let end = self.tokens[i..].iter().position(|t| matches!(t.text.as_str(), "in" | ")" | "{"));
                    let first = if token.text == "fn" { i + 2 } else { i + 1 };
                    (first..i + end.unwrap_or(0)).for_each(|at| add(at, Origin::Block));
                }
                (Kind::Symbol, "|") if self.starts_closure(i) => {
                    let end = self.tokens[i + 1..].iter().position(|t| t.text == "|").unwrap_or(0);
                    (i + 1..i + 1 + end).for_each(|at| add(at, Origin::Closure));
                }
                _ => {}
            }
        }
        all
    }

    /// Whether `name` can be used at the token `index`.
    pub(super) fn is_visible(&self, name: &Declared, index: usize) -> bool {
        let open = self.open_before(index);
        let function = |at: usize| self.function_around(at).map(str::to_string);
        match name.origin {
            _ if name.index >= index => false,
            Origin::Module => true,
            Origin::Block => {
                let body = (name.index..self.tokens.len()).find(|i| self.text(*i) == "{");
                body.is_some_and(|body| open.contains(&body))
            }
            _ => open.starts_with(&name.around) && function(name.index) == function(index),
        }
    }

    /// Line in which `name` is declared.
    pub(super) fn line_of(&self, name: &Declared) -> usize {
        self.tokens[name.index].start.0
    }

    /// Whether `name` is declared after the token `index`.
    pub(super) fn is_later(&self, name: &Declared, index: usize) -> bool {
        name.index > index
    }

    /// Whether the token `index` is inside the value that `name` is given in its own declaration.
    pub(super) fn is_in_own_value(&self, name: &Declared, index: usize) -> bool {
        let base = name.around.len();
        self.text(name.index + 1) == "="
            && name.index < index
            && !(name.index..index).any(|i| self.text(i) == ";" && self.open_before(i).len() == base)
    }

    /// Words that may be keys of a map: before a colon, or in quotes.
    pub(super) fn keys(&self) -> Vec<&str> {
        let is_name = |s: &str| !s.is_empty() && s.chars().all(|c| c.is_alphanumeric() || c == '_');
        let keys = self.tokens.iter().enumerate().filter_map(|(i, token)| match token.kind {
            Kind::Word if self.text(i + 1) == ":" => Some(token.text.as_str()),
            Kind::Text => Some(token.text.trim_matches('"')).filter(|s| is_name(s)),
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
    fn every_cut_of_a_script_is_read() {
        let script = "fn f(a) { `x ${a + 1} ${#{k: \"v\"}}` } /* c */ let c = 'x'; for (a, b) in f { |x, y| x }";
        for end in 0..=script.len() {
            let scan = Scan::new(&script[..end]);
            for index in 0..=scan.tokens.len() {
                scan.function_around(index);
                for declared in scan.declared() {
                    scan.is_visible(&declared, index);
                    scan.is_in_own_value(&declared, index);
                }
            }
        }
    }
}
