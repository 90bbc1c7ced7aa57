//! When a connection sends again, as Linux has it, and what its segments show of the path. Pure.
//!
//! The time-out is that of RFC 6298, with a margin of 200 ms at the least, and doubles with each try. Before it counts, a segment that
//! is alone on its way is sent once more as a probe (RFC 8985, section 7). The numbers of segments go round: they are compared by their difference.

use std::collections::VecDeque;

use crate::net::io::TcpInfo;
use crate::net::time::{Duration, Instant};
use crate::net::wire::ip::{Packet, TcpFlags};

/// The least that the time-out is longer than the round trips before (TCP_RTO_MIN), the first one (TCP_TIMEOUT_INIT), and the longest,
/// which is smoltcp's (Linux: 120 s).
const MARGIN: Duration = Duration::from_millis(200);
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// How many times a SYN is sent again before its time-out doubles (net.ipv4.tcp_syn_linear_timeouts).
const LINEAR: u32 = 4;

/// How often a SYN, a SYN-ACK, and anything else is sent again in vain (tcp_syn_retries and the linear ones, tcp_synack_retries,
/// tcp_retries2).
const SYN_RETRIES: u32 = 6 + LINEAR;
const SYN_ACK_RETRIES: u32 = 5;
const RETRIES: u32 = 15;

/// What is to be done when a time-out is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expired {
    /// This packet is to be sent as it is.
    Probe(Vec<u8>),
    /// What was not acknowledged is to be sent again.
    Timeout,
    /// The connection is to be given up.
    GiveUp,
}

/// How far the handshake is, seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handshake {
    SynSent,
    SynReceived,
    Done,
}

/// The segments of one direction.
#[derive(Debug)]
pub(super) struct Retransmission {
    handshake: Handshake,
    /// Those on their way, the oldest first: the number behind each, and when it was sent last.
    on_way: VecDeque<(u32, Instant)>,
    acknowledged: u32,
    next: Option<u32>,
    /// The last new segment, while it may be sent as a probe.
    probe: Option<Vec<u8>>,
    /// Since when the time-out runs, and how often it was over.
    since: Option<Instant>,
    tries: u32,
    unacknowledged: u32,
    /// Whether the peer takes nothing now.
    is_window_closed: bool,
    /// The round-trip time, smoothed, and how far it deviates.
    round_trip: Option<(Duration, Duration)>,
    count: u32,
}

impl Default for Retransmission {
    fn default() -> Self {
        Self {
            handshake: Handshake::Done,
            on_way: VecDeque::new(),
            acknowledged: 0,
            next: None,
            probe: None,
            since: None,
            tries: 0,
            unacknowledged: 0,
            is_window_closed: false,
            round_trip: None,
            count: 0,
        }
    }
}

impl Retransmission {
    /// A segment leaves; whether it has a place in the order of what is sent, as data, SYN and FIN have.
    pub(super) fn sent(&mut self, packet: &Packet<'_>, bytes: &[u8], now: Instant) -> bool {
        let Some((sequence, flags)) = packet.transport.tcp().and_then(|tcp| tcp.sequence.zip(tcp.flags)) else {
            return false;
        };
        let is_syn = flags.contains(TcpFlags::SYN);
        let len = packet.payload.len() as u32 + u32::from(is_syn) + u32::from(flags.contains(TcpFlags::FIN));
        if len == 0 || flags.contains(TcpFlags::RST) {
            return false;
        }
        let end = sequence.wrapping_add(len);
        let is_new = self.next.is_none_or(|next| is_behind(end, next));
        if self.is_window_closed && self.on_way.is_empty() {
            // A probe of the closed window is none of the data: that comes again when the window opens.
            return true;
        }
        if is_syn {
            self.handshake = if flags.contains(TcpFlags::ACK) { Handshake::SynReceived } else { Handshake::SynSent };
        }
        if self.next.is_none() {
            self.acknowledged = sequence;
        }
        if self.next.is_some_and(|next| is_behind(next, sequence)) {
            self.count += 1;
            self.probe = None;
            self.since = Some(now);
            let again = |(own, _): &&mut (u32, Instant)| is_behind(*own, sequence) && !is_behind(*own, end);
            self.on_way.iter_mut().filter(again).for_each(|(_, at)| *at = now);
        } else {
            self.probe = (!is_syn && self.tries == 0).then(|| bytes.to_vec());
        }
        if is_new {
            self.next = Some(end);
            self.on_way.push_back((end, now));
            self.since.get_or_insert(now);
        }
        true
    }

    /// A segment of the peer has come.
    pub(super) fn received(&mut self, packet: &Packet<'_>, now: Instant) {
        let Some(tcp) = packet.transport.tcp() else { return };
        self.unacknowledged = 0;
        let Some((acknowledged, flags)) = tcp.acknowledgement.zip(tcp.flags) else { return };
        if !flags.contains(TcpFlags::ACK) || flags.contains(TcpFlags::RST) {
            return;
        }
        let is_sent = self.next.is_some_and(|next| !is_behind(acknowledged, next));
        if is_sent && is_behind(acknowledged, self.acknowledged) {
            self.acknowledged = acknowledged;
            let first = self.on_way.front().filter(|(end, _)| !is_behind(*end, acknowledged)).map(|(_, at)| *at);
            first.into_iter().for_each(|at| self.measured(now - at));
            while self.on_way.front().is_some_and(|(end, _)| !is_behind(*end, acknowledged)) {
                self.on_way.pop_front();
            }
            (self.handshake, self.tries) = (Handshake::Done, 0);
            self.since = (!self.on_way.is_empty()).then_some(now);
        }
        let is_closed = tcp.window == Some(0);
        if is_closed != self.is_window_closed && self.on_way.is_empty() {
            (self.tries, self.since) = (0, is_closed.then_some(now));
        }
        self.is_window_closed = is_closed;
    }

    /// When the time-out is over; `is_waiting`: whether something waits to be sent.
    pub(super) fn due(&self, is_waiting: bool) -> Option<Instant> {
        let runs = !self.on_way.is_empty() || self.is_window_closed && is_waiting;
        let since = self.since.filter(|_| runs)?;
        let timeout = self.timeout();
        Some(since + if self.may_probe() { timeout.min(self.probe_after()) } else { timeout })
    }

    /// The time-out is over.
    pub(super) fn expire(&mut self, now: Instant) -> Expired {
        if self.may_probe()
            && let Some(packet) = self.probe.take()
        {
            return Expired::Probe(packet);
        }
        let most = match self.handshake {
            Handshake::SynSent => SYN_RETRIES,
            Handshake::SynReceived => SYN_ACK_RETRIES,
            Handshake::Done => RETRIES,
        };
        if self.unacknowledged >= most {
            return Expired::GiveUp;
        }
        (self.tries, self.unacknowledged, self.since) = (self.tries + 1, self.unacknowledged + 1, Some(now));
        self.probe = None;
        Expired::Timeout
    }

    /// Whether the segment of this number was sent and not acknowledged.
    pub(super) fn is_on_way(&self, sequence: u32) -> bool {
        let is_sent = self.next.is_some_and(|next| !is_behind(sequence, next));
        is_sent && !is_behind(self.acknowledged, sequence)
    }

    /// What is known of the connection.
    pub(super) fn info(&self) -> TcpInfo {
        let micros = |time: Duration| u32::try_from(time.as_nanos() / 1_000).unwrap_or(u32::MAX);
        let (rtt, deviation) = self.round_trip.unwrap_or_default();
        TcpInfo {
            backoff: u8::try_from(self.tries).unwrap_or(u8::MAX),
            rto: micros(self.timeout()),
            unacked: self.on_way.len() as u32,
            rtt: micros(rtt),
            rtt_deviation: micros(deviation),
            retransmits: self.count,
            ..TcpInfo::default()
        }
    }

    fn timeout(&self) -> Duration {
        let doubled = |time: Duration, times: u32| (time * (1i64 << times.min(12))).min(LONGEST);
        match (self.handshake, self.round_trip) {
            (Handshake::SynSent, _) => doubled(FIRST, self.tries.saturating_sub(LINEAR)),
            (Handshake::SynReceived, _) | (Handshake::Done, None) => doubled(FIRST, self.tries),
            (Handshake::Done, Some((time, deviation))) => doubled(time + (deviation * 4i64).max(MARGIN), self.tries),
        }
    }

    fn may_probe(&self) -> bool {
        self.probe.is_some() && self.on_way.len() == 1 && self.tries == 0 && self.round_trip.is_some()
    }

    /// After how long a single segment is sent as a probe.
    fn probe_after(&self) -> Duration {
        self.round_trip.map_or(FIRST, |(time, _)| time * 2i64 + MARGIN)
    }

    /// Smooths the round-trip times (RFC 6298, section 2).
    fn measured(&mut self, time: Duration) {
        let (smoothed, deviation) = self.round_trip.unwrap_or((time, time));
        let off = if time > smoothed { time - smoothed } else { smoothed - time };
        self.round_trip = Some(match self.round_trip {
            None => (time, time / 2.0),
            Some(_) => ((smoothed * 7i64 + time) / 8.0, (deviation * 3i64 + off) / 4.0),
        });
    }
}

/// Whether the number `a` comes behind `b`.
fn is_behind(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) as i32 > 0
}

#[cfg(test)]
#[path = "retransmission_tests.rs"]
mod tests;
