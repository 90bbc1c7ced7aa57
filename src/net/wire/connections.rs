//! TCP connections that are seen in passing: their numbers counted from the start of the connection, and what is sent again.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use super::frame::{Frame, Ip, TcpNumbers};
use super::ip::TcpFlags;
use super::u8_at;

/// So many connections are remembered.
const MOST: usize = 4096;

/// So many holes in what a side has sent are remembered.
const HOLES: usize = 16;

/// What fills a hole sooner than this, in nanoseconds, has been overtaken; later, it was sent again. With a handshake seen, its
/// round trip stands for this.
const OVERTAKEN: i64 = 3_000_000;

/// The largest shift of a window (RFC 7323, section 2.3).
const LARGEST_SHIFT: u8 = 14;

/// The kind of the option for it.
const WINDOW_SCALE: u8 = 3;

/// A TCP segment in relation to its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The sequence number, counted from that of the SYN, which is 0.
    pub seq: u32,
    /// The acknowledgement number, counted from that of the peer's SYN; `None` without the flag ACK.
    pub ack: Option<u32>,
    /// The window in octets, scaled where the handshake was seen.
    pub window: u32,
    /// Octets of payload.
    pub len: u32,
    /// Whether some of it has passed here before, or fills a hole too late for one that was merely overtaken.
    pub retransmission: bool,
}

/// Connections that are seen in passing.
#[derive(Debug, Default)]
pub struct Connections {
    known: HashMap<(SocketAddr, SocketAddr), SeenConnection>,
    order: VecDeque<(SocketAddr, SocketAddr)>,
}

#[derive(Debug, Default)]
struct SeenConnection {
    /// What is sent from the lower address, and from the other.
    sides: [SentOctets; 2],
    /// When it began, and how long the handshake took; in nanoseconds.
    began: Option<i64>,
    round_trip: Option<i64>,
}

#[derive(Debug, Default)]
struct SentOctets {
    /// What relative numbers count from.
    base: Option<u32>,
    /// What follows on the highest octet seen.
    next: Option<u32>,
    /// What is missing beneath that: from where, up to where.
    holes: Vec<(u32, u32)>,
    /// When the highest octet was seen.
    advanced: i64,
    /// By how much windows are shifted, as its SYN says.
    shift: Option<u8>,
}

impl Connections {
    /// Follows a frame that passes at `now`, in nanoseconds of any clock; `None` if it is no whole TCP header.
    pub fn see(&mut self, bytes: &[u8], frame: &Frame, now: i64) -> Option<Segment> {
        let ip = frame.ip.as_ref()?;
        let (numbers, flags, (from, to)) = (ip.numbers?, ip.flags?, (ip.from(), ip.to()));
        let key = if from <= to { (from, to) } else { (to, from) };
        let shift = flags.contains(TcpFlags::SYN).then(|| scale_of(bytes, ip)).flatten();
        if let Some(connection) = self.known.get_mut(&key) {
            return Some(connection.see(usize::from(from > to), (numbers, flags), shift, now));
        }
        if self.order.len() == MOST {
            self.order.pop_front().map(|oldest| self.known.remove(&oldest));
        }
        self.order.push_back(key);
        let connection = self.known.entry(key).or_default();
        Some(connection.see(usize::from(from > to), (numbers, flags), shift, now))
    }
}

impl SeenConnection {
    fn see(&mut self, from: usize, (numbers, flags): (TcpNumbers, TcpFlags), shift: Option<u8>, now: i64) -> Segment {
        let (syn, ack) = (flags.contains(TcpFlags::SYN), flags.contains(TcpFlags::ACK));
        let base = numbers.sequence.wrapping_sub(u32::from(!syn));
        if syn && self.sides[from].base.is_some_and(|known| known != base) {
            if ack {
                self.sides[from] = SentOctets::default();
            } else {
                // The ports are used again.
                *self = Self::default();
            }
        }
        if syn {
            self.sides[from].shift = shift;
            if !ack {
                self.began.get_or_insert(now);
            }
        } else if let (Some(began), None, true) = (self.began, self.round_trip, ack) {
            self.round_trip = Some(now - began);
        }
        let base = *self.sides[from].base.get_or_insert(base);
        let other = &mut self.sides[1 - from];
        let acknowledged = ack.then(|| {
            let base = *other.base.get_or_insert(numbers.acknowledgement.wrapping_sub(1));
            numbers.acknowledgement.wrapping_sub(base)
        });
        let scaled = !syn && self.sides.iter().all(|side| side.shift.is_some());
        let shift = self.sides[from].shift.filter(|_| scaled).unwrap_or(0);
        let late = self.round_trip.unwrap_or(OVERTAKEN);
        let octets = numbers.len + u32::from(syn) + u32::from(flags.contains(TcpFlags::FIN));
        Segment {
            seq: numbers.sequence.wrapping_sub(base),
            ack: acknowledged,
            window: u32::from(numbers.window) << shift,
            len: numbers.len,
            retransmission: self.sides[from].is_again(numbers.sequence, octets, now, late),
        }
    }
}

impl SentOctets {
    /// Notes so many octets from `start` on; whether they are sent again. What fills a hole `late` or later is.
    fn is_again(&mut self, start: u32, octets: u32, now: i64, late: i64) -> bool {
        if octets == 0 {
            return false;
        }
        let end = start.wrapping_add(octets);
        let next = *self.next.get_or_insert(start);
        if !is_before(start, next) {
            if start != next && self.holes.len() < HOLES {
                self.holes.push((next, start));
            }
            (self.next, self.advanced) = (Some(end), now);
            return false;
        }
        if is_before(next, end) {
            self.next = Some(end);
        }
        let hole = self.holes.iter().position(|&(from, to)| !is_before(start, from) && !is_before(to, end));
        let Some(hole) = hole else { return true };
        let (from, to) = self.holes.swap_remove(hole);
        self.holes.extend([(from, start), (end, to)].into_iter().filter(|(from, to)| from != to));
        now - self.advanced >= late
    }
}

/// Whether a sequence number comes before another (RFC 9293, section 3.4).
fn is_before(one: u32, other: u32) -> bool {
    (one.wrapping_sub(other) as i32) < 0
}

/// By how much a SYN has windows shifted.
fn scale_of(bytes: &[u8], ip: &Ip) -> Option<u8> {
    let segment = bytes.get(ip.segment())?;
    let end = usize::from(u8_at(segment, 12)? >> 4) * 4;
    let mut options = segment.get(20..end)?;
    loop {
        match options {
            [WINDOW_SCALE, 3, shift, ..] => return Some((*shift).min(LARGEST_SHIFT)),
            [1, rest @ ..] => options = rest,
            [0, ..] | [] | [_] => return None,
            [_, len, ..] => options = options.get(usize::from(*len).max(2)..)?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{PacketBuilder, TcpOptionElement};

    /// A frame between two ports: from the client or to it, with what the flags, numbers and payload say.
    fn frame(client: bool, flags: TcpFlags, seq: u32, ack: u32, payload: usize) -> Vec<u8> {
        let (from, to) = if client { (40_000, 7) } else { (7, 40_000) };
        let hosts = if client { ([10, 0, 0, 1], [10, 0, 0, 2]) } else { ([10, 0, 0, 2], [10, 0, 0, 1]) };
        let mut builder = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4(hosts.0, hosts.1, 64).tcp(from, to, seq, 500);
        if flags.contains(TcpFlags::SYN) {
            builder = builder.syn().options(&[TcpOptionElement::Noop, TcpOptionElement::WindowScale(7)]).unwrap();
        }
        if flags.contains(TcpFlags::ACK) {
            builder = builder.ack(ack);
        }
        if flags.contains(TcpFlags::FIN) {
            builder = builder.fin();
        }
        let mut bytes = Vec::new();
        builder.write(&mut bytes, &vec![0; payload]).unwrap();
        bytes
    }

    const SYN: TcpFlags = TcpFlags::SYN;
    const ACK: TcpFlags = TcpFlags::ACK;
    const SYN_ACK: TcpFlags = TcpFlags(0x12);
    const FIN_ACK: TcpFlags = TcpFlags(0x11);

    fn see(all: &mut Connections, bytes: &[u8], now: i64) -> Segment {
        all.see(bytes, &Frame::parse(bytes).unwrap(), now).unwrap()
    }

    /// After a handshake of a millisecond, with numbers that wrap.
    fn opened() -> Connections {
        let mut all = Connections::default();
        let syn = see(&mut all, &frame(true, SYN, u32::MAX, 0, 0), 0);
        assert_eq!((syn.seq, syn.ack, syn.window, syn.retransmission), (0, None, 500, false));
        let syn_ack = see(&mut all, &frame(false, SYN_ACK, 900, 0, 0), 500_000);
        assert_eq!((syn_ack.seq, syn_ack.ack, syn_ack.window), (0, Some(1), 500));
        let ack = see(&mut all, &frame(true, ACK, 0, 901, 0), 1_000_000);
        assert_eq!((ack.seq, ack.ack, ack.window), (1, Some(1), 500 << 7), "scaled once both have said how");
        all
    }

    #[test]
    fn numbers_count_from_the_start_and_what_passes_twice_is_a_retransmission() {
        let mut all = opened();
        let again = |all: &mut Connections, seq, len, at| see(all, &frame(true, ACK, seq, 901, len), at).retransmission;
        assert!(!again(&mut all, 0, 100, 2_000_000));
        assert!(!again(&mut all, 100, 0, 2_000_000), "an acknowledgement alone");
        assert!(again(&mut all, 0, 100, 2_000_000), "the same");
        assert!(again(&mut all, 50, 100, 2_000_000), "some of it");
        assert!(!again(&mut all, 150, 100, 2_000_000));
        let fin = see(&mut all, &frame(true, FIN_ACK, 250, 901, 0), 3_000_000);
        assert_eq!((fin.seq, fin.retransmission), (251, false));
        assert!(see(&mut all, &frame(true, FIN_ACK, 250, 901, 0), 3_000_000).retransmission);
    }

    #[test]
    fn what_fills_a_hole_is_one_only_if_it_is_late() {
        for (late, expected) in [(0, false), (1_000_000, true)] {
            let mut all = opened();
            see(&mut all, &frame(true, ACK, 100, 901, 100), 5_000_000);
            let filling = see(&mut all, &frame(true, ACK, 0, 901, 100), 5_000_000 + late);
            assert_eq!(filling.retransmission, expected, "{late}");
            assert!(
                see(&mut all, &frame(true, ACK, 0, 901, 100), 5_000_000 + late).retransmission,
                "the hole is filled"
            );
        }
    }

    #[test]
    fn without_a_handshake_numbers_begin_at_1_and_a_new_syn_begins_anew() {
        let mut all = Connections::default();
        let first = see(&mut all, &frame(false, ACK, 5000, 77, 10), 0);
        assert_eq!((first.seq, first.ack, first.window), (1, Some(1), 500));
        let reply = see(&mut all, &frame(true, ACK, 77, 5010, 0), 0);
        assert_eq!((reply.seq, reply.ack), (1, Some(11)));
        let syn = see(&mut all, &frame(true, SYN, 6, 0, 0), 0);
        assert_eq!((syn.seq, syn.retransmission), (0, false));
        assert_eq!(see(&mut all, &frame(false, SYN_ACK, 3, 7, 0), 0).ack, Some(1));
    }

    #[test]
    fn memory_is_bounded_and_no_bytes_break_it() {
        let mut all = Connections::default();
        let mut bytes = frame(true, SYN, 1, 0, 0);
        for port in 0..=u16::MAX {
            bytes[34..36].copy_from_slice(&port.to_be_bytes());
            see(&mut all, &bytes, 0);
        }
        assert_eq!((all.known.len(), all.order.len()), (MOST, MOST));
        super::super::each_damage(&frame(true, SYN, 1, 0, 9), |bytes| {
            if let Some(frame) = Frame::parse(bytes) {
                all.see(bytes, &frame, 0);
            }
        });
    }
}
