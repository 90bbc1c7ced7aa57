//! A program in a host, as values: how it is run, what it has printed, how it ended.

use std::path::Path;

pub use super::protocol::{OWN_PROGRAM, ProgramCommand, ProgramLimit, ProgramLimits, Sandbox};
use crate::net::error::{Error, ErrorKind};

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// What a program printed to a stream.
#[derive(Clone, Debug, Default)]
pub struct ProgramOutput {
    /// Its first bytes.
    pub bytes: Vec<u8>,
    /// How many more there were.
    pub excess: u64,
}

/// The signal that asks for an end.
pub const TERMINATE: i32 = 15;

/// The operation of an error for which the working directory of a program is the reason: a sandbox has a copy of it.
pub const COPY: &str = "copy";

/// That nothing is known of the end of `program`.
pub fn lost(program: &str) -> Error {
    Error::new(ErrorKind::Closed, "exec", "the lab ended before the program").with_peer(program)
}

/// The user's shell on the terminal, with the name of `host` before its prompt.
pub fn shell(host: &str) -> ProgramPlan {
    let shell = std::env::var("SHELL").ok().filter(|shell| !shell.is_empty()).unwrap_or_else(|| "/bin/sh".to_string());
    // A shell that reads a file at its start sets its prompt there; bash runs PROMPT_COMMAND before each.
    let env = [("PS1", format!("[{host}] $ ")), ("PROMPT_COMMAND", format!("PS1=\"[{host}] ${{PS1#\"[{host}] \"}}\""))];
    let mut env: Vec<(String, Option<String>)> =
        env.into_iter().map(|(name, value)| (name.to_string(), Some(value))).collect();
    // So that pingscript itself is found in there, wherever it was run from.
    if let Some(dir) = std::env::current_exe().ok().as_deref().and_then(Path::parent).and_then(Path::to_str) {
        let path = std::env::var("PATH").unwrap_or_default();
        env.push(("PATH".to_string(), Some(format!("{path}:{dir}"))));
    }
    ProgramPlan {
        command: ProgramCommand { argv: vec![shell], env, terminal: true, ..ProgramCommand::default() },
        input: None,
        shown: false,
    }
}

/// How a program is run.
#[derive(Clone, Debug)]
pub struct ProgramPlan {
    /// What is run, with which environment, and where.
    pub command: ProgramCommand,
    /// What it reads; `None`: nothing.
    pub input: Option<Vec<u8>>,
    /// Whether what it prints is shown.
    pub shown: bool,
}
