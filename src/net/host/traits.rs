//! What a host is to all that stands above.

use std::any::Any;
use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::environment::environment;
use super::id::HostId;
use super::in_place::InPlace;
use super::notify::{Notify, Waited};
use super::socket::{Awaited, HostSocket, Poller, SocketType};
use super::stop::{Stage, Stop};
use super::threads;
use crate::net::time::{Duration, Instant};
use crate::net::wire::Family;

/// Has a host keep time as another does: its clocks, waits, sets of sockets and threads are those of what `$of` gives.
#[cfg(feature = "sim")]
macro_rules! keeps_time_of {
    ($of:ident) => {
        fn poller(&self) -> io::Result<Box<dyn Poller>> {
            self.$of().poller()
        }

        fn now(&self) -> Instant {
            self.$of().now()
        }

        fn unix_nanos(&self) -> i64 {
            self.$of().unix_nanos()
        }

        fn both_clocks(&self) -> (Instant, i64) {
            self.$of().both_clocks()
        }

        fn wait(&self, awaited: &mut [Awaited<'_>], until: Option<Instant>, stop: &Stop) -> io::Result<Waited> {
            self.$of().wait(awaited, until, stop)
        }

        fn wait_awake(&self, until: Instant, stop: &Stop) -> io::Result<Waited> {
            self.$of().wait_awake(until, stop)
        }

        fn may_wait_in(&self) -> bool {
            self.$of().may_wait_in()
        }

        fn wait_in(&self, stop: &Stop, call: &mut dyn FnMut()) -> bool {
            self.$of().wait_in(stop, call)
        }

        fn serve_in_place(&self, socket: &dyn HostSocket, serve: InPlace) -> Option<Box<dyn Any>> {
            self.$of().serve_in_place(socket, serve)
        }

        fn park(
            &self,
            on: &Arc<Notify>,
            until: Option<Instant>,
            stop: Option<(&Stop, Stage)>,
            ready: &mut dyn FnMut() -> bool,
        ) -> Waited {
            self.$of().park(on, until, stop, ready)
        }

        fn start_thread(&self, name: &str, runs_script: bool, body: Box<dyn FnOnce() + Send>) -> io::Result<()> {
            self.$of().start_thread(name, runs_script, body)
        }
    };
}
#[cfg(feature = "sim")]
pub(in crate::net) use keeps_time_of;

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

    /// What it is beneath, where those who know its kind have something to ask of it.
    fn beneath(&self) -> Option<&dyn Any> {
        None
    }

    /// The addresses that `name` has here besides what the system's resolver knows, most wanted first.
    fn lookup(&self, name: &str) -> Vec<IpAddr> {
        let _ = name;
        Vec::new()
    }

    /// Whether its sockets reach nothing but itself.
    fn is_loopback_only(&self) -> bool {
        false
    }

    /// What the kernels of the network that it is in have counted that can be why pings were lost: of each host the places in
    /// `KERNEL_CAUSES` of the loss report, and the counts. Nothing for this machine, whose packets are of many.
    fn kernel_counts(&self) -> Vec<(HostId, Vec<(usize, u64)>)> {
        Vec::new()
    }

    /// Makes a socket (socket(2)). One of IPv6 is for that alone.
    ///
    /// # Errors
    /// What socket(2) reports, such as EACCES or EMFILE.
    fn socket(&self, kind: SocketType, family: Family) -> io::Result<Arc<dyn HostSocket>>;

    /// Makes an empty set of sockets to wait for (epoll(7)).
    ///
    /// # Errors
    /// No descriptor is left.
    fn poller(&self) -> io::Result<Box<dyn Poller>>;

    /// Which program listens at the port of this address, in words, as far as the host says.
    fn listener_at(&self, local: SocketAddr) -> Option<String> {
        let _ = local;
        None
    }

    /// The number of the interface called `name` here, as the zone of a link-local address.
    ///
    /// # Errors
    /// There is none, or this host does not say.
    fn interface(&self, name: &str) -> io::Result<u32> {
        let _ = name;
        Err(io::ErrorKind::Unsupported.into())
    }

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

    /// Waits until one of these is ready, `until` has passed (`None`: for ever) or `stop` has happened. What was
    /// printed is shown before it blocks.
    ///
    /// # Errors
    /// What ppoll(2) reports.
    fn wait(&self, awaited: &mut [Awaited<'_>], until: Option<Instant>, stop: &Stop) -> io::Result<Waited>;

    /// Waits until `until` or the stop without sleeping, where that makes a difference: others may have the processor meanwhile,
    /// but it does not go idle, so that what comes next meets it warm.
    ///
    /// # Errors
    /// As [`Host::wait`].
    fn wait_awake(&self, until: Instant, stop: &Stop) -> io::Result<Waited> {
        self.wait(&mut [], Some(until), stop)
    }

    /// Whether this thread may be one of many that wait with [`Host::wait_in`].
    fn may_wait_in(&self) -> bool {
        false
    }

    /// Waits in `call`, which makes a call of a socket that blocks for as long as it has nothing to give: that costs less than
    /// a wait before it. What was printed is shown first; `stop` ends the call (EINTR). Whether the call was made: if not, a
    /// caller that wants to wait does so with [`Host::wait`]. So it always is on a host whose time is not the kernel's.
    fn wait_in(&self, stop: &Stop, call: &mut dyn FnMut()) -> bool {
        let _ = (stop, call);
        false
    }

    /// Has `serve` called in place of waking this thread where it waits for `socket` alone, and something has come for that: a host
    /// whose threads take turns spares two changes from one to another. Until what is returned is dropped; `None`: the thread wakes.
    fn serve_in_place(&self, socket: &dyn HostSocket, serve: InPlace) -> Option<Box<dyn Any>> {
        let _ = (socket, serve);
        None
    }

    /// Waits until `ready` says so, which is asked at first and whenever `on` was notified; until `until` has passed; or until a
    /// stop has come to a stage. What was printed is shown before it blocks.
    fn park(
        &self,
        on: &Arc<Notify>,
        until: Option<Instant>,
        stop: Option<(&Stop, Stage)>,
        ready: &mut dyn FnMut() -> bool,
    ) -> Waited {
        environment().flush();
        stop.inspect(|(stop, _)| stop.subscribe(on));
        let look = || match ready() {
            true => Some(Waited::Ready),
            false => stop.filter(|(stop, stage)| stop.stage() >= *stage).map(|_| Waited::Stopped),
        };
        on.wait(look, || until.map(|until| until - self.now()))
    }

    /// Starts a thread called `name`; one that may run script code takes a place among those.
    ///
    /// # Errors
    /// EAGAIN: the limit, or one of the system's, is reached.
    fn start_thread(&self, name: &str, runs_script: bool, body: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        threads::start(name, runs_script, body)
    }
}
