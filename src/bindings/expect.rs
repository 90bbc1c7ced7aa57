//! What a script expects of its measurements: a value, or bounds that it has to keep.

use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::sync::atomic::Ordering;

use rhai::{Dynamic, NativeCallContext};

use super::convert::shown;
use super::error::{OrRaise, ScriptResult, raise};
use super::measured::{Expectations, Measured};
use super::policy::draw::fails_in_silence;
use super::{compare, context, exit};
use crate::net::error::Error;
use crate::net::host::stop::Reason;
use crate::net::probe::stats;
use crate::net::time::Duration;
use crate::terminal::host_prefix;

/// What is measured: a number, whole or not, or a length of time.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub enum Quantity {
    /// A number.
    Number(f64),
    /// A length of time.
    Time(Duration),
}

impl Quantity {
    fn of(value: &Dynamic) -> Option<Self> {
        let number = value.as_int().map(|n| n as f64).or_else(|_| value.as_float());
        let time = || value.clone().try_cast::<Duration>().map(Self::Time);
        number.ok().map(Self::Number).or_else(time)
    }

    fn needed(op: &'static str, value: &Dynamic) -> Result<Self, Error> {
        Self::of(value).ok_or_else(|| {
            Error::invalid(op, format!("a bound is a number or a duration, not {}", shown(value)))
                .with_hint("such as 5, 0.25 or 20.ms")
        })
    }

    /// Whether both are numbers, or both lengths of time.
    fn is_like(self, other: Self) -> bool {
        matches!((self, other), (Self::Number(_), Self::Number(_)) | (Self::Time(_), Self::Time(_)))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Time(time) => f.write_str(&time.short()),
        }
    }
}

/// Bounds that a value has to keep.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// This or more.
    AtLeast(Quantity),
    /// This or less.
    AtMost(Quantity),
    /// From the one to the other, both included.
    Between(Quantity, Quantity),
    /// Text that holds this.
    Containing(String),
}

impl Bound {
    fn between(op: &'static str, least: Quantity, most: Quantity) -> Result<Self, Error> {
        if !least.is_like(most) {
            let message = format!("{least} and {most} cannot be compared: one is a number, the other a duration");
            return Err(Error::invalid(op, message));
        }
        if least > most {
            return Err(Error::invalid(op, format!("nothing lies between {least} and {most}"))
                .with_hint("the lower bound comes first"));
        }
        Ok(Self::Between(least, most))
    }

    /// The bounds that `expected` is; `None` if it is a plain value.
    fn of(expected: &Dynamic) -> Option<Self> {
        let number = |n: i64| Quantity::Number(n as f64);
        if let Some(range) = expected.read_lock::<Range<i64>>() {
            return Some(Self::Between(number(range.start), number(range.end - 1)));
        }
        if let Some(range) = expected.read_lock::<RangeInclusive<i64>>() {
            return Some(Self::Between(number(*range.start()), number(*range.end())));
        }
        expected.read_lock::<Self>().map(|bound| bound.clone())
    }

    /// Whether `actual` keeps them. No value, `()`, does not: nothing was measured.
    ///
    /// # Errors
    /// `invalid`: it is of a kind that they say nothing about.
    fn holds(&self, actual: &Dynamic) -> Result<bool, Error> {
        if actual.is_unit() {
            return Ok(false);
        }
        if let Self::Containing(part) = self {
            return match actual.clone().into_immutable_string() {
                Ok(text) => Ok(text.contains(part.as_str())),
                Err(_) => Err(Error::invalid("expect", format!("{} is no text", shown(actual)))
                    .with_hint("containing(…) is for text; make one of it with `${…}`")),
            };
        }
        let (least, most) = match *self {
            Self::AtLeast(least) => (Some(least), None),
            Self::AtMost(most) => (None, Some(most)),
            Self::Between(least, most) => (Some(least), Some(most)),
            Self::Containing(_) => (None, None),
        };
        let Some(value) = Quantity::of(actual).filter(|value| least.or(most).is_none_or(|bound| bound.is_like(*value)))
        else {
            let message = format!("{} cannot be compared with {self}", shown(actual));
            return Err(
                Error::invalid("expect", message).with_hint("compare numbers with numbers, durations with durations")
            );
        };
        Ok(least.is_none_or(|least| value >= least) && most.is_none_or(|most| value <= most))
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "at least {least}"),
            Self::AtMost(most) => write!(f, "at most {most}"),
            Self::Between(least, most) => write!(f, "{least} to {most}"),
            Self::Containing(part) => write!(f, "text with \"{part}\" in it"),
        }
    }
}

/// Ends the script unless `actual` is as expected.
fn check(ctx: &NativeCallContext, actual: &Dynamic, expected: &Dynamic, message: &str) -> ScriptResult<()> {
    let (holds, wanted) = match Bound::of(expected) {
        Some(bound) => (bound.holds(actual).or_raise(ctx)?, bound.to_string()),
        None => (compare::same(ctx, actual, expected)?, shown_value(expected)),
    };
    let context = context::current();
    let place = || {
        let line = ctx.call_position().line().map_or(String::new(), |line| format!(":{line}"));
        format!("{}{line}", ctx.call_source().unwrap_or_default())
    };
    let expectations = context.run.part::<Expectations>();
    if expectations.are_kept() {
        let at = (place(), ctx.call_position().position().unwrap_or_default());
        expectations.met(measured(at, message, actual, holds));
    }
    if holds {
        return Ok(());
    }
    let place = place();
    let about = if message.is_empty() { String::new() } else { format!(": {message}") };
    // A signal has cut the measuring short, and has an exit code of its own.
    let interrupted = context.stop.reason().is_some_and(|reason| reason != Reason::Ended);
    let text = if interrupted {
        format!("not measured, since the run was interrupted ({place}){about}")
    } else {
        context.run.unexpected.store(true, Ordering::Relaxed);
        format!("not as expected ({place}){about}\n  expected: {wanted}\n    actual: {}", shown_value(actual))
    };
    if !fails_in_silence() {
        host_prefix::note(context.host.as_ref(), &text);
    }
    Err(exit::leave(5, ctx.call_position()))
}

/// What the summary of many runs needs of an expectation.
fn measured((place, column): (String, usize), message: &str, actual: &Dynamic, passed: bool) -> Measured {
    let (number, time_ns) = match Quantity::of(actual) {
        Some(Quantity::Number(number)) if number.is_finite() => (Some(number), None),
        Some(Quantity::Time(time)) => (None, Some(time.as_nanos())),
        _ => (None, None),
    };
    let text = (number.is_none() && time_ns.is_none()).then(|| shown_value(actual));
    Measured { place, column, message: message.to_string(), number, time_ns, text, passed }
}

/// A value in a message; no value as `()`.
fn shown_value(value: &Dynamic) -> String {
    if value.is_unit() { "()".to_string() } else { shown(value) }
}

functions! {
    pub fn api;
    object Bound, "Bounds that a value has to keep.";

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

    /// For `expect`: this or more, a number or a duration.
    ///
    /// Errors: `invalid`: neither a number nor a duration.
    ///
    /// ```rhai
    /// expect(20.ms, at_least(5.ms));
    /// ```
    fn at_least(ctx: NativeCallContext, least: Dynamic) -> ScriptResult<Bound> =
        Quantity::needed("at_least", &least).map(Bound::AtLeast).or_raise(&ctx);

    /// For `expect`: this or less, a number or a duration.
    ///
    /// Errors: `invalid`: neither a number nor a duration.
    ///
    /// ```rhai
    /// expect(3, at_most(3.5));
    /// ```
    fn at_most(ctx: NativeCallContext, most: Dynamic) -> ScriptResult<Bound> =
        Quantity::needed("at_most", &most).map(Bound::AtMost).or_raise(&ctx);

    /// For `expect`: from the one to the other, both included; numbers or durations.
    ///
    /// Errors: `invalid`: neither numbers nor durations, one of each, or the higher one first.
    ///
    /// ```rhai
    /// expect(0.2, between(0.1, 0.3));
    /// ```
    fn between(ctx: NativeCallContext, least: Dynamic, most: Dynamic) -> ScriptResult<Bound> = {
        let bounds = || {
            Bound::between("between", Quantity::needed("between", &least)?, Quantity::needed("between", &most)?)
        };
        bounds().or_raise(&ctx)
    };

    /// For `expect`: this, give or take so much; numbers or durations.
    ///
    /// Errors: `invalid`: neither numbers nor durations, one of each, or a negative tolerance.
    ///
    /// ```rhai
    /// expect(20.4.ms, near(20.ms, 2.ms), "round-trip time");
    /// ```
    fn near(ctx: NativeCallContext, value: Dynamic, tolerance: Dynamic) -> ScriptResult<Bound> = {
        let (value, tolerance) =
            (Quantity::needed("near", &value).or_raise(&ctx)?, Quantity::needed("near", &tolerance).or_raise(&ctx)?);
        let (least, most) = match (value, tolerance) {
            (Quantity::Number(value), Quantity::Number(by)) => {
                (Quantity::Number(value - by), Quantity::Number(value + by))
            }
            (Quantity::Time(value), Quantity::Time(by)) => (Quantity::Time(value - by), Quantity::Time(value + by)),
            _ => (value, tolerance),
        };
        Bound::between("near", least, most).or_raise(&ctx)
    };

    /// For `expect`: a count that chance gives in 99.9% of all cases, where each of `n` things happens with probability `p`
    /// (the binomial distribution). What a count of losses is compared with.
    ///
    /// Errors: `invalid`: `n` is negative, `p` is not 0 to 1.
    ///
    /// ```rhai
    /// expect(23, binomial(100, 0.2), "lost of 100");
    /// ```
    fn binomial(ctx: NativeCallContext, n: i64, p: f64) -> ScriptResult<Bound> =
        match u64::try_from(n).ok().and_then(|n| stats::binomial(n, p)) {
            Some((least, most)) => {
                Ok(Bound::Between(Quantity::Number(least as f64), Quantity::Number(most as f64)))
            }
            None => {
                let error =
                    Error::invalid("binomial", format!("of {n} things with probability {p} nothing can be expected"));
                raise(&ctx, error.with_hint("the count is 0 or more, the probability 0 to 1"))
            }
        };

    /// For `expect`: text that holds this part.
    ///
    /// ```rhai
    /// expect("3 packets transmitted", containing("3 packets"));
    /// ```
    fn containing(part: &str) -> Bound = Bound::Containing(part.to_string());

    /// The bounds in words.
    ///
    /// ```rhai
    /// expect(`${between(1, 2)}`, "1 to 2");
    /// ```
    fn to_string | to_debug(bound: &mut Bound) -> String = bound.to_string();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_for_numbers_of_both_kinds() {
        let bound = |least: f64, most: f64| Bound::Between(Quantity::Number(least), Quantity::Number(most));
        for (bound, value, holds) in [
            (bound(1.0, 2.0), Dynamic::from(1_i64), true),
            (bound(1.0, 2.0), Dynamic::from(2.0_f64), true),
            (bound(1.0, 2.0), Dynamic::from(2.000_1_f64), false),
            (bound(1.0, 2.0), Dynamic::from(f64::NAN), false),
            (bound(1.0, 2.0), Dynamic::UNIT, false),
            (Bound::AtMost(Quantity::Time(Duration::from_millis(2))), Dynamic::from(Duration::from_millis(3)), false),
            (Bound::Containing("b".to_string()), Dynamic::from("abc"), true),
        ] {
            assert_eq!(bound.holds(&value).ok(), Some(holds), "{value} {bound}");
        }
    }

    #[test]
    fn ranges_are_bounds() {
        assert_eq!(Bound::of(&Dynamic::from(3..5_i64)).expect("a bound").to_string(), "3 to 4");
        assert_eq!(Bound::of(&Dynamic::from(3..=5_i64)).expect("a bound").to_string(), "3 to 5");
        assert_eq!(Bound::of(&Dynamic::from(3_i64)), None);
    }
}
