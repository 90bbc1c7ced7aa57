//! What is done between fork(2) and execve(2) of a program: what it sees, who watches over it, and what it may use.

use std::fs::File;
use std::io::{self, PipeWriter, Write};

use super::sandbox::{KeptFiles, Person, RefusedStep, build, confine, step};
use super::supervisor::{self, Supervision};
use crate::net::lab::protocol::{Part, ProgramCommand, ProgramLimits, Sandbox};
use crate::net::sys::{self, Mount, Namespaces, Resource};

/// What a program is started with.
#[derive(Debug)]
pub(super) struct Preparation {
    host: String,
    /// What programs go without.
    missing: Vec<Part>,
    supervision: Supervision,
    sandbox: Option<(Sandbox, Person)>,
    /// Whether the working directory is to be copied.
    copies: bool,
    /// Where a step that was refused is named.
    refusals: PipeWriter,
}

/// How much a thread takes of what a program may use, at least.
const STACK: u64 = 8 << 20;

/// How many processes a program with a limit of memory and none of processes is taken to have.
const PROCESSES: u64 = 64;

impl Preparation {
    /// That of `command`, whose status goes to `status`, in a host.
    pub(super) fn new(
        host: &str,
        missing: &[Part],
        command: &ProgramCommand,
        status: File,
        refusals: PipeWriter,
    ) -> io::Result<Self> {
        let keep = command.sandbox.as_ref().and_then(|sandbox| sandbox.keep.as_ref());
        let kept = keep.map(|directory| File::open(directory).map(|directory| KeptFiles { directory })).transpose()?;
        let (keeps, terminal, limits) = (command.keeps, command.terminal, command.limits.clone());
        Ok(Self {
            host: host.to_string(),
            missing: missing.to_vec(),
            supervision: Supervision { status, keeps, terminal, limits, has_disk: command.sandbox.is_some(), kept },
            sandbox: command.sandbox.clone().map(|sandbox| (sandbox, Person::new())),
            copies: command.dir.is_some(),
            refusals,
        })
    }

    /// Does it, in the process that becomes the program, and the part of the supervisor in that.
    pub(super) fn run(&self) -> io::Result<()> {
        self.prepare().map_err(|RefusedStep { step, error }| {
            let _ = (&self.refusals).write_all(step.as_bytes());
            error
        })
    }

    fn prepare(&self) -> Result<(), RefusedStep> {
        let limits = &self.supervision.limits;
        step("", self.see_host())?;
        if let Some((sandbox, person)) = &self.sandbox {
            step("shared memory of its own (unshare(2))", sys::unshare(Namespaces::IPC))?;
            build(*person, sandbox, limits.disk, self.copies)?;
        }
        step("", supervisor::watch(&self.supervision))?;
        step("", if self.supervision.terminal { sys::take_terminal() } else { sys::leave_terminal() })?;
        step("limits (setrlimit(2))", set_limits(limits))?;
        self.sandbox.as_ref().map_or(Ok(()), |(sandbox, person)| confine(*person, sandbox, limits.processes))
    }

    /// Has the program see its host: the interfaces, the processes, the name.
    fn see_host(&self) -> io::Result<()> {
        sys::unshare(Namespaces::MOUNT.and(Namespaces::NAME))?;
        let make = |part, make: &dyn Fn() -> io::Result<()>| {
            if self.missing.contains(&part) { Ok(()) } else { make() }
        };
        make(Part::Interfaces, &|| sys::mount(Mount::New(c"sysfs"), c"/sys"))?;
        make(Part::Processes, &|| sys::mount(Mount::New(c"proc"), c"/proc"))?;
        make(Part::HostName, &|| sys::set_host_name(&self.host))
    }
}

/// Has the kernel keep what it can of the limits; the supervisor watches over the rest.
fn set_limits(limits: &ProgramLimits) -> io::Result<()> {
    if let Some(cpu) = limits.cpu {
        let seconds = cpu.div_ceil(1000);
        // Of each process.
        sys::set_limit(Resource::RLIMIT_CPU, seconds, seconds + 1)?;
    }
    if let Some(disk) = limits.disk {
        sys::set_limit(Resource::RLIMIT_FSIZE, disk, disk)?;
    }
    if let Some(memory) = limits.memory {
        // Against what is taken between two looks. Stacks of threads count in full here, however little of them is used.
        let most = memory + limits.processes.unwrap_or(PROCESSES) * STACK;
        sys::set_limit(Resource::RLIMIT_DATA, most, most)?;
    }
    Ok(())
}
