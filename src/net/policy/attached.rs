//! A policy at work: in a server it decides about each request as it is received, and the answer meets that fate; on a link
//! or at a host's ingress it decides about each frame.
//!
//! Receiving, numbering and deciding happen under one lock, so that the packets of a flow are judged in the order in
//! which they arrived, however many threads receive. A policy that takes the place of another decides about whatever comes from
//! then on, and about what others were just receiving, in any order.

use std::fmt::Debug;
use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::input::{PolicyInput, Site};
use super::judged::{Decided, FAILED};
use super::neighbours::Neighbours;
use super::{Action, Flows, Native, Place, Verdict};
use crate::net::error::Result;
use crate::net::random::RandomStream;

/// A policy written outside the core.
pub trait Decide: Debug + Send + Sync {
    /// Decides about `subject`. The draws it makes come from `place` and go to `draws`. `None`: it failed, and has said so.
    fn decide(&self, subject: &PolicyInput<'_>, place: &Place, draws: &mut Vec<f64>) -> Option<Verdict>;

    /// Where it is written, `FILE:LINE:COLUMN`, if that is known.
    fn origin(&self) -> Option<Arc<str>> {
        None
    }
}

/// A policy of any make.
#[derive(Debug)]
pub enum Policy {
    /// A native one.
    Native(Native),
    /// One written outside the core.
    Other(Box<dyn Decide>),
    /// Several: each sees the packet in turn, and the first that does not let it pass decides.
    Chain(Vec<Policy>),
}

/// A policy attached to a server, a link or an ingress.
#[derive(Debug)]
pub struct AttachedPolicy {
    policy: Policy,
    parts: usize,
    flows: Mutex<Flows>,
    counters: Arc<VerdictCounters>,
}

/// What a policy counts. Shared with the account, which outlives it.
#[derive(Debug, Default)]
pub(in crate::net) struct VerdictCounters {
    judged: AtomicU64,
    chosen: AtomicU64,
    acted: [AtomicU64; ACTIONS.len()],
    failed: AtomicU64,
    /// Of what kernels send by themselves: judged, and chosen.
    of_kernels: [AtomicU64; 2],
    pairs: AtomicU64,
    both_chosen: AtomicU64,
    one_chosen: AtomicU64,
}

/// What a policy can do with a packet, in the order in which it is counted.
pub(in crate::net) const ACTIONS: [&str; 6] = ["dropped", "delayed", "duplicated", "replaced", "corrupted", "rejected"];

/// The place of an action in [`ACTIONS`]; `None`: it lets the packet pass.
const fn place_of(action: &Action) -> Option<usize> {
    Some(match action {
        Action::Pass => return None,
        Action::Drop => 0,
        Action::Delay(_) => 1,
        Action::Duplicate(_) => 2,
        Action::Replace(_) => 3,
        Action::Corrupt => 4,
        Action::Reject(_) => 5,
    })
}

/// How often a policy did what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Packets it decided about.
    pub judged: u64,
    /// Packets it did not simply let pass.
    pub chosen: u64,
    /// The same by what it did with them, in the order of [`ACTIONS`].
    pub(in crate::net) acted: [u64; ACTIONS.len()],
    /// Packets it failed to decide about, which passed.
    pub failed: u64,
    /// Frames that kernels sent by themselves, which are in none of the counts above: those that it decided about, and those
    /// that it did not simply let pass.
    pub of_kernels: [u64; 2],
    /// Packets of one flow that follow each other; a packet counts as lost if it was chosen.
    pub neighbours: Neighbours,
}

impl Policy {
    /// How many native policies it is made of.
    fn parts(&self) -> usize {
        match self {
            Self::Native(_) => 1,
            Self::Other(_) => 0,
            Self::Chain(list) => list.iter().map(Self::parts).sum(),
        }
    }

    /// Checks that what the policy may ask for can be done at `site`.
    ///
    /// # Errors
    /// `invalid`: it rejects in a server, which takes an ICMP error that a server's socket cannot send.
    fn fits(&self, site: &Site) -> Result<()> {
        match self {
            Self::Native(native) => site.allows(native.action()),
            Self::Other(_) => Ok(()),
            Self::Chain(list) => list.iter().try_for_each(|part| part.fits(site)),
        }
    }

    fn decide(
        &self,
        subject: &PolicyInput<'_>,
        place: &Place,
        in_bad: &mut [bool],
        draws: &mut Vec<f64>,
    ) -> Option<Verdict> {
        match self {
            Self::Native(native) => Some(native.judge(place, &mut in_bad[0], draws)),
            Self::Other(other) => other.decide(subject, place, draws),
            Self::Chain(list) => {
                let mut rest = in_bad;
                let mut last = None;
                for (index, part) in list.iter().enumerate() {
                    let (own, others) = rest.split_at_mut(part.parts());
                    let place = Place { draws: place.draws.beneath(index as u64 + 1), ..*place };
                    let mut drawn = Vec::new();
                    let verdict = part.decide(subject, &place, own, &mut drawn);
                    draws.append(&mut drawn);
                    match verdict {
                        Some(verdict) if verdict.action == Action::Pass => last = Some(verdict),
                        decided => return decided,
                    }
                    rest = others;
                }
                // One without parts has no one to object.
                Some(last.unwrap_or_else(|| Verdict { action: Action::Pass, origin: "chain([])".into() }))
            }
        }
    }
}

impl AttachedPolicy {
    /// A policy to be attached at `site`, whose draws come from `stream`.
    ///
    /// # Errors
    /// `invalid`: what it may ask for cannot be done there.
    pub fn new(policy: Policy, stream: RandomStream, site: &Site) -> Result<Self> {
        policy.fits(site)?;
        Ok(Self { parts: policy.parts(), policy, flows: Mutex::new(Flows::new(stream)), counters: Arc::default() })
    }

    /// What it counts.
    pub(in crate::net) fn counters(&self) -> &Arc<VerdictCounters> {
        &self.counters
    }

    /// The share of packets it is made to choose, where that is known.
    pub fn nominal(&self) -> Option<f64> {
        match &self.policy {
            // One that lets pass what it chooses acts on nothing.
            Policy::Native(native) if *native.action() != Action::Pass => native.nominal(),
            _ => None,
        }
    }

    /// Where it is written, if it was written outside the core and that is known.
    pub fn origin(&self) -> Option<Arc<str>> {
        match &self.policy {
            Policy::Other(other) => other.origin(),
            Policy::Native(_) | Policy::Chain(_) => None,
        }
    }

    /// What the policy knows of flows; to be held from before a packet is received until it is decided on.
    pub(in crate::net) fn lock_flows(&self) -> MutexGuard<'_, Flows> {
        self.flows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides about the next packet.
    pub(in crate::net) fn decide(&self, flows: &mut Flows, subject: &PolicyInput<'_>) -> Decided {
        let key = subject.flow();
        let (place, in_bad) = flows.next(key, self.parts);
        let mut draws = Vec::new();
        let verdict = self.policy.decide(subject, &place, in_bad, &mut draws);
        let verdict = verdict.unwrap_or_else(|| {
            self.counters.failed.fetch_add(u64::from(!key.of_kernel), Ordering::Relaxed);
            Verdict { action: Action::Pass, origin: FAILED.into() }
        });
        let chosen = verdict.action != Action::Pass;
        let neighbours = flows.chose(chosen);
        if key.of_kernel {
            self.counters.chose_of_kernel(chosen);
        } else {
            self.counters.judged.fetch_add(1, Ordering::Relaxed);
            if let Some(place) = place_of(&verdict.action) {
                self.counters.acted[place].fetch_add(1, Ordering::Relaxed);
            }
            self.counters.chose(chosen, neighbours);
        }
        Decided { verdict, place, draws }
    }
}

impl VerdictCounters {
    /// Counts a packet that was chosen or not, and the pair that it makes with the one before it.
    fn chose(&self, chosen: bool, neighbours: Neighbours) {
        let Neighbours { pairs, both_lost, one_lost } = neighbours;
        let counts = [
            (&self.chosen, u64::from(chosen)),
            (&self.pairs, pairs),
            (&self.both_chosen, both_lost),
            (&self.one_chosen, one_lost),
        ];
        for (count, more) in counts.into_iter().filter(|(_, more)| *more > 0) {
            count.fetch_add(more, Ordering::Relaxed);
        }
    }

    /// Counts a frame that a kernel sent by itself, and that was chosen or not.
    fn chose_of_kernel(&self, chosen: bool) {
        let [judged, all_chosen] = &self.of_kernels;
        judged.fetch_add(1, Ordering::Relaxed);
        all_chosen.fetch_add(u64::from(chosen), Ordering::Relaxed);
    }

    /// How often the policy did what so far.
    pub(in crate::net) fn tally(&self) -> Tally {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let neighbours =
            Neighbours { pairs: get(&self.pairs), both_lost: get(&self.both_chosen), one_lost: get(&self.one_chosen) };
        let acted = std::array::from_fn(|place| get(&self.acted[place]));
        let of_kernels = self.of_kernels.each_ref().map(get);
        let (judged, chosen, failed) = (get(&self.judged), get(&self.chosen), get(&self.failed));
        Tally { judged, chosen, acted, failed, of_kernels, neighbours }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, rhs: Self) {
        self.judged += rhs.judged;
        self.chosen += rhs.chosen;
        self.acted.iter_mut().zip(rhs.acted).for_each(|(count, more)| *count += more);
        self.failed += rhs.failed;
        self.of_kernels.iter_mut().zip(rhs.of_kernels).for_each(|(count, more)| *count += more);
        self.neighbours = self.neighbours + rhs.neighbours;
    }
}
