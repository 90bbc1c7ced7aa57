//! Where a schedule of pings goes: one address, a list of them, or the addresses of ranges.

mod list;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

pub use list::NameLookup;

use crate::net::error::Error;
use crate::net::wire::zoned::ZonedIp;

/// Where a ping goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The address.
    pub to: SocketAddr,
    /// The TTL or hop limit it is sent with; `None`: the socket's.
    pub ttl: Option<u8>,
    /// Why there is no address: what to ping was given by a name that has none. Nothing can be sent to it.
    pub unresolved: Option<Arc<Error>>,
}

impl Target {
    /// An address.
    pub const fn at(to: SocketAddr) -> Self {
        Self { to, ttl: None, unresolved: None }
    }

    /// A name that has no address, for this reason.
    pub fn unresolved(error: Error) -> Self {
        Self { unresolved: Some(Arc::new(error)), ..Self::at(NOWHERE) }
    }
}

/// Stands for the address of a name that has none.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// Addresses in order. Clones are the same; a range takes no more memory than an address.
#[derive(Clone, Debug)]
pub struct Targets {
    parts: Arc<[TargetRange]>,
    len: u64,
}

/// Addresses that follow each other.
#[derive(Clone, Debug)]
struct TargetRange {
    first: Target,
    /// How many, at least 1.
    len: u64,
    /// How many targets stand before it.
    before: u64,
}

/// No more targets than this in a list.
const MOST: u64 = 1 << 32;

impl Targets {
    /// One address.
    pub fn one(to: SocketAddr) -> Self {
        Self::list([Target::at(to)])
    }

    /// These, in their order.
    pub fn list(targets: impl IntoIterator<Item = Target>) -> Self {
        Self::joined(targets.into_iter().map(|first| (first, 1)))
    }

    fn joined(parts: impl IntoIterator<Item = (Target, u64)>) -> Self {
        let mut before = 0;
        let part = |(first, len)| {
            let part = TargetRange { first, len, before };
            before += len;
            part
        };
        let parts = parts.into_iter().map(part).collect();
        Self { parts, len: before }
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The target at `index`, from 0; past the end, the last.
    ///
    /// # Panics
    /// If there are none.
    pub fn get(&self, index: u64) -> Target {
        let TargetRange { first, len, before } =
            &self.parts[self.parts.partition_point(|part| part.before <= index) - 1];
        Target { to: nth(first.to, (index - before).min(len - 1)), ..first.clone() }
    }

    /// The `index`-th of `count` parts of about the same size, each of targets that follow each other.
    pub fn slice(&self, index: u64, count: u64) -> Self {
        let cut = |index: u64| self.len / count * index + (self.len % count).min(index);
        let (begin, end) = (cut(index), cut(index + 1));
        let within = |part: &TargetRange| {
            let (from, to) = (part.before.max(begin), (part.before + part.len).min(end));
            (from < to).then(|| (self.get(from), to - from))
        };
        Self::joined(self.parts.iter().filter_map(within).collect::<Vec<_>>())
    }

    /// The place of the first target with this address, whatever its port.
    pub fn place_of(&self, addr: SocketAddr) -> Option<u64> {
        let within = |part: &TargetRange| {
            let offset = distance(part.first.to, addr)?;
            (0..i128::from(part.len)).contains(&offset).then(|| part.before + offset as u64)
        };
        self.resolved().find_map(within)
    }

    /// The first of each part that has an address: among them one of each version of IP that occurs.
    pub fn iter(&self) -> impl Iterator<Item = &Target> {
        self.resolved().map(|part| &part.first)
    }

    fn resolved(&self) -> impl Iterator<Item = &TargetRange> {
        self.parts.iter().filter(|part| part.first.unresolved.is_none())
    }

    /// The places of names that have no address, and why.
    pub fn unresolved(&self) -> impl Iterator<Item = (u64, &Error)> {
        self.parts.iter().filter_map(|part| Some((part.before, part.first.unresolved.as_deref()?)))
    }
}

/// The address `offset` after `first`, with its port and zone.
fn nth(mut first: SocketAddr, offset: u64) -> SocketAddr {
    match &mut first {
        SocketAddr::V4(addr) => addr.set_ip(Ipv4Addr::from_bits(addr.ip().to_bits().wrapping_add(offset as u32))),
        SocketAddr::V6(addr) => addr.set_ip(Ipv6Addr::from_bits(addr.ip().to_bits().wrapping_add(offset.into()))),
    }
    first
}

/// How far behind `first` an address is; `None`: too far, or of another version of IP or in another zone.
fn distance(first: SocketAddr, addr: SocketAddr) -> Option<i128> {
    if ZonedIp::from(first).zone != ZonedIp::from(addr).zone {
        return None;
    }
    match (first.ip(), addr.ip()) {
        (IpAddr::V4(first), IpAddr::V4(ip)) => Some(i128::from(ip.to_bits()) - i128::from(first.to_bits())),
        (IpAddr::V6(first), IpAddr::V6(ip)) => {
            let apart = i128::try_from(ip.to_bits().abs_diff(first.to_bits())).ok()?;
            Some(if ip < first { -apart } else { apart })
        }
        _ => None,
    }
}

#[cfg(test)]
pub(in crate::net) mod tests {
    pub(in crate::net) use super::list::tests::Nothing;
    use super::*;

    #[test]
    fn parts_are_all_of_it_and_places_lead_back() {
        let targets = Targets::parse("10.0.0.0/29,10.0.1.1", &Nothing).expect("a list");
        for count in 1..9 {
            let parts = (0..count).map(|index| targets.slice(index, count));
            let joined: Vec<Target> =
                parts.flat_map(|part| (0..part.len()).map(|n| part.get(n)).collect::<Vec<_>>()).collect();
            assert_eq!(joined, (0..7).map(|n| targets.get(n)).collect::<Vec<_>>(), "{count}");
        }
        for n in 0..7 {
            assert_eq!(targets.place_of(targets.get(n).to), Some(n));
        }
        assert_eq!(targets.place_of(SocketAddr::from(([10, 0, 0, 7], 0))), None);
    }
}
