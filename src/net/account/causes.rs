//! What verdicts did to packets, one by one, as possible causes of losses.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use super::{Key, Loss, REMEMBERED};
use crate::net::judge::Judged;
use crate::net::policy::Action;
use crate::net::time::{Duration, Instant};

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate {
    Dropped,
    Delayed(Duration),
    /// Delayed so long in vain: it could not be kept.
    NotKept(Duration),
    Corrupted,
    Replaced,
}

/// A verdict that can be why a probe was lost.
#[derive(Clone, Debug)]
pub(super) struct Cause {
    id: u64,
    /// When it was entered: a probe sent later met another verdict.
    at: Instant,
    fate: Fate,
    origin: Arc<str>,
    pub(super) draws: Box<[f64]>,
}

/// The latest verdicts, those of each message in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Causes {
    by_key: HashMap<Key, VecDeque<Cause>>,
    in_order: VecDeque<(Key, u64)>,
    entered: u64,
}

impl Causes {
    /// Enters what was decided at `at`, if a loss can come of it. A duplicated answer is no loss.
    pub(super) fn enter(&mut self, key: Key, at: Instant, judged: &Judged) {
        let fate = match judged.verdict.action {
            Action::Drop => Fate::Dropped,
            Action::Delay(by) => Fate::Delayed(by),
            Action::Corrupt => Fate::Corrupted,
            Action::Replace(_) => Fate::Replaced,
            Action::Pass | Action::Duplicate(_) | Action::Reject(_) => return,
        };
        self.entered += 1;
        let (id, origin) = (self.entered, judged.verdict.origin.clone());
        let cause = Cause { id, at, fate, origin, draws: judged.draws.as_slice().into() };
        self.by_key.entry(key).or_default().push_back(cause);
        self.in_order.push_back((key, id));
        if self.in_order.len() > REMEMBERED
            && let Some((key, id)) = self.in_order.pop_front()
        {
            // It may be gone already, its probe answered.
            self.remove(&key, |cause| cause.id == id);
        }
    }

    /// The answer delayed last for `key` could not be kept.
    pub(super) fn not_kept(&mut self, key: &Key) {
        let last = self.by_key.get_mut(key).and_then(VecDeque::back_mut);
        if let Some(Cause { fate, .. }) = last
            && let Fate::Delayed(by) = *fate
        {
            *fate = Fate::NotKept(by);
        }
    }

    /// The probe sent at `sent` was answered all the same: its verdict explains no other's loss.
    pub(super) fn answered(&mut self, key: &Key, sent: Instant) {
        self.remove(key, |cause| cause.at >= sent && !matches!(cause.fate, Fate::Dropped | Fate::NotKept(_)));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// The cause of each loss. One verdict explains one loss, the earliest sent first.
    pub(super) fn of<'a>(&'a self, losses: &VecDeque<Loss>) -> Vec<Option<&'a Cause>> {
        let mut as_sent: Vec<usize> = (0..losses.len()).collect();
        as_sent.sort_by_key(|&index| losses[index].sent);
        let mut left: HashMap<Key, VecDeque<&Cause>> = HashMap::new();
        let mut found = vec![None; losses.len()];
        for index in as_sent {
            let Loss { key, sent, .. } = &losses[index];
            let queue = left.entry(*key).or_insert_with(|| self.by_key.get(key).into_iter().flatten().collect());
            while queue.front().is_some_and(|cause| cause.at < *sent) {
                queue.pop_front();
            }
            found[index] = queue.pop_front();
        }
        found
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_key.values().map(VecDeque::len).sum()
    }

    fn remove(&mut self, key: &Key, which: impl Fn(&Cause) -> bool) {
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

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = &self.origin;
        match self.fate {
            Fate::Dropped => write!(f, "dropped by {origin}"),
            Fate::Delayed(by) => write!(f, "delayed {} by {origin}", by.short()),
            Fate::NotKept(by) => write!(f, "to be delayed {} by {origin}, but did not fit", by.short()),
            Fate::Corrupted => write!(f, "corrupted by {origin}"),
            Fate::Replaced => write!(f, "replaced by {origin}"),
        }
    }
}
