//! Which frames are drawn.

use super::columns::Columns;
use crate::net::observe::frame::FrameRow;
use crate::net::time::Duration;

/// Which frames are drawn: those that all of this is true of. What is not said is true of all.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// One host: what it sends and receives. Several: what they send to each other, on its whole way.
    pub hosts: Vec<String>,
    /// From when on, counted from the start of the run.
    pub from: Option<Duration>,
    /// Until when.
    pub to: Option<Duration>,
    /// What frames carry: `tcp`, `udp`, `icmp`, `arp` …
    pub protocols: Vec<String>,
    /// The port at either end.
    pub ports: Vec<u16>,
    /// Sequence numbers: of echoes, and of TCP counted from the SYN; both ends included.
    pub seq: Option<(u32, u32)>,
    /// Whether what kernels say among each other is drawn, too.
    pub all: bool,
}

impl Selection {
    /// Whether a row is drawn.
    pub(super) fn selects(&self, row: &FrameRow, columns: &Columns, start: i64) -> bool {
        let is_one = |column: usize| self.hosts.iter().any(|host| columns.is_called(column, host));
        let of_hosts = || match (self.hosts.len(), columns.ends(row)) {
            (0, _) => true,
            (_, None) => false,
            (1, Some((from, to))) => is_one(from) || is_one(to),
            (_, Some((from, to))) => is_one(from) && is_one(to) || columns.is_between(row, &self.hosts),
        };
        let since = Duration::from_nanos(row.time_ns.saturating_sub(start));
        let last = Duration::from_nanos(row.arrival_ns.unwrap_or(row.time_ns).saturating_sub(start));
        let in_time = self.from.is_none_or(|from| last >= from) && self.to.is_none_or(|to| since <= to);
        let of_protocol = self.protocols.is_empty() || self.protocols.iter().any(|one| is_protocol(one, row));
        let has_port = |port: &u16| row.from.port() == *port || row.to.port() == *port;
        let of_port = self.ports.is_empty() || self.ports.iter().any(has_port);
        in_time && of_protocol && of_port && self.seq.is_none_or(|seq| has_seq(row, seq)) && of_hosts()
    }

    /// Whether it is said what is to be seen of kernels.
    pub(super) fn shows_all(&self) -> bool {
        self.all || !self.protocols.is_empty()
    }

    /// What of it fits nothing that there is, with what there is.
    pub(super) fn unknown_host<'a>(&'a self, columns: &Columns) -> Option<&'a str> {
        let count = columns.all().count();
        let known = |host: &&String| (0..count).any(|column| columns.is_called(column, host));
        self.hosts.iter().find(|host| !known(host)).map(String::as_str)
    }
}

fn is_protocol(wanted: &str, row: &FrameRow) -> bool {
    row.protocol.eq_ignore_ascii_case(wanted) || wanted.eq_ignore_ascii_case("icmpv6") && row.protocol == "icmp6"
}

/// Whether a frame carries one of these numbers. Of TCP that is what it sends, or else what it acknowledges.
fn has_seq(row: &FrameRow, (first, last): (u32, u32)) -> bool {
    let within = |number: u32| (first..=last).contains(&number);
    match (&row.tcp, &row.icmp) {
        (Some(tcp), _) => {
            let end = tcp.seq.saturating_add(row.bytes as u32).max(tcp.seq.saturating_add(1));
            let carries = row.bytes > 0 || tcp.flags.contains("SYN") || tcp.flags.contains("FIN");
            carries && tcp.seq <= last && end > first || !carries && tcp.ack.is_some_and(within)
        }
        (_, Some(icmp)) => icmp.seq.is_some_and(|seq| within(seq.into())),
        _ => row.text.split(' ').nth(1).and_then(|number| number.parse().ok()).is_some_and(within),
    }
}
