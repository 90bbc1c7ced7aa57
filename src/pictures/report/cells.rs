//! The rows that a report reads whole. What a row of another version lacks has the default; what it has besides is left out.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::net::observe::record::summary::{LossCell, RttCells};

/// The first row.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AboutCells {
    pub(super) schema: u32,
    pub(super) pingscript: String,
    pub(super) time_ns: i64,
    pub(super) script: String,
    pub(super) args: Vec<String>,
    pub(super) seed: u64,
    pub(super) clocks: Vec<String>,
}

/// The last row.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SummaryCells {
    pub(super) time_ns: i64,
    pub(super) foreign: u64,
    pub(super) truncated: u64,
    pub(super) corrupt: u64,
    pub(super) unmatched: u64,
    pub(super) stray_errors: u64,
    pub(super) missed_slots: u64,
    pub(super) loss: LossCell,
    pub(super) rtt: RttCells,
    pub(super) policies: Vec<PolicyCells>,
    pub(super) kernel_drops: Vec<DropCells>,
    pub(super) unexplained: Option<u64>,
}

/// What a policy did.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PolicyCells {
    pub(super) name: String,
    pub(super) at: String,
    pub(super) host: Option<String>,
    pub(super) packets: u64,
    pub(super) chosen: u64,
    pub(super) acted: BTreeMap<String, u64>,
    pub(super) failed: u64,
    pub(super) configured: Option<f64>,
}

/// What the kernel dropped at a socket.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DropCells {
    pub(super) at: String,
    pub(super) host: Option<String>,
    pub(super) count: u64,
}

/// A verdict.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DecidedCells {
    pub(super) verdict: String,
    pub(super) origin: String,
    pub(super) at: Option<String>,
    pub(super) to: String,
    pub(super) host: Option<String>,
}

/// A frame that was lost without a verdict.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LostFrame {
    pub(super) why: String,
    pub(super) at: String,
}

/// Why a ping was lost.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CauseCells {
    pub(super) cause: Option<String>,
    pub(super) detail: Option<String>,
}

/// What happened to a connection.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ConnectionCells {
    pub(super) time_ns: i64,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) event: String,
    pub(super) outcome: Option<String>,
    pub(super) took_ns: Option<f64>,
    pub(super) sent_bytes: Option<u64>,
    pub(super) received_bytes: Option<u64>,
    pub(super) error: Option<String>,
    pub(super) host: Option<String>,
}

/// What a script sampled.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SampleCells {
    pub(super) values: BTreeMap<String, Option<f64>>,
    pub(super) host: Option<String>,
}
