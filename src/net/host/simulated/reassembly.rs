//! Datagrams put together from their fragments, in bounded memory and for a bounded time. Pure.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::net::time::{Duration, Instant};
use crate::net::wire::Family;
use crate::net::wire::compose::Header;
use crate::net::wire::ip::Packet;

/// How much all that wait may take (net.ipv4.ipfrag_high_thresh).
const MOST: usize = 4 << 20;

/// How long the first fragments wait for the last (net.ipv4.ipfrag_time, net.ipv6.ip6frag_time).
const PATIENCE: [Duration; 2] = [Duration::from_secs(30), Duration::from_secs(60)];

/// What fragments of one datagram have in common.
type Key = (IpAddr, IpAddr, u8, u32);

/// Datagrams that are not all there.
#[derive(Debug, Default)]
pub struct StackReassembly {
    waiting: BTreeMap<Key, FragmentPieces>,
    bytes: usize,
}

#[derive(Debug)]
struct FragmentPieces {
    /// By their offsets.
    pieces: BTreeMap<usize, Vec<u8>>,
    /// The first fragment as it came, for the error that says that the rest did not.
    first: Option<Vec<u8>>,
    /// Where the datagram ends, once that is known.
    end: Option<usize>,
    until: Instant,
}

impl StackReassembly {
    /// Takes a fragment; the whole packet, once all are there.
    pub fn take(&mut self, packet: &Packet<'_>, bytes: &[u8], now: Instant) -> Option<Vec<u8>> {
        let (fragment, identification) = (packet.fragment?, packet.identification?);
        let (offset, len) = (usize::from(fragment.offset), packet.segment.len());
        if self.bytes + len > MOST || len == 0 || fragment.more && !len.is_multiple_of(8) || offset + len > 65_535 {
            return None;
        }
        let key = (packet.source, packet.destination, packet.protocol.0, identification);
        let until = now + PATIENCE[usize::from(packet.family == Family::V6)];
        let pieces = self.waiting.entry(key).or_insert_with(|| FragmentPieces {
            pieces: BTreeMap::new(),
            first: None,
            end: None,
            until,
        });
        // Those that overlap others without being the same are an attack, and end the datagram (RFC 5722).
        let overlaps = |(at, piece): (&usize, &Vec<u8>)| *at < offset + len && offset < at + piece.len();
        if pieces.pieces.get(&offset).is_some_and(|known| known == packet.segment) {
            return None;
        }
        if pieces.pieces.iter().any(overlaps) {
            self.forget(&key);
            return None;
        }
        if offset == 0 {
            pieces.first = Some(bytes.to_vec());
        }
        if !fragment.more {
            pieces.end = Some(offset + len);
        }
        pieces.pieces.insert(offset, packet.segment.to_vec());
        self.bytes += len;
        let segment = pieces.whole()?;
        let header = Header {
            source: packet.source,
            destination: packet.destination,
            protocol: packet.protocol,
            ttl: packet.ttl,
            tos: packet.traffic_class,
            dont_fragment: false,
            identification,
        };
        self.forget(&key);
        Some(header.packet(&segment))
    }

    /// When the next is given up.
    pub fn next_due(&self) -> Option<Instant> {
        self.waiting.values().map(|pieces| pieces.until).min()
    }

    /// Gives up what has waited for too long; the first fragments of those, where they came.
    pub fn expire(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let over: Vec<Key> = self.waiting.iter().filter(|(_, it)| it.until <= now).map(|(key, _)| *key).collect();
        over.iter().filter_map(|key| self.forget(key)?.first).collect()
    }

    fn forget(&mut self, key: &Key) -> Option<FragmentPieces> {
        let pieces = self.waiting.remove(key)?;
        self.bytes -= pieces.pieces.values().map(Vec::len).sum::<usize>();
        Some(pieces)
    }
}

impl FragmentPieces {
    fn whole(&self) -> Option<Vec<u8>> {
        let end = self.end?;
        let mut segment = Vec::with_capacity(end);
        for (offset, piece) in &self.pieces {
            (*offset == segment.len()).then_some(())?;
            segment.extend_from_slice(piece);
        }
        (segment.len() == end).then_some(segment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::wire::compose::{fragments, udp};
    use crate::net::wire::ip::Protocol;

    fn pieces(v4: bool, len: usize) -> (Vec<u8>, Vec<Vec<u8>>) {
        let addr = |n: u16| if v4 { format!("10.0.0.{n}:7") } else { format!("[fd00::{n}]:7") };
        let [from, to] = [1, 2].map(|n| addr(n).parse::<std::net::SocketAddr>().expect("an address"));
        let (source, destination, protocol) = (from.ip(), to.ip(), Protocol::UDP);
        let header = Header { source, destination, protocol, ttl: 64, tos: 0, dont_fragment: false, identification: 9 };
        let packet = header.packet(&udp(from, to, &vec![5; len]));
        let pieces = fragments(&packet, 1280, 9).expect("fragments");
        (packet, pieces)
    }

    fn take(reassembly: &mut StackReassembly, bytes: &[u8]) -> Option<Vec<u8>> {
        reassembly.take(&Packet::parse(bytes).expect("a packet"), bytes, Instant::from_nanos(0))
    }

    #[test]
    fn fragments_in_any_order_make_the_packet() {
        for v4 in [true, false] {
            let (packet, pieces) = pieces(v4, 3000);
            for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
                let mut reassembly = StackReassembly::default();
                let taken: Vec<_> = order.iter().map(|&index| take(&mut reassembly, &pieces[index])).collect();
                assert_eq!(taken, [None, None, Some(packet.clone())]);
                assert_eq!((reassembly.bytes, reassembly.next_due()), (0, None));
            }
            let mut reassembly = StackReassembly::default();
            assert_eq!(
                [0, 0, 1, 2].map(|index| take(&mut reassembly, &pieces[index]).is_some()),
                [false, false, false, true]
            );
        }
    }

    #[test]
    fn what_does_not_come_whole_is_given_up_with_its_first_fragment() {
        let (_, pieces) = pieces(true, 3000);
        let mut reassembly = StackReassembly::default();
        take(&mut reassembly, &pieces[0]);
        let due = reassembly.next_due().expect("a time");
        assert_eq!(due, Instant::from_nanos(0) + Duration::from_secs(30));
        assert_eq!(reassembly.expire(due - Duration::from_nanos(1)), [] as [Vec<u8>; 0]);
        assert_eq!(reassembly.expire(due), [pieces[0].clone()]);
        take(&mut reassembly, &pieces[1]);
        assert_eq!(reassembly.expire(due), [] as [Vec<u8>; 0], "no error is sent without the first");
    }

    #[test]
    fn memory_is_bounded_and_overlaps_end_a_datagram() {
        let mut reassembly = StackReassembly::default();
        for number in 0..10_000u32 {
            let (_, pieces) = pieces(false, 3000);
            let mut piece = pieces[0].clone();
            piece[44..48].copy_from_slice(&number.to_be_bytes());
            take(&mut reassembly, &piece);
        }
        assert!(reassembly.bytes <= MOST && reassembly.bytes > MOST - 1280);
        let (_, pieces) = pieces(true, 3000);
        let mut reassembly = StackReassembly::default();
        take(&mut reassembly, &pieces[0]);
        let mut overlapping = pieces[1].clone();
        overlapping[7] -= 1;
        assert_eq!(take(&mut reassembly, &overlapping), None);
        assert_eq!((take(&mut reassembly, &pieces[2]), reassembly.waiting.len()), (None, 1), "it began anew");
    }
}
