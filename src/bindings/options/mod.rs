//! A script's own options: declared once, in order, with a default and a line of help each.

use rhai::{Array, Dynamic, NativeCallContext};

use self::declared::{Declared, Shape, declare};
use self::given::{Given, read};
use self::value::OptionValue;
use super::convert::shown;
use super::error::{OrRaise, ScriptResult, raise};
use crate::nearest::nearest;
use crate::net::error::Error;

#[cfg(feature = "cli")]
pub mod command_line;
pub mod declared;
pub mod flags;
pub mod given;
#[cfg(any(not(feature = "cli"), test))]
mod plain;
pub mod value;

functions! {
    pub fn api;
    object Declared as DeclaredOption, "One declared option of a script.";
    object Given as Options, "The values of a script's options.";

    /// Declares an option `--NAME VALUE`. The default's type is the option's type: a string, a whole number, a number, a
    /// duration (typed as `250ms`), or true and false.
    ///
    /// Errors: `invalid`: a name that cannot be typed, a default of another type.
    ///
    /// ```rhai
    /// const OPT = options([ option("timeout", 1.s, "wait this long for each reply") ]);
    /// expect(OPT.timeout, 1.s);
    /// ```
    fn option as option(
        ctx: NativeCallContext, name: &str, default: Dynamic, help: &str,
    ) -> ScriptResult<Declared> =
        declare(&ctx, Shape::Named, name, Some(&default), help);

    /// Declares an option `--NAME VALUE` that is asked for with `prompt` if it is not given. It is asked for on a terminal
    /// only; where standard input is something else, the default holds, and a line on standard error says so. An interrupt of
    /// the question ends the script. Only the script that the user started asks.
    ///
    /// Errors: `invalid`, as for `option`.
    ///
    /// ```rhai
    /// const OPT = options([ ask("count", 5, "Enter number of pings to be sent:") ]);
    /// expect(OPT.count, 5);
    /// ```
    fn ask as ask(ctx: NativeCallContext, name: &str, default: Dynamic, prompt: &str) -> ScriptResult<Declared> =
        declare(&ctx, Shape::Asked, name, Some(&default), prompt);

    /// Declares a switch `--NAME`: true if it is given, else false.
    ///
    /// Errors: `invalid`, as for `option`.
    ///
    /// ```rhai
    /// const OPT = options([ flag("quiet", "print no line per datagram") ]);
    /// expect(OPT.quiet, false);
    /// ```
    fn flag as flag(ctx: NativeCallContext, name: &str, help: &str) -> ScriptResult<Declared> =
        declare(&ctx, Shape::Flag, name, None, help);

    /// Declares an argument that is given by its place and must be given. It is a string.
    ///
    /// Errors: `invalid`, as for `option`.
    ///
    /// ```rhai
    /// let target = argument("target", "host to ping");
    /// ```
    fn argument as argument(ctx: NativeCallContext, name: &str, help: &str) -> ScriptResult<Declared> =
        declare(&ctx, Shape::Positional, name, None, help);

    /// Declares an argument that is given by its place; without it the default holds.
    ///
    /// Errors: `invalid`, as for `option`.
    ///
    /// ```rhai
    /// const OPT = options([ argument("target", "127.0.0.1", "host to ping") ]);
    /// expect(OPT.target, "127.0.0.1");
    /// ```
    fn argument(ctx: NativeCallContext, name: &str, default: Dynamic, help: &str) -> ScriptResult<Declared> =
        declare(&ctx, Shape::Positional, name, Some(&default), help);

    /// Declares that the script takes any further arguments, given by their places: an array of strings, empty if there are
    /// none. To be listed last. From the first of them on nothing is read as an option, nor after `--`: they may be a command
    /// with options of its own.
    ///
    /// Errors: `invalid`, as for `option`.
    ///
    /// ```rhai
    /// const OPT = options([ option("loss", 0.1, "of the link"), arguments("command", "what to run") ]);
    /// expect(OPT.command.len, 0);
    /// ```
    fn arguments as arguments(ctx: NativeCallContext, name: &str, help: &str) -> ScriptResult<Declared> =
        declare(&ctx, Shape::Rest, name, None, help);

    /// The same option, allowing only these values.
    ///
    /// ```rhai
    /// const OPT = options([ option("mode", "raw", "how to frame").choices(["raw", "line"]) ]);
    /// expect(OPT.mode, "raw");
    /// ```
    fn choices(option: Declared, values: Array) -> Declared =
        Declared { choices: values.iter().map(ToString::to_string).collect(), ..option };

    /// The same option, refusing what is not `HOST:PORT`; a name is not looked up yet. Nothing, `""`, is allowed.
    ///
    /// ```rhai
    /// const OPT = options([ option("server", "127.0.0.1:11000", "whom to ping").address() ]);
    /// expect(OPT.server, "127.0.0.1:11000");
    /// ```
    fn address(option: Declared) -> Declared = Declared { is_address: true, ..option };

    /// The same option of `ask`, asked for when the script first reads it, so that it can print something before.
    ///
    /// ```rhai
    /// const OPT = options([ ask("count", 5, "Enter number of pings to be sent:").when_read() ]);
    /// print("Pinging 127.0.0.1 using pingscript:");
    /// expect(OPT.count, 5);
    /// ```
    fn when_read(option: Declared) -> Declared = Declared { when_read: true, ..option };

    /// The same option, refusing what names no policy: `NAME`, `NAME:KEY=VALUE,…` or a file. Nothing, `""`, is allowed.
    ///
    /// ```rhai
    /// let server = udp::bind("127.0.0.1:0");
    /// const OPT = options([ option("policy", "loss:p=1", "drop policy").policy() ]);
    /// set_policy(server, policy(OPT.policy));
    /// udp::bind("127.0.0.1:0").send_to("ping 1", server.addr);
    /// expect(`${server.recv(1.s).reply("no")}`, "drop()");
    /// ```
    fn policy(option: Declared) -> Declared = Declared { is_policy: true, ..option };

    /// The same option, refusing values below `least`.
    ///
    /// ```rhai
    /// const OPT = options([ option("count", 5, "how many").at_least(1) ]);
    /// expect(OPT.count, 5);
    /// ```
    fn at_least(option: Declared, least: Dynamic) -> Declared =
        Declared { least: OptionValue::of(&least), ..option };

    /// The same option, refusing values above `most`.
    ///
    /// ```rhai
    /// const OPT = options([ option("size", 0, "bytes").at_least(0).at_most(65_507) ]);
    /// expect(OPT.size, 0);
    /// ```
    fn at_most(option: Declared, most: Dynamic) -> Declared = Declared { most: OptionValue::of(&most), ..option };

    /// Reads the script's arguments by its declared options; `--help` explains them. To be called once, at the start.
    ///
    /// An unknown option or a wrong value ends the script with exit code 2 and a message that names the nearest valid one;
    /// in a script started by another it is thrown as `invalid` there.
    ///
    /// ```rhai
    /// const OPT = options([ option("server", "127.0.0.1:11000", "whom to ping") ]);
    /// expect(OPT.server, "127.0.0.1:11000");
    /// ```
    fn options(ctx: NativeCallContext, list: Array) -> ScriptResult<Given> = {
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
                    let hint =
                        "list option(…), ask(…), flag(…), argument(…) and arguments(…) calls, with commas between them";
                    return raise(&ctx, error.with_hint(hint));
                }
            }
        }
        read(&ctx, &declared)
    };

    /// The value of an option, as in `OPT.timeout`; of a name with dashes, as in `OPT["work-time"]`.
    ///
    /// Errors: `invalid`: there is no option of that name; the message lists those there are.
    ///
    /// ```rhai
    /// const OPT = options([ option("size", 64, "bytes") ]);
    /// expect(OPT["size"], 64);
    /// ```
    index get(ctx: NativeCallContext, options: &mut Given, name: &str) -> ScriptResult<Dynamic> = {
        let found = options.get(&ctx, name)?.map(OptionValue::into_dynamic).ok_or_else(|| {
            let names = options.names();
            let near = nearest(name, names.iter().copied());
            let near = near.first().map_or(String::new(), |near| format!("did you mean `{near}`? "));
            Error::invalid("options", format!("there is no option `{name}`"))
                .with_hint(format!("{near}The options are {}", names.join(", ")))
        });
        found.or_raise(&ctx)
    };
}
