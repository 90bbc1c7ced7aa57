//! What people look at: networks, and the live view of a run. Text made of values; nothing here asks the network anything.

#[cfg(feature = "cli")]
pub mod live;
pub mod topology;
