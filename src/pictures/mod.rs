//! What people look at: networks, ladders, reports, and the live view of a run. Made of values and rows; nothing here asks the
//! network anything.

#[cfg(feature = "cli")]
pub mod ladder;
#[cfg(feature = "cli")]
pub mod live;
#[cfg(feature = "cli")]
pub mod report;
pub mod topology;
