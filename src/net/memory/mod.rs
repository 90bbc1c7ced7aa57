//! How much memory is in use, so that a script that grows without end is stopped with its line instead of taking the
//! machine down.
//!
//! [`LIMIT`] is looked at between the operations of a script, where there is a line to show. One operation that asks
//! for more than 1 GiB by itself is past that: the allocator then ends the process, with a message.
//!
//! A script makes and drops many small values for each packet. Those blocks are kept for reuse by the thread that gave
//! them back (`spare`), which costs less than the system's allocator.
//!
//! One of the few files with `unsafe`: an allocator must be. It passes requests on to the system's and counts.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI64, Ordering};

use self::spare::{Spare, is_small, room_for};
use super::{output, sys};

mod spare;

/// Threads report to the total only in steps of this many bytes, so that they do not contend for it.
const STEP: i64 = 64 * 1024;

/// Bytes in use at which a script is stopped.
pub const LIMIT: i64 = 256 << 20;

/// Bytes in use at which the process ends: an operation in progress may double what the limit let pass, and once more.
const LAST: i64 = 1 << 30;

static TOTAL: AtomicI64 = AtomicI64::new(0);

/// Bytes that are not counted as the script's: peers have filled them, and their number is bounded elsewhere.
#[derive(Debug, Default)]
pub struct Exempt(usize);

impl Exempt {
    /// So many from now on.
    pub fn set(&mut self, bytes: usize) {
        let more = bytes as i64 - self.0 as i64;
        if more != 0 {
            TOTAL.fetch_sub(more, Ordering::Relaxed);
            self.0 = bytes;
        }
    }

    /// How many.
    pub fn bytes(&self) -> usize {
        self.0
    }
}

impl Drop for Exempt {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// What a thread keeps for itself.
#[derive(Debug)]
struct Local {
    /// What it has not reported yet; the rest is reported when it ends.
    unreported: Cell<i64>,
    /// Small blocks that it gave back.
    spare: Spare,
}

impl Drop for Local {
    fn drop(&mut self) {
        TOTAL.fetch_add(self.unreported.get(), Ordering::Relaxed);
    }
}

thread_local! {
    static LOCAL: Local = const { Local { unreported: Cell::new(0), spare: Spare::new() } };
}

/// The system's allocator, with a count of the bytes in use and with small blocks kept for reuse.
#[derive(Debug)]
pub struct Counting;

/// Bytes in use by the script, within 64 KiB per thread.
pub fn in_use() -> i64 {
    TOTAL.load(Ordering::Relaxed)
}

/// Whether so much is in use that a script will soon be stopped.
pub fn is_scarce() -> bool {
    in_use() > LIMIT / 4 * 3
}

impl Local {
    fn note(&self, bytes: i64) {
        let sum = self.unreported.get() + bytes;
        if sum.abs() < STEP {
            self.unreported.set(sum);
        } else {
            self.unreported.set(0);
            report(sum);
        }
    }
}

/// Counts `bytes` and does what `then` says with this thread's spare blocks; `None` where the thread is ending and keeps
/// nothing any more.
fn note<T>(bytes: i64, then: impl FnOnce(&Spare) -> T) -> Option<T> {
    let kept = LOCAL.try_with(|local| {
        local.note(bytes);
        then(&local.spare)
    });
    if kept.is_err() {
        report(bytes);
    }
    kept.ok()
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
         hint: does it split, replace or join something very large, or ping very many hosts?\n",
    );
    sys::exit_now(3)
}

// SAFETY: a block is always asked of `System` and given back to it with the layout that `room_for` makes of the caller's,
// which is the same one both times and no smaller than the caller's; between the two a spare block belongs to nobody
// but its list. Counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let room = room_for(layout);
        let spare = note(layout.size() as i64, |spare| spare.take(room)).flatten();
        // SAFETY: the room is no smaller than what the caller promised to be a valid layout.
        spare.map_or_else(|| unsafe { System.alloc(room) }, NonNull::as_ptr)
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let room = room_for(layout);
        match note(layout.size() as i64, |spare| spare.take(room)).flatten() {
            Some(block) => {
                // SAFETY: the block is as large as the room, and nobody else's.
                unsafe { block.write_bytes(0, layout.size()) };
                block.as_ptr()
            }
            // SAFETY: as for `alloc`.
            None => unsafe { System.alloc_zeroed(room) },
        }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        let room = room_for(layout);
        let block = NonNull::new(ptr);
        // SAFETY: the block came from `alloc` with this layout, so it is as large as the room; the caller is done with it.
        let kept = note(-(layout.size() as i64), |spare| block.is_some_and(|block| unsafe { spare.keep(block, room) }));
        if kept != Some(true) {
            // SAFETY: it was asked of `System` with this very room.
            unsafe { System.dealloc(ptr, room) }
        }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller promised that the new size is valid with this alignment.
        let new = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        let (room, new_room) = (room_for(layout), room_for(new));
        if room == new_room {
            let _ = note(new_size as i64 - layout.size() as i64, |_| ());
            return ptr;
        }
        if !is_small(room) && !is_small(new_room) {
            let _ = note(new_size as i64 - layout.size() as i64, |_| ());
            // SAFETY: it was asked of `System` with this very layout.
            return unsafe { System.realloc(ptr, layout, new_size) };
        }
        // SAFETY: both blocks are at least as large as what is copied, and different ones.
        unsafe {
            let copy = self.alloc(new);
            if !copy.is_null() {
                std::ptr::copy_nonoverlapping(ptr, copy, layout.size().min(new_size));
                self.dealloc(ptr, layout);
            }
            copy
        }
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::{GlobalAlloc, Layout};
    use std::sync::mpsc;

    use super::Counting;

    /// A block filled with one value.
    struct Filled(*mut u8, Layout, u8);

    // SAFETY: a block belongs to whoever holds it.
    unsafe impl Send for Filled {}

    impl Filled {
        fn new(layout: Layout, fill: u8, zeroed: bool) -> Self {
            // SAFETY: the layout has a size above zero; the block is filled within its size.
            unsafe {
                let block = if zeroed { Counting.alloc_zeroed(layout) } else { Counting.alloc(layout) };
                assert_eq!((block.is_null(), block.addr() % layout.align()), (false, 0));
                let bytes = std::slice::from_raw_parts(block, layout.size());
                assert!(!zeroed || bytes.iter().all(|&byte| byte == 0), "{layout:?}");
                block.write_bytes(fill, layout.size());
                Self(block, layout, fill)
            }
        }

        fn check(&self, len: usize) {
            // SAFETY: the first `len` bytes were filled, and nobody else has the block.
            let bytes = unsafe { std::slice::from_raw_parts(self.0, len) };
            assert!(bytes.iter().all(|&byte| byte == self.2), "{:?} was written to by somebody else", self.1);
        }

        fn resized(self, size: usize) -> Self {
            let Self(old, layout, fill) = self;
            self.check(layout.size());
            let new = Layout::from_size_align(size, layout.align()).expect("a layout");
            // SAFETY: the block has this layout, and the new size is above zero.
            let block = unsafe { Counting.realloc(old, layout, size) };
            assert_eq!((block.is_null(), block.addr() % layout.align()), (false, 0));
            let kept = Self(block, new, fill);
            kept.check(size.min(layout.size()));
            // SAFETY: the block is as large as that.
            unsafe { block.write_bytes(fill, size) };
            kept
        }

        fn free(self) {
            self.check(self.1.size());
            // SAFETY: the block has this layout, and nobody uses it any more.
            unsafe { Counting.dealloc(self.0, self.1) };
        }
    }

    #[test]
    fn blocks_of_all_layouts_that_change_threads_and_outlive_them_stay_whole() {
        // Each thread makes blocks, resizes some, gives half back itself and sends the others on; then it ends.
        let (sender, receiver) = mpsc::channel::<Filled>();
        let work = |seed: u64, sender: mpsc::Sender<Filled>| {
            let mut state = seed;
            let mut draw = |bound: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((state >> 33) % bound) as usize
            };
            let mut held = Vec::new();
            for n in 0..3_000 {
                let layout = Layout::from_size_align(1 + draw(600), 1 << draw(8)).expect("a layout");
                held.push(Filled::new(layout, n as u8, draw(3) == 0));
                if held.len() > 100 {
                    let one = held.swap_remove(draw(100));
                    let one = if draw(2) == 0 { one.resized(1 + draw(600)) } else { one };
                    if draw(2) == 0 { one.free() } else { sender.send(one).expect("taken") }
                }
            }
            held.into_iter().for_each(|one| sender.send(one).expect("taken"));
        };
        std::thread::scope(|scope| {
            for seed in 0..12 {
                let sender = sender.clone();
                scope.spawn(move || work(seed, sender));
            }
            drop(sender);
            receiver.into_iter().for_each(Filled::free);
        });
    }

    #[test]
    fn a_thread_that_ends_may_still_ask_for_memory_and_give_it_back() {
        // Dropped with what the thread keeps, before or after the spare blocks.
        #[allow(clippy::vec_box)] // many small blocks, which is what this is about
        struct Last(Vec<Box<[u8; 100]>>);
        impl Drop for Last {
            fn drop(&mut self) {
                self.0.push(Box::new([7; 100]));
                assert!(self.0.drain(..).all(|block| block.iter().all(|&byte| byte == 7)));
            }
        }
        thread_local! {
            static LAST: std::cell::RefCell<Last> = const { std::cell::RefCell::new(Last(Vec::new())) };
        }
        for first in [true, false] {
            let thread = std::thread::spawn(move || {
                let touch = || LAST.with_borrow_mut(|last| last.0.extend([(); 40].map(|()| Box::new([7; 100]))));
                if first {
                    touch();
                }
                drop(vec![Box::new([0u8; 100]); 80]);
                touch();
            });
            thread.join().expect("ends");
        }
    }

    #[test]
    fn what_grows_and_shrinks_keeps_its_bytes() {
        // Across the sizes that are kept and those that are not, and back.
        let mut list: Vec<u8> = Vec::new();
        for n in 0..3000usize {
            list.push(n as u8);
            list.shrink_to_fit();
        }
        while list.len() > 1 {
            assert!(list.iter().enumerate().all(|(n, &byte)| byte == n as u8));
            list.truncate(list.len() * 2 / 3);
            list.shrink_to_fit();
        }
    }

    #[test]
    fn zeroed_memory_is_zero_where_another_value_was() {
        for size in [8, 100, 256, 600] {
            drop(vec![0xffu8; size]);
            assert_eq!(vec![0u8; size], [0].repeat(size));
        }
    }
}
