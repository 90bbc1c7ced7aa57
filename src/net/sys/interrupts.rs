//! Interrupts (SIGINT), counted when they come, whatever handles them: one that comes when its handler no longer listens is
//! not lost so. They, and news of the window's size (SIGWINCH), are led to the thread that reads what is typed.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicUsize, Ordering};

use nix::unistd::gettid;

use super::PollFd;
use super::signal::send_to_thread;

/// What the signal handlers of this process and the thread that reads what is typed know of each other.
struct Interrupts {
    /// How many have come.
    count: AtomicU32,
    /// How many had come when the reading of what is typed began.
    since: AtomicU32,
    /// The handlers that ours stand before: that of the process, and those of the line editor.
    behind: [AtomicUsize; 3],
    /// Whether a thread reads and a handler of its own stands behind ours, which ends its wait.
    reads: AtomicBool,
    /// How often that handler was given an interrupt again since the reading began.
    repeats: AtomicU32,
    /// Raised at each interrupt, and at what else is for the reader, once somebody waits for it.
    wake: OnceLock<OwnedFd>,
    /// The thread that reads what is typed.
    reader: AtomicI32,
    /// Whether there is a handler for the signal that ends blocking calls.
    listens: OnceLock<bool>,
}

static ALL: Interrupts = Interrupts {
    count: AtomicU32::new(0),
    since: AtomicU32::new(0),
    behind: [const { AtomicUsize::new(0) }; 3],
    reads: AtomicBool::new(false),
    repeats: AtomicU32::new(0),
    wake: OnceLock::new(),
    reader: AtomicI32::new(0),
    listens: OnceLock::new(),
};

/// Whether there is a handler for the signal that ends blocking calls; `listen` installs it, the first time.
pub(super) fn is_listening(listen: impl FnOnce() -> bool) -> bool {
    *ALL.listens.get_or_init(listen)
}

/// How often the reader's handler is given an interrupt again at most: it writes into a pipe that has little room, and that only
/// this thread empties.
const MOST_REPEATS: u32 = 64;

/// How many interrupts have come since they are counted.
pub fn interrupts() -> u32 {
    ALL.count.load(Ordering::SeqCst)
}

/// This thread begins to read what is typed; how many interrupts have come until now.
pub fn begin_reading() -> u32 {
    let count = interrupts();
    ALL.since.store(count, Ordering::SeqCst);
    ALL.repeats.store(0, Ordering::SeqCst);
    count
}

/// This thread has read, or has given it up.
pub fn end_reading() {
    ALL.reads.store(false, Ordering::SeqCst);
}

/// Whether an interrupt has come since the reading has begun that is to end it, and can: there is a handler which sees to that.
pub fn is_reading_interrupted() -> bool {
    ALL.reads.load(Ordering::SeqCst) && interrupts() != ALL.since.load(Ordering::SeqCst)
}

/// Keeps in mind from now on that a signal came, for [`wait_for_signal`].
///
/// # Errors
/// The system has no descriptor left (eventfd(2)).
pub fn keep_signals() -> io::Result<()> {
    wake().map(|_| ())
}

fn wake() -> io::Result<&'static OwnedFd> {
    if let Some(fd) = ALL.wake.get() {
        return Ok(fd);
    }
    let new = super::eventfd()?;
    Ok(ALL.wake.get_or_init(|| new))
}

/// Waits until an interrupt or, for the thread that reads, news of the window's size has come.
///
/// # Errors
/// The system has no descriptor left (eventfd(2)).
pub fn wait_for_signal() -> io::Result<()> {
    let fd = wake()?;
    let mut fds = [PollFd::readable(fd.as_fd())];
    while !fds[0].is_ready() {
        super::ppoll(&mut fds, None)?;
    }
    super::eventfd_lower(fd);
    Ok(())
}

/// Counts interrupts from now on, before the handler that there is gets them (sigaction(2)).
pub fn count_interrupts() {
    stand_before(0, libc::SIGINT, arrived);
}

/// The same for handlers that this thread has installed to end its own waits, of SIGINT and SIGWINCH: the signals are led to
/// it. Where there is no such handler nothing changes. To be called again when those handlers were taken away and installed once
/// more.
pub fn lead_signals_here() {
    ALL.reader.store(gettid().as_raw(), Ordering::SeqCst);
    let new =
        [stand_before(1, libc::SIGINT, arrived_while_reading), stand_before(2, libc::SIGWINCH, arrived_while_reading)];
    if new[0] {
        ALL.reads.store(true, Ordering::SeqCst);
    }
    if new.contains(&true) {
        // One that came to the bare handlers, in another thread, has not ended the wait for which they took note of it.
        raise_wake();
    }
}

type Handler = extern "C" fn(libc::c_int);

extern "C" fn arrived(signal: libc::c_int) {
    keeping_errno(|| {
        ALL.count.fetch_add(1, Ordering::SeqCst);
        call(0, signal);
        raise_wake();
    });
}

extern "C" fn arrived_while_reading(signal: libc::c_int) {
    keeping_errno(|| lead(signal));
}

/// Has the thread that a signal has stopped find errno as it left it: it may be about to look at it.
fn keeping_errno(handle: impl FnOnce()) {
    // SAFETY: the place is this thread's own, and lives as long as it does.
    unsafe {
        let place = libc::__errno_location();
        let before = *place;
        handle();
        *place = before;
    }
}

fn lead(signal: libc::c_int) {
    let reader = ALL.reader.load(Ordering::SeqCst);
    if gettid().as_raw() != reader {
        // Its wait is to end.
        return send_to_thread(reader, signal);
    }
    if signal == libc::SIGINT {
        ALL.count.fetch_add(1, Ordering::SeqCst);
    }
    call(if signal == libc::SIGINT { 1 } else { 2 }, signal);
    raise_wake();
}

fn raise_wake() {
    if let Some(wake) = ALL.wake.get() {
        super::eventfd_raise(wake);
    }
}

/// For a handler in the thread that is called away from its wait: if it reads, and an interrupt has come, it is given that
/// again. It may have come before the thread listened, or with another signal, of which alone the thread took note.
pub(super) fn called_away() {
    let is_meant = is_reading_interrupted() && gettid().as_raw() == ALL.reader.load(Ordering::SeqCst);
    if is_meant && ALL.repeats.fetch_add(1, Ordering::SeqCst) < MOST_REPEATS {
        keeping_errno(|| call(1, libc::SIGINT));
    }
}

/// Calls the handler that ours stands before.
fn call(place: usize, signal: libc::c_int) {
    let behind = ALL.behind[place].load(Ordering::SeqCst);
    if behind != libc::SIG_DFL && behind != libc::SIG_IGN {
        // SAFETY: the system had it as a handler that takes the signal alone.
        let behind: Handler = unsafe { std::mem::transmute(behind) };
        behind(signal);
    }
}

/// Installs `ours` before the handler that there is, unless that is one of ours; for a reader, unless there is none. One that
/// takes more than the signal (SA_SIGINFO) is left alone. Whether it was installed.
fn stand_before(place: usize, signal: libc::c_int, ours: Handler) -> bool {
    // SAFETY: sigaction is plain data for which zeroes are valid, and is filled by the call; our handlers do nothing but
    // what is allowed anywhere.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        let found = libc::sigaction(signal, std::ptr::null(), &raw mut action) == 0;
        let is_known =
            [arrived as Handler as usize, arrived_while_reading as Handler as usize].contains(&action.sa_sigaction);
        let is_none = place > 0 && [libc::SIG_DFL, libc::SIG_IGN].contains(&action.sa_sigaction);
        let new = found && !is_known && !is_none && action.sa_flags & libc::SA_SIGINFO == 0;
        if new {
            ALL.behind[place].store(action.sa_sigaction, Ordering::SeqCst);
            action.sa_sigaction = ours as usize;
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_leaves_errno_as_it_was() {
        // SAFETY: the place is this thread's own.
        let set = |number| unsafe { *libc::__errno_location() = number };
        set(libc::ENOENT);
        keeping_errno(|| set(libc::EIO));
        assert_eq!(io::Error::last_os_error().raw_os_error(), Some(libc::ENOENT));
    }
}
