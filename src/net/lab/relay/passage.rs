//! The passage of a frame: what it meets from its coming onto a link until it comes into a host.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::sync::atomic::Ordering;

use super::counters::Count;
use super::lane::{Due, Then};
use super::link::{Placed, Rules};
use super::run::{At, Runner};
use super::verdict::{Fate, What, announce, fate, words};
use super::wire::Body;
use crate::net::policy::Action;
use crate::net::policy::input::{Carried, Site, Subject};
use crate::net::policy::judged::Judged;
use crate::net::sys::Frames;
use crate::net::time::{Duration, Instant};
use crate::net::wire::frame::{Frame, HEADER_LEN};
use crate::net::wire::ip::Protocol;

/// How many frames may wait in a lab until they are due; how many bytes, [`crate::net::host::room::FRAMES`] says. Beyond that the
/// latest is lost, as in a full queue.
const ROOM: usize = 200_000;

/// What a frame that waits takes beside its bytes.
pub(super) const BESIDE: usize = 192;

/// A frame on its way: its bytes, what it carries, and what there is to say of it in a capture.
pub(super) struct Going {
    pub(super) body: Body,
    pub(super) frame: Frame,
    pub(super) comment: Option<String>,
    /// Whether it is not one that a host sent, and not to be counted.
    pub(super) extra: bool,
}

/// Where a policy decided about a frame.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Link,
    Ingress,
}

impl Runner {
    /// Takes in a frame that was read.
    pub(super) fn take(&mut self, frames: &mut Frames, at: At, index: usize, rules: &Rules) {
        let lane = &self.wires[at.0].lanes[at.1];
        lane.counters.one(Count::Frames);
        let Some(bytes) = frames.get(index) else { return lane.counters.one(Count::Unusable) };
        lane.counters.add(Count::Bytes, bytes.len() as u64);
        let Some(frame) = Frame::parse(bytes) else { return lane.counters.one(Count::Unusable) };
        if frame.malformed {
            lane.counters.one(Count::Malformed);
        }
        let end = &self.wires[at.0].ends[at.1];
        if let Some(Rules { capture: Some(capture), .. }) = end.ingress.watched() {
            capture.record(&end.interface, self.wall, bytes, None);
        }
        if frame.ip.is_some_and(|ip| ip.fragment.is_some()) {
            self.pieces.see(&self.shared.session, &Carried { bytes, frame: &frame, way: &lane.way });
        }
        let going = Going { body: Body::Slot(index), frame, comment: None, extra: false };
        self.enter(frames, at, going, rules);
    }

    /// Has a frame come onto a link: past its policy.
    fn enter(&mut self, frames: &mut Frames, at: At, going: Going, rules: &Rules) {
        if rules.down {
            return self.lose(frames, at, going, "link down", Count::Down, rules);
        }
        match &rules.policy {
            None => self.schedule(frames, at, going, Duration::ZERO, rules),
            Some(placed) => self.judge(frames, at, going, placed, Stage::Link, rules),
        }
    }

    /// Has a policy decide about a frame, and carries its verdict out.
    fn judge(&mut self, frames: &mut Frames, at: At, mut going: Going, placed: &Placed, stage: Stage, rules: &Rules) {
        let wire = &self.wires[at.0];
        let (lane, far) = (wire.lanes[at.1].clone(), &wire.ends[1 - at.1]);
        let ingress = far.ingress.clone();
        let counters = if stage == Stage::Link { &lane.counters } else { &ingress.counters };
        let bytes = going.body.bytes(frames);
        let carried = Carried { bytes, frame: &going.frame, way: &lane.way };
        let judged = placed.judge.judge(&mut placed.judge.turn(), &Subject::Frame(carried));
        if !judged.draws.is_empty() || judged.verdict.action == Action::Corrupt {
            self.drew_for(&going.frame);
        }
        if judged.verdict.action == Action::Pass {
            if judged.is_failure() {
                counters.one(Count::Failed);
            }
            return self.go_on(frames, at, going, Duration::ZERO, stage, rules);
        }
        let offender = far.offender(&going.frame);
        let largest = far.port.mtu as usize + going.frame.start.max(HEADER_LEN);
        let fate = fate(&carried, &judged, placed, offender, largest, &|count, n| counters.add(count, n));
        if !matches!(fate, Fate::Pass) {
            let known = (&*self.shared.session, &mut self.pieces);
            announce(known, (self.now, self.wall), &carried, What::Judged(Cow::Borrowed(&judged)), &placed.site);
            if rules.capture.is_some() || stage == Stage::Ingress {
                going.comment = Some(words(&judged));
            }
        }
        match fate {
            Fate::Pass => self.go_on(frames, at, going, Duration::ZERO, stage, rules),
            Fate::Late(by) => self.go_on(frames, at, going, by, stage, rules),
            Fate::Damaged(bit) => {
                let bytes = going.body.bytes_mut(frames);
                if let Some(byte) = bytes.get_mut(bit / 8) {
                    *byte ^= 1 << (bit % 8);
                }
                going.frame = Frame::parse(bytes).unwrap_or(going.frame);
                self.go_on(frames, at, going, Duration::ZERO, stage, rules);
            }
            Fate::Other(new) => {
                going.frame = Frame::parse(&new).unwrap_or(going.frame);
                going.body = Body::Own(new);
                self.go_on(frames, at, going, Duration::ZERO, stage, rules);
            }
            Fate::Copied(times) => {
                for _ in 0..times {
                    let body = Body::Own(going.body.bytes(frames).to_vec());
                    let copy = Going { body, frame: going.frame, comment: going.comment.clone(), extra: true };
                    self.go_on(frames, at, copy, Duration::ZERO, stage, rules);
                }
                self.go_on(frames, at, going, Duration::ZERO, stage, rules);
            }
            Fate::Lost => self.record_lost(frames, at, &going, stage, rules),
            Fate::Answered(answer) => {
                self.record_lost(frames, at, &going, stage, rules);
                self.answer(frames, at, answer, &judged, stage, rules);
            }
        }
    }

    /// Has a frame go on from where a policy let it.
    fn go_on(&mut self, frames: &mut Frames, at: At, going: Going, by: Duration, stage: Stage, rules: &Rules) {
        match stage {
            Stage::Link => self.schedule(frames, at, going, by, rules),
            Stage::Ingress => self.admit(frames, at, going, by, rules),
        }
    }

    /// Sends back the answer to a frame that was rejected: from a link, it takes as long as the frame would have and the way
    /// back; from an ingress, it comes onto the link as what the host itself sends.
    fn answer(&mut self, frames: &mut Frames, at: At, answer: Vec<u8>, judged: &Judged, stage: Stage, rules: &Rules) {
        let Some(frame) = Frame::parse(&answer) else { return };
        let comment = Some(format!("sent by {}", words(judged)));
        let going = Going { body: Body::Own(answer), frame, comment, extra: true };
        let back = (at.0, 1 - at.1);
        match stage {
            Stage::Link => {
                let by = self.wires[at.0].states[at.1].time_over(&rules.options, frame.len);
                if by > Duration::ZERO {
                    if self.has_room(frame.len) {
                        self.keep(frames, at, going, self.now + by, Then::TurnBack);
                    }
                } else {
                    self.turn_back(frames, at, going);
                }
            }
            Stage::Ingress => {
                let lane = self.wires[back.0].lanes[back.1].clone();
                lane.counters.one(Count::Frames);
                lane.counters.add(Count::Bytes, frame.len as u64);
                let back_rules = lane.rules().clone();
                let end = &self.wires[at.0].ends[1 - at.1];
                if let Some(capture) = &rules.capture {
                    capture.record(&end.interface, self.wall, going.body.bytes(frames), going.comment.as_deref());
                }
                self.enter(frames, back, Going { extra: false, ..going }, &back_rules);
            }
        }
    }

    /// Has an answer go back over the link, past its policy.
    pub(super) fn turn_back(&mut self, frames: &mut Frames, at: At, going: Going) {
        let back = (at.0, 1 - at.1);
        let rules = self.wires[back.0].lanes[back.1].rules().clone();
        if rules.down {
            return self.lose(frames, back, going, "link down", Count::Down, &rules);
        }
        self.schedule(frames, back, going, Duration::ZERO, &rules);
    }

    /// Has a frame wait for its turn and take its time on the link.
    fn schedule(&mut self, frames: &mut Frames, at: At, going: Going, by: Duration, rules: &Rules) {
        let sent = (going.frame.len, going.frame.is_of_kernel());
        if rules.options.jitter > Duration::ZERO {
            self.drew_for(&going.frame);
        }
        let state = &mut self.wires[at.0].states[at.1];
        let Some(due) = state.due(&rules.options, self.now, sent, by) else {
            return self.lose(frames, at, going, "queue full", Count::QueueFull, rules);
        };
        if due > self.now && !self.has_room(going.frame.len) {
            return self.lose(frames, at, going, "queue full", Count::QueueFull, rules);
        }
        self.record(frames, at, &going, rules);
        if due > self.now {
            self.keep(frames, at, going, due, Then::Arrive);
        } else {
            self.arrive(frames, at, going);
        }
    }

    /// Notes that a random number decided about a frame. Which segments TCP sends is not the same in the next run.
    fn drew_for(&self, frame: &Frame) {
        if frame.ip.is_some_and(|ip| ip.protocol == Protocol::TCP) {
            self.shared.session.drew_for_segments.store(true, Ordering::Relaxed);
        }
    }

    /// Whether one more frame can wait.
    fn has_room(&self, len: usize) -> bool {
        self.due.len() < ROOM && self.held.may_hold(self.held.bytes() + len + BESIDE)
    }

    fn keep(&mut self, frames: &Frames, at: At, going: Going, due: Instant, then: Then) {
        let bytes = match going.body {
            Body::Own(bytes) => bytes,
            body => body.bytes(frames).to_vec(),
        };
        self.order += 1;
        self.held.set(self.held.bytes() + bytes.len() + BESIDE);
        let (order, extra) = (self.order, going.extra);
        self.due.push(Reverse(Due { due, order, at, then, bytes, extra, comment: going.comment }));
    }

    /// Has a frame arrive at the far end: at the ingress of the host there.
    pub(super) fn arrive(&mut self, frames: &mut Frames, at: At, going: Going) {
        let wire = &self.wires[at.0];
        if !going.extra {
            wire.lanes[at.1].counters.one(Count::Passed);
        }
        let ingress = &wire.ends[1 - at.1].ingress;
        let Some(rules) = ingress.watched() else { return self.push(at, going.body) };
        let Some(placed) = &rules.policy else {
            return self.admit(frames, at, Going { comment: None, ..going }, Duration::ZERO, &rules);
        };
        if !going.extra {
            ingress.counters.one(Count::Frames);
            ingress.counters.add(Count::Bytes, going.frame.len as u64);
        }
        self.judge(frames, at, Going { comment: None, ..going }, placed, Stage::Ingress, &rules);
    }

    /// Has a frame come into the host, now or later.
    fn admit(&mut self, frames: &mut Frames, at: At, going: Going, by: Duration, rules: &Rules) {
        let (lane, end) = (&self.wires[at.0].lanes[at.1], &self.wires[at.0].ends[1 - at.1]);
        let is_full = by > Duration::ZERO && !self.has_room(going.frame.len);
        if rules.policy.is_some() && !going.extra {
            end.ingress.counters.one(if is_full { Count::QueueFull } else { Count::Passed });
        }
        if is_full {
            let bytes = going.body.bytes(frames);
            let carried = Carried { bytes, frame: &going.frame, way: &lane.way };
            let site = Site::Ingress(lane.way.to.clone());
            let known = (&*self.shared.session, &mut self.pieces);
            return announce(known, (self.now, self.wall), &carried, What::Lost("queue full"), &site);
        }
        if let Some(capture) = &rules.capture {
            capture.record(&end.interface, self.wall, going.body.bytes(frames), going.comment.as_deref());
        }
        if by > Duration::ZERO {
            self.keep(frames, at, going, self.now + by, Then::ComeIn);
        } else {
            self.push(at, going.body);
        }
    }

    /// Gives a frame to the far end, with the next call.
    pub(super) fn push(&mut self, at: At, body: Body) {
        let far = (at.0, 1 - at.1);
        let out = &mut self.wires[far.0].ends[far.1].out;
        if out.is_empty() {
            self.touched.push(far);
        }
        out.push(body);
    }

    /// Counts a frame that is lost for a reason that is no policy's.
    pub(super) fn lose(
        &mut self,
        frames: &Frames,
        at: At,
        going: Going,
        why: &'static str,
        count: Count,
        rules: &Rules,
    ) {
        let lane = &self.wires[at.0].lanes[at.1];
        if !going.extra {
            lane.counters.one(count);
        }
        let bytes = going.body.bytes(frames);
        let carried = Carried { bytes, frame: &going.frame, way: &lane.way };
        let site = Site::Link(lane.way.link.clone());
        let known = (&*self.shared.session, &mut self.pieces);
        announce(known, (self.now, self.wall), &carried, What::Lost(why), &site);
        if let Some(capture) = &rules.capture {
            capture.record(&lane.interface, self.wall, bytes, Some(&format!("dropped: {why}")));
        }
    }

    fn record(&self, frames: &Frames, at: At, going: &Going, rules: &Rules) {
        if let Some(capture) = &rules.capture {
            let interface = &self.wires[at.0].lanes[at.1].interface;
            capture.record(interface, self.wall, going.body.bytes(frames), going.comment.as_deref());
        }
    }

    /// Records a frame that a policy has lost.
    fn record_lost(&self, frames: &Frames, at: At, going: &Going, stage: Stage, rules: &Rules) {
        match stage {
            Stage::Link => self.record(frames, at, going, rules),
            Stage::Ingress => {
                if let Some(capture) = &rules.capture {
                    let interface = &self.wires[at.0].ends[1 - at.1].interface;
                    capture.record(interface, self.wall, going.body.bytes(frames), going.comment.as_deref());
                }
            }
        }
    }
}
