//! Words for symbols and words that the language keeps for itself: what to write instead.

use super::{ErrorContext, Words};

/// Words for a symbol that is no operator here.
pub(super) fn symbol_words(symbol: &str) -> Words {
    let words = Words::new(format!("`{symbol}` is not an operator of this language"));
    match SYMBOLS.iter().find(|(known, _)| *known == symbol) {
        Some((_, hint)) => words.hint(*hint),
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
    match RESERVED.iter().find(|(known, _)| *known == word) {
        Some((_, hint)) if !declares => {
            Words::new(format!("`{word}` is a reserved word without a meaning here")).hint(*hint)
        }
        None if matches!(word, "print" | "debug" | "type_of" | "eval" | "Fn" | "call" | "curry") => {
            Words::new(format!("`{word}` is a function")).hint(format!("call it with brackets: {word}(…)"))
        }
        _ => Words::new(format!("`{word}` is a reserved word and cannot be a name"))
            .hint(format!("choose another name, such as `my_{word}`")),
    }
}

/// What to write instead of symbols of other languages.
const SYMBOLS: [(&str, &str); 17] = [
    ("++", "write: x += 1"),
    ("--", "write: x -= 1"),
    ("?", "write: if condition { a } else { b }"),
    ("===", "write: =="),
    ("!==", "write: !="),
    ("->", "a case of a switch is written with =>; a method with a dot"),
    ("<-", "to give a value write =; to compare write <="),
    (":=", "a new variable is declared with: let x = …;"),
    (":;", "write: ::"),
    ("::<", "write: ::"),
    ("#", "a comment begins with: //"),
    ("# {", "a map begins with: #{"),
    ("#!", "only the first line of a script may begin with #!"),
    ("$", "values are put into text between back-ticks: `${x}`"),
    ("~", "to turn the bits of a number round write: x ^ -1"),
    ("=", "to compare write: =="),
    ("!", "to negate a condition write: !condition"),
];

/// What to write instead of reserved words.
const RESERVED: [(&str, &str); 22] = [
    ("spawn", "a thread is started with: start_thread(|| …)"),
    ("thread", "a thread is started with: start_thread(|| …)"),
    ("go", "a thread is started with: start_thread(|| …)"),
    ("async", "nothing is async here; a thread is started with: start_thread(|| …)"),
    ("await", "calls wait by themselves; a thread is started with: start_thread(|| …)"),
    ("sync", "threads share counter() and channel()"),
    ("shared", "threads share counter() and channel()"),
    ("match", "write: switch x { 1 => …, _ => … }"),
    ("case", "a case of a switch is written: value => …"),
    ("default", "the last case of a switch is written: _ => …"),
    ("new", "there is no `new`: call the function that makes the value, such as udp::bind(…)"),
    ("null", "\"no value\" is written ()"),
    ("nil", "\"no value\" is written ()"),
    ("var", "a variable is declared with: let x = …;"),
    ("static", "a fixed value is declared with: const X = …;"),
    ("use", "a module is made known with: import \"path\" as name;"),
    ("include", "a module is made known with: import \"path\" as name;"),
    ("require", "a module is made known with: import \"path\" as name;"),
    ("module", "each file is a module; it is made known with: import \"path\" as name;"),
    ("goto", "use a loop with break and continue"),
    ("is", "to compare write ==; to ask for a type: type_of(x) == \"string\""),
    ("with", "declare it with let before the block"),
];
