//! A host of a lab, where sockets live as on this machine.

use std::any::Any;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use super::protocol::{HelperReply, Request};
use super::{Lab, Prefix, v4_first};
use crate::net::error::{Error, Result};
use crate::net::host::ThisMachine;
use crate::net::host::id::HostId;
use crate::net::host::in_place::InPlace;
use crate::net::host::notify::Notify;
use crate::net::host::socket::{Awaited, HostSocket, Poller, SocketType};
use crate::net::host::stop::{Stage, Stop};
use crate::net::host::{Host, SimulatedHost, Waited, keeps_time_of};
use crate::net::time::Instant;
use crate::net::wire::Family;

/// A host of a lab. Clones are the same host.
#[derive(Clone, Debug)]
pub struct LabHost(Arc<HostParts>);

/// What a host is made of.
#[derive(Debug)]
pub(super) struct HostParts {
    pub(super) lab: Lab,
    /// Which of the lab's hosts it is, from 0.
    pub(super) number: usize,
    pub(super) id: HostId,
    pub(super) name: String,
    pub(super) addrs: Vec<Prefix>,
    pub(super) kind: HostKind,
}

/// What a host is beneath.
#[derive(Debug)]
pub(super) enum HostKind {
    /// A network namespace.
    Kernel,
    /// A host of a simulated run.
    Simulated(SimulatedHost),
}

impl LabHost {
    pub(super) fn new(parts: HostParts) -> Self {
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

    /// Whether it carries packets on from one of its links to another.
    pub fn forwards(&self) -> bool {
        self.0.lab.state().topology.nodes[self.0.number].forwards
    }

    /// The lab it is of.
    pub fn lab(&self) -> &Lab {
        &self.0.lab
    }

    /// Whether a socket is bound to this port of UDP, or listens at it by TCP.
    ///
    /// # Errors
    /// `closed`: the lab has ended.
    pub fn has_port(&self, is_tcp: bool, port: u16) -> Result<bool> {
        let reply = self.0.lab.control().ask("wait_port", &Request::Bound(self.0.number, is_tcp, port))?;
        Ok(matches!(reply, HelperReply::Bound(true)))
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

    pub(super) fn parts(&self) -> &HostParts {
        &self.0
    }

    /// What it is in a simulated lab.
    pub(super) fn machine(&self) -> Option<&SimulatedHost> {
        match &self.0.kind {
            HostKind::Kernel => None,
            HostKind::Simulated(machine) => Some(machine),
        }
    }

    /// Whose clock it has, and how it waits.
    fn clock(&self) -> &dyn Host {
        match &self.0.kind {
            HostKind::Kernel => &ThisMachine,
            HostKind::Simulated(machine) => machine,
        }
    }

    pub(super) fn number(&self) -> usize {
        self.0.number
    }

    pub(super) fn ask(&self, op: &'static str, request: &Request) -> Result<()> {
        self.0.lab.control().ask(op, request).map(|_| ())
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
        match &self.0.kind {
            HostKind::Kernel => self.host_socket(kind, family),
            HostKind::Simulated(machine) => machine.socket(kind, family),
        }
    }

    fn interface(&self, name: &str) -> io::Result<u32> {
        match &self.0.kind {
            HostKind::Kernel => self.interface_index(name),
            HostKind::Simulated(machine) => machine.interface(name),
        }
    }

    keeps_time_of!(clock);
}
