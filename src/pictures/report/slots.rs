//! What happened in each part of a run: as many slots as a chart can show, however long the run is.

use super::spread::Spread;

/// How many slots there are at most; of more, each two become one.
const MOST: usize = 400;

/// How long a slot is at first, in nanoseconds.
const SHORTEST: i64 = 100_000;

/// What happened to the probes that were sent in one slot.
#[derive(Clone, Debug, Default)]
pub(super) struct TimeSlot {
    pub(super) sent: u64,
    pub(super) lost: u64,
    pub(super) pending: u64,
    pub(super) late: u64,
    pub(super) duplicate: u64,
    pub(super) reordered: u64,
    pub(super) rtts: Spread,
}

/// The slots of a run, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    start: i64,
    width: i64,
    slots: Vec<TimeSlot>,
}

impl Slots {
    pub(super) fn new(start: i64) -> Self {
        Self { start, width: SHORTEST, slots: Vec::new() }
    }

    /// The slot of a moment; what is before the start is in the first.
    pub(super) fn at(&mut self, time: i64) -> &mut TimeSlot {
        let after = time.saturating_sub(self.start).max(0);
        while after / self.width >= MOST as i64 {
            let pairs = self.slots.chunks(2).map(|pair| {
                let mut both = pair[0].clone();
                pair[1..].iter().for_each(|other| both.merge(other));
                both
            });
            self.slots = pairs.collect();
            self.width = self.width.saturating_mul(2);
        }
        let place = (after / self.width) as usize;
        if self.slots.len() <= place {
            self.slots.resize_with(place + 1, TimeSlot::default);
        }
        &mut self.slots[place]
    }

    /// The slots in which something was sent: when each begins and ends after the start.
    pub(super) fn used(&self) -> impl Iterator<Item = (i64, i64, &TimeSlot)> {
        let placed = self.slots.iter().enumerate().map(|(place, slot)| {
            let begin = place as i64 * self.width;
            (begin, begin.saturating_add(self.width), slot)
        });
        placed.filter(|(.., slot)| slot.sent + slot.late + slot.duplicate > 0)
    }
}

impl TimeSlot {
    fn merge(&mut self, other: &Self) {
        self.sent += other.sent;
        self.lost += other.lost;
        self.pending += other.pending;
        self.late += other.late;
        self.duplicate += other.duplicate;
        self.reordered += other.reordered;
        self.rtts.merge(&other.rtts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_when_slots_become_longer() {
        let mut slots = Slots::new(1000);
        for n in 0..10_000_i64 {
            let slot = slots.at(1000 + n * 7_000_000);
            slot.sent += 1;
            slot.rtts.add(n);
        }
        slots.at(-5).sent += 1;
        let used: Vec<_> = slots.used().collect();
        assert!(used.len() > MOST / 2 && used.len() <= MOST, "{}", used.len());
        assert_eq!(used.iter().map(|(.., slot)| slot.sent).sum::<u64>(), 10_001);
        assert_eq!(used.iter().map(|(.., slot)| slot.rtts.count()).sum::<u64>(), 10_000);
        assert!(used.windows(2).all(|pair| pair[0].1 == pair[1].0), "one after the other");
        slots.at(i64::MAX).sent += 1;
        assert_eq!(slots.used().map(|(.., slot)| slot.sent).sum::<u64>(), 10_002);
    }
}
