//! What people look at: networks, ladders, and the live view of a run. Text made of values; nothing here asks the network anything.

#[cfg(feature = "cli")]
pub mod ladder;
#[cfg(feature = "cli")]
pub mod live;
pub mod topology;
