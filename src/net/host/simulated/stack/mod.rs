//! The IP stack of a simulated host: its interfaces and addresses, its routes, its sockets for datagrams. Pure: time is an
//! argument, and what it sends and whom it wakes stands in its `StackOutput`.

mod errors;
mod input;
mod limits;
mod neighbours;
mod output;
mod resolving;
mod settings;
mod sockets;
mod tcp;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

pub use self::limits::ErrorLimits;
pub use self::resolving::ARP;
pub use self::settings::{SETTINGS, SettingError};

use self::neighbours::{NeighbourTable, group_mac, solicited_group};
use super::datagram::DatagramSocket;
use super::reassembly::StackReassembly;
use super::routes::{PathMtus, RouteTable, RouteTarget};
use super::tcp::TcpSockets;
use crate::net::time::Instant;
use crate::net::wire::compose::TTL;
use crate::net::wire::ip::Packet;
use crate::net::wire::prefix::Prefix;

/// The number that a socket has among all of a run. It wakes those who wait for it.
pub type SocketKey = u64;

/// The index of the loopback interface.
pub const LOOPBACK: u32 = 1;

/// The largest packet that loopback carries.
const LOOPBACK_MTU: u32 = 65_536;

/// When a step is: by the monotonic clock, and in nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct StackTime {
    /// By the monotonic clock.
    pub now: Instant,
    /// In nanoseconds since 1970.
    pub wall: i64,
}

/// An interface of a host.
#[derive(Clone, Debug)]
pub struct StackInterface {
    /// Its index, from 1 on.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// The largest packet it carries.
    pub mtu: u32,
    /// Its addresses.
    pub addrs: Vec<Prefix>,
}

/// What a step has made.
#[derive(Debug, Default)]
pub struct StackOutput {
    /// Packets.
    pub packets: Vec<SentPacket>,
    /// Whole frames, in the same way.
    pub frames: Vec<(u32, Vec<u8>)>,
    /// Sockets that something has come for.
    pub woken: Vec<SocketKey>,
}

/// A packet that leaves a host.
#[derive(Debug)]
pub struct SentPacket {
    /// By which interface.
    pub interface: u32,
    /// It as it is on the wire.
    pub bytes: Vec<u8>,
    /// Whether this host has made a datagram of UDP of it, without options: as long as nothing has touched it, what it says is sound.
    pub is_plain: bool,
}

impl SentPacket {
    /// Any that leaves by an interface.
    fn by(interface: u32, bytes: Vec<u8>) -> Self {
        Self { interface, bytes, is_plain: false }
    }
}

/// What a host has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StackCounts {
    /// Packets that made no sense, or had a wrong checksum.
    pub malformed: u64,
    /// Packets that were for somebody else, on a host that does not forward.
    pub foreign: u64,
    /// Packets of IPv4 and of IPv6 that no route leads on.
    pub no_route: [u64; 2],
    /// Packets of IPv4 and of IPv6 whose hops were used up.
    pub hops_exceeded: [u64; 2],
    /// Echo requests of ICMP and of ICMPv6 that were not replied to.
    pub unanswered: [u64; 2],
    /// Packets carried on.
    pub forwarded: u64,
    /// Datagrams for a port without a socket.
    pub no_port: u64,
    /// Datagrams over IPv4 and over IPv6 that a full receive buffer has lost.
    pub overflows: [u64; 2],
    /// Packets of IPv4 and of IPv6 that it has sent, or was to receive, for which the run had no room.
    pub no_room: [u64; 2],
}

/// The stack.
#[derive(Debug)]
pub struct Stack {
    /// What the last steps have made.
    pub outbox: StackOutput,
    /// What was counted.
    pub counts: StackCounts,
    /// Hops that packets of IPv4 and of IPv6 may take unless somebody says otherwise.
    pub default_ttl: (u8, u8),
    /// What limits the ICMP errors that it sends.
    pub limits: ErrorLimits,
    interfaces: Vec<StackInterface>,
    /// The neighbours on interfaces that ask for hardware addresses.
    neighbours: BTreeMap<u32, NeighbourTable>,
    /// What waits for a neighbour's hardware address and is to be stamped when it leaves: for whom, by which socket, and the
    /// stamp's number.
    unstamped: Vec<(IpAddr, SocketKey, u32)>,
    routes: RouteTable,
    path_mtus: PathMtus,
    reassembly: StackReassembly,
    forwards: bool,
    sockets: BTreeMap<SocketKey, DatagramSocket>,
    tcp: TcpSockets,
    /// Ports that are given out (net.ipv4.ip_local_port_range).
    ports: RangeInclusive<u16>,
    last_port: u16,
    last_tcp_port: u16,
    identification: u32,
}

impl Stack {
    /// A host that has these addresses on its loopback interface, whichever other interfaces it has.
    pub fn new(addrs: &[Prefix], forwards: bool) -> Self {
        let own = addrs.iter().map(|prefix| Prefix::from(prefix.addr()));
        let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST).into(), IpAddr::V6(Ipv6Addr::LOCALHOST).into()];
        let interface = StackInterface {
            index: LOOPBACK,
            name: "lo".to_string(),
            mtu: LOOPBACK_MTU,
            addrs: loopback.into_iter().chain(own).collect(),
        };
        Self {
            outbox: StackOutput::default(),
            counts: StackCounts::default(),
            default_ttl: (TTL, TTL),
            limits: ErrorLimits::default(),
            interfaces: vec![interface],
            neighbours: BTreeMap::new(),
            unstamped: Vec::new(),
            routes: RouteTable::default(),
            path_mtus: PathMtus::default(),
            reassembly: StackReassembly::default(),
            forwards,
            sockets: BTreeMap::new(),
            tcp: TcpSockets::default(),
            ports: 32_768..=60_999,
            last_port: 0,
            last_tcp_port: 0,
            identification: 0,
        }
    }

    /// Adds an interface; its index. The networks of its addresses are reached by it.
    pub fn add_interface(&mut self, name: &str, mtu: u32, addrs: &[Prefix]) -> u32 {
        let index = self.interfaces.len() as u32 + 1;
        for prefix in addrs.iter().filter(|prefix| !prefix.is_single()) {
            if self.routes.find(prefix.addr()).is_none() {
                self.routes.set(prefix.masked(), Some(RouteTarget::Interface(index, None)));
            }
        }
        let (name, addrs) = (name.to_string(), addrs.to_vec());
        self.interfaces.push(StackInterface { index, name, mtu, addrs });
        index
    }

    /// The interface of this index.
    pub fn interface(&self, index: u32) -> Option<&StackInterface> {
        self.interfaces.get((index as usize).checked_sub(1)?)
    }

    /// The number of the interface called `name`.
    pub fn index_of(&self, name: &str) -> Option<u32> {
        self.interfaces.iter().find(|interface| interface.name == name).map(|interface| interface.index)
    }

    /// Its routes.
    pub fn routes_mut(&mut self) -> &mut RouteTable {
        &mut self.routes
    }

    /// Whether `addr` is one of this host's.
    pub fn is_local(&self, addr: IpAddr) -> bool {
        addr.is_loopback() || self.interfaces.iter().any(|it| it.addrs.iter().any(|own| own.addr() == addr))
    }

    /// Whether `addr` stands for all of a network: 255.255.255.255, or the last of one of its own.
    pub fn is_broadcast(&self, addr: IpAddr) -> bool {
        let IpAddr::V4(v4) = addr else { return false };
        // Asked for each packet: the last address of a network ends with two bits that are set.
        if v4.octets()[3] & 3 != 3 {
            return false;
        }
        let is_last = |own: &Prefix| {
            let rest = u32::MAX.checked_shr(own.len().into()).unwrap_or(0);
            own.len() < 31 && own.contains(addr) && !v4.is_loopback() && u32::from(v4) & rest == rest
        };
        v4.is_broadcast() || self.interfaces.iter().any(|it| it.addrs.iter().any(is_last))
    }

    /// Whether this host belongs to the group `addr`: all hosts, all routers of IPv6 if it forwards, and those by which its own
    /// addresses are asked for.
    pub(super) fn is_member(&self, addr: IpAddr) -> bool {
        match addr {
            IpAddr::V4(v4) => v4 == Ipv4Addr::new(224, 0, 0, 1),
            IpAddr::V6(v6) => match v6.segments() {
                [0xff01 | 0xff02, 0, 0, 0, 0, 0, 0, 1] => true,
                [0xff01 | 0xff02 | 0xff05, 0, 0, 0, 0, 0, 0, 2] => self.forwards,
                [0xff02, 0, 0, 0, 0, 1, ..] => {
                    let own = |own: &Prefix| matches!(own.addr(), IpAddr::V6(own) if solicited_group(own) == v6);
                    self.interfaces.iter().any(|it| it.addrs.iter().any(own))
                }
                _ => false,
            },
        }
    }

    /// The address that a reply is sent from to what came from `from` and was for `to`; of a group of IPv6 that is none.
    fn reply_source(&mut self, from: IpAddr, to: IpAddr) -> Option<IpAddr> {
        match to.is_multicast() || self.is_broadcast(to) {
            true => self.source_for(from).ok().filter(|_| to.is_ipv4()),
            false => Some(to),
        }
    }

    /// The hardware address of those that a packet goes to, if that is a group or all.
    pub fn group_mac(&self, packet: &[u8]) -> Option<[u8; 6]> {
        let to = match packet.first()? >> 4 {
            4 => IpAddr::from(*packet.get(16..)?.first_chunk::<4>()?),
            _ => IpAddr::from(*packet.get(24..)?.first_chunk::<16>()?),
        };
        group_mac(to, self.is_broadcast(to))
    }

    /// The largest packet that is known to reach `to`.
    pub fn path_mtu(&mut self, to: IpAddr, now: Instant) -> u32 {
        let first = self.first_mtu(to);
        self.path_mtus.of(to, now).map_or(first, |mtu| mtu.min(first))
    }

    /// When something is to be done next without anything coming.
    pub fn next_due(&self) -> Option<Instant> {
        let near = self.neighbours.values().filter_map(NeighbourTable::next_due);
        self.reassembly.next_due().into_iter().chain(self.tcp.next_due()).chain(near).min()
    }

    /// Does what is due.
    pub fn serve_due(&mut self, time: StackTime) {
        for first in self.reassembly.expire(time.now) {
            self.report_lost_fragments(&first, time.now);
        }
        self.serve_neighbours(time.now);
        self.with_tcp(|tcp| tcp.serve_due(time.now));
    }

    /// Its TCP sockets.
    pub fn tcp(&self) -> &TcpSockets {
        &self.tcp
    }

    /// Does something with its TCP sockets; what they send is on its way afterwards.
    pub fn with_tcp<R>(&mut self, act: impl FnOnce(&mut TcpSockets) -> R) -> R {
        let result = act(&mut self.tcp);
        for (to, packet) in std::mem::take(&mut self.tcp.sent) {
            self.send_packet(to, packet);
        }
        self.outbox.woken.append(&mut self.tcp.woken);
        result
    }

    fn first_mtu(&mut self, to: IpAddr) -> u32 {
        if self.is_local(to) {
            return LOOPBACK_MTU;
        }
        match self.routes.find(to) {
            Some(RouteTarget::Interface(index, _)) => self.interface(index).map_or(1500, |it| it.mtu),
            _ => 1500,
        }
    }

    /// The next number of a packet (the identification of its fragments).
    fn next_identification(&mut self) -> u32 {
        self.identification = self.identification.wrapping_add(1);
        self.identification
    }
}

/// The packet that `bytes` are, if it makes sense.
fn sound(bytes: &[u8]) -> Option<Packet<'_>> {
    Packet::parse(bytes).ok().filter(|packet| !packet.is_malformed(bytes))
}

#[cfg(test)]
mod tests;
