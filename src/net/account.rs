//! The account of a run: what every pinger lost, put against what every policy did.
//!
//! Pingers enter each probe that timed out, servers enter each datagram a policy dropped; both by the client's port, the
//! server's address and the message. Where both ends are in this process, each loss is traced to its verdict. The
//! records are rings: the oldest give way, and the counts beside them stay exact.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::judge::Judge;
use super::ledger::{Content, Counts};
use super::stats::wilson;
use super::udp::WeakSocket;

/// How many losses, and how many drops, are remembered one by one.
pub const REMEMBERED: usize = 65_536;

/// How many losses the explanation names one by one.
const NAMED: usize = 12;

/// The account of a run.
#[derive(Debug, Default)]
pub struct Account(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
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

    /// What each policy did, one line each: how many packets it chose of how many, the 95% interval of that share, and the
    /// share it is made for. Policies that saw no packet are left out.
    pub fn policies(&self) -> Vec<String> {
        let judges = self.lock().judges.clone();
        let line = |(addr, judge, name): (SocketAddr, Arc<Judge>, String)| {
            let tally = judge.tally();
            let (low, high) = wilson(tally.chosen, tally.judged)?;
            let share = tally.chosen as f64 / tally.judged as f64;
            let nominal = judge.nominal().map_or(String::new(), |p| format!(", nominal {:.1}%", p * 100.0));
            let failed =
                if tally.failed > 0 { format!("; it failed on {}, which passed", tally.failed) } else { String::new() };
            Some(format!(
                "{name} at {addr} chose {} of {} packets: {:.1}% (95%: {:.1}% to {:.1}%){nominal}{failed}",
                tally.chosen,
                tally.judged,
                share * 100.0,
                low * 100.0,
                high * 100.0
            ))
        };
        judges.into_iter().filter_map(line).collect()
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
        let probes = &mut self.lock().probes;
        probes.sent += after.sent - before.sent;
        probes.replied += after.replied - before.replied;
        probes.errored += after.errored - before.errored;
        probes.timed_out += after.timed_out - before.timed_out;
    }

    /// Notes the clock by which round-trip times are measured.
    pub fn measured_by(&self, clock: &'static str) {
        self.lock().clock.get_or_insert(clock);
    }

    /// The clock by which round-trip times were measured, in words.
    pub fn clock(&self) -> Option<&'static str> {
        self.lock().clock
    }

    /// Probes sent, replied, errored and timed out, over all sockets of the run.
    pub fn probes(&self) -> Counts {
        self.lock().probes
    }

    /// Why probes to servers of this process were lost, one line per cause; `None` if no probe went to one.
    pub fn explain(&self) -> Option<String> {
        let drops = self.drops();
        let inner = self.lock();
        if inner.servers.is_empty() || inner.probes.sent == 0 {
            return None;
        }
        if inner.losses.is_empty() {
            return Some("No ping was lost.".to_string());
        }
        // Causes in the order in which they first show.
        let mut causes: Vec<(String, Vec<String>)> = Vec::new();
        let mut unexplained = Vec::new();
        for loss in &inner.losses {
            let cause = match inner.drops.get(&loss.key) {
                Some(dropped) => format!("dropped by {}", dropped.origin),
                None if loss.late => "answered, but too late".to_string(),
                None => {
                    unexplained.push(loss.number.to_string());
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
        let mut text = String::from("Losses explained:\n");
        for (cause, numbers) in causes {
            let _ = writeln!(text, "  seq {}: {cause}", list(&numbers));
        }
        if inner.forgotten > 0 {
            let _ = writeln!(text, "  {} earlier ones are no longer remembered", inner.forgotten);
        }
        // The kernel does not say which datagrams it dropped, only how many at which socket: as many of what is left are its.
        for (addr, drops) in drops {
            if drops > 0 && !unexplained.is_empty() {
                let taken = unexplained.len().min(usize::try_from(drops).unwrap_or(usize::MAX));
                let named: Vec<String> = unexplained.drain(..taken).collect();
                let _ = writeln!(
                    text,
                    "  seq {}: lost in the full receive buffer of {addr} (the kernel counted {drops})",
                    list(&named),
                );
            }
        }
        match unexplained.as_slice() {
            [] => text.push_str("  0 unexplained"),
            some => {
                let _ = write!(text, "  {} unexplained: seq {}", some.len(), list(some));
            }
        }
        Some(text)
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
        account.count(Counts::default(), Counts { sent: 9, ..Counts::default() });
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
            account.explain().expect("there are losses"),
            "Losses explained:\n  seq 2 (draw 0.125), 5 (draw 0.125): dropped by a.rhai:3\n  \
             seq 3: answered, but too late\n  1 unexplained: seq 6"
        );
    }

    #[test]
    fn without_losses_it_says_so_and_without_a_server_nothing() {
        assert_eq!(account(&[], &[]).explain().as_deref(), Some("No ping was lost."));
        assert_eq!(Account::default().explain(), None);
    }

    #[test]
    fn a_loss_on_the_way_to_a_stranger_is_not_ours_to_explain() {
        let account = account(&[], &[]);
        account.lost(1, addr(9), addr(8), Content::of(b"ping 1"), false);
        assert_eq!(account.explain().as_deref(), Some("No ping was lost."));
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
