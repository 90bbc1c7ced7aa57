//! Streams of which links have lost a segment: nothing that is sent over one arrives until that segment has been sent again.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use super::ends::{Ends, EndsKey};
use super::{Loss, LossReport};
use crate::net::policy::input::Site;
use crate::net::time::Instant;
use crate::net::wire::content::Content;

/// Times remembered at most.
const REMEMBERED: usize = 4096;

/// A time in which a stream was held up.
#[derive(Debug)]
struct HeldUp {
    from: Instant,
    /// When a ping was sent that was replied to; `None`: there was none since.
    until: Option<Instant>,
    why: String,
}

/// When streams were held up, by their ends, the latest time last.
#[derive(Debug, Default)]
pub(super) struct Streams {
    by_ends: HashMap<EndsKey, Vec<HeldUp>>,
    remembered: usize,
}

impl Streams {
    pub(super) fn is_empty(&self) -> bool {
        self.by_ends.is_empty()
    }

    fn hold_up(&mut self, key: EndsKey, from: Instant, why: impl FnOnce() -> String) {
        if self.remembered >= REMEMBERED {
            return;
        }
        let key = if self.by_ends.contains_key(&key.back()) { key.back() } else { key };
        let times = self.by_ends.entry(key).or_default();
        if times.last().is_none_or(|last| last.until.is_some()) {
            times.push(HeldUp { from, until: None, why: why() });
            self.remembered += 1;
        }
    }

    /// A ping between the ends of `key`, sent at `sent`, was replied to.
    pub(super) fn got_reply(&mut self, key: &EndsKey, sent: Instant) {
        let key = key.without_content();
        for key in [key, key.back()] {
            let last = self.by_ends.get_mut(&key).and_then(|times| times.last_mut());
            if let Some(last) = last.filter(|last| last.until.is_none() && last.from <= sent) {
                last.until = Some(sent);
            }
        }
    }

    /// Why a ping was lost whose stream was held up meanwhile.
    pub(super) fn why(&self, loss: &Loss) -> Option<&str> {
        let key = loss.key.without_content();
        let mut times = [key, key.back()].into_iter().filter_map(|key| self.by_ends.get(&key)).flatten();
        let is_meanwhile =
            |time: &&HeldUp| time.from <= loss.until && time.until.is_none_or(|until| until >= loss.sent);
        times.find(is_meanwhile).map(|time| time.why.as_str())
    }
}

impl LossReport {
    /// Notes that a segment of the stream between `ends` was lost at `site`, for this reason, which is no policy's.
    pub fn lost_segment(&self, at: Instant, ends: Ends, site: &Site, why: &str) {
        self.has_causes.store(true, Ordering::SeqCst);
        let inner = &mut *self.lock();
        let key = inner.hosts.key(ends, Content::of(b"")).without_content();
        inner.causes.streams.hold_up(key, at, || format!("dropped {}: {why}", site.phrase()));
    }
}
