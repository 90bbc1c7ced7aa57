//! Durations: `1.s`, `250.ms`, `50.us`; arithmetic, comparison, and how they print.

use super::error::ScriptResult;
use crate::net::time::Duration;
use rhai::{EvalAltResult, Position};

/// `made`, which `operation` has made; an error as of integers where it is longer than any duration.
fn fitting(made: Option<Duration>, operation: impl FnOnce() -> String) -> ScriptResult<Duration> {
    let error = || EvalAltResult::ErrorArithmetic(format!("Duration overflow: {}", operation()), Position::NONE);
    made.ok_or_else(|| error().into())
}

fn times(number: i64, unit: Duration, name: &str) -> ScriptResult<Duration> {
    fitting(unit.checked_mul(number), || format!("{number}.{name}"))
}

fn times_float(number: f64, unit: Duration, name: &str) -> ScriptResult<Duration> {
    fitting(unit.checked_mul_f64(number), || format!("{number}.{name}"))
}

fn sum(a: Duration, b: Duration) -> ScriptResult<Duration> {
    fitting(a.checked_add(b), || format!("{} + {}", a.short(), b.short()))
}

fn difference(a: Duration, b: Duration) -> ScriptResult<Duration> {
    fitting(a.checked_sub(b), || format!("{} - {}", a.short(), b.short()))
}

functions! {
    pub fn api;
    object Duration, "A length of time, to the nanosecond. It may be negative.";

    /// A duration of that many hours.
    ///
    /// ```rhai
    /// expect(1.h, 3600.s);
    /// ```
    get h(number: &mut i64) -> ScriptResult<Duration> = times(*number, Duration::from_secs(3600), "h");

    /// A duration of that many minutes.
    ///
    /// ```rhai
    /// expect(2.min, 120.s);
    /// ```
    get min(number: &mut i64) -> ScriptResult<Duration> = times(*number, Duration::from_secs(60), "min");

    /// A duration of that many seconds.
    ///
    /// ```rhai
    /// expect(1.s, 1000.ms);
    /// ```
    get s(number: &mut i64) -> ScriptResult<Duration> = times(*number, Duration::from_secs(1), "s");

    /// A duration of that many milliseconds.
    ///
    /// ```rhai
    /// expect(250.ms + 750.ms, 1.s);
    /// ```
    get ms(number: &mut i64) -> ScriptResult<Duration> = times(*number, Duration::from_millis(1), "ms");

    /// A duration of that many microseconds.
    ///
    /// ```rhai
    /// expect(50.us * 20, 1.ms);
    /// ```
    get us(number: &mut i64) -> ScriptResult<Duration> = times(*number, Duration::from_micros(1), "us");

    /// A duration of that many nanoseconds.
    ///
    /// ```rhai
    /// expect(1_000.ns, 1.us);
    /// ```
    get ns(number: &mut i64) -> Duration = Duration::from_nanos(*number);

    /// A duration of that many hours.
    ///
    /// ```rhai
    /// expect(0.5.h, 30.min);
    /// ```
    get h(number: &mut f64) -> ScriptResult<Duration> = times_float(*number, Duration::from_secs(3600), "h");

    /// A duration of that many minutes.
    ///
    /// ```rhai
    /// expect(0.5.min, 30.s);
    /// ```
    get min(number: &mut f64) -> ScriptResult<Duration> = times_float(*number, Duration::from_secs(60), "min");

    /// A duration of that many seconds, rounded to the nanosecond.
    ///
    /// ```rhai
    /// expect(0.25.s, 250.ms);
    /// ```
    get s(number: &mut f64) -> ScriptResult<Duration> = times_float(*number, Duration::from_secs(1), "s");

    /// A duration of that many milliseconds, rounded to the nanosecond.
    ///
    /// ```rhai
    /// expect(0.5.ms, 500.us);
    /// ```
    get ms(number: &mut f64) -> ScriptResult<Duration> = times_float(*number, Duration::from_millis(1), "ms");

    /// A duration of that many microseconds, rounded to the nanosecond.
    ///
    /// ```rhai
    /// expect(1.5.us, 1_500.ns);
    /// ```
    get us(number: &mut f64) -> ScriptResult<Duration> = times_float(*number, Duration::from_micros(1), "us");

    /// The length in hours.
    ///
    /// ```rhai
    /// expect(90.min.h, 1.5);
    /// ```
    get h(duration: &mut Duration) -> f64 = duration.as_secs_f64() / 3600.0;

    /// The length in minutes.
    ///
    /// ```rhai
    /// expect(90.s.min, 1.5);
    /// ```
    get min(duration: &mut Duration) -> f64 = duration.as_secs_f64() / 60.0;

    /// The length in seconds.
    ///
    /// ```rhai
    /// expect(1500.ms.s, 1.5);
    /// ```
    get s(duration: &mut Duration) -> f64 = duration.as_secs_f64();

    /// The length in milliseconds.
    ///
    /// ```rhai
    /// expect(250.us.ms, 0.25);
    /// ```
    get ms(duration: &mut Duration) -> f64 = duration.as_nanos() as f64 / 1e6;

    /// The length in microseconds.
    ///
    /// ```rhai
    /// expect(1.ms.us, 1000.0);
    /// ```
    get us(duration: &mut Duration) -> f64 = duration.as_nanos() as f64 / 1e3;

    /// The length in nanoseconds, a whole number.
    ///
    /// ```rhai
    /// expect(1.us.ns, 1000);
    /// ```
    get ns(duration: &mut Duration) -> i64 = duration.as_nanos();

    /// The sum of two durations.
    ///
    /// ```rhai
    /// expect(1.s + 500.ms, 1.5.s);
    /// ```
    fn "+"(a: Duration, b: Duration) -> ScriptResult<Duration> = sum(a, b);

    /// Adds a duration to a variable.
    ///
    /// ```rhai
    /// let d = 1.s; d += 1.ms; expect(d, 1001.ms);
    /// ```
    change "+="(a: &mut Duration, b: Duration) -> ScriptResult<()> = {
        *a = sum(*a, b)?;
        Ok(())
    };

    /// The difference of two durations, which may be negative.
    ///
    /// ```rhai
    /// expect(1.s - 1.ms, 999.ms);
    /// ```
    fn "-"(a: Duration, b: Duration) -> ScriptResult<Duration> = difference(a, b);

    /// Takes a duration off a variable.
    ///
    /// ```rhai
    /// let d = 1.s; d -= 1.ms; expect(d, 999.ms);
    /// ```
    change "-="(a: &mut Duration, b: Duration) -> ScriptResult<()> = {
        *a = difference(*a, b)?;
        Ok(())
    };

    /// The duration with the other sign.
    ///
    /// ```rhai
    /// expect(-(1.s), 0.s - 1.s);
    /// ```
    fn "-"(a: Duration) -> Duration = -a;

    /// The duration, so many times.
    ///
    /// ```rhai
    /// expect(10.ms * 3, 30.ms);
    /// ```
    fn "*" as multiply(a: Duration, n: i64) -> ScriptResult<Duration> =
        fitting(a.checked_mul(n), || format!("{} * {n}", a.short()));

    /// The duration, so many times.
    ///
    /// ```rhai
    /// expect(3 * 10.ms, 30.ms);
    /// ```
    fn "*"(n: i64, a: Duration) -> ScriptResult<Duration> = multiply(a, n);

    /// The duration, so many times, rounded to the nanosecond.
    ///
    /// ```rhai
    /// expect(10.ms * 0.5, 5.ms);
    /// ```
    fn "*" as multiply_float(a: Duration, n: f64) -> ScriptResult<Duration> =
        fitting(a.checked_mul_f64(n), || format!("{} * {n}", a.short()));

    /// The duration, so many times, rounded to the nanosecond.
    ///
    /// ```rhai
    /// expect(0.5 * 10.ms, 5.ms);
    /// ```
    fn "*"(n: f64, a: Duration) -> ScriptResult<Duration> = multiply_float(a, n);

    /// A part of the duration, rounded to the nanosecond.
    ///
    /// ```rhai
    /// expect(1.s / 4, 250.ms);
    /// ```
    fn "/"(a: Duration, n: i64) -> ScriptResult<Duration> = divide_float(a, n as f64);

    /// A part of the duration, rounded to the nanosecond.
    ///
    /// ```rhai
    /// expect(1.s / 2.5, 400.ms);
    /// ```
    fn "/" as divide_float(a: Duration, n: f64) -> ScriptResult<Duration> = {
        if n == 0.0 {
            return Err(
                EvalAltResult::ErrorArithmetic(format!("Division by zero: {} / 0", a.short()), Position::NONE).into()
            );
        }
        fitting(a.checked_div_f64(n), || format!("{} / {n}", a.short()))
    };

    /// How many times one duration is in another.
    ///
    /// ```rhai
    /// expect(1.s / 250.ms, 4.0);
    /// ```
    fn "/"(a: Duration, b: Duration) -> f64 = a.as_nanos() as f64 / b.as_nanos() as f64;

    /// Whether two durations are the same.
    ///
    /// ```rhai
    /// expect(1.s == 1000.ms, true);
    /// ```
    fn "=="(a: Duration, b: Duration) -> bool = a == b;

    /// Whether two durations differ.
    ///
    /// ```rhai
    /// expect(1.s != 1.ms, true);
    /// ```
    fn "!="(a: Duration, b: Duration) -> bool = a != b;

    /// Whether the first is shorter.
    ///
    /// ```rhai
    /// expect(1.ms < 1.s, true);
    /// ```
    fn "<"(a: Duration, b: Duration) -> bool = a < b;

    /// Whether the first is shorter or the same.
    ///
    /// ```rhai
    /// expect(1.s <= 1.s, true);
    /// ```
    fn "<="(a: Duration, b: Duration) -> bool = a <= b;

    /// Whether the first is longer.
    ///
    /// ```rhai
    /// expect(1.s > 1.ms, true);
    /// ```
    fn ">"(a: Duration, b: Duration) -> bool = a > b;

    /// Whether the first is longer or the same.
    ///
    /// ```rhai
    /// expect(1.s >= 1.s, true);
    /// ```
    fn ">="(a: Duration, b: Duration) -> bool = a >= b;

    /// The shorter of two durations.
    ///
    /// ```rhai
    /// expect(min(1.s, 20.ms), 20.ms);
    /// ```
    fn min(a: Duration, b: Duration) -> Duration = if b < a { b } else { a };

    /// The longer of two durations.
    ///
    /// ```rhai
    /// expect(max(1.s, 20.ms), 1.s);
    /// ```
    fn max(a: Duration, b: Duration) -> Duration = if b > a { b } else { a };

    /// The duration in milliseconds with three decimals, as round-trip times are printed.
    ///
    /// ```rhai
    /// expect(`${502.us}`, "0.502ms");
    /// ```
    fn to_string | to_debug(duration: &mut Duration) -> String = duration.to_string();

    /// The duration in the shortest exact form, as it is typed.
    ///
    /// ```rhai
    /// expect(1500.ms.short(), "1.5s");
    /// ```
    fn short(duration: &mut Duration) -> String = duration.short();
}
