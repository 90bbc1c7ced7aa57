//! Who is joined to whom, and the routes that follow from it: which interface, and which router, leads where. Pure.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;

use super::addresses::{Prefix, everything};

/// What becomes of packets that a route is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum LinkTarget {
    /// They leave by the interface with this index, to the router or, if there is none, to the destination itself.
    Via(u32, Option<IpAddr>),
    /// The sender gets the error that the host is unreachable (RTN_UNREACHABLE).
    Unreachable,
    /// The sender gets the error that communication is administratively prohibited (RTN_PROHIBIT).
    Prohibit,
    /// They vanish (RTN_BLACKHOLE).
    Blackhole,
}

/// The hosts and cables of a lab. Hosts are numbered from 0 in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Topology {
    pub(super) nodes: Vec<Node>,
}

/// A host, seen from its cables.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Whether it carries packets on.
    pub(super) forwards: bool,
    /// Its addresses.
    pub(super) addrs: Vec<Prefix>,
    /// Its ends of cables.
    pub(super) ends: Vec<AttachedEnd>,
}

/// A host's end of a cable.
#[derive(Clone, Debug)]
pub(super) struct AttachedEnd {
    /// The index of its interface.
    pub(super) index: u32,
    /// The addresses of its interface.
    pub(super) addrs: Vec<Prefix>,
    /// Who is at the other end.
    pub(super) peer: usize,
    /// The addresses of the interface there.
    pub(super) peer_addrs: Vec<Prefix>,
}

/// Where packets go, by destination, in an order that is always the same.
pub(super) type Routes = BTreeMap<Prefix, LinkTarget>;

/// The changes that turn the routes `old` into `new`, in an order in which the kernel takes them: IPv6 refuses a router that
/// another interface still leads to. So routes to neighbours come first, then those that go, then those by way of routers.
pub(super) fn changes(old: &Routes, new: &Routes) -> Vec<(Prefix, Option<LinkTarget>)> {
    let gone = old.keys().filter(|to| !new.contains_key(to)).map(|&to| (to, None));
    let made = new.iter().filter(|(to, target)| old.get(to) != Some(target)).map(|(&to, &target)| (to, Some(target)));
    let mut changes: Vec<_> = gone.chain(made).collect();
    changes.sort_by_key(|(_, target)| match target {
        Some(LinkTarget::Via(_, Some(_))) => 2,
        None => 1,
        Some(_) => 0,
    });
    changes
}

/// The addresses that the interface of a host towards `peer` gets, of those that both have.
///
/// Those that are a network of their own go to each interface: a host is the same whichever way it is asked. Of the others,
/// those go there whose network has an address of the peer, or all if there is none: then the two do not fit, as they were
/// configured to.
fn addresses_towards(own: &[Prefix], peer: &[Prefix]) -> Vec<Prefix> {
    let fits = |prefix: &Prefix| prefix.is_single() || peer.iter().any(|there| prefix.contains(there.addr()));
    [true, false]
        .into_iter()
        .flat_map(|v4| {
            let of_version = || own.iter().copied().filter(move |prefix| prefix.addr().is_ipv4() == v4);
            let fitting: Vec<Prefix> = of_version().filter(fits).collect();
            if fitting.is_empty() { of_version().collect() } else { fitting }
        })
        .collect()
}

impl AttachedEnd {
    /// The address by which the host at the other end, which has the address `named`, carries packets on: that one if its
    /// interface there has it.
    pub(super) fn router(&self, named: IpAddr) -> Option<IpAddr> {
        if self.is_near(named) { Some(named) } else { router_at(self, named.is_ipv4()) }
    }

    /// Whether the interface at the other end has this address.
    fn is_near(&self, addr: IpAddr) -> bool {
        self.peer_addrs.iter().any(|prefix| prefix.addr() == addr)
    }
}

impl Topology {
    /// The routes of the host `from`: to the hosts it is joined to and, with `whole`, by way of those that forward to all
    /// others.
    pub(super) fn routes(&self, from: usize, whole: bool) -> Routes {
        let node = &self.nodes[from];
        let mut routes = Routes::new();
        let neighbours = || {
            let addrs =
                |end: &AttachedEnd| self.nodes[end.peer].addrs.iter().map(|prefix| prefix.addr()).collect::<Vec<_>>();
            node.ends.iter().flat_map(move |end| addrs(end).into_iter().map(move |there| (end, there)))
        };
        // An address at the other end of a cable is reached by that one, not by another of the same neighbour's addresses.
        for (end, there) in neighbours().filter(|(end, there)| end.is_near(*there)) {
            // The kernel itself makes a route to the network of an interface's address; of one on several cables, to the first.
            let in_network = |end: &&AttachedEnd| end.addrs.iter().any(|own| !own.is_single() && own.contains(there));
            if !(in_network(&end) && node.ends.iter().filter(in_network).count() == 1) {
                routes.entry(there.into()).or_insert(LinkTarget::Via(end.index, None));
            }
        }
        for (end, there) in neighbours().filter(|(end, there)| !end.is_near(*there)) {
            // Over a cable that is too small for IPv6 there is no router.
            let is_near_elsewhere = node.ends.iter().any(|other| other.is_near(there));
            if let Some(router) = router_at(end, there.is_ipv4()).filter(|_| !is_near_elsewhere) {
                routes.entry(there.into()).or_insert(LinkTarget::Via(end.index, Some(router)));
            }
        }
        if !whole {
            return routes;
        }
        match &node.ends[..] {
            [only] if !node.forwards && self.nodes[only.peer].forwards => {
                for v4 in [true, false] {
                    if let Some(router) = router_at(only, v4) {
                        routes.insert(everything(v4), LinkTarget::Via(only.index, Some(router)));
                    }
                }
                // What the router knows, but for what this host takes for its neighbours.
                if only.addrs.iter().any(|own| !own.is_single()) {
                    let mut far = Routes::new();
                    self.add_far_routes(from, &node.ends, &mut far);
                    far.retain(|to, _| only.addrs.iter().any(|own| !own.is_single() && own.contains(to.addr())));
                    routes.extend(far);
                }
            }
            ends => self.add_far_routes(from, ends, &mut routes),
        }
        routes
    }

    /// Adds the routes to hosts that others forward to, each by the way with the fewest of them.
    fn add_far_routes(&self, from: usize, ends: &[AttachedEnd], routes: &mut Routes) {
        let first_ends = self.first_ends(from);
        // All hosts of a network behind the same router share one route: by which end, if there is one such router.
        let mut networks: HashMap<Prefix, Option<usize>> = HashMap::new();
        let far = || {
            let is_far = |to: &usize| *to != from && !ends.iter().any(|end| end.peer == *to);
            (0..self.nodes.len()).filter(is_far).filter_map(|to| Some((to, first_ends[to]?)))
        };
        for (to, end) in far() {
            for prefix in self.nodes[to].addrs.iter().filter(|prefix| !prefix.is_single()) {
                let by = networks.entry(prefix.masked()).or_insert(Some(end));
                *by = by.filter(|by| *by == end);
            }
        }
        let is_own = |addr: IpAddr| self.nodes[from].addrs.iter().any(|own| own.contains(addr));
        for (to, end) in far() {
            for prefix in &self.nodes[to].addrs {
                let Some(router) = router_at(&ends[end], prefix.addr().is_ipv4()) else { continue };
                let is_shared = || networks.get(&prefix.masked()) == Some(&Some(end)) && !is_own(prefix.addr());
                let destination =
                    if !prefix.is_single() && is_shared() { prefix.masked() } else { prefix.addr().into() };
                routes.entry(destination).or_insert(LinkTarget::Via(ends[end].index, Some(router)));
            }
        }
    }

    /// For each host, by which of its ends `from` reaches it; `None`: not at all.
    fn first_ends(&self, from: usize) -> Vec<Option<usize>> {
        let mut first: Vec<Option<usize>> = vec![None; self.nodes.len()];
        let mut queue = VecDeque::new();
        for (number, end) in self.nodes[from].ends.iter().enumerate() {
            if end.peer != from && first[end.peer].is_none() {
                first[end.peer] = Some(number);
                queue.push_back(end.peer);
            }
        }
        while let Some(at) = queue.pop_front() {
            if !self.nodes[at].forwards {
                continue;
            }
            for end in &self.nodes[at].ends {
                if end.peer != from && first[end.peer].is_none() {
                    first[end.peer] = first[at];
                    queue.push_back(end.peer);
                }
            }
        }
        first
    }
}

/// The address by which the host at the other end is asked to carry packets on: one of its interface's there, from the
/// network of this end's if it can be.
fn router_at(end: &AttachedEnd, v4: bool) -> Option<IpAddr> {
    let there = || end.peer_addrs.iter().map(|prefix| prefix.addr()).filter(move |addr| addr.is_ipv4() == v4);
    let near = |addr: &IpAddr| end.addrs.iter().any(|own| own.contains(*addr));
    there().find(near).or_else(|| there().next())
}

/// The addresses of an interface over a cable of this size: IPv6 needs 1280 bytes (RFC 8200 section 5).
pub(super) fn addresses_over(mtu: u32, own: &[Prefix], peer: &[Prefix]) -> Vec<Prefix> {
    let mut addrs = addresses_towards(own, peer);
    addrs.retain(|prefix| prefix.addr().is_ipv4() || mtu >= 1280);
    addrs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lab of hosts (`true`: it forwards) with their addresses, and cables between them.
    fn lab(hosts: &[(bool, &[&str])], cables: &[(usize, usize)]) -> Topology {
        let prefix = |text: &&str| text.parse().unwrap_or_else(|err| panic!("{text}: {err}"));
        let node = |(forwards, addrs): &(bool, &[&str])| Node {
            forwards: *forwards,
            addrs: addrs.iter().map(prefix).collect(),
            ends: Vec::new(),
        };
        let mut lab = Topology { nodes: hosts.iter().map(node).collect() };
        for &(a, b) in cables {
            let at = |own: usize, peer: usize, lab: &Topology| {
                addresses_towards(&lab.nodes[own].addrs, &lab.nodes[peer].addrs)
            };
            let (near, far) = (at(a, b, &lab), at(b, a, &lab));
            for (own, peer, addrs, peer_addrs) in [(a, b, near.clone(), far.clone()), (b, a, far, near)] {
                let index = lab.nodes[own].ends.len() as u32 + 2;
                lab.nodes[own].ends.push(AttachedEnd { index, addrs, peer, peer_addrs });
            }
        }
        lab
    }

    /// The routes as people write them, in order.
    fn routes(lab: &Topology, from: usize) -> Vec<String> {
        let mut lines: Vec<String> = lab
            .routes(from, true)
            .iter()
            .map(|(to, target)| match target {
                LinkTarget::Via(index, None) => format!("{to} dev {index}"),
                LinkTarget::Via(index, Some(router)) => format!("{to} via {router} dev {index}"),
                other => format!("{other:?}"),
            })
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn neighbours_reach_each_other() {
        let lab = lab(&[(false, &["10.0.0.1", "fd00::1"]), (false, &["10.0.0.2", "fd00::2"])], &[(0, 1)]);
        assert_eq!(routes(&lab, 0), ["10.0.0.2 dev 2", "fd00::2 dev 2"]);
        assert_eq!(routes(&lab, 1), ["10.0.0.1 dev 2", "fd00::1 dev 2"]);
    }

    #[test]
    fn a_router_carries_on_and_a_host_does_not() {
        let ends: [(bool, &[&str]); 3] = [(false, &["10.0.0.1"]), (true, &["10.0.0.2"]), (false, &["10.0.0.3"])];
        let cables = [(0, 1), (1, 2)];
        let routed = lab(&ends, &cables);
        assert_eq!(routes(&routed, 0), ["0.0.0.0/0 via 10.0.0.2 dev 2", "10.0.0.2 dev 2"]);
        assert_eq!(routes(&routed, 1), ["10.0.0.1 dev 2", "10.0.0.3 dev 3"]);
        assert_eq!(routed.routes(0, false).len(), 1, "the neighbour alone");
        let hosts = ends.map(|(_, addrs)| (false, addrs));
        assert_eq!(routes(&lab(&hosts, &cables), 0), ["10.0.0.2 dev 2"]);
    }

    #[test]
    fn the_way_with_the_fewest_routers_is_taken() {
        // 0 - 1 - 2 - 3 - 0: a ring of routers.
        let hosts: [(bool, &[&str]); 4] =
            [(true, &["10.0.0.1"]), (true, &["10.0.0.2"]), (true, &["10.0.0.3"]), (true, &["10.0.0.4"])];
        let ring = lab(&hosts, &[(0, 1), (1, 2), (2, 3), (3, 0)]);
        assert_eq!(routes(&ring, 0), ["10.0.0.2 dev 2", "10.0.0.3 via 10.0.0.2 dev 2", "10.0.0.4 dev 3"]);
    }

    #[test]
    fn networks_that_were_chosen_are_routed_as_networks() {
        let hosts: [(bool, &[&str]); 4] = [
            (false, &["10.0.1.2/24"]),
            (true, &["10.0.1.1/24", "10.0.2.1/24"]),
            (true, &["10.0.2.2/24", "10.0.3.1/24"]),
            (false, &["10.0.3.2/24"]),
        ];
        let lab = lab(&hosts, &[(0, 1), (1, 2), (2, 3)]);
        assert_eq!(lab.nodes[1].ends[0].addrs.len(), 1, "the address of that network alone");
        // The kernel knows the networks of its own interfaces.
        assert_eq!(routes(&lab, 0), ["0.0.0.0/0 via 10.0.1.1 dev 2", "10.0.2.1 via 10.0.1.1 dev 2"]);
        assert_eq!(routes(&lab, 1), ["10.0.3.0/24 via 10.0.2.2 dev 3", "10.0.3.1 via 10.0.2.2 dev 3"]);
    }

    #[test]
    fn a_network_in_two_places_is_reached_host_by_host() {
        let hosts: [(bool, &[&str]); 4] =
            [(false, &["10.0.1.2/24"]), (true, &["10.0.0.1"]), (true, &["10.0.0.2"]), (false, &["10.0.1.3/24"])];
        let lab = lab(&hosts, &[(0, 1), (1, 2), (2, 3)]);
        assert_eq!(routes(&lab, 1), ["10.0.0.2 dev 3", "10.0.1.0/24 via 10.0.0.2 dev 3", "10.0.1.2 dev 2"]);
        assert_eq!(
            routes(&lab, 0),
            ["0.0.0.0/0 via 10.0.0.1 dev 2", "10.0.0.1 dev 2", "10.0.1.3 via 10.0.0.1 dev 2"],
            "what is not on this cable"
        );
    }

    #[test]
    fn one_network_on_several_cables_of_a_router_is_reached_host_by_host() {
        let hosts: [(bool, &[&str]); 3] =
            [(true, &["10.0.1.254/24"]), (false, &["10.0.1.1/24"]), (false, &["10.0.1.2/24"])];
        let lab = lab(&hosts, &[(1, 0), (2, 0)]);
        assert_eq!(routes(&lab, 0), ["10.0.1.1 dev 2", "10.0.1.2 dev 3"]);
        assert_eq!(routes(&lab, 1), ["0.0.0.0/0 via 10.0.1.254 dev 2", "10.0.1.2 via 10.0.1.254 dev 2"]);
    }

    #[test]
    fn an_address_is_reached_by_the_cable_that_has_it() {
        let ends: [(bool, &[&str]); 2] = [
            (true, &["10.0.1.1/24", "10.0.2.1/24", "10.0.3.1", "fd00::1"]),
            (true, &["10.0.1.2/24", "10.0.2.2/24", "10.0.4.2", "fd00::2"]),
        ];
        // Two cables between the same routers.
        let lab = lab(&ends, &[(0, 1), (0, 1)]);
        let found = routes(&lab, 0);
        assert_eq!(found, ["10.0.1.2 dev 2", "10.0.2.2 dev 2", "10.0.4.2 dev 2", "fd00::2 dev 2"]);
    }

    #[test]
    fn routes_to_neighbours_are_made_before_those_by_way_of_them() {
        let hosts: [(bool, &[&str]); 3] = [(true, &["fd00::1"]), (true, &["fd00::2"]), (true, &["fd00::3"])];
        let (line, triangle) = (lab(&hosts, &[(0, 1), (1, 2)]), lab(&hosts, &[(0, 1), (1, 2), (2, 0)]));
        let to = |text: &str| text.parse().expect("a prefix");
        let new = triangle.routes(0, true);
        assert_eq!(changes(&line.routes(0, true), &new), [(to("fd00::3"), Some(LinkTarget::Via(3, None)))]);
        let old = Routes::from([(to("fd00::9"), LinkTarget::Via(2, None)), (to("fd00::3"), LinkTarget::Via(2, None))]);
        let far = (to("::/0"), LinkTarget::Via(3, Some(to("fd00::3").addr())));
        let order: Vec<_> =
            changes(&old, &new.into_iter().chain([far]).collect()).into_iter().map(|(to, _)| to).collect();
        assert_eq!(order, ["fd00::2", "fd00::3", "fd00::9", "::/0"].map(to));
    }
}
