//! Words for symbols and words that the language keeps for itself: what to write instead.

use super::{ErrorContext, Words, rows};

/// Words for a symbol that is no operator here.
pub(super) fn symbol_words(symbol: &str) -> Words {
    let words = Words::new(format!("`{symbol}` is not an operator of this language"));
    match rows::line("symbols", &symbol.replace(' ', "")) {
        Some(hint) => words.hint(hint),
        None => words.hint("operators are + - * / % ** == != < > <= >= && || ! & | ^ << >> ?? and in"),
    }
}

/// Words for a reserved word, by where it stands.
pub(super) fn reserved(word: &str, context: &ErrorContext) -> Words {
    if matches!(context.before(), "." | "?.") && context.token() == word {
        return Words::row("reserved-field", &[word]);
    }
    if context.after() == ":" && context.token() == word {
        return Words::row("reserved-key", &[word]);
    }
    let declares =
        matches!(context.before(), "let" | "const" | "fn" | "for" | "|" | "," | "(") && context.after() != "(";
    let declares = declares || context.before() == "fn";
    match rows::line("reserved", word) {
        Some(hint) if !declares => Words::new(format!("`{word}` is a reserved word without a meaning here")).hint(hint),
        None if matches!(word, "print" | "debug" | "type_of" | "eval" | "Fn" | "call" | "curry") => {
            Words::row("reserved-function", &[word])
        }
        _ => Words::row("reserved-name", &[word]),
    }
}
