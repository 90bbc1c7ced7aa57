//! A connection of TCP on virtual time, by smoltcp: what a host sends and receives of it as IP packets. Pure.
//!
//! Each connection is a stack of smoltcp with one address and one socket, so that which packets are whose, and which connections
//! a listener has, is known to the host alone. When something is sent again is decided in `retransmission`, earlier than smoltcp
//! would: its clock, which is the network's otherwise, is put forward to its own time-out then.

use std::net::{IpAddr, SocketAddr};

use smoltcp::iface::{Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp::{CongestionControl, Socket, SocketBuffer, State};
use smoltcp::wire::IpCidr;

use super::device::{Packets, interface};
use super::retransmission::{Expired, Retransmission};
use crate::net::io::TcpInfo;
use crate::net::time::{Duration, Instant};
use crate::net::wire::ip::{Packet, TcpFlags};

/// Octets that wait to be sent, and to be received.
pub const BUFFER: usize = 131_072;

/// How long an acknowledgement may wait for data to go with it (Linux's usual 40 ms).
const ACK_DELAY: smoltcp::time::Duration = smoltcp::time::Duration::from_millis(40);

/// As many segments are acknowledged at once when a connection begins, until it replies to what has come (TCP_MAX_QUICKACKS).
const QUICK: u32 = 16;

/// The connection's end on one host.
pub struct TcpStream {
    interface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    wire: Packets,
    was_established: bool,
    was_reset: bool,
    has_ended: bool,
    has_received: bool,
    has_given_up: bool,
    /// The number of the first octet that was not read.
    unread: u32,
    /// How many segments are still acknowledged at once.
    quick: u32,
    again: Retransmission,
    /// Microseconds that smoltcp's clock was put forward.
    lead: i64,
    packets: Vec<Vec<u8>>,
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
    pub fn connect(
        local: SocketAddr,
        peer: SocketAddr,
        mtu: usize,
        (seed, ttl): (u64, Option<u8>),
        now: Instant,
    ) -> Option<Self> {
        let mut stream = Self::new(local.ip(), mtu, seed, now);
        stream.set_ttl(ttl);
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
        let interface = interface(own, &mut wire, seed, micros(now));
        let buffer = || SocketBuffer::new(vec![0; BUFFER]);
        let mut socket = Socket::new(buffer(), buffer());
        socket.set_ack_delay(None);
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
            has_ended: false,
            has_received: false,
            has_given_up: false,
            unread: 0,
            quick: QUICK,
            again: Retransmission::default(),
            lead: 0,
            packets: Vec::new(),
        }
    }

    /// Sends no larger packets from now on, and what was not acknowledged again.
    pub fn set_mtu(&mut self, mtu: usize, own: IpAddr, now: Instant) {
        if mtu < self.wire.mtu {
            self.wire.mtu = mtu;
            let clock = self.clock(now);
            self.interface = interface(own, &mut self.wire, 0, clock);
            self.send_again(now);
        }
    }

    /// A packet of this connection has come.
    pub fn receive(&mut self, packet: Vec<u8>, now: Instant) {
        self.has_received = true;
        if let Ok(segment) = Packet::parse(&packet) {
            if !self.has_room(&segment) {
                return;
            }
            self.again.received(&segment, now);
            self.quick = self.quick.saturating_sub(u32::from(!segment.payload.is_empty()));
        }
        let before = self.socket().state();
        if before == State::SynReceived && is_syn(&packet) {
            // The SYN-ACK is sent again at once.
            self.send_again(now);
        } else {
            self.wire.received.push_back(packet);
        }
        self.step(now);
        let is_over = self.socket().state() == State::Closed;
        // The last acknowledgement ends a connection, too; whatever else does is a reset.
        self.was_reset |= is_over && self.was_established && !matches!(before, State::LastAck | State::Closed);
    }

    /// Whether there is room for what the segment carries. smoltcp scales the window of its SYN-ACK, too, and would accept more.
    fn has_room(&mut self, segment: &Packet<'_>) -> bool {
        let Some((sequence, flags)) = segment.transport.tcp().and_then(|tcp| tcp.sequence.zip(tcp.flags)) else {
            return true;
        };
        if flags.contains(TcpFlags::SYN) && matches!(self.socket().state(), State::Listen | State::SynSent) {
            self.unread = sequence.wrapping_add(1);
        }
        let end = sequence.wrapping_add(segment.payload.len() as u32);
        segment.payload.is_empty() || end.wrapping_sub(self.unread) as i32 <= BUFFER as i32
    }

    /// Does what is due.
    pub fn step(&mut self, now: Instant) {
        if self.again.due(self.socket().send_queue() > 0).is_some_and(|due| due <= now) {
            match self.again.expire(now) {
                Expired::Probe(packet) => self.wire.sent.push_back(packet),
                Expired::Timeout => self.send_again(now),
                Expired::GiveUp => {
                    self.has_given_up = true;
                    self.socket_mut().abort();
                    self.poll(now);
                    self.wire.sent.clear();
                }
            }
        }
        self.poll(now);
        self.note_sent(now);
        self.has_ended |=
            matches!(self.socket().state(), State::CloseWait | State::LastAck | State::Closing | State::TimeWait);
        self.was_established |=
            !matches!(self.socket().state(), State::Closed | State::Listen | State::SynSent | State::SynReceived);
    }

    fn poll(&mut self, now: Instant) {
        let delay = (self.quick == 0).then_some(ACK_DELAY);
        self.socket_mut().set_ack_delay(delay);
        self.interface.poll(self.clock(now), &mut self.wire, &mut self.sockets);
    }

    /// Has smoltcp send again what was not acknowledged, though its own time-out is not over yet.
    fn send_again(&mut self, now: Instant) {
        // An acknowledgement that is delayed may be due before.
        for _ in 0..3 {
            let clock = self.clock(now);
            let Some(due) = self.interface.poll_at(clock, &self.sockets) else { return };
            self.lead += (due.total_micros() - clock.total_micros()).max(0);
            self.poll(now);
            if self.note_sent(now) {
                return;
            }
        }
    }

    /// Notes what was sent; whether some of it is to be acknowledged.
    fn note_sent(&mut self, now: Instant) -> bool {
        let mut any = false;
        // A connect that is given up ends in silence.
        let is_silent = !self.has_received && self.socket().state() == State::Closed;
        for packet in self.wire.sent.drain(..) {
            any |= Packet::parse(&packet).is_ok_and(|segment| self.again.sent(&segment, &packet, now));
            if !is_silent {
                self.packets.push(packet);
            }
        }
        any
    }

    /// When something is to be done next.
    pub fn next_due(&mut self, now: Instant) -> Option<Instant> {
        let due = self.interface.poll_at(self.clock(now), &self.sockets);
        let due = due.map(|due| Instant::from_nanos((due.total_micros() - self.lead).saturating_mul(1_000)));
        let again = self.again.due(self.socket().send_queue() > 0);
        due.into_iter().chain(again).min().map(|at| at.max(now + Duration::from_micros(1)))
    }

    /// Packets that the host is to send.
    pub fn take_packets(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.packets)
    }

    /// What is known of the connection.
    pub fn info(&self) -> TcpInfo {
        let headers = if matches!(self.interface.ip_addrs().first(), Some(IpCidr::Ipv4(_))) { 40 } else { 60 };
        // As Linux numbers them: established, or closed.
        let state = if matches!(self.stage(), TcpStage::Over | TcpStage::Refused) { 7 } else { 1 };
        let mtu = self.wire.mtu as u32;
        TcpInfo { state, mss: mtu.saturating_sub(headers), path_mtu: mtu, ..self.again.info() }
    }

    /// Whether the segment of this number was sent and not acknowledged.
    pub fn is_on_way(&self, sequence: u32) -> bool {
        self.again.is_on_way(sequence)
    }

    /// The time by smoltcp's clock.
    fn clock(&self, now: Instant) -> smoltcp::time::Instant {
        micros(now) + smoltcp::time::Duration::from_micros(self.lead as u64)
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
        if self.quick < QUICK {
            self.quick = 0;
        }
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
        self.unread = self.unread.wrapping_add(read as u32);
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

    /// Whether the peer had ended its direction, also if it has reset the connection afterwards.
    pub fn has_ended(&self) -> bool {
        self.has_ended
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

    /// Hops that what is sent may take; `None`: the usual number.
    pub fn set_ttl(&mut self, ttl: Option<u8>) {
        self.socket_mut().set_hop_limit(ttl);
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

/// Whether a packet asks for a connection.
fn is_syn(packet: &[u8]) -> bool {
    let flags = Packet::parse(packet).ok().and_then(|segment| segment.transport.tcp()?.flags);
    flags.is_some_and(|flags| flags.contains(TcpFlags::SYN) && !flags.contains(TcpFlags::ACK))
}

/// The reset that answers a packet of no connection that `own` has; `None`: there is none, as to a reset.
pub fn refusal(own: IpAddr, packet: Vec<u8>, now: Instant) -> Option<Vec<u8>> {
    let mut wire = Packets { mtu: 1500, ..Packets::default() };
    let mut interface = interface(own, &mut wire, 0, micros(now));
    wire.received.push_back(packet);
    interface.poll(micros(now), &mut wire, &mut SocketSet::new(Vec::new()));
    wire.sent.pop_front()
}

fn micros(at: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_micros(at.as_nanos() / 1_000)
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
