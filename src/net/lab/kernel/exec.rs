//! Programs that run in hosts of a lab.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

pub use crate::net::lab::program::{Exit, ProgramCommand, ProgramLimit};

use super::helper::{STEP_COPY, STEP_SANDBOX};
use super::refusal::Refusal;
use crate::net::error::{Error, ErrorKind, Result};
use crate::net::host::environment::{environment, process};
use crate::net::lab::program::COPY;
use crate::net::lab::protocol::{HelperReply, Request};
use crate::net::lab::{Lab, LabHost};
use crate::net::sys;

/// A program that runs in a host, or has ended. It goes on when this is dropped, until the lab ends.
#[derive(Debug)]
pub struct ExecProgram {
    lab: Lab,
    number: u32,
    /// Where its status comes from; nothing but the end of it when the helper is gone.
    status: OwnedFd,
    terminal: bool,
    exit: Mutex<Option<(Exit, Option<ProgramLimit>)>>,
}

impl LabHost {
    /// Starts a program, with these as its standard input, output and error. It sees the host's network and names, runs as
    /// the user of this process, with every right over the host's network, and cannot reach the processes outside of the
    /// lab.
    ///
    /// # Errors
    /// `file`: there is no such program, or it cannot be run; `closed`: the lab has ended; `exhausted`: no more processes.
    pub fn start(&self, command: &ProgramCommand, stdio: [BorrowedFd<'_>; 3]) -> Result<ExecProgram> {
        let Some(name) = command.argv.first().filter(|name| !name.is_empty()) else {
            let error = Error::invalid("exec", "no program is named");
            return Err(
                error.with_hint("write the program and its arguments, such as [\"ping\", \"-c\", \"3\", b.addr]")
            );
        };
        let texts = command.argv.iter().chain(command.dir.as_ref());
        let texts = texts.chain(command.env.iter().flat_map(|(name, value)| [Some(name), value.as_ref()]).flatten());
        if texts.into_iter().any(|text| text.contains('\0')) {
            return Err(Error::invalid("exec", "a zero byte cannot be passed to a program").with_peer(name));
        }
        if command.terminal {
            sys::keep_terminal();
        }
        process().lab_notes.call_once(|| {
            if let Some(Refusal { reason, checked, remedy }) = self.lab().missing() {
                environment().note(&format!("note: {reason} ({checked})\n  hint: {remedy}"));
            }
        });
        let (status, theirs) = sys::message_pair().map_err(|err| Error::system("exec", &err))?;
        let [input, output, error] = stdio;
        let request = Request::Start(self.number(), command.clone());
        let asked = self.lab().control().ask_with("exec", &request, &[input, output, error, theirs.as_fd()]);
        match asked.map_err(|error| explain(error, command))? {
            (HelperReply::Started(number), _) => Ok(ExecProgram {
                lab: self.lab().clone(),
                number,
                status,
                terminal: command.terminal,
                exit: Mutex::default(),
            }),
            _ => Err(self.lab().control().why_gone()),
        }
    }
}

impl ExecProgram {
    /// How it ended; `None` while it runs.
    ///
    /// # Errors
    /// `closed`: the lab has ended, and the program with it.
    pub fn try_wait(&self) -> Result<Option<Exit>> {
        Ok(self.end()?.map(|(exit, _)| exit))
    }

    /// The limit that it was ended for, if it was.
    pub fn limit(&self) -> Option<ProgramLimit> {
        self.end().ok().flatten().and_then(|(_, limit)| limit)
    }

    fn end(&self) -> Result<Option<(Exit, Option<ProgramLimit>)>> {
        let mut exit = self.exit.lock().unwrap_or_else(PoisonError::into_inner);
        if exit.is_some() {
            return Ok(*exit);
        }
        let mut bytes = [[0; 4]; 2];
        match sys::receive_message(self.status.as_fd(), bytes.as_flattened_mut()) {
            Ok((8, _)) => {
                let [status, limit] = bytes.map(i32::from_ne_bytes);
                let limit = usize::try_from(limit - 1).ok().and_then(|at| ProgramLimit::ALL.get(at).copied());
                *exit = Some((exit_of(status), limit));
                if self.terminal {
                    sys::restore_terminal();
                }
                Ok(*exit)
            }
            Err(err) if err.kind() == std::io::ErrorKind::WouldBlock => Ok(None),
            _ => Err(self.lab.control().why_gone()),
        }
    }

    /// Whether it has the terminal for itself.
    pub fn has_terminal(&self) -> bool {
        self.terminal
    }

    /// A descriptor that is readable when it has ended.
    pub fn ended(&self) -> BorrowedFd<'_> {
        self.status.as_fd()
    }

    /// Sends it a signal (signal(7)); SIGKILL is for [`Self::kill`]. One that has ended gets none.
    ///
    /// # Errors
    /// `closed`: the lab has ended.
    pub fn signal(&self, signal: i32) -> Result<()> {
        self.send(signal, false)
    }

    /// Kills it and all that it has started, daemons included.
    ///
    /// # Errors
    /// `closed`: the lab has ended.
    pub fn kill(&self) -> Result<()> {
        self.send(libc::SIGKILL, true)
    }

    fn send(&self, signal: i32, all: bool) -> Result<()> {
        self.lab.control().ask("signal", &Request::Signal(self.number, signal, all)).map(|_| ())
    }
}

/// A status in the form of wait(2).
fn exit_of(status: i32) -> Exit {
    if libc::WIFSIGNALED(status) { Exit::Signal(libc::WTERMSIG(status)) } else { Exit::Code(libc::WEXITSTATUS(status)) }
}

/// What the system says about a program that cannot be started, in words.
fn explain(error: Error, command: &ProgramCommand) -> Error {
    if command.sandbox.is_some() && error.message.contains(STEP_SANDBOX) {
        return without_sandbox(error);
    }
    let message = match error.code {
        Some(libc::ENOENT) if command.dir.is_some() => "there is no such program, or no such working directory",
        Some(libc::ENOENT) => "there is no such program",
        // A directory of PATH that this user may not look into hides whether there is one.
        Some(libc::EACCES) if !command.argv[0].contains('/') => "there is no such program that this user may run",
        Some(libc::EACCES) => "it is not a program that this user may run",
        Some(libc::ENOEXEC) => "it is neither a program nor a script that begins with #!",
        _ => return error,
    };
    let error = Error { kind: ErrorKind::File, message: message.to_string(), ..error };
    error
        .with_peer(&command.argv[0])
        .with_hint("install it, or give its path; it is looked for in the directories of PATH")
}

/// The error of a sandbox that the system refuses, or for whose working directory it is too small.
fn without_sandbox(error: Error) -> Error {
    let message = error.message.replace(STEP_SANDBOX, "");
    if message.contains(STEP_COPY) {
        let (what, hint) = match error.code {
            Some(libc::ENOSPC) => (
                "is larger than its limit",
                "set a larger limit: limits: #{ disk: 64_000_000 }, or take files out of it",
            ),
            Some(libc::ELOOP) => ("has directories too deep in each other", "take them out of it"),
            _ => ("cannot be copied", "all of it has to be readable by who runs this"),
        };
        let message = format!("the working directory {what}: {message}");
        return Error { kind: ErrorKind::File, op: COPY, message, ..error }.with_hint(hint);
    }
    let message = format!("no sandbox can be made here: {message}");
    Error { kind: ErrorKind::Permission, message, ..error }
        .with_hint("`pingscript --no-sandbox` runs programs with all rights that you have; run none of strangers so")
}
