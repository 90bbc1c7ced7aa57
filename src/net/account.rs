//! The account of a run: what every pinger lost, put against what every policy did.
//!
//! Pingers enter each probe that timed out, servers enter each datagram a policy dropped; both by the client's port, the
//! server's address and the message. Where both ends are in this process, each loss is traced to its verdict. The
//! records are rings: the oldest give way, and the counts beside them stay exact.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::judge::Judge;
use super::ledger::{Content, Counts};
use super::stats::wilson;
use super::time::Duration;
use super::udp::{UdpSocket, WeakSocket};

/// How many losses, and how many drops, are remembered one by one.
pub const REMEMBERED: usize = 65_536;

/// How many losses the explanation names one by one.
const NAMED: usize = 12;

/// The account of a run.
#[derive(Debug, Default)]
pub struct Account(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Every socket; those that are gone are taken out when the list has doubled.
    sockets: Vec<WeakSocket>,
    /// How many there were when that was last done.
    looked_through: usize,
    servers: Vec<Server>,
    /// Policies at work: where, and under which name.
    judges: Vec<(SocketAddr, Arc<Judge>, String)>,
    drops: HashMap<Key, Dropped>,
    drops_in_order: VecDeque<Key>,
    losses: VecDeque<Loss>,
    /// Losses of probes to servers of this process that gave way to later ones.
    forgotten: u64,
    probes: Counts,
    clock: Option<&'static str>,
    last_rtt: Option<Duration>,
}

/// What a policy did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PolicyReport {
    /// What it is called.
    pub name: String,
    /// The socket whose packets it decides about.
    pub at: SocketAddr,
    /// How many packets it decided about.
    pub judged: u64,
    /// How many it did not simply let pass.
    pub chosen: u64,
    /// On how many it failed; those passed.
    pub failed: u64,
    /// The share it is made to choose, 0 to 1, where that is known.
    pub nominal: Option<f64>,
}

/// What was lost, and why. `Display` is for people, several lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    probes: Counts,
    /// Each cause with the losses it explains, in the order in which they first show.
    causes: Vec<(String, Vec<String>)>,
    /// Losses on the way to sockets of this process: all, and those no longer remembered.
    ours: u64,
    forgotten: u64,
    /// Numbers of those that nothing explains.
    unexplained: Vec<u64>,
}

/// A socket of this process that answers.
#[derive(Debug)]
struct Server {
    addr: SocketAddr,
    /// The socket, for as long as it is open.
    socket: Option<WeakSocket>,
    /// What the kernel had dropped when it was closed.
    drops: u64,
}

/// What identifies a message on its way: the client's port, the server and the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    client_port: u16,
    server_port: u16,
    content: Content,
}

#[derive(Clone, Debug)]
struct Dropped {
    origin: Arc<str>,
    draws: Vec<f64>,
}

#[derive(Clone, Debug)]
struct Loss {
    number: u64,
    key: Key,
    late: bool,
}

impl Account {
    /// Notes that a socket of this process, bound to `addr`, answers datagrams.
    pub fn serves(&self, addr: SocketAddr, socket: WeakSocket) {
        self.lock().servers.push(Server { addr, socket: Some(socket), drops: 0 });
    }

    /// Notes that a policy decides about what the socket bound to `addr` receives.
    pub fn judges(&self, addr: SocketAddr, judge: Arc<Judge>, name: String) {
        self.lock().judges.push((addr, judge, name));
    }

    /// What each policy did; those that saw no packet are left out.
    pub fn policies(&self) -> Vec<PolicyReport> {
        let judges = self.lock().judges.clone();
        let report = |(at, judge, name): (SocketAddr, Arc<Judge>, String)| {
            let tally = judge.tally();
            let (judged, chosen, failed) = (tally.judged, tally.chosen, tally.failed);
            PolicyReport { name, at, judged, chosen, failed, nominal: judge.nominal() }
        };
        judges.into_iter().map(report).filter(|report| report.judged > 0).collect()
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

    /// Notes how many datagrams the kernel has dropped at the socket bound to `addr`, which is being closed.
    pub fn kernel_drops(&self, addr: SocketAddr, drops: u64) {
        if let Some(server) = self.lock().servers.iter_mut().rev().find(|server| server.addr == addr) {
            (server.socket, server.drops) = (None, drops);
        }
    }

    /// Notes that a policy dropped what `client` had sent to `server`, and the draws it made.
    pub fn dropped(&self, client: SocketAddr, server: SocketAddr, content: Content, origin: &Arc<str>, draws: &[f64]) {
        let key = Key { client_port: client.port(), server_port: server.port(), content };
        let inner = &mut *self.lock();
        if inner.drops.insert(key, Dropped { origin: origin.clone(), draws: draws.to_vec() }).is_none() {
            inner.drops_in_order.push_back(key);
            if inner.drops_in_order.len() > REMEMBERED
                && let Some(oldest) = inner.drops_in_order.pop_front()
            {
                inner.drops.remove(&oldest);
            }
        }
    }

    /// Notes that probe `number` from `client` to `server` timed out; `late`: its answer came, but too late.
    pub fn lost(&self, number: u64, client: SocketAddr, server: SocketAddr, content: Content, late: bool) {
        let inner = &mut *self.lock();
        if !inner.knows(server) {
            return;
        }
        let key = Key { client_port: client.port(), server_port: server.port(), content };
        inner.losses.push_back(Loss { number, key, late });
        if inner.losses.len() > REMEMBERED {
            inner.losses.pop_front();
            inner.forgotten += 1;
        }
    }

    /// Notes that an answer came for a probe that had timed out.
    pub fn late(&self, client: SocketAddr, server: SocketAddr, content: Content) {
        let key = Key { client_port: client.port(), server_port: server.port(), content };
        if let Some(loss) = self.lock().losses.iter_mut().rev().find(|loss| loss.key == key) {
            loss.late = true;
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

    /// The counts of all sockets of the run.
    pub fn probes(&self) -> Counts {
        self.lock().probes
    }

    /// Why probes were lost; `None` if none is settled, or no socket of this process answers.
    pub fn explain(&self) -> Option<Explanation> {
        let drops = self.drops();
        let inner = self.lock();
        if inner.servers.is_empty() || inner.probes.settled() == 0 {
            return None;
        }
        let mut causes: Vec<(String, Vec<String>)> = Vec::new();
        let mut unexplained = Vec::new();
        for loss in &inner.losses {
            let cause = match inner.drops.get(&loss.key) {
                Some(dropped) => format!("dropped by {}", dropped.origin),
                None if loss.late => "answered, but too late".to_string(),
                None => {
                    unexplained.push(loss.number);
                    continue;
                }
            };
            let draws = inner.drops.get(&loss.key).map_or(&[][..], |dropped| &dropped.draws);
            let named = name(loss.number, draws);
            match causes.iter_mut().find(|(known, _)| *known == cause) {
                Some((_, list)) => list.push(named),
                None => causes.push((cause, vec![named])),
            }
        }
        // The kernel does not say which datagrams it dropped, only how many at which socket: as many of what is left are its.
        for (addr, drops) in drops.into_iter().filter(|(_, drops)| *drops > 0) {
            let taken = unexplained.len().min(usize::try_from(drops).unwrap_or(usize::MAX));
            if taken > 0 {
                let cause = format!("lost in the full receive buffer of {addr} (the kernel counted {drops})");
                causes.push((cause, unexplained.drain(..taken).map(|number: u64| number.to_string()).collect()));
            }
        }
        let forgotten = inner.forgotten;
        let ours = inner.losses.len() as u64 + forgotten;
        Some(Explanation { probes: inner.probes, causes, ours, forgotten, unexplained })
    }

    /// How many datagrams the kernel has dropped at each socket that answers because its receive buffer was full.
    pub fn drops(&self) -> Vec<(SocketAddr, u64)> {
        let servers: Vec<_> =
            self.lock().servers.iter().map(|server| (server.addr, server.socket.clone(), server.drops)).collect();
        // Not under the lock: a socket whose last holder is here leaves its count with the account.
        let count = |(addr, socket, drops): (SocketAddr, Option<WeakSocket>, u64)| {
            let open = socket.as_ref().and_then(WeakSocket::upgrade);
            (addr, open.and_then(|socket| socket.kernel_drops().ok()).unwrap_or(drops))
        };
        servers.into_iter().map(count).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Whether datagrams to `server` reach a socket of this process; one bound to any address is meant by its port.
    fn knows(&self, server: SocketAddr) -> bool {
        let meant = |ours: SocketAddr| ours == server || (ours.port() == server.port() && ours.ip().is_unspecified());
        self.servers.iter().any(|ours| meant(ours.addr))
    }
}

impl Explanation {
    /// How many losses on the way to sockets of this process nothing explains.
    pub fn unexplained(&self) -> u64 {
        self.unexplained.len() as u64
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (lost, of) = (self.probes.lost(), self.probes.settled());
        write!(f, "Lost {lost} of {of} pings: ")?;
        share(f, lost, of)?;
        for (cause, numbers) in &self.causes {
            write!(f, "\n  seq {}: {cause}", list(numbers))?;
        }
        if self.forgotten > 0 {
            write!(f, "\n  {} earlier ones are no longer remembered", self.forgotten)?;
        }
        if self.probes.errored > 0 {
            write!(f, "\n  {} settled by an error", self.probes.errored)?;
        }
        let elsewhere = self.probes.timed_out.saturating_sub(self.ours);
        if elsewhere > 0 {
            write!(f, "\n  {elsewhere} on the way to servers outside of this process")?;
        }
        write!(f, "\n  {} unexplained", self.unexplained.len())?;
        if !self.unexplained.is_empty() {
            let numbers: Vec<String> = self.unexplained.iter().take(NAMED + 1).map(u64::to_string).collect();
            let named = numbers[..numbers.len().min(NAMED)].join(", ");
            write!(f, ": seq {named}")?;
            if numbers.len() > NAMED {
                write!(f, " and {} more", self.unexplained.len() - NAMED)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for PolicyReport {
    /// What it chose of how much, the 95% interval of that share, and the share it is made for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, at, judged, chosen, failed, nominal } = self;
        write!(f, "{name} at {at} chose {chosen} of {judged} packets: ")?;
        share(f, *chosen, *judged)?;
        if let Some(nominal) = nominal {
            write!(f, ", nominal {:.1}%", nominal * 100.0)?;
        }
        if *failed > 0 {
            write!(f, "; it failed on {failed}, which passed")?;
        }
        Ok(())
    }
}

/// A share in percent and its 95% interval.
fn share(f: &mut fmt::Formatter<'_>, part: u64, of: u64) -> fmt::Result {
    match wilson(part, of) {
        None => f.write_str("NA"),
        Some((low, high)) => {
            let rate = part as f64 / of as f64;
            write!(f, "{:.1}% (95%: {:.1}% to {:.1}%)", rate * 100.0, low * 100.0, high * 100.0)
        }
    }
}

fn name(number: u64, draws: &[f64]) -> String {
    match draws {
        [] => number.to_string(),
        [draw] => format!("{number} (draw {draw:.3})"),
        many => {
            let many: Vec<String> = many.iter().map(|draw| format!("{draw:.3}")).collect();
            format!("{number} (draws {})", many.join(", "))
        }
    }
}

fn list(numbers: &[String]) -> String {
    match numbers.len() {
        n if n > NAMED => format!("{} and {} more", numbers[..NAMED].join(", "), n - NAMED),
        _ => numbers.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    fn account(losses: &[(u64, bool)], drops: &[u64]) -> Account {
        let account = Account::default();
        account.lock().servers.push(Server { addr: addr(7), socket: None, drops: 0 });
        let timed_out = losses.len() as u64;
        let counts = Counts { sent: 9, replied: 8 - timed_out, timed_out, ..Counts::default() };
        account.count(Counts::default(), counts);
        for &number in drops {
            let content = Content::of(format!("ping {number}").as_bytes());
            account.dropped(addr(9), addr(7), content, &"a.rhai:3".into(), &[0.125]);
        }
        for &(number, late) in losses {
            account.lost(number, addr(9), addr(7), Content::of(format!("PING {number}").as_bytes()), late);
        }
        account
    }

    #[test]
    fn each_loss_has_its_cause() {
        let account = account(&[(2, false), (3, true), (5, false), (6, false)], &[1, 2, 5]);
        assert_eq!(
            account.explain().expect("there are losses").to_string(),
            "Lost 4 of 8 pings: 50.0% (95%: 21.5% to 78.5%)\n  \
             seq 2 (draw 0.125), 5 (draw 0.125): dropped by a.rhai:3\n  \
             seq 3: answered, but too late\n  1 unexplained: seq 6"
        );
    }

    #[test]
    fn without_losses_it_says_so_and_without_a_server_nothing() {
        let text = account(&[], &[]).explain().map(|explanation| explanation.to_string());
        assert_eq!(text.as_deref(), Some("Lost 0 of 8 pings: 0.0% (95%: 0.0% to 32.4%)\n  0 unexplained"));
        assert_eq!(Account::default().explain(), None);
    }

    #[test]
    fn a_loss_on_the_way_to_a_stranger_is_not_ours_to_explain() {
        let account = account(&[], &[]);
        account.count(Counts::default(), Counts { sent: 2, errored: 1, timed_out: 1, ..Counts::default() });
        account.lost(1, addr(9), addr(8), Content::of(b"ping 1"), false);
        assert_eq!(
            account.explain().expect("probes were settled").to_string(),
            "Lost 2 of 10 pings: 20.0% (95%: 5.7% to 51.0%)\n  1 settled by an error\n  \
             1 on the way to servers outside of this process\n  0 unexplained"
        );
    }

    #[test]
    fn every_kind_of_count_is_summed_over_sockets() {
        let account = Account::default();
        let counts = Counts { sent: 3, replied: 1, duplicate: 4, corrupt: 5, missed_slots: 6, ..Counts::default() };
        account.count(Counts::default(), counts);
        account.count(counts, counts + counts);
        assert_eq!(account.probes(), counts + counts);
    }

    #[test]
    fn memory_is_bounded() {
        let account = account(&[], &[]);
        for number in 0..2 * REMEMBERED as u64 {
            let content = Content::of(format!("ping {number}").as_bytes());
            account.dropped(addr(9), addr(7), content, &"x".into(), &[]);
            account.lost(number, addr(9), addr(7), content, false);
        }
        let inner = account.lock();
        assert_eq!((inner.drops.len(), inner.losses.len()), (REMEMBERED, REMEMBERED));
        assert_eq!(inner.forgotten, REMEMBERED as u64);
    }
}
