//! Lists of targets as people write them: addresses, ranges, networks, names, and files of those.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{MOST, Target, Targets, distance, nth};
use crate::net::error::{Error, ErrorKind, Result};
use crate::net::wire::zoned::{ZonedIp, meant};

/// What a list asks of the world: the address of a name, and the text of a file.
pub trait NameLookup {
    /// The address of the host called `name`, with port 0.
    ///
    /// # Errors
    /// `resolve`: there is none, which is that target's outcome; others end the reading.
    fn resolve(&self, name: &str) -> Result<SocketAddr>;

    /// The text of the file called `name`; `-` is standard input.
    ///
    /// # Errors
    /// `file`, `interrupted`, `invalid`.
    fn read(&self, name: &str) -> Result<String>;
}

impl Targets {
    /// The addresses that `text` names, without ports: parts with commas between them, each an address, a range
    /// `10.0.0.1-10.0.0.9` or `10.0.0.1-9`, a network `10.0.0.0/24` (without its first and last address, which are no
    /// host's, if it is IPv4 and has more than two), a name, or `@FILE`: a file with such a list on each line, where `#`
    /// begins a comment. A link-local address has its zone: `fe80::1%eth0-fe80::9`, `fe80::%eth0/120`. What is named twice is
    /// one target. A name without an address is a target all the same: [`Target::unresolved`].
    ///
    /// # Errors
    /// `invalid`: it has another form, mixes IPv4 and IPv6, or names more than 2^32 addresses; `file`; those of `resolve`,
    /// except `resolve` itself.
    pub fn parse(text: &str, world: &impl NameLookup) -> Result<Self> {
        let mut list = List { world, parts: Vec::new(), len: 0 };
        for part in text.split(',').map(str::trim) {
            match part.strip_prefix('@') {
                Some(file) => list.add_file(file)?,
                None => list.add(part)?,
            }
        }
        Ok(Self::joined(each_once(list.parts)))
    }
}

/// A list that is being read.
struct List<'a, W> {
    world: &'a W,
    parts: Vec<(Target, u64)>,
    len: u64,
}

impl<W: NameLookup> List<'_, W> {
    fn add_file(&mut self, file: &str) -> Result<()> {
        if file.is_empty() {
            return Err(invalid("@", "no file is named"));
        }
        let text = self.world.read(file)?;
        let before = self.parts.len();
        for (line, number) in text.trim_start_matches('\u{feff}').lines().zip(1..) {
            let list = line.split('#').next().unwrap_or_default().trim();
            for part in list.split(',').map(str::trim).filter(|_| !list.is_empty()) {
                let place = |error: Error| match error.kind {
                    ErrorKind::Invalid => Error { message: format!("{} ({file}:{number})", error.message), ..error },
                    _ => error,
                };
                self.add(part).map_err(place)?;
            }
        }
        if self.parts.len() == before {
            return Err(Error::invalid("targets", "the file names no target").with_peer(file).with_hint(FORM));
        }
        Ok(())
    }

    fn add(&mut self, part: &str) -> Result<()> {
        let (target, count) = match range(part, self.world) {
            Ok((to, count)) => (Target::at(to), count),
            Err(error) if error.kind == ErrorKind::Resolve => (Target::unresolved(error), 1),
            Err(error) => return Err(error),
        };
        if let Some(error) = &target.unresolved
            && self
                .parts
                .iter()
                .any(|(other, _)| other.unresolved.as_ref().is_some_and(|known| known.peer == error.peer))
        {
            return Ok(());
        }
        let other = self.parts.iter().find(|(other, _)| other.unresolved.is_none());
        if target.unresolved.is_none() && other.is_some_and(|(other, _)| other.to.is_ipv4() != target.to.is_ipv4()) {
            return Err(invalid(part, "it mixes IPv4 and IPv6").with_hint("ping each version by itself"));
        }
        self.len = self.len.saturating_add(count);
        if self.len > MOST {
            return Err(invalid(part, "it names more than 4,294,967,296 addresses"));
        }
        self.parts.extend(as_meant((target, count)));
        Ok(())
    }
}

fn range(text: &str, world: &impl NameLookup) -> Result<(SocketAddr, u64)> {
    if text.is_empty() {
        return Err(invalid(text, "a part of the list is empty"));
    }
    if let Some((first, prefix)) = text.split_once('/') {
        let (start, zone) = zoned(first, world)?;
        let start = start.ok_or_else(|| invalid(text, "what stands before the / is no IP address"))?;
        return network(text, start, prefix).map(|(first, count)| (ZonedIp { ip: first, zone }.with_port(0), count));
    }
    // The name of an interface, too, may have a - in it.
    match text.rsplit_once('-').map(|(first, last)| (first.trim(), last.trim())) {
        Some((first, last)) if first.parse::<IpAddr>().is_ok() || last.parse::<IpAddr>().is_ok() => {
            let (start, zone) = zoned(first, world)?;
            let start = start.ok_or_else(|| invalid(text, "what stands before the - is no IP address"))?;
            span(text, start, last).map(|(first, count)| (ZonedIp { ip: first, zone }.with_port(0), count))
        }
        _ => Ok((world.resolve(text)?, 1)),
    }
}

/// An address with its zone; `None`: it is none.
fn zoned(text: &str, world: &impl NameLookup) -> Result<(Option<IpAddr>, u32)> {
    match text.split_once('%').map(|(ip, _)| ip.parse::<Ipv6Addr>()) {
        Some(Ok(_)) => world.resolve(text).map(|addr| (Some(addr.ip()), ZonedIp::from(addr).zone)),
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

/// A part with this host's address in the place of the unspecified one, as replies name it.
fn as_meant((first, len): (Target, u64)) -> impl Iterator<Item = (Target, u64)> {
    let ip = meant(first.to.ip());
    let own = (first.unresolved.is_none() && ip != first.to.ip()).then(|| (Target::at(SocketAddr::new(ip, 0)), 1));
    let others = if own.is_some() { (Target::at(nth(first.to, 1)), len - 1) } else { (first, len) };
    own.into_iter().chain(Some(others)).filter(|(_, len)| *len > 0)
}

fn invalid(text: &str, why: &str) -> Error {
    Error::invalid("targets", format!("\"{text}\" is not a list of addresses: {why}")).with_hint(FORM)
}

const FORM: &str =
    "write addresses, ranges and networks with commas between: 10.0.0.1, 10.0.0.5-9, 10.1.0.0/24; or @FILE";

/// The parts without what parts before them have.
fn each_once(parts: Vec<(Target, u64)>) -> Vec<(Target, u64)> {
    let mut once: Vec<(Target, u64)> = Vec::with_capacity(parts.len());
    for part in parts {
        if part.0.unresolved.is_some() {
            once.push(part);
            continue;
        }
        let mut left = vec![part];
        for (other, len) in once.iter().filter(|(other, _)| other.unresolved.is_none()) {
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
    let part =
        move |from: i128, to: i128| (Target { to: nth(first.to, from as u64), ..first.clone() }, (to - from) as u64);
    [part(0, begin), part(end, whole)].into_iter().filter(|(_, len)| *len > 0)
}

#[cfg(test)]
pub(in crate::net) mod tests {
    use super::*;

    /// A world that knows addresses, and one file.
    pub(in crate::net) struct Nothing;

    impl NameLookup for Nothing {
        fn resolve(&self, name: &str) -> Result<SocketAddr> {
            let unknown = || Error::new(ErrorKind::Resolve, "resolve", "no such name").with_peer(name);
            match name.contains('%') {
                true => format!("[{name}]:0").parse().map_err(|_| unknown()),
                false => name.parse().map(|ip| SocketAddr::new(ip, 0)).map_err(|_| unknown()),
            }
        }

        fn read(&self, name: &str) -> Result<String> {
            match name {
                "hosts" => Ok("\u{feff}# of the lab\r\n10.0.0.1,10.0.0.5-6 # two parts\r\n\r\nnowhere\r\n".to_string()),
                "wrong" => Ok("10.0.0.1\n10.0.0.9-1\n".to_string()),
                "empty" => Ok("# none\n".to_string()),
                _ => Err(Error::new(ErrorKind::File, "targets", "no such file").with_peer(name)),
            }
        }
    }

    fn parse(text: &str) -> Result<Targets> {
        Targets::parse(text, &Nothing)
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
        // The unspecified address is this host's, as replies name it.
        assert_eq!(all("::/126"), ["::1", "::2", "::3"]);
        assert_eq!(all("::-::1,::"), ["::1"]);
        assert_eq!(all("0.0.0.0-2,0.0.0.0/31,127.0.0.1"), ["127.0.0.1", "0.0.0.1", "0.0.0.2"]);
        assert_eq!(parse("127.0.0.0/16").expect("a network").len(), 65_534);
        assert_eq!(parse("0.0.0.0/0").expect("all").len(), (1 << 32) - 2);
    }

    #[test]
    fn files_have_a_list_on_each_line() {
        assert_eq!(all("@hosts"), ["10.0.0.1", "10.0.0.5", "10.0.0.6", "0.0.0.0"]);
        assert_eq!(all("10.0.0.9,@hosts")[..2], ["10.0.0.9", "10.0.0.1"]);
        for (text, why) in [
            ("@wrong", "before its first (wrong:2)"),
            ("@empty", "names no target"),
            ("@nowhere", "no such file"),
            ("10.0.0.1,@", "no file is named"),
            ("::1,@hosts", "mixes IPv4 and IPv6 (hosts:2)"),
        ] {
            let message = parse(text).expect_err(text).message;
            assert!(message.contains(why), "{text}: {message}");
        }
    }

    #[test]
    fn a_name_without_an_address_is_a_target_of_its_own() {
        let targets = parse("10.0.0.1,nowhere,10.0.0.2-3,nowhere").expect("a list");
        assert_eq!(targets.len(), 4);
        let unresolved: Vec<_> = targets.unresolved().collect();
        assert_eq!(unresolved.len(), 1);
        assert_eq!((unresolved[0].0, &*unresolved[0].1.peer), (1, "nowhere"));
        assert_eq!(targets.get(1).unresolved.map(|error| error.kind), Some(ErrorKind::Resolve));
        assert_eq!(targets.get(2).unresolved, None);
        // It has no address by which it would be found, and is of no version of IP.
        assert_eq!(targets.place_of(targets.get(1).to), None);
        assert_eq!(targets.iter().count(), 2);
        assert_eq!(parse("nowhere,::1").expect("one version").iter().count(), 1);
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
    fn zones_are_kept_and_distinguished() {
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
