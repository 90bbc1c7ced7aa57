//! Small blocks that a thread gave back, kept for its next requests: a list for each size, and a limit for each list.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::NonNull;

/// Sizes are rounded up to multiples of this, which every small block is aligned to as well.
const STEP: usize = 16;

/// Larger blocks are not kept.
const LARGEST: usize = 256;

/// How many blocks of a size are kept at most: a thread that only gives back what others made hoards nothing.
const KEPT: u32 = 64;

const SIZES: usize = LARGEST / STEP + 1;

/// The spare blocks of a thread.
#[derive(Debug)]
pub(super) struct Spare([List; SIZES]);

#[derive(Debug)]
struct List {
    first: Cell<Option<NonNull<Link>>>,
    count: Cell<u32>,
}

/// What stands in a spare block.
#[derive(Debug)]
struct Link(Option<NonNull<Link>>);

/// The layout that is asked of the system for `layout`: a small one is rounded up, so that its block fits others too.
pub(super) fn room_for(layout: Layout) -> Layout {
    if layout.size() > LARGEST || layout.align() > STEP {
        return layout;
    }
    // SAFETY: the alignment is a power of two, and the size far below the limit.
    unsafe { Layout::from_size_align_unchecked(layout.size().next_multiple_of(STEP), STEP) }
}

/// Whether blocks of this room are kept.
pub(super) fn is_small(room: Layout) -> bool {
    room.size() <= LARGEST && room.align() == STEP
}

impl Spare {
    pub(super) const fn new() -> Self {
        Self([const { List { first: Cell::new(None), count: Cell::new(0) } }; SIZES])
    }

    /// A block of this room, if there is one.
    pub(super) fn take(&self, room: Layout) -> Option<NonNull<u8>> {
        let list = self.list(room)?;
        let block = list.first.get()?;
        // SAFETY: a block in the list holds a link and belongs to nobody else.
        list.first.set(unsafe { block.read() }.0);
        list.count.set(list.count.get() - 1);
        Some(block.cast())
    }

    /// Keeps a block, if its size is kept and its list has room; whether it did.
    ///
    /// # Safety
    /// The block is as large and as aligned as `room` says and came from [`System`]; nobody uses it any more.
    pub(super) unsafe fn keep(&self, block: NonNull<u8>, room: Layout) -> bool {
        let Some(list) = self.list(room).filter(|list| list.count.get() < KEPT) else { return false };
        let link = block.cast::<Link>();
        // SAFETY: the block has room for a link and its alignment, and is nobody's.
        unsafe { link.write(Link(list.first.get())) };
        list.first.set(Some(link));
        list.count.set(list.count.get() + 1);
        true
    }

    fn list(&self, room: Layout) -> Option<&List> {
        if is_small(room) { self.0.get(room.size() / STEP) } else { None }
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        for (index, list) in self.0.iter().enumerate() {
            let Ok(room) = Layout::from_size_align(index * STEP, STEP) else { continue };
            while let Some(block) = self.take(room) {
                // SAFETY: it was asked of `System` with this very layout.
                unsafe { System.dealloc(block.as_ptr(), room) }
            }
            debug_assert_eq!(list.count.get(), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).expect("a layout")
    }

    fn block(room: Layout) -> NonNull<u8> {
        // SAFETY: the layout has a size above zero.
        NonNull::new(unsafe { System.alloc(room) }).expect("memory")
    }

    #[test]
    fn small_sizes_are_rounded_and_others_left_alone() {
        assert_eq!(room_for(layout(1, 1)), layout(16, 16));
        assert_eq!(room_for(layout(256, 8)), layout(256, 16));
        for other in [layout(257, 8), layout(64, 32)] {
            assert_eq!(room_for(other), other);
            assert!(!is_small(other));
        }
    }

    #[test]
    fn a_block_given_back_is_taken_again_by_its_size_only() {
        let (spare, room) = (Spare::new(), room_for(layout(40, 8)));
        let block = block(room);
        // SAFETY: the block is of this room, from `System`, and used by nobody.
        assert!(unsafe { spare.keep(block, room) });
        assert_eq!(spare.take(room_for(layout(64, 8))), None);
        assert_eq!(spare.take(room_for(layout(33, 1))), Some(block));
        assert_eq!(spare.take(room), None);
        // SAFETY: it came from `System` with this layout.
        unsafe { System.dealloc(block.as_ptr(), room) }
    }

    #[test]
    fn no_more_than_the_limit_is_kept() {
        let (spare, room) = (Spare::new(), room_for(layout(16, 16)));
        // SAFETY: the blocks are of this room, from `System`, and used by nobody.
        let kept = (0..KEPT).all(|_| unsafe { spare.keep(block(room), room) });
        let last = block(room);
        // SAFETY: as above.
        assert!(kept && !unsafe { spare.keep(last, room) });
        // SAFETY: it came from `System` with this layout.
        unsafe { System.dealloc(last.as_ptr(), room) }
    }
}
