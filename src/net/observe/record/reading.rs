//! Rows read back: what can be used of a file is used, and what cannot is said.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use serde::Deserialize;

pub use self::probes::ReadRows;
use super::SCHEMA;

mod probes;

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
        self.count(&cells);
        true
    }

    /// Counts a row that was entered.
    pub fn count(&mut self, cells: &RowCells<'_>) {
        match cells.r#type.as_ref() {
            "run" => self.version = cells.schema,
            "summary" => self.has_summary = true,
            "seed" => self.is_of_seeds = true,
            "frame" => {}
            _ => self.is_of_run = true,
        }
        self.rows += 1;
    }

    /// Counts the lines that are no rows as `other` does, whose rows are others.
    pub fn count_unreadable(&mut self, other: &Self) {
        (self.unreadable, self.first_unreadable) = (other.unreadable, other.first_unreadable);
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
