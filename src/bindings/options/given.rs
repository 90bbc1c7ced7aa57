//! The values of a script's options: what was given, what is asked for, or the defaults.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::NativeCallContext;

#[cfg(feature = "cli")]
use super::command_line::arguments;
use super::declared::{Declared, Shape};
#[cfg(not(feature = "cli"))]
use super::plain::arguments;
use super::value::OptionValue;
use crate::bindings::context::Context;
use crate::bindings::error::ScriptResult;
use crate::bindings::print::note;
use crate::bindings::{context, exit};
use crate::net::error::ErrorKind;

/// What was given on the command line, or the defaults.
#[derive(Clone, Debug)]
pub struct Given {
    values: BTreeMap<String, OptionValue>,
    /// Those that are asked for when they are first read, and what was answered.
    later: Arc<BTreeMap<String, DeferredOption>>,
}

/// An option that is asked for when it is first read, and what was answered.
type DeferredOption = (Declared, Mutex<Option<OptionValue>>);

impl Given {
    /// The value of an option; `None`: there is no such option.
    ///
    /// # Errors
    /// What was answered is no value for it: the script ends.
    pub(super) fn get(&self, ctx: &NativeCallContext, name: &str) -> ScriptResult<Option<OptionValue>> {
        let Some((option, answer)) = self.later.get(name) else { return Ok(self.values.get(name).cloned()) };
        let mut answer = answer.lock().unwrap_or_else(PoisonError::into_inner);
        if answer.is_none() {
            *answer = Some(ask(ctx, option, &context::current())?);
        }
        Ok(answer.clone())
    }

    /// The names of all options.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.values.keys().chain(self.later.keys()).map(String::as_str).collect();
        names.sort_unstable();
        names
    }
}

/// Asks for a value; one that is wrong ends the script, and so does an interrupt: nothing has been begun.
fn ask(ctx: &NativeCallContext, option: &Declared, context: &Context) -> ScriptResult<OptionValue> {
    option.ask(context).map_err(|err| {
        if err.kind == ErrorKind::Interrupted {
            return exit::leave(0, ctx.call_position());
        }
        note(&format!("error: {}", err.message));
        exit::leave(2, ctx.call_position())
    })
}

pub(super) fn read(ctx: &NativeCallContext, declared: &[Declared]) -> ScriptResult<Given> {
    let context = context::current();
    let mut arguments = arguments(ctx, &context, declared)?;
    let (mut given, mut later) = (BTreeMap::new(), BTreeMap::new());
    for option in declared {
        let value = match (arguments.remove(&option.name), &option.default) {
            (Some(value), _) => value,
            (None, _) if option.shape == Shape::Asked && context.script.main => {
                if option.when_read {
                    later.insert(option.name.clone(), (option.clone(), Mutex::default()));
                    continue;
                }
                ask(ctx, option, &context)?
            }
            (None, Some(default)) => default.clone(),
            (None, None) => continue,
        };
        given.insert(option.name.clone(), value);
    }
    let _ = context.script.explained.set(filled(&context.script.about, &given));
    Ok(Given { values: given, later: Arc::new(later) })
}

/// A header with the values of options in place of their names in braces.
pub(super) fn filled<'a>(header: &str, values: impl IntoIterator<Item = (&'a String, &'a OptionValue)>) -> String {
    values
        .into_iter()
        .fold(header.to_string(), |text, (name, value)| text.replace(&format!("{{{name}}}"), &value.typed()))
}
