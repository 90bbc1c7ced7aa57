//! What threads wait for that is no socket: a change that another thread makes.

use std::task::Waker;

use super::threads::Monitor;
use crate::net::time::Duration;

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// What was waited for is ready.
    Ready,
    /// The deadline has passed.
    TimedOut,
    /// The stop has happened.
    Stopped,
}

/// Something that changes, for [`Host::park`](super::Host::park). It is of no host: each lets its threads wait in its own way.
#[derive(Debug, Default)]
pub struct Notify {
    /// What wakes those that wait on hosts which schedule threads by themselves.
    wakers: Monitor<Vec<Waker>>,
}

impl Notify {
    /// Wakes every waiting thread. The change was made before; no lock is held that `wait` looks under.
    pub fn notify(&self) {
        // The lock is taken so that a thread between its look and its wait does not miss the wake-up.
        let wakers = std::mem::take(&mut *self.wakers.lock());
        self.wakers.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Has `waker` woken by the next change, once.
    pub fn register(&self, waker: Waker) {
        self.wakers.lock().push(waker);
    }

    /// Does not have `waker` woken any more.
    pub fn forget(&self, waker: &Waker) {
        self.wakers.lock().retain(|known| !known.will_wake(waker));
    }

    /// Blocks this thread until `look` says how the wait ended, for `left` at most from each look to the next.
    pub(super) fn wait(&self, mut look: impl FnMut() -> Option<Waited>, left: impl Fn() -> Option<Duration>) -> Waited {
        let mut guard = self.wakers.lock();
        loop {
            if let Some(waited) = look() {
                return waited;
            }
            let left = left();
            if left.is_some_and(|left| left <= Duration::ZERO) {
                return Waited::TimedOut;
            }
            guard = self.wakers.wait(guard, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::task::Wake;

    use crate::net::host::stop::{Reason, Stage, Stop};
    use crate::net::host::{Host, ThisMachine};

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_park_ends_with_the_change_the_time_or_the_stop() {
        let (on, stop) = (Arc::new(Notify::default()), Stop::root().expect("eventfd"));
        let (changed, count) = (AtomicBool::new(false), Arc::new(Wakes::default()));
        let park = |until| {
            let ready = &mut || changed.load(Ordering::SeqCst);
            ThisMachine.park(&on, until, Some((&stop, Stage::Interrupted)), ready)
        };
        assert_eq!(park(Some(ThisMachine.now() + Duration::from_millis(2))), Waited::TimedOut);
        on.register(count.clone().into());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| park(None));
            changed.store(true, Ordering::SeqCst);
            on.notify();
            assert_eq!(waiting.join().expect("ends"), Waited::Ready);
            changed.store(false, Ordering::SeqCst);
            let waiting = scope.spawn(|| park(None));
            stop.interrupt(Reason::Ended);
            assert_eq!(waiting.join().expect("ends"), Waited::Stopped);
        });
        assert_eq!(count.0.load(Ordering::SeqCst), 1, "once");
    }
}
