//! How late this process is: what a busy machine does to a run that judges others by their times.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::net::host::threads;
use crate::net::sys;
use crate::net::time::Duration;

/// How long each wait is.
const WAIT: Duration = Duration::from_millis(5);

/// How much later than it should a wait of this process ended, at most.
#[derive(Clone, Debug, Default)]
pub(super) struct Lateness(Arc<AtomicI64>);

impl Lateness {
    /// Watches from now on, for as long as the process runs.
    ///
    /// # Errors
    /// There is no thread for it.
    pub(super) fn watch() -> io::Result<Self> {
        let this = Self::default();
        let most = this.0.clone();
        threads::start("lateness", false, move || {
            loop {
                let begun = sys::monotonic_nanos();
                let _ = sys::ppoll(&mut [], Some(WAIT));
                most.fetch_max(sys::monotonic_nanos() - begun - WAIT.as_nanos(), Ordering::Relaxed);
            }
        })?;
        Ok(this)
    }

    /// In nanoseconds.
    pub(super) fn most(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}
