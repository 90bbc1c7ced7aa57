//! Ending a script on purpose, with an exit code.
//!
//! `exit` is thrown like an error that nothing can catch, up to what runs the script or the thread. The interpreter does
//! not always let it: its own ways to run a program take it for the program's value, a `catch` gets it where `map` and its
//! like have put an error of their own around it, and `sort` forgets it. So it is noted when it is thrown; what the script
//! does next ends it ([`pending`]), and what runs script code has it back by [`kept`].

use rhai::{Dynamic, EvalAltResult, Position};

use super::error::ScriptResult;
use super::thread::{Leaving, with};

/// Ends the script with this exit code.
pub fn leave(code: u8, position: Position) -> Box<EvalAltResult> {
    with(|thread| thread.leaving.set(Some(Leaving::Script(code))));
    EvalAltResult::Exit(Dynamic::from(i64::from(code)), position).into()
}

/// The exit code that `error` asks for, if it is no error but `exit`.
pub fn code(error: &EvalAltResult) -> Option<i32> {
    match error {
        EvalAltResult::Exit(value, _) => Some(value.as_int().ok().and_then(|code| code.try_into().ok()).unwrap_or(0)),
        EvalAltResult::ErrorTerminated(why, _) => why.read_lock::<Leaving>().and_then(|leaving| match *leaving {
            Leaving::Script(code) => Some(i32::from(code)),
            Leaving::Loop => None,
        }),
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) | EvalAltResult::ErrorInModule(_, inner, _) => code(inner),
        _ => None,
    }
}

/// An `exit` that was thrown and has not arrived, though the script goes on: what to end it with.
pub fn pending() -> Option<Dynamic> {
    with(|thread| thread.leaving.get()).map(Dynamic::from)
}

/// Has the innermost loop end at the script's next operation.
pub(super) fn leave_loop() {
    if with(|thread| thread.leaving.get()).is_none() {
        with(|thread| thread.leaving.set(Some(Leaving::Loop)));
    }
}

/// Whether the innermost loop was to end, and has now.
pub(super) fn has_left_loop() -> bool {
    let left = with(|thread| thread.leaving.get()) == Some(Leaving::Loop);
    if left {
        with(|thread| thread.leaving.set(None));
    }
    left
}

/// Whether there is a [`pending`] one.
pub fn is_pending() -> bool {
    with(|thread| thread.leaving.get()).is_some()
}

/// The result of `body`, which runs script code; an `exit` in it is the result, whatever the interpreter took it for.
///
/// # Errors
/// What `body` returns, or the `exit` called in it.
pub fn kept<T>(body: impl FnOnce() -> ScriptResult<T>) -> ScriptResult<T> {
    let before = with(|thread| thread.leaving.replace(None));
    let result = body();
    match (with(|thread| thread.leaving.replace(before)), result) {
        (Some(Leaving::Loop), result) => {
            leave_loop();
            result
        }
        (Some(Leaving::Script(code)), Ok(_)) => Err(leave(code, Position::NONE)),
        (Some(Leaving::Script(asked)), Err(error)) if code(&error).is_some() => Err(leave(asked, innermost(&error))),
        (_, result) => result,
    }
}

/// Where `exit` was called, if that is known.
fn innermost(error: &EvalAltResult) -> Position {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) | EvalAltResult::ErrorInModule(_, inner, _) => {
            innermost(inner)
        }
        EvalAltResult::Exit(_, position) => *position,
        _ => Position::NONE,
    }
}

/// Has an `exit` end here, of which no one further up is to know.
pub fn forget() {
    with(|thread| thread.leaving.set(None));
}
