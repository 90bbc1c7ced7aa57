//! Words for scripts that cannot be read: what is missing or out of place, and where it was opened.

use rhai::{LexError, ParseErrorType, Position};

use super::reserved::{reserved, symbol_words};
use super::{ErrorContext, Words, call, position, rows, runtime, translate, variable};
use crate::engine::lexer::TokenKind;

/// Words for an error found while reading a script.
pub(super) fn words(error: &ParseErrorType, context: &ErrorContext) -> Words {
    use ParseErrorType as P;
    let before = context.index.checked_sub(1);
    if let Some(line) = before.and_then(|at| translate::divided(context.scan, context.names, at)) {
        return Words::row("slashes", &[&line]);
    }
    match error {
        P::VariableUndefined(name) => variable::unknown(name, context),
        P::ModuleUndefined(name) => variable::unknown_namespace(name, context),
        P::BadInput(error) => input(error, context),
        P::UnexpectedEOF => match unclosed(context, None) {
            Some(hint) => Words::row("ends-open", &[&hint]),
            None => Words::row("ends-early", &[]),
        },
        P::UnknownOperator(symbol) => symbol_words(symbol),
        P::Reserved(word) if word.starts_with(|c: char| c.is_alphabetic() || c == '_') => reserved(word, context),
        P::Reserved(symbol) => symbol_words(symbol),
        P::MissingToken(token, why) => missing(token, why, context),
        P::AssignmentToConstant(name) => runtime::constant(name),
        P::WrongFnDefinition => {
            // At the left edge it is meant to stand at the top.
            match unclosed(context, None).filter(|_| context.pos.position() == Some(1)) {
                Some(hint) => Words::row("fn-open", &[&hint]),
                None => Words::row("fn-inside", &[]),
            }
        }
        P::VariableExpected => expected_name(context),
        P::ExprExpected(_) if matches!(context.token(), "case" | "default") => reserved(context.token(), context),
        P::FnDuplicatedDefinition(name, params) => row(error, &[name, &call::count(*params, "parameter")]),
        P::MismatchedType(wanted, given) if wanted.contains("boolean") => Words::row("condition", &[given]),
        P::MalformedIndexExpr(text) if text.contains("map") => Words::row("key", &[]),
        P::LoopBreak => row(error, &[context.token()]),
        P::MissingSymbol(name)
        | P::FnMissingParams(name)
        | P::FnMissingBody(name)
        | P::FnDuplicatedParam(_, name)
        | P::ForbiddenVariable(name)
        | P::VariableExists(name)
        | P::DuplicatedProperty(name)
        | P::DuplicatedVariable(name)
        | P::MismatchedType(_, name) => row(error, &[name]),
        other => row(other, &[]),
    }
}

/// The words of an error by its name in the parser.
fn row(error: &impl std::fmt::Debug, args: &[&str]) -> Words {
    let row = rows::row("errors", &rows::variant(error)).or_else(|| rows::row("errors", "unread"));
    Words::of(row.expect("there is one"), args)
}

fn input(error: &LexError, context: &ErrorContext) -> Words {
    match error {
        LexError::UnterminatedString if context.token().starts_with(['`', '}']) => Words::row("backtick", &[]),
        LexError::ImproperSymbol(symbol, _) if matches!(symbol.as_str(), "=" | "this") => Words::row(symbol, &[]),
        LexError::ImproperSymbol(symbol, why) if why.ends_with("is disabled") => match symbol.as_str() {
            "eval" => Words::row("eval", &[]),
            symbol => Words::row("disabled", &[symbol]),
        },
        LexError::ImproperSymbol(symbol, _) => symbol_words(symbol),
        LexError::UnexpectedInput(token) if token == "/*" => Words::row("comment", &[]),
        LexError::UnexpectedInput(token) => unexpected(token, context),
        LexError::MalformedChar(text) if text.is_empty() => Words::row("character", &[]),
        LexError::MalformedEscapeSequence(text) | LexError::MalformedIdentifier(text) => row(error, &[text]),
        _ => row(error, &[]),
    }
}

/// A token where a value or statement should stand.
fn unexpected(token: &str, context: &ErrorContext) -> Words {
    let open = context.scan.open_before(context.index);
    match token {
        "}" | ")" | "]" if open.is_empty() => Words::row("closes-nothing", &[token]),
        "}" | ")" | "]" => match unclosed(context, Some(token)) {
            Some(hint) => Words::row("closes-first", &[token, &hint]),
            None => Words::row("no-value", &[token]),
        },
        "else" => Words::row("else", &[]),
        ";" | "," => {
            // A block goes on after a semicolon, and a list after a comma.
            let ends_here = |at: &usize| token == ";" && context.scan.text(*at) != "{";
            match open.last().filter(|at| ends_here(at)).and_then(|_| unclosed(context, Some(token))) {
                Some(hint) => Words::row("no-value-open", &[token, &hint]),
                None => Words::row("no-value", &[token]),
            }
        }
        "=" => Words::row("equals", &[]),
        _ => Words::row("stray", &[token]),
    }
}

/// Which bracket waits to be closed at the error, unless `closer` closes it.
fn unclosed(context: &ErrorContext, closer: Option<&str>) -> Option<String> {
    let mut open = *context.scan.open_before(context.index).last()?;
    if context.token().is_empty() && context.scan.text(open) == "{" {
        open = context.scan.closed_too_far_left().unwrap_or(open);
    }
    let bracket = context.scan.text(open);
    let closing = closing(bracket);
    if closer == Some(closing) {
        return None;
    }
    let line = context.scan.tokens[open].start.0;
    Some(format!("the `{bracket}` of line {line} is not closed: add `{closing}`"))
}

fn closing(bracket: &str) -> &'static str {
    match bracket {
        "(" => ")",
        "[" => "]",
        _ => "}",
    }
}

fn missing(token: &str, why: &str, context: &ErrorContext) -> Words {
    let found = context.token();
    if let Some(row) = rows::row("instead", found).filter(|_| found != "is" || token != "}") {
        return Words::of(row, &[found]);
    }
    if let Some(words) = (token == "{").then(|| share(context)).flatten() {
        return words;
    }
    let key = match (token, found) {
        ("{", _) if context.before() == "catch" => "catch(",
        ("{", ":") => "{:",
        ("catch", "finally") => "catchfinally",
        _ => token,
    };
    match token {
        ";" => semicolon(context),
        "," if why.contains("map literal") && found != ";" => Words::row("map-comma", &[]).at(gap(context)),
        "," if why.starts_with("to separate") => comma(why, context),
        _ => {
            let line = if key == "{" { translate::with_block(context) } else { None };
            if let Some(row) = rows::row("missing", key) {
                let words = Words::of(row, &[found]);
                return match line {
                    Some(line) => words.hint(format!("write: {line}")),
                    None => words,
                };
            }
            let token = if why.contains("switch block") { "}" } else { token };
            let words = Words::new(match found {
                "" => format!("`{token}` is missing at the end of the script"),
                _ => format!("`{token}` is missing before `{found}`"),
            });
            let words = words.at(gap(context));
            match unclosed(context, None) {
                Some(hint) => words.hint(hint),
                None => words.hint(format!("add `{token}`")),
            }
        }
    }
}

/// Whether the statement before the error is `import name`, without quotes.
fn before_that_is_import(context: &ErrorContext) -> bool {
    let is_name = context.before().starts_with(|c: char| c.is_alphabetic() || c == '_');
    is_name && context.scan.text_before(context.index.saturating_sub(1)) == "import"
}

/// Where a `{` is missing after `20% {`: the words for that share, which the parser takes for the rest of a division by a block.
fn share(context: &ErrorContext) -> Option<Words> {
    let text = |at: usize| context.scan.text(at);
    let is_share =
        |at: &usize| text(*at) == "%" && text(at + 1) == "{" && text(at - 1).starts_with(|c: char| c.is_ascii_digit());
    let at = (1..context.index).rev().find(is_share)? - 1;
    let pos = position(context.scan.tokens[at].start);
    let share = ErrorContext { names: context.names, scan: context.scan, index: at, pos };
    Some(translate::words(&share)?.at(Some(pos)))
}

fn semicolon(context: &ErrorContext) -> Words {
    let (before, found) = (context.before(), context.token());
    let open = context.scan.open_before(context.index);
    // Where unknown names are no error yet, as in a check, a word of another language is met only here.
    if let Some(words) = variable::foreign(before).filter(|_| !context.scan.declarations().contains_key(before)) {
        let at = context.index.checked_sub(1).and_then(|index| context.scan.tokens.get(index));
        return words.at(at.map(|token| position(token.start)));
    }
    if before_that_is_import(context) {
        // As in a run, where the module's name is met first, as a variable.
        let at = context.index - 1;
        let pos = position(context.scan.tokens[at].start);
        let import = ErrorContext { names: context.names, scan: context.scan, index: at, pos };
        if let Some(words) = translate::words(&import) {
            return words.at(Some(pos));
        }
    }
    let words = Words::new("a `;` is missing between two statements").at(gap(context));
    let odd = Words::new(format!("`{found}` cannot stand here"));
    if found.is_empty() && !open.is_empty() {
        let words = Words::new("`}` is missing at the end of the script").at(gap(context));
        return words.hints(unclosed(context, None));
    }
    if found == "}" && open.is_empty() {
        return unexpected(found, context);
    }
    if matches!(found, ")" | "]") && open.last().is_some_and(|open| context.scan.text(*open).ends_with('{')) {
        let words = Words::new(format!("`}}` is missing before `{found}`")).at(gap(context));
        return words.hints(unclosed(context, None));
    }
    let before_that = context.scan.text_before(context.index.saturating_sub(1));
    match found {
        ":" if before_that == "let" => odd.hint(format!("variables have no written type: let {before} = …;")),
        "." if before_that == "let" => odd.more("set-field", &[before, context.after()]),
        "=>" => odd.hint("a closure is written: |x| …"),
        ":" => odd.hint("a block stands between { }, not after a colon"),
        _ if matches!(before_that, "let" | "const") => Words::row("no-equals", &[before, before_that]).at(gap(context)),
        _ if unit(before, found, context).is_some() => odd.hints(unit(before, found, context)),
        _ => words.hint("end each statement with `;`"),
    }
}

/// `250ms`, written without its dot.
fn unit(before: &str, found: &str, context: &ErrorContext) -> Option<String> {
    let token = context.scan.tokens.get(context.index)?;
    let text = if token.kind == TokenKind::Number { found } else { before };
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &text[digits.len()..];
    (!digits.is_empty() && matches!(unit, "s" | "ms" | "us" | "ns"))
        .then(|| format!("a duration is written with a dot: {digits}.{unit}"))
}

fn comma(why: &str, context: &ErrorContext) -> Words {
    let (found, index) = (context.token(), context.index);
    let open = context.scan.open_before(index).last().copied();
    let bracket = open.map_or("(", |open| context.scan.text(open));
    let starts_line =
        index > 0 && context.scan.tokens.get(index).is_some_and(|t| t.start.0 > context.scan.tokens[index - 1].end.0);
    let ends = matches!(found, "" | ";" | "}" | ")" | "]" | "let" | "const" | "if" | "for" | "while" | "fn" | "return");
    if ends || (starts_line && context.after() == "(") {
        let words = Words::new(format!("`{}` is missing", closing(bracket))).at(gap(context));
        return words.hints(unclosed(context, None));
    }
    if let Some(hint) = unit(context.before(), found, context) {
        return Words::new(format!("`{found}` cannot stand here")).hint(hint);
    }
    let items = match why {
        _ if why.contains("argument") => "arguments",
        _ if why.contains("parameters") => "parameters",
        _ => "items",
    };
    let closing = if why.contains("anonymous") { "|" } else { closing(bracket) };
    Words::row("comma", &[items, closing]).at(gap(context))
}

/// The place after the token before the error, if that is in an earlier line.
fn gap(context: &ErrorContext) -> Option<Position> {
    let before = &context.scan.tokens.get(context.index.checked_sub(1)?)?;
    let is_earlier = context.pos.line().is_some_and(|line| line > before.end.0);
    is_earlier.then(|| position(before.end))
}

fn expected_name(context: &ErrorContext) -> Words {
    let found = context.token();
    match found {
        "(" if context.before() == "let" => Words::row("one-name", &[]),
        _ if found.starts_with(|c: char| c.is_alphabetic()) => Words::row("word", &[found]),
        _ => Words::row("name", &[]),
    }
}
