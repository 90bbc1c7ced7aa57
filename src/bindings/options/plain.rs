//! A script's options without a command line: `--name value` and `--name=value`, a flag as `--name`, others by their places; `--` ends
//! the options.

use std::collections::BTreeMap;

#[cfg(not(feature = "cli"))]
use rhai::NativeCallContext;

use super::declared::{Declared, Shape};
use super::value::{OptionValue, is_option};
#[cfg(not(feature = "cli"))]
use crate::bindings::{
    context::Context,
    error::{ScriptResult, raise},
};
#[cfg(not(feature = "cli"))]
use crate::net::error::Error;

/// What was given of the options that are declared.
///
/// # Errors
/// `invalid`: an unknown option, or a wrong value.
#[cfg(not(feature = "cli"))]
pub(super) fn arguments(
    ctx: &NativeCallContext,
    context: &Context,
    declared: &[Declared],
) -> ScriptResult<BTreeMap<String, OptionValue>> {
    let given = parse(&context.script.args, declared)
        .or_else(|message| raise(ctx, Error::invalid("options", message).with_peer(&context.script.name)))?;
    // That they were read.
    let _ = context.script.given.set(Vec::new());
    Ok(given)
}

/// What `args` give of the options that are declared; what is wrong with them.
fn parse(args: &[String], declared: &[Declared]) -> Result<BTreeMap<String, OptionValue>, String> {
    let of_shape = |shape: Shape| declared.iter().filter(move |option| option.shape == shape);
    let flags = of_shape(Shape::Flag).map(|flag| (flag.name.clone(), OptionValue::Bool(false)));
    let lists = of_shape(Shape::Rest).map(|rest| (rest.name.clone(), OptionValue::List(Vec::new())));
    let mut given: BTreeMap<_, _> = flags.chain(lists).collect();
    let mut places = of_shape(Shape::Positional);
    let (mut words, mut ended) = (args.iter(), false);
    while let Some(word) = words.next() {
        match word.strip_prefix("--").filter(|_| !ended) {
            Some("") => ended = true,
            Some(text) => {
                let (option, value) = named(text, declared, &mut words)?;
                given.insert(option.name.clone(), value);
            }
            None if !ended && is_option(word) => return Err(format!("unexpected argument {word}")),
            None => match (places.next(), of_shape(Shape::Rest).next()) {
                (Some(option), _) => {
                    given.insert(option.name.clone(), checked(option, word)?);
                }
                // From the first of them on nothing is read as an option.
                (None, Some(rest)) => {
                    let list = std::iter::once(word).chain(words.by_ref()).cloned().collect();
                    given.insert(rest.name.clone(), OptionValue::List(list));
                }
                (None, None) => return Err(format!("unexpected argument {word}")),
            },
        }
    }
    match places.find(|option| option.default.is_none()) {
        Some(missing) => Err(format!("{} is missing", missing.name.to_uppercase())),
        None => Ok(given),
    }
}

/// The option called in `text`, which stands after `--`, and its value: after `=`, or the next of `words`.
fn named<'a>(
    text: &str,
    declared: &'a [Declared],
    words: &mut std::slice::Iter<'_, String>,
) -> Result<(&'a Declared, OptionValue), String> {
    let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
    let is_named = |option: &&Declared| matches!(option.shape, Shape::Named | Shape::Asked | Shape::Flag);
    let option = declared.iter().filter(is_named).find(|option| option.name == name);
    let option = option.ok_or_else(|| format!("unexpected argument --{name}"))?;
    match (option.shape, value) {
        (Shape::Flag, None) => Ok((option, OptionValue::Bool(true))),
        (Shape::Flag, Some(_)) => Err(format!("--{name} takes no value")),
        (_, Some(value)) => Ok((option, checked(option, value)?)),
        (_, None) => {
            let value = words.next().filter(|value| !is_option(value));
            let value = value.ok_or_else(|| format!("--{name} needs a value"))?;
            Ok((option, checked(option, value)?))
        }
    }
}

fn checked(option: &Declared, text: &str) -> Result<OptionValue, String> {
    option.check(text).map_err(|why| format!("{} {text}: {why}", option.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::time::Duration;

    fn option(shape: Shape, name: &str, default: Option<OptionValue>) -> Declared {
        Declared {
            name: name.to_string(),
            shape,
            help: String::new(),
            default,
            choices: Vec::new(),
            is_address: false,
            is_policy: false,
            when_read: false,
            least: None,
            most: None,
        }
    }

    /// What `words` give of `--count`, `--wait`, `--quiet`, HOST and REST, the names in alphabetic order.
    fn given(words: &str) -> Result<String, String> {
        let declared = [
            option(Shape::Named, "count", Some(OptionValue::Int(4))),
            option(Shape::Named, "wait", Some(OptionValue::Duration(Duration::from_nanos(1)))),
            option(Shape::Named, "text", Some(OptionValue::Text(String::new()))),
            option(Shape::Flag, "quiet", None),
            option(Shape::Positional, "host", None),
            option(Shape::Rest, "rest", None),
        ];
        let words: Vec<String> = words.split_whitespace().map(String::from).collect();
        let shown = |given: BTreeMap<String, OptionValue>| {
            let shown = given.iter().map(|(name, value)| format!("{name}={}", value.typed()));
            shown.collect::<Vec<_>>().join(" ")
        };
        parse(&words, &declared).map(shown)
    }

    #[test]
    fn options_places_and_the_rest_are_read() {
        for (words, expected) in [
            ("a", "host=a quiet=false rest="),
            ("--count 5 a", "count=5 host=a quiet=false rest="),
            ("--count=-5 a --quiet", "count=-5 host=a quiet=true rest="),
            ("--count -5 a", "count=-5 host=a quiet=false rest="),
            ("a b c --count 5", "host=a quiet=false rest=b c --count 5"),
            ("-- --count 5", "host=--count quiet=false rest=5"),
            ("--quiet -- a --quiet -- x", "host=a quiet=true rest=--quiet -- x"),
            ("-5ms", "host=-5ms quiet=false rest="),
        ] {
            assert_eq!(given(words), Ok(expected.to_string()), "{words}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (words, expected) in [
            ("", "HOST is missing"),
            ("--count", "--count needs a value"),
            ("--text --quiet a", "--text needs a value"),
            ("--quiet=1 a", "--quiet takes no value"),
            ("--host a", "unexpected argument --host"),
            ("-q a", "unexpected argument -q"),
            ("-5ms -x", "unexpected argument -x"),
            ("--bogus", "unexpected argument --bogus"),
            ("--count x a", "count x: it is not a whole number"),
            ("--wait -5ms a", "wait -5ms: a duration cannot be negative"),
        ] {
            assert_eq!(given(words), Err(expected.to_string()), "{words}");
        }
    }
}
