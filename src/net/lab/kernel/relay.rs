//! The thread that drives a lab's relay by packet sockets: it reads each end of each link in turn, sends on what goes on at
//! once, and waits for what comes or is due. What is due is served between any two reads.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::cable::Cable;
use super::ports::{Packets, Ports};
use crate::net::error::{Error, Result};
use crate::net::host::Host;
use crate::net::host::stop::Stop;
use crate::net::host::threads;
use crate::net::lab::relay::{Bytes, EndId, Link, LinkOptions, LinkState, Relay, RelayShared, Time};
use crate::net::socket::session::Session;
use crate::net::sys::{self, Frames, PollFd};
use crate::net::time::Duration;

/// After so long without a frame, recordings are written out.
const IDLE: Duration = Duration::from_millis(10);

/// How much sooner than a frame is due the thread has itself woken at most.
const AHEAD: Duration = Duration::from_micros(100);

/// A lab's relay and the thread that drives it. It ends with this handle, or with the stop that it was started with.
#[derive(Debug)]
pub struct RelayThread {
    shared: Arc<RelayShared>,
    inbox: Arc<FrameInbox>,
}

/// What the thread is given.
#[derive(Debug)]
struct FrameInbox {
    /// Links that were made, and the packet sockets at their ends.
    links: Mutex<Vec<(LinkState, Packets)>>,
    ended: AtomicBool,
    wake: OwnedFd,
}

impl RelayThread {
    /// Starts the thread. `host` has the clocks.
    ///
    /// # Errors
    /// `exhausted`: no more descriptors or threads.
    pub fn start(session: Arc<Session>, host: Arc<dyn Host>, stop: Stop) -> Result<Self> {
        let failed = |err: io::Error| Error::system("lab", &err);
        let wake = sys::eventfd().map_err(failed)?;
        let inbox = Arc::new(FrameInbox { links: Mutex::default(), ended: AtomicBool::new(false), wake });
        let shared = RelayShared::new(session);
        let (relay, inside) = (Relay::new(shared.clone()), inbox.clone());
        let run = move || {
            let (ports, frames) = (Ports::default(), Frames::default());
            Driver { inbox: inside, host, stop, relay, ports, frames, unwritten: false, waking: Waking::default() }
                .run();
        };
        // Policies may run script code.
        threads::spawn_script("relay", run).map_err(failed)?;
        Ok(Self { shared, inbox })
    }

    /// What it shares with the handles of links and ingresses.
    pub fn shared(&self) -> &Arc<RelayShared> {
        &self.shared
    }

    /// Joins the ends of a cable by a link called `name`.
    ///
    /// # Errors
    /// `invalid`: no link can be as the options have it.
    pub fn link(&self, name: &str, cable: Cable, options: LinkOptions) -> Result<Link> {
        let (link, state) = self.shared.link(name, &cable.ports, options)?;
        self.inbox.links.lock().unwrap_or_else(PoisonError::into_inner).push((state, cable.packets));
        sys::eventfd_raise(self.inbox.wake.as_fd());
        Ok(link)
    }
}

impl Drop for RelayThread {
    fn drop(&mut self) {
        self.inbox.ended.store(true, Ordering::Release);
        sys::eventfd_raise(self.inbox.wake.as_fd());
    }
}

/// What the thread has.
#[derive(Debug)]
struct Driver {
    inbox: Arc<FrameInbox>,
    host: Arc<dyn Host>,
    stop: Stop,
    relay: Relay,
    ports: Ports,
    /// What was read last.
    frames: Frames,
    /// Whether frames were carried since recordings were last written out.
    unwritten: bool,
    waking: Waking,
}

/// How long the system takes to wake the thread when its time has come. A processor that sleeps takes tens of microseconds for
/// it, by which each delayed frame would be late.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Waking(Duration);

impl Waking {
    /// When to have the thread woken, for what is due in `left`. It waits awake for what is left then, which is little.
    fn before(self, left: Duration) -> Duration {
        (left - self.0).max(Duration::ZERO)
    }

    /// It was woken so much later than it asked for: one that was late by chance changes little.
    fn took(&mut self, late: Duration) {
        let late = late.max(Duration::ZERO).min(AHEAD);
        self.0 = Duration::from_nanos((self.0.as_nanos() * 7 + late.as_nanos()) / 8);
    }
}

impl Driver {
    /// Carries frames until the relay ends, or the stop.
    fn run(mut self) {
        let mut ready = Vec::new();
        while !self.inbox.ended.load(Ordering::Acquire) && !self.stop.is_stopped() {
            for (link, packets) in self.inbox.links.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
                self.relay.add(link);
                self.ports.add(packets);
            }
            if self.wait(&mut ready).is_err() {
                break;
            }
            for &at in &ready {
                self.carry(at);
                self.serve_due();
            }
            if ready.is_empty() {
                self.serve_due();
            }
        }
    }

    /// Waits until an end has something, or something is due. This wait is not the host's: what is printed is not written
    /// out first, so that no reader of it holds up the lab.
    fn wait(&mut self, ready: &mut Vec<EndId>) -> io::Result<()> {
        ready.clear();
        let waiting = self.stop.waiting();
        if self.stop.is_stopped() {
            return Ok(());
        }
        let recording = self.unwritten && self.relay.is_recording();
        let now = self.host.now();
        let due = self.relay.next_due().map(|due| (due - now).max(Duration::ZERO));
        let until = if recording { Some(due.unwrap_or(IDLE).min(IDLE)) } else { due };
        let mut fds = vec![PollFd::readable(self.stop.wake_fd()), PollFd::readable(self.inbox.wake.as_fd())];
        let (wanted, ends): (Vec<PollFd<'_>>, Vec<EndId>) = self.ports.wanted().unzip();
        fds.extend(wanted);
        let asked = until.map(|left| self.waking.before(left));
        let mut count = sys::ppoll(&mut fds, asked)?;
        if let (0, Some(left), Some(asked)) = (count, until, asked) {
            if asked > Duration::ZERO {
                self.waking.took(self.host.now() - (now + asked));
            }
            while count == 0 && self.host.now() < now + left {
                count = sys::ppoll(&mut fds, Some(Duration::ZERO))?;
            }
        }
        drop(waiting);
        if fds[1].is_ready() {
            sys::eventfd_lower(self.inbox.wake.as_fd());
        }
        for (fd, at) in fds[2..].iter().zip(ends) {
            if fd.is_ready() && ready.last() != Some(&at) {
                ready.push(at);
            }
        }
        if count == 0 {
            self.unwritten = false;
        }
        if count == 0 && recording {
            self.relay.flush_recordings();
        }
        Ok(())
    }

    /// Reads what an end has, once, and sends on what goes on at once.
    fn carry(&mut self, at: EndId) {
        let (count, may_have_lost) = self.ports.read(at, &mut self.frames);
        // Not before: what happens to a frame, and what it is delayed by, comes after its sending.
        let time = self.time();
        if may_have_lost && let Ok(lost) = sys::drops(self.ports.socket(at)) {
            self.relay.note_overrun(at, lost, time.now);
        }
        for index in 0..count {
            self.ports.slot = index;
            self.relay.receive(at, self.frames.get_mut(index).map(Bytes::Received), time, &mut self.ports);
        }
        self.ports.unblock(at, &mut self.relay);
        self.ports.flush(&self.frames, &mut self.relay);
    }

    /// Serves what is due.
    fn serve_due(&mut self) {
        if self.relay.next_due().is_none() {
            return;
        }
        let time = self.time();
        while self.relay.serve_due(time, &mut self.ports) {
            if self.ports.are_full() {
                self.ports.flush(&self.frames, &mut self.relay);
            }
        }
        self.ports.flush(&self.frames, &mut self.relay);
    }

    fn time(&mut self) -> Time {
        self.unwritten = true;
        Time { now: self.host.now(), wall: self.host.unix_nanos() }
    }
}

#[cfg(test)]
#[path = "relay_tests.rs"]
mod tests;
