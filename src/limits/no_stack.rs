//! In place of the watch over stacks, where this build knows no signals: the system ends a process whose stack overflows in its own way.

/// Nothing comes that could be listened for.
pub fn listen() {}

/// No stack is watched.
pub fn watch(_: usize) {}
