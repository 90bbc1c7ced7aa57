//! The peers of a ledger: each with a short number, its pending probes and what is left of its forgotten ones.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use super::mixer::Mixed;
use super::store::SlotIndex;
use super::{Key, ProbeId};

/// How many peers are remembered that have no record left, the latest to lose their last; so that a sweep over
/// millions of addresses stays small. What comes from a peer older than that is foreign.
pub(super) const IDLE_REMEMBERED: usize = 4_096;

/// How many replies of a peer are remembered to tell how far a later one was reordered, which is more than are ever in flight.
const NEWEST_REMEMBERED: usize = 4_096;

#[derive(Debug, Default)]
pub(super) struct PeerTable {
    numbers: HashMap<SocketAddr, u32, Mixed>,
    /// The one that was sent to last, as long as it is known: mostly the next that is asked for.
    last: Option<(SocketAddr, u32)>,
    peers: Vec<Peer>,
    free: Vec<u32>,
    /// Peers without a record, with the stamp they got then; stale if the peer was sent to again.
    idle: VecDeque<(u32, u64)>,
    stamps: u64,
}

/// The ends of a list of records, the oldest first.
#[derive(Clone, Copy, Debug)]
pub(super) struct PeerEnds {
    pub(super) first: SlotIndex,
    pub(super) last: SlotIndex,
}

#[derive(Debug)]
struct Peer {
    addr: SocketAddr,
    /// How many records, pending or settled, are kept.
    records: u64,
    pending: PeerEnds,
    replies: ArrivalOrder,
    /// The least and the greatest number whose record is forgotten.
    forgotten: Option<(u64, u64)>,
    /// The stamp with which the peer last became idle.
    idle: u64,
}

/// The replies of a peer in the order of their arrival, as far as a later one can still be reordered.
#[derive(Debug, Default)]
struct ArrivalOrder {
    arrived: u64,
    /// Replies to probes newer than those of all before them, each with its place among the arrivals.
    newest: VecDeque<(ProbeId, u64)>,
}

impl ArrivalOrder {
    /// Adds one, and says how many places it came after the first that it should have come before.
    fn add(&mut self, id: ProbeId, oldest: Option<ProbeId>) -> u64 {
        self.arrived += 1;
        let first_newer = self.newest.partition_point(|(newer, _)| *newer <= id);
        let extent = self.newest.get(first_newer).map_or(0, |(_, place)| self.arrived - place);
        if extent == 0 {
            self.newest.push_back((id, self.arrived));
        }
        // The newest stays: a probe that timed out is not pending, and its reply does not count.
        while self.newest.len() > NEWEST_REMEMBERED
            || (self.newest.len() > 1
                && self.newest.front().is_some_and(|(id, _)| oldest.is_none_or(|oldest| *id < oldest)))
        {
            self.newest.pop_front();
        }
        extent
    }
}

impl PeerTable {
    /// The number of a peer that gets one more record.
    pub(super) fn enlist(&mut self, addr: SocketAddr) -> u32 {
        let addr = without_flow(addr);
        let number = match self.known(addr) {
            Some(number) => number,
            None => self.add(addr),
        };
        self.last = Some((addr, number));
        self.peers[number as usize].records += 1;
        number
    }

    /// The number of a peer already sent to and not forgotten.
    pub(super) fn number(&self, addr: SocketAddr) -> Option<u32> {
        self.known(without_flow(addr))
    }

    fn known(&self, addr: SocketAddr) -> Option<u32> {
        match self.last {
            Some((last, number)) if last == addr => Some(number),
            _ => self.numbers.get(&addr).copied(),
        }
    }

    pub(super) fn pending(&self, peer: u32) -> PeerEnds {
        self.peers[peer as usize].pending
    }

    pub(super) fn pending_mut(&mut self, peer: u32) -> &mut PeerEnds {
        &mut self.peers[peer as usize].pending
    }

    pub(super) fn has_forgotten(&self, peer: u32, number: u64) -> bool {
        self.peers[peer as usize].forgotten.is_some_and(|(least, greatest)| (least..=greatest).contains(&number))
    }

    /// Notes a reply to the probe `id`, and says how far it was reordered: 0 if no later one to this peer was replied before.
    /// `oldest`: the oldest that is still pending.
    pub(super) fn reorder_extent(&mut self, peer: u32, id: ProbeId, oldest: Option<ProbeId>) -> u64 {
        self.peers[peer as usize].replies.add(id, oldest)
    }

    /// Notes that one record of a peer, which had `key`, is no longer kept.
    pub(super) fn forget_one(&mut self, number: u32, key: Key) {
        let peer = &mut self.peers[number as usize];
        if let Key::Number(key) = key {
            let (least, greatest) = peer.forgotten.unwrap_or((key, key));
            peer.forgotten = Some((least.min(key), greatest.max(key)));
        }
        peer.records -= 1;
        if peer.records == 0 {
            self.stamps += 1;
            peer.idle = self.stamps;
            self.idle.push_back((number, self.stamps));
            self.drop_idle();
        }
    }

    fn add(&mut self, addr: SocketAddr) -> u32 {
        let pending = PeerEnds { first: SlotIndex::NONE, last: SlotIndex::NONE };
        let peer = Peer { addr, records: 0, pending, replies: ArrivalOrder::default(), forgotten: None, idle: 0 };
        let number = match self.free.pop() {
            Some(number) => {
                self.peers[number as usize] = peer;
                number
            }
            None => {
                self.peers.push(peer);
                (self.peers.len() - 1) as u32
            }
        };
        self.numbers.insert(addr, number);
        number
    }

    fn drop_idle(&mut self) {
        if self.idle.len() > IDLE_REMEMBERED
            && let Some((number, stamp)) = self.idle.pop_front()
        {
            let peer = &self.peers[number as usize];
            if peer.records == 0 && peer.idle == stamp {
                self.last = self.last.filter(|(_, last)| *last != number);
                self.numbers.remove(&peer.addr);
                self.free.push(number);
            }
        }
    }

    /// The greater of the peers kept and the peers noted as idle.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.peers.len().max(self.numbers.len()).max(self.idle.len())
    }
}

/// The address without its IPv6 flow label, which a sender may set and a reply need not repeat (RFC 6437).
fn without_flow(mut addr: SocketAddr) -> SocketAddr {
    if let SocketAddr::V6(v6) = &mut addr {
        v6.set_flowinfo(0);
    }
    addr
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(number: u32) -> SocketAddr {
        SocketAddr::from((number.to_be_bytes(), 7))
    }

    /// Sends one probe numbered `key` to each host and forgets it again.
    fn come_and_go(peers: &mut PeerTable, hosts: impl Iterator<Item = u32>, key: u64) {
        for host in hosts {
            let number = peers.enlist(addr(host));
            peers.forget_one(number, Key::Number(key));
        }
    }

    fn has_forgotten(peers: &PeerTable, host: u32, key: u64) -> Option<bool> {
        peers.number(addr(host)).map(|number| peers.has_forgotten(number, key))
    }

    #[test]
    fn forgotten_numbers_are_a_range() {
        let mut peers = PeerTable::default();
        for key in [5, 3, 9] {
            come_and_go(&mut peers, 1..2, key);
        }
        let forgotten = (0..12).filter(|&key| has_forgotten(&peers, 1, key) == Some(true)).collect::<Vec<_>>();
        assert_eq!(forgotten, [3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn the_extent_of_a_reordered_reply_counts_the_arrivals_since_the_first_later_one() {
        let extents = |order: &[u64], oldest: &dyn Fn(&[u64]) -> Option<u64>| {
            let mut replies = ArrivalOrder::default();
            let add = |at: usize| {
                replies.add(ProbeId::from_number(order[at]), oldest(&order[at + 1..]).map(ProbeId::from_number))
            };
            (0..order.len()).map(add).collect::<Vec<_>>()
        };
        // What is still to come is pending.
        let pending = |rest: &[u64]| rest.iter().min().copied();
        for (order, expected) in [
            (&[1, 2, 3, 7, 8, 9, 10, 4, 5, 6, 11][..], &[0, 0, 0, 0, 0, 0, 0, 4, 5, 6, 0][..]),
            (&[1, 2, 3, 4, 5, 7, 6, 8], &[0, 0, 0, 0, 0, 0, 1, 0]),
            (&[4, 3, 2, 1], &[0, 1, 2, 3]),
            (&[1, 2, 3], &[0, 0, 0]),
        ] {
            assert_eq!(extents(order, &pending), expected, "{order:?}");
        }
        let mut replies = ArrivalOrder::default();
        for number in 1..10_000 {
            replies.add(ProbeId::from_number(number), Some(ProbeId::from_number(0)));
        }
        assert_eq!(replies.newest.len(), NEWEST_REMEMBERED);
        replies.add(ProbeId::from_number(10_000), None);
        assert_eq!(replies.newest.len(), 1);
    }

    #[test]
    fn idle_peers_are_forgotten_in_turn() {
        let (mut peers, limit) = (PeerTable::default(), IDLE_REMEMBERED as u32);
        come_and_go(&mut peers, 0..limit, 1);
        assert_eq!(has_forgotten(&peers, 0, 1), Some(true));
        come_and_go(&mut peers, limit..limit + 1, 1);
        assert_eq!((has_forgotten(&peers, 0, 1), has_forgotten(&peers, 1, 1)), (None, Some(true)));
        assert_eq!(peers.len(), limit as usize + 1);
    }

    #[test]
    fn the_peer_that_was_sent_to_last_is_forgotten_in_its_turn() {
        let mut peers = PeerTable::default();
        let others: Vec<u32> = (1..=IDLE_REMEMBERED as u32).map(|host| peers.enlist(addr(host))).collect();
        let last = peers.enlist(addr(0));
        for number in [last].into_iter().chain(others) {
            assert!(peers.number(addr(0)).is_some());
            peers.forget_one(number, Key::Number(1));
        }
        assert_eq!(peers.number(addr(0)), None);
    }

    #[test]
    fn a_peer_in_use_again_stays() {
        let (mut peers, limit) = (PeerTable::default(), IDLE_REMEMBERED as u32);
        come_and_go(&mut peers, 0..1, 1);
        let number = peers.enlist(addr(0));
        come_and_go(&mut peers, 1..2 * limit, 1);
        assert_eq!(peers.number(addr(0)), Some(number));
        assert_eq!(has_forgotten(&peers, 0, 1), Some(true));
    }

    #[test]
    fn a_peer_idle_again_has_its_full_time() {
        let (mut peers, limit) = (PeerTable::default(), IDLE_REMEMBERED as u32);
        come_and_go(&mut peers, 0..10, 1);
        come_and_go(&mut peers, 0..1, 2);
        come_and_go(&mut peers, 10..limit + 9, 1);
        assert_eq!((has_forgotten(&peers, 0, 2), has_forgotten(&peers, 9, 1)), (Some(true), None));
        come_and_go(&mut peers, limit + 9..limit + 10, 1);
        assert_eq!(has_forgotten(&peers, 0, 2), None);
    }
}
