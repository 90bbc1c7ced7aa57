//! Socket addresses in the form of the system calls.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use super::receive::i32_at;

/// The bytes of a `sockaddr_in6`, the longest address of the Internet.
const LONGEST: usize = 28;

/// A socket address in the form of the system calls (`sockaddr_in`, `sockaddr_in6`).
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
pub struct RawAddr {
    pub(super) bytes: [u8; LONGEST],
    pub(super) len: libc::socklen_t,
}

impl RawAddr {
    /// Room for the kernel to write an address to.
    pub(super) const ROOM: Self = Self { bytes: [0; LONGEST], len: LONGEST as libc::socklen_t };

    /// What the kernel has written; `None`: it is no address of the Internet.
    pub(super) fn get(&self) -> Option<SocketAddr> {
        address(&self.bytes[..LONGEST.min(self.len as usize)])
    }
}

impl From<SocketAddr> for RawAddr {
    fn from(addr: SocketAddr) -> Self {
        let mut raw = Self::ROOM;
        let bytes = &mut raw.bytes;
        bytes[2..4].copy_from_slice(&addr.port().to_be_bytes());
        let family = match addr {
            SocketAddr::V4(addr) => {
                bytes[4..8].copy_from_slice(&addr.ip().octets());
                raw.len = 16;
                libc::AF_INET
            }
            SocketAddr::V6(addr) => {
                bytes[4..8].copy_from_slice(&addr.flowinfo().to_ne_bytes());
                bytes[8..24].copy_from_slice(&addr.ip().octets());
                bytes[24..28].copy_from_slice(&addr.scope_id().to_ne_bytes());
                libc::AF_INET6
            }
        };
        bytes[..2].copy_from_slice(&(family as libc::sa_family_t).to_ne_bytes());
        raw
    }
}

/// Reads a `sockaddr`; IPv4 addresses mapped into IPv6 are given as IPv4.
pub(super) fn address(bytes: &[u8]) -> Option<SocketAddr> {
    let family = i32::from(u16::from_ne_bytes(*bytes.first_chunk()?));
    let port = u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
    match family {
        libc::AF_INET => {
            let ip: [u8; 4] = *bytes.get(4..)?.first_chunk()?;
            Some(SocketAddrV4::new(Ipv4Addr::from(ip), port).into())
        }
        libc::AF_INET6 => {
            let ip = Ipv6Addr::from(*bytes.get(8..)?.first_chunk::<16>()?);
            let scope = i32_at(bytes, 24).unwrap_or(0) as u32;
            Some(match ip.to_ipv4_mapped() {
                Some(ip) => SocketAddrV4::new(ip, port).into(),
                None => SocketAddrV6::new(ip, port, 0, scope).into(),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_round_trip() {
        for text in ["127.0.0.1:11000", "[2001:db8::1]:7", "[fe80::1%3]:9"] {
            let addr: SocketAddr = text.parse().expect("an address");
            assert_eq!(RawAddr::from(addr).get(), Some(addr));
            assert_eq!(RawAddr::from(addr).len, socket2::SockAddr::from(addr).len());
        }
        assert_eq!(RawAddr::ROOM.get(), None);
    }
}
