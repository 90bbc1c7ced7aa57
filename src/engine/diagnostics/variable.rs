//! Words for names that are not known: variables, and what was meant as something else.

use std::collections::BTreeSet;

use super::scan::{Declaration, DeclaredBy};
use super::{ErrorContext, Words, did_you_mean, names::Names, rows, translate};
use crate::nearest::nearest;

/// Words for a word of another language; `None` if it is none.
pub(super) fn foreign(name: &str) -> Option<Words> {
    Some(Words::of(rows::row("foreign variables", name)?, &[name]))
}

/// Words for a variable that is used but not known, with or without a namespace.
pub(super) fn unknown(name: &str, context: &ErrorContext) -> Words {
    if let Some((namespace, variable)) = name.rsplit_once("::") {
        return unknown_in(namespace, variable, context);
    }
    let declared = context.scan.declared();
    let index = context.index;
    let same: Vec<&Declaration> = declared.iter().filter(|d| d.name == name).collect();

    if let Some(words) = foreign(name).filter(|_| same.is_empty()) {
        return words;
    }
    let words = Words::new(format!("no variable `{name}` is known here"));
    if let Some(own) = same.iter().rfind(|d| d.origin == DeclaredBy::Let && context.scan.is_in_own_value(d, index)) {
        let line = context.scan.line_of(own);
        return words.more("in-itself", &[name, &line.to_string()]);
    }
    if let Some(function) = context.scan.function_around(index)
        && let Some(outer) = same.iter().find(|d| d.is_top_level())
    {
        return outside(name, outer, function, context, words);
    }
    // At a prompt it is known everywhere but in a function, which may be of an entry before.
    if context.names.variables.contains(name) {
        let function = context.scan.function_around(index).unwrap_or("name");
        return words.more("of-prompt", &[name, function]);
    }
    let is_given_value = context.after() == "=" && begins_statement(context);
    if context.names.forms("", name).next().is_some() && !is_given_value {
        if matches!(name, "pass" | "drop" | "corrupt") {
            return Words::row("verdict", &[name]);
        }
        let alone = context.names.forms("", name).any(|form| form.params.is_empty());
        return Words::row("function", &[name, if alone { "" } else { "…" }]);
    }
    if context.names.namespaces.contains(name) {
        return namespace(name, context);
    }
    if let Some(later) = same.iter().find(|d| context.scan.is_later(d, index)) {
        let line = context.scan.line_of(later);
        return words.hint(format!("`{name}` is declared in line {line}: use it after that"));
    }
    if let Some(ended) = same.iter().rfind(|d| !context.scan.is_visible(d, index)) {
        let line = context.scan.line_of(ended);
        return words.hint(format!(
            "the `{name}` of line {line} is known only inside its block or function\n\
             to use it here too, declare it before that: let {name} = …;"
        ));
    }
    let near = near(name, context, &declared);
    let suggestion = did_you_mean(&near);
    if is_given_value {
        let value = translate::statement(context, index + 2);
        let value = if value.is_empty() || value.len() > 60 { "…" } else { &value };
        return words.hints(suggestion).hint(format!("a new variable is declared with let: let {name} = {value};"));
    }
    match suggestion {
        Some(hint) => words.hint(hint),
        None => words.hint(format!("declare it first: let {name} = …;")),
    }
}

/// A namespace as a value; after a dot stands what was meant of it.
fn namespace(name: &str, context: &ErrorContext) -> Words {
    let of_it = || context.names.of_namespace(name).map(|f| f.name.as_str());
    let at = context.index;
    let typed = context.scan.text(at + 2);
    if context.after() != "." || typed.is_empty() {
        return Words::row("namespace", &[name, of_it().next().unwrap_or("name")]);
    }
    let words = |meant: &str| Words::row("namespace", &[name, meant]);
    if of_it().any(|known| known == typed) {
        let path = format!("{name}::{typed}");
        let line = translate::replaced(context, (at, at + 3), &path);
        let line = line.unwrap_or_else(|| format!("{path}(…)"));
        return Words { hints: vec![format!("write: {line}")], ..words(typed) };
    }
    let message = format!("`{name}` is a namespace, not a variable, and has no `{typed}`");
    let near: Vec<String> = nearest(typed, of_it()).iter().map(|near| format!("{name}::{near}")).collect();
    let all = of_it().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ");
    Words::new(message).hint(did_you_mean(&near).unwrap_or_else(|| format!("`{name}` has: {all}")))
}

/// Whether a statement begins at the error, or at least a line of its own.
fn begins_statement(context: &ErrorContext) -> bool {
    let line = |index: usize| context.scan.tokens.get(index).map(|token| token.start.0);
    matches!(context.before(), "" | ";" | "{" | "}") || line(context.index) != line(context.index.wrapping_sub(1))
}

/// Words for a namespace or module that is not known.
pub(super) fn unknown_namespace(name: &str, context: &ErrorContext) -> Words {
    let declared = context.scan.declared();
    if declared.iter().any(|d| d.name == name && d.origin != DeclaredBy::Module) {
        return Words::row("no-namespace", &[name, context.scan.text(context.index + 2)]);
    }
    let modules = declared.iter().filter(|d| d.origin == DeclaredBy::Module).map(|d| d.name);
    let known: Vec<&str> = context.names.namespaces.iter().map(String::as_str).chain(modules).collect();
    let words = Words::new(format!("no namespace `{name}`"));
    match did_you_mean(&nearest(name, known.iter().copied())) {
        Some(hint) => words.hint(hint),
        None if known.is_empty() => words.hint(format!("a module is made known with: import \"path\" as {name};")),
        None => words.hint(format!("there are: {}", known.join(", "))),
    }
}

/// A variable of the top level, used inside a function.
fn outside(name: &str, outer: &Declaration, function: &str, context: &ErrorContext, words: Words) -> Words {
    let line = context.scan.line_of(outer);
    if outer.origin == DeclaredBy::Const {
        return words.more("outside-const", &[name, &line.to_string()]);
    }
    words.more("outside", &[name, &line.to_string(), function])
}

fn unknown_in(namespace: &str, variable: &str, context: &ErrorContext) -> Words {
    if namespace != "global" {
        let functions = context.names.of_namespace(namespace).map(|f| f.name.as_str());
        let words = Words::new(format!("nothing in `{namespace}` is called `{variable}`"));
        if context.names.forms(namespace, variable).next().is_some() {
            return Words::row("function-of", &[namespace, variable]);
        }
        let near: Vec<String> = nearest(variable, functions).iter().map(|n| format!("{namespace}::{n}")).collect();
        let all: BTreeSet<&str> = context.names.of_namespace(namespace).map(|f| f.name.as_str()).collect();
        let all = all.into_iter().collect::<Vec<_>>().join(", ");
        return match did_you_mean(&near) {
            Some(hint) => words.hint(hint),
            None if all.is_empty() => words,
            None => words.hint(format!("`{namespace}` has: {all}")),
        };
    }
    let declared = context.scan.declared();
    let words = Words::new(format!("no global constant `{variable}`"));
    if declared.iter().any(|d| d.name == variable && d.origin == DeclaredBy::Let && d.is_top_level()) {
        return words.more("global-let", &[variable]);
    }
    if declared.iter().any(|d| d.name == variable && d.is_top_level()) {
        return words.hint(format!("const {variable} must be declared before the call that reads it"));
    }
    let constants = declared.iter().filter(|d| d.origin == DeclaredBy::Const).map(|d| d.name);
    let near: Vec<String> = nearest(variable, constants).iter().map(|n| format!("global::{n}")).collect();
    match did_you_mean(&near) {
        Some(hint) => words.hint(hint),
        None => words.hint(format!("declare it at the top of the script: const {variable} = …;")),
    }
}

/// Variables that can be used here, and functions, near to `name`.
fn near<'a>(name: &str, context: &'a ErrorContext, declared: &[Declaration<'a>]) -> Vec<&'a str> {
    let visible = declared.iter().filter(|d| context.scan.is_visible(d, context.index)).map(|d| d.name);
    let Names { variables, functions, .. } = context.names;
    let in_scope = variables.iter().map(String::as_str);
    let near = nearest(name, visible.chain(in_scope));
    if !near.is_empty() || context.after() != "(" {
        return near;
    }
    nearest(name, functions.iter().filter(|f| f.namespace.is_empty()).map(|f| f.name.as_str()))
}
