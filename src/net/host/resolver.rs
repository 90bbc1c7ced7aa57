//! Names to addresses by the system's resolver, with a wait that ends as every other does.
//!
//! getaddrinfo(3) cannot be stopped: it runs on a thread of its own, and the thread that waits for it waits in the host. A thread
//! that no one waits for any more ends when the resolver gives up.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};

use super::environment::process;
use super::notify::Notify;
use super::stop::{Stage, Stop};
use super::{Host, Waited};
#[cfg(feature = "sim")]
use super::{SimulatedHost, ThisMachine};
use crate::net::error::{Error, ErrorKind, Result, in_words};
use crate::net::time::Duration;

/// How long a look-up may take; name servers that are there have answered long before.
const PATIENCE: Duration = Duration::from_secs(15);

/// The addresses of `name` as `here` knows them, else as the system's resolver does, with port 0, most wanted first. The
/// hosts of a lab know each other and themselves, and ask no one outside. `localhost` is known without files and name servers.
///
/// # Errors
/// `resolve`: there are none, or no one answers in time; `interrupted`: the stop happened first; `exhausted`: no thread is
/// left.
pub(in crate::net) fn look_up(here: &dyn Host, name: &str, stop: &Stop) -> Result<Vec<SocketAddr>> {
    let known = here.lookup(name);
    if !known.is_empty() {
        return Ok(known.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect());
    }
    if is_localhost(name) {
        let loopback: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        return Ok(loopback.map(|ip| SocketAddr::new(ip, 0)).to_vec());
    }
    let error = |kind, message: String| Error::new(kind, "resolve", message).with_peer(name);
    let is_address = name.parse::<IpAddr>().is_ok() || name.contains('%');
    if here.name().is_some() && !is_address {
        let unknown = error(ErrorKind::Resolve, "no host of the lab has this name".to_string());
        return Err(unknown.with_hint("the lab's hosts are known by the names they were made with"));
    }
    if let (Some(_), Some((Ok(ip), zone))) = (here.name(), name.split_once('%').map(|(ip, zone)| (ip.parse(), zone)))
        && zone.parse::<u32>().is_err()
    {
        // The system's resolver would ask this machine for its interface of that name.
        let index = here.interface(zone).map_err(|err| {
            error(ErrorKind::Resolve, format!("the interface of the zone: {}", in_words(&err))).with_hint(ZONE_HINT)
        })?;
        return Ok(vec![SocketAddrV6::new(ip, 0, 0, index).into()]);
    }
    if here.is_loopback_only() && !is_address {
        return Err(beyond_loopback("resolve").with_peer(name));
    }
    #[cfg(not(feature = "kernel"))]
    let asked = name.to_string();
    #[cfg(feature = "kernel")]
    let asked = match name.is_ascii() {
        true => name.to_string(),
        // Name servers know a name with other letters by its Punycode form (RFC 5891).
        false => idna::domain_to_ascii(name).map_err(|_| {
            error(ErrorKind::Resolve, "no host name has these letters (RFC 5892)".into()).with_hint(HINT)
        })?,
    };
    let ask = move || (asked.as_str(), 0).to_socket_addrs().map(Vec::from_iter);
    // What is no name is not looked up anywhere.
    let found = match is_address {
        true => Ok(ask()),
        false => on_a_thread(here, stop, Some(PATIENCE), ask)
            .map_err(|err| Error::system("resolve", &err).with_peer(name))?,
    };
    match found {
        Ok(Ok(addrs)) => Ok(addrs),
        Ok(Err(err)) => {
            // getaddrinfo's text, without the standard library's words before it.
            let text = err.to_string();
            let reason = text.rsplit(": ").next().unwrap_or(&text);
            if !name.contains('.') && process().has_hosts() {
                let message = format!("no address for this name outside of the lab ({reason})");
                return Err(error(ErrorKind::Resolve, message).with_hint(LAB_HINT));
            }
            Err(error(ErrorKind::Resolve, format!("no address for this name ({reason})")).with_hint(HINT))
        }
        Err(Waited::Stopped) => {
            Err(error(ErrorKind::Interrupted, "stopped while its address was looked up".to_string()))
        }
        Err(_) => {
            let message = format!("no name server has answered within {}", PATIENCE.short());
            Err(error(ErrorKind::Resolve, message).with_hint(HINT))
        }
    }
}

/// Why a host that [`is_loopback_only`](Host::is_loopback_only) does not do `op`.
pub(in crate::net) fn beyond_loopback(op: &'static str) -> Error {
    let message = "with --restrict, a script reaches no network but loopback and those of labs";
    Error::new(ErrorKind::Permission, op, message)
        .with_hint("name 127.0.0.1, ::1 or localhost, or a host of a lab from within it: run_in(a, || …)")
}

/// Whether `name` is always this host (RFC 6761, section 6.3).
fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

const HINT: &str = "check the spelling and the network's name server, or give an address such as 127.0.0.1";

const ZONE_HINT: &str = "the interfaces of a lab's host are eth0, eth1, …, in the order in which its links were made";

/// For what may be the name of a host of a lab.
const LAB_HINT: &str = "hosts of a lab know each other by name: write run_in(a, || …) around the call, or give the host's \
                        address: `${b.addr}:7`";

/// Does `work` on a thread of its own, and waits for its value, at most for `patience`; how the wait ended, if
/// without one.
///
/// # Errors
/// No thread is left.
pub(crate) fn on_a_thread<T: Send + 'static>(
    here: &dyn Host,
    stop: &Stop,
    patience: Option<Duration>,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<std::result::Result<T, Waited>> {
    let shared = Arc::new((Arc::new(Notify::default()), Mutex::new(None)));
    let theirs = shared.clone();
    super::threads::start("resolver", false, move || {
        let value = work();
        *theirs.1.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        theirs.0.notify();
    })?;
    let mut value = None;
    let ready = &mut || {
        value = shared.1.lock().unwrap_or_else(PoisonError::into_inner).take();
        value.is_some()
    };
    let mut wait = |host: &dyn Host| {
        let until = patience.map(|patience| host.now() + patience);
        host.park(&shared.0, until, Some((stop, Stage::Interrupted)), ready)
    };
    #[cfg(not(feature = "sim"))]
    let waited = wait(here);
    // The system's resolver takes time of the real world.
    #[cfg(feature = "sim")]
    let waited = match SimulatedHost::of(here) {
        Some(machine) => machine.world().outside(|| wait(&ThisMachine)),
        None => wait(here),
    };
    Ok(value.ok_or(waited))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::net::host::stop::Reason;

    #[test]
    fn a_wait_ends_with_the_value_the_time_or_the_stop() {
        let stop = Stop::root().expect("eventfd");
        let wait = |patience, work: mpsc::Receiver<u8>| {
            on_a_thread(&ThisMachine, &stop, Some(patience), move || work.recv()).expect("a thread")
        };
        let (send, receive) = mpsc::channel();
        send.send(7).expect("kept");
        assert_eq!(wait(Duration::from_secs(60), receive), Ok(Ok(7)));
        let (_send, receive) = mpsc::channel();
        assert_eq!(wait(Duration::from_millis(5), receive), Err(Waited::TimedOut));
        let (_send, receive) = mpsc::channel();
        let other = stop.clone();
        let stopper = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(20));
            other.interrupt(Reason::Interrupt);
        });
        assert_eq!(wait(Duration::from_secs(60), receive), Err(Waited::Stopped));
        stopper.join().expect("it ends");
    }

    #[test]
    fn no_one_is_asked_for_localhost() {
        let stop = Stop::root().expect("eventfd");
        // A look-up by the system's resolver would end with this.
        stop.interrupt(Reason::Interrupt);
        for name in ["localhost", "LocalHost.", "a.localhost"] {
            let found = look_up(&ThisMachine, name, &stop).unwrap_or_else(|err| panic!("{name}: {err:?}"));
            assert_eq!(found, ["127.0.0.1:0", "[::1]:0"].map(|addr| addr.parse().expect("an address")), "{name}");
        }
        assert_eq!(look_up(&ThisMachine, "nolocalhost", &stop).map_err(|err| err.kind), Err(ErrorKind::Interrupted));
    }

    #[test]
    fn addresses_are_nobodys_names() {
        let stop = Stop::root().expect("eventfd");
        stop.interrupt(Reason::Interrupt);
        let found = look_up(&ThisMachine, "::1", &stop).expect("an address");
        assert_eq!(found, ["[::1]:0".parse().expect("an address")]);
    }
}
