//! Which arrow replies to which.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::columns::Columns;
use super::timeline::Timeline;
use super::{Ladder, RoundTrip};
use crate::net::observe::frame::FrameRow;
use crate::net::time::Duration;

/// What waits for its reply: the row, and for TCP the acknowledgement that covers it.
type Waiting = (usize, Option<u32>);

/// Whom a reply is from and to, and what it repeats.
type FlowEnds = (SocketAddr, SocketAddr, String);

/// The round trips in these rows, as the one sees them who sent first: from when the request left there to when the reply arrived.
pub(super) fn of(rows: &[FrameRow], columns: &Columns) -> Vec<RoundTrip> {
    let mut waiting: HashMap<FlowEnds, Vec<Waiting>> = HashMap::new();
    let mut found: Vec<RoundTrip> = Vec::new();
    // Who began, of each two.
    let mut first: HashMap<(SocketAddr, SocketAddr), SocketAddr> = HashMap::new();
    for (index, row) in rows.iter().enumerate() {
        let pair = (row.from.min(row.to), row.from.max(row.to));
        let begins = *first.entry(pair).or_insert(row.from) == row.from;
        let Some(ends) = columns.ends(row) else { continue };
        if let Some(arrival) = row.arrival_ns
            && let Some(asked) = waiting.get_mut(&(row.to, row.from, replied(row)))
            && let Some(at) = asked.iter().position(|&(request, ack)| {
                let back = rows.get(request).and_then(|request| columns.ends(request)) == Some((ends.1, ends.0));
                back && (row.tcp.is_none() || covers(row, ack))
            })
        {
            let (request, _) = asked[at];
            // What came before it is acknowledged as well, without a round trip of its own.
            asked.drain(..=at);
            let took = Duration::from_nanos(arrival.saturating_sub(rows[request].time_ns));
            found.push(RoundTrip { request, reply: index, took });
        }
        if let Some((key, ack)) = asks(row).filter(|_| begins && columns.is_origin(row)) {
            waiting.entry(key).or_default().push((index, ack));
        }
    }
    found.sort_by_key(|trip| trip.request);
    found
}

/// A brace beside the first host: from where a request leaves to where its reply arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Brace {
    /// The rows of both.
    pub(super) rows: (usize, usize),
    /// Which of two places it has; 1 is that beside the host.
    pub(super) slot: usize,
}

/// The braces of the first host's round trips, as far as there is room: two at a time.
pub(super) fn braces(ladder: &Ladder, timeline: &Timeline) -> Vec<Brace> {
    let mut free = [0; 2];
    let mut found = Vec::new();
    for trip in ladder.round_trips.iter().filter(|trip| ladder.arrows[trip.request].from == 0) {
        let rows = (timeline.rows[trip.request].0, timeline.rows[trip.reply].1);
        if let Some(slot) = [1, 0].into_iter().find(|&slot| free[slot] <= rows.0 && rows.0 < rows.1) {
            free[slot] = rows.1;
            found.push(Brace { rows, slot });
        }
    }
    found
}

/// What a frame waits for: nothing if it was sent before (a reply could be to either), or is lost, or only acknowledges.
fn asks(row: &FrameRow) -> Option<(FlowEnds, Option<u32>)> {
    if row.is_lost() {
        return None;
    }
    let key = |repeated: String| (row.from, row.to, repeated);
    match (&row.tcp, &row.icmp) {
        (Some(tcp), _) => {
            let octets = row.bytes as u32 + u32::from(tcp.flags.contains("SYN")) + u32::from(tcp.flags.contains("FIN"));
            let waits = octets > 0 && !tcp.retransmission;
            waits.then(|| (key(String::new()), Some(tcp.seq.wrapping_add(octets))))
        }
        (None, Some(icmp)) => match (icmp.type_, icmp.id, icmp.seq) {
            (8 | 128, Some(id), Some(seq)) => Some((key(format!("{id} {seq}")), None)),
            _ => None,
        },
        (None, None) if row.protocol == "udp" => Some((key(row.text.to_lowercase()), None)),
        _ => None,
    }
}

/// What a reply repeats of its request.
fn replied(row: &FrameRow) -> String {
    match (&row.tcp, &row.icmp) {
        (Some(_), _) => String::new(),
        (None, Some(icmp)) => match (icmp.type_, icmp.id, icmp.seq) {
            (0 | 129, Some(id), Some(seq)) => format!("{id} {seq}"),
            _ => "no reply".to_string(),
        },
        // Servers of pings like to reply in capitals.
        (None, None) => row.text.to_lowercase(),
    }
}

fn covers(reply: &FrameRow, wanted: Option<u32>) -> bool {
    let ack = reply.tcp.as_ref().and_then(|tcp| tcp.ack);
    ack.zip(wanted).is_some_and(|(ack, wanted)| ack.wrapping_sub(wanted) as i32 >= 0)
}
