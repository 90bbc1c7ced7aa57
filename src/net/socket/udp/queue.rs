//! The ICMP errors about what a socket has sent.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use super::{UdpSocket, lock};
use crate::net::host::socket::HostSocket;
use crate::net::socket::error_queue::{Queued, TakeQueued, take_entries};

/// Octets of a quote before the payload: an IPv4 header without options and a UDP header.
pub(super) const HEADERS: usize = 28;

/// What a socket knows of the ICMP errors about what it has sent.
#[derive(Debug, Default)]
pub(super) struct Errors {
    /// Whether an error is the failure of a call: see [`Options::plain_errors`](super::Options::plain_errors).
    pub(super) are_plain: bool,
    /// Those that a plain send found in its way, for the next ping or receive.
    pub(super) unread: Mutex<VecDeque<Queued>>,
    /// Whether a call has met one that was not yet taken from the error queue: no other call reports it.
    pub(super) passed_over: AtomicBool,
    /// How often the error queue was begun to be read, and how often that was done.
    pub(super) looks: [AtomicU64; 2],
    /// Those that were not asked for, and replies that could not be sent.
    pub(super) unheeded: AtomicU64,
}

impl Errors {
    /// Notes that an error took the place of a call. Whether the call may be tried again.
    pub(super) fn pass_over(&self) -> bool {
        self.passed_over.store(!self.are_plain, Ordering::Relaxed);
        !self.are_plain
    }

    /// Whether some have come that a call which waits will not report: others have met them.
    pub(super) fn may_be_unread(&self) -> bool {
        self.passed_over.load(Ordering::Relaxed) || !lock(&self.unread).is_empty()
    }

    /// How often the error queue was begun to be read, and how often that was done.
    pub(super) fn looked(&self) -> [u64; 2] {
        self.looks.each_ref().map(|looks| looks.load(Ordering::SeqCst))
    }

    /// Whether another thread may have read the error queue since `looks`, besides one look of this one: what it took, a call
    /// may have met as well.
    pub(super) fn are_read_by_others(&self, [begun, done]: [u64; 2]) -> bool {
        begun != done || self.looked() != [begun + 1; 2]
    }

    /// Counts some that were not asked for.
    pub(super) fn unheeded(&self, count: usize) {
        self.unheeded.fetch_add(count as u64, Ordering::Relaxed);
    }
}

impl UdpSocket {
    /// Takes at most so many entries from the error queue; how many of them were ICMP errors.
    pub(in crate::net) fn drain(&self, socket: &dyn HostSocket, most: usize, mut queued: TakeQueued<'_>) -> usize {
        if most > 1 {
            self.0.errors.passed_over.store(false, Ordering::Relaxed);
            let take = |mut unread: MutexGuard<'_, VecDeque<Queued>>| {
                if unread.is_empty() { None } else { Some(std::mem::take(&mut *unread)) }
            };
            // Given back its lock first: `queued` may put them there again.
            if let Some(unread) = take(lock(&self.0.errors.unread)) {
                unread.into_iter().for_each(&mut queued);
            }
        }
        self.0.errors.looks[0].fetch_add(1, Ordering::SeqCst);
        let errors = take_entries(socket, self.0.local, HEADERS, most, queued);
        self.0.errors.looks[1].fetch_add(1, Ordering::SeqCst);
        self.0.has_taken(errors)
    }
}
