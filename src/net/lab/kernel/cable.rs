//! Cables between hosts of the kernel, which end in packet sockets.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};

use super::{Control, Packets};
use crate::net::error::Result;
use crate::net::host::kernel::{KernelSocket, numbers};
use crate::net::host::socket::{HostSocket, SocketType};
use crate::net::lab::networks::Networks;
use crate::net::lab::protocol::{HelperReply, Missing, Request};
use crate::net::lab::{CableOptions, Lab, LabHost, Options, Port};
use crate::net::sys;
use crate::net::wire::Family;

/// A cable between two hosts.
#[derive(Debug)]
pub struct Cable {
    /// Its ends, in the order of the hosts it was made for.
    pub ports: [Port; 2],
    /// A packet socket (packet(7)) at each end that never blocks, for whole Ethernet frames: what is read was sent by the
    /// host there, and what is written the host receives.
    pub packets: Packets,
}

impl Lab {
    /// Makes a lab of the kernel without hosts.
    ///
    /// # Errors
    /// `permission`: the system allows none; the message has the reason and what shows it, the hint the remedy. `exhausted`:
    /// no more descriptors or processes.
    pub fn create(options: &Options) -> Result<Self> {
        Ok(Self::make(options, Networks::Kernel(Control::start(None)?)))
    }

    /// Joins two hosts by a cable. They have routes to each other at once and, unless the lab makes none, so has every host
    /// that reaches one of them.
    ///
    /// # Errors
    /// `invalid`: both are the same host, or one is of another lab; `closed`: the lab has ended.
    pub fn connect(&self, a: &LabHost, b: &LabHost, options: &CableOptions) -> Result<Cable> {
        let (ports, fds) = self.join(a, b, options, |networks, request| networks.ask_with("link", request, &[]))?;
        let packets = Packets::try_from(fds).map_err(|_| self.control().why_gone())?;
        Ok(Cable { ports, packets })
    }
}

impl Networks {
    /// Asks for something, with descriptors; the reply and those that come with it.
    ///
    /// # Errors
    /// `closed`: the lab has ended; else what was refused.
    pub(in crate::net::lab) fn ask_with(
        &self,
        op: &'static str,
        request: &Request,
        fds: &[BorrowedFd<'_>],
    ) -> Result<(HelperReply, Vec<OwnedFd>)> {
        match self {
            Self::Kernel(control) => control.ask(op, request, fds),
            Self::Simulated(networks) => Ok((networks.ask(op, request)?, Vec::new())),
        }
    }

    /// What programs in hosts go without.
    pub(in crate::net::lab) fn missing(&self) -> &[Missing] {
        match self {
            Self::Kernel(control) => &control.missing,
            Self::Simulated(_) => &[],
        }
    }
}

impl LabHost {
    /// Makes any socket of the kernel in it (socket(2)).
    ///
    /// # Errors
    /// What socket(2) reports there, or that the lab has ended.
    pub fn kernel_socket(&self, domain: Domain, kind: Type, protocol: Option<Protocol>) -> io::Result<Socket> {
        let protocol = protocol.map_or(0, i32::from);
        let request = Request::Socket(self.number(), domain.into(), kind.into(), protocol);
        let asked = self.lab().control().ask_with("socket", &request, &[]);
        let (_, fds) = asked.map_err(|err| match err.code {
            Some(errno) => io::Error::from_raw_os_error(errno),
            None => io::Error::other(err),
        })?;
        fds.into_iter().next().map(Socket::from).ok_or_else(|| io::Error::other(self.lab().control().why_gone()))
    }

    /// One of those that the core uses.
    pub(in crate::net::lab) fn host_socket(&self, kind: SocketType, family: Family) -> io::Result<Arc<dyn HostSocket>> {
        let (domain, socket_type, protocol) = numbers(kind, family);
        let socket = self.kernel_socket(domain, socket_type, Some(protocol))?;
        Ok(Arc::new(KernelSocket::new(socket, kind, family)?))
    }

    /// The number of its interface called `name`.
    pub(in crate::net::lab) fn interface_index(&self, name: &str) -> io::Result<u32> {
        sys::interface_index(self.kernel_socket(Domain::IPV6, Type::DGRAM, None)?, name)
    }
}
