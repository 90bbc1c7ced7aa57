//! Loops of scripts end when the script is stopped: `for`, `while`, `loop` and `do`, without a line of the script.
//!
//! A wait that the stop cuts short returns, the rest of the turn runs, and no other turn begins. A wait that begins after the
//! stop ends the loop there: what would follow deals with things that did not happen. Loops that do not wait run on, such as
//! those that print a summary.

use std::cell::Cell;

use rhai::Dynamic;

use super::error::ScriptResult;
use super::exit;
use crate::net::host::stop::Stop;

/// The key of the node that stands at each turn of a loop.
pub const TURN: &str = "a turn of a loop";

thread_local! {
    /// How many waits this thread has begun.
    static WAITS: Cell<u64> = const { Cell::new(0) };
    /// What [`WAITS`] was when the innermost loop began; `None` outside of loops.
    static BEGAN: Cell<Option<u64>> = const { Cell::new(None) };
}

/// The script is about to wait, until `stop` at most.
pub fn waits(stop: &Stop) {
    WAITS.set(WAITS.get().wrapping_add(1));
    if stop.is_stopped() && BEGAN.get().is_some() {
        exit::leave_loop();
    }
}

/// Whether the loop that is about to begin a turn is to end instead: it has waited, and the script was stopped, as
/// `is_stopped` says.
pub fn is_over(is_stopped: impl FnOnce() -> bool) -> bool {
    BEGAN.get().is_some_and(|began| began != WAITS.get()) && is_stopped()
}

/// Runs a loop; one that ends because of the stop has the value ().
///
/// # Errors
/// What the loop throws.
pub fn run(body: impl FnOnce() -> ScriptResult<Dynamic>) -> ScriptResult<Dynamic> {
    struct Within(Option<u64>);
    impl Drop for Within {
        fn drop(&mut self) {
            BEGAN.set(self.0);
        }
    }
    let within = Within(BEGAN.replace(Some(WAITS.get())));
    let result = body();
    drop(within);
    // Whatever natives have made of what ended it.
    match exit::has_left_loop() {
        true if result.is_err() => Ok(Dynamic::UNIT),
        _ => result,
    }
}
