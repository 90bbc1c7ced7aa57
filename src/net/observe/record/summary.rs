//! The last row: the account of the run.

use serde::{Deserialize, Serialize};

use super::RunTimes;
use crate::net::observe::loss_report::{Drops, LossReport, PolicyReport};
use crate::net::probe::ledger::Counts;
use crate::net::probe::stats::interval;
use crate::net::time::Duration;

/// The account of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SummaryRow {
    /// When the run ended, in nanoseconds since 1970.
    pub time_ns: i64,
    /// See [`Counts`].
    #[serde(flatten)]
    pub counts: CountCells,
    /// The probes lost.
    pub loss: LossCell,
    /// The round-trip times.
    pub rtt: RttCells,
    /// What each policy did.
    pub policies: Vec<PolicyReport>,
    /// How many datagrams the kernel dropped at each socket that replies: for want of room, or because of a wrong checksum.
    pub kernel_drops: Vec<Drops>,
    /// Datagrams that servers did not reply to, so that they do not reply to each other for ever.
    pub ignored: u64,
    /// Losses on the way to sockets of this process without a known cause; `None` if no probe went to one.
    pub unexplained: Option<u64>,
}

/// The fields of [`Counts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)] // as in `Counts`
pub struct CountCells {
    pub sent: u64,
    pub replied: u64,
    pub errored: u64,
    pub timed_out: u64,
    pub pending: u64,
    pub late: u64,
    pub duplicate: u64,
    pub reordered: u64,
    pub reorder_extent: u64,
    pub foreign: u64,
    pub truncated: u64,
    pub corrupt: u64,
    pub unmatched: u64,
    pub stray_errors: u64,
    pub advisory: u64,
    pub missed_slots: u64,
}

/// How many probes were lost of those settled, with the 95% interval of the rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LossCell {
    /// Errored and timed out.
    pub lost: u64,
    /// Settled.
    pub of: u64,
    /// 0 to 1.
    pub rate: Option<f64>,
    /// The lower end of the interval.
    pub low: Option<f64>,
    /// The upper end of the interval.
    pub high: Option<f64>,
    /// Runs of losses: loss periods of RFC 3357.
    pub runs: u64,
    /// The longest of them.
    pub longest: u64,
}

/// Round-trip times; see [`Rtts`](crate::net::probe::stats::Rtts).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // as there, and in `Ipdv`
pub struct RttCells {
    pub min_ns: Option<i64>,
    pub mean_ns: Option<i64>,
    pub max_ns: Option<i64>,
    pub mdev_ns: Option<i64>,
    pub p50_ns: Option<i64>,
    pub p90_ns: Option<i64>,
    pub p99_ns: Option<i64>,
    pub jitter_ns: Option<i64>,
    pub ipdv_ns: Option<i64>,
    pub pdv_p99_ns: Option<i64>,
}

impl SummaryRow {
    pub(super) fn new(time_ns: i64, account: &LossReport, times: &RunTimes) -> Self {
        let (all, counts) = (account.probes(), account.reported());
        let explained = account.explain();
        let interval = interval(counts.lost(), counts.settled(), &counts.neighbours);
        let rtts = &times.rtts;
        // Of several pingers, what follows one reply is none of the same.
        let of_one = |time: Option<Duration>| time.filter(|_| account.has_one_pinger());
        let ns = |time: Option<Duration>| time.map(Duration::as_nanos);
        Self {
            time_ns,
            counts: all.into(),
            loss: LossCell {
                lost: counts.lost(),
                of: counts.settled(),
                rate: counts.loss(),
                low: interval.map(|(low, _)| low),
                high: interval.map(|(_, high)| high),
                runs: counts.lost().saturating_sub(counts.neighbours.both_lost),
                longest: counts.neighbours.longest_run,
            },
            rtt: RttCells {
                min_ns: ns(rtts.min()),
                mean_ns: ns(rtts.mean()),
                max_ns: ns(rtts.max()),
                mdev_ns: ns(rtts.stddev()),
                p50_ns: ns(rtts.percentile(50.0)),
                p90_ns: ns(rtts.percentile(90.0)),
                p99_ns: ns(rtts.percentile(99.0)),
                jitter_ns: ns(of_one(rtts.jitter())),
                ipdv_ns: ns(of_one(times.ipdv.mean())),
                pdv_p99_ns: ns(rtts.pdv(99.0)),
            },
            policies: account.policies(),
            kernel_drops: account.drops(),
            ignored: account.ignored_count(),
            unexplained: (!explained.is_empty()).then(|| explained.iter().map(|one| one.unexplained()).sum()),
        }
    }
}

impl From<Counts> for CountCells {
    fn from(counts: Counts) -> Self {
        Self {
            sent: counts.sent,
            replied: counts.replied,
            errored: counts.errored,
            timed_out: counts.timed_out,
            pending: counts.pending(),
            late: counts.late,
            duplicate: counts.duplicate,
            reordered: counts.reordered,
            reorder_extent: counts.reorder_extent,
            foreign: counts.foreign,
            truncated: counts.truncated,
            corrupt: counts.corrupt,
            unmatched: counts.unmatched,
            stray_errors: counts.stray_errors,
            advisory: counts.advisory,
            missed_slots: counts.missed_slots,
        }
    }
}
