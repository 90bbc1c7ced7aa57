//! What came of all seeds, in lines. Pure.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::bindings::measured::Measured;
use crate::engine::children::ChildRun;
use crate::net::time::Duration;

/// How many seeds that failed, and how many values of a kind, are listed.
const LISTED: usize = 20;
const VALUES: usize = 3;

/// What came of the seeds so far, in whichever order they end.
#[derive(Debug)]
pub(super) struct SeedSummary {
    seeds: RangeInclusive<u64>,
    passed: u64,
    /// By exit code.
    failed: BTreeMap<i32, Vec<u64>>,
    /// The lowest seed that failed, and what it printed.
    first: Option<ChildRun>,
    expectations: BTreeMap<Place, GivenValues>,
    network: Duration,
}

/// The script, the line, the column and what the value is.
type Place = (String, u32, usize, String);

/// What an expectation was given.
#[derive(Debug, Default)]
struct GivenValues {
    numbers: Vec<f64>,
    times: Vec<Duration>,
    texts: BTreeMap<String, u64>,
    failed: u64,
}

impl SeedSummary {
    pub(super) fn new(seeds: RangeInclusive<u64>) -> Self {
        let (failed, expectations) = (BTreeMap::new(), BTreeMap::new());
        Self { seeds, passed: 0, failed, first: None, expectations, network: Duration::ZERO }
    }

    pub(super) fn add(&mut self, mut run: ChildRun) {
        self.network += Duration::from_nanos(run.report.network_ns);
        std::mem::take(&mut run.report.expectations).into_iter().for_each(|measured| self.measured(measured));
        if run.code == 0 {
            self.passed += 1;
            return;
        }
        self.failed.entry(run.code).or_default().push(run.number);
        if self.first.as_ref().is_none_or(|first| run.number < first.number) {
            self.first = Some(run);
        }
    }

    fn measured(&mut self, measured: Measured) {
        let (file, line) = measured.place.rsplit_once(':').unwrap_or((&measured.place, ""));
        let place = (file.to_string(), line.parse().unwrap_or_default(), measured.column, measured.message);
        let values = self.expectations.entry(place).or_default();
        values.failed += u64::from(!measured.passed);
        values.numbers.extend(measured.number);
        values.times.extend(measured.time_ns.map(Duration::from_nanos));
        if let Some(text) = measured.text {
            *values.texts.entry(text).or_default() += 1;
        }
    }

    /// The network's time of all.
    pub(super) fn network(&self) -> Duration {
        self.network
    }

    pub(super) fn exit_code(&self) -> i32 {
        let first = self.first.as_ref().map_or(0, |first| first.code);
        if self.failed.contains_key(&super::exit::EXPECT) { super::exit::EXPECT } else { first }
    }

    /// How far it is.
    pub(super) fn progress(&self) -> String {
        format!("{} of {} seeds, {} failed", self.ran(), self.wanted(), self.count_failed())
    }

    /// What came of it; `words`: what was run.
    pub(super) fn lines(&self, words: &[String]) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(first) = &self.first {
            lines.push(format!("seed {} failed with exit code {}:", first.number, first.code));
            lines.extend(String::from_utf8_lossy(&first.output).lines().map(|line| format!("    {line}")));
            let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            lines.push(format!("this seed alone: pingscript --simulate --seed {} {}", first.number, words.join(" ")));
        }
        let missing = match self.wanted() - self.ran() {
            0 => String::new(),
            missing => format!("; {missing} did not run"),
        };
        let seeds = if self.ran() == 1 { "seed" } else { "seeds" };
        lines.push(format!("{} {seeds}: {} passed, {} failed{missing}", self.ran(), self.passed, self.count_failed()));
        for (code, seeds) in &self.failed {
            lines.push(format!("exit code {code}: {}", listed(seeds)));
        }
        lines.extend(self.expectations.iter().map(|((file, line, column, message), values)| {
            let is_other = |(own, number, at, _): &Place| (own, number) == (file, line) && at != column;
            let column = if self.expectations.keys().any(is_other) { format!(":{column}") } else { String::new() };
            let about = if message.is_empty() { String::new() } else { format!(" ({message})") };
            format!("{file}:{line}{column}{about}: {}", values.in_words())
        }));
        lines
    }

    fn wanted(&self) -> u64 {
        self.seeds.end() - self.seeds.start() + 1
    }

    fn count_failed(&self) -> u64 {
        self.failed.values().map(|seeds| seeds.len() as u64).sum()
    }

    fn ran(&self) -> u64 {
        self.passed + self.count_failed()
    }
}

impl GivenValues {
    fn in_words(&self) -> String {
        let mut parts = Vec::new();
        let spread = |values: Option<[String; 3]>| {
            values.map(|[least, middle, most]| format!("smallest {least}, median {middle}, largest {most}"))
        };
        parts.extend(spread(points(&self.numbers, f64::total_cmp, |number| rounded(*number))));
        parts.extend(spread(points(&self.times, Ord::cmp, |time| time.short())));
        if !self.texts.is_empty() {
            let mut texts: Vec<(&String, &u64)> = self.texts.iter().collect();
            texts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            let more = texts.len().saturating_sub(VALUES);
            let mut counts: Vec<String> =
                texts.iter().take(VALUES).map(|(text, count)| format!("{text} {count} times")).collect();
            if more > 0 {
                counts.push(format!("and {more} other values"));
            }
            parts.push(counts.join(", "));
        }
        let count = self.numbers.len() + self.times.len() + self.texts.values().sum::<u64>() as usize;
        format!("{}; failed {} of {count}", parts.join("; "), self.failed)
    }
}

/// The smallest, the median (of an even number the lower one in the middle) and the largest.
fn points<T: Clone>(
    values: &[T],
    order: impl Fn(&T, &T) -> std::cmp::Ordering,
    show: impl Fn(&T) -> String,
) -> Option<[String; 3]> {
    let mut sorted = values.to_vec();
    sorted.sort_by(order);
    let (least, most) = (sorted.first()?, sorted.last()?);
    Some([show(least), show(&sorted[(sorted.len() - 1) / 2]), show(most)])
}

/// A number with four digits after the point at most.
fn rounded(number: f64) -> String {
    let text = format!("{number:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

fn listed(seeds: &[u64]) -> String {
    let mut sorted = seeds.to_vec();
    sorted.sort_unstable();
    let shown: Vec<String> = sorted.iter().take(LISTED).map(u64::to_string).collect();
    let more = match sorted.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{} {}{more}", if sorted.len() == 1 { "seed" } else { "seeds" }, shown.join(", "))
}

/// A word as one writes it in a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::simulated::RunReport;

    fn run(seed: u64, code: i32, number: f64) -> ChildRun {
        let measured = |place: &str, number: Option<f64>, text: Option<&str>| Measured {
            place: place.to_string(),
            column: 1,
            message: if number.is_none() { String::new() } else { "lost of 100".to_string() },
            number,
            time_ns: None,
            text: text.map(str::to_string),
            passed: code == 0,
        };
        let expectations =
            vec![measured("x.rhai:10", Some(number), None), measured("x.rhai:9", None, Some("\"reply\""))];
        let output = format!("output of {seed}\n").into_bytes();
        let report = RunReport { network_ns: 1_000_000_000, expectations, ..RunReport::default() };
        ChildRun { number: seed, code, output, report, took: Duration::ZERO }
    }

    #[test]
    fn expectations_on_one_line_are_apart() {
        let mut summary = SeedSummary::new(1..=2);
        for seed in 1..=2 {
            let mut run = run(seed, 0, seed as f64);
            let more = Measured { column: 30, number: Some(9.0), ..run.report.expectations[0].clone() };
            run.report.expectations.push(more);
            summary.add(run);
        }
        assert_eq!(
            summary.lines(&[])[1..],
            [
                "x.rhai:9: \"reply\" 2 times; failed 0 of 2",
                "x.rhai:10:1 (lost of 100): smallest 1, median 1, largest 2; failed 0 of 2",
                "x.rhai:10:30 (lost of 100): smallest 9, median 9, largest 9; failed 0 of 2",
            ]
        );
    }

    #[test]
    fn seeds_are_summed_up_in_whichever_order_they_end() {
        let runs = || [run(3, 0, 2.0), run(4, 5, 9.25), run(5, 3, 3.0), run(6, 5, 1.0)];
        let sum = |order: [usize; 4]| {
            let (mut summary, mut runs) = (SeedSummary::new(3..=7), runs().map(Some));
            order.iter().filter_map(|at| runs[*at].take()).for_each(|run| summary.add(run));
            (summary.lines(&["my script.rhai".into(), "--count".into(), "5".into()]), summary.exit_code())
        };
        let (lines, code) = sum([0, 1, 2, 3]);
        assert_eq!(
            lines,
            [
                "seed 4 failed with exit code 5:",
                "    output of 4",
                "this seed alone: pingscript --simulate --seed 4 'my script.rhai' --count 5",
                "4 seeds: 1 passed, 3 failed; 1 did not run",
                "exit code 3: seed 5",
                "exit code 5: seeds 4, 6",
                "x.rhai:9: \"reply\" 4 times; failed 3 of 4",
                "x.rhai:10 (lost of 100): smallest 1, median 2, largest 9.25; failed 3 of 4",
            ]
        );
        assert_eq!(code, 5);
        assert_eq!(sum([3, 2, 1, 0]), (lines, code));
    }
}
