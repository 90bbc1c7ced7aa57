//! Labs on virtual time: the same hosts, links and relay as those of the kernel, without a kernel.
//!
//! `networks` answers what a lab asks of the kernel's helper; `relay` is driven by the events of the simulated run.

mod networks;
mod relay;

pub use self::relay::SimulatedRelay;

pub(super) use self::networks::SimulatedNetworks;
