//! The replies of servers, as far as a policy's verdict about the request lets them.

use std::net::SocketAddr;
use std::sync::Arc;

use super::delay_queue::Outlet;
use super::endpoint::Endpoint;
use crate::net::error::{Error, ErrorKind, Result};
use crate::net::observe::event::{Event, WhyUnsent};
use crate::net::observe::loss_report::Incident;
use crate::net::policy::datagram::Datagram;
use crate::net::policy::decided::Decided;
use crate::net::policy::input::possible;
use crate::net::policy::{Action, Verdict};
use crate::net::wire::content::Content;

/// Where a reply goes: to a peer of a UDP socket, or over a connection.
pub(super) trait ReplyTo {
    /// The socket that replies.
    fn endpoint(&self) -> &Endpoint;

    /// To whom.
    fn peer(&self) -> SocketAddr;

    /// Makes known that the socket replies.
    ///
    /// # Errors
    /// `closed`, where nothing is to be known of a reply that cannot be sent.
    fn serves(&self) -> Result<()>;

    /// Sends a reply to a request with this content. One that cannot be sent is counted, and no error: no client may end a
    /// server. Why it was not sent; `None`: it was.
    ///
    /// # Errors
    /// `closed`: the server has closed its socket.
    fn deliver(&self, reply: &[u8], content: &dyn Fn() -> Content) -> Result<Option<Error>>;

    /// Where `reply`, to a request with this content, goes once its delay is over.
    fn delayed(&self, reply: &[u8], content: Content) -> Box<dyn Outlet>;
}

/// What became of a reply.
#[derive(Clone, Debug)]
pub struct Replied {
    /// What a policy has decided about the request; `None` without a policy.
    pub decided: Option<Arc<Decided>>,
    /// Why it could not be sent; `None`: it was, or is to be, or it was dropped.
    pub unsent: Option<Error>,
}

impl Replied {
    /// The verdict that it met: `without` a policy this one.
    pub fn verdict(self, without: &Verdict) -> Verdict {
        let verdict = self.decided.map_or_else(|| without.clone(), |decided| decided.verdict.clone());
        Verdict { unsent: self.unsent.map(Arc::new), ..verdict }
    }
}

/// Replies to `request`, as far as the verdict about it allows.
///
/// # Errors
/// As [`ReplyTo::deliver`].
pub(super) fn reply(to: &impl ReplyTo, request: &Datagram, reply: &[u8]) -> Result<Replied> {
    to.serves()?;
    let (endpoint, content) = (to.endpoint(), || Content::of(&request.data));
    let (report, ends) = (endpoint.loss_report(), endpoint.asked_by(to.peer()));
    endpoint.decisions.about(request.from, &request.data, None);
    let decided = request.decided.as_ref().filter(|decided| decided.verdict.action != Action::Pass);
    report.replied(ends, content, decided.is_none().then_some(reply));
    let unsent = match decided {
        Some(decided) => carry_out(to, decided, content(), true, reply)?,
        None => to.deliver(reply, &content)?,
    };
    if decided.is_none() && unsent.is_none() {
        report.gave_reply(ends, content, || endpoint.host.now());
    }
    Ok(Replied { decided: request.decided.clone(), unsent })
}

/// Does with the reply to what says `content` what a policy has decided. Whether it is the `first` reply to that. Why nothing
/// was sent, if something should have been.
///
/// # Errors
/// As [`ReplyTo::deliver`].
pub(super) fn carry_out(
    to: &impl ReplyTo,
    decided: &Decided,
    content: Content,
    first: bool,
    reply: &[u8],
) -> Result<Option<Error>> {
    let endpoint = to.endpoint();
    let (report, ends) = (endpoint.loss_report(), endpoint.asked_by(to.peer()));
    let unsent = || {
        let flow = endpoint.flow(endpoint.local, to.peer());
        endpoint.session.events.emit(|| Event::Unsent { flow, data: reply, why: WhyUnsent::Decided(decided) });
    };
    if first {
        // Before it is carried out: the client would be quicker.
        report.note(endpoint.host.now(), ends, content, &endpoint.site(), Incident::Decided(decided));
    }
    let deliver = |reply: &[u8]| to.deliver(reply, &|| content);
    match &decided.verdict.action {
        Action::Pass => deliver(reply),
        Action::Drop => {
            unsent();
            Ok(None)
        }
        Action::Delay(by) => {
            let session = &endpoint.session;
            if session.delay_queue.send(&session.stop, *by, to.delayed(reply, content), reply.to_vec()) {
                return Ok(None);
            }
            report.not_kept(ends, content);
            unsent();
            Ok(Some(Error::new(ErrorKind::Exhausted, "reply", "no more replies can wait for their time")))
        }
        Action::Duplicate(times) => {
            let first = deliver(reply)?;
            let others = if first.is_some() { 0 } else { times.saturating_sub(1) };
            (0..others).try_for_each(|_| deliver(reply).map(|_| ()))?;
            Ok(first)
        }
        Action::Replace(bytes) => deliver(bytes),
        Action::Corrupt => deliver(&decided.damaged(reply)),
        Action::Reject(_) => possible(&decided.verdict.action).map(|()| None),
    }
}
