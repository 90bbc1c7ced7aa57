//! The names of a document, read from its tokens: a text that is being written seldom compiles.

use super::document::Document;
use crate::engine::complete::{KnownNames, Variable, kind_of};
use crate::engine::lexer::{Token, TokenKind, tokens};
use crate::engine::programs::ScriptHost;

/// What a document declares.
#[derive(Debug, Default)]
pub(super) struct DocumentNames {
    variables: Vec<Variable>,
    /// Names and numbers of parameters.
    functions: Vec<(String, usize)>,
    /// The same as they are written: `half(n)`.
    signatures: Vec<(String, String)>,
}

impl DocumentNames {
    /// The functions of the document, and the variables declared before `at`.
    pub(super) fn read(host: &ScriptHost, document: &Document, at: usize) -> Self {
        let all = tokens(&document.text);
        let mut names = Self::default();
        names.add_functions(&all, "");
        for (index, token) in all.iter().enumerate().take_while(|(_, token)| token.at < at) {
            match token.text.as_str() {
                "let" | "const" => names.add_variable(host, &document.text, &all[index + 1..]),
                "import" => names.add_module(host, document, &all[index..]),
                _ => {}
            }
        }
        names
    }

    /// As completion wants them.
    pub(super) fn known<'a>(&'a self, host: &'a ScriptHost) -> KnownNames<'a> {
        KnownNames {
            reference: host.reference(),
            variables: &self.variables,
            functions: &self.functions,
            commands: &[],
        }
    }

    /// How a function of the document or of a module is declared.
    pub(super) fn signature(&self, name: &str) -> Option<&str> {
        self.signatures.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }

    /// The file and the text of the module that is imported as `alias`.
    pub(super) fn module(
        host: &ScriptHost,
        document: &Document,
        all: &[Token],
        alias: &str,
    ) -> Option<(String, String)> {
        let is_it = |four: &&[Token]| four[0].text == "import" && four[2].text == "as" && four[3].text == alias;
        let import = all.windows(4).find(is_it)?;
        host.sources.find_module(import[1].text.trim_matches(['"', '`']), &document.name).ok()
    }

    fn add_module(&mut self, host: &ScriptHost, document: &Document, import: &[Token]) {
        let Some(alias) = import.get(3) else { return };
        if let Some((_, text)) = Self::module(host, document, import, &alias.text) {
            self.add_functions(&tokens(&text), &format!("{}::", alias.text));
        }
    }

    fn add_functions(&mut self, all: &[Token], path: &str) {
        for (index, _) in all.iter().enumerate().filter(|(_, token)| token.text == "fn") {
            let [name, open, rest @ ..] = &all[index + 1..] else { continue };
            if name.kind != TokenKind::Word || open.text != "(" {
                continue;
            }
            let params = rest.iter().take_while(|token| matches!(token.kind, TokenKind::Word) || token.text == ",");
            let params: Vec<&str> = params.filter(|p| p.text != ",").map(|p| p.text.as_str()).collect();
            let full = format!("{path}{}", name.text);
            self.signatures.push((full.clone(), format!("fn {full}({})", params.join(", "))));
            self.functions.push((full, params.len()));
        }
    }

    /// `name = value`, which follows `let` or `const`.
    fn add_variable(&mut self, host: &ScriptHost, text: &str, rest: &[Token]) {
        let Some(name) = rest.first().filter(|token| token.kind == TokenKind::Word) else { return };
        let value = value(rest.get(1..).unwrap_or_default());
        let (kind, keys) = match value {
            [first, ..] if first.text == "#{" => ("map".to_string(), keys_of_map(value)),
            [first, second, ..] if first.text == "options" && second.text == "(" => {
                ("Options".to_string(), options(value))
            }
            [first, .., last] => {
                let text = &text[first.at..last.at + last.text.len()];
                (kind_of(text, self.known(host)).unwrap_or_default(), Vec::new())
            }
            [only] => (kind_of(&only.text, self.known(host)).unwrap_or_default(), Vec::new()),
            [] => (String::new(), Vec::new()),
        };
        self.variables.retain(|variable| variable.name != name.text);
        self.variables.push(Variable { name: name.text.clone(), kind, keys });
    }
}

/// The tokens of the value after `=`, up to the end of the statement.
fn value(rest: &[Token]) -> &[Token] {
    let Some((_, value)) = rest.split_first().filter(|(equals, _)| equals.text == "=") else { return &[] };
    let mut depth = 0_usize;
    let ends = |token: &Token| {
        match token.text.as_str() {
            _ if token.kind != TokenKind::Symbol => {
                return depth == 0 && matches!(token.text.as_str(), "let" | "const");
            }
            "(" | "[" | "{" | "#{" | "${" => depth += 1,
            ")" | "]" | "}" if depth == 0 => return true,
            ")" | "]" | "}" => depth -= 1,
            ";" => return depth == 0,
            _ => {}
        }
        false
    };
    let end = value.iter().position(ends).unwrap_or(value.len());
    &value[..end]
}

/// The keys of `#{ … }`, without those of maps within.
fn keys_of_map(map: &[Token]) -> Vec<String> {
    let mut depth = 0_usize;
    let mut keys = Vec::new();
    for pair in map.windows(2) {
        match pair[0].text.as_str() {
            _ if pair[0].kind == TokenKind::Word && depth == 1 && pair[1].text == ":" => {
                keys.push(pair[0].text.clone())
            }
            _ if pair[0].kind != TokenKind::Symbol => {}
            "(" | "[" | "{" | "#{" | "${" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    keys
}

/// The names of `option("name", …)` and the like.
fn options(value: &[Token]) -> Vec<String> {
    let declares = |three: &&[Token]| {
        matches!(three[0].text.as_str(), "option" | "ask" | "flag" | "argument" | "arguments") && three[1].text == "("
    };
    value.windows(3).filter(declares).map(|three| three[2].text.trim_matches('"').to_string()).collect()
}
