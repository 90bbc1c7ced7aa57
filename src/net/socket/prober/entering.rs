//! Probes enter the ledger as they are sent, or are refused.

use super::transport::{Name, Transport};
use super::{Pending, Prober};
use crate::net::error::Error;
use crate::net::probe::ledger::{Blame, Key, ProbeId};
use crate::net::probe::outcome::{End, Probe, Slot};
use crate::net::time::Instant;

impl Prober {
    /// Enters a probe with this message that was sent, or should have been, at this moment, by both clocks.
    pub(super) fn enter(
        &mut self,
        transport: &dyn Transport,
        probe: &Probe<'_>,
        Name { key, number, content }: Name,
        message: Box<[u8]>,
        (sent, sent_wall): (Instant, i64),
    ) -> (ProbeId, Pending) {
        let key = probe.slot.number.filter(|_| probe.slot.by_number).map_or(key, Key::Number);
        self.last_sent = Some(sent);
        let id = self.ledger.send(sent, probe.to, key, content, probe.timeout, probe.icmp_wait);
        let number = number.or(probe.slot.number).unwrap_or(id.number());
        let Slot { announced, missed, unreported, .. } = probe.slot;
        // One with a TTL of its own looks for a hop.
        let reported = !unreported && probe.ttl.is_none();
        let (to, ttl, packet) = (probe.to, probe.ttl, transport.probing().tally.headers() + message.len());
        let pending =
            Pending { number, to, ttl, packet, message, missed, reported, sent, sent_wall, stamp: None, instead: None };
        if announced {
            self.settled.push_back((id, pending.outcome(id, None, End::Sent { message: pending.message[..].into() })));
        }
        (id, pending)
    }

    /// Settles a probe that goes nowhere, since its name has no address.
    pub(super) fn refuse(
        &mut self,
        transport: &dyn Transport,
        probe: &Probe<'_>,
        message: Box<[u8]>,
        error: &Error,
    ) -> ProbeId {
        let now = (transport.endpoint().host.now(), transport.endpoint().host.unix_nanos());
        let name = transport.probing().name(&message, self.next_number());
        let probe = &Probe { slot: Slot { announced: false, ..probe.slot }, ..*probe };
        let (id, pending) = self.enter(transport, probe, name, message, now);
        self.ledger.error(now.0, Blame::Named(id));
        self.finish(transport, id, &pending, None, End::Unsent(error.clone()));
        id
    }
}
