//! Without rows of frames: what probes, verdicts and losses say of them.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use super::reading::{ProbeCause, ProbeCells, ReadRun, VerdictCells};
use crate::net::observe::frame::{FrameRow, IcmpFrameCell, fates};

/// Whom a verdict is about, and the size: ports from and to.
type AboutKey = (u16, u16, usize);

/// Frames made of a run's probes and verdicts, and a sentence that says so.
pub(super) fn as_frames(run: &ReadRun, notes: &mut Vec<String>) -> Vec<FrameRow> {
    let mut losses = losses(&run.verdicts);
    let causes = run.causes.iter().map(|it: &ProbeCause| ((it.seq, it.from, it.to), it.cause.as_deref()));
    let causes: HashMap<_, _> = causes.collect();
    let mut rows = Vec::new();
    for probe in &run.probes {
        let lost = probe.state != "replied";
        let cause = causes.get(&(probe.seq, probe.from, probe.to)).copied();
        let fate = lost.then(|| fate_of(probe, cause, &mut losses)).flatten();
        rows.extend(of_probe(probe, fate, cause.flatten()));
    }
    if !rows.is_empty() {
        let note = "there are no frame rows (--frames writes them): pings are drawn of their probe and verdict rows, as if each way took \
                    half of the round trip";
        notes.insert(0, note.to_string());
    }
    rows
}

/// The verdicts by which something was lost, and losses without one, in the order of time.
fn losses(verdicts: &[VerdictCells]) -> HashMap<AboutKey, BTreeMap<(i64, usize), &VerdictCells>> {
    let mut losses: HashMap<AboutKey, BTreeMap<(i64, usize), &VerdictCells>> = HashMap::new();
    let is_loss = |verdict: &VerdictCells| {
        !matches!(verdict.verdict.as_str(), "pass" | "delay" | "duplicate" | "replace" | "corrupt")
    };
    for (index, verdict) in verdicts.iter().enumerate().filter(|(_, verdict)| is_loss(verdict)) {
        let key = (verdict.from.port(), verdict.to.port(), verdict.bytes);
        losses.entry(key).or_default().insert((verdict.time_ns, index), verdict);
    }
    losses
}

/// The arrows of a probe: there, and back where it was replied to. `cause` is why it was lost, if no verdict says so.
fn of_probe(probe: &ProbeCells, fate: Option<(&VerdictCells, bool)>, cause: Option<&str>) -> Vec<FrameRow> {
    let text = format!("seq {}", probe.seq);
    let row = |time, ends| FrameRow {
        bytes: probe.bytes,
        ..FrameRow::bare(time, protocol(probe), ends, text.as_bytes(), fates::SEEN)
    };
    let mut there = row(probe.time_ns, (probe.from, probe.to));
    there.text.extend(probe.ttl.map(|ttl| format!(" ttl {ttl}")));
    let half = probe.rtt_ns.unwrap_or(0) / 2;
    if probe.state == "replied" {
        there.arrival_ns = Some(probe.time_ns + half);
        let mut back = row(probe.time_ns + half, (probe.to, probe.from));
        back.arrival_ns = probe.rtt_ns.map(|rtt| probe.time_ns + rtt);
        return vec![there, back];
    }
    if let Some(back) = from_hop(probe, half) {
        (there.to, there.arrival_ns) = (back.from, Some(back.time_ns));
        return vec![there, back];
    }
    let Some((verdict, is_reply)) = fate else {
        let state = probe.state.replace('_', " ");
        let error = probe.error.clone().or(probe.icmp.as_ref().map(|icmp| icmp.name.clone()));
        (there.fate, there.cause) = match cause {
            Some(cause) => (format!("{state}: {cause}").into(), None),
            None => (state.into(), error),
        };
        there.lost_ns = (probe.state != "pending").then_some(probe.time_ns + probe.rtt_ns.unwrap_or(0));
        if probe.state == "pending" {
            there.fate = fates::SEEN.into();
        }
        return vec![there];
    };
    let enter = |row: &mut FrameRow| {
        row.fate = if verdict.verdict == "drop" { fates::DROPPED.into() } else { verdict.verdict.clone().into() };
        row.cause = Some(verdict.origin.clone()).filter(|origin| !origin.is_empty());
        (row.detail, row.draws, row.at) = (verdict.detail.clone(), verdict.draws.clone(), verdict.at.clone());
        row.lost_ns = Some(verdict.time_ns);
    };
    match &verdict.at {
        Some(_) if !is_reply => {
            enter(&mut there);
            vec![there]
        }
        // A server's policy decides about what arrived, too: the reply is lost.
        at => {
            there.arrival_ns = Some(verdict.time_ns);
            let to = if at.is_none() { verdict.from } else { probe.from };
            let mut back = row(verdict.time_ns, (probe.to, to));
            enter(&mut back);
            vec![there, back]
        }
    }
}

/// What a hop has sent back for a probe of a path: there an error is what is asked for.
fn from_hop(probe: &ProbeCells, half: i64) -> Option<FrameRow> {
    let icmp = probe.icmp.as_ref().filter(|_| probe.ttl.is_some())?;
    let hop = SocketAddr::new(icmp.offender.as_ref()?.parse().ok()?, 0);
    let protocol = if hop.is_ipv6() { "icmp6" } else { "icmp" };
    let (type_, code, name) = (icmp.type_, icmp.code, icmp.name.clone());
    Some(FrameRow {
        arrival_ns: Some(probe.time_ns + 2 * half),
        icmp: Some(IcmpFrameCell { type_, code, name, id: None, seq: None }),
        ..FrameRow::bare(probe.time_ns + half, protocol.into(), (hop, probe.from), b"", fates::SEEN)
    })
}

/// What a probe was lost by: the first loss after it that is about its ends and its size, and whether it was the reply that it
/// was about. Each loss is of one probe. `cause`: what the run has of it, if it has; a loss by something else is another's.
fn fate_of<'a>(
    probe: &ProbeCells,
    cause: Option<Option<&str>>,
    losses: &mut HashMap<AboutKey, BTreeMap<(i64, usize), &'a VerdictCells>>,
) -> Option<(&'a VerdictCells, bool)> {
    let (from, to) = (probe.from.port(), probe.to.port());
    let keys = [(from, to, probe.bytes), (to, from, probe.bytes)];
    let is_it = |verdict: &VerdictCells| {
        let by = if verdict.origin.is_empty() { &verdict.verdict } else { &verdict.origin };
        cause.is_none_or(|cause| cause.is_some_and(|cause| cause.contains(by.as_str())))
    };
    let first = |key: &AboutKey| {
        let mut after = losses.get(key)?.range((probe.time_ns, 0)..);
        after.find(|(_, verdict)| is_it(verdict)).map(|(at, _)| *at)
    };
    let (at, is_reply) =
        [first(&keys[0]).map(|at| (at, false)), first(&keys[1]).map(|at| (at, true))].into_iter().flatten().min()?;
    let verdict = losses.get_mut(&keys[usize::from(is_reply)])?.remove(&at)?;
    Some((verdict, is_reply))
}

/// Rows of probes do not say it: an echo has no port at the end that it goes to.
fn protocol(probe: &ProbeCells) -> std::borrow::Cow<'static, str> {
    match (probe.to.port(), probe.to.is_ipv6()) {
        (0, true) => "icmp6".into(),
        (0, false) => "icmp".into(),
        _ => "udp".into(),
    }
}
