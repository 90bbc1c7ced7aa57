//! Whose message it is: the hosts and ports at both ends, so that hosts that use the same port number are distinguished.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::net::host::id::HostId;
use crate::net::wire::content::Content;

/// The ends of a message's way, as a host sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The host that sees it: one of both ends, or one on the way.
    at: HostId,
    from: SocketAddr,
    to: SocketAddr,
}

impl Ends {
    /// A message from `from` to `to`, seen by the host `at`. A pinger and a server both name the pinger's end first.
    pub const fn seen_by(at: HostId, from: SocketAddr, to: SocketAddr) -> Self {
        Self { at, from, to }
    }

    /// The host that sees it.
    pub(super) const fn at(&self) -> HostId {
        self.at
    }

    /// The end it comes from.
    pub(super) const fn from(&self) -> SocketAddr {
        self.from
    }

    /// The end it goes to.
    pub(super) const fn to(&self) -> SocketAddr {
        self.to
    }
}

/// Stands for whatever a connection carries, in place of what a message says.
pub(in crate::net) const STREAM: Content = Content { hash: 0, len: usize::MAX };

/// What identifies a message on its way: both ends and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct EndsKey {
    from: (HostId, u16),
    to: (HostId, u16),
    content: Content,
}

impl EndsKey {
    /// The host that the message goes to.
    pub(super) const fn server(&self) -> HostId {
        self.to.0
    }

    /// The port of that host.
    pub(super) const fn port(&self) -> u16 {
        self.to.1
    }

    /// The host and the port that the message comes from.
    pub(super) const fn sender(&self) -> (HostId, u16) {
        self.from
    }

    /// The key of all that passes between these ends in this direction.
    pub(super) const fn without_content(self) -> Self {
        Self { content: STREAM, ..self }
    }

    /// The key of the reply that says this.
    pub(super) const fn reply(self, content: Content) -> Self {
        Self { content, ..self.back() }
    }

    /// The key of the reply that says the same.
    pub(super) const fn back(self) -> Self {
        Self { from: self.to, to: self.from, content: self.content }
    }
}

/// Which host has which address. Each lab has addresses of its own; what is in none is of this machine.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    known: HashMap<HostId, (u32, String)>,
    owners: HashMap<(u32, IpAddr), HostId>,
    links: Vec<(Arc<str>, HostId, HostId)>,
}

impl Hosts {
    pub(super) fn add(&mut self, lab: u32, host: HostId, name: &str, addrs: &[IpAddr]) {
        self.known.insert(host, (lab, name.into()));
        self.owners.extend(addrs.iter().map(|addr| ((lab, *addr), host)));
    }

    /// The addresses of a host.
    pub(super) fn addrs_of(&self, host: HostId) -> Vec<IpAddr> {
        self.owners.iter().filter(|(_, owner)| **owner == host).map(|((_, addr), _)| *addr).collect()
    }

    /// Notes that a link joins two hosts.
    pub(super) fn link(&mut self, name: &Arc<str>, one: HostId, other: HostId) {
        self.links.push((name.clone(), one, other));
    }

    /// Whether a shortest way between two hosts leads over the link called `name`.
    pub(super) fn passes(&self, from: HostId, to: HostId, name: &str) -> bool {
        let (near, far) = (self.distances(from), self.distances(to));
        let Some(whole) = near.get(&to) else { return false };
        let over =
            |one, other| near.get(&one).zip(far.get(&other)).is_some_and(|(one, other)| one + 1 + other == *whole);
        let named = self.links.iter().filter(|(link, ..)| **link == *name);
        named.into_iter().any(|&(_, one, other)| over(one, other) || over(other, one))
    }

    /// Whether a shortest way between two hosts leads over a third.
    pub(super) fn is_between(&self, from: HostId, to: HostId, host: HostId) -> bool {
        let (near, far) = (self.distances(from), self.distances(to));
        near.get(&host).zip(far.get(&host)).is_some_and(|(one, other)| Some(one + other) == near.get(&to).copied())
    }

    /// How many links each host is away from this one.
    fn distances(&self, from: HostId) -> HashMap<HostId, u32> {
        let mut known = HashMap::from([(from, 0)]);
        let mut queue = VecDeque::from([from]);
        while let Some(at) = queue.pop_front() {
            let next = known[&at] + 1;
            for &(_, one, other) in &self.links {
                let end = if one == at { other } else { one };
                if (one == at || other == at) && !known.contains_key(&end) {
                    known.insert(end, next);
                    queue.push_back(end);
                }
            }
        }
        known
    }

    /// Whether it is a host of a lab.
    pub(super) fn know(&self, host: HostId) -> bool {
        self.known.contains_key(&host)
    }

    /// Whether both are hosts of the same lab.
    pub(super) fn are_of_one_lab(&self, one: HostId, other: HostId) -> bool {
        let lab = |host| self.known.get(&host).map(|(lab, _)| *lab);
        lab(one).is_some() && lab(one) == lab(other)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    pub(super) fn name(&self, host: HostId) -> Option<String> {
        self.known.get(&host).map(|(_, name)| name.clone())
    }

    /// The host that `addr` leads to from the host `at`.
    pub(super) fn owner(&self, at: HostId, addr: IpAddr) -> HostId {
        if addr.is_unspecified() || addr.is_loopback() {
            return at;
        }
        let lab = self.known.get(&at).map(|(lab, _)| *lab);
        lab.and_then(|lab| self.owners.get(&(lab, addr)).copied()).unwrap_or_default()
    }

    pub(super) fn key(&self, ends: Ends, content: Content) -> EndsKey {
        let Ends { at, from, to } = ends;
        let end = |addr: SocketAddr| (self.owner(at, addr.ip()), addr.port());
        EndsKey { from: end(from), to: end(to), content }
    }
}
