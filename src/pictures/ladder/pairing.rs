//! What is sent at one socket and received at another of the same run is one arrow.

use std::collections::{HashMap, VecDeque};

use super::reading::VerdictCells;
use crate::net::observe::frame::{FrameRow, fates};

/// What two rows have in common of which one was sent and the other received.
type PairKey = (String, u16, u16, usize, String);

/// The rows, with what sockets have received put to what they have sent.
pub(super) fn paired(frames: Vec<FrameRow>, verdicts: &[VerdictCells]) -> Vec<FrameRow> {
    let mut rows: Vec<FrameRow> = Vec::with_capacity(frames.len());
    let mut sent: HashMap<PairKey, VecDeque<usize>> = HashMap::new();
    for row in frames {
        let key = || (row.protocol.to_string(), row.from.port(), row.to.port(), row.bytes, row.text.clone());
        match row.fate.as_ref() {
            fates::SENT => sent.entry(key()).or_default().push_back(rows.len()),
            fates::RECEIVED => {
                if let Some(asked) = sent.get_mut(&key()).and_then(VecDeque::pop_front)
                    && let Some(asked) = rows.get_mut(asked)
                {
                    asked.arrival_ns = row.arrival_ns.map(|time| time.max(asked.time_ns));
                    // The other end may know more of the addresses.
                    for (own, other) in [(&mut asked.from, row.from), (&mut asked.to, row.to)] {
                        if own.ip().is_unspecified() {
                            *own = other;
                        }
                    }
                    continue;
                }
            }
            _ => {}
        }
        rows.push(row);
    }
    decided(&mut rows, verdicts);
    rows
}

/// Has what a server's policy decided about what it received stand at the arrow of that. What is dropped shows by itself: the
/// reply is not sent.
fn decided(rows: &mut [FrameRow], verdicts: &[VerdictCells]) {
    // The rows of what arrived, in the order in which it did, by ports and size.
    let mut arrived: HashMap<(u16, u16, usize), Vec<(i64, usize)>> = HashMap::new();
    for (index, row) in rows.iter().enumerate() {
        if let Some(time) = row.arrival_ns {
            arrived.entry((row.from.port(), row.to.port(), row.bytes)).or_default().push((time, index));
        }
    }
    arrived.values_mut().for_each(|times| times.sort_unstable());
    let says_more =
        |verdict: &&VerdictCells| verdict.at.is_none() && !matches!(verdict.verdict.as_str(), "pass" | "drop");
    for verdict in verdicts.iter().filter(says_more) {
        let Some(times) = arrived.get(&(verdict.from.port(), verdict.to.port(), verdict.bytes)) else { continue };
        let before = times.partition_point(|(time, _)| *time <= verdict.time_ns);
        let last = times.get(..before).and_then(<[_]>::last);
        if let Some(row) = last.and_then(|(_, index)| rows.get_mut(*index)).filter(|row| row.cause.is_none()) {
            row.cause = Some(verdict.origin.clone());
            row.detail = Some(verdict.detail.clone().unwrap_or_else(|| verdict.verdict.clone()));
            row.draws = verdict.draws.clone();
        }
    }
}
