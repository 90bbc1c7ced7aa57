//! What was sent and what became of it; pure.
//!
//! [`ledger`] accounts for every probe, [`outcome`] says how one ended and [`clock`] how its time was measured; [`stats`] sums
//! up, and [`comparison`] finds what changed between two runs; [`targets`] are the addresses to probe, [`trace`] a path to one and
//! [`sweep`] many of them.

pub mod clock;
pub mod comparison;
pub mod ledger;
pub mod outcome;
pub mod stats;
pub mod sweep;
pub mod targets;
pub mod trace;
