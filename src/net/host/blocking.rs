//! The slot of the thread that is in a blocking system call, which other threads can interrupt.
//!
//! A signal ends the call (EINTR). One that comes before the call has begun is lost on it, so it is sent again and again
//! until the slot is empty; there is no moment at which a thread can be missed.

use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::net::sys;

/// A place for one thread at a time.
#[derive(Debug, Default)]
pub struct BlockingCall {
    /// The number of the thread that sits here; 0: no one does.
    thread: AtomicI32,
    /// How many are about to call away the thread that sits here.
    callers: AtomicU32,
    /// Held from reading the thread's id until the signal is sent, so that no signal hits a thread that has left.
    calling: Mutex<()>,
}

/// See [`BlockingCall::take`].
#[derive(Debug)]
pub struct InCall<'a>(&'a BlockingCall);

impl BlockingCall {
    /// Takes the slot until the guard is dropped; `None` if another thread has it. Whatever would have it cleared is to be
    /// looked at after this and before the call.
    pub fn take(&self) -> Option<InCall<'_>> {
        let thread = sys::nudgeable()?;
        let free = self.thread.compare_exchange(0, thread, Ordering::SeqCst, Ordering::Relaxed);
        free.is_ok().then(|| InCall(self))
    }

    /// Whether a thread has the slot.
    pub fn is_taken(&self) -> bool {
        self.thread.load(Ordering::SeqCst) != 0
    }

    /// Interrupts the thread in the slot, once: it need not have begun the call that this ends. Whether there was one.
    pub fn call(&self) -> bool {
        if !self.is_taken() {
            return false;
        }
        self.callers.fetch_add(1, Ordering::SeqCst);
        let alone = self.calling.lock().unwrap_or_else(PoisonError::into_inner);
        let thread = self.thread.load(Ordering::SeqCst);
        if thread != 0 {
            sys::nudge(thread);
        }
        drop(alone);
        self.callers.fetch_sub(1, Ordering::SeqCst);
        thread != 0
    }

    /// Interrupts the thread in the slot, and returns once it has left.
    pub fn clear(&self) {
        let mut pause = Duration::from_micros(20);
        while self.call() {
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(1));
        }
    }
}

impl Drop for InCall<'_> {
    fn drop(&mut self) {
        self.0.thread.store(0, Ordering::SeqCst);
        if self.0.callers.load(Ordering::SeqCst) > 0 {
            // No signal meets what this thread does next: one that is being sent is waited for, and comes with the end of
            // whichever system call is made then.
            drop(self.0.calling.lock().unwrap_or_else(PoisonError::into_inner));
            std::thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{ErrorKind, Read};
    use std::os::unix::net::UnixStream;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn a_thread_is_called_away_whenever_it_sat_down() {
        let (ours, _theirs) = UnixStream::pair().expect("a pair of sockets");
        for _ in 0..500 {
            let (slot, sat) = (BlockingCall::default(), AtomicBool::new(false));
            std::thread::scope(|scope| {
                let wait = || {
                    let seated = slot.take().expect("a free slot");
                    sat.store(true, Ordering::SeqCst);
                    // No one ever writes.
                    let ended = (&ours).read(&mut [0]).map_err(|err| err.kind());
                    drop(seated);
                    ended
                };
                let thread = scope.spawn(wait);
                while !sat.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
                assert!(slot.take().is_none(), "it is taken");
                slot.clear();
                assert!(!slot.is_taken());
                assert_eq!(thread.join().expect("ends"), Err(ErrorKind::Interrupted));
            });
        }
    }

    #[test]
    fn no_call_meets_what_a_thread_does_after_it_has_left() {
        let (ours, _theirs) = UnixStream::pair().expect("a pair of sockets");
        ours.set_read_timeout(Some(Duration::from_micros(100))).expect("a time-out");
        let (slot, over) = (BlockingCall::default(), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    slot.call();
                }
            });
            for _ in 0..1_000 {
                drop(slot.take().expect("a free slot"));
                let ended = (&ours).read(&mut [0]).map_err(|err| err.kind());
                if ended != Err(ErrorKind::WouldBlock) {
                    over.store(true, Ordering::Relaxed);
                }
                assert_eq!(ended, Err(ErrorKind::WouldBlock));
            }
            over.store(true, Ordering::Relaxed);
        });
    }
}
