//! What a link counts of the frames in one direction, and an ingress of those that reach it.

use std::ops::Add;
use std::sync::atomic::{AtomicU64, Ordering};

/// Declares what is counted: each field of [`FrameCounts`] with its variant of [`Count`].
macro_rules! counts {
    ($($(#[$doc:meta])* $field:ident: $count:ident,)*) => {
        /// Counts of frames, but for `bytes`. Each frame that comes onto a link, or to an ingress, is in `frames`, and in one of
        /// `passed`, `dropped`, `rejected`, `queue_full`, `no_room`, `down` and `unusable`, whether or not it was delayed, damaged or
        /// replaced as well.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct FrameCounts {
            $($(#[$doc])* pub $field: u64,)*
        }

        /// One of them.
        #[derive(Clone, Copy, Debug)]
        pub(super) enum Count {
            $($count,)*
        }

        /// Counts that go on.
        #[derive(Debug, Default)]
        pub(super) struct Counters([AtomicU64; [$(Count::$count),*].len()]);

        impl Counters {
            /// The counts so far.
            pub(super) fn read(&self) -> FrameCounts {
                FrameCounts { $($field: self.get(Count::$count),)* }
            }
        }

        impl FrameCounts {
            /// The counts by their names.
            pub fn named(self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($field), self.$field)),*].into_iter()
            }
        }

        impl Add for FrameCounts {
            type Output = Self;

            fn add(self, other: Self) -> Self {
                Self { $($field: self.$field + other.$field,)* }
            }
        }
    };
}

counts! {
    /// All that came.
    frames: Frames,
    /// Their bytes, headers of Ethernet included.
    bytes: Bytes,
    /// Those that went on.
    passed: Passed,
    /// Those that a policy dropped.
    dropped: Dropped,
    /// Those that a policy rejected.
    rejected: Rejected,
    /// Of the rejected, those about which no error may be sent.
    unanswered: Unanswered,
    /// Those that found the queue full.
    queue_full: QueueFull,
    /// Those that were to wait and for which the labs of the process had no room.
    no_room: NoRoom,
    /// Those that were lost because the link was down.
    down: Down,
    /// Those that are no frames of Ethernet, or too large for the link; and those at which the relay met a bug of its own.
    unusable: Unusable,
    /// Those that a policy delayed.
    delayed: Delayed,
    /// Copies that a policy added.
    duplicated: Duplicated,
    /// Those that a policy damaged.
    corrupted: Corrupted,
    /// Those that a policy replaced.
    replaced: Replaced,
    /// Those that a policy failed on, or decided what cannot be done with them; they went on.
    failed: Failed,
    /// Those that claim to be IP and contradict themselves: cut short, or with a wrong version, length, offset or header
    /// checksum; they go on as any other.
    malformed: Malformed,
    /// Those that passed and did not get into the host: its interface was down, or its kernel had no room.
    undelivered: Undelivered,
    /// Frames beside `frames` that the kernel lost before they came onto the link: they came faster than they were carried.
    overrun: Overrun,
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
}
