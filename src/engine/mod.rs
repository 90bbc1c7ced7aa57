//! The engine: builds the script language, runs scripts and the prompt, reports errors.

#[cfg(feature = "cli")]
pub mod check;
#[cfg(feature = "cli")]
pub mod colour;
#[cfg(feature = "cli")]
pub mod commands;
#[cfg(feature = "cli")]
pub mod compare;
pub mod compile;
#[cfg(all(test, feature = "cli"))]
mod compiled_tests;
#[cfg(feature = "cli")]
pub mod completion;
pub mod diagnostics;
#[cfg(feature = "cli")]
pub mod doctor;
pub mod help;
#[cfg(feature = "cli")]
pub mod ladder;
mod lexer;
pub mod library;
pub mod modules;
pub mod programs;
#[cfg(feature = "cli")]
pub mod prompt;
#[cfg(feature = "cli")]
mod recording;
#[cfg(feature = "cli")]
pub mod report;
mod rewrite;
#[cfg(feature = "cli")]
pub mod run;
#[cfg(feature = "cli")]
pub mod seeds;
pub mod settings;
#[cfg(feature = "cli")]
pub mod signals;
#[cfg(feature = "cli")]
mod simulated;
pub mod sources;
#[cfg(feature = "cli")]
pub mod tour;
#[cfg(feature = "cli")]
pub mod watch;
