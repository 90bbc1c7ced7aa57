//! A script's options without a command line: each is given as `--name value`, a flag as `--name`, others in their order.

use std::collections::BTreeMap;

use rhai::NativeCallContext;

use super::declared::{Declared, Shape};
use super::value::OptionValue;
use crate::bindings::context::Context;
use crate::bindings::error::{ScriptResult, raise};
use crate::net::error::Error;

/// What was given of the options that are declared.
///
/// # Errors
/// `invalid`: an unknown option, or a wrong value.
pub(super) fn arguments(
    ctx: &NativeCallContext,
    context: &Context,
    declared: &[Declared],
) -> ScriptResult<BTreeMap<String, OptionValue>> {
    let wrong = |message: String| raise(ctx, Error::invalid("options", message).with_peer(&context.script.name));
    let flags = declared.iter().filter(|option| option.shape == Shape::Flag);
    let mut given: BTreeMap<_, _> = flags.map(|flag| (flag.name.clone(), OptionValue::Bool(false))).collect();
    let mut places = declared.iter().filter(|option| option.shape == Shape::Positional);
    let mut args = context.script.args.iter();
    while let Some(arg) = args.next() {
        let option = match arg.strip_prefix("--") {
            Some(name) => declared.iter().find(|option| option.name == name),
            None => places.next(),
        };
        let Some(option) = option else { return wrong(format!("unexpected argument {arg}")) };
        let value = match (option.shape, arg.starts_with("--")) {
            (Shape::Flag, _) => Ok(OptionValue::Bool(true)),
            (_, true) => option.check(args.next().map_or("", String::as_str)),
            (_, false) => option.check(arg),
        };
        match value {
            Ok(value) => given.insert(option.name.clone(), value),
            Err(why) => return wrong(format!("{arg}: {why}")),
        };
    }
    // That they were read.
    let _ = context.script.given.set(Vec::new());
    Ok(given)
}
