//! Without rows of frames: what probes, verdicts and losses say of them.

use super::reading::{ProbeCells, VerdictCells};
use crate::net::observe::frame::{FrameRow, fates};

/// Frames made of probes and verdicts, and a sentence that says so.
pub(super) fn as_frames(probes: &[ProbeCells], verdicts: &[VerdictCells], notes: &mut Vec<String>) -> Vec<FrameRow> {
    let mut rows = Vec::new();
    let mut used = vec![false; verdicts.len()];
    for probe in probes {
        let lost = probe.state != "replied";
        let fate = lost.then(|| fate_of(probe, verdicts, &mut used)).flatten();
        rows.extend(of_probe(probe, fate));
    }
    if !rows.is_empty() {
        notes.insert(0, "there are no frame rows (--frames writes them): pings are drawn of their probe and verdict rows, as if each way took half of the round trip".to_string());
    }
    rows
}

/// The arrows of a probe: there, and back where it was replied to.
fn of_probe(probe: &ProbeCells, fate: Option<(&VerdictCells, bool)>) -> Vec<FrameRow> {
    let text = format!("ping {}", probe.seq);
    let row = |time, ends| FrameRow {
        bytes: probe.bytes,
        ..FrameRow::bare(time, protocol(probe), ends, text.as_bytes(), fates::SEEN)
    };
    let mut there = row(probe.time_ns, (probe.from, probe.to));
    let half = probe.rtt_ns.unwrap_or(0) / 2;
    if probe.state == "replied" {
        there.arrival_ns = Some(probe.time_ns + half);
        let mut back = row(probe.time_ns + half, (probe.to, probe.from));
        back.arrival_ns = probe.rtt_ns.map(|rtt| probe.time_ns + rtt);
        return vec![there, back];
    }
    let Some((verdict, is_reply)) = fate else {
        there.fate = probe.state.replace('_', " ").into();
        there.cause = probe.error.clone().or(probe.icmp.as_ref().map(|icmp| icmp.name.clone()));
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
    match verdict.at {
        // A server's policy decides about what arrived: the reply is lost.
        None => {
            there.arrival_ns = Some(verdict.time_ns);
            let mut back = row(verdict.time_ns, (probe.to, verdict.from));
            enter(&mut back);
            vec![there, back]
        }
        Some(_) if is_reply => {
            there.arrival_ns = Some(verdict.time_ns);
            let mut back = row(verdict.time_ns, (probe.to, probe.from));
            enter(&mut back);
            vec![there, back]
        }
        Some(_) => {
            enter(&mut there);
            vec![there]
        }
    }
}

/// What a probe was lost by: the first verdict or loss after it that is about its ends and its size, and whether it was the reply
/// that it befell.
fn fate_of<'a>(
    probe: &ProbeCells,
    verdicts: &'a [VerdictCells],
    used: &mut [bool],
) -> Option<(&'a VerdictCells, bool)> {
    let ports = (probe.from.port(), probe.to.port());
    let direction = |verdict: &VerdictCells| match (verdict.from.port(), verdict.to.port()) {
        found if found == ports => Some(false),
        (from, to) if (to, from) == ports => Some(true),
        _ => None,
    };
    let is_loss = |verdict: &VerdictCells| {
        !matches!(verdict.verdict.as_str(), "pass" | "delay" | "duplicate" | "replace" | "corrupt")
    };
    let found = verdicts.iter().enumerate().find(|(index, verdict)| {
        let fits = verdict.time_ns >= probe.time_ns && verdict.bytes == probe.bytes && is_loss(verdict);
        fits && !used[*index] && direction(verdict).is_some()
    });
    let (index, verdict) = found?;
    used[index] = true;
    Some((verdict, direction(verdict)?))
}

/// Rows of probes do not say it: an echo has an identifier in place of a port at one end.
fn protocol(probe: &ProbeCells) -> std::borrow::Cow<'static, str> {
    if probe.to.port() == 0 { "icmp".into() } else { "udp".into() }
}
