//! Whether one thread alone receives from a socket.
//!
//! One that does may wait in the receiving call itself, and holds no lock meanwhile: nothing can come between the arrival of
//! a packet and the verdict about it. Once several threads were met, they take turns for as long as the socket lives.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::net::host::blocking::{BlockingCall, InCall};

/// Who receives from a socket.
#[derive(Debug, Default)]
pub(super) struct Exclusive {
    /// The call of the thread that receives alone, from before it until the packet's turn with the policy has come.
    call: BlockingCall,
    /// How many threads receive in turns.
    others: AtomicU32,
    /// Whether several threads were met.
    shared: AtomicBool,
}

/// See [`Exclusive::in_turns`].
#[derive(Debug)]
pub(in crate::net) struct InTurns<'a>(&'a Exclusive);

impl Exclusive {
    /// Begins to receive alone; `None`: others receive too.
    pub(super) fn enter(&self) -> Option<InCall<'_>> {
        if self.is_shared() {
            return None;
        }
        let in_call = self.call.take();
        // After the call was taken, as `in_turns` looks at it after it was counted: one of two sees the other.
        if in_call.is_none() || self.others.load(Ordering::SeqCst) > 0 || self.shared.load(Ordering::SeqCst) {
            self.shared.store(true, Ordering::SeqCst);
            return None;
        }
        in_call
    }

    /// Whether several threads were met.
    pub(super) fn is_shared(&self) -> bool {
        self.shared.load(Ordering::Relaxed)
    }

    /// Whether a thread is about to wait in the receiving call, or does.
    #[cfg(test)]
    pub(super) fn is_occupied(&self) -> bool {
        self.call.is_taken()
    }

    /// Has no thread receive alone from now on.
    pub(super) fn share(&self) {
        self.shared.store(true, Ordering::SeqCst);
        self.call.clear();
    }

    /// Calls the thread that waits in the receiving call out of it, to look at what has come another way.
    pub(super) fn call_away(&self) {
        self.call.clear();
    }

    /// Begins to receive beside others, under the policy's lock: a thread that receives alone gives that up first.
    pub(super) fn in_turns(&self) -> InTurns<'_> {
        self.others.fetch_add(1, Ordering::SeqCst);
        if self.call.is_taken() {
            self.shared.store(true, Ordering::SeqCst);
            self.call.clear();
        }
        InTurns(self)
    }
}

impl Drop for InTurns<'_> {
    fn drop(&mut self) {
        self.0.others.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thread_receives_alone_until_another_comes() {
        let alone = Exclusive::default();
        drop(alone.enter().expect("alone"));
        drop(alone.in_turns());
        let in_call = alone.enter().expect("still alone: its own turns are over");
        std::thread::scope(|scope| {
            let other = scope.spawn(|| drop(alone.in_turns()));
            while alone.others.load(Ordering::SeqCst) == 0 {
                std::thread::yield_now();
            }
            assert!(!other.is_finished(), "it waits for the call");
            drop(in_call);
            other.join().expect("ends");
        });
        assert!(alone.enter().is_none(), "from then on they take turns");
    }
}
