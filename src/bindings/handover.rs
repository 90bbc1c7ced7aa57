//! The sockets of a script: who waits for their address, and what becomes of them when the script is reloaded.

use std::mem::discriminant;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::net::host::Host;
use crate::net::host::id::HostId;
use crate::net::host::notify::Notify;
use crate::net::socket::tcp::{ListenOptions, Listener, Member, Poll, WeakListener};
use crate::net::socket::udp::{Options, UdpSocket, WeakSocket};
use crate::net::time::Duration;

/// The protocol and the options that a socket was asked for with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketKind {
    /// Of UDP.
    Udp(Options),
    /// A listener of TCP.
    Tcp(ListenOptions),
}

/// What a socket was asked for as.
#[derive(Clone, Copy, Debug)]
pub struct HandoverRequest {
    /// The host it lives in.
    pub host: HostId,
    /// The address: of port 0 where any would do.
    pub local: SocketAddr,
    /// How it was to be made.
    pub made: SocketKind,
}

impl HandoverRequest {
    /// Whether it is for a socket of this machine.
    pub fn is_here(&self) -> bool {
        self.host == HostId::default()
    }

    /// Whether both are for the same host, protocol and address.
    fn is_alike(&self, other: &Self) -> bool {
        self.is_of_kind(other) && self.local == other.local
    }

    fn is_of_kind(&self, other: &Self) -> bool {
        self.host == other.host && discriminant(&self.made) == discriminant(&other.made)
    }

    /// Whether `server`, which was asked for as `other`, has the port that this asks for.
    fn is_blocked_by(&self, other: &Self, server: &ServerKind) -> bool {
        let (own, other_ip) = (self.local, server.local());
        let same_ip = own.ip() == other_ip.ip() || own.ip().is_unspecified() || other_ip.ip().is_unspecified();
        self.is_of_kind(other) && own.port() == other_ip.port() && same_ip && own.is_ipv4() == other_ip.is_ipv4()
    }
}

/// Sockets that a script left open for the one that takes its place.
#[derive(Debug, Default)]
pub struct Handover(Mutex<Left>);

#[derive(Debug, Default)]
struct Left {
    rest: Vec<(HandoverRequest, ServerKind)>,
    /// Those that the script has asked for. Held until it has settled: should it fail before, another can have them.
    taken: Vec<(HandoverRequest, ServerKind)>,
}

impl Handover {
    /// These.
    pub fn new(rest: Vec<(HandoverRequest, ServerKind)>) -> Self {
        Self(Mutex::new(Left { rest, taken: Vec::new() }))
    }

    /// The socket that was left open and is as asked for, without its policy; if there is none, the address to make one at: one
    /// of other options is closed, and its successor has its address. Another that has the port is closed, too.
    ///
    /// # Errors
    /// The address.
    pub fn take(&self, asked: &HandoverRequest) -> Result<ServerKind, SocketAddr> {
        let mut left = self.lock();
        let Some(at) = left.rest.iter().position(|(known, _)| known.is_alike(asked)) else {
            let blocks = |(known, server): &mut (HandoverRequest, ServerKind)| asked.is_blocked_by(known, server);
            left.rest.extract_if(.., blocks).for_each(|(_, server)| server.close());
            return Err(asked.local);
        };
        let (known, server) = left.rest.remove(at);
        if known.made == asked.made && !server.has_peer() {
            server.remove_policy();
            left.taken.push((*asked, server.clone()));
            return Ok(server);
        }
        server.close();
        Err(server.local())
    }

    /// The script has asked for all sockets it wants: the others are closed.
    pub fn settle(&self) {
        // Not dropped under the lock.
        let Left { rest, taken } = std::mem::take(&mut *self.lock());
        drop(taken);
        rest.iter().for_each(|(_, server)| server.close());
    }

    /// What there is for another script, since this one has failed or was replaced before it settled.
    pub fn take_back(&self) -> Vec<(HandoverRequest, ServerKind)> {
        let Left { rest, taken } = std::mem::take(&mut *self.lock());
        rest.into_iter().chain(taken).filter(|(_, server)| !server.is_closed()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Left> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A one-shot cell for the first address that a started script binds.
#[derive(Debug, Default)]
pub struct Announced {
    state: Mutex<KnownServer>,
    /// Whether it is known that the script is ready, for those that would say so again.
    told_ready: AtomicBool,
    settled: AtomicBool,
    changed: Arc<Notify>,
}

/// A socket that a script serves with.
#[derive(Clone, Debug)]
pub enum ServerKind {
    /// One of UDP.
    Udp(UdpSocket),
    /// A listener of TCP.
    Tcp(Listener),
}

impl ServerKind {
    /// Closes it.
    pub fn close(&self) {
        match self {
            Self::Udp(socket) => socket.close(),
            Self::Tcp(listener) => listener.close(),
        }
    }

    /// The address it is bound to.
    fn local(&self) -> SocketAddr {
        match self {
            Self::Udp(socket) => socket.local(),
            Self::Tcp(listener) => listener.local(),
        }
    }

    /// Whether both are the same.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Udp(one), Self::Udp(other)) => one.is(other),
            (Self::Tcp(one), Self::Tcp(other)) => one.is(other),
            _ => false,
        }
    }

    fn has_peer(&self) -> bool {
        matches!(self, Self::Udp(socket) if socket.peer().is_some())
    }

    fn remove_policy(&self) {
        match self {
            Self::Udp(socket) => socket.remove_policy(),
            Self::Tcp(listener) => listener.remove_policy(),
        }
    }

    /// Has `poll` wait for it no more.
    pub fn leave(&self, poll: &Poll) {
        match self {
            Self::Udp(socket) => poll.remove(&Member::Datagrams(socket.clone())),
            Self::Tcp(listener) => poll.remove(&Member::Listener(listener.clone())),
        }
    }

    fn is_closed(&self) -> bool {
        match self {
            Self::Udp(socket) => socket.is_closed(),
            Self::Tcp(listener) => listener.is_closed(),
        }
    }
}

/// The same, not kept open by this.
#[derive(Clone, Debug)]
enum WeakServer {
    Udp(WeakSocket),
    Tcp(WeakListener),
}

impl WeakServer {
    /// The socket, if it is open.
    fn upgrade(&self) -> Option<ServerKind> {
        match self {
            Self::Udp(socket) => socket.upgrade().filter(|socket| !socket.is_closed()).map(ServerKind::Udp),
            Self::Tcp(listener) => listener.upgrade().filter(|listener| !listener.is_closed()).map(ServerKind::Tcp),
        }
    }
}

#[derive(Debug, Default)]
struct KnownServer {
    addr: Option<SocketAddr>,
    /// Whether those that wait may go on: the script waits for packets, or has ended.
    ready: bool,
    /// The sockets it has bound, and listens with.
    servers: Vec<(HandoverRequest, WeakServer)>,
}

impl Announced {
    /// Keeps the address, if there is none yet, until the script is ready.
    pub fn keep(&self, addr: SocketAddr) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).addr.get_or_insert(addr);
    }

    /// Keeps a socket that the script has bound, or listens with, for those that reach for it from outside; `asked`: what it
    /// was asked for as.
    pub fn opened(&self, asked: HandoverRequest, server: &ServerKind) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.servers.retain(|(_, server)| server.upgrade().is_some());
        let weak = match server {
            ServerKind::Udp(socket) => WeakServer::Udp(socket.weak()),
            ServerKind::Tcp(listener) => WeakServer::Tcp(listener.weak()),
        };
        state.servers.push((asked, weak));
    }

    /// The sockets that the script has bound, or listens with, and not closed; with what they were asked for as.
    pub fn servers(&self) -> Vec<(HandoverRequest, ServerKind)> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let open = |(asked, server): &(HandoverRequest, WeakServer)| Some((*asked, server.upgrade()?));
        state.servers.iter().filter_map(open).collect()
    }

    /// The address, if there is one by now.
    pub fn now(&self) -> Option<SocketAddr> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).addr
    }

    /// Makes known that the script has set up what it needs: it begins to wait for packets, or has ended.
    pub fn ready(&self) {
        if self.told_ready.load(Ordering::Relaxed) {
            return;
        }
        self.state.lock().unwrap_or_else(PoisonError::into_inner).ready = true;
        if !self.told_ready.swap(true, Ordering::Relaxed) {
            self.changed.notify();
        }
    }

    /// Makes known that the script's own thread waits for something new to do, or has ended: it has asked for all sockets it
    /// wants. False if that was known.
    pub fn settle(&self) -> bool {
        !self.settled.load(Ordering::Relaxed) && !self.settled.swap(true, Ordering::AcqRel)
    }

    /// Whether the script has asked for all sockets it wants.
    pub fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire)
    }

    /// Waits until the script is ready, for at most `limit`; the address, `None` if it has bound none.
    pub fn wait(&self, host: &dyn Host, limit: Duration) -> Option<SocketAddr> {
        let ready = &mut || self.state.lock().unwrap_or_else(PoisonError::into_inner).ready;
        host.park(&self.changed, Some(host.now() + limit), None, ready);
        self.now()
    }
}
