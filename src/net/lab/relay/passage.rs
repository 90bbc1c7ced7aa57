//! The passage of a frame: what it meets from its coming onto a link until it comes into a host.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::counters::Count;
use super::lane::Then;
use super::link::{Link, Placed, Rules};
use super::machine::{Bytes, EndId, Going, Output, Relay};
use super::verdict::{FrameFate, What, announce, fate, words};
use crate::net::policy::Action;
use crate::net::policy::decided::Decided;
use crate::net::policy::input::{Carried, FrameDirection, PolicyInput, Site};
use crate::net::time::Duration;
use crate::net::wire::frame::{Frame, HEADER_LEN};
use crate::net::wire::ip::Protocol;

/// Where a frame is: on a link, or at the ingress of the host it goes to; and what holds there.
#[derive(Clone, Copy)]
enum PassageStage<'a> {
    Link(&'a Rules),
    Ingress(&'a Rules),
}

impl Going<'_> {
    fn carried<'a>(&'a self, way: &'a Arc<FrameDirection>) -> Carried<'a> {
        Carried { bytes: &self.bytes, frame: &self.frame, way, segment: self.segment }
    }
}

impl Relay {
    /// Takes in a frame that a host has sent.
    pub(super) fn take(&mut self, at: EndId, bytes: Option<Bytes<'_>>, out: &mut dyn Output) {
        let link = &self.links[at.link];
        let lane = &link.lanes[at.side];
        lane.counters.one(Count::Frames);
        let Some(bytes) = bytes else { return lane.counters.one(Count::Unusable) };
        lane.counters.add(Count::Bytes, bytes.len() as u64);
        let Some(frame) = Frame::parse(&bytes) else { return lane.counters.one(Count::Unusable) };
        if frame.malformed {
            lane.counters.one(Count::Malformed);
        }
        let end = &link.ends[at.side];
        if let Some(Rules { capture: Some(capture), .. }) = end.ingress.watched() {
            capture.record(&end.interface, self.time.wall, &bytes, None);
        }
        if frame.ip.is_some_and(|ip| ip.fragment.is_some()) {
            let carried = Carried { bytes: &bytes, frame: &frame, way: &lane.way, segment: None };
            self.pieces.see(&self.shared.session, &carried);
        }
        if link.lanes[0].planned.is_due(self.time.now) {
            Link { lanes: link.lanes.clone(), shared: self.shared.clone() }.catch_up(self.time.now);
        }
        let rules = lane.rules().clone();
        let going = self.going(at, bytes, frame);
        self.enter(at, going, &rules, out);
    }

    /// Has a frame come onto a link: past its policy.
    fn enter(&mut self, at: EndId, going: Going<'_>, rules: &Rules, out: &mut dyn Output) {
        if rules.down {
            return self.lose(at, going, "link down", Count::Down, rules);
        }
        match &rules.policy {
            None => self.schedule(at, going, Duration::ZERO, rules, out),
            Some(placed) => self.decide(at, going, placed, PassageStage::Link(rules), out),
        }
    }

    /// Has a policy decide about a frame, and carries its verdict out.
    fn decide(
        &mut self,
        at: EndId,
        mut going: Going<'_>,
        placed: &Placed,
        stage: PassageStage<'_>,
        out: &mut dyn Output,
    ) {
        let link = &self.links[at.link];
        let (lane, far) = (link.lanes[at.side].clone(), &link.ends[1 - at.side]);
        let ingress = far.ingress.clone();
        let (counters, rules) = match stage {
            PassageStage::Link(rules) => (&lane.counters, rules),
            PassageStage::Ingress(rules) => (&ingress.counters, rules),
        };
        let carried = going.carried(&lane.way);
        let decided = placed.policy.decide(&mut placed.policy.lock_flows(), &PolicyInput::Frame(carried));
        if !decided.draws.is_empty() || decided.verdict.action == Action::Corrupt {
            self.drew_for(&going.frame);
        }
        if decided.verdict.action == Action::Pass {
            if decided.is_failure() {
                counters.one(Count::Failed);
            }
            return self.go_on(at, going, Duration::ZERO, stage, out);
        }
        let offender = far.offender(&going.frame);
        let largest = far.mtu as usize + going.frame.start.max(HEADER_LEN);
        let fate = fate(&carried, &decided, placed, offender, largest, &|count, n| counters.add(count, n));
        if !matches!(fate, FrameFate::Pass) {
            let known = (&*self.shared.session, &mut self.pieces);
            announce(known, self.time, &carried, What::Decided(Cow::Borrowed(&decided)), &placed.site);
            if rules.capture.is_some() {
                going.comment = Some(words(&decided));
            }
            if let Some(note) = &mut going.note {
                note.decided(&decided, &placed.site);
            }
        }
        if let FrameFate::SentBack(reply) = fate {
            self.record(at, &going, stage);
            self.was_lost(going.note, None);
            return self.reply(at, reply, (&decided, &placed.site), stage, out);
        }
        self.carry_out(at, going, fate, stage, out);
    }

    /// Does with a frame what a verdict says.
    fn carry_out(
        &mut self,
        at: EndId,
        mut going: Going<'_>,
        fate: FrameFate,
        stage: PassageStage<'_>,
        out: &mut dyn Output,
    ) {
        let mut by = Duration::ZERO;
        match fate {
            FrameFate::Pass => {}
            FrameFate::Late(delay) => {
                going.waits(delay);
                by = delay;
            }
            FrameFate::Damaged(bit) => {
                if let Some(byte) = going.bytes.get_mut(bit / 8) {
                    *byte ^= 1 << (bit % 8);
                }
                going.frame = Frame::parse(&going.bytes).unwrap_or(going.frame);
                going.is_changed();
            }
            FrameFate::Other(new) => {
                going.frame = Frame::parse(&new).unwrap_or(going.frame);
                going.bytes = Bytes::Own(new);
                going.is_changed();
            }
            FrameFate::Copied(times) => {
                for _ in 0..times {
                    let (bytes, comment) = (Bytes::Own(going.bytes.to_vec()), going.comment.clone());
                    let note = going.note.as_ref().map(|note| note.copy());
                    self.go_on(at, Going { bytes, comment, note, extra: true, ..going }, by, stage, out);
                }
            }
            FrameFate::Lost | FrameFate::SentBack(_) => {
                self.record(at, &going, stage);
                return self.was_lost(going.note, None);
            }
        }
        self.go_on(at, going, by, stage, out);
    }

    /// Has a frame go on from where a policy let it.
    fn go_on(&mut self, at: EndId, going: Going<'_>, by: Duration, stage: PassageStage<'_>, out: &mut dyn Output) {
        match stage {
            PassageStage::Link(rules) => self.schedule(at, going, by, rules, out),
            PassageStage::Ingress(rules) => self.admit(at, going, by, rules, out),
        }
    }

    /// Sends back the reply to a frame that was rejected: from a link, it takes as long as the frame would have and the way
    /// back; from an ingress, it comes onto the link as what the host itself sends.
    fn reply(
        &mut self,
        at: EndId,
        reply: Vec<u8>,
        (decided, site): (&Decided, &Site),
        stage: PassageStage<'_>,
        out: &mut dyn Output,
    ) {
        let Some(frame) = Frame::parse(&reply) else { return };
        let mut going = self.going(at.far(), Bytes::Own(reply), frame);
        (going.comment, going.extra) = (Some(format!("sent by {}", words(decided))), true);
        if let Some(note) = &mut going.note {
            note.row.caused(decided, Some(site));
        }
        let link = &self.links[at.link];
        match stage {
            PassageStage::Link(rules) => {
                let by = link.states[at.side].time_over(&rules.options, frame.len);
                if by == Duration::ZERO {
                    self.turn_back(at, going, out);
                } else if self.has_room(frame.len) {
                    self.keep(at, going, self.time.now + by, Then::TurnBack);
                }
            }
            PassageStage::Ingress(_) => {
                let back = &link.lanes[at.far().side];
                back.counters.one(Count::Frames);
                back.counters.add(Count::Bytes, frame.len as u64);
                let back_rules = back.rules().clone();
                self.record(at, &going, stage);
                self.enter(at.far(), Going { extra: false, ..going }, &back_rules, out);
            }
        }
    }

    /// Has a reply go back over the link, past its policy.
    pub(super) fn turn_back(&mut self, at: EndId, mut going: Going<'_>, out: &mut dyn Output) {
        let back = at.far();
        if let Some(note) = &mut going.note {
            (note.row.time_ns, note.row.number) = (self.time.wall, self.shared.notes.next());
        }
        let rules = self.links[back.link].lanes[back.side].rules().clone();
        if rules.down {
            return self.lose(back, going, "link down", Count::Down, &rules);
        }
        self.schedule(back, going, Duration::ZERO, &rules, out);
    }

    /// Has a frame wait for its turn and take its time on the link.
    fn schedule(&mut self, at: EndId, mut going: Going<'_>, by: Duration, rules: &Rules, out: &mut dyn Output) {
        let (len, now) = (going.frame.len, self.time.now);
        if rules.options.jitter > Duration::ZERO {
            self.drew_for(&going.frame);
        }
        let state = &mut self.links[at.link].states[at.side];
        let Some(due) = state.due(&rules.options, now, (len, going.frame.is_of_kernel()), by) else {
            return self.lose(at, going, "queue full", Count::QueueFull, rules);
        };
        going.waits(state.queued);
        if due > now && !self.has_room(len) {
            return self.lose(at, going, "no room", Count::NoRoom, rules);
        }
        self.record(at, &going, PassageStage::Link(rules));
        if due > now {
            self.keep(at, going, due, Then::Arrive);
        } else {
            self.arrive(at, going, out);
        }
    }

    /// Notes that a random number decided about a frame. Which segments TCP sends is not the same in the next run.
    fn drew_for(&self, frame: &Frame) {
        if frame.ip.is_some_and(|ip| ip.protocol == Protocol::TCP) {
            self.shared.session.drew_for_segments.store(true, Ordering::Relaxed);
        }
    }

    /// Has a frame arrive at the far end: at the ingress of the host there.
    pub(super) fn arrive(&mut self, at: EndId, going: Going<'_>, out: &mut dyn Output) {
        let link = &self.links[at.link];
        if !going.extra {
            link.lanes[at.side].counters.one(Count::Passed);
        }
        let ingress = &link.ends[1 - at.side].ingress;
        let Some(rules) = ingress.watched() else {
            self.arrived(going.note);
            return out.send(at.far(), going.bytes);
        };
        let going = Going { comment: None, ..going };
        let Some(placed) = &rules.policy else { return self.admit(at, going, Duration::ZERO, &rules, out) };
        if !going.extra {
            ingress.counters.one(Count::Frames);
            ingress.counters.add(Count::Bytes, going.frame.len as u64);
        }
        self.decide(at, going, placed, PassageStage::Ingress(&rules), out);
    }

    /// Has a frame come into the host, now or later.
    fn admit(&mut self, at: EndId, going: Going<'_>, by: Duration, rules: &Rules, out: &mut dyn Output) {
        let link = &self.links[at.link];
        let is_full = by > Duration::ZERO && !self.has_room(going.frame.len);
        if rules.policy.is_some() && !going.extra {
            let counters = &link.ends[1 - at.side].ingress.counters;
            counters.one(if is_full { Count::NoRoom } else { Count::Passed });
        }
        if is_full {
            let site = Site::Ingress(link.lanes[at.side].way.to.clone());
            self.announce_lost(at, &going, "no room", &site);
            return self.was_lost(going.note, Some(("no room", &site)));
        }
        self.record(at, &going, PassageStage::Ingress(rules));
        if by > Duration::ZERO {
            self.keep(at, going, self.time.now + by, Then::ComeIn);
        } else {
            self.arrived(going.note);
            out.send(at.far(), going.bytes);
        }
    }

    /// Counts a frame that is lost for a reason that is no policy's.
    pub(super) fn lose(&mut self, at: EndId, mut going: Going<'_>, why: &'static str, count: Count, rules: &Rules) {
        let lane = &self.links[at.link].lanes[at.side];
        if !going.extra {
            lane.counters.one(count);
        }
        let site = Site::Link(lane.way.link.clone());
        self.announce_lost(at, &going, why, &site);
        if rules.capture.is_some() {
            going.comment = Some(format!("dropped: {why}"));
            self.record(at, &going, PassageStage::Link(rules));
        }
        self.was_lost(going.note, Some((why, &site)));
    }

    fn announce_lost(&mut self, at: EndId, going: &Going<'_>, why: &'static str, site: &Site) {
        let carried = going.carried(&self.links[at.link].lanes[at.side].way);
        announce((&self.shared.session, &mut self.pieces), self.time, &carried, What::Lost(why), site);
    }

    /// Records a frame that came from `at`: as it is on the link, or at the host it goes to.
    fn record(&self, at: EndId, going: &Going<'_>, stage: PassageStage<'_>) {
        let link = &self.links[at.link];
        let (interface, rules) = match stage {
            PassageStage::Link(rules) => (&link.lanes[at.side].interface, rules),
            PassageStage::Ingress(rules) => (&link.ends[1 - at.side].interface, rules),
        };
        if let Some(capture) = &rules.capture {
            capture.record(interface, self.time.wall, &going.bytes, going.comment.as_deref());
        }
    }
}
