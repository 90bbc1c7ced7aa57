//! How much memory is in use, so that a script that grows without end is stopped with its line instead of taking the
//! machine down.
//!
//! [`LIMIT`] is looked at between the operations of a script, where there is a line to show. One operation that asks
//! for more than 1 GiB by itself is past that: the allocator then ends the process, with a message.
//!
//! One of the few files with `unsafe`: an allocator must be. It passes every request on to the system's and counts.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, Ordering};

use super::{output, sys};

/// Threads report to the total only in steps of this many bytes, so that they do not contend for it.
const STEP: i64 = 64 * 1024;

/// Bytes in use at which a script is stopped.
pub const LIMIT: i64 = 256 << 20;

/// Bytes in use at which the process ends: an operation in progress may double what the limit let pass, and once more.
const LAST: i64 = 1 << 30;

static TOTAL: AtomicI64 = AtomicI64::new(0);

/// What a thread has not reported yet; the rest is reported when the thread ends.
struct Unreported(Cell<i64>);

impl Drop for Unreported {
    fn drop(&mut self) {
        TOTAL.fetch_add(self.0.get(), Ordering::Relaxed);
    }
}

thread_local! {
    static UNREPORTED: Unreported = const { Unreported(Cell::new(0)) };
}

/// The system's allocator, with a count of the bytes in use.
#[derive(Debug)]
pub struct Counting;

/// Bytes in use, within 64 KiB per thread.
pub fn in_use() -> i64 {
    TOTAL.load(Ordering::Relaxed)
}

fn note(bytes: i64) {
    let kept = UNREPORTED.try_with(|Unreported(unreported)| {
        let sum = unreported.get() + bytes;
        if sum.abs() < STEP {
            unreported.set(sum);
        } else {
            unreported.set(0);
            report(sum);
        }
    });
    if kept.is_err() {
        // The thread is ending and keeps nothing any more.
        report(bytes);
    }
}

fn report(bytes: i64) {
    if TOTAL.fetch_add(bytes, Ordering::Relaxed) + bytes > LAST && bytes > 0 {
        give_up();
    }
}

/// Ends the process: there is no way back from an allocator that has nothing to give. Allocates nothing.
#[cold]
fn give_up() -> ! {
    output::try_flush();
    sys::last_words(
        "error: the script was stopped: one operation asks for more than 1024 MiB of memory\n  \
         hint: does it split, replace or join something very large?\n",
    );
    sys::exit_now(3)
}

// SAFETY: every call is passed to `System` with the caller's own arguments, so its guarantees are the system
// allocator's; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size() as i64);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size() as i64);
        // SAFETY: as the caller promised.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        note(-(layout.size() as i64));
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        note(new_size as i64 - layout.size() as i64);
        // SAFETY: as the caller promised.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}
