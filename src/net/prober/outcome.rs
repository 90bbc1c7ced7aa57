//! A probe and how it ended, as values.

use std::net::SocketAddr;

use super::clock::{Clock, Readings};
use crate::net::error::Error;
use crate::net::time::Duration;
use crate::net::udp::{Datagram, IcmpError};

/// A message to send and how long to wait for its answer.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'a> {
    /// Where it goes.
    pub to: SocketAddr,
    /// What it says.
    pub message: &'a [u8],
    /// How long an answer is in time.
    pub timeout: Duration,
    /// How long after that an ICMP error is waited for.
    pub icmp_wait: Duration,
    /// The TTL or hop limit it is sent with; `None`: the socket's.
    pub ttl: Option<u8>,
}

/// Whether a datagram is the answer, for protocols whose answers do not repeat the message.
///
/// Called with each datagram from the peer. `Err` ends the ping with the error `invalid`.
pub type Matcher<'a> = &'a mut dyn FnMut(&Datagram) -> std::result::Result<bool, ()>;

/// How a probe ended.
#[derive(Clone, Debug)]
pub enum End {
    /// The answer came in time.
    Reply {
        /// The answer.
        datagram: Datagram,
        /// The round-trip time.
        rtt: Duration,
        /// The clock it was measured by.
        clock: Clock,
        /// Whether that is a lesser clock than the session's.
        lesser: bool,
        /// The time by each clock.
        readings: Readings,
    },
    /// An ICMP error came.
    Icmp {
        /// The error.
        error: IcmpError,
        /// Whether it did not tell which of several pending probes it is about.
        assumed: bool,
        /// The time until it came, by the session's clock or the best lesser one.
        rtt: Duration,
    },
    /// Nothing came in time.
    TimedOut,
    /// This host could not send it.
    Unsent(Error),
    /// The connection it went over ended, or its path has an error of which only the errno is known.
    Broken(Error),
    /// The stop happened first.
    Interrupted {
        /// Whether the probe was sent; then it is pending.
        sent: bool,
    },
}

impl End {
    /// The state it leaves the probe in, as rows have it: `replied`, `errored`, `timed_out` or `pending`.
    pub const fn state(&self) -> &'static str {
        match self {
            Self::Reply { .. } => "replied",
            Self::Icmp { .. } | Self::Unsent(_) | Self::Broken(_) => "errored",
            Self::TimedOut => "timed_out",
            Self::Interrupted { .. } => "pending",
        }
    }
}

/// A probe that ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The number in the message (`ping 7 …`), or else the running number of the socket's probes.
    pub number: u64,
    /// Where the probe went.
    pub to: SocketAddr,
    /// The TTL or hop limit it was sent with, if it had one of its own.
    pub ttl: Option<u8>,
    /// How it ended.
    pub end: End,
}
