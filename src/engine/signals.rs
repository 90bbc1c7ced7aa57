//! SIGINT, SIGTERM and SIGHUP: what they stop, the line that says so, and the exit codes. SIGQUIT stops nothing: it prints the
//! statistics so far.
//!
//! The first signal interrupts the script, so that its last lines still run; half a second later it is terminated, and a
//! little later, should even that not end it, the process ends. Where the machine is so busy that the process waits for a
//! processor, that time does not count. A second signal ends the process at once; one of the same kind
//! within `SAME` of the first counts as the first: timeout(1) sends its signal to its child and to the child's group.
//!
//! What is to be done at a signal has its threads from the start: there may be none left then.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, Once, OnceLock, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGQUIT, SIGSTOP, SIGTERM, SIGTSTP, SIGXFSZ};

use super::run::exit;
use crate::net::host::stop::{GRACE, Grace, Reason, Stop, ready, terminate_later};
use crate::net::host::threads;
use crate::net::sys;
use crate::terminal::output;

/// How long after its termination a script that does not end is given up.
const LAST: std::time::Duration = std::time::Duration::from_millis(350);

/// How soon after a signal another of the same kind is the same one.
const SAME: std::time::Duration = std::time::Duration::from_millis(25);

const RUNNING: u8 = 0;
const INTERRUPTED: u8 = 1;
const TERMINATED: u8 = 2;
const FINISHED: u8 = 3;
const HUNG_UP: u8 = 4;

/// How many interrupts had come when the last line was read that has not begun to run; [`u64::MAX`]: there is none.
static READ_AT: AtomicU64 = AtomicU64::new(u64::MAX);
static STATE: AtomicU8 = AtomicU8::new(RUNNING);
static ARRIVED: AtomicUsize = AtomicUsize::new(0);
static ANNOUNCED: Once = Once::new();
/// What a signal stops, as its line says it; pings, if nothing was set.
static STOPPED: OnceLock<&str> = OnceLock::new();
static TARGET: Mutex<SignalTarget> = Mutex::new(SignalTarget::None);
static AT_LEAVING: Mutex<Option<AtLeaving>> = Mutex::new(None);

/// The first signal that came for a script, and when.
static FIRST: Mutex<Option<(Reason, Instant)>> = Mutex::new(None);

/// Threads that wait for something to do at a signal.
static STANDBY: Mutex<Vec<Sender<SignalJob>>> = Mutex::new(Vec::new());

/// So many: for the line and the interrupt, for the end of a script that does not end, and for what is done at leaving.
const THREADS: usize = 3;

/// What one of them does.
type SignalJob = Box<dyn FnOnce() + Send>;

/// What is to be done where a signal ends the process at once.
type AtLeaving = SignalJob;

/// What a signal is for.
#[derive(Debug)]
enum SignalTarget {
    /// Nothing yet: the process starts.
    None,
    /// Nothing, perhaps for long: the script is being read from standard input.
    Reading,
    /// A command that runs no script, and has nothing to print at its end.
    Command,
    /// The script that runs.
    ScriptStart(Stop),
    /// What runs at the prompt; the prompt itself goes on.
    Entry(Option<Stop>),
}

/// Listens from now on. A signal that comes before there is something to stop is kept.
///
/// # Errors
/// The system has no descriptor or thread left.
pub fn listen() -> Result<()> {
    stand_by().context("cannot listen for signals")?;
    ctrlc::set_handler(|| arrived(Reason::Interrupt)).context("cannot listen for SIGINT")?;
    // A file that may not grow any more (`ulimit -f`) is then a write that fails, as on a full disk.
    signal_hook::flag::register(SIGXFSZ, Arc::default()).context("cannot listen for SIGXFSZ")?;
    on(SIGTERM, "sigterm", || arrived(Reason::Terminate))?;
    // `nohup` has it ignored, and means that.
    if sys::is_ignored(SIGHUP) { Ok(()) } else { on(SIGHUP, "sighup", || arrived(Reason::HangUp)) }
}

/// Does `what` on a thread of its own, called `name`, whenever `signal` comes.
///
/// # Errors
/// The system has no descriptor or thread left.
pub(super) fn on(signal: i32, name: &str, what: impl Fn() + Send + 'static) -> Result<()> {
    let failed = || format!("cannot listen for {}", name.to_uppercase());
    let (mut ours, theirs) = UnixStream::pair().with_context(failed)?;
    signal_hook::low_level::pipe::register(signal, theirs).with_context(failed)?;
    let wait = move || {
        let mut byte = [0];
        while ours.read_exact(&mut byte).is_ok() {
            what();
        }
    };
    threads::spawn(name, wait).with_context(failed)?;
    Ok(())
}

/// Does `what` at each SIGQUIT (`Ctrl-\`).
///
/// # Errors
/// The system has no descriptor or thread left.
pub(super) fn at_quit(what: impl Fn() + Send + 'static) -> Result<()> {
    on(SIGQUIT, "sigquit", what)
}

/// Has Ctrl-Z stop this process once `hide` has made the terminal as it was; what it gives is held until the process goes on.
///
/// # Errors
/// The system has no descriptor or thread left.
pub(super) fn at_suspend<T>(hide: impl Fn() -> T + Send + 'static) -> Result<()> {
    let suspend = move || {
        let _hidden = hide();
        // The whole process goes on from here, once its shell lets it.
        let _ = signal_hook::low_level::raise(SIGSTOP);
    };
    if sys::can_be_suspended() { on(SIGTSTP, "sigtstp", suspend) } else { Ok(()) }
}

/// Has signals stop `script` from now on.
pub fn stop_script(script: &Stop) {
    *target() = SignalTarget::ScriptStart(script.clone());
    if let Some(reason) = reason() {
        // Before anything that the script prints.
        announce(reason);
        stop(script, reason);
    }
}

/// Has signals stop runs of many scripts, which are called `what`, from now on.
pub fn stop_runs(runs: &Stop, what: &'static str) {
    let _ = STOPPED.set(what);
    stop_script(runs);
}

/// Has signals end the process at once: what runs is a command that has no last lines.
pub fn end_command() {
    *target() = SignalTarget::Command;
    if let Some(reason) = reason() {
        leave(reason);
    }
}

/// Reads a script; a signal meanwhile ends the process at once, since nothing has run that would have last lines.
pub fn while_reading<T>(read: impl FnOnce() -> T) -> T {
    *target() = SignalTarget::Reading;
    // One that came before would wait for the script.
    if let Some(reason) = reason() {
        announce(reason);
        leave(reason);
    }
    let text = read();
    *target() = SignalTarget::None;
    text
}

/// Has `last` done before a signal ends the process without the rest of the program.
pub fn at_leaving(last: impl FnOnce() + Send + 'static) {
    *AT_LEAVING.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(last));
}

/// Has Ctrl-C stop `entry`, what runs at the prompt, and nothing where nothing runs.
pub fn stop_entry(entry: Option<&Stop>) {
    ARRIVED.store(0, Ordering::SeqCst);
    let mut target = target();
    *target = SignalTarget::Entry(entry.cloned());
    let before = READ_AT.swap(u64::MAX, Ordering::SeqCst);
    if let Some(entry) = entry
        && before != u64::MAX
        && before != u64::from(sys::interrupts())
    {
        stop(entry, Reason::Interrupt);
    }
}

/// A line was read when so many interrupts had come: one that comes from here on is for the entry that is to run.
pub fn was_read(interrupts: u32) {
    READ_AT.store(interrupts.into(), Ordering::SeqCst);
}

/// Ends listening: the signal that had come before, if any, after its line was printed. A later one is let pass.
pub fn finish() -> Option<Reason> {
    let _ = STATE.compare_exchange(RUNNING, FINISHED, Ordering::SeqCst, Ordering::SeqCst);
    let reason = reason();
    if let Some(reason) = reason {
        announce(reason);
    }
    reason
}

fn arrived(reason: Reason) {
    match (&*target(), reason) {
        (SignalTarget::Entry(Some(entry)), Reason::Interrupt) if ARRIVED.fetch_add(1, Ordering::SeqCst) == 0 => {
            entry.interrupt(reason);
            terminate_later(entry, reason);
            return;
        }
        (SignalTarget::Entry(None), Reason::Interrupt) => return,
        (SignalTarget::Entry(_) | SignalTarget::Command, _) => leave(reason),
        (SignalTarget::Reading, _) => {
            announce(reason);
            leave(reason);
        }
        (SignalTarget::None | SignalTarget::ScriptStart(_), _) => {}
    }
    if is_the_same(reason) {
        return;
    }
    if ARRIVED.fetch_add(1, Ordering::SeqCst) > 0 {
        leave(reason);
    }
    let state = match reason {
        Reason::Interrupt => INTERRUPTED,
        Reason::HangUp => HUNG_UP,
        _ => TERMINATED,
    };
    if STATE.compare_exchange(RUNNING, state, Ordering::SeqCst, Ordering::SeqCst).is_err() {
        return;
    }
    // On threads of their own: the line may have to wait for a reader, the next signal and the end must not.
    let grace = Grace::begin();
    start(move || {
        grace.wait(GRACE + LAST);
        leave(reason);
    });
    start(move || {
        announce(reason);
        if let SignalTarget::ScriptStart(script) = &*target() {
            stop(script, reason);
        }
    });
}

/// Starts the threads that a signal needs.
fn stand_by() -> std::io::Result<()> {
    for _ in 0..THREADS {
        let (sender, receiver) = channel::<SignalJob>();
        let work = move || receiver.into_iter().for_each(|job| job());
        threads::spawn("signal", work)?;
        standby().push(sender);
    }
    ready()
}

/// Whether a signal of this kind came a moment ago: the first of a script, of which this is another copy.
fn is_the_same(reason: Reason) -> bool {
    let mut first = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    match *first {
        None => {
            *first = Some((reason, now));
            false
        }
        Some(first) => is_copy(first, (reason, now)),
    }
}

/// Whether a signal is a copy of the first.
fn is_copy((first, at): (Reason, Instant), (reason, now): (Reason, Instant)) -> bool {
    first == reason && now.saturating_duration_since(at) < SAME
}

/// Runs `body` on another thread, or here where there is none left.
fn start(body: impl FnOnce() + Send + 'static) {
    match standby().pop() {
        Some(thread) => drop(thread.send(Box::new(body))),
        None => body(),
    }
}

fn standby() -> MutexGuard<'static, Vec<Sender<SignalJob>>> {
    STANDBY.lock().unwrap_or_else(PoisonError::into_inner)
}

fn stop(script: &Stop, reason: Reason) {
    if script.interrupt(reason) {
        terminate_later(script, reason);
    }
}

fn announce(reason: Reason) {
    ANNOUNCED.call_once(|| {
        let signal = match reason {
            Reason::Interrupt => "interrupt",
            Reason::HangUp => "SIGHUP",
            _ => "SIGTERM",
        };
        output::line(&format!("Received {signal} stopping {}", STOPPED.get().unwrap_or(&"pings")));
    });
}

fn leave(reason: Reason) -> ! {
    let last = AT_LEAVING.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(last) = last {
        // On a thread of its own, and not waited for without end: it may need what another thread holds.
        let (done, wait) = std::sync::mpsc::channel();
        let body = move || {
            last();
            let _ = done.send(());
        };
        start(body);
        let _ = wait.recv_timeout(LAST);
    }
    sys::restore_terminal();
    output::try_flush();
    sys::exit_now(exit::of_signal(reason));
}

fn reason() -> Option<Reason> {
    match STATE.load(Ordering::SeqCst) {
        INTERRUPTED => Some(Reason::Interrupt),
        TERMINATED => Some(Reason::Terminate),
        HUNG_UP => Some(Reason::HangUp),
        _ => None,
    }
}

fn target() -> MutexGuard<'static, SignalTarget> {
    TARGET.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_signal_that_comes_twice_in_a_moment_is_one() {
        let at = Instant::now();
        let after = |ms| at + Duration::from_millis(ms);
        for reason in [Reason::Interrupt, Reason::Terminate] {
            let first = (reason, at);
            assert!(is_copy(first, first) && is_copy(first, (reason, after(24))));
            assert!(!is_copy(first, (reason, after(25))), "somebody sent another");
        }
        assert!(!is_copy((Reason::Interrupt, at), (Reason::Terminate, at)), "of another kind");
    }
}
