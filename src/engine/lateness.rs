//! How late this process is: what a busy machine does to a run that judges others by their times.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::net::host::threads;
use crate::net::sys;
use crate::net::time::Duration;

/// How long each wait is.
const WAIT: Duration = Duration::from_millis(5);

/// Watches, for as long as the process runs, how many nanoseconds later than it should a wait of it ended, at most.
///
/// # Errors
/// There is no thread for it.
pub(super) fn watch(most: &Arc<AtomicI64>) -> io::Result<()> {
    let most = most.clone();
    threads::start("lateness", false, move || {
        loop {
            let begun = sys::monotonic_nanos();
            let _ = sys::ppoll(&mut [], Some(WAIT));
            most.fetch_max(sys::monotonic_nanos() - begun - WAIT.as_nanos(), Ordering::Relaxed);
        }
    })
}
