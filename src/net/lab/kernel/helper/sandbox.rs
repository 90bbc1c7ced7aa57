//! A root directory of a program's own, and what it may do there: the system read-only, an empty home and /tmp, a copy of its working
//! directory, no other user's files, no capabilities, and system calls that reach no further.

use std::ffi::{CStr, CString};
use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use super::copying::copy_tree;
use super::{STEP_COPY, map_ids};
use crate::net::lab::protocol::{OWN_PROGRAM, Sandbox};
use crate::net::sys::{self, Mount, Namespaces, Resource};

/// What is seen of this machine, read-only.
const SYSTEM: [&str; 8] = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc"];

/// The devices that are there.
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];

/// Where it is made: a directory that there is everywhere, and in its place for this program alone.
const PLACE: &str = "/tmp";
const PLACE_C: &CStr = c"/tmp";

/// All that it may write is beneath this one.
pub(super) const WRITABLE: &str = "/home";

/// Its home, and its working directory.
pub(super) const HOME: &str = "/home/student";
const WORK: &str = "/home/submission";

/// How large all that it writes may be if nothing is asked for, in bytes.
const DISK: u64 = 64 << 20;

/// How many files it may have open.
const FILES: u64 = 512;

/// A step that the system refused.
#[derive(Debug)]
pub(super) struct RefusedStep {
    pub(super) step: String,
    pub(super) error: io::Error,
}

/// Names the step of what failed.
pub(super) fn step<T>(name: &str, done: io::Result<T>) -> Result<T, RefusedStep> {
    done.map_err(|error| RefusedStep { step: name.to_string(), error })
}

/// Where what a program leaves in its working directory is to go.
#[derive(Debug)]
pub(super) struct KeptFiles {
    pub(super) directory: File,
}

impl KeptFiles {
    /// Copies it there, once the program and all that it has started have ended.
    pub(super) fn keep(&self) -> io::Result<()> {
        let to = format!("/proc/self/fd/{}", self.directory.as_raw_fd());
        copy_tree(Path::new(WORK), Path::new(&to), None)
    }
}

/// Who a program in a sandbox is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Person {
    /// A user with no other process, where this process may choose; `None`: that of this process, in a user namespace.
    user: Option<u32>,
}

impl Person {
    /// One for a new program.
    pub(super) fn new() -> Self {
        // The lower ones belong to people, systems and containers.
        const FIRST: u32 = 0x7000_0000;
        let is_root = sys::user_and_group().0 == 0;
        Self { user: is_root.then(|| FIRST | sys::monotonic_nanos() as u32 & 0x0fff_ffff) }
    }
}

/// Makes the root directory of the program that this process is to become, and enters it. With `copies`, the working directory of
/// this process is copied.
pub(super) fn build(person: Person, sandbox: &Sandbox, disk: Option<u64>, copies: bool) -> Result<(), RefusedStep> {
    let at = |path: &str| format!("{PLACE}/{path}");
    // By its path in this mount namespace, before anything is mounted over it.
    let open_own = || fs::read_link("/proc/self/exe").and_then(File::open);
    let own = step("this program", sandbox.shows_own.then(open_own).transpose())?;
    step("a file system in memory (mount(2))", sys::mount(Mount::Memory(c"size=1m,mode=755"), PLACE_C))?;
    let made = ["proc", "dev", "home"].iter().try_for_each(|name| fs::create_dir(at(name)));
    step("directories", made)?;
    for name in SYSTEM {
        step(&format!("/{name} as it is (mount(2))"), show(name))?;
    }
    if let Some(program) = own {
        step("this program (mount(2))", show_own(&program))?;
    }
    step("devices (mount(2))", show_devices())?;
    step("a /proc of its own (mount(2))", sys::mount(Mount::New(c"proc"), c"/tmp/proc"))?;
    let size = disk.unwrap_or(DISK);
    let options = CString::new(format!("size={size},nr_inodes=65536,mode=755")).unwrap_or_default();
    step("a disk in memory (mount(2))", sys::mount(Mount::Memory(&options), c"/tmp/home"))?;
    step("its directories", make_writable(person))?;
    if copies {
        step(STEP_COPY, copy_tree(Path::new("."), Path::new(&at(&WORK[1..])), person.user))?;
    }
    step("links to them", symlink("/home/tmp", at("tmp")).and_then(|()| symlink("/home/shm", at("dev/shm"))))?;
    let entered = std::env::set_current_dir(PLACE).and_then(|()| sys::enter_root());
    step("a root directory of its own (pivot_root(2))", entered)?;
    step("a root directory that is read-only (mount_setattr(2))", sys::make_read_only(c"/", false))?;
    step("its working directory", std::env::set_current_dir(WORK))
}

/// Shows a directory of the system, read-only, if there is one.
fn show(name: &str) -> io::Result<()> {
    let (source, target) = (format!("/{name}"), format!("{PLACE}/{name}"));
    let Ok(about) = fs::symlink_metadata(&source) else { return Ok(()) };
    if about.is_symlink() {
        return symlink(fs::read_link(&source)?, target);
    }
    fs::create_dir(&target)?;
    let (source, target) = (CString::new(source)?, CString::new(target)?);
    sys::mount(Mount::BindAll(&source), &target)?;
    sys::make_read_only(&target, true)
}

/// Shows this program, read-only.
fn show_own(program: &File) -> io::Result<()> {
    let (source, target) = (format!("/proc/self/fd/{}", program.as_raw_fd()), format!("{PLACE}{OWN_PROGRAM}"));
    File::create(&target)?;
    let (source, target) = (CString::new(source)?, CString::new(target)?);
    sys::mount(Mount::Bind(&source), &target)?;
    sys::make_read_only(&target, false)
}

fn show_devices() -> io::Result<()> {
    for name in DEVICES {
        let (source, target) = (format!("/dev/{name}"), format!("{PLACE}/dev/{name}"));
        File::create(&target)?;
        sys::mount(Mount::Bind(CString::new(source)?.as_c_str()), CString::new(target)?.as_c_str())?;
    }
    // Those that lead to the descriptors of a process.
    for entry in fs::read_dir("/dev")?.flatten() {
        let to = fs::read_link(entry.path()).unwrap_or_default();
        if to.starts_with("/proc/self/fd") {
            symlink(to, Path::new(PLACE).join("dev").join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// Makes what the program may write to.
fn make_writable(Person { user }: Person) -> io::Result<()> {
    for (path, mode) in [(HOME, 0o700), (WORK, 0o700), ("/home/tmp", 0o1777), ("/home/shm", 0o1777)] {
        let path = format!("{PLACE}{path}");
        fs::create_dir(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(mode))?;
        chown(&path, user, user)?;
    }
    Ok(())
}

/// Takes all rights from this process that the program is not to have; there may be so many `processes`.
pub(super) fn confine(person: Person, sandbox: &Sandbox, processes: Option<u64>) -> Result<(), RefusedStep> {
    let raw = sandbox.raw;
    match person.user {
        Some(user) => {
            step("no more capabilities (prctl(2))", sys::drop_rights(raw, false))?;
            step("a user of its own (setresuid(2))", sys::become_user(user, raw))?;
        }
        // With the rights over its host's network, it keeps the user namespace that these are of.
        None if raw => step("no more capabilities (prctl(2))", sys::drop_rights(raw, false))?,
        None => {
            let (user, group) = sys::user_and_group();
            step("a user namespace of its own (unshare(2))", sys::unshare(Namespaces::USER))?;
            sys::own_proc_files();
            step("a user namespace of its own (/proc/self/uid_map)", map_ids(user, group))?;
            step("no more capabilities (prctl(2))", sys::drop_rights(raw, false))?;
        }
    }
    step("no capabilities (capset(2))", sys::drop_rights(raw, true))?;
    // Sooner than others, should memory run out all the same.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
    step("limits (setrlimit(2))", limit(processes.filter(|_| person.user.is_some() || !raw)))?;
    step("a filter of system calls (seccomp(2))", sys::forbid_calls())
}

/// Sets limits that this process has not had before it became another user, of whose processes alone the kernel counts so many.
fn limit(processes: Option<u64>) -> io::Result<()> {
    sys::set_limit(Resource::RLIMIT_CORE, 0, 0)?;
    sys::set_limit(Resource::RLIMIT_NOFILE, FILES, FILES)?;
    // One more than it may have, so that the supervisor sees it.
    processes.map_or(Ok(()), |most| sys::set_limit(Resource::RLIMIT_NPROC, most + 1, most + 1))
}
