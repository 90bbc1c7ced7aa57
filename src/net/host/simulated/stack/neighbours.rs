//! Hardware addresses of neighbours: ARP (RFC 826) and neighbour discovery (RFC 4861), with the times of Linux. Pure.
//!
//! An interface has this in labs that ask for it; in others each host knows whom its frames are for.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::net::time::{Duration, Instant};

/// A hardware address.
pub(super) type Mac = [u8; 6];

/// How often a neighbour is asked for, and how far apart (mcast_solicit, ucast_solicit and retrans_time_ms of
/// net.ipv4.neigh.default).
const ATTEMPTS: u32 = 3;
const APART: Duration = Duration::from_secs(1);

/// How long an answer holds (base_reachable_time_ms), and how long after that has passed one is used before the neighbour is
/// asked again (delay_first_probe_time).
const REACHABLE: Duration = Duration::from_secs(30);
const PROBE_DELAY: Duration = Duration::from_secs(5);

/// How many octets wait for one neighbour's address (unres_qlen_bytes), and how many neighbours are remembered
/// (gc_thresh3).
const WAITING: usize = 212_992;
const NEIGHBOURS: usize = 1_024;

/// The neighbours of an interface.
#[derive(Debug)]
pub(super) struct NeighbourTable {
    /// The hardware address of the interface itself.
    pub(super) own: Mac,
    entries: BTreeMap<IpAddr, Neighbour>,
}

/// What is known of one.
#[derive(Debug, Default)]
struct Neighbour {
    mac: Option<Mac>,
    confirmed: Option<Instant>,
    /// When it is asked for next, and how often it was.
    due: Option<Instant>,
    asked: u32,
    waiting: VecDeque<Vec<u8>>,
}

/// What becomes of packets and of what is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    /// A packet goes to this neighbour.
    Send(Mac, Vec<u8>),
    /// A neighbour is asked for its address: all are, or the one that had this.
    Ask(IpAddr, Option<Mac>),
    /// No one has answered for this packet's neighbour.
    Lost(Vec<u8>),
}

impl NeighbourTable {
    /// Knows no one.
    pub(super) fn new(own: Mac) -> Self {
        Self { own, entries: BTreeMap::new() }
    }

    /// A packet for the neighbour `to` is to be sent.
    pub(super) fn send(&mut self, to: IpAddr, packet: Vec<u8>, now: Instant) -> Vec<Resolved> {
        if self.entries.len() >= NEIGHBOURS && !self.entries.contains_key(&to) {
            self.entries.retain(|_, entry| entry.due.is_some());
        }
        let entry = self.entries.entry(to).or_default();
        if let Some(mac) = entry.mac {
            let is_stale = entry.confirmed.is_none_or(|at| now - at >= REACHABLE);
            if is_stale && entry.due.is_none() {
                (entry.due, entry.asked) = (Some(now + PROBE_DELAY), 0);
            }
            return vec![Resolved::Send(mac, packet)];
        }
        // Of those that wait, the oldest make room.
        let mut size = packet.len();
        entry.waiting.push_back(packet);
        let kept = entry.waiting.iter().rev().skip(1).take_while(|waiting| {
            size += waiting.len();
            size <= WAITING
        });
        let surplus = entry.waiting.len() - 1 - kept.count();
        entry.waiting.drain(..surplus);
        if entry.due.is_some() {
            return Vec::new();
        }
        (entry.due, entry.asked) = (Some(now + APART), 1);
        vec![Resolved::Ask(to, None)]
    }

    /// Whether packets for `to` leave at once.
    pub(super) fn knows(&self, to: IpAddr) -> bool {
        self.entries.get(&to).is_some_and(|entry| entry.mac.is_some())
    }

    /// The neighbour `who` has this address: it has `answered`, or asks itself, which says no more than that it is there.
    pub(super) fn learn(&mut self, who: IpAddr, mac: Mac, answered: bool, now: Instant) -> Vec<Resolved> {
        let is_new = !self.entries.contains_key(&who);
        if is_new && (answered || self.entries.len() >= NEIGHBOURS) {
            return Vec::new();
        }
        let entry = self.entries.entry(who).or_default();
        entry.mac = Some(mac);
        if answered {
            entry.confirmed = Some(now);
        }
        if answered || !entry.waiting.is_empty() {
            entry.due = None;
        }
        entry.waiting.drain(..).map(|packet| Resolved::Send(mac, packet)).collect()
    }

    /// When something is due next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.entries.values().filter_map(|entry| entry.due).min()
    }

    /// Does what is due: asks again, or gives a neighbour up.
    pub(super) fn serve_due(&mut self, now: Instant) -> Vec<Resolved> {
        let mut done = Vec::new();
        for (to, entry) in self.entries.iter_mut().filter(|(_, entry)| entry.due.is_some_and(|due| due <= now)) {
            if entry.asked < ATTEMPTS {
                entry.asked += 1;
                entry.due = Some(now + APART);
                done.push(Resolved::Ask(*to, entry.mac));
            } else {
                done.extend(entry.waiting.drain(..).map(Resolved::Lost));
                *entry = Neighbour::default();
            }
        }
        self.entries.retain(|_, entry| entry.mac.is_some() || entry.due.is_some());
        done
    }
}

/// A message of ARP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arp {
    /// Whether it asks, else it answers.
    pub(super) asks: bool,
    /// Who sends it.
    pub(super) sender: (Mac, Ipv4Addr),
    /// Who is asked for, or answered.
    pub(super) target: (Mac, Ipv4Addr),
}

/// Ethernet and IPv4, with addresses of 6 and 4 octets.
const ARP_HEAD: [u8; 6] = [0, 1, 8, 0, 6, 4];

impl Arp {
    /// Reads one; `None`: it makes no sense.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<6>()?;
        let (fields, _) = rest.split_first_chunk::<22>()?;
        let asks = match (*head == ARP_HEAD, <[u8; 2]>::try_from(&fields[..2]).ok()?) {
            (true, [0, 1]) => true,
            (true, [0, 2]) => false,
            _ => return None,
        };
        let end = |at: usize| {
            let (mac, addr) = (fields.get(at..at + 6)?, fields.get(at + 6..at + 10)?);
            Some((mac.try_into().ok()?, Ipv4Addr::from(<[u8; 4]>::try_from(addr).ok()?)))
        };
        Some(Self { asks, sender: end(2)?, target: end(12)? })
    }

    /// Its octets.
    pub(super) fn emit(&self) -> Vec<u8> {
        let end = |(mac, addr): (Mac, Ipv4Addr)| [&mac[..], &addr.octets()].concat();
        [&ARP_HEAD[..], &[0, if self.asks { 1 } else { 2 }], &end(self.sender), &end(self.target)].concat()
    }
}

/// The hardware address of all (`None`: `to` is one host): a broadcast, or a group's (RFC 1112, section 6.4; RFC 2464).
pub(super) fn group_mac(to: IpAddr, is_broadcast: bool) -> Option<Mac> {
    match to {
        IpAddr::V4(v4) if v4.is_multicast() => {
            let [_, b, c, d] = v4.octets();
            Some([0x01, 0x00, 0x5e, b & 0x7f, c, d])
        }
        IpAddr::V6(v6) if v6.is_multicast() => {
            let [.., a, b, c, d] = v6.octets();
            Some([0x33, 0x33, a, b, c, d])
        }
        _ => is_broadcast.then_some([0xff; 6]),
    }
}

/// The group that the host with this address is asked in (RFC 4291, section 2.7.1).
pub(super) fn solicited_group(addr: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b] = addr.segments();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | a & 0xff, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: Mac = [2, 0, 0, 0, 0, 2];

    fn at(ms: i64) -> Instant {
        Instant::from_nanos(0) + Duration::from_millis(ms)
    }

    #[test]
    fn packets_wait_for_the_answer_and_go_in_their_order() {
        let (mut near, to) = (NeighbourTable::new([2; 6]), IpAddr::from([10, 0, 0, 2]));
        assert_eq!(near.send(to, vec![1], at(0)), [Resolved::Ask(to, None)]);
        assert_eq!(near.send(to, vec![2], at(1)), []);
        assert_eq!(near.next_due(), Some(at(1_000)));
        assert_eq!(near.learn(to, FAR, true, at(20)), [vec![1], vec![2]].map(|packet| Resolved::Send(FAR, packet)));
        assert_eq!(near.next_due(), None);
        assert_eq!(near.send(to, vec![3], at(30)), [Resolved::Send(FAR, vec![3])]);
        assert_eq!(near.next_due(), None, "as long as the answer holds");
    }

    #[test]
    fn no_one_answers_three_times() {
        let (mut near, to) = (NeighbourTable::new([2; 6]), IpAddr::from([10, 0, 0, 2]));
        near.send(to, vec![1], at(0));
        for n in 1..3 {
            assert_eq!(near.serve_due(at(n * 1_000)), [Resolved::Ask(to, None)]);
        }
        assert_eq!(near.serve_due(at(3_000)), [Resolved::Lost(vec![1])]);
        assert_eq!(near.send(to, vec![2], at(3_000)), [Resolved::Ask(to, None)], "it begins anew");
    }

    #[test]
    fn an_old_answer_is_used_and_asked_about_again() {
        let (mut near, to) = (NeighbourTable::new([2; 6]), IpAddr::from([10, 0, 0, 2]));
        assert_eq!(near.learn(to, FAR, true, at(0)), [], "an answer that no one asked for teaches nothing");
        assert_eq!(near.next_due(), None);
        near.learn(to, FAR, false, at(0));
        assert_eq!(near.send(to, vec![1], at(10)), [Resolved::Send(FAR, vec![1])]);
        assert_eq!(near.serve_due(at(5_010)), [Resolved::Ask(to, Some(FAR))]);
        near.learn(to, FAR, true, at(5_020));
        near.send(to, vec![1], at(20_000));
        assert_eq!(near.next_due(), None);
        near.send(to, vec![1], at(36_000));
        assert_eq!(near.next_due(), Some(at(41_000)));
        for n in 41..44 {
            assert_eq!(near.serve_due(at(n * 1_000)), [Resolved::Ask(to, Some(FAR))]);
        }
        assert_eq!(near.serve_due(at(44_000)), []);
        assert_eq!(near.send(to, vec![1], at(44_001)), [Resolved::Ask(to, None)], "it is gone");
    }

    #[test]
    fn what_waits_is_bounded() {
        let (mut near, to) = (NeighbourTable::new([2; 6]), IpAddr::from([10, 0, 0, 2]));
        for n in 0..300u32 {
            near.send(to, vec![n as u8; 1_000], at(0));
        }
        let sent = near.learn(to, FAR, true, at(1));
        assert_eq!((sent.len(), &sent[211]), (212, &Resolved::Send(FAR, vec![43; 1_000])));
        for n in 0..5_000u32 {
            near.learn(Ipv4Addr::from(n).into(), FAR, false, at(2));
        }
        assert!(near.entries.len() <= NEIGHBOURS);
    }

    #[test]
    fn messages_of_arp_read_back_and_no_damage_breaks_them() {
        let ask = Arp { asks: true, sender: (FAR, [10, 0, 0, 2].into()), target: ([0; 6], [10, 0, 0, 1].into()) };
        let bytes = ask.emit();
        let expected = [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 2, 10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1];
        assert_eq!((bytes.as_slice(), Arp::parse(&bytes)), (&expected[..], Some(ask)));
        for len in 0..bytes.len() {
            assert_eq!(Arp::parse(&bytes[..len]), None);
        }
        let group = solicited_group("fd00::12:3456".parse().expect("an address"));
        assert_eq!(group.to_string(), "ff02::1:ff12:3456");
        assert_eq!(group_mac(group.into(), false), Some([0x33, 0x33, 0xff, 0x12, 0x34, 0x56]));
    }
}
