//! The packet sockets at the ends of a lab's links: frames that come from hosts, and frames that go to them.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::net::lab::relay::{Bytes, EndId, Output, Relay};
use crate::net::sys::{self, FRAMES, Frames, PollFd};

/// How many frames may wait for one end to take them.
const BLOCKED: usize = 4096;

/// After so many errors on end, an end is given up: its interface is gone.
const ERRORS: u32 = 64;

/// The packet sockets at the ends of a cable.
pub type Packets = [OwnedFd; 2];

/// The packet sockets of all links.
#[derive(Debug, Default)]
pub(super) struct Ports {
    ends: Vec<[PacketEnd; 2]>,
    /// Ends with something to send.
    touched: Vec<EndId>,
    /// Which of the frames that were read is being carried.
    pub(super) slot: usize,
}

/// An end of a link.
#[derive(Debug)]
struct PacketEnd {
    packets: OwnedFd,
    /// What is to be sent with the next call.
    out: Vec<Body>,
    /// What the socket did not take.
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

impl Output for Ports {
    /// Gives a frame to a host, with the next call.
    fn send(&mut self, to: EndId, bytes: Bytes<'_>) {
        let out = &mut self.ends[to.link][to.side].out;
        if out.is_empty() {
            self.touched.push(to);
        }
        out.push(match bytes {
            Bytes::Received(_) => Body::Slot(self.slot),
            Bytes::Own(bytes) => Body::Own(bytes),
        });
    }
}

impl Ports {
    pub(super) fn add(&mut self, packets: Packets) {
        self.ends.push(packets.map(|packets| PacketEnd {
            packets,
            out: Vec::new(),
            blocked: VecDeque::new(),
            busy: false,
            errors: 0,
        }));
    }

    /// What is waited for at the ends: that there is something to read and, where frames wait, room for them.
    pub(super) fn wanted(&self) -> impl Iterator<Item = (PollFd<'_>, EndId)> {
        let ends = self
            .ends
            .iter()
            .enumerate()
            .flat_map(|(link, ends)| ends.iter().enumerate().map(move |(side, end)| (end, EndId { link, side })));
        ends.filter(|(end, _)| end.errors < ERRORS).flat_map(|(end, id)| {
            let writable = (!end.blocked.is_empty()).then(|| PollFd::writable(end.packets.as_fd()));
            [PollFd::readable(end.packets.as_fd())].into_iter().chain(writable).map(move |fd| (fd, id))
        })
    }

    /// Whether so many ends have something to send that it is time.
    pub(super) fn are_full(&self) -> bool {
        self.touched.len() >= FRAMES
    }

    /// Reads what an end has, once; how many frames, and whether the kernel may have lost some.
    pub(super) fn read(&mut self, at: EndId, frames: &mut Frames) -> (usize, bool) {
        let end = &mut self.ends[at.link][at.side];
        let count = match sys::receive_frames(end.packets.as_fd(), frames) {
            Ok(count) => count,
            Err(err) if err.kind() == io::ErrorKind::WouldBlock || err.kind() == io::ErrorKind::Interrupted => 0,
            Err(_) => {
                // The interface is down, or gone.
                end.errors += 1;
                0
            }
        };
        // Only where the other end is closed does an empty one come, and then it does without end.
        if count > 0 && frames.get(0).is_some_and(<[u8]>::is_empty) {
            end.errors = ERRORS;
        } else if count > 0 {
            end.errors = 0;
        }
        let was_busy = std::mem::replace(&mut end.busy, count == FRAMES);
        (count, was_busy && count < FRAMES)
    }

    /// The socket at an end.
    pub(super) fn socket(&self, at: EndId) -> BorrowedFd<'_> {
        self.ends[at.link][at.side].packets.as_fd()
    }

    /// Sends what the ends with something to send have.
    pub(super) fn flush(&mut self, frames: &Frames, relay: &mut Relay) {
        while let Some(at) = self.touched.pop() {
            let end = &mut self.ends[at.link][at.side];
            let sent = end.send(frames, || relay.note_undelivered(at));
            for body in end.out.drain(..).skip(sent) {
                let bytes = body.bytes(frames);
                if end.blocked.len() >= BLOCKED || !relay.may_hold(bytes.len()) {
                    relay.note_undelivered(at);
                } else {
                    relay.hold(bytes.len());
                    end.blocked.push_back(bytes.to_vec());
                }
            }
        }
    }

    /// Sends what an end did not take before.
    pub(super) fn unblock(&mut self, at: EndId, relay: &mut Relay) {
        let end = &mut self.ends[at.link][at.side];
        while let Some(first) = end.blocked.front() {
            match sys::send_frames(end.packets.as_fd(), &[first]) {
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => return,
                Err(err) if err.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => relay.note_undelivered(at),
                Ok(_) => {}
            }
            relay.let_go(first.len());
            end.blocked.pop_front();
        }
    }
}

impl PacketEnd {
    /// Sends what is to be sent; how many of them are done with. What cannot be sent at all is `lost`.
    fn send(&self, frames: &Frames, lost: impl Fn()) -> usize {
        let mut from = 0;
        while self.blocked.is_empty() && from < self.out.len() {
            let mut some: [&[u8]; FRAMES] = [&[]; FRAMES];
            let count = FRAMES.min(self.out.len() - from);
            for (place, body) in some.iter_mut().zip(&self.out[from..from + count]) {
                *place = body.bytes(frames);
            }
            match sys::send_frames(self.packets.as_fd(), &some[..count]) {
                Ok(sent) => from += sent,
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => break,
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    // The first of them: too long, or no room in the host, or its interface is down.
                    lost();
                    from += 1;
                }
            }
        }
        from
    }
}

impl Body {
    fn bytes<'a>(&'a self, frames: &'a Frames) -> &'a [u8] {
        match self {
            Self::Slot(index) => frames.get(*index).unwrap_or_default(),
            Self::Own(bytes) => bytes,
        }
    }
}
