//! An ICMP error as it arrived.

use std::net::SocketAddr;

use super::Kind;
use crate::net::wire::zoned::ZonedIp;

/// An ICMP error about a datagram of this socket.
#[derive(Clone, Debug, PartialEq)]
pub struct IcmpError {
    /// Type, code and name.
    pub kind: Kind,
    /// Who reports it: the destination, or a router on the way.
    pub offender: Option<ZonedIp>,
    /// Where the datagram was going.
    pub to: SocketAddr,
    /// The next-hop MTU or the pointer, where the type has one.
    pub info: u32,
    /// What it quotes of the datagram's payload; a router may quote none.
    pub quote: Vec<u8>,
    /// The sequence number of the segment of TCP it quotes, where that is known (a raw socket shows it).
    pub segment: Option<u32>,
    /// The number of the ping it is about, once that is found out.
    pub number: Option<u64>,
    /// The extension structure behind the quote (RFC 4884), from its header on; empty if there is none.
    pub extensions: Vec<u8>,
}
