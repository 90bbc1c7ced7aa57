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
        return Words::new(format!("`{word}` is a reserved word and cannot follow a dot"))
            .hint(format!("a field of this name is read as m[\"{word}\"]"));
    }
    if context.after() == ":" && context.token() == word {
        return Words::new(format!("`{word}` is a reserved word"))
            .hint(format!("put the name of the field in quotes: \"{word}\": …"));
    }
    let declares =
        matches!(context.before(), "let" | "const" | "fn" | "for" | "|" | "," | "(") && context.after() != "(";
    let declares = declares || context.before() == "fn";
    match rows::line("reserved", word) {
        Some(hint) if !declares => Words::new(format!("`{word}` is a reserved word without a meaning here")).hint(hint),
        None if matches!(word, "print" | "debug" | "type_of" | "eval" | "Fn" | "call" | "curry") => {
            Words::new(format!("`{word}` is a function")).hint(format!("call it with brackets: {word}(…)"))
        }
        _ => Words::new(format!("`{word}` is a reserved word and cannot be a name"))
            .hint(format!("choose another name, such as `my_{word}`")),
    }
}
