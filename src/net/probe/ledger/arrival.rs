//! What comes back: what a message or an error turned out to be, and what is wrong with it.

use std::fmt;
use std::net::SocketAddr;

use super::ProbeId;
use crate::net::time::Duration;
use crate::net::wire::zoned::plain;

/// What an arriving message turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The first whole reply to a pending probe, in time: the probe is replied.
    Reply {
        /// The probe it replies to.
        id: ProbeId,
        /// From the sending to the arrival, by the stamps given; below zero if those are not of one clock.
        rtt: Duration,
        /// Whether a later probe to the same peer had been replied already.
        reordered: bool,
    },
    /// The first whole reply to a probe whose time was over, or that an error had settled.
    Late {
        /// The probe it replies to; `None` if only its number is known to have been used, its record being forgotten.
        id: Option<ProbeId>,
        /// Whether the probe was pending until now and has timed out with this packet; `expire` will not name it.
        timed_out: bool,
    },
    /// One more whole reply to a probe that had one.
    Duplicate {
        /// The probe it replies to.
        id: ProbeId,
    },
    /// From a sender never asked, or with a key never sent there.
    Foreign,
    /// Names a probe but is shorter than what was sent. The probe's state stays.
    Truncated {
        /// The probe it names.
        id: ProbeId,
    },
    /// Names a probe, is not shorter than what was sent, but says something else. The probe's state stays.
    Corrupt {
        /// The probe it names.
        id: ProbeId,
    },
}

/// The kind of a message that the caller classified itself, for [`Ledger::stray`](super::Ledger::stray).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stray {
    /// Not a reply to anything sent.
    Foreign,
    /// Cut short, perhaps so much that it names no probe.
    Truncated,
    /// Damaged, for example with a wrong checksum.
    Corrupt,
    /// From a peer that owes a reply, and says something else than what was sent.
    Unmatched,
    /// Late, whichever probe it replies to.
    Late,
    /// Known to be a copy, whichever probe it replies to.
    Duplicate,
}

/// What is wrong with a reply that came in place of the one that was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It came after the time.
    Late,
    /// It is cut short.
    Truncated,
    /// It is damaged.
    Corrupt,
    /// It says something else than the message.
    Unmatched,
    /// It has this number, which no message had.
    Number(u64),
    /// It is whole, but from this sender, who was not asked.
    Elsewhere(SocketAddr),
}

impl Fault {
    /// That of a packet of this kind; `None` if it is no reply to a probe that waits for one.
    pub const fn of(kind: Stray) -> Option<Self> {
        match kind {
            Stray::Late => Some(Self::Late),
            Stray::Truncated => Some(Self::Truncated),
            Stray::Corrupt => Some(Self::Corrupt),
            Stray::Unmatched => Some(Self::Unmatched),
            Stray::Foreign | Stray::Duplicate => None,
        }
    }
}

impl fmt::Display for Fault {
    /// It in words, after "the reply".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Late => "came too late",
            Self::Truncated => "came truncated",
            Self::Corrupt => "came corrupt",
            Self::Unmatched => "did not repeat the message",
            Self::Number(_) => "has another number",
            Self::Elsewhere(from) => return write!(f, "came from another address, {}", plain(*from)),
        })
    }
}

impl Stray {
    /// It in one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Foreign => "foreign",
            Self::Truncated => "truncated",
            Self::Corrupt => "corrupt",
            Self::Unmatched => "unmatched",
            Self::Late => "late",
            Self::Duplicate => "duplicate",
        }
    }
}

/// Which probe an error is about, and how that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The error names the probe: by what it quotes, or because it came from the probe's own system call.
    Named(ProbeId),
    /// The error does not distinguish several probes and is attributed to this one; its record says so.
    Assumed(ProbeId),
    /// The error is about none of the probes known.
    Unknown,
}

impl Blame {
    /// What is about one of `candidates`, the oldest first: if there are several, about the one `awaited`, or else the oldest.
    pub fn one_of(mut candidates: impl Iterator<Item = ProbeId>, awaited: Option<ProbeId>) -> Self {
        match (candidates.next(), candidates.next()) {
            (None, _) => Self::Unknown,
            (Some(only), None) => Self::Named(only),
            (Some(oldest), Some(_)) => Self::Assumed(awaited.unwrap_or(oldest)),
        }
    }
}

/// What an arriving error did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorArrival {
    /// The probe was pending and is now errored.
    Settled {
        /// The probe.
        id: ProbeId,
        /// From the sending to the error, by the stamps given.
        after: Duration,
    },
    /// The probe was settled before, is forgotten, or is not known: the error is counted and changes nothing else.
    Stray {
        /// Whether the probe was pending until now and has timed out, the error coming after its last deadline;
        /// `expire` will not name it.
        timed_out: bool,
    },
}
