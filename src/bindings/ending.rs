//! The functions that end a script on purpose.

use rhai::{Dynamic, NativeCallContext};

use super::convert::shown;
use super::error::{ScriptResult, raise};
use super::exit::leave;
use crate::net::error::Error;

functions! {
    pub fn api;

    /// Ends the script with exit code 0; in a thread, the thread.
    ///
    /// Errors: `invalid`: a policy calls it, which decides about packets only.
    ///
    /// ```rhai
    /// let task = start_thread(|| { if !interrupted() { exit(); } "not reached" });
    /// expect(task.join(), ());
    /// ```
    volatile exit(ctx: NativeCallContext) -> ScriptResult<()> = Err(leave(0, ctx.call_position()));

    /// Ends the script with this exit code, 0 to 255; in a thread, the thread, and the code says nothing.
    ///
    /// Errors: `invalid`: the code is something else, or a policy calls it, which decides about packets only.
    ///
    /// ```rhai
    /// let task = start_thread(|| { if !interrupted() { exit(1); } "not reached" });
    /// expect(task.join(), ());
    /// ```
    volatile exit(ctx: NativeCallContext, code: Dynamic) -> ScriptResult<()> =
        match code.as_int().ok().and_then(|code| u8::try_from(code).ok()) {
            Some(code) => Err(leave(code, ctx.call_position())),
            None => {
                let message = format!(
                    "an exit code is a whole number from 0 to 255, not {}",
                    if code.is_unit() { "()".to_string() } else { shown(&code) }
                );
                let error = Error::invalid("exit", message);
                raise(&ctx, error.with_hint("to end with a message print it first, or throw it: throw \"…\""))
            }
        };
}
