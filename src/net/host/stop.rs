//! Stopping: the tree of stops, and the wake-up that ends every wait.
//!
//! A [`Stop`] belongs to something that can be ended: the process, a script, a prompt's entry, a task. Stopping
//! one stops all beneath it. A stop has two stages: *interrupted*, at which every wait returns at once and
//! loops over natives end, so that a script's last lines still run; and *terminated*, which ends the script
//! itself and which it cannot catch.
//!
//! A wait on sockets polls the stop's descriptor beside them ([`Stop::wake_fd`]); a wait for another thread
//! registers with [`Stop::subscribe`]; a call that blocks by itself is marked with [`Stop::blocking`]. Tasks share the
//! descriptor of what they belong to, so that a thread costs none of its own.

#[cfg(feature = "kernel")]
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::blocking::{BlockingCall, InCall};
use super::environment::process;
use super::notify::Notify;
use crate::net::sys;

mod grace;

pub use self::grace::{GRACE, Grace, ready, terminate_later};

/// How often anything was stopped so far: as long as that is the same, no stop has gone further.
#[cfg(feature = "sim")]
pub(in crate::net) fn count() -> u64 {
    process().stops.load(Ordering::SeqCst)
}

/// Why something was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// SIGINT, or Ctrl-C at the prompt.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal has gone.
    HangUp,
    /// What it belonged to ended, or a script ended it.
    Ended,
}

/// How far a stop has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Nothing was stopped.
    Running,
    /// Waits return at once, loops over natives end.
    Interrupted,
    /// Everything ends, uncatchably.
    Terminated,
}

/// [`Stage::Interrupted`] as a number; 0 is [`Stage::Running`].
const INTERRUPTED: u8 = 1;
/// [`Stage::Terminated`] as a number.
const TERMINATED: u8 = 2;

/// A place in the tree of stops; clones are the same place.
#[derive(Clone, Debug)]
pub struct Stop(Arc<StopNode>);

#[derive(Debug)]
struct StopNode {
    stage: AtomicU8,
    reason: AtomicU8,
    wake: Arc<Wake>,
    /// What this is beneath. Held, so that what stops the top still reaches this one when those between have ended.
    parent: Mutex<Option<Arc<StopNode>>>,
    /// The node that `wake` belongs to, where it is not this one.
    owner: Option<Arc<StopNode>>,
    /// Whether a thread of this node is in a wait on `wake`.
    waiting: AtomicBool,
    /// Where a thread of this node sits that is in a blocking call.
    blocking_call: BlockingCall,
    children: Mutex<Vec<Weak<StopNode>>>,
    parked: Mutex<Vec<Weak<Notify>>>,
}

/// A descriptor that ends waits.
#[derive(Debug)]
struct Wake {
    fd: sys::EventFd,
    /// Held while the descriptor is raised for one of those who share it: the one that lowers it would otherwise take the
    /// signal of another with it.
    kicking: Mutex<()>,
}

impl Wake {
    fn new() -> std::io::Result<Arc<Self>> {
        Ok(Arc::new(Self { fd: sys::eventfd()?, kicking: Mutex::default() }))
    }
}

impl Stop {
    /// A new root.
    ///
    /// # Errors
    /// The system has no descriptor left (eventfd(2)).
    pub fn root() -> std::io::Result<Self> {
        Ok(Self(StopNode::new(Wake::new()?, None, None)))
    }

    /// A stop beneath this one with a wake-up of its own: a script, a prompt's entry.
    ///
    /// # Errors
    /// The system has no descriptor left (eventfd(2)).
    pub fn child(&self) -> std::io::Result<Self> {
        self.0.shorten();
        let node = StopNode::new(Wake::new()?, None, Some(self.0.clone()));
        self.0.adopt(&node);
        Ok(Self(node))
    }

    /// A stop beneath this one that shares its wake-up: a thread.
    pub fn task(&self) -> Self {
        self.0.shorten();
        let owner = self.0.owner.as_ref().unwrap_or(&self.0).clone();
        let node = StopNode::new(self.0.wake.clone(), Some(owner), Some(self.0.clone()));
        self.0.adopt(&node);
        Self(node)
    }

    /// How far the stop has gone.
    pub fn stage(&self) -> Stage {
        self.0.stage()
    }

    /// Whether waits are to return at once.
    pub fn is_stopped(&self) -> bool {
        self.stage() != Stage::Running
    }

    /// Why it was stopped; `None` while it runs.
    pub fn reason(&self) -> Option<Reason> {
        match self.0.reason.load(Ordering::SeqCst) {
            1 => Some(Reason::Interrupt),
            2 => Some(Reason::Terminate),
            3 => Some(Reason::Ended),
            4 => Some(Reason::HangUp),
            _ => None,
        }
    }

    /// First stage: every wait here and beneath returns at once. Returns false if it was stopped before.
    pub fn interrupt(&self, reason: Reason) -> bool {
        let code = code_of(reason);
        if self.0.reason.compare_exchange(0, code, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            return false;
        }
        self.0.advance(INTERRUPTED, code);
        true
    }

    /// Second stage: everything here and beneath ends.
    pub fn terminate(&self, reason: Reason) {
        self.0.advance(TERMINATED, code_of(reason));
    }

    /// Marks a wait on [`Self::wake_fd`]; to be held from before the last check of the stage until the wait
    /// has returned.
    pub fn waiting(&self) -> StopWaiting<'_> {
        self.0.waiting.store(true, Ordering::SeqCst);
        StopWaiting(&self.0)
    }

    /// Marks a call that blocks by itself, which the stop then ends (EINTR); to be held until it has returned. `None`: it
    /// has happened already, or another thread of this place is in such a call.
    pub fn blocking(&self) -> Option<InCall<'_>> {
        self.0.blocking_call.take().filter(|_| !self.is_stopped())
    }

    /// A descriptor that is readable once the stop has happened.
    #[cfg(feature = "kernel")]
    pub fn wake_fd(&self) -> BorrowedFd<'_> {
        self.0.wake.fd.as_fd()
    }

    /// Has those woken that wait on `notify` when the stop happens, for as long as `notify` lives.
    pub fn subscribe(&self, notify: &Arc<Notify>) {
        let mut parked = lock(&self.0.parked);
        parked.retain(|known| known.strong_count() > 0);
        if !parked.iter().any(|known| known.as_ptr() == Arc::as_ptr(notify)) {
            parked.push(Arc::downgrade(notify));
        }
    }
}

/// See [`Stop::waiting`].
#[derive(Debug)]
pub struct StopWaiting<'a>(&'a StopNode);

impl Drop for StopWaiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.store(false, Ordering::SeqCst);
    }
}

impl StopNode {
    fn new(wake: Arc<Wake>, owner: Option<Arc<Self>>, parent: Option<Arc<Self>>) -> Arc<Self> {
        Arc::new(Self {
            stage: AtomicU8::new(0),
            reason: AtomicU8::new(0),
            wake,
            parent: Mutex::new(parent),
            owner,
            waiting: AtomicBool::new(false),
            blocking_call: BlockingCall::default(),
            children: Mutex::default(),
            parked: Mutex::default(),
        })
    }

    fn stage(&self) -> Stage {
        // In one order with `waiting`, or a wait and a stop at the same moment could each miss the other.
        match self.stage.load(Ordering::SeqCst) {
            0 => Stage::Running,
            INTERRUPTED => Stage::Interrupted,
            _ => Stage::Terminated,
        }
    }

    fn adopt(&self, node: &Arc<Self>) {
        let mut children = lock(&self.children);
        // Only when the list would grow, so that one more costs the same however many there are.
        if children.len() == children.capacity() {
            children.retain(|child| child.strong_count() > 0);
        }
        children.push(Arc::downgrade(node));
        drop(children);
        // The parent may have been stopped between the caller's check and now.
        let stage = self.stage.load(Ordering::SeqCst);
        if stage > 0 {
            node.advance(stage, self.reason.load(Ordering::SeqCst));
        }
    }

    /// Leaves out the ended threads above that no one but this one holds: where each thread starts the next and ends, the
    /// tree would grow for ever.
    fn shorten(self: &Arc<Self>) {
        let mut parent = lock(&self.parent);
        while let Some(above) = parent.as_ref().filter(|above| above.owner.is_some() && Arc::strong_count(above) == 1) {
            let Some(next) = lock(&above.parent).clone() else { return };
            next.adopt(self);
            *parent = Some(next);
        }
    }

    /// Brings this and all beneath to `stage`; without recursion, since the tree can be deeper than the stack.
    ///
    /// All are marked before any is woken: a thread that is woken with others and finds itself unmarked would wait again, be
    /// woken again, and so take the processor from the thread that is to mark it.
    fn advance(&self, stage: u8, reason: u8) {
        let mut beneath = self.mark(stage, reason);
        let mut at = 0;
        while let Some(node) = beneath.get(at).cloned() {
            beneath.extend(node.mark(stage, reason));
            at += 1;
        }
        // Those in calls are all called away before any of them is waited for: thousands would else leave one by one.
        self.blocking_call.call();
        for node in &beneath {
            node.blocking_call.call();
        }
        self.wake_up();
        beneath.iter().for_each(|node| node.wake_up());
    }

    /// Brings this to `stage`; what is right beneath.
    fn mark(&self, stage: u8, reason: u8) -> Vec<Arc<Self>> {
        let _ = self.reason.compare_exchange(0, reason, Ordering::SeqCst, Ordering::SeqCst);
        self.stage.fetch_max(stage, Ordering::SeqCst);
        process().stops.fetch_add(1, Ordering::SeqCst);
        lock(&self.children).iter().filter_map(Weak::upgrade).collect()
    }

    /// Ends the waits of this.
    fn wake_up(&self) {
        match &self.owner {
            None => sys::eventfd_raise(&self.wake.fd),
            // Where the owner has been stopped, its signal stays, and wakes all who share it.
            Some(owner) if owner.stage() != Stage::Running => sys::eventfd_raise(&self.wake.fd),
            Some(owner) => self.kick(owner),
        }
        self.blocking_call.clear();
        let parked: Vec<_> = lock(&self.parked).iter().filter_map(Weak::upgrade).collect();
        parked.iter().for_each(|parked| parked.notify());
    }

    /// Wakes this node's own wait through a descriptor that others wait on too: the descriptor is raised until
    /// the wait has seen it, then lowered again. Others wake, find that they are not meant, and wait on.
    fn kick(&self, owner: &Self) {
        if !self.waiting.load(Ordering::SeqCst) {
            return;
        }
        let _alone = lock(&self.wake.kicking);
        let fd = &self.wake.fd;
        sys::eventfd_raise(fd);
        while self.waiting.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        sys::eventfd_lower(fd);
        // The owner may have been stopped meanwhile, and its signal must stay.
        if owner.stage() != Stage::Running {
            sys::eventfd_raise(fd);
        }
    }
}

impl Drop for StopNode {
    fn drop(&mut self) {
        // One after the other: each would otherwise drop its parent within its own drop, as deep as the tree is.
        let mut next = lock(&self.parent).take();
        while let Some(node) = next {
            next = Arc::into_inner(node).and_then(|node| lock(&node.parent).take());
        }
    }
}

fn code_of(reason: Reason) -> u8 {
    match reason {
        Reason::Interrupt => 1,
        Reason::Terminate => 2,
        Reason::Ended => 3,
        Reason::HangUp => 4,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
