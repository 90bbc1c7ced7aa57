//! The host of a run: this machine, or a simulated one that stands for it.
//!
//! A run is on real time or on virtual time, never on both. What comes first decides: [`RunHost::simulate`], or anything that is
//! asked of the host. A script that has done neither can still choose. Where the build has no network but simulated ones, it is simulated
//! from the beginning.

use std::any::Any;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use super::in_place::InPlace;
use super::kernel::ThisMachine;
use super::notify::{Notify, Waited};
use super::simulated::SimulatedHost;
use super::socket::{Awaited, HostSocket, Poller, SocketOption, SocketType};
use super::stop::{Stage, Stop};
use super::traits::{Host, keeps_time_of};
use crate::net::error::{Error, Result};
use crate::net::time::Instant;
use crate::net::wire::Family;

/// The host of a run. Clones are the same.
#[derive(Clone, Debug)]
pub struct RunHost(Arc<ChosenHost>);

#[derive(Debug)]
struct ChosenHost {
    /// `Some(None)`: this machine.
    chosen: OnceLock<Option<SimulatedHost>>,
    /// Why it may only be this machine.
    only_real: Option<&'static str>,
    /// Whether its sockets, where it is this machine, reach this machine alone.
    only_loopback: bool,
}

impl Default for RunHost {
    fn default() -> Self {
        Self::new(None, false)
    }
}

impl RunHost {
    /// One that is never simulated if it is said why, which ends a sentence: `with --lab kernel`; and with `only_loopback`, one whose
    /// sockets, where it is this machine, reach this machine alone.
    pub fn new(only_real: Option<&'static str>, only_loopback: bool) -> Self {
        let chosen =
            if ThisMachine::HAS_NETWORK { OnceLock::new() } else { Some(SimulatedHost::this_machine()).into() };
        Self(Arc::new(ChosenHost { chosen, only_real, only_loopback }))
    }

    /// Has the run be simulated.
    ///
    /// # Errors
    /// `invalid`: it is on real time already, or may be on no other.
    pub fn simulate(&self) -> Result<()> {
        if let Some(why) = self.0.only_real {
            return Err(Error::invalid("simulate", format!("the run stays on real time {why}")));
        }
        match self.0.chosen.get_or_init(|| Some(SimulatedHost::this_machine())) {
            Some(_) => Ok(()),
            None => {
                let message =
                    "the run is on real time already: a socket, a lab, a thread, a wait or a clock came before";
                let error = Error::invalid("simulate", message);
                Err(error.with_hint("call simulate() before all of these, or write: pingscript --simulate SCRIPT"))
            }
        }
    }

    /// Whether it may still become simulated.
    pub fn is_open(&self) -> bool {
        self.may_simulate() && self.0.chosen.get().is_none()
    }

    /// Whether it might have been.
    pub fn may_simulate(&self) -> bool {
        self.0.only_real.is_none()
    }

    /// Has the run be on real time, unless it is simulated.
    pub fn stay_real(&self) {
        self.host();
    }

    /// The simulated host that it is, if it is one.
    pub fn simulated(&self) -> Option<&SimulatedHost> {
        self.0.chosen.get()?.as_ref()
    }

    fn host(&self) -> &dyn Host {
        match self.0.chosen.get_or_init(|| None) {
            Some(simulated) => simulated,
            None => &ThisMachine,
        }
    }
}

impl Host for RunHost {
    fn beneath(&self) -> Option<&dyn Any> {
        self.simulated().map(|host| host as &dyn Any)
    }

    fn lookup(&self, name: &str) -> Vec<IpAddr> {
        self.simulated().map_or_else(Vec::new, |host| host.lookup(name))
    }

    fn socket(&self, kind: SocketType, family: Family) -> io::Result<Arc<dyn HostSocket>> {
        let socket = self.host().socket(kind, family)?;
        if self.is_loopback_only() {
            socket.set(SocketOption::OnlyLoopback)?;
        }
        Ok(socket)
    }

    fn is_loopback_only(&self) -> bool {
        self.0.only_loopback && self.simulated().is_none()
    }

    fn listener_at(&self, local: SocketAddr) -> Option<String> {
        self.host().listener_at(local)
    }

    fn interface(&self, name: &str) -> io::Result<u32> {
        self.host().interface(name)
    }

    keeps_time_of!(host);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_first_decides() {
        let host = RunHost::default();
        assert_eq!((host.name(), host.lookup("localhost"), host.is_open()), (None, Vec::new(), true));
        host.simulate().expect("nothing was used");
        host.simulate().expect("it is");
        host.stay_real();
        assert!(SimulatedHost::of(&host).is_some() && !host.is_open());

        let host = RunHost::default();
        let (before, after) = (host.clone(), host.now());
        assert!(after >= Instant::from_nanos(0) && before.simulate().is_err() && before.beneath().is_none());

        let host = RunHost::new(Some("with --lab kernel"), false);
        assert!(!host.is_open());
        assert!(host.simulate().expect_err("it may not").message.ends_with("on real time with --lab kernel"));
    }
}
