//! Round trips as rows of probes have them: those know which reply is to which request, even where all say the same.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;

use super::RoundTrip;
use super::columns::Columns;
use super::reading::ProbeCells;
use crate::net::observe::frame::{FrameRow, fates};
use crate::net::time::Duration;

/// What a probe and its frames have in common: the host, its port or the identifier of its echoes, and whom it pings.
pub(super) type ProbeFlow<'a> = (Option<&'a str>, u16, SocketAddr);

/// Frames by their time, and their places among all.
type ByTime = BTreeSet<(i64, usize)>;

/// By so many nanoseconds the clocks of probes and frames may differ, or more where the round trip takes long.
const SLACK: i64 = 2_000_000;

/// The frames of a flow that are of no probe yet.
#[derive(Debug, Default)]
struct FlowFrames {
    requests: ByTime,
    replies: ByTime,
}

/// The round trips of `probes` among `rows`.
pub(super) fn of<'a>(rows: &'a [FrameRow], columns: &Columns, probes: &'a [ProbeCells]) -> Vec<RoundTrip> {
    let mut flows: HashMap<ProbeFlow<'a>, FlowFrames> =
        probes.iter().map(|probe| (flow(probe), FlowFrames::default())).collect();
    for (index, row) in rows.iter().enumerate().filter(|(_, row)| row.fate != fates::DUPLICATED) {
        if let Some(frames) = asked_of(row).and_then(|flow| flows.get_mut(&flow)).filter(|_| columns.is_origin(row)) {
            frames.requests.insert((row.time_ns, index));
        }
        if let Some((frames, arrival)) = replied_of(row).and_then(|flow| flows.get_mut(&flow)).zip(row.arrival_ns) {
            frames.replies.insert((arrival, index));
        }
    }
    let mut probes: Vec<&ProbeCells> = probes.iter().collect();
    probes.sort_by_key(|probe| probe.time_ns);
    let trip = |probe: &'a ProbeCells| {
        let frames = flows.get_mut(&flow(probe))?;
        let rtt = probe.rtt_ns.unwrap_or(0);
        // What was lost has a request as well, which is no other's. It leaves when the next hop's address is known (ARP).
        let request = take_nearest(&mut frames.requests, probe.time_ns, SLACK.max(rtt))?;
        if probe.state != "replied" {
            return None;
        }
        let reply = take_nearest(&mut frames.replies, probe.time_ns.saturating_add(rtt), SLACK.max(rtt / 4))?;
        let (there, back) = (columns.ends(&rows[request])?, columns.ends(&rows[reply])?);
        (there == (back.1, back.0)).then_some(RoundTrip { request, reply, took: Duration::from_nanos(rtt) })
    };
    probes.into_iter().filter_map(trip).collect()
}

/// The flow of a probe.
pub(super) fn flow(probe: &ProbeCells) -> ProbeFlow<'_> {
    (probe.host.as_deref(), probe.from.port(), probe.to)
}

/// The flow of a request.
pub(super) fn asked_of(row: &FrameRow) -> Option<ProbeFlow<'_>> {
    port_of(row, row.from.port(), [8, 128]).map(|port| (row.from_host.as_deref(), port, row.to))
}

fn replied_of(row: &FrameRow) -> Option<ProbeFlow<'_>> {
    port_of(row, row.to.port(), [0, 129]).map(|port| (row.to_host.as_deref(), port, row.from))
}

/// The port of UDP, or the identifier of an echo of these types. IP fragments but the first have neither.
fn port_of(row: &FrameRow, port: u16, types: [u8; 2]) -> Option<u16> {
    match &row.icmp {
        Some(icmp) => icmp.id.filter(|_| types.contains(&icmp.type_)),
        None => (row.protocol == "udp" && port > 0).then_some(port),
    }
}

fn take_nearest(frames: &mut ByTime, time: i64, slack: i64) -> Option<usize> {
    let first_from = |time: i64| frames.range((time, 0)..).next();
    let before = frames.range(..(time, 0)).next_back().and_then(|(time, _)| first_from(*time));
    let around = [before, first_from(time)];
    let nearest = around.into_iter().flatten().copied().min_by_key(|(at, _)| at.abs_diff(time))?;
    (nearest.0.abs_diff(time) <= slack.unsigned_abs() && frames.remove(&nearest)).then_some(nearest.1)
}
