//! Questions about the interfaces of a host: extended echo requests (PROBE, RFC 8335), and their replies.
//!
//! A reply repeats the identifier and eight bits of sequence number, and nothing else that could identify it: it counts if its
//! source is the one that was asked, too. So only so many questions are in flight that their numbers differ.

use std::collections::HashMap;
use std::sync::Mutex;

use super::{IcmpSocket, Inner, Mode};
use crate::net::error::{Error, Result};
use crate::net::host::stop::Stop;
use crate::net::policy::datagram::Datagram;
use crate::net::probe::ledger::{Blame, Key, Stray};
use crate::net::probe::outcome::{Outcome, Probe};
use crate::net::socket::endpoint::lock;
use crate::net::socket::prober::{Prober, Recognised};
use crate::net::wire::Family;
use crate::net::wire::checksum::checksum;
use crate::net::wire::icmp::{AskedInterface, ExtendedEcho, IcmpError, Message};

/// How many questions may be in flight: half as many as there are sequence numbers, so that a late reply is not taken for
/// that to a newer question.
pub(in crate::net) const IN_FLIGHT: usize = 128;

/// The longest name that can be asked about, in bytes.
const MAX_NAME: usize = 255;

/// The questions of a socket: for each sequence number the probe that had it last.
#[derive(Debug, Default)]
pub(super) struct Questions(Mutex<HashMap<u8, u64>>);

impl Questions {
    fn asked(&self, number: u64) -> u8 {
        let seq = number as u8;
        lock(&self.0).insert(seq, number);
        seq
    }

    /// The probe that had this sequence number last.
    fn of(&self, seq: u8) -> Option<u64> {
        lock(&self.0).get(&seq).copied()
    }
}

impl IcmpSocket {
    /// Asks a host about `subject`, and waits until the probe is settled: by the host's reply, which is one whatever it
    /// says, or otherwise as [`IcmpSocket::ping`] is.
    ///
    /// # Errors
    /// `invalid` (another version of IP, a name that is empty or too long), `closed`, `busy`, `system`.
    pub fn probe(&self, subject: &AskedInterface, probe: &Probe<'_>, stop: &Stop) -> Result<Outcome> {
        self.same_version("probe", probe.to)?;
        check_subject(subject)?;
        self.send_composed(probe, stop, |running| self.question(subject, running))
    }

    /// The question about `subject` that is the probe with this number.
    pub(super) fn question(&self, subject: &AskedInterface, number: u64) -> Vec<u8> {
        let echo = ExtendedEcho { id: self.id(), seq: self.0.questions.asked(number) };
        let structure = subject.structure();
        let message = Message::extended_request(self.0.family, echo, subject, &structure);
        if self.0.mode == Mode::Raw { message.for_raw_socket() } else { message }.emit()
    }
}

/// Checks that `subject` can be asked about.
///
/// # Errors
/// `invalid`: a name that is empty or too long.
pub(in crate::net) fn check_subject(subject: &AskedInterface) -> Result<()> {
    match subject {
        AskedInterface::Name(name) if !(1..=MAX_NAME).contains(&name.len()) => {
            let message = format!("the name of an interface has 1 to {MAX_NAME} bytes, not {}", name.len());
            Err(Error::invalid("probe", message))
        }
        _ => Ok(()),
    }
}

impl Inner {
    /// Whether a message replies to a question of this socket.
    pub(super) fn is_reply(&self, message: &Message<'_>) -> bool {
        let own = |echo: ExtendedEcho| echo.id == self.local.port() && self.questions.of(echo.seq).is_some();
        message.kind.is_extended_reply() && message.extended_echo().is_some_and(own)
    }
}

/// What a reply is.
pub(super) fn recognise(socket: &Inner, prober: &Prober, datagram: &Datagram, echo: ExtendedEcho) -> Recognised {
    if socket.mode == Mode::Raw && socket.family == Family::V4 && checksum(&datagram.data) != 0 {
        return Recognised::Stray(Stray::Corrupt);
    }
    let key = socket.questions.of(echo.seq).map(Key::Number);
    let found = key.and_then(|key| Some((key, prober.named(datagram, key)?)));
    match found.and_then(|(key, id)| Some((key, prober.ledger().record(id)?))) {
        // A reply need not repeat what was asked.
        Some((key, record)) => Recognised::Reply(key, record.content),
        None => Recognised::Stray(Stray::Foreign),
    }
}

/// Which question an error is about.
pub(super) fn blame(socket: &Inner, prober: &Prober, error: &IcmpError, echo: ExtendedEcho) -> Blame {
    let mut to = error.to;
    to.set_port(0);
    let number = socket.questions.of(echo.seq).filter(|_| echo.id == socket.local.port());
    let id = number.and_then(|number| prober.ledger().find(to, Key::Number(number)));
    id.map_or(Blame::Unknown, Blame::Named)
}
