//! In place of measuring how late a run is that judges others: without the command line nothing is judged.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

/// Nothing is watched.
pub(super) fn watch(_: &Arc<AtomicI64>) -> io::Result<()> {
    Ok(())
}
