//! A host of a lab, where sockets live as on this machine.

use std::any::Any;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};

use super::helper::protocol::Request;
use crate::net::error::{Error, Result};
use crate::net::host::id::HostId;
use crate::net::host::kernel::{KernelSocket, numbers};
use crate::net::host::notify::Notify;
use crate::net::host::socket::{Awaited, HostSocket, Poller, SocketType};
use crate::net::host::stop::{Stage, Stop};
use crate::net::host::{Host, SimulatedHost, ThisMachine, Waited, keeps_time_of};
use crate::net::lab::{Lab, Prefix, v4_first};
use crate::net::sys;
use crate::net::time::Instant;
use crate::net::wire::Family;

/// A host of a lab. Clones are the same host.
#[derive(Clone, Debug)]
pub struct LabHost(Arc<HostParts>);

/// What a host is made of.
#[derive(Debug)]
pub(in crate::net::lab) struct HostParts {
    pub(in crate::net::lab) lab: Lab,
    /// Which of the lab's hosts it is, from 0.
    pub(in crate::net::lab) number: usize,
    pub(in crate::net::lab) id: HostId,
    pub(in crate::net::lab) name: String,
    pub(in crate::net::lab) addrs: Vec<Prefix>,
    /// What it is in a simulated lab.
    pub(in crate::net::lab) machine: Option<SimulatedHost>,
}

impl LabHost {
    pub(in crate::net::lab) fn new(parts: HostParts) -> Self {
        Self(Arc::new(parts))
    }

    /// Its addresses, those of IPv4 first.
    pub fn addrs(&self) -> Vec<IpAddr> {
        v4_first(&self.0.addrs)
    }

    /// Its first address, of IPv4.
    pub fn addr(&self) -> IpAddr {
        self.addrs()[0]
    }

    /// Its addresses and how much of each is its network's.
    pub fn prefixes(&self) -> &[Prefix] {
        &self.0.addrs
    }

    /// The lab it is of.
    pub fn lab(&self) -> &Lab {
        &self.0.lab
    }

    /// Writes a setting of its network stack (sysctl(8)), such as `net.ipv4.ip_default_ttl`.
    ///
    /// # Errors
    /// `invalid`: no name of a setting, or a value that it does not take; `system`: there is no such setting; `closed`: the
    /// lab has ended.
    pub fn set(&self, name: &str, value: &str) -> Result<()> {
        let path = name.replace('.', "/");
        if !path.starts_with("net/") || path.split('/').any(|part| part.is_empty()) {
            let error = Error::invalid("setting", "a host has settings of its network alone").with_peer(name);
            return Err(error.with_hint("their names begin with net, such as net.ipv4.ip_default_ttl"));
        }
        self.ask("setting", &Request::Setting(self.0.number, path, value.to_string()))
    }

    /// Makes any socket of the kernel in it (socket(2)).
    ///
    /// # Errors
    /// What socket(2) reports there, or that the lab has ended.
    pub fn kernel_socket(&self, domain: Domain, kind: Type, protocol: Option<Protocol>) -> io::Result<Socket> {
        let protocol = protocol.map_or(0, i32::from);
        let request = Request::Socket(self.0.number, domain.into(), kind.into(), protocol);
        let asked = self.0.lab.control().ask("socket", &request, &[]);
        let (_, fds) = asked.map_err(|err| match err.code {
            Some(errno) => io::Error::from_raw_os_error(errno),
            None => io::Error::other(err),
        })?;
        fds.into_iter().next().map(Socket::from).ok_or_else(|| io::Error::other(self.0.lab.control().why_gone()))
    }

    pub(in crate::net::lab) fn parts(&self) -> &HostParts {
        &self.0
    }

    /// What it is in a simulated lab.
    pub(in crate::net::lab) fn machine(&self) -> Option<&SimulatedHost> {
        self.0.machine.as_ref()
    }

    /// Whose clock it has, and how it waits.
    fn clock(&self) -> &dyn Host {
        match &self.0.machine {
            Some(machine) => machine,
            None => &ThisMachine,
        }
    }

    pub(in crate::net::lab) fn number(&self) -> usize {
        self.0.number
    }

    pub(in crate::net::lab) fn ask(&self, op: &'static str, request: &Request) -> Result<()> {
        self.0.lab.control().ask(op, request, &[]).map(|_| ())
    }
}

impl Host for LabHost {
    fn id(&self) -> HostId {
        self.0.id
    }

    fn name(&self) -> Option<&str> {
        Some(&self.0.name)
    }

    fn beneath(&self) -> Option<&dyn Any> {
        self.machine().map(|machine| machine as &dyn Any)
    }

    fn lookup(&self, name: &str) -> Vec<IpAddr> {
        self.0.lab.lookup(name)
    }

    fn kernel_counts(&self) -> Vec<(HostId, Vec<(usize, u64)>)> {
        self.0.lab.kernel_counts()
    }

    fn socket(&self, kind: SocketType, family: Family) -> io::Result<Arc<dyn HostSocket>> {
        if let Some(machine) = self.machine() {
            return machine.socket(kind, family);
        }
        let (domain, socket_type, protocol) = numbers(kind, family);
        let socket = self.kernel_socket(domain, socket_type, Some(protocol))?;
        Ok(Arc::new(KernelSocket::new(socket, kind, family)?))
    }

    fn interface(&self, name: &str) -> io::Result<u32> {
        if let Some(machine) = self.machine() {
            return machine.interface(name);
        }
        sys::interface_index(self.kernel_socket(Domain::IPV6, Type::DGRAM, None)?, name)
    }

    keeps_time_of!(clock);
}
