//! What can be set at a stream's socket.

use std::io;
use std::os::fd::AsFd;

use socket2::{Socket, TcpKeepalive};

use super::{Connection, Framing};
use crate::net::error::{Error, Result};
use crate::net::sys;
use crate::net::time::Duration;

/// The largest message that is taken unless another limit is given, in bytes.
pub(super) const LIMIT: usize = 1 << 20;

/// The largest buffer the kernel can be asked for, in bytes.
const MAX_BUFFER: usize = i32::MAX as usize;

/// How a stream is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamOptions {
    /// How messages are delimited.
    pub framing: Framing,
    /// How long a message may be, in bytes.
    pub limit: usize,
    /// Whether each message is sent at once (TCP_NODELAY); otherwise small ones wait for the acknowledgement of those before
    /// (Nagle, RFC 896).
    pub nodelay: bool,
    /// After how long a silence the peer is probed (SO_KEEPALIVE, TCP_KEEPIDLE); `None`: never.
    pub keepalive: Option<Duration>,
    /// Size of the receive buffer in bytes (SO_RCVBUF; the kernel doubles it).
    pub receive_buffer: Option<usize>,
    /// Size of the send buffer in bytes (SO_SNDBUF).
    pub send_buffer: Option<usize>,
    /// The type of service or traffic class of what is sent, all eight bits.
    pub tos: u8,
}

impl Default for StreamOptions {
    fn default() -> Self {
        let framing = Framing::Raw;
        Self { framing, limit: LIMIT, nodelay: true, keepalive: None, receive_buffer: None, send_buffer: None, tos: 0 }
    }
}

impl StreamOptions {
    /// Sets what a new socket needs before it connects or listens; those it accepts inherit it.
    pub(super) fn apply(&self, socket: &Socket, v4: bool) -> io::Result<()> {
        if v4 {
            sys::set_option(socket.as_fd(), libc::IPPROTO_IP, libc::IP_RECVERR, 1)?;
        } else {
            socket.set_only_v6(true)?;
            sys::set_option(socket.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1)?;
        }
        socket.set_tcp_nodelay(self.nodelay)?;
        if let Some(idle) = self.keepalive {
            set_keepalive(socket, idle)?;
        }
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes.min(MAX_BUFFER))?;
        }
        if let Some(bytes) = self.send_buffer {
            socket.set_send_buffer_size(bytes.min(MAX_BUFFER))?;
        }
        sys::set_tos(socket.as_fd(), v4, self.tos)
    }
}

/// Probes the peer after `idle`, and again as often as the system does, a second apart at the least (the kernel counts in
/// seconds).
fn set_keepalive(socket: &Socket, idle: Duration) -> io::Result<()> {
    let idle = std::time::Duration::from(idle).max(std::time::Duration::from_secs(1));
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(idle).with_interval(idle))
}

impl Connection {
    fn with_socket<T>(&self, op: &'static str, of: impl FnOnce(&Socket) -> io::Result<T>) -> Result<T> {
        let socket = self.socket(op)?;
        of(&socket).map_err(|err| Error::system(op, &err).with_peer(self.peer()))
    }

    /// Whether each message is sent at once (TCP_NODELAY).
    ///
    /// # Errors
    /// `closed`.
    pub fn nodelay(&self) -> Result<bool> {
        self.with_socket("nodelay", Socket::tcp_nodelay)
    }

    /// Sends each message at once from now on, or lets small ones wait.
    ///
    /// # Errors
    /// `closed`.
    pub fn set_nodelay(&self, on: bool) -> Result<()> {
        self.with_socket("nodelay", |socket| socket.set_tcp_nodelay(on))
    }

    /// After how long a silence the peer is probed; `None`: never.
    ///
    /// # Errors
    /// `closed`.
    pub fn keepalive(&self) -> Result<Option<Duration>> {
        self.with_socket("keepalive", |socket| {
            let idle = if socket.keepalive()? { Some(socket.tcp_keepalive_time()?) } else { None };
            Ok(idle.map(|idle| Duration::from_secs_f64(idle.as_secs_f64())))
        })
    }

    /// Probes the peer after so long a silence; `None`: never.
    ///
    /// # Errors
    /// `closed`.
    pub fn set_keepalive(&self, idle: Option<Duration>) -> Result<()> {
        self.with_socket("keepalive", |socket| match idle {
            Some(idle) => set_keepalive(socket, idle),
            None => socket.set_keepalive(false),
        })
    }

    /// How long `close` keeps trying to deliver what was sent (SO_LINGER); `None`: as long as the system likes.
    ///
    /// # Errors
    /// `closed`.
    pub fn linger(&self) -> Result<Option<Duration>> {
        let linger = self.with_socket("linger", Socket::linger)?;
        Ok(linger.map(|linger| Duration::from_secs_f64(linger.as_secs_f64())))
    }

    /// Sets how long `close` keeps trying; zero: the connection is reset.
    ///
    /// # Errors
    /// `closed`.
    pub fn set_linger(&self, linger: Option<Duration>) -> Result<()> {
        self.with_socket("linger", |socket| socket.set_linger(linger.map(Into::into)))
    }
}
