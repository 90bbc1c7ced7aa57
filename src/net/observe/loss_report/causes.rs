//! What verdicts did to packets, one by one, as possible causes of losses.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;

use super::ends::EndsKey;
use super::streams::Streams;
use super::{Loss, REMEMBERED};
use crate::net::policy::decided::Decided;
use crate::net::policy::input::Site;
use crate::net::policy::{Action, PolicyOrigin, RejectReply, Verdict};
use crate::net::probe::ledger::Fault;
use crate::net::time::{Duration, Instant};
use crate::net::wire::Family;

/// What befell a packet on its way.
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
    /// A script replied to it, and something else than it says.
    RepliedOtherwise,
    /// The script of the pinger received the reply itself.
    ReplyTaken,
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

/// The causes that explain no loss yet, in their order.
type Unused<'a> = HashMap<EndsKey, BTreeMap<(Instant, u64), &'a Cause>>;

/// The latest verdicts, those of each message in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Causes {
    by_key: HashMap<EndsKey, VecDeque<Cause>>,
    /// By when they were made, those that are gone among them.
    in_order: VecDeque<(EndsKey, u64)>,
    /// How many are there.
    count: usize,
    entered: u64,
    /// When the latest was entered that gave way to later ones and explains no loss.
    forgotten: Option<Instant>,
    pub(super) streams: Streams,
}

impl Causes {
    /// Enters what befell a packet at `at`, if a loss can come of it. A duplicated packet is no loss.
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
                    Action::Pass | Action::Duplicate(_) => return,
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

    /// Has the earliest give way where there are too many.
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

    /// Whether what befell a ping sent at `sent` may have given way to what befell later ones.
    pub(super) fn may_have_forgotten(&self, sent: Instant) -> bool {
        self.forgotten.is_some_and(|at| sent <= at)
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

    /// Forgets what the last reply said to what a script had received: it could not be sent.
    fn forget_reply(&mut self, key: &EndsKey) {
        let said = |cause: &&Cause| cause.fate == Fate::RepliedOtherwise;
        let last = self.by_key.get(key).and_then(|queue| queue.iter().rev().find(said)).map(|cause| cause.id);
        self.remove(key, |cause| Some(cause.id) == last);
    }

    /// Forgets the last verdict at `site` that would have let the reply through by `now`, damaged or later: it was not sent.
    fn forget_carried_out(&mut self, key: &EndsKey, now: Instant, site: &Site) {
        let was_due = |cause: &&Cause| match cause.fate {
            Fate::Delayed(by) => cause.at + by <= now,
            Fate::Corrupted | Fate::Replaced => true,
            _ => false,
        };
        let is_it = |cause: &&Cause| cause.site == *site && was_due(cause);
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
        known.all(|cause| cause.fate == Fate::NotRepliedTo)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_key.is_empty() && self.streams.is_empty()
    }

    /// The cause of each loss, of the message or of the reply that says the same. One verdict explains one loss, the
    /// earliest sent first.
    pub(super) fn of(&self, losses: &VecDeque<Loss>) -> Vec<Option<Cause>> {
        let mut order: Vec<usize> = (0..losses.len()).collect();
        // An error can have come of few verdicts, a time-out of any.
        order.sort_by_key(|&index| (losses[index].error.is_none(), losses[index].sent));
        let mut left = self.left(losses);
        let mut found = vec![None; losses.len()];
        // What befell a ping that says the same while this one was waited for is its own, before it is that of one given up.
        for waited_for in [true, false] {
            for &index in &order {
                let loss = &losses[index];
                let until = if waited_for || loss.error.is_some() { loss.until } else { Instant::from_nanos(i64::MAX) };
                // A packet may meet a second verdict that is its end.
                while let Some(next) = next(&left, loss, until, found[index]) {
                    let (way, cause) = next;
                    left.entry(way).or_default().remove(&(cause.at, cause.id));
                    found[index] = Some(next);
                }
            }
        }
        let pairs = found.into_iter().zip(losses);
        let explained = |(found, loss): (Option<(EndsKey, &Cause)>, _)| {
            found.map(|(way, cause)| cause.on(way, loss)).or_else(|| self.of_stream(loss).cloned())
        };
        pairs.map(explained).collect()
    }

    /// The rejection of a segment that ended a ping by an error: one ends all that are pending over the connection, and a reset
    /// those that are sent later.
    fn of_stream(&self, loss: &Loss) -> Option<&Cause> {
        let error = loss.error.as_ref()?;
        let is_over = error.by == Some(RejectReply::Reset);
        let latest = |key: EndsKey| {
            let queue = self.by_key.get(&key.without_content())?;
            let mut before = queue.range(..queue.partition_point(|cause| cause.at <= loss.until)).rev();
            before.find(|cause| cause.fate.sends(error.by)).filter(|cause| is_over || cause.at >= loss.sent)
        };
        [loss.key, loss.key.back()].into_iter().filter_map(latest).max_by_key(|cause| (cause.at, cause.id))
    }

    /// All that may explain some of the losses.
    fn left(&self, losses: &VecDeque<Loss>) -> Unused<'_> {
        let mut left = Unused::new();
        for key in losses.iter().flat_map(|loss| [loss.key, loss.key.back()]) {
            let causes = || self.by_key.get(&key).into_iter().flatten();
            left.entry(key).or_insert_with(|| causes().map(|cause| ((cause.at, cause.id), cause)).collect());
        }
        left
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

/// The earliest cause from the sending of a lost ping `until` then that explains it, after the one that is `known`.
fn next<'a>(
    left: &Unused<'a>,
    loss: &Loss,
    until: Instant,
    known: Option<(EndsKey, &'a Cause)>,
) -> Option<(EndsKey, &'a Cause)> {
    if until < loss.sent || known.is_some_and(|(_, cause)| cause.fate.is_final()) {
        return None;
    }
    let fits = |way: EndsKey, cause: &Cause| match known {
        None => loss.error.as_ref().is_none_or(|error| cause.fate.sends(error.by)),
        // What was only delayed or damaged at one place, or on the way there, may have been dropped at another or on the
        // way back.
        Some((other, first)) => cause.fate.is_final() && (way != other || cause.site != first.site),
    };
    let first = |way: EndsKey| {
        let mut causes = left.get(&way)?.range((loss.sent, 0)..=(until, u64::MAX)).map(|(_, cause)| *cause);
        causes.find(|cause| fits(way, cause)).map(|cause| (way, cause))
    };
    [loss.key, loss.key.back()].into_iter().filter_map(first).min_by_key(|(_, cause)| (cause.at, cause.id))
}

impl Cause {
    /// As the cause of a loss: on its way to the server, or back.
    fn on(&self, way: EndsKey, loss: &Loss) -> Self {
        let taken = way != loss.key && matches!(self.fate, Fate::NotRepliedTo | Fate::RepliedOtherwise);
        Self { fate: if taken { Fate::ReplyTaken } else { self.fate }, ..self.clone() }
    }

    /// Whether the packet cannot have arrived.
    pub(super) const fn is_final(&self) -> bool {
        self.fate.is_final()
    }

    /// Whether it explains the loss of a ping with such a reply better than that does.
    pub(super) fn outweighs(&self, fault: Fault) -> bool {
        match self.fate {
            Fate::NotRepliedTo | Fate::ReplyTaken => !matches!(fault, Fault::Late | Fault::Elsewhere(_)),
            Fate::Delayed(_) => fault == Fault::Late,
            Fate::RepliedOtherwise => false,
            _ => true,
        }
    }
}

impl Fate {
    /// Whether an error can come of it, as which it came `by`: of all verdicts only a rejection sends one.
    fn sends(self, by: Option<RejectReply>) -> bool {
        match self {
            Self::Rejected(reply) => by.is_none() || reply == by,
            _ => false,
        }
    }

    /// Whether the packet cannot have arrived.
    const fn is_final(self) -> bool {
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
            Fate::Delayed(by) => write!(f, "delayed {} by {origin}", by.short()),
            Fate::NotKept(by) => write!(f, "to be delayed {} by {origin}, but did not fit", by.short()),
            Fate::Corrupted => write!(f, "corrupted by {origin}"),
            Fate::Replaced => write!(f, "replaced by {origin}"),
            Fate::Rejected(_) => write!(f, "rejected by {origin}"),
            Fate::Lost(why) => write!(f, "dropped {}: {why}", self.site.phrase()),
            Fate::NotSent(why) => write!(f, "the reply could not be sent {}: {why}", self.site.phrase()),
            Fate::Unread => write!(f, "not read {}: the server had ended", self.site.phrase()),
            Fate::NotRepliedTo => write!(f, "received {}: the script sent no reply from there", self.site.phrase()),
            Fate::ReplyTaken => {
                write!(f, "the reply was received {} by the script itself, not by the pinger", self.site.phrase())
            }
            Fate::RepliedOtherwise => {
                write!(f, "received {}: the script's reply did not repeat the message", self.site.phrase())
            }
        }
    }
}
