//! Whether a thread of a script serves a connection: one that does goes on with its code when another script takes the place
//! of its own, until the connection has ended.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::net::stop::{Reason, Stop, terminate_later};

/// It serves a connection.
const SERVES: u8 = 1;
/// Another script has taken the place of its own.
const RETIRED: u8 = 2;
/// It is the script's own thread, not one that the script has started.
const MAIN: u8 = 4;

/// What a thread of a script is at, as far as those that would end it have to know. One step tells both sides apart: either
/// the thread sees that it was retired, or who retires it sees that it serves.
#[derive(Debug, Default)]
pub struct Serving(AtomicU8);

impl Serving {
    /// Of a thread that serves a connection from its start, or not.
    pub fn new(serves: bool) -> Self {
        Self(AtomicU8::new(if serves { SERVES } else { 0 }))
    }

    /// Of a script's own thread.
    pub fn of_main() -> Self {
        Self(AtomicU8::new(MAIN))
    }

    /// Whether it is the script's own thread.
    pub fn is_main(&self) -> bool {
        self.0.load(Ordering::Relaxed) & MAIN != 0
    }

    /// It serves a connection from now on.
    pub fn begin(&self) {
        // It is asked for each message.
        if !self.serves() {
            self.0.fetch_or(SERVES, Ordering::SeqCst);
        }
    }

    /// It serves a connection from now on, unless it was retired. Whether it does.
    pub fn begin_unless_retired(&self) -> bool {
        let more = |state| (state & RETIRED == 0).then_some(state | SERVES);
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).is_ok()
    }

    /// It serves no connection any more.
    pub fn end(&self) {
        // It is asked for each datagram.
        if self.serves() {
            self.0.fetch_and(!SERVES, Ordering::SeqCst);
        }
    }

    /// Whether it serves a connection.
    pub fn serves(&self) -> bool {
        self.0.load(Ordering::SeqCst) & SERVES != 0
    }

    /// Whether it was retired, and serves none: it is to end.
    pub fn is_over(&self) -> bool {
        self.0.load(Ordering::SeqCst) & (SERVES | RETIRED) == RETIRED
    }

    /// Another script takes the place of its own: it ends now, or once it serves no connection any more.
    pub fn retire(&self, stop: &Stop) {
        if self.0.fetch_or(RETIRED, Ordering::SeqCst) & SERVES == 0 {
            end(stop);
        }
    }
}

/// Ends what `stop` is of: its waits at once, the rest a moment later.
pub fn end(stop: &Stop) {
    if stop.interrupt(Reason::Ended) {
        terminate_later(stop, Reason::Ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_serves_ends_after_its_connection() {
        let (serving, stop) = (Serving::new(true), Stop::root().expect("eventfd"));
        serving.retire(&stop);
        assert!(!stop.is_stopped() && !serving.is_over());
        serving.end();
        assert!(serving.is_over(), "at its next wait");
        assert!(!serving.begin_unless_retired() && serving.is_over(), "what it takes on now is not its own");
        assert!(Serving::default().begin_unless_retired());
        let idle = Serving::default();
        idle.retire(&stop);
        assert!(stop.is_stopped());
    }
}
