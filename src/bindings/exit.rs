//! Ending a script on purpose, with an exit code.

use rhai::plugin::*;
use rhai::{Dynamic, EvalAltResult, NativeCallContext, Position};

use super::context::ScriptResult;
use super::convert::shown;
use super::error::raise;
use crate::net::error::Error;

/// The exit code that a script asked for. A type of its own: the interpreter turns the value given to `exit` into the value
/// of the script, where a plain number would look like any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub u8);

/// Ends the script with this exit code.
pub fn leave(code: u8, position: Position) -> Box<EvalAltResult> {
    EvalAltResult::Exit(Dynamic::from(Code(code)), position).into()
}

/// What a script ended with: its value, or still the request to exit, which the interpreter takes for one.
///
/// # Errors
/// The request to exit.
pub fn restored(value: Dynamic) -> ScriptResult<Dynamic> {
    match code(&value) {
        Some(code) => Err(leave(code.0, Position::NONE)),
        None => Ok(value),
    }
}

/// The exit code in the value of an [`EvalAltResult::Exit`].
pub fn code(value: &Dynamic) -> Option<Code> {
    value.clone().try_cast::<Code>()
}

/// Ending a script on purpose.
#[export_module]
pub mod api {
    /// Ends the script with exit code 0; in a thread, the thread.
    ///
    /// ```rhai
    /// if interrupted() { exit(); }
    /// ```
    #[rhai_fn(name = "exit", return_raw, volatile)]
    pub fn exit_done(ctx: NativeCallContext) -> ScriptResult<()> {
        Err(leave(0, ctx.call_position()))
    }

    /// Ends the script with this exit code, 0 to 255; in a thread, the thread, and the code says nothing.
    ///
    /// Errors: `invalid`: the code is something else.
    ///
    /// ```rhai
    /// if interrupted() { exit(1); }
    /// ```
    #[rhai_fn(name = "exit", return_raw, volatile)]
    pub fn exit_with(ctx: NativeCallContext, code: Dynamic) -> ScriptResult<()> {
        match code.as_int().ok().and_then(|code| u8::try_from(code).ok()) {
            Some(code) => Err(leave(code, ctx.call_position())),
            None => {
                let message = format!("an exit code is a whole number from 0 to 255, not {}", shown(&code));
                let error = Error::invalid("exit", message);
                raise(&ctx, error.with_hint("to end with a message print it first, or throw it: throw \"…\""))
            }
        }
    }
}
