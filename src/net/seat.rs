//! A seat for the thread that is in a blocking system call, from which other threads can call it away.
//!
//! A signal ends the call (EINTR). One that comes before the call has begun is lost on it, so it is sent again and again
//! until the seat is empty; there is no moment at which a thread can be missed.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::sys;

/// A place for one thread at a time.
#[derive(Debug, Default)]
pub struct Seat {
    /// The number of the thread that sits here; 0: nobody does.
    thread: AtomicI32,
    /// Whether somebody clears the seat, or is about to.
    clearing: AtomicBool,
    /// Held while the seat is being cleared.
    cleared: Mutex<()>,
}

/// See [`Seat::take`].
#[derive(Debug)]
pub struct Seated<'a>(&'a Seat);

impl Seat {
    /// Takes the seat until the guard is dropped; `None` if another thread has it. Whatever would have it cleared is to be
    /// looked at after this and before the call.
    pub fn take(&self) -> Option<Seated<'_>> {
        let thread = sys::nudgeable()?;
        let free = self.thread.compare_exchange(0, thread, Ordering::SeqCst, Ordering::Relaxed);
        free.is_ok().then(|| Seated(self))
    }

    /// Whether a thread has the seat.
    pub fn is_taken(&self) -> bool {
        self.thread.load(Ordering::SeqCst) != 0
    }

    /// Calls away the thread in the seat, and returns once it has left.
    pub fn clear(&self) {
        if !self.is_taken() {
            return;
        }
        let _alone = self.cleared.lock().unwrap_or_else(PoisonError::into_inner);
        self.clearing.store(true, Ordering::SeqCst);
        let mut pause = Duration::from_micros(20);
        loop {
            let thread = self.thread.load(Ordering::SeqCst);
            if thread == 0 {
                break;
            }
            sys::nudge(thread);
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(1));
        }
        self.clearing.store(false, Ordering::SeqCst);
    }
}

impl Drop for Seated<'_> {
    fn drop(&mut self) {
        self.0.thread.store(0, Ordering::SeqCst);
        if self.0.clearing.load(Ordering::SeqCst) {
            // No signal meets what this thread does next.
            drop(self.0.cleared.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_thread_is_called_away_whenever_it_sat_down() {
        let (ours, _theirs) = UnixStream::pair().expect("a pair of sockets");
        for _ in 0..500 {
            let (seat, sat) = (Seat::default(), AtomicBool::new(false));
            std::thread::scope(|scope| {
                let wait = || {
                    let seated = seat.take().expect("a free seat");
                    sat.store(true, Ordering::SeqCst);
                    // Nobody ever writes.
                    let ended = (&ours).read(&mut [0]).map_err(|err| err.kind());
                    drop(seated);
                    ended
                };
                let thread = scope.spawn(wait);
                while !sat.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
                assert!(seat.take().is_none(), "it is taken");
                seat.clear();
                assert!(!seat.is_taken());
                assert_eq!(thread.join().expect("ends"), Err(std::io::ErrorKind::Interrupted));
            });
        }
    }
}
