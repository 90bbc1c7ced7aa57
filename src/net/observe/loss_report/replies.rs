//! Which pings scripts have in hand: received, and not replied to as yet.

use std::sync::atomic::Ordering;

use super::{Ends, LossReport};
use crate::net::policy::input::Site;
use crate::net::time::Instant;
use crate::net::wire::content::Content;

impl LossReport {
    /// Notes that something pings from now on.
    pub(in crate::net) fn begin_to_ping(&self) {
        if !self.pings.load(Ordering::Relaxed) {
            self.pings.store(true, Ordering::SeqCst);
        }
    }

    /// Whether anything has pinged.
    pub(in crate::net) fn pings(&self) -> bool {
        self.pings.load(Ordering::SeqCst)
    }

    /// Notes that a script has received at `at` a packet with this content, to which it may reply.
    pub(in crate::net) fn handed_out(&self, at: Instant, ends: Ends, content: Content, site: &Site) {
        if !self.pings() {
            return;
        }
        self.has_causes.store(true, Ordering::SeqCst);
        self.has_handed_out.store(true, Ordering::SeqCst);
        let inner = &mut *self.lock();
        inner.causes.handed_out(inner.hosts.key(ends, content), at, site);
    }

    /// Notes that a script replies to a packet with this content that it has received; `plain`: what it replies, if no policy has
    /// to do with that.
    pub(in crate::net) fn replied(&self, ends: Ends, content: impl FnOnce() -> Content, plain: Option<&[u8]>) {
        if self.has_handed_out.load(Ordering::SeqCst) {
            let content = content();
            let is_other = plain.is_some_and(|reply| Content::of(reply) != content);
            let inner = &mut *self.lock();
            inner.causes.replied(&inner.hosts.key(ends, content), is_other);
        }
    }
}
