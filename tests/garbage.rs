//! Garbage and damaged packets, half of them with checksums that are right, into simulated hosts: nothing panics, what they send is
//! sound, and what they keep is bounded.
//!
//! `PINGSCRIPT_GARBAGE_SECONDS=600 cargo test --test garbage -- --nocapture` runs for as long and says how many packets there were.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant as Wall;

use pingscript::net::host::simulated::routes::RouteTarget;
use pingscript::net::host::simulated::stack::{ErrorLimits, SentPacket, Stack, StackTime};
use pingscript::net::host::socket::{SocketOption, SocketType};
use pingscript::net::time::{Duration, Instant};
use pingscript::net::wire::Family;
use pingscript::net::wire::checksum::{Sum, checksum};
use pingscript::net::wire::ip::Packet;

/// Packets that a run has without the variable.
const FEW: u64 = 20_000;

/// Numbers by a seed (xorshift64*).
struct Random(u64);

impl Random {
    fn between(&mut self, least: i64, most: i64) -> i64 {
        for shift in [12, -25, 27] {
            self.0 ^= if shift > 0 { self.0 >> shift } else { self.0 << -shift };
        }
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16;
        least + (number % (most - least + 1) as u64) as i64
    }
}

/// Two hosts that forward and have every kind of socket, on one link; the second asks for hardware addresses on another.
struct Hosts {
    stacks: [Stack; 2],
    time: StackTime,
    last_key: u64,
}

fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

impl Hosts {
    fn new() -> Self {
        let stacks = [1, 2].map(|n| {
            let addrs = [format!("10.0.0.{n}/24"), format!("fd00::{n}/64")].map(|text| text.parse().expect("a prefix"));
            let mut stack = Stack::new(&addrs, true);
            stack.limits = if n == 1 { ErrorLimits::lifted() } else { ErrorLimits::default() };
            let link = stack.add_interface("eth0", 1500, &addrs);
            let far = [format!("10.0.9.{n}/24"), format!("fd00:9::{n}/64")].map(|text| text.parse().expect("a prefix"));
            let index = stack.add_interface("eth1", 1280, &far);
            stack.resolve_on(index, [2, 0, 0, 0, 0, n]);
            let router = Some("10.0.0.7".parse().expect("an address"));
            stack
                .routes_mut()
                .set("10.7.0.0/16".parse().expect("a prefix"), Some(RouteTarget::Interface(link, router)));
            stack
        });
        let mut hosts = Self { stacks, time: StackTime { now: Instant::from_nanos(0), wall: 7 }, last_key: 0 };
        for side in 0..2 {
            for (kind, family, local) in [
                (SocketType::Udp, Family::V4, "0.0.0.0:7"),
                (SocketType::Udp, Family::V6, "[::]:7"),
                (SocketType::Ping, Family::V4, "0.0.0.0:9"),
                (SocketType::Ping, Family::V6, "[::]:9"),
                (SocketType::RawIcmp, Family::V4, "0.0.0.0:0"),
            ] {
                hosts.last_key += 1;
                let (key, stack) = (hosts.last_key, &mut hosts.stacks[side]);
                stack.open(key, kind, family);
                stack.bind(key, addr(local)).expect("bound");
                stack.socket_mut(key).expect("a socket").set(SocketOption::QueueErrors);
            }
            for local in ["0.0.0.0:80", "[::]:80"] {
                hosts.last_key += 1;
                let (key, stack, now) = (hosts.last_key, &mut hosts.stacks[side], hosts.time.now);
                stack.with_tcp(|tcp| tcp.open(key));
                stack.bind_tcp(key, addr(local), now).expect("bound");
                stack.with_tcp(|tcp| tcp.listen(key, 4)).expect("listening");
            }
        }
        hosts
    }

    /// Has the first host send what makes the second reply: of each kind of socket something.
    fn talk(&mut self, random: &mut Random) {
        let (time, stack) = (self.time, &mut self.stacks[0]);
        let size = [3, 600, 4_000][random.between(0, 2) as usize];
        for (key, to) in
            [(1, "10.0.0.2:7"), (2, "[fd00::2]:7"), (1, "10.0.0.2:99"), (1, "10.7.1.1:9"), (2, "[fd00:9::5]:7")]
        {
            let _ = stack.send_datagram(key, &vec![5; size], Some(addr(to)), None, time);
        }
        for (key, to, kind) in [(3, "10.0.0.2:0", 8), (4, "[fd00::2]:0", 128)] {
            let request = [&[kind, 0, 0, 0, 0, 9, 0, 1][..], &vec![6; size]].concat();
            let _ = stack.send_datagram(key, &request, Some(addr(to)), None, time);
        }
        for to in ["10.0.0.2:80", "[fd00::2]:80"] {
            self.last_key += 1;
            let key = self.last_key;
            stack.with_tcp(|tcp| tcp.open(key));
            let _ = stack.connect_tcp(key, addr(to), time.now);
            stack.with_tcp(|tcp| {
                // Of the connections before, one sends, and one is closed.
                let _ = tcp.send(key.saturating_sub(8), &vec![7; size], time.now);
                tcp.close(key.saturating_sub(40), time.now);
            });
        }
    }

    /// All that the hosts want to send, as packets; it is sound.
    fn sent(&mut self) -> Vec<(usize, Vec<u8>)> {
        let mut all = Vec::new();
        for (side, stack) in self.stacks.iter_mut().enumerate() {
            stack.resolve(self.time.now);
            stack.outbox.woken.clear();
            let frames = std::mem::take(&mut stack.outbox.frames).into_iter();
            let packets = std::mem::take(&mut stack.outbox.packets);
            assert!(packets.len() + frames.len() < 2_000, "an answer of {} packets", packets.len());
            for SentPacket { interface: index, bytes: packet, .. } in packets {
                let parsed = Packet::parse(&packet).unwrap_or_else(|err| panic!("{err}: {packet:02x?}"));
                assert!(!parsed.is_malformed(&packet), "{parsed}: {packet:02x?}");
                let mtu = stack.interface(index).expect("an interface").mtu as usize;
                assert!(packet.len() <= mtu, "{} of {mtu} octets: {parsed}", packet.len());
                all.push((if index == 1 { side } else { 1 - side }, packet));
            }
            all.extend(frames.map(|(_, frame)| (1 - side, frame[14..].to_vec())));
        }
        all
    }

    fn give(&mut self, side: usize, packet: Vec<u8>, random: &mut Random) {
        match random.between(0, 9) {
            0 => self.stacks[side].receive_arp(3, &packet, self.time),
            1 => self.stacks[side].receive(3, packet, self.time),
            _ => self.stacks[side].receive(2, packet, self.time),
        }
    }

    fn pass(&mut self, nanos: i64) {
        self.time.now = self.time.now + Duration::from_nanos(nanos);
        self.time.wall += nanos;
        for side in 0..2 {
            let stack = &mut self.stacks[side];
            if stack.next_due().is_some_and(|due| due <= self.time.now) {
                stack.serve_due(self.time);
            }
            let mut buffer = [0; 2_000];
            for key in 1..=self.last_key {
                if let Some(socket) = stack.socket_mut(key) {
                    let _ = (socket.receive(&mut buffer), socket.next_error(&mut buffer));
                }
            }
            let now = self.time.now;
            stack.with_tcp(|tcp| {
                for key in [6, 7, 13, 14] {
                    while let Ok((accepted, _)) = tcp.accept(key) {
                        let _ = tcp.read(accepted, &mut buffer, now);
                        tcp.close(accepted, now);
                    }
                }
            });
        }
    }
}

/// Changes, cuts, lengthens or joins a packet; then perhaps makes its checksums right.
fn damage(packet: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = |len: usize, random: &mut Random| random.between(0, len.max(1) as i64 - 1) as usize;
    for _ in 0..random.between(0, 4) {
        let place = at(packet.len().min(80), random);
        match random.between(0, 5) {
            0 if !packet.is_empty() => packet[place] ^= 1 << random.between(0, 7),
            1 if !packet.is_empty() => packet[place] = [0, 1, 0x7f, 0x80, 0xff][at(5, random)],
            2 => packet.truncate(at(packet.len() + 1, random)),
            3 => packet.extend((0..random.between(1, 40)).map(|n| n as u8)),
            4 => {
                packet.truncate(place);
                packet.extend_from_slice(&other[at(other.len(), random)..]);
            }
            _ if !packet.is_empty() => packet[place] = random.between(0, 255) as u8,
            _ => {}
        }
    }
    if random.between(0, 1) == 1 {
        seal(packet);
    }
}

/// Makes the checksums of a packet right, if it is one.
fn seal(packet: &mut [u8]) {
    let put = |bytes: &mut [u8], at: usize, sum: u16| {
        if let Some(field) = bytes.get_mut(at..at + 2) {
            field.copy_from_slice(&sum.to_be_bytes());
        }
    };
    let v4 = packet.first().is_some_and(|first| first >> 4 == 4);
    let header = if v4 { usize::from(packet[0] & 0x0f) * 4 } else { 40 };
    if packet.len() < header || header < 20 {
        return;
    }
    if v4 {
        put(packet, 2, packet.len() as u16);
        put(packet, 10, 0);
        let sum = checksum(&packet[..header]);
        put(packet, 10, sum);
    } else {
        put(packet, 4, (packet.len() - 40) as u16);
    }
    let Ok(parsed) = Packet::parse(packet) else { return };
    let (source, destination, protocol) = (parsed.source, parsed.destination, parsed.protocol.0);
    let (place, pseudo) = match protocol {
        17 => (6, true),
        6 => (16, true),
        1 => (2, false),
        58 => (2, true),
        _ => return,
    };
    let start = packet.len() - parsed.segment.len();
    put(&mut packet[start..], place, 0);
    let segment = &packet[start..];
    let sum = if pseudo { pseudo_sum(source, destination, protocol, segment.len()) } else { Sum::default() };
    let sum = sum.join(segment).finish();
    put(&mut packet[start..], place, sum);
}

fn pseudo_sum(source: IpAddr, destination: IpAddr, protocol: u8, len: usize) -> Sum {
    Sum::pseudo(source, destination, protocol, len).unwrap_or_default()
}

#[test]
fn no_packet_breaks_a_simulated_host() {
    let seconds: Option<u64> = std::env::var("PINGSCRIPT_GARBAGE_SECONDS").ok().and_then(|text| text.parse().ok());
    let begun = Wall::now();
    let (mut packets, mut rounds, mut sound) = (0u64, 0u64, 0u64);
    let goes_on = |packets: u64| match seconds {
        Some(seconds) => begun.elapsed().as_secs() < seconds,
        None => packets < FEW,
    };
    while goes_on(packets) {
        rounds += 1;
        let mut random = Random(rounds);
        let mut hosts = Hosts::new();
        let mut seen: Vec<Vec<u8>> = vec![vec![0x45]];
        for _ in 0..30 {
            hosts.talk(&mut random);
            for _ in 0..20 {
                let mut queue: VecDeque<(usize, Vec<u8>)> = hosts.sent().into();
                // What does not fit into so many is lost.
                for _ in 0..200 {
                    let Some((side, packet)) = queue.pop_front() else { break };
                    if seen.len() < 2_000 {
                        seen.push(packet.clone());
                    }
                    // Most arrive as they were, so that what they belong to goes on; some damaged before that.
                    if random.between(0, 2) == 0 {
                        let mut damaged = packet.clone();
                        let other = &seen[random.between(0, seen.len() as i64 - 1) as usize];
                        damage(&mut damaged, other, &mut random);
                        packets += 1;
                        hosts.give(side, damaged, &mut random);
                    }
                    packets += 1;
                    hosts.give(side, packet, &mut random);
                    queue.extend(hosts.sent());
                }
                let mut old = seen[random.between(0, seen.len() as i64 - 1) as usize].clone();
                damage(&mut old, &[9; 60], &mut random);
                packets += 1;
                let side = random.between(0, 1) as usize;
                hosts.give(side, old, &mut random);
                hosts.pass([1_000, 1_000_000, 300_000_000, 40_000_000_000][random.between(0, 3) as usize]);
            }
        }
        sound += hosts.stacks.iter().map(|stack| stack.counts.forwarded + stack.counts.no_port).sum::<u64>();
    }
    assert!(sound > 0, "none of it was sound");
    println!("{packets} packets in {rounds} runs, {} s: none broke a host", begun.elapsed().as_secs());
}
