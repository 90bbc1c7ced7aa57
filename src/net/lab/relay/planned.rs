//! Changes of a link that are planned before: they are made when the first frame comes onto it at their time or later, so that they
//! are no events of their own, and all before them is as without them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::link::{Direction, Link, Placed, lock};
use crate::net::policy::attached::AttachedPolicy;
use crate::net::time::{Duration, Instant};

/// What a link is to be like, in both directions.
#[derive(Debug)]
pub enum LinkChange {
    /// Each frame takes so long.
    Delay(Duration),
    /// Frames go onto it at this rate in bits a second; `None`: at once.
    Rate(Option<u64>),
    /// A policy of this name decides, in place of the one before.
    Policy(Box<AttachedPolicy>, String),
}

/// What is planned for a link.
#[derive(Debug, Default)]
pub(super) struct Planned {
    /// Whether there is anything: a look at this is all that most frames cost.
    is_any: AtomicBool,
    changes: Mutex<Vec<(Instant, LinkChange)>>,
    /// Policies that were replaced. What they hold may be part of the run that is being driven, and is let go at its end.
    replaced: Mutex<Vec<Arc<Placed>>>,
}

impl Planned {
    /// Whether a change is due at `now`.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.is_any.load(Ordering::Relaxed) && lock(&self.changes).iter().any(|(at, _)| *at <= now)
    }
}

impl Link {
    /// Has the link change at `at`; of several at one time the last holds. A delay that is negative and a rate of 0 change nothing.
    pub fn change_at(&self, at: Instant, change: LinkChange) {
        let mut changes = lock(&self.lanes[0].planned.changes);
        let after = changes.partition_point(|(other, _)| *other <= at);
        changes.insert(after, (at, change));
        self.lanes[0].planned.is_any.store(true, Ordering::Relaxed);
    }

    /// Makes the changes that are due at `now`.
    pub(super) fn catch_up(&self, now: Instant) {
        let planned = &self.lanes[0].planned;
        let due: Vec<_> = {
            let mut changes = lock(&planned.changes);
            let end = changes.partition_point(|(at, _)| *at <= now);
            changes.drain(..end).collect()
        };
        for (_, change) in due {
            match change {
                LinkChange::Policy(policy, name) => {
                    let before = self.lanes.iter().filter_map(|lane| lane.rules().policy.clone());
                    lock(&planned.replaced).extend(before);
                    self.set_policy(Direction::Both, *policy, name);
                }
                LinkChange::Delay(delay) => self.set_each(|options| options.delay = delay),
                LinkChange::Rate(rate) => self.set_each(|options| options.rate = rate),
            }
        }
    }

    fn set_each(&self, set: impl Fn(&mut super::LinkOptions)) {
        for from in 0..2 {
            let mut options = self.options(from);
            set(&mut options);
            // What no link can be was refused when it was planned.
            let _ = self.set_options(Direction::From(from), options);
        }
    }
}
