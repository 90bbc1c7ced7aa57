//! The probes of a file of rows, read twice for a comparison: what there is, and then each in its order.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead};

use super::{RowCells, RowFile};
use crate::net::probe::comparison::{EndedProbe, Outline, ProbeEnd, Series, SeriesFlow};

/// How many pingers are taken each for itself; the probes of further ones by where they went.
const PINGERS: usize = 256;

/// What a first look at the probes of a file finds.
#[derive(Debug, Default)]
pub struct ReadRows {
    file: RowFile,
    targets: BTreeSet<String>,
    clocks: Vec<ClockReplies>,
    /// Probes of a traceroute and the like, which are no measurement of their target.
    with_ttl: u64,
}

/// The replies that were timed by one clock.
#[derive(Debug)]
struct ClockReplies {
    name: String,
    count: u64,
    outline: Outline,
}

/// What a row says of a probe.
enum RowProbe<'a> {
    /// It came to its end: where it went, and the clock of its round-trip time.
    Ended(&'a str, EndedProbe, Option<&'a str>),
    Pending,
    WithTtl,
}

impl<'a> RowProbe<'a> {
    /// What the row of a probe says; `None`: it is no row of one.
    fn read(cells: &'a RowCells<'_>) -> Option<Self> {
        let (sent, to) = (cells.time_ns?, cells.to.as_deref()?);
        let (end, clock) = match cells.state.as_deref()? {
            "replied" => (ProbeEnd::Replied(cells.rtt_ns?), Some(cells.clock.as_deref()?)),
            "errored" | "timed_out" => (ProbeEnd::Lost, None),
            "pending" => return Some(Self::Pending),
            _ => return None,
        };
        Some(if cells.ttl.is_some() { Self::WithTtl } else { Self::Ended(to, EndedProbe { sent, end }, clock) })
    }
}

impl ReadRows {
    /// Looks at all rows, and at the times of the probes to `target`, or to any.
    ///
    /// # Errors
    /// Those of `reader`.
    pub fn read(reader: impl BufRead, target: Option<&str>) -> io::Result<Self> {
        let mut found = Self::default();
        let file = RowFile::read(reader, |cells, _| cells.r#type != "probe" || found.take(cells, target).is_some())?;
        Ok(Self { file, ..found })
    }

    fn take(&mut self, cells: &RowCells<'_>, target: Option<&str>) -> Option<()> {
        match RowProbe::read(cells)? {
            RowProbe::Pending => {}
            RowProbe::WithTtl => self.with_ttl += 1,
            RowProbe::Ended(to, probe, clock) => {
                if !self.targets.contains(to) {
                    self.targets.insert(to.to_string());
                }
                if let Some(clock) = clock.filter(|_| target.is_none_or(|target| target == to)) {
                    let clock = self.clock(clock);
                    clock.count += 1;
                    clock.outline.add(&probe);
                }
            }
        }
        Some(())
    }

    fn clock(&mut self, name: &str) -> &mut ClockReplies {
        // There are three.
        let known = self.clocks.iter().position(|clock| clock.name == name).unwrap_or_else(|| {
            self.clocks.push(ClockReplies { name: name.to_string(), count: 0, outline: Outline::default() });
            self.clocks.len() - 1
        });
        &mut self.clocks[known]
    }

    /// Enters the probes to `target`, or to each, with the times by `clock` alone; `reader` reads the same rows again.
    ///
    /// # Errors
    /// Those of `reader`.
    pub fn enter(
        reader: impl BufRead,
        target: Option<&str>,
        clock: Option<&str>,
        series: &mut Series,
    ) -> io::Result<()> {
        let mut flows: BTreeMap<(String, String), SeriesFlow> = BTreeMap::new();
        RowFile::read(reader, |cells, _| {
            if cells.r#type == "probe"
                && let Some(RowProbe::Ended(to, probe, by)) = RowProbe::read(cells)
                && target.is_none_or(|target| target == to)
            {
                let is_timed = by.is_none() || by == clock;
                let end = if is_timed { probe.end } else { ProbeEnd::ReplyUntimed };
                let from = cells.from.as_deref().unwrap_or_default();
                let mut pinger = (to.to_string(), from.to_string());
                if flows.len() >= PINGERS && !flows.contains_key(&pinger) {
                    pinger.1.clear();
                }
                let flow = flows.entry(pinger).or_insert_with(|| series.flow());
                flow.add(EndedProbe { end, ..probe });
            }
            true
        })?;
        flows.into_values().for_each(|flow| series.add(flow));
        Ok(())
    }

    /// Where probes went.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().map(String::as_str)
    }

    /// The clocks, each with the number of replies that were timed by it.
    pub fn clocks(&self) -> impl Iterator<Item = (&str, u64)> {
        self.clocks.iter().map(|clock| (clock.name.as_str(), clock.count))
    }

    /// The times by `clock`.
    pub fn outline(&self, clock: Option<&str>) -> Option<&Outline> {
        self.clocks.iter().find(|known| Some(known.name.as_str()) == clock).map(|known| &known.outline)
    }

    /// Whether there is anything in it that was measured.
    pub fn has_probes(&self) -> bool {
        !self.targets.is_empty()
    }

    /// The file itself.
    pub fn file(&self) -> &RowFile {
        &self.file
    }

    /// What is missing of it, in one line; `None` if nothing is.
    pub fn missing(&self) -> Option<String> {
        let mut parts = self.file.missing();
        if self.with_ttl > 0 {
            parts.push(format!("{} pings with a TTL of their own (traceroute) are left out", self.with_ttl));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::probe::comparison::Metric;

    fn read(text: &[u8]) -> ReadRows {
        ReadRows::read(text, None).expect("memory can be read")
    }

    /// How many probes to `target` there are, how many are lost, and how many of the others are timed by `clock`.
    fn entered(text: &[u8], target: Option<&str>, clock: Option<&str>) -> [u64; 3] {
        let found = ReadRows::read(text, target).expect("memory can be read");
        let mut series = Series::new(found.outline(clock).cloned().unwrap_or_default());
        ReadRows::enter(text, target, clock, &mut series).expect("memory can be read");
        [series.settled(), series.lost(), series.samples(Metric::Jitter).0]
    }

    const RUN: &str =
        r#"{"type":"run","schema":1,"pingscript":"0.1.0","time_ns":5,"script":"x","args":[],"seed":1,"clocks":[]}"#;
    const SUMMARY: &str = r#"{"type":"summary","time_ns":9,"sent":2}"#;

    fn probe(sent: i64, state: &str, rtt: &str, more: &str) -> String {
        let clock = if rtt == "null" { "null" } else { "\"a clock\"" };
        format!(
            r#"{{"type":"probe","time_ns":{sent},"seq":1,"from":"a:1","to":"b:2","bytes":9,"state":"{state}","rtt_ns":{rtt},"clock":{clock},"icmp":null,"error":null{more}}}"#
        )
    }

    #[test]
    fn a_whole_file_lacks_nothing() {
        let lines =
            [RUN.to_string(), probe(7, "replied", "30", ""), probe(8, "timed_out", "null", ""), SUMMARY.to_string()];
        let text = lines.join("\n") + "\n";
        let (text, found) = (text.as_bytes(), read(text.as_bytes()));
        assert_eq!(found.missing(), None);
        assert_eq!(found.clocks().collect::<Vec<_>>(), [("a clock", 1)]);
        assert_eq!(entered(text, None, Some("a clock")), [2, 1, 1]);
        assert_eq!(entered(text, None, Some("another")), [2, 1, 0]);
        assert_eq!(entered(text, Some("b:2"), Some("a clock")), [2, 1, 1]);
        assert_eq!(entered(text, Some("elsewhere"), Some("a clock")), [0, 0, 0]);
    }

    #[test]
    fn each_pinger_is_taken_for_itself() {
        let one = |sent, state| probe(sent, state, if state == "replied" { "30" } else { "null" }, "");
        let other = |sent| one(sent, "replied").replace("\"a:1\"", "\"c:1\"");
        let lost: Vec<String> = (0..9).flat_map(|at| [one(2 * at, "timed_out"), other(2 * at + 1)]).collect();
        let text = lost.join("\n");
        let mut series = Series::new(Outline::default());
        ReadRows::enter(text.as_bytes(), None, None, &mut series).expect("memory can be read");
        let longest = series.estimates()[4].as_ref().map(|longest| longest.value);
        assert_eq!((series.settled(), series.lost(), longest), (18, 9, Some(9.0)));
    }

    #[test]
    fn what_can_be_read_is_and_the_rest_is_said() {
        let other = RUN.replace("\"schema\":1", "\"schema\":2");
        let lines = [
            other,
            probe(7, "replied", "30", ",\"new_field\":[{}]"),
            "no JSON \u{1b}[2J".to_string(),
            probe(8, "replied", "null", ""),
            probe(9, "pending", "null", ""),
            probe(9, "errored", "null", ",\"ttl\":3"),
            r#"{"type":"of_later","time_ns":1}"#.to_string(),
            probe(7, "replied", "30", "")[..60].to_string(),
        ];
        let text = lines.join("\n");
        let found = read(text.as_bytes());
        assert_eq!(entered(text.as_bytes(), None, None)[0], 1);
        assert_eq!(
            found.missing().expect("much"),
            "its rows are of version 2, and this program writes version 1: read as far as they are alike; the run did not come to \
             its end (no summary); 3 lines are no rows, the first of them line 3; 1 pings with a TTL of their own (traceroute) are left out"
        );
    }

    #[test]
    fn any_bytes_are_read_in_bounded_memory() {
        let mut long = vec![b'x'; 3 << 20];
        long.push(b'\n');
        long.extend(probe(7, "timed_out", "null", "").bytes());
        let found = read(&long);
        assert!(found.missing().is_some_and(|missing| missing.contains("line 1 is no row")), "{:?}", found.missing());
        assert_eq!(entered(&long, None, None), [1, 1, 0]);
        for bytes in [&b""[..], b"\n\n\n", b"\xff\xfe\0", b"[]", b"{\"type\":5}", b"null\n"] {
            let found = read(bytes);
            assert!(!found.has_probes() && !found.file.has_rows(), "{bytes:?}");
        }
    }
}
