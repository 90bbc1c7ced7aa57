//! Loops of scripts end when the script is stopped: `for`, `while`, `loop` and `do`, without a line of the script.
//!
//! A wait that the stop cuts short returns, the rest of the turn runs, and no other turn begins. A wait that begins after the
//! stop ends the loop there: what would follow deals with things that did not happen. Loops that do not wait run on, such as
//! those that print a summary. An error in the rest of the turn ends the loop too, and is none of the script.

use rhai::{Dynamic, EvalAltResult};

use super::error::{ScriptResult, core_error, thrown};
use super::exit;
use super::thread::{ScriptThread, with};
use crate::net::error::{Error, ErrorKind};
use crate::net::host::stop::Stop;

/// The key of the node that stands at each turn of a loop.
pub const TURN: &str = "a turn of a loop";

/// The script is about to wait, until `stop` at most.
pub fn waits(stop: &Stop) {
    let in_loop = with(|thread| {
        thread.waits.set(thread.waits.get().wrapping_add(1));
        thread.began.get().is_some()
    });
    if in_loop && stop.is_stopped() {
        exit::leave_loop();
    }
}

/// Ends the loop that the script is in, if it is in one: it is about to deal with something that did not arrive, since the wait
/// for it was cut short.
pub fn ends() {
    if with(|thread| thread.began.get().is_some()) {
        exit::leave_loop();
    }
}

/// Whether the loop that is about to begin a turn is to end instead: it has waited, and the script was stopped, as
/// `is_stopped` says.
pub fn is_over(is_stopped: impl FnOnce() -> bool) -> bool {
    with(|thread| thread.began.get().is_some_and(|began| began != thread.waits.get())) && is_stopped()
}

/// Whether `error` comes of a wait that was cut short: what the rest of the turn, or of a script outside of loops, makes of a
/// message that did not arrive is no error of the script. What the core reports of sockets, labs and files is.
fn is_of_stop(error: &EvalAltResult, stop: &Stop) -> bool {
    let is_end = exit::code(error).is_some() || matches!(error, EvalAltResult::ErrorTerminated(..));
    let is_real =
        || core_error(error).is_some_and(|error| !matches!(error.kind, ErrorKind::Invalid | ErrorKind::Interrupted));
    let has_waited = |thread: &ScriptThread| thread.began.get().unwrap_or(thread.ended.get()) != thread.waits.get();
    stop.is_stopped() && !is_end && !is_real() && with(has_waited)
}

/// The result of a script or a thread, in which an error that comes of a wait which `stop` cut short is `interrupted`.
///
/// # Errors
/// What the script throws.
pub fn end(result: ScriptResult<Dynamic>, stop: &Stop) -> ScriptResult<Dynamic> {
    result.map_err(|error| match is_of_stop(&error, stop) {
        true => thrown(Error::new(ErrorKind::Interrupted, "wait", "the script was stopped"), error.position()),
        false => error,
    })
}

/// Runs a loop; one that ends because of `stop` has the value ().
///
/// # Errors
/// What the loop throws.
pub fn run(stop: Option<&Stop>, body: impl FnOnce() -> ScriptResult<Dynamic>) -> ScriptResult<Dynamic> {
    struct Within(Option<u64>);
    impl Drop for Within {
        fn drop(&mut self) {
            // One that has not waited leaves the script with what it waited for before.
            with(|thread| {
                if thread.began.replace(self.0) != Some(thread.waits.get()) {
                    thread.ended.set(thread.waits.get());
                }
            });
        }
    }
    let within = Within(with(|thread| thread.began.replace(Some(thread.waits.get()))));
    let result = body();
    let is_of_stop = |error: &EvalAltResult| stop.is_some_and(|stop| is_of_stop(error, stop));
    let stopped = result.as_ref().is_err_and(|error| is_of_stop(error));
    drop(within);
    // Whatever natives have made of what ended it.
    match exit::has_left_loop() || stopped {
        true if result.is_err() => Ok(Dynamic::UNIT),
        _ => result,
    }
}
