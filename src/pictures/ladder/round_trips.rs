//! Which arrow replies to which.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;

use super::columns::Columns;
use super::probed::{self, ProbeFlow};
use super::reading::ProbeCells;
use super::timeline::Timeline;
use super::{Ladder, RoundTrip};
use crate::net::observe::frame::{FrameRow, TcpCell, fates};
use crate::net::time::Duration;

/// Whom a request is from and to, and what its reply repeats.
type RequestKey = (SocketAddr, SocketAddr, String);

/// The requests that have had no reply, of those that say the same.
#[derive(Debug, Default)]
struct OpenRequests {
    rows: VecDeque<usize>,
    /// Whether it is not known of which of them the reply or the loss was that came before.
    mixed_up: bool,
}

/// Octets of TCP that are not acknowledged: where they end, and the row; `None` if they were sent more than once.
type OpenSegment = (u32, Option<usize>);

/// Whom segments are from and to, and between which columns.
type SegmentKey = (SocketAddr, SocketAddr, (usize, usize));

/// What is looked for.
#[derive(Debug)]
struct Matching<'a> {
    rows: &'a [FrameRow],
    columns: &'a Columns,
    /// Of these flows the rows of probes say it.
    probed: HashSet<ProbeFlow<'a>>,
    requests: HashMap<RequestKey, OpenRequests>,
    segments: HashMap<SegmentKey, Vec<OpenSegment>>,
    found: Vec<RoundTrip>,
}

/// The round trips in these rows, as the one sees them who sent first: from when the request left there to when the reply arrived.
/// Where several could be the request of a reply, there is none.
pub(super) fn of(rows: &[FrameRow], columns: &Columns, probes: &[ProbeCells]) -> Vec<RoundTrip> {
    let (probed, found) = (probes.iter().map(probed::flow).collect(), probed::of(rows, columns, probes));
    let (requests, segments) = Default::default();
    let mut matching = Matching { rows, columns, probed, requests, segments, found };
    // Who began, of each two.
    let mut first: HashMap<(SocketAddr, SocketAddr), SocketAddr> = HashMap::new();
    // What a policy has damaged, or has added, is no request and no reply.
    let counts = |row: &FrameRow| row.fate != fates::CORRUPTED && row.fate != fates::DUPLICATED;
    for (index, row) in rows.iter().enumerate().filter(|(_, row)| counts(row)) {
        let pair = (row.from.min(row.to), row.from.max(row.to));
        let begins = *first.entry(pair).or_insert(row.from) == row.from;
        let Some(ends) = columns.ends(row) else { continue };
        match &row.tcp {
            Some(tcp) => matching.segment((index, row), tcp, ends, begins),
            None if begins => matching.request(index, row),
            None => matching.reply(index, row, ends),
        }
    }
    let mut found = matching.found;
    found.sort_by_key(|trip| trip.request);
    found
}

impl Matching<'_> {
    fn segment(&mut self, (index, row): (usize, &FrameRow), tcp: &TcpCell, ends: (usize, usize), begins: bool) {
        if let Some((arrival, ack)) = row.arrival_ns.zip(tcp.ack)
            && let Some(open) = self.segments.get_mut(&(row.to, row.from, (ends.1, ends.0)))
        {
            let is_covered = |(end, _): &mut OpenSegment| ack.wrapping_sub(*end) as i32 >= 0;
            let covered: Vec<Option<usize>> = open.extract_if(.., is_covered).map(|(_, row)| row).collect();
            // The last brought it about. If any was sent more than once, it could be to either.
            if let Some(request) = covered.last().copied().flatten().filter(|_| !covered.contains(&None)) {
                self.enter(request, index, arrival);
            }
        }
        let octets = row.bytes as u32 + u32::from(tcp.flags.contains("SYN")) + u32::from(tcp.flags.contains("FIN"));
        if begins && octets > 0 && !row.is_lost() && self.columns.is_origin(row) {
            let end = tcp.seq.wrapping_add(octets);
            let open = self.segments.entry((row.from, row.to, ends)).or_default();
            let before = open.len();
            open.retain(|(known, _)| end.wrapping_sub(*known) >= octets);
            let is_new = !tcp.retransmission && open.len() == before;
            open.push((end, is_new.then_some(index)));
        }
    }

    fn request(&mut self, index: usize, row: &FrameRow) {
        let is_probed = probed::asked_of(row).is_some_and(|flow| self.probed.contains(&flow));
        let Some(said) = said(row, [8, 128]).filter(|_| !is_probed) else { return };
        let key = (row.from, row.to, said);
        match (self.columns.is_origin(row), row.is_lost()) {
            (true, false) => self.requests.entry(key).or_default().rows.push_back(index),
            // Lost on a later part of its way.
            (false, true) => drop(self.requests.get_mut(&key).and_then(OpenRequests::take)),
            _ => {}
        }
    }

    fn reply(&mut self, index: usize, row: &FrameRow, ends: (usize, usize)) {
        let Some(said) = said(row, [0, 129]) else { return };
        let Some(open) = self.requests.get_mut(&(row.to, row.from, said)) else { return };
        if row.is_lost() {
            open.take();
            return;
        }
        let is_to = |request: usize| {
            let request = &self.rows[request];
            let back = self.columns.ends(request) == Some((ends.1, ends.0));
            back && request.arrival_ns.is_none_or(|arrival| arrival <= row.time_ns)
        };
        if let Some(arrival) = row.arrival_ns
            && open.rows.front().is_some_and(|request| is_to(*request))
            && let Some(request) = open.take()
        {
            self.enter(request, index, arrival);
        }
    }

    fn enter(&mut self, request: usize, reply: usize, arrival: i64) {
        let took = Duration::from_nanos(arrival.saturating_sub(self.rows[request].time_ns));
        self.found.push(RoundTrip { request, reply, took });
    }
}

impl OpenRequests {
    /// One of them is settled: which, if only one can be it.
    fn take(&mut self) -> Option<usize> {
        let is_sure = self.rows.len() == 1 && !self.mixed_up;
        let row = self.rows.pop_front()?;
        self.mixed_up = !self.rows.is_empty();
        is_sure.then_some(row)
    }
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

/// What a request says and its reply repeats: the numbers of echoes of these types, or a text. IP fragments but the first have
/// no ports, and nothing that they could be known by.
fn said(row: &FrameRow, types: [u8; 2]) -> Option<String> {
    match &row.icmp {
        Some(icmp) if types.contains(&icmp.type_) => Some(format!("{} {}", icmp.id?, icmp.seq?)),
        Some(_) => None,
        // Servers of pings like to reply in capitals.
        None => (row.protocol == "udp" && row.from.port() > 0).then(|| row.text.to_lowercase()),
    }
}
