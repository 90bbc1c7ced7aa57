//! The kernel's stamps: how a session waits for the first, and what they say of a round trip.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::Pending;
use crate::net::host::Host;
use crate::net::host::environment::process;
use crate::net::host::socket::{HostSocket, Outgoing, SocketOption, SocketType};
use crate::net::host::stop::Stop;
use crate::net::io::Blocking;
use crate::net::probe::clock::Readings;
use crate::net::time::{Duration, Instant};
use crate::net::wire::Family;

/// Has the kernel begin to stamp arrivals. It does so a moment after the first socket asks for it, and the first
/// reply of a run should not fall into that moment.
pub fn warm_up(host: &dyn Host) {
    process().stamping.get_or_init(|| {
        let socket = host.socket(SocketType::Udp, Family::V4).ok()?;
        let _ = socket.set(SocketOption::NumberStamps);
        Some(socket)
    });
}

/// Waits until the kernel stamps arrivals, which it need not do yet when the first probe of a run is to be sent: the clock of
/// its reply is the session's. At most [`PATIENCE`]; where there are no stamps, the session has a fallback clock.
pub(super) fn await_stamps(host: &dyn Host, stop: &Stop) {
    process().stamps.call_once(|| {
        if let Some((socket, own)) = loop_back(host) {
            let _ = socket.set(SocketOption::StampArrivals);
            is_stamped(host, &*socket, own, stop);
        }
    });
}

/// A socket, and its own address.
fn loop_back(host: &dyn Host) -> Option<(Arc<dyn HostSocket>, SocketAddr)> {
    let socket = host.socket(SocketType::Udp, Family::V4).ok()?;
    let own = socket.bind((Ipv4Addr::LOCALHOST, 0).into()).ok()?;
    Some((socket, own))
}

/// How long stamps are waited for.
const PATIENCE: Duration = Duration::from_millis(100);

/// Sends to itself until what arrives is stamped; whether it came to that in time, before the stop, and without an error.
fn is_stamped(host: &dyn Host, socket: &dyn HostSocket, own: SocketAddr, stop: &Stop) -> bool {
    let until = host.now() + PATIENCE;
    while host.now() < until && !stop.is_stopped() {
        let mut byte = [0];
        let sent = socket.send(&Outgoing { data: &[0], to: Some(own), source: None });
        match sent.and_then(|_| socket.receive(&mut byte, Blocking::No)) {
            Ok(received) if received.stamp.is_some() => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
        let _ = host.wait(&mut [], Some(host.now() + Duration::from_micros(200)), stop);
    }
    false
}

/// How long what is stamped had waited in the socket when it was seen, at `unix` by the wall clock; `None` where that is
/// out of bounds, since the clock was set meanwhile.
pub(super) fn waited(unix: i64, stamp: Option<i64>) -> Option<Duration> {
    let queued = stamp.map(|stamp| Duration::from_nanos(unix - stamp));
    queued.filter(|&queued| queued >= Duration::ZERO && queued < Duration::from_secs(60))
}

/// What the clocks say of a reply to `pending` that was stamped `stamp` and seen at `seen`. `arrived` is the arrival by
/// the kernel's stamp on the monotonic clock.
pub(super) fn measure(pending: &Pending, stamp: Option<i64>, seen: Instant, arrived: Option<Instant>) -> Readings {
    let user = seen - pending.sent;
    let kernel_receive =
        arrived.map(|arrived| arrived - pending.sent).filter(|&rtt| rtt >= Duration::ZERO && rtt <= user);
    let kernel = match (kernel_receive, stamp, pending.stamp) {
        (Some(bound), Some(received), Some(sent)) => {
            Some(Duration::from_nanos(received - sent)).filter(|&rtt| rtt > Duration::ZERO && rtt <= bound)
        }
        _ => None,
    };
    Readings { kernel, kernel_receive, user }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::host::ThisMachine;
    use crate::net::host::stop::Reason;

    fn running() -> Stop {
        Stop::root().expect("eventfd")
    }

    #[test]
    fn stamps_are_there_once_they_were_waited_for() {
        let (socket, own) = loop_back(&ThisMachine).expect("a socket");
        socket.set(SocketOption::StampArrivals).expect("set");
        assert!(is_stamped(&ThisMachine, &*socket, own, &running()));
        // From then on every arrival has one.
        for _ in 0..100 {
            socket.send(&Outgoing { data: &[7], to: Some(own), source: None }).expect("a send");
            let received = socket.receive(&mut [0], Blocking::No).expect("what was sent");
            assert!(received.stamp.is_some());
        }
    }

    #[test]
    fn without_stamps_the_wait_ends_all_the_same() {
        // Nothing asks for stamps at this socket.
        let (socket, own) = loop_back(&ThisMachine).expect("a socket");
        let begun = ThisMachine.now();
        assert!(!is_stamped(&ThisMachine, &*socket, own, &running()));
        assert!(ThisMachine.now() - begun >= PATIENCE, "it was given up before its time");
    }

    #[test]
    fn the_stop_ends_the_wait() {
        let (socket, own) = loop_back(&ThisMachine).expect("a socket");
        let stop = running();
        stop.interrupt(Reason::Ended);
        assert!(!is_stamped(&ThisMachine, &*socket, own, &stop));
        assert!(socket.receive(&mut [0], Blocking::No).is_err(), "something was sent after the stop");
    }

    #[test]
    fn what_does_not_arrive_ends_the_wait() {
        let (socket, _) = loop_back(&ThisMachine).expect("a socket");
        let (_other, elsewhere) = loop_back(&ThisMachine).expect("another socket");
        socket.set(SocketOption::StampArrivals).expect("set");
        assert!(!is_stamped(&ThisMachine, &*socket, elsewhere, &running()));
    }
}
