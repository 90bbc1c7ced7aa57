//! Waiting for many sockets at once: one thread serves listeners, their connections and UDP sockets in turn.
//!
//! What arrives is given out one by one. No peer is waited for: a reply that a peer does not take yet waits in the
//! connection, which is not read from while too much does.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use super::read::Incoming;
use super::{Connection, Listener, lock};
use crate::net::error::{Error, ErrorKind, Result};
use crate::net::host::socket::{Awaited, HostSocket, Poller};
use crate::net::host::stop::Stop;
use crate::net::host::{Host, Waited};
use crate::net::io::{Interest, Readiness};
use crate::net::socket::endpoint::Endpoint;
use crate::net::socket::udp;
use crate::net::time::{Duration, Instant};

mod happening;
mod weak;

pub use self::happening::{Happening, Member, Polled};
pub(super) use self::weak::Watch;
pub use self::weak::WeakPoll;

/// Sockets that are waited for together. Clones are the same set.
#[derive(Clone, Debug)]
pub struct Poll(Arc<Inner>);

/// A member, and the socket of its host.
type PolledSocket = (Member, Arc<dyn HostSocket>);

#[derive(Debug)]
struct Inner {
    /// Itself, for the connections that it waits for.
    this: Weak<Inner>,
    host: Arc<dyn Host>,
    poller: Box<dyn Poller>,
    members: Mutex<HashMap<u64, PolledSocket>>,
    /// How many of them are connections that a listener has accepted.
    clients: AtomicUsize,
    /// The number of the last one added.
    last: AtomicU64,
    turn: Mutex<PollTurn>,
}

/// What was found and is still to be given out.
#[derive(Debug, Default)]
struct PollTurn {
    found: VecDeque<Happening>,
    /// The length of the messages found since last time.
    bytes: usize,
    ready: Vec<Readiness>,
    /// Connections and UDP sockets of which more has been received than was given out.
    rest: VecDeque<u64>,
    /// Listeners that lack descriptors, and until when they are left alone.
    starved: Vec<(u64, Instant)>,
}

/// How many connections are accepted, and how many messages of one connection given out, before others have their turn.
const TURN: usize = 64;

/// At how many bytes of messages that are to be given out nothing more is received.
const ENOUGH: usize = 4 << 20;

/// How long a listener without descriptors is left alone.
const PAUSE: Duration = Duration::from_millis(20);

const READ: Interest = Interest { read: true, write: false };

/// For one that may have received something already, which raises no descriptor: that it can be written to has it looked at,
/// by whichever thread waits.
const LOOK: Interest = Interest { read: true, write: true };

impl Poll {
    /// An empty set in `host`.
    ///
    /// # Errors
    /// `exhausted`: no descriptor is left.
    pub fn new(host: Arc<dyn Host>) -> Result<Self> {
        let poller = host.poller().map_err(|err| Error::system("poll", &err))?;
        Ok(Self(Arc::new_cyclic(|this| Inner {
            this: this.clone(),
            host,
            poller,
            members: Mutex::default(),
            clients: AtomicUsize::new(0),
            last: AtomicU64::new(0),
            turn: Mutex::default(),
        })))
    }

    /// Waits for `member` too.
    ///
    /// # Errors
    /// `closed`; `exhausted`.
    pub fn add(&self, member: Member) -> Result<()> {
        let interest = if matches!(member, Member::Listener(_)) { READ } else { LOOK };
        self.0.add(member, interest)
    }

    /// Waits for `member` no more. The connections that a listener has accepted stay.
    pub fn remove(&self, member: &Member) {
        let is_it = |(_, (known, _)): &(&u64, &(Member, _))| std::ptr::eq(known.endpoint(), member.endpoint());
        let token = lock(&self.0.members).iter().find(is_it).map(|(token, _)| *token);
        token.inspect(|token| self.0.remove(*token));
    }

    /// A handle that does not keep it.
    pub fn weak(&self) -> WeakPoll {
        WeakPoll(self.0.this.clone())
    }

    /// Whether both are the same set.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// How many sockets are waited for.
    pub fn len(&self) -> usize {
        lock(&self.0.members).len()
    }

    /// How many connections of clients are among them.
    pub fn clients(&self) -> usize {
        self.0.clients.load(Ordering::Relaxed)
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a thread waits for the next happening.
    #[cfg(test)]
    pub(super) fn is_busy(&self) -> bool {
        self.0.turn.try_lock().is_err()
    }

    /// Waits for the next happening. One thread at a time.
    ///
    /// # Errors
    /// `busy`: another thread waits; `system`.
    pub fn next(&self, until: Option<Instant>, stop: &Stop) -> Result<Polled> {
        let Ok(mut turn) = self.0.turn.try_lock() else {
            return Err(Error::new(ErrorKind::Busy, "poll", "another thread waits for the same sockets")
                .with_hint("one at a time: give each thread a poll() of its own"));
        };
        loop {
            if stop.is_stopped() {
                turn.put_back();
                return Ok(Polled::Interrupted);
            }
            if let Some(happening) = turn.found.pop_front() {
                return Ok(Polled::Happened(happening));
            }
            if self.is_empty() {
                return Ok(Polled::Empty);
            }
            self.0.look(&mut turn)?;
            if !turn.found.is_empty() || !turn.rest.is_empty() {
                continue;
            }
            let retry = turn.starved.iter().map(|(_, at)| *at).min();
            let wake = [until, retry].into_iter().flatten().min();
            let mut awaited = [Awaited::readable(&*self.0.poller)];
            match self.0.host.wait(&mut awaited, wake, stop).map_err(|err| Error::system("poll", &err))? {
                Waited::Ready => {}
                Waited::Stopped => return Ok(Polled::Interrupted),
                Waited::TimedOut if until.is_some_and(|until| until <= self.0.host.now()) => {
                    self.0.look(&mut turn)?;
                    return Ok(turn.found.pop_front().map_or(Polled::TimedOut, Polled::Happened));
                }
                Waited::TimedOut => {}
            }
        }
    }
}

impl Inner {
    fn add(&self, member: Member, interest: Interest) -> Result<()> {
        let token = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let socket = member.endpoint().socket("poll")?;
        if let Member::Datagrams(socket) = &member {
            socket.share();
        }
        let added = self.poller.add(&*socket, token, interest);
        added.map_err(|err| match err.kind() {
            std::io::ErrorKind::AlreadyExists => Error::invalid("poll", "the socket is waited for already"),
            _ => Error::system("poll", &err),
        })?;
        lock(&self.members).insert(token, (member.clone(), socket));
        if let Member::Connection(connection) = member {
            self.clients.fetch_add(connection.was_accepted().into(), Ordering::Relaxed);
            connection.watched_by(Some(Watch { poll: self.this.clone(), token }));
        }
        Ok(())
    }

    fn remove(&self, token: u64) {
        if let Some((member, socket)) = lock(&self.members).remove(&token) {
            let _ = self.poller.remove(&*socket);
            if let Member::Connection(connection) = member {
                self.clients.fetch_sub(connection.was_accepted().into(), Ordering::Relaxed);
                connection.watched_by(None);
            }
        }
    }

    /// Finds what has happened, without waiting.
    fn look(&self, turn: &mut PollTurn) -> Result<()> {
        let now = self.host.now();
        let due = |(token, at): &(u64, Instant)| (*at <= now).then_some(*token);
        let rested: Vec<u64> = turn.starved.iter().filter_map(due).collect();
        for token in rested {
            turn.starved.retain(|(known, _)| *known != token);
            let listener = lock(&self.members).get(&token).cloned();
            if let Some((_, socket)) = listener {
                let _ = self.poller.change(&*socket, token, READ);
            }
        }
        turn.bytes = 0;
        let mut ready = std::mem::take(&mut turn.ready);
        self.poller.ready(&mut ready).map_err(|err| Error::system("poll", &err))?;
        for token in std::mem::take(&mut turn.rest) {
            if turn.bytes >= ENOUGH {
                turn.rest.push_back(token);
                continue;
            }
            // Those that are ready anyway are asked below.
            if !ready.iter().any(|ready| ready.token == token) {
                self.ask(turn, Readiness { token, readable: true, writable: false });
            }
        }
        for readiness in ready.drain(..) {
            // Those that are left out are ready again next time.
            if turn.bytes < ENOUGH {
                self.ask(turn, readiness);
            }
        }
        turn.ready = ready;
        Ok(())
    }

    /// Takes what a socket has.
    fn ask(&self, turn: &mut PollTurn, readiness: Readiness) {
        let Readiness { token, readable, writable } = readiness;
        let Some((member, socket)) = lock(&self.members).get(&token).cloned() else { return };
        match member {
            Member::Listener(listener) => self.accept(turn, token, &listener, &*socket),
            Member::Connection(connection) => {
                if writable {
                    // Should it fail, what the peer sent before it went is still to be received, and then the end.
                    let _ = connection.flush();
                    self.interested(token, &connection, &*socket);
                }
                if readable || connection.has_received() {
                    self.read(turn, token, &connection, &*socket);
                }
            }
            Member::Datagrams(udp) => {
                if writable {
                    let _ = self.poller.change(&*socket, token, READ);
                }
                match udp.take_one() {
                    Ok(Some(datagram)) => {
                        if udp.has_ahead() {
                            turn.rest.push_back(token);
                        }
                        turn.found.push_back(Happening::Packet(udp, udp::UdpIncoming::Packet(datagram)));
                    }
                    Ok(None) => {}
                    Err(_) => self.remove(token),
                }
            }
        }
    }

    fn accept(&self, turn: &mut PollTurn, token: u64, listener: &Listener, socket: &dyn HostSocket) {
        for _ in 0..TURN {
            match listener.take() {
                Ok(Some(connection)) => match self.add(Member::Connection(connection.clone()), READ) {
                    Ok(()) => turn.found.push_back(Happening::Connected(connection)),
                    // It was closed meanwhile, or nothing is left to wait for it with.
                    Err(_) => connection.close(),
                },
                Ok(None) if listener.is_starved() => {
                    // It would be ready again and again.
                    let _ = self.poller.change(socket, token, Interest { read: false, write: false });
                    turn.starved.push((token, self.host.now() + PAUSE));
                    return;
                }
                Ok(None) => return,
                Err(_) => {
                    self.remove(token);
                    return;
                }
            }
        }
    }

    fn read(&self, turn: &mut PollTurn, token: u64, connection: &Connection, socket: &dyn HostSocket) {
        if connection.is_closed() {
            self.remove(token);
            return;
        }
        if connection.backlog().1 {
            return;
        }
        for _ in 0..TURN {
            match connection.take_decided(socket, connection.framing().want()) {
                None => return,
                Some(Incoming::Ended(ended)) => {
                    self.remove(token);
                    turn.found.push_back(Happening::Ended(connection.clone(), ended));
                    return;
                }
                Some(incoming) => {
                    if let Incoming::Message(message) = &incoming {
                        turn.bytes += message.data.len();
                    }
                    turn.found.push_back(Happening::Came(connection.clone(), incoming));
                }
            }
            if !connection.has_received() {
                return;
            }
            if turn.bytes >= ENOUGH {
                break;
            }
        }
        turn.rest.push_back(token);
    }

    /// Waits for what concerns the connection now: for room, if something waits to be sent, and not for more from the peer if
    /// much does.
    fn interested(&self, token: u64, connection: &Connection, socket: &dyn HostSocket) {
        let (some, enough) = connection.backlog();
        let _ = self.poller.change(socket, token, Interest { read: !enough, write: some });
    }
}

impl PollTurn {
    /// Gives datagrams back to their sockets: another may serve those next.
    fn put_back(&mut self) {
        while let Some(happening) = self.found.pop_back() {
            if let Happening::Packet(socket, udp::UdpIncoming::Packet(datagram)) = happening {
                socket.put_back(datagram);
            }
        }
    }
}

impl Member {
    fn endpoint(&self) -> &Endpoint {
        match self {
            Self::Listener(listener) => listener,
            Self::Connection(connection) => connection,
            Self::Datagrams(socket) => socket,
        }
    }
}
