//! What a link counts of the frames in one direction, and an ingress of those that reach it.

use std::ops::Add;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of frames, but for `bytes`. Each frame that comes onto a link, or to an ingress, is in `frames`, and in one of
/// `passed`, `dropped`, `rejected`, `queue_full`, `down` and `unusable`, whether or not it was delayed, damaged or
/// replaced as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All that came.
    pub frames: u64,
    /// Their bytes, headers of Ethernet included.
    pub bytes: u64,
    /// Those that went on.
    pub passed: u64,
    /// Those that a policy dropped.
    pub dropped: u64,
    /// Those that a policy rejected.
    pub rejected: u64,
    /// Of the rejected, those that no error may answer.
    pub unanswered: u64,
    /// Those that found the queue full.
    pub queue_full: u64,
    /// Those that were lost because the link was down.
    pub down: u64,
    /// Those that are no frames of Ethernet, or too large for the link; and those at which the relay met a bug of its own.
    pub unusable: u64,
    /// Those that a policy delayed.
    pub delayed: u64,
    /// Copies that a policy added.
    pub duplicated: u64,
    /// Those that a policy damaged.
    pub corrupted: u64,
    /// Those that a policy replaced.
    pub replaced: u64,
    /// Those that a policy failed on, or decided what cannot be done with them; they went on.
    pub failed: u64,
    /// Those that claim to be IP and contradict themselves: cut short, or with a wrong version, length, offset or header
    /// checksum; they go on as any other.
    pub malformed: u64,
    /// Those that passed and did not get into the host: its interface was down, or its kernel had no room.
    pub undelivered: u64,
    /// Frames beside `frames` that the kernel lost before they came onto the link: they came faster than they were carried.
    pub overrun: u64,
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            frames: self.frames + other.frames,
            bytes: self.bytes + other.bytes,
            passed: self.passed + other.passed,
            dropped: self.dropped + other.dropped,
            rejected: self.rejected + other.rejected,
            unanswered: self.unanswered + other.unanswered,
            queue_full: self.queue_full + other.queue_full,
            down: self.down + other.down,
            unusable: self.unusable + other.unusable,
            delayed: self.delayed + other.delayed,
            duplicated: self.duplicated + other.duplicated,
            corrupted: self.corrupted + other.corrupted,
            replaced: self.replaced + other.replaced,
            failed: self.failed + other.failed,
            malformed: self.malformed + other.malformed,
            undelivered: self.undelivered + other.undelivered,
            overrun: self.overrun + other.overrun,
        }
    }
}

/// Counts that go on.
#[derive(Debug, Default)]
pub(super) struct Counters([AtomicU64; COUNTERS]);

const COUNTERS: usize = 17;

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Count {
    Frames,
    Bytes,
    Passed,
    Dropped,
    Rejected,
    Unanswered,
    QueueFull,
    Down,
    Unusable,
    Delayed,
    Duplicated,
    Corrupted,
    Replaced,
    Failed,
    Malformed,
    Undelivered,
    Overrun,
}

impl Counters {
    pub(super) fn one(&self, count: Count) {
        self.add(count, 1);
    }

    pub(super) fn add(&self, count: Count, n: u64) {
        self.0[count as usize].fetch_add(n, Ordering::Relaxed);
    }

    pub(super) fn set(&self, count: Count, n: u64) {
        self.0[count as usize].store(n, Ordering::Relaxed);
    }

    pub(super) fn get(&self, count: Count) -> u64 {
        self.0[count as usize].load(Ordering::Relaxed)
    }

    /// The counts so far.
    pub(super) fn read(&self) -> Counts {
        Counts {
            frames: self.get(Count::Frames),
            bytes: self.get(Count::Bytes),
            passed: self.get(Count::Passed),
            dropped: self.get(Count::Dropped),
            rejected: self.get(Count::Rejected),
            unanswered: self.get(Count::Unanswered),
            queue_full: self.get(Count::QueueFull),
            down: self.get(Count::Down),
            unusable: self.get(Count::Unusable),
            delayed: self.get(Count::Delayed),
            duplicated: self.get(Count::Duplicated),
            corrupted: self.get(Count::Corrupted),
            replaced: self.get(Count::Replaced),
            failed: self.get(Count::Failed),
            malformed: self.get(Count::Malformed),
            undelivered: self.get(Count::Undelivered),
            overrun: self.get(Count::Overrun),
        }
    }
}
