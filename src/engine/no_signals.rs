//! In place of signals, for a program that has its own: none stops a script here.

use anyhow::Result;

use crate::net::host::stop::{Reason, Stop};

/// No signal ends the process.
pub(super) fn at_leaving(_: impl FnOnce() + Send + 'static) {}

/// No signal stops the script.
pub(super) fn stop_script(_: &Stop) {}

/// No signal asks for the statistics.
pub(super) fn at_quit(_: impl Fn() + Send + 'static) -> Result<()> {
    Ok(())
}

/// No signal suspends the process.
pub(super) fn at_suspend<T>(_: impl Fn() -> T + Send + 'static) -> Result<()> {
    Ok(())
}

/// None has come.
pub(super) fn finish() -> Option<Reason> {
    None
}
