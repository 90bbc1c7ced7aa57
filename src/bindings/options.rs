//! A script's own options: declared once, in order, with a default and a line of help each.
//!
//! The command line is read by clap, so that `--help`, unknown options and nearest names work as people know them.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use clap::builder::{PossibleValuesParser, TypedValueParser, ValueParser};
use clap::error::ErrorKind as ClapError;
use clap::{Arg, ArgAction, Command};
use rhai::plugin::*;
use rhai::{Array, Dynamic, NativeCallContext};

use super::context::{self, Context, ScriptResult};
use super::convert::shown;
use super::error::{OrRaise, raise};
use super::exit;
use crate::nearest::nearest;
use crate::net::addr;
use crate::net::error::Error;
use crate::net::input::{self, Line};
use crate::net::output;
use crate::net::time::Duration;

/// One declared option.
#[derive(Clone, Debug)]
pub struct Declared {
    name: String,
    shape: Shape,
    help: String,
    /// `None`: it has to be given.
    default: Option<Value>,
    choices: Vec<String>,
    is_address: bool,
    least: Option<Value>,
    most: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// `--name VALUE`
    Named,
    /// `--name VALUE`, asked for if it is not given
    Asked,
    /// `--name`
    Flag,
    /// `VALUE`, by its place
    Positional,
}

/// The value of an option.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Yes or no.
    Bool(bool),
    /// A length of time.
    Duration(Duration),
}

/// What was given on the command line, or the defaults.
#[derive(Clone, Debug)]
pub struct Given(BTreeMap<String, Value>);

impl Value {
    fn of(value: &Dynamic) -> Option<Self> {
        if let Ok(n) = value.as_int() {
            return Some(Self::Int(n));
        }
        if let Ok(x) = value.as_float() {
            return Some(Self::Float(x));
        }
        if let Ok(b) = value.as_bool() {
            return Some(Self::Bool(b));
        }
        if let Some(duration) = value.clone().try_cast::<Duration>() {
            return Some(Self::Duration(duration));
        }
        value.clone().into_string().ok().map(Self::Text)
    }

    fn into_dynamic(self) -> Dynamic {
        match self {
            Self::Text(text) => text.into(),
            Self::Int(n) => n.into(),
            Self::Float(x) => x.into(),
            Self::Bool(b) => b.into(),
            Self::Duration(duration) => Dynamic::from(duration),
        }
    }

    /// Reads `text` as a value of the same type.
    fn read(&self, text: &str) -> Result<Self, String> {
        match self {
            Self::Text(_) => Ok(Self::Text(text.to_string())),
            Self::Int(_) => text.parse().map(Self::Int).map_err(|_| "it is not a whole number".to_string()),
            Self::Float(_) => match text.parse::<f64>() {
                Ok(x) if x.is_finite() => Ok(Self::Float(x)),
                _ => Err("it is not a number".to_string()),
            },
            Self::Bool(_) => text.parse().map(Self::Bool).map_err(|_| "it is neither true nor false".to_string()),
            Self::Duration(_) => match Duration::parse(text) {
                Some(duration) if duration.is_negative() => Err("a duration cannot be negative".to_string()),
                Some(duration) => Ok(Self::Duration(duration)),
                None => Err("it is not a duration: write a number and a unit, such as 1s, 250ms or 50us".to_string()),
            },
        }
    }

    /// As it would be typed.
    fn typed(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Int(n) => n.to_string(),
            Self::Float(x) => x.to_string(),
            Self::Bool(b) => b.to_string(),
            Self::Duration(duration) => duration.short(),
        }
    }

    fn placeholder(&self) -> &'static str {
        match self {
            Self::Text(_) => "TEXT",
            Self::Int(_) => "N",
            Self::Float(_) => "X",
            Self::Bool(_) => "BOOL",
            Self::Duration(_) => "TIME",
        }
    }

    fn is_below(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a < b,
            (Self::Float(a), Self::Float(b)) => a < b,
            (Self::Float(a), Self::Int(b)) => *a < *b as f64,
            (Self::Int(a), Self::Float(b)) => (*a as f64) < *b,
            (Self::Duration(a), Self::Duration(b)) => a < b,
            _ => false,
        }
    }
}

impl Declared {
    fn check(&self, text: &str) -> Result<Value, String> {
        let like = self.default.as_ref().unwrap_or(&Value::Text(String::new())).read(text)?;
        if let Some(least) = self.least.as_ref().filter(|least| like.is_below(least)) {
            return Err(format!("it must be at least {}", least.typed()));
        }
        if let Some(most) = self.most.as_ref().filter(|most| most.is_below(&like)) {
            return Err(format!("it must be at most {}", most.typed()));
        }
        if let (true, Value::Text(text)) = (self.is_address && !text.is_empty(), &like) {
            addr::check(text).map_err(|error| format!("{}; {}", error.message, error.hint))?;
        }
        if !self.choices.is_empty() && !self.choices.contains(&like.typed()) {
            return Err(format!("it must be one of {}", self.choices.join(", ")));
        }
        Ok(like)
    }

    fn arg(&self) -> Arg {
        let arg = Arg::new(self.name.clone()).help(self.help.clone());
        if self.shape == Shape::Flag {
            return arg.long(self.name.clone()).action(ArgAction::SetTrue);
        }
        let text = Value::Text(String::new());
        let like = self.default.as_ref().unwrap_or(&text);
        let declared = self.clone();
        let parser = if self.choices.is_empty() {
            ValueParser::new(move |text: &str| declared.check(text))
        } else {
            let choices = PossibleValuesParser::new(self.choices.clone());
            ValueParser::new(choices.try_map(move |text: String| declared.check(&text)))
        };
        let arg = match self.shape {
            Shape::Positional => arg.value_name(self.name.to_uppercase()).required(self.default.is_none()),
            _ => arg.long(self.name.clone()).value_name(if self.is_address { "HOST:PORT" } else { like.placeholder() }),
        };
        let help = match (&self.default, self.shape) {
            (Some(Value::Text(text)), _) if text.is_empty() => self.help.clone(),
            (Some(default), Shape::Asked) => {
                format!("{} Asked for if not given [default: {}]", self.help, default.typed())
            }
            (Some(default), _) => format!("{} [default: {}]", self.help, default.typed()),
            (None, _) => self.help.clone(),
        };
        // Numbers may be negative; a text that begins with a dash is more likely a slip.
        arg.help(help).value_parser(parser).allow_hyphen_values(!matches!(like, Value::Text(_)))
    }

    /// Asks for the value: on a terminal until the answer is right, elsewhere once.
    fn ask(&self, context: &Context) -> Result<Value, Error> {
        use std::io::IsTerminal;
        let default = self.default.clone().unwrap_or(Value::Text(String::new()));
        loop {
            output::line(&self.help);
            let text = match input::read_line(context.host.as_ref(), &context.stop)? {
                Line::Text(text) => text,
                Line::End => {
                    output::line(&default.typed());
                    return Ok(default);
                }
                Line::Interrupted => return Ok(default),
            };
            if text.trim().is_empty() {
                return Ok(default);
            }
            match self.check(text.trim()) {
                Ok(value) => return Ok(value),
                Err(why) if std::io::stdin().is_terminal() => output::line(&format!("\"{}\": {why}", text.trim())),
                Err(why) => {
                    return Err(Error::invalid(
                        "options",
                        format!("\"{}\" is no value for --{}: {why}", text.trim(), self.name),
                    ));
                }
            }
        }
    }
}

fn command(context: &Context, declared: &[Declared]) -> Command {
    let script = &context.script;
    let (about, more) = script.about.split_once("\n\n").unwrap_or((&script.about, ""));
    Command::new(script.name.clone())
        .bin_name(format!("pingscript {}", script.name))
        .about(about.to_string())
        .after_help(more.to_string())
        .override_usage(usage(declared, &script.name))
        .disable_version_flag(true)
        .args(declared.iter().map(Declared::arg))
}

fn usage(declared: &[Declared], name: &str) -> String {
    let mut usage = format!("pingscript {name}");
    if declared.iter().any(|option| option.shape != Shape::Positional) {
        usage.push_str(" [OPTIONS]");
    }
    for option in declared.iter().filter(|option| option.shape == Shape::Positional) {
        let name = option.name.to_uppercase();
        usage.push_str(&if option.default.is_none() { format!(" <{name}>") } else { format!(" [{name}]") });
    }
    usage
}

fn read(ctx: &NativeCallContext, declared: &[Declared]) -> ScriptResult<Given> {
    let context = context::current();
    context.script.has_options.store(true, Ordering::Relaxed);
    let args = context.script.args.iter().map(String::as_str);
    let line = std::iter::once(context.script.name.as_str()).chain(args);
    let matches = match command(&context, declared).try_get_matches_from(line) {
        Ok(matches) => matches,
        Err(err) if !context.script.main => {
            let text = err.to_string();
            let text = text.trim_start_matches("error: ").lines().next().unwrap_or_default();
            let names: Vec<String> = declared.iter().map(|option| format!("--{}", option.name)).collect();
            let error = Error::invalid("options", text).with_peer(&context.script.name);
            return raise(ctx, error.with_hint(format!("the options are {}", names.join(", "))));
        }
        Err(err) => {
            let text = err.render().to_string();
            let help = err.kind() == ClapError::DisplayHelp;
            if help {
                output::line(text.trim_end())
            } else {
                output::note(text.trim_end())
            };
            return Err(exit::leave(if help { 0 } else { 2 }, ctx.call_position()));
        }
    };
    let mut given = BTreeMap::new();
    for option in declared {
        let value = match option.shape {
            Shape::Flag => Value::Bool(matches.get_flag(&option.name)),
            _ => match (matches.get_one::<Value>(&option.name), &option.default) {
                (Some(value), _) => value.clone(),
                (None, _) if option.shape == Shape::Asked && context.script.main => match option.ask(&context) {
                    Ok(value) => value,
                    Err(err) => {
                        output::note(&format!("error: {}", err.message));
                        return Err(exit::leave(2, ctx.call_position()));
                    }
                },
                (None, Some(default)) => default.clone(),
                (None, None) => continue,
            },
        };
        given.insert(option.name.clone(), value);
    }
    Ok(Given(given))
}

fn declare(
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
        Some(default) => match Value::of(default) {
            Some(value) => Some(value),
            None => {
                let message = format!("the default of `{name}` is {}", shown(default));
                let error = Error::invalid("option", message);
                return raise(ctx, error.with_hint("give a string, a number, true, false or a duration such as 1.s"));
            }
        },
    };
    let (name, help) = (name.to_string(), help.to_string());
    Ok(Declared { name, shape, help, default, choices: Vec::new(), is_address: false, least: None, most: None })
}

/// A script's own options.
#[export_module]
#[allow(clippy::unwrap_used)] // the code that the macro writes
pub mod api {
    /// One declared option of a script.
    pub type DeclaredOption = super::Declared;
    /// The values of a script's options.
    pub type Options = super::Given;

    /// Declares an option `--NAME VALUE`. The default's type is the option's type: a string, a whole number, a number, a
    /// duration (typed as `250ms`), or true and false.
    ///
    /// Errors: `invalid`: a name that cannot be typed, a default of another type.
    ///
    /// ```rhai
    /// const OPT = options([ option("timeout", 1.s, "wait this long for each reply") ]);
    /// expect(OPT.timeout, 1.s);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn option(ctx: NativeCallContext, name: &str, default: Dynamic, help: &str) -> ScriptResult<DeclaredOption> {
        declare(&ctx, Shape::Named, name, Some(&default), help)
    }

    /// Declares an option `--NAME VALUE` that is asked for with `prompt` if it is not given: on a terminal; elsewhere a line
    /// of standard input answers, and its end gives the default. Only the script that the user started asks.
    ///
    /// Errors: `invalid`, as for `option`.
    ///
    /// ```rhai
    /// let count = ask("count", 5, "Enter number of pings to be sent:");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn ask(ctx: NativeCallContext, name: &str, default: Dynamic, prompt: &str) -> ScriptResult<DeclaredOption> {
        declare(&ctx, Shape::Asked, name, Some(&default), prompt)
    }

    /// Declares a switch `--NAME`: true if it is given, else false.
    ///
    /// Errors: `invalid`, as for `option`.
    ///
    /// ```rhai
    /// const OPT = options([ flag("quiet", "print no line per datagram") ]);
    /// expect(OPT.quiet, false);
    /// ```
    #[rhai_fn(return_raw)]
    pub fn flag(ctx: NativeCallContext, name: &str, help: &str) -> ScriptResult<DeclaredOption> {
        declare(&ctx, Shape::Flag, name, None, help)
    }

    /// Declares an argument that is given by its place and must be given. It is a string.
    ///
    /// Errors: `invalid`, as for `option`.
    ///
    /// ```rhai
    /// let target = argument("target", "host to ping");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn argument(ctx: NativeCallContext, name: &str, help: &str) -> ScriptResult<DeclaredOption> {
        declare(&ctx, Shape::Positional, name, None, help)
    }

    /// Declares an argument that is given by its place; without it the default holds.
    ///
    /// Errors: `invalid`, as for `option`.
    ///
    /// ```rhai
    /// const OPT = options([ argument("target", "127.0.0.1", "host to ping") ]);
    /// expect(OPT.target, "127.0.0.1");
    /// ```
    #[rhai_fn(name = "argument", return_raw)]
    pub fn argument_or(
        ctx: NativeCallContext,
        name: &str,
        default: Dynamic,
        help: &str,
    ) -> ScriptResult<DeclaredOption> {
        declare(&ctx, Shape::Positional, name, Some(&default), help)
    }

    /// The same option, allowing only these values.
    ///
    /// ```rhai
    /// const OPT = options([ option("mode", "raw", "how to frame").choices(["raw", "line"]) ]);
    /// expect(OPT.mode, "raw");
    /// ```
    pub fn choices(option: DeclaredOption, values: Array) -> DeclaredOption {
        Declared { choices: values.iter().map(ToString::to_string).collect(), ..option }
    }

    /// The same option, refusing what is not `HOST:PORT`; a name is not looked up yet. Nothing, `""`, is allowed.
    ///
    /// ```rhai
    /// const OPT = options([ option("server", "127.0.0.1:11000", "whom to ping").address() ]);
    /// expect(OPT.server, "127.0.0.1:11000");
    /// ```
    pub fn address(option: DeclaredOption) -> DeclaredOption {
        Declared { is_address: true, ..option }
    }

    /// The same option, refusing values below `least`.
    ///
    /// ```rhai
    /// const OPT = options([ option("count", 5, "how many").at_least(1) ]);
    /// expect(OPT.count, 5);
    /// ```
    pub fn at_least(option: DeclaredOption, least: Dynamic) -> DeclaredOption {
        Declared { least: Value::of(&least), ..option }
    }

    /// The same option, refusing values above `most`.
    ///
    /// ```rhai
    /// const OPT = options([ option("size", 0, "bytes").at_least(0).at_most(65_507) ]);
    /// expect(OPT.size, 0);
    /// ```
    pub fn at_most(option: DeclaredOption, most: Dynamic) -> DeclaredOption {
        Declared { most: Value::of(&most), ..option }
    }

    /// Reads the script's arguments by its declared options; `--help` explains them. To be called once, at the start.
    ///
    /// An unknown option or a wrong value ends the script with exit code 2 and a message that names the nearest valid one;
    /// in a script started by another it is thrown as `invalid` there.
    ///
    /// ```rhai
    /// const OPT = options([ option("server", "127.0.0.1:11000", "whom to ping") ]);
    /// expect(OPT.server, "127.0.0.1:11000");
    /// ```
    #[rhai_fn(return_raw)]
    pub fn options(ctx: NativeCallContext, list: Array) -> ScriptResult<Options> {
        let mut declared: Vec<Declared> = Vec::new();
        for (index, item) in list.into_iter().enumerate() {
            let what = shown(&item);
            match item.try_cast::<Declared>() {
                Some(option) if declared.iter().any(|other| other.name == option.name) => {
                    return raise(
                        &ctx,
                        Error::invalid("options", format!("option `{}` is declared twice", option.name)),
                    );
                }
                Some(option) => declared.push(option),
                None => {
                    let error = Error::invalid("options", format!("item {} of the list is {what}", index + 1));
                    let hint = "list option(…), ask(…), flag(…) and argument(…) calls, with commas between them";
                    return raise(&ctx, error.with_hint(hint));
                }
            }
        }
        read(&ctx, &declared)
    }

    /// The value of an option, as in `OPT.timeout`; of a name with dashes, as in `OPT["work-time"]`.
    ///
    /// Errors: `invalid`: there is no option of that name; the message lists those there are.
    ///
    /// ```rhai
    /// const OPT = options([ option("size", 64, "bytes") ]);
    /// expect(OPT["size"], 64);
    /// ```
    #[rhai_fn(index_get, pure, return_raw)]
    pub fn get(ctx: NativeCallContext, options: &mut Options, name: &str) -> ScriptResult<Dynamic> {
        let found = options.0.get(name).cloned().map(Value::into_dynamic).ok_or_else(|| {
            let names: Vec<&str> = options.0.keys().map(String::as_str).collect();
            let near = nearest(name, names.iter().copied());
            let near = near.first().map_or(String::new(), |near| format!("did you mean `{near}`? "));
            Error::invalid("options", format!("there is no option `{name}`"))
                .with_hint(format!("{near}The options are {}", names.join(", ")))
        });
        found.or_raise(&ctx)
    }
}
