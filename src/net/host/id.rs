//! The numbers of hosts.

use std::sync::atomic::{AtomicU32, Ordering};

/// Tells hosts apart: 0 is this machine, those of labs count from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub u32);

static NEXT_ID: AtomicU32 = AtomicU32::new(1);

impl HostId {
    /// The number of one host more.
    pub fn next() -> Self {
        Self(NEXT_ID.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether there are hosts besides this machine.
    pub fn are_several() -> bool {
        NEXT_ID.load(Ordering::Relaxed) > 1
    }
}
