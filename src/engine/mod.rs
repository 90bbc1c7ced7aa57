//! The engine: builds the script language, runs scripts and the prompt, reports errors.

pub mod check;
pub mod colour;
pub mod commands;
pub mod compile;
#[cfg(test)]
mod compiled_tests;
pub mod completion;
pub mod diagnostics;
pub mod doctor;
pub mod help;
mod lexer;
pub mod library;
pub mod modules;
pub mod programs;
pub mod prompt;
mod rewrite;
mod rows;
pub mod run;
pub mod settings;
pub mod signals;
pub mod sources;
pub mod tour;
pub mod watch;
