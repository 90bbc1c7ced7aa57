//! What the user sees and types: standard output and error, the prompt's line, colours, labels, lines of input.
//!
//! [`output`] is a queue in front of both streams; [`host_prefix`] puts a host's name before its lines, [`prompt_output`] keeps lines
//! while somebody types, [`progress`] is one line for long quiet runs, [`live`] a view of the run below its lines, [`input`] reads a line, [`colour`] says whether
//! colours are wanted and [`columns`] breaks lines.

pub mod colour;
pub mod columns;
mod environment;
pub mod host_prefix;
pub mod input;
pub mod live;
pub mod output;
pub mod progress;
pub mod prompt_output;

pub use environment::Terminal;
