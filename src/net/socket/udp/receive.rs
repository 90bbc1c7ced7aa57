//! Receiving from a socket, with an absolute deadline.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::Ordering;

use super::exclusive::InTurns;
use super::prefetch::datagrams;
use super::{UdpSocket, lock};
use crate::net::error::{Error, ErrorKind, Result};
use crate::net::host::Waited;
use crate::net::host::environment::environment;
use crate::net::host::socket::{HostSocket, SocketOption};
use crate::net::host::stop::Stop;
use crate::net::io::{Batch, Blocking, Received};
use crate::net::observe::event::Event;
use crate::net::policy::datagram::Datagram;
use crate::net::socket::error_queue::{Queued, is_pending_error, receive_past_errors};
use crate::net::socket::scratch::{with_batch, with_packet};
use crate::net::time::Instant;
use crate::net::wire::icmp::IcmpError;

/// How a receive ended.
#[derive(Clone, Debug)]
pub enum UdpIncoming {
    /// A datagram arrived.
    Packet(Datagram),
    /// An ICMP error arrived for a datagram sent before.
    Icmp(IcmpError),
    /// The deadline passed.
    TimedOut,
    /// The stop happened.
    Interrupted,
}

impl UdpSocket {
    /// Waits for a datagram, or for an ICMP error if `heed_errors`; otherwise those are counted and passed over.
    ///
    /// # Errors
    /// `closed`, also when it is closed meanwhile; `refused`, `unreachable` and others: an ICMP error, where the socket has
    /// plain errors.
    pub fn receive(&self, until: Option<Instant>, stop: &Stop, heed_errors: bool) -> Result<UdpIncoming> {
        let socket = self.socket("recv")?;
        if self.service.policy.refuses_receives() {
            return Err(Error::new(ErrorKind::Busy, "recv", "a policy is deciding about a packet").with_hint(
                "a policy gets its packet as |pkt|; receive from a socket without a policy, or outside of the policy",
            ));
        }
        if until.is_none()
            && !self.0.errors.are_plain
            && !(heed_errors && self.0.errors.may_be_unread())
            && let Some(datagram) = self.receive_alone(&*socket, stop, heed_errors)
        {
            return Ok(UdpIncoming::Packet(datagram));
        }
        let _in_turns = self.in_turns();
        let take = |has_error| self.take_or_error(&*socket, heed_errors, has_error);
        Ok(match self.0.receive(&*socket, (until, stop), !self.0.ahead.is_empty(), take, || None)? {
            Ok(incoming) => incoming,
            Err(Waited::Stopped) => UdpIncoming::Interrupted,
            Err(_) => UdpIncoming::TimedOut,
        })
    }

    /// Takes a datagram without waiting, or an ICMP error if `heed_errors`; those that are not are counted. `look`: the error
    /// queue is looked at even if no call says so.
    fn take_or_error(&self, socket: &dyn HostSocket, heed_errors: bool, look: bool) -> Result<Option<UdpIncoming>> {
        match self.take_decided(socket) {
            Ok(Some(datagram)) => return Ok(Some(UdpIncoming::Packet(datagram))),
            Ok(None) if !look && lock(&self.0.errors.unread).is_empty() => return Ok(None),
            Ok(None) => {}
            Err(err) if is_pending_error(&err) && !(self.0.errors.are_plain && heed_errors) => {}
            Err(err) => return Err(Error::system("recv", &err)),
        }
        let (mut icmp, mut others) = (None, VecDeque::new());
        self.drain(socket, usize::MAX, &mut |queued| match queued {
            Queued::Icmp { error, .. } if icmp.is_none() => icmp = Some(error),
            Queued::Icmp { .. } => others.push_back(queued),
            _ => {}
        });
        if heed_errors {
            // For the next receive.
            lock(&self.0.errors.unread).extend(others);
        } else {
            self.0.errors.unheeded(others.len() + usize::from(icmp.is_some()));
        }
        Ok(icmp.filter(|_| heed_errors).map(UdpIncoming::Icmp))
    }

    /// Takes what has come, without waiting; ICMP errors are counted and passed over.
    ///
    /// # Errors
    /// `closed`.
    pub(in crate::net) fn take_one(&self) -> Result<Option<Datagram>> {
        let socket = self.socket("recv")?;
        let taken = self.take_decided(&*socket).map_err(|err| Error::system("recv", &err))?;
        if taken.is_none() {
            let count = self.drain(&*socket, usize::MAX, &mut |_| {});
            self.0.errors.unheeded(count);
        }
        Ok(taken)
    }

    /// Whether nothing that receiving does waits: neither its policy, nor what has to be done for plain errors.
    pub(in crate::net) fn decides_at_once(&self) -> bool {
        !self.0.errors.are_plain && self.service.policy.decides_at_once()
    }

    /// Begins to receive beside other threads; to be held until what was received is decided on.
    pub(in crate::net) fn in_turns(&self) -> InTurns<'_> {
        self.0.alone.in_turns()
    }

    /// Has no thread wait in the receiving call from now on, or receive ahead: the socket is waited for among others.
    pub(in crate::net) fn share(&self) {
        self.0.alone.share();
    }

    /// Whether several threads were met to receive from it.
    pub(in crate::net) fn is_shared(&self) -> bool {
        self.0.alone.is_shared()
    }

    /// Waits for a datagram in the receiving call itself, where no other thread receives, and has the policy decide about
    /// it. `None`: something else is to be looked at first, such as a stop or an ICMP error.
    fn receive_alone(&self, socket: &dyn HostSocket, stop: &Stop, heed_errors: bool) -> Option<Datagram> {
        // Stamps of what is sent have to be read meanwhile.
        if stop.is_stopped() || self.0.stamping.load(Ordering::Relaxed) {
            return None;
        }
        let in_call = self.0.alone.enter()?;
        // What was printed is written out only where there is nothing else to do.
        let at_once = match self.0.ahead.pop() {
            None if environment().is_pending() => self.take(socket).ok()?,
            ahead => ahead,
        };
        let datagram = match at_once {
            Some(datagram) => datagram,
            // Looked at within the call: a thread that finds an error from here on wakes this one.
            None if heed_errors && self.0.errors.may_be_unread() => return None,
            None if self.is_plain() && self.0.ahead.is_worth_it() => self.fetch(socket, stop)?,
            None => self.wait_for_one(socket, stop)?,
        };
        if self.ignores(&datagram) {
            return None;
        }
        let receive = || {
            drop(in_call);
            Some(datagram)
        };
        self.0.decide(self, receive, Option::as_mut_slice)
    }

    /// Waits for a datagram in the receiving call itself.
    pub(super) fn wait_for_one(&self, socket: &dyn HostSocket, stop: &Stop) -> Option<Datagram> {
        with_packet(|buffer| {
            let mut received = None;
            if !self.0.host.wait_in(stop, &mut || received = self.call(socket, buffer, Blocking::Yes).ok()) {
                return None;
            }
            self.0.ahead.brought(1);
            self.datagram(buffer, &received?)
        })
    }

    /// Receives a datagram without waiting and has the policy decide about it.
    fn take_decided(&self, socket: &dyn HostSocket) -> io::Result<Option<Datagram>> {
        let receive = || loop {
            match self.take(socket)? {
                Some(datagram) if self.ignores(&datagram) => {}
                taken => return Ok(taken),
            }
        };
        self.0.decide(self, receive, |taken| taken.as_mut().map_or(Default::default(), Option::as_mut_slice))
    }

    /// Receives several datagrams at once, as many as there are without waiting, and has the policy decide about each.
    pub(in crate::net) fn take_several(&self, socket: &dyn HostSocket) -> Vec<Datagram> {
        let _in_turns = self.in_turns();
        let receive = |batch: Option<&mut Batch>| {
            let Some(batch) = batch else { return Vec::new() };
            // Whatever is wrong shows again at the next single receive.
            match socket.receive_many(batch, usize::MAX, Blocking::No) {
                Ok(_) => datagrams(batch).filter(|datagram| !self.ignores(datagram)).collect(),
                Err(_) => Vec::new(),
            }
        };
        self.0.decide(self, || with_batch(receive), Vec::as_mut_slice)
    }

    /// Receives a datagram without waiting; `None` if there is none. An ICMP error that takes the call's place is
    /// passed over: it is in the error queue.
    pub(in crate::net) fn take(&self, socket: &dyn HostSocket) -> io::Result<Option<Datagram>> {
        if let Some(datagram) = self.0.ahead.pop() {
            return Ok(Some(datagram));
        }
        with_packet(|buffer| {
            let received =
                receive_past_errors(|| self.call(socket, buffer, Blocking::No), || self.0.errors.pass_over())?;
            Ok(received.and_then(|received| self.datagram(buffer, &received)))
        })
    }

    /// Whether the sender is all there is to know of a datagram beside its data: without stamps and without events.
    fn is_plain(&self) -> bool {
        !self.0.any && !self.0.stamping.load(Ordering::Relaxed) && !self.0.session.events.wanted()
    }

    /// The call that receives, which asks for no more than what is wanted.
    fn call(&self, socket: &dyn HostSocket, buffer: &mut [u8], wait: Blocking) -> io::Result<Received> {
        if self.is_plain() { socket.receive_plain(buffer, wait) } else { socket.receive(buffer, wait) }
    }

    /// What a call has received into `buffer`; `None` if that has no sender: the socket was closed meanwhile.
    fn datagram(&self, buffer: &[u8], received: &Received) -> Option<Datagram> {
        if let Some(drops) = received.overflow {
            self.0.report_drops(u64::from(drops));
        }
        let (from, data) = (received.addr?, &buffer[..received.len]);
        self.0.session.events.emit(|| Event::Received { flow: self.0.flow(from, self.0.local), data });
        let Received { to, stamp, ttl, .. } = *received;
        Some(Datagram { to, stamp, ttl, ..Datagram::new(data, from) })
    }

    /// Has the kernel stamp what is received from now on, if it does not yet (SO_TIMESTAMPING).
    pub fn stamp_arrivals(&self) {
        if let Ok(socket) = self.socket("recv")
            && !self.0.stamping.swap(true, Ordering::Relaxed)
        {
            let _ = socket.set(SocketOption::StampArrivals);
        }
    }
}
