//! Durations: `1.s`, `250.ms`, `50.us`; arithmetic, comparison, and how they print.

use rhai::plugin::*;

use crate::net::time::Duration as Span;

/// Lengths of time.
#[export_module]
#[allow(clippy::unwrap_used)] // the code that the macro writes
pub mod api {
    /// A length of time, to the nanosecond. It may be negative.
    pub type Duration = Span;

    /// A duration of that many hours.
    ///
    /// ```rhai
    /// expect(1.h, 3600.s);
    /// ```
    #[rhai_fn(get = "h", pure)]
    pub fn hours(number: &mut i64) -> Duration {
        Span::from_secs(3600) * *number
    }

    /// A duration of that many minutes.
    ///
    /// ```rhai
    /// expect(2.min, 120.s);
    /// ```
    #[rhai_fn(get = "min", pure)]
    pub fn minutes(number: &mut i64) -> Duration {
        Span::from_secs(60) * *number
    }

    /// A duration of that many seconds.
    ///
    /// ```rhai
    /// expect(1.s, 1000.ms);
    /// ```
    #[rhai_fn(get = "s", pure)]
    pub fn seconds(number: &mut i64) -> Duration {
        Span::from_secs(*number)
    }

    /// A duration of that many milliseconds.
    ///
    /// ```rhai
    /// expect(250.ms + 750.ms, 1.s);
    /// ```
    #[rhai_fn(get = "ms", pure)]
    pub fn milliseconds(number: &mut i64) -> Duration {
        Span::from_millis(*number)
    }

    /// A duration of that many microseconds.
    ///
    /// ```rhai
    /// expect(50.us * 20, 1.ms);
    /// ```
    #[rhai_fn(get = "us", pure)]
    pub fn microseconds(number: &mut i64) -> Duration {
        Span::from_micros(*number)
    }

    /// A duration of that many nanoseconds.
    ///
    /// ```rhai
    /// expect(1_000.ns, 1.us);
    /// ```
    #[rhai_fn(get = "ns", pure)]
    pub fn nanoseconds(number: &mut i64) -> Duration {
        Span::from_nanos(*number)
    }

    /// A duration of that many hours.
    ///
    /// ```rhai
    /// expect(0.5.h, 30.min);
    /// ```
    #[rhai_fn(get = "h", pure)]
    pub fn hours_float(number: &mut f64) -> Duration {
        Span::from_secs(3600) * *number
    }

    /// A duration of that many minutes.
    ///
    /// ```rhai
    /// expect(0.5.min, 30.s);
    /// ```
    #[rhai_fn(get = "min", pure)]
    pub fn minutes_float(number: &mut f64) -> Duration {
        Span::from_secs(60) * *number
    }

    /// A duration of that many seconds, rounded to the nanosecond.
    ///
    /// ```rhai
    /// expect(0.25.s, 250.ms);
    /// ```
    #[rhai_fn(get = "s", pure)]
    pub fn seconds_float(number: &mut f64) -> Duration {
        Span::from_secs_f64(*number)
    }

    /// A duration of that many milliseconds, rounded to the nanosecond.
    ///
    /// ```rhai
    /// expect(0.5.ms, 500.us);
    /// ```
    #[rhai_fn(get = "ms", pure)]
    pub fn milliseconds_float(number: &mut f64) -> Duration {
        Span::from_millis(1) * *number
    }

    /// A duration of that many microseconds, rounded to the nanosecond.
    ///
    /// ```rhai
    /// expect(1.5.us, 1_500.ns);
    /// ```
    #[rhai_fn(get = "us", pure)]
    pub fn microseconds_float(number: &mut f64) -> Duration {
        Span::from_micros(1) * *number
    }

    /// The length in hours.
    ///
    /// ```rhai
    /// expect(90.min.h, 1.5);
    /// ```
    #[rhai_fn(get = "h", pure)]
    pub fn in_hours(duration: &mut Duration) -> f64 {
        duration.as_secs_f64() / 3600.0
    }

    /// The length in minutes.
    ///
    /// ```rhai
    /// expect(90.s.min, 1.5);
    /// ```
    #[rhai_fn(get = "min", pure)]
    pub fn in_minutes(duration: &mut Duration) -> f64 {
        duration.as_secs_f64() / 60.0
    }

    /// The length in seconds.
    ///
    /// ```rhai
    /// expect(1500.ms.s, 1.5);
    /// ```
    #[rhai_fn(get = "s", pure)]
    pub fn in_seconds(duration: &mut Duration) -> f64 {
        duration.as_secs_f64()
    }

    /// The length in milliseconds.
    ///
    /// ```rhai
    /// expect(250.us.ms, 0.25);
    /// ```
    #[rhai_fn(get = "ms", pure)]
    pub fn in_milliseconds(duration: &mut Duration) -> f64 {
        duration.as_nanos() as f64 / 1e6
    }

    /// The length in microseconds.
    ///
    /// ```rhai
    /// expect(1.ms.us, 1000.0);
    /// ```
    #[rhai_fn(get = "us", pure)]
    pub fn in_microseconds(duration: &mut Duration) -> f64 {
        duration.as_nanos() as f64 / 1e3
    }

    /// The length in nanoseconds, a whole number.
    ///
    /// ```rhai
    /// expect(1.us.ns, 1000);
    /// ```
    #[rhai_fn(get = "ns", pure)]
    pub fn in_nanoseconds(duration: &mut Duration) -> i64 {
        duration.as_nanos()
    }

    /// The sum of two durations.
    ///
    /// ```rhai
    /// expect(1.s + 500.ms, 1.5.s);
    /// ```
    #[rhai_fn(name = "+")]
    pub fn add(a: Duration, b: Duration) -> Duration {
        a + b
    }

    /// Adds a duration to a variable.
    ///
    /// ```rhai
    /// let d = 1.s; d += 1.ms; expect(d, 1001.ms);
    /// ```
    #[rhai_fn(name = "+=")]
    pub fn add_to(a: &mut Duration, b: Duration) {
        *a += b;
    }

    /// The difference of two durations, which may be negative.
    ///
    /// ```rhai
    /// expect(1.s - 1.ms, 999.ms);
    /// ```
    #[rhai_fn(name = "-")]
    pub fn subtract(a: Duration, b: Duration) -> Duration {
        a - b
    }

    /// Takes a duration off a variable.
    ///
    /// ```rhai
    /// let d = 1.s; d -= 1.ms; expect(d, 999.ms);
    /// ```
    #[rhai_fn(name = "-=")]
    pub fn subtract_from(a: &mut Duration, b: Duration) {
        *a -= b;
    }

    /// The duration with the other sign.
    ///
    /// ```rhai
    /// expect(-(1.s), 0.s - 1.s);
    /// ```
    #[rhai_fn(name = "-")]
    pub fn negate(a: Duration) -> Duration {
        -a
    }

    /// The duration, so many times.
    ///
    /// ```rhai
    /// expect(10.ms * 3, 30.ms);
    /// ```
    #[rhai_fn(name = "*")]
    pub fn times(a: Duration, n: i64) -> Duration {
        a * n
    }

    /// The duration, so many times.
    ///
    /// ```rhai
    /// expect(3 * 10.ms, 30.ms);
    /// ```
    #[rhai_fn(name = "*")]
    pub fn times_of(n: i64, a: Duration) -> Duration {
        a * n
    }

    /// The duration, so many times, rounded to the nanosecond.
    ///
    /// ```rhai
    /// expect(10.ms * 0.5, 5.ms);
    /// ```
    #[rhai_fn(name = "*")]
    pub fn times_float(a: Duration, n: f64) -> Duration {
        a * n
    }

    /// The duration, so many times, rounded to the nanosecond.
    ///
    /// ```rhai
    /// expect(0.5 * 10.ms, 5.ms);
    /// ```
    #[rhai_fn(name = "*")]
    pub fn times_of_float(n: f64, a: Duration) -> Duration {
        a * n
    }

    /// A part of the duration, rounded to the nanosecond.
    ///
    /// ```rhai
    /// expect(1.s / 4, 250.ms);
    /// ```
    #[rhai_fn(name = "/", return_raw)]
    pub fn divide(a: Duration, n: i64) -> Result<Duration, Box<EvalAltResult>> {
        divide_float(a, n as f64)
    }

    /// A part of the duration, rounded to the nanosecond.
    ///
    /// ```rhai
    /// expect(1.s / 2.5, 400.ms);
    /// ```
    #[rhai_fn(name = "/", return_raw)]
    pub fn divide_float(a: Duration, n: f64) -> Result<Duration, Box<EvalAltResult>> {
        if n == 0.0 {
            return Err(
                EvalAltResult::ErrorArithmetic(format!("Division by zero: {} / 0", a.short()), Position::NONE).into()
            );
        }
        Ok(a / n)
    }

    /// How many times one duration is in another.
    ///
    /// ```rhai
    /// expect(1.s / 250.ms, 4.0);
    /// ```
    #[rhai_fn(name = "/")]
    pub fn ratio(a: Duration, b: Duration) -> f64 {
        a.as_nanos() as f64 / b.as_nanos() as f64
    }

    /// Whether two durations are the same.
    ///
    /// ```rhai
    /// expect(1.s == 1000.ms, true);
    /// ```
    #[rhai_fn(name = "==")]
    pub fn equal(a: Duration, b: Duration) -> bool {
        a == b
    }

    /// Whether two durations differ.
    ///
    /// ```rhai
    /// expect(1.s != 1.ms, true);
    /// ```
    #[rhai_fn(name = "!=")]
    pub fn differ(a: Duration, b: Duration) -> bool {
        a != b
    }

    /// Whether the first is shorter.
    ///
    /// ```rhai
    /// expect(1.ms < 1.s, true);
    /// ```
    #[rhai_fn(name = "<")]
    pub fn shorter(a: Duration, b: Duration) -> bool {
        a < b
    }

    /// Whether the first is shorter or the same.
    ///
    /// ```rhai
    /// expect(1.s <= 1.s, true);
    /// ```
    #[rhai_fn(name = "<=")]
    pub fn not_longer(a: Duration, b: Duration) -> bool {
        a <= b
    }

    /// Whether the first is longer.
    ///
    /// ```rhai
    /// expect(1.s > 1.ms, true);
    /// ```
    #[rhai_fn(name = ">")]
    pub fn longer(a: Duration, b: Duration) -> bool {
        a > b
    }

    /// Whether the first is longer or the same.
    ///
    /// ```rhai
    /// expect(1.s >= 1.s, true);
    /// ```
    #[rhai_fn(name = ">=")]
    pub fn not_shorter(a: Duration, b: Duration) -> bool {
        a >= b
    }

    /// The duration in milliseconds with three decimals, as round-trip times are printed.
    ///
    /// ```rhai
    /// expect(`${502.us}`, "0.502ms");
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn to_string(duration: &mut Duration) -> String {
        duration.to_string()
    }

    /// The duration in the shortest exact form, as it is typed.
    ///
    /// ```rhai
    /// expect(1500.ms.short(), "1.5s");
    /// ```
    #[rhai_fn(pure)]
    pub fn short(duration: &mut Duration) -> String {
        duration.short()
    }
}
