//! Receiving what comes to a socket and to its error queue.

use std::io;

use super::Checkup;
use crate::net::error::{errno, number_of};
use crate::net::host::Waited;
use crate::net::host::socket::{Awaited, HostSocket};
use crate::net::io::{Blocking, Origin, Received};
use crate::net::time::Duration;

/// How long something that crosses loopback may take before it counts as lost.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long it is waited from one attempt to the next.
const PAUSE: Duration = Duration::from_millis(10);

/// What came to a socket.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrived {
    /// The datagrams, with what they carry.
    pub(super) data: Vec<(Received, Vec<u8>)>,
    /// The entries of the error queue.
    pub(super) queue: Vec<Received>,
}

impl Arrived {
    /// Whether the kernel stamped a packet as it was sent.
    pub(super) fn sent_stamp(&self) -> bool {
        self.of(Origin::Stamp).any(|entry| entry.stamp.is_some())
    }

    /// Whether the kernel stamped a packet as it arrived.
    pub(super) fn received_stamp(&self) -> bool {
        self.data.iter().any(|(received, _)| received.stamp.is_some())
    }

    /// The entries of the error queue that come from there.
    pub(super) fn of(&self, origin: Origin) -> impl Iterator<Item = &Received> {
        self.queue.iter().filter(move |received| received.entry.is_some_and(|entry| entry.origin == origin))
    }
}

impl Checkup<'_> {
    /// Receives from `socket` until that is `enough`, or nothing more comes for as long as loopback may take.
    pub(super) fn receive(&self, socket: &dyn HostSocket, enough: impl Fn(&Arrived) -> bool) -> io::Result<Arrived> {
        let until = self.host.now() + PATIENCE;
        let mut arrived = Arrived::default();
        loop {
            take_all(socket, true, |received, _| arrived.queue.push(received));
            take_all(socket, false, |received, bytes| arrived.data.push((received, bytes.to_vec())));
            if enough(&arrived) {
                return Ok(arrived);
            }
            if self.host.wait(&mut [Awaited::readable(socket)], Some(until), self.stop)? != Waited::Ready {
                return Ok(arrived);
            }
        }
    }
}

impl Checkup<'_> {
    /// Tries until a packet was stamped, or for as long as the kernel may take to begin with that: it stamps what arrives
    /// some time after the first socket has asked for it, later where the processors are busy.
    pub(super) fn until_stamped(&self, mut attempt: impl FnMut(&Self) -> io::Result<bool>) -> io::Result<()> {
        let until = self.host.now() + PATIENCE;
        while !attempt(self)? {
            let next = self.host.now() + PAUSE;
            if next > until || self.host.wait(&mut [], Some(next), self.stop)? == Waited::Stopped {
                break;
            }
        }
        Ok(())
    }
}

/// Takes what is there.
fn take_all(socket: &dyn HostSocket, error_queue: bool, mut take: impl FnMut(Received, &[u8])) {
    let mut buffer = [0; 2048];
    loop {
        let received = match error_queue {
            true => socket.next_error(&mut buffer),
            false => socket.receive(&mut buffer, Blocking::No),
        };
        match received {
            Ok(received) => take(received, &buffer[..received.len]),
            // An ICMP error takes the place of one call, and is in the queue too.
            Err(err) if !error_queue && is_icmp_error(&err) => {}
            Err(_) => return,
        }
    }
}

fn is_icmp_error(err: &io::Error) -> bool {
    matches!(number_of(err), errno::ECONNREFUSED | errno::EHOSTUNREACH | errno::ENETUNREACH)
}
