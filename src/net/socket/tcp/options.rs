//! What can be set at a stream's socket.

use std::io;

use super::{Connection, Framing};
use crate::net::error::{Error, Result};
use crate::net::host::socket::{HostSocket, SocketOption, SocketValue};
use crate::net::time::Duration;

/// The largest message that is taken unless another limit is given, in bytes.
pub(super) const LIMIT: usize = 1 << 20;

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
    pub(super) fn apply(&self, socket: &dyn HostSocket) -> io::Result<()> {
        socket.set_all([
            Some(SocketOption::QueueErrors),
            Some(SocketOption::NoDelay(self.nodelay)),
            self.keepalive.map(|idle| SocketOption::Keepalive(Some(idle))),
            self.receive_buffer.map(SocketOption::ReceiveBuffer),
            self.send_buffer.map(SocketOption::SendBuffer),
            Some(SocketOption::Tos(self.tos)),
        ])
    }
}

impl Connection {
    fn get(&self, op: &'static str, value: SocketValue) -> Result<Option<u64>> {
        let socket = self.socket(op)?;
        socket.get(value).map_err(|err| Error::system(op, &err).with_peer(self.peer()))
    }

    fn set(&self, op: &'static str, option: SocketOption) -> Result<()> {
        let socket = self.socket(op)?;
        socket.set(option).map_err(|err| Error::system(op, &err).with_peer(self.peer()))
    }

    /// Whether each message is sent at once (TCP_NODELAY).
    ///
    /// # Errors
    /// `closed`.
    pub fn nodelay(&self) -> Result<bool> {
        Ok(self.get("nodelay", SocketValue::NoDelay)? == Some(1))
    }

    /// Sends each message at once from now on, or lets small ones wait.
    ///
    /// # Errors
    /// `closed`.
    pub fn set_nodelay(&self, on: bool) -> Result<()> {
        self.set("nodelay", SocketOption::NoDelay(on))
    }

    /// After how long a silence the peer is probed; `None`: never.
    ///
    /// # Errors
    /// `closed`.
    pub fn keepalive(&self) -> Result<Option<Duration>> {
        let seconds = self.get("keepalive", SocketValue::Keepalive)?;
        Ok(seconds.map(|seconds| Duration::from_secs(seconds as i64)))
    }

    /// Probes the peer after so long a silence; `None`: never.
    ///
    /// # Errors
    /// `closed`.
    pub fn set_keepalive(&self, idle: Option<Duration>) -> Result<()> {
        self.set("keepalive", SocketOption::Keepalive(idle))
    }

    /// How long `close` keeps trying to deliver what was sent (SO_LINGER); `None`: as long as the system likes.
    ///
    /// # Errors
    /// `closed`.
    pub fn linger(&self) -> Result<Option<Duration>> {
        let seconds = self.get("linger", SocketValue::Linger)?;
        Ok(seconds.map(|seconds| Duration::from_secs(seconds as i64)))
    }

    /// Sets how long `close` keeps trying; zero: the connection is reset.
    ///
    /// # Errors
    /// `closed`.
    pub fn set_linger(&self, linger: Option<Duration>) -> Result<()> {
        self.set("linger", SocketOption::Linger(linger))
    }
}
