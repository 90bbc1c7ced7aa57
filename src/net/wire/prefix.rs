//! An address with the length of its network's prefix.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::net::error::{Error, Result};

/// An address and how many of its first bits are those of its network: `10.0.1.2/24`. Without a number, the address is
/// a network of its own (`/32`, `/128`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Prefix {
    addr: IpAddr,
    len: u8,
}

impl Prefix {
    /// The first `len` bits of `addr`; all of them if there are fewer.
    pub fn new(addr: IpAddr, len: u8) -> Self {
        Self { addr, len: len.min(bits(addr)) }
    }

    /// The address itself.
    pub fn addr(self) -> IpAddr {
        self.addr
    }

    /// How many bits are those of the network.
    #[allow(clippy::len_without_is_empty)] // a number of bits, not of things
    pub fn len(self) -> u8 {
        self.len
    }

    /// The network's own address: the bits after its own are zero.
    pub fn network(self) -> IpAddr {
        match self.addr {
            IpAddr::V4(addr) => Ipv4Addr::from(u32::from(addr) & mask_v4(self.len)).into(),
            IpAddr::V6(addr) => Ipv6Addr::from(u128::from(addr) & mask_v6(self.len)).into(),
        }
    }

    /// The whole network, as the destination of a route.
    #[must_use]
    pub fn masked(self) -> Self {
        Self { addr: self.network(), len: self.len }
    }

    /// Whether the network is this address alone.
    pub fn is_single(self) -> bool {
        self.len == bits(self.addr)
    }

    /// Whether `addr` belongs to the network.
    pub fn contains(self, addr: IpAddr) -> bool {
        self.addr.is_ipv4() == addr.is_ipv4() && Self::new(addr, self.len).network() == self.network()
    }
}

/// `0.0.0.0/0` or `::/0`.
pub fn everything(v4: bool) -> Prefix {
    let addr = if v4 { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
    Prefix { addr, len: 0 }
}

impl From<IpAddr> for Prefix {
    fn from(addr: IpAddr) -> Self {
        Self { addr, len: bits(addr) }
    }
}

impl FromStr for Prefix {
    type Err = Error;

    /// Reads `10.0.0.9`, `10.0.1.2/24`, `fd00::9` or `fd00:1::2/64`.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = |message: String| Error::invalid("address", message).with_hint(FORM);
        let (addr, len) = text.split_once('/').map_or((text, None), |(addr, len)| (addr, Some(len)));
        let addr: IpAddr = addr.parse().map_err(|_| wrong(format!("\"{text}\" is not an IP address")))?;
        let most = bits(addr);
        match len.map(str::parse::<u8>) {
            None => Ok(addr.into()),
            Some(Ok(len)) if len <= most => Ok(Self { addr, len }),
            Some(_) => Err(wrong(format!("the number after the / of \"{text}\" is from 0 to {most}"))),
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_single() { write!(f, "{}", self.addr) } else { write!(f, "{}/{}", self.addr, self.len) }
    }
}

/// How many bits addresses of this version have.
pub(in crate::net) fn bits(addr: IpAddr) -> u8 {
    if addr.is_ipv4() { 32 } else { 128 }
}

/// The first `len` bits of an IPv4 address.
pub(in crate::net) fn mask_v4(len: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(len)).unwrap_or(0)
}

fn mask_v6(len: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(len)).unwrap_or(0)
}

/// What to write as an address with or without its network's length.
pub(in crate::net) const FORM: &str =
    "write an address such as 10.0.0.9 or fd00::9, with its network's length if it is to have one: 10.0.1.2/24";

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap_or_else(|err| panic!("{text}: {err}"))
    }

    #[test]
    fn prefixes_are_read_and_compared() {
        assert_eq!(prefix("10.0.1.2/24").network(), "10.0.1.0".parse::<IpAddr>().expect("an address"));
        assert_eq!(prefix("fd00:1::2/64").masked(), prefix("fd00:1::/64"));
        assert_eq!(prefix("10.0.0.9").to_string(), "10.0.0.9");
        assert_eq!(prefix("10.1.2.3/0").masked(), everything(true));
        for (net, addr, within) in [
            ("10.0.1.2/24", "10.0.1.255", true),
            ("10.0.1.2/24", "10.0.2.1", false),
            ("10.0.0.9", "10.0.0.9", true),
            ("0.0.0.0/0", "fd00::1", false),
            ("::/0", "fd00::1", true),
        ] {
            assert_eq!(prefix(net).contains(prefix(addr).addr()), within, "{addr} in {net}");
        }
        for text in ["", "10.0.0", "10.0.0.9/33", "10.0.0.9/", "fd00::1/129", "a", "10.0.0.9/-1"] {
            assert!(text.parse::<Prefix>().is_err(), "{text}");
        }
    }
}
