//! What a prober needs of the socket it works over, whichever protocol that speaks.

use std::fmt::Debug;
use std::io;
use std::ops::Deref;

use super::{Prober, Probing};
use crate::net::error::{Error, Result};
use crate::net::host::Waited;
use crate::net::host::socket::{Awaited, HostSocket};
use crate::net::host::stop::Stop;
use crate::net::policy::datagram::Datagram;
use crate::net::probe::ledger::{Blame, Key, ProbeId, Stray};
use crate::net::probe::outcome::{Matcher, Probe};
use crate::net::socket::endpoint::Endpoint;
use crate::net::socket::error_queue::TakeQueued;
use crate::net::time::Instant;
use crate::net::wire::content::Content;
use crate::net::wire::icmp::{AskedInterface, IcmpError};
use crate::net::wire::ping_text;

/// A socket that probes are sent from: how it sends and receives, and how its protocol names a probe.
pub(in crate::net) trait Transport: Debug + Send + Sync + Deref<Target = Endpoint> {
    /// The socket itself.
    fn endpoint(&self) -> &Endpoint {
        self
    }

    /// Its probes.
    fn probing(&self) -> &Probing;

    /// The message of the probe with this running number in a schedule, of `size` bytes if its protocol can do with so few.
    ///
    /// # Errors
    /// `too-large`, `invalid`: a message of a script's own that its protocol cannot send.
    fn compose(&self, text: Text<'_>, running: u64, size: usize) -> Result<Vec<u8>>;

    /// Has the kernel stamp what is sent and received from now on. Whether the socket is to be emptied before the next probe,
    /// which may be the `first`: what is for others may have filled it, and the kernel drops the reply where there is no room.
    fn prepare(&self, socket: &dyn HostSocket, first: bool) -> bool;

    /// Takes at most so many entries from the error queue; how many of them were ICMP errors.
    fn drain(&self, socket: &dyn HostSocket, most: usize, queued: TakeQueued<'_>) -> usize;

    /// Sends a probe, and sets `sent` right before the call. What the error queue held meanwhile is given to `queued`. The
    /// number of its stamp, where stamps were asked for.
    ///
    /// # Errors
    /// What this host refuses, in words.
    fn send(
        &self,
        socket: &dyn HostSocket,
        probe: &Probe<'_>,
        sent: &mut Instant,
        queued: TakeQueued<'_>,
    ) -> Result<Option<u32>>;

    /// Takes what has come beside the socket since the last wait, at a raw one, if there is one.
    fn take_monitored(&self, queued: TakeQueued<'_>);

    /// Receives what is there without waiting, at least one datagram if there is one, and `most` or more only if that costs
    /// nothing; ICMP errors that come the same way are given to `queued`. Whether there may be more.
    fn receive(
        &self,
        socket: &dyn HostSocket,
        most: usize,
        arrived: &mut Vec<Datagram>,
        queued: TakeQueued<'_>,
    ) -> io::Result<bool>;

    /// Whether nothing has come that could be received or drained, as far as that is known without a call.
    fn is_quiet(&self, socket: &dyn HostSocket) -> bool {
        let _ = socket;
        false
    }

    /// What a datagram is, by itself and by what was sent.
    fn recognise(&self, prober: &Prober, datagram: &Datagram) -> Recognised;

    /// Which probe an ICMP error is about: by what it quotes of the message, or, if that is too little, the only one
    /// pending; between several, the one waited for, or else the oldest.
    fn blame(&self, prober: &Prober, error: &IcmpError, awaited: Option<ProbeId>) -> Blame;

    /// Why nothing will come over it any more; `None` while something may.
    fn ended(&self) -> Option<Error> {
        None
    }

    /// Waits until there is something to take, `until` or the stop.
    ///
    /// # Errors
    /// What ppoll(2) reports.
    fn wait(&self, socket: &dyn HostSocket, until: Option<Instant>, stop: &Stop) -> io::Result<Waited> {
        self.probing().monitor.wait(&*self.endpoint().host, &mut Awaited::readable(socket), until, stop)
    }
}

/// What a prober works with.
#[derive(Debug)]
pub(in crate::net) struct Work<'a, 'm> {
    /// What it sends over.
    pub(in crate::net) transport: &'a dyn Transport,
    /// The open socket of that.
    pub(in crate::net) socket: &'a dyn HostSocket,
    /// What ends its waits.
    pub(in crate::net) stop: &'a Stop,
    /// The closures that it calls.
    pub(in crate::net) script: &'a mut Script<'m>,
}

impl<'a> Deref for Work<'a, '_> {
    type Target = dyn Transport + 'a;

    fn deref(&self) -> &Self::Target {
        self.transport
    }
}

/// The closures of a script that a prober calls.
#[derive(Default)]
pub struct Script<'a> {
    /// Makes the message with a number; `Err` ends the schedule with the error `invalid`.
    pub message: Option<Compose<'a>>,
    /// Says which message a datagram replies to.
    pub matcher: Option<Matcher<'a>>,
}

/// Makes the message with a number.
pub type Compose<'a> = &'a mut dyn FnMut(u64) -> std::result::Result<Vec<u8>, ()>;

impl Debug for Script<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Script").finish_non_exhaustive()
    }
}

/// What a ping of a schedule says.
#[derive(Debug)]
pub(in crate::net) enum Text<'a> {
    /// `ping N TIME` with this number; over ICMP, an echo request.
    Ping(u64),
    /// What a script wants.
    Own(Vec<u8>),
    /// A question about an interface, which only ICMP has.
    Question(&'a AskedInterface),
}

impl Text<'_> {
    /// The message in bytes, filled up with spaces to `size`, where its length is not limited but by `check`.
    ///
    /// # Errors
    /// What `check` says of the length of a script's own.
    pub(in crate::net) fn padded(
        self,
        endpoint: &Endpoint,
        size: usize,
        check: impl FnOnce(usize) -> Result<()>,
    ) -> Result<Vec<u8>> {
        let (mut message, is_own) = match self {
            Self::Own(bytes) => (bytes, true),
            Self::Ping(number) => (ping_text::compose(number, endpoint.host.unix_nanos()), false),
            Self::Question(_) => (Vec::new(), false),
        };
        message.resize(message.len().max(size), b' ');
        if is_own {
            check(message.len())?;
        }
        Ok(message)
    }
}

/// How a reply names its probe.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    /// By what.
    pub(super) key: Key,
    /// The number that people see; `None`: the running number.
    pub(super) number: Option<u64>,
    /// What a whole reply says.
    pub(super) content: Content,
}

/// What a datagram is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) enum Recognised {
    /// A reply that names a probe and says this.
    Reply(Key, Content),
    /// A reply that names a probe and says something else than it should.
    Damaged(Key),
    /// No reply.
    Stray(Stray),
    /// Not meant for this socket: it is not even counted.
    Unrelated,
}
