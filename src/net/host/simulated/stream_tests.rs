use std::collections::VecDeque;

use smoltcp::wire::TcpPacket;

use super::*;
use crate::net::wire::ip::TcpFlags;

const START: Instant = Instant::from_nanos(1_000_000_000);
const DELAY: Duration = Duration::from_millis(5);

fn ends(v4: bool) -> [SocketAddr; 2] {
    let text = if v4 { ["10.0.0.1:40000", "10.0.0.2:7"] } else { ["[fd00::1]:40000", "[fd00::2]:7"] };
    text.map(|text| text.parse().expect("an address"))
}

/// Two ends and a link of 5 ms that loses the packets whose numbers `lost` names.
struct StreamLine {
    ends: [TcpStream; 2],
    wire: VecDeque<(Instant, usize, Vec<u8>)>,
    now: Instant,
    count: usize,
    lost: Vec<usize>,
}

impl StreamLine {
    fn new(v4: bool, lost: &[usize]) -> Self {
        let [a, b] = ends(v4);
        let ends = [TcpStream::connect(a, b, 1500, (1, None), START), TcpStream::listen(b, 1500, 2, START)];
        let ends = ends.map(|end| end.expect("an end"));
        Self { ends, wire: VecDeque::new(), now: START, count: 0, lost: lost.to_vec() }
    }

    /// Has time go on until `done`, for an hour at most; whether that came.
    fn until(&mut self, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        loop {
            for side in 0..2 {
                for packet in self.ends[side].take_packets() {
                    self.count += 1;
                    if !self.lost.contains(&self.count) {
                        self.wire.push_back((self.now + DELAY, 1 - side, packet));
                    }
                }
            }
            if done(self) {
                return true;
            }
            let now = self.now;
            let timers: Vec<Instant> = self.ends.iter_mut().filter_map(|end| end.next_due(now)).collect();
            let next = self.wire.front().map(|(at, ..)| *at).into_iter().chain(timers).min();
            let Some(next) = next.filter(|next| *next < START + Duration::from_secs(3600)) else { return false };
            self.now = next;
            while self.wire.front().is_some_and(|(at, ..)| *at <= next) {
                let (_, side, packet) = self.wire.pop_front().expect("one");
                self.ends[side].receive(packet, next);
            }
            self.ends.iter_mut().for_each(|end| end.step(next));
        }
    }

    fn passed(&self) -> Duration {
        self.now - START
    }
}

#[test]
fn a_connection_is_made_used_and_wound_up() {
    for v4 in [true, false] {
        let mut line = StreamLine::new(v4, &[]);
        assert!(line.until(|line| line.ends[0].stage() == TcpStage::Open));
        assert_eq!(line.passed(), DELAY * 2.0, "a round trip");
        let now = line.now;
        assert_eq!(line.ends[0].send(b"hello", now), Some(5));
        assert!(line.until(|line| line.ends[1].is_readable()));
        let (now, mut buffer) = (line.now, [0; 9]);
        assert_eq!(line.ends[1].read(&mut buffer, now), Read::Octets(5));
        assert_eq!(line.ends[1].read(&mut buffer, now), Read::Octets(0), "nothing more as yet");
        line.ends[0].close(now);
        assert!(line.until(|line| line.ends[1].is_readable()));
        let now = line.now;
        assert_eq!(line.ends[1].read(&mut buffer, now), Read::End, "the end");
        assert_eq!(line.ends[1].send(b"late", now), Some(4), "half of it is open");
        assert!(line.until(|line| line.ends[0].is_readable()));
        line.ends[1].close(line.now);
        assert!(line.until(|line| line.ends[0].stage() == TcpStage::Over && line.ends[1].stage() == TcpStage::Over));
    }
}

#[test]
fn what_there_is_no_room_for_breaks_nothing() {
    let mut line = StreamLine::new(true, &[]);
    assert!(line.until(|line| line.ends[0].stage() == TcpStage::Open));
    let now = line.now;
    line.ends[0].send(b"hello", now);
    let packets = line.ends[0].take_packets();
    for beyond in [BUFFER as u32 - 4, 2 * BUFFER as u32 - 10] {
        let mut packet = packets.last().expect("a segment").clone();
        let sequence = u32::from_be_bytes(packet[24..28].try_into().expect("four octets"));
        packet[24..28].copy_from_slice(&sequence.wrapping_add(beyond).to_be_bytes());
        let [from, to] = ends(true).map(|end| end.ip().into());
        TcpPacket::new_unchecked(&mut packet[20..]).fill_checksum(&from, &to);
        line.ends[1].receive(packet, now);
    }
    packets.into_iter().for_each(|packet| line.ends[1].receive(packet, now));
    assert_eq!(line.ends[1].read(&mut [0; 9], now), Read::Octets(5));
}

#[test]
fn what_is_lost_is_sent_again_when_linux_would() {
    let ms = Duration::from_millis;
    for (lost, took, count) in [
        (vec![1], ms(1_010), [1, 0]),
        (vec![1, 2, 3, 4, 5, 6], ms(7_010), [6, 0]),
        // The SYN comes again when the SYN-ACK is sent again.
        (vec![2], ms(1_010), [1, 1]),
    ] {
        let mut line = StreamLine::new(true, &lost);
        assert!(line.until(|line| line.ends[0].stage() == TcpStage::Open));
        assert_eq!((line.passed(), line.ends.each_ref().map(|end| end.info().retransmits)), (took, count), "{lost:?}");
        assert_eq!(line.ends[0].info().rtt, 10_000, "of the last that was sent");
    }
    // A probe, then time-outs that double.
    for (lost, took) in [(1, 210), (2, 420), (3, 840), (4, 1_680)] {
        let lost: Vec<usize> = (4..4 + lost).collect();
        let mut line = StreamLine::new(true, &lost);
        assert!(line.until(|line| line.ends[1].stage() == TcpStage::Open));
        let sent = line.now;
        line.ends[0].send(b"lost", sent);
        assert!(line.until(|line| line.ends[1].is_readable()));
        assert_eq!(line.now - sent, ms(took) + DELAY, "{lost:?}");
        assert_eq!(line.ends[0].info().retransmits as usize, lost.len());
    }
}

#[test]
fn a_peer_that_never_replies_is_given_up_when_linux_would() {
    let lost: Vec<usize> = (1..100).collect();
    let mut line = StreamLine::new(true, &lost);
    assert!(line.until(|line| line.ends[0].stage() == TcpStage::Refused));
    assert!(line.ends[0].has_timed_out());
    assert_eq!((line.passed(), line.ends[0].info().retransmits), (Duration::from_secs(127), 10));
    let mut line = StreamLine::new(true, &(4..100).collect::<Vec<_>>());
    assert!(line.until(|line| line.ends[1].stage() == TcpStage::Open));
    line.ends[0].send(b"lost", line.now);
    assert!(line.until(|line| line.ends[0].has_given_up()));
    assert_eq!(line.ends[0].info().retransmits, 16, "a probe, and fifteen more");
}

#[test]
fn who_is_not_there_refuses_and_a_reset_ends_it() {
    let [a, b] = ends(true);
    let mut stream = TcpStream::connect(a, b, 1500, (1, None), START).expect("a stream");
    let syn = stream.take_packets().into_iter().next().expect("a SYN");
    let reset = refusal(b.ip(), syn, START).expect("a reset");
    let packet = Packet::parse(&reset).expect("a packet");
    assert!(packet.transport.tcp().and_then(|tcp| tcp.flags).is_some_and(|flags| flags.contains(TcpFlags::RST)));
    assert_eq!(refusal(a.ip(), reset.clone(), START), None, "no reset answers a reset");
    stream.receive(reset, START);
    assert_eq!(stream.stage(), TcpStage::Refused);
    let mut line = StreamLine::new(true, &[]);
    assert!(line.until(|line| line.ends[1].stage() == TcpStage::Open));
    line.ends[1].reset(line.now);
    assert!(line.until(|line| line.ends[0].stage() == TcpStage::Over));
}

#[test]
fn a_megabyte_crosses_a_link_that_loses_segments() {
    let lost: Vec<usize> = (10..2000).step_by(37).collect();
    let mut line = StreamLine::new(true, &lost);
    let (mut sent, mut got, data) = (0, 0, vec![7; 1 << 20]);
    let all = line.until(|line| {
        let now = line.now;
        sent += line.ends[0].send(&data[sent..], now).unwrap_or(0);
        let mut buffer = vec![0; 65_536];
        if let Read::Octets(len) = line.ends[1].read(&mut buffer, now) {
            got += len;
        }
        got == data.len()
    });
    assert!(all, "{got} of {}", data.len());
}
