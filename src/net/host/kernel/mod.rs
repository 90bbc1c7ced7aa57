//! The host that is the machine this process runs on, and what hosts in network namespaces share with it: sockets of the kernel,
//! its clocks, its waits.

mod filter;
mod owner;
mod poller;
mod scheduling;
mod socket;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use socket2::Socket;

pub use self::poller::{wait_for, wait_for_input};
pub(in crate::net) use self::socket::{KernelSocket, numbers};

use self::poller::{KernelPoller, wait};
use super::environment::environment;
use super::notify::Waited;
use super::socket::{Awaited, HostSocket, Poller, SocketType};
use super::stop::Stop;
use super::traits::Host;
use crate::net::sys;
use crate::net::time::Instant;
use crate::net::wire::Family;

/// The machine this process runs on.
#[derive(Clone, Copy, Debug)]
pub struct ThisMachine;

impl ThisMachine {
    /// Whether this build can use its network.
    pub const HAS_NETWORK: bool = true;
}

impl Host for ThisMachine {
    fn socket(&self, kind: SocketType, family: Family) -> io::Result<Arc<dyn HostSocket>> {
        let (domain, socket_type, protocol) = numbers(kind, family);
        let socket = Socket::new(domain, socket_type, Some(protocol))?;
        Ok(Arc::new(KernelSocket::new(socket, kind, family)?))
    }

    fn poller(&self) -> io::Result<Box<dyn Poller>> {
        Ok(Box::new(KernelPoller::new()?))
    }

    fn listener_at(&self, local: SocketAddr) -> Option<String> {
        owner::of(local)
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(sys::monotonic_nanos())
    }

    fn unix_nanos(&self) -> i64 {
        sys::realtime_nanos()
    }

    fn wait(&self, awaited: &mut [Awaited<'_>], until: Option<Instant>, stop: &Stop) -> io::Result<Waited> {
        wait(awaited, until, stop)
    }

    fn wait_awake(&self, until: Instant, stop: &Stop) -> io::Result<Waited> {
        while self.now() < until {
            if stop.is_stopped() {
                return Ok(Waited::Stopped);
            }
            std::thread::yield_now();
        }
        Ok(Waited::TimedOut)
    }

    fn may_wait_in(&self) -> bool {
        scheduling::may_block()
    }

    fn wait_in(&self, stop: &Stop, call: &mut dyn FnMut()) -> bool {
        environment().flush();
        let Some(_inside) = stop.blocking() else { return false };
        call();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::error::errno;
    use crate::net::time::Duration;

    #[test]
    fn a_wait_ends_at_its_deadline_and_not_before() {
        let (host, stop) = (ThisMachine, Stop::root().expect("eventfd"));
        let until = host.now() + Duration::from_millis(5);
        assert_eq!(host.wait(&mut [], Some(until), &stop).expect("waits"), Waited::TimedOut);
        assert!(host.now() >= until);
        assert_eq!(host.wait(&mut [], Some(until), &stop).expect("waits"), Waited::TimedOut, "passed already");
    }

    #[test]
    fn the_numbers_of_errors_are_those_of_the_system() {
        let same = [
            (errno::EAGAIN, libc::EAGAIN),
            (errno::ENONET, libc::ENONET),
            (errno::EPROTO, libc::EPROTO),
            (errno::EMSGSIZE, libc::EMSGSIZE),
            (errno::ENOPROTOOPT, libc::ENOPROTOOPT),
            (errno::EPROTONOSUPPORT, libc::EPROTONOSUPPORT),
            (errno::EOPNOTSUPP, libc::EOPNOTSUPP),
            (errno::EAFNOSUPPORT, libc::EAFNOSUPPORT),
            (errno::ENETDOWN, libc::ENETDOWN),
            (errno::ENOBUFS, libc::ENOBUFS),
            (errno::EHOSTDOWN, libc::EHOSTDOWN),
            (errno::EREMOTEIO, libc::EREMOTEIO),
        ];
        assert!(same.iter().all(|(number, of_system)| number == of_system));
    }
}
