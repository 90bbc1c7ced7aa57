//! How round-trip times are measured.
//!
//! Round-trip times come from one clock a session, the best that its first reply had ([`Clock`]). Kernel
//! stamps are times of the wall clock; they are used only as differences that the monotonic clock confirms, so a step of
//! the wall clock spoils no round-trip time.

use std::os::fd::AsFd;
use std::sync::OnceLock;

use socket2::{Domain, Socket, Type};

use super::{Carrier, Pending};
use crate::net::host::Host;
use crate::net::sys;
use crate::net::time::{Duration, Instant};
use crate::net::udp::Datagram;

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

/// Has the kernel begin to stamp arrivals. It does so a moment after the first socket asks for it, and the first
/// reply of a run should not fall into that moment.
pub fn warm_up(host: &dyn Host) {
    static ASKING: OnceLock<Option<Socket>> = OnceLock::new();
    ASKING.get_or_init(|| {
        let socket = host.socket(Domain::IPV4, Type::DGRAM, None).ok()?;
        sys::number_stamps(socket.as_fd());
        Some(socket)
    });
}

/// Now, and how long what is stamped has waited in the socket until now, by the wall clock; no more than a blink, or
/// the clock was set meanwhile.
pub(super) fn waited(carrier: &dyn Carrier, stamp: Option<i64>) -> (Instant, Option<Duration>) {
    let (seen, unix) = carrier.host().both_clocks();
    let queued = stamp.map(|stamp| Duration::from_nanos(unix - stamp));
    (seen, queued.filter(|&queued| queued >= Duration::ZERO && queued < Duration::from_secs(60)))
}

/// The round-trip time of `reply`, by the session's clock, or the best lesser one that the reply has. `arrived`
/// is the arrival by the kernel's stamp on the monotonic clock.
pub(super) fn measure(
    pending: &Pending,
    reply: &Datagram,
    seen: Instant,
    arrived: Option<Instant>,
    session: Option<Clock>,
) -> (Duration, Clock) {
    let best = session.unwrap_or(Clock::Kernel);
    let by_user = seen - pending.sent;
    let by_receive =
        arrived.map(|arrived| arrived - pending.sent).filter(|&rtt| rtt >= Duration::ZERO && rtt <= by_user);
    let by_kernel = match (by_receive, reply.stamp, pending.stamp) {
        (Some(bound), Some(received), Some(sent)) => {
            Some(Duration::from_nanos(received - sent)).filter(|&rtt| rtt > Duration::ZERO && rtt <= bound)
        }
        _ => None,
    };
    match (best, by_kernel, by_receive) {
        (Clock::Kernel, Some(rtt), _) => (rtt, Clock::Kernel),
        (Clock::Kernel | Clock::KernelReceive, _, Some(rtt)) => (rtt, Clock::KernelReceive),
        _ => (by_user, Clock::User),
    }
}
