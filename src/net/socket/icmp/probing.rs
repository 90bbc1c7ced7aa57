//! Sending echo requests, and what the prober needs of the socket.

use std::io;
use std::sync::atomic::Ordering;

use super::error::send_error;
use super::{IcmpSocket, Mode, receiving};
use crate::net::error::Result;
use crate::net::host::Waited;
use crate::net::host::socket::{Awaited, Filter, HostSocket, Outgoing, SocketOption};
use crate::net::host::stop::Stop;
use crate::net::io::Batch;
use crate::net::observe::event::Event;
use crate::net::policy::datagram::Datagram;
use crate::net::probe::ledger::{Blame, ProbeId};
use crate::net::probe::outcome::Probe;
use crate::net::socket::error_queue::{Queued, TakeQueued, take_entries};
use crate::net::socket::icmp_monitor::is_kept;
use crate::net::socket::prober::{Prober, Probing, Recognised, Text, Transport};
use crate::net::time::Instant;
use crate::net::wire::Family;
use crate::net::wire::icmp::{Echo, IcmpError, Kind, Message};

/// Octets of an echo request before its payload.
pub(super) const HEADER: usize = 8;

/// Octets of a quote before the ICMP header: an IPv4 header without options.
pub(super) const IP_HEADER: usize = 20;

/// How many requests may be sent in a row.
pub(super) const BURST: usize = 32;

/// Replies to messages of so many octets are received whole together with others, whatever options their IP headers have.
const SMALL: usize = Batch::SMALL - 60;

/// How many replies to others a socket that is not fast receives before they are kept from it.
const OTHERS: u32 = 32;

impl IcmpSocket {
    /// After how many replies to others the kernel is asked to keep them. Until then the filter would only cost time, and
    /// a reply that comes back with another identifier is distinguished from one to others and counted.
    fn enough(&self) -> u32 {
        if self.0.fast { 1 } else { OTHERS }
    }

    /// Has the kernel keep the replies to others from a socket that has received enough of them.
    fn filter(&self) {
        if self.0.others.fetch_add(1, Ordering::Relaxed) + 1 == self.enough()
            && let Some(socket) = self.0.open()
        {
            // Without the filter they are passed over one by one.
            let _ = socket.filter(Filter::Replies(self.id()));
        }
    }

    /// The echo request that is the probe with this number.
    pub(super) fn echo(&self, number: u64, size: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + size);
        let echo = Echo { id: self.id(), seq: number as u16 };
        Message::echo_request(self.0.family, echo, &[]).emit_into(&mut bytes);
        self.0.payload.append(number, size, &mut bytes);
        // Ping sockets and ICMPv6 leave the checksum to the kernel.
        if let (Mode::Raw, Family::V4, Ok(message)) =
            (self.0.mode, self.0.family, Message::parse(self.0.family, &bytes))
        {
            let sum = message.for_raw_socket().checksum;
            bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        bytes
    }
}

impl Transport for IcmpSocket {
    fn probing(&self) -> &Probing {
        &self.0.probing
    }

    fn compose(&self, text: Text<'_>, running: u64, size: usize) -> Result<Vec<u8>> {
        Ok(match text {
            Text::Question(subject) => self.question(subject, running),
            Text::Ping(_) | Text::Own(_) => self.echo(running, size),
        })
    }

    fn prepare(&self, socket: &dyn HostSocket, first: bool) -> bool {
        if !self.0.prepared.swap(true, Ordering::Relaxed) {
            if self.0.mode == Mode::Ping {
                // Errors about questions, which Linux does not queue for sockets of IPv6.
                self.0.probing.monitor.open(&*self.0.host, self.0.local, &[1, 2, 3, 4]);
            }
            if self.0.as_ping {
                let _ = socket.set(SocketOption::StampArrivals);
            } else {
                self.0.number_stamps(socket);
            }
        }
        let unfiltered = || self.0.others.load(Ordering::Relaxed) < self.enough();
        self.0.mode == Mode::Raw && (first || !self.0.fast) && unfiltered()
    }

    fn drain(&self, socket: &dyn HostSocket, most: usize, queued: TakeQueued<'_>) -> usize {
        if self.0.fast && !self.0.has_errors.swap(false, Ordering::Relaxed) {
            return 0;
        }
        let raw = self.0.mode == Mode::Raw;
        let errors = take_entries(socket, self.0.local, IP_HEADER, most, &mut |entry| match entry {
            // A raw socket gets the same error as a message, with all that it says.
            Queued::Icmp { .. } if raw => {}
            Queued::Icmp { ref error, .. } if self.0.probing.monitor.covers(error.kind) => {}
            other => queued(other),
        });
        self.0.endpoint.has_taken(errors)
    }

    fn send(
        &self,
        socket: &dyn HostSocket,
        probe: &Probe<'_>,
        sent: &mut Instant,
        queued: TakeQueued<'_>,
    ) -> Result<Option<u32>> {
        let mut to = probe.to;
        self.0.session.events.emit(|| Event::Sent { flow: self.0.flow(self.0.local, to), data: probe.message });
        if probe.message.len() > SMALL {
            self.0.has_large.store(true, Ordering::Relaxed);
        }
        to.set_port(0);
        let call = || {
            *sent = self.0.host.now();
            socket.send(&Outgoing { data: probe.message, to: Some(to), source: None })
        };
        let look = |_: &io::Error| {
            self.0.has_errors.store(true, Ordering::Relaxed);
            // One that the queue does not hold is this host's own, and would come again.
            self.drain(socket, usize::MAX, queued) > 0
        };
        let number = self.0.set_ttl(socket, probe.ttl).and_then(|()| self.0.endpoint.send(socket, call, look));
        number.map_err(|err| send_error(&*self.0.host, &err, probe.message.len() - HEADER, probe.to))
    }

    fn take_monitored(&self, queued: TakeQueued<'_>) {
        self.0.probing.monitor.take(
            |received| {
                let (kind, about) = (received.message.kind, received.about.as_ref()?);
                let asks = about.transport.icmp().and_then(|icmp| icmp.kind).is_some_and(Kind::is_extended_request);
                let wanted = is_kept(kind) || kind.is_extended_reply() || (asks && kind.family == Family::V6);
                wanted.then(|| self.is_own(about)).flatten()
            },
            queued,
        );
    }

    fn receive(
        &self,
        socket: &dyn HostSocket,
        most: usize,
        arrived: &mut Vec<Datagram>,
        queued: TakeQueued<'_>,
    ) -> io::Result<bool> {
        if self.0.fast && !self.0.has_large.load(Ordering::Relaxed) {
            return self.gather(socket, most, arrived, queued);
        }
        arrived.extend(self.take(socket, queued)?);
        Ok(true)
    }

    fn recognise(&self, prober: &Prober, datagram: &Datagram) -> Recognised {
        let what = receiving::recognise(&self.0, prober, datagram);
        if what == Recognised::Unrelated {
            self.filter();
        }
        what
    }

    fn blame(&self, prober: &Prober, error: &IcmpError, awaited: Option<ProbeId>) -> Blame {
        receiving::blame(&self.0, prober, error, awaited)
    }

    fn wait(&self, socket: &dyn HostSocket, until: Option<Instant>, stop: &Stop) -> io::Result<Waited> {
        let mut awaited = Awaited::readable(socket);
        let waited = self.0.probing.monitor.wait(&*self.0.host, &mut awaited, until, stop)?;
        if awaited.has_error {
            self.0.has_errors.store(true, Ordering::Relaxed);
        }
        Ok(waited)
    }
}
