//! In place of signals, for a program that has other ways: it stops the script that runs with [`stop`].

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Result;

use crate::net::host::stop::{Reason, Stop};

/// The script, or the entry of the prompt, that runs.
static SCRIPT: Mutex<Option<Stop>> = Mutex::new(None);

fn script() -> MutexGuard<'static, Option<Stop>> {
    SCRIPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stops what runs, as Ctrl-C does: its waits and loops end, and its last lines still run. Once more: it is ended.
pub fn stop() {
    let stop = script().clone();
    if let Some(stop) = stop
        && !stop.interrupt(Reason::Interrupt)
    {
        stop.terminate(Reason::Interrupt);
    }
}

/// No signal ends the process.
pub(super) fn at_leaving(_: impl FnOnce() + Send + 'static) {}

/// Keeps what is to be stopped.
pub(super) fn stop_script(stop: &Stop) {
    *script() = Some(stop.clone());
}

/// Keeps what of the prompt is to be stopped: nothing, where it waits for an entry.
pub(super) fn stop_entry(entry: Option<&Stop>) {
    *script() = entry.cloned();
}

/// No signal asks for the statistics.
pub(super) fn at_quit(_: impl Fn() + Send + 'static) -> Result<()> {
    Ok(())
}

/// No signal suspends the process.
pub(super) fn at_suspend<T>(_: impl Fn() -> T + Send + 'static) -> Result<()> {
    Ok(())
}

/// Why the script was stopped, if it was; it runs no longer.
pub(super) fn finish() -> Option<Reason> {
    script().take().and_then(|stop| stop.reason()).filter(|reason| *reason == Reason::Interrupt)
}
