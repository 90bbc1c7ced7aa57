//! IP addresses with the zone that a link-local one needs.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::{Serialize, Serializer};

/// An IP address and, of IPv6, the interface that a link-local one is on; 0: none, as all others have (RFC 4007).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ZonedIp {
    /// The address.
    pub ip: IpAddr,
    /// The index of the interface.
    pub zone: u32,
}

impl From<IpAddr> for ZonedIp {
    fn from(ip: IpAddr) -> Self {
        Self { ip, zone: 0 }
    }
}

impl From<SocketAddr> for ZonedIp {
    fn from(addr: SocketAddr) -> Self {
        let zone = match addr {
            SocketAddr::V6(addr) => addr.scope_id(),
            SocketAddr::V4(_) => 0,
        };
        Self { ip: addr.ip(), zone }
    }
}

impl ZonedIp {
    /// Where a packet was going that this host quotes: its header has no zone, and it was sent on the link of who quotes it.
    pub fn quotes(self, mut to: SocketAddr) -> SocketAddr {
        if let SocketAddr::V6(addr) = &mut to
            && addr.scope_id() == 0
            && needs_zone((*addr.ip()).into())
        {
            addr.set_scope_id(self.zone);
        }
        to
    }

    /// It with a port.
    pub fn with_port(self, port: u16) -> SocketAddr {
        let mut addr = SocketAddr::new(self.ip, port);
        if let SocketAddr::V6(addr) = &mut addr {
            addr.set_scope_id(self.zone);
        }
        addr
    }
}

/// The address in words; a port of 0 is none, as those of ICMP have.
pub fn plain(addr: SocketAddr) -> String {
    if addr.port() == 0 { ZonedIp::from(addr).to_string() } else { addr.to_string() }
}

/// Whether the address means another host on each link: fe80::/10, and multicast to the interface or the link (RFC 4007).
pub fn needs_zone(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local() || matches!(ip.segments()[0] & 0xff0f, 0xff01 | 0xff02))
}

/// The address that a packet to `ip` gets to: the unspecified one (`0.0.0.0`, `::`) means this host.
pub fn meant(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

/// As `fe80::1%2`; what has no zone as itself.
impl fmt::Display for ZonedIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.zone {
            0 => self.ip.fmt(f),
            zone => f.pad(&format!("{}%{zone}", self.ip)),
        }
    }
}

impl Serialize for ZonedIp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_is_part_of_the_text() {
        for (text, expected) in [
            ("[fe80::1%3]:7", "fe80::1%3"),
            ("[ff02::1%2]:0", "ff02::1%2"),
            ("[::1]:7", "::1"),
            ("10.0.0.1:7", "10.0.0.1"),
        ] {
            let addr: SocketAddr = text.parse().expect(text);
            let zoned = ZonedIp::from(addr);
            assert_eq!(zoned.to_string(), expected);
            assert_eq!(zoned.with_port(addr.port()), addr);
        }
    }
}
