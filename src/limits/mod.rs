//! What a script may use of this process: its memory and its stack; and what it may not do.

pub mod memory;
pub mod restriction;
#[cfg_attr(not(feature = "kernel"), path = "no_stack.rs")]
pub mod stack;
