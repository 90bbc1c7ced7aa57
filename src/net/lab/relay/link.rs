//! What is shared between the thread that carries frames and those that change or ask a link or an ingress meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::RelayShared;
use super::capture::Captures;
use super::counters::{Counters, FrameCounts};
use super::planned::Planned;
use crate::net::error::{Error, Result};
use crate::net::host::environment::environment;
use crate::net::host::id::HostId;
use crate::net::observe::frame::FrameRow;
use crate::net::policy::attached::AttachedPolicy;
use crate::net::policy::input::{FrameDirection, Site};
use crate::net::time::Duration;

/// How a link carries frames, in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkOptions {
    /// How long each frame takes.
    pub delay: Duration,
    /// How much sooner or later than that it may arrive, evenly drawn. A frame with luck overtakes others.
    pub jitter: Duration,
    /// Whether no frame overtakes another, whatever delays it.
    pub fifo: bool,
    /// How fast frames go onto the link, in bits a second, headers of Ethernet included; `None`: at once.
    pub rate: Option<u64>,
    /// How many frames may wait for their turn at that rate beside the one whose turn it is; what comes then is lost.
    /// `None`: [`QUEUE`].
    pub queue: Option<usize>,
}

/// How many frames wait at a link with a rate if nothing else is said.
pub const QUEUE: usize = 100;

/// In which direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// In both.
    Both,
    /// From the first host, or from the second: 0 or 1.
    From(usize),
}

impl Direction {
    /// Which of the two.
    fn sides(self) -> impl Iterator<Item = usize> {
        [0, 1].into_iter().filter(move |side| match self {
            Self::Both => true,
            Self::From(from) => *side == from,
        })
    }
}

/// A policy and where it is at work.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) policy: AttachedPolicy,
    pub(super) site: Site,
    /// What it is called.
    name: String,
    /// Whether it was said that it decided what cannot be done.
    noted: AtomicBool,
}

impl Placed {
    fn new(policy: AttachedPolicy, site: Site, name: &str) -> Arc<Self> {
        Arc::new(Self { policy, site, name: name.to_string(), noted: AtomicBool::new(false) })
    }

    /// Says, once, that the policy decided what cannot be done with a packet.
    pub(super) fn note(&self, decided: &str, why: &str) {
        if !self.noted.swap(true, Ordering::Relaxed) {
            let place = self.site.phrase();
            environment().note(&format!("warning: {decided} {place}: {why}; such packets pass"));
        }
    }
}

/// A link in one direction.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) way: Arc<FrameDirection>,
    pub(super) site: Site,
    /// The name of the interface in captures.
    pub(super) interface: String,
    pub(super) counters: Counters,
    pub(super) rules: Mutex<Rules>,
    /// Of both directions, at the first.
    pub(super) planned: Planned,
}

/// What holds for frames from now on.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    pub(super) options: LinkOptions,
    pub(super) down: bool,
    pub(super) policy: Option<Arc<Placed>>,
    pub(super) capture: Option<Arc<Captures>>,
}

impl Rules {
    /// Takes policy and recording away, and gives them back.
    pub(super) fn take(&mut self) -> Self {
        Self { policy: self.policy.take(), capture: self.capture.take(), ..Self::default() }
    }
}

impl Lane {
    pub(super) fn rules(&self) -> MutexGuard<'_, Rules> {
        lock(&self.rules)
    }
}

/// A host's ingress.
#[derive(Debug, Default)]
pub(super) struct IngressState {
    pub(super) counters: Counters,
    pub(super) rules: Mutex<Rules>,
    /// What the host is called, once it has a link.
    pub(super) name: Mutex<Option<Arc<str>>>,
    /// Whether there is a policy or a recording: most have neither, and a look at this is all they cost.
    watched: AtomicBool,
}

impl IngressState {
    pub(super) fn rules(&self) -> MutexGuard<'_, Rules> {
        lock(&self.rules)
    }

    /// What holds at the ingress; `None` if there is no policy and nothing records.
    pub(super) fn watched(&self) -> Option<Rules> {
        self.watched.load(Ordering::Relaxed).then(|| self.rules().clone())
    }

    /// Opens it for good, without a recording; what held until then.
    pub(super) fn take(&self) -> Rules {
        let rules = self.rules().take();
        self.note_rules();
        rules
    }

    fn note_rules(&self) {
        let rules = self.rules();
        self.watched.store(rules.policy.is_some() || rules.capture.is_some(), Ordering::Relaxed);
    }

    fn site(&self) -> Site {
        Site::Ingress(lock(&self.name).clone().unwrap_or_else(|| "a host without links".into()))
    }
}

/// A link between two hosts. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Link {
    pub(super) lanes: [Arc<Lane>; 2],
    pub(super) shared: Arc<RelayShared>,
}

impl Link {
    /// What it is called.
    pub fn name(&self) -> &str {
        &self.lanes[0].way.link
    }

    /// Has a policy, called `name`, decide about each frame that comes onto the link from now on; one for both directions
    /// sees both.
    pub fn set_policy(&self, direction: Direction, policy: AttachedPolicy, name: String) {
        let site = self.site(direction);
        let placed = Placed::new(policy, site.clone(), &name);
        // First: the account keeps only the counts of a policy that is gone.
        self.change(direction, |rules| rules.policy = Some(placed.clone()));
        self.shared.session.loss_report.attach_policy(site, &placed.policy, name);
    }

    /// Where a policy for this direction is at work.
    pub fn site(&self, direction: Direction) -> Site {
        match direction {
            Direction::Both => Site::Link(self.lanes[0].way.link.clone()),
            Direction::From(from) => self.lanes[from].site.clone(),
        }
    }

    /// How it carries frames from the first host, or from the second.
    pub fn options(&self, from: usize) -> LinkOptions {
        self.lanes[from].rules().options
    }

    /// Has it carry frames otherwise from now on; those on their way arrive as they would have.
    ///
    /// # Errors
    /// `invalid`: a duration is negative, or the rate 0.
    pub fn set_options(&self, direction: Direction, options: LinkOptions) -> Result<()> {
        options.check()?;
        self.change(direction, |rules| rules.options = options);
        Ok(())
    }

    /// Takes it up, or down: then every frame is lost, those on their way included.
    pub fn set_up(&self, up: bool) {
        self.change(Direction::Both, |rules| rules.down = !up);
    }

    /// Whether it is up.
    pub fn is_up(&self) -> bool {
        !self.lanes[0].rules().down
    }

    /// What the policy is called that decides about frames from the first host, or from the second.
    pub fn policy(&self, from: usize) -> Option<String> {
        self.lanes[from].rules().policy.as_ref().map(|placed| placed.name.clone())
    }

    /// The hosts that it joins.
    pub fn hosts(&self) -> [HostId; 2] {
        [self.lanes[0].way.from_id, self.lanes[0].way.to_id]
    }

    /// What it counted of the frames from the first host, or from the second.
    pub fn counts(&self, from: usize) -> FrameCounts {
        self.lanes[from].counters.read()
    }

    /// What became of each frame that came onto it, and when the first frame of its lab came onto a link; `None`: that is not
    /// [kept](crate::net::socket::session::Session::keeps_fates).
    pub fn fates(&self) -> Option<(Vec<FrameRow>, i64)> {
        self.shared.notes.fates(self.name())
    }

    /// Records each frame that comes onto it from now on in a file, as it goes on, or as it came if it is lost, with a
    /// comment where something happened to it. Other files it is recorded in go on. A file that exists is emptied if
    /// `overwrite` says so.
    ///
    /// # Errors
    /// `file`: it cannot be made, or exists.
    pub fn capture(&self, file: &str, overwrite: bool) -> Result<()> {
        let capture = self.shared.capture(file, overwrite)?;
        self.change(Direction::Both, |rules| {
            rules.capture = Some(Captures::with(rules.capture.take(), capture.clone()));
        });
        Ok(())
    }

    fn change(&self, direction: Direction, change: impl Fn(&mut Rules)) {
        let before: Vec<Rules> = direction
            .sides()
            .map(|side| {
                let mut rules = self.lanes[side].rules();
                let before = rules.clone();
                change(&mut rules);
                before
            })
            .collect();
        // Not under the lock: a policy that goes may hold on to this link.
        drop(before);
    }
}

impl LinkOptions {
    /// Checks that a link can be so.
    ///
    /// # Errors
    /// `invalid`: a duration is negative, or the rate 0.
    pub fn check(&self) -> Result<()> {
        if self.delay.is_negative() || self.jitter.is_negative() {
            return Err(Error::invalid("link", "a delay cannot be negative"));
        }
        if self.rate == Some(0) {
            let hint = "take the link down if nothing is to come through";
            return Err(Error::invalid("link", "a rate of 0 carries nothing").with_hint(hint));
        }
        Ok(())
    }
}

/// A host's ingress: what comes in by any of its links passes it. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Ingress {
    pub(super) state: Arc<IngressState>,
    pub(super) shared: Arc<RelayShared>,
}

impl Ingress {
    /// Has a policy, called `name`, decide about each frame that comes to the host from now on.
    pub fn set_policy(&self, policy: AttachedPolicy, name: String) {
        let site = self.site();
        let placed = Placed::new(policy, site.clone(), &name);
        let before = self.state.rules().policy.replace(placed.clone());
        drop(before);
        self.state.note_rules();
        self.shared.session.loss_report.attach_policy(site, &placed.policy, name);
    }

    /// Where its policy is at work.
    pub fn site(&self) -> Site {
        self.state.site()
    }

    /// What its policy is called.
    pub fn policy(&self) -> Option<String> {
        self.state.rules().policy.as_ref().map(|placed| placed.name.clone())
    }

    /// What it counted of the frames that came to it.
    pub fn counts(&self) -> FrameCounts {
        self.state.counters.read()
    }

    /// Records each frame that the host sends or is to receive from now on in a file, with a comment where its ingress's
    /// policy did something.
    ///
    /// # Errors
    /// `file`: it cannot be made.
    pub fn capture(&self, file: &str, overwrite: bool) -> Result<()> {
        let capture = self.shared.capture(file, overwrite)?;
        let mut rules = self.state.rules();
        rules.capture = Some(Captures::with(rules.capture.take(), capture));
        drop(rules);
        self.state.note_rules();
        Ok(())
    }
}

pub(super) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
