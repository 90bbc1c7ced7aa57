//! The numbers of hosts.

/// Tells hosts apart: 0 is this machine, those of labs count from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub u32);
