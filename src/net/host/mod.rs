//! A host: where a socket lives.
//!
//! Three things go through a host and nothing goes around it: making a socket, reading the clock, and waiting. So
//! the same script runs on this machine and in any host made later.

pub mod addr;
pub mod blocking;
pub mod bugs;
pub mod current;
pub mod environment;
pub mod file;
pub mod id;
pub mod resolver;
pub mod room;
pub mod stop;
pub mod threads;

use std::fmt::Debug;
use std::io;
use std::net::IpAddr;

use socket2::{Domain, Protocol, Socket, Type};

use self::environment::environment;
use self::id::HostId;
use self::stop::Stop;
use super::sys::{self, PollFd};
use super::time::{Duration, Instant};

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// A descriptor is ready.
    Ready,
    /// The deadline has passed.
    TimedOut,
    /// The stop has happened.
    Stopped,
}

/// Where sockets live, and whose clock is read.
pub trait Host: Debug + Send + Sync {
    /// Which host it is.
    fn id(&self) -> HostId {
        HostId::default()
    }

    /// What it is called; `None` for this machine.
    fn name(&self) -> Option<&str> {
        None
    }

    /// The addresses that `name` has here besides what the system's resolver knows, most wanted first.
    fn lookup(&self, name: &str) -> Vec<IpAddr> {
        let _ = name;
        Vec::new()
    }

    /// Makes a socket (socket(2)), close-on-exec.
    ///
    /// # Errors
    /// What socket(2) reports, such as EACCES or EMFILE.
    fn socket(&self, domain: Domain, kind: Type, protocol: Option<Protocol>) -> io::Result<Socket>;

    /// The monotonic clock.
    fn now(&self) -> Instant;

    /// The wall clock: nanoseconds since 1970 (UTC). For labels and kernel stamps, never for durations.
    fn unix_nanos(&self) -> i64;

    /// Both clocks at one moment, however this thread is scheduled: the monotonic one and the wall clock.
    fn both_clocks(&self) -> (Instant, i64) {
        // A thread that is preempted between two readings shows by the third; the closest readings win.
        let read = || {
            let (before, unix, after) = (self.now(), self.unix_nanos(), self.now());
            (after - before, before + (after - before) * 0.5, unix)
        };
        let mut best = read();
        for _ in 0..2 {
            if best.0 < Duration::from_micros(1) {
                break;
            }
            let again = read();
            if again.0 < best.0 {
                best = again;
            }
        }
        (best.1, best.2)
    }

    /// Waits until a descriptor is ready, `until` has passed (`None`: for ever) or `stop` has happened. What was
    /// printed is shown before it blocks.
    ///
    /// # Errors
    /// What ppoll(2) reports.
    fn wait(&self, fds: &mut [PollFd<'_>], until: Option<Instant>, stop: &Stop) -> io::Result<Waited>;

    /// Waits until `until` or the stop without sleeping: others may have the processor meanwhile, but it does not go idle, so
    /// that what comes next meets it warm.
    fn wait_awake(&self, until: Instant, stop: &Stop) -> Waited {
        while self.now() < until {
            if stop.is_stopped() {
                return Waited::Stopped;
            }
            std::thread::yield_now();
        }
        Waited::TimedOut
    }

    /// Waits in `call`, which makes a system call that blocks for as long as it has nothing to give: that costs less than a
    /// wait before it. What was printed is shown first; `stop` ends the call (EINTR). Whether the call was made: if not,
    /// a caller that wants to wait does so with [`Host::wait`]. So it always is on a host whose time is not the kernel's.
    fn wait_in(&self, stop: &Stop, call: &mut dyn FnMut()) -> bool {
        environment().flush();
        let Some(_inside) = stop.blocking() else { return false };
        call();
        true
    }
}

/// The machine this process runs on.
#[derive(Clone, Copy, Debug)]
pub struct ThisMachine;

impl Host for ThisMachine {
    fn socket(&self, domain: Domain, kind: Type, protocol: Option<Protocol>) -> io::Result<Socket> {
        Socket::new(domain, kind, protocol)
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(sys::monotonic_nanos())
    }

    fn unix_nanos(&self) -> i64 {
        sys::realtime_nanos()
    }

    fn wait(&self, fds: &mut [PollFd<'_>], until: Option<Instant>, stop: &Stop) -> io::Result<Waited> {
        environment().flush();
        loop {
            let mut all = [PollFd::readable(stop.wake_fd()); 2];
            let waiting = stop.waiting();
            if stop.is_stopped() {
                return Ok(Waited::Stopped);
            }
            let left = until.map(|until| until - self.now());
            if left.is_some_and(|left| left <= Duration::ZERO) {
                return Ok(Waited::TimedOut);
            }
            // One descriptor or none is the common case and needs no allocation.
            let ready = match &mut *fds {
                [] => sys::ppoll(&mut all[..1], left).map(|_| false)?,
                [one] => {
                    all[1] = *one;
                    sys::ppoll(&mut all, left)?;
                    one.take_result(&all[1]);
                    one.is_ready()
                }
                many => {
                    let mut list = Vec::with_capacity(many.len() + 1);
                    list.push(PollFd::readable(stop.wake_fd()));
                    list.extend_from_slice(many);
                    sys::ppoll(&mut list, left)?;
                    many.iter_mut().zip(&list[1..]).for_each(|(fd, polled)| fd.take_result(polled));
                    many.iter().any(PollFd::is_ready)
                }
            };
            drop(waiting);
            if ready {
                return Ok(Waited::Ready);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_at_its_deadline_and_not_before() {
        let (host, stop) = (ThisMachine, Stop::root().expect("eventfd"));
        let until = host.now() + Duration::from_millis(5);
        assert_eq!(host.wait(&mut [], Some(until), &stop).expect("waits"), Waited::TimedOut);
        assert!(host.now() >= until);
        assert_eq!(host.wait(&mut [], Some(until), &stop).expect("waits"), Waited::TimedOut, "passed already");
    }
}
