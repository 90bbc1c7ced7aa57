//! Policies and servers as the account remembers them: those that are gone, as sums.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Weak};

use super::ends::Hosts;
use super::{Dropping, PolicyReport};
use crate::net::host::id::HostId;
use crate::net::policy::attached::{AttachedPolicy, VerdictCounters, VerdictTally};
use crate::net::policy::input::Site;

/// How many may be there before those that never did anything are looked for.
const SWEEP: usize = 64;

/// The policies, by where they are at work, by name and by where they are written, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct AttachedPolicies {
    list: Vec<PolicyAtSite>,
    places: HashMap<(Site, String, Option<Arc<str>>), usize>,
    /// How many there were when those without a packet were last taken out.
    swept: usize,
}

/// All policies of one name and origin at one place.
#[derive(Debug)]
struct PolicyAtSite {
    at: Site,
    name: String,
    origin: Option<Arc<str>>,
    configured: Option<f64>,
    /// What those did that are gone.
    past: VerdictTally,
    /// The counters alone: a policy may hold on to a great deal.
    present: Vec<Arc<VerdictCounters>>,
}

impl AttachedPolicies {
    pub(super) fn add(&mut self, at: Site, policy: &AttachedPolicy, name: String, origin: Option<Arc<str>>) {
        if self.list.len() >= 2 * self.swept.max(SWEEP) {
            self.sweep();
        }
        let place = *self.places.entry((at, name, origin)).or_insert_with_key(|(at, name, origin)| {
            let (at, name, origin) = (at.clone(), name.clone(), origin.clone());
            let (configured, past) = (policy.configured(), VerdictTally::default());
            self.list.push(PolicyAtSite { at, name, origin, configured, past, present: Vec::new() });
            self.list.len() - 1
        });
        self.list[place].fold();
        self.list[place].present.push(policy.counters().clone());
    }

    pub(super) fn reports(&self, hosts: &Hosts) -> Vec<PolicyReport> {
        let reports = self.list.iter().map(|at_site| (at_site, at_site.report(hosts)));
        let seen: Vec<_> = reports.filter(|(_, report)| report.packets + report.of_kernels[1] > 0).collect();
        let is_one_of_several = |one: &PolicyAtSite| {
            seen.iter().filter(|(other, _)| other.at == one.at && other.name == one.name).count() > 1
        };
        let several: Vec<bool> = seen.iter().map(|(at_site, _)| is_one_of_several(at_site)).collect();
        let named = |((at_site, report), several): ((&PolicyAtSite, PolicyReport), bool)| match &at_site.origin {
            Some(origin) if several => PolicyReport { name: format!("{} ({origin})", report.name), ..report },
            _ => report,
        };
        seen.into_iter().zip(several).map(named).collect()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Takes out those that are gone and saw no packet.
    fn sweep(&mut self) {
        self.list.iter_mut().for_each(PolicyAtSite::fold);
        self.list
            .retain(|at_site| !at_site.present.is_empty() || at_site.past.decided + at_site.past.of_kernels[0] > 0);
        let key = |(place, at_site): (usize, &PolicyAtSite)| {
            ((at_site.at.clone(), at_site.name.clone(), at_site.origin.clone()), place)
        };
        self.places = self.list.iter().enumerate().map(key).collect();
        self.swept = self.list.len();
    }
}

impl PolicyAtSite {
    /// Adds what those did that are gone to the past.
    fn fold(&mut self) {
        for counters in std::mem::take(&mut self.present) {
            // Only this list still holds the counters of a policy that is gone: they no longer change.
            match Arc::try_unwrap(counters) {
                Ok(gone) => self.past += gone.tally(),
                Err(present) => self.present.push(present),
            }
        }
    }

    fn report(&self, hosts: &Hosts) -> PolicyReport {
        let mut tally = self.past;
        self.present.iter().for_each(|counters| tally += counters.tally());
        let VerdictTally { decided, chosen, acted, failed, of_kernels, neighbours } = tally;
        let host = match self.at {
            Site::Server(host, _) => hosts.name(host),
            Site::Link(_) | Site::Ingress(_) => None,
        };
        let (at, phrase) = (self.at.to_string(), self.at.phrase());
        let (name, configured) = (self.name.clone(), self.configured);
        PolicyReport {
            name,
            at,
            host,
            phrase,
            packets: decided,
            chosen,
            acted,
            failed,
            of_kernels,
            neighbours,
            configured,
        }
    }
}

/// The sockets of this process that reply, by address, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Servers {
    list: Vec<Server>,
    places: HashMap<(HostId, SocketAddr), usize>,
}

/// All sockets of one address in one host.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) host: HostId,
    pub(super) addr: SocketAddr,
    pub(super) open: Vec<Weak<dyn Dropping>>,
    /// What the kernel had dropped at those that were closed.
    pub(super) drops: u64,
    /// Whether it takes connections in: the kernel drops nothing there that is not sent again.
    pub(super) streams: bool,
}

impl Servers {
    /// What is known of this address in this host, from now on.
    pub(super) fn at(&mut self, (host, addr): (HostId, SocketAddr)) -> &mut Server {
        let place = *self.places.entry((host, addr)).or_insert_with(|| {
            self.list.push(Server { host, addr, open: Vec::new(), drops: 0, streams: false });
            self.list.len() - 1
        });
        &mut self.list[place]
    }

    pub(super) fn add(&mut self, place: (HostId, SocketAddr), socket: Weak<dyn Dropping>) {
        let server = self.at(place);
        server.open.retain(|socket| socket.strong_count() > 0);
        server.open.push(socket);
    }

    pub(super) fn list(&self) -> &[Server] {
        &self.list
    }

    /// Whether datagrams to `addr` of `host` reach a socket of this process; one bound to any address is meant by its
    /// port.
    pub(super) fn knows(&self, host: HostId, addr: SocketAddr) -> bool {
        let any = |ip: IpAddr| SocketAddr::new(ip, addr.port());
        let meant = [addr, any(Ipv4Addr::UNSPECIFIED.into()), any(Ipv6Addr::UNSPECIFIED.into())];
        meant.iter().any(|addr| self.places.contains_key(&(host, *addr)))
    }
}
