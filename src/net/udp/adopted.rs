//! A socket that another script takes over: it is as if it had been made for it, with what waits in it.

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;

use socket2::{Domain, Protocol, Socket, Type};

use super::{Options, UdpSocket, lock, options};
use crate::net::error::{Error, Result};
use crate::net::sys;

impl UdpSocket {
    /// Has these options from now on, and no policy: every answer passes until another is set. False, and it is closed, if it
    /// has a peer: without one it could lose its port (connect(2), AF_UNSPEC); and if either has plain errors.
    ///
    /// # Errors
    /// `closed`; the system refuses an option.
    pub fn adopt(&self, options: Options) -> Result<bool> {
        drop(lock(&self.0.judge).take());
        if self.peer().is_some() || self.0.plain_errors || options.plain_errors {
            self.close();
            return Ok(false);
        }
        let socket = self.socket("bind")?;
        self.set(&socket, options).map_err(|err| Error::system("bind", &err).with_peer(self.0.local))?;
        Ok(true)
    }

    fn set(&self, socket: &Socket, options: Options) -> io::Result<()> {
        socket.set_reuse_address(options.reuse)?;
        socket.set_reuse_port(options.reuse)?;
        // What a new socket has, where nothing else is asked for. The kernel gives twice what it is asked for.
        let new = self.0.host.socket(Domain::for_address(self.0.local), Type::DGRAM, Some(Protocol::UDP))?;
        let half = |size: io::Result<usize>| size.map(|bytes| bytes / 2);
        socket.set_recv_buffer_size(options.receive_buffer.map_or_else(|| half(new.recv_buffer_size()), Ok)?)?;
        socket.set_send_buffer_size(options.send_buffer.map_or_else(|| half(new.send_buffer_size()), Ok)?)?;
        let (fd, v4) = (socket.as_fd(), self.0.local.is_ipv4());
        sys::set_ttl(fd, v4, options.ttl)?;
        sys::set_tos(fd, v4, options.tos)?;
        socket.set_broadcast(options.broadcast)?;
        self.0.broadcast.store(options.broadcast, Ordering::Relaxed);
        let (level, discover) = options::discover(v4);
        let path =
            if options.dont_fragment { libc::IP_PMTUDISC_PROBE } else { sys::option(new.as_fd(), level, discover)? };
        sys::set_option(fd, level, discover, path)?;
        let ttl = options.ttl.unwrap_or(0);
        self.0.own_ttl.store(ttl, Ordering::Relaxed);
        self.0.ttl.store(ttl, Ordering::Relaxed);
        Ok(())
    }
}
