//! What a prober needs of the socket it works over, whichever protocol that speaks.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use socket2::Socket;

use super::Prober;
use crate::net::error::{Error, Result};
use crate::net::host::stop::Stop;
use crate::net::host::{Host, Waited};
use crate::net::observe::loss_report::LossReport;
use crate::net::policy::datagram::Datagram;
use crate::net::probe::clock::Clock;
use crate::net::probe::ledger::{Blame, Counts, Key, ProbeId, Stray};
use crate::net::probe::outcome::Probe;
use crate::net::socket::error_queue::Queued;
use crate::net::socket::session::Session;
use crate::net::sys::PollFd;
use crate::net::time::Instant;
use crate::net::wire::content::Content;
use crate::net::wire::icmp::{IcmpError, Subject};

/// A socket that probes are sent from: how it sends and hears, and how its protocol names a probe.
pub(in crate::net) trait Carrier: Debug + Send + Sync {
    /// `UDP`, `TCP` or `ICMP`.
    fn protocol(&self) -> &'static str;

    /// The host it lives on.
    fn host(&self) -> &Arc<dyn Host>;

    /// What it shares with all sockets of the run.
    fn session(&self) -> &Arc<Session>;

    /// The local address.
    fn local(&self) -> SocketAddr;

    /// Whether it was closed.
    fn is_closed(&self) -> bool;

    /// The open socket.
    ///
    /// # Errors
    /// `closed`.
    fn socket(&self, op: &'static str) -> Result<Arc<Socket>>;

    /// Its probes.
    ///
    /// # Errors
    /// `busy`: another thread waits for an answer on the socket; `invalid`: a matcher of its own asks.
    fn prober(&self, op: &'static str) -> Result<MutexGuard<'_, Prober>>;

    /// The message of the `sequence`-th ping of a schedule, of `size` bytes if its protocol can do with so few, where the
    /// prober has sent `before` probes.
    fn compose(&self, sequence: u64, before: u64, size: usize) -> Vec<u8>;

    /// Checks that a message of a script's own, of `size` bytes, can be a ping.
    ///
    /// # Errors
    /// `too-large`, `invalid`.
    fn check_message(&self, size: usize) -> Result<()> {
        let _ = size;
        Ok(())
    }

    /// The message of the next ping of a schedule that asks about an interface, where the prober has sent `before` probes;
    /// only ICMP has such.
    fn compose_question(&self, subject: &Subject, before: u64) -> Vec<u8> {
        let _ = (subject, before);
        Vec::new()
    }

    /// What others may know of its probes.
    fn tally(&self) -> &Tally;

    /// Has the kernel stamp what is sent and received from now on.
    fn ask_for_stamps(&self, socket: &Socket);

    /// Empties the error queue; how many entries it had.
    fn drain(&self, socket: &Socket, queued: &mut dyn FnMut(Queued)) -> usize;

    /// Takes one entry from the error queue; whether there was one.
    fn drain_one(&self, socket: &Socket, queued: &mut dyn FnMut(Queued)) -> bool;

    /// Tells that a probe goes to the kernel now.
    fn tell_sent(&self, probe: &Probe<'_>);

    /// Sends a probe; what the error queue held meanwhile is given to `queued`. The number of its stamp, where stamps were
    /// asked for.
    fn send(&self, socket: &Socket, probe: &Probe<'_>, queued: &mut dyn FnMut(Queued)) -> io::Result<Option<u32>>;

    /// Sends as [`Carrier::send`] does; and when that was, by a clock that is read right before the call.
    fn send_timed(
        &self,
        socket: &Socket,
        probe: &Probe<'_>,
        queued: &mut dyn FnMut(Queued),
    ) -> (Instant, io::Result<Option<u32>>) {
        (self.host().now(), self.send(socket, probe, queued))
    }

    /// What a failed send means, in words.
    fn send_error(&self, err: &io::Error, probe: &Probe<'_>) -> Error;

    /// Receives a datagram without waiting; `None` if there is none. ICMP errors that come the same way are given to
    /// `queued`.
    fn take(&self, socket: &Socket, queued: &mut dyn FnMut(Queued)) -> io::Result<Option<Datagram>>;

    /// Receives what is there without waiting, at least one datagram if there is one, and `most` or more only if that costs
    /// nothing. Whether there may be more.
    fn take_some(
        &self,
        socket: &Socket,
        most: usize,
        arrived: &mut Vec<Datagram>,
        queued: &mut dyn FnMut(Queued),
    ) -> io::Result<bool> {
        let _ = most;
        arrived.extend(self.take(socket, queued)?);
        Ok(true)
    }

    /// How the answer to `message`, the probe of this running number, will name it.
    fn name(&self, message: &[u8], running: u64) -> Name;

    /// What a datagram is, by itself and by what was sent.
    fn recognise(&self, prober: &Prober, datagram: &Datagram) -> Recognised;

    /// Whether what goes to `to` goes to several hosts, which reply from addresses of their own.
    fn is_group(&self, to: SocketAddr) -> bool {
        let _ = to;
        false
    }

    /// Which probe an ICMP error is about: by what it quotes of the message, or, if that is too little, the only one
    /// pending; between several, the one waited for, or else the oldest.
    fn blame(&self, prober: &Prober, error: &IcmpError, awaited: Option<ProbeId>) -> Blame;

    /// Whether what is for others may have filled the socket since somebody looked, so that it is emptied before a probe is
    /// sent, which may be the `first`: the kernel drops the answer to a probe where there is no room.
    fn hears_others(&self, first: bool) -> bool {
        let _ = first;
        false
    }

    /// How many probes of a schedule that is behind may be sent in a row before what has come is looked at.
    fn burst(&self) -> usize {
        1
    }

    /// What of a message its answer repeats.
    fn echoed<'a>(&self, message: &'a [u8]) -> &'a [u8] {
        message
    }

    /// Why nothing will come over it any more; `None` while something may.
    fn ended(&self) -> Option<Error> {
        None
    }

    /// Waits until there is something to take, `until` or the stop.
    ///
    /// # Errors
    /// What ppoll(2) reports.
    fn wait(&self, socket: &Socket, until: Option<Instant>, stop: &Stop) -> io::Result<Waited> {
        self.host().wait(&mut [PollFd::readable(socket.as_fd())], until, stop)
    }

    /// Hears what has come beside the socket, at a raw one, if it has one.
    fn overhear(&self, queued: &mut dyn FnMut(Queued)) {
        let _ = queued;
    }

    /// Runs a closure of a script, which must not use this socket's prober.
    fn matching(&self, matcher: &mut dyn FnMut() -> ScriptResult) -> ScriptResult {
        matcher()
    }

    /// Where losses and verdicts are accounted for.
    fn loss_report(&self) -> &LossReport {
        &self.session().loss_report
    }
}

/// Whether a closure of a script ended well.
pub(in crate::net) type ScriptResult = std::result::Result<(), ()>;

/// How an answer names its probe.
#[derive(Clone, Copy, Debug)]
pub(in crate::net) struct Name {
    /// By what.
    pub(in crate::net) key: Key,
    /// The number that people see; `None`: the running number.
    pub(in crate::net) number: Option<u64>,
    /// What a whole answer says.
    pub(in crate::net) content: Content,
}

/// What a datagram is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) enum Recognised {
    /// An answer that names a probe and says this.
    Answer(Key, Content),
    /// A reply that names a probe and says something else than it should.
    Damaged(Key),
    /// No answer.
    Stray(Stray),
    /// Not meant for this socket: it is not even counted.
    Unrelated,
}

/// What others may know of a socket's probes while its prober is busy: their counts and clock, and advice that settled none.
/// Clones are the same.
#[derive(Clone, Debug)]
pub struct Tally {
    known: Arc<Mutex<Known>>,
    headers: usize,
}

#[derive(Debug, Default)]
struct Known {
    counts: Counts,
    clock: Option<Clock>,
    notices: VecDeque<IcmpError>,
}

/// How many notices are kept until they are asked for.
const NOTICES: usize = 1024;

impl Tally {
    /// A tally of nothing yet. IP packets of the socket have `headers` octets before a message.
    pub fn new(headers: usize) -> Self {
        Self { known: Arc::default(), headers }
    }

    /// Octets of headers before a message in its IP packet.
    pub fn headers(&self) -> usize {
        self.headers
    }

    /// The account of the probes.
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// The clock of the round-trip times; `None` before the first reply.
    pub fn clock(&self) -> Option<Clock> {
        self.lock().clock
    }

    /// Whether both are of the same socket.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.known, &other.known)
    }

    /// Takes what was heard since the last call and settled no probe: redirects and other advice. Of more than 1024 the
    /// oldest are gone.
    pub(super) fn take_notices(&self) -> Vec<IcmpError> {
        self.lock().notices.drain(..).collect()
    }

    pub(super) fn make_known(&self, counts: Counts, clock: Option<Clock>) {
        let mut known = self.lock();
        (known.counts, known.clock) = (counts, clock);
    }

    pub(super) fn notice(&self, error: IcmpError) {
        let mut known = self.lock();
        if known.notices.len() == NOTICES {
            known.notices.pop_front();
        }
        known.notices.push_back(error);
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
