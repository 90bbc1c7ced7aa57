//! Words for calls that fit no function: a wrong name, or wrong arguments.

use std::collections::BTreeSet;

use super::names::{Function, a, plain_type};
use super::{ErrorContext, Words, did_you_mean, operator, rows, translate};
use crate::nearest::nearest;

/// Forms of a function shown at most.
const FORMS: usize = 8;

/// Methods of a type listed at most.
const METHODS: usize = 16;

/// Words for a call given as `name (type, type)`, with or without a namespace.
pub(super) fn not_found(call: &str, context: &ErrorContext) -> Words {
    let (path, given) = parse(call);
    let (namespace, name) = path.rsplit_once("::").unwrap_or(("", path));
    if name.starts_with("anon$") {
        return closure(path, given.len(), context);
    }
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') || (name == "contains" && context.token() == "in") {
        return operator::mismatch(name, &given);
    }
    let is_method = namespace.is_empty() && matches!(context.before(), "." | "?.") && !given.is_empty();
    let forms: Vec<&Function> = context.names.forms(namespace, name).collect();
    if is_method {
        method(name, &given, &forms, context)
    } else if forms.is_empty() {
        unknown(namespace, name, &given, context)
    } else if name == "set_policy" && given.first().is_some_and(|kind| kind == "Host") {
        let host = context.scan.text(context.index + 2);
        Words::row("host-policy", &[host])
    } else {
        mismatch(&forms, &given, false)
    }
}

/// `name (type, type)` as the name and the types in plain words.
fn parse(call: &str) -> (&str, Vec<String>) {
    let Some((name, types)) = call.split_once(" (") else {
        return (call, Vec::new());
    };
    let types = types.strip_suffix(')').unwrap_or(types);
    if types.is_empty() {
        return (name, Vec::new());
    }
    (name, types.split(", ").map(plain_type).collect())
}

fn closure(name: &str, given: usize, context: &ErrorContext) -> Words {
    let taken = context.names.forms("", name).next().map(|f| f.params.len());
    let message = match taken {
        Some(taken) if taken > given => {
            format!("the closure has {} more than it is given here", count(taken - given, "parameter"))
        }
        Some(taken) if taken < given => {
            format!("the closure is given {} more than it takes", count(given - taken, "argument"))
        }
        _ => "the closure cannot be called here".to_string(),
    };
    let takes = match given {
        0 => "the closure must take no parameter: write ||".to_string(),
        given => format!(
            "the closure must take {}: write |{}|",
            count(given, "parameter"),
            ["a", "b", "c", "…"][..given.min(4)].join(", ")
        ),
    };
    let words = Words::new(message).hint(takes);
    if taken.is_some() { words } else { words.more("closure-of-module", &[]) }
}

fn method(name: &str, given: &[String], forms: &[&Function], context: &ErrorContext) -> Words {
    let of = given[0].as_str();
    if of == "Host" && matches!(name, "run" | "start") && given.get(1).is_some_and(|kind| kind == "closure") {
        let host = context.scan.text(context.index.saturating_sub(2));
        return Words::row("run-closure", &[name, host]);
    }
    let fits = |f: &&&Function| f.params.first().is_some_and(|p| accepts(&p.kind, of));
    let own: Vec<&Function> = forms.iter().filter(fits).copied().collect();
    if !own.is_empty() {
        return mismatch(&own, given, true);
    }
    let words = Words::new(format!("{} has no method `{name}`", a(of)));
    if context.names.properties_of(of).any(|p| p == name) {
        return words.hint(format!("`{name}` is a property: leave out the brackets"));
    }
    if of == "()" {
        return words.hint("the value before the dot is (): a call without a result, or a missing value");
    }
    if of == "closure" {
        return words.hint("a closure is called with .call(…)");
    }
    if let Some(line) = least_of_list(name, of, context) {
        return words.hint(format!("write: {line}"));
    }
    if let Some(hint) = rows::line("foreign methods", name) {
        return words.hint(hint);
    }
    let others: BTreeSet<&str> =
        forms.iter().filter_map(|f| f.params.first()).map(|p| p.kind.as_str()).filter(|kind| *kind != "any").collect();
    if !others.is_empty() {
        let others: Vec<String> = others.iter().map(|kind| a(kind)).collect();
        let (last, first) = others.split_last().expect("not empty");
        let all = if first.is_empty() { last.clone() } else { format!("{} and {last}", first.join(", ")) };
        return words.hint(format!("`{name}` is a method of {all}"));
    }
    let all = context.names.of_namespace("");
    let methods = all.filter(|f| f.params.first().is_some_and(|p| p.kind == of)).map(|f| f.name.as_str());
    let near = nearest(name, methods.chain(context.names.properties_of(of)));
    if let Some(hint) = did_you_mean(&near) {
        return words.hint(hint);
    }
    let own: BTreeSet<&str> = context
        .names
        .of_namespace("")
        .filter(|f| f.params.first().is_some_and(|p| p.kind == of))
        .map(|f| f.name.as_str())
        .filter(|name| !matches!(*name, "print" | "debug" | "to_debug"))
        .collect();
    match own.len() {
        1..=METHODS => words.hint(format!("its methods: {}", own.into_iter().collect::<Vec<_>>().join(", "))),
        _ => words.hint("is this the value you mean? print(…) shows it"),
    }
}

/// `rtts.min()` of a list that has a name.
fn least_of_list(name: &str, of: &str, context: &ErrorContext) -> Option<String> {
    let (at, text) = (context.index, |index: usize| context.scan.text(index));
    let list = text(at.checked_sub(2)?);
    let is_name = list.starts_with(|c: char| c.is_alphabetic() || c == '_') && context.scan.text_before(at - 2) != ".";
    let is_called = of == "array" && matches!(name, "min" | "max") && text(at + 1) == "(" && text(at + 2) == ")";
    let least = format!("{list}.reduce(|a, b| {name}(a, b), {list}[0])");
    (is_called && is_name).then(|| translate::replaced(context, (at - 2, at + 3), &least))?
}

fn unknown(namespace: &str, name: &str, given: &[String], context: &ErrorContext) -> Words {
    let names = context.names;
    let path = |namespace: &str, name: &str| match namespace {
        "" => name.to_string(),
        _ => format!("{namespace}::{name}"),
    };
    let words = Words::new(format!("no function `{}`", path(namespace, name)));

    if namespace.is_empty() {
        if context.scan.declared().iter().any(|d| d.name == name) {
            return Words::row("variable", &[name]);
        }
        if let Some(hint) = rows::line("foreign functions", name) {
            return words.hint(hint);
        }
    }
    let elsewhere = names.functions.iter().filter(|f| f.name == name && f.namespace != namespace);
    let elsewhere: BTreeSet<String> = elsewhere.map(|f| path(&f.namespace, name)).collect();
    if !elsewhere.is_empty() {
        let elsewhere: Vec<String> = elsewhere.into_iter().take(3).collect();
        return words.hints(did_you_mean(&elsewhere));
    }
    if let Some(first) = given.first()
        && names.properties_of(first).any(|p| p == name)
    {
        return words.hint(format!("`{name}` is a property of {}: write x.{name}", a(first)));
    }
    let near = nearest(name, names.of_namespace(namespace).map(|f| f.name.as_str()));
    let Some(first) = near.first() else {
        if namespace.is_empty() {
            return words.hint(format!("a function is written: fn {name}(…) {{ … }}"));
        }
        let all: BTreeSet<&str> = names.of_namespace(namespace).map(|f| f.name.as_str()).collect();
        let all: Vec<&str> = all.into_iter().collect();
        return if all.is_empty() { words } else { words.hint(format!("`{namespace}` has: {}", all.join(", "))) };
    };
    let forms: Vec<&Function> = names.forms(namespace, first).collect();
    let near: Vec<String> = near.iter().map(|name| path(namespace, name)).collect();
    let words = words.hints(did_you_mean(&near));
    // Printing is registered once for each type: a list of these says nothing.
    if matches!(*first, "print" | "debug") { words } else { words.hint(usage(&forms, false)) }
}

/// Words for a call with so many arguments, of unknown types, that no function takes.
pub(super) fn unfit(namespace: &str, name: &str, given: usize, with_dot: bool, context: &ErrorContext) -> Words {
    let forms: Vec<&Function> = context.names.forms(namespace, name).collect();
    if forms.is_empty() {
        return if with_dot { no_method(name, context) } else { unknown(namespace, name, &[], context) };
    }
    // What stands before the dot is the first argument of a native, and none of a function of the script.
    let taken = |f: &&Function| f.params.len().saturating_sub(usize::from(with_dot && !f.is_scripted()));
    let counts: BTreeSet<usize> = forms.iter().map(taken).collect();
    let counts: Vec<String> = counts.into_iter().map(|count| count.to_string()).collect();
    let path = if namespace.is_empty() { name.to_string() } else { format!("{namespace}::{name}") };
    let takes = match counts.split_last() {
        Some((last, [])) => count(last.parse().unwrap_or(0), "argument"),
        Some((last, rest)) => format!("{} or {last} arguments", rest.join(", ")),
        None => String::new(),
    };
    Words::new(format!("`{path}` takes {takes}, not {given}")).hint(usage(&forms, with_dot))
}

/// Words for a method that no type has.
fn no_method(name: &str, context: &ErrorContext) -> Words {
    let words = Words::new(format!("nothing has a method `{name}`"));
    if context.names.getters.iter().any(|(_, property)| property == name) {
        return words.hint(format!("`{name}` is a property: leave out the brackets"));
    }
    if let Some(hint) = rows::line("foreign methods", name) {
        return words.hint(hint);
    }
    let methods = context.names.of_namespace("").filter(|f| !f.params.is_empty()).map(|f| f.name.as_str());
    let properties = context.names.getters.iter().map(|(_, property)| property.as_str());
    match did_you_mean(&nearest(name, methods.chain(properties))) {
        Some(hint) => words.hint(hint),
        None => words.hint(format!("no map of the script has a closure in a field `{name}`, either")),
    }
}

/// Words for a function that exists, but not for these arguments.
fn mismatch(forms: &[&Function], given: &[String], with_dot: bool) -> Words {
    // Of a function for several kinds of objects, the forms for the one that was given.
    let fits = |f: &&&Function| {
        f.params.first().is_some_and(|p| p.kind.starts_with(char::is_uppercase) && given.first() == Some(&p.kind))
    };
    let fitting: Vec<&Function> = forms.iter().filter(fits).copied().collect();
    let forms = if fitting.is_empty() { forms } else { &fitting };
    let shown = if with_dot { &given[1..] } else { given };
    let first = forms[0];
    let name = match (with_dot, first.namespace.as_str()) {
        (true, _) => format!("{}.{}", given[0], first.name),
        (false, "") => first.name.clone(),
        (false, namespace) => format!("{namespace}::{}", first.name),
    };
    let message = if shown.is_empty() {
        format!("`{name}` cannot be called without arguments")
    } else {
        format!("`{name}` cannot be called with ({})", shown.join(", "))
    };
    if matches!(name.as_str(), "print" | "debug") {
        return Words::new(message).hint(format!("it takes one value; to show several: {name}(`${{a}} ${{b}}`)"));
    }
    if let Some(missing) = missing(&name, forms, given, with_dot) {
        return Words::new(message).hint(missing).hint(usage(forms, with_dot));
    }
    let same_count = forms.iter().filter(|f| f.params.len() == given.len());
    let is_plain = |f: &Function| wrong(f, given).any(|(_, want, _)| matches!(want, "closure" | "Duration" | "float"));
    let nearest = same_count.min_by_key(|f| (wrong(f, given).count(), !is_plain(f)));
    let specific = nearest.and_then(|form| {
        let (at, want, got) = wrong(form, given).next()?;
        let others = forms.iter().filter(|f| f.params.len() == given.len() && f.params[at].kind != want).count();
        let is_telling = others == 0 || matches!(want, "closure" | "Duration" | "float");
        let at = if with_dot { at } else { at + 1 };
        is_telling.then(|| argument(at, want, got))
    });
    Words::new(message).hints(specific).hint(usage(forms, with_dot))
}

/// What is missing where a form takes all that is given and one more.
fn missing(name: &str, forms: &[&Function], given: &[String], with_dot: bool) -> Option<String> {
    let fits = |f: &&&Function| f.params.len() == given.len() + 1 && wrong(f, given).next().is_none();
    let next: BTreeSet<String> =
        forms.iter().filter(fits).map(|f| format!("`{}`", f.params[given.len()].name)).collect();
    // A single form says it all.
    if forms.len() == 1 || next.is_empty() || given.len() == usize::from(with_dot) {
        return None;
    }
    let (at, next) = (given.len() + usize::from(!with_dot), next.into_iter().collect::<Vec<_>>().join(" or "));
    let such_as = if name == "gilbert" { ": write gilbert(0.05, 0.25)" } else { "" };
    Some(format!("argument {at}, {next}, is missing{such_as}"))
}

/// The arguments that a form does not take: index, wanted type, given type.
fn wrong<'a>(form: &'a Function, given: &'a [String]) -> impl Iterator<Item = (usize, &'a str, &'a str)> {
    let pairs = form.params.iter().zip(given).enumerate();
    pairs.map(|(at, (p, got))| (at, p.kind.as_str(), got.as_str())).filter(|(_, want, got)| !accepts(want, got))
}

fn accepts(want: &str, got: &str) -> bool {
    want == "any" || want == got
}

/// What to do about the argument number `at`.
pub(super) fn argument(at: usize, want: &str, got: &str) -> String {
    let row = rows::of_kinds("arguments", want, got).expect("the last row fits all");
    rows::fill(row.lines[0], &[&at.to_string(), &a(want), &a(got)])
}

fn usage(forms: &[&Function], with_dot: bool) -> String {
    let all: BTreeSet<String> = forms.iter().map(|f| f.signature(with_dot)).collect();
    let mut all: Vec<String> = all.into_iter().collect();
    let more = all.len().saturating_sub(FORMS);
    all.truncate(FORMS);
    if more > 0 {
        all.push(format!("and {}", count(more, "other form")));
    }
    match &all[..] {
        [one] => format!("it is called as {one}"),
        _ => format!("it is called as\n{}", all.join("\n")),
    }
}

/// "1 argument", "2 arguments".
pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
