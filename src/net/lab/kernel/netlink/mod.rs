//! The messages that make interfaces, addresses and routes (rtnetlink(7)), as bytes. [`socket`] sends them.
//!
//! Numbers are those of the kernel's headers `linux/netlink.h`, `linux/rtnetlink.h`, `linux/if_link.h` and
//! `linux/veth.h`.

use std::net::IpAddr;

use crate::net::lab::LinkTarget;
use crate::net::lab::addresses::Prefix;

pub mod socket;

/// NetlinkMessages that are sent with one call. Each is acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetlinkBatch {
    bytes: Vec<u8>,
    /// Where each message starts.
    starts: Vec<usize>,
}

/// A pair of virtual interfaces joined by a cable: the near end is made in the namespace of the socket, the far end in
/// another.
#[derive(Clone, Copy, Debug)]
pub struct Veth<'a> {
    /// The near end's name.
    pub near: &'a str,
    /// The far end's name.
    pub far: &'a str,
    /// The hardware address of the far end; the near end has one that the kernel gives out.
    pub mac: [u8; 6],
    /// The descriptor of the far end's namespace.
    pub namespace: i32,
    /// Whether addresses are resolved over it (ARP, ND).
    pub arp: bool,
    /// The largest IP packet it carries, in bytes.
    pub mtu: u32,
}

impl NetlinkBatch {
    /// How many messages it has.
    pub fn message_count(&self) -> usize {
        self.starts.len()
    }

    /// Makes a pair of interfaces; the near end is up.
    pub fn make_veth(&mut self, veth: &Veth<'_>) {
        let flags = if veth.arp { 0 } else { IFF_NOARP };
        self.message(RTM_NEWLINK, CREATE, |bytes| {
            interface(bytes, 0, IFF_UP | flags, IFF_UP | IFF_NOARP);
            attribute(bytes, IFLA_IFNAME, &zero_ended(veth.near));
            for (kind, value) in [(IFLA_MTU, veth.mtu), (IFLA_NUM_TX_QUEUES, 1), (IFLA_NUM_RX_QUEUES, 1)] {
                attribute(bytes, kind, &value.to_ne_bytes());
            }
            nested(bytes, IFLA_LINKINFO, |bytes| {
                attribute(bytes, IFLA_INFO_KIND, b"veth");
                nested(bytes, IFLA_INFO_DATA, |bytes| {
                    nested(bytes, VETH_INFO_PEER, |bytes| {
                        interface(bytes, 0, flags, IFF_NOARP);
                        attribute(bytes, IFLA_IFNAME, &zero_ended(veth.far));
                        attribute(bytes, IFLA_ADDRESS, &veth.mac);
                        attribute(bytes, IFLA_NET_NS_FD, &veth.namespace.to_ne_bytes());
                        for (kind, value) in [(IFLA_MTU, veth.mtu), (IFLA_NUM_TX_QUEUES, 1), (IFLA_NUM_RX_QUEUES, 1)] {
                            attribute(bytes, kind, &value.to_ne_bytes());
                        }
                    });
                });
            });
        });
    }

    /// Turns the interface with this index on or off.
    pub fn set_up(&mut self, index: u32, up: bool) {
        self.message(RTM_NEWLINK, 0, |bytes| interface(bytes, index, if up { IFF_UP } else { 0 }, IFF_UP));
    }

    /// Takes the interface called `name` away, and what it is a pair with.
    pub fn delete_interface(&mut self, name: &str) {
        self.message(RTM_DELLINK, 0, |bytes| {
            interface(bytes, 0, 0, 0);
            attribute(bytes, IFLA_IFNAME, &zero_ended(name));
        });
    }

    /// Gives an address to the interface with this index. It can be used at once: without duplicate address detection.
    pub fn add_address(&mut self, index: u32, address: Prefix) {
        self.message(RTM_NEWADDR, CREATE, |bytes| {
            bytes.extend([family(address.addr()), address.len(), IFA_F_NODAD, RT_SCOPE_UNIVERSE]);
            bytes.extend(index.to_ne_bytes());
            attribute(bytes, IFA_LOCAL, &octets(address.addr()));
            attribute(bytes, IFA_ADDRESS, &octets(address.addr()));
        });
    }

    /// Makes a route, in place of another one to the same destination.
    pub fn set_route(&mut self, to: Prefix, target: LinkTarget) {
        self.message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, |bytes| route(bytes, to, Some(target)));
    }

    /// Takes a route away.
    pub fn delete_route(&mut self, to: Prefix) {
        self.message(RTM_DELROUTE, 0, |bytes| route(bytes, to, None));
    }

    /// Asks for the interface called `name`.
    pub fn ask_for_interface(&mut self, name: &str) {
        self.message(RTM_GETLINK, 0, |bytes| {
            interface(bytes, 0, 0, 0);
            attribute(bytes, IFLA_IFNAME, &zero_ended(name));
        });
    }

    fn message(&mut self, kind: u16, flags: u16, fill: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        let number = self.starts.len() as u32;
        self.starts.push(start);
        self.bytes.extend(0u32.to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend((NLM_F_REQUEST | NLM_F_ACK | flags).to_ne_bytes());
        self.bytes.extend(number.to_ne_bytes());
        self.bytes.extend(0u32.to_ne_bytes());
        fill(&mut self.bytes);
        let len = (self.bytes.len() - start) as u32;
        self.bytes[start..start + 4].copy_from_slice(&len.to_ne_bytes());
        pad(&mut self.bytes);
    }
}

/// `struct ifinfomsg`.
fn interface(bytes: &mut Vec<u8>, index: u32, flags: u32, change: u32) {
    bytes.extend(0u32.to_ne_bytes());
    for word in [index, flags, change] {
        bytes.extend(word.to_ne_bytes());
    }
}

/// `struct rtmsg` and its attributes; without a target, any route to there.
fn route(bytes: &mut Vec<u8>, to: Prefix, target: Option<LinkTarget>) {
    let (kind, scope, flags) = match target {
        None => (RTN_UNSPEC, RT_SCOPE_NOWHERE, 0),
        Some(LinkTarget::Via(_, None)) => (RTN_UNICAST, RT_SCOPE_LINK, 0),
        Some(LinkTarget::Via(_, Some(_))) => (RTN_UNICAST, RT_SCOPE_UNIVERSE, RTNH_F_ONLINK),
        Some(LinkTarget::Unreachable) => (RTN_UNREACHABLE, RT_SCOPE_UNIVERSE, 0),
        Some(LinkTarget::Prohibit) => (RTN_PROHIBIT, RT_SCOPE_UNIVERSE, 0),
        Some(LinkTarget::Blackhole) => (RTN_BLACKHOLE, RT_SCOPE_UNIVERSE, 0),
    };
    let protocol = if target.is_some() { RTPROT_STATIC } else { 0 };
    bytes.extend([family(to.addr()), to.len(), 0, 0, RT_TABLE_MAIN, protocol, scope, kind]);
    bytes.extend(flags.to_ne_bytes());
    attribute(bytes, RTA_DST, &octets(to.network()));
    if let Some(LinkTarget::Via(index, router)) = target {
        attribute(bytes, RTA_OIF, &index.to_ne_bytes());
        if let Some(router) = router {
            attribute(bytes, RTA_GATEWAY, &octets(router));
        }
    }
}

fn attribute(bytes: &mut Vec<u8>, kind: u16, data: &[u8]) {
    bytes.extend((data.len() as u16 + 4).to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(data);
    pad(bytes);
}

fn nested(bytes: &mut Vec<u8>, kind: u16, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = bytes.len();
    bytes.extend(0u16.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    fill(bytes);
    let len = (bytes.len() - start) as u16;
    bytes[start..start + 2].copy_from_slice(&len.to_ne_bytes());
}

/// Everything starts at a multiple of four bytes.
fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

fn zero_ended(name: &str) -> Vec<u8> {
    name.bytes().chain([0]).collect()
}

fn octets(addr: IpAddr) -> Vec<u8> {
    match addr {
        IpAddr::V4(addr) => addr.octets().to_vec(),
        IpAddr::V6(addr) => addr.octets().to_vec(),
    }
}

fn family(addr: IpAddr) -> u8 {
    (if addr.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 }) as u8
}

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_ACK: u16 = 0x4;
const NLM_F_REPLACE: u16 = 0x100;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_CREATE: u16 = 0x400;
const CREATE: u16 = NLM_F_CREATE | NLM_F_EXCL;
const IFF_UP: u32 = 0x1;
const IFF_NOARP: u32 = 0x80;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_NUM_TX_QUEUES: u16 = 31;
const IFLA_NUM_RX_QUEUES: u16 = 32;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_F_NODAD: u8 = 0x02;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTNH_F_ONLINK: u32 = 4;
const RTPROT_STATIC: u8 = 4;
const RT_TABLE_MAIN: u8 = 254;
const RT_SCOPE_UNIVERSE: u8 = 0;
const RT_SCOPE_LINK: u8 = 253;
const RT_SCOPE_NOWHERE: u8 = 255;
const RTN_UNSPEC: u8 = 0;
const RTN_UNICAST: u8 = 1;
const RTN_BLACKHOLE: u8 = 6;
const RTN_UNREACHABLE: u8 = 7;
const RTN_PROHIBIT: u8 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    /// As `ip route add 10.0.2.0/24 via 10.0.0.3 dev 7 onlink` sends it (strace(1)), but that another route gives way
    /// (NLM_F_REPLACE), that the protocol is static (4) and not boot, and for the order of the last two attributes.
    #[test]
    fn a_route_has_the_kernels_layout() {
        let mut batch = NetlinkBatch::default();
        let router = "10.0.0.3".parse().expect("an address");
        batch.set_route("10.0.2.0/24".parse().expect("a prefix"), LinkTarget::Via(7, Some(router)));
        #[rustfmt::skip]
        let expected = [
            52, 0, 0, 0,  24, 0,  0x05, 0x05,  0, 0, 0, 0,  0, 0, 0, 0,
            2, 24, 0, 0, 254, 4, 0, 1,  4, 0, 0, 0,
            8, 0, 1, 0, 10, 0, 2, 0,
            8, 0, 4, 0, 7, 0, 0, 0,
            8, 0, 5, 0, 10, 0, 0, 3,
        ];
        assert_eq!(batch.bytes, expected);
    }

    #[test]
    fn messages_start_at_multiples_of_four_and_tell_their_length() {
        let mut batch = NetlinkBatch::default();
        let veth = Veth { near: "s1", far: "eth0", mac: [2, 0, 0, 0, 0, 1], namespace: 5, arp: false, mtu: 1500 };
        batch.make_veth(&veth);
        batch.set_up(3, true);
        batch.add_address(3, "fd00::1".parse().expect("a prefix"));
        batch.ask_for_interface("eth0");
        batch.delete_route("::/0".parse().expect("a prefix"));
        batch.delete_interface("eth0");
        assert_eq!(batch.message_count(), 6);
        let mut at = 0;
        for start in &batch.starts {
            assert_eq!(*start, at);
            let len = u32::from_ne_bytes(batch.bytes[at..at + 4].try_into().expect("four bytes")) as usize;
            assert_attributes_fit(&batch.bytes[at..at + len]);
            at += len.next_multiple_of(4);
        }
        assert_eq!(at, batch.bytes.len());
    }

    /// Checks that the attributes after the fixed header of `message` fill it.
    fn assert_attributes_fit(message: &[u8]) {
        let header = match u16::from_ne_bytes([message[4], message[5]]) {
            RTM_NEWLINK | RTM_GETLINK | RTM_DELLINK => 32,
            RTM_NEWADDR => 24,
            _ => 28,
        };
        let mut rest = &message[header..];
        while !rest.is_empty() {
            let len = usize::from(u16::from_ne_bytes([rest[0], rest[1]])).next_multiple_of(4);
            assert!(len >= 4 && len <= rest.len(), "an attribute of {len} bytes in {}", rest.len());
            rest = &rest[len..];
        }
    }
}
