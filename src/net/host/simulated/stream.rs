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
    has_given_up: bool,
    /// Since when what was sent has met no answer.
    waits_since: Option<Instant>,
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
        let interface = interface(own, &mut wire, seed, now);
        let buffer = || SocketBuffer::new(vec![0; BUFFER]);
        let mut socket = Socket::new(buffer(), buffer());
        socket.set_ack_delay(Some(span(ACK_DELAY)));
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
            has_given_up: false,
            waits_since: None,
            sent_up_to: None,
            retransmits: 0,
        }
    }

    /// Sends no larger packets from now on. What was lost is sent again at its time, in smaller segments.
    pub fn set_mtu(&mut self, mtu: usize, own: IpAddr, now: Instant) {
        if mtu < self.wire.mtu {
            self.wire.mtu = mtu;
            self.interface = interface(own, &mut self.wire, 0, now);
        }
    }

    /// A packet of this connection has come.
    pub fn receive(&mut self, packet: Vec<u8>, now: Instant) {
        self.has_received = true;
        self.waits_since = None;
        let before = self.socket().state();
        self.wire.received.push_back(packet);
        self.step(now);
        let is_over = self.socket().state() == State::Closed;
        // The last acknowledgement ends a connection, too; whatever else does is a reset.
        self.was_reset |= is_over && self.was_established && !matches!(before, State::LastAck | State::Closed);
    }

    /// Does what is due.
    pub fn step(&mut self, now: Instant) {
        if self.waits_since.is_some_and(|since| now - since >= PATIENCE) && self.awaits_acknowledgement() {
            self.has_given_up = true;
            self.socket_mut().abort();
        }
        self.interface.poll(to_smoltcp(now), &mut self.wire, &mut self.sockets);
        self.was_established |=
            !matches!(self.socket().state(), State::Closed | State::Listen | State::SynSent | State::SynReceived);
        self.waits_since = self.awaits_acknowledgement().then(|| self.waits_since.unwrap_or(now));
    }

    /// Whether something is sent that the peer has not acknowledged. Where nothing is, both may be silent for ever.
    fn awaits_acknowledgement(&self) -> bool {
        let socket = self.socket();
        let is_sent = matches!(
            socket.state(),
            State::SynSent | State::SynReceived | State::FinWait1 | State::Closing | State::LastAck
        );
        is_sent || socket.send_queue() > 0
    }

    /// When something is to be done next.
    pub fn next_due(&mut self, now: Instant) -> Option<Instant> {
        let due = self.interface.poll_at(to_smoltcp(now), &self.sockets).map(from_smoltcp);
        let given_up = self.waits_since.map(|since| since + PATIENCE);
        due.into_iter().chain(given_up).min().map(|at| at.max(now + Duration::from_micros(1)))
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
            // A handshake that its client has broken off.
            State::Listen if self.has_received => TcpStage::Refused,
            State::Listen | State::SynSent | State::SynReceived => TcpStage::Opening,
            State::Closed | State::TimeWait if self.was_established => TcpStage::Over,
            State::Closed => TcpStage::Refused,
            _ => TcpStage::Open,
        }
    }

    /// Whether it waits for segments that may still be on their way.
    pub fn is_in_time_wait(&self) -> bool {
        self.socket().state() == State::TimeWait
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

    /// Whether it was given up for want of acknowledgements.
    pub fn has_given_up(&self) -> bool {
        self.has_given_up
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

    /// Has congestion controlled as by Reno, or by CUBIC.
    pub fn set_reno(&mut self, on: bool) {
        let control = if on { CongestionControl::Reno } else { CongestionControl::Cubic };
        self.socket_mut().set_congestion_control(control);
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

/// An interface of smoltcp that has the address `own`.
fn interface(own: IpAddr, wire: &mut Packets, seed: u64, now: Instant) -> Interface {
    let mut config = Config::new(HardwareAddress::Ip);
    config.random_seed = seed;
    let mut interface = Interface::new(config, wire, to_smoltcp(now));
    // With a network of everything, each address is reached without a router.
    interface.update_ip_addrs(|addrs| addrs.push(IpCidr::new(own.into(), 0)).unwrap_or(()));
    interface
}

/// The reset that answers a packet of no connection that `own` has; `None`: there is none, as to a reset.
pub fn refusal(own: IpAddr, packet: Vec<u8>, now: Instant) -> Option<Vec<u8>> {
    let mut wire = Packets { mtu: 1500, ..Packets::default() };
    let mut interface = interface(own, &mut wire, 0, now);
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

struct ArrivedPacket(Vec<u8>);

struct LeavingPacket<'a>(&'a mut VecDeque<Vec<u8>>);

impl RxToken for ArrivedPacket {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(&self.0)
    }
}

impl TxToken for LeavingPacket<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, make: F) -> R {
        let mut packet = vec![0; len];
        let result = make(&mut packet);
        self.0.push_back(packet);
        result
    }
}

impl Device for Packets {
    type RxToken<'a> = ArrivedPacket;
    type TxToken<'a> = LeavingPacket<'a>;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(ArrivedPacket, LeavingPacket<'_>)> {
        let packet = self.received.pop_front()?;
        Some((ArrivedPacket(packet), LeavingPacket(&mut self.sent)))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<LeavingPacket<'_>> {
        Some(LeavingPacket(&mut self.sent))
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
#[path = "stream_tests.rs"]
mod tests;
