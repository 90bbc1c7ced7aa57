//! What people look at: networks, ladders, reports, and the live view of a run. Made of values and rows; nothing here asks the
//! network anything.

mod fit;
pub mod ladder;
pub mod live;
pub mod report;
pub mod topology;
