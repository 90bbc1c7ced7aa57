//! Help within scripts and at the prompt. What it says comes from where each native is registered.

use rhai::{Array, Dynamic, NativeCallContext};

use super::callback::programs;
use super::error::{OrRaise, ScriptResult};
use super::print::print;

fn print_help(ctx: &NativeCallContext, topic: Option<&Dynamic>) -> ScriptResult<()> {
    print(&programs().help(topic).or_raise(ctx)?);
    Ok(())
}

functions! {
    pub fn api;

    /// Prints what scripts can call.
    ///
    /// ```rhai
    /// help();
    /// ```
    fn help(ctx: NativeCallContext) -> ScriptResult<()> = print_help(&ctx, None);

    /// Prints help on a function, a namespace, a type of objects or a group of functions, given by its name as a string; or
    /// on an object, and what it can do.
    ///
    /// Errors: `invalid`: nothing has that name; the hint names what is near.
    ///
    /// ```rhai
    /// help("udp::bind");
    /// help(udp::bind("127.0.0.1:0"));
    /// let hint = "";
    /// try { help("udp::bnd"); } catch (e) { hint = e.hint; }
    /// expect(hint.contains("udp::bind"), true);
    /// ```
    fn help(ctx: NativeCallContext, topic: Dynamic) -> ScriptResult<()> = print_help(&ctx, Some(&topic));

    /// The names of the scripts that came with pingscript, as they are given on the command line: an array of texts.
    ///
    /// ```rhai
    /// expect("udp_ping" in scripts(), true);
    /// expect("labs/router" in scripts(), true);
    /// ```
    fn scripts() -> Array = programs().scripts().into_iter().map(Dynamic::from).collect();
}
