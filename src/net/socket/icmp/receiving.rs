//! What an ICMP socket receives: replies and errors, sorted from what belongs to others, and attributed to the probe they are about.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use super::payload::PayloadMatch;
use super::probing::HEADER;
use super::{IcmpSocket, Inner, Mode, extended};
use crate::net::host::socket::HostSocket;
use crate::net::io::{Batch, Blocking, Received};
use crate::net::observe::event::Event;
use crate::net::policy::datagram::Datagram;
use crate::net::probe::ledger::{Blame, Key, ProbeId, Stray};
use crate::net::socket::error_queue::{Queued, TakeQueued, receive_past_errors};
use crate::net::socket::prober::{Prober, Recognised};
use crate::net::socket::scratch::{with_packet, with_small};
use crate::net::wire::content::Content;
use crate::net::wire::icmp::{IcmpError, Kind, Message};
use crate::net::wire::ip::Packet;
use crate::net::wire::zoned::ZonedIp;
use crate::net::wire::{Family, checksum::checksum};

/// How many rounds of sequence numbers a reply may be late and still be distinguished from others.
const ROUNDS: u64 = 4;

impl IcmpSocket {
    /// Receives without waiting until there is an echo reply; `None` if there is none. Errors are given to `queued`.
    pub(super) fn take(&self, socket: &dyn HostSocket, queued: TakeQueued<'_>) -> io::Result<Option<Datagram>> {
        with_packet(|buffer| {
            loop {
                let received = receive_past_errors(|| socket.receive(buffer, Blocking::No), || self.met_error())?;
                let Some(received) = received else { return Ok(None) };
                if let Some(datagram) = self.sort(&buffer[..received.len], &received, queued) {
                    return Ok(Some(datagram));
                }
            }
        })
    }

    /// Notes that there is something in the error queue.
    fn met_error(&self) -> bool {
        self.0.has_errors.store(true, Ordering::Relaxed);
        true
    }

    /// Receives at most `most` packets without waiting, and gives the echo replies to `arrived`, errors to `queued`. Whether
    /// there may be more.
    pub(super) fn gather(
        &self,
        socket: &dyn HostSocket,
        most: usize,
        arrived: &mut Vec<Datagram>,
        queued: TakeQueued<'_>,
    ) -> io::Result<bool> {
        let most = most.clamp(1, Batch::MOST);
        with_small(|batch| {
            loop {
                let count =
                    receive_past_errors(|| socket.receive_many(batch, most, Blocking::No), || self.met_error())?;
                let Some(count) = count else { return Ok(false) };
                arrived.extend(batch.iter().filter_map(|(bytes, received)| self.sort(bytes, received, queued)));
                let more = count >= most;
                // What was not for this socket may stand before what is.
                if !arrived.is_empty() || !more {
                    return Ok(more);
                }
            }
        })
    }

    /// What was received, if it is an echo reply that may be to this socket.
    fn sort(&self, bytes: &[u8], received: &Received, queued: TakeQueued<'_>) -> Option<Datagram> {
        let mut from = received.addr?;
        from.set_port(0);
        let (bytes, ttl) = match (self.0.mode, self.0.family) {
            (Mode::Raw, Family::V4) => without_header(bytes)?,
            _ => (bytes, received.ttl),
        };
        let message = Message::parse(self.0.family, bytes).ok()?;
        let is_reply = self.0.is_reply(&message);
        if message.kind == Kind::echo_reply(self.0.family) || is_reply {
            if is_reply || message.echo().is_some_and(|echo| echo.id == self.id()) {
                let flow = || self.0.flow(from, self.0.local);
                self.0.session.events.emit(|| Event::Received { flow: flow(), data: bytes });
            }
            let stamp = received.stamp;
            return Some(Datagram { data: bytes.into(), from, to: None, stamp, ttl, decided: None });
        }
        if let Some(error) = self.error(&message, from) {
            queued(Queued::Icmp { error, stamp: received.stamp });
        }
        None
    }

    /// The error that a message received on a raw socket reports, if it is about a request of this socket.
    fn error(&self, message: &Message<'_>, from: SocketAddr) -> Option<IcmpError> {
        let kind = message.kind;
        let error = |to, quote: &[u8], extensions: &[u8]| IcmpError {
            kind,
            offender: Some(from.into()),
            to,
            info: message.next_hop_mtu().or(message.pointer()).unwrap_or(0),
            quote: quote.to_vec(),
            segment: None,
            number: None,
            extensions: extensions.to_vec(),
        };
        if self.0.family == Family::V4 && checksum(&message.emit()) != 0 {
            return None;
        }
        if let Some(about) = message.about() {
            let (to, quote) = self.is_own(&about)?;
            return Some(error(ZonedIp::from(from).quotes(to), &quote, message.extensions().unwrap_or_default()));
        }
        // An extended echo reply quotes nothing; its identifier says whose it is.
        let is_ours = message.extended_echo().is_some_and(|echo| echo.id == self.id());
        (kind.is_extended_reply() && is_ours).then(|| error(from, &[], &[]))
    }
}

impl IcmpSocket {
    /// Where a quoted packet was going and what it holds from its ICMP header on, if it is a request of this socket.
    pub(super) fn is_own(&self, quoted: &Packet<'_>) -> Option<(SocketAddr, Vec<u8>)> {
        let message = Message::parse(self.0.family, quoted.segment).ok()?;
        let question = message.extended_echo().filter(|_| message.kind.is_extended_request());
        let id = match message.kind == Kind::echo_request(self.0.family) {
            true => message.echo()?.id,
            false => question?.id,
        };
        let own = quoted.transport.icmp().is_some() && id == self.id();
        own.then(|| (SocketAddr::new(quoted.destination, 0), quoted.segment.to_vec()))
    }
}

/// The ICMP message of an IPv4 packet, and the packet's TTL.
fn without_header(packet: &[u8]) -> Option<(&[u8], Option<u8>)> {
    let words = usize::from(packet.first()? & 0x0f);
    Some((packet.get(words * 4..)?, packet.get(8).copied()))
}

/// The probes that a sequence number may belong to, the newest first.
fn candidates(prober: &Prober, seq: u16) -> impl Iterator<Item = u64> {
    let newest = prober.next_number() - 1;
    let back = u64::from((newest as u16).wrapping_sub(seq));
    let round = move |round: u64| newest.checked_sub(back + round * 65_536).filter(|&number| number > 0);
    (0..ROUNDS).map_while(round)
}

/// What an echo reply is.
pub(super) fn recognise(socket: &Inner, prober: &Prober, datagram: &Datagram) -> Recognised {
    let stray = Recognised::Stray;
    let Some(message) = Message::parse(socket.family, &datagram.data).ok() else { return stray(Stray::Truncated) };
    if let Some(echo) = message.extended_echo() {
        return extended::recognise(socket, prober, datagram, echo);
    }
    let Some(echo) = message.echo() else { return stray(Stray::Foreign) };
    if echo.id != socket.local.port() {
        // A raw socket receives the replies to everybody. One that repeats what was sent here has lost its way.
        let of = |number| socket.payload.recognise(number, message.body) == PayloadMatch::Nonce;
        return if candidates(prober, echo.seq).any(of) { stray(Stray::Foreign) } else { Recognised::Unrelated };
    }
    if socket.mode == Mode::Raw && socket.family == Family::V4 && checksum(&datagram.data) != 0 {
        return stray(Stray::Corrupt);
    }
    let mut short = None;
    for number in candidates(prober, echo.seq) {
        match socket.payload.recognise(number, message.body) {
            PayloadMatch::Nonce => return whole(prober, datagram, number, message.body),
            PayloadMatch::Short => short = short.or(Some(number)),
            PayloadMatch::Other => {}
        }
    }
    match short {
        // So short a payload says nothing: the numbers have to do.
        Some(number) => whole(prober, datagram, number, message.body),
        None if candidates(prober, echo.seq).next().is_none() => {
            Recognised::Reply(Key::Number(echo.seq.into()), Content::of(message.body))
        }
        None if prober.owed_by(datagram.from).next().is_some() => stray(Stray::Unmatched),
        None => stray(Stray::Foreign),
    }
}

/// A reply that names probe `number`; corrupt if it does not repeat what was sent.
fn whole(prober: &Prober, datagram: &Datagram, number: u64, payload: &[u8]) -> Recognised {
    let key = Key::Number(number);
    let sent = prober.named(datagram, key).and_then(|id| prober.message(id));
    match sent.and_then(|sent| sent.get(HEADER..)) {
        // A truncated one is a beginning.
        Some(sent) if !sent.starts_with(payload) => Recognised::Damaged(key),
        _ => Recognised::Reply(key, Content::of(payload)),
    }
}

/// Which probe an error is about: by the sequence number it quotes, and by the payload if it quotes that; or else the only
/// one pending.
pub(super) fn blame(socket: &Inner, prober: &Prober, error: &IcmpError, awaited: Option<ProbeId>) -> Blame {
    let mut to = error.to;
    to.set_port(0);
    let find = |number| prober.ledger().find(to, Key::Number(number));
    let quoted = Message::parse(socket.family, &error.quote).ok();
    if let Some(echo) = quoted.and_then(|message| message.extended_echo()) {
        return extended::blame(socket, prober, error, echo);
    }
    if let Some(echo) = quoted.and_then(|message| message.echo()) {
        if echo.id != socket.local.port() {
            return Blame::Unknown;
        }
        let payload = &error.quote[HEADER..];
        let own = |&number: &u64| socket.payload.recognise(number, payload) != PayloadMatch::Other;
        return candidates(prober, echo.seq).filter(own).find_map(find).map_or(Blame::Unknown, Blame::Named);
    }
    let awaited = awaited.filter(|id| prober.ledger().record(*id).is_some_and(|it| it.to == to));
    Blame::one_of(prober.ledger().pending(to), awaited)
}
