//! What takes rights from a process for good: its user, capabilities, limits, its root directory, and the system calls it may make.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::io;

use nix::mount::{MntFlags, umount2};
use nix::sys::prctl;
pub use nix::sys::resource::Resource;
use nix::sys::resource::{UsageWho, getrusage, setrlimit};
use nix::sys::statvfs::statvfs;
use nix::sys::time::TimeValLike;
use nix::unistd::{Gid, Uid, pivot_root, setgroups, setresgid, setresuid};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};

use super::namespace::done;

/// Limits what this process and those that it starts may use: up to `at`, which they may raise up to `most` (setrlimit(2)).
pub fn set_limit(resource: Resource, at: u64, most: u64) -> io::Result<()> {
    Ok(setrlimit(resource, at, most)?)
}

/// The time on processors of the children that have ended, and of theirs, in milliseconds (getrusage(2)).
pub fn cpu_of_children() -> u64 {
    getrusage(UsageWho::RUSAGE_CHILDREN)
        .map_or(0, |usage| (usage.user_time() + usage.system_time()).num_milliseconds() as u64)
}

/// Whether the file system of `path` has no room left (statvfs(3)).
pub fn is_full(path: &str) -> bool {
    statvfs(path).is_ok_and(|about| about.blocks_available() == 0)
}

/// Makes what is mounted at `path`, and with `all` beneath it, read-only, without devices, and without programs that change their
/// user (mount_setattr(2)).
pub fn make_read_only(path: &CStr, all: bool) -> io::Result<()> {
    #[repr(C)]
    struct MountAttributes {
        set: u64,
        clear: u64,
        propagation: u64,
        user_namespace: u64,
    }
    let set = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
    let attributes = MountAttributes { set, clear: 0, propagation: 0, user_namespace: 0 };
    let flags = if all { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path and the attributes live until the call returns, and the size is theirs.
    done(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            flags,
            &raw const attributes,
            size_of::<MountAttributes>(),
        )
    } as i32)
}

/// Makes the working directory, which is a mount, the root directory, and takes what was that away (pivot_root(2)).
pub fn enter_root() -> io::Result<()> {
    pivot_root(".", ".")?;
    // The old one lies above the new one now.
    umount2(".", MntFlags::MNT_DETACH)?;
    std::env::set_current_dir("/")
}

/// Becomes this user, in the group of the same number and in no other (setresuid(2)); with `keep`, what capabilities it may have stay.
pub fn become_user(user: u32, keep: bool) -> io::Result<()> {
    prctl::set_keepcaps(keep)?;
    setgroups(&[])?;
    let (group, user) = (Gid::from_raw(user), Uid::from_raw(user));
    setresgid(group, group, group)?;
    Ok(setresuid(user, user, user)?)
}

/// Takes all capabilities from this process and from what it starts, but with `raw` that of raw sockets (capabilities(7)). `become_user`
/// comes between the two halves: `last` is the second.
pub fn drop_rights(raw: bool, last: bool) -> io::Result<()> {
    const NET_RAW: u32 = 13;
    const VERSION_3: u32 = 0x2008_0522;
    let kept = if raw { 1 << NET_RAW } else { 0 };
    let (header, sets) = ([VERSION_3, 0], [[kept, kept, kept], [0; 3]]);
    let call = |what: i32, one: u32, two: u32| {
        // SAFETY: prctl takes numbers alone here.
        unsafe {
            libc::prctl(
                what,
                libc::c_ulong::from(one),
                libc::c_ulong::from(two),
                0 as libc::c_ulong,
                0 as libc::c_ulong,
            )
        }
    };
    if !last {
        for capability in (0..64).filter(|capability| !(raw && *capability == NET_RAW)) {
            // The kernel knows no more.
            if call(libc::PR_CAPBSET_READ, capability, 0) < 0 {
                break;
            }
            done(call(libc::PR_CAPBSET_DROP, capability, 0))?;
        }
        return Ok(());
    }
    // Where there are no ambient capabilities, there are none to be dropped.
    let _ = call(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as u32, 0);
    // SAFETY: the header and the two sets have the layout of version 3, and live until the call returns.
    done(unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) } as i32)?;
    if raw {
        done(call(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE as u32, NET_RAW))?;
    }
    Ok(prctl::set_no_new_privs()?)
}

/// System calls that reach beyond a sandbox, or that have no limit of their own: these fail as those of a user without the right.
const FORBIDDEN: [i64; 48] = [
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_syslog,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    // Memory that is counted with no process.
    libc::SYS_memfd_create,
    libc::SYS_shmget,
];

/// The kinds of sockets that stay within a host.
const FAMILIES: [i32; 5] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK, libc::AF_PACKET];

/// The bit of the numbers of system calls that a processor of this kind has twice.
const X32: i64 = if cfg!(target_arch = "x86_64") { 0x4000_0000 } else { 0 };

/// Forbids this process and what it starts the system calls that reach beyond a sandbox, for good (seccomp(2)).
pub fn forbid_calls() -> io::Result<()> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = FORBIDDEN.iter().map(|&call| (call, Vec::new())).collect();
    let condition = |argument, op, value: u64| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, op, value).map_err(io::Error::other)
    };
    let others = FAMILIES.iter().map(|&family| condition(0, SeccompCmpOp::Ne, family as u64));
    let others = SeccompRule::new(others.collect::<io::Result<_>>()?).map_err(io::Error::other)?;
    rules.insert(libc::SYS_socket, vec![others.clone()]);
    rules.insert(libc::SYS_socketpair, vec![others]);
    let namespaces = [
        libc::CLONE_NEWNS,
        libc::CLONE_NEWCGROUP,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWNET,
    ];
    let clones = namespaces.iter().map(|&flag| {
        let flag = flag as u64;
        SeccompRule::new(vec![condition(0, SeccompCmpOp::MaskedEq(flag), flag)?]).map_err(io::Error::other)
    });
    rules.insert(libc::SYS_clone, clones.collect::<io::Result<_>>()?);
    apply(rules, libc::EPERM)?;
    // Its flags stand in memory, where no filter sees them: libraries then take clone.
    apply(BTreeMap::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS)
}

/// Has these calls fail with this error number from now on.
fn apply(rules: BTreeMap<i64, Vec<SeccompRule>>, errno: i32) -> io::Result<()> {
    let twice = rules.clone().into_iter().map(|(call, rules)| (call | X32, rules));
    let rules = rules.into_iter().chain(twice).collect();
    let arch = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(errno as u32), arch);
    let program: BpfProgram = filter.and_then(BpfProgram::try_from).map_err(io::Error::other)?;
    apply_filter(&program).map_err(|err| match err {
        seccompiler::Error::Prctl(err) | seccompiler::Error::Seccomp(err) => err,
        other => io::Error::other(other),
    })
}
