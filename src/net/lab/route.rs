//! Routes that somebody chose, in place of those that follow from the topology.

use std::net::IpAddr;

use super::protocol::{Request, RouteChange};
use super::{LabHost, LinkTarget, Prefix, State};
use crate::net::error::{Error, Result};
use crate::net::observe::loss_report::BlackHole;

/// Where a chosen route leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By way of a neighbour, which has this address.
    Via(IpAddr),
    /// Nowhere, which the sender is sent: host unreachable.
    Unreachable,
    /// Nowhere, which the sender is sent: communication administratively prohibited.
    Prohibit,
    /// Nowhere, in silence.
    Blackhole,
}

impl LabHost {
    /// Makes a route, in place of the one to the same destination. It stays when cables are added.
    ///
    /// # Errors
    /// `invalid`: the way is by way of no neighbour, or of another version than the destination; `closed`: the lab has ended.
    pub fn add_route(&self, to: Prefix, way: Way) -> Result<()> {
        let to = to.masked();
        let target = match way {
            Way::Via(router) => self.by_way_of(to, router)?,
            Way::Unreachable => LinkTarget::Unreachable,
            Way::Prohibit => LinkTarget::Prohibit,
            Way::Blackhole => LinkTarget::Blackhole,
        };
        self.choose(to, Some(target))
    }

    /// Takes a route away, for good: the lab makes no other to this destination.
    ///
    /// # Errors
    /// `invalid`: there is none to exactly this destination; the hint lists those that there are. `closed`: the lab has ended.
    pub fn delete_route(&self, to: Prefix) -> Result<()> {
        let to = to.masked();
        let routes = self.routes();
        if !routes.iter().any(|(other, _)| *other == to) {
            let names: Vec<String> = routes.iter().map(|(to, _)| name(*to)).collect();
            let error = Error::invalid("route", format!("{} has no route to {}", self.parts().name, name(to)));
            let list = if names.is_empty() { "it has none; link it to another host".into() } else { names.join(", ") };
            return Err(error.with_hint(format!("its routes are: {list}")));
        }
        self.choose(to, None)
    }

    /// Its routes, but for those to the networks of its own addresses, in order.
    pub fn routes(&self) -> Vec<(Prefix, LinkTarget)> {
        self.lab().settle();
        let state = self.lab().state();
        let entry = &state.hosts[self.number()];
        let chosen = entry.chosen.iter().filter_map(|(to, target)| Some((*to, (*target)?)));
        let mut routes: Vec<_> = entry.routes.iter().map(|(to, target)| (*to, *target)).chain(chosen).collect();
        routes.sort_by_key(|(to, _)| *to);
        routes
    }

    fn choose(&self, to: Prefix, target: Option<LinkTarget>) -> Result<()> {
        self.lab().settle();
        let mut state = self.lab().state();
        let change = RouteChange { host: self.number(), to, target };
        let before = self.lab().now();
        self.ask("route", &Request::Routes(vec![change]))?;
        let State { hosts, black_holes, .. } = &mut *state;
        let entry = &mut hosts[self.number()];
        let is_open = |hole: &&mut BlackHole| (hole.host, hole.to, hole.until) == (entry.id, to, None);
        black_holes.iter_mut().filter(is_open).for_each(|hole| hole.until = Some(self.lab().now()));
        if target == Some(LinkTarget::Blackhole) {
            black_holes.push(BlackHole { host: entry.id, to, since: before, until: None });
        }
        entry.routes.remove(&to);
        entry.chosen.retain(|(other, _)| *other != to);
        entry.chosen.push((to, target));
        Ok(())
    }

    /// The interface that leads to the neighbour with the address `router`.
    fn by_way_of(&self, to: Prefix, router: IpAddr) -> Result<LinkTarget> {
        let own = &self.parts().name;
        if to.addr().is_ipv4() != router.is_ipv4() {
            let error = Error::invalid("route", format!("a route to {} cannot lead by way of {router}", name(to)));
            return Err(error.with_hint("both are addresses of IPv4 or both of IPv6"));
        }
        let state = self.lab().state();
        let ends = &state.topology.nodes[self.number()].ends;
        let has = |peer: usize| state.topology.nodes[peer].addrs.iter().any(|prefix| prefix.addr() == router);
        if let Some(end) = ends.iter().find(|end| has(end.peer)) {
            // To the router itself there is no router in between.
            let direct = to.is_single() && to.addr() == router;
            // One of its other interfaces' addresses stands for the router too.
            return Ok(LinkTarget::Via(end.index, if direct { None } else { end.router(router) }));
        }
        let neighbours: Vec<&str> = ends.iter().map(|end| state.hosts[end.peer].name.as_str()).collect();
        let hint = match &neighbours[..] {
            [] => format!("{own} has no links yet: make one first"),
            some => format!("{own} is linked to {}", some.join(", ")),
        };
        Err(Error::invalid("route", format!("{router} is at no other end of a link of {own}")).with_hint(hint))
    }
}

/// A destination as people write it.
fn name(to: Prefix) -> String {
    if to.len() == 0 { "default".to_string() } else { to.to_string() }
}
