//! Sending from a socket: at once, or after a delay.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::error::{check_size, send_error};
use super::{UdpSocket, lock};
use crate::net::error::Result;
use crate::net::host::Host;
use crate::net::host::socket::{HostSocket, Outgoing};
use crate::net::observe::event::{Event, WhyUnsent};
use crate::net::policy::datagram::Destination;
use crate::net::socket::delay_queue::Outlet;
use crate::net::socket::error_queue::{TakeQueued, is_pending_error};
use crate::net::wire::content::Content;

/// How many entries of the error queue are kept that plain sends found.
const UNREAD: usize = 1024;

/// Where a delayed reply goes, and from which socket.
#[derive(Debug)]
pub(super) struct Delayed {
    pub(super) socket: UdpSocket,
    pub(super) to: Destination,
    /// What it replies to.
    pub(super) request: Content,
}

impl Outlet for Delayed {
    fn host(&self) -> &Arc<dyn Host> {
        &self.socket.0.host
    }

    fn send(&self, data: &[u8]) {
        // What is closed meanwhile sends nothing more; other failures are counted.
        let _ = self.socket.send_reply(data, self.to, &|| self.request);
    }
}

impl UdpSocket {
    /// Sends one datagram (sendto(2)).
    ///
    /// # Errors
    /// `too-large`, `unreachable`, `permission` (a firewall of this host), `invalid` (another version of IP), `closed`.
    pub fn send_to(&self, data: &[u8], to: impl Into<Destination>) -> Result<()> {
        let to = to.into();
        self.same_version("send_to", to.addr)?;
        check_size(data.len(), to.addr.ip())?;
        let socket = self.socket("send_to")?;
        let mut kept = false;
        let mut keep = |queued| {
            kept = true;
            let mut unread = lock(&self.0.errors.unread);
            if unread.len() < UNREAD {
                unread.push_back(queued);
            }
        };
        if self.0.is_stamped() {
            // Unread stamps would fill the receive buffer.
            self.drain(&*socket, usize::MAX, &mut keep);
        }
        self.report_sent(data, to.addr);
        let sent = self.send_raw(&*socket, data, to, || (), &mut keep);
        if kept {
            // What woke a thread that waits for it may be gone before it looks.
            self.0.alone.call_away();
        }
        let sent = sent.map(|_| ()).map_err(|err| send_error(&*self.0.host, &err, data.len(), to.addr));
        sent.inspect_err(|error| {
            let unsent =
                || Event::Unsent { flow: self.0.flow(self.0.local, to.addr), data, why: WhyUnsent::Refused(error) };
            self.0.session.events.emit(unsent);
        })
    }

    /// Reports that a datagram goes to the kernel now. Before it does: the receiver would be quicker.
    pub(in crate::net) fn report_sent(&self, data: &[u8], to: SocketAddr) {
        self.0.session.events.emit(|| Event::Sent { flow: self.0.flow(self.0.local, to), data });
    }

    /// Sends one datagram, again where an earlier ICMP error took the call's place; what the error queue held is given
    /// to `queued`. The number of its stamp, where stamps were asked for. `at_once` runs right before the call.
    pub(super) fn send_raw(
        &self,
        socket: &dyn HostSocket,
        data: &[u8],
        to: impl Into<Destination>,
        mut at_once: impl FnMut(),
        queued: TakeQueued<'_>,
    ) -> io::Result<Option<u32>> {
        let Destination { addr, source } = to.into();
        let looks = Cell::new([0; 2]);
        let send = || {
            at_once();
            looks.set(self.0.errors.looked());
            socket.send(&Outgoing { data, to: Some(addr), source })
        };
        self.0.send(socket, send, |err| {
            if self.0.errors.are_plain {
                return false;
            }
            // One that the queue does not hold is this host's own, and would come again; unless it was just taken from there.
            let was_queued = self.drain(socket, usize::MAX, queued) > 0;
            was_queued || (is_pending_error(err) && self.0.errors.are_read_by_others(looks.get()))
        })
    }
}
