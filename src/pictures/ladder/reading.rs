//! What ladders are drawn of: the rows of a run.

use std::io::{self, BufRead};
use std::net::SocketAddr;

use serde::Deserialize;

use super::marks::clean;
use crate::net::observe::frame::FrameRow;
use crate::net::observe::record::reading::RowFile;

/// What was read of a run.
#[derive(Debug, Default)]
pub struct ReadRun {
    /// What it is called.
    pub title: String,
    /// When it began, in nanoseconds since 1970; `None` where that is not known.
    pub begun: Option<i64>,
    /// Its frames.
    pub frames: Vec<FrameRow>,
    /// Its probes.
    pub probes: Vec<ProbeCells>,
    /// What policies of servers decided, and without frames those of links, too.
    pub verdicts: Vec<VerdictCells>,
    /// Why probes were lost, as the end of the run has it.
    pub causes: Vec<ProbeCause>,
    /// What is missing, each in a few words.
    pub notes: Vec<String>,
    /// Hosts that are drawn in this order, before others.
    pub hosts: Vec<String>,
}

/// What is drawn of a probe.
#[derive(Clone, Debug, Deserialize)]
pub struct ProbeCells {
    /// When it was sent, in nanoseconds since 1970.
    pub time_ns: i64,
    /// Its number.
    pub seq: u64,
    /// The socket.
    pub from: SocketAddr,
    /// Where it went.
    pub to: SocketAddr,
    /// The size of its message.
    pub bytes: usize,
    /// How it ended.
    pub state: String,
    /// The round-trip time.
    pub rtt_ns: Option<i64>,
    /// The ICMP error that settled it.
    pub icmp: Option<ErrorCells>,
    /// Why it was not sent.
    pub error: Option<String>,
    /// The host of the socket.
    pub host: Option<String>,
    /// The TTL, where it has one of its own.
    #[serde(default)]
    pub ttl: Option<u8>,
}

/// What is drawn of an ICMP error.
#[derive(Clone, Debug, Deserialize)]
pub struct ErrorCells {
    /// The type field.
    #[serde(rename = "type", default)]
    pub type_: u8,
    /// The code field.
    #[serde(default)]
    pub code: u8,
    /// Its name.
    pub name: String,
    /// Who reports it.
    #[serde(default)]
    pub offender: Option<String>,
}

/// What is drawn of a verdict, or of a frame that was lost without one.
#[derive(Clone, Debug, Deserialize)]
pub struct VerdictCells {
    /// When, in nanoseconds since 1970.
    pub time_ns: i64,
    /// Who sent the packet.
    pub from: SocketAddr,
    /// Whom it was for.
    pub to: SocketAddr,
    /// Its size.
    pub bytes: usize,
    /// The verdict in one word; of a lost frame, why.
    #[serde(alias = "why")]
    pub verdict: String,
    /// The verdict as a call.
    #[serde(default)]
    pub detail: Option<String>,
    /// Whose it is.
    #[serde(default)]
    pub origin: String,
    /// The draws that it rests on.
    #[serde(default)]
    pub draws: Vec<f64>,
    /// The link or the ingress; `None` for a server.
    #[serde(default)]
    pub at: Option<String>,
}

/// Why a probe was lost.
#[derive(Clone, Debug, Deserialize)]
pub struct ProbeCause {
    /// Its number.
    pub seq: u64,
    /// The socket.
    pub from: SocketAddr,
    /// Where it went.
    pub to: SocketAddr,
    /// Why; `None`: that is not known.
    pub cause: Option<String>,
}

/// The first row.
#[derive(Deserialize)]
struct RunCells {
    time_ns: i64,
    #[serde(default)]
    script: String,
    #[serde(default)]
    args: Vec<String>,
}

impl ReadRun {
    /// Reads the rows of `reader`; what the file itself lacks comes with them.
    ///
    /// # Errors
    /// Those of `reader`.
    pub fn read(reader: impl BufRead) -> io::Result<(Self, RowFile)> {
        let (mut run, mut more_runs) = (Self::default(), 0);
        let file = RowFile::read(reader, |cells, line| {
            more_runs += u32::from(cells.r#type == "run" && run.begun.is_some());
            more_runs > 0 || run.take(&cells.r#type, line).is_ok()
        })?;
        run.notes.extend(file.missing());
        if more_runs > 0 {
            run.notes.push(format!("it has {} runs, of which the first is drawn", more_runs + 1));
        }
        Ok((run, file))
    }

    fn take(&mut self, kind: &str, line: &[u8]) -> Result<(), serde_json::Error> {
        match kind {
            "run" => {
                let RunCells { time_ns, script, args } = serde_json::from_slice(line)?;
                self.begun = Some(time_ns);
                self.title = clean(&[vec![script], args].concat().join(" "));
            }
            "frame" => self.frames.push(serde_json::from_slice(line)?),
            "probe" => self.probes.extend(serde_json::from_slice::<ProbeCells>(line).ok()),
            "cause" => self.causes.extend(serde_json::from_slice::<ProbeCause>(line).ok()),
            "verdict" | "lost" => self.verdicts.push(serde_json::from_slice(line)?),
            _ => {}
        }
        Ok(())
    }
}
