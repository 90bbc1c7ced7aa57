//! Sockets of the kernel.

use std::any::Any;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use super::filter;
use crate::net::host::socket::{Filter, HostSocket, Outgoing, Pollable, SocketOption, SocketType, SocketValue};
use crate::net::io::{Batch, Blocking, Received, TcpInfo};
use crate::net::sys::{self, RawAddr};
use crate::net::time::Duration;
use crate::net::wire::Family;

/// The largest buffer the kernel can be asked for, in bytes: it takes the number as an int and grants what its own limits
/// allow.
const MAX_BUFFER: usize = i32::MAX as usize;

/// What socket(2) is asked for to make a socket of this type.
pub(in crate::net) fn numbers(kind: SocketType, family: Family) -> (Domain, Type, Protocol) {
    let (domain, icmp) = match family {
        Family::V4 => (Domain::IPV4, Protocol::ICMPV4),
        Family::V6 => (Domain::IPV6, Protocol::ICMPV6),
    };
    match kind {
        SocketType::Udp => (domain, Type::DGRAM, Protocol::UDP),
        SocketType::Tcp => (domain, Type::STREAM, Protocol::TCP),
        SocketType::Ping => (domain, Type::DGRAM, icmp),
        SocketType::RawIcmp => (domain, Type::RAW, icmp),
    }
}

/// A socket of the kernel, in whichever network namespace it was made. It is in blocking mode, and each call says whether it
/// waits.
#[derive(Debug)]
pub(in crate::net) struct KernelSocket {
    fd: OwnedFd,
    kind: SocketType,
    family: Family,
}

impl KernelSocket {
    /// Of a socket that was made by [`numbers`].
    pub(in crate::net) fn new(socket: Socket, kind: SocketType, family: Family) -> io::Result<Self> {
        if family == Family::V6 && matches!(kind, SocketType::Udp | SocketType::Tcp) {
            socket.set_only_v6(true)?;
        }
        Ok(Self { fd: socket.into(), kind, family })
    }

    fn socket(&self) -> SockRef<'_> {
        SockRef::from(&self.fd)
    }

    /// Sets the option that has the name `v4` for IPv4 and `v6` for IPv6.
    fn set_by_family(&self, v4: i32, v6: i32, value: i32) -> io::Result<()> {
        match self.family {
            Family::V4 => sys::set_option(&self.fd, libc::IPPROTO_IP, v4, value),
            Family::V6 => sys::set_option(&self.fd, libc::IPPROTO_IPV6, v6, value),
        }
    }

    fn set_ttl(&self, ttl: Option<u8>) -> io::Result<()> {
        let ttl = ttl.map_or(-1, i32::from);
        self.set_by_family(libc::IP_TTL, libc::IPV6_UNICAST_HOPS, ttl)?;
        match self.kind {
            // A stream refuses it.
            SocketType::Tcp => Ok(()),
            _ => self.set_by_family(libc::IP_MULTICAST_TTL, libc::IPV6_MULTICAST_HOPS, ttl),
        }
    }

    /// Probes the peer after `idle`, and again as often as the system does, a second apart at the least (the kernel counts in
    /// seconds).
    fn set_keepalive(&self, idle: Option<Duration>) -> io::Result<()> {
        let Some(idle) = idle else { return self.socket().set_keepalive(false) };
        let idle = std::time::Duration::from(idle).max(std::time::Duration::from_secs(1));
        self.socket().set_tcp_keepalive(&TcpKeepalive::new().with_time(idle).with_interval(idle))
    }
}

impl Pollable for KernelSocket {
    fn as_any(&self) -> &dyn Any {
        &self.fd
    }
}

impl HostSocket for KernelSocket {
    fn bind(&self, local: SocketAddr) -> io::Result<SocketAddr> {
        self.socket().bind(&local.into())?;
        self.local_addr()
    }

    fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        let (socket, is_stream) = (self.socket(), self.kind == SocketType::Tcp);
        if is_stream {
            socket.set_nonblocking(true)?;
        }
        let connected = socket.connect(&peer.into());
        if is_stream {
            socket.set_nonblocking(false)?;
        }
        connected.map_err(|err| match err.raw_os_error() {
            Some(libc::EINPROGRESS) => io::ErrorKind::WouldBlock.into(),
            _ => err,
        })
    }

    fn listen(&self, backlog: usize) -> io::Result<()> {
        self.socket().set_nonblocking(true)?;
        self.socket().listen(i32::try_from(backlog).unwrap_or(i32::MAX))
    }

    fn accept(&self) -> io::Result<(Arc<dyn HostSocket>, SocketAddr)> {
        let (socket, peer) = self.socket().accept()?;
        let peer = peer.as_socket().ok_or(io::ErrorKind::ConnectionAborted)?;
        Ok((Arc::new(Self { fd: socket.into(), ..*self }), peer))
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket().shutdown(how)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket().local_addr()?.as_socket().ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket().peer_addr()?.as_socket().ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }

    fn receive(&self, buffer: &mut [u8], wait: Blocking) -> io::Result<Received> {
        sys::receive(&self.fd, buffer, wait)
    }

    fn receive_plain(&self, buffer: &mut [u8], wait: Blocking) -> io::Result<Received> {
        sys::receive_plain(&self.fd, buffer, wait)
    }

    fn receive_stream(&self, wait: Blocking, take: &mut dyn FnMut(&[u8])) -> io::Result<usize> {
        let mut buffer = [const { std::mem::MaybeUninit::uninit() }; crate::net::host::socket::STREAM_PIECE];
        let bytes = sys::receive_some(&self.fd, &mut buffer, wait)?;
        take(bytes);
        Ok(bytes.len())
    }

    fn receive_many(&self, batch: &mut Batch, most: usize, wait: Blocking) -> io::Result<usize> {
        sys::receive_many(&self.fd, batch, most, wait)
    }

    fn send(&self, message: &Outgoing<'_>) -> io::Result<usize> {
        match message.to {
            None => sys::send_some(&self.fd, message.data),
            Some(to) => sys::send_to(&self.fd, message.data, &RawAddr::from(to), message.source),
        }
    }

    fn send_many(&self, datagrams: &[(Vec<u8>, SocketAddr)]) -> io::Result<usize> {
        sys::send_many(&self.fd, datagrams)
    }

    fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket().take_error()
    }

    fn next_error(&self, buffer: &mut [u8]) -> io::Result<Received> {
        sys::receive_error(&self.fd, buffer)
    }

    fn set(&self, option: SocketOption) -> io::Result<()> {
        let socket = self.socket();
        match option {
            SocketOption::QueueErrors => self.set_by_family(libc::IP_RECVERR, libc::IPV6_RECVERR, 1),
            SocketOption::ErrorExtensions => {
                const IP_RECVERR_RFC4884: i32 = 26;
                const IPV6_RECVERR_RFC4884: i32 = 31;
                self.set_by_family(IP_RECVERR_RFC4884, IPV6_RECVERR_RFC4884, 1)
            }
            SocketOption::CountOverflow => sys::set_option(&self.fd, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1),
            SocketOption::LocalAddress => self.set_by_family(libc::IP_PKTINFO, libc::IPV6_RECVPKTINFO, 1),
            SocketOption::ArrivalTtl => self.set_by_family(libc::IP_RECVTTL, libc::IPV6_RECVHOPLIMIT, 1),
            SocketOption::StampArrivals | SocketOption::NumberStamps => {
                sys::stamp(&self.fd, option == SocketOption::NumberStamps);
                Ok(())
            }
            SocketOption::ReuseAddress => socket.set_reuse_address(true),
            SocketOption::ShareAddress => {
                socket.set_reuse_address(true)?;
                socket.set_reuse_port(true)
            }
            SocketOption::ReceiveBuffer(bytes) => socket.set_recv_buffer_size(bytes.min(MAX_BUFFER)),
            SocketOption::SendBuffer(bytes) => socket.set_send_buffer_size(bytes.min(MAX_BUFFER)),
            SocketOption::Ttl(ttl) => self.set_ttl(ttl),
            SocketOption::Tos(tos) => self.set_by_family(libc::IP_TOS, libc::IPV6_TCLASS, i32::from(tos)),
            SocketOption::OnlyLoopback => socket.bind_device(Some(b"lo")),
            SocketOption::Broadcast(on) => socket.set_broadcast(on),
            SocketOption::DontFragment(set) => {
                // Not IP_PMTUDISC_DO, which would refuse by what was learnt instead of asking the path.
                let value = if set { libc::IP_PMTUDISC_PROBE } else { libc::IP_PMTUDISC_DONT };
                self.set_by_family(libc::IP_MTU_DISCOVER, libc::IPV6_MTU_DISCOVER, value)
            }
            SocketOption::NoDelay(on) => socket.set_tcp_nodelay(on),
            SocketOption::Keepalive(idle) => self.set_keepalive(idle),
            SocketOption::Linger(linger) => socket.set_linger(linger.map(Into::into)),
        }
    }

    fn get(&self, value: SocketValue) -> io::Result<Option<u64>> {
        let socket = self.socket();
        Ok(match value {
            SocketValue::ReceiveBuffer => Some(socket.recv_buffer_size()? as u64),
            SocketValue::SendBuffer => Some(socket.send_buffer_size()? as u64),
            SocketValue::NoDelay => Some(socket.tcp_nodelay()?.into()),
            SocketValue::Keepalive if !socket.keepalive()? => None,
            SocketValue::Keepalive => Some(socket.tcp_keepalive_time()?.as_secs()),
            SocketValue::Linger => socket.linger()?.map(|linger| linger.as_secs()),
            SocketValue::Dropped => Some(sys::drops(&self.fd)?),
            SocketValue::PathMtu => u64::try_from(match self.family {
                Family::V4 => sys::option(&self.fd, libc::IPPROTO_IP, libc::IP_MTU)?,
                Family::V6 => sys::option(&self.fd, libc::IPPROTO_IPV6, libc::IPV6_MTU)?,
            })
            .ok(),
            SocketValue::Unsent => Some(sys::unsent(&self.fd)?.into()),
        })
    }

    fn filter(&self, filter: Filter<'_>) -> io::Result<()> {
        match (filter, self.family) {
            (Filter::Types(types), Family::V4) => filter::pass_types(&self.fd, types),
            (Filter::Types(types), Family::V6) => filter::pass_types_v6(&self.fd, types),
            (Filter::Replies(id), family) => self.socket().attach_filter(&filter::of_replies(family, id)),
            (Filter::Stream(local, peer), _) => self.socket().attach_filter(&filter::about_stream(local, peer)),
        }
    }

    fn tcp_info(&self) -> io::Result<TcpInfo> {
        sys::tcp_info(&self.fd)
    }
}
