//! Bounds: what `expect` and `check` take in place of a plain value.

use std::fmt;
use std::ops::{Range, RangeInclusive};

use rhai::{Dynamic, NativeCallContext};

use super::compare;
use super::convert::shown;
use super::error::{OrRaise, ScriptResult, raise};
use crate::net::error::Error;
use crate::net::probe::stats;
use crate::net::time::Duration;

/// What is measured: a number, whole or not, or a length of time.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub enum Quantity {
    /// A number.
    Number(f64),
    /// A length of time.
    Time(Duration),
}

impl Quantity {
    /// What `value` is; `None`: neither.
    pub(super) fn of(value: &Dynamic) -> Option<Self> {
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
    pub(super) fn of(expected: &Dynamic) -> Option<Self> {
        let number = |n: i64| Quantity::Number(n as f64);
        if let Some(range) = expected.read_lock::<Range<i64>>() {
            return Some(Self::Between(number(range.start), number(range.end - 1)));
        }
        if let Some(range) = expected.read_lock::<RangeInclusive<i64>>() {
            return Some(Self::Between(number(*range.start()), number(*range.end())));
        }
        expected.read_lock::<Self>().map(|bound| bound.clone())
    }

    /// Whether `actual` keeps them, asked by `op`. No value, `()`, does not: nothing was measured.
    ///
    /// # Errors
    /// `invalid`: it is of a kind that they say nothing about.
    fn holds(&self, op: &'static str, actual: &Dynamic) -> Result<bool, Error> {
        if actual.is_unit() {
            return Ok(false);
        }
        if let Self::Containing(part) = self {
            return match actual.clone().into_immutable_string() {
                Ok(text) => Ok(text.contains(part.as_str())),
                Err(_) => Err(Error::invalid(op, format!("{} is no text", shown(actual)))
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
            return Err(Error::invalid(op, message).with_hint("compare numbers with numbers, durations with durations"));
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

/// Whether `actual` is `expected`, or keeps the bounds that this is; `op`: who asks.
///
/// # Errors
/// `invalid`: the two cannot be compared.
pub(super) fn compared(
    ctx: &NativeCallContext,
    op: &'static str,
    actual: &Dynamic,
    expected: &Dynamic,
) -> ScriptResult<bool> {
    match Bound::of(expected) {
        Some(bound) => bound.holds(op, actual).or_raise(ctx),
        None => compare::same(ctx, actual, expected),
    }
}

/// What is expected, in words: a value, or bounds.
pub(super) fn wanted(expected: &Dynamic) -> String {
    Bound::of(expected).map_or_else(|| shown_value(expected), |bound| bound.to_string())
}

/// A value in a message; no value as `()`.
pub(super) fn shown_value(value: &Dynamic) -> String {
    if value.is_unit() { "()".to_string() } else { shown(value) }
}

functions! {
    pub fn api;
    object Bound, "Bounds that a value has to keep.";

    /// Whether a value is as expected: the same, or within the bounds that the second is, as `expect` and `check` have it. No
    /// value, `()`, keeps no bounds.
    ///
    /// Errors: `invalid`: a number is compared with a duration's bounds, or a value that is neither with bounds.
    ///
    /// ```rhai
    /// expect(holds(4, at_least(3)), true);
    /// expect(holds(30.ms, near(20.ms, 5.ms)), false);
    /// expect([1, 5, 9].filter(|n| holds(n, 3..=6)), [5]);
    /// ```
    fn holds(ctx: NativeCallContext, actual: Dynamic, bound: Dynamic) -> ScriptResult<bool> =
        compared(&ctx, "holds", &actual, &bound);

    /// For `expect` and `check`: this or more, a number or a duration.
    ///
    /// Errors: `invalid`: neither a number nor a duration.
    ///
    /// ```rhai
    /// expect(20.ms, at_least(5.ms));
    /// expect(holds(4.ms, at_least(5.ms)), false);
    /// ```
    fn at_least(ctx: NativeCallContext, least: Dynamic) -> ScriptResult<Bound> =
        Quantity::needed("at_least", &least).map(Bound::AtLeast).or_raise(&ctx);

    /// For `expect` and `check`: this or less, a number or a duration.
    ///
    /// Errors: `invalid`: neither a number nor a duration.
    ///
    /// ```rhai
    /// expect(3, at_most(3.5));
    /// expect(holds(4, at_most(3.5)), false);
    /// ```
    fn at_most(ctx: NativeCallContext, most: Dynamic) -> ScriptResult<Bound> =
        Quantity::needed("at_most", &most).map(Bound::AtMost).or_raise(&ctx);

    /// For `expect` and `check`: from the one to the other, both included; numbers or durations.
    ///
    /// Errors: `invalid`: neither numbers nor durations, one of each, or the higher one first.
    ///
    /// ```rhai
    /// expect(0.2, between(0.1, 0.3));
    /// expect([0.05, 0.35].filter(|share| holds(share, between(0.1, 0.3))), []);
    /// ```
    fn between(ctx: NativeCallContext, least: Dynamic, most: Dynamic) -> ScriptResult<Bound> = {
        let bounds = || {
            Bound::between("between", Quantity::needed("between", &least)?, Quantity::needed("between", &most)?)
        };
        bounds().or_raise(&ctx)
    };

    /// For `expect` and `check`: this, give or take so much; numbers or durations.
    ///
    /// Errors: `invalid`: neither numbers nor durations, one of each, or a negative tolerance.
    ///
    /// ```rhai
    /// expect(20.4.ms, near(20.ms, 2.ms), "round-trip time");
    /// expect([17.ms, 23.ms].filter(|rtt| holds(rtt, near(20.ms, 2.ms))), []);
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

    /// For `expect` and `check`: a count that chance gives in 99.9% of all cases, where each of `n` things happens with probability `p`
    /// (the binomial distribution). What a count of losses is compared with.
    ///
    /// Errors: `invalid`: `n` is negative, `p` is not 0 to 1.
    ///
    /// ```rhai
    /// expect(23, binomial(100, 0.2), "lost of 100");
    /// expect([5, 40].filter(|lost| holds(lost, binomial(100, 0.2))), []);
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

    /// For `expect` and `check`: text that holds this part.
    ///
    /// ```rhai
    /// expect("3 packets transmitted", containing("3 packets"));
    /// expect(holds("5 packets transmitted", containing("3 packets")), false);
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
            assert_eq!(bound.holds("expect", &value).ok(), Some(holds), "{value} {bound}");
        }
    }

    #[test]
    fn ranges_are_bounds() {
        assert_eq!(Bound::of(&Dynamic::from(3..5_i64)).expect("a bound").to_string(), "3 to 4");
        assert_eq!(Bound::of(&Dynamic::from(3..=5_i64)).expect("a bound").to_string(), "3 to 5");
        assert_eq!(Bound::of(&Dynamic::from(3_i64)), None);
    }
}
