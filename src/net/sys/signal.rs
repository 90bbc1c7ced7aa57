//! A signal that ends a blocking call of one thread (EINTR). To the thread that reads what is typed it gives an interrupt again
//! that has not ended its wait.
#![allow(unsafe_code)]

use std::cell::Cell;

use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{getpid, gettid};

/// SIGURG: by default it is ignored, so that one that comes late or from elsewhere does no harm.
const NUDGE: libc::c_int = libc::SIGURG;

/// The number of this thread, above zero, once it is ready to be nudged; `None` if the system does not allow that.
pub fn nudgeable() -> Option<i32> {
    thread_local! {
        static THREAD: Cell<i32> = const { Cell::new(0) };
    }
    if THREAD.get() == 0 {
        if !super::interrupts::is_listening(listen) || !unblock() {
            return None;
        }
        THREAD.set(gettid().as_raw());
    }
    Some(THREAD.get())
}

/// Ends the blocking call that the thread of this number is in, if it is in one.
pub fn nudge(thread: i32) {
    send_to_thread(thread, NUDGE);
}

/// Sends a signal to a thread of this process (tgkill(2)).
pub(super) fn send_to_thread(thread: i32, signal: libc::c_int) {
    // SAFETY: the call takes no pointers; of a thread that is gone it says so.
    unsafe { libc::syscall(libc::SYS_tgkill, getpid().as_raw(), thread, signal) };
}

/// Whether this process ignores a signal, as `nohup` has it ignore SIGHUP (sigaction(2)).
pub fn is_ignored(signal: libc::c_int) -> bool {
    // SAFETY: sigaction is plain data for which zeroes are valid; the call only fills it in.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &mut action) == 0 && action.sa_sigaction == libc::SIG_IGN
    }
}

/// Installs a handler without SA_RESTART: a call that the signal meets returns. It runs on the thread's own
/// stack: the one for signals (SA_ONSTACK) holds the registers of one signal, not those of another that comes meanwhile.
fn listen() -> bool {
    extern "C" fn called_away(_: libc::c_int) {
        super::interrupts::called_away();
    }
    // SAFETY: sigaction is plain data for which zeroes are valid; the handler does what is allowed anywhere.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = called_away as extern "C" fn(libc::c_int) as usize;
        libc::sigfillset(&mut action.sa_mask);
        libc::sigaction(NUDGE, &action, std::ptr::null_mut()) == 0
    }
}

/// Lets the signal through to this thread, whatever it inherited.
fn unblock() -> bool {
    SigSet::from(Signal::SIGURG).thread_unblock().is_ok()
}
