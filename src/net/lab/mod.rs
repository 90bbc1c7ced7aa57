//! A lab: hosts with a network stack each, and cables between them, made without privileges.
//!
//! Each host is a network namespace. A [`Cable`] joins two of them: what one host sends comes out of a packet socket, and
//! what is written to the other's packet socket the other receives; the holder of the two decides what becomes of the
//! packets in between. A helper process ([`kernel`]) owns the namespaces and hands the sockets over; it ends with the lab, and the
//! system takes everything down.
//!
//! [`addresses`] and `topology` are values: who has which address, and which routes follow from the cables.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use self::addresses::Prefix;
pub use self::driver::RelayDriver;
pub use self::kernel::{LabHost, use_helper};
pub use self::options::{CableOptions, HostOptions, Options};
pub use self::topology::LinkTarget;

use self::addresses::Owners;
use self::kernel::helper::protocol::{HelperReply, NewEnd, NewHost, Request, RouteChange};
use self::kernel::{Control, Descriptor, HostParts, Packets};
use self::networks::Networks;
use self::simulated::SimulatedNetworks;
use self::topology::{AttachedEnd, Node, Routes, Topology, addresses_over};
use super::error::{Error, ErrorKind, Result};
use super::host::environment::process;
use super::host::id::HostId;
use super::host::simulated::world::World;
use super::host::stop::Stop;
use super::host::{Host, SimulatedHost};
use super::time::Instant;

pub mod addresses;
mod driver;
pub mod kernel;
mod networks;
mod options;
pub mod relay;
pub mod route;
pub mod simulated;
mod topology;

/// A cable between two hosts.
#[derive(Debug)]
pub struct Cable {
    /// Its ends, in the order of the hosts it was made for.
    pub ports: [Port; 2],
    /// A packet socket (packet(7)) at each end that never blocks, for whole Ethernet frames: what is read was sent by the
    /// host there, and what is written the host receives.
    pub packets: Packets,
}

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
    /// How many ends of cables there have been.
    ends: u32,
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
    /// Makes a lab without hosts.
    ///
    /// # Errors
    /// `permission`: the system allows none; the message has the reason and what shows it, the hint the remedy. `exhausted`:
    /// no more descriptors or processes.
    pub fn create(options: &Options) -> Result<Self> {
        Ok(Self::make(options, Networks::Kernel(Control::start(None)?)))
    }

    /// The same for a script on `host`: where that is simulated, so is the lab. It ends with `stop`: once that has happened,
    /// nothing asked of the lab waits long for a helper that does not answer.
    ///
    /// # Errors
    /// As [`Lab::create`].
    pub fn create_for(host: &dyn Host, options: &Options, stop: &Stop) -> Result<Self> {
        let networks = match SimulatedHost::of(host) {
            Some(host) => Networks::Simulated(SimulatedNetworks::new(host.world().clone())),
            None => Networks::Kernel(Control::start(Some(stop.clone()))?),
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
        self.0.networks.ask("host", &Request::Host(new), &[])?;
        let id = process().next_host();
        addrs.iter().for_each(|prefix| state.owners.take(prefix.addr(), id));
        state.topology.nodes.push(Node { forwards: options.forwards, addrs: addrs.clone(), ends: Vec::new() });
        state.hosts.push(LabHostEntry { id, name: name.to_string(), routes: Routes::new(), chosen: Vec::new() });
        let number = state.hosts.len() - 1;
        let machine = match &self.0.networks {
            Networks::Simulated(networks) => networks.host(number, id, name),
            Networks::Kernel(_) => None,
        };
        Ok(LabHost::new(HostParts { lab: self.clone(), number, id, name: name.to_string(), addrs, machine }))
    }

    /// Joins two hosts by a cable. They have routes to each other at once and, unless the lab makes none, so has every host
    /// that reaches one of them.
    ///
    /// # Errors
    /// `invalid`: both are the same host, or one is of another lab; `closed`: the lab has ended.
    pub fn connect(&self, a: &LabHost, b: &LabHost, options: &CableOptions) -> Result<Cable> {
        let (ports, packets) = self.join(a, b, options)?;
        let packets = Packets::try_from(packets).map_err(|_| self.0.networks.why_gone())?;
        Ok(Cable { ports, packets })
    }

    /// The same in a simulated lab, whose cables have no packet sockets.
    ///
    /// # Errors
    /// As [`Lab::connect`].
    pub fn connect_simulated(&self, a: &LabHost, b: &LabHost, options: &CableOptions) -> Result<[Port; 2]> {
        self.join(a, b, options).map(|(ports, _)| ports)
    }

    /// The simulated run that it is of, if it is of one.
    pub(super) fn world(&self) -> Option<&World> {
        match &self.0.networks {
            Networks::Simulated(networks) => Some(networks.world()),
            Networks::Kernel(_) => None,
        }
    }

    fn join(&self, a: &LabHost, b: &LabHost, options: &CableOptions) -> Result<([Port; 2], Vec<Descriptor>)> {
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
        let (reply, packets) = self.0.networks.ask("link", &Request::Connect(ends.clone()), &[])?;
        let HelperReply::Interfaces(indices) = reply else { return Err(self.0.networks.why_gone()) };
        for own in 0..2 {
            let far = 1 - own;
            let (addrs, peer_addrs) = (ends[own].addrs.clone(), ends[far].addrs.clone());
            let end = AttachedEnd { index: indices[own], addrs, peer: both[far].number(), peer_addrs };
            state.topology.nodes[both[own].number()].ends.push(end);
        }
        self.settle_routes(&mut state)?;
        let ports = [0, 1].map(|side| Port {
            host: both[side].parts().id,
            host_name: both[side].parts().name.clone(),
            addrs: both[side].addrs(),
            mac: ends[side].mac,
            ifindex: indices[side],
            ifname: ends[side].name.clone(),
            mtu: options.mtu,
        });
        Ok((ports, packets))
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
        let counted = |(number, id)| match self.0.networks.ask("host", &Request::Counted(number), &[]) {
            Ok((HelperReply::Counts(counts), _)) => Some((id, counts)),
            _ => None,
        };
        self.host_ids().into_iter().enumerate().map_while(counted).collect()
    }

    /// Its hosts.
    pub fn host_ids(&self) -> Vec<HostId> {
        self.state().hosts.iter().map(|host| host.id).collect()
    }

    /// The routes of its hosts by which packets vanish.
    pub fn black_holes(&self) -> Vec<(HostId, Prefix)> {
        let state = self.state();
        let chosen = state.hosts.iter().flat_map(|host| host.chosen.iter().map(|(to, target)| (host.id, *to, *target)));
        chosen.filter(|(.., target)| *target == Some(LinkTarget::Blackhole)).map(|(host, to, _)| (host, to)).collect()
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

    /// Sends the helper how routes have changed with the topology.
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
            self.0.networks.ask("route", &Request::Routes(some.to_vec()), &[])?;
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
mod tests {
    use super::*;

    #[test]
    fn names_that_programs_cannot_read_are_refused() {
        for name in ["a", "server-1", "R1", "a.lab", "x_y", "10a"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in
            ["", "a b", "localhost", "10.0.0.1", "12", "-a", "a/b", "a\n", "é", &"x".repeat(64), "a.", "fd00::1"]
        {
            assert_eq!(check_name(name).expect_err(name).kind, ErrorKind::Invalid);
        }
    }
}
