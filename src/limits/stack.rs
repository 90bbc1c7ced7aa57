//! What is said when a stack overflows: values nested in each other without end are copied and dropped by recursion that no
//! limit of the script language counts.
//!
//! One of the few files with `unsafe`: the fault comes as a signal (SIGSEGV), which is distinguished from a bug of ours by its
//! address: it lies at the end of the stack of a thread that runs script code.
#![allow(unsafe_code)]

use std::cell::Cell;

use crate::net::sys;
use crate::terminal::output;

/// How far from the computed end of a stack a fault is taken for its overflow, in bytes: where exactly the stack begins
/// is not known.
const NEAR: usize = 256 * 1024;

thread_local! {
    /// Where the stack of this thread ends; 0: it runs no script code.
    static END: Cell<usize> = const { Cell::new(0) };
}

/// Has the overflow of any watched stack end the process with a message.
pub fn listen() {
    // SAFETY: the action is filled in completely, and the handler does only what a handler may; it runs on the stack that
    // the standard library gives each thread for this.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_fault as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        libc::sigemptyset(&mut action.sa_mask);
        libc::sigaction(libc::SIGSEGV, &action, std::ptr::null_mut());
    }
}

/// Watches the stack of this thread, which was started with `size` bytes of it.
pub fn watch(size: usize) {
    let here = 0u8;
    END.set((&raw const here as usize).saturating_sub(size));
}

extern "C" fn on_fault(signal: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid siginfo, which for this signal has an address.
    let at = unsafe { (*info).si_addr() } as usize;
    let end = END.get();
    if end != 0 && at.abs_diff(end) < NEAR {
        output::try_flush();
        sys::last_words(
            "error: the script was stopped: values are nested too deeply\n  \
             hint: does a loop put an array, a map or a closure into itself again and again?\n",
        );
        sys::exit_now(3);
    }
    // SAFETY: back to the default; the fault comes again and ends the process as any other bug of this kind would.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}
