//! Socket addresses in the form of the system calls.
#![allow(unsafe_code)]

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use super::receive::i32_at;

/// A socket address in the form of the system calls.
#[derive(Clone, Copy)]
pub struct RawAddr {
    pub(super) storage: libc::sockaddr_storage,
    pub(super) len: libc::socklen_t,
}

impl From<SocketAddr> for RawAddr {
    fn from(addr: SocketAddr) -> Self {
        let addr = socket2::SockAddr::from(addr);
        // SAFETY: sockaddr_storage is plain data for which zeroes are valid; the copy stays within both objects,
        // since a SockAddr is at most as long as a sockaddr_storage.
        unsafe {
            let mut storage: libc::sockaddr_storage = std::mem::zeroed();
            std::ptr::copy_nonoverlapping(
                addr.as_ptr().cast::<u8>(),
                std::ptr::from_mut(&mut storage).cast::<u8>(),
                addr.len() as usize,
            );
            Self { storage, len: addr.len() }
        }
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
            let raw = RawAddr::from(addr);
            // SAFETY: the storage is fully initialised.
            let bytes =
                unsafe { std::slice::from_raw_parts(std::ptr::from_ref(&raw.storage).cast::<u8>(), raw.len as usize) };
            assert_eq!(address(bytes), Some(addr));
        }
    }
}
