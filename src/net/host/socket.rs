//! Sockets as objects of their host. What stands above knows no more of a socket than this.
//!
//! A host implements [`HostSocket`] and [`Poller`] for its own; the defaults serve one that has no calls for many datagrams.

use std::any::Any;
use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::sync::Arc;

use crate::net::io::{Batch, Blocking, Interest, Readiness, Received, TcpInfo};
use crate::net::time::Duration;

/// What a host can wait for.
pub trait Pollable: Debug + Send + Sync {
    /// What the host that made it knows it by.
    fn as_any(&self) -> &dyn Any;
}

/// The kinds of socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketType {
    /// Datagrams of UDP.
    Udp,
    /// A connection, or what accepts connections.
    Tcp,
    /// ICMP echo requests without privileges: the host sets their identifier and delivers only replies to it.
    Ping,
    /// All ICMP that reaches the host; over IPv4 with the IP header.
    RawIcmp,
}

/// What is sent with one call.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The datagram, or the next bytes of a stream.
    pub data: &'a [u8],
    /// Where to; `None`: to the peer of a connection.
    pub to: Option<SocketAddr>,
    /// The address of this host that it comes from; `None`: by the route.
    pub source: Option<IpAddr>,
}

/// What can be set at a socket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SocketOption {
    /// ICMP errors about what was sent are queued for [`HostSocket::next_error`] (IP_RECVERR).
    QueueErrors,
    /// An entry of the error queue says where the extensions of its quote begin (RFC 4884).
    ErrorExtensions,
    /// A datagram says how many before it a full receive buffer has lost (SO_RXQ_OVFL).
    CountOverflow,
    /// A datagram says to which address of the host it was sent (IP_PKTINFO).
    LocalAddress,
    /// A datagram says its TTL or hop limit (IP_RECVTTL).
    ArrivalTtl,
    /// What arrives is stamped (SO_TIMESTAMPING).
    StampArrivals,
    /// What arrives and what is sent is stamped. The stamps of sending come by the error queue, numbered from 0 on from now: a
    /// datagram each, or by the last byte of a call.
    NumberStamps,
    /// The address may be that of a connection which is being wound up (SO_REUSEADDR).
    ReuseAddress,
    /// Other sockets may bind the same address (SO_REUSEADDR and SO_REUSEPORT).
    ShareAddress,
    /// Bytes that may wait to be received (SO_RCVBUF).
    ReceiveBuffer(usize),
    /// Bytes that may wait to be sent (SO_SNDBUF).
    SendBuffer(usize),
    /// Hops that what is sent may take (IP_TTL, IPV6_UNICAST_HOPS); `None`: the system's number.
    Ttl(Option<u8>),
    /// The type of service or traffic class of what is sent, all eight bits.
    Tos(u8),
    /// It sends to this host alone, and receives from it alone (SO_BINDTODEVICE).
    OnlyLoopback,
    /// It may send to all hosts of a network (SO_BROADCAST).
    Broadcast(bool),
    /// What is sent has Don't Fragment set or not, whatever the path's MTU is said to be (IP_MTU_DISCOVER).
    DontFragment(bool),
    /// Small messages do not wait for the acknowledgement of those before (TCP_NODELAY).
    NoDelay(bool),
    /// After how long a silence the peer is probed (SO_KEEPALIVE); `None`: never.
    Keepalive(Option<Duration>),
    /// How long a close tries to deliver what was sent (SO_LINGER); zero: the connection is reset.
    Linger(Option<Duration>),
}

/// What can be asked of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketValue {
    /// Bytes that may wait to be received, as the host counts them.
    ReceiveBuffer,
    /// Bytes that may wait to be sent.
    SendBuffer,
    /// 1: small messages do not wait.
    NoDelay,
    /// Seconds of silence until the peer is probed.
    Keepalive,
    /// Seconds for which a close tries to deliver.
    Linger,
    /// Datagrams that the host has dropped because the receive buffer was full.
    Dropped,
    /// The MTU that is known of the path to the peer.
    PathMtu,
    /// Bytes that wait to be sent and never were.
    Unsent,
}

/// What a raw socket is to receive. A host may let more through.
#[derive(Clone, Copy, Debug)]
pub enum Filter<'a> {
    /// These types; of ICMP for IPv4 those from 32 on, too.
    Types(&'a [u8]),
    /// Of echo replies, those to this identifier.
    Replies(u16),
    /// What is about the connection from one address to the other.
    Stream(SocketAddr, SocketAddr),
}

/// A socket. It is closed when it is dropped. No call waits, but one that receives and is to.
pub trait HostSocket: Pollable {
    /// Binds it; the address that it then has (bind(2)).
    fn bind(&self, local: SocketAddr) -> io::Result<SocketAddr>;

    /// Connects it (connect(2)). `WouldBlock`: it goes on, and the socket can be written to at its end.
    fn connect(&self, peer: SocketAddr) -> io::Result<()>;

    /// Accepts connections from now on, of which so many may wait (listen(2)).
    fn listen(&self, backlog: usize) -> io::Result<()>;

    /// The next connection, and the peer of it (accept(2)).
    fn accept(&self) -> io::Result<(Arc<dyn HostSocket>, SocketAddr)>;

    /// Ends one direction or both. Those that wait on it wake, on unconnected sockets too, where it fails (shutdown(2)).
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;

    /// The local address.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// The peer's address.
    fn peer_addr(&self) -> io::Result<SocketAddr>;

    /// Receives a datagram, or some bytes of a stream, with all that is known beside it.
    fn receive(&self, buffer: &mut [u8], wait: Blocking) -> io::Result<Received>;

    /// Receives a datagram of which the sender is all that is wanted.
    fn receive_plain(&self, buffer: &mut [u8], wait: Blocking) -> io::Result<Received> {
        self.receive(buffer, wait)
    }

    /// Gives the next bytes of a stream to `take`, at most [`STREAM_PIECE`]; how many, none at its end.
    fn receive_stream(&self, wait: Blocking, take: &mut dyn FnMut(&[u8])) -> io::Result<usize> {
        let mut buffer = [0; STREAM_PIECE];
        let len = self.receive(&mut buffer, wait)?.len;
        take(&buffer[..len]);
        Ok(len)
    }

    /// Receives the datagrams that are there, at most `most`, and waits at most for the first; how many.
    fn receive_many(&self, batch: &mut Batch, most: usize, wait: Blocking) -> io::Result<usize> {
        let most = most.clamp(1, batch.most());
        batch.fill(|rooms, arrivals| {
            for room in rooms.take(most) {
                match self.receive(room, if arrivals.is_empty() { wait } else { Blocking::No }) {
                    Ok(received) => arrivals.push(received),
                    Err(err) if arrivals.is_empty() => return Err(err),
                    Err(_) => break,
                }
            }
            Ok(arrivals.len())
        })
    }

    /// Sends; how many bytes, fewer only over a stream.
    fn send(&self, message: &Outgoing<'_>) -> io::Result<usize>;

    /// Sends datagrams with one call; how many of them, from the first on, were sent.
    fn send_many(&self, datagrams: &[(Vec<u8>, SocketAddr)]) -> io::Result<usize> {
        for (sent, (data, to)) in datagrams.iter().enumerate() {
            match self.send(&Outgoing { data, to: Some(*to), source: None }) {
                Ok(_) => {}
                Err(err) if sent == 0 => return Err(err),
                Err(_) => return Ok(sent),
            }
        }
        Ok(datagrams.len())
    }

    /// Takes the error that it has, if it has one (SO_ERROR).
    fn take_error(&self) -> io::Result<Option<io::Error>>;

    /// Whether its error queue may have an entry; only a host that knows that without a call says no.
    fn has_queued(&self) -> bool {
        true
    }

    /// Takes the next entry of the error queue; what it quotes comes into `buffer`. `WouldBlock`: there is none.
    fn next_error(&self, buffer: &mut [u8]) -> io::Result<Received>;

    /// Whether it may have something to receive, or an error; only a host that knows that without a call says no.
    fn may_have_more(&self) -> bool {
        true
    }

    /// Takes the number and the stamp of what was sent last, where the host has that already: the error queue then has it no more.
    fn take_stamp(&self) -> Option<(u32, i64)> {
        None
    }

    /// Sets an option.
    fn set(&self, option: SocketOption) -> io::Result<()>;

    /// Reads a value; `None`: it is off.
    fn get(&self, value: SocketValue) -> io::Result<Option<u64>>;

    /// Has it receive no more than is wanted, as far as the host can keep it from the rest.
    fn filter(&self, filter: Filter<'_>) -> io::Result<()> {
        let _ = filter;
        Ok(())
    }

    /// What the host knows of the connection (TCP_INFO).
    fn tcp_info(&self) -> io::Result<TcpInfo>;
}

impl dyn HostSocket + '_ {
    /// Sets those options that are there.
    pub(in crate::net) fn set_all<const N: usize>(&self, wanted: [Option<SocketOption>; N]) -> io::Result<()> {
        wanted.into_iter().flatten().try_for_each(|option| self.set(option))
    }
}

/// How many bytes of a stream one call receives.
pub const STREAM_PIECE: usize = 2048;

/// One of several that a wait is for, and what came of it.
#[derive(Clone, Copy, Debug)]
pub struct Awaited<'a> {
    /// What is waited for.
    pub on: &'a dyn Pollable,
    /// When it is ready.
    pub interest: Interest,
    /// Whether it is, or has an error to report.
    pub is_ready: bool,
    /// Whether its error queue has an entry, or it has an error.
    pub has_error: bool,
}

impl<'a> Awaited<'a> {
    /// For when it can be read.
    pub fn readable(on: &'a dyn Pollable) -> Self {
        Self::new(on, Interest { read: true, write: false })
    }

    /// For when it takes what is written to it.
    pub fn writable(on: &'a dyn Pollable) -> Self {
        Self::new(on, Interest { read: false, write: true })
    }

    /// For what `interest` says.
    pub fn new(on: &'a dyn Pollable, interest: Interest) -> Self {
        Self { on, interest, is_ready: false, has_error: false }
    }
}

/// A set of sockets, each known by a number, that is waited for as one at a cost that does not grow with their number.
pub trait Poller: Pollable {
    /// Takes `socket` in as `token`. `AlreadyExists`: it is in the set.
    fn add(&self, socket: &dyn HostSocket, token: u64, interest: Interest) -> io::Result<()>;

    /// Changes what is waited for at `socket`.
    fn change(&self, socket: &dyn HostSocket, token: u64, interest: Interest) -> io::Result<()>;

    /// Takes `socket` out.
    fn remove(&self, socket: &dyn HostSocket) -> io::Result<()>;

    /// Those that are ready now, some of them; `ready` is emptied first. Does not wait.
    fn ready(&self, ready: &mut Vec<Readiness>) -> io::Result<()>;
}
