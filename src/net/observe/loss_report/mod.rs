//! The account of a run: what every pinger lost, put against what every policy did.
//!
//! Pingers enter each probe that timed out, servers and links each verdict that can lose a packet; both by the hosts and
//! ports of both ends and the message. Where both ends or the way are ours, each loss is traced to its verdict. The
//! records are rings: the oldest are dropped, and the counts beside them stay exact.

use std::collections::{HashSet, VecDeque};
use std::fmt::Debug;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use self::causes::Causes;
pub use self::causes::Incident;
use self::counting::Damaged;
pub use self::ends::Ends;
#[cfg(feature = "sim")]
pub(in crate::net) use self::ends::STREAM;
use self::ends::{EndsKey, Hosts};
use self::folded::{AttachedPolicies, Servers};
pub use self::kernel::{KERNEL_CAUSES, UNANSWERED, kernel_cause, kernel_counts};
use self::losses::Loss;
pub use self::losses::PingError;
use self::pingers::Pingers;
pub use self::pingers::{PingerRun, Settled};
pub use self::report::{Drops, Explanation, LossCause, PolicyReport};
pub(in crate::net) use self::rises::CountReading;
use self::rises::{Counter, Rises};
use crate::net::host::id::HostId;
use crate::net::policy::attached::AttachedPolicy;
use crate::net::policy::input::Site;
use crate::net::probe::ledger::Counts;
use crate::net::time::{Duration, Instant};
use crate::net::wire::Family;
use crate::net::wire::content::Content;
use crate::net::wire::prefix::Prefix;

mod attribution;
mod causes;
mod choosing;
mod counting;
mod ends;
mod explain;
mod folded;
mod kernel;
mod losses;
mod pingers;
mod report;
mod rises;
mod streams;

/// How many losses, and how many verdicts, are remembered one by one.
pub const REMEMBERED: usize = 65_536;

/// A route of a lab's host by which packets vanish.
#[derive(Clone, Copy, Debug)]
pub struct BlackHole {
    /// The host.
    pub host: HostId,
    /// Where to.
    pub to: Prefix,
    /// Since when.
    pub since: Instant,
    /// Until when; `None`: it is there.
    pub until: Option<Instant>,
}

/// Why a serving socket did not reply to a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// It came from the socket itself.
    Own,
    /// It came from a port whose service replies to replies.
    Chatty,
    /// It is the socket's own last reply, sent back by another serving socket of the run.
    OwnReply,
}

/// What is said of datagrams that were ignored, in the order of [`Ignored`].
const IGNORED: [&str; 3] = [
    "from the server itself",
    "from ports 7, 13, 17 and 19, whose services reply to replies",
    "its own reply sent back",
];

/// A socket at which the kernel drops what does not fit.
pub(in crate::net) trait Dropping: Debug + Send + Sync {
    /// How many datagrams it has dropped there; 0 once the socket is closed.
    fn drops(&self) -> u64;
}

/// The account of a run.
#[derive(Debug, Default)]
pub struct LossReport {
    /// Datagrams that serving sockets did not reply to, by reason.
    ignored: [AtomicU64; IGNORED.len()],
    /// How many sockets reply to datagrams.
    serving: AtomicUsize,
    /// Attempts to connect, and those that came to a connection.
    attempts: [AtomicU64; 2],
    inner: Mutex<Inner>,
    /// How many of the losses have no cause yet: usually none, and then servers are spared the lock.
    open: AtomicUsize,
    /// Whether any verdict or loss on the way was ever noted: usually none, and then pingers are spared the lock.
    has_causes: AtomicBool,
    /// Whether anything pings: if not, what servers receive is no ping of ours, and they are spared the lock.
    pings: AtomicBool,
    /// Whether a script was ever handed what may be a ping of ours.
    has_handed_out: AtomicBool,
}

#[derive(Debug, Default)]
struct Inner {
    hosts: Hosts,
    servers: Servers,
    policies: AttachedPolicies,
    causes: Causes,
    /// What kernels lost or did not send.
    rises: Rises,
    /// Packets that links damaged, the latest last.
    damaged: VecDeque<Damaged>,
    black_holes: Vec<BlackHole>,
    losses: VecDeque<Loss>,
    /// Those of the losses for which there was no cause when they were noted, and no reply since.
    open: HashSet<EndsKey>,
    pingers: Pingers,
    probes: Counts,
    clock: Option<&'static str>,
    last_rtt: Option<Duration>,
}

impl LossReport {
    /// Notes that `host`, called `name`, of the lab with this number has the addresses `addrs`, besides those that it is
    /// known to have. What leads to them is distinguished by host from then on.
    pub fn has_host(&self, lab: u32, host: HostId, name: &str, addrs: &[IpAddr]) {
        self.lock().hosts.add(lab, host, name, addrs);
    }

    /// Notes that a socket of this process, bound to `addr` in `host`, replies to datagrams.
    pub(in crate::net) fn serves(&self, host: HostId, addr: SocketAddr, socket: Weak<dyn Dropping>) {
        let inner = &mut *self.lock();
        inner.servers.add((host, addr), socket);
        inner.rises.begins(Counter::Buffer(host, addr));
        self.serving.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether several sockets of this process have replied to datagrams, so that they might reply to each other.
    pub(in crate::net) fn has_servers(&self) -> bool {
        self.serving.load(Ordering::Relaxed) > 1
    }

    /// Whether a socket of this process replies to datagrams that `at` sends to `addr`.
    pub(in crate::net) fn is_server(&self, at: HostId, addr: SocketAddr) -> bool {
        let inner = self.lock();
        inner.servers.knows(inner.hosts.owner(at, addr.ip()), addr)
    }

    /// Notes that a serving socket did not reply to a datagram.
    pub(in crate::net) fn ignored(&self, why: Ignored) {
        self.ignored[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many datagrams serving sockets did not reply to.
    pub fn ignored_count(&self) -> u64 {
        self.ignored.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// The same in words, a line for each reason.
    pub fn ignored_lines(&self) -> Vec<String> {
        let counts = self.ignored.iter().map(|count| count.load(Ordering::Relaxed)).zip(IGNORED);
        let counts = counts.filter(|(count, _)| *count > 0);
        counts
            .map(|(count, why)| {
                format!("ignored {count} datagrams so that servers do not reply to each other for ever: {why}")
            })
            .collect()
    }

    /// Notes that a listener of this process, bound to `addr` in `host`, has connections that reply.
    pub fn serves_streams(&self, host: HostId, addr: SocketAddr) {
        self.lock().servers.at((host, addr)).streams = true;
    }

    /// Notes that a policy decides about packets at `site`.
    pub fn attach_policy(&self, site: Site, policy: &AttachedPolicy, name: String) {
        // Asked for before: a policy that pings comes here while it decides.
        let origin = policy.origin();
        self.lock().policies.add(site, policy, name, origin);
    }

    /// What each policy did; those that saw no packet are left out.
    pub fn policies(&self) -> Vec<PolicyReport> {
        let inner = self.lock();
        inner.policies.reports(&inner.hosts)
    }

    /// Notes what happened to a packet with this content at `at`; a verdict, before it is carried out.
    pub fn note(&self, at: Instant, ends: Ends, content: Content, site: &Site, incident: Incident<'_>) {
        self.has_causes.store(true, Ordering::SeqCst);
        if matches!(incident, Incident::HandedOut) {
            self.has_handed_out.store(true, Ordering::SeqCst);
        }
        let inner = &mut *self.lock();
        let key = inner.hosts.key(ends, content);
        inner.note_damaged(key, ends, (at, site), incident);
        inner.causes.enter((key, Family::of(ends.to().ip())), at, site, incident);
    }

    /// Forgets what happened at `site` to another fragment of the datagram: what happened to this one explains more.
    pub fn forget_other_fragment(&self, ends: Ends, content: Content, site: &Site) {
        let inner = &mut *self.lock();
        inner.causes.forget_other_fragment(&inner.hosts.key(ends, content), site);
    }

    /// Notes that a link joins two hosts.
    pub fn has_link(&self, link: &Arc<str>, one: HostId, other: HostId) {
        self.lock().hosts.link(link, one, other);
    }

    /// Notes that the packet just delayed could not be kept until it was due.
    pub fn not_kept(&self, ends: Ends, content: Content) {
        let inner = &mut *self.lock();
        inner.causes.not_kept(&inner.hosts.key(ends, content));
    }

    /// Notes that the probe sent at `sent` was replied to in time.
    pub fn got_reply(&self, ends: Ends, message: &[u8], sent: Instant) {
        if !self.has_causes.load(Ordering::SeqCst) {
            return;
        }
        let inner = &mut *self.lock();
        if !inner.causes.is_empty() {
            inner.causes.got_reply(&inner.hosts.key(ends, Content::of(message)), sent);
        }
    }

    /// Notes how the probe with this running number of its socket was settled.
    pub fn settled(&self, pinging: &PingerRun, running: u64, how: Settled) {
        self.lock().pingers.settle(pinging, running, how);
    }

    /// Notes that a probe is pending and will stay so, since its socket or the run has ended.
    pub fn left_pending(&self, pinging: &PingerRun) {
        self.lock().pingers.leave_pending(pinging);
    }

    /// Notes that a probe is about to be sent: a reply to what it says is from now on one to it, and no late one to a lost
    /// probe that said the same.
    pub(in crate::net) fn begin_to_ping(&self, ends: Ends, content: impl FnOnce() -> Content) {
        if !self.pings.load(Ordering::Relaxed) {
            self.pings.store(true, Ordering::SeqCst);
        }
        if self.open.load(Ordering::SeqCst) > 0 {
            let content = content();
            let inner = &mut *self.lock();
            inner.open.remove(&inner.hosts.key(ends, content));
            self.open.store(inner.open.len(), Ordering::SeqCst);
        }
    }

    /// Whether anything has pinged.
    pub(in crate::net) fn pings(&self) -> bool {
        self.pings.load(Ordering::SeqCst)
    }

    /// Notes that a script replies to a packet with this content that it has received; `plain`: what it replies, if no policy has
    /// to do with that.
    pub(in crate::net) fn replied(&self, ends: Ends, content: impl FnOnce() -> Content, plain: Option<&[u8]>) {
        if self.has_handed_out.load(Ordering::SeqCst) {
            let content = content();
            let other = plain.map(Content::of).filter(|reply| *reply != content);
            let inner = &mut *self.lock();
            inner.causes.replied(&inner.hosts.key(ends, content), other);
        }
    }

    /// Adds what changed in a ledger's counts from `before` to `after`.
    pub fn count(&self, before: Counts, after: Counts) {
        if before != after {
            self.lock().probes += after - before;
        }
    }

    /// Notes a round-trip time and the clock by which its socket measures.
    pub fn measured_by(&self, clock: &'static str, rtt: Duration) {
        let inner = &mut *self.lock();
        inner.clock.get_or_insert(clock);
        inner.last_rtt = Some(rtt);
    }

    /// The round-trip time measured last.
    pub fn last_rtt(&self) -> Option<Duration> {
        self.lock().last_rtt
    }

    /// The clock by which round-trip times were measured, in words.
    pub fn clock(&self) -> Option<&'static str> {
        self.lock().clock
    }

    /// Counts an attempt to connect whose end is no error of the script.
    pub fn tried(&self, connected: bool) {
        self.attempts[0].fetch_add(1, Ordering::Relaxed);
        self.attempts[1].fetch_add(connected.into(), Ordering::Relaxed);
    }

    /// Whether something was asked of others, by pings or, without any, by attempts to connect, and none of it replied.
    pub fn no_reply_came(&self) -> bool {
        let probes = self.probes();
        let [tried, connected] = self.attempts.each_ref().map(|count| count.load(Ordering::Relaxed));
        if probes.sent > 0 { probes.replied == 0 } else { tried > 0 && connected == 0 }
    }

    /// The counts of all sockets of the run.
    pub fn probes(&self) -> Counts {
        self.lock().probes
    }

    /// The counts of all pings that are reported: traces and the like are left out.
    pub fn reported(&self) -> Counts {
        self.lock().pingers.counts()
    }

    /// Whether all of these are of one pinger.
    pub fn has_one_pinger(&self) -> bool {
        self.lock().pingers.are_one()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
