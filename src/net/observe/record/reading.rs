//! Rows read back: what can be used of a file is used, and what cannot is said.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

use serde::Deserialize;

use super::SCHEMA;
use crate::net::probe::comparison::{EndedProbe, ProbeEnd};

/// Longer lines are no rows.
const LONGEST_LINE: u64 = 1 << 20;

/// What a file of rows is, beside what its rows say.
#[derive(Clone, Debug, Default)]
pub struct RowFile {
    rows: u64,
    /// Lines that are no rows, and where the first of them is.
    unreadable: u64,
    first_unreadable: u64,
    version: Option<u32>,
    has_summary: bool,
    /// Whether there are rows of other kinds than those of recordings of a link, which have no summary.
    is_of_run: bool,
    is_of_seeds: bool,
}

/// The probes of one file of rows, and what is missing of it.
#[derive(Debug, Default)]
pub struct ReadRows {
    /// The probes that came to an end, by where they went, each with its clock: an index of `clocks`.
    probes: BTreeMap<String, Vec<(EndedProbe, Option<u8>)>>,
    /// The clocks of round-trip times.
    clocks: Vec<String>,
    /// Probes of a traceroute and the like, which are no measurement of their target.
    with_ttl: u64,
    file: RowFile,
}

/// The fields of a row that are read of each; rows of other versions may have others.
#[derive(Debug, Default, Deserialize)]
#[allow(missing_docs)] // as in the schema
pub struct RowCells<'a> {
    #[serde(borrow)]
    pub r#type: Cow<'a, str>,
    pub schema: Option<u32>,
    pub time_ns: Option<i64>,
    pub seq: Option<u64>,
    #[serde(borrow, default)]
    pub from: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub to: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub state: Option<Cow<'a, str>>,
    pub rtt_ns: Option<i64>,
    #[serde(borrow, default)]
    pub clock: Option<Cow<'a, str>>,
    pub ttl: Option<u8>,
    pub out_of_order: Option<bool>,
    pub after_ns: Option<i64>,
    pub lost_ns: Option<i64>,
    #[serde(borrow, default)]
    pub what: Option<Cow<'a, str>>,
    pub icmp: Option<IcmpCells>,
    pub error: Option<String>,
}

/// The ICMP error of a row.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)] // as in the schema
pub struct IcmpCells {
    #[serde(default)]
    pub name: String,
    pub offender: Option<String>,
}

/// What all rows have.
#[derive(Deserialize)]
struct AnyRow<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    schema: Option<u32>,
    time_ns: Option<i64>,
}

impl<'a> RowCells<'a> {
    /// Of a row in which a field means something else, what all rows have.
    fn parse(line: &'a [u8]) -> Option<Self> {
        let any =
            |row: AnyRow<'a>| Self { r#type: row.r#type, schema: row.schema, time_ns: row.time_ns, ..Self::default() };
        serde_json::from_slice(line).or_else(|_| serde_json::from_slice(line).map(any)).ok()
    }
}

impl RowCells<'_> {
    /// What error a probe ended with, in words.
    pub fn why_lost(&self) -> Option<String> {
        let icmp = |icmp: &IcmpCells| match &icmp.offender {
            Some(offender) => format!("{} from {offender}", icmp.name),
            None => icmp.name.clone(),
        };
        self.error.clone().or_else(|| self.icmp.as_ref().map(icmp))
    }
}

impl RowFile {
    /// Reads all rows; `take` enters one, given its line too, and says whether it is one.
    ///
    /// # Errors
    /// Those of `reader`.
    pub fn read(mut reader: impl BufRead, mut take: impl FnMut(&RowCells<'_>, &[u8]) -> bool) -> io::Result<Self> {
        let (mut found, mut line, mut number) = (Self::default(), Vec::new(), 0);
        loop {
            line.clear();
            if (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
                return Ok(found);
            }
            number += 1;
            let mut whole = line.ends_with(b"\n") || (line.len() as u64) < LONGEST_LINE;
            if !whole {
                skip_line(&mut reader)?;
            }
            whole = whole && found.enter(&line, &mut take);
            if !whole {
                found.unreadable += 1;
                found.first_unreadable = if found.unreadable == 1 { number } else { found.first_unreadable };
            }
        }
    }

    /// Enters a line; whether it is a row.
    pub fn enter(&mut self, line: &[u8], mut take: impl FnMut(&RowCells<'_>, &[u8]) -> bool) -> bool {
        let Some(cells) = RowCells::parse(line).filter(|cells| take(cells, line)) else { return false };
        match cells.r#type.as_ref() {
            "run" => self.version = cells.schema,
            "summary" => self.has_summary = true,
            "seed" => self.is_of_seeds = true,
            "frame" => {}
            _ => self.is_of_run = true,
        }
        self.rows += 1;
        true
    }

    /// Whether it is what `--seeds` writes.
    pub fn is_of_seeds(&self) -> bool {
        self.is_of_seeds
    }

    /// Whether any line of it is a row.
    pub fn has_rows(&self) -> bool {
        self.rows > 0
    }

    /// What is missing of it.
    pub fn missing(&self) -> Vec<String> {
        let mut parts = Vec::new();
        match self.version {
            Some(SCHEMA) => {}
            Some(version) => parts.push(format!(
                "its rows are of version {version}, and this program writes version {SCHEMA}: read as far as they are alike"
            )),
            None => parts.push("the first row is missing".to_string()),
        }
        if !self.has_summary && (self.is_of_run || self.rows < 2) {
            parts.push("the run did not come to its end (no summary)".to_string());
        }
        match self.unreadable {
            0 => {}
            1 => parts.push(format!("line {} is no row", self.first_unreadable)),
            more => parts.push(format!("{more} lines are no rows, the first of them line {}", self.first_unreadable)),
        }
        parts
    }
}

impl ReadRows {
    /// Reads all rows.
    ///
    /// # Errors
    /// Those of `reader`.
    pub fn read(reader: impl BufRead) -> io::Result<Self> {
        let mut found = Self::default();
        let file = RowFile::read(reader, |cells, _| cells.r#type != "probe" || found.take_probe(cells).is_some())?;
        Ok(Self { file, ..found })
    }

    fn take_probe(&mut self, cells: &RowCells<'_>) -> Option<()> {
        let (sent, to) = (cells.time_ns?, cells.to.as_deref()?);
        let end = match cells.state.as_deref()? {
            "replied" => ProbeEnd::Replied(cells.rtt_ns?),
            "errored" | "timed_out" => ProbeEnd::Lost,
            "pending" => return Some(()),
            _ => return None,
        };
        if cells.ttl.is_some() {
            self.with_ttl += 1;
            return Some(());
        }
        let clock = match end {
            ProbeEnd::Replied(_) => Some(self.clock(cells.clock.as_deref()?)),
            ProbeEnd::ReplyUntimed | ProbeEnd::Lost => None,
        };
        let probe = (EndedProbe { sent, end }, clock);
        match self.probes.get_mut(to) {
            Some(probes) => probes.push(probe),
            None => drop(self.probes.insert(to.to_string(), vec![probe])),
        }
        Some(())
    }

    /// The number of a clock.
    fn clock(&mut self, name: &str) -> u8 {
        let known = self.clocks.iter().position(|clock| clock == name);
        // There are three.
        known.unwrap_or_else(|| {
            self.clocks.push(name.to_string());
            self.clocks.len() - 1
        }) as u8
    }

    /// Where probes went.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.probes.keys().map(String::as_str)
    }

    /// The clocks, each with the number of replies to `target`, or to all, that were timed by it.
    pub fn clocks(&self, target: Option<&str>) -> Vec<(&str, u64)> {
        let count = |number: usize| {
            let probes = self.of(target).flat_map(|(_, probes)| probes);
            probes.filter(|(_, clock)| clock.map(usize::from) == Some(number)).count() as u64
        };
        self.clocks.iter().enumerate().map(|(number, name)| (name.as_str(), count(number))).collect()
    }

    /// The probes to `target`, or to each, with the times by `clock` alone.
    pub fn flows(&self, target: Option<&str>, clock: Option<&str>) -> Vec<Vec<EndedProbe>> {
        let wanted = self.clocks.iter().position(|name| Some(name.as_str()) == clock);
        let timed = |(probe, by): &(EndedProbe, Option<u8>)| match by {
            Some(by) if Some(usize::from(*by)) != wanted => EndedProbe { end: ProbeEnd::ReplyUntimed, ..*probe },
            _ => *probe,
        };
        self.of(target).map(|(_, probes)| probes.iter().map(timed).collect()).collect()
    }

    fn of(&self, target: Option<&str>) -> impl Iterator<Item = (&String, &Vec<(EndedProbe, Option<u8>)>)> {
        self.probes.iter().filter(move |(to, _)| target.is_none_or(|target| target == to.as_str()))
    }

    /// Whether there is anything in it that was measured.
    pub fn has_probes(&self) -> bool {
        !self.probes.is_empty()
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

/// Passes over the rest of a line.
fn skip_line(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let bytes = reader.fill_buf()?;
        let (used, ended) = match bytes.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (bytes.len(), bytes.is_empty()),
        };
        reader.consume(used);
        if ended {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> ReadRows {
        ReadRows::read(text).expect("memory can be read")
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
        let found = read((lines.join("\n") + "\n").as_bytes());
        assert_eq!(found.missing(), None);
        assert_eq!(found.clocks(None), [("a clock", 1)]);
        let probes =
            vec![EndedProbe { sent: 7, end: ProbeEnd::Replied(30) }, EndedProbe { sent: 8, end: ProbeEnd::Lost }];
        assert_eq!(found.flows(None, Some("a clock")), [probes]);
        assert_eq!(found.flows(None, Some("another"))[0][0].end, ProbeEnd::ReplyUntimed);
        assert_eq!(found.flows(Some("elsewhere"), Some("a clock")), Vec::<Vec<EndedProbe>>::new());
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
        let found = read(lines.join("\n").as_bytes());
        let probes: usize = found.flows(None, None).iter().map(Vec::len).sum();
        assert_eq!(probes, 1);
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
        assert_eq!((found.file.unreadable, found.flows(None, None).len()), (1, 1));
        for bytes in [&b""[..], b"\n\n\n", b"\xff\xfe\0", b"[]", b"{\"type\":5}", b"null\n"] {
            let found = read(bytes);
            assert!(!found.has_probes() && !found.file.has_rows(), "{bytes:?}");
        }
    }
}
