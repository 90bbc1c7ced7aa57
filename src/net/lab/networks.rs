//! What makes the hosts and cables of a lab: a helper that asks the kernel, or a simulated run.

use super::kernel::Control;
use super::protocol::{HelperReply, Request};
use super::simulated::SimulatedNetworks;
use crate::net::error::{Error, Result};
use crate::net::host::{Host, ThisMachine};
use crate::net::time::Instant;

/// What makes the hosts and cables of a lab.
#[derive(Debug)]
pub(super) enum Networks {
    /// Network namespaces.
    Kernel(Control),
    /// Hosts on virtual time.
    Simulated(SimulatedNetworks),
}

impl Networks {
    /// Asks for something; the reply.
    ///
    /// # Errors
    /// `closed`: the lab has ended; else what was refused.
    pub(super) fn ask(&self, op: &'static str, request: &Request) -> Result<HelperReply> {
        match self {
            Self::Kernel(control) => Ok(control.ask(op, request, &[])?.0),
            Self::Simulated(networks) => networks.ask(op, request),
        }
    }

    /// The time of its hosts.
    pub(super) fn now(&self) -> Instant {
        match self {
            Self::Kernel(_) => ThisMachine.now(),
            Self::Simulated(networks) => networks.world().now(),
        }
    }

    /// Whether there is IPv6.
    pub(super) fn has_v6(&self) -> bool {
        match self {
            Self::Kernel(control) => control.has_v6(),
            Self::Simulated(_) => true,
        }
    }

    /// Ends all of it.
    pub(super) fn end(&self) {
        match self {
            Self::Kernel(control) => control.end(),
            Self::Simulated(networks) => networks.end(),
        }
    }

    /// Why something has ended without a word.
    pub(super) fn why_gone(&self) -> Error {
        match self {
            Self::Kernel(control) => control.why_gone(),
            Self::Simulated(networks) => networks.why_gone(),
        }
    }
}
