//! Receiving from a socket, with an absolute deadline.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};

use socket2::Socket;

use super::exclusive::InTurns;
use super::{JUDGING, TRIES, UdpSocket, lock};
use crate::net::error::{Error, ErrorKind, Result};
use crate::net::host::Waited;
use crate::net::host::environment::environment;
use crate::net::host::stop::Stop;
use crate::net::observe::event::Event;
use crate::net::policy::Flows;
use crate::net::policy::attached::AttachedPolicy;
use crate::net::policy::datagram::Datagram;
use crate::net::policy::input::{PacketView, PolicyInput};
use crate::net::policy::judged::Decided;
use crate::net::socket::error_queue::{Queued, closed, is_pending_error};
use crate::net::sys::{self, PollFd, Received, Wait};
use crate::net::time::Instant;
use crate::net::wire::icmp::IcmpError;

/// After so many receives that had to wait, one asks before it waits.
const ASK_AGAIN: u32 = 8;

/// How a receive ended.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// A datagram arrived.
    Packet(Datagram),
    /// An ICMP error arrived for a datagram sent before.
    Icmp(IcmpError),
    /// The deadline passed.
    TimedOut,
    /// The stop happened.
    Interrupted,
}

thread_local! {
    /// Receive buffer of the thread, large enough for any datagram.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; 65_536]);
}

impl UdpSocket {
    /// Waits for a datagram, or for an ICMP error if `heed_errors`; otherwise those are counted and passed over.
    ///
    /// # Errors
    /// `closed`, also when it is closed meanwhile; `refused`, `unreachable` and others: an ICMP error, where the socket has
    /// plain errors.
    pub fn receive(&self, until: Option<Instant>, stop: &Stop, heed_errors: bool) -> Result<Incoming> {
        let socket = self.socket("recv")?;
        if JUDGING.get() == Some(Arc::as_ptr(&self.0)) {
            return Err(Error::new(ErrorKind::Busy, "recv", "the socket's policy is deciding about a packet")
                .with_hint(
                    "a policy gets its packet as |pkt|; receive from another socket, or outside of the policy",
                ));
        }
        if until.is_none()
            && !self.0.plain_errors
            && !(heed_errors && self.may_have_errors())
            && let Some(datagram) = self.receive_alone(&socket, stop, heed_errors)
        {
            return Ok(Incoming::Packet(datagram));
        }
        let _in_turns = self.in_turns();
        // Where the last receives had to wait, this one likely has to as well, and asking first would cost a call for
        // nothing. Now and then it asks all the same, or it would not notice that it no longer has to.
        let waits = self.0.waits.load(Ordering::Relaxed);
        let mut ask = waits.is_multiple_of(ASK_AGAIN) || !self.0.ahead.is_empty();
        let mut next = 0;
        loop {
            if stop.is_stopped() {
                return Ok(Incoming::Interrupted);
            }
            let mut icmp = None;
            let asked = if ask { self.take_judged(&socket) } else { Ok(None) };
            match asked {
                Ok(Some(datagram)) => {
                    self.0.waits.store(next, Ordering::Relaxed);
                    return Ok(Incoming::Packet(datagram));
                }
                Ok(None) if lock(&self.0.unread).is_empty() => {
                    (ask, next) = (true, waits.wrapping_add(1));
                    let mut fds = [PollFd::readable(socket.as_fd())];
                    match self.0.host.wait(&mut fds, until, stop).map_err(|err| Error::system("recv", &err))? {
                        Waited::TimedOut => {
                            // What came while this thread was preempted, or before a deadline that was over at once.
                            let last = self.take_judged(&socket).map_err(|err| Error::system("recv", &err))?;
                            return Ok(last.map_or(Incoming::TimedOut, Incoming::Packet));
                        }
                        Waited::Stopped => return Ok(Incoming::Interrupted),
                        Waited::Ready => {}
                    }
                    if self.is_closed() {
                        return Err(closed("recv"));
                    }
                    if !fds[0].has_error() {
                        continue;
                    }
                }
                Ok(None) => {}
                Err(err) if is_pending_error(&err) && !(self.0.plain_errors && heed_errors) => {}
                Err(err) => return Err(Error::system("recv", &err)),
            }
            let mut others = VecDeque::new();
            self.drain(&socket, usize::MAX, &mut |queued| match queued {
                Queued::Icmp { error, .. } if icmp.is_none() => icmp = Some(error),
                Queued::Icmp { .. } => others.push_back(queued),
                _ => {}
            });
            if heed_errors {
                // For the next receive.
                lock(&self.0.unread).extend(others);
            } else {
                let count = others.len() + usize::from(icmp.is_some());
                self.0.unheeded_errors.fetch_add(count as u64, Ordering::Relaxed);
            }
            if let Some(error) = icmp.filter(|_| heed_errors) {
                return Ok(Incoming::Icmp(error));
            }
        }
    }

    /// Takes what has come, without waiting; ICMP errors are counted and passed over.
    ///
    /// # Errors
    /// `closed`.
    pub(in crate::net) fn take_one(&self) -> Result<Option<Incoming>> {
        let socket = self.socket("recv")?;
        match self.take_judged(&socket) {
            Ok(Some(datagram)) => Ok(Some(Incoming::Packet(datagram))),
            Ok(None) => {
                let count = self.drain(&socket, usize::MAX, &mut |_| {});
                self.0.unheeded_errors.fetch_add(count as u64, Ordering::Relaxed);
                Ok(None)
            }
            Err(err) => Err(Error::system("recv", &err)),
        }
    }

    /// Has the policy decide about a datagram. While it does, it cannot receive from this socket, whose lock is held.
    pub(in crate::net) fn judge_one(&self, judge: &AttachedPolicy, flows: &mut Flows, datagram: &Datagram) -> Decided {
        let outer = JUDGING.replace(Some(Arc::as_ptr(&self.0)));
        let judged =
            judge.judge(flows, &PolicyInput::Request(PacketView { local: self.local(), datagram, receiver: self }));
        JUDGING.set(outer);
        judged
    }

    /// Begins to receive beside other threads; to be held until what was received is judged.
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
    fn receive_alone(&self, socket: &Socket, stop: &Stop, heed_errors: bool) -> Option<Datagram> {
        // Stamps of what is sent have to be read meanwhile.
        if stop.is_stopped() || self.0.stamping.load(Ordering::Relaxed) {
            return None;
        }
        let seated = self.0.alone.enter()?;
        // What was printed is written out only where there is nothing else to do.
        let at_once = match self.0.ahead.pop() {
            None if environment().is_pending() => self.take(socket).ok()?,
            ahead => ahead,
        };
        let datagram = match at_once {
            Some(datagram) => datagram,
            // Looked at in the seat: who finds an error from here on calls this thread out of it.
            None if heed_errors && self.may_have_errors() => return None,
            None if self.is_plain() && self.0.ahead.is_worth_it() => self.fetch(socket, stop)?,
            None => self.wait_for_one(socket, stop)?,
        };
        if self.ignores(&datagram) {
            return None;
        }
        let Some(judge) = self.judge() else { return Some(datagram) };
        let flows = judge.turn();
        drop(seated);
        Some(self.judged(&judge, flows, datagram))
    }

    /// Whether ICMP errors have come of which a call that waits will not tell: others have met them.
    fn may_have_errors(&self) -> bool {
        self.0.passed_over.load(Ordering::Relaxed) || !lock(&self.0.unread).is_empty()
    }

    /// Waits for a datagram in the receiving call itself.
    pub(super) fn wait_for_one(&self, socket: &Socket, stop: &Stop) -> Option<Datagram> {
        BUFFER.with_borrow_mut(|buffer| {
            let mut received = None;
            if !self.0.host.wait_in(stop, &mut || received = self.call(socket, buffer, Wait::Yes).ok()) {
                return None;
            }
            self.0.ahead.brought(1);
            self.datagram(buffer, &received?)
        })
    }

    /// Receives a datagram without waiting and has the policy decide about it.
    fn take_judged(&self, socket: &Socket) -> io::Result<Option<Datagram>> {
        let judge = self.judge();
        let flows = judge.as_ref().map(|judge| judge.turn());
        let datagram = loop {
            match self.take(socket)? {
                Some(datagram) if self.ignores(&datagram) => {}
                Some(datagram) => break datagram,
                None => return Ok(None),
            }
        };
        Ok(Some(match (&judge, flows) {
            (Some(judge), Some(flows)) if self.has_judge(Some(judge)) => self.judged(judge, flows, datagram),
            (None, _) if self.has_judge(None) => datagram,
            // It may have come after another policy was set: that one decides.
            (_, flows) => {
                drop(flows);
                self.judged_now(datagram)
            }
        }))
    }

    /// The datagram with what the policy that there is by now decides about it.
    fn judged_now(&self, datagram: Datagram) -> Datagram {
        let Some(judge) = self.judge() else { return datagram };
        let flows = judge.turn();
        self.judged(&judge, flows, datagram)
    }

    /// The datagram with what the policy, whose lock is `flows`, decides about it.
    pub(super) fn judged(
        &self,
        judge: &AttachedPolicy,
        mut flows: MutexGuard<'_, Flows>,
        mut datagram: Datagram,
    ) -> Datagram {
        let judged = self.judge_one(judge, &mut flows, &datagram);
        drop(flows);
        let flow = || self.0.flow(datagram.from, self.0.local);
        let site = self.site();
        let data = &datagram.data;
        self.0.session.events.tell(|| Event::Decided { flow: flow(), data, judged: &judged, site: &site });
        datagram.judged = Some(Arc::new(judged));
        datagram
    }

    /// Receives a datagram without waiting; `None` if there is none. An ICMP error that takes the call's place is
    /// passed over: it is in the error queue.
    pub(in crate::net) fn take(&self, socket: &Socket) -> io::Result<Option<Datagram>> {
        if let Some(datagram) = self.0.ahead.pop() {
            return Ok(Some(datagram));
        }
        let mut again = TRIES;
        BUFFER.with_borrow_mut(|buffer| {
            loop {
                match self.call(socket, buffer, Wait::No) {
                    Ok(received) => return Ok(self.datagram(buffer, &received)),
                    Err(err) if is_pending_error(&err) && again > 0 && !self.0.plain_errors => {
                        self.0.passed_over.store(true, Ordering::Relaxed);
                        again -= 1;
                    }
                    Err(err) if err.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                    Err(err) if err.kind() == io::ErrorKind::Interrupted => return Ok(None),
                    Err(err) => return Err(err),
                }
            }
        })
    }

    /// Whether the sender is all there is to know of a datagram beside its data: without stamps and without events.
    fn is_plain(&self) -> bool {
        !self.0.any && !self.0.stamping.load(Ordering::Relaxed) && !self.0.session.events.wanted()
    }

    /// The call that receives, which asks for no more than what somebody wants to know.
    fn call(&self, socket: &Socket, buffer: &mut [u8], wait: Wait) -> io::Result<Received> {
        if self.is_plain() {
            sys::receive_plain(socket.as_fd(), buffer, wait)
        } else {
            sys::receive_data(socket.as_fd(), buffer, wait)
        }
    }

    /// What a call has received into `buffer`; `None` if that has no sender: the socket was closed meanwhile.
    fn datagram(&self, buffer: &[u8], received: &Received) -> Option<Datagram> {
        if let Some(drops) = received.overflow {
            self.0.report_drops(u64::from(drops));
        }
        let (from, data) = (received.addr?, &buffer[..received.len]);
        self.0.session.events.tell(|| Event::Received { flow: self.0.flow(from, self.0.local), data });
        let Received { to, truncated, stamp, ttl, .. } = *received;
        Some(Datagram { to, truncated, stamp, ttl, ..Datagram::new(data, from) })
    }

    /// Has the kernel stamp what is received from now on, if it does not yet (SO_TIMESTAMPING).
    pub fn stamp_arrivals(&self) {
        if let Ok(socket) = self.socket("recv")
            && !self.0.stamping.swap(true, Ordering::Relaxed)
        {
            sys::stamp_arrivals(socket.as_fd());
        }
    }
}
