//! What is to be sent later: delays never hold up the loop that decided on them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::host::{Host, Waited};
use super::stop::Stop;
use super::sys::{self, PollFd};
use super::time::{Duration, Instant};
use super::udp::UdpSocket;

/// How many datagrams may wait; beyond that the latest is sent at once.
const ROOM: usize = 100_000;

/// Datagrams that wait for their time, and the thread that sends them.
#[derive(Debug, Default)]
pub struct Later(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    waiting: BinaryHeap<Reverse<Waiting>>,
    /// Raised when an earlier one has come; `None` while there is no thread.
    wake: Option<Arc<OwnedFd>>,
    order: u64,
}

#[derive(Debug)]
struct Waiting {
    due: Instant,
    /// What was given first goes first.
    order: u64,
    socket: UdpSocket,
    data: Vec<u8>,
    to: SocketAddr,
}

impl Later {
    /// Sends `data` when `by` has passed. The first call starts the thread, which ends with `stop`.
    ///
    /// # Errors
    /// The system has no descriptor or thread left.
    pub fn send(
        self: &Arc<Self>,
        stop: &Stop,
        by: Duration,
        socket: UdpSocket,
        data: Vec<u8>,
        to: SocketAddr,
    ) -> std::io::Result<()> {
        let host = socket.host().clone();
        let due = host.now() + by;
        let mut state = self.lock();
        let due = if state.waiting.len() < ROOM { due } else { host.now() };
        state.order += 1;
        let order = state.order;
        state.waiting.push(Reverse(Waiting { due, order, socket, data, to }));
        match &state.wake {
            Some(wake) => sys::eventfd_raise(wake.as_fd()),
            None => {
                let wake = Arc::new(sys::eventfd()?);
                let (later, stop, inside) = (self.clone(), stop.clone(), wake.clone());
                let run = move || later.run(host.as_ref(), &stop, &inside);
                std::thread::Builder::new().name("later".to_string()).spawn(run)?;
                state.wake = Some(wake);
            }
        }
        Ok(())
    }

    fn run(&self, host: &dyn Host, stop: &Stop, wake: &OwnedFd) {
        sys::sharpen_timers();
        loop {
            let next = {
                let mut state = self.lock();
                let now = host.now();
                while state.waiting.peek().is_some_and(|Reverse(first)| first.due <= now)
                    && let Some(Reverse(first)) = state.waiting.pop()
                {
                    // A client that is gone, a socket closed meanwhile: as with a packet on its way.
                    let _ = first.socket.send_to(&first.data, first.to);
                }
                state.waiting.peek().map(|Reverse(first)| first.due)
            };
            let mut fds = [PollFd::readable(wake.as_fd())];
            match host.wait(&mut fds, next, stop) {
                Ok(Waited::Ready) => sys::eventfd_lower(wake.as_fd()),
                Ok(Waited::TimedOut) => {}
                Ok(Waited::Stopped) | Err(_) => return,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.order).cmp(&(other.due, other.order))
    }
}
