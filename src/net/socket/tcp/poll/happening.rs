//! What is waited for, and what happens there.

use crate::net::socket::tcp::end::Ended;
use crate::net::socket::tcp::read::Incoming;
use crate::net::socket::tcp::{Connection, Listener};
use crate::net::socket::udp;
use crate::net::socket::udp::UdpSocket;

/// What can be waited for.
#[derive(Clone, Debug)]
pub enum Member {
    /// For connections of a listener, and for what comes over them.
    Listener(Listener),
    /// For what comes over a connection. From then on its replies are queued where they cannot be sent at once.
    Connection(Connection),
    /// For what a UDP socket receives.
    Datagrams(UdpSocket),
}

/// Something that happened at one of the sockets.
#[derive(Clone, Debug)]
pub enum Happening {
    /// A listener has taken a connection in, which is waited for from now on.
    Connected(Connection),
    /// Something came over a connection: a message, or an error that it survives.
    Came(Connection, Incoming),
    /// A connection has ended, and is no longer waited for.
    Ended(Connection, Ended),
    /// A UDP socket received something.
    Packet(UdpSocket, udp::UdpIncoming),
}

/// How waiting for the next happening ended.
#[derive(Clone, Debug)]
pub enum Polled {
    /// Something happened.
    Happened(Happening),
    /// The deadline passed.
    TimedOut,
    /// The stop happened.
    Interrupted,
    /// There is nothing left to wait for.
    Empty,
}
