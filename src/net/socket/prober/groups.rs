//! Pings to groups, by multicast and broadcast: their members reply from addresses of their own.

use std::net::SocketAddr;

use super::Prober;
use crate::net::policy::datagram::Datagram;
use crate::net::probe::ledger::{Key, ProbeId, State};

/// How many groups are remembered, the latest that were pinged.
const MOST: usize = 16;

impl Prober {
    /// Notes that a probe goes to a group.
    pub(super) fn pings_group(&mut self, group: SocketAddr) {
        if !self.groups.contains(&group) {
            self.groups.truncate(MOST - 1);
            self.groups.insert(0, group);
        }
    }

    /// Whether what comes from `from` may reply to what was sent to `to`.
    pub(super) fn may_reply(&self, from: SocketAddr, to: SocketAddr) -> bool {
        from == to || self.groups.contains(&to)
    }

    /// To whom the probe was sent that what comes from `from` names by `key`: to itself, or to a group that it may be in.
    pub(super) fn asked(&self, from: SocketAddr, key: Key) -> SocketAddr {
        let find = |peer: &SocketAddr| self.ledger.find(*peer, key);
        let pending = |peer: &SocketAddr| find(peer).and_then(|id| self.ledger.state(id)) == Some(State::Pending);
        if self.groups.is_empty() || pending(&from) {
            return from;
        }
        let groups = || self.groups.iter().copied();
        let known = || if find(&from).is_some() { None } else { groups().find(|group| find(group).is_some()) };
        groups().find(pending).or_else(known).unwrap_or(from)
    }

    /// To whom pings are pending that what comes from `from` may reply to: to itself, or to a group.
    pub(super) fn asked_last(&self, from: SocketAddr) -> SocketAddr {
        let pending = |peer: &SocketAddr| self.ledger.oldest_pending(*peer).is_some();
        if pending(&from) { from } else { self.groups.iter().copied().find(pending).unwrap_or(from) }
    }

    /// The probe that a datagram names by `key`.
    pub(in crate::net) fn named(&self, datagram: &Datagram, key: Key) -> Option<ProbeId> {
        self.ledger.find(self.asked(datagram.from, key), key)
    }

    /// The messages of the pending probes that `peer` may reply to.
    pub(in crate::net) fn owed_by(&self, peer: SocketAddr) -> impl Iterator<Item = &[u8]> {
        self.pending.values().filter(move |pending| self.may_reply(peer, pending.to)).map(|pending| &*pending.message)
    }
}
