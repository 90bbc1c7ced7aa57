//! The programs that run in hosts: started, signalled, and reported when they end. Those of a host have a process namespace of
//! their own, which begins with the first of them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Command as Process;

use super::preparing::Preparation;
use super::sandbox::HOME;
use super::{STEP_SANDBOX, STEP_UNSHARE, supervisor};
use crate::net::lab::protocol::{Failure, Part, ProgramCommand};
use crate::net::sys::{self, ChildChange, Namespaces, Side};

/// Where programs in sandboxes look for others.
const SANDBOX_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

/// The programs that run.
#[derive(Debug)]
pub(super) struct RunningPrograms {
    /// By the numbers of their supervisors.
    running: HashMap<i32, RunningProgram>,
    /// What they go without.
    missing: Vec<Part>,
    /// The process namespace of this process.
    own: File,
    /// Those of the hosts in which programs were started.
    hosts: HashMap<String, Processes>,
}

#[derive(Debug)]
struct RunningProgram {
    /// Where its status goes, should its supervisor not say it.
    status: File,
    /// The host whose process namespace it is in; `None`: its own.
    host: Option<String>,
}

/// The process namespace of a host.
#[derive(Debug)]
struct Processes {
    namespace: File,
    /// Its first process.
    first: i32,
}

impl RunningPrograms {
    /// None yet; they will go without `missing`.
    pub(super) fn new(missing: Vec<Part>) -> Result<Self, Failure> {
        let own = File::open("/proc/self/ns/pid").map_err(|err| Failure::of("process namespace", &err))?;
        Ok(Self { running: HashMap::new(), missing, own, hosts: HashMap::new() })
    }

    /// Starts a program in the network that this process is in; its number.
    pub(super) fn start(&mut self, host: &str, command: &ProgramCommand, fds: Vec<OwnedFd>) -> Result<u32, Failure> {
        let failed = |err: io::Error| Failure::of("program", &err);
        let Ok::<[OwnedFd; 4], _>([input, output, error, status]) = fds.try_into() else {
            return Err(failed(io::ErrorKind::InvalidInput.into()));
        };
        let [program, args @ ..] = &command.argv[..] else {
            return Err(failed(io::ErrorKind::InvalidInput.into()));
        };
        let mut process = Process::new(program);
        process.args(args).stdin(input).stdout(output).stderr(error);
        if command.sandbox.is_some() {
            let own = [("PATH", SANDBOX_PATH), ("HOME", HOME), ("LANG", "C.UTF-8"), ("TMPDIR", "/tmp")];
            process.env_clear().envs(own);
        }
        for (name, value) in &command.env {
            match value {
                Some(value) => process.env(name, value),
                None => process.env_remove(name),
            };
        }
        if let Some(dir) = &command.dir {
            process.current_dir(dir);
        }
        let status = File::from(status);
        let watched = status.try_clone().map_err(failed)?;
        let (mut refusals, writer) = io::pipe().map_err(failed)?;
        let preparation = Preparation::new(host, &self.missing, command, watched, writer).map_err(failed)?;
        // Of one in a sandbox, the supervisor is the first process: the program can do nothing to it, and ends with it.
        let host = command.sandbox.is_none().then(|| host.to_string());
        let entered = host.as_ref().map_or_else(|| sys::unshare(Namespaces::PID), |host| self.enter(host));
        entered.map_err(|err| Failure::of(STEP_UNSHARE, &err))?;
        sys::before_exec(&mut process, move || preparation.run());
        let child = process.spawn();
        let left = self.leave();
        // What it holds of the pipe goes with it.
        drop(process);
        let failed_child = |err: io::Error| {
            let mut step = String::new();
            let _ = refusals.read_to_string(&mut step);
            match err.raw_os_error() {
                _ if !step.is_empty() => Failure { step: format!("{STEP_SANDBOX}{step}"), ..Failure::of("", &err) },
                // No program says so, but the kernel of a limit of namespaces.
                Some(libc::ENOSPC) => Failure::of(STEP_UNSHARE, &err),
                _ => failed(err),
            }
        };
        let pid = child.map_err(failed_child)?.id();
        left.map_err(failed)?;
        self.running.insert(pid as i32, RunningProgram { status, host });
        Ok(pid)
    }

    /// Has the next child of this process be in the process namespace of a host.
    fn enter(&mut self, host: &str) -> io::Result<()> {
        if !self.hosts.contains_key(host) {
            let made = make_namespace();
            self.leave()?;
            self.hosts.insert(host.to_string(), made?);
        }
        sys::enter_namespace(self.hosts[host].namespace.as_fd(), Namespaces::PID)
    }

    /// Has further children be where this process is.
    fn leave(&self) -> io::Result<()> {
        sys::enter_namespace(self.own.as_fd(), Namespaces::PID)
    }

    /// Sends a signal to a program that still runs, or with `all` ends it and what it has started. One that has ended, with all
    /// of that, needs none.
    pub(super) fn signal(&self, number: u32, signal: i32, all: bool) -> Result<(), Failure> {
        let pid = number as i32;
        if !self.running.contains_key(&pid) {
            return Ok(());
        }
        let sent = if all { supervisor::end(pid) } else { supervisor::signal(pid, signal) };
        sent.map_err(|err| Failure::of("signal", &err))
    }

    /// Takes note of the supervisors that have ended. One that was killed watches over nothing any more, and could not say how
    /// its program ended: all programs of its host end with it.
    pub(super) fn reap(&mut self) {
        while let Some((pid, change)) = sys::news_of_children() {
            if let ChildChange::Ended(status) = change
                && let Some(mut program) = self.running.remove(&pid)
                && status != 0
            {
                if let Some(processes) = program.host.and_then(|host| self.hosts.remove(&host)) {
                    let _ = sys::send_signal(processes.first, libc::SIGKILL);
                }
                // The one that waited may have gone.
                let _ = program.status.write_all(&supervisor::status_bytes(status, None));
            }
        }
    }
}

/// Makes a process namespace, with the process in it that takes care of orphans. Children of this process are in there from now
/// on.
fn make_namespace() -> io::Result<Processes> {
    sys::unshare(Namespaces::PID)?;
    let Side::Parent(first) = sys::fork()? else {
        sys::hold_signals();
        let _ = sys::close_all_but(&[]);
        sys::set_process_name(c"pingscript-host");
        // The first process of a namespace ends with the lab.
        loop {
            sys::next_news(None);
            while sys::news_of_children().is_some() {}
        }
    };
    Ok(Processes { namespace: File::open("/proc/self/ns/pid_for_children")?, first })
}
