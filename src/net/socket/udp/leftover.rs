//! What a socket leaves: datagrams that will not be received any more, sorted for the loss report.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::probing::{blame, recognise};
use super::queue::HEADERS;
use super::{Inner, UdpSocket};
use crate::net::host::id::HostId;
use crate::net::host::socket::{HostSocket, SocketValue};
use crate::net::io::Blocking;
use crate::net::observe::event::Event;
use crate::net::observe::loss_report::{Dropping, Incident};
use crate::net::policy::datagram::Datagram;
use crate::net::socket::endpoint::lock;
use crate::net::socket::error_queue::{Queued, receive_past_errors, take_entries};
use crate::net::socket::prober::Prober;
use crate::net::socket::session::Settle;
use crate::net::wire::content::Content;

/// How many are looked at: more may come for as long as one looks.
const MOST: usize = 65_536;

impl UdpSocket {
    /// Takes what waits in the socket, from which nothing will be received any more.
    pub(super) fn leave_rest(&self, socket: &dyn HostSocket) {
        // A thread that waits for a reply receives what there is itself.
        if let Some(mut prober) = self.0.probing.try_lock() {
            self.0.leave_rest(socket, &mut prober);
            prober.report(self);
        }
    }
}

impl Inner {
    /// Has the kernel refuse what others send to a server that ends, as if its socket were closed: else no sender would know of
    /// what comes between the look at what is left and the close. Connected to itself, it has no other peer (connect(2)).
    pub(super) fn refuse_more(&self, socket: &dyn HostSocket) {
        if self.service.is_known() {
            let ip = match self.local.ip() {
                IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
                ip => ip,
            };
            let _ = socket.connect(SocketAddr::new(ip, self.local.port()));
        }
    }

    /// Takes what waits in the socket: replies to probes that were given up are late, and what came for a server that
    /// served until now was not read.
    pub(super) fn leave_rest(&self, socket: &dyn HostSocket, prober: &mut Prober) {
        let serves = self.service.is_known();
        if !serves && prober.ledger().counts().timed_out == 0 {
            return;
        }
        self.leave_errors(socket, prober);
        let (now, site) = (self.host.now(), self.site());
        let mut buffer = vec![0; 65_536];
        for _ in 0..MOST {
            let Some(datagram) = self.next_left(socket, &mut buffer) else { return };
            let content = Content::of(&datagram.data);
            if prober.is_late(now, &datagram, recognise(prober, &datagram)) {
                let ends = self.asks(datagram.from);
                self.loss_report().late(ends, content, None, now);
            } else if serves {
                let ends = self.asked_by(datagram.from);
                self.loss_report().note(now, ends, content, &site, Incident::Unread);
            }
        }
    }

    /// Takes ICMP errors that came too late for their probes and were not read.
    fn leave_errors(&self, socket: &dyn HostSocket, prober: &Prober) {
        let mut leave = |queued| {
            if let Queued::Icmp { error, .. } = queued {
                prober.leave_error(self, &error, blame(prober, &error, None));
            }
        };
        std::mem::take(&mut *lock(&self.errors.unread)).into_iter().for_each(&mut leave);
        take_entries(socket, self.local, HEADERS, MOST, &mut leave);
    }

    fn next_left(&self, socket: &dyn HostSocket, buffer: &mut [u8]) -> Option<Datagram> {
        if let Some(datagram) = self.ahead.pop() {
            return Some(datagram);
        }
        let call = || socket.receive_plain(buffer, Blocking::No);
        let received = receive_past_errors(call, || true).ok().flatten()?;
        Some(Datagram::new(&buffer[..received.len], received.addr?))
    }
}

impl Settle for Inner {
    /// Not if a thread that did not end with the run still waits for a probe.
    fn settle_up(&self) {
        let socket = self.open();
        if let Some(mut prober) = self.probing.try_lock() {
            if let Some(socket) = &socket {
                self.leave_rest(&**socket, &mut prober);
            }
            prober.settle_up(self);
        }
        if let Some(drops) = socket.and_then(|socket| dropped(&*socket)) {
            self.report_drops(drops);
        }
    }

    fn host(&self) -> HostId {
        self.host.id()
    }

    fn close(self: Arc<Self>) {
        UdpSocket(self).close();
    }

    fn was_asked(self: Arc<Self>, host: HostId, addr: SocketAddr) {
        let is_meant = self.local == addr || (self.any && self.local.port() == addr.port());
        if host == self.host.id() && is_meant && self.open().is_some() {
            UdpSocket(self).make_known();
        }
    }
}

/// How many datagrams the socket's full buffer has dropped.
fn dropped(socket: &dyn HostSocket) -> Option<u64> {
    socket.get(SocketValue::Dropped).ok().flatten()
}

impl Dropping for Inner {
    fn drops(&self) -> u64 {
        self.open().and_then(|socket| dropped(&*socket)).unwrap_or(0)
    }
}

impl Inner {
    /// Leaves the kernel's count of drops with the loss report, since the socket is about to go.
    pub(super) fn leave_drops(&self, socket: &dyn HostSocket) {
        if let Some(drops) = dropped(socket) {
            self.report_drops(drops);
            if self.service.is_known() {
                self.loss_report().kernel_drops(self.host.id(), self.local, drops);
            }
        }
    }

    /// Reports what the kernel has dropped since the last report.
    pub(super) fn report_drops(&self, drops: u64) {
        let before = self.drops_reported.fetch_max(drops, Ordering::Relaxed);
        if drops > before {
            let (time, socket, count) = (self.host.unix_nanos(), self.local, drops - before);
            self.session.events.emit(|| Event::KernelDrops { time, socket, count });
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let (Some(socket), Some(mut prober)) = (self.take_socket(), self.probing.try_lock()) {
            self.refuse_more(&*socket);
            self.leave_rest(&*socket, &mut prober);
            self.leave_drops(&*socket);
        }
        self.probing.settle_up(self);
    }
}
