//! Words for errors of a running script.

use rhai::{Dynamic, EvalAltResult, Position};

use super::names::{a, plain_type};
use super::rows::variant;
use super::{ErrorContext, Words, call, parse, position, property, rows, translate, variable};

/// Words for an error without its calls.
pub(super) fn words(
    error: &EvalAltResult,
    context: &ErrorContext,
    describe: &dyn Fn(&Dynamic) -> Option<String>,
) -> Words {
    use EvalAltResult as E;
    let may_be_foreign = matches!(
        error,
        E::ErrorParsing(..) | E::ErrorVariableNotFound(..) | E::ErrorFunctionNotFound(..) | E::ErrorDotExpr(..)
    );
    if let Some(words) = may_be_foreign.then(|| translate::words(context)).flatten() {
        return words;
    }
    match error {
        E::ErrorParsing(error, _) => parse::words(error, context),
        E::ErrorVariableNotFound(name, _) => variable::unknown(name, context),
        E::ErrorFunctionNotFound(signature, _) => call::not_found(signature, context),
        E::ErrorModuleNotFound(name, _) if !(context.token().starts_with('"') || context.before() == "import") => {
            variable::unknown_namespace(name, context)
        }
        E::ErrorPropertyNotFound(name, _) => property::missing_key(name, context),
        E::ErrorDotExpr(text, _) => property::property(text, context),
        E::ErrorIndexingType(text, _) => property::indexing(text, context),
        E::ErrorMismatchDataType(wanted, given, _) | E::ErrorMismatchOutputType(wanted, given, _) => {
            mismatch(&plain_type(wanted), &plain_type(given), context)
        }
        E::ErrorArrayBounds(length, index, _) => bounds(*length, *index, "list", "item"),
        E::ErrorStringBounds(length, index, _) => bounds(*length, *index, "text", "character"),
        E::ErrorArithmetic(text, _) => arithmetic(text),
        E::ErrorDataRace(text, _) => data_race(text, context),
        E::ErrorAssignmentToConstant(name, _) => constant(name),
        E::ErrorNonPureMethodCallOnConstant(name, _) => constant_method(name),
        E::ErrorStackOverflow(_) => {
            // The place is that of the outermost call, which may be a native that was given a closure.
            let called = Some(context.token()).filter(|name| context.scan.has_function(name));
            match context.scan.calls_itself().or(called) {
                None => Words::row("deep", &[]),
                Some(name) => Words::row("deep-by-name", &[name]),
            }
        }
        E::ErrorDataTooLarge(what, _) => too_large(what),
        E::ErrorTerminated(token, _) if context.scan.has_function(context.token()) => {
            // The interpreter keeps the place of the outermost call only.
            stopped(token, describe).hint(format!("it happened in `{}`, or in what that calls", context.token()))
        }
        E::ErrorTerminated(token, _) => stopped(token, describe),
        E::ErrorRuntime(value, _) => thrown(value, describe),
        E::ErrorSystem(what, cause) if what.is_empty() => Words::new(cause.to_string()),
        E::ErrorSystem(what, cause) => Words::new(format!("{what}: {cause}")),
        E::LoopBreak(is_break, ..) => Words::row("LoopBreak", &[if *is_break { "break" } else { "continue" }]),
        E::ErrorIndexNotFound(value, _) | E::Exit(value, _) => Words::row(&variant(error), &[&value.to_string()]),
        E::ErrorBitFieldBounds(length, index, _) => {
            Words::row(&variant(error), &[&length.to_string(), &index.to_string()])
        }
        E::ErrorModuleNotFound(text, _)
        | E::ErrorVariableExists(text, _)
        | E::ErrorForbiddenVariable(text, _)
        | E::ErrorCustomSyntax(text, ..) => Words::row(&variant(error), &[text]),
        _ => Words::row(&variant(error), &[]),
    }
}

/// Words for a script that was stopped from outside; the token says why, each further line of it is a hint.
fn stopped(token: &Dynamic, describe: &dyn Fn(&Dynamic) -> Option<String>) -> Words {
    match describe(token).or_else(|| text_of(token)) {
        Some(why) if !why.is_empty() => {
            let mut lines = why.lines().map(str::to_string);
            Words::new(format!("the script was stopped: {}", lines.next().unwrap_or_default())).hints(lines)
        }
        _ => Words::new("the script was stopped"),
    }
}

/// The error that a script caught and threw again as a value: what it was, its source, its place.
pub(super) fn caught_before(value: &Dynamic) -> Option<(EvalAltResult, Option<String>, Position)> {
    use EvalAltResult as E;
    let map = value.as_map_ref().ok()?;
    let text = |key: &str| map.get(key).and_then(text_of);
    let number = |key: &str| map.get(key).and_then(|v| v.as_int().ok());
    let kind = text("error")?;
    let whole = |n: i64| usize::try_from(n).unwrap_or(0);
    let pos = position((whole(number("line")?), whole(number("position").unwrap_or(0))));
    let length = || number("length").map(whole);
    let error = match kind.as_str() {
        "ErrorFunctionNotFound" => E::ErrorFunctionNotFound(text("function")?, pos),
        "ErrorVariableNotFound" => E::ErrorVariableNotFound(text("variable")?, pos),
        "ErrorPropertyNotFound" => E::ErrorPropertyNotFound(text("variable")?, pos),
        "ErrorDotExpr" => E::ErrorDotExpr(text("property")?, pos),
        "ErrorIndexingType" => E::ErrorIndexingType(text("type")?, pos),
        "ErrorMismatchDataType" => E::ErrorMismatchDataType(text("requested")?, text("actual")?, pos),
        "ErrorMismatchOutputType" => E::ErrorMismatchOutputType(text("requested")?, text("actual")?, pos),
        "ErrorArrayBounds" => E::ErrorArrayBounds(length()?, number("index")?, pos),
        "ErrorStringBounds" => E::ErrorStringBounds(length()?, number("index")?, pos),
        "ErrorArithmetic" => E::ErrorArithmetic(text("message")?, pos),
        "ErrorDataRace" => E::ErrorDataRace(text("variable")?, pos),
        "ErrorFor" => E::ErrorFor(pos),
        _ => return None,
    };
    Some((error, text("source").filter(|s| !s.is_empty()), pos))
}

fn text_of(value: &Dynamic) -> Option<String> {
    value.as_immutable_string_ref().ok().map(|s| s.to_string())
}

fn thrown(value: &Dynamic, describe: &dyn Fn(&Dynamic) -> Option<String>) -> Words {
    if let Some(text) = describe(value) {
        let mut lines = text.lines().map(str::to_string);
        return Words::new(lines.next().unwrap_or_default()).hints(lines);
    }
    if let Some(text) = text_of(value).filter(|text| !text.is_empty()) {
        return Words::new(text);
    }
    if let Ok(map) = value.as_map_ref() {
        let show = |v: &Dynamic| text_of(v).unwrap_or_else(|| v.to_string());
        let message = map.get("message").map(show);
        let fields = map.iter().filter(|(key, _)| *key != "message").map(|(key, v)| format!("{key}: {}", show(v)));
        let fields = fields.collect::<Vec<_>>().join(", ");
        return Words::new(match message {
            Some(message) if fields.is_empty() => message,
            Some(message) => format!("{message} ({fields})"),
            None => format!("the script threw an error ({fields})"),
        });
    }
    if value.is_unit() || value.is_string() {
        return Words::row("threw-nothing", &[]);
    }
    Words::new(format!("the script threw: {value}"))
}

fn mismatch(wanted: &str, given: &str, context: &ErrorContext) -> Words {
    let given_name = if given == "any" { "another value".to_string() } else { a(given) };
    let of_index = rows::of_kinds("index", wanted, given).filter(|_| context.before() == "[");
    let row = of_index.or_else(|| rows::of_kinds("needed", wanted, given)).expect("the last row fits all");
    Words::new(format!("{} is needed here, not {given_name}", a(wanted))).hint(row.lines[0])
}

fn bounds(length: usize, index: i64, whole: &str, part: &str) -> Words {
    let at = index.to_string();
    match length {
        0 => Words::row("empty", &[part, &at, whole, &index.max(0).to_string()]),
        _ => Words::row("bounds", &[part, &at, whole, &call::count(length, part), &(length - 1).to_string()]),
    }
}

fn arithmetic(text: &str) -> Words {
    if text.starts_with("Division by zero") || (text.starts_with("Modulo") && text.ends_with("% 0")) {
        return Words::row("division", &[]);
    }
    if let Some(operation) = text.strip_prefix("Duration overflow") {
        return Words::row("too-long", &[operation]);
    }
    if text.to_lowercase().contains("overflow") || text.starts_with("Modulo") {
        let operation = text.split_once(": ").map_or(String::new(), |(_, operation)| format!(": {operation}"));
        return Words::row("overflow", &[&operation, &i64::MIN.to_string(), &i64::MAX.to_string()]);
    }
    if text.starts_with("Error parsing") {
        return Words::row("number", &[text.split('\'').nth(1).unwrap_or_default()]);
    }
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_lowercase().to_string()).unwrap_or_default();
    Words::new(format!("{first}{}", chars.as_str()))
}

fn data_race(text: &str, context: &ErrorContext) -> Words {
    let Some(name) = text.strip_prefix("argument #").and_then(|t| t.split('\'').nth(1)) else {
        return Words::row("race", &[]);
    };
    let scan = context.scan;
    let dotted: Vec<usize> = (1..scan.tokens.len())
        .filter(|i| scan.text(*i) == name && scan.text(*i - 1) == "." && scan.text(*i + 1) == "(")
        .collect();
    let at = match (&dotted[..], context.pos.is_none()) {
        ([only], true) => Some(position(scan.tokens[*only].start)),
        _ => None,
    };
    let object = dotted.first().map(|i| scan.text(i.saturating_sub(2))).filter(|_| dotted.len() == 1).unwrap_or("sock");
    Words::row("in-use", &[name, object]).at(at)
}

/// Words for a change of a constant.
pub(super) fn constant(name: &str) -> Words {
    Words::row(if name.is_empty() { "fixed" } else { "constant" }, &[name])
}

fn constant_method(name: &str) -> Words {
    match name.split_once('$') {
        Some(("set", property)) => Words::row("constant-set", &[property]),
        Some(("get", property)) => Words::row("constant-get", &[property]),
        Some(_) => Words::row("constant-item", &[]),
        None => Words::row("constant-method", &[name]),
    }
}

fn too_large(what: &str) -> Words {
    let kind = match what {
        _ if what.contains("string") => "text",
        _ if what.contains("map") => "map",
        _ if what.contains("array") || what.contains("BLOB") => "array or blob",
        _ => "value",
    };
    Words::row("grows", &[kind])
}
