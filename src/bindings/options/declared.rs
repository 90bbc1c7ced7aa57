//! One declared option: what it takes, what it refuses, and how it is asked for.

use rhai::{Dynamic, NativeCallContext};

use super::value::OptionValue;
use crate::bindings::context::Context;
use crate::bindings::convert::shown;
use crate::bindings::error::{ScriptResult, raise};
use crate::bindings::policy;
use crate::bindings::print::note;
use crate::net::error::{Error, ErrorKind};
use crate::net::host::addr;
use crate::terminal::input::InputLine;
use crate::terminal::{input, output};

/// One declared option.
#[derive(Clone, Debug)]
pub struct Declared {
    pub(super) name: String,
    pub(super) shape: Shape,
    pub(super) help: String,
    /// `None`: it has to be given.
    pub(super) default: Option<OptionValue>,
    pub(super) choices: Vec<String>,
    pub(super) is_address: bool,
    /// Whether it is asked for when it is first read, not at the start.
    pub(super) when_read: bool,
    pub(super) is_policy: bool,
    pub(super) least: Option<OptionValue>,
    pub(super) most: Option<OptionValue>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `--name VALUE`
    Named,
    /// `--name VALUE`, asked for if it is not given
    Asked,
    /// `--name`
    Flag,
    /// `VALUE`, by its place
    Positional,
    /// `VALUE…`: all the rest
    Rest,
}

impl Declared {
    pub(super) fn check(&self, text: &str) -> Result<OptionValue, String> {
        let like = self.default.as_ref().unwrap_or(&OptionValue::Text(String::new())).read(text)?;
        if let Some(least) = self.least.as_ref().filter(|least| like.is_below(least)) {
            return Err(format!("it must be at least {}", least.typed()));
        }
        if let Some(most) = self.most.as_ref().filter(|most| most.is_below(&like)) {
            return Err(format!("it must be at most {}", most.typed()));
        }
        if let (true, OptionValue::Text(text)) = (self.is_address && !text.is_empty(), &like) {
            addr::check(text).map_err(|error| format!("{}; {}", error.message, error.hint))?;
        }
        if let (true, OptionValue::Text(text)) = (self.is_policy && !text.is_empty(), &like) {
            policy::check(text)?;
        }
        if !self.choices.is_empty() && !self.choices.contains(&like.typed()) {
            return Err(format!("it must be one of {}", self.offered().join(", ")));
        }
        Ok(like)
    }

    /// The choices that can be written.
    fn offered(&self) -> Vec<&str> {
        self.choices.iter().map(String::as_str).filter(|choice| !choice.is_empty()).collect()
    }

    /// Asks for the value until the answer is right. On a terminal only: what comes on another standard input may be meant
    /// for others (`while read host; do pingscript icmp_ping $host; done < hosts`), and the default holds.
    ///
    /// # Errors
    /// `interrupted`: the stop happened first; what standard input meets.
    pub(super) fn ask(&self, context: &Context) -> Result<OptionValue, Error> {
        use std::io::IsTerminal;
        let default = self.default.clone().unwrap_or(OptionValue::Text(String::new()));
        if !std::io::stdin().is_terminal() {
            let typed = default.typed();
            note(&format!("--{} {typed}, its default: standard input is no terminal to ask on", self.name));
            return Ok(default);
        }
        loop {
            output::line(&self.help);
            let text = match input::read_line(&context.stop)? {
                InputLine::Text(text) => text,
                InputLine::End => {
                    output::line(&default.typed());
                    return Ok(default);
                }
                InputLine::Interrupted => return Err(Error::new(ErrorKind::Interrupted, "ask", "interrupted")),
            };
            if text.trim().is_empty() {
                return Ok(default);
            }
            match self.check(text.trim()) {
                Ok(value) => return Ok(value),
                Err(why) => output::line(&format!("\"{}\": {why}", text.trim())),
            }
        }
    }
}

pub(super) fn declare(
    ctx: &NativeCallContext,
    shape: Shape,
    name: &str,
    default: Option<&Dynamic>,
    help: &str,
) -> ScriptResult<Declared> {
    let good = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-')
    };
    if !good(name) {
        let message = format!("\"{name}\" is no name for an option: use small letters, digits, - and _");
        return raise(ctx, Error::invalid("option", message));
    }
    let default = match default {
        None => None,
        Some(default) => match OptionValue::of(default) {
            Some(value) => Some(value),
            None => {
                let message = format!("the default of `{name}` is {}", shown(default));
                let error = Error::invalid("option", message);
                return raise(ctx, error.with_hint("give a string, a number, true, false or a duration such as 1.s"));
            }
        },
    };
    let (name, help) = (name.to_string(), help.to_string());
    let (is_address, is_policy) = (false, false);
    Ok(Declared {
        name,
        shape,
        help,
        default,
        choices: Vec::new(),
        is_address,
        is_policy,
        when_read: false,
        least: None,
        most: None,
    })
}
