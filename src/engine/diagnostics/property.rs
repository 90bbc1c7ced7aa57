//! Words for what stands after a dot or between [ ]: properties, fields of maps, items.

use super::names::{a, plain_type};
use super::{ErrorContext, Words, did_you_mean};
use crate::nearest::nearest;

/// Properties of a type listed at most.
const PROPERTIES: usize = 16;

/// What else properties are called: the type, the other name, its own name.
const OTHER_NAMES: [(&str, &str, &str); 8] = [
    ("Host", "door", "ingress"),
    ("Host", "input", "ingress"),
    ("Host", "ip", "addr"),
    ("Host", "address", "addr"),
    ("Stats", "mean", "avg"),
    ("Stats", "average", "avg"),
    ("Stats", "stddev", "mdev"),
    ("Stats", "std", "mdev"),
];

/// What is set by other means than a property.
const SET_ELSEWHERE: [(&str, &str); 2] = [
    ("policy", "a policy is attached by a function: set_policy(x, |pkt| pass())"),
    ("timeout", "each call takes its own timeout: x.recv(1.s)"),
];

/// Words for a field that a map does not have.
pub(super) fn missing_key(name: &str, context: &ErrorContext) -> Words {
    let near = nearest(name, context.scan.keys());
    Words::new(format!("the map has no field `{name}`"))
        .hints(did_you_mean(&near))
        .hint(format!("for a field that may be missing: m.get(\"{name}\") ?? default"))
}

/// Words for a property that is not there or cannot be set, from the sentence that the interpreter makes of it: the name and types in quotes.
pub(super) fn property(text: &str, context: &ErrorContext) -> Words {
    let quoted: Vec<&str> = text.split('\'').skip(1).step_by(2).collect();
    match quoted[..] {
        [name, of] => unknown_property(name, &plain_type(of), context),
        [name, of, value] => read_only(name, &plain_type(of), &plain_type(value), context),
        _ => Words::row("property", &[]),
    }
}

fn unknown_property(name: &str, of: &str, context: &ErrorContext) -> Words {
    let words = Words::new(format!("{} has no property `{name}`", a(of)));
    if of == "()" {
        return words
            .hints(empty_block(context))
            .hint("the value before the dot is (): a call without a result, or a missing value");
    }
    let has_method = context.names.forms("", name).any(|f| f.params.first().is_some_and(|p| p.kind == of));
    if has_method {
        return words.hint(format!("`{name}` is a method: write .{name}(…)"));
    }
    if let Some((_, hint)) = SET_ELSEWHERE.iter().find(|(other, _)| *other == name) {
        return words.hint(*hint);
    }
    let all: Vec<&str> = context.names.properties_of(of).collect();
    let own = context.names.of_namespace("").filter(|f| f.params.first().is_some_and(|p| p.kind == of));
    let methods: Vec<&str> = own.map(|f| f.name.as_str()).collect();
    let other = OTHER_NAMES.iter().filter(|(kind, other, _)| *kind == of && *other == name).map(|(.., own)| *own);
    let near = other.chain(nearest(name, all.iter().copied())).collect::<Vec<_>>();
    let words = match near.is_empty() {
        true => {
            words.hints(did_you_mean(&nearest(name, methods).iter().map(|m| format!("{m}(…)")).collect::<Vec<_>>()))
        }
        false => words.hints(did_you_mean(&near)),
    };
    match all.len() {
        0 => words,
        1..=PROPERTIES => words.hint(format!("its properties: {}", all.join(", "))),
        more => words.hint(format!("its properties: {}, and {} more", all[..PROPERTIES].join(", "), more - PROPERTIES)),
    }
}

fn read_only(name: &str, of: &str, value: &str, context: &ErrorContext) -> Words {
    let wanted: Vec<&str> = context
        .names
        .setters
        .iter()
        .filter(|(t, n, _)| t == of && n == name)
        .map(|(_, _, kind)| kind.as_str())
        .collect();
    if let Some(first) = wanted.first() {
        let kinds: Vec<String> = wanted.iter().take(3).map(|kind| a(kind)).collect();
        let words = Words::new(format!("`{name}` of {} takes {}, not {}", a(of), kinds.join(" or "), a(value)));
        return match (*first, value) {
            ("Duration", "integer" | "float") => words.hint("give the number its unit: `1.s` or `250.ms`"),
            ("float", "integer") => words.hint("write the number with a point: `1.0`"),
            _ => words.hint(format!("see what the value is: type_of(x) gives \"{value}\"")),
        };
    }
    if context.names.properties_of(of).any(|p| p == name) {
        let settable: Vec<&str> =
            context.names.setters.iter().filter(|(t, ..)| t == of).map(|(_, n, _)| n.as_str()).collect();
        let words = Words::new(format!("`{name}` of {} can be read, but not set", a(of)));
        return if settable.is_empty() { words } else { words.hint(format!("it can set: {}", settable.join(", "))) };
    }
    unknown_property(name, of, context)
}

/// The hint for a variable in the line of the error that was declared with an empty block for a value.
fn empty_block(context: &ErrorContext) -> Option<String> {
    let tokens = &context.scan.tokens;
    let line = tokens.get(context.index.min(tokens.len().checked_sub(1)?))?.start.0;
    let is_used = |name: &str| tokens.iter().any(|token| token.start.0 == line && token.text == name);
    let text = |index: usize| context.scan.text(index);
    (0..tokens.len())
        .find(|i| {
            text(*i) == "let" && text(i + 2) == "=" && text(i + 3) == "{" && text(i + 4) == "}" && is_used(text(i + 1))
        })
        .map(|i| format!("{{ }} is an empty block; write: let {} = #{{}};", text(i + 1)))
}

/// Words for an index on a value without items, given as `type [type]`.
pub(super) fn indexing(text: &str, context: &ErrorContext) -> Words {
    let (of, index) = text.split_once(" [").unwrap_or((text, ""));
    let of = plain_type(of);
    let index = plain_type(index.split(']').next().unwrap_or_default());
    let words = Words::new(format!("{} has no items to take with [{index}]", a(&of)));
    if of == "()" {
        let missing = "the value before the [ is (): a call without a result, a missing value, or { }, an empty block: an empty map is #{}"
            .to_string();
        return words.hint(empty_block(context).unwrap_or(missing));
    }
    let all: Vec<&str> = context.names.properties_of(&of).take(PROPERTIES).collect();
    if all.is_empty() { words } else { words.hint(format!("its properties: {}", all.join(", "))) }
}
