//! What a script may use of this process: its memory and its stack.

pub mod memory;
pub mod stack;
