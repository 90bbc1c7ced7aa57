//! Room that a thread receives into, made when it first needs it.

use std::cell::RefCell;
use std::sync::atomic::Ordering;

use crate::net::host::environment::process;
use crate::net::io::Batch;

/// How many threads receive ahead at most: the room for it is 2 MiB for each, as far as it is used, while thousands may serve a socket each.
const MOST_BATCHES: usize = 16;

/// The room of a thread.
#[derive(Debug, Default)]
struct Scratch {
    /// Of any packet.
    packet: RefCell<Vec<u8>>,
    /// Of many small ones.
    small: RefCell<Option<Batch>>,
    /// Of several of any size.
    batch: RefCell<Option<Batch>>,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.batch.get_mut().is_some() {
            process().threads_ahead.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

thread_local! {
    static SCRATCH: Scratch = Scratch::default();
}

/// Runs `receive` with room for any packet.
pub(super) fn with_packet<T>(receive: impl FnOnce(&mut [u8]) -> T) -> T {
    SCRATCH.with(|scratch| {
        let mut packet = scratch.packet.borrow_mut();
        if packet.is_empty() {
            packet.resize(65_536, 0);
        }
        receive(&mut packet)
    })
}

/// Runs `receive` with room for many small packets.
pub(super) fn with_small<T>(receive: impl FnOnce(&mut Batch) -> T) -> T {
    SCRATCH.with(|scratch| receive(scratch.small.borrow_mut().get_or_insert_with(Batch::small)))
}

/// Runs `receive` with room for several packets, if there is some for this thread.
pub(super) fn with_batch<T>(receive: impl FnOnce(Option<&mut Batch>) -> T) -> T {
    SCRATCH.with(|scratch| {
        let mut batch = scratch.batch.borrow_mut();
        let more = |count| Some(count + 1).filter(|&count| count <= MOST_BATCHES);
        if batch.is_none() && process().threads_ahead.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok() {
            *batch = Some(Batch::large());
        }
        receive(batch.as_mut())
    })
}
