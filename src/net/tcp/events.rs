//! What is told of connections, for traces and rows.

use std::sync::atomic::Ordering;

use super::connect::{Attempt, Connecting};
use super::{Ended, Inner};
use crate::net::event::{Event, Flow};
use crate::net::time::Duration;

/// What happened to a connection.
#[derive(Clone, Debug)]
pub enum Happened {
    /// It was asked for here: how that ended.
    Tried(Attempt),
    /// A listener has taken it in.
    Accepted,
    /// The stream from the peer has ended.
    Ended(Ended, Carried),
    /// It was closed here.
    Closed(Carried),
    /// It was reset here.
    Reset(Carried),
}

/// What a connection has carried, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    /// Bytes given to the kernel.
    pub sent: u64,
    /// Bytes received from it.
    pub received: u64,
    /// How long ago it came about.
    pub lasted: Duration,
}

impl Happened {
    /// In one word: what was done.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Tried(_) => "connect",
            Self::Accepted => "accept",
            Self::Ended(..) => "end",
            Self::Closed(_) => "close",
            Self::Reset(_) => "reset",
        }
    }

    /// The outcome in one word, where there are several.
    pub const fn outcome(&self) -> Option<&'static str> {
        match self {
            Self::Tried(attempt) => Some(attempt.end.word()),
            Self::Ended(ended, _) => Some(ended.word()),
            Self::Accepted | Self::Closed(_) | Self::Reset(_) => None,
        }
    }

    /// What it has carried, at its end.
    pub const fn carried(&self) -> Option<Carried> {
        match self {
            Self::Ended(_, carried) | Self::Closed(carried) | Self::Reset(carried) => Some(*carried),
            Self::Tried(_) | Self::Accepted => None,
        }
    }

    /// How long it took to connect, or how long it lasted.
    pub fn took(&self) -> Option<Duration> {
        match self {
            Self::Tried(attempt) => Some(attempt.took),
            _ => self.carried().map(|carried| carried.lasted),
        }
    }

    /// Why it did not come about, or was lost, in words.
    pub fn error(&self) -> Option<String> {
        match self {
            Self::Tried(Attempt { end: Connecting::Icmp(error), .. }) => Some(error.kind.to_string()),
            Self::Tried(Attempt { end: Connecting::Unreachable(error), .. }) | Self::Ended(Ended::Lost(error), _) => {
                Some(error.message.clone())
            }
            Self::Ended(ended @ (Ended::CutOff(_) | Ended::NoRoom(_) | Ended::Misframed(_)), _) => {
                Some(ended.to_string())
            }
            _ => None,
        }
    }
}

impl Inner {
    /// Tells what `make` makes of what the connection has carried so far.
    pub(super) fn tell(&self, make: impl FnOnce(Carried) -> Happened) {
        if !self.session.events.wanted() {
            return;
        }
        let carried = Carried {
            sent: self.sent.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
            lasted: self.host.now() - self.since,
        };
        let flow = Flow { time: self.host.unix_nanos(), from: self.local, to: self.peer, host: self.host.name() };
        let what = make(carried);
        self.session.events.tell(|| Event::Connection { flow, what: &what });
    }
}
