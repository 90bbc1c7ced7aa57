//! Serving in batches: where many requests wait, several are received with one call and replied to with another.
//!
//! For servers whose replies need no script and so take no time: a batch's first reply waits for its last.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use super::endpoint::lock;
use super::udp::{UdpIncoming, UdpSocket, max_payload};
use crate::net::error::Result;
use crate::net::host::in_place::InPlace;
use crate::net::host::stop::Stop;
use crate::net::policy::Action;
use crate::net::policy::datagram::Datagram;
use crate::net::wire::content::Content;

/// How a server replies without a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NativeReply {
    /// With what was asked.
    Echo,
    /// With the same text in capitals; of what is no text, the ASCII letters.
    Upper,
}

/// What serves requests.
pub trait Serve {
    /// The reply to a request, if that takes no time; replies to several requests are then sent together.
    fn reply(&mut self, request: &Datagram) -> Option<Vec<u8>>;

    /// Serves a request that [`Serve::reply`] had no reply to, however long that takes. Whether to go on.
    fn serve(&mut self, request: &Datagram) -> bool;

    /// Whether it serves whatever comes: then threads that share a socket may each receive several at once.
    fn is_steady(&self) -> bool {
        false
    }
}

/// After so many requests that came alone, one looks for more again.
const LOOK_AGAIN: u32 = 8;

impl NativeReply {
    fn to(self, request: &[u8], from: IpAddr) -> Vec<u8> {
        match (self, std::str::from_utf8(request)) {
            (Self::Echo, _) => request.to_vec(),
            (Self::Upper, Ok(text)) if text.is_ascii() => request.to_ascii_uppercase(),
            // Some letters take more room in capitals, and all together perhaps more than there is.
            (Self::Upper, Ok(text)) => match text.to_uppercase().into_bytes() {
                capitals if capitals.len() <= max_payload(from) => capitals,
                _ => request.to_ascii_uppercase(),
            },
            (Self::Upper, Err(_)) => request.to_ascii_uppercase(),
        }
    }
}

/// Replies that are sent together, and the requests that they reply to.
#[derive(Debug, Default)]
struct Replies {
    ready: Vec<(Vec<u8>, SocketAddr)>,
    requests: Vec<Arc<[u8]>>,
}

impl Serve for NativeReply {
    fn reply(&mut self, request: &Datagram) -> Option<Vec<u8>> {
        Some(self.to(&request.data, request.from.ip()))
    }

    fn serve(&mut self, _request: &Datagram) -> bool {
        true
    }

    fn is_steady(&self) -> bool {
        true
    }
}

impl UdpSocket {
    /// Replies to each datagram that arrives, as far as the policy lets it, until the stop or until the socket is closed.
    ///
    /// # Errors
    /// As [`UdpSocket::receive`] and [`UdpSocket::reply`].
    pub fn serve(&self, how: NativeReply, stop: &Stop) -> Result<()> {
        self.begin_to_serve();
        let (this, replies) = (self.clone(), Mutex::default());
        let in_place = InPlace::new(move || this.serve_at_once(how, &mut lock(&replies)));
        let _in_place = self.host.serve_in_place(&*self.socket("recv")?, in_place);
        self.serve_by(stop, &mut { how })
    }

    /// Replies to a datagram that has come, if there is one, without waiting. Whether it could; if not, the thread that serves is to
    /// look.
    fn serve_at_once(&self, mut how: NativeReply, replies: &mut Replies) -> bool {
        if self.is_shared() || !self.decides_at_once() {
            return false;
        }
        let mut serve = |request: Datagram| {
            self.serve_one(&mut how, request, replies)?;
            self.send(replies)
        };
        self.take_one().and_then(|taken| taken.map_or(Ok(()), &mut serve)).is_ok()
    }

    /// Has `server` serve each datagram that arrives, until the stop, until the socket is closed, or until it ends.
    ///
    /// # Errors
    /// As [`UdpSocket::receive`] and [`UdpSocket::reply`].
    pub fn serve_by(&self, stop: &Stop, server: &mut dyn Serve) -> Result<()> {
        let mut replies = Replies::default();
        // Looking for more where there never is more would cost a call for each packet.
        let mut alone = 0u32;
        // Of many received at once it is not known to which addresses they were sent.
        let batches = !self.local().ip().is_unspecified();
        loop {
            // One that has to be waited for, and whatever else came meanwhile.
            let UdpIncoming::Packet(first) = self.receive(None, stop, false)? else { return Ok(()) };
            let mut goes_on = self.serve_one(server, first, &mut replies)?;
            while goes_on && let Some(datagram) = self.receive_ahead() {
                goes_on = self.serve_one(server, datagram, &mut replies)?;
            }
            // A thread that receives alone receives ahead.
            if batches
                && server.is_steady()
                && self.is_shared()
                && alone.is_multiple_of(LOOK_AGAIN)
                && !self.session().events.wanted()
                && let Ok(socket) = self.socket("recv")
            {
                let several = self.take_several(&*socket);
                several.into_iter().try_for_each(|one| self.serve_one(server, one, &mut replies).map(|_| ()))?;
            }
            alone = if replies.ready.len() > 1 { 0 } else { alone.wrapping_add(1) };
            self.send(&mut replies)?;
            if !goes_on {
                return Ok(());
            }
        }
    }

    /// Sends the replies that are ready.
    fn send(&self, replies: &mut Replies) -> Result<()> {
        let report = self.loss_report();
        let unsent = match replies.ready.as_slice() {
            [] => return Ok(()),
            [(data, to)] if self.deliver(data, *to, &|| Content::of(&replies.requests[0]))?.is_none() => Vec::new(),
            [_] => vec![0],
            several => self.deliver_all(several, &replies.requests)?,
        };
        if report.has_open() {
            let sent = replies.ready.iter().zip(&replies.requests).enumerate();
            for (_, ((_, from), request)) in sent.filter(|(index, _)| !unsent.contains(index)) {
                report.gave_reply(self.asked_by(*from), || Content::of(request), || self.host.now());
            }
        }
        replies.ready.clear();
        replies.requests.clear();
        Ok(())
    }

    /// Has `server` serve one datagram. Whether to go on.
    fn serve_one(&self, server: &mut dyn Serve, request: Datagram, replies: &mut Replies) -> Result<bool> {
        if let Some(data) = server.reply(&request) {
            return self.keep(data, request, replies).map(|()| true);
        }
        // Others do not wait for it.
        self.send(replies)?;
        Ok(server.serve(&request))
    }

    /// Keeps the reply to `request` if it is simply to be sent; any other verdict is carried out at once.
    fn keep(&self, data: Vec<u8>, request: Datagram, replies: &mut Replies) -> Result<()> {
        if self.is_chatty(&request) {
            return Ok(());
        }
        let passes = request.decided.as_ref().is_none_or(|decided| decided.verdict.action == Action::Pass);
        if passes && request.to.is_none() {
            self.note_other_reply(&data, &request);
            replies.ready.push((data, request.from));
            replies.requests.push(request.data);
            self.serves();
            return Ok(());
        }
        self.reply(&request, &data).map(|_| ())
    }

    /// Notes a reply that does not repeat the request.
    fn note_other_reply(&self, data: &[u8], request: &Datagram) {
        if !self.loss_report().pings() {
            return;
        }
        let content = Content::of(&request.data);
        if Content::of(data) != content {
            self.sends_no_reply(request);
            self.loss_report().replied(self.asked_by(request.from), || content, Some(data));
        }
    }

    /// Sends several replies with one call; those that it leaves over, one by one. The places of those that cannot be sent.
    fn deliver_all(&self, replies: &[(Vec<u8>, SocketAddr)], requests: &[Arc<[u8]>]) -> Result<Vec<usize>> {
        let socket = self.socket("send")?;
        if self.loss_report().has_servers() {
            replies.iter().for_each(|(data, to)| self.note_reply(data, *to));
        }
        let (mut rest, mut unsent) = (replies, Vec::new());
        while !rest.is_empty() {
            let sent = socket.send_many(rest).unwrap_or(0);
            rest = &rest[sent..];
            if let [(data, to), others @ ..] = rest {
                // It failed, perhaps only because an earlier ICMP error took the call's place.
                let place = replies.len() - rest.len();
                if self.deliver(data, *to, &|| Content::of(&requests[place]))?.is_some() {
                    unsent.push(place);
                }
                rest = others;
            }
        }
        Ok(unsent)
    }
}
