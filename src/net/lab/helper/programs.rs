//! The programs that run in hosts: started, signalled, and told of when they end.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::process::Command as Process;

use super::protocol::{Command, Failure};
use crate::net::sys::{self, Change, Mount, Namespaces};

/// The programs that run.
#[derive(Debug)]
pub(super) struct Programs {
    running: HashMap<i32, Program>,
    /// Whether mounts here are apart from those of others.
    apart: bool,
}

#[derive(Debug)]
struct Program {
    status: File,
    /// Whether a terminal's keys go to it.
    terminal: bool,
}

impl Programs {
    /// None yet, in a process whose mounts are `apart` from those of others, or not.
    pub(super) fn new(apart: bool) -> Self {
        Self { running: HashMap::new(), apart }
    }

    /// Starts a program in the network that this process is in; its number.
    pub(super) fn start(&mut self, host: &str, command: &Command, fds: Vec<OwnedFd>) -> Result<u32, Failure> {
        let failed = |err: io::Error| Failure::of("program", &err);
        let Ok::<[OwnedFd; 4], _>([input, output, error, status]) = fds.try_into() else {
            return Err(failed(io::ErrorKind::InvalidInput.into()));
        };
        let [program, args @ ..] = &command.argv[..] else {
            return Err(failed(io::ErrorKind::InvalidInput.into()));
        };
        let mut process = Process::new(program);
        process.args(args).stdin(input).stdout(output).stderr(error);
        for (name, value) in &command.env {
            match value {
                Some(value) => process.env(name, value),
                None => process.env_remove(name),
            };
        }
        if let Some(dir) = &command.dir {
            process.current_dir(dir);
        }
        let (host, terminal, apart) = (host.to_string(), command.terminal, self.apart);
        sys::before_exec(&mut process, move || {
            if terminal {
                sys::take_terminal()?
            } else {
                sys::leave_terminal()?
            }
            // Where a system forbids these, the program sees this machine's name and interfaces in /sys.
            if sys::unshare(Namespaces::MOUNT.and(Namespaces::NAME)).is_ok() {
                if apart {
                    let _ = sys::mount(Mount::New(c"sysfs"), c"/sys");
                }
                let _ = sys::set_host_name(&host);
            }
            Ok(())
        });
        let child = process.spawn().map_err(failed)?;
        let pid = child.id();
        self.running.insert(pid as i32, Program { status: status.into(), terminal });
        Ok(pid)
    }

    /// Sends a signal to a program that still runs, or to its group. One that has ended needs none.
    pub(super) fn signal(&self, number: u32, signal: i32, group: bool) -> Result<(), Failure> {
        let pid = number as i32;
        if !self.running.contains_key(&pid) {
            return Ok(());
        }
        let sent = sys::send_signal(if group { -pid } else { pid }, signal);
        sent.map_err(|err| Failure::of("signal", &err))
    }

    /// Tells of the programs that have ended, and takes note of what they have left behind that has ended too.
    pub(super) fn reap(&mut self) {
        while let Some((pid, change)) = sys::news_of_children() {
            match change {
                Change::Ended(status) => {
                    if let Some(mut program) = self.running.remove(&pid) {
                        // Whoever waited may have gone.
                        let _ = program.status.write_all(&status.to_ne_bytes());
                    }
                }
                // Nobody could let it go on: the keys go to it.
                Change::Stopped if self.running.get(&pid).is_some_and(|program| program.terminal) => {
                    let _ = sys::send_signal(-pid, libc::SIGCONT);
                }
                Change::Stopped => {}
            }
        }
    }
}
