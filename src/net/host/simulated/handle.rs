//! Sockets of simulated hosts, as those who use them have them.

use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use super::readiness::ReadinessFlags;
use super::tcp::SocketReadiness;
use super::turns::WakeKey;
use super::world::World;
use crate::net::error::errno::*;
use crate::net::host::socket::{Filter, HostSocket, Outgoing, Pollable, Poller, SocketOption, SocketType, SocketValue};
use crate::net::io::{Blocking, Interest, Readiness, Received, TcpInfo};
use crate::net::wire::Family;
use crate::net::wire::compose::unspecified;

pub(super) use crate::net::error::of_number as error;

/// Where something is that can be waited for.
#[derive(Clone, Debug)]
pub(super) struct SocketPlace {
    pub(super) world: World,
    /// Which of its hosts it is on.
    pub(super) host: usize,
    /// What wakes those who wait for it.
    pub(super) key: WakeKey,
    /// What is so at it, if it is a socket for datagrams.
    pub(super) flags: Option<ReadinessFlags>,
}

impl SocketPlace {
    /// What is so at the socket now; nothing of one that was closed.
    pub(super) fn state(&self) -> SocketReadiness {
        match &self.flags {
            Some(flags) => {
                self.world.settle();
                flags.readiness()
            }
            None => self.world.look_at_host(self.host, |stack| stack.tcp().readiness(self.key)),
        }
    }
}

/// A socket for datagrams of a simulated host.
#[derive(Debug)]
pub(super) struct DatagramHandle {
    place: SocketPlace,
    flags: ReadinessFlags,
}

impl DatagramHandle {
    /// Makes one.
    pub(super) fn open(place: SocketPlace, kind: SocketType, family: Family) -> Self {
        let flags = place.world.with_host(place.host, |stack, _| stack.open(place.key, kind, family));
        Self { place: SocketPlace { flags: Some(flags.clone()), ..place }, flags }
    }

    /// What is so at it, by now.
    fn look(&self) -> &ReadinessFlags {
        self.place.world.settle();
        &self.flags
    }

    fn with<R>(&self, act: impl FnOnce(&mut super::datagram::DatagramSocket) -> Result<R, i32>) -> io::Result<R> {
        let place = &self.place;
        let done = place.world.look_at_host(place.host, |stack| act(stack.socket_mut(place.key).ok_or(EINVAL)?));
        done.map_err(error)
    }

    fn send_one(&self, data: &[u8], to: Option<SocketAddr>, source: Option<IpAddr>) -> io::Result<usize> {
        let place = &self.place;
        let send = |stack: &mut super::stack::Stack, time| stack.send_datagram(place.key, data, to, source, time);
        place.world.with_host(place.host, send).map_err(error)
    }
}

impl Drop for DatagramHandle {
    fn drop(&mut self) {
        let place = &self.place;
        place.world.with_host(place.host, |stack, _| stack.close(place.key));
        place.world.wake(place.key);
    }
}

impl Pollable for DatagramHandle {
    fn as_any(&self) -> &dyn Any {
        &self.place
    }
}

impl HostSocket for DatagramHandle {
    fn bind(&self, local: SocketAddr) -> io::Result<SocketAddr> {
        let place = &self.place;
        place.world.with_host(place.host, |stack, _| stack.bind(place.key, local)).map_err(error)
    }

    fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        let place = &self.place;
        place.world.with_host(place.host, |stack, _| stack.connect(place.key, peer)).map_err(error)
    }

    fn listen(&self, _: usize) -> io::Result<()> {
        Err(error(EOPNOTSUPP))
    }

    fn accept(&self) -> io::Result<(Arc<dyn HostSocket>, SocketAddr)> {
        Err(error(EOPNOTSUPP))
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let is_connected = self.with(|socket| {
            if how != Shutdown::Write {
                socket.shut();
            }
            Ok(socket.peer.is_some())
        })?;
        self.place.world.wake(self.place.key);
        if is_connected { Ok(()) } else { Err(error(ENOTCONN)) }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.with(|socket| {
            let any = SocketAddr::new(unspecified(socket.family), 0);
            Ok(socket.local.unwrap_or(any))
        })
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.with(|socket| socket.peer.ok_or(ENOTCONN))
    }

    fn receive(&self, buffer: &mut [u8], _: Blocking) -> io::Result<Received> {
        if !self.look().is_readable() {
            return Err(error(EAGAIN));
        }
        self.with(|socket| socket.receive(buffer))
    }

    fn send(&self, message: &Outgoing<'_>) -> io::Result<usize> {
        self.send_one(message.data, message.to, message.source)
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.with(|socket| Ok(socket.take_pending().map(error)))
    }

    fn has_queued(&self) -> bool {
        self.look().has_queued()
    }

    fn next_error(&self, buffer: &mut [u8]) -> io::Result<Received> {
        self.with(|socket| socket.next_error(buffer))
    }

    fn take_stamp(&self) -> Option<(u32, i64)> {
        if !self.look().has_queued() {
            return None;
        }
        self.with(|socket| Ok(socket.take_stamp())).ok().flatten()
    }

    fn may_have_more(&self) -> bool {
        self.look().is_readable()
    }

    fn set(&self, option: SocketOption) -> io::Result<()> {
        self.with(|socket| socket.set(option).then_some(()).ok_or(ENOPROTOOPT))
    }

    fn get(&self, value: SocketValue) -> io::Result<Option<u64>> {
        let now = self.place.world.now();
        if value == SocketValue::PathMtu {
            let place = &self.place;
            let peer = self.peer_addr()?.ip();
            return Ok(Some(place.world.with_host(place.host, |stack, _| stack.path_mtu(peer, now)).into()));
        }
        self.with(|socket| {
            Ok(match value {
                SocketValue::ReceiveBuffer => Some(socket.options.receive_buffer as u64),
                SocketValue::SendBuffer => Some(socket.options.send_buffer as u64),
                SocketValue::Dropped => Some(socket.dropped().into()),
                SocketValue::Unsent => Some(0),
                SocketValue::NoDelay | SocketValue::Keepalive | SocketValue::Linger | SocketValue::PathMtu => None,
            })
        })
    }

    fn filter(&self, filter: Filter<'_>) -> io::Result<()> {
        self.with(|socket| {
            socket.filter(filter);
            Ok(())
        })
    }

    fn tcp_info(&self) -> io::Result<TcpInfo> {
        Err(error(EOPNOTSUPP))
    }
}

/// A set of sockets of a simulated run.
#[derive(Debug, Default)]
pub(super) struct SimulatedPoller {
    members: Mutex<BTreeMap<WakeKey, (SocketPlace, u64, Interest)>>,
}

impl SimulatedPoller {
    /// What wakes those who wait for it: its members.
    pub(super) fn keys(&self) -> Vec<WakeKey> {
        self.lock().keys().copied().collect()
    }

    /// Whether one is ready.
    pub(super) fn is_ready(&self) -> bool {
        self.lock().values().any(|(place, _, interest)| place.state().fits(*interest))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<WakeKey, (SocketPlace, u64, Interest)>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where `of` is.
///
/// # Errors
/// `InvalidInput`: a host of another kind has made it.
pub(super) fn place_of(of: &(impl Pollable + ?Sized)) -> io::Result<&SocketPlace> {
    let wrong = || io::Error::new(io::ErrorKind::InvalidInput, "a socket of another kind of host");
    of.as_any().downcast_ref::<SocketPlace>().ok_or_else(wrong)
}

impl Pollable for SimulatedPoller {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Poller for SimulatedPoller {
    fn add(&self, socket: &dyn HostSocket, token: u64, interest: Interest) -> io::Result<()> {
        let place = place_of(socket)?.clone();
        let mut members = self.lock();
        if members.contains_key(&place.key) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        members.insert(place.key, (place, token, interest));
        Ok(())
    }

    fn change(&self, socket: &dyn HostSocket, token: u64, interest: Interest) -> io::Result<()> {
        let place = place_of(socket)?.clone();
        match self.lock().get_mut(&place.key) {
            Some(member) => *member = (place, token, interest),
            None => return Err(io::ErrorKind::NotFound.into()),
        }
        Ok(())
    }

    fn remove(&self, socket: &dyn HostSocket) -> io::Result<()> {
        let removed = self.lock().remove(&place_of(socket)?.key);
        removed.map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn ready(&self, ready: &mut Vec<Readiness>) -> io::Result<()> {
        ready.clear();
        for (place, token, interest) in self.lock().values() {
            let SocketReadiness { readable, writable, has_error } = place.state();
            if (SocketReadiness { readable, writable, has_error }).fits(*interest) {
                let writable = writable && interest.write;
                ready.push(Readiness { token: *token, writable, readable: readable && interest.read || has_error });
            }
        }
        Ok(())
    }
}
