//! Many frames in one call, from and to packet sockets.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// How many frames one call moves at most.
pub const FRAMES: usize = 64;

/// No frame is larger: an IP packet and the headers of Ethernet.
const LARGEST: usize = 65_535 + 22;

/// From one frame's room to the next; no power of two, or all would compete for the same places of the cache.
const ROOM: usize = LARGEST.next_multiple_of(64) + 64;

/// What the kernel says beside a frame (packet(7), PACKET_AUXDATA): the header of a control message, and tpacket_auxdata.
type Beside = [u64; 5];

/// Room for the frames of one call.
pub struct Frames {
    data: Vec<u8>,
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
        Self { data: vec![0; FRAMES * ROOM], lens: [0; FRAMES], count: 0 }
    }
}

impl Frames {
    /// The frame at `index`; `None` if there is none, or it was longer than any can be.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let len = self.len(index)?;
        self.data.get(index * ROOM..index * ROOM + len)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut [u8]> {
        let len = self.len(index)?;
        self.data.get_mut(index * ROOM..index * ROOM + len)
    }

    fn len(&self, index: usize) -> Option<usize> {
        self.lens[..self.count].get(index).copied().filter(|len| *len <= LARGEST)
    }
}

/// Receives the frames that are there, up to [`FRAMES`], without waiting (recvmmsg(2)); how many.
///
/// # Errors
/// What recvmmsg(2) reports.
pub fn receive_frames(fd: BorrowedFd<'_>, frames: &mut Frames) -> io::Result<usize> {
    frames.count = 0;
    // SAFETY: mmsghdr and iovec are plain data for which zeroes are valid.
    let (mut headers, mut parts): ([libc::mmsghdr; FRAMES], [libc::iovec; FRAMES]) = unsafe { std::mem::zeroed() };
    let mut beside: [Beside; FRAMES] = [Default::default(); FRAMES];
    for (index, room) in frames.data.chunks_exact_mut(ROOM).enumerate() {
        headers[index].msg_hdr.msg_control = beside[index].as_mut_ptr().cast();
        headers[index].msg_hdr.msg_controllen = std::mem::size_of::<Beside>() as _;
        parts[index] = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: LARGEST };
        headers[index].msg_hdr.msg_iov = &mut parts[index];
        headers[index].msg_hdr.msg_iovlen = 1;
    }
    // SAFETY: every pointer is to an object that lives until the call returns, with its true length.
    let n = unsafe {
        libc::recvmmsg(
            fd.as_raw_fd(),
            headers.as_mut_ptr(),
            FRAMES as libc::c_uint,
            libc::MSG_DONTWAIT as _,
            std::ptr::null_mut(),
        )
    };
    if n < 0 {
        return Err(io::Error::last_os_error());
    }
    frames.count = n as usize;
    for (index, header) in headers.iter().enumerate().take(frames.count) {
        let cut = header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
        let len = header.msg_len as usize;
        let tag = if header.msg_hdr.msg_controllen > 0 { tag(&beside[index]) } else { None };
        frames.lens[index] = match tag {
            _ if cut => usize::MAX,
            Some(tag) => put_back(&mut frames.data[index * ROOM..(index + 1) * ROOM], len, tag),
            None => len,
        };
    }
    Ok(frames.count)
}

/// The tag of a virtual LAN (IEEE 802.1Q) that the kernel has taken out of a frame.
fn tag(beside: &Beside) -> Option<[u8; 4]> {
    const VALID: u32 = 1 << 4;
    const HAS_TYPE: u32 = 1 << 6;
    const AUXDATA: u32 = 8;
    let mut bytes = [0; std::mem::size_of::<Beside>()];
    bytes.chunks_exact_mut(8).zip(beside).for_each(|(to, word)| to.copy_from_slice(&word.to_ne_bytes()));
    let long = |at: usize| u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let short = |at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]).to_be_bytes();
    let (is_auxdata, status) = (long(8) == libc::SOL_PACKET as u32 && long(12) == AUXDATA, long(16));
    if !is_auxdata || status & VALID == 0 {
        return None;
    }
    let ([a, b], [c, d]) = (if status & HAS_TYPE == 0 { [0x81, 0] } else { short(34) }, short(32));
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
pub fn send_frames(fd: BorrowedFd<'_>, frames: &[&[u8]]) -> io::Result<usize> {
    // SAFETY: mmsghdr and iovec are plain data for which zeroes are valid.
    let (mut headers, mut parts): ([libc::mmsghdr; FRAMES], [libc::iovec; FRAMES]) = unsafe { std::mem::zeroed() };
    let count = frames.len().min(FRAMES);
    for (index, frame) in frames.iter().take(FRAMES).enumerate() {
        parts[index] = libc::iovec { iov_base: frame.as_ptr().cast_mut().cast(), iov_len: frame.len() };
        headers[index].msg_hdr.msg_iov = &mut parts[index];
        headers[index].msg_hdr.msg_iovlen = 1;
    }
    // SAFETY: every pointer is to an object that lives until the call returns, with its true length; the data is only
    // read.
    let n = unsafe {
        libc::sendmmsg(
            fd.as_raw_fd(),
            headers.as_mut_ptr(),
            count as libc::c_uint,
            (libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT) as _,
        )
    };
    if n < 0 { Err(io::Error::last_os_error()) } else { Ok(n as usize) }
}
