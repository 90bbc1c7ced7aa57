//! The records of a ledger, found by number, by peer and key, and by peer alone, each in constant time.
//!
//! Records live in one vector whose free places are used again, and are threaded into lists by place, so that a probe
//! needs no allocation of its own. A record is in one list of its key (pending, without a reply, with one) and, while
//! pending, in the list of its peer. Settled records are forgotten in the order in which they settled.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use super::mixer::Mixed;
use super::peers::PeerTable;
use super::{Content, Key, ProbeId, Record, State};

/// How many probes of one key in one state are looked at for one with some content.
const LOOKED_AT: usize = 64;

/// Where a record is, until it is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlotIndex(u32);

impl SlotIndex {
    /// The end of a list.
    pub(super) const NONE: Self = Self(u32::MAX);
}

#[derive(Debug)]
pub(super) struct Store {
    /// How many settled records are kept.
    remembered: usize,
    slots: Vec<StoreSlot>,
    free: Vec<SlotIndex>,
    ids: HashMap<ProbeId, SlotIndex, Mixed>,
    /// For each peer and key in use, the index of its lists.
    keys: HashMap<(u32, Key), u32, Mixed>,
    lists: Vec<Lists>,
    free_lists: Vec<u32>,
    /// What was found last by peer and key: one reply is looked for several times.
    found: Cell<Option<(SocketAddr, Key, u32)>>,
    peers: PeerTable,
    /// The settled records, the first to settle in front.
    settled: VecDeque<SlotIndex>,
}

/// A record, whose it is, and its neighbours in its two lists.
#[derive(Debug)]
struct StoreSlot {
    record: Record,
    peer: u32,
    lists: u32,
    by_key: Links,
    by_peer: Links,
}

#[derive(Clone, Copy, Debug)]
struct Links {
    before: SlotIndex,
    after: SlotIndex,
}

impl Links {
    const NONE: Self = Self { before: SlotIndex::NONE, after: SlotIndex::NONE };
}

/// The first records of the lists of one key: pending, without a reply, with one. A reply goes to the first that is not
/// empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lists([SlotIndex; 3]);

impl Lists {
    const EMPTY: Self = Self([SlotIndex::NONE; 3]);

    /// The first record of the list that `record` belongs to.
    fn of(&mut self, record: &Record) -> &mut SlotIndex {
        let list = match (record.state, record.has_reply) {
            (State::Pending, _) => 0,
            (_, false) => 1,
            (_, true) => 2,
        };
        &mut self.0[list]
    }
}

impl Store {
    /// Without records yet; of the settled ones it will keep so many.
    pub(super) fn remembering(remembered: usize) -> Self {
        Self {
            remembered,
            slots: Vec::new(),
            free: Vec::new(),
            ids: HashMap::default(),
            keys: HashMap::default(),
            lists: Vec::new(),
            free_lists: Vec::new(),
            found: Cell::new(None),
            peers: PeerTable::default(),
            settled: VecDeque::new(),
        }
    }

    /// Adds a record, which is pending.
    pub(super) fn insert(&mut self, record: Record) {
        let Record { id, to, key, .. } = record;
        let peer = self.peers.enlist(to);
        let lists = *self.keys.entry((peer, key)).or_insert_with(|| {
            self.free_lists.pop().unwrap_or_else(|| {
                self.lists.push(Lists::EMPTY);
                (self.lists.len() - 1) as u32
            })
        });
        let slot = StoreSlot { record, peer, lists, by_key: Links::NONE, by_peer: Links::NONE };
        let place = match self.free.pop() {
            Some(place) => {
                *self.slot_mut(place) = slot;
                place
            }
            None => {
                if self.slots.len() == self.slots.capacity() {
                    // Doubling would set aside twice of what is remembered.
                    self.slots.reserve_exact(self.slots.len() / 4 + 16);
                }
                self.slots.push(slot);
                SlotIndex((self.slots.len() - 1) as u32)
            }
        };
        self.ids.insert(id, place);
        self.link_key(place);
        self.link_peer(place);
    }

    /// The place of the probe numbered `id`.
    pub(super) fn place(&self, id: ProbeId) -> Option<SlotIndex> {
        self.ids.get(&id).copied()
    }

    /// The record a reply from `peer` with `key` is about.
    pub(super) fn find(&self, peer: SocketAddr, key: Key) -> Option<SlotIndex> {
        let lists = self.lists_of(peer, key)?;
        self.lists[lists as usize].0.into_iter().find(|&first| first != SlotIndex::NONE)
    }

    fn lists_of(&self, peer: SocketAddr, key: Key) -> Option<u32> {
        if let Some((.., lists)) = self.found.get().filter(|(of, by, _)| (*of, *by) == (peer, key)) {
            return Some(lists);
        }
        let lists = *self.keys.get(&(self.peers.number(peer)?, key))?;
        self.found.set(Some((peer, key, lists)));
        Some(lists)
    }

    /// The same, of a probe that says `content`: among the latest of each list, so that it takes constant time.
    pub(super) fn find_content(&self, peer: SocketAddr, key: Key, content: Content) -> Option<SlotIndex> {
        let lists = self.lists_of(peer, key)?;
        let some = |place: SlotIndex| (place != SlotIndex::NONE).then_some(place);
        let list = |first| std::iter::successors(some(first), move |&place| some(self.slot(place).by_key.after));
        let all = self.lists[lists as usize].0.into_iter().flat_map(|first| list(first).take(LOOKED_AT));
        all.into_iter().find(|&place| self.record(place).content == content)
    }

    /// Whether `key` lies among the numbers sent to `peer` whose records are forgotten. Never so for a content: that
    /// a hash was once sent cannot be known without keeping it.
    pub(super) fn has_forgotten(&self, peer: SocketAddr, key: Key) -> bool {
        let Key::Number(number) = key else { return false };
        self.peers.number(peer).is_some_and(|peer| self.peers.has_forgotten(peer, number))
    }

    /// The pending probes of `peer`, the oldest first.
    pub(super) fn pending(&self, peer: SocketAddr) -> impl Iterator<Item = ProbeId> + '_ {
        let first = self.peers.number(peer).map_or(SlotIndex::NONE, |peer| self.peers.pending(peer).first);
        let some = |place: SlotIndex| (place != SlotIndex::NONE).then_some(place);
        std::iter::successors(some(first), move |&place| some(self.slot(place).by_peer.after))
            .map(|place| self.record(place).id)
    }

    /// The record at `place`.
    pub(super) fn record(&self, place: SlotIndex) -> &Record {
        &self.slot(place).record
    }

    /// Takes a pending record to `state`. The record that settled longest ago makes way if there are too many.
    pub(super) fn settle(&mut self, place: SlotIndex, state: State) {
        self.unlink_peer(place);
        self.unlink_key(place);
        let record = &mut self.slot_mut(place).record;
        record.state = state;
        record.has_reply = state == State::Replied;
        self.link_key(place);
        if self.settled.len() == self.remembered
            && let Some(oldest) = self.settled.pop_front()
        {
            self.forget(oldest);
        }
        self.settled.push_back(place);
    }

    /// Notes that a settled probe got its reply.
    pub(super) fn note_reply(&mut self, place: SlotIndex) {
        self.unlink_key(place);
        self.slot_mut(place).record.has_reply = true;
        self.link_key(place);
    }

    /// Notes that the error which settled a probe did not name it.
    pub(super) fn mark_assumed(&mut self, place: SlotIndex) {
        self.slot_mut(place).record.assumed = true;
    }

    /// Notes that a probe was replied, and says how far it was reordered: 0 if no later one to the same peer had been replied.
    pub(super) fn reorder_extent(&mut self, place: SlotIndex) -> u64 {
        let slot = self.slot(place);
        let (peer, id) = (slot.peer, slot.record.id);
        let oldest = self.peers.pending(peer).first;
        let oldest = (oldest != SlotIndex::NONE).then(|| self.slot(oldest).record.id);
        self.peers.reorder_extent(peer, id, oldest)
    }

    fn forget(&mut self, place: SlotIndex) {
        self.unlink_key(place);
        let &StoreSlot { record: Record { id, key, .. }, peer, lists, .. } = self.slot(place);
        if self.lists[lists as usize] == Lists::EMPTY {
            self.keys.remove(&(peer, key));
            self.found.set(None);
            self.free_lists.push(lists);
        }
        self.ids.remove(&id);
        self.peers.forget_one(peer, key);
        self.free.push(place);
    }

    fn slot(&self, place: SlotIndex) -> &StoreSlot {
        &self.slots[place.0 as usize]
    }

    fn slot_mut(&mut self, place: SlotIndex) -> &mut StoreSlot {
        &mut self.slots[place.0 as usize]
    }

    /// Puts a record in front of the list of its key that it belongs to.
    fn link_key(&mut self, place: SlotIndex) {
        let slot = &mut self.slots[place.0 as usize];
        let first = self.lists[slot.lists as usize].of(&slot.record);
        let after = std::mem::replace(first, place);
        slot.by_key = Links { before: SlotIndex::NONE, after };
        if after != SlotIndex::NONE {
            self.slot_mut(after).by_key.before = place;
        }
    }

    fn unlink_key(&mut self, place: SlotIndex) {
        let slot = &self.slots[place.0 as usize];
        let Links { before, after } = slot.by_key;
        if before == SlotIndex::NONE {
            *self.lists[slot.lists as usize].of(&slot.record) = after;
        } else {
            self.slot_mut(before).by_key.after = after;
        }
        if after != SlotIndex::NONE {
            self.slot_mut(after).by_key.before = before;
        }
    }

    /// Puts a record at the end of its peer's pending ones.
    fn link_peer(&mut self, place: SlotIndex) {
        let peer = self.slot(place).peer;
        let pending = self.peers.pending_mut(peer);
        let before = std::mem::replace(&mut pending.last, place);
        if before == SlotIndex::NONE {
            pending.first = place;
        } else {
            self.slot_mut(before).by_peer.after = place;
        }
        self.slot_mut(place).by_peer = Links { before, after: SlotIndex::NONE };
    }

    fn unlink_peer(&mut self, place: SlotIndex) {
        let &StoreSlot { peer, by_peer: Links { before, after }, .. } = self.slot(place);
        let pending = self.peers.pending_mut(peer);
        if before == SlotIndex::NONE {
            pending.first = after;
        }
        if after == SlotIndex::NONE {
            pending.last = before;
        }
        if before != SlotIndex::NONE {
            self.slot_mut(before).by_peer.after = after;
        }
        if after != SlotIndex::NONE {
            self.slot_mut(after).by_peer.before = before;
        }
    }

    /// Entries of everything that is kept, and so could grow.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> [usize; 6] {
        [self.slots.len(), self.ids.len(), self.keys.len(), self.lists.len(), self.settled.len(), self.peers.len()]
    }
}
