//! Sending echo requests, and what the prober needs of the socket.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};

use socket2::Socket;

use super::error::send_error;
use super::filter::of_replies;
use super::{IcmpSocket, Mode, hearing, lock};
use crate::net::error::{Error, Result};
use crate::net::host::addr::is_group;
use crate::net::host::stop::Stop;
use crate::net::host::{Host, Waited};
use crate::net::observe::event::{Event, Flow};
use crate::net::policy::datagram::Datagram;
use crate::net::probe::ledger::{Blame, Key, ProbeId};
use crate::net::probe::outcome::Probe;
use crate::net::socket::error_queue::{Queued, is_pending_error, take_entry};
use crate::net::socket::icmp_monitor::is_kept;
use crate::net::socket::prober::{Carrier, Name, Prober, Recognised, Tally};
use crate::net::socket::session::Session;
use crate::net::sys::{self, PollFd, RawAddr};
use crate::net::time::Instant;
use crate::net::wire::Family;
use crate::net::wire::content::Content;
use crate::net::wire::icmp::{Echo, IcmpError, Kind, Message, Subject};

/// Octets of an echo request before its payload.
pub(super) const HEADER: usize = 8;

/// Octets of a quote before the ICMP header: an IPv4 header without options.
const IP_HEADER: usize = 20;

/// How many requests may be sent in a row.
const BURST: usize = 32;

/// Replies to messages of so many octets are received whole together with others, whatever options their IP headers have.
const SMALL: usize = sys::GATHERED_SIZE - 60;

/// How many replies to others a socket that is not fast hears before they are kept from it.
const OTHERS: u32 = 32;

/// How often a call is tried again whose place an ICMP error took.
const TRIES: u32 = 8;

impl IcmpSocket {
    /// Sets the socket to the TTL of the next request.
    fn set_ttl(&self, socket: &Socket, ttl: Option<u8>) -> io::Result<()> {
        let mut sending = lock(&self.0.sending);
        if sending.ttl != ttl {
            sys::set_ttl(socket.as_fd(), self.0.family == Family::V4, ttl.or(self.0.ttl))?;
            sending.ttl = ttl;
        }
        Ok(())
    }

    /// Hears what the kernel keeps from the socket itself.
    fn hear_ear(&self, queued: &mut dyn FnMut(Queued)) {
        self.0.monitor.hear(
            |heard| {
                let (kind, about) = (heard.message.kind, heard.about.as_ref()?);
                let asks = about.transport.icmp().and_then(|icmp| icmp.kind).is_some_and(Kind::is_extended_request);
                let wanted = is_kept(kind) || kind.is_extended_reply() || (asks && kind.family == Family::V6);
                wanted.then(|| self.is_own(about)).flatten()
            },
            |error, stamp| queued(Queued::Icmp { error, stamp }),
        );
    }

    /// After how many replies to others the kernel is told to keep them. Until then the filter would only cost time, and
    /// a reply that comes back with another identifier is told from one to others and counted.
    fn enough(&self) -> u32 {
        if self.0.fast { 1 } else { OTHERS }
    }

    /// Has the kernel keep the replies to others from a socket that has heard enough of them.
    fn filter(&self) {
        if self.0.others.fetch_add(1, Ordering::Relaxed) + 1 == self.enough()
            && let Ok(socket) = self.socket("ping")
        {
            // Without the filter they are passed over one by one.
            let _ = socket.attach_filter(&of_replies(self.0.family, self.id()));
        }
    }

    /// Tells how a message goes from one address to another now.
    pub(super) fn flow(&self, from: SocketAddr, to: SocketAddr) -> Flow<'_> {
        Flow { time: self.0.host.unix_nanos(), from, to, host: self.0.host.name() }
    }
}

impl Carrier for IcmpSocket {
    fn protocol(&self) -> &'static str {
        "ICMP"
    }

    fn host(&self) -> &Arc<dyn Host> {
        &self.0.host
    }

    fn session(&self) -> &Arc<Session> {
        &self.0.session
    }

    fn local(&self) -> SocketAddr {
        self.0.local
    }

    fn is_closed(&self) -> bool {
        self.is_closed()
    }

    fn socket(&self, op: &'static str) -> Result<Arc<Socket>> {
        self.socket(op)
    }

    fn prober(&self, op: &'static str) -> Result<MutexGuard<'_, Prober>> {
        self.prober(op)
    }

    fn compose(&self, _: u64, before: u64, size: usize) -> Vec<u8> {
        let number = before + 1;
        let mut bytes = Vec::with_capacity(HEADER + size);
        let echo = Echo { id: self.id(), seq: number as u16 };
        Message::echo_request(self.0.family, echo, &[]).emit_into(&mut bytes);
        self.0.payload.append(number, size, &mut bytes);
        // Ping sockets and ICMPv6 leave the checksum to the kernel.
        if let (Mode::Raw, Family::V4, Ok(message)) =
            (self.0.mode, self.0.family, Message::parse(self.0.family, &bytes))
        {
            let sum = message.sealed(None).checksum;
            bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        bytes
    }

    fn compose_question(&self, subject: &Subject, before: u64) -> Vec<u8> {
        self.question(subject, before + 1)
    }

    fn tally(&self) -> &Tally {
        &self.0.tally
    }

    fn ask_for_stamps(&self, socket: &Socket) {
        let mut sending = lock(&self.0.sending);
        if !std::mem::replace(&mut sending.stamping, true) {
            if self.0.mode == Mode::Ping {
                // Errors about questions, which Linux does not queue for sockets of IPv6.
                self.0.monitor.open(&*self.0.host, self.0.local, &[1, 2, 3, 4]);
            }
            if self.0.as_ping {
                sys::stamp_arrivals(socket.as_fd());
            } else {
                sys::number_stamps(socket.as_fd());
                sending.next_stamp = Some(0);
            }
        }
    }

    fn drain(&self, socket: &Socket, queued: &mut dyn FnMut(Queued)) -> usize {
        if self.0.fast && !self.0.has_errors.swap(false, Ordering::Relaxed) {
            return 0;
        }
        std::iter::from_fn(|| self.drain_one(socket, queued).then_some(())).count()
    }

    fn drain_one(&self, socket: &Socket, queued: &mut dyn FnMut(Queued)) -> bool {
        let raw = self.0.mode == Mode::Raw;
        take_entry(socket, self.0.local, IP_HEADER, &mut |entry| match entry {
            // A raw socket gets the same error as a message, with all that it says.
            Queued::Icmp { .. } if raw => {}
            Queued::Icmp { ref error, .. } if self.0.monitor.hears(error.kind) => {}
            other => queued(other),
        })
    }

    fn tell_sent(&self, probe: &Probe<'_>) {
        let flow = || self.flow(self.0.local, probe.to);
        self.0.session.events.tell(|| Event::Sent { flow: flow(), data: probe.message });
    }

    fn send(&self, socket: &Socket, probe: &Probe<'_>, queued: &mut dyn FnMut(Queued)) -> io::Result<Option<u32>> {
        self.send_timed(socket, probe, queued).1
    }

    fn send_timed(
        &self,
        socket: &Socket,
        probe: &Probe<'_>,
        queued: &mut dyn FnMut(Queued),
    ) -> (Instant, io::Result<Option<u32>>) {
        if let Err(err) = self.set_ttl(socket, probe.ttl) {
            return (self.0.host.now(), Err(err));
        }
        if probe.message.len() > SMALL {
            self.0.has_large.store(true, Ordering::Relaxed);
        }
        let mut to = probe.to;
        to.set_port(0);
        let raw = RawAddr::from(to);
        let mut again = TRIES;
        loop {
            // Held over the call: the kernel numbers packets in the order of the calls.
            let mut sending = lock(&self.0.sending);
            let sent = self.0.host.now();
            let Err(err) = sys::send_to(socket.as_fd(), probe.message, &raw) else {
                let number = sending.next_stamp;
                sending.next_stamp = number.map(|number| number.wrapping_add(1));
                return (sent, Ok(number));
            };
            if sending.next_stamp.is_some() {
                // Kernels differ in whether a failed send took a number.
                sys::number_stamps(socket.as_fd());
                sending.next_stamp = Some(0);
            }
            drop(sending);
            self.0.has_errors.store(true, Ordering::Relaxed);
            // Errors may keep coming for what is in flight, and each may take the place of one call.
            if again == 0 || (self.drain(socket, queued) == 0 && !is_pending_error(&err)) {
                return (sent, Err(err));
            }
            again -= 1;
        }
    }

    fn send_error(&self, err: &io::Error, probe: &Probe<'_>) -> Error {
        send_error(&*self.0.host, err, probe.message.len() - HEADER, probe.to)
    }

    fn take(&self, socket: &Socket, queued: &mut dyn FnMut(Queued)) -> io::Result<Option<Datagram>> {
        self.hear_ear(queued);
        self.take(socket, queued)
    }

    fn take_some(
        &self,
        socket: &Socket,
        most: usize,
        arrived: &mut Vec<Datagram>,
        queued: &mut dyn FnMut(Queued),
    ) -> io::Result<bool> {
        if !self.0.fast || self.0.has_large.load(Ordering::Relaxed) {
            arrived.extend(Carrier::take(self, socket, queued)?);
            return Ok(true);
        }
        self.hear_ear(queued);
        self.gather(socket, most, arrived, queued)
    }

    fn name(&self, message: &[u8], running: u64) -> Name {
        Name { key: Key::Number(running), number: None, content: Content::of(self.echoed(message)) }
    }

    fn is_group(&self, to: SocketAddr) -> bool {
        is_group(&*self.0.host, to, self.0.broadcast)
    }

    fn recognise(&self, prober: &Prober, datagram: &Datagram) -> Recognised {
        let what = hearing::recognise(&self.0, prober, datagram);
        if what == Recognised::Unrelated {
            self.filter();
        }
        what
    }

    fn blame(&self, prober: &Prober, error: &IcmpError, awaited: Option<ProbeId>) -> Blame {
        hearing::blame(&self.0, prober, error, awaited)
    }

    fn wait(&self, socket: &Socket, until: Option<Instant>, stop: &Stop) -> io::Result<Waited> {
        let mut fd = PollFd::readable(socket.as_fd());
        let waited = self.0.monitor.wait(&*self.0.host, &mut fd, until, stop)?;
        if fd.has_error() {
            self.0.has_errors.store(true, Ordering::Relaxed);
        }
        Ok(waited)
    }

    fn hears_others(&self, first: bool) -> bool {
        let unfiltered = || self.0.others.load(Ordering::Relaxed) < self.enough();
        self.0.mode == Mode::Raw && (first || !self.0.fast) && unfiltered()
    }

    fn burst(&self) -> usize {
        if self.0.fast { BURST } else { 1 }
    }

    fn overhear(&self, queued: &mut dyn FnMut(Queued)) {
        self.0.monitor.look();
        self.hear_ear(queued);
    }

    fn echoed<'a>(&self, message: &'a [u8]) -> &'a [u8] {
        message.get(HEADER..).unwrap_or_default()
    }
}
