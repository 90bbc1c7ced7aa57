//! Listening, and taking connections in.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::Connection;
use super::events::ACCEPTED;
use super::options::StreamOptions;
use crate::net::error::{Error, ErrorKind, Result, errno, in_words, number_of};
use crate::net::host::environment::environment;
use crate::net::host::id::HostId;
use crate::net::host::socket::{Awaited, HostSocket, SocketOption, SocketType};
use crate::net::host::stop::Stop;
use crate::net::host::{Host, Waited};
use crate::net::observe::event::Event;
use crate::net::socket::endpoint::Endpoint;
use crate::net::socket::handle::shares_endpoint;
use crate::net::socket::session::{Session, Settle};
use crate::net::time::{Duration, Instant};
use crate::net::wire::Family;

/// How long a listener without descriptors waits before it asks again.
const PAUSE: Duration = Duration::from_millis(20);

/// How to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenOptions {
    /// How many connections may wait to be accepted; the system has a limit of its own (net.core.somaxconn).
    pub backlog: usize,
    /// How the streams are set up.
    pub stream: StreamOptions,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self { backlog: 4096, stream: StreamOptions::default() }
    }
}

/// A socket that takes connections in. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Listener(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    endpoint: Endpoint,
    options: StreamOptions,
    /// Connections that could not be accepted.
    errors: AtomicU64,
    /// Whether it lacks descriptors, and has said so.
    starved: AtomicBool,
}

/// What waiting for a connection brought.
#[derive(Clone, Debug)]
pub enum Accepted {
    /// A connection.
    Connection(Connection),
    /// The deadline passed.
    TimedOut,
    /// The stop happened.
    Interrupted,
}

impl Listener {
    /// Listens at `local` (socket(2), bind(2), listen(2)). An address whose last connections are still being wound up can
    /// be listened at again (SO_REUSEADDR).
    ///
    /// # Errors
    /// `in-use`, `not-local`, `permission` (a port below 1024), `exhausted`.
    pub fn new(host: Arc<dyn Host>, session: Arc<Session>, local: SocketAddr, options: &ListenOptions) -> Result<Self> {
        let set_up = || {
            let socket = host.socket(SocketType::Tcp, Family::of(local.ip()))?;
            socket.set(SocketOption::ReuseAddress)?;
            options.stream.apply(&*socket)?;
            let local = socket.bind(local)?;
            socket.listen(options.backlog)?;
            Ok((socket, local))
        };
        let (socket, local) = set_up().map_err(|err: io::Error| listen_error(&*host, &err, local))?;
        let this = Self(Arc::new(Inner {
            endpoint: Endpoint::new("TCP", host, session, local, socket),
            options: options.stream,
            errors: AtomicU64::new(0),
            starved: AtomicBool::new(false),
        }));
        let inner: Arc<dyn Settle> = this.0.clone();
        this.0.session.opened(Arc::downgrade(&inner));
        Ok(this)
    }

    /// Waits for the next connection (accept(2)). Errors of the path and of connections that were gone before they were
    /// accepted are counted; where no descriptor is left, that is reported once, and the connection waits until one is.
    ///
    /// # Errors
    /// `closed`, also when it is closed meanwhile.
    pub fn accept(&self, until: Option<Instant>, stop: &Stop) -> Result<Accepted> {
        loop {
            if stop.is_stopped() {
                return Ok(Accepted::Interrupted);
            }
            let socket = self.socket()?;
            if let Some(connection) = self.take()? {
                return Ok(Accepted::Connection(connection));
            }
            let waited = if self.is_starved() {
                let pause = self.0.host.now() + PAUSE;
                self.0.host.wait(&mut [], Some(until.map_or(pause, |until| until.min(pause))), stop)
            } else {
                self.0.host.wait(&mut [Awaited::readable(&*socket)], until, stop)
            };
            match waited.map_err(|err| Error::system("accept", &err))? {
                Waited::Stopped => return Ok(Accepted::Interrupted),
                Waited::TimedOut if until.is_some_and(|until| until <= self.0.host.now()) => {
                    return Ok(Accepted::TimedOut);
                }
                Waited::Ready | Waited::TimedOut => {}
            }
        }
    }

    /// Takes a connection in that has come already; `None`: there is none, or no descriptor for it.
    ///
    /// # Errors
    /// `closed`.
    pub(super) fn take(&self) -> Result<Option<Connection>> {
        let socket = self.socket()?;
        loop {
            let err = match socket.accept() {
                Ok((stream, peer)) => {
                    self.0.starved.store(false, Ordering::Relaxed);
                    match self.welcome(stream, peer) {
                        Ok(connection) => return Ok(Some(connection)),
                        // It was gone before anything could be asked of it.
                        Err(_) => {
                            self.0.errors.fetch_add(1, Ordering::Relaxed);
                            continue;
                        }
                    }
                }
                Err(err) => err,
            };
            match number_of(&err) {
                _ if err.kind() == io::ErrorKind::WouldBlock => {
                    self.0.starved.store(false, Ordering::Relaxed);
                    return Ok(None);
                }
                errno::EINTR => {}
                errno::EMFILE | errno::ENFILE | errno::ENOBUFS | errno::ENOMEM => {
                    if !self.0.starved.swap(true, Ordering::Relaxed) {
                        self.0.errors.fetch_add(1, Ordering::Relaxed);
                        environment().note(&format!(
                            "accept {}: {}; connections wait until others have ended\n  hint: raise `ulimit -n`",
                            self.0.local,
                            in_words(&err)
                        ));
                    }
                    return Ok(None);
                }
                errno::EBADF | errno::EINVAL => return Err(closed()),
                // The connection was broken off before it was accepted, or the path has an error: accept(2) says to go on.
                _ => {
                    self.0.errors.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    fn welcome(&self, stream: Arc<dyn HostSocket>, peer: SocketAddr) -> io::Result<Connection> {
        let local = stream.local_addr()?;
        self.0.service.accepted.fetch_add(1, Ordering::Relaxed);
        self.0.service.open.fetch_add(1, Ordering::Relaxed);
        let endpoint = Endpoint::new("TCP", self.0.host.clone(), self.0.session.clone(), local, stream);
        let endpoint = endpoint.connected(peer, Some(self.0.service.clone()));
        let connection = Connection::new(endpoint, peer, None, &self.0.options);
        self.0.session.events.emit(|| Event::Connection { flow: connection.outward(), what: &ACCEPTED });
        Ok(connection)
    }

    /// Whether no descriptor was left for the last connection.
    pub(super) fn is_starved(&self) -> bool {
        self.0.starved.load(Ordering::Relaxed)
    }

    /// How many connections were accepted.
    pub fn accepted(&self) -> u64 {
        self.0.service.accepted.load(Ordering::Relaxed)
    }

    /// How many of them are open.
    pub fn open(&self) -> u64 {
        self.0.service.open.load(Ordering::Relaxed)
    }

    /// How many were ended for want of room for what they sent, or of a thread.
    pub fn refused(&self) -> u64 {
        self.0.service.refused.load(Ordering::Relaxed)
    }

    /// How many times a connection could not be accepted.
    pub fn errors(&self) -> u64 {
        self.0.errors.load(Ordering::Relaxed)
    }

    /// The open socket.
    pub(super) fn socket(&self) -> Result<Arc<dyn HostSocket>> {
        self.0.open().ok_or_else(closed)
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "accept", "the listener was closed").with_hint("listen again, or close it later")
}

fn listen_error(host: &dyn Host, err: &io::Error, local: SocketAddr) -> Error {
    let error = Error::system("listen", err).with_peer(local);
    match error.kind {
        ErrorKind::InUse => {
            let by =
                host.listener_at(local).map_or_else(|| "another program".to_string(), |owner| format!("`{owner}`"));
            let port = local.port();
            error.with_hint(format!("{by} has port {port}; stop it, or choose another port (0: any free one)"))
        }
        ErrorKind::NotLocal => error.with_hint("listen at an address of this host, such as 127.0.0.1 or 0.0.0.0"),
        ErrorKind::Permission => error.with_hint("ports below 1024 need privileges; choose a port from 1024 up"),
        _ => error,
    }
}

shares_endpoint!(Listener, WeakListener);

impl Settle for Inner {
    fn settle_up(&self) {}

    fn host(&self) -> HostId {
        self.host.id()
    }

    fn close(self: Arc<Self>) {
        self.endpoint.close();
    }
}
