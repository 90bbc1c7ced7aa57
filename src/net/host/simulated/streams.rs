//! TCP sockets of simulated hosts, as those who use them have them.

use std::any::Any;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;

use super::handle::{SocketPlace, error};
use super::stack::Stack;
use super::tcp::{TcpSocket, TcpSockets};
use crate::net::error::errno::*;
use crate::net::host::socket::{HostSocket, Outgoing, Pollable, SocketOption, SocketValue};
use crate::net::io::{Blocking, Received, TcpInfo};
use crate::net::time::Instant;
use crate::net::wire::Family;
use crate::net::wire::compose::unspecified;

/// A TCP socket of a simulated host.
#[derive(Debug)]
pub(super) struct StreamHandle {
    place: SocketPlace,
    family: Family,
}

impl StreamHandle {
    /// Makes one.
    pub(super) fn open(place: SocketPlace, family: Family) -> Self {
        let handle = Self { place, family };
        let key = handle.place.key;
        handle.with_all(|tcp, _| tcp.open(key));
        handle
    }

    fn with_stack<R>(&self, act: impl FnOnce(&mut Stack, u64, Instant) -> Result<R, i32>) -> io::Result<R> {
        let place = &self.place;
        place.world.with_host(place.host, |stack, time| act(stack, place.key, time.now)).map_err(error)
    }

    fn with_all<R>(&self, act: impl FnOnce(&mut TcpSockets, Instant) -> R) -> R {
        let place = &self.place;
        place.world.with_host(place.host, |stack, time| stack.with_tcp(|tcp| act(tcp, time.now)))
    }

    fn with<R>(&self, act: impl FnOnce(&mut TcpSocket) -> R) -> io::Result<R> {
        self.with_all(|tcp, _| tcp.get_mut(self.place.key).map(act)).ok_or_else(|| error(EINVAL))
    }
}

impl Drop for StreamHandle {
    fn drop(&mut self) {
        self.with_all(|tcp, now| tcp.close(self.place.key, now));
    }
}

impl Pollable for StreamHandle {
    fn as_any(&self) -> &dyn Any {
        &self.place
    }
}

impl HostSocket for StreamHandle {
    fn bind(&self, local: SocketAddr) -> io::Result<SocketAddr> {
        self.with_stack(|stack, key, now| stack.bind_tcp(key, local, now))
    }

    fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        self.with_stack(|stack, key, now| stack.connect_tcp(key, peer, now))?;
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn listen(&self, backlog: usize) -> io::Result<()> {
        self.with_all(|tcp, _| tcp.listen(self.place.key, backlog)).map_err(error)
    }

    fn accept(&self) -> io::Result<(Arc<dyn HostSocket>, SocketAddr)> {
        let (key, peer) = self.with_all(|tcp, _| tcp.accept(self.place.key)).map_err(error)?;
        let place = SocketPlace { key, ..self.place.clone() };
        Ok((Arc::new(Self { place, family: self.family }), peer))
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let (read, write) = (how != Shutdown::Write, how != Shutdown::Read);
        let is_connected = self.with_all(|tcp, now| tcp.shutdown(self.place.key, read, write, now));
        self.place.world.wake(self.place.key);
        if is_connected { Ok(()) } else { Err(error(ENOTCONN)) }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        let any = SocketAddr::new(unspecified(self.family), 0);
        self.with(|socket| socket.local.unwrap_or(any))
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.with(|socket| socket.peer)?.ok_or_else(|| error(ENOTCONN))
    }

    fn receive(&self, buffer: &mut [u8], _: Blocking) -> io::Result<Received> {
        let len = self.with_all(|tcp, now| tcp.read(self.place.key, buffer, now)).map_err(error)?;
        Ok(Received { len, ..Received::default() })
    }

    fn send(&self, message: &Outgoing<'_>) -> io::Result<usize> {
        self.with_all(|tcp, now| tcp.send(self.place.key, message.data, now)).map_err(error)
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(self.with_all(|tcp, _| tcp.take_error(self.place.key)).map(error))
    }

    fn next_error(&self, buffer: &mut [u8]) -> io::Result<Received> {
        self.with_all(|tcp, _| tcp.next_error(self.place.key, buffer)).ok_or_else(|| error(EAGAIN))
    }

    fn set(&self, option: SocketOption) -> io::Result<()> {
        self.with(|socket| match option {
            SocketOption::ReuseAddress | SocketOption::ShareAddress => socket.shares_address = true,
            SocketOption::QueueErrors => socket.queues_errors = true,
            SocketOption::StampArrivals => socket.stamps_arrivals = true,
            SocketOption::Ttl(ttl) => socket.set_ttl(ttl),
            SocketOption::NoDelay(on) => socket.set_no_delay(on),
            SocketOption::Linger(linger) => socket.linger = linger,
            _ => {}
        })
    }

    fn get(&self, value: SocketValue) -> io::Result<Option<u64>> {
        self.with(|socket| match value {
            SocketValue::NoDelay => Some(socket.no_delay.into()),
            SocketValue::ReceiveBuffer | SocketValue::SendBuffer => Some(super::stream::BUFFER as u64),
            SocketValue::Unsent => Some(0),
            SocketValue::Linger => socket.linger.map(|linger| (linger.as_nanos() / 1_000_000_000).unsigned_abs()),
            SocketValue::Keepalive => None,
            SocketValue::Dropped => Some(0),
            SocketValue::PathMtu => Some(1500),
        })
    }

    fn tcp_info(&self) -> io::Result<TcpInfo> {
        self.with_all(|tcp, _| tcp.info(self.place.key)).ok_or_else(|| error(ENOTCONN))
    }
}
