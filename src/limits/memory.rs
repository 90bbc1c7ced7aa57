//! How much memory is in use, so that a script that grows without end is stopped with its line instead of taking the
//! machine down.
//!
//! [`LIMIT`] is looked at between the operations of a script, where there is a line to show. One operation that asks
//! for more than 1 GiB by itself is past that: the allocator then ends the process, with a message.
//!
//! [`Counting`] counts once the binary has it as its allocator; the library sets none.
//!
//! One of the few files with `unsafe`: an allocator must be. It passes requests on to the system's and counts.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::net::host::room;
use crate::net::sys;
use crate::terminal::output;

/// Threads report to the total only in steps of this many bytes, so that they do not contend for it.
const STEP: i64 = 64 * 1024;

/// Bytes in use at which a script is stopped.
pub const LIMIT: i64 = 256 << 20;

/// Bytes in use at which the process ends: an operation in progress may double what the limit let pass, and once more.
const LAST: i64 = 1 << 30;

static TOTAL: AtomicI64 = AtomicI64::new(0);

/// What a thread has not reported yet; the rest is reported when it ends.
#[derive(Debug)]
struct Unreported(Cell<i64>);

impl Drop for Unreported {
    fn drop(&mut self) {
        report(self.0.get());
    }
}

thread_local! {
    static UNREPORTED: Unreported = const { Unreported(Cell::new(0)) };
}

/// The system's allocator, with a count of the bytes in use.
#[derive(Debug)]
pub struct Counting;

/// Bytes in use by the script, within 64 KiB per thread.
pub fn in_use() -> i64 {
    TOTAL.load(Ordering::Relaxed) - room::exempt_bytes()
}

/// Whether so much is in use that a script will soon be stopped.
pub fn is_scarce() -> bool {
    in_use() > LIMIT / 4 * 3
}

/// Counts `bytes` for this thread, or at once where the thread is ending.
fn note(bytes: i64) {
    let counted = UNREPORTED.try_with(|Unreported(unreported)| {
        let sum = unreported.get() + bytes;
        if sum.abs() < STEP {
            unreported.set(sum);
        } else {
            unreported.set(0);
            report(sum);
        }
    });
    if counted.is_err() {
        report(bytes);
    }
}

fn report(bytes: i64) {
    let total = TOTAL.fetch_add(bytes, Ordering::Relaxed) + bytes;
    if bytes > 0 && total - room::exempt_bytes() > LAST {
        give_up();
    }
}

/// Ends the process: there is no way back from an allocator that has nothing to give. Allocates nothing.
#[cold]
fn give_up() -> ! {
    output::try_flush();
    sys::last_words(
        "error: the script was stopped: one operation asks for more than 1024 MiB of memory\n  \
         hint: does it split, replace or join something very large, or ping very many hosts?\n",
    );
    sys::exit_now(3)
}

// SAFETY: every request is passed on to `System` as it is. Counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size() as i64);
        // SAFETY: the caller's promises are those that `System` asks for; so below.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size() as i64);
        // SAFETY: as for `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        note(-(layout.size() as i64));
        // SAFETY: as for `alloc`.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        note(new_size as i64 - layout.size() as i64);
        // SAFETY: as for `alloc`.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_counts_until_it_is_given_back_unless_it_is_exempt() {
        // The library's tests run without this allocator, but some note what is exempt.
        const SIZE: i64 = 1 << 26;
        let layout = |size: i64| Layout::from_size_align(size as usize, 8).expect("a layout");
        let before = in_use();
        let is_about = |expected: i64| (in_use() - before - expected).abs() < SIZE / 2;
        // SAFETY: the sizes are above zero, and each block is given back with the layout it has.
        unsafe {
            let block = Counting.alloc(layout(SIZE));
            assert!(is_about(SIZE), "{}", in_use() - before);
            let block = Counting.realloc(block, layout(SIZE), layout(3 * SIZE).size());
            assert!(is_about(3 * SIZE), "{}", in_use() - before);
            // What others have filled is not the script's.
            let mut exempt = room::Exempt::default();
            exempt.set(2 * SIZE as usize);
            assert!(is_about(SIZE), "{}", in_use() - before);
            drop(exempt);
            let zeroed = Counting.alloc_zeroed(layout(SIZE));
            assert_eq!((zeroed.read(), zeroed.add(SIZE as usize - 1).read()), (0, 0));
            Counting.dealloc(zeroed, layout(SIZE));
            Counting.dealloc(block, layout(3 * SIZE));
        }
        assert!(is_about(0), "{}", in_use() - before);
    }
}
