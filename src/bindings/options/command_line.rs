//! A script's options on the command line. It is read by clap, so that `--help`, unknown options and nearest names work as people
//! know them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser, ValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind as ClapError};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use rhai::NativeCallContext;

use super::declared::{Declared, Shape};
use super::flags::misplaced;
use super::given::filled;
use super::value::OptionValue;
use crate::bindings::context::Context;
use crate::bindings::error::{ScriptResult, raise};
use crate::bindings::exit;
use crate::bindings::print::print;
use crate::nearest::nearest;
use crate::net::error::Error;
use crate::terminal::output;

/// What was given of the options that are declared.
///
/// # Errors
/// `invalid`, in a script that another one has started; elsewhere a wrong line ends the script, and so does `--help`.
pub(super) fn arguments(
    ctx: &NativeCallContext,
    context: &Context,
    declared: &[Declared],
) -> ScriptResult<BTreeMap<String, OptionValue>> {
    let args = context.script.args.iter().map(String::as_str);
    let line = std::iter::once(context.script.name.as_str()).chain(args);
    let matches = match command(context, declared).try_get_matches_from(line).map_err(without_dashes) {
        Ok(matches) => matches,
        Err(err) if !context.script.main && err.kind() == ClapError::DisplayHelp => {
            print(err.to_string().trim_end());
            return Err(exit::leave(0, ctx.call_position()));
        }
        Err(err) if !context.script.main => {
            let text = err.to_string();
            let text = text.trim_start_matches("error: ").lines().next().unwrap_or_default();
            let error = Error::invalid("options", text).with_peer(&context.script.name);
            return raise(ctx, error.with_hint(remedy(&err, declared)));
        }
        Err(err) => {
            let text = err.render().to_string();
            let help = err.kind() == ClapError::DisplayHelp;
            if help {
                output::prose(text.trim_end())
            } else {
                output::note(text.trim_end());
                if let Some(long) = long_for(&err, declared) {
                    output::note(&format!("  hint: options are written in full: did you mean {long}?"));
                }
                misplaced(&context.script.args).inspect(|flag| {
                    output::note(&format!("  hint: {flag} is a flag of pingscript, and stands before the script"));
                });
            };
            return Err(exit::leave(if help { 0 } else { 2 }, ctx.call_position()));
        }
    };
    // A script that declares options twice has read the same arguments.
    let _ = context.script.given.set(typed(&matches, declared));
    let value = |option: &Declared| match option.shape {
        Shape::Flag => Some(OptionValue::Bool(matches.get_flag(&option.name))),
        Shape::Rest => {
            let rest = matches.get_many::<String>(&option.name).unwrap_or_default();
            Some(OptionValue::List(rest.cloned().collect()))
        }
        _ => matches.get_one::<OptionValue>(&option.name).cloned(),
    };
    Ok(declared.iter().filter_map(|option| Some((option.name.clone(), value(option)?))).collect())
}

impl Declared {
    /// Whether it is a length of time.
    fn is_time(&self) -> bool {
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
                _ => placeholder(like),
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
}

/// What stands for a value in the help.
fn placeholder(value: &OptionValue) -> &'static str {
    match value {
        OptionValue::Text(_) | OptionValue::List(_) => "TEXT",
        OptionValue::Int(_) => "N",
        OptionValue::Float(_) => "X",
        OptionValue::Bool(_) => "BOOL",
        OptionValue::Duration(_) => "TIME",
    }
}

/// What to write in place of what clap refuses.
fn remedy(err: &clap::Error, declared: &[Declared]) -> String {
    let listed = |kind| match err.get(kind) {
        Some(ContextValue::String(one)) => vec![one.clone()],
        Some(ContextValue::Strings(several)) => several.clone(),
        _ => Vec::new(),
    };
    let values = listed(ContextKind::ValidValue);
    if !values.is_empty() {
        return format!("the values are {}", values.join(", "));
    }
    let names: Vec<String> = declared.iter().map(|option| format!("--{}", option.name)).collect();
    // Of a wrong value it is the option that has it.
    let unknown = if err.kind() == ClapError::UnknownArgument { listed(ContextKind::InvalidArg) } else { Vec::new() };
    let unknown = unknown.first().map_or("", |unknown| unknown.trim_start_matches('-'));
    let near =
        nearest(unknown, declared.iter().map(|option| option.name.as_str())).first().map(|near| format!("--{near}"));
    let near = near.or_else(|| long_for(err, declared));
    match listed(ContextKind::SuggestedArg).first().cloned().or(near) {
        Some(near) => format!("did you mean {near}? The options are {}", names.join(", ")),
        None => format!("the options are {}", names.join(", ")),
    }
}

/// The option that begins with the letter of `-c`, where clap has met that.
fn long_for(err: &clap::Error, declared: &[Declared]) -> Option<String> {
    let Some(ContextValue::String(unknown)) = err.get(ContextKind::InvalidArg) else { return None };
    let letter =
        unknown.strip_prefix('-').filter(|letter| letter.len() == 1 && err.kind() == ClapError::UnknownArgument)?;
    let by_name = |option: &&Declared| !matches!(option.shape, Shape::Positional | Shape::Rest);
    let option = declared.iter().filter(by_name).find(|option| option.name.starts_with(letter))?;
    Some(format!("--{}", option.name))
}

/// `err` without the advice to have a mistyped option taken for a value.
pub fn without_dashes(mut err: clap::Error) -> clap::Error {
    if let Some(ContextValue::StyledStrs(mut tips)) = err.remove(ContextKind::Suggested) {
        tips.retain(|tip| !tip.to_string().contains(" as a value"));
        if !tips.is_empty() {
            err.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
        }
    }
    err
}

/// What was given, as it was typed: options, and words by their place.
fn typed(matches: &ArgMatches, declared: &[Declared]) -> Vec<(String, String)> {
    let valued = declared.iter().filter(|option| option.shape != Shape::Flag);
    let given = valued.filter(|option| matches.value_source(&option.name) == Some(ValueSource::CommandLine));
    let typed = |option: &Declared| {
        let by_place = matches!(option.shape, Shape::Positional | Shape::Rest);
        let name = if by_place { option.name.to_uppercase() } else { format!("--{}", option.name) };
        let values = matches.get_raw(&option.name).into_iter().flatten();
        let values = values.map(|value| (name.clone(), value.to_string_lossy().into_owned()));
        values.collect::<Vec<_>>()
    };
    given.flat_map(typed).collect()
}

fn command(context: &Context, declared: &[Declared]) -> Command {
    let script = &context.script;
    let defaults = declared.iter().filter_map(|option| Some((&option.name, option.default.as_ref()?)));
    let header = filled(&script.about, defaults);
    let (about, more) = header.split_once("\n\n").unwrap_or((&header, ""));
    // A policy's header says how a server is given it, and with it the options.
    let (about, own) = about.split_once("\nUsage: ").map_or((about, None), |(about, usage)| (about, Some(usage)));
    let more = joined(&without_usage(more));
    Command::new(script.name.clone())
        .bin_name(format!("pingscript {}", script.name))
        .about(about.to_string())
        .after_help(format!("{}{more}", if declared.iter().any(Declared::is_time) { TIME } else { "" }))
        .override_usage(own.map_or_else(|| usage(declared, &script.name), str::to_string))
        .disable_version_flag(true)
        .args(declared.iter().map(Declared::arg))
}

/// A header with each labelled paragraph in one line, which is broken where the terminal ends. Examples of usage stay as they are.
fn joined(header: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    // The column that the paragraph's text begins in.
    let mut column = None;
    for line in header.split('\n') {
        let indent = line.len() - line.trim_start_matches(' ').len();
        if let (true, Some(last)) = (column == Some(indent) && !line.trim().is_empty(), lines.last_mut()) {
            last.push(' ');
            last.push_str(line.trim());
            continue;
        }
        let label = line.split_once(": ").filter(|(label, _)| label.chars().all(char::is_alphabetic));
        let label = label.filter(|(label, _)| !["Usage", "Try"].contains(label));
        column = label.map(|(_, text)| line.len() - text.trim_start_matches(' ').len());
        lines.push(line.to_string());
    }
    lines.join("\n")
}

/// A script's header without the usage that stands above its options anyway; several of them are examples.
fn without_usage(header: &str) -> String {
    let mut lines: Vec<Cow<'_, str>> = header.split('\n').map(Cow::Borrowed).collect();
    if let Some(at) = lines.iter().position(|line| line.starts_with("Usage:")) {
        if lines.get(at + 1).is_some_and(|next| next.starts_with(' ')) {
            lines[at] = lines[at].replacen("Usage:", "Try:  ", 1).into();
        } else {
            lines.remove(at);
        }
    }
    lines.join("\n")
}

/// What is written for a length of time.
const TIME: &str = "TIME is a number and its unit: 50us, 250ms, 1.5s, 1m, 1h\n\n";

fn usage(declared: &[Declared], name: &str) -> String {
    let mut usage = format!("pingscript {name}");
    let by_place = |option: &Declared| matches!(option.shape, Shape::Positional | Shape::Rest);
    if !declared.iter().all(by_place) {
        usage.push_str(" [OPTIONS]");
    }
    for option in declared.iter().filter(|option| by_place(option)) {
        let name = option.name.to_uppercase();
        usage.push_str(&match (option.shape, &option.default) {
            (Shape::Rest, _) => format!(" [{name}…]"),
            (_, None) => format!(" <{name}>"),
            (_, Some(_)) => format!(" [{name}]"),
        });
    }
    usage
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn a_labelled_paragraph_is_one_line_and_examples_stay() {
        let header = "Usage:  a\n        b\nExplain:  One\n          two\n          three.\nNeeds:    none\n\n  a table\n  of two";
        let expected = "Usage:  a\n        b\nExplain:  One two three.\nNeeds:    none\n\n  a table\n  of two";
        assert_eq!(joined(header), expected);
    }
}
