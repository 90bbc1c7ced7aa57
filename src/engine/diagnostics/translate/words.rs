//! Words, calls and symbols of other languages that are no rows of `words.txt`.

use super::text::joined;
use super::{Rewrite, Rule, Translator, UNKNOWN};
use crate::engine::diagnostics::rows;

pub(super) const RULES: &[Rule] = &[module, printing, member, method, call, word, |of, at| of.by_rows("types", "", at)];

/// `import socket`, `from socket import socket`; what a module gives that has no row of its own.
fn module(of: &Translator, at: usize) -> Option<Rewrite> {
    let python = of.text(at) == "import" && of.is_word(at + 1);
    let from = of.text(at) == "from" && of.is_word(at + 1) && of.text(at + 2) == "import";
    if !python && !from {
        return None;
    }
    let name = of.text(at + 1);
    let end = of.find(at, |text| text == ";").map_or(usize::MAX, |end| end + 1).min(of.line_end(at));
    let mut rewrite = Rewrite::new(end, "", format!("there is no module `{name}` to import"))?;
    rewrite.note = Some(match rows::line("modules", name) {
        Some(instead) => format!("leave this line out; write: {instead}"),
        None if of.names.has_namespace(name) => format!("nothing is to be imported: write {name}::"),
        None => format!("a file {name}.rhai is imported with: import \"{name}\" as {name};"),
    });
    Some(rewrite)
}

/// `time.sleep(1)`, `random.randint(0, 10)`; of what has no row, what there is instead of the module.
fn member(of: &Translator, at: usize) -> Option<Rewrite> {
    if of.text(at + 1) != "." || !is_free(of, at) {
        return None;
    }
    let missing = "there is no `$0` here";
    of.by_rows("members", missing, at).or_else(|| {
        let instead = rows::line("modules", of.text(at))?;
        let end = if of.text(at + 3) == "(" { of.close(at + 3)? + 1 } else { at + 3 };
        let mut rewrite = Rewrite::new(end, UNKNOWN, missing.replace("$0", of.text(at)))?;
        rewrite.note = Some(format!("here there is: {instead}"));
        Some(rewrite)
    })
}

/// `"x".encode()`, `l.append(1)`, `s.recv(1024)`.
fn method(of: &Translator, at: usize) -> Option<Rewrite> {
    let is_method = matches!(of.before(at), "." | "?.");
    is_method.then(|| of.by_rows("methods", "there is no method `$0`", at))?
}

/// `str(x)`, `type(x)`, `range(5)`.
fn call(of: &Translator, at: usize) -> Option<Rewrite> {
    let is_call = of.text(at + 1) == "(" && of.before(at) != "?.";
    of.by_rows("calls", "no function `$0`", at).filter(|_| is_call && is_free(of, at))
}

/// `console.log("x")`, `printf("%d", x)`: the first value may have places for the others.
fn printing(of: &Translator, at: usize) -> Option<Rewrite> {
    let is = |at: usize, all: &[&str]| all.contains(&of.text(at));
    let (open, message) = match () {
        () if is(at, &["println", "printf", "echo", "puts"]) && of.text(at + 1) == "!" => {
            (at + 2, format!("no function `{}`", of.text(at)))
        }
        () if is(at, &["println", "printf", "echo", "puts"]) => (at + 1, format!("no function `{}`", of.text(at))),
        () if is(at, &["System"]) && of.text(at + 3) == "." => (at + 5, "there is no `System` here".to_string()),
        () if is(at, &["console", "fmt", "sys", "log"])
            && is(at + 2, &["log", "println", "print", "Println", "Printf", "write", "error"]) =>
        {
            (at + 3, format!("there is no `{}` here", of.text(at)))
        }
        () => return None,
    };
    let close = of.close(open).filter(|_| of.text(open) == "(" && is_free(of, at))?;
    let value = joined(of, &of.parts(open, close));
    Rewrite::new(close + 1, format!("print({value})"), message)
}

/// `and`, `None`, `def`.
fn word(of: &Translator, at: usize) -> Option<Rewrite> {
    let names = matches!(of.before(at), "let" | "const" | "|") || matches!(of.text(at + 1), "=" | "::" | ".");
    let is_key = of.text(at + 1) == ":" && matches!(of.before(at), "{" | "#{" | ",");
    let found = of.by_rows("words", "`$0` is not a word of this language", at);
    found.filter(|_| !names && !is_key && is_free(of, at))
}

/// Whether the word at `at` is none that the script has given a meaning, and no part of a longer name.
fn is_free(of: &Translator, at: usize) -> bool {
    !matches!(of.before(at), "." | "?." | "::" | "fn") && !of.scan.declarations().contains_key(of.text(at))
}
