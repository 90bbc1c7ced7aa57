//! A connection of TCP on virtual time, by smoltcp: what a host sends and receives of it as IP packets. Pure.
//!
//! Each connection is a stack of smoltcp with one address and one socket, so that which packets are whose, and which connections
//! a listener has, is known to the host alone. smoltcp's least retransmission time-out is one second, Linux's is 200 ms: smoltcp's
//! clock runs five times as fast as the network's. A SYN is sent again after 200 ms, too, where Linux takes a second.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{CongestionControl, Socket, SocketBuffer, State};
use smoltcp::wire::{HardwareAddress, IpCidr};

use crate::net::time::{Duration, Instant};
use crate::net::wire::ip::Packet;

/// How many times as fast smoltcp's clock is.
const SPEED: i64 = 5;

/// Octets that wait to be sent, and to be received.
pub const BUFFER: usize = 131_072;

/// How long an acknowledgement may wait for data to go with it (Linux's usual 40 ms).
const ACK_DELAY: Duration = Duration::from_millis(40);

/// How long a connection goes on without an acknowledgement (tcp_syn_retries and tcp_retries2 of Linux are longer still).
const PATIENCE: Duration = Duration::from_secs(130);

/// The connection's end on one host.
pub struct TcpStream {
    interface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    wire: Packets,
    was_established: bool,
    was_reset: bool,
    has_received: bool,
    sent_up_to: Option<u32>,
    retransmits: u32,
}

/// What a read has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// So many octets; none: nothing has come as yet.
    Octets(usize),
    /// No more will come.
    End,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpStage {
    /// It is being made.
    Opening,
    /// Both ends may send, or one has ended its direction.
    Open,
    /// It was refused: the first answer was a reset.
    Refused,
    /// It is over: wound up, reset, or given up.
    Over,
}

impl std::fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TcpStream").field("state", &self.socket().state()).finish_non_exhaustive()
    }
}

impl TcpStream {
    /// Begins to connect `local` to `peer`. The same seed gives the same numbers of segments. `None`: there can be no such
    /// connection.
    pub fn connect(local: SocketAddr, peer: SocketAddr, mtu: usize, seed: u64, now: Instant) -> Option<Self> {
        let mut stream = Self::new(local.ip(), mtu, seed, now);
        let Self { interface, sockets, handle, .. } = &mut stream;
        sockets.get_mut::<Socket<'_>>(*handle).connect(interface.context(), peer, local).ok()?;
        stream.step(now);
        Some(stream)
    }

    /// Waits at `local` for one connection, whose first packet is to be given to [`Self::receive`].
    pub fn listen(local: SocketAddr, mtu: usize, seed: u64, now: Instant) -> Option<Self> {
        let mut stream = Self::new(local.ip(), mtu, seed, now);
        stream.socket_mut().listen(local).ok()?;
        Some(stream)
    }

    fn new(own: IpAddr, mtu: usize, seed: u64, now: Instant) -> Self {
        let mut wire = Packets { mtu, ..Packets::default() };
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut wire, to_smoltcp(now));
        // With a network of everything, each address is reached without a router.
        interface.update_ip_addrs(|addrs| addrs.push(IpCidr::new(own.into(), 0)).unwrap_or(()));
        let buffer = || SocketBuffer::new(vec![0; BUFFER]);
        let mut socket = Socket::new(buffer(), buffer());
        socket.set_ack_delay(Some(span(ACK_DELAY)));
        socket.set_timeout(Some(span(PATIENCE)));
        socket.set_congestion_control(CongestionControl::Cubic);
        let mut sockets = SocketSet::new(Vec::new());
        let handle = sockets.add(socket);
        Self {
            interface,
            sockets,
            handle,
            wire,
            was_established: false,
            was_reset: false,
            has_received: false,
            sent_up_to: None,
            retransmits: 0,
        }
    }

    /// A packet of this connection has come.
    pub fn receive(&mut self, packet: Vec<u8>, now: Instant) {
        self.has_received = true;
        let before = self.socket().state();
        self.wire.received.push_back(packet);
        self.step(now);
        let is_over = self.socket().state() == State::Closed;
        // The last acknowledgement ends a connection, too; whatever else does is a reset.
        self.was_reset |= is_over && self.was_established && !matches!(before, State::LastAck | State::Closed);
    }

    /// Does what is due.
    pub fn step(&mut self, now: Instant) {
        // Only what waits for an acknowledgement is given up; who says nothing may do so for ever.
        let socket = self.sockets.get_mut::<Socket<'_>>(self.handle);
        let awaits = socket.send_queue() > 0 || !matches!(socket.state(), State::Established | State::CloseWait);
        socket.set_timeout(awaits.then_some(span(PATIENCE)));
        self.interface.poll(to_smoltcp(now), &mut self.wire, &mut self.sockets);
        self.was_established |=
            !matches!(self.socket().state(), State::Closed | State::Listen | State::SynSent | State::SynReceived);
    }

    /// When something is to be done next.
    pub fn next_due(&mut self, now: Instant) -> Option<Instant> {
        self.interface
            .poll_at(to_smoltcp(now), &self.sockets)
            .map(|at| from_smoltcp(at).max(now + Duration::from_micros(1)))
    }

    /// Packets that the host is to send.
    pub fn take_packets(&mut self) -> Vec<Vec<u8>> {
        let packets: Vec<Vec<u8>> = self.wire.sent.drain(..).collect();
        for segment in packets.iter().filter_map(|bytes| Packet::parse(bytes).ok()) {
            let Some(sequence) = segment.transport.tcp().and_then(|tcp| tcp.sequence) else { continue };
            let end = sequence.wrapping_add(segment.payload.len() as u32);
            match self.sent_up_to {
                // What ends no further than what was sent before is sent again; numbers go round.
                Some(before) if end.wrapping_sub(before) as i32 <= 0 => {
                    self.retransmits += u32::from(!segment.payload.is_empty());
                }
                _ => self.sent_up_to = Some(end),
            }
        }
        packets
    }

    /// How many segments with data were sent again.
    pub fn retransmits(&self) -> u32 {
        self.retransmits
    }

    /// How far it is.
    pub fn stage(&self) -> TcpStage {
        match self.socket().state() {
            State::Listen | State::SynSent | State::SynReceived => TcpStage::Opening,
            State::Closed | State::TimeWait if self.was_established => TcpStage::Over,
            State::Closed => TcpStage::Refused,
            _ => TcpStage::Open,
        }
    }

    /// Takes octets to be sent, as many as there is room for; `None`: this direction has ended.
    pub fn send(&mut self, data: &[u8], now: Instant) -> Option<usize> {
        let sent = self.socket_mut().send_slice(data).ok()?;
        self.step(now);
        Some(sent)
    }

    /// Gives octets that have come.
    pub fn read(&mut self, buffer: &mut [u8], now: Instant) -> Read {
        let socket = self.socket_mut();
        if !socket.can_recv() && !socket.may_recv() && self.was_established {
            return Read::End;
        }
        let read = self.socket_mut().recv_slice(buffer).unwrap_or(0);
        // The window may have opened.
        self.step(now);
        Read::Octets(read)
    }

    /// Whether something has come that was not read.
    pub fn has_unread(&self) -> bool {
        self.socket().can_recv()
    }

    /// Whether the peer has reset the connection, which is said once.
    pub fn take_reset(&mut self) -> bool {
        std::mem::take(&mut self.was_reset)
    }

    /// Whether nothing has answered: it was given up.
    pub fn has_timed_out(&self) -> bool {
        !self.has_received
    }

    /// Whether there is something to read, or the end of it.
    pub fn is_readable(&self) -> bool {
        let socket = self.socket();
        socket.can_recv() || self.was_established && !socket.may_recv()
    }

    /// Whether there is room for what is to be sent.
    pub fn is_writable(&self) -> bool {
        self.socket().can_send()
    }

    /// Has small segments wait for the acknowledgement of those before, or not.
    pub fn set_nagle(&mut self, on: bool) {
        self.socket_mut().set_nagle_enabled(on);
    }

    /// Ends the direction from here to there, once all is sent.
    pub fn close(&mut self, now: Instant) {
        self.socket_mut().close();
        self.step(now);
    }

    /// Ends the connection by a reset.
    pub fn reset(&mut self, now: Instant) {
        self.socket_mut().abort();
        self.step(now);
    }

    fn socket(&self) -> &Socket<'static> {
        self.sockets.get(self.handle)
    }

    fn socket_mut(&mut self) -> &mut Socket<'static> {
        self.sockets.get_mut(self.handle)
    }
}

/// The reset that answers a packet of no connection that `own` has; `None`: there is none, as to a reset.
pub fn refusal(own: IpAddr, packet: Vec<u8>, now: Instant) -> Option<Vec<u8>> {
    let mut wire = Packets { mtu: 1500, ..Packets::default() };
    let mut interface = Interface::new(Config::new(HardwareAddress::Ip), &mut wire, to_smoltcp(now));
    interface.update_ip_addrs(|addrs| addrs.push(IpCidr::new(own.into(), 0)).unwrap_or(()));
    wire.received.push_back(packet);
    interface.poll(to_smoltcp(now), &mut wire, &mut SocketSet::new(Vec::new()));
    wire.sent.pop_front()
}

/// Packets on their way into and out of smoltcp.
#[derive(Debug, Default)]
struct Packets {
    received: VecDeque<Vec<u8>>,
    sent: VecDeque<Vec<u8>>,
    mtu: usize,
}

struct Arrived(Vec<u8>);

struct Leaving<'a>(&'a mut VecDeque<Vec<u8>>);

impl RxToken for Arrived {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(&self.0)
    }
}

impl TxToken for Leaving<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, make: F) -> R {
        let mut packet = vec![0; len];
        let result = make(&mut packet);
        self.0.push_back(packet);
        result
    }
}

impl Device for Packets {
    type RxToken<'a> = Arrived;
    type TxToken<'a> = Leaving<'a>;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Arrived, Leaving<'_>)> {
        let packet = self.received.pop_front()?;
        Some((Arrived(packet), Leaving(&mut self.sent)))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<Leaving<'_>> {
        Some(Leaving(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        capabilities
    }
}

fn to_smoltcp(at: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_micros(at.as_nanos().saturating_mul(SPEED) / 1_000)
}

fn from_smoltcp(at: smoltcp::time::Instant) -> Instant {
    Instant::from_nanos(at.total_micros().saturating_mul(1_000).saturating_add(SPEED - 1) / SPEED)
}

fn span(of: Duration) -> smoltcp::time::Duration {
    smoltcp::time::Duration::from_micros((of.as_nanos() * SPEED / 1_000).max(0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::wire::ip::TcpFlags;

    const START: Instant = Instant::from_nanos(1_000_000_000);
    const DELAY: Duration = Duration::from_millis(5);

    fn ends(v4: bool) -> [SocketAddr; 2] {
        let text = if v4 { ["10.0.0.1:40000", "10.0.0.2:7"] } else { ["[fd00::1]:40000", "[fd00::2]:7"] };
        text.map(|text| text.parse().expect("an address"))
    }

    /// Two ends and a link of 5 ms that loses the packets whose numbers `lost` names.
    struct Line {
        ends: [TcpStream; 2],
        wire: VecDeque<(Instant, usize, Vec<u8>)>,
        now: Instant,
        count: usize,
        lost: Vec<usize>,
    }

    impl Line {
        fn new(v4: bool, lost: &[usize]) -> Self {
            let [a, b] = ends(v4);
            let ends = [TcpStream::connect(a, b, 1500, 1, START), TcpStream::listen(b, 1500, 2, START)];
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
            let mut line = Line::new(v4, &[]);
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
            assert!(
                line.until(|line| line.ends[0].stage() == TcpStage::Over && line.ends[1].stage() == TcpStage::Over)
            );
        }
    }

    #[test]
    fn a_lost_segment_is_sent_again_after_about_200_ms() {
        let mut line = Line::new(true, &[1]);
        assert!(line.until(|line| line.ends[0].stage() == TcpStage::Open));
        assert_eq!(line.passed(), Duration::from_millis(200) + DELAY * 2.0, "the SYN");
        let mut line = Line::new(true, &[4]);
        assert!(line.until(|line| line.ends[1].stage() == TcpStage::Open));
        let sent = line.now;
        line.ends[0].send(b"lost", sent);
        assert!(line.until(|line| line.ends[1].is_readable()));
        let took = line.now - sent;
        assert!(took >= Duration::from_millis(200) && took < Duration::from_millis(260), "{took}");
    }

    #[test]
    fn who_is_not_there_refuses_and_a_reset_ends_it() {
        let [a, b] = ends(true);
        let mut stream = TcpStream::connect(a, b, 1500, 1, START).expect("a stream");
        let syn = stream.take_packets().into_iter().next().expect("a SYN");
        let reset = refusal(b.ip(), syn, START).expect("a reset");
        let packet = Packet::parse(&reset).expect("a packet");
        assert!(packet.transport.tcp().and_then(|tcp| tcp.flags).is_some_and(|flags| flags.contains(TcpFlags::RST)));
        assert_eq!(refusal(a.ip(), reset.clone(), START), None, "no reset answers a reset");
        stream.receive(reset, START);
        assert_eq!(stream.stage(), TcpStage::Refused);
        let mut line = Line::new(true, &[]);
        assert!(line.until(|line| line.ends[1].stage() == TcpStage::Open));
        line.ends[1].reset(line.now);
        assert!(line.until(|line| line.ends[0].stage() == TcpStage::Over));
    }

    #[test]
    fn a_megabyte_crosses_a_link_that_loses_segments() {
        let lost: Vec<usize> = (10..2000).step_by(37).collect();
        let mut line = Line::new(true, &lost);
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
}
