//! Memory that others fill: what peers send and has not been asked for, what they do not take, frames on their way.
//!
//! It has bounds of its own, one for each kind over the whole process, and does not count as the script's
//! ([`exempt_bytes`]). What would go beyond a bound is refused by its holder, and counted there.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::environment::{environment, process};

/// Bytes that do not count as the script's.
pub fn exempt_bytes() -> i64 {
    process().exempt.load(Ordering::Relaxed)
}

/// Bytes that are not counted as the script's: peers have filled them, and their number is bounded elsewhere.
#[derive(Debug, Default)]
pub struct Exempt(usize);

impl Exempt {
    /// So many from now on.
    pub fn set(&mut self, bytes: usize) {
        let more = bytes as i64 - self.0 as i64;
        if more != 0 {
            process().exempt.fetch_add(more, Ordering::Relaxed);
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

/// What the connections of the process hold of messages that have not wholly come, and of replies that peers do not take.
pub static STREAMS: Room = Room::new(64 << 20);

/// What the links of all labs hold of frames on their way.
pub static FRAMES: Room = Room::new(128 << 20);

/// A bound, and how much of it is taken.
#[derive(Debug)]
pub struct Room {
    most: usize,
    taken: AtomicUsize,
    /// Among how many it is shared.
    holders: AtomicUsize,
}

/// What one of several holds of a [`Room`]. It is given back when this is dropped.
#[derive(Debug)]
pub struct Reserved {
    room: &'static Room,
    exempt: Exempt,
}

impl Room {
    /// Room for `most` bytes.
    const fn new(most: usize) -> Self {
        Self { most, taken: AtomicUsize::new(0), holders: AtomicUsize::new(0) }
    }

    /// How many bytes there is room for.
    pub const fn most(&self) -> usize {
        self.most
    }
}

impl Reserved {
    /// Nothing yet.
    pub fn new(room: &'static Room) -> Self {
        room.holders.fetch_add(1, Ordering::Relaxed);
        Self { room, exempt: Exempt::default() }
    }

    /// Whether this one may hold `bytes` in all. Once the room is taken, or the script is near its own limit, each may have
    /// its share of it and no more: those who hold most are refused, and the others go on.
    pub fn may_hold(&self, bytes: usize) -> bool {
        let (own, room) = (self.exempt.bytes(), self.room);
        if bytes <= own {
            return true;
        }
        let taken = room.taken.load(Ordering::Relaxed).saturating_sub(own).saturating_add(bytes);
        (taken <= room.most && !environment().memory_is_scarce())
            || bytes <= room.most / room.holders.load(Ordering::Relaxed).max(1)
    }

    /// Holds `bytes` from now on.
    pub fn set(&mut self, bytes: usize) {
        let before = self.exempt.bytes();
        if bytes > before {
            self.room.taken.fetch_add(bytes - before, Ordering::Relaxed);
        } else if bytes < before {
            self.room.taken.fetch_sub(before - bytes, Ordering::Relaxed);
        }
        self.exempt.set(bytes);
    }

    /// How many bytes it holds.
    pub fn bytes(&self) -> usize {
        self.exempt.bytes()
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.set(0);
        self.room.holders.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_most_is_refused_and_the_others_have_their_share() {
        let small: &Room = Box::leak(Box::new(Room::new(1000)));
        let [mut greedy, mut other, third] = [(); 3].map(|()| Reserved::new(small));
        assert!(greedy.may_hold(900) && !greedy.may_hold(1001));
        greedy.set(900);
        assert!(!greedy.may_hold(1001), "beyond the room");
        assert!(other.may_hold(333), "its third");
        other.set(333);
        assert!(!other.may_hold(334) && !greedy.may_hold(901) && greedy.may_hold(800));
        drop(third);
        assert!(other.may_hold(500), "its half");
        drop(greedy);
        assert!(other.may_hold(1000));
        drop(other);
        assert_eq!((small.taken.load(Ordering::Relaxed), small.holders.load(Ordering::Relaxed)), (0, 0));
    }
}
