//! What is noted of a frame on its way, until it arrives or is lost: then it is an event, and a row in recordings of rows.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::capture::Capture;
use super::link::lock;
use super::machine::{Bytes, EndId, Going, Relay};
use super::state::LinkState;
use crate::net::observe::event::Event;
use crate::net::observe::frame::{FrameRow, fates};
use crate::net::observe::record;
use crate::net::policy::decided::Decided;
use crate::net::policy::input::{Carried, Site};
use crate::net::socket::session::{AtEnd, Session};
use crate::net::time::Duration;
use crate::net::wire::frame::Frame;

/// What is noted of a frame.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) row: FrameRow,
    /// The recordings of rows that it goes to.
    captures: Vec<Arc<Capture>>,
}

/// Notes about frames that wait until they are due, by their order.
#[derive(Debug)]
pub(super) struct Notes {
    session: Arc<Session>,
    /// Whether a recording has ever wanted rows.
    pub(super) recording: AtomicBool,
    waiting: Mutex<BTreeMap<u64, Box<Note>>>,
    /// How many there were.
    count: AtomicU64,
    /// The rows of frames that have come to their end, where a script asks what became of them.
    fates: Mutex<Vec<FrameRow>>,
}

/// How many fates are kept; a run may last for months.
const MOST: usize = 100_000;

impl Notes {
    /// Those of a lab.
    pub(super) fn new(session: Arc<Session>) -> Arc<Self> {
        let notes = Arc::new(Self {
            session,
            recording: AtomicBool::new(false),
            waiting: Mutex::default(),
            count: AtomicU64::new(0),
            fates: Mutex::default(),
        });
        let at_end: Arc<dyn AtEnd> = notes.clone();
        notes.session.ends_with(Arc::downgrade(&at_end));
        notes
    }

    /// Whether anybody wants to know of frames.
    fn wanted(&self) -> bool {
        self.session.events.frames() || self.recording.load(Ordering::Relaxed) || self.keeps_fates()
    }

    fn keeps_fates(&self) -> bool {
        self.session.keeps_fates.load(Ordering::Relaxed)
    }

    /// What became of each frame of the link called `name`, in the order in which they came onto it, and when the first of the lab
    /// did; of those beyond the first 100,000 nothing is known. `None`: it is not kept.
    pub(super) fn fates(&self, name: &str) -> Option<(Vec<FrameRow>, i64)> {
        if !self.keeps_fates() {
            return None;
        }
        let mut rows = lock(&self.fates).clone();
        rows.extend(
            lock(&self.waiting).values().map(|note| FrameRow { fate: fates::IN_FLIGHT.into(), ..note.row.clone() }),
        );
        rows.sort_by_key(|row| row.number);
        let begun = rows.iter().map(|row| row.time_ns).min().unwrap_or_default();
        rows.retain(|row| row.link.as_deref() == Some(name));
        Some((rows, begun))
    }

    /// The number of the next frame.
    pub(super) fn next(&self) -> Option<u64> {
        Some(self.count.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Keeps what is noted of a frame that waits.
    pub(super) fn keep(&self, order: u64, note: Box<Note>) {
        lock(&self.waiting).insert(order, note);
    }

    /// What is noted of a frame that waited.
    pub(super) fn take(&self, order: u64) -> Option<Box<Note>> {
        if !self.wanted() {
            return None;
        }
        lock(&self.waiting).remove(&order)
    }

    fn settle(&self, note: &Note) {
        if self.keeps_fates() {
            let mut fates = lock(&self.fates);
            if fates.len() < MOST {
                fates.push(note.row.clone());
            }
        }
        self.session.events.emit(|| Event::Frame(&note.row));
        note.captures.iter().for_each(|capture| capture.row(&record::json::line(&record::Row::Frame(&note.row))));
    }
}

/// What is still on its way at the end is noted as that.
impl AtEnd for Notes {
    fn at_end(&self) {
        let waiting = std::mem::take(&mut *lock(&self.waiting));
        for mut note in waiting.into_values() {
            note.row.fate = fates::IN_FLIGHT.into();
            self.settle(&note);
        }
    }
}

impl Note {
    /// Enters what a policy decided.
    pub(super) fn decided(&mut self, decided: &Decided, site: &Site) {
        self.row.decided(decided, Some(site));
    }

    /// That of a copy that a policy adds.
    pub(super) fn copy(&self) -> Box<Self> {
        let mut copy = self.clone();
        copy.row.fate = fates::DUPLICATED.into();
        Box::new(copy)
    }
}

impl Relay {
    /// A frame that comes onto the link at `at` now, with what its connection makes of it, and with a note where anybody wants
    /// one.
    pub(super) fn going<'a>(&mut self, at: EndId, bytes: Bytes<'a>, frame: Frame) -> Going<'a> {
        let (time, link) = (self.time, &mut self.links[at.link]);
        let segment = link.connections.see(&bytes, &frame, time.now.as_nanos());
        let lane = &link.lanes[at.side];
        let carried = Carried { bytes: &bytes, frame: &frame, way: &lane.way, segment };
        let note = self.shared.notes.wanted().then(|| {
            let captures = row_captures(link);
            let row = FrameRow { number: self.shared.notes.next(), ..FrameRow::new(time.wall, &carried) };
            Box::new(Note { row, captures })
        });
        Going { bytes, frame, comment: None, extra: false, segment, note }
    }

    /// Notes that a frame has come into the host.
    pub(super) fn arrived(&self, note: Option<Box<Note>>) {
        if let Some(mut note) = note {
            note.row.arrival_ns = Some(self.time.wall);
            self.shared.notes.settle(&note);
        }
    }

    /// Notes that a frame was lost, by what was decided about it, or else at `site` for this reason.
    pub(super) fn was_lost(&self, note: Option<Box<Note>>, why: Option<(&'static str, &Site)>) {
        if let Some(mut note) = note {
            if let Some((why, site)) = why {
                note.row.lost(why, site);
            }
            note.row.lost_ns = Some(self.time.wall);
            self.shared.notes.settle(&note);
        }
    }
}

impl Going<'_> {
    /// Notes that it waits so long, in a queue or by a verdict.
    pub(super) fn waits(&mut self, time: Duration) {
        if let Some(note) = &mut self.note {
            note.row.waited_ns += time.as_nanos();
        }
    }

    /// Notes that it carries something else from now on.
    pub(super) fn is_changed(&mut self) {
        if let Some(note) = &mut self.note {
            note.row.carries(self.bytes.get(self.frame.payload()).unwrap_or_default());
        }
    }
}

/// The recordings of rows of a link and of the hosts at its ends, each once.
fn row_captures(link: &LinkState) -> Vec<Arc<Capture>> {
    let mut found: Vec<Arc<Capture>> = Vec::new();
    for captures in link.recordings() {
        for capture in captures.of_rows() {
            if !found.iter().any(|known| Arc::ptr_eq(known, capture)) {
                found.push(capture.clone());
            }
        }
    }
    found
}
