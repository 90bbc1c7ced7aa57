//! Pings over a connection: messages `ping N …`, which answers repeat, in any case of their letters.
//!
//! What happens to the connection meanwhile settles pings too: an ICMP error, which the connection survives, and its end.

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::{fmt, io};

use socket2::Socket;

use super::answers::{Answers, Next};
use super::end::Ended;
use super::monitor::TcpMonitor;
use super::read::Pulled;
use super::rejected::Rejected;
use super::{Connection, Framing, Want, lock};
use crate::net::error::{Error, ErrorKind, Result};
use crate::net::host::id::HostId;
use crate::net::host::stop::Stop;
use crate::net::host::{Host, Waited};
use crate::net::observe::event::Event;
use crate::net::policy::datagram::Datagram;
use crate::net::probe::ledger::{Blame, Key, ProbeId, Stray};
use crate::net::probe::outcome::{Outcome, Probe};
use crate::net::socket::error_queue::{Queued, one_at_a_time, take_entry};
use crate::net::socket::prober::{Carrier, Name, Prober, Recognised, Tally, notices};
use crate::net::socket::session::{Session, Settle};
use crate::net::sys::{self, PollFd, Wait};
use crate::net::time::Instant;
use crate::net::wire::content::Content;
use crate::net::wire::icmp::IcmpError;
use crate::net::wire::ping_text;

/// Octets of a quote before the payload: an IPv4 header and a TCP header, without options.
const HEADERS: usize = 40;

/// Octets of the timestamps in a TCP header, as Linux fills them up.
const TIMESTAMPS: usize = 12;

/// What a connection has that is pinged over.
pub(super) struct Pinging {
    prober: Mutex<Prober>,
    tally: Tally,
    answers: Mutex<Answers>,
    rejected: Mutex<Rejected>,
    /// `None` where this process may not have one.
    monitor: Option<TcpMonitor>,
    stamping: AtomicBool,
}

impl fmt::Debug for Pinging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pinging({})", self.tally.counts().sent)
    }
}

impl Connection {
    /// Sends a probe in the connection's framing and waits until it is settled. Answers are matched by the number in a
    /// message `ping N …`, or else by their text, without regard to case; without framing, an answer that holds several is
    /// taken apart.
    ///
    /// # Errors
    /// `closed`: it was closed here; `busy`; `system`.
    pub fn ping(&self, probe: &Probe<'_>, stop: &Stop) -> Result<Outcome> {
        let socket = self.socket("ping")?;
        self.prober("ping")?.ping(self, &socket, probe, stop, &mut None)
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
        Err(Error::invalid("ping", message).with_hint("the option `limit` of tcp::connect and tcp::listen allows more"))
    }

    /// What is known of its pings.
    pub fn tally(&self) -> &Tally {
        &self.pinging().tally
    }

    /// What has come by now, is about the connection, and settled no ping: redirects and other advice, each once.
    pub fn notices(&self) -> Vec<IcmpError> {
        if self.0.pinging.get().is_some() { notices(self) } else { Vec::new() }
    }

    /// Whether the type and code of ICMP errors are known, by a raw socket: without it only their errno is.
    pub fn hears_icmp(&self) -> bool {
        self.pinging().monitor.is_some()
    }

    fn pinging(&self) -> &Pinging {
        self.0.pinging.get_or_init(|| {
            let inner: Arc<dyn Settle> = self.0.clone();
            self.0.session.opened(Arc::downgrade(&inner));
            let info = self.socket("ping").ok().and_then(|socket| sys::tcp_info(socket.as_fd()).ok());
            let options = if info.is_some_and(|info| info.has_timestamps) { TIMESTAMPS } else { 0 };
            let monitor = TcpMonitor::new(self.0.host.as_ref(), self.0.local, self.0.peer).ok();
            Box::new(Pinging {
                prober: Mutex::default(),
                tally: Tally::new(options + if self.0.local.is_ipv4() { HEADERS } else { HEADERS + 20 }),
                answers: Mutex::default(),
                rejected: Mutex::default(),
                monitor,
                stamping: AtomicBool::new(false),
            })
        })
    }

    /// Whether some of what was sent has not left this host yet, since TCP waits for the acknowledgement of older bytes.
    fn is_held_back(&self) -> bool {
        let unsent = |socket: Arc<Socket>| sys::unsent(socket.as_fd()).unwrap_or(0);
        self.backlog().0 || self.socket("ping").map_or(0, unsent) > 0
    }

    /// The next answer of what has been received; `None`: not all of one is there.
    fn next_answer(&self) -> Option<Arc<[u8]>> {
        let mut inbox = self.inbox()?;
        let want = match self.0.framing {
            Framing::Raw if inbox.is_empty() => return None,
            Framing::Raw => match lock(&self.pinging().answers).next(inbox.bytes()) {
                Next::Whole(len) => Want::Exact(len),
                Next::Partial => return None,
            },
            framing => framing.want(),
        };
        match inbox.take(want, self.0.limit) {
            Ok(answer) => answer,
            Err(what) => {
                self.end(Ended::Misframed(what));
                None
            }
        }
    }
}

impl super::Inner {
    /// Brings the account and the events up to date at the end of the connection or of the run.
    pub(super) fn settle_pings(&self) {
        if let Some(pinging) = self.pinging.get()
            && let Ok(mut prober) = pinging.prober.try_lock()
        {
            prober.settle_up(&self.session, "TCP", self.local, self.host.as_ref());
        }
    }
}

impl Settle for super::Inner {
    fn settle_up(&self) {
        self.settle_pings();
    }

    fn host(&self) -> HostId {
        self.host.id()
    }

    fn close(self: Arc<Self>) {
        Connection(self).close();
    }
}

impl Carrier for Connection {
    fn protocol(&self) -> &'static str {
        "TCP"
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
        match self.pinging().prober.try_lock() {
            Ok(prober) => Ok(prober),
            Err(TryLockError::Poisoned(poisoned)) => Ok(PoisonError::into_inner(poisoned)),
            Err(TryLockError::WouldBlock) => Err(one_at_a_time(op)),
        }
    }

    fn compose(&self, sequence: u64, _: u64, size: usize) -> Vec<u8> {
        let time = self.0.host.unix_nanos();
        let time = format!("{}.{:06}", time / 1_000_000_000, time % 1_000_000_000 / 1_000);
        let mut message = ping_text::compose(sequence, &time).into_bytes();
        message.resize(message.len().max(size), b' ');
        message
    }

    fn check_message(&self, size: usize) -> Result<()> {
        self.check_message(size)
    }

    fn tally(&self) -> &Tally {
        self.tally()
    }

    fn ask_for_stamps(&self, socket: &Socket) {
        if !self.pinging().stamping.swap(true, Ordering::Relaxed) {
            sys::number_stream_stamps(socket.as_fd());
            lock(&self.0.outbox).count_from_here();
        }
    }

    fn drain(&self, socket: &Socket, mut queued: &mut dyn FnMut(Queued)) -> usize {
        let mut count = 0;
        while take_entry(socket, self.0.local, HEADERS, &mut queued) {
            count += 1;
        }
        count
    }

    fn drain_one(&self, socket: &Socket, mut queued: &mut dyn FnMut(Queued)) -> bool {
        take_entry(socket, self.0.local, HEADERS, &mut queued)
    }

    fn tell_sent(&self, _: &Probe<'_>) {
        // As it is put behind what waits already.
    }

    fn send(&self, _: &Socket, probe: &Probe<'_>, _: &mut dyn FnMut(Queued)) -> io::Result<Option<u32>> {
        lock(&self.pinging().answers).expect(probe.message);
        match self.send_or_queue(probe.message) {
            Ok(last) => Ok(last),
            Err(err) if err.kind == ErrorKind::TooLarge => Err(io::Error::from_raw_os_error(libc::ENOBUFS)),
            // Heard of right after this: every ping that is pending ends with the connection.
            Err(_) => Ok(None),
        }
    }

    fn send_error(&self, err: &io::Error, probe: &Probe<'_>) -> Error {
        Error::system("send", err).with_peer(probe.to).with_hint("the peer does not read what is sent to it")
    }

    fn take(&self, socket: &Socket, queued: &mut dyn FnMut(Queued)) -> io::Result<Option<Datagram>> {
        if self.is_closed() {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        let pinging = self.pinging();
        // What waits to be sent; a failure shows when it is received.
        let _ = self.flush();
        loop {
            if let Some(data) = self.next_answer() {
                self.0.session.events.tell(|| Event::Received { flow: self.inward(), data: &data });
                let stamp = self.inbox().and_then(|inbox| inbox.stamp());
                let from = self.0.peer;
                return Ok(Some(Datagram { data, from, to: None, truncated: false, stamp, ttl: None, judged: None }));
            }
            if self.ended().is_some() {
                return Ok(None);
            }
            // First: an error of the path that is heard here explains the errno that the next call may give.
            if let Some(monitor) = &pinging.monitor {
                monitor.hear(|error, stamp| queued(Queued::Icmp { error, stamp }));
            }
            let Some(mut inbox) = self.inbox() else { return Ok(None) };
            let pulled = self.pull(socket, &mut inbox, Wait::No, true);
            drop(inbox);
            match pulled {
                Pulled::Some => {}
                Pulled::NotReady => return Ok(None),
                Pulled::Path(_) if pinging.monitor.is_some() => {}
                Pulled::Path(error) => queued(Queued::Path(error)),
                Pulled::Ended(ended) => {
                    self.end(ended);
                }
            }
        }
    }

    fn name(&self, message: &[u8], _: u64) -> Name {
        let (number, content) = (ping_text::sequence(message), Content::of(message));
        Name { key: number.map_or(Key::Content(content.hash), Key::Number), number, content }
    }

    fn recognise(&self, prober: &Prober, datagram: &Datagram) -> Recognised {
        let content = Content::of(&datagram.data);
        let key = ping_text::sequence(&datagram.data).map_or(Key::Content(content.hash), Key::Number);
        if let Some(id) = prober.named(datagram, key) {
            let heard = &datagram.data;
            return match prober.message(id) {
                Some(sent) if heard.len() < sent.len() && !ping_text::begins(heard, sent) => Recognised::Damaged(key),
                _ => Recognised::Answer(key, content),
            };
        }
        // The stream itself loses and damages nothing: whoever answers does.
        let mut owed = prober.owed_by(datagram.from).peekable();
        Recognised::Stray(match owed.peek().is_some() {
            false => Stray::Foreign,
            true if owed.any(|sent| sent.len() == datagram.data.len()) => Stray::Corrupt,
            true => Stray::Unmatched,
        })
    }

    fn blame(&self, prober: &Prober, error: &IcmpError, awaited: Option<ProbeId>) -> Blame {
        let mut pending = prober.ledger().pending(error.to);
        let guess = match (pending.next(), pending.next()) {
            (None, _) => Blame::Nobody,
            (Some(only), None) => Blame::Named(only),
            // It is about what was sent last or sent again, and does not tell whose bytes those are.
            (Some(oldest), Some(_)) => Blame::Assumed(awaited.unwrap_or(oldest)),
        };
        match error.segment {
            Some(segment) => lock(&self.pinging().rejected).blame(segment, guess, self.is_held_back()),
            None => guess,
        }
    }

    fn overhear(&self, queued: &mut dyn FnMut(Queued)) {
        if let Some(monitor) = &self.pinging().monitor {
            monitor.hear(|error, stamp| queued(Queued::Icmp { error, stamp }));
        }
    }

    fn ended(&self) -> Option<Error> {
        self.ended().map(|ended| ended.error("ping").with_peer(self.0.peer))
    }

    fn wait(&self, socket: &Socket, until: Option<Instant>, stop: &Stop) -> io::Result<Waited> {
        let both = PollFd::readable_or_writable(socket.as_fd());
        let fd = if self.backlog().0 { both } else { PollFd::readable(socket.as_fd()) };
        match &self.pinging().monitor {
            Some(monitor) => self.0.host.wait(&mut [fd, PollFd::readable(monitor.socket().as_fd())], until, stop),
            None => self.0.host.wait(&mut [fd], until, stop),
        }
    }
}
