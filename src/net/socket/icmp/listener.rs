//! A listener for all ICMP that reaches a host, whomever it is for.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, Weak};
use std::{fmt, io};

use super::error;
use crate::net::error::{Error, Result, errno, number_of};
use crate::net::host::id::HostId;
use crate::net::host::socket::{Awaited, HostSocket, SocketOption, SocketType};
use crate::net::host::stop::Stop;
use crate::net::host::{Host, Waited};
use crate::net::io::Blocking;
use crate::net::socket::endpoint::lock;
use crate::net::socket::error_queue::closed;
use crate::net::socket::session::{Session, Settle};
use crate::net::time::Instant;
use crate::net::wire::Family;
use crate::net::wire::icmp::{Kind, identify};
use crate::net::wire::zoned::ZonedIp;

/// A listener. Clones are the same one.
#[derive(Clone, Debug)]
pub struct IcmpListener(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    host: Arc<dyn Host>,
    /// The kinds that are wanted; empty: all.
    only: Vec<Kind>,
    /// None once closed.
    sockets: Mutex<Vec<(Family, Arc<dyn HostSocket>)>>,
}

/// An ICMP message as it arrived.
#[derive(Clone, Debug)]
pub struct IcmpMessage {
    /// The version of ICMP.
    pub family: Family,
    /// Who sent it.
    pub from: SocketAddr,
    /// The IP packet; over IPv6 the message alone, as the kernel gives no more.
    pub bytes: Arc<[u8]>,
    /// The TTL or hop limit it came with.
    pub ttl: Option<u8>,
}

impl IcmpListener {
    /// Listens for ICMP, ICMPv6 or both (`family`: `None`), for the kinds in `only`; if that is empty, for all.
    ///
    /// # Errors
    /// `permission`: it takes raw sockets; the hint says how to get them.
    pub fn open(host: Arc<dyn Host>, session: &Session, family: Option<Family>, only: Vec<Kind>) -> Result<Self> {
        let wanted = [Family::V4, Family::V6].into_iter().filter(|one| family.is_none_or(|family| family == *one));
        let mut sockets = Vec::new();
        for one in wanted {
            match open(&*host, one) {
                Ok(socket) => sockets.push((one, socket)),
                // A host need not have IPv6.
                Err(err) if family.is_none() && number_of(&err) == errno::EAFNOSUPPORT => {}
                Err(err) if err.kind() == io::ErrorKind::PermissionDenied => {
                    return Err(Error { op: "listen", ..error::refused(&err, true) });
                }
                Err(err) => return Err(Error::system("listen", &err)),
            }
        }
        let inner = Arc::new(Inner { host, only, sockets: Mutex::new(sockets) });
        let settle: Weak<dyn Settle> = Arc::<Inner>::downgrade(&inner);
        session.opened(settle);
        Ok(Self(inner))
    }

    /// Waits for the next message; `None` when `until` has passed or the stop has happened.
    ///
    /// # Errors
    /// `closed`, `system`.
    pub fn receive(&self, until: Option<Instant>, stop: &Stop) -> Result<Option<IcmpMessage>> {
        let mut buffer = vec![0; 65_536];
        loop {
            let sockets = lock(&self.0.sockets).clone();
            if sockets.is_empty() {
                return Err(closed("recv"));
            }
            let mut passed_over = false;
            for (family, socket) in &sockets {
                match socket.receive(&mut buffer, Blocking::No) {
                    Ok(received) => {
                        let Some(mut from) = received.addr else { continue };
                        from.set_port(0);
                        let bytes: Arc<[u8]> = buffer[..received.len].into();
                        // The fourth version's packet comes with its header, and the TTL in it.
                        let ttl = received.ttl.or(bytes.get(8).copied().filter(|_| *family == Family::V4));
                        let message = IcmpMessage { family: *family, from, bytes, ttl };
                        if self.0.only.is_empty() || message.kind().is_some_and(|kind| self.0.only.contains(&kind)) {
                            return Ok(Some(message));
                        }
                        // There may be more in this one.
                        passed_over = true;
                    }
                    Err(err) if matches!(err.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                    Err(err) => return Err(Error::system("recv", &err)),
                }
            }
            if passed_over && !stop.is_stopped() && until.is_none_or(|until| self.0.host.now() < until) {
                continue;
            }
            let mut awaited: Vec<_> = sockets.iter().map(|(_, socket)| Awaited::readable(&**socket)).collect();
            match self.0.host.wait(&mut awaited, until, stop).map_err(|err| Error::system("recv", &err))? {
                Waited::Ready => {}
                Waited::TimedOut | Waited::Stopped => return Ok(None),
            }
        }
    }

    /// Stops listening; a receive that waits ends.
    pub fn close(&self) {
        for (_, socket) in lock(&self.0.sockets).drain(..) {
            // Wakes waiting threads, though the call itself reports ENOTCONN.
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
    }
}

impl Settle for Inner {
    fn settle_up(&self) {}

    fn host(&self) -> HostId {
        self.host.id()
    }

    fn close(self: Arc<Self>) {
        IcmpListener(self).close();
    }
}

fn open(host: &dyn Host, family: Family) -> io::Result<Arc<dyn HostSocket>> {
    let socket = host.socket(SocketType::RawIcmp, family)?;
    socket.set(SocketOption::ArrivalTtl)?;
    socket.set(SocketOption::StampArrivals)?;
    Ok(socket)
}

impl IcmpMessage {
    /// The kind of message; `None` if it is less than a header.
    pub fn kind(&self) -> Option<Kind> {
        match *identify(&self.bytes, Some(self.family)).message {
            [type_, code, ..] => Some(Kind { family: self.family, type_, code }),
            _ => None,
        }
    }
}

/// The message in one line.
impl fmt::Display for IcmpMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = identify(&self.bytes, Some(self.family));
        let message = crate::net::wire::icmp::Message::parse(self.family, found.message);
        match message {
            Ok(message) => {
                write!(f, "{} from {}: {message}", self.family.icmp_name(), ZonedIp::from(self.from))?;
                message.quoted().map_or(Ok(()), |quoted| write!(f, ", about {quoted}"))
            }
            Err(err) => write!(f, "{} from {}: {err}", self.family.icmp_name(), ZonedIp::from(self.from)),
        }
    }
}
