//! Why pings were lost: each loss gets one cause, and each pinger its explanation.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Weak;

use super::folded::Server;
use super::pingers::Group;
use super::rises::Counter;
use super::{BlackHole, Dropping, Drops, Explanation, Inner, Loss, LossCause, LossReport, causes};
use crate::net::host::id::HostId;
use crate::net::probe::ledger::Fault;

impl LossReport {
    /// Why each pinger's probes were lost; nothing where none is settled, or no socket of this process replies and there is no
    /// lab.
    pub fn explain(&self) -> Vec<Explanation> {
        let counts = self.buffers();
        let inner = self.lock();
        if !inner.is_explained() {
            return Vec::new();
        }
        let causes = inner.explained(&counts);
        let groups = inner.pingers.groups(&inner.hosts);
        groups.into_iter().map(|group| inner.explanation(group, &causes)).collect()
    }

    /// Why each of the losses that are remembered came about, where [`LossReport::explain`] says so.
    pub fn loss_causes(&self) -> Vec<LossCause> {
        let counts = self.buffers();
        let inner = self.lock();
        if !inner.is_explained() {
            return Vec::new();
        }
        let explained = inner.explained(&counts);
        let known = |(loss, cause): &(&Loss, _)| Option::is_some(cause) || !inner.causes.may_have_forgotten(loss.sent);
        let of = |(loss, cause): (&Loss, Option<(String, String)>)| {
            let ends = inner.pingers.get(loss.pinger).pinging.ends;
            let (cause, named) = cause.unzip();
            let detail =
                named.as_deref().and_then(|named| named.split_once(" (")?.1.strip_suffix(')')).map(str::to_string);
            LossCause { number: loss.number, from: ends.from(), to: ends.to(), cause, detail }
        };
        inner.losses.iter().zip(explained).filter(known).map(of).collect()
    }

    /// How many datagrams the kernel has dropped at each socket that replies because its receive buffer was full.
    pub fn drops(&self) -> Vec<Drops> {
        self.drops_of_hosts().into_iter().map(|(_, drops)| drops).collect()
    }

    /// The same as counts.
    pub(super) fn buffers(&self) -> Vec<(Counter, u64)> {
        let counts = self.drops_of_hosts().into_iter();
        counts.map(|(host, drops)| (Counter::Buffer(host, drops.at), drops.count)).collect()
    }

    fn drops_of_hosts(&self) -> Vec<(HostId, Drops)> {
        let servers: Vec<(Server, Option<String>)> = {
            let inner = self.lock();
            let named = |server: &Server| (server.clone(), inner.hosts.name(server.host));
            inner.servers.list().iter().filter(|server| !server.streams).map(named).collect()
        };
        // Not under the lock: a socket whose last holder is here leaves its count with the account.
        let count = |socket: &Weak<dyn Dropping>| socket.upgrade().map_or(0, |socket| socket.drops());
        let all = |(server, host): (Server, _)| {
            let count = server.drops + server.open.iter().map(count).sum::<u64>();
            (server.host, Drops { at: server.addr, host, count })
        };
        servers.into_iter().map(all).collect()
    }
}

impl Inner {
    /// Whether anything can be said of losses: something is settled, and a socket of this process replies, or there is a lab.
    fn is_explained(&self) -> bool {
        let is_ours = |loss: &Loss| loss.instead.is_none() || self.causes.know(&loss.key);
        let ours = || self.losses.iter().any(|loss| loss.error.is_none() && is_ours(loss));
        self.pingers.counts().settled() > 0 && (!self.servers.list().is_empty() || !self.hosts.is_empty() || ours())
    }

    /// What verdicts, errors and replies say of each loss: its cause and what names the loss with it; `None`: nothing.
    fn causes_by_ping(&self) -> Vec<Option<(String, String)>> {
        let mut verdicts = self.causes.of(&self.losses);
        for (verdict, loss) in verdicts.iter_mut().zip(&self.losses) {
            verdict.take_if(|verdict| loss.instead.is_some_and(|fault| !verdict.outweighs(fault)));
        }
        let cause = |(loss, verdict): (&Loss, &Option<causes::Cause>)| match (verdict, &loss.error, loss.instead) {
            (Some(verdict), None, _) => Some((verdict.to_string(), verdict.name(loss.number))),
            (Some(verdict), Some(error), _) => Some((format!("{verdict}: {}", error.text), verdict.name(loss.number))),
            (None, Some(error), _) => Some((error.text.clone(), loss.number.to_string())),
            (None, None, Some(fault)) => Some(by_fault(loss.number, fault)),
            (None, None, None) => None,
        };
        let mut found: Vec<_> = self.losses.iter().zip(&verdicts).map(cause).collect();
        // A reply that names no ping was attributed to one that was never received: it is one to another.
        for (loss, verdict) in self.losses.iter().zip(verdicts) {
            let Some(fault) = loss.instead.filter(|_| verdict.is_some_and(|verdict| verdict.is_final())) else {
                continue;
            };
            let mut open = found.iter_mut().zip(&self.losses).filter(|(known, _)| known.is_none());
            if let Some((known, other)) = open.find(|(_, other)| other.pinger == loss.pinger) {
                *known = Some(by_fault(other.number, fault));
            }
        }
        found
    }

    /// The cause of each loss and what names the loss with it; `None`: it is not known. `counts`: those that are read now.
    fn explained(&self, counts: &[(Counter, u64)]) -> Vec<Option<(String, String)>> {
        let mut found = self.causes_by_ping();
        let of_streams = found.iter_mut().zip(&self.losses).filter(|(known, _)| known.is_none());
        for (known, loss) in of_streams {
            *known = self.causes.streams.why(loss).map(|why| (why.to_string(), loss.number.to_string()));
        }
        let rises = self.rises.by_counter(counts);
        let (kernels, places): (Vec<_>, Vec<_>) =
            rises.iter().partition(|(counter, _)| matches!(counter, Counter::Kernel(..)));
        let mut unsure = HashSet::new();
        self.attribute_rises(&mut found, &places, &rises, &mut unsure);
        for hole in &self.black_holes {
            let name = self.hosts.name(hole.host).unwrap_or_default();
            let cause = format!("vanished in the black hole route of {name} to {}", hole.to);
            self.attribute(&mut found, &cause, |loss| self.vanishes(loss, hole));
        }
        self.attribute_rises(&mut found, &kernels, &rises, &mut unsure);
        // The ping was sent in a lab, or it would not be here. Programs give hosts addresses, too: those reply at times.
        let replied = self.pingers.addrs_with_replies();
        self.attribute(&mut found, "the lab has given no host this address", |loss| {
            let addr = self.pingers.get(loss.pinger).pinging.ends.to().ip();
            let is_no_host = loss.key.server() == HostId::default() && self.hosts.know(loss.key.sender().0);
            is_no_host && !is_of_many(addr) && !replied.contains(&addr)
        });
        found
    }

    /// Whether a lost ping, or the reply to it, is a packet that such a route loses.
    fn vanishes(&self, loss: &Loss, hole: &BlackHole) -> bool {
        let (from, to) = (loss.key.sender().0, loss.key.server());
        let ends = self.pingers.get(loss.pinger).pinging.ends;
        let was_there = hole.since <= loss.until && hole.until.is_none_or(|until| until >= loss.sent);
        let leads = |from: HostId, to: HostId, addr: IpAddr| {
            // A lab has a route to each address of its hosts, which is more specific than one to a network.
            let is_used = to == HostId::default() || hole.to.is_single();
            is_used && (from == hole.host || self.may_pass(from, to, hole.host)) && hole.to.contains(addr)
        };
        let own = ends.from().ip();
        let is_back = |addr: IpAddr| {
            let is_source = own == addr || (own.is_unspecified() && own.is_ipv4() == addr.is_ipv4());
            is_source && to != HostId::default() && leads(to, from, addr)
        };
        was_there && (leads(from, to, ends.to().ip()) || self.hosts.addrs_of(from).into_iter().any(is_back))
    }

    /// Attributes to one cause all losses without one that it fits.
    fn attribute(&self, found: &mut [Option<(String, String)>], cause: &str, fits: impl Fn(&Loss) -> bool) {
        let open = found.iter_mut().zip(&self.losses).filter(|(known, loss)| known.is_none() && fits(loss));
        open.for_each(|(known, loss)| *known = Some((cause.to_string(), loss.number.to_string())));
    }

    /// Whether what one host sends to another may pass a third. Where an address leads that no host has is not known.
    pub(super) fn may_pass(&self, from: HostId, to: HostId, host: HostId) -> bool {
        match to == HostId::default() {
            true => self.hosts.are_of_one_lab(from, host),
            false => self.hosts.is_between(from, to, host),
        }
    }

    /// What is said of a group of pingers.
    fn explanation(&self, group: Group, found: &[Option<(String, String)>]) -> Explanation {
        let Group { title, members } = group;
        let mut own: Vec<_> =
            self.losses.iter().zip(found).filter(|(loss, _)| members.contains(&loss.pinger)).collect();
        own.sort_by_key(|(loss, _)| loss.number);
        let mut causes: Vec<(String, Vec<String>)> = Vec::new();
        let one = |place: &usize| self.pingers.get(*place);
        let gone: u64 = members.iter().map(|place| one(place).forgotten).sum();
        let (mut unexplained, mut known, mut forgotten) = (Vec::new(), gone, gone);
        for (loss, cause) in own {
            known += 1;
            let Some((cause, named)) = cause else {
                match self.causes.may_have_forgotten(loss.sent) {
                    true => forgotten += 1,
                    false => unexplained.push(loss.number),
                }
                continue;
            };
            match causes.iter_mut().find(|(other, _)| other == cause) {
                Some((_, list)) => list.push(named.clone()),
                None => causes.push((cause.clone(), vec![named.clone()])),
            }
        }
        let (probes, pingers) = (self.pingers.counts_of(&members), members.len());
        Explanation { title, pingers, probes, causes, known, forgotten, unexplained }
    }
}

/// Whether it may be the address of several hosts: a multicast group, or the last one of a network.
fn is_of_many(addr: IpAddr) -> bool {
    addr.is_multicast() || matches!(addr, IpAddr::V4(addr) if addr.octets()[3] == 255)
}

/// What is said of a ping whose reply was not the one that was waited for, and what names it there.
fn by_fault(number: u64, fault: Fault) -> (String, String) {
    let named = match fault {
        Fault::Number(seen) => format!("{number} (number {seen})"),
        _ => number.to_string(),
    };
    (format!("the reply {fault}"), named)
}
