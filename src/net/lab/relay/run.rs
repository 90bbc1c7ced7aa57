//! The thread that carries frames: it reads each end of each link in turn, sends on what goes on at once, and keeps the rest
//! until it is due. What is due is served between any two reads.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::capture::Capture;
use super::counters::Count;
use super::lane::{Due, LaneState, Then};
use super::link::{DoorState, Lane, Placed, Rules, lock};
use super::verdict::{Fate, announce, announce_loss, fate, words};
use super::{Port, Shared};
use crate::net::host::Host;
use crate::net::judge::Judged;
use crate::net::output::Held;
use crate::net::policy::Action;
use crate::net::random::Stream;
use crate::net::stop::Stop;
use crate::net::subject::{Carried, Site, Subject, Way};
use crate::net::sys::{self, FRAMES, Frames, PollFd};
use crate::net::time::{Duration, Instant};
use crate::net::wire::frame::{Frame, HEADER_LEN};

/// How many frames may wait in all until they are due, and how many bytes; beyond that the latest is lost, as in a full
/// queue.
const ROOM: usize = 200_000;
const BYTES: usize = 256 << 20;

/// How many frames may wait for one end to take them.
const BLOCKED: usize = 4096;

/// After so long without a frame, recordings are written out.
const IDLE: Duration = Duration::from_millis(10);

/// After so many errors on end, an end is given up: its interface is gone.
const ERRORS: u32 = 64;

/// A link as the thread has it.
#[derive(Debug)]
pub(super) struct Wire {
    lanes: [Arc<Lane>; 2],
    ends: [End; 2],
    states: [LaneState; 2],
}

/// An end of a link.
#[derive(Debug)]
struct End {
    port: Port,
    door: Arc<DoorState>,
    /// The name of the interface in captures of the host.
    interface: String,
    /// What is to be sent with the next call.
    out: Vec<Body>,
    /// What the port did not take.
    blocked: VecDeque<Vec<u8>>,
    /// Whether frames came as fast as they were read.
    busy: bool,
    errors: u32,
}

/// The bytes of a frame: where they were read, or apart.
#[derive(Debug)]
enum Body {
    Slot(usize),
    Own(Vec<u8>),
}

/// Which link, and from which of its ends.
type At = (usize, usize);

/// Carries the frames of a lab.
#[derive(Debug)]
pub(super) struct Runner {
    shared: Arc<Shared>,
    host: Arc<dyn Host>,
    stop: Stop,
    wires: Vec<Wire>,
    due: BinaryHeap<Reverse<Due>>,
    order: u64,
    /// The length of all that wait.
    bytes: usize,
    /// Ends with something to send.
    touched: Vec<At>,
    /// Buffers to be used again.
    spare: Vec<Vec<u8>>,
    now: Instant,
    wall: i64,
}

impl Wire {
    pub(super) fn new(
        lanes: [Arc<Lane>; 2],
        ports: [Port; 2],
        doors: [Arc<DoorState>; 2],
        jitter: [Stream; 2],
    ) -> Self {
        let [first, second] = ports;
        let [first_door, second_door] = doors;
        let end = |port: Port, door| {
            let interface = format!("{} {}", port.host_name, port.ifname);
            let (out, blocked) = (Vec::new(), VecDeque::new());
            End { port, door, interface, out, blocked, busy: false, errors: 0 }
        };
        Self { lanes, ends: [end(first, first_door), end(second, second_door)], states: jitter.map(LaneState::new) }
    }
}

impl Wire {
    /// The recordings of the link and of the hosts at its ends.
    fn recordings(&self) -> impl Iterator<Item = Arc<Capture>> {
        let of_link = self.lanes[0].rules().capture.clone();
        let of_hosts = self.ends.iter().filter_map(|end| end.door.watched()?.capture);
        of_link.into_iter().chain(of_hosts)
    }
}

impl End {
    /// Which of the host's addresses reports that a frame did not come in: the one that it is for, or else the first of the
    /// same version.
    fn offender(&self, frame: &Frame) -> Option<IpAddr> {
        let to = frame.ip?.destination;
        let of_version = |ip: &&IpAddr| ip.is_ipv4() == to.is_ipv4();
        let own = &self.port.addrs;
        own.iter().find(|ip| **ip == to).or_else(|| own.iter().find(of_version)).copied()
    }
}

impl Body {
    fn bytes<'a>(&'a self, frames: &'a Frames) -> &'a [u8] {
        match self {
            Self::Slot(index) => frames.get(*index).unwrap_or_default(),
            Self::Own(bytes) => bytes,
        }
    }

    fn bytes_mut<'a>(&'a mut self, frames: &'a mut Frames) -> &'a mut [u8] {
        match self {
            Self::Slot(index) => frames.get_mut(*index).unwrap_or_default(),
            Self::Own(bytes) => bytes,
        }
    }
}

/// A frame on its way: its bytes, what it carries, and what there is to say of it in a capture.
struct Going {
    body: Body,
    frame: Frame,
    comment: Option<String>,
    /// Whether it is not one that a host sent, and not to be counted.
    extra: bool,
}

/// Where a policy decided about a frame.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Link,
    Door,
}

impl Runner {
    pub(super) fn new(shared: Arc<Shared>, host: Arc<dyn Host>, stop: Stop) -> Self {
        let (now, wall) = (host.now(), host.unix_nanos());
        let (wires, due, touched, spare) = (Vec::new(), BinaryHeap::new(), Vec::new(), Vec::new());
        Self { shared, host, stop, wires, due, order: 0, bytes: 0, touched, spare, now, wall }
    }

    /// Carries frames until the relay ends, or the stop.
    pub(super) fn run(mut self) {
        let mut frames = Frames::default();
        let mut ready = Vec::new();
        while !self.shared.ended.load(Ordering::Acquire) && !self.stop.is_stopped() {
            self.wires.append(&mut lock(&self.shared.new));
            if self.wait(&mut ready).is_err() {
                break;
            }
            for &at in &ready {
                self.carry(&mut frames, at);
                self.serve_due(&mut frames);
            }
            if ready.is_empty() {
                self.serve_due(&mut frames);
            }
        }
    }

    /// Waits until an end has something, or something is due. This wait is not the host's: what is printed is not written
    /// out first, so that no reader of it holds up the lab.
    fn wait(&mut self, ready: &mut Vec<At>) -> io::Result<()> {
        ready.clear();
        let stop = self.stop.clone();
        let waiting = stop.waiting();
        if stop.is_stopped() {
            return Ok(());
        }
        let recording = self.wires.iter().any(|wire| wire.recordings().next().is_some());
        let now = self.host.now();
        let until = self.due.peek().map(|Reverse(first)| (first.due - now).max(Duration::ZERO));
        let until = match until {
            until if !recording => until,
            until => Some(until.unwrap_or(IDLE).min(IDLE)),
        };
        let mut fds = vec![PollFd::readable(stop.wake_fd()), PollFd::readable(self.shared.wake.as_fd())];
        let mut ends = Vec::with_capacity(2 * self.wires.len());
        for (number, wire) in self.wires.iter().enumerate() {
            for (side, end) in wire.ends.iter().enumerate().filter(|(_, end)| end.errors < ERRORS) {
                fds.push(PollFd::readable(end.port.packets.as_fd()));
                ends.push((number, side));
                if !end.blocked.is_empty() {
                    fds.push(PollFd::writable(end.port.packets.as_fd()));
                    ends.push((number, side));
                }
            }
        }
        let count = sys::ppoll(&mut fds, until)?;
        drop(waiting);
        if fds[1].is_ready() {
            sys::eventfd_lower(self.shared.wake.as_fd());
        }
        if count == 0 && recording {
            self.wires.iter().flat_map(Wire::recordings).for_each(|recording| recording.flush());
        }
        for (fd, at) in fds[2..].iter().zip(ends) {
            if fd.is_ready() && ready.last() != Some(&at) {
                ready.push(at);
            }
        }
        Ok(())
    }

    /// Reads what an end has, once, and sends on what goes on at once.
    fn carry(&mut self, frames: &mut Frames, at: At) {
        self.see_time();
        let end = &mut self.wires[at.0].ends[at.1];
        let count = match sys::receive_frames(end.port.packets.as_fd(), frames) {
            Ok(count) => count,
            Err(err) if err.kind() == io::ErrorKind::WouldBlock || err.kind() == io::ErrorKind::Interrupted => 0,
            Err(_) => {
                // The interface is down, or gone.
                end.errors += 1;
                0
            }
        };
        // Only where the other end is closed does an empty one come, and then it does without end.
        let is_closed = count > 0 && frames.get(0).is_some_and(<[u8]>::is_empty);
        end.errors = if is_closed {
            ERRORS
        } else if count > 0 {
            0
        } else {
            end.errors
        };
        let was_busy = std::mem::replace(&mut end.busy, count == FRAMES);
        if was_busy && count < FRAMES {
            self.note_overrun(at);
        }
        let rules = self.wires[at.0].lanes[at.1].rules().clone();
        for index in 0..count {
            self.take(frames, at, index, &rules);
        }
        self.unblock(at);
        self.flush(frames);
    }

    fn see_time(&mut self) {
        (self.now, self.wall) = (self.host.now(), self.host.unix_nanos());
    }

    /// Takes in a frame that was read.
    fn take(&mut self, frames: &mut Frames, at: At, index: usize, rules: &Rules) {
        let lane = &self.wires[at.0].lanes[at.1];
        lane.counters.one(Count::Frames);
        let Some(bytes) = frames.get(index) else { return lane.counters.one(Count::Unusable) };
        lane.counters.add(Count::Bytes, bytes.len() as u64);
        let Some(frame) = Frame::parse(bytes) else { return lane.counters.one(Count::Unusable) };
        if frame.malformed {
            lane.counters.one(Count::Malformed);
        }
        let end = &self.wires[at.0].ends[at.1];
        if let Some(Rules { capture: Some(capture), .. }) = end.door.watched() {
            capture.record(&end.interface, self.wall, bytes, None);
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
        let door = far.door.clone();
        let counters = if stage == Stage::Link { &lane.counters } else { &door.counters };
        let bytes = going.body.bytes(frames);
        let carried = Carried { bytes, frame: &going.frame, way: &lane.way };
        let judged = placed.judge.judge(&mut placed.judge.turn(), &Subject::Frame(carried));
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
            announce(&self.shared.session, (self.now, self.wall), &carried, &judged, &placed.site);
            if rules.capture.is_some() || stage == Stage::Door {
                going.comment = Some(words(&judged));
            }
        }
        match fate {
            Fate::Pass => self.go_on(frames, at, going, Duration::ZERO, stage, rules),
            Fate::Late(by) => self.go_on(frames, at, going, by, stage, rules),
            Fate::Damaged(bit) => {
                if let Some(byte) = going.body.bytes_mut(frames).get_mut(bit / 8) {
                    *byte ^= 1 << (bit % 8);
                }
                self.go_on(frames, at, going, Duration::ZERO, stage, rules);
            }
            Fate::Other(new) => {
                // What stands before the payload is as long as it was, and the rest is read no more.
                going.body = Body::Own(new);
                self.go_on(frames, at, going, Duration::ZERO, stage, rules);
            }
            Fate::Copied(times) => {
                for _ in 0..times {
                    let body = Body::Own(self.copy(going.body.bytes(frames)));
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
            Stage::Door => self.admit(frames, at, going, by, rules),
        }
    }

    /// Sends back the answer to a frame that was rejected: from a link, it takes as long as the frame would have and the way
    /// back; from a door, it comes onto the link as what the host itself sends.
    fn answer(&mut self, frames: &mut Frames, at: At, answer: Vec<u8>, judged: &Judged, stage: Stage, rules: &Rules) {
        let Some(frame) = Frame::parse(&answer) else { return };
        let comment = Some(format!("sent by {}", words(judged)));
        let going = Going { body: Body::Own(answer), frame, comment, extra: true };
        let back = (at.0, 1 - at.1);
        match stage {
            Stage::Link => {
                let by = self.wires[at.0].states[at.1].time_over(&rules.options, frame.len);
                if by > Duration::ZERO {
                    self.keep(frames, at, going, self.now + by, Then::TurnBack);
                } else {
                    self.turn_back(frames, at, going);
                }
            }
            Stage::Door => {
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
    fn turn_back(&mut self, frames: &mut Frames, at: At, going: Going) {
        let back = (at.0, 1 - at.1);
        let rules = self.wires[back.0].lanes[back.1].rules().clone();
        self.schedule(frames, back, going, Duration::ZERO, &rules);
    }

    /// Has a frame wait for its turn and take its time on the link.
    fn schedule(&mut self, frames: &mut Frames, at: At, going: Going, by: Duration, rules: &Rules) {
        let state = &mut self.wires[at.0].states[at.1];
        let Some(due) = state.due(&rules.options, self.now, going.frame.len, by) else {
            return self.lose(frames, at, going, "queue full", Count::QueueFull, rules);
        };
        if due > self.now && (self.due.len() >= ROOM || self.bytes + going.frame.len > BYTES) {
            return self.lose(frames, at, going, "queue full", Count::QueueFull, rules);
        }
        self.record(frames, at, &going, rules);
        if due > self.now {
            self.keep(frames, at, going, due, Then::Arrive);
        } else {
            self.arrive(frames, at, going);
        }
    }

    fn keep(&mut self, frames: &Frames, at: At, going: Going, due: Instant, then: Then) {
        let bytes = match going.body {
            Body::Own(bytes) => bytes,
            body => self.copy(body.bytes(frames)),
        };
        self.order += 1;
        self.bytes += bytes.len();
        let (order, extra) = (self.order, going.extra);
        self.due.push(Reverse(Due { due, order, at, then, bytes, extra, comment: going.comment }));
    }

    /// Serves what is due.
    fn serve_due(&mut self, frames: &mut Frames) {
        if self.due.is_empty() {
            return;
        }
        self.see_time();
        while self.due.peek().is_some_and(|Reverse(first)| first.due <= self.now)
            && let Some(Reverse(Due { at, then, bytes, extra, comment, .. })) = self.due.pop()
        {
            self.bytes -= bytes.len();
            let Some(frame) = Frame::parse(&bytes) else { continue };
            let going = Going { body: Body::Own(bytes), frame, comment, extra };
            match then {
                Then::Arrive => {
                    let rules = self.wires[at.0].lanes[at.1].rules().clone();
                    if rules.down {
                        self.lose(frames, at, going, "link down", Count::Down, &Rules { capture: None, ..rules });
                    } else {
                        self.arrive(frames, at, Going { comment: None, ..going });
                    }
                }
                Then::TurnBack => self.turn_back(frames, at, going),
                Then::ComeIn => self.push(at, going.body),
            }
            if self.touched.len() >= FRAMES {
                self.flush(frames);
            }
        }
        self.flush(frames);
    }

    /// Has a frame arrive at the far end: at the door of the host there.
    fn arrive(&mut self, frames: &mut Frames, at: At, going: Going) {
        let wire = &self.wires[at.0];
        if !going.extra {
            wire.lanes[at.1].counters.one(Count::Passed);
        }
        let door = &wire.ends[1 - at.1].door;
        let Some(rules) = door.watched() else { return self.push(at, going.body) };
        let Some(placed) = &rules.policy else {
            return self.admit(frames, at, Going { comment: None, ..going }, Duration::ZERO, &rules);
        };
        if !going.extra {
            door.counters.one(Count::Frames);
            door.counters.add(Count::Bytes, going.frame.len as u64);
        }
        self.judge(frames, at, Going { comment: None, ..going }, placed, Stage::Door, &rules);
    }

    /// Has a frame come into the host, now or later.
    fn admit(&mut self, frames: &mut Frames, at: At, going: Going, by: Duration, rules: &Rules) {
        let end = &self.wires[at.0].ends[1 - at.1];
        if rules.policy.is_some() && !going.extra {
            end.door.counters.one(Count::Passed);
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
    fn push(&mut self, at: At, body: Body) {
        let far = (at.0, 1 - at.1);
        let out = &mut self.wires[far.0].ends[far.1].out;
        if out.is_empty() {
            self.touched.push(far);
        }
        out.push(body);
    }

    /// Counts a frame that is lost for a reason that is no policy's.
    fn lose(&mut self, frames: &Frames, at: At, going: Going, why: &'static str, count: Count, rules: &Rules) {
        let lane = &self.wires[at.0].lanes[at.1];
        if !going.extra {
            lane.counters.one(count);
        }
        let bytes = going.body.bytes(frames);
        let carried = Carried { bytes, frame: &going.frame, way: &lane.way };
        let site = Site::Link(lane.way.link.clone());
        announce_loss(&self.shared.session, (self.now, self.wall), &carried, why, &site);
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
            Stage::Door => {
                if let Some(capture) = &rules.capture {
                    let interface = &self.wires[at.0].ends[1 - at.1].interface;
                    capture.record(interface, self.wall, going.body.bytes(frames), going.comment.as_deref());
                }
            }
        }
    }

    fn copy(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut own = self.spare.pop().unwrap_or_default();
        own.clear();
        own.extend_from_slice(bytes);
        own
    }

    /// Sends what the ends with something to send have.
    fn flush(&mut self, frames: &Frames) {
        while let Some((number, side)) = self.touched.pop() {
            let Wire { lanes, ends, .. } = &mut self.wires[number];
            let (counters, end) = (&lanes[1 - side].counters, &mut ends[side]);
            let mut from = 0;
            while end.blocked.is_empty() && from < end.out.len() {
                let mut some: [&[u8]; FRAMES] = [&[]; FRAMES];
                let count = FRAMES.min(end.out.len() - from);
                for (place, body) in some.iter_mut().zip(&end.out[from..from + count]) {
                    *place = body.bytes(frames);
                }
                match sys::send_frames(end.port.packets.as_fd(), &some[..count]) {
                    Ok(sent) => from += sent,
                    Err(err) if err.kind() == io::ErrorKind::WouldBlock => break,
                    Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => {
                        // The first of them: too long, or no room in the host, or its interface is down.
                        counters.one(Count::Undelivered);
                        from += 1;
                    }
                }
            }
            for body in end.out.drain(..).skip(from) {
                if end.blocked.len() >= BLOCKED {
                    counters.one(Count::Undelivered);
                } else {
                    end.blocked.push_back(body.bytes(frames).to_vec());
                }
            }
        }
    }

    /// Sends what an end did not take before.
    fn unblock(&mut self, (number, side): At) {
        let Wire { lanes, ends, .. } = &mut self.wires[number];
        let end = &mut ends[side];
        while let Some(first) = end.blocked.front() {
            match sys::send_frames(end.port.packets.as_fd(), &[first]) {
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => return,
                Err(err) if err.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => lanes[1 - side].counters.one(Count::Undelivered),
                Ok(_) => {}
            }
            end.blocked.pop_front();
        }
    }

    /// Counts what the kernel lost because frames came faster than they were read.
    fn note_overrun(&self, (number, side): At) {
        let wire = &self.wires[number];
        if let Ok(lost) = sys::drops(wire.ends[side].port.packets.as_fd()) {
            let counters = &wire.lanes[side].counters;
            if lost > counters.get(Count::Overrun) {
                counters.set(Count::Overrun, lost);
                let way: &Way = &wire.lanes[side].way;
                self.shared.session.account.overrun(way.link.clone(), side, lost);
            }
        }
    }
}
