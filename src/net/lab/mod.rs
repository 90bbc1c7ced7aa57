//! A lab: hosts with a network stack each, and cables between them, made without privileges.
//!
//! In labs of the kernel (`kernel`) each host is a network namespace. A `Cable` joins two of them: what one host sends comes out of
//! a packet socket, and what is written to the other's packet socket the other receives; the holder of the two decides what becomes
//! of the packets in between. A helper process owns the namespaces and hands the sockets over; it ends with the lab, and the
//! system takes everything down. In [`simulated`] ones all of it is on virtual time.
//!
//! [`addresses`] and `topology` are values: who has which address, and which routes follow from the cables.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use self::addresses::Prefix;
pub use self::driver::RelayDriver;
pub use self::host::LabHost;
pub use self::kernel::Cable;
#[cfg(feature = "kernel")]
pub use self::kernel::use_helper;
pub use self::options::{CableOptions, HostOptions, Options};
pub use self::topology::LinkTarget;

use self::addresses::Owners;
use self::host::{HostKind, HostParts};
use self::networks::Networks;
use self::protocol::{HelperReply, NewEnd, NewHost, Request, RouteChange};
use self::simulated::SimulatedNetworks;
use self::topology::{AttachedEnd, Node, Routes, Topology, addresses_over};
use super::error::{Error, ErrorKind, Result};
use super::host::environment::process;
use super::host::id::HostId;
use super::host::stop::Stop;
use super::host::{Host, SimulatedHost};
use super::observe::loss_report::BlackHole;
use super::time::Instant;

pub mod addresses;
mod driver;
mod host;
#[cfg_attr(not(feature = "kernel"), path = "none.rs")]
pub mod kernel;
mod networks;
mod options;
pub mod program;
pub mod protocol;
pub mod relay;
pub mod route;
pub mod simulated;
mod topology;

/// An end of a cable.
#[derive(Debug)]
pub struct Port {
    /// Whose end it is.
    pub host: HostId,
    /// What the host is called.
    pub host_name: String,
    /// The addresses of the host, those of IPv4 first.
    pub addrs: Vec<IpAddr>,
    /// The hardware address of the host's interface.
    pub mac: [u8; 6],
    /// The index of the host's interface, in the host.
    pub ifindex: u32,
    /// The name of the host's interface, such as `eth0`.
    pub ifname: String,
    /// The largest IP packet it carries, in bytes.
    pub mtu: u32,
}

/// A lab. Clones are the same lab; it ends with the last of them and of its hosts, or by [`Lab::end`].
#[derive(Clone, Debug)]
pub struct Lab(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    networks: Networks,
    options: Options,
    state: Mutex<State>,
}

/// What has been made.
#[derive(Debug, Default)]
struct State {
    hosts: Vec<LabHostEntry>,
    owners: Owners,
    topology: Topology,
    /// Whether routes do not follow from it yet, in a simulated lab.
    is_unsettled: bool,
    /// How many ends of cables there have been.
    ends: u32,
    /// The routes by which packets vanished, also those that are gone.
    black_holes: Vec<BlackHole>,
}

#[derive(Debug)]
struct LabHostEntry {
    id: HostId,
    name: String,
    /// The routes that follow from the topology and are in place.
    routes: Routes,
    /// Destinations whose routes somebody chose; what follows from the topology is not for them.
    chosen: Vec<(Prefix, Option<LinkTarget>)>,
}

impl Lab {
    /// Makes a lab without hosts for a script on `host`: where that is simulated, so is the lab. It ends with `stop`: once that
    /// has happened, nothing asked of the lab waits long for a helper that does not answer.
    ///
    /// # Errors
    /// `permission`: the system allows none; the message has the reason and what shows it, the hint the remedy. `exhausted`:
    /// no more descriptors or processes. `invalid`: `host` is not simulated, and this build has no other labs.
    pub fn create_for(host: &dyn Host, options: &Options, stop: &Stop) -> Result<Self> {
        let networks = match SimulatedHost::of(host) {
            Some(host) => Networks::Simulated(SimulatedNetworks::new(host.world().clone())),
            None => Networks::Kernel(kernel::Control::start(Some(stop.clone()))?),
        };
        Ok(Self::make(options, networks))
    }

    fn make(options: &Options, networks: Networks) -> Self {
        Self(Arc::new(Inner { networks, options: *options, state: Mutex::default() }))
    }

    /// Makes a host. Its name is one for programs too, and it has its addresses before it has any cable.
    ///
    /// # Errors
    /// `invalid`: the name is taken or none that a host can have, or an address is; `closed`: the lab has ended.
    pub fn host(&self, name: &str, options: &HostOptions) -> Result<LabHost> {
        let mut state = self.state();
        check_name(name)?;
        if state.hosts.iter().any(|host| host.name.eq_ignore_ascii_case(name)) {
            let error = Error::invalid("host", "the lab has a host of this name").with_peer(name);
            return Err(error.with_hint("give each host a name of its own"));
        }
        let addrs = self.choose_addresses(&state, options)?;
        let new = NewHost {
            name: name.to_string(),
            addrs: addrs.clone(),
            forwards: options.forwards,
            arp: self.0.options.arp,
            icmp_limits: self.0.options.icmp_limits,
        };
        self.0.networks.ask("host", &Request::Host(new))?;
        let id = process().next_host();
        addrs.iter().for_each(|prefix| state.owners.take(prefix.addr(), id));
        state.topology.nodes.push(Node { forwards: options.forwards, addrs: addrs.clone(), ends: Vec::new() });
        state.hosts.push(LabHostEntry { id, name: name.to_string(), routes: Routes::new(), chosen: Vec::new() });
        let number = state.hosts.len() - 1;
        let kind = match &self.0.networks {
            Networks::Simulated(networks) => HostKind::Simulated(networks.host(number, id, name)?),
            Networks::Kernel(_) => HostKind::Kernel,
        };
        Ok(LabHost::new(HostParts { lab: self.clone(), number, id, name: name.to_string(), addrs, kind }))
    }

    /// Joins two hosts of a simulated lab by a cable, whose ends are known to the run. They have routes to each other at once and,
    /// unless the lab makes none, so has every host that reaches one of them.
    ///
    /// # Errors
    /// `invalid`: both are the same host, or one is of another lab; `closed`: the lab has ended.
    pub fn connect_simulated(&self, a: &LabHost, b: &LabHost, options: &CableOptions) -> Result<[Port; 2]> {
        let ask = |networks: &Networks, request: &_| Ok((networks.ask("link", request)?, ()));
        self.join(a, b, options, ask).map(|(ports, ())| ports)
    }

    /// Joins two hosts by a cable that `ask` makes; the ends, and what comes with the answer.
    fn join<T>(
        &self,
        a: &LabHost,
        b: &LabHost,
        options: &CableOptions,
        ask: impl FnOnce(&Networks, &Request) -> Result<(HelperReply, T)>,
    ) -> Result<([Port; 2], T)> {
        let both = [a, b];
        self.check_ends(both)?;
        if !(68..=65_535).contains(&options.mtu) {
            return Err(Error::invalid("link", format!("an mtu is from 68 to 65535 bytes, not {}", options.mtu)));
        }
        let mut state = self.state();
        let first = state.ends;
        state.ends += 2;
        let ends = [(a, b, first), (b, a, first + 1)].map(|(own, peer, number)| NewEnd {
            host: own.number(),
            name: format!("eth{}", state.topology.nodes[own.number()].ends.len()),
            // With both ends the same, every frame is for its receiver, and no address need be resolved.
            mac: mac(if self.0.options.arp { number } else { first }),
            addrs: addresses_over(options.mtu, own.prefixes(), peer.prefixes()),
            arp: self.0.options.arp,
            mtu: options.mtu,
        });
        let (reply, made) = ask(&self.0.networks, &Request::Connect(ends.clone()))?;
        let HelperReply::Interfaces(indices) = reply else { return Err(self.0.networks.why_gone()) };
        for own in 0..2 {
            let far = 1 - own;
            let (addrs, peer_addrs) = (ends[own].addrs.clone(), ends[far].addrs.clone());
            let end = AttachedEnd { index: indices[own], addrs, peer: both[far].number(), peer_addrs };
            state.topology.nodes[both[own].number()].ends.push(end);
        }
        self.topology_changed(&mut state)?;
        let ports = [0, 1].map(|side| Port {
            host: both[side].parts().id,
            host_name: both[side].parts().name.clone(),
            addrs: both[side].addrs(),
            mac: ends[side].mac,
            ifindex: indices[side],
            ifname: ends[side].name.clone(),
            mtu: options.mtu,
        });
        Ok((ports, made))
    }

    /// The addresses of the host called `name`, those of IPv4 first.
    pub fn lookup(&self, name: &str) -> Vec<IpAddr> {
        let state = self.state();
        let number = state.hosts.iter().position(|host| host.name.eq_ignore_ascii_case(name));
        number.map_or_else(Vec::new, |number| v4_first(&state.topology.nodes[number].addrs))
    }

    /// The time of its hosts.
    pub fn now(&self) -> Instant {
        self.0.networks.now()
    }

    /// How many hosts it has.
    pub fn host_count(&self) -> usize {
        self.state().hosts.len()
    }

    /// What the kernels of its hosts have counted that can be why pings were lost.
    pub fn kernel_counts(&self) -> Vec<(HostId, Vec<(usize, u64)>)> {
        let counted = |(number, id)| match self.0.networks.ask("host", &Request::Counted(number)) {
            Ok(HelperReply::Counts(counts)) => Some((id, counts)),
            _ => None,
        };
        self.host_ids().into_iter().enumerate().map_while(counted).collect()
    }

    /// Its hosts.
    pub fn host_ids(&self) -> Vec<HostId> {
        self.state().hosts.iter().map(|host| host.id).collect()
    }

    /// Its hosts: their names, their addresses, and whether they carry packets on.
    pub fn hosts(&self) -> Vec<(HostId, String, Vec<Prefix>, bool)> {
        let state = self.state();
        let both = state.hosts.iter().zip(&state.topology.nodes);
        both.map(|(host, node)| (host.id, host.name.clone(), node.addrs.clone(), node.forwards)).collect()
    }

    /// The routes of its hosts by which packets have vanished.
    pub fn black_holes(&self) -> Vec<BlackHole> {
        self.state().black_holes.clone()
    }

    /// Ends the lab: its programs are killed and its networks are gone. Sockets that were made in it hear nothing more; what
    /// is asked of it ends with the error `closed`.
    pub fn end(&self) {
        self.0.networks.end();
    }

    fn control(&self) -> &Networks {
        &self.0.networks
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The addresses of a host to be made.
    fn choose_addresses(&self, state: &State, options: &HostOptions) -> Result<Vec<Prefix>> {
        let mut addrs: Vec<Prefix> = Vec::new();
        for &prefix in &options.addrs {
            addresses::check(prefix)?;
            if prefix.addr().is_ipv6() && !self.0.networks.has_v6() {
                return Err(Error::invalid("host", "this system has no IPv6").with_peer(prefix));
            }
            let owner = state.owners.of(prefix.addr());
            if let Some(owner) = state.hosts.iter().find(|host| Some(host.id) == owner) {
                let message = format!("{} has this address", owner.name);
                return Err(Error::new(ErrorKind::InUse, "host", message).with_peer(prefix.addr()));
            }
            if addrs.iter().any(|other| other.addr() == prefix.addr()) {
                return Err(Error::invalid("host", "this address is given twice").with_peer(prefix.addr()));
            }
            addrs.push(prefix);
        }
        let number = u16::try_from(state.hosts.len() + 1).unwrap_or(u16::MAX);
        for v4 in [true, false] {
            let is_chosen = addrs.iter().any(|prefix| prefix.addr().is_ipv4() == v4);
            if !is_chosen && (v4 || self.0.networks.has_v6()) {
                let full = || Error::new(ErrorKind::Exhausted, "host", "no address is left to be given out");
                addrs.push(state.owners.free(number, v4).ok_or_else(full)?.into());
            }
        }
        Ok(addrs)
    }

    fn check_ends(&self, ends: [&LabHost; 2]) -> Result<()> {
        if let Some(host) = ends.iter().find(|host| !Arc::ptr_eq(&host.parts().lab.0, &self.0)) {
            return Err(Error::invalid("link", "this host is of another lab").with_peer(&host.parts().name));
        }
        if ends[0].number() == ends[1].number() {
            let error = Error::invalid("link", "a link from a host to itself goes nowhere");
            return Err(error.with_peer(&ends[0].parts().name).with_hint("link it to another host of the lab"));
        }
        Ok(())
    }

    /// Has routes follow the topology: those of a kernel now; those of simulated hosts before anything happens there, since each
    /// link changes those of all hosts.
    fn topology_changed(&self, state: &mut State) -> Result<()> {
        match &self.0.networks {
            Networks::Kernel(_) => self.settle_routes(state),
            Networks::Simulated(networks) => {
                if !std::mem::replace(&mut state.is_unsettled, true) {
                    let lab = Arc::downgrade(&self.0);
                    networks.world().defer(move || {
                        if let Some(lab) = lab.upgrade() {
                            Self(lab).settle();
                        }
                    });
                }
                Ok(())
            }
        }
    }

    /// Has routes follow the topology if they do not yet; an ended lab has none.
    fn settle(&self) {
        let mut state = self.state();
        if std::mem::take(&mut state.is_unsettled) {
            let _ = self.settle_routes(&mut state);
        }
    }

    /// Sends whatever keeps the hosts how routes have changed with the topology.
    fn settle_routes(&self, state: &mut State) -> Result<()> {
        let mut changes = Vec::new();
        let State { hosts, topology, .. } = state;
        for (host, entry) in hosts.iter_mut().enumerate() {
            let mut routes = topology.routes(host, self.0.options.routes);
            routes.retain(|to, _| !entry.chosen.iter().any(|(chosen, _)| chosen == to));
            let new = topology::changes(&entry.routes, &routes).into_iter();
            changes.extend(new.map(|(to, target)| RouteChange { host, to, target }));
            entry.routes = routes;
        }
        for some in changes.chunks(ROUTES_AT_ONCE) {
            self.0.networks.ask("route", &Request::Routes(some.to_vec()))?;
        }
        Ok(())
    }
}

/// Checks that a host can have this name: programs look it up as any other.
fn check_name(name: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
    let refuse = |why: &str| {
        let error = Error::invalid("host", format!("a host cannot be called \"{name}\": {why}"));
        Err(error.with_hint("a name has letters, digits, - and _, such as a, server or r1"))
    };
    match name {
        "" => refuse("a name has at least one character"),
        "localhost" => refuse("each host calls itself so"),
        _ if name.len() > 63 => refuse("a name has at most 63 characters"),
        _ if !name.chars().all(fits) => refuse("other programs could not read it"),
        _ if name.starts_with(['-', '.']) || name.ends_with('.') => refuse("other programs could not read it"),
        _ if name.chars().all(|c| c.is_ascii_digit() || c == '.') => refuse("programs would take it for an address"),
        _ => Ok(()),
    }
}

/// The addresses, those of IPv4 first.
fn v4_first(prefixes: &[Prefix]) -> Vec<IpAddr> {
    let mut addrs: Vec<IpAddr> = prefixes.iter().map(|prefix| prefix.addr()).collect();
    addrs.sort_by_key(IpAddr::is_ipv6);
    addrs
}

/// The hardware address numbered `number`, from those that belong to no maker (02-…, IEEE 802: locally administered).
fn mac(number: u32) -> [u8; 6] {
    let [a, b, c, d] = (number + 1).to_be_bytes();
    [2, 0, a, b, c, d]
}

/// A request with so many routes fits into a message.
const ROUTES_AT_ONCE: usize = 500;

#[cfg(test)]
mod tests;
