//! What a host may do in place of waking a thread that waits for a socket.

use std::fmt;
use std::sync::Arc;

/// Serves one of what has come to a socket, if there is any, on whichever thread, and does not wait. Whether it could; if not, the thread
/// that waits for the socket wakes.
#[derive(Clone)]
pub struct InPlace(Arc<dyn Fn() -> bool + Send + Sync>);

impl InPlace {
    /// Serves by this.
    pub fn new(serve: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(serve))
    }

    /// Serves one of what has come.
    pub fn serve(&self) -> bool {
        (self.0)()
    }
}

impl fmt::Debug for InPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InPlace")
    }
}
