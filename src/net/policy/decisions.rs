//! The packets that a script has received lately and what a policy decided about them, for what the script sends back by itself.
//!
//! A script need not answer with `reply`: it may send to the address that a packet came from. What it sends then meets the
//! verdict about a packet from there: about one that says the same, or else about the one received last.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::datagram::Datagram;
use super::judged::Judged;
use crate::net::wire::content::Content;

/// How many packets of a peer are remembered.
const PACKETS: usize = 16;

/// How many peers are remembered.
const PEERS: usize = 4096;

/// What was received lately, and what was decided about it, by peer.
#[derive(Debug, Default)]
pub(in crate::net) struct Decisions {
    /// Whether there is any: most sockets have no policy and receive no ping of this process, and then the lock is spared.
    any: AtomicBool,
    peers: Mutex<Peers>,
}

#[derive(Debug, Default)]
struct Peers {
    known: HashMap<SocketAddr, VecDeque<Decision>>,
    in_order: VecDeque<SocketAddr>,
}

/// A packet, and what was decided about it.
#[derive(Clone, Debug)]
pub(in crate::net) struct Decision {
    /// `None`: there was no policy.
    pub(in crate::net) judged: Option<Arc<Judged>>,
    /// What the packet says.
    pub(in crate::net) content: Content,
    /// The address of this host that it was sent to, where the socket is bound to any.
    pub(in crate::net) source: Option<IpAddr>,
    /// Whether nothing was sent back yet for which it was asked.
    pub(in crate::net) first: bool,
}

impl Decisions {
    /// Enters a packet that a script receives now.
    pub(in crate::net) fn enter(&self, packet: &Datagram) {
        let judged = packet.judged.clone();
        let decision = Decision { judged, content: Content::of(&packet.data), source: packet.to, first: true };
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let Peers { known, in_order } = &mut *peers;
        if !known.contains_key(&packet.from) {
            in_order.push_back(packet.from);
            if in_order.len() > PEERS
                && let Some(oldest) = in_order.pop_front()
            {
                known.remove(&oldest);
            }
        }
        let packets = known.entry(packet.from).or_default();
        if packets.len() == PACKETS {
            packets.pop_front();
        }
        packets.push_back(decision);
        self.any.store(true, Ordering::Release);
    }

    /// The packet that `answer`, which a script sends to `peer`, replies to; `None` if none is known from there.
    pub(in crate::net) fn about(&self, peer: SocketAddr, answer: &[u8]) -> Option<Decision> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let content = Content::of(answer);
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let packets = peers.known.get_mut(&peer)?;
        let same = packets.iter().position(|decision| decision.first && decision.content == content);
        let decision = packets.get_mut(same.unwrap_or(packets.len() - 1))?;
        let found = decision.clone();
        decision.first = false;
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::policy::{Action, Place, Verdict};
    use crate::net::random::Stream;

    fn packet(text: &str, port: u16, number: u64) -> Datagram {
        let place = Place { flow: 0, number, draws: Stream::of_seed(0) };
        let verdict = Verdict { action: Action::Drop, origin: "a.rhai:1".into() };
        let judged = Some(Arc::new(Judged { verdict, place, draws: Vec::new() }));
        Datagram { judged, ..Datagram::new(text.as_bytes(), ([127, 0, 0, 1], port).into()) }
    }

    fn number(decisions: &Decisions, port: u16, answer: &str) -> Option<(u64, bool)> {
        let found = decisions.about(([127, 0, 0, 1], port).into(), answer.as_bytes());
        found.map(|decision| (decision.judged.map_or(0, |judged| judged.place.number), decision.first))
    }

    #[test]
    fn what_is_sent_meets_the_verdict_about_what_says_the_same_or_came_last() {
        let decisions = Decisions::default();
        assert_eq!(number(&decisions, 9, "one"), None, "nothing came");
        for (index, text) in ["one", "two", "three"].into_iter().enumerate() {
            decisions.enter(&packet(text, 9, index as u64 + 1));
        }
        assert_eq!(number(&decisions, 9, "ONE"), Some((1, true)));
        assert_eq!(number(&decisions, 9, "one"), Some((3, true)), "that was answered");
        assert_eq!(number(&decisions, 9, "something else"), Some((3, false)));
        assert_eq!(number(&decisions, 10, "two"), None, "another peer");
    }

    #[test]
    fn no_more_is_remembered_than_there_is_room_for() {
        let decisions = Decisions::default();
        (1..=20).for_each(|index| decisions.enter(&packet(&index.to_string(), 9, index)));
        assert_eq!(number(&decisions, 9, "1"), Some((20, true)), "the first was forgotten");
        (0..PEERS).for_each(|peer| decisions.enter(&packet("x", 10_000 + peer as u16, 1)));
        assert_eq!(number(&decisions, 9, "20"), None);
        assert_eq!(number(&decisions, 10_000, "x"), Some((1, true)));
    }
}
