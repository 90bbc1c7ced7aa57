//! The sockets of a script: who waits for their address, and what becomes of them when another script takes its place.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::net::error::Result;
use crate::net::host_id::HostId;
use crate::net::tcp::{ListenOptions, Listener, Poll, WeakListener, WeakPoll};
use crate::net::udp::{Options, UdpSocket, WeakSocket};

/// A protocol of sockets that serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Udp,
    Tcp,
}

/// What a socket was asked for as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    host: HostId,
    protocol: Protocol,
    /// The address: of port 0 where any would do.
    local: SocketAddr,
}

impl Asked {
    /// For a UDP socket.
    pub fn udp(host: HostId, local: SocketAddr) -> Self {
        Self { host, protocol: Protocol::Udp, local }
    }

    /// For a listener of TCP.
    pub fn tcp(host: HostId, local: SocketAddr) -> Self {
        Self { host, protocol: Protocol::Tcp, local }
    }

    /// Whether it is for a socket of this machine.
    pub fn is_here(&self) -> bool {
        self.host == HostId::default()
    }

    /// Whether `server` of `host` has the port that this asks for.
    fn is_blocked_by(&self, host: HostId, server: &Server) -> bool {
        let (own, other) = (self.local, server.local());
        let same_ip = own.ip() == other.ip() || own.ip().is_unspecified() || other.ip().is_unspecified();
        let same_place = host == self.host && server.protocol() == self.protocol && own.port() == other.port();
        same_place && same_ip && own.is_ipv4() == other.is_ipv4()
    }
}

/// Sockets that a script left open for the one that takes its place.
#[derive(Debug, Default)]
pub struct Kept(Mutex<Left>);

#[derive(Debug, Default)]
struct Left {
    rest: Vec<(Asked, Server)>,
    /// Those that were taken over. Held until the script has settled: should it fail before, another can have them.
    adopted: Vec<(Asked, Server)>,
    /// The sets of sockets that were made since, with the clients of those that were taken over. Held as long.
    polls: Vec<Poll>,
    /// Whether it has.
    settled: bool,
}

impl Kept {
    /// These.
    pub fn new(rest: Vec<(Asked, Server)>) -> Self {
        Self(Mutex::new(Left { rest, ..Left::default() }))
    }

    /// The UDP socket that was left open by a script which asked for it by the same address, with `options` and no policy.
    ///
    /// # Errors
    /// It cannot have these options.
    pub fn adopt_udp(&self, asked: Asked, options: Options) -> Result<Option<UdpSocket>> {
        let Some(Server::Udp(socket)) = self.take(asked) else { return Ok(None) };
        if !socket.adopt(options)? {
            return Ok(None);
        }
        self.lock().note(asked, Server::Udp(socket.clone()));
        Ok(Some(socket))
    }

    /// The listener that was left open by a script which asked for it by the same address, with `options`.
    ///
    /// # Errors
    /// It cannot have these options.
    pub fn adopt_tcp(&self, asked: Asked, options: &ListenOptions) -> Result<Option<Listener>> {
        let Some(Server::Tcp(listener)) = self.take(asked) else { return Ok(None) };
        let Some(listener) = listener.adopt(options)? else { return Ok(None) };
        self.lock().note(asked, Server::Tcp(listener.clone()));
        Ok(Some(listener))
    }

    /// The socket that was left open under this name. One that has the port and was asked for otherwise is closed.
    fn take(&self, asked: Asked) -> Option<Server> {
        let mut left = self.lock();
        if let Some(at) = left.rest.iter().position(|(known, _)| *known == asked) {
            return Some(left.rest.remove(at).1);
        }
        let blocks = |(known, server): &mut (Asked, Server)| asked.is_blocked_by(known.host, server);
        left.rest.extract_if(.., blocks).for_each(|(_, server)| server.close());
        None
    }

    /// The script waits for sockets together: those it has taken over may be among them.
    pub fn waits_for(&self, poll: &Poll) {
        let mut left = self.lock();
        if !left.settled && !left.adopted.is_empty() {
            left.polls.push(poll.clone());
        }
    }

    /// The script has asked for all sockets it wants: the others are closed.
    pub fn settle(&self) {
        let mut left = self.lock();
        // Not dropped under the lock.
        let Left { rest, adopted, polls, .. } =
            std::mem::replace(&mut *left, Left { settled: true, ..Left::default() });
        drop(left);
        drop((adopted, polls));
        rest.iter().for_each(|(_, server)| server.close());
    }

    /// What there is for another script, since this one has failed before it settled.
    pub fn take_back(&self) -> Vec<(Asked, Server)> {
        let mut left = self.lock();
        let Left { rest, adopted, polls, .. } = &mut *left;
        for poll in polls.drain(..) {
            for (_, server) in adopted.iter() {
                if let Server::Tcp(listener) = server {
                    poll.hand_over(listener, listener);
                }
            }
        }
        rest.drain(..).chain(adopted.drain(..)).filter(|(_, server)| !server.is_closed()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Left> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Left {
    fn note(&mut self, asked: Asked, server: Server) {
        if !self.settled {
            self.adopted.push((asked, server));
        }
    }
}

/// A one-shot cell for the first address that a started script binds.
#[derive(Debug, Default)]
pub struct Announced {
    state: Mutex<Known>,
    /// Whether it is known that the script is ready, and that it has settled, for those that would say so again.
    told_ready: AtomicBool,
    told_settled: AtomicBool,
    changed: Condvar,
}

/// A socket that a script serves with.
#[derive(Clone, Debug)]
pub enum Server {
    /// One of UDP.
    Udp(UdpSocket),
    /// A listener of TCP.
    Tcp(Listener),
}

impl Server {
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

    fn protocol(&self) -> Protocol {
        match self {
            Self::Udp(_) => Protocol::Udp,
            Self::Tcp(_) => Protocol::Tcp,
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
    fn upgrade(&self) -> Option<Server> {
        match self {
            Self::Udp(socket) => socket.upgrade().filter(|socket| !socket.is_closed()).map(Server::Udp),
            Self::Tcp(listener) => listener.upgrade().filter(|listener| !listener.is_closed()).map(Server::Tcp),
        }
    }
}

#[derive(Debug, Default)]
struct Known {
    addr: Option<SocketAddr>,
    /// Whether those that wait may go on: the script waits for packets, or has ended.
    ready: bool,
    /// Whether the script's own thread waits for something new to do, or has ended: it has asked for all sockets it wants.
    settled: bool,
    /// The sockets it has bound, and listens with.
    servers: Vec<(Asked, WeakServer)>,
    /// The sets of sockets that it waits for together.
    polls: Vec<WeakPoll>,
}

impl Announced {
    /// Keeps the address, if there is none yet, until the script is ready.
    pub fn keep(&self, addr: SocketAddr) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).addr.get_or_insert(addr);
    }

    /// Keeps a socket that the script has bound, or listens with, for those that reach for it from outside; `asked`: what it
    /// was asked for as.
    pub fn opened(&self, asked: Asked, server: &Server) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.servers.retain(|(_, server)| server.upgrade().is_some());
        let weak = match server {
            Server::Udp(socket) => WeakServer::Udp(socket.weak()),
            Server::Tcp(listener) => WeakServer::Tcp(listener.weak()),
        };
        state.servers.push((asked, weak));
    }

    /// The sockets that the script has bound, or listens with, and not closed; with what they were asked for as.
    pub fn servers(&self) -> Vec<(Asked, Server)> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let open = |(asked, server): &(Asked, WeakServer)| Some((*asked, server.upgrade()?));
        state.servers.iter().filter_map(open).collect()
    }

    /// Keeps a set of sockets that the script waits for together.
    pub fn waits_for(&self, poll: &Poll) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Only when the list would grow: a script may make many.
        if state.polls.len() == state.polls.capacity() {
            state.polls.retain(|poll| poll.upgrade().is_some());
        }
        state.polls.push(poll.weak());
    }

    /// The sets of sockets that the script waits for together.
    pub fn polls(&self) -> Vec<Poll> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.polls.iter().filter_map(WeakPoll::upgrade).collect()
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
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.ready {
            state.ready = true;
            self.told_ready.store(true, Ordering::Relaxed);
            self.changed.notify_all();
        }
    }

    /// Makes known that the script has asked for all sockets it wants.
    pub fn settle(&self) {
        if self.told_settled.load(Ordering::Relaxed) {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.settled {
            state.settled = true;
            self.told_settled.store(true, Ordering::Relaxed);
            self.changed.notify_all();
        }
    }

    /// Whether the script has asked for all sockets it wants.
    pub fn is_settled(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).settled
    }

    /// Waits until the script has asked for all sockets it wants, for at most `limit`.
    pub fn wait_settled(&self, limit: std::time::Duration) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_timeout_while(state, limit, |state| !state.settled));
    }

    /// Waits until the script is ready, for at most `limit`; the address, `None` if it has bound none.
    pub fn wait(&self, limit: std::time::Duration) -> Option<SocketAddr> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = |state: &mut Known| !state.ready;
        let (state, _) = self.changed.wait_timeout_while(state, limit, pending).unwrap_or_else(PoisonError::into_inner);
        state.addr
    }
}
