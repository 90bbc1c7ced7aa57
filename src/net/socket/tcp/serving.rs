//! How the connections of a listener reply, as its policy has decided about the request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Connection;
use super::framing::Want;
use super::read::Incoming;
use super::write::Sent;
use crate::net::error::{Error, ErrorKind, Result};
use crate::net::host::Host;
use crate::net::host::socket::HostSocket;
use crate::net::host::stop::Stop;
use crate::net::policy::Action;
use crate::net::policy::datagram::Datagram;
use crate::net::socket::delay_queue::Outlet;
use crate::net::socket::endpoint::Endpoint;
use crate::net::socket::reply::{Replied, ReplyTo, carry_out, reply};
use crate::net::time::Instant;
use crate::net::wire::content::Content;

impl Outlet for Connection {
    fn host(&self) -> &Arc<dyn Host> {
        &self.0.host
    }

    fn send(&self, data: &[u8]) {
        if self.send_or_queue(data).is_err() && !self.is_closed() {
            self.0.unsent.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Where replies over a connection go.
struct Over<'a>(&'a Connection, &'a Stop);

impl ReplyTo for Over<'_> {
    fn endpoint(&self) -> &Endpoint {
        self.0
    }

    fn peer(&self) -> SocketAddr {
        self.0.peer()
    }

    fn serves(&self) -> Result<()> {
        self.0.serves();
        Ok(())
    }

    fn deliver(&self, reply: &[u8], _: &dyn Fn() -> Content) -> Result<Option<Error>> {
        let Self(connection, stop) = self;
        let sent = match connection.0.watched.load(Ordering::Acquire) {
            true => connection.send_or_queue(reply).map(|_| ()),
            false => connection.send(reply, None, stop).map(|_| ()),
        };
        match sent {
            Err(err) if err.kind == ErrorKind::Invalid || connection.is_closed() => Err(err),
            Err(err) => {
                connection.0.unsent.fetch_add(1, Ordering::Relaxed);
                Ok(Some(err))
            }
            Ok(()) => Ok(None),
        }
    }

    fn delayed(&self, _: &[u8], _: Content) -> Box<dyn Outlet> {
        Box::new(self.0.clone())
    }
}

/// The message that came, if one did.
fn message(incoming: &mut Option<Incoming>) -> &mut [Datagram] {
    match incoming {
        Some(Incoming::Message(message)) => std::slice::from_mut(message),
        _ => &mut [],
    }
}

impl Connection {
    /// Takes what is wanted without waiting, and has the policy decide about it if it is a message.
    pub(super) fn take_decided(&self, socket: &dyn HostSocket, want: Want) -> Option<Incoming> {
        self.0.decide(self, || self.take(socket, want), message)
    }

    /// Replies to `request` with `data`, as far as the verdict about the request allows.
    /// A client that has gone is counted, and no error: a server goes on.
    ///
    /// # Errors
    /// `closed`: it was closed here; `invalid`: the reply cannot be delimited in this framing.
    pub fn reply(&self, request: &Datagram, data: &[u8], stop: &Stop) -> Result<Replied> {
        reply(&Over(self, stop), request, data)
    }

    /// Sends what a script sends by itself. It replies to what has come, and meets the verdict about that.
    ///
    /// # Errors
    /// As [`Connection::send`].
    pub fn send_as_decided(&self, data: &[u8], until: Option<Instant>, stop: &Stop) -> Result<Sent> {
        let Some(decision) = self.0.decisions.about(self.peer(), data, None) else {
            return self.send(data, until, stop);
        };
        if decision.decided.is_some() {
            self.serves();
        }
        let content = decision.content;
        let decided = decision.decided.as_ref().filter(|decided| decided.verdict.action != Action::Pass);
        self.loss_report().replied(self.asked_by(self.peer()), || content, decided.is_none().then_some(data));
        match decided {
            Some(decided) => carry_out(&Over(self, stop), decided, content, decision.first, data).map(|_| Sent::All),
            None => self.send(data, until, stop),
        }
    }

    /// Breaks it off before it is served: no thread is left for it.
    pub fn refuse(&self) {
        self.0.service.refused.fetch_add(1, Ordering::Relaxed);
        self.reset();
    }

    /// Whether a listener of this process has accepted it.
    pub fn was_accepted(&self) -> bool {
        self.0.connected_in.is_none()
    }

    /// Makes known that its listener's connections reply.
    fn serves(&self) {
        if self.was_accepted() {
            let service = &self.0.service;
            service.make_known(|| self.0.loss_report().serves_streams(self.0.host.id(), service.at));
        }
    }
}
