//! One declared option: what it takes, what it refuses, and how it is asked for.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser, ValueParser};
use clap::{Arg, ArgAction};
use rhai::{Dynamic, NativeCallContext};

use super::value::OptionValue;
use crate::bindings::context::Context;
use crate::bindings::convert::shown;
use crate::bindings::error::{ScriptResult, raise};
use crate::bindings::policy;
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
    fn check(&self, text: &str) -> Result<OptionValue, String> {
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

    /// Whether it is a length of time.
    pub(super) fn is_time(&self) -> bool {
        matches!(self.default, Some(OptionValue::Duration(_))) && self.shape != Shape::Flag
    }

    pub(super) fn arg(&self) -> Arg {
        let arg = Arg::new(self.name.clone()).help(self.help.clone());
        if self.shape == Shape::Flag {
            let arg = arg.long(self.name.clone()).action(ArgAction::SetTrue);
            // As in `ping -q`, for every script.
            return if self.name == "quiet" { arg.short('q') } else { arg };
        }
        let text = OptionValue::Text(String::new());
        let like = self.default.as_ref().unwrap_or(&text);
        let declared = self.clone();
        let parser = if self.choices.is_empty() {
            ValueParser::new(move |text: &str| declared.check(text))
        } else {
            let choices = PossibleValuesParser::new(self.choices.iter().map(|choice| {
                // The default that stands for none is nothing to write.
                PossibleValue::new(choice.clone()).hide(choice.is_empty())
            }));
            ValueParser::new(choices.try_map(move |text: String| declared.check(&text)))
        };
        let arg = match self.shape {
            Shape::Positional => arg.value_name(self.name.to_uppercase()).required(self.default.is_none()),
            Shape::Rest => {
                let arg = arg.value_name(self.name.to_uppercase()).help(self.help.clone()).num_args(0..);
                return arg.trailing_var_arg(true).value_parser(clap::value_parser!(String));
            }
            _ => arg.long(self.name.clone()).value_name(match (self.is_address, self.is_policy) {
                (true, _) => "HOST:PORT",
                (_, true) => "POLICY",
                _ => like.placeholder(),
            }),
        };
        let help = match (&self.default, self.shape) {
            (Some(OptionValue::Text(text)), _) if text.is_empty() => self.help.clone(),
            (Some(default), Shape::Asked) => {
                format!("prompted for when omitted: \"{}\" [default: {}]", self.help, default.typed())
            }
            (Some(default), _) => format!("{} [default: {}]", self.help, default.typed()),
            (None, _) => self.help.clone(),
        };
        // Numbers may be negative; a text that begins with a dash is more likely a slip.
        arg.help(help).value_parser(parser).allow_hyphen_values(!matches!(like, OptionValue::Text(_)))
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
            output::note(&format!("--{} {typed}, its default: standard input is no terminal to ask on", self.name));
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
