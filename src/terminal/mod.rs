//! What the user sees and types: standard output and error, the prompt's line, colours, labels, lines of input.
//!
//! [`output`] is a queue in front of both streams; [`label`] puts a host's name before its lines, [`typing`] keeps lines
//! while somebody types, [`progress`] is one line for long quiet runs, [`input`] reads a line, [`colour`] says whether
//! colours are wanted and [`columns`] breaks lines.

pub mod colour;
pub mod columns;
mod environment;
pub mod input;
pub mod label;
pub mod output;
pub mod progress;
pub mod typing;

pub use environment::Terminal;
