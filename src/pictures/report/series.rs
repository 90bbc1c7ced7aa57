//! The pings of a run, or those of it to one target: each by itself while they are few, and always by time and by size.

use super::losses::Losses;
use super::slots::Slots;
use super::spread::Spread;
use crate::net::observe::record::reading::RowCells;

/// So many pings are drawn one by one; more are drawn as a smoke chart.
pub(super) const MOST_DOTS: usize = 2000;

/// What became of a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Replied,
    Errored,
    TimedOut,
    Pending,
}

/// A ping.
#[derive(Clone, Debug)]
pub(super) struct Dot {
    /// When it was sent, after the start of the run.
    pub(super) at: i64,
    pub(super) seq: u64,
    /// The port it was sent from, or its echo identifier.
    port: Option<u16>,
    pub(super) state: State,
    pub(super) rtt: Option<i64>,
    pub(super) reordered: bool,
    /// Why it was lost.
    pub(super) why: Option<Box<str>>,
}

/// A reply that settled nothing: late, a duplicate, and the like.
#[derive(Clone, Debug)]
pub(super) struct Extra {
    /// When it arrived, after the start of the run.
    pub(super) at: i64,
    pub(super) seq: Option<u64>,
    pub(super) kind: ExtraKind,
    /// How long after the ping was sent.
    pub(super) after: Option<i64>,
}

/// What a reply that settled nothing was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExtraKind {
    Late,
    Duplicate,
}

/// How many there were of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PingTally {
    pub(super) replied: u64,
    pub(super) errored: u64,
    pub(super) timed_out: u64,
    pub(super) pending: u64,
    pub(super) reordered: u64,
    pub(super) late: u64,
    pub(super) duplicate: u64,
}

/// Pings.
#[derive(Clone, Debug)]
pub(super) struct PingSeries {
    start: i64,
    pub(super) tally: PingTally,
    /// `None`: they are too many.
    pub(super) dots: Option<Vec<Dot>>,
    pub(super) extras: Vec<Extra>,
    pub(super) slots: Slots,
    pub(super) rtts: Spread,
    pub(super) losses: Losses,
    /// When the last was sent, after the start.
    pub(super) last: i64,
}

impl State {
    pub(super) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "replied" => Self::Replied,
            "errored" => Self::Errored,
            "timed_out" => Self::TimedOut,
            "pending" => Self::Pending,
            _ => return None,
        })
    }

    pub(super) const fn is_lost(self) -> bool {
        matches!(self, Self::Errored | Self::TimedOut)
    }
}

impl ExtraKind {
    pub(super) fn of(word: &str) -> Option<Self> {
        match word {
            "late" => Some(Self::Late),
            "duplicate" => Some(Self::Duplicate),
            _ => None,
        }
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Duplicate => "duplicate",
        }
    }
}

impl PingTally {
    pub(super) const fn lost(&self) -> u64 {
        self.errored + self.timed_out
    }

    pub(super) const fn settled(&self) -> u64 {
        self.replied + self.lost()
    }

    pub(super) const fn sent(&self) -> u64 {
        self.settled() + self.pending
    }
}

impl PingSeries {
    pub(super) fn new(start: i64) -> Self {
        Self {
            start,
            tally: PingTally::default(),
            dots: Some(Vec::new()),
            extras: Vec::new(),
            slots: Slots::new(start),
            rtts: Spread::default(),
            losses: Losses::default(),
            last: 0,
        }
    }

    /// Adds a ping that was sent at `sent`.
    pub(super) fn add(&mut self, sent: i64, state: State, cells: &RowCells<'_>) {
        let rtt = cells.rtt_ns.filter(|_| state == State::Replied);
        let (seq, reordered) = (cells.seq.unwrap_or_default(), cells.out_of_order.unwrap_or_default());
        let slot = self.slots.at(sent);
        slot.sent += 1;
        match state {
            State::Replied => self.tally.replied += 1,
            State::Errored => self.tally.errored += 1,
            State::TimedOut => self.tally.timed_out += 1,
            State::Pending => self.tally.pending += 1,
        }
        slot.lost += u64::from(state.is_lost());
        slot.pending += u64::from(state == State::Pending);
        slot.reordered += u64::from(reordered);
        self.tally.reordered += u64::from(reordered);
        if let Some(rtt) = rtt {
            slot.rtts.add(rtt);
            self.rtts.add(rtt);
        }
        if state != State::Pending {
            self.losses.add(sent, seq, state.is_lost());
        }
        let at = sent.saturating_sub(self.start).max(0);
        self.last = self.last.max(at);
        self.spare();
        if let Some(dots) = &mut self.dots {
            let port = port(cells.from.as_deref().unwrap_or_default());
            let why = cells.why_lost().map(Into::into);
            dots.push(Dot { at, seq, port, state, rtt: cells.rtt_ns, reordered, why });
        }
    }

    /// Makes room for one more: of too many, none is kept.
    fn spare(&mut self) {
        if self.dots.as_ref().is_some_and(|dots| dots.len().max(self.extras.len()) == MOST_DOTS) {
            (self.dots, self.extras) = (None, Vec::new());
        }
    }

    /// Adds a reply that settled nothing.
    pub(super) fn add_extra(&mut self, arrived: i64, kind: ExtraKind, cells: &RowCells<'_>) {
        let slot = self.slots.at(arrived);
        match kind {
            ExtraKind::Late => (slot.late, self.tally.late) = (slot.late + 1, self.tally.late + 1),
            ExtraKind::Duplicate => {
                (slot.duplicate, self.tally.duplicate) = (slot.duplicate + 1, self.tally.duplicate + 1)
            }
        }
        let at = arrived.saturating_sub(self.start).max(0);
        self.last = self.last.max(at);
        self.spare();
        if self.dots.is_some() {
            self.extras.push(Extra { at, seq: cells.seq, kind, after: cells.after_ns });
        }
    }

    /// Enters why a ping was lost.
    pub(super) fn explain(&mut self, cells: &RowCells<'_>, why: &str) {
        let port = port(cells.from.as_deref().unwrap_or_default());
        let is_it = |dot: &&mut Dot| Some(dot.seq) == cells.seq && dot.port == port && dot.state.is_lost();
        if let Some(dot) = self.dots.iter_mut().flatten().find(is_it) {
            dot.why = Some(why.into());
        }
    }
}

/// The port of an address with one.
pub(super) fn port(address: &str) -> Option<u16> {
    address.rsplit_once(':')?.1.parse().ok()
}
