//! What a socket has, whichever protocol it speaks: where it lives, its descriptor until it is closed, and the state that a
//! send leaves it in.

use std::any::Any;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error_queue::{TRIES, closed, is_pending_error};
use super::service::Service;
use super::session::Session;
use crate::net::error::{Error, ErrorKind, Result};
use crate::net::host::addr::is_group;
use crate::net::host::socket::{Awaited, HostSocket, SocketOption, SocketType, SocketValue};
use crate::net::host::stop::Stop;
use crate::net::host::{Host, Waited};
use crate::net::observe::event::{Event, Flow};
use crate::net::observe::loss_report::{Ends, Incident, LossReport};
use crate::net::policy::attached::AttachedPolicy;
use crate::net::policy::datagram::Datagram;
use crate::net::policy::decisions::{Decisions, PacketId};
use crate::net::policy::input::Site;
use crate::net::time::Instant;
use crate::net::wire::Family;
use crate::net::wire::content::Content;

/// After so many receives that had to wait, one asks before it waits.
const ASK_AGAIN: u32 = 8;

/// What a socket has, whichever protocol it speaks.
#[derive(Debug)]
pub struct Endpoint {
    /// `UDP`, `TCP` or `ICMP`.
    pub(super) protocol: &'static str,
    /// The host it lives on.
    pub(in crate::net) host: Arc<dyn Host>,
    /// What it shares with all sockets of the run.
    pub(in crate::net) session: Arc<Session>,
    /// The local address.
    pub(in crate::net) local: SocketAddr,
    /// The peer of a connection.
    peer: Option<SocketAddr>,
    /// `None` once closed.
    socket: Mutex<Option<Arc<dyn HostSocket>>>,
    /// Whether it was, for those that ask at each message and should not wait for each other.
    closed: AtomicBool,
    /// What it has as a server.
    pub(super) service: Arc<Service>,
    /// What its policy decided about the packets that a script received.
    pub(super) decisions: Decisions,
    /// Whether it may send to all hosts of a network.
    broadcast: bool,
    /// The TTL that it was made with, and the one that it is set to; 0: the system's.
    own_ttl: u8,
    ttl: AtomicU8,
    /// How many receives on end had to wait.
    waits: AtomicU32,
    /// Whether the kernel stamps what is sent, and the number that it gives to the next of these stamps.
    is_stamped: AtomicBool,
    next_stamp: Mutex<u32>,
    /// Whether an ICMP error was taken from the queue since the last send. The kernel puts it there first, and has the next call
    /// report it after that: if it was taken meanwhile, that call fails by it with nothing in the queue.
    error_was_taken: AtomicBool,
    /// Where it is bound to any address: one that was sent to, and the address that packets to it leave by.
    source: Mutex<Option<(IpAddr, IpAddr)>>,
}

impl Endpoint {
    pub(super) fn new(
        protocol: &'static str,
        host: Arc<dyn Host>,
        session: Arc<Session>,
        local: SocketAddr,
        socket: Arc<dyn HostSocket>,
    ) -> Self {
        Self {
            protocol,
            host,
            session,
            local,
            peer: None,
            socket: Mutex::new(Some(socket)),
            closed: AtomicBool::new(false),
            service: Arc::new(Service::new(local)),
            decisions: Decisions::default(),
            broadcast: false,
            own_ttl: 0,
            ttl: AtomicU8::new(0),
            waits: AtomicU32::new(0),
            is_stamped: AtomicBool::new(false),
            next_stamp: Mutex::default(),
            error_was_taken: AtomicBool::new(false),
            source: Mutex::default(),
        }
    }

    /// It, made with this TTL (`None`: the system's), and with or without the right to send to all hosts of a network.
    pub(super) fn sending(self, ttl: Option<u8>, broadcast: bool) -> Self {
        let own_ttl = ttl.unwrap_or(0);
        Self { broadcast, own_ttl, ttl: AtomicU8::new(own_ttl), ..self }
    }

    /// It, of a connection to `peer`, which a listener may have accepted.
    pub(super) fn connected(self, peer: SocketAddr, by: Option<Arc<Service>>) -> Self {
        Self { peer: Some(peer), service: by.unwrap_or_else(|| self.service.clone()), ..self }
    }

    /// The local address.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// What it shares with all sockets of the run.
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// The open socket.
    pub(super) fn open(&self) -> Option<Arc<dyn HostSocket>> {
        lock(&self.socket).clone()
    }

    /// The open socket.
    ///
    /// # Errors
    /// `closed`.
    pub(in crate::net) fn socket(&self, op: &'static str) -> Result<Arc<dyn HostSocket>> {
        self.open().ok_or_else(|| self.closed(op))
    }

    /// The error of `op` on it once it is closed.
    pub(in crate::net) fn closed(&self, op: &'static str) -> Error {
        match self.peer {
            Some(peer) => Error::new(ErrorKind::Closed, op, "the connection was closed here")
                .with_peer(peer)
                .with_hint("connect again, or close it later"),
            None => closed(op),
        }
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// The socket of one that is open and from now on closed. A thread that is woken by what is then done to it knows that.
    pub(super) fn take_socket(&self) -> Option<Arc<dyn HostSocket>> {
        let mut socket = lock(&self.socket);
        self.closed.store(true, Ordering::Release);
        socket.take()
    }

    /// Closes it. Threads that wait on it wake, on unconnected sockets too, where the call itself reports ENOTCONN.
    pub fn close(&self) {
        if let Some(socket) = self.take_socket() {
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Where losses and verdicts are reported.
    pub fn loss_report(&self) -> &LossReport {
        &self.session.loss_report
    }

    /// Sizes of the receive and the send buffer in bytes, as the kernel counts them.
    ///
    /// # Errors
    /// `closed`.
    pub fn buffers(&self) -> Result<(usize, usize)> {
        let socket = self.socket("buffers")?;
        let size = |value| socket.get(value).map(|size| size.unwrap_or(0) as usize);
        let sizes = || Ok((size(SocketValue::ReceiveBuffer)?, size(SocketValue::SendBuffer)?));
        sizes().map_err(|err: io::Error| Error::system("buffers", &err))
    }

    /// A flow from one address to another, now.
    pub(in crate::net) fn flow(&self, from: SocketAddr, to: SocketAddr) -> Flow<'_> {
        let (time, host) = (self.host.unix_nanos(), self.host.name());
        Flow { time, from: self.used(from, to), to: self.used(to, from), host, protocol: self.protocol }
    }

    /// The address that a socket of ICMP really uses, where it is bound to any and pings `peer`.
    fn used(&self, own: SocketAddr, peer: SocketAddr) -> SocketAddr {
        let is_any = own == self.local && own.ip().is_unspecified() && own.port() > 0;
        if !is_any || self.protocol != "ICMP" {
            return own;
        }
        let known = lock(&self.source).filter(|(to, _)| *to == peer.ip());
        let find = || -> io::Result<SocketAddr> {
            let mut to = peer;
            to.set_port(9);
            let socket = self.host.socket(SocketType::Udp, Family::of(to.ip()))?;
            socket.connect(to)?;
            socket.local_addr()
        };
        let found = || find().map_or(own.ip(), |addr| addr.ip());
        let source = known.map_or_else(found, |(_, source)| source);
        *lock(&self.source) = Some((peer.ip(), source));
        SocketAddr::new(source, own.port())
    }

    /// The ends of what is asked by `peer`, and of the replies to it.
    pub(super) fn asked_by(&self, peer: SocketAddr) -> Ends {
        Ends::seen_by(self.host.id(), peer, self.local)
    }

    /// The ends of what `peer` is asked.
    pub(super) fn asks(&self, peer: SocketAddr) -> Ends {
        Ends::seen_by(self.host.id(), self.local, peer)
    }

    /// Where its policy is at work.
    pub fn site(&self) -> Site {
        Site::Server(self.host.id(), self.service.at)
    }

    /// Puts a policy in place of the one before, for the connections that were accepted too; `name` is for the loss report.
    /// Whatever arrives after this is the new one's.
    pub fn set_policy(&self, policy: AttachedPolicy, name: String) {
        let policy = Arc::new(policy);
        // First: the loss report keeps only the counts of a policy that is gone.
        self.service.policy.set(Some(policy.clone()));
        self.loss_report().attach_policy(self.site(), &policy, name);
    }

    /// Has no policy any more.
    pub fn remove_policy(&self) {
        self.service.policy.set(None);
    }

    /// Waits until `take` gives something, `until` has passed or `stop` has happened; how the wait ended, if with nothing. `take`
    /// does not wait, and gets whether a wait has found an error. `wait_in_call` waits and takes with one call, if it can, and
    /// may give something. `has_more`: more was received than was taken.
    ///
    /// # Errors
    /// `closed`, also when it is closed meanwhile; `system`.
    pub(super) fn receive<T>(
        &self,
        socket: &dyn HostSocket,
        (until, stop): (Option<Instant>, &Stop),
        has_more: bool,
        mut take: impl FnMut(bool) -> Result<Option<T>>,
        mut wait_in_call: impl FnMut() -> Option<Option<T>>,
    ) -> Result<std::result::Result<T, Waited>> {
        // Where the last receives had to wait, this one likely has to as well, and asking first would cost a call for
        // nothing. Now and then it asks all the same, or it would not notice that it no longer has to.
        let waits = self.waits.load(Ordering::Relaxed);
        let (mut ask, mut next, mut has_error) = (waits.is_multiple_of(ASK_AGAIN) || has_more, 0, false);
        loop {
            // What ends a script closes its sockets, too.
            if stop.is_stopped() {
                return Ok(Err(Waited::Stopped));
            }
            if self.is_closed() {
                return Err(self.closed("recv"));
            }
            if ask && let Some(taken) = take(has_error)? {
                self.waits.store(next, Ordering::Relaxed);
                return Ok(Ok(taken));
            }
            (ask, next) = (true, waits.wrapping_add(1));
            match wait_in_call() {
                Some(Some(taken)) => return Ok(Ok(taken)),
                Some(None) => continue,
                None => {}
            }
            let mut awaited = [Awaited::readable(socket)];
            let waited = self.host.wait(&mut awaited, until, stop).map_err(|err| Error::system("recv", &err))?;
            has_error = awaited[0].has_error;
            match waited {
                Waited::Ready => {}
                _ if self.is_closed() && !stop.is_stopped() => return Err(self.closed("recv")),
                Waited::Stopped => return Ok(Err(waited)),
                // What came while this thread was preempted, or before a deadline that was over at once.
                Waited::TimedOut => return Ok(take(false)?.ok_or(waited)),
            }
        }
    }

    /// Receives with `receive`, and has the policy decide about the `packets` of what came.
    pub(super) fn decide<R>(
        &self,
        receiver: &dyn Any,
        receive: impl FnOnce() -> R,
        packets: impl Fn(&mut R) -> &mut [Datagram],
    ) -> R {
        let mut received = self.service.policy.decide(self.host.as_ref(), self.local, receiver, receive, &packets);
        if self.session.events.wanted() {
            let site = &self.site();
            for Datagram { data, from, decided, .. } in packets(&mut received).iter() {
                if let Some(decided) = decided {
                    let flow = self.flow(*from, self.local);
                    self.session.events.emit(|| Event::Decided { flow, data, decided, site });
                }
            }
        }
        received
    }

    /// Remembers a packet that is given to a script, which may reply to it by sending to its sender.
    pub fn handed_out(&self, packet: &Datagram) -> Option<PacketId> {
        self.sends_no_reply(packet);
        (packet.decided.is_some() || self.loss_report().pings()).then(|| self.decisions.enter(packet))
    }

    /// Notes that a script has received a packet, and as yet sent no reply.
    pub fn sends_no_reply(&self, packet: &Datagram) {
        let report = self.loss_report();
        if report.pings() {
            let (now, content) = (self.host.now(), Content::of(&packet.data));
            report.note(now, self.asked_by(packet.from), content, &self.site(), Incident::HandedOut);
        }
    }

    /// Whether what goes to `to` goes to several hosts, which reply from addresses of their own.
    pub(super) fn is_group(&self, to: SocketAddr) -> bool {
        is_group(&*self.host, to, self.broadcast)
    }

    /// Has what is sent next go with this TTL; `None`: with the socket's own.
    pub(super) fn set_ttl(&self, socket: &dyn HostSocket, ttl: Option<u8>) -> io::Result<()> {
        let ttl = ttl.unwrap_or(self.own_ttl);
        match self.ttl.swap(ttl, Ordering::Relaxed) == ttl {
            true => Ok(()),
            false => socket.set(SocketOption::Ttl((ttl > 0).then_some(ttl))),
        }
    }

    /// Whether the kernel stamps what is sent.
    pub(super) fn is_stamped(&self) -> bool {
        self.is_stamped.load(Ordering::Acquire)
    }

    /// Has the kernel stamp what is sent and received from now on (SO_TIMESTAMPING). Where it will not, the session's clock is
    /// the next best.
    pub(super) fn number_stamps(&self, socket: &dyn HostSocket) {
        if self.is_stamped() {
            return;
        }
        let mut next = lock(&self.next_stamp);
        if !self.is_stamped() {
            let _ = socket.set(SocketOption::NumberStamps);
            *next = 0;
            self.is_stamped.store(true, Ordering::Release);
        }
    }

    /// Sends with `call`, again where an ICMP error took its place: `look` looks for one, and says whether `call` may be tried
    /// again. The number of the stamp, where what is sent is stamped.
    pub(super) fn send(
        &self,
        socket: &dyn HostSocket,
        mut call: impl FnMut() -> io::Result<usize>,
        mut look: impl FnMut(&io::Error) -> bool,
    ) -> io::Result<Option<u32>> {
        let mut again = TRIES;
        loop {
            // Held over the call: the kernel numbers packets in the order of the calls.
            let mut next = self.is_stamped().then(|| lock(&self.next_stamp));
            let sent = call();
            let number = next.as_deref_mut().map(|next| std::mem::replace(next, next.wrapping_add(1)));
            let was_taken = self.error_was_taken.load(Ordering::SeqCst);
            if was_taken {
                self.error_was_taken.store(false, Ordering::SeqCst);
            }
            let Err(err) = sent else { return Ok(number) };
            if let Some(next) = &mut next {
                // Kernels differ in whether a failed send took a number.
                let _ = socket.set(SocketOption::NumberStamps);
                **next = 0;
            }
            drop(next);
            // Errors may keep coming for what is in flight, and each may take the place of one call.
            let was_seen = look(&err);
            if again == 0 || !(was_seen || was_taken && is_pending_error(&err)) {
                return Err(err);
            }
            again -= 1;
        }
    }
}

impl Endpoint {
    /// Notes that so many ICMP errors were just taken from the queue.
    pub(super) fn has_taken(&self, errors: usize) -> usize {
        if errors > 0 {
            self.error_was_taken.store(true, Ordering::SeqCst);
        }
        errors
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "endpoint_tests.rs"]
mod tests;
