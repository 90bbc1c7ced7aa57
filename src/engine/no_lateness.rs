//! In place of measuring how late a run is that judges others: without the command line nothing is judged.

use std::io;

/// Nothing is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Lateness;

impl Lateness {
    /// Nothing is watched.
    pub(super) fn watch() -> io::Result<Self> {
        Ok(Self)
    }

    /// None.
    pub(super) fn most(&self) -> i64 {
        0
    }
}
