//! The calls to libc that the test helpers need; the only file of theirs with `unsafe`.

#![allow(unsafe_code)]

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

pub(crate) use libc::{SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM, SIGWINCH};

/// Send `signal` to the process `pid` (kill(2)). The caller must not have reaped it.
pub(crate) fn send_signal(pid: u32, signal: i32) {
    let pid = libc::pid_t::try_from(pid).expect("a process id");
    // SAFETY: kill takes two numbers.
    let rc = unsafe { libc::kill(pid, signal) };
    assert_eq!(rc, 0, "kill({pid}, {signal}): {}", io::Error::last_os_error());
}

/// Whether this process runs as root (geteuid(2)).
pub(crate) fn is_root() -> bool {
    // SAFETY: geteuid takes nothing and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// A new terminal of 24 lines and 200 columns: the screen's side, and the program's.
///
/// Both are closed on exec from the start, so that programs which other tests start at the same
/// moment do not hold it open.
pub(crate) fn open_terminal() -> io::Result<(File, File)> {
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    let size = libc::winsize { ws_row: 24, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: each call takes flags or a descriptor that was just opened, `size` outlives its
    // call, and each descriptor gets exactly one owner.
    unsafe {
        let screen = owned(libc::posix_openpt(flags))?;
        let fd = screen.as_raw_fd();
        if libc::grantpt(fd) != 0 || libc::unlockpt(fd) != 0 || libc::ioctl(fd, libc::TIOCSWINSZ, &raw const size) != 0
        {
            return Err(io::Error::last_os_error());
        }
        let program = owned(libc::ioctl(fd, libc::TIOCGPTPEER, flags))?;
        Ok((screen.into(), program.into()))
    }
}

/// Whether the terminal of `screen`, its screen's side, echoes what is typed (tcgetattr(3)).
pub(crate) fn echoes(screen: &File) -> bool {
    // SAFETY: a termios of zeros is one, and is valid to be written to.
    unsafe {
        let mut mode: libc::termios = std::mem::zeroed();
        assert_eq!(libc::tcgetattr(screen.as_raw_fd(), &raw mut mode), 0, "{}", io::Error::last_os_error());
        mode.c_lflag & libc::ECHO != 0
    }
}

/// Move this thread, and what it starts from now on, into a network namespace of its own whose loopback is up. Only root can
/// do that.
pub(crate) fn enter_new_network() {
    // SAFETY: the calls take flags, a descriptor that was just opened and a structure that outlives its call; a zeroed
    // ifreq is one.
    unsafe {
        assert_eq!(libc::unshare(libc::CLONE_NEWNET), 0, "unshare: {}", io::Error::last_os_error());
        let socket = owned(libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0)).expect("a socket");
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l'.cast_signed();
        request.ifr_name[1] = b'o'.cast_signed();
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as i16;
        let rc = libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request);
        assert_eq!(rc, 0, "loopback: {}", io::Error::last_os_error());
    }
}

/// Keep this thread, and what it starts from now on, on the processor that it runs on (sched_setaffinity(2)).
pub(crate) fn use_one_processor() {
    // SAFETY: a zeroed set is an empty one; the call gets its size, and it outlives the call.
    unsafe {
        let here = usize::try_from(libc::sched_getcpu()).expect("a processor");
        let mut one: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(here, &mut one);
        let rc = libc::sched_setaffinity(0, std::mem::size_of_val(&one), &raw const one);
        assert_eq!(rc, 0, "sched_setaffinity: {}", io::Error::last_os_error());
    }
}

/// Let `command` end with the thread that starts it, however that ends, so that a test run that
/// is killed leaves no program behind. Signals do what they do by default, also where the test run ignores
/// them: under `nohup`, or in the background of a shell without job control.
pub(crate) fn end_with_parent(command: &mut Command) {
    // SAFETY: between fork and exec only signal and prctl are called.
    unsafe {
        command.pre_exec(|| {
            unignore_signals();
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) == 0 {
                Ok(())
            } else {
                Err(io::Error::last_os_error())
            }
        });
    }
}

/// Where a program runs whose root directory holds hardly more than itself.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BareRoot {
    /// By chroot(2), as it is.
    Chroot,
    /// As containers do it, by pivot_root(2), with these files and directories of this system mounted.
    Mounted(&'static [&'static CStr]),
}

/// Start `command` as the user 65534 with `root` as its root directory, in a mount namespace of its own. Only root can do that.
pub(crate) fn enter_root(command: &mut Command, root: &CStr, how: BareRoot) {
    let root = root.to_owned();
    // SAFETY: between fork and exec only system calls are made.
    unsafe {
        command.pre_exec(move || enter(&root, how));
    }
}

fn enter(root: &CStr, how: BareRoot) -> io::Result<()> {
    let done = |rc: i32| if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) };
    let bind = |from: &CStr, to: &CStr| {
        let flags = libc::MS_BIND | libc::MS_REC;
        // SAFETY: both are texts that end with a zero.
        done(unsafe { libc::mount(from.as_ptr(), to.as_ptr(), std::ptr::null(), flags, std::ptr::null()) })
    };
    // SAFETY: the calls take flags, numbers, and texts that end with a zero.
    unsafe {
        done(libc::unshare(libc::CLONE_NEWNS))?;
        let private = libc::MS_REC | libc::MS_PRIVATE;
        done(libc::mount(std::ptr::null(), c"/".as_ptr(), std::ptr::null(), private, std::ptr::null()))?;
        match how {
            BareRoot::Chroot => done(libc::chroot(root.as_ptr()))?,
            BareRoot::Mounted(paths) => {
                bind(root, root)?;
                done(libc::chdir(root.as_ptr()))?;
                for path in paths {
                    // Without its slash it is below the new root.
                    bind(path, CStr::from_bytes_with_nul_unchecked(&path.to_bytes_with_nul()[1..]))?;
                }
                done(libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()) as i32)?;
                done(libc::umount2(c".".as_ptr(), libc::MNT_DETACH))?;
            }
        }
        done(libc::chdir(c"/".as_ptr()))?;
        done(libc::setgroups(0, std::ptr::null()))?;
        done(libc::setgid(65_534))?;
        done(libc::setuid(65_534))
    }
}

/// A process inherits from its parent which signals it ignores.
fn unignore_signals() {
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
        // SAFETY: no handler is set.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Start `command` as leader of its own session, with its standard input as the session's
/// terminal: the keys typed there become its signals.
pub(crate) fn take_terminal(command: &mut Command) {
    // SAFETY: between fork and exec only signal, setsid and ioctl are called.
    unsafe {
        command.pre_exec(|| {
            unignore_signals();
            if libc::setsid() >= 0 && libc::ioctl(0, libc::TIOCSCTTY, 0) == 0 {
                Ok(())
            } else {
                Err(io::Error::last_os_error())
            }
        });
    }
}

/// Write `text` to standard error at once, unseen by the test harness, which holds back what
/// passing tests print.
pub(crate) fn write_stderr(text: &str) {
    // SAFETY: the pointer and the length are those of a live slice.
    let _ = unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
}

/// Own the descriptor that a call returned; the call's error if it returned none.
///
/// # Safety
/// `fd` is negative, or open and owned by no one else.
unsafe fn owned(fd: i32) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: promised by the caller.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
