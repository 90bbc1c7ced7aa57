//! What verdicts did to packets, one by one, as possible causes of losses.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;

use super::ends::EndsKey;
use super::report::name;
use super::streams::Streams;
use super::{Loss, REMEMBERED};
use crate::net::policy::decided::Decided;
use crate::net::policy::input::Site;
use crate::net::policy::{Action, PolicyOrigin, RejectReply, Verdict};
use crate::net::probe::ledger::Fault;
use crate::net::time::{Duration, Instant};
use crate::net::wire::Family;
use crate::net::wire::content::Content;

/// What happened to a packet on its way.
#[derive(Clone, Copy, Debug)]
pub enum Incident<'a> {
    /// A policy decided this about it, which is to be carried out.
    Decided(&'a Decided),
    /// It was lost for this reason, which is no policy's.
    Lost(&'static str),
    /// The reply to it could not be sent, for this reason.
    NotSent(&'static str),
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
    /// Sent so many times: it is lost with the last of them.
    Duplicated(u32),
    /// Delayed so long in vain: it could not be kept.
    NotKept(Duration),
    Corrupted,
    Replaced,
    /// With this in reply, if the packet's version of IP has such a thing.
    Rejected(Option<RejectReply>),
    /// Lost for this reason, which is no policy's.
    Lost(&'static str),
    /// Its reply could not be sent, for this reason.
    NotSent(&'static str),
    /// It reached a server that had ended before it read it.
    Unread,
    /// A script received it, and has sent no reply.
    NotRepliedTo,
    /// A script replied to it with this, which is something else than it says.
    RepliedOtherwise(Content),
    /// The script of the pinger received the reply itself.
    ReplyTaken,
}

/// A verdict that can be why a probe was lost.
#[derive(Clone, Debug)]
pub(super) struct Cause {
    pub(super) id: u64,
    /// When it was entered: a probe sent later met another verdict.
    pub(super) at: Instant,
    pub(super) fate: Fate,
    origin: PolicyOrigin,
    pub(super) site: Site,
    draws: Box<[f64]>,
}

/// The latest verdicts, those of each message in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Causes {
    pub(super) by_key: HashMap<EndsKey, VecDeque<Cause>>,
    /// By when they were made, those that are gone among them.
    in_order: VecDeque<(EndsKey, u64)>,
    /// Between which ends replies were accepted that do not say what they reply to.
    pub(super) accepted: HashSet<EndsKey>,
    /// How many are there.
    count: usize,
    entered: u64,
    /// When the latest was entered that gave way to later ones and explains no loss.
    forgotten: Option<Instant>,
    pub(super) streams: Streams,
}

impl Causes {
    /// Enters what happened to a packet at `at`, if it matters for its loss.
    pub(super) fn enter(&mut self, (key, family): (EndsKey, Family), at: Instant, site: &Site, incident: Incident<'_>) {
        let none = Verdict::new(Action::Pass, "");
        let (fate, verdict, draws) = match incident {
            Incident::Decided(Decided { verdict, draws, .. }) => {
                let fate = match &verdict.action {
                    Action::Drop => Fate::Dropped,
                    Action::Delay(by) => Fate::Delayed(*by),
                    Action::Corrupt => Fate::Corrupted,
                    Action::Replace(_) => Fate::Replaced,
                    Action::Reject(rejection) => Fate::Rejected(rejection.reply(family)),
                    Action::Duplicate(times) => Fate::Duplicated(*times),
                    Action::Pass => return,
                };
                (fate, verdict, draws.as_slice())
            }
            Incident::Lost(why) => (Fate::Lost(why), &none, &[][..]),
            Incident::NotSent(why) => {
                self.forget_reply(&key);
                self.forget_carried_out(&key, at, site);
                (Fate::NotSent(why), &none, &[][..])
            }
            Incident::Unread => (Fate::Unread, &none, &[][..]),
            Incident::HandedOut => (Fate::NotRepliedTo, &none, &[][..]),
        };
        self.entered += 1;
        let (id, origin) = (self.entered, verdict.origin.clone());
        let cause = Cause { id, at, fate, origin, site: site.clone(), draws: draws.into() };
        self.by_key.entry(key).or_default().push_back(cause);
        self.in_order.push_back((key, id));
        self.count += 1;
        self.keep_within_bounds();
    }

    /// Forgets the earliest where there are too many.
    fn keep_within_bounds(&mut self) {
        while self.count > REMEMBERED
            && let Some((key, id)) = self.in_order.pop_front()
        {
            // It may be gone already, its probe replied to.
            let gone = self.remove(&key, |cause| cause.id == id);
            self.forgotten = gone.map(|cause| cause.at).or(self.forgotten);
        }
        if self.in_order.len() > 2 * REMEMBERED {
            let by_key = &self.by_key;
            let find = |all: &VecDeque<Cause>, id| all.binary_search_by_key(&id, |cause| cause.id);
            self.in_order.retain(|(key, id)| by_key.get(key).is_some_and(|all| find(all, *id).is_ok()));
        }
    }

    /// Whether what happened to a ping sent at `sent` may be forgotten for what happened to later ones.
    pub(super) fn may_have_forgotten(&self, sent: Instant) -> bool {
        self.forgotten.is_some_and(|at| sent <= at)
    }

    /// A script has replied to a packet that it had received, the last one that says this; `other`: with this instead.
    pub(super) fn replied(&mut self, key: &EndsKey, other: Option<Content>) {
        let waits = |cause: &&mut Cause| cause.fate == Fate::NotRepliedTo;
        let Some(last) = self.by_key.get_mut(key).and_then(|queue| queue.iter_mut().rev().find(waits)) else { return };
        if let Some(reply) = other {
            last.fate = Fate::RepliedOtherwise(reply);
        } else {
            let last = last.id;
            self.remove(key, |cause| cause.id == last);
        }
    }

    /// Forgets what the last reply said to what a script had received: it could not be sent.
    fn forget_reply(&mut self, key: &EndsKey) {
        let said = |cause: &&Cause| cause.reply().is_some();
        let last = self.by_key.get(key).and_then(|queue| queue.iter().rev().find(said)).map(|cause| cause.id);
        self.remove(key, |cause| Some(cause.id) == last);
    }

    /// Forgets the last verdict at `site` that would have let the reply through by `now`, damaged or later: it was not sent.
    fn forget_carried_out(&mut self, key: &EndsKey, now: Instant, site: &Site) {
        let was_due = |cause: &&Cause| match cause.fate {
            Fate::Delayed(by) => cause.at + by <= now,
            Fate::Corrupted | Fate::Replaced | Fate::Duplicated(_) => true,
            _ => false,
        };
        let is_it = |cause: &&Cause| cause.site == *site && was_due(cause);
        let last = self.by_key.get(key).and_then(|queue| queue.iter().rev().find(is_it)).map(|cause| cause.id);
        self.remove(key, |cause| Some(cause.id) == last);
    }

    /// Forgets the last verdict at `site` that did not end the packet.
    pub(super) fn forget_other_fragment(&mut self, key: &EndsKey, site: &Site) {
        let is_it = |cause: &&Cause| cause.site == *site && !cause.fate.is_final();
        let last = self.by_key.get(key).and_then(|queue| queue.iter().rev().find(is_it)).map(|cause| cause.id);
        self.remove(key, |cause| Some(cause.id) == last);
    }

    /// The reply delayed last for `key` could not be kept.
    pub(super) fn not_kept(&mut self, key: &EndsKey) {
        let last = self.by_key.get_mut(key).and_then(VecDeque::back_mut);
        if let Some(Cause { fate, .. }) = last
            && let Fate::Delayed(by) = *fate
        {
            *fate = Fate::NotKept(by);
        }
    }

    /// The probe sent at `sent` was replied to all the same: its verdicts, one at each place on its way there and back,
    /// explain no other's loss.
    pub(super) fn got_reply(&mut self, key: &EndsKey, sent: Instant) {
        self.streams.got_reply(key, sent);
        let mut copies = 1;
        for key in [*key, key.back()] {
            let harmless = |cause: &&Cause| cause.at >= sent && !cause.fate.is_final();
            let mut sites: Vec<Site> = Vec::new();
            let mut ids = Vec::new();
            for cause in self.by_key.get(&key).into_iter().flatten().filter(harmless) {
                if cause.reply().is_some() && self.accepted.len() < REMEMBERED {
                    self.accepted.insert(key.without_content());
                }
                if sites.iter().filter(|site| **site == cause.site).count() < copies {
                    copies += cause.fate.added_copies();
                    sites.push(cause.site.clone());
                    ids.push(cause.id);
                }
            }
            ids.into_iter().for_each(|id| drop(self.remove(&key, |cause| cause.id == id)));
        }
    }

    /// Whether anything is known that may be why the message was lost, or the reply that says the same.
    pub(super) fn know(&self, key: &EndsKey) -> bool {
        self.by_key.contains_key(key) || self.by_key.contains_key(&key.back())
    }

    /// Whether a script has the message in hand, and nothing else is known that may be why it was lost.
    pub(super) fn may_be_replied_to(&self, key: &EndsKey) -> bool {
        let mut known = [*key, key.back()].into_iter().filter_map(|key| self.by_key.get(&key)).flatten();
        known.all(|cause| matches!(cause.fate, Fate::NotRepliedTo | Fate::Duplicated(_)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_key.is_empty() && self.streams.is_empty()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_key.values().map(VecDeque::len).sum()
    }

    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.in_order.len()
    }

    fn remove(&mut self, key: &EndsKey, which: impl Fn(&Cause) -> bool) -> Option<Cause> {
        let queue = self.by_key.get_mut(key)?;
        let removed = queue.iter().position(which).and_then(|index| queue.remove(index));
        self.count -= usize::from(removed.is_some());
        if queue.is_empty() {
            self.by_key.remove(key);
        }
        removed
    }
}

impl Cause {
    /// As the cause of a loss: on its way to the server, or back.
    pub(super) fn on(&self, way: EndsKey, loss: &Loss) -> Self {
        let taken = way != loss.key && matches!(self.fate, Fate::NotRepliedTo | Fate::RepliedOtherwise(_));
        Self { fate: if taken { Fate::ReplyTaken } else { self.fate }, ..self.clone() }
    }

    /// Whether the packet cannot have arrived.
    pub(super) const fn is_final(&self) -> bool {
        self.fate.is_final()
    }

    /// What a script replied with, where that was not what the packet says.
    pub(super) const fn reply(&self) -> Option<Content> {
        match self.fate {
            Fate::RepliedOtherwise(reply) => Some(reply),
            _ => None,
        }
    }

    /// How long it was delayed.
    pub(super) const fn delayed(&self) -> Option<Duration> {
        match self.fate {
            Fate::Delayed(by) => Some(by),
            _ => None,
        }
    }

    /// What names the loss of a ping by it: its number, and what was random.
    pub(super) fn name(&self, number: u64) -> String {
        match self.fate {
            Fate::Delayed(by) if !self.draws.is_empty() => name(number, &self.draws, Some(by)),
            _ => name(number, &self.draws, None),
        }
    }

    /// Whether it explains the loss of a ping with such a reply better than that does.
    pub(super) fn outweighs(&self, fault: Fault) -> bool {
        match self.fate {
            Fate::NotRepliedTo | Fate::ReplyTaken => !matches!(fault, Fault::Late | Fault::Elsewhere(_)),
            Fate::Delayed(_) => fault == Fault::Late,
            Fate::RepliedOtherwise(_) | Fate::Duplicated(_) => false,
            _ => true,
        }
    }
}

impl Fate {
    /// Whether an error can come of it, as which it came `by`: of all verdicts only a rejection sends one.
    pub(super) fn sends(self, by: Option<RejectReply>) -> bool {
        match self {
            Self::Rejected(reply) => by.is_none() || reply == by,
            _ => false,
        }
    }

    /// How many more packets there are after it.
    pub(super) fn added_copies(self) -> usize {
        match self {
            Self::Duplicated(times) => times.saturating_sub(1) as usize,
            _ => 0,
        }
    }

    /// Whether the packet cannot have arrived.
    pub(super) const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Dropped
                | Self::NotKept(_)
                | Self::Rejected(_)
                | Self::Lost(_)
                | Self::NotSent(_)
                | Self::Unread
                | Self::NotRepliedTo
                | Self::ReplyTaken
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
            // How long is said of each.
            Fate::Delayed(_) if !self.draws.is_empty() => write!(f, "delayed by {origin}"),
            Fate::Delayed(by) => write!(f, "delayed {} by {origin}", by.short()),
            Fate::Duplicated(times) => write!(f, "sent {times} times by {origin}"),
            Fate::NotKept(by) => write!(f, "to be delayed {} by {origin}, but did not fit", by.short()),
            Fate::Corrupted => write!(f, "corrupted by {origin}"),
            Fate::Replaced => write!(f, "replaced by {origin}"),
            Fate::Rejected(_) => write!(f, "rejected by {origin}"),
            Fate::Lost(why) => write!(f, "dropped {}: {why}", self.site.phrase()),
            Fate::NotSent(why) => write!(f, "the reply could not be sent {}: {why}", self.site.phrase()),
            Fate::Unread => write!(f, "not read {}: the server had ended, or did not receive", self.site.phrase()),
            Fate::NotRepliedTo => write!(f, "received {}: the script sent no reply from there", self.site.phrase()),
            Fate::ReplyTaken => {
                write!(f, "the reply was received {} by the script itself, not by the pinger", self.site.phrase())
            }
            Fate::RepliedOtherwise(_) => {
                write!(f, "received {}: the script's reply did not repeat the message", self.site.phrase())
            }
        }
    }
}
