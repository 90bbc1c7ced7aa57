//! A policy at work: in a server it decides about each request as it is received, and the reply meets that fate; on a link
//! or at a host's ingress it decides about each frame.
//!
//! Receiving, numbering and deciding happen under one lock, so that the packets of a flow are decided about in the order in
//! which they arrived, however many threads receive. A policy that takes the place of another decides about whatever comes from
//! then on, and about what others were just receiving, in any order.

use std::fmt::Debug;
use std::ops::{AddAssign, Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::decided::{Decided, FAILED};
use super::input::{PolicyInput, Site};
use super::neighbours::Neighbours;
use super::{Action, Flows, Native, Place, Verdict};
use crate::net::error::Result;
use crate::net::host::Host;
use crate::net::host::lock::{HostGuard, HostLock};
use crate::net::random::{Draws, RandomStream};

/// A policy written outside the core.
pub trait Decide: Debug + Send + Sync {
    /// Decides about `subject`. The draws it makes come from `place` and go to `draws`. `None`: it failed, and has said so.
    fn decide(&self, subject: &PolicyInput<'_>, place: &Place, draws: &mut Draws) -> Option<Verdict>;

    /// Where it is written, `FILE:LINE:COLUMN`, if that is known.
    fn origin(&self) -> Option<Arc<str>> {
        None
    }

    /// Whether it never waits while it decides.
    fn decides_at_once(&self) -> bool {
        false
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
    /// Held while it decides where that may wait.
    deciding: HostLock,
    /// Whether it never does.
    at_once: bool,
    flows: Mutex<Flows>,
    counters: Arc<VerdictCounters>,
}

/// What a policy knows of flows, while it decides.
#[derive(Debug)]
pub(in crate::net) struct FlowsGuard<'a> {
    flows: MutexGuard<'a, Flows>,
    _deciding: Option<HostGuard<'a>>,
}

impl Deref for FlowsGuard<'_> {
    type Target = Flows;

    fn deref(&self) -> &Flows {
        &self.flows
    }
}

impl DerefMut for FlowsGuard<'_> {
    fn deref_mut(&mut self) -> &mut Flows {
        &mut self.flows
    }
}

/// What a policy counts. Shared with the loss report, which outlives it.
#[derive(Debug, Default)]
pub(in crate::net) struct VerdictCounters(Mutex<VerdictTally>);

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
pub struct VerdictTally {
    /// Packets it decided about.
    pub decided: u64,
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

    fn decides_at_once(&self) -> bool {
        match self {
            Self::Native(_) => true,
            Self::Other(other) => other.decides_at_once(),
            Self::Chain(list) => list.iter().all(Self::decides_at_once),
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
        draws: &mut Draws,
    ) -> Option<Verdict> {
        match self {
            Self::Native(native) => Some(native.decide(place, &mut in_bad[0], draws)),
            Self::Other(other) => other.decide(subject, place, draws),
            Self::Chain(list) => {
                let mut rest = in_bad;
                let mut last = None;
                for (index, part) in list.iter().enumerate() {
                    let (own, others) = rest.split_at_mut(part.parts());
                    let place = Place { draws: place.draws.beneath(index as u64 + 1), ..*place };
                    let mut drawn = Draws::new();
                    let verdict = part.decide(subject, &place, own, &mut drawn);
                    draws.append(&mut drawn);
                    match verdict {
                        Some(verdict) if verdict.action == Action::Pass => last = Some(verdict),
                        decided => return decided,
                    }
                    rest = others;
                }
                // One without parts has no one to object.
                Some(last.unwrap_or_else(|| Verdict::new(Action::Pass, "chain([])")))
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
        let (deciding, flows) = (HostLock::default(), Mutex::new(Flows::new(stream)));
        let (parts, at_once) = (policy.parts(), policy.decides_at_once());
        Ok(Self { parts, policy, deciding, at_once, flows, counters: Arc::default() })
    }

    /// What it counts.
    pub(in crate::net) fn counters(&self) -> &Arc<VerdictCounters> {
        &self.counters
    }

    /// The share of packets it is made to choose, where that is known.
    pub fn configured(&self) -> Option<f64> {
        match &self.policy {
            // One that lets pass what it chooses acts on nothing.
            Policy::Native(native) if *native.action() != Action::Pass => native.configured(),
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

    /// Whether it never waits while it decides.
    pub(in crate::net) fn decides_at_once(&self) -> bool {
        self.at_once
    }

    /// The same as [`Self::lock_flows`] for a server on `host`, whose policy may wait while it decides.
    pub(in crate::net) fn lock_on(&self, host: &dyn Host) -> FlowsGuard<'_> {
        let deciding = if self.at_once { None } else { self.deciding.take(host, None, None).ok() };
        FlowsGuard { flows: self.lock_flows(), _deciding: deciding }
    }

    /// What the policy knows of flows; to be held from before a packet is received until it is decided on.
    pub(in crate::net) fn lock_flows(&self) -> MutexGuard<'_, Flows> {
        self.flows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides about the next packet.
    pub(in crate::net) fn decide(&self, flows: &mut Flows, subject: &PolicyInput<'_>) -> Decided {
        let key = subject.flow();
        let (place, in_bad) = flows.next(key, self.parts);
        let mut draws = Draws::new();
        let decided = self.policy.decide(subject, &place, in_bad, &mut draws);
        let failed = decided.is_none();
        let verdict = decided.unwrap_or_else(|| Verdict::new(Action::Pass, FAILED));
        let chosen = verdict.action != Action::Pass;
        let neighbours = flows.chose(chosen);
        let mut counts = self.counters.lock();
        if key.of_kernel {
            counts.of_kernels[0] += 1;
            counts.of_kernels[1] += u64::from(chosen);
        } else {
            counts.decided += 1;
            counts.chosen += u64::from(chosen);
            counts.failed += u64::from(failed);
            if let Some(place) = place_of(&verdict.action) {
                counts.acted[place] += 1;
            }
            counts.neighbours = counts.neighbours + neighbours;
        }
        drop(counts);
        Decided { verdict, place, draws }
    }
}

impl VerdictCounters {
    /// A verdict that was counted could not be carried out: the packet passed.
    #[cfg(feature = "sim")]
    pub(in crate::net) fn not_carried_out(&self, action: &Action, of_kernel: bool) {
        let mut counts = self.lock();
        if of_kernel {
            counts.of_kernels[1] -= 1;
            return;
        }
        if let Some(place) = place_of(action) {
            counts.acted[place] -= 1;
            counts.chosen -= 1;
        }
        counts.failed += 1;
    }

    /// How often the policy did what so far.
    pub(in crate::net) fn tally(&self) -> VerdictTally {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, VerdictTally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AddAssign for VerdictTally {
    fn add_assign(&mut self, rhs: Self) {
        self.decided += rhs.decided;
        self.chosen += rhs.chosen;
        self.acted.iter_mut().zip(rhs.acted).for_each(|(count, more)| *count += more);
        self.failed += rhs.failed;
        self.of_kernels.iter_mut().zip(rhs.of_kernels).for_each(|(count, more)| *count += more);
        self.neighbours = self.neighbours + rhs.neighbours;
    }
}
