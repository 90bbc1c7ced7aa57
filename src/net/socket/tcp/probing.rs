//! Pings over a connection: messages `ping N …`, which replies repeat, in any case of their letters.
//!
//! What happens to the connection meanwhile settles pings too: an ICMP error, which the connection survives, and its end.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::end::Ended;
use super::read::Pulled;
use super::rejected::Rejected;
use super::reply_splitter::{Next, ReplySplitter};
use super::{Connection, Framing, Want, lock};
use crate::net::error::{Error, ErrorKind, Result, errno, of_number};
use crate::net::host::Waited;
use crate::net::host::id::HostId;
use crate::net::host::socket::{Awaited, HostSocket, SocketOption, SocketValue};
use crate::net::host::stop::Stop;
use crate::net::io::{Blocking, Interest};
use crate::net::observe::event::Event;
use crate::net::policy::datagram::Datagram;
use crate::net::probe::ledger::{Blame, Key, ProbeId, Stray};
use crate::net::probe::outcome::{Outcome, Probe};
use crate::net::socket::error_queue::{Queued, TakeQueued, take_entries};
use crate::net::socket::icmp_monitor::MonitoredMessage;
use crate::net::socket::prober::{Prober, Probing, Recognised, Script, Tally, Text, Transport, Work, notices};
use crate::net::socket::session::Settle;
use crate::net::time::Instant;
use crate::net::wire::content::Content;
use crate::net::wire::icmp::IcmpError;
use crate::net::wire::ip::Packet;
use crate::net::wire::ping_text;

/// Octets of a quote before the payload: an IPv4 header and a TCP header, without options.
const HEADERS: usize = 40;

/// Octets of the timestamps in a TCP header, as Linux fills them up.
const TIMESTAMPS: usize = 12;

/// Octets that a framing adds at most.
const FRAMING: usize = 4;

/// The least segment size that hosts agree on without options (RFC 9293, section 3.7.1).
const LEAST_MSS: usize = 536;

/// What a connection has that is pinged over.
#[derive(Debug)]
pub(super) struct Pinging {
    probing: Probing,
    splitter: Mutex<ReplySplitter>,
    rejected: Mutex<Rejected>,
    stamping: AtomicBool,
}

impl Connection {
    /// Sends a probe in the connection's framing and waits until it is settled. Replies are matched by the number in a
    /// message `ping N …`, or else by their text, without regard to case; without framing, a reply that holds several is
    /// taken apart.
    ///
    /// # Errors
    /// `closed`: it was closed here; `busy`; `system`.
    pub fn ping(&self, probe: &Probe<'_>, stop: &Stop) -> Result<Outcome> {
        let socket = self.socket("ping")?;
        let mut work = Work { transport: self, socket: &*socket, stop, script: &mut Script::default() };
        self.probing().lock("ping")?.ping(&mut work, probe)
    }

    /// Checks that a message of `size` bytes can be a ping.
    ///
    /// # Errors
    /// `invalid`.
    pub fn check_message(&self, size: usize) -> Result<()> {
        let limit = self.limit();
        if (1..=limit).contains(&size) {
            return Ok(());
        }
        let message = format!("a ping over a connection has 1 to {limit} bytes, not {size}");
        Err(Error::invalid("ping", message).with_hint("a larger `limit` of the connection allows more"))
    }

    /// What is known of its pings.
    pub fn tally(&self) -> &Tally {
        &self.probing().tally
    }

    /// What has come by now, is about the connection, and settled no ping: redirects and other advice, each once.
    pub fn notices(&self) -> Vec<IcmpError> {
        if self.0.pinging.get().is_some() { notices(self) } else { Vec::new() }
    }

    /// Whether the type and code of ICMP errors are known, by a raw socket: without it only their errno is.
    pub fn receives_icmp(&self) -> bool {
        self.probing().monitor.is_open()
    }

    fn pinging(&self) -> &Pinging {
        self.0.pinging.get_or_init(|| {
            let inner: Arc<dyn Settle> = self.0.clone();
            self.0.session.opened(Arc::downgrade(&inner));
            let info = self.socket("ping").ok().and_then(|socket| socket.tcp_info().ok());
            let options = if info.is_some_and(|info| info.has_timestamps) { TIMESTAMPS } else { 0 };
            let headers = options + if self.0.local.is_ipv4() { HEADERS } else { HEADERS + 20 };
            let probing = Probing::new(headers);
            probing.monitor.open_for_stream(&*self.0.host, self.0.local, self.0.peer);
            let (splitter, rejected, stamping) = (Mutex::default(), Mutex::default(), AtomicBool::new(false));
            Box::new(Pinging { probing, splitter, rejected, stamping })
        })
    }

    /// Whether a packet is a segment of the connection from here.
    fn is_own(&self, packet: &Packet<'_>) -> bool {
        let ports = packet.transport.tcp().map(|tcp| (tcp.source_port, tcp.destination_port));
        (packet.source, packet.destination) == (self.0.local.ip(), self.0.peer.ip())
            && ports == Some((Some(self.0.local.port()), Some(self.0.peer.port())))
    }

    /// Whether some of what was sent has not left this host yet, since TCP waits for the acknowledgement of older bytes.
    fn is_held_back(&self) -> bool {
        let unsent = || self.socket("ping").ok()?.get(SocketValue::Unsent).ok()?;
        self.backlog().0 || unsent().is_some_and(|bytes| bytes > 0)
    }

    /// The next reply of what has been received; `None`: not all of one is there.
    fn next_reply(&self) -> Option<Arc<[u8]>> {
        let mut inbox = self.inbox()?;
        let want = match self.0.framing {
            Framing::Raw if inbox.is_empty() => return None,
            Framing::Raw => match lock(&self.pinging().splitter).next(inbox.bytes()) {
                Next::Whole(len) => Want::Exact(len),
                Next::Partial => return None,
            },
            framing => framing.want(),
        };
        match inbox.take(want, self.0.limit) {
            Ok(reply) => reply,
            Err(what) => {
                self.end(Ended::Misframed(what));
                None
            }
        }
    }
}

/// Whether a message of so many bytes, with its framing, is sent in one segment.
fn fits_a_segment(socket: &dyn HostSocket, len: usize) -> bool {
    len + FRAMING <= LEAST_MSS || socket.tcp_info().is_ok_and(|info| len + FRAMING <= info.mss as usize)
}

impl Settle for super::Inner {
    fn settle_up(&self) {
        if let Some(pinging) = self.pinging.get() {
            pinging.probing.settle_up(self);
        }
    }

    fn host(&self) -> HostId {
        self.host.id()
    }

    fn close(self: Arc<Self>) {
        Connection(self).close();
    }
}

impl Transport for Connection {
    fn probing(&self) -> &Probing {
        &self.pinging().probing
    }

    fn compose(&self, text: Text<'_>, _: u64, size: usize) -> Result<Vec<u8>> {
        text.padded(&self.0, size, |size| self.check_message(size))
    }

    fn prepare(&self, socket: &dyn HostSocket, _: bool) -> bool {
        if !self.pinging().stamping.swap(true, Ordering::Relaxed) {
            let _ = socket.set(SocketOption::NumberStamps);
            lock(&self.0.outbox).count_from_here();
        }
        false
    }

    fn drain(&self, socket: &dyn HostSocket, most: usize, queued: TakeQueued<'_>) -> usize {
        take_entries(socket, self.0.local, HEADERS, most, queued)
    }

    fn send(
        &self,
        socket: &dyn HostSocket,
        probe: &Probe<'_>,
        sent: &mut Instant,
        _: TakeQueued<'_>,
    ) -> Result<Option<u32>> {
        let is_one_segment = fits_a_segment(socket, probe.message.len());
        lock(&self.pinging().splitter).expect(probe.message);
        *sent = self.0.host.now();
        match self.send_or_queue(probe.message) {
            Err(err) if err.kind == ErrorKind::TooLarge => {
                let error = Error::system("send", &of_number(errno::ENOBUFS)).with_peer(probe.to);
                Err(error.with_hint("the peer does not read what is sent to it"))
            }
            Err(err) if self.0.half_closed.load(Ordering::Relaxed) => Err(err),
            // Received right after this: every ping that is pending ends with the connection.
            // The kernel stamps the last segment alone, which may leave long after the first.
            sent => Ok(sent.unwrap_or(None).filter(|_| is_one_segment)),
        }
    }

    fn take_monitored(&self, queued: TakeQueued<'_>) {
        let peer = self.0.peer;
        let ours = |received: &MonitoredMessage<'_>| {
            let kind = received.message.kind;
            let is_own = match &received.about {
                Some(packet) => self.is_own(packet),
                // What need not name a packet is known by its sender.
                None => !kind.is_quoting() && received.from.ip == peer.ip(),
            };
            (is_own && (kind.is_error() || kind.is_advisory())).then(|| (peer, Vec::new()))
        };
        self.probing().monitor.take(ours, queued);
    }

    fn receive(
        &self,
        socket: &dyn HostSocket,
        _: usize,
        arrived: &mut Vec<Datagram>,
        queued: TakeQueued<'_>,
    ) -> io::Result<bool> {
        if self.is_closed() {
            return Err(of_number(errno::EBADF));
        }
        // What waits to be sent; a failure shows when it is received.
        let _ = self.flush();
        loop {
            if let Some(data) = self.next_reply() {
                self.0.session.events.emit(|| Event::Received { flow: self.inward(), data: &data });
                let stamp = self.inbox().and_then(|inbox| inbox.stamp());
                let from = self.0.peer;
                arrived.push(Datagram { data, from, to: None, stamp, ttl: None, decided: None });
                return Ok(true);
            }
            if self.ended().is_some() {
                return Ok(true);
            }
            // First: an error of the path that is received here explains the errno that the next call may give.
            self.probing().monitor.look();
            self.take_monitored(queued);
            let Some(mut inbox) = self.inbox() else { return Ok(true) };
            let pulled = self.pull(socket, &mut inbox, Blocking::No, true);
            drop(inbox);
            match pulled {
                Pulled::Some => {}
                Pulled::NotReady => return Ok(true),
                Pulled::Path(_) if self.receives_icmp() => {}
                Pulled::Path(error) => queued(Queued::Path(error)),
                Pulled::Ended(ended) => {
                    self.end(ended);
                }
            }
        }
    }

    fn recognise(&self, prober: &Prober, datagram: &Datagram) -> Recognised {
        let content = Content::of(&datagram.data);
        let key = ping_text::sequence(&datagram.data).map_or(Key::Content(content.hash), Key::Number);
        if let Some(id) = prober.named(datagram, key) {
            let received = &datagram.data;
            return match prober.message(id) {
                Some(sent) if received.len() < sent.len() && !ping_text::begins(received, sent) => {
                    Recognised::Damaged(key)
                }
                _ => Recognised::Reply(key, content),
            };
        }
        // The stream itself loses and damages nothing: the one that replies does.
        let mut owed = prober.owed_by(datagram.from).peekable();
        Recognised::Stray(match owed.peek().is_some() {
            _ if matches!(key, Key::Number(_)) => return Recognised::Reply(key, content),
            false => Stray::Foreign,
            true if owed.any(|sent| sent.len() == datagram.data.len()) => Stray::Corrupt,
            true => Stray::Unmatched,
        })
    }

    fn blame(&self, prober: &Prober, error: &IcmpError, awaited: Option<ProbeId>) -> Blame {
        // It is about what was sent last or sent again, and does not say whose bytes those are.
        let guess = Blame::one_of(prober.ledger().pending(error.to), awaited);
        match error.segment {
            Some(segment) => lock(&self.pinging().rejected).blame(segment, guess, self.is_held_back()),
            None => guess,
        }
    }

    fn ended(&self) -> Option<Error> {
        self.ended().map(|ended| ended.error("ping").with_peer(self.0.peer))
    }

    fn wait(&self, socket: &dyn HostSocket, until: Option<Instant>, stop: &Stop) -> io::Result<Waited> {
        let mut awaited = Awaited::new(socket, Interest { read: true, write: self.backlog().0 });
        self.probing().monitor.wait(&*self.0.host, &mut awaited, until, stop)
    }
}
