//! The helper process of a lab: it owns the namespaces, makes what is asked for, and starts programs.
//!
//! It is this binary, started anew, with one thread: only such a process may enter a user namespace. It makes user (without
//! the rights to do without), mount and process namespaces, and a copy of itself in them, the *keeper*, does what is asked
//! for over the socket that stands in place of standard input. When that closes, or either of the two processes dies, the
//! keeper ends, and the kernel ends with it whatever it has started, and takes down the network.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use self::keeper::Keeper;
pub(in crate::net::lab) use self::keeper::LARGEST;
use crate::net::lab::protocol::{Failure, HelperReply};
use crate::net::sys::{self, Namespaces, Side};

mod bound;
mod cables;
mod copying;
mod keeper;
mod names;
mod preparing;
mod processes;
mod programs;
mod sandbox;
mod supervisor;

/// The first argument that makes this binary a helper.
pub const WORD: &str = "--lab-helper";

/// Does what a helper does, if the arguments of this process ask for one; its exit code. To be called before any thread is
/// started.
pub fn run_if_asked() -> Option<i32> {
    let asked = std::env::args_os().nth(1).is_some_and(|arg| arg == WORD);
    asked.then(|| match sys::take_standard_input() {
        Ok(control) => run(control),
        Err(_) => 1,
    })
}

fn run(control: OwnedFd) -> i32 {
    match set_up() {
        Ok(Side::Parent(keeper)) => {
            // The socket is to close with the keeper.
            drop(control);
            sys::wait_for_child(keeper).map_or(1, |_| 0)
        }
        Ok(Side::Child) => {
            let served = Keeper::start().and_then(|mut keeper| {
                send_reply(control.as_fd(), &keeper.ready(), &[]);
                keeper.serve(&control).map_err(|err| Failure::of("serve", &err))
            });
            match served {
                Ok(()) => 0,
                Err(failure) => refuse(&control, failure),
            }
        }
        Err(failure) => refuse(&control, failure),
    }
}

fn refuse(control: &OwnedFd, failure: Failure) -> i32 {
    send_reply(control.as_fd(), &HelperReply::Failed(failure), &[]);
    1
}

/// Moves into the namespaces; the keeper is the child.
fn set_up() -> Result<Side, Failure> {
    sys::set_process_name(c"pingscript-lab");
    sys::own_proc_files();
    // Ctrl-C is for those who ask.
    sys::leave_process_group().map_err(|err| Failure::of("process group", &err))?;
    let rest = Namespaces::MOUNT.and(Namespaces::PID);
    match sys::unshare(rest) {
        Ok(()) => {}
        Err(err) if err.raw_os_error() == Some(libc::EPERM) => {
            let (user, group) = sys::user_and_group();
            sys::unshare(Namespaces::USER.and(rest)).map_err(|err| Failure::of(STEP_UNSHARE, &err))?;
            map_ids(user, group).map_err(|err| Failure::of(STEP_MAP, &err))?;
            sys::pass_on_capabilities().map_err(|err| Failure::of(STEP_MAP, &err))?;
        }
        Err(err) => return Err(Failure::of(STEP_UNSHARE, &err)),
    }
    let side = sys::fork().map_err(|err| Failure::of(STEP_FORK, &err))?;
    if matches!(side, Side::Child) {
        sys::die_with_parent();
    }
    Ok(side)
}

/// In the new user namespace, user and group are who they were: programs that give up the rights of root have none to
/// give up, and files belong to whom they should. Capabilities are passed on to programs all the same.
fn map_ids(user: u32, group: u32) -> io::Result<()> {
    // The kernel allows no group to be set before that.
    match std::fs::write("/proc/self/setgroups", "deny") {
        Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
        _ => {}
    }
    std::fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    std::fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
}

/// Replies to a request. The requester may have gone; that shows when the next request is read.
fn send_reply(control: BorrowedFd<'_>, reply: &HelperReply, fds: &[BorrowedFd<'_>]) {
    let text = serde_json::to_vec(reply).unwrap_or_default();
    let _ = sys::send_message(control, &text, fds);
}

/// Writes a setting of the host that this process is in, by its path beneath /proc/sys.
fn write_setting(path: &str, value: &str) -> Result<(), Failure> {
    let file = Path::new("/proc/sys").join(path);
    std::fs::write(file, value).map_err(|err| Failure::of(format!("{STEP_SETTING} {path} = {value}"), &err))
}

/// The steps of the set-up, by which [`super::refusal`] explains why it failed.
pub const STEP_UNSHARE: &str = "new namespaces";
/// See [`STEP_UNSHARE`].
pub const STEP_MAP: &str = "user of the namespace";
/// See [`STEP_UNSHARE`].
pub const STEP_FORK: &str = "first process";
/// See [`STEP_UNSHARE`].
pub const STEP_NETWORK: &str = "new network";
/// See [`STEP_UNSHARE`].
pub const STEP_SETTING: &str = "setting";
/// How the steps of a sandbox begin.
pub const STEP_SANDBOX: &str = "sandbox: ";
/// The step of a sandbox that depends on what is in the working directory, and not on the system.
pub const STEP_COPY: &str = "a copy of the working directory";
