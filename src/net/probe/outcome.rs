//! A probe and how it ended, as values.

use std::net::SocketAddr;
use std::sync::Arc;

use super::clock::{Clock, Readings};
use crate::net::error::{Error, ErrorKind};
use crate::net::policy::datagram::Datagram;
use crate::net::probe::ledger::{Fault, ProbeId, Stray};
use crate::net::time::Duration;
use crate::net::wire::icmp::IcmpError;

/// A message to send and how long to wait for its reply.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'a> {
    /// Where it goes.
    pub to: SocketAddr,
    /// Why it cannot be sent: it would go to a name that has no address.
    pub unresolved: Option<&'a Error>,
    /// What it says.
    pub message: &'a [u8],
    /// How long a reply is in time.
    pub timeout: Duration,
    /// How long after that an ICMP error is waited for.
    pub icmp_wait: Duration,
    /// The TTL or hop limit it is sent with; `None`: the socket's.
    pub ttl: Option<u8>,
    /// Its place in a schedule.
    pub slot: Slot,
}

/// The place of a probe in a schedule; the default is that of a probe sent by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Slot {
    /// The number that people see, where the message has none; `None`: the running number of the socket's probes.
    pub number: Option<u64>,
    /// Whether replies are matched by this number, which a matcher reads from them.
    pub by_number: bool,
    /// Whether the sending is an outcome of its own ([`End::Sent`]).
    pub announced: bool,
    /// Whether its loss is none of a pinger's: it finds out about a path, or who is there.
    pub unreported: bool,
    /// How many slots of the schedule were missed right before it.
    pub missed: u64,
}

/// Which probe a datagram replies to, for protocols whose replies do not repeat the message.
///
/// Called with each datagram from a peer that was sent to. `Err` ends the ping with the error `invalid`.
pub type Matcher<'a> = &'a mut dyn FnMut(&Datagram) -> std::result::Result<Match, ()>;

/// What a matcher says of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// It replies to the probe that is waited for; of several in flight, to the oldest.
    Awaited,
    /// It replies to the probe with this number in its schedule.
    Number(u64),
    /// It replies to none.
    Nothing,
}

/// What became of a probe.
#[derive(Clone, Debug)]
pub enum End {
    /// Nothing yet: it was sent right now. Only schedules that were asked for it report this, and the end follows.
    Sent {
        /// Its message.
        message: Arc<[u8]>,
    },
    /// The reply came in time.
    Reply {
        /// The reply.
        datagram: Datagram,
        /// The round-trip time.
        rtt: Duration,
        /// The clock it was measured by.
        clock: Clock,
        /// Whether that is a fallback clock, not the session's.
        lesser: bool,
        /// The time by each clock.
        readings: Readings,
        /// Whether the reply to a probe sent later came before it.
        reordered: bool,
    },
    /// An ICMP error came.
    Icmp {
        /// The error.
        error: IcmpError,
        /// Whether it did not say which of several pending probes it is about.
        assumed: bool,
        /// The time until it came, by the session's clock or the best lesser one.
        rtt: Duration,
    },
    /// No whole reply came in time.
    TimedOut {
        /// What is wrong with the reply that came all the same. One that names no probe is attributed to the one that is waited
        /// for, or else to the oldest in flight.
        instead: Option<Fault>,
    },
    /// This host could not send it.
    Unsent(Error),
    /// The connection it went over ended, or its path has an error of which only the errno is known.
    Broken(Error),
    /// No end: a packet that came and settles nothing. Only schedules that were asked for it report this. The number is that of
    /// the probe it names, 0 if it names none.
    Stray {
        /// What it is.
        kind: Stray,
        /// The packet.
        datagram: Datagram,
        /// How long after the probe that it names.
        after: Option<Duration>,
    },
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
            Self::TimedOut { .. } => "timed_out",
            Self::Sent { .. } | Self::Stray { .. } | Self::Interrupted { .. } => "pending",
        }
    }
}

/// A probe and what became of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The running number of the probe on its socket; 0 of what names none.
    pub id: ProbeId,
    /// The number in the message (`ping 7 …`), or else the running number of the socket's probes.
    pub number: u64,
    /// Where the probe went.
    pub to: SocketAddr,
    /// The TTL or hop limit it was sent with, if it had one of its own.
    pub ttl: Option<u8>,
    /// The octets of its IP packet, headers included.
    pub packet: usize,
    /// How many slots of its schedule were missed right before it was sent.
    pub missed: u64,
    /// When it was sent, in nanoseconds since 1970: by the kernel's stamp, where there is one. `None`: it was not.
    pub sent_at: Option<i64>,
    /// When the reply or the ICMP error arrived, likewise. `None`: neither did.
    pub received_at: Option<i64>,
    /// How it ended.
    pub end: End,
}

impl Outcome {
    /// The name the probe would have gone to, if that has no address.
    pub fn nameless(&self) -> Option<&str> {
        match &self.end {
            End::Unsent(error) if error.kind == ErrorKind::Resolve => Some(&error.peer),
            _ => None,
        }
    }
}
