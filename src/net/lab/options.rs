//! How labs, their hosts and cables are to be.

use super::Prefix;

/// How a lab is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether hosts resolve addresses over their cables (ARP, ND); else whatever is sent reaches the other end.
    pub arp: bool,
    /// Whether hosts limit how many ICMP errors they send, as the kernel has it by itself. One limit of IPv4 no setting
    /// lifts: to each sender a router reports missing, unreachable and prohibited routes five times at once, then once a
    /// second.
    pub icmp_limits: bool,
    /// Whether hosts get routes to all others; else to those at the other ends of their cables.
    pub routes: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { arp: false, icmp_limits: false, routes: true }
    }
}

/// How a host is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostOptions {
    /// Its addresses; one of each version is given out where none is chosen.
    pub addrs: Vec<Prefix>,
    /// Whether it carries packets on from one of its cables to another.
    pub forwards: bool,
}

/// How a cable is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CableOptions {
    /// The largest IP packet it carries, in bytes.
    pub mtu: u32,
}

impl Default for CableOptions {
    fn default() -> Self {
        Self { mtu: 1500 }
    }
}
