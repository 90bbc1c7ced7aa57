//! The rows that a report reads whole. What a row of another version lacks has the default; what it has besides is left out.

use std::collections::BTreeMap;

use serde::Deserialize;

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
    pub(super) loss: LossCells,
    pub(super) rtt: Rtt,
    pub(super) policies: Vec<PolicyCells>,
    pub(super) kernel_drops: Vec<DropCells>,
    pub(super) unexplained: Option<u64>,
}

/// The loss of a run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LossCells {
    pub(super) lost: u64,
    pub(super) of: u64,
    pub(super) rate: Option<f64>,
    pub(super) low: Option<f64>,
    pub(super) high: Option<f64>,
}

/// The round-trip times of a run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Rtt {
    pub(super) min_ns: Option<f64>,
    pub(super) mean_ns: Option<f64>,
    pub(super) max_ns: Option<f64>,
    pub(super) p50_ns: Option<f64>,
    pub(super) p90_ns: Option<f64>,
    pub(super) p99_ns: Option<f64>,
    pub(super) jitter_ns: Option<f64>,
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

/// A host of a lab.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct HostCells {
    pub(super) lab: u32,
    pub(super) name: String,
    pub(super) addrs: Vec<String>,
    pub(super) router: bool,
}

/// A link of a lab.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LinkCells {
    pub(super) lab: u32,
    pub(super) name: String,
    pub(super) ends: Vec<String>,
    pub(super) delay_ns: Option<f64>,
    pub(super) jitter_ns: Option<f64>,
    pub(super) rate: Option<u64>,
    pub(super) queue: Option<u64>,
    pub(super) mtu: Option<u32>,
}

/// A frame.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct FrameCells {
    pub(super) link: Option<String>,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) bytes: u64,
    pub(super) arrival_ns: Option<i64>,
    pub(super) lost_ns: Option<i64>,
    pub(super) fate: String,
    pub(super) cause: Option<String>,
    pub(super) tcp: Option<SegmentCells>,
}

/// What a frame says of its TCP segment.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SegmentCells {
    pub(super) seq: u64,
    pub(super) ack: Option<u64>,
    pub(super) retransmission: bool,
}

/// What a script sampled.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SampleCells {
    pub(super) values: BTreeMap<String, Option<f64>>,
    pub(super) host: Option<String>,
}
