//! The numbers of hosts.

/// Distinguishes hosts: 0 is this machine, those of labs count from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub u32);
