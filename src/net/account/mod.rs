//! The account of a run: what every pinger lost, put against what every policy did.
//!
//! Pingers enter each probe that timed out, servers and links each verdict that can lose a packet; both by the hosts and
//! ports of both ends and the message. Where both ends or the way are ours, each loss is traced to its verdict. The
//! records are rings: the oldest give way, and the counts beside them stay exact.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::causes::Causes;
pub use self::ends::Ends;
use self::ends::{Hosts, Key};
use self::folded::{Judges, Server, Servers};
pub use self::kernel::{KERNEL_CAUSES, kernel_counts};
use self::pingers::Pingers;
pub use self::pingers::{Pinging, Settled};
use self::report::name;
pub use self::report::{Drops, Explanation, PolicyReport};
use super::host::HostId;
use super::judge::{Judge, Judged};
use super::ledger::{Content, Counts};
use super::subject::Site;
use super::time::{Duration, Instant};
use super::udp::{UdpSocket, WeakSocket};

mod causes;
mod ends;
mod folded;
mod kernel;
mod pingers;
mod report;

/// How many losses, and how many verdicts, are remembered one by one.
pub const REMEMBERED: usize = 65_536;

/// Why a serving socket did not answer a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// It came from the socket itself.
    Own,
    /// It came from a port whose service answers answers.
    Chatty,
    /// It is the socket's own last answer, sent back by another serving socket of the run.
    Answer,
}

/// What is said of datagrams that were ignored, in the order of [`Ignored`].
const IGNORED: [&str; 3] = [
    "from the server itself",
    "from ports 7, 13, 17 and 19, whose services answer answers",
    "its own answer sent back",
];

/// The account of a run.
#[derive(Debug, Default)]
pub struct Account {
    /// Datagrams that serving sockets did not answer, by reason.
    ignored: [AtomicU64; IGNORED.len()],
    /// How many sockets answer datagrams.
    serving: AtomicUsize,
    inner: Mutex<Inner>,
    /// How many of the losses have no cause yet: usually none, and then servers are spared the lock.
    open: AtomicUsize,
    /// Whether any verdict or loss on the way was ever noted: usually none, and then pingers are spared the lock.
    has_causes: AtomicBool,
}

#[derive(Debug, Default)]
struct Inner {
    /// Every socket; those that are gone are taken out when the list has doubled.
    sockets: Vec<WeakSocket>,
    /// How many there were when that was last done.
    looked_through: usize,
    hosts: Hosts,
    servers: Servers,
    judges: Judges,
    causes: Causes,
    /// Delayed answers that could not be kept until they were due, by whom they were for.
    not_kept: HashMap<(HostId, u16), u64>,
    /// What links lost because frames came faster than they were carried.
    overruns: BTreeMap<Arc<str>, u64>,
    /// What the kernels of lab hosts lost or did not send, by places in [`KERNEL_CAUSES`].
    kernels: BTreeMap<(HostId, usize), u64>,
    losses: VecDeque<Loss>,
    /// Those of the losses for which there was no cause when they were noted, and no answer since.
    open: HashSet<Key>,
    pingers: Pingers,
    probes: Counts,
    clock: Option<&'static str>,
    last_rtt: Option<Duration>,
}

#[derive(Clone, Debug)]
struct Loss {
    /// The place of its pinger.
    pinger: usize,
    number: u64,
    key: Key,
    sent: Instant,
    late: bool,
}

impl Account {
    /// Notes that `host`, called `name`, of the lab with this number has the addresses `addrs`, besides those that it is
    /// known to have. What leads to them is told apart by host from then on.
    pub fn has_host(&self, lab: u32, host: HostId, name: &str, addrs: &[IpAddr]) {
        self.lock().hosts.add(lab, host, name, addrs);
    }

    /// The host that `addr` leads to from the host `at`: itself for loopback, this machine for what no lab has.
    pub fn owner_of(&self, at: HostId, addr: IpAddr) -> HostId {
        self.lock().hosts.owner(at, addr)
    }

    /// Notes that a socket of this process, bound to `addr` in `host`, answers datagrams.
    pub fn serves(&self, host: HostId, addr: SocketAddr, socket: WeakSocket) {
        self.lock().servers.add((host, addr), socket);
        self.serving.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether several sockets of this process have answered datagrams, so that they might answer each other.
    pub(super) fn has_servers(&self) -> bool {
        self.serving.load(Ordering::Relaxed) > 1
    }

    /// Whether a socket of this process answers datagrams that `at` sends to `addr`.
    pub(super) fn is_server(&self, at: HostId, addr: SocketAddr) -> bool {
        let inner = self.lock();
        inner.servers.knows(inner.hosts.owner(at, addr.ip()), addr)
    }

    /// Notes that a serving socket did not answer a datagram.
    pub(super) fn ignored(&self, why: Ignored) {
        self.ignored[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many datagrams serving sockets did not answer.
    pub fn ignored_count(&self) -> u64 {
        self.ignored.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// The same in words, a line for each reason.
    pub fn ignored_lines(&self) -> Vec<String> {
        let counts = self.ignored.iter().map(|count| count.load(Ordering::Relaxed)).zip(IGNORED);
        let counts = counts.filter(|(count, _)| *count > 0);
        counts
            .map(|(count, why)| {
                format!("ignored {count} datagrams so that servers do not answer each other for ever: {why}")
            })
            .collect()
    }

    /// Notes that a listener of this process, bound to `addr` in `host`, has connections that answer.
    pub fn serves_streams(&self, host: HostId, addr: SocketAddr) {
        self.lock().servers.at((host, addr)).streams = true;
    }

    /// Notes that a policy decides about packets at `site`.
    pub fn judges(&self, site: Site, judge: &Judge, name: String) {
        self.lock().judges.add(site, judge, name);
    }

    /// What each policy did; those that saw no packet are left out.
    pub fn policies(&self) -> Vec<PolicyReport> {
        let inner = self.lock();
        inner.judges.reports(&inner.hosts)
    }

    /// Notes that a socket of this process was opened.
    pub(super) fn opened(&self, socket: WeakSocket) {
        let inner = &mut *self.lock();
        if inner.sockets.len() >= 2 * inner.looked_through.max(32) {
            inner.sockets.retain(WeakSocket::is_held);
            inner.looked_through = inner.sockets.len();
        }
        inner.sockets.push(socket);
    }

    /// The sockets of this process that are still held.
    pub(super) fn sockets(&self) -> Vec<UdpSocket> {
        let sockets = self.lock().sockets.clone();
        sockets.iter().filter_map(WeakSocket::upgrade).collect()
    }

    /// Notes how many datagrams the kernel has dropped at the socket bound to `addr` in `host`, which is being closed.
    pub fn kernel_drops(&self, host: HostId, addr: SocketAddr, drops: u64) {
        self.lock().servers.at((host, addr)).drops += drops;
    }

    /// Notes at `at`, before it is carried out, what a policy decided about a packet with this content.
    pub fn judged(&self, at: Instant, ends: Ends, content: Content, judged: &Judged, site: &Site) {
        self.has_causes.store(true, Ordering::SeqCst);
        let inner = &mut *self.lock();
        inner.causes.enter(inner.hosts.key(ends, content), at, judged, site);
    }

    /// Notes at `at` that a packet with this content was lost at `site` for a reason that is no policy's.
    pub fn lost_at(&self, at: Instant, ends: Ends, content: Content, why: &'static str, site: &Site) {
        self.has_causes.store(true, Ordering::SeqCst);
        let inner = &mut *self.lock();
        inner.causes.lost(inner.hosts.key(ends, content), at, why, site);
    }

    /// Notes that a link joins two hosts.
    pub fn has_link(&self, link: &Arc<str>, one: HostId, other: HostId) {
        self.lock().hosts.link(link, one, other);
    }

    /// Notes that the kernel has lost so many more frames before they came onto the link called `link`.
    pub fn overrun(&self, link: &Arc<str>, lost: u64) {
        *self.lock().overruns.entry(link.clone()).or_default() += lost;
    }

    /// Notes what the kernel of a lab's host has counted by its end, as [`kernel_counts`] gives it.
    pub fn kernel_counted(&self, host: HostId, counts: &[(usize, u64)]) {
        self.lock().kernels.extend(counts.iter().map(|&(place, count)| ((host, place), count)));
    }

    /// Notes that the packet just delayed could not be kept until it was due.
    pub fn not_kept(&self, ends: Ends, content: Content) {
        let inner = &mut *self.lock();
        let key = inner.hosts.key(ends, content);
        *inner.not_kept.entry(key.sender()).or_default() += 1;
        inner.causes.not_kept(&key);
    }

    /// Notes that the probe sent at `sent` was answered in time.
    pub fn answered(&self, ends: Ends, message: &[u8], sent: Instant) {
        if !self.has_causes.load(Ordering::SeqCst) {
            return;
        }
        let inner = &mut *self.lock();
        if !inner.causes.is_empty() {
            inner.causes.answered(&inner.hosts.key(ends, Content::of(message)), sent);
        }
    }

    /// Notes how the probe with this running number of its socket was settled.
    pub fn settled(&self, pinging: &Pinging, running: u64, how: Settled) {
        self.lock().pingers.settle(pinging, running, how);
    }

    /// Notes that probe `number`, sent at `sent`, timed out; `late`: its answer came, but too late.
    pub fn lost(&self, pinging: &Pinging, number: u64, content: Content, sent: Instant, late: bool) {
        let inner = &mut *self.lock();
        let (key, server) = (inner.hosts.key(pinging.ends, content), pinging.ends.to());
        let host = key.server();
        // The ways of a lab are ours, whoever answers there, and if nobody does.
        let is_ours = host != HostId::default() || inner.hosts.know(pinging.ends.at());
        if !is_ours && !inner.servers.knows(host, server) {
            return;
        }
        let pinger = inner.pingers.place(pinging);
        inner.losses.push_back(Loss { pinger, number, key, sent, late });
        if !late && !inner.causes.know(&key) {
            inner.open.insert(key);
        }
        if inner.losses.len() > REMEMBERED
            && let Some(oldest) = inner.losses.pop_front()
        {
            inner.open.remove(&oldest.key);
            inner.pingers.forget(oldest.pinger);
        }
        self.open.store(inner.open.len(), Ordering::SeqCst);
    }

    /// Notes that an answer came for a probe that had timed out.
    pub fn late(&self, ends: Ends, content: Content) {
        let inner = &mut *self.lock();
        let key = inner.hosts.key(ends, content);
        if let Some(loss) = inner.losses.iter_mut().rev().find(|loss| loss.key == key) {
            loss.late = true;
        }
        inner.open.remove(&key);
        self.open.store(inner.open.len(), Ordering::SeqCst);
    }

    /// Notes that a server of this process has just sent an answer. Whoever asked may have given up, and be gone.
    pub(super) fn gave_answer(&self, ends: Ends, request: impl FnOnce() -> Content) {
        // After it was sent: an answer to a probe that is given up from now on waits in its socket.
        if self.open.load(Ordering::SeqCst) == 0 {
            return;
        }
        let content = request();
        let is_open = {
            let inner = self.lock();
            inner.open.contains(&inner.hosts.key(ends, content))
        };
        if is_open {
            self.late(ends, content);
        }
    }

    /// Notes at `at` that a packet with this content waits at `site` for a server that has ended.
    pub(super) fn unread(&self, at: Instant, ends: Ends, content: Content, site: &Site) {
        self.has_causes.store(true, Ordering::SeqCst);
        let inner = &mut *self.lock();
        inner.causes.unread(inner.hosts.key(ends, content), at, site);
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

    /// The counts of all sockets of the run.
    pub fn probes(&self) -> Counts {
        self.lock().probes
    }

    /// The counts of all pings that are reported: traces and the like are left out.
    pub fn reported(&self) -> Counts {
        self.lock().pingers.counts()
    }

    /// Why each pinger's probes were lost; nothing where none is settled, or no socket of this process answers and there is no
    /// lab.
    pub fn explain(&self) -> Vec<Explanation> {
        let drops = self.drops_of_hosts();
        let inner = self.lock();
        if inner.servers.list().is_empty() && inner.hosts.is_empty() {
            return Vec::new();
        }
        let causes = inner.explained(drops);
        let groups = inner.pingers.groups(&inner.hosts);
        groups.into_iter().map(|group| inner.explanation(group, &causes)).collect()
    }

    /// How many datagrams the kernel has dropped at each socket that answers because its receive buffer was full.
    pub fn drops(&self) -> Vec<Drops> {
        self.drops_of_hosts().into_iter().map(|(_, drops)| drops).collect()
    }

    fn drops_of_hosts(&self) -> Vec<(HostId, Drops)> {
        let servers: Vec<(Server, Option<String>)> = {
            let inner = self.lock();
            let named = |server: &Server| (server.clone(), inner.hosts.name(server.host));
            inner.servers.list().iter().filter(|server| !server.streams).map(named).collect()
        };
        // Not under the lock: a socket whose last holder is here leaves its count with the account.
        let count = |socket: &WeakSocket| socket.upgrade().and_then(|socket| socket.kernel_drops().ok()).unwrap_or(0);
        let all = |(server, host): (Server, _)| {
            let count = server.drops + server.open.iter().map(count).sum::<u64>();
            (server.host, Drops { at: server.addr, host, count })
        };
        servers.into_iter().map(all).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The cause of each loss and what names the loss with it; `None`: it is not known.
    fn explained(&self, drops: Vec<(HostId, Drops)>) -> Vec<Option<(String, String)>> {
        let of_verdict = |(loss, verdict): (&Loss, Option<&causes::Cause>)| match verdict {
            Some(verdict) => Some((verdict.to_string(), name(loss.number, &verdict.draws))),
            None if loss.late => Some(("answered, but too late".to_string(), loss.number.to_string())),
            // The ping was sent in a lab, or it would not be here.
            None if loss.key.server() == HostId::default() && self.hosts.know(loss.key.sender().0) => {
                Some(("no host of the lab has this address".to_string(), loss.number.to_string()))
            }
            None => None,
        };
        let mut found: Vec<_> = self.losses.iter().zip(self.causes.of(&self.losses)).map(of_verdict).collect();
        let mut attribute = |count: u64, cause: String, fits: &dyn Fn(&Loss) -> bool| {
            let open = found.iter_mut().zip(&self.losses).filter(|(known, loss)| known.is_none() && fits(loss));
            for (known, loss) in open.take(usize::try_from(count).unwrap_or(usize::MAX)) {
                *known = Some((cause.clone(), loss.number.to_string()));
            }
        };
        // The kernel does not say which datagrams it dropped, only how many at which socket: as many of those that were sent
        // there are its.
        for (host_id, Drops { at, host, count }) in drops {
            let place = host.map_or(String::new(), |host| format!(" in {host}"));
            let cause = format!("lost in the full receive buffer of {at}{place} (the kernel counted {count})");
            attribute(count, cause, &|loss| loss.key.server() == host_id && loss.key.port() == at.port());
        }
        for (link, lost) in &self.overruns {
            let cause = format!("came faster than {link} carries (the kernel counted {lost})");
            attribute(*lost, cause, &|loss| self.hosts.passes(loss.key.sender().0, loss.key.server(), link));
        }
        for (&(host, place), count) in &self.kernels {
            let Some(cause) = KERNEL_CAUSES.get(place) else { continue };
            let name = self.hosts.name(host).unwrap_or_default();
            let words = format!("{} {name} (its kernel counted {} {count})", cause.words, cause.name);
            attribute(*count, words, &|loss| {
                let (from, to) = (loss.key.sender().0, loss.key.server());
                let is_there =
                    from == host || to == host || (cause.on_the_way && self.hosts.is_between(from, to, host));
                let to = self.pingers.get(loss.pinger).pinging.ends.to();
                is_there && cause.is_of(to.is_ipv6())
            });
        }
        found
    }

    /// What is said of a group of pingers.
    fn explanation(&self, group: pingers::Group, found: &[Option<(String, String)>]) -> Explanation {
        let pingers::Group { title, members } = group;
        let own = self.losses.iter().zip(found).filter(|(loss, _)| members.contains(&loss.pinger));
        let mut causes: Vec<(String, Vec<String>)> = Vec::new();
        let (mut unexplained, mut ours) = (Vec::new(), 0);
        for (loss, cause) in own {
            ours += 1;
            let Some((cause, named)) = cause else {
                unexplained.push(loss.number);
                continue;
            };
            match causes.iter_mut().find(|(known, _)| known == cause) {
                Some((_, list)) => list.push(named.clone()),
                None => causes.push((cause.clone(), vec![named.clone()])),
            }
        }
        let one = |place: &usize| self.pingers.get(*place);
        let forgotten = members.iter().map(|place| one(place).forgotten).sum();
        let mut ends: Vec<_> =
            members.iter().map(|place| one(place).pinging.ends).map(|ends| (ends.at(), ends.from().port())).collect();
        ends.sort_unstable();
        ends.dedup();
        let not_kept = ends.iter().filter_map(|end| self.not_kept.get(end)).sum();
        let (probes, pingers) = (self.pingers.counts_of(&members), members.len());
        Explanation { title, pingers, probes, causes, ours: ours + forgotten, forgotten, not_kept, unexplained }
    }
}

#[cfg(test)]
mod tests;
