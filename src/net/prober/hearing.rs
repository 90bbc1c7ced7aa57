//! What a prober makes of what it hears: which probe a datagram answers, and which an ICMP error is about.

use super::clock::{measure, waited};
use super::outcome::{End, Matcher, Outcome};
use super::{Pending, Prober, Unheard, number_of};
use crate::net::account::Ends;
use crate::net::error::{Error, Result};
use crate::net::event::Event;
use crate::net::ledger::{Arrival, Blame, Content, ErrorArrival, Key, ProbeId, Stray};
use crate::net::udp::{Datagram, IcmpError, Queued, UdpSocket};
use crate::net::wire::ping_text;

impl Prober {
    pub(super) fn hear(
        &mut self,
        udp: &UdpSocket,
        awaited: Option<ProbeId>,
        datagram: Datagram,
        matcher: &mut Option<Matcher<'_>>,
    ) -> Result<()> {
        let (seen, queued) = waited(udp, datagram.stamp);
        let arrived = queued.map_or(seen, |queued| seen - queued);
        let content = Content::of(&datagram.data);
        let arrival = match matcher {
            Some(matcher) => {
                // What comes after the answer in one go is asked about too: it may be a duplicate.
                let peer = |id: &ProbeId| self.ledger.record(*id).is_some_and(|record| record.to == datagram.from);
                let asked = awaited.filter(peer);
                self.tell(udp);
                let failed = |()| Error::invalid("ping", "the closure that matches replies failed");
                match asked {
                    Some(id) if udp.matching(|| matcher(&datagram)).map_err(failed)? => {
                        self.ledger.reply_to(arrived, id)
                    }
                    _ => self.stray(Stray::Foreign),
                }
            }
            None => match number_of(&datagram.data) {
                // A message may be cut in the middle of its number, which leaves another number.
                Some(number)
                    if self.ledger.find(datagram.from, Key::Number(number)).is_none()
                        && self.what_is_left(&datagram) == Stray::Truncated =>
                {
                    self.stray(Stray::Truncated)
                }
                Some(number) if self.is_mixed_up(&datagram, Key::Number(number)) => self.stray(Stray::Corrupt),
                Some(number) => self.ledger.reply(arrived, datagram.from, Key::Number(number), content),
                None => {
                    let key = Key::Content(content.hash);
                    match self.ledger.find(datagram.from, key) {
                        Some(_) if self.is_mixed_up(&datagram, key) => self.stray(Stray::Corrupt),
                        Some(_) => self.ledger.reply(arrived, datagram.from, key, content),
                        None => self.stray(self.what_is_left(&datagram)),
                    }
                }
            },
        };
        match arrival {
            Arrival::Reply { id, .. } => {
                if let Some(pending) = self.pending.remove(&id) {
                    let (rtt, clock) = measure(&pending, &datagram, seen, queued.map(|_| arrived), self.clock);
                    let session = *self.clock.get_or_insert(clock);
                    udp.account().measured_by(session.name(), rtt);
                    let ends = Ends::seen_by(udp.host().id(), udp.local(), pending.to);
                    udp.account().answered(ends, &pending.message, pending.sent);
                    let end = End::Reply { datagram, rtt, clock, lesser: clock != session };
                    self.finish(udp, id, &pending, end);
                }
            }
            Arrival::Late { id: Some(id), timed_out: true } => self.time_out(udp, id, true),
            Arrival::Late { .. } => {
                udp.account().late(Ends::seen_by(udp.host().id(), udp.local(), datagram.from), content);
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether an answer differs from its pending message only in case, but is neither the message nor all of it in
    /// capitals or small letters: turning over one bit can do that to a letter.
    fn is_mixed_up(&self, datagram: &Datagram, key: Key) -> bool {
        let Some(pending) = self.ledger.find(datagram.from, key).and_then(|id| self.pending.get(&id)) else {
            return false;
        };
        let (heard, sent) = (&datagram.data, &pending.message);
        let is = |change: fn(&u8) -> u8| heard.iter().copied().eq(sent.iter().map(change));
        ping_text::same_text(heard, sent)
            && !(is(|byte| *byte) || is(u8::to_ascii_uppercase) || is(u8::to_ascii_lowercase))
    }

    /// What a datagram that names no probe is: the beginning of a pending message is a truncated answer, anything
    /// else from a peer that owes an answer a corrupt one.
    fn what_is_left(&self, datagram: &Datagram) -> Stray {
        let data = &datagram.data;
        let mut owed = self.pending.values().filter(|pending| pending.to == datagram.from).peekable();
        if owed.peek().is_none() {
            return Stray::Foreign;
        }
        let begins = |pending: &Pending| {
            pending.message.len() > data.len() && ping_text::same_text(&pending.message[..data.len()], data)
        };
        if owed.any(begins) { Stray::Truncated } else { Stray::Corrupt }
    }

    fn stray(&mut self, kind: Stray) -> Arrival {
        self.ledger.stray(kind);
        Arrival::Foreign
    }

    pub(super) fn hear_queued(&mut self, queued: Queued) {
        match queued {
            Queued::Sent { number, stamp } => {
                while let Some(&(next, id)) = self.stamped.front()
                    && next.wrapping_sub(number) as i32 <= 0
                {
                    self.stamped.pop_front();
                    if next == number
                        && let Some(pending) = self.pending.get_mut(&id)
                    {
                        pending.stamp = Some(stamp);
                    }
                }
            }
            Queued::Local => {}
            Queued::Icmp { error, stamp } => self.errors.push_back(Unheard { error, stamp }),
        }
    }

    pub(super) fn hear_error(&mut self, udp: &UdpSocket, unheard: Unheard, awaited: Option<ProbeId>) {
        let Unheard { error, stamp } = unheard;
        if error.kind.is_advisory() {
            self.ledger.advisory();
            return;
        }
        let (seen, queued) = waited(udp, stamp);
        let blame = self.blame(&error, awaited);
        match (self.ledger.error(queued.map_or(seen, |queued| seen - queued), blame), blame) {
            (ErrorArrival::Settled { id, .. }, _) => {
                if let Some(pending) = self.pending.remove(&id) {
                    let end = End::Icmp { error, assumed: matches!(blame, Blame::Assumed(_)) };
                    self.finish(udp, id, &pending, end);
                }
            }
            (ErrorArrival::Stray { timed_out: true }, Blame::Named(id) | Blame::Assumed(id)) => {
                self.time_out(udp, id, false);
            }
            (ErrorArrival::Stray { .. }, _) => {}
        }
    }

    /// Which probe an ICMP error is about: by what it quotes of the message, or, if that is too little, the only one
    /// pending; between several, the one waited for, or else the oldest.
    fn blame(&self, error: &IcmpError, awaited: Option<ProbeId>) -> Blame {
        // A quote may end in the middle of the number; it counts only if more follows it.
        let number = number_of(&error.quote).filter(|_| error.quote.iter().filter(|&&byte| byte == b' ').count() > 1);
        if let Some(id) = number.and_then(|number| self.ledger.find(error.to, Key::Number(number))) {
            return Blame::Named(id);
        }
        let quoted =
            |id: &ProbeId| self.pending.get(id).is_some_and(|pending| pending.message.starts_with(&error.quote));
        let candidates: Vec<ProbeId> = self.ledger.pending(error.to).filter(quoted).take(2).collect();
        match candidates.as_slice() {
            [] => Blame::Nobody,
            [only] => Blame::Named(*only),
            [oldest, ..] => Blame::Assumed(awaited.filter(|id| quoted(id)).unwrap_or(*oldest)),
        }
    }

    pub(super) fn time_out(&mut self, udp: &UdpSocket, id: ProbeId, late: bool) {
        if let Some(pending) = self.pending.remove(&id) {
            let content = Content::of(&pending.message);
            let ends = Ends::seen_by(udp.host().id(), udp.local(), pending.to);
            udp.account().lost(pending.number, ends, content, pending.sent, late);
            self.finish(udp, id, &pending, End::TimedOut);
        }
    }

    /// Makes an outcome of a settled probe.
    pub(super) fn finish(&mut self, udp: &UdpSocket, id: ProbeId, pending: &Pending, end: End) {
        let outcome = Outcome { number: pending.number, to: pending.to, end };
        udp.session().events.tell(|| Event::Outcome {
            flow: udp.flow(udp.local(), pending.to),
            sent: pending.sent_wall,
            size: pending.message.len(),
            outcome: &outcome,
        });
        self.settled.push_back((id, outcome));
    }
}
