//! Time as values: a point on the monotonic clock, and a signed length of time.
//!
//! Nothing here reads a clock; instants come from a host ([`super::host`]) and are passed as arguments, so
//! that everything built on them can be tested with made-up times.

use std::fmt;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

/// A point in time on a host's monotonic clock, in nanoseconds since an arbitrary start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i64);

impl Instant {
    /// The instant `ns` nanoseconds after the clock's start.
    pub const fn from_nanos(ns: i64) -> Self {
        Self(ns)
    }

    /// Nanoseconds since the clock's start.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// The instant that much later; `None`: the clock ends before.
    pub const fn checked_add(self, by: Duration) -> Option<Self> {
        match self.0.checked_add(by.0) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    /// Saturates at the ends of the clock, so that a huge timeout means "for ever".
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(rhs.0))
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;
    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(rhs.0))
    }
}

impl Sub for Instant {
    type Output = Duration;
    fn sub(self, rhs: Self) -> Duration {
        Duration(self.0.saturating_sub(rhs.0))
    }
}

/// A signed length of time in nanoseconds.
///
/// `Display` prints milliseconds with three decimals (`0.502ms`), the form in which round-trip times are
/// reported; [`Duration::short`] prints the shortest exact form (`250ms`, `1s`), in which people type them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(i64);

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest duration, about 292 years.
    pub const MAX: Self = Self(i64::MAX);

    /// A duration of `ns` nanoseconds.
    pub const fn from_nanos(ns: i64) -> Self {
        Self(ns)
    }

    /// A duration of `us` microseconds.
    pub const fn from_micros(us: i64) -> Self {
        Self(us.saturating_mul(1_000))
    }

    /// A duration of `ms` milliseconds.
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms.saturating_mul(1_000_000))
    }

    /// A duration of `s` seconds.
    pub const fn from_secs(s: i64) -> Self {
        Self(s.saturating_mul(1_000_000_000))
    }

    /// A duration of `s` seconds, rounded to the nearest nanosecond; NaN gives zero.
    pub fn from_secs_f64(s: f64) -> Self {
        Self((s * 1e9).round() as i64)
    }

    /// The sum; `None`: it is longer than any duration.
    pub fn checked_add(self, rhs: Self) -> Option<Self> {
        self.0.checked_add(rhs.0).map(Self)
    }

    /// The difference; `None`: it is longer than any duration.
    pub fn checked_sub(self, rhs: Self) -> Option<Self> {
        self.0.checked_sub(rhs.0).map(Self)
    }

    /// So many times the duration; `None`: that is longer than any.
    pub fn checked_mul(self, rhs: i64) -> Option<Self> {
        self.0.checked_mul(rhs).map(Self)
    }

    /// The same, rounded to the nanosecond; NaN gives zero.
    pub fn checked_mul_f64(self, rhs: f64) -> Option<Self> {
        Self::of_nanos(self.0 as f64 * rhs)
    }

    /// A part of the duration, rounded to the nanosecond; `None`: it is longer than any.
    pub fn checked_div_f64(self, rhs: f64) -> Option<Self> {
        Self::of_nanos(self.0 as f64 / rhs)
    }

    fn of_nanos(nanos: f64) -> Option<Self> {
        (nanos.is_nan() || nanos.abs() < i64::MAX as f64).then_some(Self(nanos.round() as i64))
    }

    /// The length in nanoseconds.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// The length in seconds.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Whether the duration is below zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// The shortest exact form: `1s`, `250ms`, `1.5ms`, `50us`, `7ns`.
    pub fn short(self) -> String {
        let ns = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let (unit, name) = match ns {
            0 => return "0s".to_string(),
            n if n >= 1_000_000_000 => (1_000_000_000, "s"),
            n if n >= 1_000_000 => (1_000_000, "ms"),
            n if n >= 1_000 => (1_000, "us"),
            _ => (1, "ns"),
        };
        let (whole, rest) = (ns / unit, ns % unit);
        if rest == 0 {
            return format!("{sign}{whole}{name}");
        }
        let digits = unit.ilog10() as usize;
        let fraction = format!("{rest:0digits$}");
        format!("{sign}{whole}.{}{name}", fraction.trim_end_matches('0'))
    }

    /// Reads what a person types: a number and a unit (`1s`, `250ms`, `1.5ms`, `50us`, `50µs`, `7ns`, `2m`, `1h`), or a
    /// plain `0`. `None` if it is anything else; a bare number has no unit and is refused.
    pub fn parse(text: &str) -> Option<Self> {
        let nanos = Self::nanos_of(text).filter(|nanos| nanos.abs() < i64::MAX as f64)?;
        Some(Self(nanos.round() as i64))
    }

    /// Whether `text` is a duration longer than any that can be had, which is 292 years.
    pub fn is_too_long(text: &str) -> bool {
        Self::nanos_of(text).is_some() && Self::parse(text).is_none()
    }

    fn nanos_of(text: &str) -> Option<f64> {
        let text = text.trim();
        if text == "0" {
            return Some(0.0);
        }
        let split = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '-' | '+'))?;
        let (number, unit) = text.split_at(split);
        let scale = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" | "min" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        Some(number.parse::<f64>().ok()? * scale)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}ms", self.0 as f64 / 1e6)
    }
}

impl From<Duration> for std::time::Duration {
    /// Negative durations become zero.
    fn from(d: Duration) -> Self {
        Self::from_nanos(d.0.max(0) as u64)
    }
}

impl Add for Duration {
    type Output = Self;
    fn add(self, rhs: Self) -> Self {
        Self(self.0.saturating_add(rhs.0))
    }
}

impl AddAssign for Duration {
    fn add_assign(&mut self, rhs: Self) {
        *self = *self + rhs;
    }
}

impl Sub for Duration {
    type Output = Self;
    fn sub(self, rhs: Self) -> Self {
        Self(self.0.saturating_sub(rhs.0))
    }
}

impl SubAssign for Duration {
    fn sub_assign(&mut self, rhs: Self) {
        *self = *self - rhs;
    }
}

impl Neg for Duration {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Mul<i64> for Duration {
    type Output = Self;
    fn mul(self, rhs: i64) -> Self {
        Self(self.0.saturating_mul(rhs))
    }
}

impl Mul<f64> for Duration {
    type Output = Self;
    fn mul(self, rhs: f64) -> Self {
        Self((self.0 as f64 * rhs).round() as i64)
    }
}

impl Div<f64> for Duration {
    type Output = Self;
    fn div(self, rhs: f64) -> Self {
        Self((self.0 as f64 / rhs).round() as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_forms_are_read() {
        for (text, ns) in [
            ("0", 0),
            ("1s", 1_000_000_000),
            ("250ms", 250_000_000),
            ("1.5ms", 1_500_000),
            ("50us", 50_000),
            ("50µs", 50_000),
            ("7ns", 7),
            ("2m", 120_000_000_000),
            ("-1s", -1_000_000_000),
            (" 3s ", 3_000_000_000),
        ] {
            assert_eq!(Duration::parse(text), Some(Duration::from_nanos(ns)), "{text}");
        }
        for text in ["", "fast", "1", "s", "1 parsec", "1..2s", "99999999999h", "ms1"] {
            assert_eq!(Duration::parse(text), None, "{text}");
            assert_eq!(Duration::is_too_long(text), text == "99999999999h", "{text}");
        }
    }

    #[test]
    fn what_is_longer_than_any_duration_is_none() {
        let (most, second) = (Duration::MAX, Duration::from_secs(1));
        assert_eq!([most.checked_add(second), most.checked_mul(2), most.checked_mul_f64(1.5)], [None; 3]);
        assert_eq!([(-most).checked_sub(second), most.checked_div_f64(0.5), second.checked_mul_f64(-1e10)], [None; 3]);
        assert_eq!(second.checked_mul_f64(0.5), Some(Duration::from_millis(500)));
        assert_eq!(second.checked_mul_f64(f64::NAN), Some(Duration::ZERO));
        assert_eq!(Instant::from_nanos(i64::MAX - 1).checked_add(second), None);
    }

    #[test]
    fn short_form_reads_back() {
        for ns in [0, 1, 999, 1_000, 1_500, 50_000, 502_123, 1_000_000, 250_000_000, 1_000_000_001, -5_000_000] {
            let d = Duration::from_nanos(ns);
            assert_eq!(Duration::parse(&d.short()), Some(d), "{}", d.short());
        }
        assert_eq!(Duration::from_millis(1500).short(), "1.5s");
    }

    #[test]
    fn prints_milliseconds() {
        assert_eq!(Duration::from_nanos(502_123).to_string(), "0.502ms");
        assert_eq!(Duration::from_secs(1).to_string(), "1000.000ms");
    }
}
