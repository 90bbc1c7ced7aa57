//! Pings over UDP: messages `ping N …`, which replies repeat, in any case of their letters.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use super::UdpSocket;
use super::error::{check_size, own_address, send_error};
use crate::net::error::Result;
use crate::net::host::socket::HostSocket;
use crate::net::host::stop::Stop;
use crate::net::policy::datagram::Datagram;
use crate::net::probe::ledger::{Blame, Key, ProbeId, Stray};
use crate::net::probe::outcome::{Matcher, Outcome, Probe};
use crate::net::socket::error_queue::TakeQueued;
use crate::net::socket::icmp_monitor::is_kept;
use crate::net::socket::prober::{Prober, Probing, Recognised, Script, Text, Transport, Work, notices};
use crate::net::time::Instant;
use crate::net::wire::content::Content;
use crate::net::wire::icmp::IcmpError;
use crate::net::wire::ip::Packet;
use crate::net::wire::ping_text;

impl UdpSocket {
    /// Sends a probe and waits until it is settled. A reply is matched by its sender and by the number in a
    /// message `ping N …`, or else by its text, without regard to case; or by `matcher`.
    ///
    /// # Errors
    /// `closed`, `too-large`, `invalid` (another version of IP), `system`.
    pub fn ping(&self, probe: &Probe<'_>, stop: &Stop, matcher: Option<Matcher<'_>>) -> Result<Outcome> {
        self.check_target("ping", probe.to)?;
        check_size(probe.message.len(), probe.to.ip())?;
        let socket = self.socket("ping")?;
        let script = &mut Script { message: None, matcher };
        self.0.probing.lock("ping")?.ping(&mut Work { transport: self, socket: &*socket, stop, script }, probe)
    }

    /// What has come by now, is about what was pinged, and settled no probe: redirects and other advice, each once.
    pub fn notices(&self) -> Vec<IcmpError> {
        notices(self)
    }
}

impl Transport for UdpSocket {
    fn probing(&self) -> &Probing {
        &self.0.probing
    }

    fn compose(&self, text: Text<'_>, _: u64, size: usize) -> Result<Vec<u8>> {
        text.padded(&self.0, size, |size| check_size(size, self.0.local.ip()))
    }

    fn prepare(&self, socket: &dyn HostSocket, _: bool) -> bool {
        self.0.probing.monitor.open(&*self.0.host, self.0.local, &[]);
        self.0.stamping.store(true, Ordering::Relaxed);
        self.0.number_stamps(socket);
        false
    }

    fn drain(&self, socket: &dyn HostSocket, most: usize, queued: TakeQueued<'_>) -> usize {
        self.drain(socket, most, queued)
    }

    fn send(
        &self,
        socket: &dyn HostSocket,
        probe: &Probe<'_>,
        sent: &mut Instant,
        queued: TakeQueued<'_>,
    ) -> Result<Option<u32>> {
        let Probe { message, to, ttl, .. } = *probe;
        self.report_sent(message, to);
        if self.is_here(to) {
            return Err(own_address(to));
        }
        self.0.probing.monitor.asks(to.ip());
        let now = || *sent = self.0.host.now();
        let number = self.0.set_ttl(socket, ttl).and_then(|()| self.send_raw(socket, message, to, now, queued));
        number.map_err(|err| send_error(&*self.0.host, &err, message.len(), to))
    }

    fn take_monitored(&self, queued: TakeQueued<'_>) {
        self.0.probing.monitor.take(
            |received| {
                let kind = received.message.kind;
                let about = received.about.as_ref().filter(|_| is_kept(kind) || kind.is_advisory());
                about.and_then(|about| own(self.0.local, about)).or_else(|| received.nameless())
            },
            queued,
        );
    }

    fn receive(
        &self,
        socket: &dyn HostSocket,
        _: usize,
        arrived: &mut Vec<Datagram>,
        _: TakeQueued<'_>,
    ) -> io::Result<bool> {
        arrived.extend(self.take(socket)?);
        Ok(socket.may_have_more())
    }

    fn is_quiet(&self, socket: &dyn HostSocket) -> bool {
        !socket.may_have_more()
            && self.0.ahead.is_empty()
            && !self.0.errors.may_be_unread()
            && !self.0.probing.monitor.is_ready()
    }

    fn recognise(&self, prober: &Prober, datagram: &Datagram) -> Recognised {
        if self.0.is_own(datagram) { Recognised::Unrelated } else { recognise(prober, datagram) }
    }

    fn blame(&self, prober: &Prober, error: &IcmpError, awaited: Option<ProbeId>) -> Blame {
        blame(prober, error, awaited)
    }
}

/// Which probe an error is about; one that names none, `awaited`.
pub(super) fn blame(prober: &Prober, error: &IcmpError, awaited: Option<ProbeId>) -> Blame {
    // A quote may end in the middle of the number; it counts only if more follows it.
    let whole = error.quote.iter().filter(|&&byte| byte == b' ').count() > 1;
    let number = ping_text::sequence(&error.quote).filter(|_| whole);
    if let Some(id) = number.and_then(|number| prober.ledger().find(error.to, Key::Number(number))) {
        return Blame::Named(id);
    }
    let quoted = |id: &ProbeId| prober.message(*id).is_some_and(|message| message.starts_with(&error.quote));
    Blame::one_of(prober.ledger().pending(error.to).filter(quoted), awaited.filter(quoted))
}

/// What a datagram is, by itself and by what `prober` has sent.
pub(super) fn recognise(prober: &Prober, datagram: &Datagram) -> Recognised {
    let content = Content::of(&datagram.data);
    let number = ping_text::sequence(&datagram.data);
    let key = number.map_or(Key::Content(content.hash), Key::Number);
    if let Some(id) = prober.named(datagram, key) {
        let is_changed = prober.message(id).is_some_and(|sent| is_changed(&datagram.data, sent));
        return if is_changed { Recognised::Damaged(key) } else { Recognised::Reply(key, content) };
    }
    match what_is_left(prober, datagram) {
        // A message may be cut in the middle of its number, which leaves another number.
        kind @ (Stray::Corrupt | Stray::Unmatched) if number.is_none() => Recognised::Stray(kind),
        Stray::Truncated => Recognised::Stray(Stray::Truncated),
        _ => Recognised::Reply(key, content),
    }
}

/// Where a quoted packet was going and its payload, if the socket bound to `local` sent it.
fn own(local: SocketAddr, quoted: &Packet<'_>) -> Option<(SocketAddr, Vec<u8>)> {
    let udp = quoted.transport.udp()?;
    let own = udp.source_port == Some(local.port()) && (local.ip().is_unspecified() || quoted.source == local.ip());
    quoted.destination_socket().filter(|_| own).map(|to| (to, quoted.payload.to_vec()))
}

/// Whether a reply is shorter than its message and no beginning of it; or differs from it only in case, but is neither the
/// message nor all of it in capitals or small letters: turning over one bit can do that to a letter.
fn is_changed(received: &[u8], sent: &[u8]) -> bool {
    if received.len() < sent.len() {
        return !ping_text::begins(received, sent);
    }
    if received == sent {
        return false;
    }
    let is = |change: fn(&u8) -> u8| received.iter().copied().eq(sent.iter().map(change));
    ping_text::same_text(received, sent) && !(is(u8::to_ascii_uppercase) || is(u8::to_ascii_lowercase))
}

/// What a datagram that names no probe is: the beginning of a pending message is a truncated reply, anything
/// else from a peer that owes a reply a corrupt one if it is as long as a message, else no reply to one.
fn what_is_left(prober: &Prober, datagram: &Datagram) -> Stray {
    let data = &datagram.data;
    let mut owed = prober.owed_by(datagram.from).peekable();
    if owed.peek().is_none() {
        return Stray::Foreign;
    }
    match prober.owed_by(datagram.from).any(|sent| sent.len() == data.len()) {
        _ if owed.any(|sent| ping_text::begins(data, sent)) => Stray::Truncated,
        true => Stray::Corrupt,
        false => Stray::Unmatched,
    }
}
