//! The engine: builds the script language, runs scripts and the prompt, reports errors.

pub mod check;
#[cfg(feature = "cli")]
pub mod child_flags;
#[cfg(feature = "cli")]
mod children;
#[cfg(feature = "cli")]
pub mod colour;
#[cfg(feature = "cli")]
pub mod commands;
#[cfg(feature = "cli")]
pub mod compare;
pub mod compile;
#[cfg(all(test, feature = "cli"))]
mod compiled_tests;
pub mod complete;
#[cfg(feature = "cli")]
pub mod completion;
mod declared;
pub mod diagnostics;
#[cfg(feature = "cli")]
pub mod doctor;
#[cfg(feature = "cli")]
pub mod grade;
pub mod help;
#[cfg(feature = "cli")]
pub mod ladder;
#[cfg_attr(not(feature = "cli"), path = "no_lateness.rs")]
mod lateness;
mod lexer;
pub mod library;
pub mod lsp;
pub mod modules;
mod place;
pub mod programs;
pub mod prompt;
mod recording;
#[cfg(feature = "cli")]
pub mod report;
pub mod report_file;
mod rewrite;
pub mod run;
#[cfg(feature = "cli")]
pub mod seeds;
pub mod settings;
#[cfg_attr(not(feature = "cli"), path = "no_signals.rs")]
pub mod signals;
mod simulated;
pub mod sources;
#[cfg(feature = "cli")]
pub mod test_runner;
#[cfg(feature = "cli")]
pub mod tour;
#[cfg(feature = "cli")]
pub mod unknown_flag;
#[cfg(feature = "cli")]
pub mod watch;
#[cfg(feature = "web")]
pub mod web;
mod words;
