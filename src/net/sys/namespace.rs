//! Namespaces, mounts, capabilities and processes of the lab's helper, which has one thread.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags};
use nix::sched::CloneFlags;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{ForkResult, Pid};

/// The namespaces that [`unshare`] makes and [`enter_namespace`] enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Namespaces(CloneFlags);

impl Namespaces {
    /// User ids and capabilities.
    pub const USER: Self = Self(CloneFlags::CLONE_NEWUSER);
    /// Interfaces, addresses, routes and sockets.
    pub const NET: Self = Self(CloneFlags::CLONE_NEWNET);
    /// Mounts.
    pub const MOUNT: Self = Self(CloneFlags::CLONE_NEWNS);
    /// Process ids, of the children to come.
    pub const PID: Self = Self(CloneFlags::CLONE_NEWPID);
    /// The host's name.
    pub const NAME: Self = Self(CloneFlags::CLONE_NEWUTS);
    /// Message queues and memory that System V shares by number.
    pub const IPC: Self = Self(CloneFlags::CLONE_NEWIPC);

    /// These and those.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0.union(other.0))
    }
}

/// Moves this process into new namespaces (unshare(2)).
pub fn unshare(which: Namespaces) -> io::Result<()> {
    Ok(nix::sched::unshare(which.0)?)
}

/// Moves this process into the namespace that `fd` stands for, which is one of `which` (setns(2)).
pub fn enter_namespace(fd: impl AsFd, which: Namespaces) -> io::Result<()> {
    Ok(nix::sched::setns(fd, which.0)?)
}

/// What a mount is to be.
#[derive(Clone, Copy, Debug)]
pub enum Mount<'a> {
    /// A new file system of this type.
    New(&'a CStr),
    /// A new tmpfs with these options (tmpfs(5)), from which programs can be run.
    Memory(&'a CStr),
    /// What is seen at this path.
    Bind(&'a CStr),
    /// What is seen at this path and beneath it.
    BindAll(&'a CStr),
    /// What there is, with all beneath it, so that nothing mounted here is seen elsewhere.
    Private,
}

/// Mounts at `target` (mount(2)).
pub fn mount(what: Mount<'_>, target: &CStr) -> io::Result<()> {
    let safe = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let (source, kind, flags, data) = match what {
        Mount::New(kind) => (kind, Some(kind), safe, None),
        Mount::Memory(options) => (c"tmpfs", Some(c"tmpfs"), safe - MsFlags::MS_NOEXEC, Some(options)),
        Mount::Bind(source) => (source, None, MsFlags::MS_BIND, None),
        Mount::BindAll(source) => (source, None, MsFlags::MS_BIND | MsFlags::MS_REC, None),
        Mount::Private => (c"none", None, MsFlags::MS_REC | MsFlags::MS_SLAVE, None),
    };
    Ok(nix::mount::mount(Some(source), target, kind, flags, data)?)
}

/// Takes away what is mounted at `target`, at once for new users and for good with its last use (umount2(2)).
pub fn unmount(target: &CStr) -> io::Result<()> {
    Ok(nix::mount::umount2(target, MntFlags::MNT_DETACH)?)
}

/// The name of this process's host (sethostname(2)).
pub fn set_host_name(name: &str) -> io::Result<()> {
    Ok(nix::unistd::sethostname(name)?)
}

/// Who this process is to the system: user and group (geteuid(2), getegid(2)).
pub fn user_and_group() -> (u32, u32) {
    (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw())
}

/// Hands the capabilities that this process has to the programs it starts, whatever their user is (capset(2),
/// PR_CAP_AMBIENT).
pub fn pass_on_capabilities() -> io::Result<()> {
    const VERSION_3: u32 = 0x2008_0522;
    let header = [VERSION_3, 0];
    // Effective, permitted and inheritable: the lower 32 capabilities of each, then the upper ones.
    let mut sets = [[0u32; 3]; 2];
    // SAFETY: the header and the two sets have the layout of version 3, and live until the calls return.
    unsafe {
        done(libc::syscall(libc::SYS_capget, header.as_ptr(), sets.as_mut_ptr()) as i32)?;
        sets.iter_mut().for_each(|set| set[2] = set[1]);
        done(libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) as i32)?;
        for capability in 0..64u32 {
            if sets[capability as usize / 32][1] & (1 << (capability % 32)) != 0 {
                let (raise, capability) = (libc::PR_CAP_AMBIENT_RAISE as libc::c_ulong, capability as libc::c_ulong);
                done(libc::prctl(libc::PR_CAP_AMBIENT, raise, capability, 0 as libc::c_ulong, 0 as libc::c_ulong))?;
            }
        }
    }
    Ok(())
}

/// Lets the files of this process in /proc be its user's, also if its binary cannot be read (PR_SET_DUMPABLE).
pub fn own_proc_files() {
    let _ = prctl::set_dumpable(true);
}

/// Names this process as people see it in a list of them, by 15 bytes at most (PR_SET_NAME).
pub fn set_process_name(name: &CStr) {
    let _ = prctl::set_name(name);
}

/// Has the kernel kill this process when its parent's thread ends (PR_SET_PDEATHSIG). To be called after all changes of
/// namespaces and capabilities, which undo it.
pub fn die_with_parent() {
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
}

/// Leaves the group of processes that a terminal's keys reach (setpgid(2)).
pub fn leave_process_group() -> io::Result<()> {
    Ok(nix::unistd::setpgid(Pid::from_raw(0), Pid::from_raw(0))?)
}

/// A side of [`fork`].
#[derive(Clone, Copy, Debug)]
pub enum Side {
    /// The one that goes on; the id of the other.
    Parent(i32),
    /// The new one.
    Child,
}

/// Makes a copy of this process (fork(2)).
///
/// # Panics
/// If this process has more than one thread: the copy would find locks held by threads it has not.
pub fn fork() -> io::Result<Side> {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    assert_eq!(threads, 1, "only a process with one thread can be copied");
    // SAFETY: there is one thread, so the copy is whole.
    Ok(match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Side::Parent(child.as_raw()),
        ForkResult::Child => Side::Child,
    })
}

/// What has become of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildChange {
    /// It has ended, with this status in the form of wait(2).
    Ended(i32),
    /// A signal has stopped it.
    Stopped,
}

/// A child of which there is news, and the news; `None` if there is none at this moment (waitpid(2)).
pub fn news_of_children() -> Option<(i32, ChildChange)> {
    let (pid, status) = wait_for(-1, libc::WNOHANG | libc::WUNTRACED).ok()?;
    let change = if libc::WIFSTOPPED(status) { ChildChange::Stopped } else { ChildChange::Ended(status) };
    (pid > 0).then_some((pid, change))
}

/// Whether this process has no child left (waitid(2)).
pub fn has_no_child() -> bool {
    waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT) == Err(Errno::ECHILD)
}

/// Waits until a child has ended; its status in the form of wait(2) (waitpid(2)).
pub fn wait_for_child(pid: i32) -> io::Result<i32> {
    loop {
        match wait_for(pid, 0) {
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            done => return done.map(|(_, status)| status),
        }
    }
}

/// Of a child that a real-time signal has ended, nix would report an error in place of its status.
fn wait_for(pid: i32, options: libc::c_int) -> io::Result<(i32, i32)> {
    let mut status = 0;
    // SAFETY: the status is a valid place to write to.
    let pid = unsafe { libc::waitpid(pid, &mut status, options) };
    done(pid).map(|()| (pid, status))
}

/// Sends `signal`, which may be a real-time one, to a process, or with a negative id to a group of them (kill(2)).
pub fn send_signal(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: kill takes no pointers.
    done(unsafe { libc::kill(pid, signal) })
}

/// What a call returned as a result.
pub(super) fn done(rc: i32) -> io::Result<()> {
    if rc >= 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
