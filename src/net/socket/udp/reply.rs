//! Replying from a socket, as its policy has decided about the request.

use std::net::SocketAddr;

use super::send::Delayed;
use super::{UdpSocket, check_size};
use crate::net::error::{Error, ErrorKind, Result};
use crate::net::observe::loss_report::Incident;
use crate::net::policy::Action;
use crate::net::policy::datagram::{Datagram, Destination};
use crate::net::policy::decisions::PacketId;
use crate::net::socket::delay_queue::Outlet;
use crate::net::socket::endpoint::Endpoint;
use crate::net::socket::reply::{Replied, ReplyTo, carry_out, reply};
use crate::net::wire::content::Content;

/// Where replies from a socket go.
struct Back<'a>(&'a UdpSocket, Destination);

impl ReplyTo for Back<'_> {
    fn endpoint(&self) -> &Endpoint {
        self.0
    }

    fn peer(&self) -> SocketAddr {
        self.1.addr
    }

    fn serves(&self) -> Result<()> {
        self.0.serves();
        if self.0.is_closed() { Err(self.0.closed("send_to")) } else { Ok(()) }
    }

    fn deliver(&self, reply: &[u8], content: &dyn Fn() -> Content) -> Result<Option<Error>> {
        self.0.deliver(reply, self.1, content)
    }

    fn delayed(&self, reply: &[u8], request: Content) -> Box<dyn Outlet> {
        self.0.note_reply(reply, self.1.addr);
        Box::new(Delayed { socket: self.0.clone(), to: self.1, request })
    }
}

/// Why a reply could not be sent, in words.
const fn why(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unreachable => "the host has no route back",
        ErrorKind::Permission => "the host does not permit it",
        ErrorKind::TooLarge => "it is too large for a datagram or for the way back",
        kind => kind.word(),
    }
}

impl UdpSocket {
    /// Replies to `request` with `data`, as far as the verdict about the request allows.
    ///
    /// # Errors
    /// `closed`. A reply that cannot be sent is counted, and no error: a server goes on.
    pub fn reply(&self, request: &Datagram, data: &[u8]) -> Result<Replied> {
        if self.is_chatty(request) {
            let message = format!("a service at port {} might reply to a reply", request.from.port());
            let unsent = Some(Error::invalid("reply", message).with_peer(request.from));
            return Ok(Replied { decided: request.decided.clone(), unsent });
        }
        reply(&Back(self, request.back()), request, data)
    }

    /// Sends a datagram of a script's own. What goes to a peer that has sent us something replies to that, and meets the verdict
    /// about it. `asked`: the packet that the script has the address from.
    ///
    /// # Errors
    /// As [`UdpSocket::send_to`].
    pub fn send_as_decided(&self, data: &[u8], to: SocketAddr, asked: Option<PacketId>) -> Result<()> {
        let Some(decision) = self.0.decisions.about(to, data, asked) else { return self.send_to(data, to) };
        let (ends, content, mut back) = (self.0.asked_by(to), decision.content, Destination::from(to));
        match decision.decided {
            Some(_) => {
                back.source = decision.source;
                self.serves();
            }
            None => self.make_known(),
        }
        let decided = decision.decided.as_ref().filter(|decided| decided.verdict.action != Action::Pass);
        self.0.loss_report().replied(ends, || content, decided.is_none().then_some(data));
        if let Some(decided) = decided {
            self.same_version("send_to", to)?;
            check_size(data.len(), to.ip())?;
            self.socket("send_to")?;
            return carry_out(&Back(self, back), decided, content, decision.first, data).map(|_| ());
        }
        self.send_to(data, back).inspect_err(|error| self.not_sent(error, to, &|| content))?;
        self.0.loss_report().gave_reply(ends, || content, || self.0.host.now());
        Ok(())
    }

    /// Notes that the reply to what says `content` could not be sent.
    fn not_sent(&self, error: &Error, to: SocketAddr, content: &dyn Fn() -> Content) {
        let report = self.0.loss_report();
        if report.pings() {
            let incident = Incident::NotSent(why(error.kind));
            report.note(self.0.host.now(), self.0.asked_by(to), content(), &self.0.site(), incident);
        }
    }

    /// Sends a reply. One that cannot be sent is counted, and no error: no client may end a server, neither one that is
    /// gone or says that it comes from port 0, nor one whose text takes more room in capitals than a datagram has. Why it was
    /// not sent, which the loss report has, too, for what the request says, its `content`.
    pub(in crate::net) fn deliver(
        &self,
        data: &[u8],
        to: impl Into<Destination>,
        content: &dyn Fn() -> Content,
    ) -> Result<Option<Error>> {
        let to = to.into();
        self.note_reply(data, to.addr);
        self.send_reply(data, to, content)
    }

    /// The same, once it was noted what is sent.
    pub(super) fn send_reply(
        &self,
        reply: &[u8],
        to: Destination,
        content: &dyn Fn() -> Content,
    ) -> Result<Option<Error>> {
        match self.send_to(reply, to) {
            Err(err) if err.kind == ErrorKind::Closed => Err(err),
            Err(err) => {
                self.0.errors.unheeded(1);
                self.not_sent(&err, to.addr, content);
                Ok(Some(err))
            }
            Ok(()) => Ok(None),
        }
    }
}
