//! The order of what happens in a ladder: which row each departure and each end has, and where time is folded.

use super::{Arrow, ArrowEnd, Ladder};

/// A row of the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// When, in nanoseconds since 1970.
    pub(super) time: i64,
    /// The arrow that leaves here, if one does.
    pub(super) departs: Option<usize>,
    /// The arrows that end here.
    pub(super) ends: Vec<usize>,
    /// How long nothing happened before this, where that is long.
    pub(super) pause: Option<i64>,
}

/// The rows of a picture.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    pub(super) moments: Vec<Moment>,
    /// Of each arrow: the rows of its departure and of its end.
    pub(super) rows: Vec<(usize, usize)>,
    /// How much time passes between two rows as a rule, in nanoseconds.
    pub(super) usual: i64,
}

/// A pause is folded that is so many times as long as the middle one, and no shorter than this part of the longest.
const LONG: i64 = 8;
const PART_OF_LONGEST: i64 = 100;

impl Timeline {
    /// That of a ladder.
    pub(super) fn of(ladder: &Ladder) -> Self {
        let arrows = &ladder.arrows;
        // At one time, what arrives comes before what is sent in reply.
        let mut events: Vec<(i64, bool, usize)> = Vec::with_capacity(arrows.len() * 2);
        for (index, arrow) in arrows.iter().enumerate() {
            events.push((arrow.departure, true, index));
            if arrow.end != ArrowEnd::Unknown {
                // What is lost where it left is lost after it left.
                let is_lost_at_once = arrow.is_lost() && arrow.last() == arrow.departure;
                events.push((arrow.last(), is_lost_at_once || arrow.last() == arrow.departure, index));
            }
        }
        events.sort_by_key(|&(time, late, index)| (time, late, index));
        let mut timeline = Self { moments: Vec::new(), rows: vec![(usize::MAX, usize::MAX); arrows.len()], usual: 0 };
        for (time, _, index) in events {
            timeline.enter(arrows, time, index);
        }
        timeline.fold();
        timeline
    }

    /// Whether the cause of what ends in a row stands there: nothing leaves in it, and it is the only one. Others stand where the arrow
    /// leaves.
    pub(super) fn says_cause(&self, ladder: &Ladder, row: usize) -> bool {
        let moment = &self.moments[row];
        moment.departs.is_none() && moment.ends.iter().filter(|&&end| ladder.arrows[end].cause.is_some()).count() == 1
    }

    fn enter(&mut self, arrows: &[Arrow], time: i64, index: usize) {
        let departs = self.rows[index].0 == usize::MAX;
        let joins = self.moments.last().is_some_and(|last| match departs {
            true => last.departs.is_none() && may_join(arrows, last, time, index),
            false => {
                last.departs.is_none()
                    && !arrows[index].is_lost()
                    && last.time == time
                    && last.ends.iter().all(|&end| !arrows[end].is_lost())
            }
        });
        if !joins {
            self.moments.push(Moment { time, departs: None, ends: Vec::new(), pause: None });
        }
        let row = self.moments.len() - 1;
        let moment = &mut self.moments[row];
        if departs {
            (moment.time, moment.departs) = (time, Some(index));
            self.rows[index] = (row, row);
        } else {
            moment.ends.push(index);
            self.rows[index].1 = row;
        }
    }

    /// Marks where much more time passes than otherwise.
    fn fold(&mut self) {
        let gaps =
            |moments: &[Moment]| -> Vec<i64> { moments.windows(2).map(|pair| pair[1].time - pair[0].time).collect() };
        let all = gaps(&self.moments);
        let mut sorted: Vec<i64> = all.iter().copied().filter(|gap| *gap > 0).collect();
        sorted.sort_unstable();
        let Some(middle) = sorted.get(sorted.len() / 2).copied() else { return };
        self.usual = middle;
        let least = middle.saturating_mul(LONG).max(sorted.last().map_or(0, |longest| longest / PART_OF_LONGEST));
        for (moment, gap) in self.moments.iter_mut().skip(1).zip(all) {
            moment.pause = (gap >= least).then_some(gap);
        }
    }
}

/// Whether a departure may stand in the row of what arrives right before: it is from the same host, and follows at once by the
/// measure of how long that was on its way.
fn may_join(arrows: &[Arrow], last: &Moment, time: i64, index: usize) -> bool {
    last.ends.iter().all(|&end| {
        let ended = &arrows[end];
        let flight = ended.last() - ended.departure;
        !ended.is_lost() && ended.to == arrows[index].from && time - last.time <= flight / 50
    })
}
