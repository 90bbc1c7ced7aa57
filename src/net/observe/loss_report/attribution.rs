//! Which losses are attributed to what kernels counted meanwhile, and how sure that is.

use std::collections::{BTreeMap, HashSet};

use super::counting::Damaged;
use super::kernel::{BUFFER, CHECKSUM, FRAGMENTS, HOPS, KERNEL_CAUSES, KernelCause, NO_REPLY, ROUTE};
use super::rises::{Counter, CounterRise};
use super::{Inner, Loss, PingError};
use crate::net::host::id::HostId;
use crate::net::policy::RejectReply;
use crate::net::time::Duration;

/// Causes of losses, and what names each loss.
type Found = [Option<(String, String)>];

/// Counts and by what they rose.
type Counts<'a> = [(&'a Counter, &'a Vec<CounterRise>)];

impl Inner {
    /// Attributes losses without a cause to counts that rose while they were in flight, to none more losses than packets that
    /// nothing else explains. A count does not say whose packets they were: where these numbers are not the same, it is a
    /// possibility.
    pub(super) fn attribute_rises(
        &self,
        found: &mut Found,
        counts: &Counts<'_>,
        all: &BTreeMap<Counter, Vec<CounterRise>>,
        unsure: &mut HashSet<usize>,
    ) {
        for (counter, rises) in counts {
            let lag = counter.lag();
            let meanwhile = |loss: &Loss, rise: &CounterRise| rise.until > loss.sent && rise.after <= loss.until + lag;
            let is_open = |index: &usize| found[*index].is_none() && self.may_raise(counter, &self.losses[*index]);
            let open: Vec<usize> = (0..self.losses.len()).filter(is_open).collect();
            let left =
                |rise: &'_ CounterRise| rise.by.saturating_sub(self.explained_otherwise(counter, rise, found, all));
            let concerns = |rise: &CounterRise| open.iter().any(|&index| meanwhile(&self.losses[index], rise));
            let concerned = rises.iter().filter(|rise| concerns(rise));
            let rises: Vec<_> = concerned.map(|rise| (*rise, left(rise))).filter(|(_, left)| *left > 0).collect();
            let mut candidates = open.clone();
            candidates.retain(|&index| rises.iter().any(|(rise, _)| meanwhile(&self.losses[index], rise)));
            // Losses that another count may explain may as well be of this one, and its own of that.
            let is_of_this = |index: &&usize| {
                let loss = &self.losses[**index];
                self.may_raise(counter, loss) && rises.iter().any(|(rise, _)| meanwhile(loss, rise))
            };
            let shared = unsure.iter().filter(is_of_this).count() as u64;
            let (mut chosen, mut most, count) = (Vec::new(), 0, candidates.len() as u64);
            // Nothing else explains a loss, but only as far back as verdicts are remembered.
            candidates.retain(|&index| !self.causes.may_have_forgotten(self.losses[index].sent));
            for (rise, left) in &rises {
                most += left;
                candidates.retain(|&index| {
                    let takes = (chosen.len() as u64) < most && meanwhile(&self.losses[index], rise);
                    if takes {
                        chosen.push(index);
                    }
                    !takes
                });
            }
            let may_be_sure = shared == 0 && !counter.is_of(HOPS) && !rises.iter().any(|(rise, _)| rise.coarse);
            let is_sure = may_be_sure && most == count && chosen.len() as u64 == count;
            let words = self.words(counter, rises.iter().map(|(rise, _)| rise.by).sum());
            let cause = match chosen.len() as u64 {
                _ if is_sure => words,
                some if some < count + shared => {
                    unsure.extend(&chosen);
                    format!("perhaps {words}; which of {} pings is not known", count + shared)
                }
                _ => format!("perhaps {words}"),
            };
            for index in chosen {
                found[index] = Some((cause.clone(), self.losses[index].number.to_string()));
            }
        }
    }

    /// Whether a lost ping may be one of the packets that raise a count.
    fn may_raise(&self, counter: &Counter, loss: &Loss) -> bool {
        let (from, to) = (loss.key.sender().0, loss.key.server());
        let pinging = &self.pingers.get(loss.pinger).pinging;
        match counter {
            Counter::Buffer(host, at) => to == *host && loss.key.port() == at.port() && pinging.protocol == "UDP",
            Counter::Link(link) => self.hosts.passes(from, to, link),
            Counter::Kernel(host, place) => cause(*place).is_some_and(|cause| {
                let is_end = to == *host || (from == *host && cause.words != NO_REPLY);
                let is_there = is_end || (cause.on_the_way && self.may_pass(from, to, *host));
                let is_told = from == *host && cause.is_told() && pinging.protocol != "TCP";
                is_there && !is_told && cause.is_of(pinging.ends.to().is_ipv6(), pinging.protocol)
            }),
        }
    }

    /// How many of the packets that raised a count are known to be others.
    fn explained_otherwise(
        &self,
        counter: &Counter,
        rise: &CounterRise,
        found: &Found,
        all: &BTreeMap<Counter, Vec<CounterRise>>,
    ) -> u64 {
        let damaged = |host: HostId, is_of: &dyn Fn(&Damaged) -> bool| {
            self.damaged.iter().filter(|one| one.host == host && is_of(one) && rise.holds(one.at)).count() as u64
        };
        let (host, place) = match counter {
            Counter::Kernel(host, place) => (host, place),
            // A socket counts datagrams with wrong checksums, too.
            Counter::Buffer(host, _) => return damaged(*host, &|one| one.protocol == "UDP"),
            Counter::Link(_) => return 0,
        };
        let Some(cause) = cause(*place) else { return 0 };
        match cause.words {
            CHECKSUM => damaged(*host, &|one| cause.is_of(one.v6, one.protocol)),
            BUFFER => all.iter().map(|(other, rises)| of_host(*host, other, rises, rise)).sum(),
            ROUTE | HOPS => {
                let may_be_of = if cause.words == ROUTE { may_be_of_missing_route } else { may_be_of_hops };
                let met_it = |loss: &Loss| loss.error.as_ref().is_some_and(may_be_of);
                let is_this = |loss: &Loss| met_it(loss) && rise.holds(loss.sent) && self.may_raise(counter, loss);
                self.losses.iter().zip(found).filter(|(loss, cause)| cause.is_some() && is_this(loss)).count() as u64
            }
            _ => 0,
        }
    }

    fn words(&self, counter: &Counter, count: u64) -> String {
        let name = |host: &HostId| self.hosts.name(*host);
        match counter {
            Counter::Buffer(host, at) => {
                let place = name(host).map_or(String::new(), |host| format!(" in {host}"));
                format!("lost in the full receive buffer of {at}{place} (the kernel counted {count})")
            }
            Counter::Link(link) => format!("came faster than {link} carries (the kernel counted {count})"),
            Counter::Kernel(host, place) => {
                let (words, counter) = cause(*place).map_or(("", ""), |cause| (cause.words, cause.name));
                let name = name(host).unwrap_or_default();
                format!("{words} {name} (its kernel counted {counter} {count} meanwhile)")
            }
        }
    }
}

impl Counter {
    /// How long after a ping was given up its packets may still raise the count: fragments wait for the others.
    fn lag(&self) -> Duration {
        if self.is_of(FRAGMENTS) { Duration::from_secs(61) } else { Duration::ZERO }
    }

    /// Whether it is a kernel's count of this cause.
    fn is_of(&self, words: &str) -> bool {
        matches!(self, Self::Kernel(_, place) if cause(*place).is_some_and(|cause| cause.words == words))
    }
}

/// Whether a ping that met this error may be a packet for which a host had no route: this host, or one that says so.
fn may_be_of_missing_route(error: &PingError) -> bool {
    match error.by {
        Some(RejectReply::Icmp(kind)) => {
            let of_route = ["net-unreachable", "host-unreachable", "no-route", "address-unreachable"];
            kind.keyword().is_some_and(|keyword| of_route.contains(&keyword))
        }
        Some(RejectReply::Reset) => false,
        None => true,
    }
}

/// Whether a ping that met this error may be a packet whose hops were used up.
fn may_be_of_hops(error: &PingError) -> bool {
    let of_hops = ["ttl-exceeded", "hop-limit-exceeded"];
    matches!(error.by, Some(RejectReply::Icmp(kind)) if kind.keyword().is_some_and(|keyword| of_hops.contains(&keyword)))
}

fn cause(place: usize) -> Option<&'static KernelCause> {
    KERNEL_CAUSES.get(place)
}

/// How many datagrams were dropped meanwhile at sockets of a host, if this is what is counted.
fn of_host(host: HostId, counter: &Counter, rises: &[CounterRise], meanwhile: &CounterRise) -> u64 {
    // Readings take time: the rise of the reading before overlaps, and is not of the same packets.
    let is_within = |rise: &&CounterRise| rise.after >= meanwhile.after && rise.until <= meanwhile.until;
    match counter {
        Counter::Buffer(other, _) if *other == host => rises.iter().filter(is_within).map(|rise| rise.by).sum(),
        _ => 0,
    }
}
