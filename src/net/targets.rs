//! Where a schedule of pings goes: one address, a list of them, or the addresses of ranges.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use super::error::{Error, Result};
use super::zoned::ZonedIp;

/// Where a ping goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The address.
    pub to: SocketAddr,
    /// The TTL or hop limit it is sent with; `None`: the socket's.
    pub ttl: Option<u8>,
}

/// Addresses in order. Clones are the same; a range takes no more memory than an address.
#[derive(Clone, Debug)]
pub struct Targets {
    parts: Arc<[Part]>,
    len: u64,
}

/// Addresses that follow each other.
#[derive(Clone, Copy, Debug)]
struct Part {
    first: Target,
    /// How many, at least 1.
    len: u64,
    /// How many targets stand before it.
    before: u64,
}

/// No more targets than this in a list.
const MOST: u64 = 1 << 32;

impl Targets {
    /// One address.
    pub fn one(to: SocketAddr) -> Self {
        Self::list([Target { to, ttl: None }])
    }

    /// These, in their order.
    pub fn list(targets: impl IntoIterator<Item = Target>) -> Self {
        Self::joined(targets.into_iter().map(|first| (first, 1)))
    }

    fn joined(parts: impl IntoIterator<Item = (Target, u64)>) -> Self {
        let mut before = 0;
        let part = |(first, len)| {
            let part = Part { first, len, before };
            before += len;
            part
        };
        let parts = parts.into_iter().map(part).collect();
        Self { parts, len: before }
    }

    /// The addresses that `text` names, without ports: parts with commas between them, each an address, a range
    /// `10.0.0.1-10.0.0.9` or `10.0.0.1-9`, a network `10.0.0.0/24` (without its first and last address, which are no
    /// host's, if it is IPv4 and has more than two), or a name, which `resolve` looks up. A link-local address has its zone:
    /// `fe80::1%eth0-fe80::9`, `fe80::%eth0/120`. What is named twice is one target.
    ///
    /// # Errors
    /// `invalid`: it has another form, mixes IPv4 and IPv6, or names more than 2^32 addresses; those of `resolve`.
    pub fn parse(text: &str, resolve: impl Fn(&str) -> Result<SocketAddr>) -> Result<Self> {
        let mut parts: Vec<(Target, u64)> = Vec::new();
        let mut len: u64 = 0;
        for part in text.split(',').map(str::trim) {
            let (first, count) = range(part, &resolve)?;
            if parts.first().is_some_and(|(other, _)| other.to.is_ipv4() != first.is_ipv4()) {
                return Err(invalid(text, "it mixes IPv4 and IPv6").with_hint("ping each version by itself"));
            }
            len = len.saturating_add(count);
            if len > MOST {
                return Err(invalid(text, "it names more than 4,294,967,296 addresses"));
            }
            parts.push((Target { to: first, ttl: None }, count));
        }
        Ok(Self::joined(each_once(parts)))
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The target at `index`, from 0; past the end, the last.
    ///
    /// # Panics
    /// If there are none.
    pub fn get(&self, index: u64) -> Target {
        let part = self.parts[self.parts.partition_point(|part| part.before <= index) - 1];
        let Part { first, len, before } = part;
        Target { to: nth(first.to, (index - before).min(len - 1)), ..first }
    }

    /// The `index`-th of `count` parts of about the same size, each of targets that follow each other.
    pub fn slice(&self, index: u64, count: u64) -> Self {
        let cut = |index: u64| self.len / count * index + (self.len % count).min(index);
        let (begin, end) = (cut(index), cut(index + 1));
        let within = |part: &Part| {
            let (from, to) = (part.before.max(begin), (part.before + part.len).min(end));
            (from < to).then(|| (self.get(from), to - from))
        };
        Self::joined(self.parts.iter().filter_map(within).collect::<Vec<_>>())
    }

    /// The place of the first target with this address, whatever its port.
    pub fn place_of(&self, addr: SocketAddr) -> Option<u64> {
        let within = |part: &Part| {
            let offset = distance(part.first.to, addr)?;
            (0..i128::from(part.len)).contains(&offset).then(|| part.before + offset as u64)
        };
        self.parts.iter().find_map(within)
    }

    /// The first of each part: among them one of each version of IP that occurs.
    pub fn iter(&self) -> impl Iterator<Item = Target> + '_ {
        self.parts.iter().map(|part| part.first)
    }
}

/// The address `offset` after `first`, with its port and zone.
fn nth(mut first: SocketAddr, offset: u64) -> SocketAddr {
    match &mut first {
        SocketAddr::V4(addr) => addr.set_ip(Ipv4Addr::from_bits(addr.ip().to_bits().wrapping_add(offset as u32))),
        SocketAddr::V6(addr) => addr.set_ip(Ipv6Addr::from_bits(addr.ip().to_bits().wrapping_add(offset.into()))),
    }
    first
}

/// How far behind `first` an address is; `None`: too far, or of another version of IP or in another zone.
fn distance(first: SocketAddr, addr: SocketAddr) -> Option<i128> {
    if ZonedIp::from(first).zone != ZonedIp::from(addr).zone {
        return None;
    }
    match (first.ip(), addr.ip()) {
        (IpAddr::V4(first), IpAddr::V4(ip)) => Some(i128::from(ip.to_bits()) - i128::from(first.to_bits())),
        (IpAddr::V6(first), IpAddr::V6(ip)) => {
            let apart = i128::try_from(ip.to_bits().abs_diff(first.to_bits())).ok()?;
            Some(if ip < first { -apart } else { apart })
        }
        _ => None,
    }
}

/// The parts without what parts before them have.
fn each_once(parts: Vec<(Target, u64)>) -> Vec<(Target, u64)> {
    let mut once: Vec<(Target, u64)> = Vec::with_capacity(parts.len());
    for part in parts {
        let mut left = vec![part];
        for (other, len) in &once {
            if left.iter().any(|part| overlap(part, other.to, *len)) {
                left = left.into_iter().flat_map(|part| without(part, other.to, *len)).collect();
            }
        }
        once.extend(left);
    }
    once
}

/// Whether some of the `count` addresses from `other` on are in a part.
fn overlap((first, len): &(Target, u64), other: SocketAddr, count: u64) -> bool {
    distance(first.to, other).is_some_and(|offset| offset < i128::from(*len) && offset + i128::from(count) > 0)
}

/// What is left of a part without the `count` addresses from `other` on.
fn without((first, len): (Target, u64), other: SocketAddr, count: u64) -> impl Iterator<Item = (Target, u64)> {
    let whole = i128::from(len);
    let begin = distance(first.to, other).map_or(whole, |offset| offset.clamp(0, whole));
    let end = distance(first.to, other).map_or(whole, |offset| (offset + i128::from(count)).clamp(0, whole));
    let part = move |from: i128, to: i128| (Target { to: nth(first.to, from as u64), ..first }, (to - from) as u64);
    [part(0, begin), part(end, whole)].into_iter().filter(|(_, len)| *len > 0)
}

/// The first address of one part of a list, and how many there are.
fn range(text: &str, resolve: &impl Fn(&str) -> Result<SocketAddr>) -> Result<(SocketAddr, u64)> {
    if text.is_empty() {
        return Err(invalid(text, "a part of the list is empty"));
    }
    if let Some((first, prefix)) = text.split_once('/') {
        let (start, zone) = zoned(first, resolve)?;
        let start = start.ok_or_else(|| invalid(text, "what stands before the / is no IP address"))?;
        return network(text, start, prefix).map(|(first, count)| (ZonedIp { ip: first, zone }.with_port(0), count));
    }
    // The name of an interface, too, may have a - in it.
    match text.rsplit_once('-').map(|(first, last)| (first.trim(), last.trim())) {
        Some((first, last)) if first.parse::<IpAddr>().is_ok() || last.parse::<IpAddr>().is_ok() => {
            let (start, zone) = zoned(first, resolve)?;
            let start = start.ok_or_else(|| invalid(text, "what stands before the - is no IP address"))?;
            span(text, start, last).map(|(first, count)| (ZonedIp { ip: first, zone }.with_port(0), count))
        }
        _ => Ok((resolve(text)?, 1)),
    }
}

/// An address with its zone; `None`: it is none.
fn zoned(text: &str, resolve: &impl Fn(&str) -> Result<SocketAddr>) -> Result<(Option<IpAddr>, u32)> {
    match text.split_once('%').map(|(ip, _)| ip.parse::<Ipv6Addr>()) {
        Some(Ok(_)) => resolve(text).map(|addr| (Some(addr.ip()), ZonedIp::from(addr).zone)),
        _ => Ok((text.parse().ok(), 0)),
    }
}

fn network(text: &str, first: IpAddr, prefix: &str) -> Result<(IpAddr, u64)> {
    let bits = if first.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.parse::<u32>().ok().filter(|&prefix| prefix <= bits);
    let prefix = prefix.ok_or_else(|| invalid(text, &format!("what stands after the / is not 0 to {bits}")))?;
    let free = bits - prefix;
    if free > 32 {
        return Err(invalid(text, "it names more than 4,294,967,296 addresses"));
    }
    let size = 1u64 << free;
    Ok(match first {
        IpAddr::V4(ip) => {
            let network = ip.to_bits() & ((!0u64 << free) as u32);
            // The network's own address and the broadcast address are no hosts (RFC 1122); two addresses are a link
            // (RFC 3021).
            let (skip, count) = if free > 1 { (1, size - 2) } else { (0, size) };
            (Ipv4Addr::from_bits(network + skip).into(), count)
        }
        IpAddr::V6(ip) => (Ipv6Addr::from_bits(ip.to_bits() & !(u128::from(size) - 1)).into(), size),
    })
}

fn span(text: &str, first: IpAddr, last: &str) -> Result<(IpAddr, u64)> {
    let short = |ip: Ipv4Addr, last: u8| {
        let [a, b, c, _] = ip.octets();
        Ipv4Addr::new(a, b, c, last)
    };
    let last: IpAddr = match (first, last.parse::<u8>()) {
        (IpAddr::V4(ip), Ok(last)) => short(ip, last).into(),
        _ => last.parse().map_err(|_| invalid(text, "what stands after the - is no address"))?,
    };
    let apart = match (first, last) {
        (IpAddr::V4(a), IpAddr::V4(b)) => b.to_bits().checked_sub(a.to_bits()).map(u128::from),
        (IpAddr::V6(a), IpAddr::V6(b)) => b.to_bits().checked_sub(a.to_bits()),
        _ => return Err(invalid(text, "it mixes IPv4 and IPv6")),
    };
    match apart {
        Some(apart) if apart < u128::from(MOST) => Ok((first, apart as u64 + 1)),
        Some(_) => Err(invalid(text, "it names more than 4,294,967,296 addresses")),
        None => Err(invalid(text, "its last address stands before its first")),
    }
}

fn invalid(text: &str, why: &str) -> Error {
    Error::invalid("targets", format!("\"{text}\" is not a list of addresses: {why}"))
        .with_hint("write addresses, ranges and networks with commas between: 10.0.0.1, 10.0.0.5-9, 10.1.0.0/24")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Targets> {
        Targets::parse(text, |name| {
            let bad = |_| Error::invalid("resolve", "no such name");
            match name.contains('%') {
                true => format!("[{name}]:0").parse().map_err(bad),
                false => format!("{name}:0").parse().or_else(|_| format!("[{name}]:0").parse()).map_err(bad),
            }
        })
    }

    fn all(text: &str) -> Vec<String> {
        let targets = parse(text).expect(text);
        (0..targets.len()).map(|n| ZonedIp::from(targets.get(n).to).to_string()).collect()
    }

    #[test]
    fn lists_are_read() {
        assert_eq!(all("10.0.0.1"), ["10.0.0.1"]);
        assert_eq!(all("10.0.0.8-10,10.0.0.1"), ["10.0.0.8", "10.0.0.9", "10.0.0.10", "10.0.0.1"]);
        assert_eq!(all("10.0.0.255-10.0.1.1"), ["10.0.0.255", "10.0.1.0", "10.0.1.1"]);
        assert_eq!(all("10.0.0.77/30"), ["10.0.0.77", "10.0.0.78"]);
        assert_eq!(all("10.0.0.77/31"), ["10.0.0.76", "10.0.0.77"]);
        assert_eq!(all("10.0.0.77/32"), ["10.0.0.77"]);
        assert_eq!(all("fe80::5/127,::1-::3"), ["fe80::4", "fe80::5", "::1", "::2", "::3"]);
        assert_eq!(parse("127.0.0.0/16").expect("a network").len(), 65_534);
        assert_eq!(parse("0.0.0.0/0").expect("all").len(), (1 << 32) - 2);
    }

    #[test]
    fn parts_are_all_of_it_and_places_lead_back() {
        let targets = parse("10.0.0.0/29,10.0.1.1").expect("a list");
        for count in 1..9 {
            let parts = (0..count).map(|index| targets.slice(index, count));
            let joined: Vec<Target> =
                parts.flat_map(|part| (0..part.len()).map(|n| part.get(n)).collect::<Vec<_>>()).collect();
            assert_eq!(joined, (0..7).map(|n| targets.get(n)).collect::<Vec<_>>(), "{count}");
        }
        for n in 0..7 {
            assert_eq!(targets.place_of(targets.get(n).to), Some(n));
        }
        assert_eq!(targets.place_of(SocketAddr::from(([10, 0, 0, 7], 0))), None);
    }

    #[test]
    fn what_is_named_twice_is_one_target() {
        assert_eq!(all("10.0.0.1,10.0.0.1"), ["10.0.0.1"]);
        assert_eq!(all("10.0.0.2,10.0.0.1-3"), ["10.0.0.2", "10.0.0.1", "10.0.0.3"]);
        assert_eq!(all("10.0.0.1-3,10.0.0.2-4,10.0.0.0/30"), ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"]);
        assert_eq!(all("::1,::2,::1"), ["::1", "::2"]);
        assert_eq!(parse("10.0.0.0/8,10.1.0.0/16").expect("two networks").len(), (1 << 24) - 2);
    }

    #[test]
    fn zones_are_kept_and_told_apart() {
        assert_eq!(all("fe80::1%3,fe80::1%4,fe80::1%3"), ["fe80::1%3", "fe80::1%4"]);
        assert_eq!(all("fe80::1%3-fe80::2"), ["fe80::1%3", "fe80::2%3"]);
        assert_eq!(all("fe80::1%3/127"), ["fe80::%3", "fe80::1%3"]);
        let targets = parse("fe80::1%3-fe80::4,fe80::2%4").expect("two zones");
        for n in 0..5 {
            assert_eq!(targets.place_of(targets.get(n).to), Some(n));
        }
        assert_eq!(targets.place_of("[fe80::2%5]:0".parse().expect("an address")), None);
    }

    #[test]
    fn wrong_lists_say_why() {
        for (text, why) in [
            ("", "empty"),
            ("10.0.0.1,", "empty"),
            ("10.0.0.9-1", "before its first"),
            ("10.0.0.9-x", "after the -"),
            ("10.0.0.9/33", "0 to 32"),
            ("x/24", "before the /"),
            ("::/64", "more than"),
            ("::-ffff::", "more than"),
            ("0.0.0.0/0,1.1.1.1-9", "more than"),
            ("10.0.0.1,::1", "mixes"),
            ("10.0.0.1-::1", "mixes"),
        ] {
            let message = parse(text).expect_err(text).message;
            assert!(message.contains(why), "{text}: {message}");
        }
    }
}
