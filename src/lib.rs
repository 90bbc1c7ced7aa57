//! The pingscript library: a core that measures, and a script language that decides.
//!
//! Data flows one way down and one way back: `main → engine → bindings → net → kernel`.
//!
//! - [`engine`] builds the script engine, runs files and the prompt, and reports errors.
//! - [`bindings`] is what scripts can call: thin, one file for each subject.
//! - [`net`] is the core: sockets, clocks, deadlines, decoding, policies, statistics. It knows nothing of scripts.
//!
//! A program that runs scripts calls [`engine::run::run`], as the example `run_script` does. The feature `sim` has all that this needs, on
//! simulated hosts, wherever Rust runs; `kernel` has the network of Linux besides, and `cli` the program `pingscript`.
//!
//! `net` never names the script language; `bindings` never opens a socket or reads a clock. A test enforces both.

#[cfg(feature = "sim")]
pub mod bindings;
#[cfg(feature = "kernel")]
pub mod doctor;
#[cfg(feature = "sim")]
pub mod engine;
#[cfg(feature = "sim")]
pub mod limits;
pub mod nearest;
pub mod net;
#[cfg(feature = "sim")]
pub mod pictures;
#[cfg(feature = "sim")]
pub mod terminal;
mod text_rows;
