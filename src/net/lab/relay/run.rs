//! The thread that carries frames: it reads each end of each link in turn, sends on what goes on at once, and keeps the rest
//! until it is due. What is due is served between any two reads.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Shared;
use super::counters::Count;
use super::lane::{Due, Then};
use super::link::{Rules, lock};
use super::passage::{BESIDE, Going};
use super::pieces::Pieces;
use super::wire::{Body, Wire};
use crate::net::host::room::{FRAMES as FRAMES_ON_LINKS, Held};
use crate::net::host::stop::Stop;
use crate::net::host::{Host, bugs};
use crate::net::policy::input::Way;
use crate::net::sys::{self, FRAMES, Frames, PollFd};
use crate::net::time::{Duration, Instant};
use crate::net::wire::frame::Frame;

/// How many frames may wait for one end to take them.
const BLOCKED: usize = 4096;

/// After so long without a frame, recordings are written out.
const IDLE: Duration = Duration::from_millis(10);

/// After so many errors on end, an end is given up: its interface is gone.
const ERRORS: u32 = 64;

/// Which link, and from which of its ends.
pub(super) type At = (usize, usize);

/// Carries the frames of a lab.
#[derive(Debug)]
pub(super) struct Runner {
    pub(super) shared: Arc<Shared>,
    host: Arc<dyn Host>,
    stop: Stop,
    pub(super) wires: Vec<Wire>,
    pub(super) due: BinaryHeap<Reverse<Due>>,
    pub(super) order: u64,
    /// What all that wait take.
    pub(super) held: Held,
    /// Ends with something to send.
    pub(super) touched: Vec<At>,
    /// Datagrams that go in fragments.
    pub(super) pieces: Pieces,
    /// Whether frames were carried since recordings were last written out.
    unwritten: bool,
    pub(super) now: Instant,
    pub(super) wall: i64,
}

impl Runner {
    pub(super) fn new(shared: Arc<Shared>, host: Arc<dyn Host>, stop: Stop) -> Self {
        let (now, wall) = (host.now(), host.unix_nanos());
        let (wires, due, touched) = (Vec::new(), BinaryHeap::new(), Vec::new());
        Self {
            shared,
            host,
            stop,
            wires,
            due,
            order: 0,
            held: Held::new(&FRAMES_ON_LINKS),
            touched,
            pieces: Pieces::default(),
            unwritten: false,
            now,
            wall,
        }
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
        self.let_go();
    }

    /// Lets go of policies and recordings: a policy may hold on to the links and hosts of this very lab, which would then be
    /// there for ever.
    fn let_go(&self) {
        let lanes = self.wires.iter().flat_map(|wire| wire.lanes.each_ref());
        let mut gone: Vec<Rules> = lanes.map(|lane| lane.rules().take()).collect();
        let ingresses: Vec<_> = lock(&self.shared.ingresses).values().cloned().collect();
        gone.extend(ingresses.iter().map(|ingress| ingress.take()));
        // Here, under no lock.
        drop(gone);
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
        let recording = self.unwritten
            && self.shared.recording.load(Ordering::Relaxed)
            && self.wires.iter().any(|wire| wire.recordings().next().is_some());
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
        if count == 0 {
            self.unwritten = false;
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
        // Not before: what befalls a frame, and what it is delayed by, comes after its sending.
        self.see_time();
        let end = &mut self.wires[at.0].ends[at.1];
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
            self.contained(at, |this| this.take(frames, at, index, &rules));
        }
        self.unblock(at);
        self.flush(frames);
    }

    pub(super) fn see_time(&mut self) {
        self.unwritten = true;
        (self.now, self.wall) = (self.host.now(), self.host.unix_nanos());
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
            self.held.set(self.held.bytes().saturating_sub(bytes.len() + BESIDE));
            let Some(frame) = Frame::parse(&bytes) else { continue };
            let going = Going { body: Body::Own(bytes), frame, comment, extra };
            self.contained(at, |this| this.serve(frames, at, going, then));
            if self.touched.len() >= FRAMES {
                self.flush(frames);
            }
        }
        self.flush(frames);
    }

    /// Has a frame that is due do what it waited for.
    fn serve(&mut self, frames: &mut Frames, at: At, going: Going, then: Then) {
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
    }

    /// Does what is to be done with one frame that came from `at`. Should that meet a bug, this frame is lost, and no other.
    fn contained(&mut self, at: At, step: impl FnOnce(&mut Self)) {
        if !bugs::contained(|| step(self)) {
            self.wires[at.0].lanes[at.1].counters.one(Count::Unusable);
        }
    }

    /// Sends what the ends with something to send have.
    fn flush(&mut self, frames: &Frames) {
        while let Some((number, side)) = self.touched.pop() {
            let Self { wires, held, .. } = self;
            let Wire { lanes, ends, .. } = &mut wires[number];
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
                let bytes = body.bytes(frames);
                let all = held.bytes() + bytes.len() + BESIDE;
                if end.blocked.len() >= BLOCKED || !held.may_hold(all) {
                    counters.one(Count::Undelivered);
                } else {
                    held.set(all);
                    end.blocked.push_back(bytes.to_vec());
                }
            }
        }
    }

    /// Sends what an end did not take before.
    fn unblock(&mut self, (number, side): At) {
        let Self { wires, held, .. } = self;
        let Wire { lanes, ends, .. } = &mut wires[number];
        let end = &mut ends[side];
        while let Some(first) = end.blocked.front() {
            match sys::send_frames(end.port.packets.as_fd(), &[first]) {
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => return,
                Err(err) if err.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => lanes[1 - side].counters.one(Count::Undelivered),
                Ok(_) => {}
            }
            held.set(held.bytes().saturating_sub(first.len() + BESIDE));
            end.blocked.pop_front();
        }
    }

    /// Counts what the kernel lost because frames came faster than they were read.
    fn note_overrun(&self, (number, side): At) {
        let wire = &self.wires[number];
        if let Ok(lost) = sys::drops(wire.ends[side].port.packets.as_fd()) {
            let counters = &wire.lanes[side].counters;
            let before = counters.get(Count::Overrun);
            if lost > before {
                counters.set(Count::Overrun, lost);
                let way: &Way = &wire.lanes[side].way;
                self.shared.session.loss_report.overrun(&way.link, lost - before);
            }
        }
    }
}
