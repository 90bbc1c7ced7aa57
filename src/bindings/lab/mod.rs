//! The lab in scripts; beside it a file for each thing it works with.

pub mod packet;
