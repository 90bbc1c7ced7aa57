//! The TCP sockets of a simulated host: listeners with their backlogs, connections, and which of them a segment is for. Pure.

mod faults;
mod settling;
mod time_wait;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use self::time_wait::TimeWaits;
use super::datagram::QueuedError;
use super::stream::{Read, TcpStage, TcpStream, refusal};
use crate::net::error::errno::*;
use crate::net::io::{Interest, TcpInfo};
use crate::net::time::{Duration, Instant};
use crate::net::wire::ip::{Packet, TcpFlags};

/// The TCP sockets of a host, by their keys.
#[derive(Debug, Default)]
pub struct TcpSockets {
    sockets: BTreeMap<u64, TcpSocket>,
    flows: HashMap<(SocketAddr, SocketAddr), u64>,
    time_waits: TimeWaits,
    accepted: u32,
    /// Whether congestion is controlled as by Reno, else by CUBIC (net.ipv4.tcp_congestion_control).
    pub is_reno: bool,
    /// Packets that are to be sent, and where to.
    pub sent: Vec<(IpAddr, Vec<u8>)>,
    /// Sockets that something has happened to.
    pub woken: Vec<u64>,
}

/// A socket.
#[derive(Debug, Default)]
pub struct TcpSocket {
    /// The local address, once it has one.
    pub local: Option<SocketAddr>,
    /// The peer of a connection.
    pub peer: Option<SocketAddr>,
    /// Others may have its address.
    pub shares_address: bool,
    /// Small segments do not wait.
    pub no_delay: bool,
    /// ICMP errors are queued.
    pub queues_errors: bool,
    /// ICMP errors are stamped.
    pub stamps_arrivals: bool,
    /// SO_LINGER: with 0 it is reset when it is closed.
    pub linger: Option<Duration>,
    ttl: Option<u8>,
    stream: Option<TcpStream>,
    due: Option<Instant>,
    /// Of a listener: how many connections may wait, and those that do.
    backlog: Option<usize>,
    waiting: VecDeque<u64>,
    /// The listener of a connection that was not accepted yet.
    listener: Option<u64>,
    error: Option<i32>,
    /// ICMP errors that wait to be taken.
    errors: VecDeque<QueuedError>,
    has_failed: bool,
    is_shut: bool,
    is_orphan: bool,
}

/// What a wait finds at a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketReadiness {
    /// There is something to read or accept, or the end.
    pub readable: bool,
    /// There is room, or a connection was made or failed.
    pub writable: bool,
    /// There is an error.
    pub has_error: bool,
}

impl SocketReadiness {
    /// Whether a wait for `interest` is over.
    pub fn fits(self, interest: Interest) -> bool {
        self.has_error || interest.read && self.readable || interest.write && self.writable
    }
}

impl TcpSocket {
    /// What the connections of a listener have from it.
    fn inherited(&self) -> Self {
        let Self { no_delay, queues_errors, ttl, .. } = *self;
        Self { no_delay, queues_errors, ttl, ..Self::default() }
    }

    /// Has small segments wait for the acknowledgement of those before, or not.
    pub fn set_no_delay(&mut self, on: bool) {
        self.no_delay = on;
        self.stream.iter_mut().for_each(|stream| stream.set_nagle(!on));
    }

    /// Hops that what is sent may take; `None`: the usual number.
    pub fn set_ttl(&mut self, ttl: Option<u8>) {
        self.ttl = ttl;
        self.stream.iter_mut().for_each(|stream| stream.set_ttl(ttl));
    }
}

impl TcpSockets {
    /// Makes a socket.
    pub fn open(&mut self, key: u64) {
        self.sockets.insert(key, TcpSocket::default());
    }

    /// A socket.
    pub fn get(&self, key: u64) -> Option<&TcpSocket> {
        self.sockets.get(&key)
    }

    /// A socket, to be changed.
    pub fn get_mut(&mut self, key: u64) -> Option<&mut TcpSocket> {
        self.sockets.get_mut(&key)
    }

    /// Whether another socket has this address in such a way that a new one cannot have it.
    pub fn is_taken(&self, key: u64, local: SocketAddr, now: Instant) -> bool {
        let shares = self.sockets.get(&key).is_some_and(|own| own.shares_address);
        self.is_bound(key, local) || !shares && self.time_waits.holds_port(local, now)
    }

    /// Whether another socket keeps this one from having the address.
    pub fn is_bound(&self, key: u64, local: SocketAddr) -> bool {
        let shares = self.sockets.get(&key).is_some_and(|own| own.shares_address);
        self.sockets.iter().filter(|(other, _)| **other != key).any(|(_, it)| {
            let overlaps = |there: SocketAddr| {
                let any = there.ip().is_unspecified() || local.ip().is_unspecified() || there.ip() == local.ip();
                there.port() == local.port() && there.is_ipv4() == local.is_ipv4() && any
            };
            let may_share = shares && (it.shares_address || it.peer.is_some());
            it.local.is_some_and(overlaps) && !may_share
        })
    }

    /// Whether a socket listens at this port.
    pub fn listens_at(&self, port: u16) -> bool {
        self.sockets.values().any(|it| it.backlog.is_some() && it.local.is_some_and(|own| own.port() == port))
    }

    /// Whether a connection can be begun from `local` to `peer`.
    pub fn may_connect(&self, local: SocketAddr, peer: SocketAddr, now: Instant) -> bool {
        !self.flows.contains_key(&(local, peer)) && !self.time_waits.holds((local, peer), now)
    }

    /// Has a socket accept connections.
    ///
    /// # Errors
    /// EINVAL: it has no address, or is a connection.
    pub fn listen(&mut self, key: u64, backlog: usize) -> Result<(), i32> {
        let socket = self.sockets.get_mut(&key).filter(|it| it.local.is_some() && it.peer.is_none()).ok_or(EINVAL)?;
        socket.backlog = Some(backlog);
        Ok(())
    }

    /// Begins to connect a socket, which has its local address.
    ///
    /// # Errors
    /// EISCONN, EADDRNOTAVAIL.
    pub fn connect(
        &mut self,
        key: u64,
        local: SocketAddr,
        peer: SocketAddr,
        mtu: usize,
        now: Instant,
    ) -> Result<(), i32> {
        let may_connect = self.may_connect(local, peer, now);
        let socket = self.sockets.get_mut(&key).ok_or(EINVAL)?;
        if socket.stream.is_some() || socket.backlog.is_some() {
            return Err(EISCONN);
        }
        if !may_connect {
            return Err(EADDRNOTAVAIL);
        }
        let mut stream = TcpStream::connect(local, peer, mtu, (key, socket.ttl), now).ok_or(EINVAL)?;
        stream.set_nagle(!socket.no_delay);
        stream.set_reno(self.is_reno);
        (socket.local, socket.peer, socket.stream) = (Some(local), Some(peer), Some(stream));
        // What an attempt before came to says nothing of this one.
        (socket.has_failed, socket.error) = (false, None);
        socket.errors.clear();
        self.flows.insert((local, peer), key);
        self.settle(key, now);
        Ok(())
    }

    /// The next connection of a listener, and its peer.
    ///
    /// # Errors
    /// EAGAIN: none waits; EINVAL: it does not listen.
    pub fn accept(&mut self, key: u64) -> Result<(u64, SocketAddr), i32> {
        let listener = self.sockets.get_mut(&key).filter(|it| it.backlog.is_some()).ok_or(EINVAL)?;
        let accepted = listener.waiting.pop_front().ok_or(EAGAIN)?;
        let socket = self.sockets.get_mut(&accepted).ok_or(ECONNABORTED)?;
        socket.listener = None;
        Ok((accepted, socket.peer.ok_or(ECONNABORTED)?))
    }

    /// Takes a segment that has come.
    pub fn receive(&mut self, bytes: Vec<u8>, mtu: usize, now: Instant) {
        let Ok(packet) = Packet::parse(&bytes) else { return };
        let (Some(peer), Some(local)) = (packet.source_socket(), packet.destination_socket()) else { return };
        let flags = packet.transport.tcp().and_then(|tcp| tcp.flags);
        let begins = flags.is_some_and(|flags| flags.contains(TcpFlags::SYN) && !flags.contains(TcpFlags::ACK));
        let listener = self.listener_at(local).filter(|_| begins);
        let known = self.flows.get(&(local, peer)).copied().filter(|key| {
            // A SYN for one in TIME-WAIT begins a new connection (RFC 1122, section 4.2.2.13).
            let stream = self.sockets.get(key).and_then(|it| it.stream.as_ref());
            listener.is_none() || !stream.is_some_and(TcpStream::is_in_time_wait)
        });
        let key = match (known, listener) {
            (Some(key), _) => key,
            (None, Some(listener)) => {
                let Some(key) = self.begin(listener, local, peer, mtu, now) else { return };
                key
            }
            (None, None) => {
                self.sent.extend(refusal(local.ip(), bytes, now).map(|reset| (peer.ip(), reset)));
                return;
            }
        };
        if let Some(stream) = self.sockets.get_mut(&key).and_then(|it| it.stream.as_mut()) {
            stream.receive(bytes, now);
        }
        self.settle(key, now);
    }

    /// Sends; how many octets.
    ///
    /// # Errors
    /// EAGAIN, ENOTCONN, EPIPE, or what has ended the connection.
    pub fn send(&mut self, key: u64, data: &[u8], now: Instant) -> Result<usize, i32> {
        let socket = self.sockets.get_mut(&key).ok_or(EINVAL)?;
        if let Some(errno) = socket.error.take() {
            return Err(errno);
        }
        let stream = socket.stream.as_mut().ok_or(ENOTCONN)?;
        if stream.stage() == TcpStage::Opening {
            return Err(EAGAIN);
        }
        let sent = stream.send(data, now).ok_or(EPIPE)?;
        self.settle(key, now);
        if sent == 0 && !data.is_empty() { Err(EAGAIN) } else { Ok(sent) }
    }

    /// Receives; how many octets, none at the end.
    ///
    /// # Errors
    /// EAGAIN, ENOTCONN, or what has ended the connection.
    pub fn read(&mut self, key: u64, buffer: &mut [u8], now: Instant) -> Result<usize, i32> {
        let socket = self.sockets.get_mut(&key).ok_or(EINVAL)?;
        // What came before the error is read before it, as is the end.
        let is_first = |stream: &TcpStream| stream.has_unread() || stream.has_ended();
        if !socket.stream.as_ref().is_some_and(is_first)
            && let Some(errno) = socket.error.take()
        {
            return Err(errno);
        }
        if socket.is_shut {
            return Ok(0);
        }
        let read = socket.stream.as_mut().ok_or(ENOTCONN)?.read(buffer, now);
        self.settle(key, now);
        match read {
            Read::Octets(0) => Err(EAGAIN),
            Read::Octets(len) => Ok(len),
            Read::End => Ok(0),
        }
    }

    /// Ends the direction from here, the other, or both.
    pub fn shutdown(&mut self, key: u64, read: bool, write: bool, now: Instant) -> bool {
        let Some(socket) = self.sockets.get_mut(&key) else { return false };
        socket.is_shut |= read;
        if read && socket.backlog.is_some() {
            socket.backlog = None;
        }
        if let Some(stream) = socket.stream.as_mut().filter(|_| write) {
            stream.close(now);
        }
        let is_connected = socket.stream.is_some();
        self.woken.push(key);
        self.settle(key, now);
        is_connected
    }

    /// Closes a socket; what was sent still goes to the peer.
    pub fn close(&mut self, key: u64, now: Instant) {
        let Some(socket) = self.sockets.get_mut(&key) else { return };
        socket.is_orphan = true;
        // Those that were not accepted, whether they are made already or not.
        let is_own = |(own, it): (&u64, &TcpSocket)| (it.listener == Some(key)).then_some(*own);
        for unaccepted in self.sockets.iter().filter_map(is_own).collect::<Vec<_>>() {
            self.close_by_reset(unaccepted, now);
        }
        let Some(socket) = self.sockets.get_mut(&key) else { return };
        match socket.stream.as_mut() {
            // As Linux does where something was not read.
            Some(stream) if socket.linger == Some(Duration::ZERO) || stream.has_unread() => stream.reset(now),
            Some(stream) => stream.close(now),
            None => {}
        }
        self.settle(key, now);
    }

    /// What is known of a connection; `None`: it is none.
    pub fn info(&self, key: u64) -> Option<TcpInfo> {
        self.sockets.get(&key)?.stream.as_ref().map(TcpStream::info)
    }

    /// Takes the error of a socket.
    pub fn take_error(&mut self, key: u64) -> Option<i32> {
        self.sockets.get_mut(&key)?.error.take()
    }

    /// What a wait finds at a socket.
    pub fn readiness(&self, key: u64) -> SocketReadiness {
        let Some(socket) = self.sockets.get(&key) else { return SocketReadiness::default() };
        let has_error = socket.error.is_some() || !socket.errors.is_empty();
        if socket.backlog.is_some() {
            return SocketReadiness { readable: !socket.waiting.is_empty(), writable: false, has_error };
        }
        let stream = socket.stream.as_ref();
        let is_over = socket.has_failed || socket.is_shut;
        let readable = is_over || stream.is_some_and(TcpStream::is_readable);
        let ended = stream.is_some_and(|stream| matches!(stream.stage(), TcpStage::Over | TcpStage::Refused));
        SocketReadiness {
            readable,
            writable: is_over || ended || stream.is_some_and(TcpStream::is_writable),
            has_error,
        }
    }

    /// When something is to be done next.
    pub fn next_due(&self) -> Option<Instant> {
        self.sockets.values().filter_map(|socket| socket.due).min()
    }

    /// Does what is due.
    pub fn serve_due(&mut self, now: Instant) {
        let due = |(key, it): (&u64, &TcpSocket)| it.due.is_some_and(|due| due <= now).then_some(*key);
        for key in self.sockets.iter().filter_map(due).collect::<Vec<_>>() {
            if let Some(stream) = self.sockets.get_mut(&key).and_then(|it| it.stream.as_mut()) {
                stream.step(now);
            }
            self.settle(key, now);
        }
    }

    fn listener_at(&self, local: SocketAddr) -> Option<u64> {
        let fits = |it: &TcpSocket| {
            let own = it.local.filter(|own| own.port() == local.port() && own.is_ipv4() == local.is_ipv4());
            it.backlog.is_some() && own.is_some_and(|own| own.ip() == local.ip() || own.ip().is_unspecified())
        };
        let fitting = self.sockets.iter().filter(|(_, it)| fits(it));
        let narrow = |it: &TcpSocket| it.local.is_some_and(|own| own.ip() == local.ip());
        fitting.max_by_key(|(key, it)| (narrow(it), u64::MAX - **key)).map(|(key, _)| *key)
    }

    /// A connection that a listener is asked for; `None`: its backlog is full.
    fn begin(&mut self, listener: u64, local: SocketAddr, peer: SocketAddr, mtu: usize, now: Instant) -> Option<u64> {
        let asked = self.sockets.get(&listener)?;
        let (backlog, inherited) = (asked.backlog?, asked.inherited());
        let waiting = self.sockets.values().filter(|it| it.listener == Some(listener)).count();
        // As on Linux, one more than the number.
        if waiting > backlog {
            return None;
        }
        self.accepted += 1;
        let key = 1 << 63 | listener << 32 | u64::from(self.accepted);
        let mut stream = TcpStream::listen(local, mtu, key, now)?;
        stream.set_reno(self.is_reno);
        stream.set_nagle(!inherited.no_delay);
        stream.set_ttl(inherited.ttl);
        if let Some(before) = self.flows.remove(&(local, peer)) {
            self.sockets.remove(&before);
        }
        self.time_waits.leave((local, peer));
        let stream = Some(stream);
        let (local_of, peer_of) = (Some(local), Some(peer));
        let socket = TcpSocket { local: local_of, peer: peer_of, stream, listener: Some(listener), ..inherited };
        self.sockets.insert(key, socket);
        self.flows.insert((local, peer), key);
        Some(key)
    }
}

#[cfg(test)]
mod tests;
