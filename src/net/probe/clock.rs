//! How round-trip times are measured.
//!
//! Round-trip times come from one clock a session, the best that its first reply had ([`Clock`]). Kernel
//! stamps are times of the wall clock; they are used only as differences that the monotonic clock confirms, so a step of
//! the wall clock spoils no round-trip time.

use crate::net::time::Duration;

/// What a round-trip time is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// From the kernel's stamp of the sending to its stamp of the arrival: the path and the peer alone.
    Kernel,
    /// From before the send call to the kernel's stamp of the arrival, as `ping` measures.
    KernelReceive,
    /// From before the send call to when the arrival was seen, with the waking of this process in it.
    User,
}

impl Clock {
    /// The clock in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel receive - kernel send",
            Self::KernelReceive => "kernel receive - user send",
            Self::User => "user receive - user send",
        }
    }
}

/// The round-trip time of one reply by each clock that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readings {
    /// By [`Clock::Kernel`].
    pub kernel: Option<Duration>,
    /// By [`Clock::KernelReceive`].
    pub kernel_receive: Option<Duration>,
    /// By [`Clock::User`].
    pub user: Duration,
}

impl Readings {
    /// The time by `session`'s clock, or the best lesser one there is; without a session yet, by the best.
    pub fn by(&self, session: Option<Clock>) -> (Duration, Clock) {
        match (session.unwrap_or(Clock::Kernel), self.kernel, self.kernel_receive) {
            (Clock::Kernel, Some(rtt), _) => (rtt, Clock::Kernel),
            (Clock::Kernel | Clock::KernelReceive, _, Some(rtt)) => (rtt, Clock::KernelReceive),
            _ => (self.user, Clock::User),
        }
    }
}
