//! Many frames in one call, from and to packet sockets.

use std::io;
use std::os::fd::AsFd;

use super::message::{MessageInfo, receive_each, send_many};
use super::receive::{ControlMessages, i32_at};

/// How many frames one call moves at most.
pub const FRAMES: usize = 64;

/// No frame is larger: an IP packet and the headers of Ethernet.
const LARGEST: usize = 65_535 + 22;

/// From the room of one frame to the next; no power of two, or all would compete for the same places of the cache.
const STEP: usize = LARGEST.next_multiple_of(64) + 64;

/// What the kernel says beside a frame (packet(7), PACKET_AUXDATA): the header of a control message, and tpacket_auxdata.
const BESIDE: usize = 40;

/// Room for the frames of one call.
pub struct Frames {
    bytes: Vec<u8>,
    lens: [usize; FRAMES],
    count: usize,
}

impl std::fmt::Debug for Frames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} frames", self.count)
    }
}

impl Default for Frames {
    fn default() -> Self {
        Self { bytes: vec![0; FRAMES * STEP], lens: [0; FRAMES], count: 0 }
    }
}

impl Frames {
    /// The frame at `index`; `None` if there is none, or it was longer than any can be.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        self.bytes.get(index * STEP..)?.get(..self.len(index)?)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut [u8]> {
        let len = self.len(index)?;
        self.bytes.get_mut(index * STEP..)?.get_mut(..len)
    }

    fn len(&self, index: usize) -> Option<usize> {
        self.lens[..self.count].get(index).copied().filter(|len| *len <= LARGEST)
    }
}

/// Receives the frames that are there, up to [`FRAMES`], without waiting (recvmmsg(2)); how many.
///
/// # Errors
/// What recvmmsg(2) reports.
pub fn receive_frames(fd: impl AsFd, frames: &mut Frames) -> io::Result<usize> {
    let Frames { bytes, lens, count } = frames;
    (*count, *lens) = (0, [usize::MAX; FRAMES]);
    let mut tags = [None; FRAMES];
    let rooms = &mut bytes.chunks_exact_mut(STEP).map(|room| &mut room[..LARGEST]);
    let each = |index: usize, arrival: MessageInfo, _, beside: &[u8]| {
        if !arrival.is_cut() {
            (lens[index], tags[index]) = (arrival.len, tag(beside));
        }
    };
    *count = receive_each::<FRAMES, BESIDE>(fd, rooms, (FRAMES, false), libc::MSG_DONTWAIT, each)?;
    for (index, tag) in tags.iter().enumerate().take(*count) {
        if let Some(tag) = tag {
            lens[index] = put_back(&mut bytes[index * STEP..], lens[index], *tag);
        }
    }
    Ok(*count)
}

/// The tag of a virtual LAN (IEEE 802.1Q) that the kernel has taken out of a frame.
fn tag(beside: &[u8]) -> Option<[u8; 4]> {
    const VALID: i32 = 1 << 4;
    const HAS_TYPE: i32 = 1 << 6;
    const AUXDATA: i32 = 8;
    let (_, _, data) =
        ControlMessages(beside).find(|(level, kind, _)| (*level, *kind) == (libc::SOL_PACKET, AUXDATA))?;
    let status = i32_at(data, 0).filter(|status| status & VALID != 0)?;
    let short = |at: usize| Some(u16::from_ne_bytes(*data.get(at..)?.first_chunk()?).to_be_bytes());
    let ([a, b], [c, d]) = (if status & HAS_TYPE == 0 { [0x81, 0] } else { short(18)? }, short(16)?);
    Some([a, b, c, d])
}

/// Puts the tag back where it was in a frame of `len` bytes; how long it is then. There is always room for one.
fn put_back(room: &mut [u8], len: usize, tag: [u8; 4]) -> usize {
    const AT: usize = 12;
    if len < AT {
        return len;
    }
    room.copy_within(AT..len, AT + tag.len());
    room[AT..AT + tag.len()].copy_from_slice(&tag);
    len + tag.len()
}

/// Sends frames with one call, without waiting (sendmmsg(2)); how many of them, from the first on, were sent.
///
/// # Errors
/// What sendmmsg(2) reports of the first.
pub fn send_frames(fd: impl AsFd, frames: &[&[u8]]) -> io::Result<usize> {
    send_many::<FRAMES>(fd, frames.iter().map(|frame| (*frame, None)))
}
