//! The relay of a lab's links as a state machine: a frame comes onto a link at a time, something is due next, frames go out.
//!
//! It has no clock, socket or thread: time is an argument, and what goes out is given to an [`Output`]. What drives it
//! calls [`Relay::receive`] for each frame that a host sends, and [`Relay::serve_due`] when [`Relay::next_due`] has come.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::RelayShared;
use super::counters::{Count, Counters};
use super::lane::{Due, Then};
use super::link::{Rules, lock};
use super::note::Note;
use super::pieces::Pieces;
use super::state::LinkState;
use crate::net::host::bugs;
use crate::net::host::room::{FRAMES, Reserved};
use crate::net::socket::session::AtEnd;
use crate::net::time::Instant;
use crate::net::wire::connections::Segment;
use crate::net::wire::frame::Frame;

/// How many frames may wait in a lab until they are due; how many bytes, [`crate::net::host::room::FRAMES`] says. Beyond that the
/// latest is lost.
const ROOM: usize = 200_000;

/// What a frame that waits takes beside its bytes.
const BESIDE: usize = 192;

/// When a step is: by the monotonic clock and, for captures and events, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    /// By the monotonic clock.
    pub now: Instant,
    /// In nanoseconds since 1970.
    pub wall: i64,
}

/// An end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndId {
    /// Which link: the first is 0.
    pub link: usize,
    /// Which of its ends: 0 or 1.
    pub side: usize,
}

impl EndId {
    /// The other end of the link.
    pub fn far(self) -> Self {
        Self { side: 1 - self.side, ..self }
    }
}

/// The bytes of a frame on its way.
#[derive(Debug)]
pub enum Bytes<'a> {
    /// Those that [`Relay::receive`] was given, in a place of their owner.
    Received(&'a mut [u8]),
    /// Others, or a copy.
    Own(Vec<u8>),
}

/// Where frames go that leave a link.
pub trait Output {
    /// Gives a frame to the host at an end of a link.
    fn send(&mut self, to: EndId, bytes: Bytes<'_>);
}

/// A frame on its way: its bytes, what it carries, and what there is to say of it in a capture.
pub(super) struct Going<'a> {
    pub(super) bytes: Bytes<'a>,
    pub(super) frame: Frame,
    pub(super) comment: Option<String>,
    /// Whether it is not one that a host sent, and not to be counted.
    pub(super) extra: bool,
    /// What it is in its TCP connection.
    pub(super) segment: Option<Segment>,
    /// What is noted of it, where anybody wants that.
    pub(super) note: Option<Box<Note>>,
}

/// Carries the frames of a lab from one end of a link to the other.
#[derive(Debug)]
pub struct Relay {
    pub(super) shared: Arc<RelayShared>,
    pub(super) links: Vec<LinkState>,
    due: BinaryHeap<Reverse<Due>>,
    order: u64,
    /// What all that wait take.
    held: Reserved,
    /// Datagrams that go in fragments.
    pub(super) pieces: Pieces,
    /// When the step is that is made.
    pub(super) time: Time,
}

impl Relay {
    /// A relay without links.
    pub fn new(shared: Arc<RelayShared>) -> Self {
        let (links, due, pieces) = (Vec::new(), BinaryHeap::new(), Pieces::default());
        let time = Time { now: Instant::from_nanos(0), wall: 0 };
        Self { shared, links, due, order: 0, held: Reserved::new(&FRAMES), pieces, time }
    }

    /// Carries the frames of one more link; its number.
    pub fn add(&mut self, link: LinkState) -> usize {
        self.links.push(link);
        self.links.len() - 1
    }

    /// Has a frame that the host at `from` sent come onto its link; `None`: one that is longer than any can be.
    pub fn receive(&mut self, from: EndId, bytes: Option<Bytes<'_>>, time: Time, out: &mut dyn Output) {
        self.time = time;
        self.contained(from, |relay| relay.take(from, bytes, out));
    }

    /// When a frame is due next.
    pub fn next_due(&self) -> Option<Instant> {
        self.due.peek().map(|Reverse(first)| first.due)
    }

    /// Has the frame that is due first, if it is due by now, do what it waited for; whether there was one.
    pub fn serve_due(&mut self, time: Time, out: &mut dyn Output) -> bool {
        if self.next_due().is_none_or(|due| due > time.now) {
            return false;
        }
        self.time = time;
        let Some(Reverse(Due { at, then, bytes, extra, comment, segment, order, .. })) = self.due.pop() else {
            return false;
        };
        let note = self.shared.notes.take(order);
        self.let_go(bytes.len());
        if let Some(frame) = Frame::parse(&bytes) {
            let going = Going { bytes: Bytes::Own(bytes), frame, comment, extra, segment, note };
            self.contained(at, |relay| relay.serve(at, going, then, out));
        }
        true
    }

    fn serve(&mut self, at: EndId, going: Going<'_>, then: Then, out: &mut dyn Output) {
        match then {
            Then::Arrive => {
                let rules = self.links[at.link].lanes[at.side].rules().clone();
                if rules.down {
                    self.lose(at, going, "link down", Count::Down, &Rules { capture: None, ..rules });
                } else {
                    self.arrive(at, going, out);
                }
            }
            Then::TurnBack => self.turn_back(at, going, out),
            Then::ComeIn => {
                self.arrived(going.note);
                out.send(at.far(), going.bytes);
            }
        }
    }

    /// Does what is to be done with one frame that came from `at`. Should that meet a bug, this frame is lost, and no other.
    fn contained(&mut self, at: EndId, step: impl FnOnce(&mut Self)) {
        if !bugs::contained(|| step(self)) {
            self.counters(at).one(Count::Unusable);
        }
    }

    /// Has a frame wait until it is due.
    pub(super) fn keep(&mut self, at: EndId, going: Going<'_>, due: Instant, then: Then) {
        let bytes = going.bytes.into_vec();
        self.order += 1;
        self.hold(bytes.len());
        let (order, extra, comment, segment) = (self.order, going.extra, going.comment, going.segment);
        if let Some(note) = going.note {
            self.shared.notes.keep(order, note);
        }
        self.due.push(Reverse(Due { due, order, at, then, bytes, extra, comment, segment }));
    }

    /// Whether one more frame can wait until it is due.
    pub(super) fn has_room(&self, len: usize) -> bool {
        self.due.len() < ROOM && self.may_hold(len)
    }

    /// Whether there is memory for one more frame of `len` bytes, here or in what carries on what goes out.
    pub fn may_hold(&self, len: usize) -> bool {
        self.held.may_hold(self.held.bytes() + len + BESIDE)
    }

    /// Notes that a frame of `len` bytes waits.
    pub fn hold(&mut self, len: usize) {
        self.held.set(self.held.bytes() + len + BESIDE);
    }

    /// Notes that a frame of `len` bytes waits no more.
    pub fn let_go(&mut self, len: usize) {
        self.held.set(self.held.bytes().saturating_sub(len + BESIDE));
    }

    /// Counts a frame that came to the far end of its link, `to`, and that the host there did not get.
    pub fn note_undelivered(&self, to: EndId) {
        self.counters(to.far()).one(Count::Undelivered);
    }

    /// Counts frames that the host at `from` sent and that were lost before they came onto the link: `lost` so far.
    pub fn note_overrun(&self, from: EndId, lost: u64, now: Instant) {
        let lane = &self.links[from.link].lanes[from.side];
        let before = lane.counters.get(Count::Overrun);
        if lost > before {
            lane.counters.set(Count::Overrun, lost);
            self.shared.session.loss_report.overrun(&lane.way.link, lost - before, now);
        }
    }

    /// Whether frames are recorded.
    pub fn is_recording(&self) -> bool {
        let was_ever = self.shared.recording.load(Ordering::Relaxed);
        was_ever && self.links.iter().any(|link| link.recordings().next().is_some())
    }

    /// Writes out what is recorded.
    pub fn flush_recordings(&self) {
        self.links.iter().flat_map(LinkState::recordings).for_each(|recording| recording.flush());
    }

    fn counters(&self, from: EndId) -> &Counters {
        &self.links[from.link].lanes[from.side].counters
    }
}

/// Lets go of policies and recordings: a policy may hold on to the links and hosts of this very lab, which would then be
/// there for ever.
impl Drop for Relay {
    fn drop(&mut self) {
        let lanes = self.links.iter().flat_map(|link| link.lanes.each_ref());
        let mut gone: Vec<Rules> = lanes.map(|lane| lane.rules().take()).collect();
        let ingresses: Vec<_> = lock(&self.shared.ingresses).values().cloned().collect();
        gone.extend(ingresses.iter().map(|ingress| ingress.take()));
        // Here, under no lock.
        drop(gone);
        self.shared.notes.at_end();
    }
}

impl Bytes<'_> {
    /// The bytes, to be kept.
    pub fn into_vec(self) -> Vec<u8> {
        match self {
            Self::Received(bytes) => bytes.to_vec(),
            Self::Own(bytes) => bytes,
        }
    }
}

impl Deref for Bytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Received(bytes) => bytes,
            Self::Own(bytes) => bytes,
        }
    }
}

impl DerefMut for Bytes<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Received(bytes) => bytes,
            Self::Own(bytes) => bytes,
        }
    }
}
