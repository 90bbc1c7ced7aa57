//! The account of a run: what every pinger lost, put against what every policy did.
//!
//! Pingers enter each probe that timed out, servers enter each datagram a policy dropped; both by the client's port, the
//! server's address and the message. Where both ends are in this process, each loss is traced to its verdict. The
//! records are rings: the oldest give way, and the counts beside them stay exact.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ledger::{Content, Counts};

/// How many losses, and how many drops, are remembered one by one.
pub const REMEMBERED: usize = 65_536;

/// How many losses the explanation names one by one.
const NAMED: usize = 12;

/// The account of a run.
#[derive(Debug, Default)]
pub struct Account(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    servers: HashSet<SocketAddr>,
    drops: HashMap<Key, Dropped>,
    drops_in_order: VecDeque<Key>,
    losses: VecDeque<Loss>,
    /// Losses of probes to servers of this process that gave way to later ones.
    forgotten: u64,
    probes: Counts,
    clock: Option<&'static str>,
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
    origin: String,
    draws: Vec<f64>,
}

#[derive(Clone, Debug)]
struct Loss {
    number: u64,
    key: Key,
    late: bool,
}

impl Account {
    /// Notes that `server` is a socket of this process which answers datagrams.
    pub fn serves(&self, server: SocketAddr) {
        self.lock().servers.insert(server);
    }

    /// Notes that a policy dropped what `client` had sent to `server`, and the draws it made.
    pub fn dropped(&self, client: SocketAddr, server: SocketAddr, content: Content, origin: &str, draws: &[f64]) {
        let key = Key { client_port: client.port(), server_port: server.port(), content };
        let inner = &mut *self.lock();
        if inner.drops.insert(key, Dropped { origin: origin.to_string(), draws: draws.to_vec() }).is_none() {
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
        match unexplained.as_slice() {
            [] => text.push_str("  0 unexplained"),
            some => {
                let _ = write!(text, "  {} unexplained: seq {}", some.len(), list(some));
            }
        }
        Some(text)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Whether datagrams to `server` reach a socket of this process; one bound to any address is meant by its port.
    fn knows(&self, server: SocketAddr) -> bool {
        self.servers.iter().any(|ours| ours.port() == server.port() && (ours.ip().is_unspecified() || *ours == server))
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
        account.serves(addr(7));
        account.count(Counts::default(), Counts { sent: 9, ..Counts::default() });
        for &number in drops {
            let content = Content::of(format!("ping {number}").as_bytes());
            account.dropped(addr(9), addr(7), content, "a.rhai:3", &[0.125]);
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
            account.dropped(addr(9), addr(7), content, "x", &[]);
            account.lost(number, addr(9), addr(7), content, false);
        }
        let inner = account.lock();
        assert_eq!((inner.drops.len(), inner.losses.len()), (REMEMBERED, REMEMBERED));
        assert_eq!(inner.forgotten, REMEMBERED as u64);
    }
}
