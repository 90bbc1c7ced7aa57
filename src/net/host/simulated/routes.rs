//! Where a simulated host sends packets, and how large they may be on the way there. Pure.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use crate::net::time::{Duration, Instant};
use crate::net::wire::prefix::Prefix;

/// How long what was learnt of a path holds (net.ipv4.route.mtu_expires, net.ipv6.route.mtu_expires).
const MTU_EXPIRES: Duration = Duration::from_secs(600);

/// The least MTU that is believed of a path (net.ipv4.route.min_pmtu; RFC 8200, section 5).
const LEAST_MTU: [u32; 2] = [552, 1280];

/// What becomes of packets to a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteTarget {
    /// They leave by this interface, to the router with this address or, without one, to the destination itself.
    Interface(u32, Option<IpAddr>),
    /// The sender gets the error that the host is unreachable.
    Unreachable,
    /// The sender gets the error that communication is administratively prohibited.
    Prohibit,
    /// They vanish.
    Blackhole,
}

/// The routes of a host, of which the one with the longest prefix counts.
#[derive(Debug, Default)]
pub struct RouteTable {
    routes: BTreeMap<Prefix, RouteTarget>,
    found: HashMap<IpAddr, Option<RouteTarget>>,
    /// The one of these that was looked for last: a packet asks several times.
    last: Option<(IpAddr, Option<RouteTarget>)>,
}

impl RouteTable {
    /// Makes a route in place of the one to the same destination, or takes it away.
    pub fn set(&mut self, to: Prefix, target: Option<RouteTarget>) {
        match target {
            Some(target) => self.routes.insert(to.masked(), target),
            None => self.routes.remove(&to.masked()),
        };
        self.found.clear();
        self.last = None;
    }

    /// What becomes of packets to `addr`.
    pub fn find(&mut self, addr: IpAddr) -> Option<RouteTarget> {
        if let Some((_, found)) = self.last.filter(|(last, _)| *last == addr) {
            return found;
        }
        if let Some(found) = self.found.get(&addr).copied() {
            self.last = Some((addr, found));
            return found;
        }
        let fitting = self.routes.iter().filter(|(to, _)| to.contains(addr));
        let found = fitting.max_by_key(|(to, _)| to.len()).map(|(_, target)| *target);
        if self.found.len() >= 65_536 {
            self.found.clear();
        }
        self.found.insert(addr, found);
        self.last = Some((addr, found));
        found
    }
}

/// What was learnt of the largest packets that paths carry.
#[derive(Debug, Default)]
pub struct PathMtus(BTreeMap<IpAddr, KnownPath>);

#[derive(Clone, Copy, Debug)]
struct KnownPath {
    mtu: u32,
    is_narrower: bool,
    until: Instant,
}

impl PathMtus {
    /// Learns that a path carries no larger packets than `mtu`.
    pub fn learn(&mut self, to: IpAddr, mtu: u32, now: Instant) {
        let least = LEAST_MTU[usize::from(to.is_ipv6())];
        let (mtu, is_narrower) = (mtu.max(least), mtu < least);
        if self.of(to, now).is_none_or(|known| mtu < known || is_narrower)
            && (self.0.len() < 65_536 || self.0.contains_key(&to))
        {
            self.0.insert(to, KnownPath { mtu, is_narrower, until: now + MTU_EXPIRES });
        }
    }

    /// Whether the path is known to carry less than is believed: then packets may be fragmented on the way, as on Linux.
    pub fn is_narrower(&self, to: IpAddr, now: Instant) -> bool {
        self.0.get(&to).is_some_and(|known| known.is_narrower && known.until > now)
    }

    /// The largest packet that the path to `to` is known to carry.
    pub fn of(&mut self, to: IpAddr, now: Instant) -> Option<u32> {
        let KnownPath { mtu, until, .. } = *self.0.get(&to)?;
        if until <= now {
            self.0.remove(&to);
            return None;
        }
        Some(mtu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().expect("a prefix")
    }

    #[test]
    fn the_longest_prefix_counts() {
        let mut table = RouteTable::default();
        let by = |index| RouteTarget::Interface(index, None);
        for (to, target) in
            [("0.0.0.0/0", by(1)), ("10.0.0.0/8", by(2)), ("10.0.0.9", RouteTarget::Prohibit), ("::/0", by(3))]
        {
            table.set(prefix(to), Some(target));
        }
        let mut find = |addr: &str| table.find(addr.parse().expect("an address"));
        assert_eq!(
            [find("192.0.2.1"), find("10.1.1.1"), find("10.0.0.9"), find("fd00::1")],
            [Some(by(1)), Some(by(2)), Some(RouteTarget::Prohibit), Some(by(3))]
        );
        table.set(prefix("0.0.0.0/0"), None);
        assert_eq!(table.find("192.0.2.1".parse().expect("an address")), None);
    }

    #[test]
    fn an_mtu_is_learnt_for_ten_minutes_and_not_below_the_least() {
        let (mut mtus, to, at) = (PathMtus::default(), "10.0.0.9".parse().expect("an address"), Instant::from_nanos);
        mtus.learn(to, 1400, at(0));
        mtus.learn(to, 1450, at(1));
        assert_eq!(mtus.of(to, at(2)), Some(1400), "the smaller one");
        mtus.learn(to, 68, at(3));
        assert_eq!(mtus.of(to, at(3)), Some(552));
        assert_eq!(mtus.of(to, at(3) + Duration::from_secs(600)), None);
    }
}
