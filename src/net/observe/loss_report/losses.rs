//! The losses, one by one: by time-outs, by errors, and what came for them after all.

use std::sync::atomic::Ordering;

use super::ends::EndsKey;
use super::{Ends, Inner, LossReport, PingerRun, REMEMBERED};
use crate::net::host::id::HostId;
use crate::net::policy::RejectReply;
use crate::net::probe::ledger::Fault;
use crate::net::time::Instant;
use crate::net::wire::content::Content;

/// A ping without a reply in time.
#[derive(Clone, Debug)]
pub(super) struct Loss {
    /// The place of its pinger.
    pub(super) pinger: usize,
    pub(super) number: u64,
    pub(super) key: EndsKey,
    pub(super) sent: Instant,
    /// Until when a reply would have been in time, or when its error came.
    pub(super) until: Instant,
    /// When its reply came, too late; or the time until which it had not come.
    pub(super) late_at: Option<Instant>,
    /// What is wrong with the reply that came all the same.
    pub(super) instead: Option<Fault>,
    /// The error that settled it; `None`: it timed out.
    pub(super) error: Option<PingError>,
}

/// The error that settled a ping, or came for one that had timed out.
#[derive(Clone, Debug)]
pub struct PingError {
    /// What it came as, where that is known.
    pub by: Option<RejectReply>,
    /// It in words.
    pub text: String,
}

impl LossReport {
    /// Notes that probe `number`, sent at `sent`, whose reply was to come until `until`, timed out; `instead`: what is wrong with the reply
    /// that came all the same.
    pub fn lost(
        &self,
        pinging: &PingerRun,
        number: u64,
        content: Content,
        [sent, until]: [Instant; 2],
        instead: Option<Fault>,
    ) {
        let inner = &mut *self.lock();
        let (key, server) = (inner.hosts.key(pinging.ends, content), pinging.ends.to());
        let host = key.server();
        // The ways of a lab are ours, whether or not a host replies there.
        let is_ours = host != HostId::default() || inner.hosts.know(pinging.ends.at());
        if instead.is_none() && !is_ours && !inner.servers.knows(host, server) && !inner.causes.know(&key) {
            if inner.causes.may_have_forgotten(sent) {
                let place = inner.pingers.place(pinging);
                inner.pingers.forget(place);
            }
            return;
        }
        if instead.is_none() && inner.causes.may_be_replied_to(&key) {
            inner.open.insert(key);
        }
        let pinger = inner.pingers.place(pinging);
        inner.enter(Loss { pinger, number, key, sent, until, late_at: None, instead, error: None });
        self.open.store(inner.open.len(), Ordering::SeqCst);
    }

    /// Notes that probe `number`, sent at `sent`, was settled by this error at `until`.
    pub fn errored(
        &self,
        pinging: &PingerRun,
        number: u64,
        content: Content,
        [sent, until]: [Instant; 2],
        error: PingError,
    ) {
        let inner = &mut *self.lock();
        let (pinger, key) = (inner.pingers.place(pinging), inner.hosts.key(pinging.ends, content));
        inner.enter(Loss { pinger, number, key, sent, until, late_at: None, instead: None, error: Some(error) });
    }

    /// Notes that an ICMP error has come by now for the probe sent at `sent`, which had timed out.
    pub fn late_error(&self, pinging: &PingerRun, [sent, now]: [Instant; 2], error: PingError) {
        let inner = &mut *self.lock();
        let pinger = inner.pingers.place(pinging);
        let Some(loss) = inner.losses.iter_mut().rev().find(|loss| loss.pinger == pinger && loss.sent == sent) else {
            return;
        };
        if loss.error.is_none() {
            let text = format!("{}, after the time-out", error.text);
            (loss.until, loss.error) = (now, Some(PingError { text, ..error }));
        }
    }

    /// Notes that a reply came at `at` for a probe that had timed out, or comes later; `sent`: when that was sent, where it is known
    /// by more than what the reply says.
    pub fn late(&self, ends: Ends, content: Content, sent: Option<Instant>, at: Instant) {
        let inner = &mut *self.lock();
        let key = inner.hosts.key(ends, content);
        let is_it = |loss: &&mut Loss| match sent {
            Some(sent) => loss.sent == sent && loss.key.without_content() == key.without_content(),
            None => loss.key == key,
        };
        if let Some(loss) = inner.losses.iter_mut().rev().find(is_it) {
            (loss.instead, loss.late_at) = (Some(Fault::Late), Some(at));
            inner.open.remove(&loss.key);
        }
        inner.open.remove(&key);
        self.open.store(inner.open.len(), Ordering::SeqCst);
    }

    /// Whether a loss has no cause yet. To be asked after a reply was sent: one to a probe that is given up from then on waits in its
    /// socket.
    pub(in crate::net) fn has_open(&self) -> bool {
        self.open.load(Ordering::SeqCst) > 0
    }

    /// Notes that a server of this process has just sent a reply. The client may have given up, and be gone.
    pub(in crate::net) fn gave_reply(
        &self,
        ends: Ends,
        request: impl FnOnce() -> Content,
        now: impl FnOnce() -> Instant,
    ) {
        if !self.has_open() {
            return;
        }
        let content = request();
        let is_open = {
            let inner = self.lock();
            inner.open.contains(&inner.hosts.key(ends, content))
        };
        if is_open {
            self.late(ends, content, None, now());
        }
    }
}

impl Inner {
    /// Remembers a loss, in place of the oldest if there are many.
    pub(super) fn enter(&mut self, loss: Loss) {
        self.losses.push_back(loss);
        if self.losses.len() > REMEMBERED
            && let Some(oldest) = self.losses.pop_front()
        {
            self.open.remove(&oldest.key);
            self.pingers.forget(oldest.pinger);
        }
    }
}
