//! What verdicts did to packets, one by one, as possible causes of losses.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use super::ends::EndsKey;
use super::streams::Streams;
use super::{Loss, REMEMBERED};
use crate::net::policy::decided::Decided;
use crate::net::policy::input::Site;
use crate::net::policy::{Action, PolicyOrigin, Verdict};
use crate::net::probe::ledger::Fault;
use crate::net::time::{Duration, Instant};

/// What befell a packet on its way.
#[derive(Clone, Copy, Debug)]
pub enum Incident<'a> {
    /// A policy decided this about it, which is to be carried out.
    Decided(&'a Decided),
    /// It was lost for this reason, which is no policy's.
    Lost(&'static str),
    /// It waits for a server that has ended.
    Unread,
    /// A script has received it, and may reply to it.
    HandedOut,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate {
    Dropped,
    Delayed(Duration),
    /// Delayed so long in vain: it could not be kept.
    NotKept(Duration),
    Corrupted,
    Replaced,
    Rejected,
    /// Lost for this reason, which is no policy's.
    Lost(&'static str),
    /// It reached a server that had ended before it read it.
    Unread,
    /// A script received it, and has sent no reply.
    NotRepliedTo,
    /// A script replied to it, and something else than it says.
    RepliedOtherwise,
}

/// A verdict that can be why a probe was lost.
#[derive(Clone, Debug)]
pub(super) struct Cause {
    id: u64,
    /// When it was entered: a probe sent later met another verdict.
    at: Instant,
    fate: Fate,
    origin: PolicyOrigin,
    site: Site,
    pub(super) draws: Box<[f64]>,
}

/// The latest verdicts, those of each message in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Causes {
    by_key: HashMap<EndsKey, VecDeque<Cause>>,
    in_order: VecDeque<(EndsKey, u64)>,
    entered: u64,
    pub(super) streams: Streams,
}

impl Causes {
    /// Enters what befell a packet at `at`, if a loss can come of it. A duplicated packet is no loss.
    pub(super) fn enter(&mut self, key: EndsKey, at: Instant, site: &Site, incident: Incident<'_>) {
        let none = Verdict { action: Action::Pass, origin: "".into() };
        let (fate, verdict, draws) = match incident {
            Incident::Decided(Decided { verdict, draws, .. }) => {
                let fate = match verdict.action {
                    Action::Drop => Fate::Dropped,
                    Action::Delay(by) => Fate::Delayed(by),
                    Action::Corrupt => Fate::Corrupted,
                    Action::Replace(_) => Fate::Replaced,
                    Action::Reject(_) => Fate::Rejected,
                    Action::Pass | Action::Duplicate(_) => return,
                };
                (fate, verdict, draws.as_slice())
            }
            Incident::Lost(why) => (Fate::Lost(why), &none, &[][..]),
            Incident::Unread => (Fate::Unread, &none, &[][..]),
            Incident::HandedOut => (Fate::NotRepliedTo, &none, &[][..]),
        };
        self.entered += 1;
        let (id, origin) = (self.entered, verdict.origin.clone());
        let cause = Cause { id, at, fate, origin, site: site.clone(), draws: draws.into() };
        self.by_key.entry(key).or_default().push_back(cause);
        self.in_order.push_back((key, id));
        if self.in_order.len() > REMEMBERED
            && let Some((key, id)) = self.in_order.pop_front()
        {
            // It may be gone already, its probe answered.
            self.remove(&key, |cause| cause.id == id);
        }
    }

    /// A script has replied to a packet that it had received, the last one that says this; `is_other`: with something else.
    pub(super) fn replied(&mut self, key: &EndsKey, is_other: bool) {
        let waits = |cause: &&mut Cause| cause.fate == Fate::NotRepliedTo;
        let Some(last) = self.by_key.get_mut(key).and_then(|queue| queue.iter_mut().rev().find(waits)) else { return };
        if is_other {
            last.fate = Fate::RepliedOtherwise;
        } else {
            let last = last.id;
            self.remove(key, |cause| cause.id == last);
        }
    }

    /// The answer delayed last for `key` could not be kept.
    pub(super) fn not_kept(&mut self, key: &EndsKey) {
        let last = self.by_key.get_mut(key).and_then(VecDeque::back_mut);
        if let Some(Cause { fate, .. }) = last
            && let Fate::Delayed(by) = *fate
        {
            *fate = Fate::NotKept(by);
        }
    }

    /// The probe sent at `sent` was answered all the same: its verdicts, one at each place on its way there and back,
    /// explain no other's loss.
    pub(super) fn answered(&mut self, key: &EndsKey, sent: Instant) {
        self.streams.answered(key, sent);
        for key in [*key, key.back()] {
            let harmless = |cause: &&Cause| cause.at >= sent && !cause.fate.is_final();
            let mut sites: Vec<Site> = Vec::new();
            let mut ids = Vec::new();
            for cause in self.by_key.get(&key).into_iter().flatten().filter(harmless) {
                if !sites.contains(&cause.site) {
                    sites.push(cause.site.clone());
                    ids.push(cause.id);
                }
            }
            ids.into_iter().for_each(|id| self.remove(&key, |cause| cause.id == id));
        }
    }

    /// Whether anything is known that may be why the message was lost, or the answer that says the same.
    pub(super) fn know(&self, key: &EndsKey) -> bool {
        self.by_key.contains_key(key) || self.by_key.contains_key(&key.back())
    }

    /// Whether a script has the message in hand, and nothing else is known that may be why it was lost.
    pub(super) fn may_be_replied_to(&self, key: &EndsKey) -> bool {
        let mut known = [*key, key.back()].into_iter().filter_map(|key| self.by_key.get(&key)).flatten();
        known.all(|cause| cause.fate == Fate::NotRepliedTo)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_key.is_empty() && self.streams.is_empty()
    }

    /// The cause of each loss, of the message or of the answer that says the same. One verdict explains one loss, the
    /// earliest sent first.
    pub(super) fn of<'a>(&'a self, losses: &VecDeque<Loss>) -> Vec<Option<&'a Cause>> {
        let mut as_sent: Vec<usize> = (0..losses.len()).collect();
        as_sent.sort_by_key(|&index| losses[index].sent);
        let mut left: HashMap<EndsKey, Vec<&Cause>> = HashMap::new();
        let mut found = vec![None; losses.len()];
        for index in as_sent {
            let Loss { key, sent, error, .. } = &losses[index];
            for key in [*key, key.back()] {
                let queue = left.entry(key).or_insert_with(|| self.by_key.get(&key).into_iter().flatten().collect());
                let passed = queue.iter().take_while(|cause| cause.at < *sent).count();
                queue.drain(..passed);
            }
            // Of all verdicts only a rejection sends an error.
            let fits = |cause: &&Cause| error.is_none() || cause.fate == Fate::Rejected;
            let of = |key: EndsKey| left[&key].iter().copied().filter(fits).map(move |cause| (key, cause));
            let both = || of(*key).chain(of(key.back()));
            let Some((way, first)) = both().min_by_key(|(_, cause)| (cause.at, cause.id)) else { continue };
            // What was only delayed or damaged at one place, or on the way there, may have been dropped at another or on the
            // way back.
            let is_last = |(other, cause): &(EndsKey, &Cause)| {
                !first.fate.is_final() && cause.fate.is_final() && (*other != way || cause.site != first.site)
            };
            let last = both().filter(is_last).min_by_key(|(_, cause)| (cause.at, cause.id)).map(|(_, cause)| cause);
            found[index] = Some(last.unwrap_or(first));
            let used = [Some(first.id), last.map(|last| last.id)];
            for key in [*key, key.back()] {
                left.entry(key).or_default().retain(|cause| !used.contains(&Some(cause.id)));
            }
        }
        found
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_key.values().map(VecDeque::len).sum()
    }

    fn remove(&mut self, key: &EndsKey, which: impl Fn(&Cause) -> bool) {
        if let Some(queue) = self.by_key.get_mut(key) {
            if let Some(index) = queue.iter().position(which) {
                queue.remove(index);
            }
            if queue.is_empty() {
                self.by_key.remove(key);
            }
        }
    }
}

impl Cause {
    /// Whether the packet cannot have arrived.
    pub(super) const fn is_final(&self) -> bool {
        self.fate.is_final()
    }

    /// Whether it explains the loss of a ping with such a reply better than that does.
    pub(super) fn outweighs(&self, fault: Fault) -> bool {
        match self.fate {
            Fate::NotRepliedTo => !matches!(fault, Fault::Late | Fault::Elsewhere(_)),
            Fate::Delayed(_) => fault == Fault::Late,
            Fate::RepliedOtherwise => false,
            _ => true,
        }
    }
}

impl Fate {
    /// Whether the packet cannot have arrived.
    const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Dropped | Self::NotKept(_) | Self::Rejected | Self::Lost(_) | Self::Unread | Self::NotRepliedTo
        )
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = match &self.site {
            // The line of a server's policy says where.
            Site::Server(..) => self.origin.to_string(),
            site => format!("{} {}", self.origin, site.phrase()),
        };
        match self.fate {
            Fate::Dropped => write!(f, "dropped by {origin}"),
            Fate::Delayed(by) => write!(f, "delayed {} by {origin}", by.short()),
            Fate::NotKept(by) => write!(f, "to be delayed {} by {origin}, but did not fit", by.short()),
            Fate::Corrupted => write!(f, "corrupted by {origin}"),
            Fate::Replaced => write!(f, "replaced by {origin}"),
            Fate::Rejected => write!(f, "rejected by {origin}"),
            Fate::Lost(why) => write!(f, "dropped {}: {why}", self.site.phrase()),
            Fate::Unread => write!(f, "not read {}: the server had ended", self.site.phrase()),
            Fate::NotRepliedTo => write!(f, "received {}: the script sent no reply from there", self.site.phrase()),
            Fate::RepliedOtherwise => {
                write!(f, "received {}: the script's reply did not repeat the message", self.site.phrase())
            }
        }
    }
}
