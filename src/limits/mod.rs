//! What a script may use of this process: its memory and its stack.

pub mod memory;
#[cfg_attr(not(feature = "kernel"), path = "no_stack.rs")]
pub mod stack;
