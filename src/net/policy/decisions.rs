//! The packets that a script has received lately and what a policy decided about them, for what the script sends back by itself.
//!
//! A script need not reply with `reply`: it may send to the address that a packet came from. What it sends then meets the
//! verdict about a packet from there, so that each packet meets its own, also where several are received before the first is
//! replied to: about the packet that says the same, that the address was taken from, or that has the same number; or else about
//! the one received last, and then about those before it that came after the last sending.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::datagram::Datagram;
use super::decided::Decided;
use crate::net::host::environment::process;
use crate::net::wire::content::Content;
use crate::net::wire::ping_text;

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

/// Distinguishes the packets that scripts have received lately, on whichever socket. The numbers come again: a value of a script has
/// room for 16 bits on systems of 32, and each run is to be the same there. What is sent to an address that was kept for so long is
/// about a packet that was forgotten long ago, and meets the verdict about another in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketId(i16);

impl PacketId {
    /// A new one; 0 is none.
    fn next() -> Self {
        let next = || process().packets.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        Self(match next() {
            0 => next(),
            number => number,
        })
    }

    /// It as a number, to be kept with a value of a script.
    pub const fn number(self) -> i16 {
        self.0
    }

    /// The one with this number.
    pub const fn of(number: i16) -> Self {
        Self(number)
    }
}

#[derive(Debug, Default)]
struct Peers {
    known: HashMap<SocketAddr, PeerPackets>,
    in_order: VecDeque<SocketAddr>,
}

#[derive(Debug, Default)]
struct PeerPackets {
    packets: VecDeque<Decision>,
    /// Whether something was sent to it since its last packet.
    sent: bool,
}

/// A packet, and what was decided about it.
#[derive(Clone, Debug)]
pub(in crate::net) struct Decision {
    id: PacketId,
    /// `None`: there was no policy.
    pub(in crate::net) decided: Option<Arc<Decided>>,
    /// What the packet says.
    pub(in crate::net) content: Content,
    number: Option<u64>,
    /// The address of this host that it was sent to, where the socket is bound to any.
    pub(in crate::net) source: Option<IpAddr>,
    /// Whether nothing was sent back yet for which it was asked.
    pub(in crate::net) first: bool,
    turn: Exchange,
}

/// Where a packet stands among those that were received one after the other, with nothing sent to their peer in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exchange {
    /// They are the latest, and nothing was sent back for this one.
    Open,
    /// They are the latest, and something was.
    Taken,
    /// Others came after something was sent.
    Over,
}

impl Decision {
    /// What was decided about `packet`, to which nothing was sent back yet.
    pub(in crate::net) fn of(packet: &Datagram) -> Self {
        Self {
            id: PacketId::next(),
            decided: packet.decided.clone(),
            content: Content::of(&packet.data),
            number: ping_text::sequence(&packet.data),
            source: packet.to,
            first: true,
            turn: Exchange::Open,
        }
    }
}

impl Decisions {
    /// Enters a packet that a script receives now.
    pub(in crate::net) fn enter(&self, packet: &Datagram) -> PacketId {
        let decision = Decision::of(packet);
        let id = decision.id;
        let Peers { known, in_order } = &mut *self.peers();
        if !known.contains_key(&packet.from) {
            in_order.push_back(packet.from);
            if in_order.len() > PEERS
                && let Some(oldest) = in_order.pop_front()
            {
                known.remove(&oldest);
            }
        }
        let peer = known.entry(packet.from).or_default();
        if std::mem::take(&mut peer.sent) {
            peer.packets.iter_mut().for_each(|decision| decision.turn = Exchange::Over);
        }
        if peer.packets.len() == PACKETS {
            peer.packets.pop_front();
        }
        peer.packets.push_back(decision);
        self.any.store(true, Ordering::Release);
        id
    }

    /// The packet that `data`, which a script sends to `peer`, replies to; `None` if none is known from there. `asked`: the
    /// packet that the script has the address from.
    pub(in crate::net) fn about(&self, peer: SocketAddr, data: &[u8], asked: Option<PacketId>) -> Option<Decision> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let (content, number) = (Content::of(data), ping_text::sequence(data));
        let mut peers = self.peers();
        let PeerPackets { packets, sent } = peers.known.get_mut(&peer)?;
        *sent = true;
        let asked = asked.and_then(|id| packets.iter().position(|decision| decision.id == id));
        let first = |is: &dyn Fn(usize, &Decision) -> bool| {
            packets.iter().enumerate().position(|(index, decision)| decision.first && is(index, decision))
        };
        let same = |_: usize, decision: &Decision| decision.content == content;
        let place = first(&|index, decision| asked == Some(index) && decision.content == content)
            .or_else(|| first(&same))
            .or_else(|| first(&|index, _| asked == Some(index)))
            .or_else(|| first(&|_, decision| number.is_some() && decision.number == number))
            .unwrap_or_else(|| guess(packets, asked));
        let decision = packets.get_mut(place)?;
        let found = decision.clone();
        (decision.first, decision.turn) = (false, Exchange::Taken);
        Some(found)
    }

    fn peers(&self) -> MutexGuard<'_, Peers> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The packet that is replied to by what says nothing of it: the last one, and then those that came with it, in their order. Or
/// the one replied to before, `asked` or the last.
fn guess(packets: &VecDeque<Decision>, asked: Option<usize>) -> usize {
    let last = packets.len() - 1;
    let open = || (0..=last).filter(|&index| packets[index].turn == Exchange::Open);
    match asked {
        Some(asked) if packets[asked].turn == Exchange::Taken => asked,
        _ => open().find(|&index| index == last).or_else(|| open().next()).unwrap_or(last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::policy::{Action, Place, Verdict};
    use crate::net::random::RandomStream;

    fn packet(text: &str, port: u16, number: u64) -> Datagram {
        let place = Place { flow: 0, number, draws: RandomStream::of_seed(0) };
        let verdict = Verdict::new(Action::Drop, "a.rhai:1");
        let decided = Some(Arc::new(Decided { verdict, place, draws: Default::default() }));
        Datagram { decided, ..Datagram::new(text.as_bytes(), ([127, 0, 0, 1], port).into()) }
    }

    fn number(decisions: &Decisions, port: u16, reply: &str, asked: Option<PacketId>) -> Option<(u64, bool)> {
        let found = decisions.about(([127, 0, 0, 1], port).into(), reply.as_bytes(), asked);
        found.map(|decision| (decision.decided.map_or(0, |decided| decided.place.number), decision.first))
    }

    /// Packets that came one after the other, numbered from 1.
    fn received(texts: &[&str]) -> (Decisions, Vec<PacketId>) {
        let decisions = Decisions::default();
        let ids = texts.iter().zip(1..).map(|(text, index)| decisions.enter(&packet(text, 9, index))).collect();
        (decisions, ids)
    }

    #[test]
    fn what_is_sent_meets_the_verdict_about_what_says_the_same_or_came_last() {
        let (decisions, _) = received(&[]);
        assert_eq!(number(&decisions, 9, "one", None), None, "nothing came");
        let (decisions, _) = received(&["one", "two", "three"]);
        assert_eq!(number(&decisions, 9, "ONE", None), Some((1, true)));
        assert_eq!(number(&decisions, 9, "one", None), Some((3, true)), "that was replied to");
        assert_eq!(number(&decisions, 9, "something else", None), Some((2, true)), "of the same three");
        assert_eq!(number(&decisions, 9, "something else", None), Some((3, false)));
        assert_eq!(number(&decisions, 10, "two", None), None, "another peer");
    }

    #[test]
    fn several_replies_to_several_packets_meet_one_verdict_each() {
        let texts = ["ping 1 x", "ping 2 x", "ping 3 x"];
        let met = |replies: &[(&str, Option<usize>)]| {
            let (decisions, ids) = received(&texts);
            let one =
                |(text, asked): &(&str, Option<usize>)| number(&decisions, 9, text, asked.map(|asked| ids[asked]));
            replies.iter().map(|reply| one(reply).map_or(0, |(number, _)| number)).collect::<Vec<_>>()
        };
        assert_eq!(met(&[("a", Some(0)), ("b", Some(1)), ("c", Some(2))]), [1, 2, 3], "by where the address is from");
        assert_eq!(met(&[("ping 1 y", None), ("ping 2 y", None), ("ping 3 y", None)]), [1, 2, 3], "by number");
        assert_eq!(met(&[("PING 2 X", Some(0)), ("b", Some(0)), ("c", None)]), [2, 1, 3], "by text first");
        assert_eq!(met(&[("a", None), ("b", None), ("c", None)]), [3, 1, 2], "each meets one");
        let two = [("a", Some(0)), ("b", Some(0)), ("a", Some(1)), ("b", Some(1))];
        assert_eq!(met(&two), [1, 1, 2, 2], "two replies to each");
    }

    #[test]
    fn what_was_passed_over_gets_no_reply_that_says_nothing_of_it() {
        let (decisions, _) = received(&["one", "two"]);
        assert_eq!(number(&decisions, 9, "a", None), Some((2, true)));
        let third = decisions.enter(&packet("three", 9, 3));
        assert_eq!(number(&decisions, 9, "a", None), Some((3, true)));
        assert_eq!(number(&decisions, 9, "a", None), Some((3, false)), "two replies to one packet");
        assert_eq!(number(&decisions, 9, "one", None), Some((1, true)), "but one that says the same");
        decisions.enter(&packet("four", 9, 4));
        assert_eq!(number(&decisions, 9, "a", Some(third)), Some((4, true)), "to an address that was kept");
    }

    #[test]
    fn each_reply_meets_its_own_verdict_when_the_numbers_come_again() {
        let decisions = Decisions::default();
        for index in 1..=140_000 {
            let id = decisions.enter(&packet("one", 9, index));
            decisions.enter(&packet("two", 9, 0));
            assert_ne!(id, PacketId::of(0), "that of addresses which no packet has brought");
            assert_eq!(number(&decisions, 9, "a reply", Some(id)), Some((index, true)));
        }
    }

    #[test]
    fn no_more_is_remembered_than_there_is_room_for() {
        let texts: Vec<String> = (1..=20).map(|index| index.to_string()).collect();
        let (decisions, _) = received(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(number(&decisions, 9, "1", None), Some((20, true)), "the first was forgotten");
        for peer in 0..PEERS {
            decisions.enter(&packet("x", 10_000 + peer as u16, 1));
        }
        assert_eq!(number(&decisions, 9, "20", None), None);
        assert_eq!(number(&decisions, 10_000, "x", None), Some((1, true)));
    }
}
