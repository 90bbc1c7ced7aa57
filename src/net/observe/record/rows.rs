//! The rows as values: what each says, made from an event or the account.

use std::net::SocketAddr;

use serde::{Serialize, Serializer};

use super::SCHEMA;
use super::summary::SummaryRow;
use crate::net::observe::check::CheckRow;
use crate::net::observe::event::{ConnectionEvent, Flow, MadeHost, MadeLink, SampleValue};
use crate::net::observe::frame::FrameRow;
use crate::net::policy::Action;
use crate::net::policy::decided::Decided;
use crate::net::policy::input::Site;
use crate::net::probe::clock::Clock;
use crate::net::probe::outcome::{End, Outcome};
use crate::net::time::Duration;
use crate::net::wire::zoned::ZonedIp;

/// What a run is, for its first row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct About {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The version of pingscript.
    pub pingscript: &'static str,
    /// When it began, in nanoseconds since 1970.
    pub time_ns: i64,
    /// The script.
    pub script: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// The seed of its draws.
    pub seed: u64,
    /// The clocks that round-trip times can be measured by, the best first.
    pub clocks: Vec<&'static str>,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Row<'a> {
    /// What is run.
    Run(&'a About),
    /// A probe that came to its end, or is still pending at that of the run.
    Probe(ProbeRow),
    /// What a policy decided about a packet.
    Verdict(VerdictRow<'a>),
    /// A frame that was lost for a reason that is no policy's.
    Lost(LostRow),
    /// A frame, or what a socket has sent or received.
    Frame(&'a FrameRow),
    /// A packet that settled no probe.
    Stray(StrayRow),
    /// Why a probe was lost.
    Cause(CauseRow),
    /// A host of a lab.
    Host(Made<&'a MadeHost>),
    /// A link of a lab.
    Link(Made<&'a MadeLink>),
    /// What happened to a connection.
    Connection(ConnectionRow),
    /// Values of the script's own.
    Sample(SampleRow<'a>),
    /// What a script has checked.
    Check(&'a CheckRow),
    /// The account of the run.
    Summary(Box<SummaryRow>),
}

/// A probe.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProbeRow {
    /// When it was sent, in nanoseconds since 1970.
    pub time_ns: i64,
    /// The number in its message, or else the running number of the socket's probes.
    pub seq: u64,
    /// The socket it was sent from.
    pub from: SocketAddr,
    /// Where it went.
    pub to: Goal,
    /// The size of its message.
    pub bytes: usize,
    /// The TTL or hop limit, where it has one of its own; left out otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u8>,
    /// `replied`, `errored`, `timed_out` or `pending`.
    pub state: &'static str,
    /// The round-trip time of the reply or of the ICMP error.
    pub rtt_ns: Option<i64>,
    /// The clock that it was measured by.
    pub clock: Option<&'static str>,
    /// Whether its reply came after that to a probe sent later; left out where it did not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub out_of_order: bool,
    /// The ICMP error that settled it.
    pub icmp: Option<IcmpCell>,
    /// Why this host could not send it.
    pub error: Option<String>,
    /// How many slots of its schedule were missed right before it; left out where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missed_slots: Option<u64>,
    /// The host of the socket; `None` for this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// An ICMP error.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IcmpCell {
    /// The type field.
    #[serde(rename = "type")]
    pub type_: u8,
    /// The code field.
    pub code: u8,
    /// The name of both.
    pub name: String,
    /// Who reports it.
    pub offender: Option<ZonedIp>,
}

/// Where a probe went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Goal {
    /// An address.
    Address(SocketAddr),
    /// Nowhere: a name that has no address.
    Name(String),
}

/// A verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VerdictRow<'a> {
    /// When, in nanoseconds since 1970.
    pub time_ns: i64,
    /// Who sent the packet.
    pub from: SocketAddr,
    /// Whom it was for: the socket that received it, or where the frame was going.
    pub to: SocketAddr,
    /// The number of its flow, by first appearance, from 0; that of what a kernel sends by itself, from -1 down.
    pub flow: i64,
    /// Its number within the flow, from 1.
    pub number: u64,
    /// Its size.
    pub bytes: usize,
    /// What is to be done, in one word.
    pub verdict: &'static str,
    /// The same as a call, where it takes a value: `delay(20ms)`.
    pub detail: Option<String>,
    /// The policy's line that decided, or a native policy as written.
    pub origin: &'a str,
    /// The draws it rests on.
    pub draws: &'a [f64],
    /// The link or the ingress where it was given; `None` for a server's socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The host of the server's socket; `None` for this machine, and for links and ingresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// A frame of a lab that was lost for a reason that is no policy's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LostRow {
    /// When, in nanoseconds since 1970.
    pub time_ns: i64,
    /// Who sent the packet.
    pub from: SocketAddr,
    /// Where it was going.
    pub to: SocketAddr,
    /// Its size.
    pub bytes: usize,
    /// Why: `queue full`, `no room` or `link down`.
    pub why: &'static str,
    /// The link or the ingress where it was lost.
    pub at: String,
}

/// A packet that settled no probe.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StrayRow {
    /// When it arrived, in nanoseconds since 1970.
    pub time_ns: i64,
    /// What it is: `late`, `duplicate`, `foreign`, `truncated`, `corrupt` or `unmatched`.
    pub what: &'static str,
    /// The number of the probe that it names, as in that probe's row.
    pub seq: Option<u64>,
    /// The socket that received it.
    pub from: SocketAddr,
    /// Where that probe went; or, where it names none, who sent it.
    pub to: SocketAddr,
    /// Its size.
    pub bytes: usize,
    /// How long after that probe was sent.
    pub after_ns: Option<i64>,
    /// The host of the socket; `None` for this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// Why a probe was lost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CauseRow {
    /// When the run ended, in nanoseconds since 1970.
    pub time_ns: i64,
    /// The number of the probe, as in its row.
    pub seq: u64,
    /// The socket it was sent from.
    pub from: SocketAddr,
    /// Where it went.
    pub to: SocketAddr,
    /// Why it was lost; `None`: nothing explains it.
    pub cause: Option<String>,
    /// What the verdict rests on, or what was wrong with the reply: `draw 0.165`.
    pub detail: Option<String>,
}

/// Something that was made at a time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Made<T> {
    /// When, in nanoseconds since 1970.
    pub time_ns: i64,
    /// What.
    #[serde(flatten)]
    pub what: T,
}

/// What happened to a connection.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConnectionRow {
    /// When, in nanoseconds since 1970.
    pub time_ns: i64,
    /// The end here.
    pub from: SocketAddr,
    /// The peer's end.
    pub to: SocketAddr,
    /// `connect`, `accept`, `end` (the peer's doing), `close` or `reset` (done here).
    pub event: &'static str,
    /// How connecting went, or how the peer ended it.
    pub outcome: Option<&'static str>,
    /// How long connecting took, or how long the connection had lasted.
    pub took_ns: Option<i64>,
    /// Bytes sent by then.
    pub sent_bytes: Option<u64>,
    /// Bytes received by then.
    pub received_bytes: Option<u64>,
    /// Why it did not come about, or was lost.
    pub error: Option<String>,
    /// The host of the end here; `None` for this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// Values of the script's own at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SampleRow<'a> {
    /// When, in nanoseconds since 1970.
    pub time_ns: i64,
    /// The values by their names.
    #[serde(serialize_with = "by_name")]
    pub values: &'a [(String, SampleValue)],
    /// The host that the script took them in; `None` for this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<&'a str>,
}

/// Values as a map.
fn by_name<S: Serializer>(values: &[(String, SampleValue)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(values.iter().map(|(name, value)| (name, value)))
}

impl About {
    /// A run of `script` with `args` that begins at `time_ns` and draws from `seed`.
    pub fn new(script: &str, args: &[String], seed: u64, time_ns: i64) -> Self {
        Self {
            schema: SCHEMA,
            pingscript: env!("CARGO_PKG_VERSION"),
            time_ns,
            script: script.to_string(),
            args: args.to_vec(),
            seed,
            clocks: [Clock::Kernel, Clock::KernelReceive, Clock::User].map(Clock::name).to_vec(),
        }
    }
}

impl ProbeRow {
    pub(super) fn new(flow: Flow<'_>, sent: i64, bytes: usize, outcome: &Outcome) -> Self {
        let Flow { from, to, .. } = flow;
        let state = outcome.end.state();
        let to = outcome.nameless().map_or(Goal::Address(to), |name| Goal::Name(name.to_string()));
        let (time_ns, seq) = (sent, outcome.number);
        let host = flow.host.map(str::to_string);
        let (rtt_ns, clock, icmp, error) = (None, None, None, None);
        let out_of_order = matches!(outcome.end, End::Reply { reordered: true, .. });
        let missed_slots = Some(outcome.missed).filter(|&missed| missed > 0);
        let row = Self {
            time_ns,
            seq,
            from,
            to,
            bytes,
            ttl: outcome.ttl,
            state,
            rtt_ns,
            clock,
            out_of_order,
            icmp,
            error,
            missed_slots,
            host,
        };
        match &outcome.end {
            End::Reply { rtt, clock, .. } => Self { rtt_ns: Some(rtt.as_nanos()), clock: Some(clock.name()), ..row },
            End::Icmp { error, rtt, .. } => {
                let (name, offender) = (error.kind.name().into_owned(), error.offender);
                let icmp = IcmpCell { type_: error.kind.type_, code: error.kind.code, name, offender };
                Self { rtt_ns: Some(rtt.as_nanos()), icmp: Some(icmp), ..row }
            }
            End::Unsent(error) | End::Broken(error) => Self { error: Some(error.to_string()), ..row },
            End::Sent { .. } | End::Stray { .. } | End::TimedOut { .. } | End::Interrupted { .. } => row,
        }
    }
}

impl<'a> VerdictRow<'a> {
    pub(super) fn new(flow: Flow<'_>, bytes: usize, decided: &'a Decided, site: &Site) -> Self {
        let action = &decided.verdict.action;
        let plain = matches!(action, Action::Pass | Action::Drop | Action::Corrupt);
        Self {
            time_ns: flow.time,
            from: flow.from,
            to: flow.to,
            flow: decided.place.flow,
            number: decided.place.number,
            bytes,
            verdict: action.word(),
            detail: (!plain).then(|| action.to_string()),
            origin: &decided.verdict.origin,
            draws: &decided.draws,
            at: match site {
                Site::Server(..) => None,
                Site::Link(_) | Site::Ingress(_) => Some(site.to_string()),
            },
            host: flow.host.map(str::to_string),
        }
    }
}

impl LostRow {
    pub(super) fn new(flow: Flow<'_>, bytes: usize, why: &'static str, site: &Site) -> Self {
        Self { time_ns: flow.time, from: flow.from, to: flow.to, bytes, why, at: site.to_string() }
    }
}

impl ConnectionRow {
    pub(super) fn new(flow: Flow<'_>, what: &ConnectionEvent) -> Self {
        Self {
            time_ns: flow.time,
            from: flow.from,
            to: flow.to,
            event: what.word,
            outcome: what.outcome,
            took_ns: what.took.map(Duration::as_nanos),
            sent_bytes: what.traffic.map(|traffic| traffic.sent),
            received_bytes: what.traffic.map(|traffic| traffic.received),
            error: what.error.clone(),
            host: flow.host.map(str::to_string),
        }
    }
}
