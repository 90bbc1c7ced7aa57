//! Names and ports to socket addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::socket::{SocketOption, SocketType};
use super::stop::Stop;
use super::{Host, resolver};
use crate::net::error::{Error, ErrorKind, Result, errno};
use crate::net::wire::Family;
use crate::net::wire::zoned::{ZonedIp, meant, needs_zone};

/// The version of the Internet Protocol an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// The address of `text`, which is `HOST:PORT`, as seen from `here`: `127.0.0.1:11000`, `[::1]:11000`, `localhost:11000`.
///
/// A name that `here` knows by itself is looked up nowhere else ([`Host::lookup`]). Of the addresses of a name, the first
/// IPv4 one is taken, else the first IPv6 one; `version` asks for one of the two (getaddrinfo(3)).
///
/// # Errors
/// `invalid`: not of the form, or a port above 65535. `resolve`: the name has no such address. `interrupted`: the stop
/// happened first.
pub fn resolve(here: &dyn Host, stop: &Stop, text: &str, version: Option<Version>) -> Result<SocketAddr> {
    let (host, port) = split(text)?;
    if host.is_empty() || host == "*" {
        return Err(Error::invalid("address", format!("\"{text}\" has no host")).with_hint(FORM));
    }
    chosen(here, stop, host, version).map(|addr| with_port(addr, port))
}

/// All addresses of `text`, for those that can try one after the other: as [`resolve`], and after its choice the others, the
/// two versions in turn (as RFC 8305 has it, section 4).
///
/// # Errors
/// As [`resolve`].
pub fn resolve_all(here: &dyn Host, stop: &Stop, text: &str) -> Result<Vec<SocketAddr>> {
    let first = resolve(here, stop, text, None)?;
    let (host, port) = split(text)?;
    let found = resolver::look_up(here, host, stop)?.into_iter().map(|addr| with_port(addr, port));
    Ok(in_turns(first, found))
}

/// `first`, and those of `found` that are others, the versions in turn.
fn in_turns(first: SocketAddr, found: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let (same, other): (Vec<_>, Vec<_>) =
        found.filter(|addr| *addr != first).partition(|addr| addr.is_ipv4() == first.is_ipv4());
    let (mut same, mut other, mut all) = (same.into_iter(), other.into_iter(), vec![first]);
    loop {
        let pair = [other.next(), same.next()];
        if pair == [None, None] {
            return all;
        }
        for addr in pair.into_iter().flatten() {
            if !all.contains(&addr) {
                all.push(addr);
            }
        }
    }
}

/// Of the addresses of `name`, the first IPv4 one, else the first IPv6 one, or the first of `version`; with port 0.
fn chosen(here: &dyn Host, stop: &Stop, name: &str, version: Option<Version>) -> Result<SocketAddr> {
    let wanted = |addr: &SocketAddr| version.is_none_or(|version| (version == Version::V4) == addr.is_ipv4());
    let found = resolver::look_up(here, name, stop)?;
    let v4 = found.iter().filter(|addr| wanted(addr)).find(|addr| addr.is_ipv4());
    v4.or(found.iter().find(|addr| wanted(addr))).copied().ok_or_else(|| {
        let (which, other) = if version == Some(Version::V6) { ("IPv6", "IPv4") } else { ("IPv4", "IPv6") };
        let error = Error::new(ErrorKind::Resolve, "resolve", format!("it has no {which} address")).with_peer(name);
        match found.first() {
            Some(addr) if name.parse() == Ok(addr.ip()) => {
                error.with_hint(format!("it is an {other} address: ask for {other}, or leave the version open"))
            }
            Some(addr) => {
                let ip = addr.ip();
                error.with_hint(format!("it has the {other} address {ip}: ask for {other}, or leave the version open"))
            }
            None => error,
        }
    })
}

fn with_port(mut addr: SocketAddr, port: u16) -> SocketAddr {
    addr.set_port(port);
    addr
}

/// The address of a host, with port 0: an IP address, with a zone if it is a link-local IPv6 one (`fe80::1%eth0`), or a name,
/// which `here` may know itself. Any address (`0.0.0.0`, `::`) means this host.
///
/// # Errors
/// `invalid`: it is empty or has a port. `resolve`: the name has no address, or none of `version`.
pub fn resolve_host(here: &dyn Host, stop: &Stop, text: &str, version: Option<Version>) -> Result<SocketAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text);
    let invalid = |message: String| Err(Error::invalid("address", message).with_hint(HOST_FORM));
    if bare.is_empty() {
        return invalid("the host is empty".to_string());
    }
    if bare.parse::<Ipv6Addr>().is_err() && !bare.contains('%') && bare.contains(':') {
        return invalid(format!("\"{text}\" has a port, and ICMP has none"));
    }
    let addr = chosen(here, stop, bare, version)?;
    Ok(ZonedIp { ip: meant(addr.ip()), ..addr.into() }.with_port(0))
}

/// Checks that `text` has the form `HOST:PORT`, without looking up its name. The host may be missing or `*`, as in
/// [`local`].
///
/// # Errors
/// `invalid`: it has not.
pub fn check(text: &str) -> Result<()> {
    split(text).map(|_| ())
}

/// A local address to bind to: as [`resolve`], with an empty host or `*` for any address of `version`; an empty text
/// is any address and a free port.
///
/// # Errors
/// As [`resolve`].
pub fn local(here: &dyn Host, stop: &Stop, text: &str, version: Version) -> Result<SocketAddr> {
    let any: IpAddr = match version {
        Version::V4 => Ipv4Addr::UNSPECIFIED.into(),
        Version::V6 => Ipv6Addr::UNSPECIFIED.into(),
    };
    if text.is_empty() {
        return Ok(SocketAddr::new(any, 0));
    }
    match split(text)? {
        ("" | "*", port) => Ok(SocketAddr::new(any, port)),
        _ => resolve(here, stop, text, None),
    }
}

/// Where a packet gets that a socket bound to `local` sends to `to`, as its replies name it. The unspecified address is this
/// host (linux: over IPv4 the socket's own address); a link-local one without a zone is on the link that the socket is bound to; others have no zone.
pub fn reached(local: SocketAddr, to: SocketAddr) -> SocketAddr {
    let ip = match (to.ip(), local.ip()) {
        (IpAddr::V4(Ipv4Addr::UNSPECIFIED), own @ IpAddr::V4(_)) => meant(own),
        (ip, _) => meant(ip),
    };
    let mut reached = SocketAddr::new(ip, to.port());
    if let SocketAddr::V6(addr) = &mut reached
        && needs_zone(ip)
    {
        addr.set_scope_id(if ZonedIp::from(to).zone > 0 { ZonedIp::from(to).zone } else { ZonedIp::from(local).zone });
    }
    reached
}

/// Checks that a socket of `here` that is bound to `local` can reach `to`, and that it is clear which link a packet leaves by.
///
/// # Errors
/// `invalid`: a link-local address without a zone. `permission`: sockets of `here` reach nothing but itself.
pub fn check_way(here: &dyn Host, op: &'static str, local: SocketAddr, to: SocketAddr) -> Result<()> {
    if here.is_loopback_only() && !meant(to.ip()).is_loopback() {
        return Err(resolver::beyond_loopback(op).with_peer(to));
    }
    if !needs_zone(to.ip()) || ZonedIp::from(to).zone > 0 || ZonedIp::from(local).zone > 0 {
        return Ok(());
    }
    let ip = to.ip();
    Err(Error::invalid(op, "the address is link-local, and the interface that leads to it is missing")
        .with_peer(ip)
        .with_hint(format!("write the interface after the address as its zone, such as {ip}%eth0")))
}

/// Whether what is sent to `to` from `here` goes to several hosts: by multicast, or, where a socket may, by broadcast. Only the
/// kernel knows which addresses are for all hosts of a network; it lets no socket connect there that has not asked for it.
pub(in crate::net) fn is_group(here: &dyn Host, to: SocketAddr, may_broadcast: bool) -> bool {
    to.ip().is_multicast() || (may_broadcast && to.is_ipv4() && is_broadcast(here, to).unwrap_or(false))
}

fn is_broadcast(here: &dyn Host, to: SocketAddr) -> io::Result<bool> {
    let socket = here.socket(SocketType::Udp, Family::V4)?;
    let refused = socket.connect(to).is_err();
    socket.set(SocketOption::Broadcast(true))?;
    Ok(refused && socket.connect(to).is_ok())
}

/// The error of a send from `here` to `to` that was not permitted, in words and with what to do. The errno says which part of
/// this host refuses (linux).
pub(in crate::net) fn not_permitted(here: &dyn Host, error: Error, to: SocketAddr) -> Error {
    if error.code == Some(errno::EPERM) {
        return error.with_hint("a firewall rule of this host forbids it");
    }
    if to.is_ipv4() && is_broadcast(here, to).unwrap_or(false) {
        let message = "permission denied: this address is that of all hosts of a network; allow that with --broadcast, or with \
                       broadcast: true of the socket";
        let error = Error { message: message.to_string(), ..error };
        return error.with_hint("to send by broadcast, make the socket with the option #{ broadcast: true }");
    }
    error.with_hint("a route of this host prohibits it: look at `ip route`")
}

/// Whether `addr` is one of the addresses of `here`: a socket can be bound there.
pub(in crate::net) fn is_address_of(here: &dyn Host, mut addr: SocketAddr) -> bool {
    addr.set_port(0);
    here.socket(SocketType::Udp, Family::of(addr.ip())).is_ok_and(|socket| socket.bind(addr).is_ok())
}

/// Splits `HOST:PORT`.
fn split(text: &str) -> Result<(&str, u16)> {
    let form = |message: String| Error::invalid("address", message).with_hint(FORM);
    if text.is_empty() {
        return Err(form("the address is empty".to_string()));
    }
    let (host, port) = text.rsplit_once(':').ok_or_else(|| form(format!("\"{text}\" has no port")))?;
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']').ok_or_else(|| form(format!("\"{text}\" lacks a closing ]")))?,
        None if host.contains(':') => {
            return Err(form(format!("\"{text}\" is an IPv6 address without brackets or without a port")));
        }
        None => host,
    };
    match port.parse::<u16>() {
        Ok(port) => Ok((host, port)),
        Err(_) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => {
            Err(form(format!("port {port} of \"{text}\" is out of range: ports are 0 to 65535")))
        }
        Err(_) if port.is_empty() => Err(form(format!("\"{text}\" has no port after the colon"))),
        Err(_) => Err(form(format!("\"{port}\" in \"{text}\" is not a port number"))),
    }
}

/// What to write.
const FORM: &str = "write HOST:PORT, such as 127.0.0.1:11000, localhost:11000 or [::1]:11000";

/// What to write where there is no port.
const HOST_FORM: &str = "write a host alone, such as 127.0.0.1, localhost, ::1 or fe80::1%eth0";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::host::ThisMachine;

    #[test]
    fn the_versions_take_turns_after_the_first() {
        let addrs = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().expect("an address")).collect()
        };
        let found = addrs(&["[::1]:1", "[::2]:1", "10.0.0.1:1", "10.0.0.2:1", "10.0.0.1:1", "[::3]:1"]);
        let expected = addrs(&["10.0.0.1:1", "[::1]:1", "10.0.0.2:1", "[::2]:1", "[::3]:1"]);
        assert_eq!(in_turns(expected[0], found.into_iter()), expected);
        assert_eq!(in_turns(expected[1], addrs(&["[::1]:1"]).into_iter()), addrs(&["[::1]:1"]));
    }

    fn running() -> Stop {
        Stop::root().expect("eventfd")
    }

    #[test]
    fn addresses_are_read() {
        for (text, addr) in [("127.0.0.1:7", "127.0.0.1:7"), ("[::1]:7", "[::1]:7"), ("[fe80::1%1]:7", "[fe80::1%1]:7")]
        {
            assert_eq!(resolve(&ThisMachine, &running(), text, None).expect(text), addr.parse().expect(addr));
        }
        assert_eq!(
            resolve(&ThisMachine, &running(), "localhost:7", None).expect("localhost"),
            "127.0.0.1:7".parse().expect("an address")
        );
        assert_eq!(
            local(&ThisMachine, &running(), "", Version::V6).expect("any"),
            "[::]:0".parse().expect("an address")
        );
        assert_eq!(
            local(&ThisMachine, &running(), "*:31000", Version::V4).expect("any"),
            "0.0.0.0:31000".parse().expect("an address")
        );
    }

    #[test]
    fn replies_name_the_address_that_is_reached() {
        let addr = |text: &str| text.parse::<SocketAddr>().expect(text);
        for (local, to, expected) in [
            ("0.0.0.0:1", "0.0.0.0:7", "127.0.0.1:7"),
            ("10.0.0.1:1", "0.0.0.0:7", "10.0.0.1:7"),
            ("[::]:1", "[::]:7", "[::1]:7"),
            ("[::]:1", "[fe80::1%3]:7", "[fe80::1%3]:7"),
            ("[fe80::2%4]:1", "[fe80::1]:7", "[fe80::1%4]:7"),
            ("[::]:1", "[fd00::1%3]:7", "[fd00::1]:7"),
            ("0.0.0.0:1", "10.0.0.9:7", "10.0.0.9:7"),
        ] {
            assert_eq!(reached(addr(local), addr(to)), addr(expected), "{local} to {to}");
        }
    }

    #[test]
    fn a_link_local_address_needs_its_zone() {
        let check = |local: &str, to: &str| {
            check_way(&ThisMachine, "ping", local.parse().expect(local), to.parse().expect(to))
                .map_err(|error| error.hint)
        };
        for (local, to) in [("[::]:0", "[fe80::1%2]:7"), ("[fe80::2%3]:0", "[fe80::1]:7"), ("[::]:0", "[ff05::1]:7")] {
            assert_eq!(check(local, to), Ok(()), "{local} to {to}");
        }
        for to in ["[fe80::1]:7", "[ff02::1]:7"] {
            assert!(check("[::]:0", to).is_err_and(|hint| hint.contains("%eth0")), "{to}");
        }
    }

    #[test]
    fn hosts_have_no_port() {
        use crate::net::host::ThisMachine;
        let host = |text| resolve_host(&ThisMachine, &running(), text, None);
        for (text, ip) in [
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "::1"),
            ("[::1]", "::1"),
            ("localhost", "127.0.0.1"),
            ("0.0.0.0", "127.0.0.1"),
        ] {
            assert_eq!(host(text).expect(text), SocketAddr::new(ip.parse().expect(ip), 0));
        }
        assert!(matches!(host("fe80::1%lo").expect("a zone"), SocketAddr::V6(addr) if addr.scope_id() == 1));
        for (text, part) in [("", "empty"), ("127.0.0.1:7", "has a port"), ("no.such.host.invalid", "no address")] {
            let err = host(text).expect_err(text);
            assert!(err.message.contains(part), "{text}: {err}");
            assert!(!err.hint.is_empty());
        }
        let none = resolve_host(&ThisMachine, &running(), "127.0.0.1", Some(Version::V6)).expect_err("an IPv4 address");
        assert_eq!(none.kind, ErrorKind::Resolve);
    }

    #[test]
    fn wrong_addresses_say_why() {
        for (text, part) in [
            ("127.0.0.1", "has no port"),
            ("127.0.0.1:99999", "port 99999"),
            ("127.0.0.1:-3", "not a port number"),
            ("127.0.0.1:", "no port after the colon"),
            (":7", "has no host"),
            ("::1:7:", "without brackets"),
            ("[::1:7", "closing ]"),
        ] {
            let err = resolve(&ThisMachine, &running(), text, None).expect_err(text);
            assert!(err.message.contains(part), "{text}: {err}");
            assert!(!err.hint.is_empty());
        }
        assert_eq!(
            resolve(&ThisMachine, &running(), "no.such.host.invalid:7", None).expect_err("no such name").kind,
            ErrorKind::Resolve
        );
    }
}
