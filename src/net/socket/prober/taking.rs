//! Taking in what has arrived: datagrams and errors in the order in which they came, and then what is over.

use socket2::Socket;

use super::{Carrier, Prober, Unheard};
use crate::net::error::{Error, Result};
use crate::net::probe::ledger::ProbeId;
use crate::net::probe::outcome::Matcher;
use crate::net::socket::error_queue::{Queued, closed};
use crate::net::time::Instant;
use crate::net::wire::icmp::IcmpError;

/// The advice about what was sent over `carrier` that has come by now and was not asked for yet. What came last may not have
/// been heard with the answer that it came before; so it is listened for once more, unless somebody else is at it.
pub(in crate::net) fn notices(carrier: &dyn Carrier) -> Vec<IcmpError> {
    if let Ok(mut prober) = carrier.prober("notices") {
        let mut advice = Vec::new();
        carrier.overhear(&mut |queued| match queued {
            Queued::Icmp { error, .. } if error.kind.is_advisory() => advice.push(error),
            other => prober.hear_queued(other),
        });
        for error in advice {
            prober.hear_error(carrier, Unheard { error, stamp: None }, None);
        }
        prober.tell(carrier);
    }
    carrier.tally().take_notices()
}

impl Prober {
    /// Takes in what has arrived, and times out the probes whose time is over at `now`, a moment that has passed: what
    /// arrived before a deadline is then taken in before that deadline is applied, however long this thread is preempted
    /// in between.
    pub(in crate::net) fn catch_up(
        &mut self,
        carrier: &dyn Carrier,
        socket: &Socket,
        now: Instant,
        awaited: Option<ProbeId>,
        matcher: &mut Option<Matcher<'_>>,
    ) -> Result<()> {
        let is_over = self.ledger.next_expiry().is_some_and(|first| first <= now);
        self.take_in(carrier, socket, awaited, matcher, is_over)?;
        for id in self.ledger.expire(now) {
            self.time_out(carrier, id, None);
        }
        Ok(())
    }

    /// Takes in all that has arrived. An error that names no probe is put down to `awaited`.
    pub(in crate::net) fn collect(
        &mut self,
        carrier: &dyn Carrier,
        socket: &Socket,
        awaited: Option<ProbeId>,
        matcher: &mut Option<Matcher<'_>>,
    ) -> Result<()> {
        self.take_in(carrier, socket, awaited, matcher, true)
    }

    /// Takes in what has arrived. Where `all` of it need not be taken in, what comes after the last answer awaited may wait.
    fn take_in(
        &mut self,
        carrier: &dyn Carrier,
        socket: &Socket,
        awaited: Option<ProbeId>,
        matcher: &mut Option<Matcher<'_>>,
        all: bool,
    ) -> Result<()> {
        let mut arrived = std::mem::take(&mut self.arrived);
        loop {
            let before = self.errors.len();
            let most = self.pending.len();
            let more = match carrier.take_some(socket, most, &mut arrived, &mut |queued| self.hear_queued(queued)) {
                Ok(more) => more,
                Err(_) if carrier.is_closed() => return Err(closed("ping")),
                Err(err) => {
                    // What this host or the network refuses is the end of a ping, not of the run.
                    self.path = Some(Error::system("ping", &err));
                    false
                }
            };
            // The stamps of what was sent are heard now, for the round-trip time of what was received.
            carrier.drain(socket, &mut |queued| self.hear_queued(queued));
            if arrived.is_empty() {
                if self.errors.len() > before {
                    // A datagram may have come before them, and after the look into the socket.
                    continue;
                }
                while let Some(error) = self.errors.pop_front() {
                    self.hear_error(carrier, error, awaited);
                }
                self.hear_path(carrier, awaited);
                self.arrived = arrived;
                return Ok(());
            }
            let seen = carrier.host().both_clocks();
            for datagram in arrived.drain(..) {
                while self.errors.front().is_some_and(|error| error.stamp <= datagram.stamp)
                    && let Some(error) = self.errors.pop_front()
                {
                    self.hear_error(carrier, error, awaited);
                }
                self.hear(carrier, awaited, datagram, seen, matcher)?;
            }
            let is_enough = !more || (self.pending.is_empty() && carrier.burst() > 1);
            if is_enough && !all && self.errors.is_empty() {
                self.arrived = arrived;
                return Ok(());
            }
        }
    }
}
