//! Addresses of a lab: how they are written, which there can be, and who has which.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::net::error::{Error, Result};
use crate::net::host::id::HostId;
use crate::net::wire::prefix::{FORM, bits, mask_v4};
pub use crate::net::wire::prefix::{Prefix, everything};

/// Checks that a host can have this address.
///
/// # Errors
/// `invalid`: it is an address of another purpose, or of a whole network.
pub fn check(prefix: Prefix) -> Result<()> {
    let refuse = |why: &str| {
        Err(Error::invalid("host", format!("{} cannot be a host's address: {why}", prefix.addr())).with_hint(FORM))
    };
    let addr = prefix.addr();
    if addr.is_unspecified() {
        return refuse("it stands for any address");
    }
    if addr.is_loopback() {
        return refuse("each host has the loopback addresses for itself");
    }
    if addr.is_multicast() {
        return refuse("it is a multicast address");
    }
    match addr {
        IpAddr::V4(v4) if v4.octets()[0] == 0 || v4.octets()[0] >= 240 => refuse("it is reserved"),
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => refuse("it stands for an IPv4 address"),
        IpAddr::V6(v6) if v6.segments()[0] & 0xffc0 == 0xfe80 => {
            refuse("link-local addresses are given out by the interfaces themselves")
        }
        _ if prefix.len() == 0 => refuse("a network of /0 is everything"),
        _ if prefix.len() + 1 >= bits(addr) => Ok(()),
        _ if addr == prefix.network() => refuse(&format!("it is the address of the whole network {prefix}")),
        IpAddr::V4(v4) if u32::from(v4) | mask_v4(prefix.len()) == u32::MAX => {
            refuse(&format!("it is the broadcast address of the network {}", prefix.masked()))
        }
        _ => Ok(()),
    }
}

/// Who has which address.
#[derive(Debug, Default)]
pub struct Owners(HashMap<IpAddr, HostId>);

impl Owners {
    /// Who has `addr`.
    pub fn of(&self, addr: IpAddr) -> Option<HostId> {
        self.0.get(&addr).copied()
    }

    /// Keeps `addr` for `host`.
    pub fn take(&mut self, addr: IpAddr, host: HostId) {
        self.0.insert(addr, host);
    }

    /// Addresses for the host numbered `number` from 1 on: 10.0.0.N and fd00::N, or the next free one. `None` if all
    /// are taken.
    pub fn free(&self, number: u16, v4: bool) -> Option<IpAddr> {
        (0..=u16::MAX).map(|step| number.wrapping_add(step)).map(|number| numbered(number, v4)).find(|&addr| {
            let last = if let IpAddr::V4(addr) = addr { addr.octets()[3] } else { 1 };
            // Those that are a network's own in a usual network are given to no host.
            !self.0.contains_key(&addr) && last != 0 && last != 255 && check(addr.into()).is_ok()
        })
    }
}

fn numbered(number: u16, v4: bool) -> IpAddr {
    let [high, low] = number.to_be_bytes();
    if v4 { Ipv4Addr::new(10, 0, high, low).into() } else { Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, number).into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap_or_else(|err| panic!("{text}: {err}"))
    }

    #[test]
    fn addresses_of_other_purposes_are_refused() {
        for text in ["10.0.0.9", "10.0.1.2/24", "10.0.1.0/31", "10.0.1.0", "fd00::9", "2001:db8::1/64", "192.0.2.1/24"]
        {
            assert!(check(prefix(text)).is_ok(), "{text}");
        }
        for (text, why) in [
            ("0.0.0.0", "any address"),
            ("::", "any address"),
            ("127.0.0.1", "loopback"),
            ("::1", "loopback"),
            ("224.0.0.1", "multicast"),
            ("ff02::1", "multicast"),
            ("255.255.255.255", "reserved"),
            ("0.1.2.3", "reserved"),
            ("::ffff:10.0.0.1", "IPv4 address"),
            ("fe80::1", "link-local"),
            ("10.0.1.0/24", "whole network"),
            ("10.0.1.255/24", "broadcast"),
            ("10.0.1.1/0", "everything"),
        ] {
            let err = check(prefix(text)).expect_err(text);
            assert!(err.message.contains(why), "{text}: {err}");
        }
    }

    #[test]
    fn free_addresses_are_numbered_by_host_and_skip_those_taken() {
        let mut owners = Owners::default();
        let free = |owners: &Owners, number, v4| owners.free(number, v4).expect("one").to_string();
        assert_eq!(free(&owners, 1, true), "10.0.0.1");
        assert_eq!(free(&owners, 1, false), "fd00::1");
        owners.take(prefix("10.0.0.2").addr(), HostId(9));
        assert_eq!(free(&owners, 2, true), "10.0.0.3");
        assert_eq!(free(&owners, 255, true), "10.0.1.1");
        assert_eq!(owners.of(prefix("10.0.0.2").addr()), Some(HostId(9)));
    }
}
