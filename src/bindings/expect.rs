//! What a script expects of its measurements, without which it does not go on.

use rhai::{Dynamic, NativeCallContext};

use super::bound::{compared, shown_value, wanted};
use super::check::{is_interrupted, is_wanted, place, report};
use super::error::ScriptResult;
use super::policy::draw::fails_in_silence;
use super::{context, exit};
use crate::net::observe::check::CheckRow;
use crate::terminal::host_prefix;

/// Ends the script unless `actual` is as expected.
fn check(ctx: &NativeCallContext, actual: &Dynamic, expected: &Dynamic, message: &str) -> ScriptResult<()> {
    let holds = compared(ctx, "expect", actual, expected)?;
    let context = context::current();
    if holds && !is_wanted(&context) {
        return Ok(());
    }
    let place = place(ctx);
    let row = CheckRow {
        name: message.to_string(),
        passed: Some(holds),
        actual: Some(shown_value(actual)),
        expected: Some(wanted(expected)),
        ..CheckRow::at(place.clone())
    };
    let about = if message.is_empty() { String::new() } else { format!(": {message}") };
    let text = if is_interrupted(&context) {
        format!("not measured, since the run was interrupted ({place}){about}")
    } else {
        let (expected, actual) = (wanted(expected), shown_value(actual));
        format!("not as expected ({place}){about}\n  expected: {expected}\n    actual: {actual}")
    };
    report(&context, row, ctx.call_position().position(), actual);
    if holds {
        return Ok(());
    }
    if !fails_in_silence() {
        host_prefix::note(context.host.as_ref(), &text);
    }
    Err(exit::leave(5, ctx.call_position()))
}

functions! {
    pub fn api;

    /// Ends the script with exit code 5 unless both values are the same, or the first keeps the bounds that the second is:
    /// `at_least(…)`, `at_most(…)`, `between(…)`, `near(…)`, `binomial(…)`, `containing(…)` or a range such as `3..=5`. What
    /// was expected and what came is printed. No value, `()`, keeps no bounds.
    ///
    /// Errors: `invalid`: a number is compared with a duration's bounds, or a value that is neither with bounds.
    ///
    /// ```rhai
    /// expect(1 + 1, 2);
    /// expect(0.25, at_most(1));
    /// expect(4, 3..=5);
    /// ```
    fn expect(ctx: NativeCallContext, actual: Dynamic, expected: Dynamic) -> ScriptResult<()> =
        check(&ctx, &actual, &expected, "");

    /// As `expect` of two values; the message says what the value is, should it not be as expected.
    ///
    /// Errors: as `expect` of two values.
    ///
    /// ```rhai
    /// expect(0.21, between(0.1, 0.3), "loss of the link");
    /// ```
    fn expect(ctx: NativeCallContext, actual: Dynamic, expected: Dynamic, message: &str) -> ScriptResult<()> =
        check(&ctx, &actual, &expected, message);
}
