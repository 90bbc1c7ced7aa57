//! In place of the machine this process runs on, in a build without its network: the clocks of the standard library, waits for
//! other threads, and no sockets.

use std::io;
use std::sync::Arc;

use super::notify::{Notify, Waited};
use super::socket::{Awaited, HostSocket, Poller, SocketType};
use super::stop::{Stage, Stop};
use super::traits::Host;
use crate::net::error::Error;
use crate::net::sys;
use crate::net::time::Instant;
use crate::net::wire::Family;

/// The machine this process runs on.
#[derive(Clone, Copy, Debug)]
pub struct ThisMachine;

impl ThisMachine {
    /// Whether this build can use its network.
    pub const HAS_NETWORK: bool = false;
}

/// That `op` needs what this build does not have.
pub(in crate::net) fn simulated_alone(op: &'static str) -> Error {
    let error = Error::invalid(op, "this build has simulated networks alone, and cannot use that of this system");
    error.with_hint(
        "run the script as it is on simulated hosts; the build for Linux has real sockets, labs and programs, too",
    )
}

impl Host for ThisMachine {
    fn socket(&self, _: SocketType, _: Family) -> io::Result<Arc<dyn HostSocket>> {
        Err(io::Error::other(simulated_alone("socket")))
    }

    fn poller(&self) -> io::Result<Box<dyn Poller>> {
        Err(io::Error::other(simulated_alone("poller")))
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(sys::monotonic_nanos())
    }

    fn unix_nanos(&self) -> i64 {
        sys::realtime_nanos()
    }

    /// Nothing has been made here that could be waited for.
    fn wait(&self, _: &mut [Awaited<'_>], until: Option<Instant>, stop: &Stop) -> io::Result<Waited> {
        Ok(self.park(&Arc::new(Notify::default()), until, Some((stop, Stage::Interrupted)), &mut || false))
    }
}

/// Waits for something to be read from standard input: where there are threads the read itself does, and no stop ends it.
///
/// # Errors
/// None.
pub fn wait_for_input(stop: &Stop) -> io::Result<Waited> {
    super::environment::environment().flush();
    #[cfg(target_family = "wasm")]
    super::threads::wait_for_input();
    Ok(if stop.is_stopped() { Waited::Stopped } else { Waited::Ready })
}
