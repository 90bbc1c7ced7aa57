//! Pings over UDP: messages `ping N …`, which answers repeat, in any case of their letters.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};

use socket2::Socket;

use super::UdpSocket;
use super::error::{check_size, own_address, send_error};
use crate::net::error::{Error, Result};
use crate::net::host::stop::Stop;
use crate::net::host::{Host, Waited};
use crate::net::policy::datagram::Datagram;
use crate::net::probe::clock::Clock;
use crate::net::probe::ledger::{Blame, Counts, Key, ProbeId, Stray};
use crate::net::probe::outcome::{Matcher, Outcome, Probe};
use crate::net::socket::error_queue::Queued;
use crate::net::socket::icmp_monitor::is_kept;
use crate::net::socket::prober::{Carrier, Name, Prober, Recognised, ScriptResult, Tally, notices};
use crate::net::socket::session::Session;
use crate::net::sys::{self, PollFd};
use crate::net::time::Instant;
use crate::net::wire::content::Content;
use crate::net::wire::icmp::IcmpError;
use crate::net::wire::ip::Packet;
use crate::net::wire::ping_text;

impl UdpSocket {
    /// Sends a probe and waits until it is settled. An answer is matched by its sender and by the number in a
    /// message `ping N …`, or else by its text, without regard to case; or by `matcher`.
    ///
    /// # Errors
    /// `closed`, `too-large`, `invalid` (another version of IP), `system`.
    pub fn ping(&self, probe: &Probe<'_>, stop: &Stop, mut matcher: Option<Matcher<'_>>) -> Result<Outcome> {
        self.check_target("ping", probe.to)?;
        if self.0.local.is_ipv4() {
            check_size(probe.message.len())?;
        }
        let socket = self.socket("ping")?;
        self.prober("ping")?.ping(self, &socket, probe, stop, &mut matcher)
    }

    /// The account of the probes sent from this socket.
    pub fn counts(&self) -> Counts {
        self.0.tally.counts()
    }

    /// What has come by now, is about what was pinged, and settled no probe: redirects and other advice, each once.
    pub fn notices(&self) -> Vec<IcmpError> {
        notices(self)
    }

    /// Hears what the kernel keeps from the socket itself.
    fn hear_ear(&self, queued: &mut dyn FnMut(Queued)) {
        self.0.monitor.hear(
            |heard| {
                let kind = heard.message.kind;
                let about = heard.about.as_ref().filter(|_| is_kept(kind) || kind.is_advisory());
                about.and_then(|about| own(self.0.local, about)).or_else(|| heard.nameless())
            },
            |error, stamp| queued(Queued::Icmp { error, stamp }),
        );
    }

    /// The clock of the socket's round-trip times; `None` before the first reply.
    pub fn clock(&self) -> Option<Clock> {
        self.0.tally.clock()
    }

    /// What others may know of its probes.
    pub fn tally(&self) -> &Tally {
        &self.0.tally
    }
}

impl Carrier for UdpSocket {
    fn protocol(&self) -> &'static str {
        "UDP"
    }

    fn host(&self) -> &Arc<dyn Host> {
        &self.0.host
    }

    fn session(&self) -> &Arc<Session> {
        &self.0.session
    }

    fn local(&self) -> SocketAddr {
        self.0.local
    }

    fn is_closed(&self) -> bool {
        self.is_closed()
    }

    fn socket(&self, op: &'static str) -> Result<Arc<Socket>> {
        self.socket(op)
    }

    fn prober(&self, op: &'static str) -> Result<MutexGuard<'_, Prober>> {
        self.prober(op)
    }

    fn compose(&self, sequence: u64, _: u64, size: usize) -> Vec<u8> {
        let time = self.0.host.unix_nanos();
        let time = format!("{}.{:06}", time / 1_000_000_000, time % 1_000_000_000 / 1_000);
        let mut message = ping_text::compose(sequence, &time).into_bytes();
        message.resize(message.len().max(size), b' ');
        message
    }

    fn check_message(&self, size: usize) -> Result<()> {
        check_size(size)
    }

    fn tally(&self) -> &Tally {
        &self.0.tally
    }

    fn ask_for_stamps(&self, socket: &Socket) {
        self.0.monitor.open(&*self.0.host, self.0.local, &[]);
        self.ask_for_stamps(socket);
    }

    fn drain(&self, socket: &Socket, mut queued: &mut dyn FnMut(Queued)) -> usize {
        self.drain(socket, &mut queued)
    }

    fn drain_one(&self, socket: &Socket, mut queued: &mut dyn FnMut(Queued)) -> bool {
        self.drain_one(socket, &mut queued)
    }

    fn tell_sent(&self, probe: &Probe<'_>) {
        self.tell_sent(probe.message, probe.to);
    }

    fn send(&self, socket: &Socket, probe: &Probe<'_>, queued: &mut dyn FnMut(Queued)) -> io::Result<Option<u32>> {
        if self.is_here(probe.to) {
            return Err(io::Error::other(own_address(probe.to)));
        }
        self.0.monitor.asks(probe.to.ip());
        let ttl = probe.ttl.unwrap_or_else(|| self.0.own_ttl);
        let wanted = (ttl > 0).then_some(ttl);
        if self.0.ttl.swap(ttl, Ordering::Relaxed) != ttl {
            sys::set_ttl(socket.as_fd(), self.0.local.is_ipv4(), wanted)?;
        }
        self.send_raw(socket, probe.message, probe.to, queued)
    }

    fn send_error(&self, err: &io::Error, probe: &Probe<'_>) -> Error {
        send_error(&*self.0.host, err, probe.message.len(), probe.to)
    }

    fn wait(&self, socket: &Socket, until: Option<Instant>, stop: &Stop) -> io::Result<Waited> {
        self.0.monitor.wait(&*self.0.host, &mut PollFd::readable(socket.as_fd()), until, stop)
    }

    fn take(&self, socket: &Socket, queued: &mut dyn FnMut(Queued)) -> io::Result<Option<Datagram>> {
        self.hear_ear(queued);
        self.take(socket)
    }

    fn overhear(&self, queued: &mut dyn FnMut(Queued)) {
        self.0.monitor.look();
        self.hear_ear(queued);
    }

    fn name(&self, message: &[u8], _: u64) -> Name {
        let (number, content) = (ping_text::sequence(message), Content::of(message));
        Name { key: number.map_or(Key::Content(content.hash), Key::Number), number, content }
    }

    fn recognise(&self, prober: &Prober, datagram: &Datagram) -> Recognised {
        if self.0.is_own(datagram) { Recognised::Unrelated } else { recognise(prober, datagram) }
    }

    fn is_group(&self, to: SocketAddr) -> bool {
        self.0.is_group(to)
    }

    fn blame(&self, prober: &Prober, error: &IcmpError, awaited: Option<ProbeId>) -> Blame {
        // A quote may end in the middle of the number; it counts only if more follows it.
        let whole = error.quote.iter().filter(|&&byte| byte == b' ').count() > 1;
        let number = ping_text::sequence(&error.quote).filter(|_| whole);
        if let Some(id) = number.and_then(|number| prober.ledger().find(error.to, Key::Number(number))) {
            return Blame::Named(id);
        }
        let quoted = |id: &ProbeId| prober.message(*id).is_some_and(|message| message.starts_with(&error.quote));
        let candidates: Vec<ProbeId> = prober.ledger().pending(error.to).filter(quoted).take(2).collect();
        match candidates.as_slice() {
            [] => Blame::Nobody,
            [only] => Blame::Named(*only),
            [oldest, ..] => Blame::Assumed(awaited.filter(|id| quoted(id)).unwrap_or(*oldest)),
        }
    }

    fn matching(&self, matcher: &mut dyn FnMut() -> ScriptResult) -> ScriptResult {
        self.matching(matcher)
    }
}

/// What a datagram is, by itself and by what `prober` has sent.
pub(super) fn recognise(prober: &Prober, datagram: &Datagram) -> Recognised {
    let content = Content::of(&datagram.data);
    let stray = Recognised::Stray;
    let key = match ping_text::sequence(&datagram.data) {
        // A message may be cut in the middle of its number, which leaves another number.
        Some(number)
            if prober.named(datagram, Key::Number(number)).is_none()
                && what_is_left(prober, datagram) == Stray::Truncated =>
        {
            return stray(Stray::Truncated);
        }
        Some(number) => Key::Number(number),
        None => Key::Content(content.hash),
    };
    if matches!(key, Key::Content(_)) && prober.named(datagram, key).is_none() {
        return stray(what_is_left(prober, datagram));
    }
    match prober.named(datagram, key).and_then(|id| prober.message(id)) {
        Some(sent) if is_changed(&datagram.data, sent) => Recognised::Damaged(key),
        _ => Recognised::Answer(key, content),
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
fn is_changed(heard: &[u8], sent: &[u8]) -> bool {
    if heard.len() < sent.len() {
        return !ping_text::begins(heard, sent);
    }
    let is = |change: fn(&u8) -> u8| heard.iter().copied().eq(sent.iter().map(change));
    ping_text::same_text(heard, sent) && !(is(|byte| *byte) || is(u8::to_ascii_uppercase) || is(u8::to_ascii_lowercase))
}

/// What a datagram that names no probe is: the beginning of a pending message is a truncated answer, anything
/// else from a peer that owes an answer a corrupt one if it is as long as a message, else no answer to one.
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
