//! Connections in TIME-WAIT, whose ports cannot be used between the same addresses for a minute. Pure.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::net::time::{Duration, Instant};

/// How long Linux keeps a connection in TIME-WAIT (TCP_TIMEWAIT_LEN).
const LENGTH: Duration = Duration::from_secs(60);

/// How many are kept (net.ipv4.tcp_max_tw_buckets of a small machine); more are forgotten at once.
const MOST: usize = 65_536;

/// The connections in TIME-WAIT, by their local address and their peer.
#[derive(Debug, Default)]
pub(super) struct TimeWaits(HashMap<(SocketAddr, SocketAddr), Instant>);

impl TimeWaits {
    /// A connection has come to TIME-WAIT.
    pub(super) fn enter(&mut self, ends: (SocketAddr, SocketAddr), now: Instant) {
        if self.0.len() >= MOST {
            self.0.retain(|_, until| *until > now);
        }
        if self.0.len() < MOST {
            self.0.entry(ends).or_insert(now + LENGTH);
        }
    }

    /// A new connection takes the place of one.
    pub(super) fn leave(&mut self, ends: (SocketAddr, SocketAddr)) {
        self.0.remove(&ends);
    }

    /// Whether a connection of these ends is in TIME-WAIT, so that no new one can be begun from here. Over loopback one can
    /// (net.ipv4.tcp_tw_reuse).
    pub(super) fn holds(&self, ends: (SocketAddr, SocketAddr), now: Instant) -> bool {
        !ends.1.ip().is_loopback() && self.0.get(&ends).is_some_and(|until| *until > now)
    }

    /// Whether one keeps others from being bound to `local`.
    pub(super) fn holds_port(&self, local: SocketAddr, now: Instant) -> bool {
        let overlaps = |own: SocketAddr| {
            let any = local.ip().is_unspecified() || own.ip() == local.ip();
            own.port() == local.port() && own.is_ipv4() == local.is_ipv4() && any
        };
        self.0.iter().any(|((own, _), until)| *until > now && overlaps(*own))
    }
}
