//! Draws: of a thread, or of the packet that a policy decides about.

use rhai::NativeCallContext;

use crate::bindings::context;
use crate::bindings::error::{ScriptResult, raise};
use crate::bindings::print::note;
use crate::bindings::thread::with;
use crate::net::error::Error;
use crate::net::time::Duration;

/// A decision that takes longer than this is reported: nothing else is decided meanwhile.
const LONG: Duration = Duration::from_secs(1);

/// So often a decision in a simulated run is looked at, where no time passes meanwhile, until it is taken for one without end; and
/// one of a policy that has failed before.
const LOOKS: [u32; 2] = [128, 2];

/// Says so, once, if a policy that decides here has done so for long; whether it is to be ended. To be asked at equal numbers of
/// operations.
pub fn look_at_length() -> bool {
    // The clock of a run that has used none yet is not read.
    let Some((looks, failed)) = with(|thread| {
        let mut deciding = thread.deciding.borrow_mut();
        let deciding = deciding.as_mut()?;
        deciding.looks += 1;
        Some((deciding.looks, deciding.failed))
    }) else {
        return false;
    };
    if context::peek(|context| context.run.host.simulated().is_some()) == Some(true) {
        return looks > LOOKS[usize::from(failed)];
    }
    let Some(now) = context::peek(|context| context.host.now()) else { return false };
    let long = with(|thread| {
        let mut deciding = thread.deciding.borrow_mut();
        let deciding = deciding.as_mut()?;
        let since = *deciding.long_since.get_or_insert(now);
        // The next one is an eternity away.
        (now - since > LONG).then(|| {
            deciding.long_since = Some(now + Duration::from_secs(1 << 32));
            deciding.place.clone()
        })
    });
    if let Some((source, position)) = long {
        let line = position.line().map_or(String::new(), |line| format!(":{line}"));
        let at = source.map_or(String::new(), |source| format!(" ({source}{line})"));
        note(&format!(
            "a policy{at} has been deciding about one packet for more than a second, and what comes after that waits\n  \
             hint: does a loop in it never end?"
        ));
    }
    false
}

/// Whether a policy decides here whose failure was reported: it fails in silence from then on.
pub(in crate::bindings) fn fails_in_silence() -> bool {
    with(|thread| thread.deciding.borrow().as_ref().is_some_and(|deciding| deciding.failed))
}

/// A draw in [0, 1): of the packet under decision, or else the next of this thread.
fn draw() -> f64 {
    let decided = with(|thread| {
        thread.deciding.borrow_mut().as_mut().map(|deciding| {
            let draw = deciding.stream.draw(deciding.drawn.len() as u64 + 1);
            deciding.drawn.push(draw);
            draw
        })
    });
    let draw = context::peek(|context| {
        context.run.seed.mark_used();
        decided.unwrap_or_else(|| context.random.draw())
    });
    draw.unwrap_or_default()
}

functions! {
    pub fn api;

    /// A random number from 0 up to, not including, 1. The seed of a run is printed at its end and can be given with
    /// `--seed`; each thread, and each packet a policy decides about, has draws of its own.
    ///
    /// ```rhai
    /// let share = random();
    /// expect(share >= 0.0 && share < 1.0, true);
    /// ```
    volatile random() -> f64 = draw();

    /// A random whole number from `low` to `high`, both included.
    ///
    /// Errors: `invalid`: `high` is below `low`.
    ///
    /// ```rhai
    /// let die = random(1, 6);
    /// expect(die >= 1 && die <= 6, true);
    /// ```
    volatile random(ctx: NativeCallContext, low: i64, high: i64) -> ScriptResult<i64> = {
        if high < low {
            return raise(&ctx, Error::invalid("random", format!("from {low} to {high} there is no number")));
        }
        let span = high.abs_diff(low) as f64 + 1.0;
        Ok(low.saturating_add((draw() * span) as i64).min(high))
    };
}
