//! Checks, which add up: none of them ends the script, and each is a row and a line.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rhai::{Array, Dynamic, FnPtr, NativeCallContext};

use super::bound::{Bound, Quantity, compared, shown_value, wanted};
use super::context::{self, Context};
use super::convert::shown;
use super::error::{ScriptResult, core_error, raise};
use super::lab::ladder;
use super::measured::{Expectations, measured};
use crate::net::error::Error;
use crate::net::host::stop::Reason;
use crate::net::observe::check::CheckRow;
use crate::net::observe::check_group::CheckGroup;
use crate::net::observe::event::Event;
use crate::terminal::output;

/// How much of a value a row has, in characters.
const KEPT: usize = 2_000;

/// What a script asks.
#[derive(Debug)]
struct Question<'a> {
    name: &'a str,
    points: Option<f64>,
    words: Option<String>,
}

impl<'a> Question<'a> {
    fn new(
        ctx: &NativeCallContext,
        name: &'a str,
        points: Option<&Dynamic>,
        words: Option<&Dynamic>,
    ) -> ScriptResult<Self> {
        let refuse = |message: String, hint: &str| raise(ctx, Error::invalid("check", message).with_hint(hint));
        let points = match points {
            Some(points) => match number(points).filter(|points| points.is_finite() && *points >= 0.0) {
                Some(points) => Some(points),
                None => {
                    let message = format!("points are a number from 0 up, not {}", shown_value(points));
                    return refuse(message, "such as: check(\"sends ten pings\", 2, sent, 10)");
                }
            },
            None => None,
        };
        let words = match words {
            Some(words) if words.is_string() => Some(words.to_string()),
            Some(words) => {
                let message = format!("what the check has to say is text, not {}", shown_value(words));
                return refuse(message, "the order is: check(name, points, actual, expected, words)");
            }
            None => None,
        };
        Ok(Self { name, points, words })
    }

    /// Enters how much of its points was earned, or that it is not judged, prints it, and reports it.
    fn settle(self, ctx: &NativeCallContext, value: &Dynamic, outcome: CheckRow, share: f64) -> bool {
        let context = context::current();
        let group = &context.group;
        let mut row = CheckRow {
            name: self.name.to_string(),
            words: self.words,
            group: group.name(),
            hidden: group.is_hidden(),
            ..outcome
        };
        if let Some(why) = group.void() {
            (row.passed, row.why) = (None, Some(why));
        } else if row.passed == Some(false) && is_interrupted(&context) {
            (row.passed, row.why) = (None, Some("the run was interrupted".to_string()));
        }
        shorten(&mut row);
        row.max_points = self.points;
        row.points = self.points.filter(|_| row.passed.is_some()).map(|points| points * share);
        group.count(&row);
        row.lines(&context.script.name).iter().for_each(|line| output::line(line));
        let passed = row.passed == Some(true);
        report(&context, row, ctx.call_position().position(), value);
        passed
    }
}

/// A number, whole or not.
fn number(value: &Dynamic) -> Option<f64> {
    match Quantity::of(value) {
        Some(Quantity::Number(number)) => Some(number),
        _ => None,
    }
}

/// Whether of four arguments the second are the points: else the last are words.
fn has_points(second: &Dynamic, third: &Dynamic, last: &Dynamic) -> bool {
    let is_measured = number(third).is_some() || Bound::of(third).is_some();
    number(second).is_some() && !(last.is_string() && is_measured)
}

/// Whether a signal has cut the measuring short; the exit code is its own then.
pub(super) fn is_interrupted(context: &Context) -> bool {
    context.stop.reason().is_some_and(|reason| reason != Reason::Ended)
}

/// Where a native was called: the script and the line.
pub(super) fn place(ctx: &NativeCallContext) -> String {
    let line = ctx.call_position().line().map_or(String::new(), |line| format!(":{line}"));
    format!("{}{line}", ctx.call_source().unwrap_or_default())
}

/// Whether somebody wants to know of checks that passed.
pub(super) fn is_wanted(context: &Context) -> bool {
    context.run.session.events.wanted() || context.run.part::<Expectations>().are_kept()
}

/// Takes the middle out of long texts: a program's last words say why it ended, and the judge's come after them.
fn shorten(row: &mut CheckRow) {
    const HALF: usize = KEPT / 2 - 2;
    for text in [&mut row.actual, &mut row.expected, &mut row.words, &mut row.error].into_iter().flatten() {
        if text.chars().nth(KEPT).is_some() {
            let start: String = text.chars().take(HALF).collect();
            let end = text.char_indices().rev().nth(HALF - 1).map_or(0, |(at, _)| at);
            *text = format!("{start}\n…\n{}", &text[end..]);
        }
    }
}

/// Makes `row` an event; a failed one gives the run its exit code.
pub(super) fn report(context: &Context, mut row: CheckRow, column: Option<usize>, value: &Dynamic) {
    if row.passed == Some(false) && !is_interrupted(context) {
        context.run.unexpected.store(true, Ordering::Relaxed);
    }
    if !is_wanted(context) {
        return;
    }
    shorten(&mut row);
    row.group = row.group.or_else(|| context.group.name());
    if context.run.session.events.wanted() {
        row.time_ns = context.host.unix_nanos();
        context.run.session.events.emit(|| Event::Check(&row));
    }
    let expectations = context.run.part::<Expectations>();
    if expectations.are_kept() {
        if let Some(passed) = row.passed {
            expectations.met(measured((&row.origin, column.unwrap_or_default()), &row.name, value, passed));
        }
        expectations.checked(row, ladder::of_group);
    }
}

/// What is expected, and not shown to who is judged.
#[derive(Clone, Debug)]
pub struct HiddenValue(Dynamic);

fn check(ctx: &NativeCallContext, question: Question<'_>, actual: &Dynamic, expected: &Dynamic) -> ScriptResult<bool> {
    let hidden = expected.clone().try_cast::<HiddenValue>();
    let (expected, expected_hidden) = (hidden.as_ref().map_or(expected, |hidden| &hidden.0), hidden.is_some());
    let (holds, error) = match compared(ctx, "check", actual, expected) {
        Ok(holds) => (holds, None),
        // Of a stranger's output anything may come.
        Err(error) => (false, core_error(&error).map(|error| error.message)),
    };
    let row = CheckRow {
        passed: Some(holds),
        actual: Some(shown_value(actual)),
        expected: Some(wanted(expected)),
        error,
        expected_hidden,
        ..CheckRow::at(place(ctx))
    };
    Ok(question.settle(ctx, actual, row, f64::from(u8::from(holds))))
}

fn require(
    ctx: &NativeCallContext,
    question: Question<'_>,
    actual: &Dynamic,
    expected: &Dynamic,
) -> ScriptResult<bool> {
    let (name, group) = (question.name, context::current().group);
    let is_judged = group.void().is_none();
    let passed = check(ctx, question, actual, expected)?;
    if !passed && is_judged {
        group.make_void(format!("\"{name}\" failed"));
    }
    Ok(passed)
}

/// A `require` of the program's own: that `actual` is `expected`.
pub(super) fn required(
    ctx: &NativeCallContext,
    name: &str,
    actual: &str,
    expected: &str,
    words: &str,
) -> ScriptResult<bool> {
    let words = (!words.is_empty()).then(|| words.to_string());
    require(ctx, Question { name, points: None, words }, &actual.into(), &expected.into())
}

/// The share of the values for which the closure returns true.
fn check_each(ctx: &NativeCallContext, question: Question<'_>, values: Array, closure: &FnPtr) -> ScriptResult<f64> {
    let (count, mut held, mut wrong) = (values.len(), 0, None);
    for value in values {
        let returned: Dynamic = closure.call_raw(ctx, None, [value.clone()])?;
        match returned.as_bool() {
            Ok(true) => held += 1,
            Ok(false) => wrong = wrong.or(Some(value)),
            Err(_) => {
                let message = format!("the closure returned {}, not true or false", shown_value(&returned));
                let error = Error::invalid("check_each", message);
                return raise(ctx, error.with_hint("such as: check_each(\"in time\", 4, rtts, |rtt| rtt < 1.s)"));
            }
        }
    }
    let share = if count == 0 { 0.0 } else { held as f64 / count as f64 };
    let first = wrong.map_or(String::new(), |value| format!("; the first that does not: {}", shown(&value)));
    let row = CheckRow {
        passed: Some(held == count && count > 0),
        actual: Some(format!("{held} of {count}{first}")),
        expected: Some(if count == 0 { "at least one value".to_string() } else { format!("{count} of {count}") }),
        ..CheckRow::at(place(ctx))
    };
    let is_judged = context::current().group.void().is_none();
    question.settle(ctx, &Dynamic::from(share), row, share);
    Ok(if is_judged { share } else { 0.0 })
}

/// The group of the thread, in which `error` ended what it did.
pub(super) fn group_failed(context: &Context, group: &Arc<CheckGroup>, place: String, error: String) {
    let (name, group_name) = ("runs to its end".to_string(), group.name());
    let mut row = CheckRow {
        name,
        passed: Some(false),
        error: Some(error),
        group: group_name,
        hidden: group.is_hidden(),
        ..CheckRow::at(place)
    };
    shorten(&mut row);
    group.count(&row);
    row.lines(&context.script.name).iter().for_each(|line| output::line(line));
    report(context, row, None, &Dynamic::UNIT);
}

functions! {
    pub fn api;
    object HiddenValue, "What is expected, and not shown to who is judged.";

    /// For `check` and `require`: this value, or these bounds, are expected, and what students are given of their marks does not show
    /// them; the name of the check and its result, it does.
    ///
    /// ```rhai
    /// expect(check("the sum", 2, 1 + 1, hidden(2)), true);
    /// expect(check("the share", 0.25, hidden(at_most(0.3))), true);
    /// ```
    fn hidden(expected: Dynamic) -> HiddenValue = HiddenValue(expected);

    /// It in words, which are not the value.
    ///
    /// ```rhai
    /// expect(`${hidden(42)}`, "(not shown)");
    /// ```
    fn to_string | to_debug(_hidden: &mut HiddenValue) -> String = "(not shown)".to_string();

    /// Checks that a value is as expected: the same, or within bounds, as `expect` has it. True or false; the script goes on
    /// either way, and ends with exit code 5 if a check of it failed. It is a line, `ok   name` or `FAIL name: got 3, expected 5
    /// (line 12)`, and a row (`check`) for `--json`. Values that cannot be compared are not as expected.
    ///
    /// ```rhai
    /// expect(check("sum", 1 + 1, 2), true);
    /// expect(check("round-trip time", 3.ms, at_most(5.ms)), true);
    /// ```
    fn check(ctx: NativeCallContext, name: &str, actual: Dynamic, expected: Dynamic) -> ScriptResult<bool> =
        check(&ctx, Question::new(&ctx, name, None, None)?, &actual, &expected);

    /// As `check(name, actual, expected)`, with the points that it is worth, or with words that stand below the line if it fails:
    /// `check(name, points, actual, expected)` or `check(name, actual, expected, words)`. The last is taken for words if it is text
    /// and the second is no number, or the third is a number or bounds.
    ///
    /// Errors: `invalid`: the points are no number from 0 up.
    ///
    /// ```rhai
    /// expect(check("sends ten pings", 2, 10, 10), true);
    /// expect(check("sends ten pings", 10, 10, "was the option --count read?"), true);
    /// ```
    fn check(
        ctx: NativeCallContext, name: &str, second: Dynamic, third: Dynamic, last: Dynamic,
    ) -> ScriptResult<bool> = match has_points(&second, &third, &last) {
        true => check(&ctx, Question::new(&ctx, name, Some(&second), None)?, &third, &last),
        false => check(&ctx, Question::new(&ctx, name, None, Some(&last))?, &second, &third),
    };

    /// As `check(name, actual, expected)`, with the points that it is worth, and words that stand below the line if it fails.
    ///
    /// Errors: `invalid`: the points are no number from 0 up, or the words are no text.
    ///
    /// ```rhai
    /// expect(check("ends by itself", 1, false, false, "set a time-out on the socket"), true);
    /// ```
    fn check(
        ctx: NativeCallContext, name: &str, points: Dynamic, actual: Dynamic, expected: Dynamic, words: Dynamic,
    ) -> ScriptResult<bool> =
        check(&ctx, Question::new(&ctx, name, Some(&points), Some(&words))?, &actual, &expected);

    /// A check without which others mean nothing: if it fails, the checks after it in its group are not judged; outside of groups,
    /// those of the rest of the script.
    ///
    /// ```rhai
    /// expect(require("something was sent", 10, at_least(1)), true);
    /// ```
    fn require(ctx: NativeCallContext, name: &str, actual: Dynamic, expected: Dynamic) -> ScriptResult<bool> =
        require(&ctx, Question::new(&ctx, name, None, None)?, &actual, &expected);

    /// As `require(name, actual, expected)`, with words that stand below the line if it fails.
    ///
    /// Errors: `invalid`: the words are no text.
    ///
    /// ```rhai
    /// expect(require("something was sent", 10, at_least(1), "was the address of the command line used?"), true);
    /// ```
    fn require(
        ctx: NativeCallContext, name: &str, actual: Dynamic, expected: Dynamic, words: Dynamic,
    ) -> ScriptResult<bool> = require(&ctx, Question::new(&ctx, name, None, Some(&words))?, &actual, &expected);

    /// Checks each of some values: the share of them, 0.0 to 1.0, for which the closure returns true, and that share of the points.
    /// It has passed if all hold; of no values, none do.
    ///
    /// Errors: `invalid`: the closure returns neither true nor false, or the points are no number from 0 up; what the closure throws.
    ///
    /// ```rhai
    /// expect(check_each("every reply is in time", 4, [3.ms, 4.ms], |rtt| rtt < 5.ms), 1.0);
    /// ```
    fn check_each(
        ctx: NativeCallContext, name: &str, points: Dynamic, values: Array, closure: FnPtr,
    ) -> ScriptResult<f64> =
        check_each(&ctx, Question::new(&ctx, name, Some(&points), None)?, values, &closure);

    /// As `check_each(name, points, values, closure)`, with words that stand below the line if it fails.
    ///
    /// Errors: as `check_each(name, points, values, closure)`; `invalid`: the words are no text.
    ///
    /// ```rhai
    /// let share = check_each("every reply is in time", 4, [3.ms, 4.ms], |rtt| rtt < 5.ms, "is the time-out one second?");
    /// expect(share, 1.0);
    /// ```
    fn check_each(
        ctx: NativeCallContext, name: &str, points: Dynamic, values: Array, closure: FnPtr, words: Dynamic,
    ) -> ScriptResult<f64> =
        check_each(&ctx, Question::new(&ctx, name, Some(&points), Some(&words))?, values, &closure);
}
