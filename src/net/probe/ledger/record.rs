//! What the ledger knows of one probe, and the names by which a probe is known.

use std::fmt;
use std::net::SocketAddr;

use crate::net::time::Instant;
use crate::net::wire::content::Content;

/// The running number of a probe within its ledger, from 1; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeId(u64);

impl ProbeId {
    /// The probe numbered `number`, whether or not it was ever sent.
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The running number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ProbeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a reply names its probe, among those sent to the same peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// By a number in the message, as the protocol carries it: a 16-bit sequence number comes round again.
    Number(u64),
    /// By the message itself, through [`Content::hash`].
    Content(u64),
}

/// What became of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Neither replied to nor given up. An interrupted probe stays so.
    Pending,
    /// A whole reply came in time.
    Replied,
    /// An error came first: ICMP, refused, closed.
    Errored,
    /// Nothing came in time. A late reply does not change that.
    TimedOut,
}

/// All that is known of one probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its running number.
    pub id: ProbeId,
    /// The peer it was sent to.
    pub to: SocketAddr,
    /// How a reply names it.
    pub key: Key,
    /// What a whole reply says.
    pub content: Content,
    /// When it was sent.
    pub sent: Instant,
    /// Until when a reply is in time, that instant included.
    pub reply_by: Instant,
    /// When it has timed out, if neither a reply nor an error settled it before.
    pub settle_by: Instant,
    /// What became of it.
    pub state: State,
    /// Whether a whole reply has come, in time or late.
    pub has_reply: bool,
    /// Whether the error that settled it did not name it and was only attributed to it.
    pub assumed: bool,
}
