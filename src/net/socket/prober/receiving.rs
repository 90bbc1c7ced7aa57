//! Receiving what has arrived: datagrams and errors in the order in which they came, and then what is over.

use super::{Prober, Work};
use crate::net::error::{Error, Result};
use crate::net::probe::ledger::ProbeId;
use crate::net::time::Instant;

impl Prober {
    /// Receives what has arrived, and times out the probes whose time is over at `now`, a moment that has passed: what
    /// arrived before a deadline is then received before that deadline is applied, however long this thread is preempted
    /// in between.
    pub(in crate::net) fn catch_up(
        &mut self,
        work: &mut Work<'_, '_>,
        now: Instant,
        awaited: Option<ProbeId>,
    ) -> Result<()> {
        let is_over = self.ledger.next_expiry().is_some_and(|first| first <= now);
        self.receive(work, awaited, is_over)?;
        for id in self.ledger.expire(now) {
            self.time_out(work.transport, id, None);
        }
        Ok(())
    }

    /// Receives what has arrived. Where not `all` of it is needed, what comes after the last reply awaited may wait. An error
    /// that names no probe is attributed to `awaited`.
    pub(in crate::net) fn receive(
        &mut self,
        work: &mut Work<'_, '_>,
        awaited: Option<ProbeId>,
        all: bool,
    ) -> Result<()> {
        if self.errors.is_empty() && work.is_quiet(work.socket) {
            self.settle_path(work, awaited);
            return Ok(());
        }
        let mut arrived = std::mem::take(&mut self.arrived);
        loop {
            let before = self.errors.len();
            let most = self.pending.len();
            work.take_monitored(&mut |queued| self.queue(queued));
            let more = match work.receive(work.socket, most, &mut arrived, &mut |queued| self.queue(queued)) {
                Ok(more) => more,
                Err(_) if work.endpoint().is_closed() => return Err(work.endpoint().closed("ping")),
                Err(err) => {
                    // What this host or the network refuses is the end of a ping, not of the run.
                    self.path = Some(Error::system("ping", &err));
                    false
                }
            };
            // The stamps of what was sent are read now, for the round-trip time of what was received.
            work.drain(work.socket, usize::MAX, &mut |queued| self.queue(queued));
            if arrived.is_empty() {
                if self.errors.len() > before {
                    // A datagram may have come before them, and after the look into the socket.
                    continue;
                }
                while let Some(error) = self.errors.pop_front() {
                    self.match_error(work.transport, error, awaited);
                }
                self.settle_path(work, awaited);
                self.arrived = arrived;
                return Ok(());
            }
            let seen = work.endpoint().host.both_clocks();
            for datagram in arrived.drain(..) {
                while self.errors.front().is_some_and(|error| error.stamp <= datagram.stamp)
                    && let Some(error) = self.errors.pop_front()
                {
                    self.match_error(work.transport, error, awaited);
                }
                self.match_datagram(work, awaited, datagram, seen)?;
            }
            let is_enough = !more || (self.pending.is_empty() && work.probing().burst > 1);
            if is_enough && !all && self.errors.is_empty() {
                self.arrived = arrived;
                return Ok(());
            }
        }
    }
}
