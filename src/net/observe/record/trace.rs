//! The trace: a line on standard error for each event.
//!
//! ```text
//!      3.886ms  send     127.0.0.1:56049 > 127.0.0.1:36592       24 bytes  "ping 1 1795366387.650844"
//!      3.947ms  recv     127.0.0.1:56049 > 127.0.0.1:36592       24 bytes  "ping 1 1795366387.650844"
//!      4.002ms  verdict  127.0.0.1:56049 > 127.0.0.1:36592       24 bytes  drop(): scripts/udp_server.rhai:14, draw 0.165
//!      4.010ms  unsent   127.0.0.1:36592 > 127.0.0.1:56049       24 bytes  drop(): scripts/udp_server.rhai:14
//!   1004.185ms  outcome  127.0.0.1:56049 > 127.0.0.1:36592       24 bytes  ping 1 timed out
//!      0.412ms  connect  127.0.0.1:41234 > 127.0.0.1:11001                 connected, in 0.054ms
//!      1.273ms  close    127.0.0.1:41234 > 127.0.0.1:11001       48 bytes  24 sent and 24 received, after 0.861ms
//! ```
//!
//! The time counts from the start of the run. Lines stand in the order of their times as far as threads allow, and among
//! the printed lines where they belong.

use std::fmt::Write;
use std::net::SocketAddr;

use super::Begun;
use crate::net::host::environment::environment;
use crate::net::observe::event::{ConnectionEvent, Event, Flow, Sink, WhyUnsent};
use crate::net::policy::decided::Decided;
use crate::net::policy::input::Site;
use crate::net::policy::{Action, Verdict};
use crate::net::probe::outcome::{End, Outcome};
use crate::net::time::Duration;
use crate::net::wire::zoned::ZonedIp;

/// How many bytes of a message are shown.
const SHOWN: usize = 32;

/// Writes the trace of a run.
#[derive(Debug)]
pub(super) struct TraceWriter {
    start: Begun,
}

impl TraceWriter {
    /// Counts from `start`.
    pub(super) fn new(start: Begun) -> Self {
        Self { start }
    }

    /// The line of an event, its end included, and when that was; `None`: it has none.
    pub(super) fn line(&self, event: &Event<'_>) -> Option<(i64, String)> {
        Some(match *event {
            Event::Sent { flow, data } => self.flow("send", flow, data.len(), &message(data)),
            Event::Received { flow, data } => self.flow("recv", flow, data.len(), &message(data)),
            Event::Decided { flow, data, decided, site } => {
                self.flow("verdict", flow, data.len(), &verdict(decided, site))
            }
            Event::Unsent { flow, data, why } => self.flow("unsent", flow, data.len(), &unsent(why)),
            Event::Lost { flow, data, why, site } => {
                self.flow("lost", flow, data.len(), &format!("{why} {}", site.phrase()))
            }
            Event::Frame(row) => {
                let link = row.link.as_deref().unwrap_or_default();
                let cause = format!("{row}: {} on {link}", row.fate);
                let size = format!("{} bytes", row.bytes);
                (row.time_ns, self.text(row.time_ns, "frame", &between(row.from, row.to), &size, &cause))
            }
            Event::Outcome { flow, size, outcome, .. } => self.flow("outcome", flow, size, &ended(outcome)),
            Event::Connection { flow, what } => {
                let size =
                    what.traffic.map_or(String::new(), |traffic| format!("{} bytes", traffic.sent + traffic.received));
                self.about(what.word, flow, &size, &connection(what))
            }
            Event::Sample { time, host, values } => {
                let place = host.map_or(String::new(), |host| format!("{host}: "));
                let values: Vec<String> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
                let text = self.text(time, "sample", &format!("{place}{}", values.join(" ")), "", "");
                (time, text.trim_end().to_string() + "\n")
            }
            Event::Check(row) => {
                let text = self.text(row.time_ns, "check", &row.lines("")[0], "", "");
                (row.time_ns, text.trim_end().to_string() + "\n")
            }
            Event::Script { time, about } => {
                (time, self.text(time, "script", about, "", "").trim_end().to_string() + "\n")
            }
            Event::KernelDrops { time, socket, count } => {
                let packets = if count == 1 { "1 packet".to_string() } else { format!("{count} packets") };
                let what = "lost by the kernel: the receive buffer was full, or a checksum wrong";
                (time, self.text(time, "dropped", &format!("> {socket}"), &packets, what))
            }
            Event::Stray { .. } | Event::Host { .. } | Event::Link { .. } => return None,
        })
    }

    fn flow(&self, what: &str, flow: Flow<'_>, bytes: usize, cause: &str) -> (i64, String) {
        self.about(what, flow, &format!("{bytes} bytes"), cause)
    }

    fn about(&self, what: &str, flow: Flow<'_>, size: &str, cause: &str) -> (i64, String) {
        let Flow { time, from, to, host, .. } = flow;
        let place = host.map_or(String::new(), |host| format!("{host}: "));
        (time, self.text(time, what, &between(from, to), size, &format!("{place}{cause}")))
    }

    fn text(&self, time: i64, what: &str, flow: &str, size: &str, cause: &str) -> String {
        let time = Duration::from_nanos(time - self.start.get()).to_string();
        format!("{time:>12}  {what:<7}  {flow:<36} {size:>11}  {cause}\n")
    }
}

impl Sink for TraceWriter {
    fn take(&self, event: &Event<'_>) {
        if let Some((time, line)) = self.line(event) {
            environment().traced(time, &line);
        }
    }
}

/// Both ends. Those of ICMP have one port that is 0, and one that is the echo identifier.
fn between(from: SocketAddr, to: SocketAddr) -> String {
    match (from.port(), to.port()) {
        (id, 0) | (0, id) => format!("{} > {} id {id}", ZonedIp::from(from), ZonedIp::from(to)),
        _ => format!("{from} > {to}"),
    }
}

/// The start of a message, quoted; what is no plain ASCII is escaped.
fn message(data: &[u8]) -> String {
    let start = &data[..data.len().min(SHOWN)];
    let more = if data.len() > SHOWN { "…" } else { "" };
    format!("\"{}\"{more}", start.escape_ascii())
}

fn verdict(decided: &Decided, site: &Site) -> String {
    let mut text = format!("{}: {}", decided.verdict.action, decided.verdict.origin);
    if !matches!(site, Site::Server(..)) {
        let _ = write!(text, " {}", site.phrase());
    }
    for (index, draw) in decided.draws.iter().enumerate() {
        let _ = write!(text, "{} {draw:.3}", if index == 0 { ", draw" } else { "," });
    }
    text
}

fn unsent(why: WhyUnsent<'_>) -> String {
    match why {
        WhyUnsent::Refused(error) => error.message.clone(),
        WhyUnsent::Decided(Decided { verdict: Verdict { action, origin, .. }, .. }) => {
            let full = if *action == Action::Drop { "" } else { "; it cannot be kept so long" };
            format!("{action}: {origin}{full}")
        }
    }
}

/// What happened to a connection: how, what it carried, and how long it took or lasted.
fn connection(what: &ConnectionEvent) -> String {
    let plain = if what.word == "accept" { "accepted" } else { "" };
    let mut text = what.outcome.unwrap_or(plain).to_string();
    let mut add = |part: String| {
        let gap = if text.is_empty() { "" } else { ", " };
        let _ = write!(text, "{gap}{part}");
    };
    if let Some(error) = &what.error {
        add(error.clone());
    }
    if let Some(traffic) = what.traffic {
        add(format!("{} sent and {} received", traffic.sent, traffic.received));
    }
    if let Some(took) = what.took {
        add(format!("{} {took}", if what.traffic.is_some() { "after" } else { "in" }));
    }
    text
}

fn ended(outcome: &Outcome) -> String {
    let number = outcome.number;
    match &outcome.end {
        End::Reply { rtt, .. } => format!("ping {number} replied, rtt {rtt}"),
        End::Icmp { error, .. } => {
            let by = error.offender.map_or(String::new(), |offender| format!(" from {offender}"));
            format!("ping {number} errored: {}{by}", error.kind.name())
        }
        End::TimedOut { .. } => format!("ping {number} timed out"),
        End::Unsent(error) => format!("ping {number} not sent: {error}"),
        End::Broken(error) => format!("ping {number} errored: {}", error.message),
        End::Sent { .. } | End::Stray { .. } | End::Interrupted { .. } => format!("ping {number} still pending"),
    }
}
