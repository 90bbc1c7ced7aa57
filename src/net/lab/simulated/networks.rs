//! The hosts and interfaces of a simulated lab: it is asked for what the kernel's helper is asked for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::net::error::{Error, ErrorKind, Result};
use crate::net::host::SimulatedHost;
use crate::net::host::id::HostId;
use crate::net::host::simulated::routes::RouteTarget;
use crate::net::host::simulated::stack::{ErrorLimits, SETTINGS, SettingError, Stack, StackCounts};
use crate::net::host::simulated::world::World;
use crate::net::lab::LinkTarget;
use crate::net::lab::protocol::{HelperReply, NewEnd, Request, RouteChange};
use crate::net::observe::loss_report::{UNANSWERED, kernel_cause};

/// The hosts of a simulated lab.
#[derive(Debug)]
pub(in crate::net::lab) struct SimulatedNetworks {
    world: World,
    /// The numbers of its hosts in the run, by their numbers in the lab.
    hosts: Mutex<Vec<usize>>,
    ended: AtomicBool,
}

impl SimulatedNetworks {
    pub(in crate::net::lab) fn new(world: World) -> Self {
        Self { world, hosts: Mutex::default(), ended: AtomicBool::new(false) }
    }

    /// The run that its hosts are of.
    pub(in crate::net::lab) fn world(&self) -> &World {
        &self.world
    }

    /// The host with this number in the lab.
    pub(in crate::net::lab) fn host(&self, number: usize, id: HostId, name: &str) -> Result<SimulatedHost> {
        let own = self.hosts().get(number).copied().ok_or_else(|| self.why_gone())?;
        Ok(SimulatedHost::new(self.world.clone(), own, id, Some(name), Arc::default()))
    }

    /// Does what is asked for.
    ///
    /// # Errors
    /// `closed`: the lab has ended; `invalid`: only a kernel can do that.
    pub(in crate::net::lab) fn ask(&self, op: &'static str, request: &Request) -> Result<HelperReply> {
        if self.ended.load(Ordering::Acquire) {
            return Err(self.why_gone());
        }
        match request {
            Request::Host(new) => {
                let number = self.world.add_host(&new.name, &new.addrs, new.forwards);
                if !new.icmp_limits {
                    self.world.configure(number, |stack, _| stack.limits = ErrorLimits::lifted());
                }
                self.hosts().push(number);
                Ok(HelperReply::Done)
            }
            Request::Connect(ends) => Ok(HelperReply::Interfaces(ends.each_ref().map(|end| self.add_interface(end)))),
            Request::Routes(changes) => {
                changes.iter().for_each(|change| self.change_route(change));
                Ok(HelperReply::Done)
            }
            Request::Setting(host, path, value) => self.set(*host, path, value),
            Request::Counted(host) => Ok(HelperReply::Counts(self.with(*host, counted).unwrap_or_default())),
            Request::Bound(host, is_tcp, port) => {
                Ok(HelperReply::Bound(self.with(*host, |stack| stack.has_port(*is_tcp, *port)) == Some(true)))
            }
            Request::Socket(..) | Request::Start(..) | Request::Signal(..) => Err(only_in_a_kernel(op)),
        }
    }

    pub(in crate::net::lab) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    pub(in crate::net::lab) fn why_gone(&self) -> Error {
        Error::new(ErrorKind::Closed, "lab", "the lab has ended")
    }

    fn add_interface(&self, end: &NewEnd) -> u32 {
        let add = |stack: &mut Stack| {
            let index = stack.add_interface(&end.name, end.mtu, &end.addrs);
            if end.arp {
                stack.resolve_on(index, end.mac);
            }
            index
        };
        self.with(end.host, add).unwrap_or(0)
    }

    fn change_route(&self, change: &RouteChange) {
        let target = change.target.map(|target| match target {
            LinkTarget::Via(index, router) => RouteTarget::Interface(index, router),
            LinkTarget::Unreachable => RouteTarget::Unreachable,
            LinkTarget::Prohibit => RouteTarget::Prohibit,
            LinkTarget::Blackhole => RouteTarget::Blackhole,
        });
        self.with(change.host, |stack| stack.routes_mut().set(change.to, target));
    }

    fn set(&self, host: usize, path: &str, value: &str) -> Result<HelperReply> {
        match self.with(host, |stack| stack.set(path, value)) {
            Some(Ok(())) => Ok(HelperReply::Done),
            Some(Err(SettingError::Value(what))) => {
                let error = Error::invalid("setting", format!("the setting takes {what}, not {value:?}"));
                Err(error.with_peer(path.replace('/', ".")))
            }
            _ => {
                let error = Error::new(ErrorKind::System, "setting", "a simulated host has no such setting");
                Err(error.with_peer(path.replace('/', ".")).with_hint(format!("it has {}", SETTINGS.join(", "))))
            }
        }
    }

    fn with<R>(&self, host: usize, act: impl FnOnce(&mut Stack) -> R) -> Option<R> {
        let number = self.hosts().get(host).copied()?;
        Some(self.world.configure(number, |stack, _| act(stack)))
    }

    fn hosts(&self) -> MutexGuard<'_, Vec<usize>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a host has counted that can be why pings were lost.
fn counted(stack: &mut Stack) -> Vec<(usize, u64)> {
    let [[host, all], [host6, all6]] = stack.limits.held;
    let StackCounts { no_room, overflows, hops_exceeded, no_route, unanswered, .. } = stack.counts;
    let ([no_room, no_room6], [full, full6]) = (no_room, overflows);
    let counts = [
        ("IpInHdrErrors", hops_exceeded[0]),
        ("Ip6InHdrErrors", hops_exceeded[1]),
        ("IpExtInNoRoutes", no_route[0]),
        ("Ip6InNoRoutes", no_route[1]),
        (UNANSWERED[0], unanswered[0]),
        (UNANSWERED[1], unanswered[1]),
        ("IcmpOutRateLimitHost", host),
        ("IcmpOutRateLimitGlobal", all + all6),
        ("Icmp6OutRateLimitHost", host6),
        ("UdpRcvbufErrors", full),
        ("Udp6RcvbufErrors", full6),
        ("NoRoom", no_room),
        ("NoRoom6", no_room6),
    ];
    counts.into_iter().filter_map(|(name, count)| kernel_cause(name).zip(Some(count))).collect()
}

/// The error of what needs a kernel.
fn only_in_a_kernel(op: &'static str) -> Error {
    let error = Error::invalid(op, "programs run in labs of the kernel alone: this lab is simulated");
    error.with_hint(
        "run it without --simulate on a Linux system that allows labs: `pingscript doctor` says whether this one does",
    )
}
