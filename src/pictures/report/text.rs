//! Numbers and foreign text, as a page shows them.

use std::fmt::{self, Display, Write};

/// Text that somebody else chose, for a page: nothing in it is markup, and what is not visible is written out.
pub(super) struct Shown<T>(pub(super) T);

impl<T: Display> Display for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '&' => self.0.write_str("&amp;")?,
                '<' => self.0.write_str("&lt;")?,
                '>' => self.0.write_str("&gt;")?,
                '"' => self.0.write_str("&quot;")?,
                '\'' => self.0.write_str("&#39;")?,
                '\n' => self.0.write_char(c)?,
                c if is_invisible(c) => write!(self.0, "{}", c.escape_unicode())?,
                c => self.0.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// The text with what is not visible written out, for a terminal.
pub(super) fn visible(text: &str) -> String {
    let one = |c: char| if is_invisible(c) { c.escape_unicode().to_string() } else { c.to_string() };
    text.chars().map(one).collect()
}

/// Whether a character moves the cursor, turns the order of others about, or is no character (XML 1.0, section 2.2).
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// The units of times: nanoseconds and the name of each.
pub(super) const UNITS: [(f64, &str); 7] =
    [(86_400e9, "d"), (3600e9, "h"), (60e9, "min"), (1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")];

/// The unit in which such a time is shown: the largest of which it has one, but no minutes below two.
pub(super) fn unit(ns: f64) -> (f64, &'static str) {
    let fits = |(size, _): &&(f64, &str)| ns >= *size * if *size > 1e9 { 2.0 } else { 1.0 };
    *UNITS.iter().find(fits).unwrap_or(&UNITS[UNITS.len() - 1])
}

/// A time in nanoseconds with three digits or more, as `0.412 ms` is.
pub(super) fn time(ns: f64) -> String {
    let (size, name) = unit(ns.abs());
    let value = ns / size;
    let decimals = match value.abs() {
        _ if name == "ns" => 0,
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.decimals$} {name}")
}

/// A round time without decimals that say nothing: `2 ms`.
pub(super) fn round_time(ns: f64) -> String {
    let (size, name) = *UNITS[3..].iter().find(|(size, _)| ns >= size * 0.999).unwrap_or(&UNITS[UNITS.len() - 1]);
    let value = ns / size;
    if (value - value.round()).abs() < 1e-6 { format!("{value:.0} {name}") } else { time(ns) }
}

/// A time, or `NA` where there is none.
pub(super) fn time_or_na(ns: Option<f64>) -> String {
    ns.map_or_else(|| "NA".to_string(), time)
}

/// When something was since the start of the run.
pub(super) fn moment(ns: i64) -> String {
    format!("{:.3} s", ns as f64 / 1e9)
}

/// A count with commas: `100,000`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut text = digits[..first].to_string();
    for group in digits.as_bytes()[first..].chunks(3) {
        if !text.is_empty() {
            text.push(',');
        }
        text.extend(group.iter().map(|&digit| char::from(digit)));
    }
    text
}

/// A share in percent.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        p if p == 0.0 || (p - 100.0).abs() < 1e-9 => format!("{p:.0}%"),
        p if p < 0.1 => format!("{p:.3}%"),
        p => format!("{p:.1}%"),
    }
}

/// So much of something, in words: `1 run`, `2 runs`.
pub(super) fn plural(number: u64, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A moment in nanoseconds since 1970 as UTC: `2026-11-30 01:28:47`.
pub(super) fn utc(ns: i64) -> String {
    let seconds = ns.div_euclid(1_000_000_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// The date so many days after 1970-01-01 in the Gregorian calendar.
fn date(days: i64) -> (i64, i64, i64) {
    // Counted from 1 March of year 0, so that the day that is left out in most years is the last of its year.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (month, day) = (if month < 10 { month + 3 } else { month - 9 }, day - (153 * month + 2) / 5 + 1);
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_foreign_is_markup_or_invisible() {
        let foreign = "<script>\"a\" & 'b'</script>\u{1b}[2J\u{202e}x\n\0";
        assert_eq!(
            Shown(foreign).to_string(),
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;\\u{1b}[2J\\u{202e}x\n\\u{0}"
        );
    }

    #[test]
    fn times_and_counts_are_as_people_write_them() {
        let times = [0.0, 850.0, 1000.0, 12_345.0, 412_000.0, 1e6, 99.94e6, 100e6, 1.004e9, 90e9, 150e9, 7200e9];
        assert_eq!(
            times.map(time),
            [
                "0 ns", "850 ns", "1.00 µs", "12.3 µs", "412 µs", "1.00 ms", "99.9 ms", "100 ms", "1.00 s", "90.0 s",
                "2.50 min", "2.00 h"
            ]
        );
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0.0, 0.0004, 0.2, 1.0].map(percent), ["0%", "0.040%", "20.0%", "100%"]);
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        let days = [0, 951_782_400, 1_709_164_800, 4_107_456_000, -1, 1_796_002_127];
        assert_eq!(
            days.map(|second| utc(second * 1_000_000_000)),
            [
                "1970-01-01 00:00:00",
                "2000-02-29 00:00:00",
                "2024-02-29 00:00:00",
                "2100-02-28 00:00:00",
                "1969-12-31 23:59:59",
                "2026-11-30 01:28:47"
            ]
        );
    }
}
